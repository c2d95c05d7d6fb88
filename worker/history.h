/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table's history says of one source: pure, facts in, facts out.
 *
 * A record is what one commit, or the property that mirrors the newest one,
 * says of whose rows it holds and how far they go. Whose they are is told by
 * the source's own identity where it has one, since names are given again:
 *
 *   same identity                        -> IDENTITY, whatever its name
 *   same source text, and the record has
 *     no identity (of an earlier version,
 *     or the source has none), of the
 *     same name in the state tables
 *     or none recorded                   -> NAME, unless another identity has
 *                                           claimed that text since
 *   same source text, another identity,
 *     another name in the state tables   -> none: a second server under one
 *                                           alias
 *   same source text or same name in the
 *     state tables, else                 -> OTHER: who it is cannot be told,
 *                                           or it is known to be another
 *   neither                              -> none
 *
 * Of an identity only its newest record speaks: one that has moved on to
 * another name has left its old one free.
 */
#ifndef CALVE_HISTORY_H
#define CALVE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/position.h"

/* Whose rows, and what their position means. Texts are borrowed. */
struct origin {
	const char *source;   /* alias.database.table; NULL: another tool's */
	const char *identity; /* NULL: it has none, or it was not recorded */
	const char *uuid;     /* of a source as it is now: NULL, or what it may
				* have been recorded as instead */
	const char *table;    /* name in the state tables; NULL: not recorded */
	const char *timestamp; /* its column; NULL: not recorded */
	const char *sequence;  /* its column; NULL: none */
	bool final;
};

struct record {
	struct origin origin;
	struct position position;
	int64_t snapshot, parent; /* 0: none */
	int64_t number;           /* its sequence number; 0: not recorded */
	const char *run;          /* NULL: not recorded */
	bool adds_rows;           /* of another tool: whether it may have */
};

struct history {
	const struct record *main; /* its ancestry, newest first */
	size_t nmain;
	bool complete; /* it reaches its root */
	bool rows;     /* the newest of it has rows, for all that is known */
	const struct record *others; /* the table's other snapshots */
	size_t nothers;
	const struct record *mirrors; /* properties */
	size_t nmirrors;
};

enum match { MATCH_NONE, MATCH_IDENTITY, MATCH_NAME, MATCH_OTHER };

/*
 * What became of the mirror's snapshot. Nothing is concluded from its absence:
 *
 *   ANCESTOR  it is in main's history, or what is in there is as far
 *   EXPIRED   it was: the oldest that is left is its child (or, by
 *             target_history(), live files of main bear its id)
 *   LEFT      main went back: it is in the table, but not on main; main's
 *             history is whole without it; an ancestor has a smaller sequence
 *             number than it, or is its parent, or has a position before it.
 *             (Expiry takes away the oldest, and what is left of main's
 *             history is a chain: nothing on this side of the gap can be
 *             older than what fell into it.)
 *   LOST      nothing tells
 */
enum fate {
	MIRROR_NONE,
	MIRROR_ANCESTOR,
	MIRROR_EXPIRED,
	MIRROR_LEFT,
	MIRROR_LOST
};

struct says {
	enum match match;
	struct record newest; /* of main; its position unset: none */
	struct record mirror; /* position unset: none */
	enum fate fate;
	bool rows;          /* main has rows */
	bool whole;         /* and of each it is known whose it is */
	const char *second; /* a second server's name in the state tables */
};

void history_says(
    const struct history *, const struct origin *me, struct says *out);

/* How a record is related to a source, by itself. */
enum match history_match(const struct origin *record, const struct origin *me);

/* Whether a position of `was` means the same by the columns of `is`. One that
 * has no sequence is after all rows of its time: a sequence may be added. What
 * was not recorded is not in doubt. */
bool origin_same_columns(const struct origin *was, const struct origin *is);

#endif
