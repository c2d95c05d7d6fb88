/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the jobs of sync.h share: both ends of a table. Defined in sync_ends.c.
 * Nobody else includes this.
 */
#ifndef CALVE_SYNC_OWN_H
#define CALVE_SYNC_OWN_H

#include "common/clock.h"
#include "worker/seen.h"
#include "worker/sink/replica.h"
#include "worker/source/source.h"
#include "worker/sync.h"
#include "worker/watermark.h"

struct sync {
	const struct job *job;
	struct result *res;
	struct mono began;
	struct watermark mark;
	struct source *source;
	struct source_table described;
	struct type incoming;
	struct replica *target;
	struct position newest; /* in the target */
	struct window window;
	bool whole;        /* the window begins where the table does */
	uint64_t recorded; /* rows of this run that the watermark counts */
	struct source_horizon horizon;
	struct seen before;            /* by earlier runs, if it still counts */
	struct seen_snapshot snapshot; /* next 0: none was taken */
	bool has_first;                /* `start:`, in the source's ticks */
	int64_t first_ticks;
};

int sync_open_source(struct sync *, struct err *) MUST_USE;
/* The target, that takes what the source gives; refused where there is none. */
int sync_open_target(struct sync *, struct err *) MUST_USE;
/* Whether versions of a row may lie where they are never merged. */
void sync_tell_parted(const struct sync *);

/* ---- sync_low.c ---- */

/* The window begins look-back before a position, and where there were open
 * transactions, at their rows; s->window holds what `start:` says. */
int sync_begin_at(
    struct sync *, const struct position *low, struct err *) MUST_USE;
/* After the freeze: which transactions were open. */
int sync_look(struct sync *, struct err *) MUST_USE;
/* What the watermark row is to remember of them when it moves to `at`; NULL:
 * what it says already. */
const char *sync_seen(
    struct sync *, const struct position *at, char text[SEEN_TEXT]);

/* ---- sync_columns.c ---- */

/* Of a run: where columns are new and older rows would lack their values, the
 * window becomes that of a whole table, and that is told. What is sent from
 * now on is kept in the transaction of the lock, but by a plan. */
int sync_columns(struct sync *, struct err *) MUST_USE;
/* Of a job that keeps nothing: tells. Opens s->mark. */
int sync_look_columns(struct sync *, struct err *) MUST_USE;

/* ---- sync_ends.c ---- */

/* Lets go of everything, and says in the result how far the table is. */
void sync_end(struct sync *);

#endif
