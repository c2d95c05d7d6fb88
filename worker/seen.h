/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows may still appear behind the watermark of a table that goes to
 * ClickHouse: what the last run's snapshot says of the source's transactions.
 *
 * A row that a snapshot does not show was written by a transaction that was
 * open then, or by one that had not written by then. (PostgreSQL
 * documentation, "Transaction ID and Snapshot Information Functions": ids
 * below a snapshot's xmin are "either committed and visible, or rolled back
 * and dead"; the ids are of 64 bits and "do not wrap around".) Of the second
 * sort all rows are newer than the snapshot's newest, less look-back. Those of
 * the first are found by two facts:
 *
 *   - `floor`, the snapshot's xmin: the row's own transaction id is not below
 *     it. That of a subtransaction is above its parent's, since a parent gets
 *     its id before its children.
 *   - `low`: the newest row at an earlier snapshot at which the transaction
 *     had no id yet, so had not written. Look-back covers what it was late by
 *     then.
 *
 * Two snapshots are remembered, not all: `next` and `since` wait until all
 * transactions that had an id at the one are at an end, and become `low`. So
 * `low` lies back by twice the longest transaction, at most, and two runs.
 */
#ifndef CALVE_SEEN_H
#define CALVE_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/position.h"

enum { SEEN_TEXT = 2 * POSITION_TEXT + 64 };

struct seen {
	bool set;
	bool open;           /* rows of open transactions may appear before the
			 * watermark */
	uint64_t floor;      /* their transactions' ids are not below it */
	struct position low; /* the rows are not older, less look-back; unset:
			      * nothing is known */
	uint64_t next;       /* no transaction from it on had written */
	struct position since; /* when this was the newest row */
};

/* A snapshot as the source tells of it. */
struct seen_snapshot {
	uint64_t xmin; /* all transactions before it have ended */
	uint64_t next; /* the id that comes next: at least as of the snapshot */
	bool covered;  /* the window ended before all open ones began */
};

/* What holds after a run that has sent all rows of that snapshot up to
 * newest. */
void seen_after(const struct seen *before, const struct seen_snapshot *,
    const struct position *newest, struct seen *after);

/* "FLOOR NEXT SINCE LOW open|done", for the watermark row; "" when not set.
 * What does not parse is as if it were not there: false. */
void seen_format(const struct seen *, char out[SEEN_TEXT]);
bool seen_parse(struct seen *, const char *text);

#endif
