/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as numbers (native_digest.h): those of the table, asked for as the
 * types that inserts send, and those of a batch, put as an insert would.
 */
#include <stdlib.h>
#include <string.h>

#include "worker/clickhouse/quote.h"
#include "worker/sink/replica_own.h"

enum { BLOCK_MAX = 512 << 20 };

static size_t
find_timestamp(const struct replica *r)
{
	size_t k = 0;

	while (strcmp(r->put[k].column, r->job->timestamp) != 0)
		k++;
	return k;
}

static struct native_digest *
digest(struct replica *r)
{
	if (r->digest == NULL)
		r->digest =
		    native_digest_new(r->put, r->nput, find_timestamp(r));
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

int
replica_read_begin(struct replica *r, struct err *err)
{
	struct buf sql;
	int rc;

	buf_init(&sql, REPLICA_SQL_MAX);
	buf_put_str(&sql, "SELECT ");
	for (size_t k = 0; k < r->nput; k++) {
		const struct native_put *p = &r->put[k];
		bool same = strcmp(p->sent, p->text) == 0;

		buf_put_str(&sql, k > 0 ? ", " : "");
		buf_put_str(&sql, same ? "" : "CAST(");
		sql_identifier(&sql, p->column);
		if (!same) {
			buf_put_str(&sql, ", ");
			sql_string(&sql, p->sent);
			buf_put_str(&sql, ") AS ");
			sql_identifier(&sql, p->column);
		}
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

/* A stream_fetch. */
static ssize_t
fetch_block(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct cursor *at = arg;

	(void)err;
	if (n > cursor_left(at))
		n = cursor_left(at);
	if (n > 0)
		memcpy(dst, cursor_take(at, n), n);
	return (ssize_t)n;
}

int
replica_digest_batch(struct replica *r, const struct batch *batch,
    struct replica_digest *out, struct err *err)
{
	struct cursor at;
	struct stream in;
	size_t n = 0;
	int rc;

	buf_reset(&r->block);
	if (native_put_block(&r->block, r->put, r->nput, batch, err) == -1)
		return -1;
	at = cursor_of(r->block.data, r->block.len);
	stream_init(&in, fetch_block, &at, BLOCK_MAX);
	rc = native_digest_next(digest(r), &in, &n, err);
	stream_clear(&in);
	if (rc == -1)
		return -1;
	hand_out(r, n, out);
	return 0;
}
