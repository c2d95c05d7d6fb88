/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of an offload run: the part of the window that one commit takes.
 * struct run is what the steps of a run share; offload.c owns it.
 */
#ifndef CALVE_STEP_H
#define CALVE_STEP_H

#include "common/clock.h"
#include "common/job.h"
#include "common/position.h"
#include "worker/source/source.h"
#include "worker/target.h"
#include "worker/watermark.h"

struct run {
	const struct job *job;
	struct result *res;
	struct mono began;
	struct watermark mark;
	struct source *source;
	struct source_table described;
	int64_t clock_us, host_us; /* the source's and ours, then */
	struct target target;
	struct window window;     /* low moves on with each step */
	struct position position; /* offloaded so far */
	struct position recorded; /* what the table records; it
					 * differs from position only before
					 * the first commit over an adopted
					 * watermark */
	uint64_t expected;        /* rows of the whole window */
	unsigned step;            /* from 0 */
	bool collected;           /* files of dead runs were looked for */
	bool ended;               /* the last step reached the window's end */
};

/* Reads, writes, commits and advances one step of a window that holds rows.
 * On failure nothing of the step is visible and, unless the commit's outcome
 * is unknown, none of its files remain. */
int step_run(
    struct run *, const struct source_count *window, struct err *) MUST_USE;

/* Moves the watermark to run->position and lets the lock go. */
int step_advance(struct run *, uint64_t new_rows, struct err *) MUST_USE;

#endif
