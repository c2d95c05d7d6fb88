/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where does a run begin? The Iceberg table is the truth, the state database
 * the lock and the ledger. Pure: facts in, decision out; every row of the
 * decision is in reconcile.c's comment and in its unit test.
 */
#ifndef CALVE_RECONCILE_H
#define CALVE_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/id.h"
#include "common/position.h"

struct reconcile_facts {
	const char *name; /* the table, for messages */
	/* the watermark row */
	struct position state;
	const char *state_source_uuid; /* NULL: never offloaded by calve */
	const char *state_target_uuid;
	bool adopt; /* `calve watermark reset` was said */
	/* the source as it is now */
	const char *source_uuid;
	/* the target as it is now */
	bool table_exists;
	const char *table_uuid;
	struct position ancestry; /* newest calve snapshot of main */
	bool chain_complete;      /* main's history reaches its root */
	struct position mirror;   /* the table property's copy */
	bool mirror_in_ancestry;  /* its snapshot is an ancestor of main */
	bool mirror_exists;       /* its snapshot is in the table at all */
	bool mirror_parent_in_ancestry; /* its parent is: then the snapshot
					 * itself would have to be */
};

struct reconcile_decision {
	struct position position; /* begin after this */
	bool adopted;             /* state was behind: say so */
};

/* The table's own position. */
struct position reconcile_position(const struct reconcile_facts *);
/* ERR_TABLE (or ERR_SOURCE for a recreated source) with the command that
 * resolves it. */
int reconcile(const struct reconcile_facts *, struct reconcile_decision *,
    struct err *) MUST_USE;

#endif
