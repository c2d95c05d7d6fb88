/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the table takes what comes; and a table that does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/clickhouse/key.h"
#include "worker/clickhouse/quote.h"
#include "worker/sink/replica_own.h"

/* ---- engine and keys ------------------------------------------------------ */

/* The engine's version column: its last argument that is no text and has no
 * is_deleted column behind it; "" where it has none. */
static bool
has_version(const struct replica *r, const char *column)
{
	const char *open = strchr(r->engine_full, '(');
	size_t len;

	if (open == NULL ||
	    strlen(r->engine) != (size_t)(open - r->engine_full))
		return false;
	for (const char *at = open + 1; *at != '\0' && *at != ')';
	     at += len + (at[len] == ',')) {
		at += strspn(at, " ");
		len = sql_expression(at);
		if (at[0] != '\'')
			return sql_is_column(at, len, column);
	}
	return false;
}

static int
check_engine(const struct replica *r, struct err *err)
{
	const char *kind = strstr(r->engine, "ReplacingMergeTree");
	const struct job *job = r->job;

	if (kind != NULL && kind[sizeof("ReplacingMergeTree") - 1] == '\0' &&
	    has_version(r, job->timestamp))
		return 0;
	return err_set(err, ERR_TABLE,
	    "the target '%s.%s' is '%.60s'; it must be "
	    "ReplacingMergeTree(%s), so that newer rows replace older ones: "
	    "let 'calve init' make another table",
	    job->namespace_, job->target_table,
	    kind != NULL ? r->engine_full : r->engine, job->timestamp);
}

/* The sorting key must be the job's key, in whatever order. */
static int
check_sorting(const struct replica *r, struct err *err)
{
	const struct job *job = r->job;
	bool same = sql_key_length(r->sorting_key) == job->nkey;

	for (size_t k = 0; same && k < job->nkey; k++)
		same = sql_key_position(r->sorting_key, job->key[k]) >= 0;
	if (same)
		return 0;
	return err_set(err, ERR_TABLE,
	    "the target '%s.%s' is ordered by (%.200s), which is not the "
	    "table's key: rows would replace others than they should; change "
	    "'key', or let 'calve init' make another table",
	    job->namespace_, job->target_table, r->sorting_key);
}

/* ---- columns -------------------------------------------------------------- */

static const struct replica_own_column *
find(const struct replica *r, const char *name)
{
	for (size_t k = 0; k < r->ncolumns; k++)
		if (strcmp(r->columns[k].name, name) == 0)
			return &r->columns[k];
	return NULL;
}

/*
 * A timestamp without time zone is sent as if it were of UTC. In a column of
 * another zone, be it the server's, the same ticks show another wall clock
 * (ClickHouse documentation, "DateTime64": ticks count from the epoch in UTC,
 * the zone is for showing and belongs to the column or the server). Ticks
 * that make the other zone show it are no way out: where its clocks are set
 * forward there are none.
 */
static int
check_wall_clock(const struct replica *r, const struct field *f,
    const struct replica_own_column *c, struct err *err)
{
	const struct type *from = &f->type;
	const struct ch_type *to = ch_type_bare(&c->type, NULL);
	const char *zone;

	while (from->kind == TYPE_LIST && to->kind == CH_ARRAY) {
		from = &from->fields[0].type;
		to = ch_type_bare(&to->args[0], NULL);
	}
	if (from->kind != TYPE_TIMESTAMP ||
	    (to->kind != CH_DATETIME && to->kind != CH_DATETIME64))
		return 0;
	zone = to->zone != NULL ? to->zone : r->zone;
	if (zone_is_utc(zone))
		return 0;
	return err_set(err, ERR_TYPE,
	    "column '%s': a timestamp without time zone would show another "
	    "wall clock in the target's %.100s, which is of the zone '%.60s'; "
	    "give it the zone 'UTC': ALTER TABLE %s.%s MODIFY COLUMN %s ... "
	    "DateTime64(6, 'UTC'), which leaves its values as they are",
	    f->name, c->text, zone, r->job->namespace_, r->job->target_table,
	    f->name);
}

static int
fit_column(struct replica *r, const struct field *f, struct err *err)
{
	const struct replica_own_column *c = find(r, f->name);
	const struct job *job = r->job;

	if (c == NULL)
		return err_set(err, ERR_TABLE,
		    "the target '%s.%s' has no column '%s'; ALTER TABLE ... "
		    "ADD COLUMN it, with the DEFAULT that older rows have at "
		    "the source, or exclude it",
		    job->namespace_, job->target_table, f->name);
	if (!c->stored)
		return err_set(err, ERR_TABLE,
		    "the target's column '%s' is computed there; exclude it",
		    f->name);
	if (check_wall_clock(r, f, c, err) == -1 ||
	    native_plan(f, &c->type, c->text, &r->put[r->nput], err) == -1)
		return -1;
	r->nput++;
	return 0;
}

static void
plan_insert(struct replica *r, const struct type *incoming)
{
	struct buf sql;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_printf(&sql, "INSERT INTO %s (", r->table);
	for (size_t k = 0; k < incoming->nfields; k++) {
		if (k > 0)
			buf_put_str(&sql, ", ");
		sql_identifier(&sql, incoming->fields[k].name);
	}
	buf_put_str(&sql, ") FORMAT Native");
	r->insert = xstrdup(buf_cstr(&sql));
	buf_clear(&sql);
}

void
replica_forget(struct replica *r)
{
	native_digest_free(r->digest);
	r->digest = NULL;
	for (size_t k = 0; k < r->nput; k++)
		native_put_clear(&r->put[k]);
	free(r->put);
	free(r->insert);
	r->put = NULL;
	r->insert = NULL;
	r->nput = 0;
}

int
replica_fit(struct replica *r, const struct type *incoming, struct err *err)
{
	replica_forget(r);
	if (check_engine(r, err) == -1 || check_sorting(r, err) == -1)
		return -1;
	r->incoming = incoming;
	r->put = xcalloc(incoming->nfields + 1, sizeof(*r->put));
	for (size_t k = 0; k < incoming->nfields; k++)
		if (fit_column(r, &incoming->fields[k], err) == -1)
			return -1;
	plan_insert(r, incoming);
	return 0;
}

/* ---- making --------------------------------------------------------------- */

static const char *
type_of(const struct replica_column *columns, size_t n, const char *name)
{
	for (size_t k = 0; k < n; k++)
		if (strcmp(columns[k].name, name) == 0)
			return columns[k].type;
	return NULL;
}

/* A timestamp column as a time: milliseconds are a number. */
static void
put_time(struct buf *sql, const char *name, const char *type)
{
	bool number = strcmp(type, "Int64") == 0;

	if (number)
		buf_put_str(sql, "fromUnixTimestamp64Milli(");
	sql_identifier(sql, name);
	if (number)
		buf_put_str(sql, ", 'UTC')");
}

/* One field of `partition:`. */
static int
put_partition(struct buf *sql, const struct job *job, const char *text,
    const struct replica_column *columns, size_t n, struct err *err)
{
	static const struct {
		const char *name, *function;
	} transforms[] = { { "year", "toYear" }, { "month", "toYYYYMM" },
		{ "day", "toYYYYMMDD" }, { "hour", "toStartOfHour" } };
	size_t len = strcspn(text, "("), end = strlen(text);
	char *column;
	int rc = -1;

	if (text[len] == '\0') {
		if (type_of(columns, n, text) == NULL)
			goto unknown;
		sql_identifier(sql, text);
		return 0;
	}
	if (text[end - 1] != ')')
		goto unknown;
	column = xstrndup(text + len + 1, end - len - 2);
	for (size_t k = 0; k < sizeof(transforms) / sizeof(*transforms); k++)
		if (strlen(transforms[k].name) == len &&
		    memcmp(text, transforms[k].name, len) == 0 &&
		    type_of(columns, n, column) != NULL) {
			buf_printf(sql, "%s(", transforms[k].function);
			put_time(sql, column, type_of(columns, n, column));
			buf_put_str(sql, ")");
			rc = 0;
		}
	free(column);
	if (rc == 0)
		return 0;
unknown:
	return err_set(err, ERR_CONFIG,
	    "partition '%s' of '%s' must be a column, or year, month, day or "
	    "hour of one, like month(%s)",
	    text, job->name, job->timestamp);
}

/*
 * Without `partition:` there is one partition: versions of a key meet in merges
 * only within one (ClickHouse documentation, "ReplacingMergeTree"), and a
 * partition of anything but the key lets them part.
 */
static int
put_partitions(struct buf *sql, const struct job *job,
    const struct replica_column *columns, size_t n, struct err *err)
{
	if (job->npartition == 0)
		return 0;
	buf_put_str(sql, " PARTITION BY (");
	for (size_t k = 0; k < job->npartition; k++) {
		if (k > 0)
			buf_put_str(sql, ", ");
		if (put_partition(
			sql, job, job->partition[k], columns, n, err) == -1)
			return -1;
	}
	buf_put_str(sql, ")");
	return 0;
}

static int
put_create(struct buf *sql, const struct replica *r,
    const struct replica_column *columns, size_t n, struct err *err)
{
	const struct job *job = r->job;

	buf_printf(sql, "CREATE TABLE %s (", r->table);
	for (size_t k = 0; k < n; k++) {
		if (k > 0)
			buf_put_str(sql, ", ");
		sql_identifier(sql, columns[k].name);
		buf_printf(sql, " %s", columns[k].type);
	}
	buf_put_str(sql, ") ENGINE = ReplacingMergeTree(");
	sql_identifier(sql, job->timestamp);
	buf_put_str(sql, ")");
	if (put_partitions(sql, job, columns, n, err) == -1)
		return -1;
	buf_put_str(sql, " ORDER BY (");
	for (size_t k = 0; k < job->nkey; k++) {
		if (k > 0)
			buf_put_str(sql, ", ");
		sql_identifier(sql, job->key[k]);
	}
	buf_put_str(
	    sql, ") SETTINGS non_replicated_deduplication_window = 1000");
	return 0;
}

int
replica_create(struct replica *r, const struct replica_column *columns,
    size_t n, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, REPLICA_SQL_MAX);
	rc = put_create(&sql, r, columns, n, err);
	if (rc == 0)
		rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}
