/* SPDX-License-Identifier: Apache-2.0 */
/* What a ClickHouse source says of itself: the table, its columns, its clock. */
#include "worker/source/clickhouse.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/key.h"

enum { ANSWER_MAX = 64 << 20, SQL_MAX = 16 << 20, COLUMNS_MAX = 20000 };

/* ---- table and columns ---------------------------------------------------- */

void
clickhouse_where_table(struct clickhouse *s, struct buf *sql, const char *name)
{
	buf_put_str(sql, " WHERE database = ");
	sql_string(sql, s->database);
	buf_printf(sql, " AND %s = ", name);
	sql_string(sql, s->job->table);
}

int
clickhouse_unknown_table(struct clickhouse *s, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT count() FROM system.databases WHERE name = ");
	sql_string(&sql, s->database);
	buf_put_str(&sql, " FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0 && cursor_u64(&at) == 0 && !at.bad)
		rc = err_set(err, ERR_SOURCE,
		    "unknown database '%s' at '%s', "
		    "or one that user '%s' may not see; check the source's "
		    "database",
		    s->database, http_place(wire_http(s->server)),
		    s->job->user != NULL ? s->job->user : "default");
	else if (rc == 0)
		rc = err_set(err, ERR_SOURCE,
		    "unknown table '%s.%s' at '%s', "
		    "or one that user '%s' may not see; check the table's "
		    "name",
		    s->database, s->job->table,
		    http_place(wire_http(s->server)),
		    s->job->user != NULL ? s->job->user : "default");
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

/* What a new server tells with the table, for which an old one wants further
 * questions: its clock, and the settings that were sent and matter. */
static void
put_new(struct clickhouse *s, struct buf *sql)
{
	buf_put_str(sql, ", now64(6)");
	for (size_t i = 0; i < s->nsettings; i++)
		if (s->settings[i].to_confirm)
			buf_printf(sql, ", toString(getSetting('%s'))",
			    s->settings[i].name);
}

static int
get_new(struct clickhouse *s, struct cursor *at, struct err *err)
{
	int rc = 0;

	s->clock_us = (int64_t)cursor_u64(at);
	for (size_t i = 0; i < s->nsettings && rc == 0 && !at->bad; i++) {
		char *now;

		if (!s->settings[i].to_confirm)
			continue;
		now = clickhouse_text(at);
		if (!at->bad)
			rc = settings_confirm(&s->settings[i], now, err);
		free(now);
	}
	return rc;
}

/* engine, sorting key (the caller's) and uuid of the table */
static int
read_table(struct clickhouse *s, char **sorting_key, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	uint8_t uuid[16];
	char *text = NULL;
	const bool is_new = s->has[SYSTEM_POSITION];
	int rc = -1;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	uuid_format((const uint8_t[16]){ 0 }, s->uuid);
	buf_printf(&sql, "SELECT engine, %s, %s",
	    s->has[SYSTEM_SORTING_KEY] ? "sorting_key" : "''",
	    s->has[SYSTEM_UUID] ? "toString(uuid)" : "''");
	if (is_new)
		put_new(s, &sql);
	buf_put_str(&sql, " FROM system.tables");
	clickhouse_where_table(s, &sql, "name");
	buf_put_str(&sql, " FORMAT RowBinary");
	if (clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err) == -1)
		goto out;
	if (cursor_left(&at) == 0) {
		rc = clickhouse_unknown_table(s, err);
		goto out;
	}
	s->engine = clickhouse_text(&at);
	*sorting_key = clickhouse_text(&at);
	text = clickhouse_text(&at);
	if (uuid_parse(text, uuid)) {
		uuid_format(uuid, s->uuid);
		if (memcmp(uuid, (const uint8_t[16]){ 0 }, 16) != 0)
			s->identity = xstrdup(s->uuid);
	}
	rc = is_new ? get_new(s, &at, err) : clickhouse_check_settings(s, err);
	if (rc == 0 && at.bad)
		rc = clickhouse_malformed(err);
out:
	free(text);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static enum column_kind
kind_of(const char *text)
{
	if (strcmp(text, "MATERIALIZED") == 0)
		return COLUMN_MATERIALIZED;
	if (strcmp(text, "ALIAS") == 0 || strcmp(text, "EPHEMERAL") == 0)
		return COLUMN_VIRTUAL;
	return COLUMN_STORED;
}

static int
add_column(struct clickhouse *s, struct cursor *at, const char *sorting_key,
    struct err *err)
{
	struct err ignored = { 0 };
	struct column *c;
	char *kind;

	if (s->ncolumns == COLUMNS_MAX)
		return err_set(err, ERR_LIMIT,
		    "table '%s.%s' has more than %d "
		    "columns",
		    s->database, s->job->table, COLUMNS_MAX);
	c = &s->columns[s->ncolumns++];
	c->name = clickhouse_text(at);
	c->text = clickhouse_text(at);
	kind = clickhouse_text(at);
	c->kind = kind_of(kind);
	c->key_position = sql_key_position(sorting_key, c->name);
	free(kind);
	if (at->bad)
		return clickhouse_malformed(err);
	/* what cannot be parsed is refused when the column is wanted */
	if (ch_type_parse(c->text, strlen(c->text), &c->type, &ignored) == -1) {
		ch_type_clear(&c->type);
		c->type.kind = CH_OTHER;
	}
	return 0;
}

static int
read_columns(struct clickhouse *s, const char *sorting_key, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc = -1;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	if (s->columns == NULL)
		s->columns = xcalloc(COLUMNS_MAX, sizeof(*s->columns));
	buf_printf(&sql, "SELECT name, type, toString(%s) FROM system.columns",
	    s->has[SYSTEM_DEFAULT_KIND] ? "default_kind" : "default_type");
	clickhouse_where_table(s, &sql, "table");
	if (s->has[SYSTEM_POSITION])
		buf_put_str(&sql, " ORDER BY position");
	buf_put_str(&sql, " FORMAT RowBinary");
	if (clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err) == -1)
		goto out;
	while (cursor_left(&at) > 0)
		if (add_column(s, &at, sorting_key, err) == -1)
			goto out;
	rc = 0;
out:
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static struct column *
find_column(struct clickhouse *s, const char *name)
{
	for (size_t i = 0; i < s->ncolumns; i++)
		if (strcmp(s->columns[i].name, name) == 0)
			return &s->columns[i];
	return NULL;
}

/* Columns of which the user may have meant one. */
static void
put_candidates(struct clickhouse *s, struct buf *b, bool timestamps)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->ncolumns && n < 5; i++) {
		const struct ch_type *t =
		    ch_type_bare(&s->columns[i].type, NULL);

		if (s->columns[i].kind == COLUMN_VIRTUAL ||
		    (timestamps ? sql_timestamp_scale(t) < SCALE_DAYS
				: !sql_is_sequence(t)))
			continue;
		buf_printf(
		    b, "%s'%s'", n > 0 ? ", " : " (", s->columns[i].name);
		n++;
	}
	if (n > 0)
		buf_put_str(b, ")");
}

static int
find_order_column(struct clickhouse *s, const char *name, bool timestamp,
    struct column **out, struct err *err)
{
	struct buf candidates;
	const struct ch_type *bare;
	int rc = 0;

	buf_init(&candidates, 64 << 10);
	put_candidates(s, &candidates, timestamp);
	*out = find_column(s, name);
	if (*out == NULL) {
		rc = err_set(err, ERR_CONFIG,
		    "unknown column '%s' in '%s.%s'; "
		    "set %s: to one of its columns%s",
		    name, s->database, s->job->table,
		    timestamp ? "timestamp" : "sequence",
		    buf_cstr(&candidates));
		goto out;
	}
	bare = ch_type_bare(&(*out)->type, NULL);
	if ((*out)->kind == COLUMN_VIRTUAL)
		rc = err_set(err, ERR_TYPE,
		    "column '%s' is computed and not "
		    "stored; set %s: to a stored column%s",
		    name, timestamp ? "timestamp" : "sequence",
		    buf_cstr(&candidates));
	else if (timestamp && sql_timestamp_scale(bare) < SCALE_DAYS)
		rc = err_set(err, ERR_TYPE,
		    "the timestamp column '%s' is of "
		    "type '%.100s'; set timestamp: to a Date, Date32, DateTime "
		    "or DateTime64 column%s",
		    name, (*out)->text, buf_cstr(&candidates));
	else if (!timestamp && !sql_is_sequence(bare))
		rc = err_set(err, ERR_TYPE,
		    "the sequence column '%s' is of "
		    "type '%.100s'; set sequence: to an integer column of at "
		    "most 64 bits%s",
		    name, (*out)->text, buf_cstr(&candidates));
out:
	buf_clear(&candidates);
	return rc;
}

static int
find_order(struct clickhouse *s, struct err *err)
{
	const struct job *job = s->job;

	if (job->timestamp == NULL)
		return err_set(err, ERR_CONFIG,
		    "table '%s' has no timestamp "
		    "column; set timestamp:",
		    job->table);
	if (find_order_column(s, job->timestamp, true, &s->timestamp, err) ==
	    -1)
		return -1;
	s->order.timestamp = s->timestamp->name;
	s->order.timestamp_type =
	    ch_type_bare(&s->timestamp->type, &s->timestamp_nullable);
	s->ordered = s->timestamp->key_position == 0 && s->reads_in_order;
	if (job->sequence == NULL || job->sequence[0] == '\0')
		return 0;
	if (find_order_column(s, job->sequence, false, &s->sequence, err) == -1)
		return -1;
	s->order.sequence = s->sequence->name;
	s->order.sequence_type =
	    ch_type_bare(&s->sequence->type, &s->sequence_nullable);
	s->ordered = s->ordered && s->sequence->key_position == 1;
	return 0;
}

static void
tell_table(struct clickhouse *s, struct source_table *out)
{
	*out = (struct source_table){ .engine = xstrdup(s->engine),
		.ncolumns = s->ncolumns,
		.ordered = s->ordered,
		.timestamp_scale =
		    sql_timestamp_scale(s->order.timestamp_type) };
	memcpy(out->uuid, s->uuid, sizeof(out->uuid));
	if (s->identity != NULL)
		out->identity = xstrdup(s->identity);
	out->columns = xcalloc(s->ncolumns, sizeof(*out->columns));
	for (size_t i = 0; i < s->ncolumns; i++)
		out->columns[i] =
		    (struct source_column){ .name = xstrdup(s->columns[i].name),
			    .type = xstrdup(s->columns[i].text),
			    .key_position = s->columns[i].key_position };
}

int
clickhouse_describe(
    struct source *source, struct source_table *out, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	char *sorting_key = NULL;
	struct buf name;
	int rc;

	*out = (struct source_table){ 0 };
	rc = read_table(s, &sorting_key, err);
	if (rc == -1 && clickhouse_learned(s, err))
		rc = read_table(s, &sorting_key, err);
	if (rc == 0)
		rc = clickhouse_replicated(s, err);
	if (rc == -1 && clickhouse_learned(s, err))
		rc = clickhouse_replicated(s, err);
	if (rc == 0)
		rc = read_columns(s, sorting_key, err);
	if (rc == -1 && clickhouse_learned(s, err))
		rc = read_columns(s, sorting_key, err);
	free(sorting_key);
	if (rc == -1)
		return -1;
	if (s->ncolumns == 0)
		return err_set(err, ERR_SOURCE,
		    "table '%s.%s' shows no columns "
		    "to the user; grant SELECT on it",
		    s->database, s->job->table);
	buf_init(&name, 64 << 10);
	sql_identifier(&name, s->database);
	buf_put_str(&name, ".");
	sql_identifier(&name, s->job->table);
	s->table = xstrdup(buf_cstr(&name));
	buf_clear(&name);
	if (find_order(s, err) == -1)
		return -1;
	tell_table(s, out);
	return 0;
}

/* ---- clock ---------------------------------------------------------------- */

/* Not asked with the table: an old server. Fractions of a second only matter to a timestamp that has them; a server
 * that has such a type has now64. */
int
clickhouse_clock(struct source *source, int64_t *us, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	bool fine = s->order.timestamp_type->kind == CH_DATETIME64;
	struct buf answer;
	struct cursor at;
	int rc;

	*us = s->clock_us;
	if (s->clock_us != INT64_MIN)
		return 0;
	buf_init(&answer, ANSWER_MAX);
	rc = clickhouse_ask(s,
	    fine ? "SELECT now64(6) FORMAT RowBinary"
		 : "SELECT now() FORMAT RowBinary",
	    &answer, &at, err);
	if (rc == 0) {
		*us = fine ? (int64_t)cursor_u64(&at)
			   : (int64_t)cursor_u32(&at) * 1000000;
		if (at.bad)
			rc = clickhouse_malformed(err);
	}
	buf_clear(&answer);
	return rc;
}

/* By the server's own time zone database: it is the one that its today()
 * goes by, changes of clocks included. */
static int
ask_day(struct clickhouse *s, const char *zone, int64_t seconds, int64_t *day,
    struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_printf(&sql, "SELECT toUInt16(toDate(toDateTime(%lld, ",
	    (long long)seconds);
	sql_string(&sql, zone);
	buf_put_str(&sql, "))) FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		*day = cursor_u16(&at);
		if (at.bad)
			rc = clickhouse_malformed(err);
	} else {
		err_prefix(err, "timezone '%s'", zone);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
clickhouse_day(struct source *source, int64_t us, int64_t *day, struct err *err)
{
	static const int64_t second_us = 1000000,
			     last_zone_us = 12 * 3600000000;
	struct clickhouse *s = clickhouse_of(source);
	const char *zone = job_timezone(s->job, s->timestamp->name);

	if (us < last_zone_us || us / second_us > UINT32_MAX)
		return err_set(err, ERR_SOURCE,
		    "the source's clock is out of "
		    "range; set the clock of its host");
	if (zone != NULL)
		return ask_day(s, zone, us / second_us, day, err);
	*day = (us - last_zone_us) / (86400 * second_us);
	return 0;
}
