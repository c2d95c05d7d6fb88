/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision table. First matching row wins.
 *
 *   adopt asked for, nothing in history,
 *     and that is not whole                -> stop: nobody knows
 *   adopt asked for                        -> the table's own position
 *   source uuid changed                    -> stop
 *   table gone, but calve wrote it once    -> stop
 *   table uuid changed                     -> stop
 *   nothing in history, that is not whole,
 *     a watermark set by hand since        -> state
 *   mirror ahead of main and not its past  -> stop: rolled back
 *   state ahead of the table, calve's      -> stop: rolled back
 *   state ahead, no calve snapshot, state
 *     never tied to this table             -> state (an adopted watermark,
 *                                             or one set by hand)
 *   state behind the table                 -> the table's position, adopted
 *   equal                                  -> go on
 *
 * "The table's position" is that of the newest calve snapshot of main; where
 * all of those have been expired, the property's mirror, provided that its
 * snapshot can have been an ancestor of main.
 */
#include "worker/reconcile.h"

#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* A mirror without its snapshot in main's history was either expired or
 * rolled back. Only an expired one may speak for main; expiry takes the oldest
 * first, so nothing older of this source can be left then. */
static bool
mirror_was_expired(const struct reconcile_facts *f)
{
	return f->mirror.set && !f->ancestry.set && !f->mirror_in_ancestry &&
	    !f->mirror_exists && !f->chain_complete &&
	    !f->mirror_parent_in_ancestry;
}

struct position
reconcile_position(const struct reconcile_facts *f)
{
	return mirror_was_expired(f) ? f->mirror : f->ancestry;
}

static int
rolled_back(const struct reconcile_facts *f, const char *what,
    const struct position *ahead, const struct position *table, struct err *err)
{
	char a[POSITION_TEXT], t[POSITION_TEXT];

	position_format(ahead, a);
	position_format(table, t);
	return err_set(err, ERR_TABLE,
	    "target table was rolled back: %s '%s' "
	    "stands at %s, the table's current snapshot at %s; to offload the "
	    "rows between again run 'calve watermark reset %s', or roll the "
	    "table forward",
	    what, f->name, a, t, f->name);
}

/* History is expired up to a snapshot of somebody else, and the property may not
 * speak for it: the table holds rows of calve's that nothing tells of. */
static bool
nobody_knows(const struct reconcile_facts *f, const struct position *table)
{
	return f->table_exists && !table->set && !f->chain_complete;
}

static int
refuse_unknown(const struct reconcile_facts *f, struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "position of target table of '%s' is not known: the snapshots that "
	    "told it are expired; find the newest of the source's rows in the "
	    "table and run 'calve watermark set %s TIMESTAMP [SEQUENCE]', with "
	    "a time before all rows if there is none",
	    f->name, f->name);
}

static int
check_identity(const struct reconcile_facts *f, struct err *err)
{
	if (f->state_source_uuid != NULL &&
	    !same(f->state_source_uuid, f->source_uuid))
		return err_set(err, ERR_SOURCE,
		    "source table of '%s' was "
		    "recreated: its uuid was %s and is %s; if it holds the "
		    "same history run 'calve watermark reset %s'",
		    f->name, f->state_source_uuid, f->source_uuid, f->name);
	if (f->state_target_uuid == NULL)
		return 0;
	if (!f->table_exists)
		return err_set(err, ERR_TABLE,
		    "target table of '%s' is gone "
		    "(its uuid was %s); bring it back, or to offload "
		    "everything again run 'calve watermark reset %s'",
		    f->name, f->state_target_uuid, f->name);
	if (!same(f->state_target_uuid, f->table_uuid))
		return err_set(err, ERR_TABLE,
		    "target table of '%s' was "
		    "recreated: its uuid was %s and is %s; to go on with the "
		    "new one run 'calve watermark reset %s'",
		    f->name, f->state_target_uuid, f->table_uuid, f->name);
	return 0;
}

int
reconcile(const struct reconcile_facts *f, struct reconcile_decision *out,
    struct err *err)
{
	struct position table = reconcile_position(f);

	*out = (struct reconcile_decision){ .adopted = false };
	out->position = table;
	if (f->adopt) {
		if (nobody_knows(f, &table))
			return refuse_unknown(f, err);
		out->adopted = true;
		return 0;
	}
	if (check_identity(f, err) == -1)
		return -1;
	if (nobody_knows(f, &table) && f->state.set &&
	    f->state_target_uuid == NULL) {
		out->position = f->state;
		return 0;
	}
	if (position_compare(&f->mirror, &table) > 0 && !mirror_was_expired(f))
		return rolled_back(
		    f, "its property for", &f->mirror, &table, err);
	if (position_compare(&f->state, &table) > 0) {
		if (table.set || f->state_target_uuid != NULL)
			return rolled_back(
			    f, "the watermark of", &f->state, &table, err);
		out->position = f->state;
		return 0;
	}
	out->adopted = position_compare(&f->state, &table) < 0;
	return 0;
}
