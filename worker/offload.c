/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One offload run. The order of the steps carries the promises:
 *
 *   lock       the watermark row, held to the end of each step
 *   reconcile  the table's history decides where to begin
 *   count      what the window holds; a long one is cut into steps
 *   read       as columns, straight into
 *   write      the data files, unknown to any reader until
 *   commit     makes them visible in one link(2), fenced: still our lock,
 *              still the position we began from
 *   advance    the watermark, to what the commit recorded
 *
 * I1  every source row of a settled window is in the table exactly once.
 * I2  a watermark is only advanced to a position that the table records.
 * I3  a worker that lost its lock cannot commit.
 * I4  no reader ever sees part of a step.
 * I5  nothing that a committed snapshot reaches is deleted here.
 *
 * A crash before the commit leaves files that nothing refers to; a crash
 * after it leaves a watermark behind the table, which the next run's
 * reconcile catches up.
 */
#include "worker/offload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/aside.h"
#include "worker/report.h"
#include "worker/source/source.h"
#include "worker/step.h"
#include "worker/stop.h"
#include "worker/target.h"
#include "worker/waiting.h"
#include "worker/watermark.h"
#include "worker/window.h"

static void
note_hand(const struct run *run)
{
	char counts[POSITION_TEXT], text[512];

	if (run->mark.by_hand[0] == '\0')
		return;
	position_format(&run->mark.position, counts);
	snprintf(text, sizeof text,
	    "somebody changed the watermark's columns for reading, which say "
	    "%s: last_offload_position counts, which says %s; to move it use "
	    "'calve watermark'",
	    run->mark.by_hand, counts);
	report_note(true, text);
}

static int
decide_position(struct run *run, struct err *err)
{
	struct reconcile_facts facts = {
		.name = run->job->name,
		.state = run->mark.position,
		.state_source_uuid = run->mark.source_uuid,
		.state_target_uuid = run->mark.target_uuid,
		.adopt = run->mark.adopt,
		.source_uuid = run->described.uuid,
	};
	struct reconcile_decision decision;
	char was[POSITION_TEXT], is[POSITION_TEXT], text[512];

	note_hand(run);
	if (target_history(&run->target, run->target.table, &facts, err) ==
		-1 ||
	    reconcile(&facts, &decision, err) == -1)
		return -1;
	run->recorded = reconcile_position(&facts);
	run->position = decision.position;
	run->res->adopted = decision.adopted;
	if (decision.adopted) {
		position_format(&run->mark.position, was);
		position_format(&run->position, is);
		snprintf(text, sizeof text,
		    "the watermark stood at %s, the "
		    "table at %s: the table's position is taken",
		    was, is);
		if (strcmp(was, is) != 0) /* after a reset it may be */
			report_note(true, text);
	}
	return 0;
}

/* Of itself, not of rows. */
static int
ask_source(void *arg, struct err *err)
{
	struct run *run = arg;

	run->source = source_open(run->job, err);
	if (run->source == NULL ||
	    source_describe(run->source, &run->described, err) == -1)
		return -1;
	run->host_us = wall_now().us;
	return source_clock(run->source, &run->clock_us, err);
}

static int
lock(struct run *run, struct err *err)
{
	if (watermark_open(&run->mark, run->job, err) == -1)
		return -1;
	return run->job->kind == JOB_PLAN ? watermark_peek(&run->mark, err)
					  : watermark_lock(&run->mark, err);
}

/*
 * The source is asked while the lock is being taken and the table loaded: two
 * servers at work instead of one that waits for the other. Rows are counted
 * and read under the lock only, in a window that ends by the clock that was
 * read here: what came later than the description is not in it.
 */
static int
lock_and_ask(struct run *run, struct err *err)
{
	struct aside *aside = aside_new(true);
	int rc;

	report_phase(run->job, PHASE_LOCK);
	aside_begin(aside, ask_source, run);
	rc = lock(run, err);
	if (rc == 0) {
		report_phase(run->job, PHASE_RECONCILE);
		rc = target_open(&run->target, run->job, err);
	}
	if (rc == 0)
		rc = aside_wait(aside, err);
	else
		stop_failed();
	aside_free(aside);
	return rc;
}

/* Everything that can be refused is refused here, before a row is read. */
static int
prepare(struct run *run, struct err *err)
{
	if (lock_and_ask(run, err) == -1 || decide_position(run, err) == -1 ||
	    target_plan(&run->target, run->source, report_source_note, err) ==
		-1)
		return -1;
	return 0;
}

/* A day that is not over yet may still get rows, settled or not. */
static int
end_with_day(struct run *run, int64_t visible_us, struct err *err)
{
	return source_day(run->source, visible_us - run->job->settle_ms * 1000,
	    &run->window.high_ticks, err);
}

/* The window, also as the result tells it. */
static int
open_window(struct run *run, struct err *err)
{
	struct position high = { .set = true,
		.scale = run->described.timestamp_scale };
	char text[POSITION_TEXT], off[512];
	int64_t visible_us = run->clock_us;

	if (source_visible(run->source, &visible_us, report_source_note, NULL,
		err) == -1 ||
	    window_of_run(&run->position, run->job->start, visible_us,
		run->job->settle_ms, high.scale, &run->window, err) == -1)
		return -1;
	if (window_clock_is_off(
		run->clock_us, run->host_us, run->job->settle_ms, off))
		report_note(true, off);
	if (high.scale == SCALE_DAYS &&
	    end_with_day(run, visible_us, err) == -1)
		return -1;
	window_ahead(&run->window, run->clock_us, high.scale);
	position_format(&run->position, text);
	run->res->window_low = xstrdup(text);
	high.ticks = run->window.high_ticks;
	position_format(&high, text);
	run->res->window_high = xstrdup(text);
	return 0;
}

/* The watermark catches up with the table although nothing was committed, so
 * that what the state database says is true; and so does the hint. `reset` stays in force until a
 * commit has recorded a position, hence not here. */
static int
catch_up(struct run *run, struct err *err)
{
	if (run->target.table != NULL)
		table_hint(run->target.table, run->job->run_id);
	if (!run->res->adopted || run->mark.adopt || !run->position.set)
		return watermark_keep(&run->mark, err);
	return step_advance(run, 0, err);
}

/* Between steps the lock was let go with the commit; whoever has taken it
 * since goes on from where we committed, so this run ends well. */
static int
lock_again(struct run *run, struct err *err)
{
	if (watermark_lock(&run->mark, err) == 0)
		return position_compare(&run->mark.position, &run->position) ==
			0
		    ? 1
		    : 0;
	return err->cls == ERR_BUSY ? 0 : -1;
}

static int
count(struct run *run, struct source_count *counted, struct err *err)
{
	report_phase(run->job, PHASE_COUNT);
	return window_low(&run->position, run->described.timestamp_scale,
		   &run->window.low, err) == -1
	    ? -1
	    : source_count(run->source, &run->window, counted, err);
}

/* Of the first count alone. */
static int
tell_waiting(
    struct run *run, const struct source_count *counted, struct err *err)
{
	run->window.has_ahead = false;
	return waiting_tell(
	    &run->mark, run->job, counted, run->described.timestamp_scale, err);
}

static int
run_steps(struct run *run, struct err *err)
{
	struct source_count counted;
	int more = 1;

	for (run->step = 0; more == 1; run->step++) {
		if (run->step > 0 && (more = lock_again(run, err)) != 1)
			break;
		if (count(run, &counted, err) == -1)
			return -1;
		if (run->step == 0 && tell_waiting(run, &counted, err) == -1)
			return -1;
		if (counted.rows == 0)
			return run->step == 0 ? catch_up(run, err) : 0;
		if (run->step == 0)
			run->expected = counted.rows;
		if (step_run(run, &counted, err) == -1)
			return -1;
		if (run->ended)
			return 0;
	}
	return more;
}

static void
end_run(struct run *run)
{
	char text[POSITION_TEXT];

	if (run->source != NULL)
		run->res->bytes_read = source_bytes_received(run->source);
	if (run->position.set) {
		position_format(&run->position, text);
		run->res->position = xstrdup(text);
	}
	source_close(run->source);
	target_close(&run->target);
	source_table_clear(&run->described);
	watermark_close(&run->mark);
}

int
offload(const struct job *job, struct result *res, struct err *err)
{
	struct run run = { .job = job, .res = res, .began = mono_now() };
	int rc = prepare(&run, err);

	if (rc == 0)
		rc = open_window(&run, err);
	if (rc == 0)
		rc = run_steps(&run, err);
	end_run(&run);
	return rc;
}

int
offload_plan(const struct job *job, struct result *res, struct err *err)
{
	struct run run = { .job = job, .res = res, .began = mono_now() };
	struct source_count counted;
	int rc = prepare(&run, err);

	if (rc == 0)
		rc = open_window(&run, err);
	if (rc == 0)
		rc = count(&run, &counted, err);
	if (rc == 0)
		res->rows = counted.rows;
	if (rc == 0)
		waiting_note(job, &counted, run.described.timestamp_scale);
	end_run(&run);
	return rc;
}
