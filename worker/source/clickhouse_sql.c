/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse uses no index for (a, b) > (x, y): tuples are written out, with
 * a >= x in front, which prunes. Bounds are constants of the column's own
 * type; texts of times are used only where every release reads them exactly.
 */
#include "worker/source/clickhouse_sql.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

enum { NOT_A_TIMESTAMP = -2 };

int
sql_timestamp_scale(const struct ch_type *t)
{
	switch (t->kind) {
	case CH_DATE:
	case CH_DATE32:
		return SCALE_DAYS;
	case CH_DATETIME:
		return 0;
	case CH_DATETIME64:
		return t->scale;
	default:
		return NOT_A_TIMESTAMP;
	}
}

static bool
is_unsigned(enum ch_kind kind)
{
	return kind == CH_UINT8 || kind == CH_UINT16 || kind == CH_UINT32 ||
	    kind == CH_UINT64;
}

bool
sql_is_sequence(const struct ch_type *t)
{
	return is_unsigned(t->kind) || t->kind == CH_INT8 ||
	    t->kind == CH_INT16 || t->kind == CH_INT32 || t->kind == CH_INT64;
}

/* ---- bounds --------------------------------------------------------------- */

/* Between these, every release with the type reads the text exactly. */
static bool
text_is_exact(const struct ch_type *t, int64_t ticks)
{
	int64_t day;

	return ticks_rescale(ticks, sql_timestamp_scale(t), SCALE_DAYS, &day) &&
	    day >= 0 && day < days_from_civil(2106, 1, 1);
}

static void
put_ticks(struct buf *b, const struct ch_type *t, int64_t ticks)
{
	struct position p = {
		.set = true, .scale = sql_timestamp_scale(t), .ticks = ticks
	};
	char text[POSITION_TEXT], *at;
	long long v = (long long)ticks;

	position_format_timestamp(&p, text);
	if ((at = strchr(text, 'T')) != NULL)
		*at = ' ';
	if ((at = strchr(text, 'Z')) != NULL)
		*at = '\0';
	if (t->kind == CH_DATE)
		buf_printf(b, "toDate(%lld)", v);
	else if (t->kind == CH_DATETIME)
		buf_printf(b, "toDateTime(%lld, 'UTC')", v);
	else if (t->kind == CH_DATE32)
		buf_printf(b, "toDate32('%s')", text);
	else if (text_is_exact(t, ticks))
		buf_printf(b, "toDateTime64('%s', %u, 'UTC')", text, t->scale);
	else
		buf_printf(b,
		    "reinterpret(toInt64('%lld'), "
		    "'DateTime64(%u, \\'UTC\\')')",
		    v, t->scale);
}

static void
ticks_range(const struct ch_type *t, int64_t *min, int64_t *max)
{
	*min = 0;
	switch (t->kind) {
	case CH_DATE:
		*max = UINT16_MAX;
		break;
	case CH_DATETIME:
		*max = UINT32_MAX;
		break;
	case CH_DATE32:
		/* 1900-01-01 to 2299-12-31, which the type itself keeps to */
		*min = days_from_civil(1900, 1, 1);
		*max = days_from_civil(2299, 12, 31);
		break;
	default:
		*min = INT64_MIN;
		*max = INT64_MAX;
		break;
	}
}

/* "timestamp <op> ticks"; op is <, <=, >, >= or =. */
static void
compare_ticks(
    struct buf *b, const struct sql_order *o, const char *op, int64_t ticks)
{
	int64_t min, max;

	ticks_range(o->timestamp_type, &min, &max);
	if (ticks < min) {
		buf_put_str(b, op[0] == '>' ? "1" : "0");
	} else if (ticks > max) {
		buf_put_str(b, op[0] == '<' ? "1" : "0");
	} else {
		sql_identifier(b, o->timestamp);
		buf_printf(b, " %s ", op);
		put_ticks(b, o->timestamp_type, ticks);
	}
}

static void
compare_sequence(
    struct buf *b, const struct sql_order *o, const char *op, __int128 v)
{
	bool no_sign = is_unsigned(o->sequence_type->kind);
	unsigned bits = ch_type_width(o->sequence_type) * 8;
	__int128 max = ((__int128)1 << (no_sign ? bits : bits - 1)) - 1;
	__int128 min = no_sign ? 0 : -max - 1;

	if (v < min) {
		buf_put_str(b, op[0] == '>' ? "1" : "0");
	} else if (v > max) {
		buf_put_str(b, op[0] == '<' ? "1" : "0");
	} else {
		sql_identifier(b, o->sequence);
		if (no_sign)
			buf_printf(b, " %s toUInt64('%llu')", op,
			    (unsigned long long)v);
		else
			buf_printf(b, " %s toInt64('%lld')", op, (long long)v);
	}
}

/* The position's timestamp in the column's ticks. 0 exact, 1 the position
 * lies between this tick and the next; -2 before, 2 after all ticks. */
static int
position_ticks(
    const struct sql_order *o, const struct position *p, int64_t *ticks)
{
	int scale = sql_timestamp_scale(o->timestamp_type);
	int64_t back;

	if (!ticks_rescale(p->ticks, p->scale, scale, ticks))
		return p->ticks < 0 ? -2 : 2;
	if (!ticks_rescale(*ticks, scale, p->scale, &back) || back != p->ticks)
		return 1;
	return 0;
}

static void
put_after(struct buf *b, const struct sql_order *o, const struct position *p)
{
	int64_t ticks = 0;
	int where = position_ticks(o, p, &ticks);

	if (where == 2 || where == -2) {
		buf_put_str(b, where == 2 ? "0" : "1");
	} else if (where == 1 || !p->has_sequence || o->sequence == NULL) {
		compare_ticks(b, o, ">", ticks);
	} else {
		compare_ticks(b, o, ">=", ticks);
		buf_put_str(b, " AND (");
		compare_ticks(b, o, ">", ticks);
		buf_put_str(b, " OR (");
		compare_ticks(b, o, "=", ticks);
		buf_put_str(b, " AND ");
		compare_sequence(b, o, ">", p->sequence);
		buf_put_str(b, "))");
	}
}

void
sql_from(struct buf *b, const struct sql_order *o, const struct window *w)
{
	if (w->has_start) {
		buf_put_str(b, " AND ");
		compare_ticks(b, o, ">=", w->start_ticks);
	}
	if (w->low.set) {
		buf_put_str(b, " AND ");
		put_after(b, o, &w->low);
	}
}

void
sql_window(struct buf *b, const struct sql_order *o, const struct window *w)
{
	compare_ticks(b, o, "<", w->high_ticks);
	sql_from(b, o, w);
}

void
sql_ahead(struct buf *b, const struct sql_order *o, const struct window *w)
{
	compare_ticks(b, o, ">=", w->ahead_ticks);
}

void
sql_upto(struct buf *b, const struct sql_order *o, const struct position *p)
{
	int64_t ticks = 0;
	int where = p->set ? position_ticks(o, p, &ticks) : -2;

	if (where == 2 || where == -2) {
		buf_put_str(b, where == 2 ? "1" : "0");
	} else if (where == 1 || !p->has_sequence || o->sequence == NULL) {
		compare_ticks(b, o, "<=", ticks);
	} else {
		compare_ticks(b, o, "<=", ticks);
		buf_put_str(b, " AND (");
		compare_ticks(b, o, "<", ticks);
		buf_put_str(b, " OR ");
		compare_sequence(b, o, "<=", p->sequence);
		buf_put_str(b, ")");
	}
}

void
sql_day(struct buf *b, const struct sql_order *o)
{
	struct buf raw;
	int64_t per_day = 86400;

	buf_init(&raw, 1 << 20);
	switch (o->timestamp_type->kind) {
	case CH_DATE:
	case CH_DATE32:
		buf_put_str(b, "toInt64(assumeNotNull(");
		sql_identifier(b, o->timestamp);
		buf_put_str(b, "))");
		break;
	case CH_DATETIME:
		buf_put_str(b, "toInt64(intDiv(toUInt32(assumeNotNull(");
		sql_identifier(b, o->timestamp);
		buf_put_str(b, ")), 86400))");
		break;
	default:
		for (unsigned i = 0; i < o->timestamp_type->scale; i++)
			per_day *= 10;
		buf_put_str(&raw, "reinterpretAsInt64(assumeNotNull(");
		sql_identifier(&raw, o->timestamp);
		buf_put_str(&raw, "))");
		/* intDiv() cuts towards zero */
		buf_printf(b, "toInt64(intDiv(%s, %lld) - (%s %% %lld < 0))",
		    buf_cstr(&raw), (long long)per_day, buf_cstr(&raw),
		    (long long)per_day);
		break;
	}
	buf_clear(&raw);
}
