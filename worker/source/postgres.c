/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection and description. Views, partitioned and foreign tables are read
 * like tables.
 */
#include "worker/source/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/utf8.h"
#include "worker/stop.h"

enum { SQL_MAX = 1 << 20 };

static const struct source_ops ops = {
	.close = postgres_close,
	.describe = postgres_describe,
	.resolve = postgres_resolve,
	.clock = postgres_clock,
	.count = postgres_count,
	.begin = postgres_begin,
	.next = postgres_next,
	.end = postgres_end,
	.received = postgres_received,
	.horizon = postgres_horizon,
	.wall = postgres_wall,
	.back = postgres_back,
	.transactions = postgres_transactions,
	.unlike = postgres_unlike,
	.freeze = postgres_freeze,
	.join = postgres_join,
	.ranges = postgres_ranges,
};

struct source *
postgres_open(const struct job *job, struct err *err)
{
	struct postgres *s = xcalloc(1, sizeof(*s));

	s->source.ops = &ops;
	s->job = job;
	s->schema = job->database != NULL && job->database[0] != '\0'
	    ? job->database
	    : "public";
	s->pg = pg_open(
	    job->conninfo, &pg_source, "calve-worker", job->timeout_s, err);
	if (s->pg == NULL || postgres_settle(s, err) == -1) {
		postgres_close(&s->source);
		return NULL;
	}
	pg_stop_with(s->pg, stop_check);
	return &s->source;
}

static void
clear_columns(struct postgres *s)
{
	for (size_t k = 0; k < s->ncolumns; k++) {
		struct postgres_column *c = &s->columns[k];

		free(c->name);
		free(c->type_name);
		free(c->type_text);
		field_clear(&c->field);
	}
	free(s->columns);
	s->columns = NULL;
	s->ncolumns = 0;
}

void
postgres_close(struct source *source)
{
	struct postgres *s = postgres_of(source);

	postgres_end(source);
	clear_columns(s);
	batch_clear(&s->batches[0]);
	batch_clear(&s->batches[1]);
	free(s->wire);
	free(s->table);
	free(s->kind);
	free(s->messages);
	free(s->cells);
	pg_close(s->pg);
	free(s);
}

/* ---- description ---------------------------------------------------------- */

/*
 * One row a column, domains resolved to what they stand for, arrays to their
 * elements; before it, what holds for the table. The uuid that tells a table
 * made anew from the old one is that of cluster and oid.
 */
static const char describe_sql[] =
    "WITH RECURSIVE cols AS ("
    "SELECT a.attnum, a.attname, a.attnotnull, a.attcollation AS collation,"
    " format_type(a.atttypid, a.atttypmod) AS written,"
    " a.atttypid AS typid, a.atttypmod AS typmod"
    " FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0"
    " AND NOT a.attisdropped"
    "), base AS ("
    "SELECT c.attnum, c.typid, c.typmod FROM cols c UNION ALL "
    "SELECT b.attnum, t.typbasetype,"
    " CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END"
    " FROM base b JOIN pg_type t ON t.oid = b.typid WHERE t.typtype = 'd'"
    ") SELECT c.attname, c.attnotnull,"
    " CASE WHEN e.typtype = 'e' THEN 'enum ' ELSE '' END || c.written,"
    " e.typname, e.typtype, b.typmod, t.typcategory = 'A' AND t.typelem <> 0,"
    " coalesce(array_position(i.indkey::int2[], c.attnum), -1),"
    /* a column that there is from PostgreSQL 12 on */
    " EXISTS (SELECT FROM pg_collation l WHERE l.oid = c.collation"
    " AND to_jsonb(l) ->> 'collisdeterministic' = 'false')"
    " FROM cols c JOIN base b USING (attnum)"
    " JOIN pg_type t ON t.oid = b.typid AND t.typtype <> 'd'"
    " JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' AND"
    " t.typelem <> 0 THEN t.typelem ELSE t.oid END"
    " LEFT JOIN pg_index i ON i.indrelid = $1::oid AND i.indisprimary"
    " ORDER BY c.attnum";

/* Whether any of its partitions and heirs is kept elsewhere comes last. */
static const char find_sql[] =
    "SELECT c.oid, c.relkind, md5(s.system_identifier::text || '/' || "
    "d.oid || '/' || c.oid), has_table_privilege(c.oid, 'SELECT'),"
    " row_security_active(c.oid), EXISTS (WITH RECURSIVE kin AS (SELECT c.oid"
    " UNION SELECT i.inhrelid FROM pg_inherits i JOIN kin"
    " ON i.inhparent = kin.oid) SELECT FROM pg_class k JOIN kin USING (oid)"
    " WHERE k.relkind = 'f')"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
    " pg_control_system() s, pg_database d"
    " WHERE n.nspname = $1 AND c.relname = $2"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND d.datname = current_database()";

static const char *
kind_name(char relkind)
{
	switch (relkind) {
	case 'p':
		return "partitioned table";
	case 'v':
		return "view";
	case 'm':
		return "materialized view";
	case 'f':
		return "foreign table";
	default:
		return "table";
	}
}

static void
uuid_of_md5(const char *md5, char out[UUID_TEXT])
{
	size_t at = 0;

	for (size_t k = 0; md5[k] != '\0' && at + 1 < UUID_TEXT; k++) {
		if (k == 8 || k == 12 || k == 16 || k == 20)
			out[at++] = '-';
		out[at++] = md5[k];
	}
	out[at] = '\0';
}

/* The server's own word on policies, of views too: with row_security off it
 * refuses a query that they would keep rows from. */
static int
check_policies(struct postgres *s, bool active, struct err *err)
{
	struct buf sql;
	int rc;

	if (active)
		return err_set(err, ERR_SOURCE,
		    "row security hides rows of '%s.%s' from the source's "
		    "user: ALTER ROLE it BYPASSRLS, or read a view that the "
		    "table's owner has made",
		    s->schema, s->job->table);
	buf_init(&sql, SQL_MAX);
	buf_printf(&sql, "SELECT FROM %s LIMIT 0", s->table);
	rc = pg_run(s->pg, buf_cstr(&sql), 0, NULL, NULL, err);
	buf_clear(&sql);
	return rc;
}

static int
find_table(struct postgres *s, struct err *err)
{
	const char *const params[] = { s->schema, s->job->table };
	struct pg_rows *rows;
	struct buf name;
	char kind;
	int rc = -1;

	if (pg_run(s->pg, find_sql, 2, params, &rows, err) == -1)
		return -1;
	if (pg_count(rows) == 0) {
		err_set(err, ERR_SOURCE,
		    "unknown table '%s.%s' in the source database; check the "
		    "table's 'source'",
		    s->schema, s->job->table);
		goto out;
	}
	if (strcmp(pg_text(rows, 0, 3), "t") != 0) {
		err_set(err, ERR_SOURCE,
		    "the user may not read '%s.%s'; grant SELECT on it",
		    s->schema, s->job->table);
		goto out;
	}
	strncpy(s->oid, pg_text(rows, 0, 0), sizeof(s->oid) - 1);
	kind = pg_text(rows, 0, 1)[0];
	free(s->kind);
	s->kind = xstrdup(kind_name(kind));
	s->has_ctid = kind == 'r' || kind == 'm' || kind == 'p';
	s->has_xmin = s->has_ctid && strcmp(pg_text(rows, 0, 5), "f") == 0;
	s->promises = (kind == 'r' || kind == 'p') &&
	    strcmp(pg_text(rows, 0, 5), "f") == 0;
	uuid_of_md5(pg_text(rows, 0, 2), s->uuid);
	buf_init(&name, SQL_MAX);
	postgres_identifier(&name, s->schema);
	buf_put_u8(&name, '.');
	postgres_identifier(&name, s->job->table);
	free(s->table);
	s->table = xstrdup(buf_cstr(&name));
	buf_clear(&name);
	rc = check_policies(s, strcmp(pg_text(rows, 0, 4), "t") == 0, err);
out:
	pg_rows_free(rows);
	return rc;
}

static void
take_column(struct postgres_column *c, const struct pg_rows *rows, size_t row)
{
	*c = (struct postgres_column){
		.name = xstrdup(pg_text(rows, row, 0)),
		.not_null = strcmp(pg_text(rows, row, 1), "t") == 0,
		.type_text = xstrdup(pg_text(rows, row, 2)),
		.type_name = xstrdup(pg_text(rows, row, 3)),
		.key_position = atoi(pg_text(rows, row, 7)),
	};
	c->type = (struct postgres_type){
		.name = c->type_name,
		.text = c->type_text,
		.kind = pg_text(rows, row, 4)[0],
		.modifier = atoi(pg_text(rows, row, 5)),
		.array = strcmp(pg_text(rows, row, 6), "t") == 0,
		.loose = strcmp(pg_text(rows, row, 8), "t") == 0,
	};
}

/* A database of encoding SQL_ASCII lets names be any bytes. */
static int
check_names(const struct postgres *s, struct err *err)
{
	for (size_t k = 0; k < s->ncolumns; k++) {
		const char *name = s->columns[k].name;

		if (utf8_prefix((const uint8_t *)name, strlen(name)) !=
		    strlen(name))
			return err_set(err, ERR_SOURCE,
			    "column %zu of '%s.%s' has a name that is not "
			    "UTF-8; rename it, or read a view that does",
			    k + 1, s->schema, s->job->table);
	}
	return 0;
}

static struct postgres_column *
find_column(struct postgres *s, const char *name)
{
	for (size_t k = 0; k < s->ncolumns; k++)
		if (strcmp(s->columns[k].name, name) == 0)
			return &s->columns[k];
	return NULL;
}

/* The scale of a timestamp column's ticks; -2: it is none. */
static int
scale_of(const struct postgres_type *t)
{
	if (t->array || t->kind != 'b')
		return -2;
	if (strcmp(t->name, "int8") == 0)
		return 3; /* milliseconds */
	if (strcmp(t->name, "timestamp") == 0 ||
	    strcmp(t->name, "timestamptz") == 0)
		return 6;
	return strcmp(t->name, "date") == 0 ? SCALE_DAYS : -2;
}

static int
find_timestamp(struct postgres *s, struct err *err)
{
	const char *name = s->job->timestamp;

	if ((s->timestamp = find_column(s, name)) == NULL)
		return err_set(err, ERR_CONFIG,
		    "timestamp: table '%s.%s' has no column '%s'", s->schema,
		    s->job->table, name);
	if ((s->scale = scale_of(&s->timestamp->type)) == -2)
		return err_set(err, ERR_TYPE,
		    "timestamp: column '%s' is of type %s; bigint (milliseconds "
		    "since 1970), timestamp, timestamptz or date is needed",
		    name, s->timestamp->type.text);
	return 0;
}

static const char unique_sql[] =
    "SELECT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = $1::oid"
    " AND i.indisunique AND i.indisvalid AND i.indpred IS NULL"
    " AND i.indexprs IS NULL AND NOT EXISTS ("
    "SELECT FROM generate_series(0, i.indnkeyatts - 1) k"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid"
    " AND a.attnum = i.indkey[k] WHERE a.attname <> ALL ($2::name[])))";

/* Keys must exist and never be NULL, which the server says of a table's
 * columns; of others it is looked at as rows are counted. Are they unique? */
static int
check_keys(struct postgres *s, struct err *err)
{
	const char *params[2] = { s->oid, NULL };
	struct pg_rows *rows;
	struct buf names;

	for (size_t k = 0; k < s->job->nkey; k++) {
		const struct postgres_column *c =
		    find_column(s, s->job->key[k]);

		if (c == NULL || (s->promises && !c->not_null))
			return err_set(err, c == NULL ? ERR_CONFIG : ERR_SOURCE,
			    c == NULL
				? "key: table '%s.%s' has no column '%s'"
				: "key: in table '%s.%s' the column '%s' may "
				  "be NULL, which no key can be; ALTER it SET "
				  "NOT NULL, or choose another key",
			    s->schema, s->job->table, s->job->key[k]);
	}
	buf_init(&names, SQL_MAX);
	pg_put_array(&names, (const char *const *)s->job->key, s->job->nkey);
	params[1] = buf_cstr(&names);
	int rc = pg_run(s->pg, unique_sql, 2, params, &rows, err);
	buf_clear(&names);
	if (rc == -1)
		return -1;
	s->keys_unique = strcmp(pg_text(rows, 0, 0), "t") == 0;
	pg_rows_free(rows);
	return 0;
}

static void
tell_table(const struct postgres *s, struct source_table *out)
{
	*out = (struct source_table){ .engine = xstrdup(s->kind),
		.ncolumns = s->ncolumns,
		.unique = s->keys_unique,
		.timestamp_scale = s->scale };
	memcpy(out->uuid, s->uuid, sizeof(out->uuid));
	out->columns = xcalloc(s->ncolumns, sizeof(*out->columns));
	for (size_t k = 0; k < s->ncolumns; k++)
		out->columns[k] = (struct source_column){
			.name = xstrdup(s->columns[k].name),
			.type = xstrdup(s->columns[k].type_text),
			.key_position = s->columns[k].key_position,
		};
}

int
postgres_describe(
    struct source *source, struct source_table *out, struct err *err)
{
	struct postgres *s = postgres_of(source);
	const char *params[1];
	struct pg_rows *rows;

	*out = (struct source_table){ 0 };
	if (postgres_settle(s, err) == -1 || find_table(s, err) == -1)
		return -1;
	params[0] = s->oid;
	if (pg_run(s->pg, describe_sql, 1, params, &rows, err) == -1)
		return -1;
	clear_columns(s);
	s->ncolumns = pg_count(rows);
	s->columns = xcalloc(s->ncolumns + 1, sizeof(*s->columns));
	for (size_t k = 0; k < s->ncolumns; k++)
		take_column(&s->columns[k], rows, k);
	pg_rows_free(rows);
	if (check_names(s, err) == -1 || find_timestamp(s, err) == -1 ||
	    postgres_find_zone(s, err) == -1 ||
	    (s->job->nkey > 0 && check_keys(s, err) == -1))
		return -1;
	tell_table(s, out);
	return 0;
}

/* ---- columns -------------------------------------------------------------- */

static bool
listed(char *const *names, size_t n, const char *name)
{
	for (size_t k = 0; k < n; k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return false;
}

/* include, exclude, timestamp and key against the columns that there are */
static int
choose_columns(struct postgres *s, struct err *err)
{
	const struct job *job = s->job;
	const struct {
		const char *what;
		char *const *names;
		size_t n;
	} lists[] = {
		{ "include", job->include, job->ninclude },
		{ "exclude", job->exclude, job->nexclude },
	};

	for (size_t l = 0; l < 2; l++)
		for (size_t k = 0; k < lists[l].n; k++)
			if (find_column(s, lists[l].names[k]) == NULL)
				return err_set(err, ERR_CONFIG,
				    "%s: table '%s.%s' has no column '%s'",
				    lists[l].what, s->schema, job->table,
				    lists[l].names[k]);
	for (size_t k = 0; k < job->ncolumns; k++)
		if (find_column(s, job->columns[k].name) == NULL)
			return err_set(err, ERR_CONFIG,
			    "columns: table '%s.%s' has no column '%s'",
			    s->schema, job->table, job->columns[k].name);
	for (size_t k = 0; k < s->ncolumns; k++) {
		struct postgres_column *c = &s->columns[k];
		bool needed =
		    c == s->timestamp || listed(job->key, job->nkey, c->name);

		c->chosen = (job->ninclude == 0 || needed ||
				listed(job->include, job->ninclude, c->name)) &&
		    !listed(job->exclude, job->nexclude, c->name);
		if (needed && !c->chosen)
			return err_set(err, ERR_CONFIG,
			    "column '%s' is the timestamp or of the key: it "
			    "cannot be left out",
			    c->name);
	}
	return 0;
}

static const struct job_column *
option_of(const struct job *job, const char *name)
{
	for (size_t k = 0; k < job->ncolumns; k++)
		if (strcmp(job->columns[k].name, name) == 0)
			return &job->columns[k];
	return NULL;
}

static int
resolve_column(struct postgres *s, struct postgres_column *c, struct type *out,
    struct err *err)
{
	const struct job_column *option = option_of(s->job, c->name);

	if (c == s->timestamp && option != NULL && option->as != NULL)
		return err_set(err, ERR_CONFIG,
		    "column '%s' is the timestamp: as: cannot change it",
		    c->name);
	field_clear(&c->field);
	c->field =
	    (struct field){ .name = xstrdup(c->name), .required = c->not_null };
	if (typemap_postgres(
		c->name, &c->type, option, &c->field.type, &c->map, err) == -1)
		return -1;
	if (listed(s->job->key, s->job->nkey, c->name) &&
	    typemap_postgres_key(c->name, &c->type, option, &c->map, err) == -1)
		return -1;
	struct field *f = type_add_field(out, c->name, true, TYPE_STRUCT);

	field_clear(f);
	field_copy(f, &c->field);
	if (c == s->timestamp)
		s->timestamp_wire = s->nwire;
	s->wire[s->nwire++] = c;
	return 0;
}

int
postgres_resolve(struct source *source, const struct type *existing,
    source_note *note, void *note_arg, struct type *out, struct err *err)
{
	struct postgres *s = postgres_of(source);

	(void)existing; /* the sink converts or refuses */
	(void)note;
	(void)note_arg;
	*out = (struct type){ .kind = TYPE_STRUCT };
	if (choose_columns(s, err) == -1)
		return -1;
	free(s->wire);
	s->wire = xcalloc(s->ncolumns + 1, sizeof(*s->wire));
	s->nwire = 0;
	for (size_t k = 0; k < s->ncolumns; k++)
		if (s->columns[k].chosen &&
		    resolve_column(s, &s->columns[k], out, err) == -1) {
			type_clear(out);
			return -1;
		}
	for (size_t k = 0; k < 2; k++) {
		batch_clear(&s->batches[k]);
		batch_init(&s->batches[k], out);
	}
	s->batch = &s->batches[0];
	s->resolved = true;
	s->cells = xreallocarray(
	    s->cells, s->nwire * POSTGRES_ROWS, sizeof(*s->cells));
	s->messages =
	    xreallocarray(s->messages, POSTGRES_ROWS, sizeof(*s->messages));
	return 0;
}
