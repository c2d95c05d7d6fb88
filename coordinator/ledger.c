/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of offload_runs, and the status column of offload_watermarks. */
#include "coordinator/ledger.h"

#include <bsd/stdlib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "embedded/sql.h"

/* An end as finish_run.sql takes it, with its table. */
enum {
	END_RUN,
	END_STATE,
	END_SIGNAL = 11,
	END_CLASS,
	END_TEXT,
	END_PARAMS = 17
};
/* How often, and how far apart, the status of a killed worker's table is
 * written until the server has let its lock go. */
enum { MARK_TRIES = 4, MARK_PAUSE_NS = 20000000 };

/* One that could not be written. */
struct kept_end {
	struct kept_end *next;
	char *table;
	char *params[END_PARAMS];
};

struct ledger {
	const char *conninfo;
	struct pg *pg;
	char key[16]; /* of the advisory lock; "": it only reads */
	bool has_key; /* this session holds it */
	bool runs;    /* some were recorded as running when it was taken */
	char host[256];
	struct mono lost_since; /* 0: it is not */
	struct mono again;      /* no connection is tried before */
	struct err lost;        /* why the last try failed */
	struct kept_end *kept, **kept_last;
};

/*
 * The key is taken again on a new connection. Until the server has noticed
 * that the old session is gone that one may still hold it: just as good for
 * the purpose, but it ends when the server notices, so ledger_keep() tries
 * again. A new key cannot do: rows have the old.
 */
static int
take_key(struct ledger *l, bool first, struct err *err)
{
	const char *const params[] = { l->key };
	struct pg_rows *rows;

	for (int tries = 0; tries < 10; tries++) {
		if (first)
			snprintf(l->key, sizeof l->key, "%" PRIu32,
			    arc4random() >> 1);
		if (pg_run(l->pg, sql_lock_coordinator, 1, params, &rows,
			err) == -1)
			return -1;
		const char *got = pg_text(rows, 0, 0);
		const char *running = pg_text(rows, 0, 1);
		bool taken = got != NULL && strcmp(got, "t") == 0;
		l->runs = running != NULL && strcmp(running, "t") == 0;
		pg_rows_free(rows);
		l->has_key = taken;
		if (taken || !first)
			return 0;
	}
	return err_set(err, ERR_STATE,
	    "cannot find a free key for this "
	    "coordinator in the state database");
}

static int
connect_ledger(struct ledger *l, bool first, struct err *err)
{
	pg_close(l->pg);
	l->has_key = false;
	l->pg = pg_open(l->conninfo, &pg_state, "calve", LEDGER_TIMEOUT_S, err);
	if (l->pg == NULL)
		return -1;
	if (take_key(l, first, err) == 0)
		return 0;
	pg_close(l->pg);
	l->pg = NULL;
	return -1;
}

static int tell_kept(struct ledger *, struct err *);

static void
note_lost(struct ledger *l, struct mono tried, const struct err *err)
{
	const int64_t pause = LEDGER_PAUSE_S * INT64_C(1000000000);
	struct mono now = mono_now();
	int64_t took = now.ns - tried.ns;

	if (l->lost_since.ns == 0)
		l->lost_since = tried;
	l->again.ns = now.ns + (took > pause ? took : pause);
	l->lost = *err;
}

static int
connect_again(struct ledger *l, struct err *err)
{
	struct mono tried = mono_now();

	if (tried.ns < l->again.ns) {
		*err = l->lost;
		return -1;
	}
	log_debug("state database: connecting again");
	if (connect_ledger(l, false, err) == -1 ||
	    (tell_kept(l, err) == -1 && pg_is_lost(l->pg))) {
		note_lost(l, tried, err);
		return -1;
	}
	l->lost_since.ns = 0;
	return 0;
}

/* One statement; once more on a new connection when the old one was lost.
 * Each can be said twice: whether the first one counted is not known. */
static int
run(struct ledger *l, const char *sql, size_t n, const char *const *params,
    struct pg_rows **rows, struct err *err)
{
	if (l->pg != NULL && pg_run(l->pg, sql, n, params, rows, err) == 0)
		return 0;
	if (l->pg != NULL && err->cls == ERR_CONFLICT)
		return pg_run(l->pg, sql, n, params, rows, err);
	if ((l->pg != NULL && !pg_is_lost(l->pg)) || l->key[0] == '\0')
		return -1;
	if (connect_again(l, err) == -1)
		return -1;
	return pg_run(l->pg, sql, n, params, rows, err);
}

static int
fail_orphans(struct ledger *l,
    void (*orphan)(void *, const char *, const char *, const char *), void *arg,
    struct err *err)
{
	struct pg_rows *rows;

	if (pg_run(l->pg, sql_fail_orphans, 0, NULL, &rows, err) == -1) {
		/* Another coordinator is at it: its work is as good. */
		return err->cls == ERR_CONFLICT || err->cls == ERR_BUSY ? 0
									: -1;
	}
	for (size_t row = 0; row < pg_count(rows) && orphan != NULL; row++)
		orphan(arg, pg_text(rows, row, 1), pg_text(rows, row, 2),
		    pg_text(rows, row, 3));
	pg_rows_free(rows);
	return 0;
}

struct ledger *
ledger_open(const char *conninfo,
    void (*orphan)(void *, const char *, const char *, const char *), void *arg,
    struct err *err)
{
	struct ledger *l = xcalloc(1, sizeof *l);

	l->conninfo = conninfo;
	l->kept_last = &l->kept;
	if (gethostname(l->host, sizeof l->host - 1) == -1)
		strcpy(l->host, "unknown");
	if (connect_ledger(l, true, err) == -1 ||
	    (l->runs && fail_orphans(l, orphan, arg, err) == -1)) {
		ledger_close(l);
		return NULL;
	}
	return l;
}

struct ledger *
ledger_open_to_read(const char *conninfo, struct err *err)
{
	struct ledger *l = xcalloc(1, sizeof *l);

	l->conninfo = conninfo;
	l->kept_last = &l->kept;
	l->pg = pg_open(conninfo, &pg_state, "calve", 0, err);
	if (l->pg != NULL)
		return l;
	ledger_close(l);
	return NULL;
}

static void
drop_first_kept(struct ledger *l)
{
	struct kept_end *k = l->kept;

	if ((l->kept = k->next) == NULL)
		l->kept_last = &l->kept;
	for (size_t at = 0; at < END_PARAMS; at++)
		free(k->params[at]);
	free(k->table);
	free(k);
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	while (l->kept != NULL)
		drop_first_kept(l);
	pg_close(l->pg);
	free(l);
}

int
ledger_socket(const struct ledger *l)
{
	return l->pg != NULL && l->has_key ? pg_socket(l->pg) : -1;
}

bool
ledger_keep(struct ledger *l)
{
	struct err err = { 0 };

	if (l->pg != NULL && pg_check(l->pg)) {
		if (l->has_key)
			return true;
		if (take_key(l, false, &err) == 0 && l->has_key)
			return true;
	} else if (connect_again(l, &err) == 0 && l->has_key) {
		return true;
	}
	log_debug("%s",
	    err.cls != ERR_NONE ? err.text
				: "state database: the session that was lost "
				  "still holds this coordinator's key");
	return false;
}

double
ledger_lost_s(const struct ledger *l, const struct err **why)
{
	*why = &l->lost;
	return l->lost_since.ns == 0 ? 0 : mono_seconds_since(l->lost_since);
}

int
ledger_start(struct ledger *l, const char *table, const char *run_id,
    unsigned attempt, struct err *err)
{
	char tries[16];
	const char *const params[] = { run_id, table, l->host, l->key, tries };

	snprintf(tries, sizeof tries, "%u", attempt);
	return run(l, sql_insert_run, 5, params, NULL, err);
}

void
ledger_phase(struct ledger *l, const char *run_id, int pid, enum phase phase)
{
	char text[16];
	const char *const params[] = { run_id, text, phase_name(phase) };
	struct err err = { 0 };

	if (l->pg == NULL || pg_is_lost(l->pg))
		return; /* the run's end is soon enough */
	snprintf(text, sizeof text, "%d", pid);
	if (pg_run(l->pg, sql_update_run, 3, params, NULL, &err) == -1)
		log_debug("phase not shown: %s", err.text);
}

/* Texts of numbers, NULL for "not applicable". */
struct numbers {
	char text[12][32];
	size_t n;
};

static const char *number(struct numbers *t, bool given, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static const char *
number(struct numbers *t, bool given, const char *fmt, ...)
{
	va_list ap;

	if (!given)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(t->text[t->n], sizeof t->text[0], fmt, ap);
	va_end(ap);
	return t->text[t->n++];
}

/* The statements leave a locked row alone: a run is at it. A worker that was
 * killed holds the lock until the server has seen its end, which is soon. */
static void
show_end(struct ledger *l, const char *const params[3], bool killed)
{
	const struct timespec pause = { .tv_nsec = MARK_PAUSE_NS };
	struct err err = { 0 };
	size_t shown = 0;

	for (int tries = killed ? MARK_TRIES : 1; tries > 0 && shown == 0;
	     tries--) {
		struct pg_rows *rows;
		if (pg_run(l->pg, sql_mark_watermark, 3, params, &rows, &err) ==
		    -1) {
			log_debug(
			    "%s: status not shown: %s", params[0], err.text);
			return;
		}
		shown = pg_affected(rows);
		pg_rows_free(rows);
		if (shown == 0 && tries > 1)
			nanosleep(&pause, NULL);
	}
}

static int
tell_end(struct ledger *l, const char *table, const char *const *params,
    struct err *err)
{
	const char *class = params[END_CLASS];
	const char *const mark[] = { table, "failed", params[END_TEXT] };
	const bool killed = params[END_SIGNAL] != NULL;
	int rc;

	rc = pg_run(l->pg, sql_finish_run, END_PARAMS, params, NULL, err);
	if (rc == -1 && err->cls == ERR_CONFLICT)
		rc = pg_run(
		    l->pg, sql_finish_run, END_PARAMS, params, NULL, err);
	if (rc == -1)
		return -1;
	/* Busy: the row is another run's. */
	if (strcmp(params[END_STATE], run_state_name(RUN_SUCCESS)) != 0 &&
	    (class == NULL || strcmp(class, err_class_name(ERR_BUSY)) != 0))
		show_end(l, mark, killed);
	return 0;
}

/* By the connection there is; stops at the first that is not taken. */
static int
tell_kept(struct ledger *l, struct err *err)
{
	while (l->kept != NULL) {
		const char *params[END_PARAMS];

		for (size_t at = 0; at < END_PARAMS; at++)
			params[at] = l->kept->params[at];
		if (tell_end(l, l->kept->table, params, err) == -1)
			return -1;
		drop_first_kept(l);
	}
	return 0;
}

static int
tell_all(struct ledger *l, struct err *err)
{
	if (l->pg != NULL && !pg_is_lost(l->pg)) {
		if (tell_kept(l, err) == 0)
			return 0;
		if (!pg_is_lost(l->pg))
			return -1;
	}
	return connect_again(l, err) == -1 ? -1 : tell_kept(l, err);
}

static void
keep_end(struct ledger *l, const char *table, const char *const *params)
{
	struct kept_end *k = xcalloc(1, sizeof *k);

	k->table = xstrdup(table);
	for (size_t at = 0; at < END_PARAMS; at++)
		k->params[at] = params[at] != NULL ? xstrdup(params[at]) : NULL;
	*l->kept_last = k;
	l->kept_last = &k->next;
}

int
ledger_finish(struct ledger *l, const struct ledger_end *e, struct err *err)
{
	static const struct result none;
	const struct result *r = e->result != NULL ? e->result : &none;
	bool has = e->result != NULL, failed = e->err != NULL;
	struct numbers t = { .n = 0 };
	const char *const params[END_PARAMS] = {
		e->run_id,
		run_state_name(e->state),
		phase_name(e->phase),
		r->window_low,
		r->window_high,
		number(&t, has, "%" PRIu64, r->rows),
		number(&t, has, "%" PRIu64, r->bytes_read),
		number(&t, has, "%" PRIu64, r->bytes_written),
		number(&t, has, "%" PRIu32, r->files),
		number(
		    &t, has && r->snapshot_id != 0, "%" PRId64, r->snapshot_id),
		number(&t, e->exit_code >= 0, "%d", e->exit_code),
		number(&t, e->signal >= 0, "%d", e->signal),
		failed ? err_class_name(e->err->cls) : NULL,
		failed ? e->err->text : NULL,
		number(&t, e->peak_memory > 0, "%" PRIu64, e->peak_memory),
		number(&t, e->pid > 0, "%.3f", e->cpu_s),
		number(&t, e->pid > 0, "%d", e->pid),
	};

	/* In line: what was kept before is told first. */
	keep_end(l, e->table, params);
	return tell_all(l, err);
}

int
ledger_flush(struct ledger *l, struct err *err)
{
	if (l->kept == NULL)
		return 0;
	l->again.ns = 0;
	return tell_all(l, err);
}

int
ledger_skip(
    struct ledger *l, const char *table, const struct err *why, struct err *err)
{
	char run_id[UUID_TEXT];
	const char *const params[] = { run_id, table, l->host, l->key,
		err_class_name(why->cls), why->text };

	uuid_random(run_id);
	return run(l, sql_insert_skipped_run, 6, params, NULL, err);
}

double *
ledger_durations(struct ledger *l, const struct config *c, struct err *err)
{
	struct pg_rows *rows;

	if (run(l, sql_read_durations, 0, NULL, &rows, err) == -1)
		return NULL;
	double *seconds = xcalloc(c->ntables + 1, sizeof *seconds);
	for (size_t row = 0; row < pg_count(rows); row++) {
		const struct config_table *t =
		    config_find(c, pg_text(rows, row, 0));
		if (t != NULL)
			seconds[t - c->tables] =
			    strtod(pg_text(rows, row, 1), NULL);
	}
	pg_rows_free(rows);
	return seconds;
}
