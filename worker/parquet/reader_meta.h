/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a Parquet footer and of page headers that reading one top-level
 * integer column takes. Input is untrusted: functions return a reason, which
 * is a literal, or NULL when all is well.
 */
#ifndef CALVE_PARQUET_READER_META_H
#define CALVE_PARQUET_READER_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk_in {
	int32_t codec;
	int64_t nvalues;
	int64_t size;        /* of all pages, with headers */
	int64_t dict_offset; /* 0: no dictionary page */
	int64_t data_offset;
};

struct column_in {
	unsigned width; /* 4 or 8 */
	bool optional;
	struct chunk_in *chunks; /* one a row group */
	size_t nchunks;
};

/* out->chunks is the caller's to free, also on failure. */
const char *meta_read_column(
    const uint8_t *footer, size_t n, int field_id, struct column_in *out);

/* parquet.thrift, PageType */
enum { PAGE_IN_DATA = 0, PAGE_IN_DICTIONARY = 2, PAGE_IN_DATA_V2 = 3 };

struct page_in {
	int32_t type;
	int32_t raw_size, size; /* of the body; size: as stored */
	bool has_crc;
	uint32_t crc;
	int32_t nvalues;
	int32_t encoding;
	int32_t def_encoding;               /* V1 */
	int32_t nnulls, def_size, rep_size; /* V2 */
	bool packed;                        /* V2: values are compressed */
};

/* *used: bytes of the header; 0 when more than n bytes are needed. */
const char *meta_read_page(
    const uint8_t *, size_t n, struct page_in *, size_t *used);

#endif
