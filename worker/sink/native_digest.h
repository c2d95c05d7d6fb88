/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as 64-bit numbers, for comparing what the source holds with what the
 * table holds: of a batch as it came from the source, of Native blocks as the
 * types in which the table has the columns.
 *
 * Both sides are numbers of the source's values (value_digest.h), and nothing
 * that sending does to a value is done here: the batch's are taken as they
 * are, the table's are widened to the source's type, exactly. A value that
 * the target's type rounded, cut off, or could not hold makes another number,
 * and so does one of the table that the source's type has no room for.
 *
 * A row's number depends on every value, on its column's place, and on nothing
 * else: not on the block it came in, nor on the rows around it. Sums of them,
 * modulo 2^64, compare sets of rows in any order. They find what went wrong by
 * accident, and are no protection against somebody who makes rows to fit.
 */
#ifndef CALVE_NATIVE_DIGEST_H
#define CALVE_NATIVE_DIGEST_H

#include "worker/batch.h"
#include "worker/clickhouse/stream.h"
#include "worker/type.h"

struct native_digest;

/* incoming: the columns of batches and blocks alike, borrowed. timestamp: the
 * one whose values are handed out, in the source's units: a long, a date or a
 * timestamp. */
struct native_digest *native_digest_new(
    const struct type *incoming, size_t timestamp);
void native_digest_free(struct native_digest *); /* NULL is fine */

/* The next block with rows: 1 and how many, 0 at the end, -1 failed (ERR_DATA
 * where it is not such a block or a column's type holds other values than the
 * source's, ERR_SOURCE_LOST where it is cut). */
int native_digest_next(struct native_digest *, struct stream *, size_t *nrows,
    struct err *) MUST_USE;
/* The rows of a batch. */
void native_digest_batch(struct native_digest *, const struct batch *);
/* Of that block or batch, a value for each row; good until the next call. A
 * timestamp of the table that lies between two of the source's is the earlier
 * one, what is beyond 64 bits the last. */
const uint64_t *native_digest_rows(const struct native_digest *);
const int64_t *native_digest_timestamps(const struct native_digest *);

#endif
