/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of Native blocks as 64-bit numbers, for comparing what an insert would
 * send with what the table holds: asked for as the types that native_put.h
 * sends, the table's values come back in the same bytes.
 *
 * A row's number depends on every value, on its column's place, and on nothing
 * else: not on the block it came in, nor on the rows around it. Sums of them,
 * modulo 2^64, compare sets of rows in any order. They find what went wrong by
 * accident, and are no protection against somebody who makes rows to fit.
 */
#ifndef CALVE_NATIVE_DIGEST_H
#define CALVE_NATIVE_DIGEST_H

#include "worker/clickhouse/stream.h"
#include "worker/sink/native_put.h"

struct native_digest;

/* put: borrowed. timestamp: the column whose values are handed out: of one to
 * eight bytes, a whole number. */
struct native_digest *native_digest_new(
    const struct native_put *, size_t ncols, size_t timestamp);
void native_digest_free(struct native_digest *); /* NULL is fine */

/* The next block with rows: 1 and how many, 0 at the end, -1 failed (ERR_DATA
 * where it is not such a block, ERR_SOURCE_LOST where it is cut). */
int native_digest_next(struct native_digest *, struct stream *, size_t *nrows,
    struct err *) MUST_USE;
/* Of that block, a value for each row; good until the next call. */
const uint64_t *native_digest_rows(const struct native_digest *);
const int64_t *native_digest_timestamps(const struct native_digest *);

#endif
