/* SPDX-License-Identifier: Apache-2.0 */
/* The watermark row: take it, keep it, move it on. */
#include "worker/watermark.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "embedded/sql.h"
#include "worker/keeper.h"

enum { SCALE_US = 6 };
/* A run holds the row for its whole time, a coordinator that writes a status
 * for a millisecond: the second is no reason to skip this run. */
enum { LOCK_TRIES = 3, LOCK_PAUSE_NS = 40000000 };

int
watermark_open(struct watermark *w, const struct job *job, struct err *err)
{
	*w = (struct watermark){ .name = job->name };
	w->pg = pg_open(job->state, &pg_state, "calve-worker", 0, err);
	return w->pg != NULL ? 0 : -1;
}

static void
forget(struct watermark *w)
{
	free(w->source_uuid);
	free(w->target_uuid);
	w->source_uuid = w->target_uuid = NULL;
	w->position = (struct position){ .set = false };
	w->seen = (struct seen){ .set = false };
	w->adopt = false;
	w->by_hand[0] = '\0';
}

void
watermark_close(struct watermark *w)
{
	forget(w);
	keeper_free(w->keeper);
	w->keeper = NULL;
	/* Closing alone lets the lock go a moment after we have ended, when the
	 * coordinator writes the row's status and must not find it locked. */
	pg_rollback(w->pg);
	pg_close(w->pg);
	w->pg = NULL;
}

/* What a timestamptz can hold: finer digits are cut, not rounded up past the
 * position. The exact text keeps them. */
static struct position
cut_to_us(const struct position *p)
{
	struct position us = *p;

	if (p->scale > SCALE_US &&
	    ticks_rescale(p->ticks, p->scale, SCALE_US, &us.ticks))
		us.scale = SCALE_US;
	return us;
}

static void
compare_columns(
    struct watermark *w, const char *timestamp, const char *sequence)
{
	struct position exact = cut_to_us(&w->position), columns = { 0 };
	struct err ignored;

	if (timestamp == NULL ||
	    position_parse(&columns, timestamp, sequence, &ignored) == 0) {
		if (position_compare(&columns, &exact) == 0)
			return;
	}
	snprintf(w->by_hand, sizeof w->by_hand, "%s%s%s",
	    timestamp != NULL ? timestamp : "none",
	    timestamp != NULL && sequence != NULL ? "/" : "",
	    timestamp != NULL && sequence != NULL ? sequence : "");
}

/* The exact text is the authority; a row of an older pipeline has only the
 * timestamp and sequence columns. Text form: timestamp[/sequence]. */
static int
read_position(struct watermark *w, const char *timestamp, const char *text,
    const char *sequence, struct err *err)
{
	int rc;

	if (text == NULL && timestamp == NULL)
		return 0;
	rc = text != NULL
	    ? position_parse_text(&w->position, text, err)
	    : position_parse(&w->position, timestamp, sequence, err);
	if (rc == -1) {
		err->cls = ERR_TABLE;
		return err_prefix(err,
		    "the watermark of '%s' is damaged; set "
		    "it with 'calve watermark reset %s'",
		    w->name, w->name);
	}
	if (text != NULL)
		compare_columns(w, timestamp, sequence);
	return 0;
}

static int
keep_row(struct watermark *w, const struct pg_rows *rows, struct err *err)
{
	const char *text;

	forget(w);
	if ((text = pg_text(rows, 0, 3)) != NULL)
		w->source_uuid = xstrdup(text);
	if ((text = pg_text(rows, 0, 4)) != NULL)
		w->target_uuid = xstrdup(text);
	w->adopt = (text = pg_text(rows, 0, 5)) != NULL && text[0] == 't';
	/* One that does not parse is as if none had been recorded. */
	if ((text = pg_text(rows, 0, 6)) != NULL && !seen_parse(&w->seen, text))
		log_debug(
		    "the transactions seen of '%s' do not parse", w->name);
	return read_position(w, pg_text(rows, 0, 0), pg_text(rows, 0, 1),
	    pg_text(rows, 0, 2), err);
}

static int
take_row(struct watermark *w, struct err *err)
{
	const char *params[] = { w->name };
	struct pg_rows *rows = NULL;
	int rc;

	if (pg_run(w->pg, sql_lock_watermark, 1, params, &rows, err) == -1) {
		if (err->cls == ERR_BUSY)
			err_set(err, ERR_BUSY,
			    "another run holds the lock of "
			    "'%s'; it will do what is due",
			    w->name);
		return -1;
	}
	if (pg_count(rows) == 1)
		rc = keep_row(w, rows, err);
	else
		rc = err_set(err, ERR_STATE,
		    "the watermark row of '%s' "
		    "vanished while it was being locked; run again",
		    w->name);
	pg_rows_free(rows);
	return rc;
}

int
watermark_peek(struct watermark *w, struct err *err)
{
	const char *params[] = { w->name };
	struct pg_rows *rows = NULL;
	int rc = 0;

	if (pg_run(w->pg, sql_peek_watermark, 1, params, &rows, err) == -1)
		return -1;
	if (pg_count(rows) == 1)
		rc = keep_row(w, rows, err);
	pg_rows_free(rows);
	return rc;
}

static int
try_lock(struct watermark *w, struct err *err)
{
	if (pg_begin_idle(w->pg, keeper_idle_ms(), err) == -1)
		return -1;
	if (take_row(w, err) == 0)
		return 0;
	pg_rollback(w->pg);
	return -1;
}

static int
lock(struct watermark *w, struct err *err)
{
	const char *params[] = { w->name };
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int rc;

	if (pg_run(w->pg, sql_ensure_watermark, 1, params, NULL, err) == -1)
		return -1;
	rc = try_lock(w, err);
	for (int tries = 1;
	     rc == -1 && err->cls == ERR_BUSY && tries < LOCK_TRIES; tries++) {
		nanosleep(&pause, NULL);
		rc = try_lock(w, err);
	}
	return rc;
}

int
watermark_lock(struct watermark *w, struct err *err)
{
	int rc;

	FAULT_POINT("state.lock.before");
	rc = keeper_take(w->keeper, err) == 0 ? lock(w, err) : -1;
	rc = keeper_give(w->keeper, rc, err);
	if (rc == 0 && w->keeper == NULL &&
	    (w->keeper = keeper_new(w->pg, w->name, err)) == NULL)
		rc = -1;
	FAULT_POINT("state.lock.after");
	return rc;
}

int
watermark_held(struct watermark *w, struct err *err)
{
	int rc =
	    keeper_take(w->keeper, err) == 0 ? pg_ping(w->pg, true, err) : -1;

	return keeper_give(w->keeper, rc, err);
}

/* Done is what the server says has changed the one row: it may be gone in
 * spite of the lock (a rule or trigger of somebody's), with no error. */
static int
update(struct watermark *w, const char *sql, size_t n,
    const char *const *params, struct err *err)
{
	struct pg_rows *rows = NULL;
	int rc = keeper_take(w->keeper, err) == 0
	    ? pg_run(w->pg, sql, n, params, &rows, err)
	    : -1;

	if (rc == 0 && pg_affected(rows) != 1)
		rc = err_set(err, ERR_STATE,
		    "the watermark of '%s' was not written: %zu rows of "
		    "offload_watermarks changed; see which triggers, rules or "
		    "policies that table has, then run it again",
		    w->name, pg_affected(rows));
	pg_rows_free(rows);
	return keeper_give(w->keeper, rc, err);
}

static int
commit(struct watermark *w, struct err *err)
{
	int rc = keeper_take(w->keeper, err) == 0 ? pg_commit(w->pg, err) : -1;

	return keeper_give(w->keeper, rc, err);
}

int
watermark_waiting(
    struct watermark *w, const char *waiting, bool *changed, struct err *err)
{
	const char *params[] = { w->name, waiting };
	struct pg_rows *rows = NULL;
	int rc = keeper_take(w->keeper, err) == 0
	    ? pg_run(w->pg, sql_tell_waiting, 2, params, &rows, err)
	    : -1;

	if (rc == 0)
		*changed = pg_affected(rows) == 1;
	pg_rows_free(rows);
	return keeper_give(w->keeper, rc, err);
}

int
watermark_dead_runs(struct watermark *w, struct dead_runs *out, struct err *err)
{
	const char *params[] = { w->name };
	struct pg_rows *rows = NULL;
	int rc = keeper_take(w->keeper, err) == 0
	    ? pg_run(w->pg, sql_find_dead_runs, 1, params, &rows, err)
	    : -1;

	*out = (struct dead_runs){ 0 };
	if (rc == 0) {
		out->n = pg_count(rows);
		out->ids = xcalloc(out->n + 1, sizeof(*out->ids));
		for (size_t k = 0; k < out->n; k++)
			out->ids[k] = xstrdup(pg_text(rows, k, 0));
	}
	pg_rows_free(rows);
	return keeper_give(w->keeper, rc, err);
}

int
watermark_collected(
    struct watermark *w, const struct dead_runs *runs, struct err *err)
{
	const char *params[1];
	struct buf ids;
	int rc;

	buf_init(&ids, 0);
	for (size_t k = 0; k < runs->n; k++)
		buf_printf(&ids, "%c%s", k == 0 ? '{' : ',', runs->ids[k]);
	buf_put_str(&ids, "}");
	params[0] = buf_cstr(&ids);
	rc = keeper_take(w->keeper, err) == 0
	    ? pg_run(w->pg, sql_mark_collected, 1, params, NULL, err)
	    : -1;
	buf_clear(&ids);
	return keeper_give(w->keeper, rc, err);
}

void
dead_runs_clear(struct dead_runs *runs)
{
	for (size_t k = 0; k < runs->n; k++)
		free(runs->ids[k]);
	free(runs->ids);
	*runs = (struct dead_runs){ 0 };
}

int
watermark_keep(struct watermark *w, struct err *err)
{
	return commit(w, err);
}

/* The position is what was read, or written, last. */
static int
as_left(struct watermark *w, const struct position *left, struct err *err)
{
	if (position_compare(&w->position, left) == 0)
		return 0;
	pg_rollback(w->pg);
	return err_set(err, ERR_CONFLICT,
	    "the watermark of '%s' was moved while the run went on; run it "
	    "again",
	    w->name);
}

/* Nobody else who asks for the lock finds no transaction in between. */
static int
commit_and_lock(struct watermark *w, struct position left, struct err *err)
{
	int rc = keeper_take(w->keeper, err) == 0 ? pg_commit(w->pg, err) : -1;

	FAULT_POINT("state.commit.between");
	if (rc == 0)
		rc = lock(w, err);
	if (rc == 0)
		rc = as_left(w, &left, err);
	return keeper_give(w->keeper, rc, err);
}

static int
put_position(
    struct watermark *w, const struct watermark_progress *p, struct err *err)
{
	const struct position us = cut_to_us(p->position);
	char timestamp[POSITION_TEXT], text[POSITION_TEXT];
	char sequence[POSITION_TEXT], run_rows[24], new_rows[24], seconds[32];
	const char *params[] = { w->name, timestamp, text, NULL, p->run_id,
		run_rows, new_rows, seconds, p->source_uuid, p->target_uuid,
		p->seen };

	position_format_timestamp(&us, timestamp);
	position_format(p->position, text);
	position_format_sequence(p->position, sequence);
	if (sequence[0] != '\0')
		params[3] = sequence;
	snprintf(run_rows, sizeof run_rows, "%" PRIu64, p->run_rows);
	snprintf(new_rows, sizeof new_rows, "%" PRIu64, p->new_rows);
	snprintf(seconds, sizeof seconds, "%.3f", p->seconds);
	FAULT_POINT("state.advance.before");
	return update(w, sql_advance_watermark, 11, params, err);
}

int
watermark_advance(
    struct watermark *w, const struct watermark_progress *p, struct err *err)
{
	if (put_position(w, p, err) == -1)
		return -1;
	FAULT_POINT("state.commit.before");
	if (commit(w, err) == -1)
		return -1;
	FAULT_POINT("state.commit.after");
	w->position = *p->position;
	if (p->seen != NULL && !seen_parse(&w->seen, p->seen))
		return err_set(err, ERR_BUG, "what was seen does not parse");
	return 0;
}

int
watermark_move(
    struct watermark *w, const struct watermark_progress *p, struct err *err)
{
	return put_position(w, p, err) == -1
	    ? -1
	    : commit_and_lock(w, *p->position, err);
}

int
watermark_forget(struct watermark *w, struct err *err)
{
	const struct position none = { .set = false };
	const char *params[] = { w->name };

	FAULT_POINT("state.forget.before");
	return update(w, sql_forget_position, 1, params, err) == -1
	    ? -1
	    : commit_and_lock(w, none, err);
}
