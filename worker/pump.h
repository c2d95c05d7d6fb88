/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a window into data files that nothing refers to yet. */
#ifndef CALVE_PUMP_H
#define CALVE_PUMP_H

#include "worker/datafile.h"
#include "worker/step.h"

struct written {
	struct datafile *files;
	size_t nfiles;
	uint64_t rows, bytes;
	struct position furthest; /* of the rows */
};

void written_clear(struct written *);
/* Removes files that nothing refers to. What cannot be removed now is an
 * orphan that bears the run's id. */
void written_remove(const struct written *);

/* 1: written as counted; 0: the source changed meanwhile, nothing is left,
 * count and read again, out says what came; -1 failed, nothing is left. */
int pump(struct run *, const struct window *, const struct source_count *,
    struct written *out, struct err *) MUST_USE;

#endif
