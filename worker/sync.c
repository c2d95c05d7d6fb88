/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a table that goes to ClickHouse. The order of the steps carries
 * the promise:
 *
 *   lock       the watermark row, held to the end
 *   describe   source and target; every column is taken or refused here
 *   low        the older of the newest row there and of the watermark, less
 *              the look-back
 *   high       the source's clock, or the beginning of the oldest transaction
 *              that has written and is still open
 *   freeze     one snapshot of the source, for all slices
 *   send       the window's rows, in ranges, in order (slices.h)
 *   advance    the watermark, to the newest row sent
 *
 * After it the target, read with FINAL, equals the snapshot in all rows
 * before `high`, if every change that was committed has set the timestamp to
 * the time its transaction began, less look-back, or later.
 *
 * A crash at any place leaves some of the window's rows in the target, oldest
 * first. The next run begins at or before them, and sends what is there
 * already once more: it replaces itself.
 */
#include "worker/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/sink/replica.h"
#include "worker/slices.h"
#include "worker/source/source.h"
#include "worker/typemap_postgres.h"
#include "worker/watermark.h"
#include "worker/window.h"

/* A range is one insert: large ones merge less, small ones start sooner. */
enum { RANGE_ROWS = 250000, RANGE_ROWS_LEAST = 10000 };
enum { SCALE_US = 6, SCALE_MS = 3 };
enum { DAY_MS = 86400000, HELD_US = 60000000 };

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
};

static void
note(void *arg, bool warning, const char *text)
{
	(void)arg;
	report_note(warning, text);
}

/* ---- source and target -------------------------------------------------------- */

static int
open_source(struct sync *s, struct err *err)
{
	if ((s->source = source_open(s->job, err)) == NULL ||
	    source_describe(s->source, &s->described, err) == -1)
		return -1;
	return source_resolve(s->source, NULL, note, NULL, &s->incoming, err);
}

static int
no_target(const struct job *job, struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "there is no target table '%s.%s' at '%s'; run 'calve init', "
	    "which makes it",
	    job->namespace_, job->target_table, job->catalog_name);
}

/* 1: it is there and fits, 0: it is not there */
static int
open_target(struct sync *s, struct err *err)
{
	int there;

	if ((s->target = replica_open(s->job, err)) == NULL ||
	    (there = replica_describe(s->target, err)) == -1)
		return -1;
	if (there == 1 && replica_fit(s->target, &s->incoming, err) == -1)
		return -1;
	return there;
}

static int
need_target(struct sync *s, struct err *err)
{
	int there = open_target(s, err);

	return there == 0 ? no_target(s->job, err) : there == 1 ? 0 : -1;
}

static const char *
source_type(const struct source_table *described, const char *name)
{
	for (size_t k = 0; k < described->ncolumns; k++)
		if (strcmp(described->columns[k].name, name) == 0)
			return described->columns[k].type;
	return "";
}

static bool
is_key(const struct job *job, const char *name)
{
	for (size_t k = 0; k < job->nkey; k++)
		if (strcmp(job->key[k], name) == 0)
			return true;
	return false;
}

/* Types of a target to be made; the texts are the caller's. */
static char **
choose_types(const struct sync *s)
{
	char **types = xcalloc(s->incoming.nfields + 1, sizeof(*types));
	struct buf text;

	buf_init(&text, 0);
	for (size_t k = 0; k < s->incoming.nfields; k++) {
		const struct field *f = &s->incoming.fields[k];
		bool fixed = is_key(s->job, f->name) ||
		    strcmp(f->name, s->job->timestamp) == 0;

		buf_reset(&text);
		typemap_clickhouse_of(
		    source_type(&s->described, f->name), f, fixed, &text);
		types[k] = xstrdup(buf_cstr(&text));
	}
	buf_clear(&text);
	return types;
}

static void
free_types(const struct sync *s, char **types)
{
	for (size_t k = 0; k < s->incoming.nfields; k++)
		free(types[k]);
	free(types);
}

static int
make_target(struct sync *s, struct err *err)
{
	size_t n = s->incoming.nfields;
	struct replica_column *columns = xcalloc(n + 1, sizeof(*columns));
	char **types = choose_types(s);
	int rc;

	for (size_t k = 0; k < n; k++)
		columns[k] =
		    (struct replica_column){ s->incoming.fields[k].name,
			    types[k] };
	rc = replica_create(s->target, columns, n, err);
	free_types(s, types);
	free(columns);
	return rc;
}

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

static int
beyond(struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "the newest timestamp of watermark or target is beyond what the "
	    "source's column can hold; see 'calve watermark show'");
}

static int64_t
lookback_ticks(const struct job *job, int scale)
{
	if (scale == SCALE_DAYS)
		return (job->lookback_ms + DAY_MS - 1) / DAY_MS;
	return scale == SCALE_MS ? job->lookback_ms : job->lookback_ms * 1000;
}

/* The older of both means more work at worst. */
static int
set_low(struct sync *s, struct err *err)
{
	const struct position *state = &s->mark.position;
	struct position low = s->newest;

	if (!low.set)
		return 0; /* from `start:`, or everything */
	if (state->set && !s->mark.adopt && position_compare(state, &low) < 0)
		low = *state;
	if (!ticks_rescale(low.ticks, low.scale, s->described.timestamp_scale,
		&s->window.start_ticks) ||
	    __builtin_sub_overflow(s->window.start_ticks,
		lookback_ticks(s->job, s->described.timestamp_scale),
		&s->window.start_ticks))
		return beyond(err);
	s->window.has_start = true;
	return 0;
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
	int64_t clock_us, horizon_us;

	if (replica_newest(s->target, &s->newest, err) == -1 ||
	    source_clock(s->source, &clock_us, err) == -1 ||
	    source_horizon(s->source, &horizon_us, note, NULL, err) == -1)
		return -1;
	if (horizon_us < clock_us) {
		tell_held(clock_us - horizon_us);
		clock_us = horizon_us;
	}
	if (window_of_run(&none, s->newest.set ? NULL : s->job->start, clock_us,
		s->job->settle_ms, scale, &s->window, err) == -1 ||
	    set_low(s, err) == -1)
		return -1;
	tell_ahead(s);
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
	report_phase(s->job, PHASE_RECONCILE);
	if (open_source(s, err) == -1 || need_target(s, err) == -1 ||
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

/* All of the window, as it is in one moment. */
static int
send_window(struct sync *s, struct slices_done *done, struct err *err)
{
	struct slices_plan plan = { .job = s->job, .window = &s->window };
	char snapshot[SOURCE_SNAPSHOT_TEXT];
	struct source_count counted;
	int64_t *bounds = NULL;
	int rc;

	*done = (struct slices_done){ .rows = 0 };
	if (s->window.has_start &&
	    s->window.start_ticks >= s->window.high_ticks)
		return 0;
	report_phase(s->job, PHASE_COUNT);
	if (source_freeze(s->source, &s->window, snapshot, err) == -1 ||
	    source_count(s->source, &s->window, &counted, err) == -1)
		return -1;
	if (counted.rows == 0)
		return 0;
	FAULT_POINT("sync.frozen");
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
	return rc == 0 ? as_counted(s, &counted, done, err) : -1;
}

static int
advance(struct sync *s, const struct slices_done *done, struct err *err)
{
	const struct position *before = &s->mark.position;
	const struct position *at = &done->furthest;
	struct watermark_progress p = {
		.run_id = s->job->run_id,
		.run_rows = done->rows,
		.new_rows = done->rows,
		.seconds = mono_seconds_since(s->began),
		.source_uuid = s->described.uuid,
		.target_uuid = replica_uuid(s->target),
	};

	/* rows deleted since: what was sent once stays sent */
	if (position_compare(before, at) > 0 && !s->mark.adopt)
		at = before;
	if (!at->set)
		at = &s->newest;
	if (!at->set || (done->rows == 0 && before->set))
		return 0;
	report_phase(s->job, PHASE_ADVANCE);
	p.position = at;
	return watermark_advance(&s->mark, &p, err);
}

static void
end(struct sync *s)
{
	char text[POSITION_TEXT];

	if (s->mark.position.set) {
		position_format(&s->mark.position, text);
		s->res->position = xstrdup(text);
	}
	source_close(s->source);
	source_table_clear(&s->described);
	type_clear(&s->incoming);
	replica_close(s->target);
	watermark_close(&s->mark);
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
	end(&s);
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
	if (rc == 0)
		res->rows = counted.rows;
	end(&s);
	return rc;
}

/* ---- looking and making -------------------------------------------------------- */

static void
tell_columns(struct sync *s, bool there)
{
	char **types = choose_types(s);

	for (size_t k = 0; k < s->incoming.nfields; k++) {
		const char *name = s->incoming.fields[k].name;

		report_column(name, source_type(&s->described, name),
		    there ? replica_type(s->target, name) : types[k],
		    is_key(s->job, name)                       ? "key"
			: strcmp(name, s->job->timestamp) == 0 ? "version"
							       : NULL);
	}
	free_types(s, types);
}

int
sync_check(const struct job *job, struct err *err)
{
	struct result none = { .rows = 0 };
	struct sync s = { .job = job, .res = &none };
	int there = -1;

	report_phase(job, PHASE_RECONCILE);
	if (open_source(&s, err) == 0 && (there = open_target(&s, err)) != -1) {
		tell_columns(&s, there == 1);
		report_note(false,
		    there == 1 ? "the target table exists"
			       : "the target table is to be made by 'calve "
				 "init'");
		if (there == 1 && !replica_remembers(s.target))
			report_note(false,
			    "the target remembers no inserts: one that is "
			    "tried again may leave rows twice until they are "
			    "merged, which FINAL does not show; ALTER it "
			    "MODIFY SETTING "
			    "non_replicated_deduplication_window = 1000");
		if (!s.described.unique)
			report_note(true,
			    "no unique index of the source has the key's "
			    "columns: the newest row of each key is looked "
			    "for with a window function, for each range");
	}
	end(&s);
	return there == -1 ? -1 : 0;
}

int
sync_init(const struct job *job, struct err *err)
{
	struct result none = { .rows = 0 };
	struct sync s = { .job = job, .res = &none };
	char text[1024];
	int rc = -1;

	report_phase(job, PHASE_RECONCILE);
	if (open_source(&s, err) == 0) {
		rc = open_target(&s, err);
		if (rc == 0 && (rc = make_target(&s, err)) == 0) {
			snprintf(text, sizeof(text),
			    "target table '%s.%s' made", job->namespace_,
			    job->target_table);
			report_note(false, text);
		}
	}
	end(&s);
	return rc == -1 ? -1 : 0;
}
