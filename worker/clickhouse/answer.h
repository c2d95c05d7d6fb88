/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of a ClickHouse server that are complete, or an error (format.md
 * 4.2). A stream is complete only when (1) the status is 200, (2) the
 * transfer ended well, (3) the decoder stands at a block's end, (4) no tagged
 * exception frame ends the body, (5) no exception header or trailer came.
 * Rule (6), the row count, is the caller's.
 *
 * It is an answer of that server only where it bears one of the headers that
 * each of its answers has had since 2018: X-ClickHouse-Server-Display-Name,
 * later -Query-Id, too. Without them something in between has answered (a
 * sign-in page, an empty body, a proxy's 200): then nothing is known, and the
 * error is of the lost class.
 */
#ifndef CALVE_CLICKHOUSE_ANSWER_H
#define CALVE_CLICKHOUSE_ANSWER_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/clickhouse/wire.h"

/* Starts an answer that will be read with wire_read(); any status but 200 and
 * any exception header is an error here already. user is for messages, rows
 * says that the answer is long. */
int clickhouse_begin(struct wire *, const char *user, const char *parameters,
    const char *sql, bool rows, struct err *) MUST_USE;
/* After the last block: 0 when all rules hold. */
int clickhouse_complete(struct wire *, const char *user, struct err *) MUST_USE;
/* After decoder or transfer failed with err: looks whether the server has
 * said why, and lets that be the error. Always -1. */
int clickhouse_explain(struct wire *, const char *user, struct err *err);
/* After err about the values that came: if they were changed on the way, lets
 * that be the error. Always -1; the answer is over. */
int clickhouse_doubt(struct wire *, struct err *err);

/* To be among the parameters of an INSERT. Servers of 2020 count written rows
 * only where progress is wanted; the headers that would tell of it on the way
 * must not come, for with the first of them status 200 is sent. */
#define CLICKHOUSE_TELL_WRITTEN            \
	"send_progress_in_http_headers=1&" \
	"http_headers_progress_interval_ms=86400000"

/*
 * Ends an INSERT whose data http_put() sent (http.h), and reads the answer. 0
 * only where the server itself says that it is done: *written is how many rows
 * it has written then, its X-ClickHouse-Summary's "written_rows": into the
 * table and, by materialized views, into others; rows that it left out, for
 * it knew their token, are among them. Whether that is what was sent is for
 * the caller to compare. Of the lost class: whether the rows are there is not
 * known; the same token finds out.
 */
int clickhouse_put_end(
    struct wire *, const char *user, uint64_t *written, struct err *) MUST_USE;

/* A small answer whole, into out (appended); over max is ERR_LIMIT. */
int clickhouse_fetch(struct wire *, const char *user, const char *parameters,
    const char *sql, struct buf *out, size_t max, struct err *) MUST_USE;

/* One string of an answer in RowBinary; "" and bad when malformed. The
 * caller's. */
char *clickhouse_text(struct cursor *);

#endif
