/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step: choose its end, read and write its rows, commit them fenced, move
 * the watermark.
 */
#include "worker/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/id.h"
#include "common/xalloc.h"
#include "worker/collect.h"
#include "worker/iceberg/leftovers.h"
#include "worker/pump.h"
#include "worker/report.h"
#include "worker/stop.h"
#include "worker/window.h"

/* Merges, TTL and late rows within the margin may change a window between its
 * count and its read; that heals by doing both again. */
enum { COUNT_TRIES = 3 };

/* Halves the window until it holds no more than a step may. */
static int
choose_end(struct run *run, struct window *w, struct source_count *counted,
    struct err *err)
{
	int64_t high;

	for (;;) {
		high =
		    window_step_high(w, counted, run->described.timestamp_scale,
			run->job->step_ms, run->job->step_rows);
		if (high == w->high_ticks)
			return 0;
		w->high_ticks = high;
		if (source_count(run->source, w, counted, err) == -1)
			return -1;
	}
}

/* ---- read and write ---------------------------------------------------------- */

static int
not_as_counted(const struct written *got, const struct source_count *counted,
    const struct position *end, struct err *err)
{
	struct position last = *end;
	char high[POSITION_TEXT], was[POSITION_TEXT], is[POSITION_TEXT];

	position_format_timestamp(end, high);
	last.ticks = counted->max_ticks;
	position_format_timestamp(&last, was);
	position_format_timestamp(&got->furthest, is);
	return err_set(err, ERR_SOURCE_LOST,
	    "the source counted %" PRIu64 " rows up to %s, the last at %s, but "
	    "delivered %" PRIu64 ", the last at %s, %d times over; raise "
	    "settle if rows are still being inserted there",
	    counted->rows, high, was, got->rows, is, COUNT_TRIES);
}

static int
write_step(struct run *run, const struct source_count *window,
    struct written *out, char *high, struct err *err)
{
	struct source_count counted = *window;
	struct window w = run->window;
	struct position end = { .set = true,
		.scale = run->described.timestamp_scale };
	int rc = 0;

	for (int tries = 0; rc == 0 && tries < COUNT_TRIES; tries++) {
		if (tries > 0) {
			w.high_ticks = run->window.high_ticks;
			if (source_count(run->source, &w, &counted, err) == -1)
				return -1;
		}
		if (choose_end(run, &w, &counted, err) == -1)
			return -1;
		if (counted.rows == 0)
			return err_set(err, ERR_SOURCE_LOST,
			    "all rows of the window went from the source "
			    "between count and read; run it again");
		rc = pump(run, &w, &counted, out, err);
	}
	end.ticks = w.high_ticks;
	run->ended = w.high_ticks == run->window.high_ticks;
	position_format(&end, high);
	return rc == 0 ? not_as_counted(out, &counted, &end, err)
	    : rc == 1  ? 0
		       : -1;
}

/* ---- commit ------------------------------------------------------------------ */

struct commit {
	struct run *run;
	const struct position *after;
	int64_t snapshot_id;
	char mirror[512]; /* the property's value; its parent is known
				 * only when the fence sees the table */
};

/*
 * I3: called on the freshly loaded table before each attempt to link. The
 * lock must still be ours and nobody may have moved the position: else these
 * rows may be there already.
 */
static int
fence(void *arg, const struct table *fresh, struct err *err)
{
	struct commit *c = arg;
	struct run *run = c->run;
	struct reconcile_facts now = { .name = run->job->name };
	struct position at;
	char was[POSITION_TEXT], is[POSITION_TEXT], *text;

	if (stop_check(err) == -1 || watermark_held(&run->mark, err) == -1)
		return -1;
	if (strcmp(fresh->uuid, run->target.table->uuid) != 0)
		return err_set(err, ERR_TABLE,
		    "the target table was replaced "
		    "during the run (its uuid is now %s); run again",
		    fresh->uuid);
	if (target_history(&run->target, fresh, &now, err) == -1)
		return -1;
	at = reconcile_position(&now);
	if (position_compare(&at, &run->recorded) != 0) {
		position_format(&run->recorded, was);
		position_format(&at, is);
		return err_set(err, ERR_CONFLICT,
		    "the table's position moved "
		    "from %s to %s during the run; nothing was committed, run "
		    "again",
		    was, is);
	}
	text = target_mirror(c->after, c->snapshot_id, fresh->snapshot_id);
	snprintf(c->mirror, sizeof c->mirror, "%s", text);
	free(text);
	FAULT_POINT("run.fenced");
	return 0;
}

static int
commit(struct run *run, const struct written *w, const char *high,
    bool *offered, struct err *err)
{
	struct target *t = &run->target;
	struct commit c = { .run = run,
		.after = &w->furthest,
		.snapshot_id = snapshot_id_of(run->job->run_id, run->step) };
	char timestamp[POSITION_TEXT], sequence[POSITION_TEXT];
	char low[POSITION_TEXT], rows[24], step[12], uuid[UUID_TEXT + 12];
	struct kv summary[] = {
		{ KEY_SOURCE, t->source_id },
		{ KEY_RUN, run->job->run_id },
		{ KEY_STEP, step },
		{ KEY_ROWS, rows },
		{ KEY_LOW, low },
		{ KEY_HIGH, high },
		{ KEY_TIMESTAMP, timestamp },
		{ KEY_SEQUENCE, sequence },
	};
	const size_t nkeys = sizeof summary / sizeof summary[0];
	char *beginning = target_new_beginning(t, &run->position);
	const struct kv properties[] = { { t->property, c.mirror },
		{ t->beginning, beginning } };
	struct append a = {
		.snapshot_id = c.snapshot_id,
		.commit_uuid = uuid,
		.files = w->files,
		.nfiles = w->nfiles,
		.schema = t->schema_changed ? &t->schema : NULL,
		.last_column_id = t->last_column_id,
		.summary = summary,
		/* a table without sequence column has no such key */
		.nsummary = w->furthest.has_sequence ? nkeys : nkeys - 1,
		.properties = properties,
		.nproperties = beginning != NULL ? 2 : 1,
		.witness = t->property,
		.keep_ms = run->job->expire_ms,
		.may_expire = target_may_expire,
		.may_expire_arg = t,
		.fence = fence,
		.fence_arg = &c,
		.offered = offered,
	};
	struct table *committed;

	position_format_timestamp(&w->furthest, timestamp);
	position_format_sequence(&w->furthest, sequence);
	position_format(&run->position, low);
	snprintf(rows, sizeof rows, "%" PRIu64, w->rows);
	snprintf(step, sizeof step, "%u", run->step);
	snprintf(uuid, sizeof uuid, "%s-%u", run->job->run_id, run->step);
	report_phase(run->job, PHASE_COMMIT);
	int rc = table_append(t->table, &a, &committed, err);
	free(beginning);
	if (rc == -1)
		return -1;
	FAULT_POINT("run.committed");
	target_advance(t, committed);
	run->res->rows += w->rows;
	run->res->bytes_written += w->bytes;
	run->res->files += (uint32_t)w->nfiles;
	run->res->steps++;
	run->res->snapshot_id = c.snapshot_id;
	run->position = run->recorded = w->furthest;
	return 0;
}

int
step_advance(struct run *run, uint64_t new_rows, struct err *err)
{
	struct watermark_progress p = {
		.position = &run->position,
		.run_id = run->job->run_id,
		.run_rows = run->res->rows,
		.new_rows = new_rows,
		.seconds = mono_seconds_since(run->began),
		.source_uuid = run->described.uuid,
		.target_uuid = run->target.table->uuid,
	};

	report_phase(run->job, PHASE_ADVANCE);
	return watermark_advance(&run->mark, &p, err);
}

/* Files that no link was asked to make visible are nobody else's. */
static void
remove_files(const struct run *run, const struct written *w, bool offered)
{
	if (offered)
		leftovers_remove(run->target.table, w->files, w->nfiles);
	else
		written_remove(w);
}

int
step_run(struct run *run, const struct source_count *window, struct err *err)
{
	struct written w = { .nfiles = 0 };
	char high[POSITION_TEXT];
	bool offered = false;
	uint64_t rows;
	int rc;

	if (write_step(run, window, &w, high, err) == -1)
		return -1;
	rc = target_create(&run->target, &run->described, err);
	if (rc == 0)
		rc = commit(run, &w, high, &offered, err);
	/* what no version of the table refers to can go */
	if (rc == -1 && err->cls != ERR_UNCLEAR)
		remove_files(run, &w, offered);
	rows = w.rows;
	written_clear(&w);
	if (rc == 0 && !run->collected)
		rc = collect_dead(run, err);
	run->collected = true;
	return rc == -1 ? -1 : step_advance(run, rows, err);
}
