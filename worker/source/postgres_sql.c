/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL text for PostgreSQL, pure. Bounds are literals of the column's own type,
 * so that an index on it serves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/source/postgres.h"

/* As days since 1970: beyond them the server does not read what we write, and
 * rows are but there to be counted. */
enum { YEAR_1 = -719162, YEAR_200000 = 72329000 };

void
postgres_identifier(struct buf *out, const char *name)
{
	buf_put_u8(out, '"');
	for (const char *p = name; *p != '\0'; p++) {
		if (*p == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)*p);
	}
	buf_put_u8(out, '"');
}

/* position_format_timestamp() writes what PostgreSQL reads; a zone at the end
 * is ignored by timestamp and wanted by timestamptz. */
void
postgres_literal(struct buf *out, const struct postgres *s, int64_t ticks)
{
	struct position p = { .set = true, .ticks = ticks, .scale = s->scale };
	const char *type = s->timestamp->type.name;
	char text[POSITION_TEXT];
	int64_t day;

	if (strncmp(type, "int", 3) == 0) {
		buf_printf(out, "(%" PRId64 ")", ticks);
		return;
	}
	if (!ticks_rescale(ticks, s->scale, SCALE_DAYS, &day) || day < YEAR_1 ||
	    day > YEAR_200000)
		snprintf(
		    text, sizeof(text), "%sinfinity", ticks < 0 ? "-" : "");
	else
		position_format_timestamp(&p, text);
	buf_printf(out, "'%s'::%s", text, type);
}

/*
 * A row's xmin has 32 of the id's 64 bits. Rows whose writer may still matter
 * lie within half of the ids before the newest (PostgreSQL documentation,
 * "Preventing Transaction ID Wraparound Failures"); of older ones, which are
 * frozen, some may look as if they were new, and are sent once more. Where
 * only the newest of a key is sent, all versions have to be seen.
 */
static void
put_recheck(struct buf *out, const struct postgres *s, const struct window *w)
{
	if (!w->recheck || !s->has_xmin || s->newest)
		return;
	buf_put_str(out, " AND (");
	postgres_identifier(out, s->timestamp->name);
	buf_put_str(out, " >= ");
	postgres_literal(out, s, w->recheck_ticks);
	buf_printf(out,
	    " OR (xmin::text::bigint + %" PRIu64
	    ") %% 4294967296 < 2147483648)",
	    (UINT64_C(1) << 32) - (w->recheck_from & UINT32_MAX));
}

void
postgres_window(
    struct buf *out, const struct postgres *s, const struct window *w)
{
	if (w->has_start) {
		postgres_identifier(out, s->timestamp->name);
		buf_put_str(out, " >= ");
		postgres_literal(out, s, w->start_ticks);
		buf_put_str(out, " AND ");
	}
	if (w->high_ticks == INT64_MAX) { /* no type holds each of them */
		buf_put_str(out, "true");
		return;
	}
	postgres_identifier(out, s->timestamp->name);
	buf_put_str(out, " < ");
	postgres_literal(out, s, w->high_ticks);
	put_recheck(out, s, w);
}

static void
put_columns(struct buf *out, const struct postgres *s)
{
	for (size_t k = 0; k < s->nwire; k++) {
		if (k > 0)
			buf_put_str(out, ", ");
		postgres_identifier(out, s->wire[k]->name);
		buf_put_str(out, s->wire[k]->map.cast);
	}
}

/* The rows among which a key's newest is looked for, numbered from it on.
 * Rows of one time are told apart by their place, as far as there is one. */
static void
put_numbered(struct buf *out, const struct postgres *s)
{
	buf_put_str(out, "(SELECT *, row_number() OVER (PARTITION BY ");
	for (size_t k = 0; k < s->job->nkey; k++) {
		if (k > 0)
			buf_put_str(out, ", ");
		postgres_identifier(out, s->job->key[k]);
	}
	buf_put_str(out, " ORDER BY ");
	postgres_identifier(out, s->timestamp->name);
	buf_printf(out, " DESC%s) AS \"calve row number\" FROM %s WHERE ",
	    s->has_ctid ? ", ctid DESC" : "", s->table);
	postgres_window(out, s, &s->whole);
	buf_put_str(out, ") AS numbered WHERE \"calve row number\" = 1 AND ");
}

void
postgres_select(
    struct buf *out, const struct postgres *s, const struct window *w)
{
	buf_put_str(out, "COPY (SELECT ");
	put_columns(out, s);
	buf_put_str(out, " FROM ");
	if (s->newest)
		put_numbered(out, s);
	else
		buf_printf(out, "%s WHERE ", s->table);
	postgres_window(out, s, w);
	buf_put_str(out, ") TO STDOUT (FORMAT binary)");
}
