/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a table that goes to ClickHouse. The order of the steps carries
 * the promise:
 *
 *   lock       the watermark row, held to the end
 *   describe   source and target; every column is taken or refused here
 *   low        the watermark, up to which all is there, less the look-back;
 *              everything where there is none, or where a column is new
 *              and older rows would lack what it holds (sync_columns.c)
 *   high       the source's clock, or the beginning of the oldest transaction
 *              that has written and is still open
 *   freeze     one snapshot of the source, for all slices
 *   send       the window's rows, in ranges, in order (slices.h); the
 *              watermark follows what the server has acknowledged
 *   advance    the watermark, to the newest row sent
 *
 * After it the target, read with FINAL, equals the snapshot in all rows
 * before `high`, if every change that was committed has set the timestamp to
 * the time its transaction began, less look-back, or later.
 *
 * A crash at any place leaves any of the window's rows in the target. The next
 * run begins at what was recorded, and sends what is there already once more:
 * it replaces itself.
 */
#include "worker/sync_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/slices.h"
#include "worker/waiting.h"
#include "worker/window.h"

/* A range is one insert: large ones merge less, small ones start sooner. */
enum { RANGE_ROWS = 250000, RANGE_ROWS_LEAST = 10000 };
enum { SCALE_US = 6, SCALE_MS = 3 };
enum { DAY_MS = 86400000, HELD_US = 60000000 };

/* ---- window --------------------------------------------------------------------- */

/* As with an offload: another source under the same name is the operator's to
 * decide on. Another target is not: it says itself how far it is. */
static int
check_identity(const struct sync *s, struct err *err)
{
	const struct watermark *mark = &s->mark;

	if (!mark->adopt && mark->source_uuid != NULL &&
	    strcmp(mark->source_uuid, s->described.uuid) != 0)
		return err_set(err, ERR_SOURCE,
		    "source table of '%s' was recreated: its uuid was %s and "
		    "is %s; if it holds the same rows, or the target was "
		    "emptied, run 'calve watermark reset %s'",
		    mark->name, mark->source_uuid, s->described.uuid,
		    mark->name);
	if (!mark->adopt && mark->target_uuid != NULL &&
	    strcmp(mark->target_uuid, replica_uuid(s->target)) != 0)
		report_note(true,
		    "the target table is another one than at the last run: "
		    "what is newer than its newest row is sent, and all of it "
		    "where it is empty");
	return 0;
}

/* What is there is not known to be whole: all of it is sent again. */
static void
tell_whole(const struct sync *s)
{
	const struct position *state = &s->mark.position;
	char newest[POSITION_TEXT], is[POSITION_TEXT], text[512];

	if (!s->newest.set || s->mark.adopt)
		return;
	position_format(&s->newest, newest);
	position_format(state, is);
	if (state->set)
		snprintf(text, sizeof(text),
		    "the newest row of the target is of %s, the watermark %s: "
		    "rows are gone from it, and nobody knows which; all are "
		    "sent again, and replace themselves",
		    newest, is);
	else
		snprintf(text, sizeof(text),
		    "the target has rows, but nothing is recorded of what of "
		    "the source is there: all are sent again, and replace "
		    "themselves");
	report_note(true, text);
}

/*
 * Where the watermark says that all before it has been acknowledged, and the
 * target does not contradict, the window begins there; else where the table
 * does. The target's newest row proves nothing of those before it: the server
 * writes an insert partition by partition, and block by block (ClickHouse
 * documentation, "Transactional (ACID) support", cases 1 to 3), so that one
 * that failed may have left any of its rows there.
 */
static int
set_low(struct sync *s, struct err *err)
{
	const struct position *state = &s->mark.position;

	s->whole = !state->set || !s->newest.set ||
	    position_compare(&s->newest, state) < 0;
	if (s->whole) {
		tell_whole(s);
		return 0; /* from `start:`, or everything */
	}
	return sync_begin_at(s, state, err);
}

static void
tell_held(int64_t held_us)
{
	char text[256];

	if (held_us < HELD_US)
		return;
	snprintf(text, sizeof(text),
	    "a transaction that has written to the source is open since "
	    "%" PRId64 " s: rows from then on are left to a later run",
	    held_us / 1000000);
	report_note(true, text);
}

static void
tell_ahead(const struct sync *s)
{
	struct position high = { .set = true,
		.scale = s->described.timestamp_scale,
		.ticks = s->window.high_ticks };
	char newest[POSITION_TEXT], is[POSITION_TEXT], text[512];

	if (position_compare(&s->newest, &high) <= 0)
		return;
	position_format(&s->newest, newest);
	position_format(&high, is);
	snprintf(text, sizeof(text),
	    "the target has a row of %s, which is after %s, up to which rows "
	    "are sent: mend its timestamp, or what is sent begins there",
	    newest, is);
	report_note(true, text);
}

static int
open_window(struct sync *s, struct err *err)
{
	const struct position none = { .set = false };
	int scale = s->described.timestamp_scale;
	struct position at = { .set = true, .scale = scale };
	char text[POSITION_TEXT];
	int64_t clock_us, instant_us;

	if (replica_newest(s->target, &s->newest, err) == -1 ||
	    source_clock(s->source, &clock_us, err) == -1 ||
	    source_horizon(
		s->source, &s->horizon, report_source_note, NULL, err) == -1)
		return -1;
	if (s->horizon.us < clock_us) {
		tell_held(clock_us - s->horizon.us);
		clock_us = s->horizon.us;
	}
	instant_us = clock_us;
	if (source_wall(s->source, clock_us, &clock_us, err) == -1 ||
	    window_of_run(&none, s->job->start, clock_us, s->job->settle_ms,
		scale, &s->window, err) == -1 ||
	    set_low(s, err) == -1 || sync_columns(s, err) == -1)
		return -1;
	tell_ahead(s);
	window_ahead(&s->window, instant_us, scale);
	if (s->window.has_start) {
		at.ticks = s->window.start_ticks;
		position_format(&at, text);
		s->res->window_low = xstrdup(text);
	}
	at.ticks = s->window.high_ticks;
	position_format(&at, text);
	s->res->window_high = xstrdup(text);
	return 0;
}

/* ---- watermark ------------------------------------------------------------------ */

/* keep: the lock. */
static int
advance_to(struct sync *s, const struct position *at,
    const struct slices_done *done, bool keep, struct err *err)
{
	char seen[SEEN_TEXT];
	const struct watermark_progress p = {
		.position = at,
		.seen = sync_seen(s, at, seen),
		.run_id = s->job->run_id,
		.run_rows = done->rows,
		.new_rows = done->rows - s->recorded,
		.seconds = mono_seconds_since(s->began),
		.source_uuid = s->described.uuid,
		.target_uuid = replica_uuid(s->target),
	};

	s->recorded = done->rows;
	return keep ? watermark_move(&s->mark, &p, err)
		    : watermark_advance(&s->mark, &p, err);
}

/* Before the first row of a whole table is sent: from now on the position
 * would be a lie, in this run and in the one after it. */
static int
begin_whole(struct sync *s, struct err *err)
{
	if (!s->whole || !s->mark.position.set)
		return 0;
	return watermark_forget(&s->mark, err);
}

/* Whether a run that began at this position would have less to do. */
static bool
saves_work(const struct sync *s, const struct position *at)
{
	struct err ignored;
	int64_t low;

	if (position_compare(at, &s->mark.position) <= 0 ||
	    source_back(s->source, at->ticks, s->job->lookback_ms, &low,
		&ignored) == -1)
		return false;
	return !s->window.has_start || low > s->window.start_ticks;
}

/*
 * Before the furthest row that was acknowledged all rows of the snapshot are
 * there; what was committed since is stamped with the time its transaction
 * began, less look-back, or later, which is not before the snapshot's window
 * ended: the next run finds it.
 */
static int
record(void *arg, const struct slices_done *done, struct err *err)
{
	struct sync *s = arg;

	if (!saves_work(s, &done->furthest))
		return 0;
	if (advance_to(s, &done->furthest, done, true, err) == -1)
		return -1;
	FAULT_POINT("sync.recorded");
	return 0;
}

/* What is known of a run that failed, as far as the state database still
 * listens. */
static void
record_last(struct sync *s, const struct slices_done *done)
{
	struct err ignored = { 0 };

	if (saves_work(s, &done->furthest) &&
	    watermark_held(&s->mark, &ignored) == 0 &&
	    advance_to(s, &done->furthest, done, false, &ignored) == -1)
		err_clear(&ignored);
}

/* What was recorded of this run rests on rows that may not have come. */
static void
take_back(struct sync *s, const struct position *before)
{
	const struct slices_done none = { .rows = s->recorded };
	struct err ignored = { 0 };

	s->snapshot.next = 0;
	if (s->recorded > 0 &&
	    (before->set ? advance_to(s, before, &none, false, &ignored)
			 : watermark_forget(&s->mark, &ignored)) == -1)
		err_clear(&ignored);
}

static int
advance(struct sync *s, const struct slices_done *done, struct err *err)
{
	const struct position *at = &done->furthest;

	/* rows deleted since: what was sent once stays sent */
	if (position_compare(&s->mark.position, at) > 0)
		at = &s->mark.position;
	if (!at->set ||
	    (done->rows == 0 && s->mark.position.set && !s->before.open))
		return watermark_keep(&s->mark, err);
	report_phase(s->job, PHASE_ADVANCE);
	return advance_to(s, at, done, false, err);
}

/* ---- run ------------------------------------------------------------------------ */

/* Everything that can be refused is refused here, before a row is read. */
static int
prepare(struct sync *s, struct err *err)
{
	report_phase(s->job, PHASE_LOCK);
	if (watermark_open(&s->mark, s->job, err) == -1 ||
	    (s->job->kind == JOB_PLAN ? watermark_peek(&s->mark, err)
				      : watermark_lock(&s->mark, err)) == -1)
		return -1;
	if (!s->mark.adopt)
		s->before = s->mark.seen;
	report_phase(s->job, PHASE_RECONCILE);
	if (sync_open_source(s, err) == -1 || sync_open_target(s, err) == -1 ||
	    check_identity(s, err) == -1)
		return -1;
	return open_window(s, err);
}

static int
as_counted(const struct sync *s, const struct source_count *counted,
    const struct slices_done *done, struct err *err)
{
	if (done->furthest.ticks == counted->max_ticks &&
	    (done->rows == counted->rows ||
		(!s->described.unique && done->rows < counted->rows)))
		return 0;
	return err_set(err, ERR_SOURCE_LOST,
	    "the source counted %" PRIu64 " rows, but delivered %" PRIu64
	    " of the same snapshot; run it again",
	    counted->rows, done->rows);
}

/* As many ranges as slices at least, where there is something to do. */
static uint64_t
range_rows(const struct job *job, uint64_t rows)
{
	uint64_t each = job->slices > 0 ? rows / job->slices + 1 : rows;

	if (each < RANGE_ROWS_LEAST)
		return RANGE_ROWS_LEAST;
	return each < RANGE_ROWS ? each : RANGE_ROWS;
}

static int
held(void *arg, struct err *err)
{
	struct sync *s = arg;

	return watermark_held(&s->mark, err);
}

/* All of the window, as it is in one moment. */
static int
send_window(struct sync *s, struct slices_done *done, struct err *err)
{
	struct slices_plan plan = { .job = s->job,
		.window = &s->window,
		.held = held,
		.record = record,
		.arg = s };
	const struct position before =
	    s->whole ? (struct position){ .set = false } : s->mark.position;
	char snapshot[SOURCE_SNAPSHOT_TEXT];
	struct source_count counted;
	int64_t *bounds = NULL;
	int rc;

	*done = (struct slices_done){ .rows = 0 };
	report_phase(s->job, PHASE_COUNT);
	if (source_freeze(s->source, &s->window, snapshot, err) == -1 ||
	    sync_look(s, err) == -1 ||
	    source_count(s->source, &s->window, &counted, err) == -1 ||
	    waiting_tell(&s->mark, s->job, &counted,
		s->described.timestamp_scale, err) == -1)
		return -1;
	s->window.has_ahead = false;
	if (counted.rows == 0)
		return 0;
	FAULT_POINT("sync.frozen");
	if (begin_whole(s, err) == -1)
		return -1;
	if (source_ranges(s->source, &s->window, &counted,
		range_rows(s->job, counted.rows), &bounds, &plan.nbounds,
		err) == -1)
		return -1;
	plan.snapshot = snapshot;
	plan.bounds = bounds;
	plan.expected = counted.rows;
	report_phase(s->job, PHASE_READ);
	rc = slices_send(&plan, done, err);
	free(bounds);
	s->res->rows = done->rows;
	s->res->bytes_read = done->received;
	s->res->bytes_written = done->sent;
	s->res->steps = done->ranges;
	if (rc == -1)
		record_last(s, done);
	else if ((rc = as_counted(s, &counted, done, err)) == -1)
		take_back(s, &before);
	return rc;
}

int
sync_run(const struct job *job, struct result *res, struct err *err)
{
	struct sync s = { .job = job, .res = res, .began = mono_now() };
	struct slices_done done;
	int rc = prepare(&s, err);

	if (rc == 0)
		rc = send_window(&s, &done, err);
	if (rc == 0)
		rc = advance(&s, &done, err);
	sync_end(&s);
	return rc;
}

int
sync_plan(const struct job *job, struct result *res, struct err *err)
{
	struct sync s = { .job = job, .res = res, .began = mono_now() };
	struct source_count counted;
	int rc = prepare(&s, err);

	if (rc == 0) {
		report_phase(job, PHASE_COUNT);
		rc = source_count(s.source, &s.window, &counted, err);
	}
	if (rc == 0) {
		res->rows = counted.rows;
		waiting_note(job, &counted, s.described.timestamp_scale);
	}
	sync_end(&s);
	return rc;
}
