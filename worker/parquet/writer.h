/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one Parquet file from batches, streaming: rows are encoded into
 * pages as they come, encoded pages are kept only for the open row group.
 *
 *   parquet_open -> parquet_append ... -> parquet_close   facts, file synced
 *                                      \> parquet_abort   file removed
 *
 * Columns do not know each other, so a pool's threads may work on them side by
 * side: the _all functions take several writers of one schema at once. The
 * bytes are the same for any number of threads. After a failure the writers
 * can only be aborted.
 *
 * Rules of the bytes: Apache Parquet format (README.md, Encodings.md,
 * LogicalTypes.md, PageIndex.md, parquet.thrift) and format.md 2.
 */
#ifndef CALVE_PARQUET_WRITER_H
#define CALVE_PARQUET_WRITER_H

#include "common/err.h"
#include "worker/batch.h"
#include "worker/datafile.h"
#include "worker/pool.h"
#include "worker/store/store.h"
#include "worker/type.h"

/* compat: PLAIN + RLE_DICTIONARY; compact: + DELTA_BINARY_PACKED on INT32 and
 * INT64; dense: + BYTE_STREAM_SPLIT on float/double, DELTA_LENGTH_BYTE_ARRAY
 * on text where it pays. format.md 2.3 says who reads which. */
enum parquet_preset { PARQUET_COMPAT, PARQUET_COMPACT, PARQUET_DENSE };

struct parquet_options {
	enum parquet_preset preset;
	int zstd_level;             /* 0: uncompressed; else 1..19 */
	uint64_t row_group_bytes;   /* uncompressed; 0 = 128 MiB */
	uint64_t row_group_rows;    /* 0 = 1,048,576 */
	uint32_t page_bytes;        /* 0 = 1 MiB */
	uint32_t page_rows;         /* 0 = 20,000 */
	const char *iceberg_schema; /* JSON for key `iceberg.schema`; kept by
					 * the caller until close */
};

struct parquet_writer;

/* Takes `out` over, also on failure. schema (a struct with ids assigned) and
 * options must outlive the writer. */
struct parquet_writer *parquet_open(struct store_file *out_take,
    const struct type *schema, const struct parquet_options *,
    struct err *) MUST_USE;
/* Rows [first, first + n) of a batch whose cols are the schema's fields in
 * order. Fails with ERR_DATA on a NULL in a required field, naming it. */
int parquet_append(struct parquet_writer *, const struct batch *, size_t first,
    size_t n, struct err *) MUST_USE;
/* Rows of one batch for one writer. */
struct parquet_rows {
	struct parquet_writer *writer;
	size_t first, n;
	size_t step; /* for parquet_append_all() alone */
};
/* The same for n different writers; rows is used up. */
int parquet_append_all(struct pool *, const struct batch *,
    struct parquet_rows *rows, size_t n, struct err *) MUST_USE;
/* Ends the open row groups and writes them. No rows: nothing happens. */
int parquet_flush_all(struct pool *, struct parquet_writer *const *, size_t n,
    struct err *) MUST_USE;
size_t parquet_memory(const struct parquet_writer *); /* bytes held */
uint64_t parquet_size(const struct parquet_writer *); /* written + pending */
/* Has it written, and hence an open file? Not before its first row group. */
bool parquet_begun(const struct parquet_writer *);
/* Footer, fsync, close; fills facts (path, counts, leaves, splits; not the
 * partition), owned by the caller. Frees the writer, also on failure (then
 * the file is removed). */
int parquet_close(
    struct parquet_writer *, struct datafile *facts, struct err *) MUST_USE;
void parquet_abort(struct parquet_writer *);

#endif
