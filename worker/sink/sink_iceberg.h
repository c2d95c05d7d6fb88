/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into the data files of an Iceberg table: joins partitioning and
 * Parquet, and knows nothing of commits.
 *
 *   sink_open -> sink_append ... -> sink_finish   the files' facts
 *                                \> sink_abort    nothing is left
 *
 * There is a Parquet writer for each partition that gets rows; files are
 *
 *   <folder>/data/<partition path>/00000-<step>-<run id>-<number>.parquet
 *
 * so that whatever a crash leaves behind tells whose it was. Memory is
 * bounded whatever the number of partitions: over the budget the largest open
 * row group is written, and writers that got nothing for a while, or are too
 * many, end their files.
 */
#ifndef CALVE_SINK_ICEBERG_H
#define CALVE_SINK_ICEBERG_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/batch.h"
#include "worker/datafile.h"
#include "worker/iceberg/partition.h"
#include "worker/parquet/writer.h"
#include "worker/pool.h"
#include "worker/type.h"

/* All that is pointed to is borrowed until the sink is gone. Zero is the
 * default where one is named. */
struct sink_options {
	const char *folder;        /* of the table, absolute */
	const char *warehouse;     /* above it: all between is synced; NULL */
	const struct type *schema; /* ids assigned */
	const struct partition_spec *spec;
	struct parquet_options parquet;
	uint64_t file_size; /* end a file at about this; 512 MiB */
	size_t memory;      /* of all writers; 64 MiB */
	/* the same when there are more partitions than may have their file
	 * open: what they gather is then all that keeps files from being
	 * small; at least memory */
	size_t memory_most;
	const char *run_id;
	unsigned step;
	size_t max_partitions; /* PARTITION_GROUPS_DEFAULT */
	size_t max_open;       /* files; what RLIMIT_NOFILE allows */
	unsigned idle_batches; /* then a writer ends its file; 32 */
	struct pool *pool;     /* NULL: this thread alone */
};

struct sink;

/* Touches no file yet. ERR_TABLE when the spec does not fit the schema. */
struct sink *sink_open(const struct sink_options *, struct err *) MUST_USE;
/* Columns are the schema's fields in order. After a failure only
 * sink_abort() may follow. */
int sink_append(struct sink *, const struct batch *, struct err *) MUST_USE;
/* Ends all files and syncs their folders. *files (n of them, owned by the
 * caller, partition tuples filled) is NULL when no row came. Frees the sink,
 * also on failure: then its files are removed. */
int sink_finish(
    struct sink *, struct datafile **files, size_t *n, struct err *) MUST_USE;
/* Removes every file of this sink and frees it; NULL is fine. Folders stay. */
void sink_abort(struct sink *);

uint64_t sink_bytes(const struct sink *); /* of all files so far */
size_t sink_files(const struct sink *);   /* ended and open */

/* The most there was at once: what the bounds promise. */
struct sink_peaks {
	size_t open, memory;
};
struct sink_peaks sink_peaks(const struct sink *);

#endif
