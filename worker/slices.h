/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window's ranges, read by several connections at once and inserted in
 * order. A slice is a thread with a source, which has joined the snapshot,
 * and a replica of its own.
 *
 *   take the next range -> COPY -> batches -> blocks -> wait for one's turn
 *   -> end the insert -> the server's word -> the next one's turn
 *
 * S1. A range's insert ends only when the server has acknowledged all ranges
 *     before it. What is acknowledged is told, and recorded, in order: before
 *     the furthest row of it nothing is missing. What the target holds beyond
 *     says nothing: of a range that was not acknowledged any part may be
 *     there (replica.h).
 * S2. A range that failed is sent again under its token, so that what is in
 *     the target already is not added once more.
 * S3. A slice asks whether the run still has the table's lock before an insert
 *     begins, and before it ends: so a worker that stood still until another
 *     run had the lock sends nothing more. A server that gets no bytes ends a
 *     request by itself (http_receive_timeout, 30 s by default); one whose
 *     last bytes had been sent has long been decided on.
 */
#ifndef CALVE_SLICES_H
#define CALVE_SLICES_H

#include "common/err.h"
#include "common/job.h"
#include "worker/source/source.h"

struct slices_done {
	uint64_t rows, received, sent;
	uint32_t ranges; /* that had rows */
	struct position furthest;
};

struct slices_plan {
	const struct job *job;
	const struct window *window;
	const char *snapshot;  /* of source_freeze() */
	const int64_t *bounds; /* of source_ranges() */
	size_t nbounds;
	uint64_t expected;                    /* rows, for the progress */
	int (*held)(void *arg, struct err *); /* S3; any thread calls it */
	/* Called now and then, in the thread of slices_send(), with what is
	 * acknowledged; -1 stops all. */
	int (*record)(void *arg, const struct slices_done *, struct err *);
	void *arg;
};

/* Returns when the server has acknowledged all ranges, or one could not be
 * sent; *out tells of those that it has, which are the first ones. */
int slices_send(
    const struct slices_plan *, struct slices_done *out, struct err *) MUST_USE;

#endif
