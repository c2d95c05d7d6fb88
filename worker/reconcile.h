/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where does a run begin? The Iceberg table is the truth, the state database
 * the lock and the ledger. Pure: facts in, decision out; every row of the
 * decision is in reconcile.c's comment and in its unit test, and ten million
 * generated histories hold it against a model (tests/model/).
 */
#ifndef CALVE_RECONCILE_H
#define CALVE_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/id.h"
#include "common/position.h"
#include "worker/history.h"

/* Texts are borrowed. */
struct reconcile_facts {
	/* the source as it is now, and the columns that calve.yaml names */
	struct origin me;
	bool start; /* `start:` is said */

	/* the watermark row */
	struct position state;
	struct origin state_origin;    /* what is recorded with it */
	const char *state_target_uuid; /* NULL: never tied to a table */
	bool adopt;                    /* `calve watermark reset` was said */
	bool given; /* `calve watermark set` was said, and no rows since */

	/* the target as it is now */
	bool table_exists;
	const char *table_uuid;
	struct says says;

	/* Of a history without identities: the table, in the state tables, of
	 * the run that wrote it; NULL: they know no such run. */
	const char *owner;
	const char *owner_identity;
};

struct reconcile_decision {
	struct position position; /* begin after this */
	bool adopted;             /* state was behind: say so */
	bool renamed;             /* the source had another name then */
	/* Source text of a record without identity that this source's next one
	 * takes the place of, under another key; NULL: none. */
	const char *replaces;
};

/* The table's own position of this source. */
struct position reconcile_position(const struct reconcile_facts *);
/* ERR_TABLE (or ERR_SOURCE for another source) with the command that resolves
 * it. */
int reconcile(const struct reconcile_facts *, struct reconcile_decision *,
    struct err *) MUST_USE;

/* What `calve watermark` may do, with the reason why it may not. */

/* After `reset` the next run begins after the table's own position, or with
 * all that the source has. ERR_TABLE where rows would be there twice or never.
 * same_history: the user says that the source holds what the table's records
 * of another one tell. */
int reconcile_may_reset(
    const struct reconcile_facts *, bool same_history, struct err *) MUST_USE;

struct set_flags {
	bool allow_duplicates; /* before the table's own position */
	bool skip_rows;        /* behind it */
	bool other_columns;    /* it is one of other columns */
};
int reconcile_may_set(const struct reconcile_facts *, const struct position *,
    const struct set_flags *, struct err *) MUST_USE;

#endif
