/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that only look: `calve verify` and `calve check --connect` run one
 * for each table, record nothing, and print what comes back.
 */
#ifndef CALVE_SURVEY_H
#define CALVE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "coordinator/config.h"
#include "coordinator/supervise.h"

/* One frame that a table's worker sent, in the order it came. */
struct survey_item {
	const struct outcome *outcome;
	struct msg msg;
};

struct survey {
	struct supervise s;
	struct plan plan;
	struct survey_item *items; /* TALLY and COLUMN frames */
	size_t n;
	char *program;
};

/*
 * Runs all workers and keeps their TALLY and COLUMN frames; notes and failures
 * are logged. 0 also when workers failed: their outcomes say so. Signals are
 * set up here. To be cleared in either case; config must outlive it.
 */
int survey_run(struct survey *, const struct config *, enum job_kind,
    const char *const *patterns, size_t npatterns, struct err *) MUST_USE;
void survey_clear(struct survey *);

#endif
