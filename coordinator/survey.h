/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that only look: `calve verify`, `calve check --connect` and `calve
 * run --dry-run` run one for each table of a plan, all waves at once, record
 * nothing, and print what comes back.
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
	struct survey_item *items; /* TALLY and COLUMN frames */
	size_t n;
	char *program;
};

/*
 * Runs all workers and keeps their TALLY and COLUMN frames; notes and failures
 * are logged. 0 also when workers failed: their outcomes say so. Signals are
 * set up here. To be cleared in either case; config and plan must outlive it.
 */
int survey_run(struct survey *, const struct config *, enum job_kind,
    const struct plan *, struct err *) MUST_USE;
/* The same for JOB_WATERMARK: job.h's hand_position and hand_flags. */
int survey_hand(struct survey *, const struct config *, const struct plan *,
    const char *position, unsigned flags, struct err *) MUST_USE;
void survey_clear(struct survey *);

#endif
