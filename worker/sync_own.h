/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the jobs of sync.h share: both ends of a table. Defined in sync_ends.c.
 * Nobody else includes this.
 */
#ifndef CALVE_SYNC_OWN_H
#define CALVE_SYNC_OWN_H

#include "common/clock.h"
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
};

/* A source_note that tells the user. */
source_note sync_note;
int sync_open_source(struct sync *, struct err *) MUST_USE;
/* The target, that takes what the source gives; refused where there is none. */
int sync_open_target(struct sync *, struct err *) MUST_USE;
/* Lets go of everything, and says in the result how far the table is. */
void sync_end(struct sync *);

#endif
