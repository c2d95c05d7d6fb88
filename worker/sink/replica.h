/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ClickHouse table that is kept in step with a source: a ReplacingMergeTree
 * whose version is the timestamp and whose sorting key is the job's key, so
 * that of rows with one key the newest stays, however often each is sent.
 *
 *   replica_open        connect
 *   replica_describe    what is there
 *   replica_create      where nothing is
 *   replica_fit         column by column: does what comes go into it?
 *   replica_newest      the newest timestamp that is there
 *   replica_begin, replica_append ..., replica_flush, replica_finish
 *                       one INSERT
 *   replica_read_begin, replica_read_next ..., replica_read_end
 *   replica_close
 *
 * One replica is one connection; several may write to one table.
 *
 * Errors: ERR_TARGET_LOST when the server is out of reach or gone (another
 * attempt may heal it), ERR_TARGET when it refused, ERR_TABLE when the table
 * cannot take these rows, ERR_TYPE and ERR_DATA by native_put.h.
 */
#ifndef CALVE_REPLICA_H
#define CALVE_REPLICA_H

#include "common/err.h"
#include "common/job.h"
#include "common/position.h"
#include "worker/batch.h"
#include "worker/type.h"

struct replica;

/* job must outlive it. */
struct replica *replica_open(const struct job *, struct err *) MUST_USE;
void replica_close(struct replica *); /* NULL is fine */

/* 1: the table is there, 0: it is not */
int replica_describe(struct replica *, struct err *) MUST_USE;
/* After replica_describe() found it: its identity, all zeros where the
 * database gives none. */
const char *replica_uuid(const struct replica *);
/* The type of a column as the server writes it, or NULL. */
const char *replica_type(const struct replica *, const char *column);
/* Whether the table remembers tokens of inserts. */
bool replica_remembers(const struct replica *);

struct replica_column {
	const char *name, *type;
};
/* A column of the partition key that is none of the sorting key's: where it
 * changes, versions of a key lie in several partitions, and are never merged.
 * The timestamp where it is one of several; NULL: there is none. */
const char *replica_parts_by(const struct replica *);
/* Makes the table, partitioned as the job says, or not at all. */
int replica_create(struct replica *, const struct replica_column *, size_t n,
    struct err *) MUST_USE;

/* incoming: the fields of the batches to come; borrowed. ERR_TABLE and
 * ERR_TYPE name what does not fit, and what to do. */
int replica_fit(
    struct replica *, const struct type *incoming, struct err *) MUST_USE;
/* What a stored column shows in rows that were inserted before there was such a
 * column, as the server's text: what its DEFAULT says, or its type's. The text
 * is the caller's; NULL where that is NULL. Not known where it depends on other
 * columns. */
struct replica_filler {
	bool known;
	char *text;
};
int replica_filler(struct replica *, const char *column,
    struct replica_filler *, struct err *) MUST_USE;
/* Unset where the table has no rows. */
int replica_newest(
    struct replica *, struct position *out, struct err *) MUST_USE;

/* What an insert holds at most for the server to take it as one block, which
 * appears at once, partition by partition. */
enum { REPLICA_BLOCK_ROWS = 4 << 20, REPLICA_BLOCK_BYTES = 1 << 30 };

/* A token that the table remembers: the insert adds nothing then. */
int replica_begin(struct replica *, const char *token, struct err *) MUST_USE;
int replica_append(
    struct replica *, const struct batch *, struct err *) MUST_USE;
/* Sends what is gathered, which replica_append() does at times. */
int replica_flush(struct replica *, struct err *) MUST_USE;
/* After replica_flush(): ends the request and waits for the server's word. After ERR_TARGET_LOST it
 * is not known whether the rows are there: the same token finds out. */
int replica_finish(struct replica *, struct err *) MUST_USE;
/* Cuts the request off: a part that was not a block yet is dropped. */
void replica_abort(struct replica *);
/* Whether what was sent since replica_begin() is one block. */
bool replica_is_one_block(const struct replica *);
uint64_t replica_sent(const struct replica *); /* bytes since open */

/*
 * Rows as numbers, for comparing sets of them: native_digest.h. Timestamps are
 * in ticks of the source's column.
 */
struct replica_digest {
	size_t n;
	const uint64_t *rows;
	const int64_t *timestamps;
};
/* The table's rows, read with FINAL: replica_read_begin(),
 * replica_read_next() until it gives 0, replica_read_end(). */
int replica_read_begin(struct replica *, struct err *) MUST_USE;
int replica_read_next(
    struct replica *, struct replica_digest *, struct err *) MUST_USE;
void replica_read_end(struct replica *);
/* The same of the source's rows, of replica_fit()'s columns. Not while the
 * table is being read. */
void replica_digest_batch(
    struct replica *, const struct batch *, struct replica_digest *);

#endif
