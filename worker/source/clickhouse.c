/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection and description of a ClickHouse source: which settings hold,
 * what the table is, what its columns and its clock say. What the server does
 * not know (old releases lack columns of system tables) is not asked for.
 */
#include "worker/source/clickhouse.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/answer.h"
#include "worker/clickhouse/key.h"
#include "worker/source/clickhouse_settings.h"

enum {
	ANSWER_MAX = 64 << 20,
	SQL_MAX = 16 << 20,
	SETTINGS_MAX = 1000,
	COLUMNS_MAX = 20000
};

int
clickhouse_ask(struct clickhouse *s, const char *sql, struct buf *out,
    struct cursor *at, struct err *err)
{
	buf_reset(out);
	if (clickhouse_fetch(s->server, s->job->user, buf_cstr(&s->parameters),
		sql, out, ANSWER_MAX, err) == -1)
		return -1;
	*at = cursor_of(out->data, out->len);
	return 0;
}

char *
clickhouse_text(struct cursor *at)
{
	uint64_t n = cursor_varint(at);
	const uint8_t *p = n <= cursor_left(at) ? cursor_take(at, n) : NULL;

	if (p == NULL || memchr(p, '\0', n) != NULL) {
		at->bad = true;
		return xstrdup("");
	}
	return xstrndup((const char *)p, n);
}

static int
malformed(struct err *err)
{
	return err_set(err, ERR_DATA,
	    "corrupt stream: the answer to a "
	    "question about the source is malformed; run it again");
}

/* ---- settings ------------------------------------------------------------- */

static void
free_settings(struct setting_seen *seen, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(seen[i].name);
		free(seen[i].value);
	}
	free(seen);
}

static int
read_settings(struct clickhouse *s, bool has_locks, struct setting_seen **out,
    size_t *n, struct err *err)
{
	struct setting_seen *seen = xcalloc(SETTINGS_MAX, sizeof(*seen));
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	*n = 0;
	buf_printf(&sql,
	    "SELECT name, value, toUInt8(%s) FROM system.settings "
	    "WHERE name IN (",
	    has_locks ? "readonly" : "0");
	settings_names(&sql);
	buf_put_str(&sql, ") FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	while (
	    rc == 0 && !at.bad && cursor_left(&at) > 0 && *n < SETTINGS_MAX) {
		seen[*n].name = clickhouse_text(&at);
		seen[*n].value = clickhouse_text(&at);
		seen[(*n)++].locked = cursor_u8(&at) != 0;
	}
	if (rc == 0 && at.bad)
		rc = malformed(err);
	buf_clear(&sql);
	buf_clear(&answer);
	*out = seen;
	return rc;
}

/* Does a system table have that column? 1, 0 or -1. */
static int
system_has(struct clickhouse *s, const char *table, const char *column,
    struct err *err)
{
	struct buf answer;
	struct cursor at;
	char *sql;
	uint64_t n;
	int rc;

	buf_init(&answer, ANSWER_MAX);
	sql = xasprintf(
	    "SELECT count() FROM system.columns WHERE database = "
	    "'system' AND table = '%s' AND name = '%s' FORMAT RowBinary",
	    table, column);
	rc = clickhouse_ask(s, sql, &answer, &at, err);
	if (rc == 0) {
		n = cursor_u64(&at);
		rc = at.bad ? malformed(err) : n > 0;
	}
	free(sql);
	buf_clear(&answer);
	return rc;
}

static int
agree_settings(struct clickhouse *s, struct err *err)
{
	struct settings_wanted want = { .threads = s->job->source_threads,
		.zstd = wire_coding(s->server) == WIRE_ZSTD };
	struct setting_seen *seen = NULL;
	size_t n = 0;
	int has_locks, rc;

	buf_put_str(&s->parameters, "default_format=Native");
	has_locks = system_has(s, "settings", "readonly", err);
	if (has_locks == -1)
		return -1;
	rc = read_settings(s, has_locks, &seen, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (strcmp(seen[i].name, "optimize_read_in_order") == 0)
			s->reads_in_order = true;
	/* 18.16 forgets a framed answer of less than a mebibyte; nothing
	 * tells which release is the first that does not, so later ones are
	 * known by that setting */
	s->frames_whole = s->reads_in_order;
	want.lz4 = s->frames_whole && wire_coding(s->server) == WIRE_LZ4;
	if (rc == 0)
		rc = settings_choose(seen, n, &want, &s->parameters, err);
	free_settings(seen, n);
	if (rc == -1)
		return -1;
	rc = read_settings(s, has_locks, &seen, &n, err);
	if (rc == 0)
		rc = settings_check(seen, n, err);
	free_settings(seen, n);
	return rc;
}

/* ---- life ----------------------------------------------------------------- */

static const struct source_ops ops = {
	.close = clickhouse_close,
	.describe = clickhouse_describe,
	.resolve = clickhouse_resolve,
	.clock = clickhouse_clock,
	.count = clickhouse_count,
	.days = clickhouse_days,
	.begin = clickhouse_read_begin,
	.next = clickhouse_read_next,
	.end = clickhouse_read_end,
	.received = clickhouse_received,
};

struct source *
clickhouse_open(const struct job *job, struct err *err)
{
	struct http_options options = { .url = job->url,
		.user = job->user,
		.password = job->password,
		.timeout_s = job->timeout_s };
	struct clickhouse *s = xcalloc(1, sizeof(*s));

	s->source.ops = &ops;
	s->job = job;
	s->database = job->database != NULL && job->database[0] != '\0'
	    ? job->database
	    : "default";
	buf_init(&s->parameters, 64 << 10);
	s->server = wire_new(job->wire, &options, err);
	if (s->server == NULL || agree_settings(s, err) == -1) {
		clickhouse_close(&s->source);
		return NULL;
	}
	return &s->source;
}

static void
clear_column(struct column *c)
{
	free(c->name);
	free(c->text);
	free(c->wire_name);
	ch_type_clear(&c->type);
	ch_type_clear(&c->wire);
	field_clear(&c->field);
	mapping_clear(&c->map);
}

void
clickhouse_close(struct source *source)
{
	struct clickhouse *s = clickhouse_of(source);

	clickhouse_read_end(&s->source);
	native_free(s->native);
	for (size_t i = 0; i < s->ncolumns; i++)
		clear_column(&s->columns[i]);
	free(s->columns);
	free(s->wire);
	free(s->table);
	free(s->engine);
	wire_free(s->server);
	buf_clear(&s->parameters);
	free(s);
}

/* ---- description ---------------------------------------------------------- */

static void
put_where_table(struct clickhouse *s, struct buf *sql, const char *name)
{
	buf_put_str(sql, " WHERE database = ");
	sql_string(sql, s->database);
	buf_printf(sql, " AND %s = ", name);
	sql_string(sql, s->job->table);
}

static int
unknown_table(struct clickhouse *s, struct err *err)
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

/* engine, sorting key (the caller's) and uuid of the table */
static int
read_table(struct clickhouse *s, char **sorting_key, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	uint8_t uuid[16];
	char *text = NULL;
	int has_key, has_uuid, rc = -1;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	uuid_format((const uint8_t[16]){ 0 }, s->uuid);
	has_key = system_has(s, "tables", "sorting_key", err);
	has_uuid = has_key == -1 ? -1 : system_has(s, "tables", "uuid", err);
	if (has_uuid == -1)
		goto out;
	buf_printf(&sql, "SELECT engine, %s, %s FROM system.tables",
	    has_key ? "sorting_key" : "''", has_uuid ? "toString(uuid)" : "''");
	put_where_table(s, &sql, "name");
	buf_put_str(&sql, " FORMAT RowBinary");
	if (clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err) == -1)
		goto out;
	if (cursor_left(&at) == 0) {
		rc = unknown_table(s, err);
		goto out;
	}
	s->engine = clickhouse_text(&at);
	*sorting_key = clickhouse_text(&at);
	text = clickhouse_text(&at);
	if (uuid_parse(text, uuid))
		uuid_format(uuid, s->uuid);
	rc = at.bad ? malformed(err) : 0;
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
		return malformed(err);
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
	int has_kind, has_position, rc = -1;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	s->columns = xcalloc(COLUMNS_MAX, sizeof(*s->columns));
	has_kind = system_has(s, "columns", "default_kind", err);
	has_position =
	    has_kind == -1 ? -1 : system_has(s, "columns", "position", err);
	if (has_position == -1)
		goto out;
	buf_printf(&sql, "SELECT name, type, toString(%s) FROM system.columns",
	    has_kind ? "default_kind" : "default_type");
	put_where_table(s, &sql, "table");
	if (has_position)
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
	if (rc == 0)
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

int
clickhouse_clock(struct source *source, int64_t *us, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	struct buf answer;
	struct cursor at;
	int rc;
	bool fine = false;

	buf_init(&answer, ANSWER_MAX);
	rc = clickhouse_ask(s,
	    "SELECT count() FROM system.functions WHERE "
	    "name = 'now64' FORMAT RowBinary",
	    &answer, &at, err);
	if (rc == 0) {
		fine = cursor_u64(&at) > 0;
		rc = clickhouse_ask(s,
		    fine ? "SELECT now64(6) FORMAT RowBinary"
			 : "SELECT now() FORMAT RowBinary",
		    &answer, &at, err);
	}
	if (rc == 0) {
		*us = fine ? (int64_t)cursor_u64(&at)
			   : (int64_t)cursor_u32(&at) * 1000000;
		if (at.bad)
			rc = malformed(err);
	}
	buf_clear(&answer);
	return rc;
}
