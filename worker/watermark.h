/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's row in offload_watermarks: its lock and its ledger of progress.
 *
 *   watermark_lock  ->  watermark_held ...  ->  watermark_advance
 *        ^---------------- (next step) ---------------'
 *
 * The lock is a row lock in an open transaction (SELECT ... FOR UPDATE
 * NOWAIT): it dies with the connection, so a dead worker holds nothing, and
 * with the transaction, which the server ends when its worker has stood still
 * for KEEPER_IDLE_MS (keeper.h): so one that is frozen does not hold it for
 * ever either. Such a worker learns of it when it asks: before each commit, and before
 * rows are sent that no commit follows.
 *
 * Any thread may call watermark_held(); the rest is for one.
 */
#ifndef CALVE_WATERMARK_H
#define CALVE_WATERMARK_H

#include <stdint.h>

#include "common/err.h"
#include "common/job.h"
#include "common/position.h"
#include "worker/seen.h"

struct pg;
struct keeper;

struct watermark {
	struct pg *pg;
	struct keeper *keeper; /* from the first lock on */
	const char *name;      /* table_name */
	/* as read under the lock */
	struct position position;
	char *source_uuid; /* NULL: not offloaded by calve yet */
	char *target_uuid;
	bool adopt;
	struct seen seen; /* of a table that goes to ClickHouse */
	/* What the columns for reading say where they differ from position,
	 * because somebody changed them alone; "" where they agree. */
	char by_hand[2 * POSITION_TEXT];
};

int watermark_open(
    struct watermark *, const struct job *, struct err *) MUST_USE;
void watermark_close(struct watermark *); /* also lets the lock go */

/* Begins a transaction and takes the row, made first where it is missing.
 * ERR_BUSY within a tenth of a second when another run holds it. */
int watermark_lock(struct watermark *, struct err *) MUST_USE;
/* Reads the row without the lock; one that is missing reads as a table that
 * has not been offloaded. */
int watermark_peek(struct watermark *, struct err *) MUST_USE;
/* Asks the server whether this transaction still lives, and the lock with
 * it. ERR_STATE_LOST when not; ERR_CONFLICT when it was ended because this
 * worker stood still: another run may have taken the lock since. */
int watermark_held(struct watermark *, struct err *) MUST_USE;

/* Keeps what rows wait ahead of the clock (NULL: none), in the transaction of
 * the lock: it counts once that commits. changed: it was something else. */
int watermark_waiting(struct watermark *, const char *waiting, bool *changed,
    struct err *) MUST_USE;
/* Runs of this table that have ended without success, and whose files nobody
 * has looked for since; up to a hundred. In the transaction of the lock. */
struct dead_runs {
	size_t n;
	char **ids;
};
int watermark_dead_runs(
    struct watermark *, struct dead_runs *, struct err *) MUST_USE;
/* They are done with; counts once watermark_advance() commits. */
int watermark_collected(
    struct watermark *, const struct dead_runs *, struct err *) MUST_USE;
void dead_runs_clear(struct dead_runs *);
/* Commits where a run has nothing to advance: the lock is gone afterwards. */
int watermark_keep(struct watermark *, struct err *) MUST_USE;

struct watermark_progress {
	const struct position *position;
	const char *run_id;
	uint64_t run_rows; /* of this run so far */
	uint64_t new_rows; /* of them since the last advance */
	double seconds;
	const char *source_uuid, *target_uuid;
	const char *seen; /* seen_format()'s; NULL: as it is */
};
/* UPDATE and COMMIT: the lock is gone afterwards. */
int watermark_advance(struct watermark *, const struct watermark_progress *,
    struct err *) MUST_USE;
/*
 * In the middle of a run: UPDATE, COMMIT, and the lock taken again.
 * watermark_forget(): the table has no position from now on. ERR_BUSY when
 * another run was quicker, ERR_CONFLICT when somebody has moved the position in
 * between; the lock is gone then.
 */
int watermark_move(struct watermark *, const struct watermark_progress *,
    struct err *) MUST_USE;
int watermark_forget(struct watermark *, struct err *) MUST_USE;

#endif
