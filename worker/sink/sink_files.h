/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data files of one sink: at most one open per partition, and few enough
 * of them for the memory budget and the limit on open files. Only
 * sink_iceberg.c uses it.
 */
#ifndef CALVE_SINK_FILES_H
#define CALVE_SINK_FILES_H

#include "worker/sink/sink_iceberg.h"

struct sink_files;

/* Both are borrowed until sink_files_free(). */
struct sink_files *sink_files_new(
    const struct sink_options *, const struct partitioner *);
/* Frees memory only: open files must have been finished or removed. */
void sink_files_free(struct sink_files *);

/* Rows [first, first + n) of a batch, all of one group. The array is used up;
 * rows of one group stay in their order. */
struct sink_rows {
	uint32_t group;
	size_t first, n;
};
int sink_files_append(struct sink_files *, const struct batch *,
    struct sink_rows *, size_t n, struct err *) MUST_USE;
/* Between batches: ends the files that got nothing for a while. */
int sink_files_end_batch(struct sink_files *, struct err *) MUST_USE;
/* Ends all and syncs folders; the facts go to the caller. On failure
 * sink_files_remove() is to follow. */
int sink_files_finish(
    struct sink_files *, struct datafile **, size_t *n, struct err *) MUST_USE;
/* Removes all files, open and ended; never fails. */
void sink_files_remove(struct sink_files *);

uint64_t sink_files_bytes(const struct sink_files *);
size_t sink_files_count(const struct sink_files *);
struct sink_peaks sink_files_peaks(const struct sink_files *);

#endif
