/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One INSERT: batches are gathered to blocks, for the server takes some time
 * for each; the memory is that of one.
 *
 * The server gathers them up to min_insert_block_size_*, then writes a part
 * for each partition: an insert below that appears at once, or not at all.
 * (ClickHouse documentation, "Transactional (ACID) support", case 1;
 * "insert_deduplication_token".)
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/sink/replica_own.h"

enum { GATHER_BYTES = 8 << 20 };

static unsigned long
block_rows(void)
{
	return FAULT_NUMBER(
	    "CALVE_BLOCK_ROWS", (unsigned long)REPLICA_BLOCK_ROWS);
}

/* The server has answered before the data's end: why? */
static int
ended_early(struct replica *r, struct err *err)
{
	if (replica_finish(r, err) == -1)
		return -1;
	return err_set(err, ERR_TARGET_LOST,
	    "'%s' ended an insert before its data; see the server's log, then "
	    "run it again",
	    http_place(wire_http(r->server)));
}

/*
 * Replacing within the block is left to merges and FINAL: no two rows of one
 * insert share a key (sync.c sends of each only the newest), and looking for
 * such is half of what an insert costs the server.
 */
int
replica_begin(struct replica *r, const char *token, struct err *err)
{
	char *escaped = http_escape(token), *parameters;
	int rc;

	parameters = xasprintf(CLICKHOUSE_TELL_WRITTEN
	    "&async_insert=0&insert_deduplicate=1&optimize_on_insert=0&"
	    "insert_deduplication_token=%s&max_partitions_per_insert_block=0&"
	    "min_insert_block_size_rows=%lu&min_insert_block_size_bytes=%d",
	    escaped, block_rows(), REPLICA_BLOCK_BYTES);
	native_drop(r->put, r->nput);
	r->rows = r->bytes = 0;
	rc = http_put_begin(wire_http(r->server), parameters, r->insert, err);
	free(parameters);
	free(escaped);
	return rc == 1 ? ended_early(r, err) : rc;
}

static int
send(void *arg, const void *p, size_t n, struct err *err)
{
	struct replica *r = arg;

	r->bytes += n;
	return http_put(wire_http(r->server), p, n, err);
}

int
replica_flush(struct replica *r, struct err *err)
{
	int rc = native_emit(r->put, r->nput, send, r, err);

	return rc == 1 ? ended_early(r, err) : rc;
}

int
replica_append(struct replica *r, const struct batch *b, struct err *err)
{
	if (native_gather(r->put, r->nput, b, err) == -1)
		return -1;
	r->rows += b->nrows;
	return native_gathered(r->put, r->nput) <
		FAULT_NUMBER("CALVE_GATHER_BYTES", (size_t)GATHER_BYTES)
	    ? 0
	    : replica_flush(r, err);
}

/* What views that hang on the table have written counts as written, too. One
 * may have been made since the table was described. */
static int
as_sent(struct replica *r, uint64_t written, struct err *err)
{
	if (written == r->rows)
		return 0;
	if (written > r->rows && r->views == 0 &&
	    replica_count_views(r, err) == -1)
		return -1;
	if (written > r->rows && r->views > 0)
		return 0;
	return err_set(err, ERR_TARGET_LOST,
	    "'%s' says that an insert of %" PRIu64 " rows has written %" PRIu64
	    "; if views hang on '%s.%s', let the user see them (GRANT SHOW "
	    "TABLES), else see what stands in between, then run it again",
	    http_place(wire_http(r->server)), r->rows, written,
	    r->job->namespace_, r->job->target_table);
}

int
replica_finish(struct replica *r, struct err *err)
{
	uint64_t written;

	if (clickhouse_put_end(r->server, r->job->target_user, &written, err) ==
	    -1)
		return -1;
	return as_sent(r, written, err);
}

void
replica_abort(struct replica *r)
{
	http_stop(wire_http(r->server));
}

/* Strings take eight bytes more in the server's memory than here. */
bool
replica_is_one_block(const struct replica *r)
{
	return r->rows < block_rows() &&
	    r->bytes + 8 * r->nput * r->rows < REPLICA_BLOCK_BYTES;
}

uint64_t
replica_sent(const struct replica *r)
{
	return http_sent(wire_http(r->server));
}
