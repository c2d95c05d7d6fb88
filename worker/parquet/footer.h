/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about finished row groups, and the end of the file made of
 * it: ColumnIndexes, OffsetIndexes, FileMetaData. (parquet.thrift.)
 *
 * Chunks' metadata is kept in its serialized form, a few hundred bytes each,
 * since a file may have tens of thousands.
 */
#ifndef CALVE_PARQUET_FOOTER_H
#define CALVE_PARQUET_FOOTER_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/parquet/leaf.h"
#include "worker/parquet/writer.h"
#include "worker/store/store.h"

/* Bytes [at, at + len) of one of the footer's buffers; len 0: none. */
struct span {
	size_t at, len;
};

struct chunk_meta {
	struct span meta; /* ColumnMetaData */
	struct span column_index, offset_index;
	int64_t raw_bytes, page_bytes;
};

struct group_meta {
	int64_t rows, offset;
};

struct footer {
	struct buf metas, column_indexes, offset_indexes;
	struct chunk_meta *chunks; /* group by group, in leaf order */
	struct group_meta *groups;
	size_t ngroups, nleaves;
};

void footer_clear(struct footer *);
size_t footer_memory(const struct footer *);
/* Room for one more row group's chunks, zeroed. */
struct chunk_meta *footer_add_group(
    struct footer *, int64_t rows, int64_t offset);
/* Everything after the last row group, the closing magic included. */
int footer_write(const struct footer *, const struct type *schema,
    const struct parquet_options *, struct store_file *, struct err *) MUST_USE;

#endif
