/* SPDX-License-Identifier: Apache-2.0 */
/* Connection, and what the server says of the table. */
#include "worker/sink/replica.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/quote.h"
#include "worker/sink/replica_own.h"

enum { ANSWER_MAX = 16 << 20, COLUMNS_MAX = 20000 };

struct replica *
replica_open(const struct job *job, struct err *err)
{
	struct http_options options = { .role = &http_target,
		.url = job->target_url,
		.user = job->target_user,
		.password = job->target_password,
		.timeout_s = job->timeout_s };
	struct replica *r = xcalloc(1, sizeof(*r));
	struct buf name;

	r->job = job;
	buf_init(&r->block, 0);
	buf_init(&name, REPLICA_SQL_MAX);
	sql_identifier(&name, job->namespace_);
	buf_put_str(&name, ".");
	sql_identifier(&name, job->target_table);
	r->table = xstrdup(buf_cstr(&name));
	buf_clear(&name);
	if ((r->server = wire_new("none", &options, err)) == NULL) {
		replica_close(r);
		return NULL;
	}
	return r;
}

static void
forget_description(struct replica *r)
{
	for (size_t k = 0; k < r->ncolumns; k++) {
		free(r->columns[k].name);
		free(r->columns[k].text);
		ch_type_clear(&r->columns[k].type);
	}
	free(r->columns);
	free(r->engine);
	free(r->engine_full);
	free(r->sorting_key);
	free(r->zone);
	r->columns = NULL;
	r->ncolumns = 0;
	r->engine = r->engine_full = r->sorting_key = r->zone = NULL;
}

void
replica_close(struct replica *r)
{
	if (r == NULL)
		return;
	replica_read_end(r);
	replica_forget(r);
	forget_description(r);
	wire_free(r->server);
	buf_clear(&r->block);
	free(r->table);
	free(r);
}

int
replica_ask(struct replica *r, const char *sql, struct buf *out,
    struct cursor *at, struct err *err)
{
	buf_reset(out);
	if (clickhouse_fetch(r->server, r->job->target_user,
		"default_format=RowBinary", sql, out, ANSWER_MAX, err) == -1)
		return -1;
	*at = cursor_of(out->data, out->len);
	return 0;
}

/* ---- description ---------------------------------------------------------- */

static int
malformed(struct err *err)
{
	return err_set(err, ERR_TARGET_LOST,
	    "corrupt stream: the answer to a question about the target is "
	    "malformed; run it again");
}

static void
put_where(struct buf *sql, const struct job *job, const char *table)
{
	buf_put_str(sql, " WHERE database = ");
	sql_string(sql, job->namespace_);
	buf_printf(sql, " AND %s = ", table);
	sql_string(sql, job->target_table);
}

static int
read_table(struct replica *r, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	uint8_t uuid[16];
	char *text;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql,
	    "SELECT engine, engine_full, sorting_key, timezone(), "
	    "toString(uuid), toUInt64(length(dependencies_table)) FROM "
	    "system.tables");
	put_where(&sql, r->job, "name");
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0 && cursor_left(&at) > 0) {
		r->engine = clickhouse_text(&at);
		r->engine_full = clickhouse_text(&at);
		r->sorting_key = clickhouse_text(&at);
		r->zone = clickhouse_text(&at);
		text = clickhouse_text(&at);
		uuid_format((const uint8_t[16]){ 0 }, r->uuid);
		if (uuid_parse(text, uuid))
			uuid_format(uuid, r->uuid);
		free(text);
		r->views = cursor_u64(&at);
		rc = at.bad ? malformed(err) : 1;
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
replica_count_views(struct replica *r, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql,
	    "SELECT toUInt64(length(dependencies_table)) FROM system.tables");
	put_where(&sql, r->job, "name");
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		r->views = cursor_u64(&at);
		rc = at.bad ? malformed(err) : 0;
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static int
take_column(struct replica *r, struct cursor *at, struct err *err)
{
	struct replica_own_column *c;
	struct err ignored = { 0 };
	char *kind;

	if (r->ncolumns == COLUMNS_MAX)
		return err_set(err, ERR_LIMIT,
		    "the target '%s.%s' has more than %d columns",
		    r->job->namespace_, r->job->target_table, COLUMNS_MAX);
	c = &r->columns[r->ncolumns++];
	c->name = clickhouse_text(at);
	c->text = clickhouse_text(at);
	kind = clickhouse_text(at);
	c->parts = cursor_u8(at) != 0;
	c->stored = kind[0] == '\0' || strcmp(kind, "DEFAULT") == 0;
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
read_columns(struct replica *r, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql,
	    "SELECT name, type, toString(default_kind), "
	    "toUInt8(is_in_partition_key AND NOT is_in_sorting_key) FROM "
	    "system.columns");
	put_where(&sql, r->job, "table");
	buf_put_str(&sql, " ORDER BY position");
	r->columns = xcalloc(COLUMNS_MAX, sizeof(*r->columns));
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	while (rc == 0 && cursor_left(&at) > 0)
		rc = take_column(r, &at, err);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
replica_describe(struct replica *r, struct err *err)
{
	int rc;

	replica_forget(r);
	forget_description(r);
	if ((rc = read_table(r, err)) != 1)
		return rc;
	return read_columns(r, err) == -1 ? -1 : 1;
}

const char *
replica_uuid(const struct replica *r)
{
	return r->uuid;
}

static const struct replica_own_column *
find(const struct replica *r, const char *name)
{
	for (size_t k = 0; k < r->ncolumns; k++)
		if (strcmp(r->columns[k].name, name) == 0)
			return &r->columns[k];
	return NULL;
}

const char *
replica_type(const struct replica *r, const char *column)
{
	const struct replica_own_column *c = find(r, column);

	return c != NULL ? c->text : NULL;
}

const char *
replica_parts_by(const struct replica *r)
{
	const struct replica_own_column *of_time = find(r, r->job->timestamp);

	if (of_time != NULL && of_time->parts)
		return of_time->name;
	for (size_t k = 0; k < r->ncolumns; k++)
		if (r->columns[k].parts)
			return r->columns[k].name;
	return NULL;
}

bool
replica_remembers(const struct replica *r)
{
	return strncmp(r->engine, "Replacing", 9) != 0 ||
	    strstr(r->engine_full, "non_replicated_deduplication_window") !=
	    NULL;
}

/* ---- rows without a column ------------------------------------------------- */

static int
read_default(struct replica *r, const char *column, char **out, struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT default_expression FROM system.columns");
	put_where(&sql, r->job, "table");
	buf_put_str(&sql, " AND name = ");
	sql_string(&sql, column);
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		*out = clickhouse_text(&at);
		rc = at.bad ? malformed(err) : 0;
		if (rc == -1)
			free(*out);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

int
replica_filler(struct replica *r, const char *column,
    struct replica_filler *out, struct err *err)
{
	const char *type = replica_type(r, column);
	struct buf sql, answer;
	struct cursor at;
	char *expression = NULL;
	int rc;

	*out = (struct replica_filler){ .known = false };
	if (type == NULL)
		return 0;
	if (read_default(r, column, &expression, err) == -1)
		return -1;
	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT CAST(");
	if (expression[0] == '\0') {
		buf_put_str(&sql, "defaultValueOfTypeName(");
		sql_string(&sql, type);
		buf_put_str(&sql, ")");
	} else {
		buf_printf(&sql, "CAST((%s), ", expression);
		sql_string(&sql, type);
		buf_put_str(&sql, ")");
	}
	buf_put_str(&sql, ", 'Nullable(String)')");
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	if (rc == -1 && err->cls == ERR_TARGET) { /* of other columns */
		err_clear(err);
		rc = 0;
	} else if (rc == 0) {
		out->known = true;
		if (cursor_u8(&at) == 0)
			out->text = clickhouse_text(&at);
		out->known = !at.bad;
	}
	free(expression);
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

/* ---- newest --------------------------------------------------------------- */

/* A number of the type's width; -1: the type is no timestamp. */
static int
take_ticks(struct cursor *at, const struct ch_type *t, struct position *out)
{
	*out = (struct position){ .set = true };
	switch (t->kind) {
	case CH_INT64:
	case CH_UINT64:
		out->scale = 3;
		out->ticks = (int64_t)cursor_u64(at);
		return 0;
	case CH_DATETIME64:
		out->scale = t->scale;
		out->ticks = (int64_t)cursor_u64(at);
		return 0;
	case CH_DATETIME:
		out->ticks = cursor_u32(at);
		return 0;
	case CH_DATE32:
		out->scale = SCALE_DAYS;
		out->ticks = (int32_t)cursor_u32(at);
		return 0;
	case CH_DATE:
		out->scale = SCALE_DAYS;
		out->ticks = cursor_u16(at);
		return 0;
	default:
		return -1;
	}
}

int
replica_newest(struct replica *r, struct position *out, struct err *err)
{
	const struct replica_own_column *c = find(r, r->job->timestamp);
	struct buf sql, answer;
	struct cursor at;
	uint64_t rows;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	buf_put_str(&sql, "SELECT count(), max(");
	sql_identifier(&sql, c->name);
	buf_printf(&sql, ") FROM %s", r->table);
	rc = replica_ask(r, buf_cstr(&sql), &answer, &at, err);
	if (rc == 0) {
		rows = cursor_u64(&at);
		if (take_ticks(&at, ch_type_bare(&c->type, NULL), out) == -1)
			rc = err_set(err, ERR_TYPE,
			    "the target's column '%s' is %s, which is no "
			    "timestamp; make it Int64 (milliseconds) or "
			    "DateTime64",
			    c->name, c->text);
		else if (at.bad || cursor_left(&at) > 0)
			rc = malformed(err);
		if (rows == 0)
			*out = (struct position){ .set = false };
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}
