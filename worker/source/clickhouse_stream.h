/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of a ClickHouse server that are complete, or an error (format.md
 * 4.2). A stream is complete only when (1) the status is 200, (2) the
 * transfer ended well, (3) the decoder stands at a block's end, (4) no tagged
 * exception frame ends the body, (5) no exception header or trailer came.
 * Rule (6), the row count, is the caller's.
 */
#ifndef CALVE_CLICKHOUSE_STREAM_H
#define CALVE_CLICKHOUSE_STREAM_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/source/clickhouse_http.h"

/* Starts an answer that will be read with http_read(); any status but 200 and
 * any exception header is an error here already. user is for messages. */
int clickhouse_begin(struct http *, const char *user, const char *parameters,
    const char *sql, struct err *) MUST_USE;
/* After the last block: 0 when all rules hold. */
int clickhouse_complete(struct http *, const char *user, struct err *) MUST_USE;
/* After decoder or transfer failed with err: looks whether the server has
 * said why, and lets that be the error. Always -1. */
int clickhouse_explain(struct http *, const char *user, struct err *err);

/* A small answer whole, into out (appended); over max is ERR_LIMIT. */
int clickhouse_fetch(struct http *, const char *user, const char *parameters,
    const char *sql, struct buf *out, size_t max, struct err *) MUST_USE;

#endif
