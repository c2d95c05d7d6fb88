/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as numbers (native_digest.h): those of the table, as the types that it
 * has, and those of a batch, as the source delivered them.
 */
#include <stdlib.h>
#include <string.h>

#include "worker/clickhouse/quote.h"
#include "worker/sink/replica_own.h"

enum { BLOCK_MAX = 512 << 20 };

static size_t
find_timestamp(const struct replica *r)
{
	return (size_t)type_find_name(r->incoming, r->job->timestamp);
}

static struct native_digest *
digest(struct replica *r)
{
	if (r->digest == NULL)
		r->digest = native_digest_new(r->incoming, find_timestamp(r));
	return r->digest;
}

static void
hand_out(struct replica *r, size_t n, struct replica_digest *out)
{
	out->n = n;
	out->rows = native_digest_rows(r->digest);
	out->timestamps = native_digest_timestamps(r->digest);
}

/* ---- of the table --------------------------------------------------------- */

/* Dictionaries and labels are asked for as what they stand for; the zone of a
 * time says nothing of its value. */
static bool
needs_cast(const struct native_put *p)
{
	struct ch_type has = { 0 }, plain = { 0 };
	struct err ignored = { 0 };
	bool same =
	    ch_type_parse(p->text, strlen(p->text), &has, &ignored) == 0 &&
	    ch_type_parse(p->sent, strlen(p->sent), &plain, &ignored) == 0 &&
	    ch_type_equal(&has, &plain);

	ch_type_clear(&has);
	ch_type_clear(&plain);
	return !same;
}

static void
put_column(struct buf *sql, const struct native_put *p)
{
	if (!needs_cast(p)) {
		sql_identifier(sql, p->column);
		return;
	}
	buf_put_str(sql, "CAST(");
	sql_identifier(sql, p->column);
	buf_put_str(sql, ", ");
	sql_string(sql, p->sent);
	buf_put_str(sql, ") AS ");
	sql_identifier(sql, p->column);
}

int
replica_read_begin(struct replica *r, struct err *err)
{
	struct buf sql;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_put_str(&sql, "SELECT ");
	for (size_t k = 0; k < r->nput; k++) {
		buf_put_str(&sql, k > 0 ? ", " : "");
		put_column(&sql, &r->put[k]);
	}
	buf_printf(&sql, " FROM %s FINAL", r->table);
	rc = clickhouse_begin(r->server, r->job->target_user,
	    "default_format=Native", buf_cstr(&sql), true, err);
	buf_clear(&sql);
	if (rc == 0) {
		stream_init(&r->stream, wire_read, r->server, BLOCK_MAX);
		r->reading = true;
	}
	return rc;
}

int
replica_read_next(
    struct replica *r, struct replica_digest *out, struct err *err)
{
	size_t n;
	int rc = native_digest_next(digest(r), &r->stream, &n, err);

	if (rc == -1)
		return clickhouse_explain(r->server, r->job->target_user, err);
	if (rc == 0)
		return clickhouse_complete(r->server, r->job->target_user, err);
	hand_out(r, n, out);
	return 1;
}

void
replica_read_end(struct replica *r)
{
	if (!r->reading)
		return;
	stream_clear(&r->stream);
	http_stop(wire_http(r->server));
	r->reading = false;
}

/* ---- of a batch ----------------------------------------------------------- */

void
replica_digest_batch(
    struct replica *r, const struct batch *batch, struct replica_digest *out)
{
	native_digest_batch(digest(r), batch);
	hand_out(r, batch->nrows, out);
}
