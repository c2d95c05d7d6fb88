/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting a window and streaming it. The furthest position is taken from
 * the values as they came, before any conversion, and every batch is checked
 * to lie within the window.
 */
#include "worker/source/clickhouse.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/answer.h"

enum { SQL_MAX = 16 << 20, ANSWER_MAX = 64 << 20 };
static const uint64_t BLOCK_MIN = UINT64_C(64) << 20;
static const uint64_t BLOCK_DEFAULT = UINT64_C(512) << 20;
static const uint64_t BLOCK_MAX = UINT64_C(1) << 30;

static void
put_from(struct clickhouse *s, struct buf *sql)
{
	buf_printf(sql, " FROM %s%s", s->table, s->job->final ? " FINAL" : "");
}

/* Ticks as RowBinary has them. */
static int64_t
get_ticks(const struct clickhouse *s, struct cursor *at)
{
	switch (s->order.timestamp_type->kind) {
	case CH_DATE:
		return cursor_u16(at);
	case CH_DATE32:
		return (int32_t)cursor_u32(at);
	case CH_DATETIME:
		return cursor_u32(at);
	default:
		return (int64_t)cursor_u64(at);
	}
}

/* function(timestamp), or functionIf(timestamp, condition) */
static void
put_of_timestamp(struct clickhouse *s, struct buf *sql, const char *function,
    const char *condition)
{
	buf_printf(sql, "%s%s(%s", function, condition != NULL ? "If" : "",
	    s->timestamp_nullable ? "assumeNotNull(" : "");
	sql_identifier(sql, s->order.timestamp);
	buf_put_str(sql, s->timestamp_nullable ? ")" : "");
	if (condition != NULL)
		buf_printf(sql, ", %s", condition);
	buf_put_str(sql, ")");
}

/* count(), min and max of the timestamp; condition: NULL all rows read */
static void
put_counts(struct clickhouse *s, struct buf *sql, const char *condition)
{
	if (condition == NULL)
		buf_put_str(sql, "toUInt64(count()), ");
	else
		buf_printf(sql, "toUInt64(countIf(%s)), ", condition);
	put_of_timestamp(s, sql, "min", condition);
	buf_put_str(sql, ", ");
	put_of_timestamp(s, sql, "max", condition);
}

/* An aggregate over a condition that may be NULL would be Nullable, too. */
static void
wrap_condition(
    const struct clickhouse *s, const struct buf *in, struct buf *out)
{
	bool nullable = s->timestamp_nullable || s->sequence_nullable;

	buf_printf(out, nullable ? "ifNull(%.*s, 0)" : "(%.*s)", (int)in->len,
	    (const char *)in->data);
}

/* The window's rows, and those ahead of the clock where they are asked for:
 * an index prunes an OR of ranges as it does each. */
static void
put_count_query(struct clickhouse *s, const struct window *w, struct buf *sql)
{
	struct buf in, ahead, in_text, ahead_text;

	buf_init(&in, SQL_MAX);
	buf_init(&ahead, SQL_MAX);
	buf_init(&in_text, SQL_MAX);
	buf_init(&ahead_text, SQL_MAX);
	sql_window(&in, &s->order, w);
	sql_ahead(&ahead, &s->order, w);
	buf_put_str(sql, "SELECT ");
	if (w->has_ahead) {
		wrap_condition(s, &in, &in_text);
		wrap_condition(s, &ahead, &ahead_text);
		put_counts(s, sql, buf_cstr(&in_text));
		buf_printf(
		    sql, ", toUInt64(countIf(%s)), ", buf_cstr(&ahead_text));
		put_of_timestamp(s, sql, "max", buf_cstr(&ahead_text));
	} else {
		put_counts(s, sql, NULL);
	}
	if (s->complete_us != INT64_MIN) {
		buf_put_str(sql, ", ");
		clickhouse_put_replica(s, sql);
	}
	put_from(s, sql);
	if (w->has_ahead)
		buf_printf(sql, " WHERE (%s) OR (%s)", buf_cstr(&in),
		    buf_cstr(&ahead));
	else
		buf_printf(sql, " WHERE %s", buf_cstr(&in));
	buf_put_str(sql, " FORMAT RowBinary");
	buf_clear(&in);
	buf_clear(&ahead);
	buf_clear(&in_text);
	buf_clear(&ahead_text);
}

static int
no_answer(struct err *err)
{
	return err_set(err, ERR_DATA,
	    "corrupt stream: the answer to a count "
	    "is malformed; run it again");
}

/* ---- counts --------------------------------------------------------------- */

/* NULLs are in no window, so they are looked for in the whole table. */
static int
check_nulls(struct clickhouse *s, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	uint64_t nulls[2] = { 0, 0 };
	int rc;

	if (!s->timestamp_nullable && !s->sequence_nullable)
		return 0;
	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT toUInt64(countIf(isNull(");
	sql_identifier(&sql, s->order.timestamp);
	buf_put_str(&sql, "))), toUInt64(countIf(isNull(");
	sql_identifier(&sql,
	    s->order.sequence != NULL ? s->order.sequence : s->order.timestamp);
	buf_put_str(&sql, ")))");
	put_from(s, &sql);
	buf_put_str(&sql, " FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		nulls[0] = cursor_u64(&at);
		nulls[1] = cursor_u64(&at);
		rc = at.bad ? no_answer(err) : 0;
	}
	if (rc == 0 && nulls[0] + nulls[1] > 0)
		rc = err_set(err, ERR_DATA,
		    "%llu rows have NULL in the %s "
		    "column '%s', and would never be offloaded; fill or delete "
		    "them in the source",
		    (unsigned long long)(nulls[0] > 0 ? nulls[0] : nulls[1]),
		    nulls[0] > 0 ? "timestamp" : "sequence",
		    nulls[0] > 0 ? s->order.timestamp : s->order.sequence);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

/* replica: who has counted, the caller's; NULL where that is no matter. */
static int
count_once(struct clickhouse *s, const struct window *w,
    struct source_count *out, char **replica, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	*replica = NULL;
	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	put_count_query(s, w, &sql);
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		out->rows = cursor_u64(&at);
		out->min_ticks = get_ticks(s, &at);
		out->max_ticks = get_ticks(s, &at);
		if (w->has_ahead) {
			out->ahead = cursor_u64(&at);
			out->ahead_ticks = get_ticks(s, &at);
		}
		if (s->complete_us != INT64_MIN)
			*replica = clickhouse_text(&at);
		if (at.bad || cursor_left(&at) != 0)
			rc = no_answer(err);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
clickhouse_count(struct source *source, const struct window *w,
    struct source_count *out, struct err *err)
{
	/* behind a balancer another replica may answer each time */
	enum { TRIES = 8 };
	struct clickhouse *s = clickhouse_of(source);
	char *replica;
	int rc;

	if (check_nulls(s, err) == -1)
		return -1;
	for (int tries = 1;; tries++) {
		rc = count_once(s, w, out, &replica, err);
		/* not each time: else one that takes turns would count at the
		 * one and be asked at the other for ever */
		if (rc == 0)
			rc = replica == NULL ? 1
					     : clickhouse_may_count(s, replica,
						   tries % 2 == 1, err);
		if (rc == 0 && tries == TRIES)
			rc = clickhouse_other_replica(s, replica, err);
		free(replica);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
	}
}

int
clickhouse_days(struct source *source, const struct window *from,
    const struct position *upto, source_each_day *each, void *arg,
    struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT ");
	sql_day(&sql, &s->order);
	buf_put_str(&sql, ", ");
	put_counts(s, &sql, NULL);
	put_from(s, &sql);
	buf_put_str(&sql, " WHERE ");
	sql_upto(&sql, &s->order, upto);
	sql_from(&sql, &s->order, from);
	buf_put_str(&sql, " GROUP BY ");
	sql_day(&sql, &s->order);
	buf_put_str(&sql, " ORDER BY ");
	sql_day(&sql, &s->order);
	buf_put_str(&sql, " FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	while (rc == 0 && cursor_left(&at) > 0) {
		struct source_day d;

		d.day = (int64_t)cursor_u64(&at);
		d.rows = cursor_u64(&at);
		d.min_ticks = get_ticks(s, &at);
		d.max_ticks = get_ticks(s, &at);
		rc = at.bad ? no_answer(err) : each(arg, &d);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

/* ---- rows ----------------------------------------------------------------- */

static void
put_select(struct clickhouse *s, const struct window *w, struct buf *sql)
{
	bool first = true;

	buf_put_str(sql, "SELECT ");
	for (size_t i = 0; i < s->ncolumns; i++) {
		const struct column *c = &s->columns[i];

		if (!c->chosen)
			continue;
		if (!first)
			buf_put_str(sql, ", ");
		first = false;
		if (c->wire_text == NULL) {
			sql_identifier(sql, c->name);
			continue;
		}
		buf_put_str(sql, "CAST(");
		sql_identifier(sql, c->name);
		buf_printf(sql, " AS %s) AS ", c->wire_text);
		sql_identifier(sql, c->wire_name);
	}
	put_from(s, sql);
	buf_put_str(sql, " WHERE ");
	sql_window(sql, &s->order, w);
	if (s->ordered) {
		buf_put_str(sql, " ORDER BY ");
		sql_identifier(sql, s->order.timestamp);
		if (s->order.sequence != NULL) {
			buf_put_str(sql, ", ");
			sql_identifier(sql, s->order.sequence);
		}
	}
	buf_put_str(sql, " FORMAT Native");
}

static uint64_t
block_budget(const struct job *job)
{
	uint64_t n = job->memory / 4;

	if (job->memory == 0)
		return BLOCK_DEFAULT;
	return n < BLOCK_MIN ? BLOCK_MIN : n > BLOCK_MAX ? BLOCK_MAX : n;
}

int
clickhouse_read_begin(struct source *source, const struct window *w,
    const char *query_id, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	struct buf sql;
	char *parameters, *id;
	int rc;

	s->window = *w;
	buf_init(&sql, SQL_MAX);
	put_select(s, w, &sql);
	if (sql.over) {
		buf_clear(&sql);
		return err_set(err, ERR_LIMIT,
		    "the column names of '%s.%s' "
		    "are too long for one query; exclude some",
		    s->database, s->job->table);
	}
	id = http_escape(query_id);
	parameters = xasprintf("%s&query_id=%s", buf_cstr(&s->parameters), id);
	rc = clickhouse_begin(s->server, s->job->user, parameters,
	    buf_cstr(&sql), s->frames_whole, err);
	free(id);
	free(parameters);
	buf_clear(&sql);
	if (rc == -1)
		return -1;
	stream_init(&s->stream, wire_read, s->server, block_budget(s->job));
	s->stream.over_advice = "its rows are very long: raise limits.memory";
	s->open = true;
	return 0;
}

/*
 * Whether rows came as ORDER BY says: a timestamp or sequence damaged in
 * mid-stream is seen here. The loops look at every row, and so need no branch.
 */
static bool
in_order(const int64_t *ts, const int64_t *seq, uint64_t flip, size_t n)
{
	bool bad = false;

	for (size_t i = 1; i < n; i++)
		bad |= ts[i] < ts[i - 1];
	for (size_t i = 1; seq != NULL && i < n; i++)
		bad |= ts[i] == ts[i - 1] &&
		    ((uint64_t)seq[i] ^ flip) < ((uint64_t)seq[i - 1] ^ flip);
	return !bad;
}

/* Largest timestamp of the batch, and the largest sequence among its rows. */
static int
note_furthest(struct clickhouse *s, const struct batch *b, struct err *err)
{
	const int64_t *ts = native_raw(s->native, s->timestamp_wire);
	const int64_t *seq = s->sequence == NULL
	    ? NULL
	    : native_raw(s->native, s->sequence_wire);
	bool no_sign = seq != NULL && s->order.sequence_type->kind == CH_UINT64;
	uint64_t flip = no_sign ? 0 : (uint64_t)1 << 63, most = 0;
	int64_t min = ts[0], max = ts[0];
	struct position p = { .set = true,
		.scale = sql_timestamp_scale(s->order.timestamp_type) };

	for (size_t i = 1; i < b->nrows; i++) {
		min = ts[i] < min ? ts[i] : min;
		max = ts[i] > max ? ts[i] : max;
	}
	if (max >= s->window.high_ticks ||
	    (s->window.low.set && min < s->window.low.ticks) ||
	    (s->window.has_start && min < s->window.start_ticks))
		return err_set(err, ERR_DATA,
		    "the source sent a row outside "
		    "of the window that was asked for; run it again");
	if (s->ordered &&
	    (!in_order(ts, seq, flip, b->nrows) ||
		(s->source.furthest.set && ts[0] < s->source.furthest.ticks)))
		return err_set(err, ERR_DATA,
		    "corrupt stream: rows came out of "
		    "the order that was asked for; run it again");
	p.ticks = max;
	if (seq != NULL) {
		for (size_t i = 0; i < b->nrows; i++) {
			uint64_t v = ts[i] == max ? (uint64_t)seq[i] ^ flip : 0;

			most = v > most ? v : most;
		}
		p.has_sequence = true;
		p.sequence =
		    no_sign ? (__int128)most : (__int128)(int64_t)(most ^ flip);
	}
	if (position_compare(&p, &s->source.furthest) > 0)
		s->source.furthest = p;
	return 0;
}

static int
refuse_nulls(struct clickhouse *s, const struct batch *b, struct err *err)
{
	const struct vec *ts = &b->cols[s->timestamp_wire];
	const struct vec *seq =
	    s->sequence == NULL ? NULL : &b->cols[s->sequence_wire];
	const char *name =
	    ts->null != NULL && memchr(ts->null, 1, ts->n) != NULL
	    ? s->order.timestamp
	    : seq != NULL && seq->null != NULL &&
		memchr(seq->null, 1, seq->n) != NULL
	    ? s->order.sequence
	    : NULL;

	if (name == NULL)
		return 0;
	return err_set(err, ERR_DATA,
	    "NULL in column '%s', which gives the "
	    "position; fill or delete such rows in the source",
	    name);
}

int
clickhouse_read_next(
    struct source *source, const struct batch **out, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	int rc;

	if (!s->open)
		return err_set(err, ERR_BUG, "no stream of rows is open");
	rc = native_next(s->native, &s->stream, out, err);
	if (rc == 0)
		rc = clickhouse_complete(s->server, s->job->user, err);
	else if (rc == -1)
		clickhouse_explain(s->server, s->job->user, err);
	if (rc == 1 &&
	    (refuse_nulls(s, *out, err) == -1 ||
		note_furthest(s, *out, err) == -1))
		rc = clickhouse_doubt(s->server, err);
	if (rc == 1)
		s->source.rows += (*out)->nrows;
	else
		clickhouse_read_end(&s->source);
	return rc;
}

uint64_t
clickhouse_received(const struct source *source)
{
	const struct clickhouse *s = (const void *)source;

	return http_received(wire_http(s->server));
}

void
clickhouse_read_end(struct source *source)
{
	struct clickhouse *s = clickhouse_of(source);

	if (!s->open)
		return;
	stream_clear(&s->stream);
	http_stop(wire_http(s->server));
	s->open = false;
}
