/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of source a job reads from; everything else is the kind's. */
#include <stdlib.h>
#include <string.h>

#include "worker/source/source_kind.h"

static const struct kind {
	const char *name;
	struct source *(*open)(const struct job *, struct err *);
} kinds[] = {
	{ "clickhouse", clickhouse_open },
	{ "postgres", postgres_open },
};

static int
cannot(const char *what, struct err *err)
{
	return err_set(err, ERR_BUG, "this kind of source has no %s", what);
}

struct source *
source_open(const struct job *job, struct err *err)
{
	const char *name = job->source_kind != NULL ? job->source_kind : "";

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (strcmp(kinds[k].name, name) == 0)
			return kinds[k].open(job, err);
	err_set(err, ERR_CONFIG,
	    "unknown kind of source '%s'; use clickhouse or "
	    "postgres",
	    name);
	return NULL;
}

void
source_close(struct source *s)
{
	if (s != NULL)
		s->ops->close(s);
}

int
source_describe(struct source *s, struct source_table *out, struct err *err)
{
	return s->ops->describe(s, out, err);
}

void
source_table_clear(struct source_table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++) {
		free(t->columns[i].name);
		free(t->columns[i].type);
	}
	free(t->columns);
	free(t->engine);
	*t = (struct source_table){ 0 };
}

int
source_resolve(struct source *s, const struct type *existing, source_note *note,
    void *note_arg, struct type *out, struct err *err)
{
	return s->ops->resolve(s, existing, note, note_arg, out, err);
}

int
source_clock(struct source *s, int64_t *us, struct err *err)
{
	return s->ops->clock(s, us, err);
}

int
source_day(struct source *s, int64_t us, int64_t *day, struct err *err)
{
	return s->ops->day != NULL ? s->ops->day(s, us, day, err)
				   : cannot("days in a zone", err);
}

int
source_visible(struct source *s, int64_t *us, source_note *note, void *note_arg,
    struct err *err)
{
	return s->ops->visible != NULL
	    ? s->ops->visible(s, us, note, note_arg, err)
	    : 0;
}

int
source_lag(struct source *s, int64_t *us, source_note *note, void *note_arg,
    struct err *err)
{
	int64_t clock_us, visible_us;

	if (source_clock(s, &clock_us, err) == -1)
		return -1;
	visible_us = clock_us;
	if (source_visible(s, &visible_us, note, note_arg, err) == -1)
		return -1;
	*us = clock_us - visible_us;
	return 0;
}

int
source_count(struct source *s, const struct window *w, struct source_count *out,
    struct err *err)
{
	*out = (struct source_count){ .rows = 0 };
	return s->ops->count(s, w, out, err);
}

int
source_days(struct source *s, const struct window *from,
    const struct position *upto, source_each_day *each, void *arg,
    struct err *err)
{
	return s->ops->days != NULL
	    ? s->ops->days(s, from, upto, each, arg, err)
	    : cannot("days", err);
}

int
source_begin(struct source *s, const struct window *w, const char *query_id,
    struct err *err)
{
	s->ops->end(s);
	s->rows = 0;
	s->furthest = (struct position){ 0 };
	return s->ops->begin(s, w, query_id, err);
}

int
source_next(struct source *s, const struct batch **out, struct err *err)
{
	return s->ops->next(s, out, err);
}

void
source_furthest(const struct source *s, struct position *out)
{
	*out = s->furthest;
}

uint64_t
source_rows(const struct source *s)
{
	return s->rows;
}

uint64_t
source_bytes_received(const struct source *s)
{
	return s->ops->received(s);
}

void
source_end(struct source *s)
{
	s->ops->end(s);
}

/* ---- several at once ---- */

int
source_horizon(struct source *s, struct source_horizon *out, source_note *note,
    void *note_arg, struct err *err)
{
	return s->ops->horizon != NULL
	    ? s->ops->horizon(s, out, note, note_arg, err)
	    : cannot("horizon", err);
}

int
source_wall(
    struct source *s, int64_t instant_us, int64_t *wall_us, struct err *err)
{
	return s->ops->wall != NULL ? s->ops->wall(s, instant_us, wall_us, err)
				    : cannot("wall clock", err);
}

int
source_back(struct source *s, int64_t ticks, int64_t lookback_ms, int64_t *out,
    struct err *err)
{
	return s->ops->back != NULL
	    ? s->ops->back(s, ticks, lookback_ms, out, err)
	    : cannot("wall clock", err);
}

int
source_transactions(
    struct source *s, uint64_t *oldest, uint64_t *next, struct err *err)
{
	return s->ops->transactions != NULL
	    ? s->ops->transactions(s, oldest, next, err)
	    : cannot("transactions", err);
}

int
source_unlike(struct source *s, const struct window *w, const char *column,
    bool known, const char *text, uint64_t *rows, struct err *err)
{
	return s->ops->unlike != NULL
	    ? s->ops->unlike(s, w, column, known, text, rows, err)
	    : cannot("comparing of a column", err);
}

int
source_freeze(struct source *s, const struct window *whole,
    char snapshot[SOURCE_SNAPSHOT_TEXT], struct err *err)
{
	return s->ops->freeze != NULL ? s->ops->freeze(s, whole, snapshot, err)
				      : cannot("snapshots", err);
}

int
source_join(struct source *s, const struct window *whole, const char *snapshot,
    struct err *err)
{
	return s->ops->join != NULL ? s->ops->join(s, whole, snapshot, err)
				    : cannot("snapshots", err);
}

int
source_ranges(struct source *s, const struct window *w,
    const struct source_count *counted, uint64_t rows_each, int64_t **bounds,
    size_t *n, struct err *err)
{
	return s->ops->ranges != NULL
	    ? s->ops->ranges(s, w, counted, rows_each, bounds, n, err)
	    : cannot("ranges", err);
}
