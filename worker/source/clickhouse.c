/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection to a ClickHouse source: what its release knows, which settings
 * hold. What it does not know (old ones lack columns of system tables) is not
 * asked for.
 */
#include "worker/source/clickhouse.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/answer.h"

enum { ANSWER_MAX = 64 << 20, SQL_MAX = 16 << 20, SETTINGS_MAX = 1000 };

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

int
clickhouse_malformed(struct err *err)
{
	return err_set(err, ERR_DATA,
	    "corrupt stream: the answer to a "
	    "question about the source is malformed; run it again");
}

/* ---- what it knows -------------------------------------------------------- */

static const struct {
	const char *table, *column;
} system_columns[SYSTEM_COLUMNS] = {
	[SYSTEM_SETTING_LOCKED] = { "settings", "readonly" },
	[SYSTEM_SORTING_KEY] = { "tables", "sorting_key" },
	[SYSTEM_UUID] = { "tables", "uuid" },
	[SYSTEM_DEFAULT_KIND] = { "columns", "default_kind" },
	[SYSTEM_POSITION] = { "columns", "position" },
	[SYSTEM_KEEPER_TROUBLE] = { "replicas", "zookeeper_exception" },
	[SYSTEM_KEEPER] = { "replicas", "zookeeper_name" },
};

/* UNKNOWN_FUNCTION, UNKNOWN_IDENTIFIER */
enum { NO_FUNCTION = 46, NO_COLUMN = 47 };

static void
note_column(struct clickhouse *s, const char *table, const char *column)
{
	for (size_t i = 0; i < SYSTEM_COLUMNS; i++)
		if (strcmp(system_columns[i].table, table) == 0 &&
		    strcmp(system_columns[i].column, column) == 0)
			s->has[i] = true;
}

static int
learn_system(struct clickhouse *s, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql,
	    "SELECT table, name FROM system.columns WHERE database = 'system' "
	    "AND table IN ('settings', 'tables', 'columns', 'replicas') "
	    "AND name IN (");
	for (size_t i = 0; i < SYSTEM_COLUMNS; i++)
		buf_printf(&sql, "%s'%s'", i > 0 ? ", " : "",
		    system_columns[i].column);
	buf_put_str(&sql, ") FORMAT RowBinary");
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	for (size_t i = 0; i < SYSTEM_COLUMNS; i++)
		s->has[i] = false;
	while (rc == 0 && !at.bad && cursor_left(&at) > 0) {
		char *table = clickhouse_text(&at);
		char *column = clickhouse_text(&at);

		note_column(s, table, column);
		free(table);
		free(column);
	}
	if (rc == 0 && at.bad)
		rc = clickhouse_malformed(err);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

bool
clickhouse_learned(struct clickhouse *s, struct err *err)
{
	if (s->learned || (err->sys != NO_FUNCTION && err->sys != NO_COLUMN))
		return false;
	s->learned = true;
	return learn_system(s, err) == 0;
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
read_settings(
    struct clickhouse *s, struct setting_seen **out, size_t *n, struct err *err)
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
	    s->has[SYSTEM_SETTING_LOCKED] ? "readonly" : "0");
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
		rc = clickhouse_malformed(err);
	buf_clear(&sql);
	buf_clear(&answer);
	*out = seen;
	return rc;
}

static int
choose_settings(struct clickhouse *s, struct err *err)
{
	struct settings_wanted want = { .threads = s->job->source_threads,
		.zstd = wire_coding(s->server) == WIRE_ZSTD };
	int rc;

	buf_put_str(&s->parameters, "default_format=Native");
	rc = read_settings(s, &s->settings, &s->nsettings, err);
	if (rc == -1 && clickhouse_learned(s, err)) {
		free_settings(s->settings, s->nsettings);
		rc = read_settings(s, &s->settings, &s->nsettings, err);
	}
	for (size_t i = 0; rc == 0 && i < s->nsettings; i++)
		if (strcmp(s->settings[i].name, "optimize_read_in_order") == 0)
			s->reads_in_order = true;
	/* 18.16 forgets a framed answer of less than a mebibyte; nothing
	 * tells which release is the first that does not, so later ones are
	 * known by that setting */
	s->frames_whole = s->reads_in_order;
	want.lz4 = s->frames_whole && wire_coding(s->server) == WIRE_LZ4;
	return rc == -1 ? -1
			: settings_choose(s->settings, s->nsettings, &want,
			      &s->parameters, err);
}

int
clickhouse_check_settings(struct clickhouse *s, struct err *err)
{
	struct setting_seen *seen = NULL;
	size_t n = 0;
	int rc = read_settings(s, &seen, &n, err);

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
	.identity = clickhouse_identity,
	.clock = clickhouse_clock,
	.day = clickhouse_day,
	.visible = clickhouse_visible,
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
	s->clock_us = s->complete_us = INT64_MIN;
	for (size_t i = 0; i < SYSTEM_COLUMNS; i++)
		s->has[i] = true;
	s->database = job->database != NULL && job->database[0] != '\0'
	    ? job->database
	    : "default";
	buf_init(&s->parameters, 64 << 10);
	s->server = wire_new(job->wire, &options, err);
	if (s->server == NULL || choose_settings(s, err) == -1) {
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
	for (size_t i = 0; i < s->nreplicas; i++)
		free(s->replicas[i]);
	free(s->columns);
	free(s->wire);
	free(s->table);
	free(s->engine);
	free(s->identity);
	wire_free(s->server);
	buf_clear(&s->parameters);
	free_settings(s->settings, s->nsettings);
	free(s);
}
