/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet's RLE / bit-packed hybrid: definition and repetition levels, and
 * the indices of dictionary-encoded pages. (Encodings.md, "RLE".)
 *
 * Runs of eight or more equal values become RLE runs, the rest bit-packed
 * groups of eight, the last one padded with zeros.
 */
#ifndef CALVE_PARQUET_LEVELS_H
#define CALVE_PARQUET_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

unsigned bit_width(uint32_t highest); /* 0 -> 0, 1 -> 1, 4 -> 3 */

/* Appends n values of width bits (0..8, 0..32), without length or width. */
void rle_put_u8(struct buf *, const uint8_t *, size_t n, unsigned width);
void rle_put_u32(struct buf *, const uint32_t *, size_t n, unsigned width);
/* Levels of a V1 data page: 4-byte length, then the runs. */
void levels_put(struct buf *, const uint8_t *, size_t n, uint8_t highest);

/* Exactly n values of an untrusted encoding into out; false when malformed,
 * short, or a value is above highest. */
bool rle_get_u32(struct cursor *, unsigned width, uint32_t highest,
    uint32_t *out, size_t n) MUST_USE;

#endif
