/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts, ranges, and the rows of a window as COPY's binary format
 * (PostgreSQL documentation, "COPY", "Binary Format"; format.md 3.4).
 *
 * Rows come as rows. They are gathered by the thousand, only the place of each
 * value being noted; then column after column is decoded in one loop each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/postgres.h"

enum { SQL_MAX = 16 << 20, RANGES_MAX = 10000 };
/* Looked at to place a range's bound; they come by pages of some ten rows. */
enum { SAMPLE_ROWS = 2000 };

/* One statement's row; NULL on failure. */
static struct pg_rows *
ask(struct postgres *s, struct buf *sql, size_t ncols, struct err *err)
{
	struct pg_rows *rows;

	if (sql->over) {
		err_set(err, ERR_LIMIT,
		    "the column names of '%s' are too long for one statement; "
		    "exclude some",
		    s->table);
		return NULL;
	}
	if (pg_run(s->pg, buf_cstr(sql), 0, NULL, &rows, err) == -1)
		return NULL;
	if (pg_count(rows) == 0 && ncols > 0) {
		pg_rows_free(rows);
		err_set(err, ERR_DATA, "an answer of the source has no rows");
		return NULL;
	}
	return rows;
}

static int64_t
number(const struct pg_rows *rows, size_t row, size_t col, int64_t missing)
{
	const char *text = pg_text(rows, row, col);

	return text != NULL ? strtoll(text, NULL, 10) : missing;
}

/* An expression of a timestamp, as ticks. */
static void
put_ticks(struct buf *sql, const struct postgres *s, const char *expression)
{
	if (s->scale == SCALE_DAYS)
		buf_printf(sql, "(%s - '1970-01-01'::date)", expression);
	else if (s->scale == 3)
		buf_put_str(sql, expression);
	else
		buf_printf(sql,
		    "round(extract(epoch FROM %s) * 1000000)::bigint",
		    expression);
}

/* ---- counts ---- */

/* Where the server promises nothing, a view's columns, the key is looked at. */
static int
check_key(struct postgres *s, const struct window *w, struct err *err)
{
	struct pg_rows *rows;
	struct buf sql;
	int rc = 0;

	if (s->promises || s->job->nkey == 0)
		return 0;
	buf_init(&sql, SQL_MAX);
	buf_put_str(&sql, "SELECT ");
	for (size_t k = 0; k < s->job->nkey; k++) {
		buf_printf(
		    &sql, "%scount(*) FILTER (WHERE ", k > 0 ? ", " : "");
		postgres_identifier(&sql, s->job->key[k]);
		buf_put_str(&sql, " IS NULL)");
	}
	buf_printf(&sql, " FROM %s WHERE ", s->table);
	postgres_window(&sql, s, w);
	rows = ask(s, &sql, 1, err);
	buf_clear(&sql);
	if (rows == NULL)
		return -1;
	for (size_t k = 0; rc == 0 && k < s->job->nkey; k++)
		if (number(rows, 0, k, 0) > 0)
			rc = err_set(err, ERR_DATA,
			    "%" PRId64 " rows have NULL in the key column "
			    "'%s', which no key can be; leave them out of the "
			    "%s, or fill them",
			    number(rows, 0, k, 0), s->job->key[k], s->kind);
	pg_rows_free(rows);
	return rc;
}

/* NULLs are in no window, so they are looked for in the whole table. */
static int
check_nulls(struct postgres *s, struct err *err)
{
	struct pg_rows *rows;
	struct buf sql;
	int64_t nulls;

	if (s->timestamp->not_null)
		return 0;
	buf_init(&sql, SQL_MAX);
	buf_printf(&sql, "SELECT count(*) FROM %s WHERE ", s->table);
	postgres_identifier(&sql, s->timestamp->name);
	buf_put_str(&sql, " IS NULL");
	rows = ask(s, &sql, 1, err);
	buf_clear(&sql);
	if (rows == NULL)
		return -1;
	nulls = number(rows, 0, 0, 0);
	pg_rows_free(rows);
	if (nulls == 0)
		return 0;
	return err_set(err, ERR_DATA,
	    "%" PRId64 " rows have NULL in the timestamp column '%s', and "
	    "would never be read; fill or delete them in the source",
	    nulls, s->timestamp->name);
}

/* Rows from a time on, and those before all times: in no window. */
static void
put_outside(struct buf *sql, const struct postgres *s, int64_t from)
{
	struct buf at, condition;

	buf_init(&at, SQL_MAX);
	buf_init(&condition, SQL_MAX);
	postgres_identifier(&at, s->timestamp->name);
	buf_printf(&condition, "%s >= ", buf_cstr(&at));
	postgres_literal(&condition, s, from);
	buf_printf(
	    sql, "SELECT count(*) FILTER (WHERE %s), ", buf_cstr(&condition));
	if (s->scale == 3) {
		buf_printf(sql, "max(%s), 0, 0 FROM %s WHERE %s", buf_cstr(&at),
		    s->table, buf_cstr(&condition));
	} else {
		struct buf max;

		buf_init(&max, SQL_MAX);
		buf_printf(&max, "max(%s) FILTER (WHERE isfinite(%s) AND %s)",
		    buf_cstr(&at), buf_cstr(&at), buf_cstr(&condition));
		put_ticks(sql, s, buf_cstr(&max));
		buf_printf(sql,
		    ", count(*) FILTER (WHERE %s = 'infinity'),"
		    " count(*) FILTER (WHERE %s = '-infinity') FROM %s WHERE"
		    " %s OR %s = '-infinity'",
		    buf_cstr(&at), buf_cstr(&at), s->table,
		    buf_cstr(&condition), buf_cstr(&at));
		buf_clear(&max);
	}
	buf_clear(&at);
	buf_clear(&condition);
}

static int
count_outside(
    struct postgres *s, int64_t from, struct source_count *out, struct err *err)
{
	struct pg_rows *rows;
	struct buf sql;
	int64_t never;

	buf_init(&sql, SQL_MAX);
	put_outside(&sql, s, from);
	rows = ask(s, &sql, 1, err);
	buf_clear(&sql);
	if (rows == NULL)
		return -1;
	out->ahead = (uint64_t)number(rows, 0, 0, 0);
	out->ahead_ticks = number(rows, 0, 2, 0) > 0
	    ? INT64_MAX
	    : number(rows, 0, 1, INT64_MAX);
	never = number(rows, 0, 3, 0);
	pg_rows_free(rows);
	if (never == 0)
		return 0;
	return err_set(err, ERR_DATA,
	    "%" PRId64 " rows have -infinity in the timestamp column '%s', "
	    "and would never be read; give them a time in the source",
	    never, s->timestamp->name);
}

int
postgres_count(struct source *source, const struct window *w,
    struct source_count *out, struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct buf sql, column;
	struct pg_rows *rows;

	if (postgres_settle(s, err) == -1 || check_nulls(s, err) == -1 ||
	    check_key(s, w, err) == -1 ||
	    (w->has_ahead && count_outside(s, w->ahead_ticks, out, err) == -1))
		return -1;
	buf_init(&sql, SQL_MAX);
	buf_init(&column, SQL_MAX);
	buf_put_str(&sql, "SELECT count(*)");
	for (int k = 0; k < 2; k++) {
		buf_reset(&column);
		buf_put_str(&column, k == 0 ? "min(" : "max(");
		postgres_identifier(&column, s->timestamp->name);
		buf_put_str(&column, ")");
		if (s->scale != 3) { /* infinite ones have no ticks */
			buf_put_str(&column, " FILTER (WHERE isfinite(");
			postgres_identifier(&column, s->timestamp->name);
			buf_put_str(&column, "))");
		}
		buf_put_str(&sql, ", ");
		put_ticks(&sql, s, buf_cstr(&column));
	}
	buf_printf(&sql, " FROM %s WHERE ", s->table);
	postgres_window(&sql, s, w);
	rows = ask(s, &sql, 1, err);
	buf_clear(&sql);
	buf_clear(&column);
	if (rows == NULL)
		return -1;
	out->rows = (uint64_t)number(rows, 0, 0, 0);
	out->min_ticks = number(rows, 0, 1, 0);
	out->max_ticks = number(rows, 0, 2, 0);
	pg_rows_free(rows);
	return 0;
}

int
postgres_unlike(struct source *source, const struct window *w,
    const char *column, bool known, const char *text, uint64_t *rows,
    struct err *err)
{
	struct postgres *s = postgres_of(source);
	const char *const params[] = { text };
	struct pg_rows *got = NULL;
	struct buf sql;
	int rc;

	if (postgres_settle(s, err) == -1)
		return -1;
	buf_init(&sql, SQL_MAX);
	buf_printf(&sql, "SELECT count(*) FROM %s WHERE ", s->table);
	postgres_window(&sql, s, w);
	if (known) {
		buf_put_str(&sql, " AND ");
		postgres_identifier(&sql, column);
		buf_put_str(&sql, "::text IS DISTINCT FROM $1::text");
	}
	rc = pg_run(s->pg, buf_cstr(&sql), known, params, &got, err);
	*rows = rc == 0 ? (uint64_t)number(got, 0, 0, 0) : 0;
	pg_rows_free(got);
	buf_clear(&sql);
	return rc;
}

/* ---- ranges ---- */

/* Where the window is most of a large table, a sample of its pages will do;
 * otherwise an index finds the rows. */
static int
put_sample(struct postgres *s, struct buf *sql, uint64_t rows, size_t ranges,
    struct err *err)
{
	const uint64_t sample = (uint64_t)SAMPLE_ROWS * ranges;
	struct pg_rows *got;
	struct buf ask_size;
	double tuples;

	if (rows < 4 * sample || !s->has_ctid)
		return 0;
	buf_init(&ask_size, SQL_MAX);
	buf_put_str(&ask_size,
	    "SELECT greatest(sum(c.reltuples), 0)::bigint FROM "
	    "pg_partition_tree('");
	for (const char *p = s->table; *p != '\0'; p++) {
		if (*p == '\'' || *p == '\\')
			buf_put_u8(&ask_size, (uint8_t)*p);
		buf_put_u8(&ask_size, (uint8_t)*p);
	}
	buf_put_str(&ask_size,
	    "'::regclass) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf");
	got = ask(s, &ask_size, 1, err);
	buf_clear(&ask_size);
	if (got == NULL)
		return -1;
	tuples = (double)number(got, 0, 0, 0);
	pg_rows_free(got);
	if (tuples > 0 && tuples < 4.0 * (double)rows)
		buf_printf(sql, " TABLESAMPLE SYSTEM (%.6f)",
		    100.0 * (double)sample / (double)rows);
	return 0;
}

static int
put_quantiles(struct postgres *s, const struct window *w, uint64_t rows,
    size_t n, struct buf *sql, struct err *err)
{
	buf_put_str(sql, "SELECT DISTINCT ");
	put_ticks(sql, s, "q");
	buf_put_str(sql, " FROM (SELECT unnest(percentile_disc(ARRAY[");
	for (size_t k = 1; k < n; k++)
		buf_printf(
		    sql, "%s%.9f", k > 1 ? "," : "", (double)k / (double)n);
	buf_put_str(sql, "]) WITHIN GROUP (ORDER BY ");
	postgres_identifier(sql, s->timestamp->name);
	buf_printf(sql, ")) AS q FROM %s", s->table);
	if (put_sample(s, sql, rows, n, err) == -1)
		return -1;
	buf_put_str(sql, " WHERE ");
	postgres_window(sql, s, w);
	if (s->scale != 3) {
		buf_put_str(sql, " AND isfinite(");
		postgres_identifier(sql, s->timestamp->name);
		buf_put_str(sql, ")");
	}
	buf_put_str(sql, ") AS quantiles ORDER BY 1");
	return 0;
}

int
postgres_ranges(struct source *source, const struct window *w,
    const struct source_count *counted, uint64_t rows_each, int64_t **bounds,
    size_t *n, struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct pg_rows *rows = NULL;
	struct buf sql;
	size_t want;

	want = rows_each > 0 ? (counted->rows + rows_each - 1) / rows_each : 1;
	if (want > RANGES_MAX)
		want = RANGES_MAX;
	buf_init(&sql, SQL_MAX);
	if (want > 1 &&
	    (put_quantiles(s, w, counted->rows, want, &sql, err) == -1 ||
		(rows = ask(s, &sql, 0, err)) == NULL)) {
		buf_clear(&sql);
		return -1;
	}
	buf_clear(&sql);
	*bounds = xcalloc(want + 1, sizeof(**bounds));
	*n = 0;
	for (size_t k = 0; rows != NULL && k < pg_count(rows); k++) {
		int64_t at = number(rows, k, 0, INT64_MIN);

		/* the row at a bound belongs to the range that it begins */
		if (at > (*n > 0 ? (*bounds)[*n - 1] : counted->min_ticks) &&
		    at < w->high_ticks && *n < want)
			(*bounds)[(*n)++] = at;
	}
	(*bounds)[(*n)++] = w->high_ticks;
	pg_rows_free(rows);
	return 0;
}

/* ---- rows ----------------------------------------------------------------- */

int
postgres_begin(struct source *source, const struct window *w,
    const char *query_id, struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct buf sql;
	int rc;

	(void)query_id;
	s->window = *w;
	s->header_seen = s->trailer_seen = s->ended = false;
	buf_init(&sql, SQL_MAX);
	postgres_select(&sql, s, w);
	rc = sql.over ? err_set(err, ERR_LIMIT,
			    "the column names of '%s' are too long for one "
			    "statement; exclude some",
			    s->table)
		      : pg_copy_begin(s->pg, buf_cstr(&sql), err);
	buf_clear(&sql);
	s->open = rc == 0;
	return rc;
}

static void
free_messages(struct postgres *s)
{
	for (size_t k = 0; k < s->nmessages; k++)
		pg_copy_free(s->messages[k]);
	s->nmessages = 0;
	s->nrows = 0;
}

/* Gathers rows for one batch; 0 when the copy ended, well and whole. */
static int
gather(struct postgres *s, struct err *err)
{
	size_t bytes = 0, len;
	char *data;
	int rc = 1;

	while (s->nrows < POSTGRES_ROWS && bytes < POSTGRES_BATCH_BYTES) {
		size_t before = s->nrows;

		if ((rc = pg_copy_next(s->pg, &data, &len, err)) != 1)
			break;
		if (postgres_take(s, (const uint8_t *)data, len, err) == -1) {
			pg_copy_free(data);
			return -1;
		}
		s->received += len;
		bytes += len;
		if (s->nrows > before)
			s->messages[s->nmessages++] = data;
		else
			pg_copy_free(data);
	}
	if (rc == 0 && !s->trailer_seen)
		return err_set(err, ERR_DATA,
		    "corrupt stream: no end in the rows of the source; run it "
		    "again");
	return rc;
}

static int
note_furthest(struct postgres *s, struct err *err)
{
	const struct vec *ts = &s->batch->cols[s->timestamp_wire];
	int64_t low = INT64_MAX, high = INT64_MIN;
	struct position p = { .set = true, .scale = s->scale };

	if (ts->null != NULL && memchr(ts->null, 1, ts->n) != NULL)
		return err_set(err, ERR_DATA,
		    "NULL in column '%s', which gives the position; fill or "
		    "delete such rows in the source",
		    s->timestamp->name);
	for (size_t k = 0; k < ts->n; k++) {
		int64_t v;

		if (ts->width == 4) {
			int32_t day;

			memcpy(&day, ts->fixed + 4 * k, 4);
			v = day;
		} else {
			memcpy(&v, ts->fixed + 8 * k, 8);
		}
		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	if (high >= s->window.high_ticks ||
	    (s->window.has_start && low < s->window.start_ticks))
		return err_set(err, ERR_DATA,
		    "the source sent a row outside of the window that was "
		    "asked for; run it again");
	p.ticks = high;
	if (position_compare(&p, &s->source.furthest) > 0)
		s->source.furthest = p;
	return 0;
}

static int
decode(struct postgres *s, struct err *err)
{
	s->batch = &s->batches[s->batch == s->batches];
	s->batch->nrows = s->nrows;
	for (size_t k = 0; k < s->nwire; k++)
		if (postgres_values(&s->batch->cols[k], s->wire[k],
			s->cells + k * POSTGRES_ROWS, s->nrows, err) == -1)
			return -1;
	if (note_furthest(s, err) == -1)
		return -1;
	s->source.rows += s->nrows;
	return 0;
}

int
postgres_next(struct source *source, const struct batch **out, struct err *err)
{
	struct postgres *s = postgres_of(source);
	int rc;

	if (!s->open)
		return err_set(err, ERR_BUG, "no stream of rows is open");
	rc = s->ended ? 0 : gather(s, err);
	if (rc == 0)
		s->ended = true;
	if (rc == 0 && s->nrows > 0)
		rc = 1;
	if (rc == 1)
		rc = decode(s, err) == -1 ? -1 : 1;
	if (rc == 1)
		*out = s->batch;
	else
		postgres_end(source);
	free_messages(s);
	return rc;
}

void
postgres_end(struct source *source)
{
	struct postgres *s = postgres_of(source);

	free_messages(s);
	if (s->open && !s->ended)
		pg_cancel(s->pg);
	s->open = false;
}

uint64_t
postgres_received(const struct source *source)
{
	const struct postgres *s = (const void *)source;

	return s->received;
}
