/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value encodings beside the dictionary. All encoders take the PLAIN form of
 * a whole page and append the encoded form. (Encodings.md.)
 */
#ifndef CALVE_PARQUET_ENCODINGS_H
#define CALVE_PARQUET_ENCODINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

/* parquet.thrift, Encoding */
enum encoding {
	ENCODING_PLAIN = 0,
	ENCODING_PLAIN_DICTIONARY = 2, /* old name, only read */
	ENCODING_RLE = 3,
	ENCODING_DELTA_BINARY_PACKED = 5,
	ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
	ENCODING_RLE_DICTIONARY = 8,
	ENCODING_BYTE_STREAM_SPLIT = 9
};

/* Booleans, one byte each (0, not 0), to bits, lowest first. */
void plain_put_bools(struct buf *, const uint8_t *, size_t n);

/* n little-endian integers of width 4 or 8. */
void delta_put(struct buf *, const void *, size_t n, unsigned width);

/* n values of width bytes (4, 8): all first bytes, all second bytes, ... */
void split_put(struct buf *, const uint8_t *, size_t n, unsigned width);

/* PLAIN byte arrays (4-byte length before each): lengths, then bytes. */
void delta_length_put(
    struct buf *, const uint8_t *plain, size_t size, size_t n);

/* Exactly n integers of width 4 or 8, widened, from untrusted bytes. */
bool delta_get(
    struct cursor *, unsigned width, int64_t *out, size_t n) MUST_USE;

#endif
