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
#include "worker/iceberg/leftovers.h"
#include "worker/origin_text.h"
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
	char *mirror;  /* the property's value: parent and number are known */
	struct kv *kv; /* only when the fence sees the table; the place */
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
	struct reconcile_facts now = run->facts; /* what is not the table's */
	struct record mirror = { .origin = run->target.me,
		.position = *c->after,
		.snapshot = c->snapshot_id,
		.parent = fresh->snapshot_id,
		.number = table_next_number(fresh) };
	struct position at;
	char was[POSITION_TEXT], is[POSITION_TEXT];

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
	free(c->mirror);
	c->mirror = record_text(&mirror);
	c->kv->value = c->mirror;
	FAULT_POINT("run.fenced");
	return 0;
}

static size_t
keep_said(struct kv *to, const struct kv *from, size_t n)
{
	size_t kept = 0;

	for (size_t k = 0; k < n; k++)
		if (from[k].value != NULL)
			to[kept++] = from[k];
	return kept;
}

/* The mirror first. What was written under a name goes when an identity, or
 * another name, takes over. */
static size_t
put_properties(const struct run *run, const char *beginning, struct kv *to,
    char *by_name[2])
{
	const struct target *t = &run->target;
	size_t n = 0;

	to[n++] = (struct kv){ t->property, "" };
	if (beginning != NULL)
		to[n++] = (struct kv){ t->beginning, beginning };
	if (run->replaces == NULL)
		return n;
	by_name[0] = xasprintf("calve.position.%s", run->replaces);
	by_name[1] = xasprintf("calve.beginning.%s", run->replaces);
	to[n++] = (struct kv){ by_name[0], NULL };
	to[n++] = (struct kv){ by_name[1], NULL };
	return n;
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
	/* what there is not (a sequence, an identity) has no key */
	const struct kv all[] = {
		{ KEY_SOURCE, t->me.source },
		{ KEY_IDENTITY, t->me.identity },
		{ KEY_TABLE, t->me.table },
		{ KEY_RUN, run->job->run_id },
		{ KEY_STEP, step },
		{ KEY_ROWS, rows },
		{ KEY_LOW, low },
		{ KEY_HIGH, high },
		{ KEY_TIMESTAMP, timestamp },
		{ KEY_SEQUENCE, w->furthest.has_sequence ? sequence : NULL },
		{ KEY_BY_TIMESTAMP, t->me.timestamp },
		{ KEY_BY_SEQUENCE, t->me.sequence },
		{ KEY_BY_FINAL, t->me.final ? "true" : "false" },
	};
	struct kv summary[sizeof all / sizeof all[0]];
	char *beginning = target_new_beginning(t, &run->position);
	struct kv properties[4];
	char *by_name[2] = { NULL, NULL };
	struct append a = {
		.snapshot_id = c.snapshot_id,
		.commit_uuid = uuid,
		.files = w->files,
		.nfiles = w->nfiles,
		.schema = t->schema_changed ? &t->schema : NULL,
		.last_column_id = t->last_column_id,
		.summary = summary,
		.nsummary = keep_said(summary, all, sizeof all / sizeof all[0]),
		.properties = properties,
		.nproperties =
		    put_properties(run, beginning, properties, by_name),
		.witness = t->property,
		.keep_ms = run->job->expire_ms,
		.may_expire = target_may_expire,
		.may_expire_arg = t,
		.fence = fence,
		.fence_arg = &c,
		.offered = offered,
	};
	struct table *committed;

	c.kv = &properties[0];
	position_format_timestamp(&w->furthest, timestamp);
	position_format_sequence(&w->furthest, sequence);
	position_format(&run->position, low);
	snprintf(rows, sizeof rows, "%" PRIu64, w->rows);
	snprintf(step, sizeof step, "%u", run->step);
	snprintf(uuid, sizeof uuid, "%s-%u", run->job->run_id, run->step);
	report_phase(run->job, PHASE_COMMIT);
	int rc = table_append(t->table, &a, &committed, err);
	free(beginning);
	free(by_name[0]);
	free(by_name[1]);
	free(c.mirror);
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
	run->facts.owner = NULL; /* from now on it is recorded whose it is */
	free(run->replaces);
	run->replaces = NULL;
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
		.origin = &run->target.me,
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

/* The rows that were read came from whatever had the name meanwhile. One that
 * was made anew between description and now is noticed here, one that was
 * swapped in and out again is not. */
static int
check_source(struct run *run, struct err *err)
{
	const char *was = run->described.identity;
	char *is;
	int rc = 0;

	if (source_identity(run->source, &is, err) == -1)
		return -1;
	if (was != NULL && (is == NULL || strcmp(was, is) != 0))
		rc = err_set(err, ERR_SOURCE,
		    "the source table was recreated during the run: its uuid "
		    "was %s and is %s; nothing of this step was committed, run "
		    "again",
		    was, is != NULL ? is : "none");
	free(is);
	return rc;
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
	rc = check_source(run, err);
	if (rc == 0)
		rc = target_create(&run->target, &run->described, err);
	if (rc == 0)
		rc = commit(run, &w, high, &offered, err);
	/* what no version of the table refers to can go */
	if (rc == -1 && err->cls != ERR_UNCLEAR)
		remove_files(run, &w, offered);
	rows = w.rows;
	written_clear(&w);
	return rc == -1 ? -1 : step_advance(run, rows, err);
}
