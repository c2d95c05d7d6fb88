/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision table. First matching row wins.
 *
 *   given: `calve watermark set` was said
 *     and calve.yaml names other columns now -> stop
 *     and the source is another one since    -> stop
 *     and the target is another one since    -> stop
 *     else                                   -> state
 *   adopt: `calve watermark reset` was said
 *     and the source is another one since    -> stop
 *     the table's records are another
 *       source's, and reset was not told so  -> stop
 *     the table's position is one of other
 *       columns                              -> stop
 *     it has one                             -> that, adopted
 *     may_begin() refuses                    -> stop
 *     else                                   -> none, adopted
 *   the row's source is another one          -> stop: recreated
 *   table gone, but the row is tied to one   -> stop
 *   the row is tied to another table         -> stop
 *   the table's records are another source's
 *     under this name                        -> stop
 *   the table's position, or the row's where
 *     it has none, is one of other columns   -> stop
 *   mirror left by main                      -> stop: rolled back
 *   mirror lost, row never tied, with a
 *     position                               -> state
 *   mirror lost                              -> stop: not known
 *   state ahead of the table's position      -> stop: rolled back
 *   state, but the table has none, and the
 *     row is tied to it                      -> stop: not known
 *   state, never tied to a table             -> state (an older pipeline's)
 *   neither, rows whose source is not known,
 *     and no `start:`                        -> stop: not known
 *   state behind the table                   -> the table's, adopted
 *   equal, or neither                        -> go on
 *
 * "The table's position" is that of the newest record of this source on main;
 * where all of those have been expired, the mirror's, if that is proven to be
 * on main (history.h). A record without identity whose run the ledger knows
 * for another table's, of another source, is none of this source's.
 */
#include "worker/reconcile.h"

#include <stdio.h>
#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static const char *
or_none(const char *text)
{
	return text != NULL ? text : "none";
}

/* ---- whose ------------------------------------------------------------------- */

/* What earlier versions recorded by name alone, for another table's source
 * under one alias. */
static bool
is_anothers(const struct reconcile_facts *f)
{
	return f->says.match == MATCH_NAME && f->me.identity != NULL &&
	    f->owner != NULL && !same(f->owner, f->me.table) &&
	    !same(f->owner_identity, f->me.identity);
}

static enum match
match_of(const struct reconcile_facts *f)
{
	return is_anothers(f) ? MATCH_NONE : f->says.match;
}

static enum fate
fate_of(const struct reconcile_facts *f)
{
	return is_anothers(f) ? MIRROR_NONE : f->says.fate;
}

/* The record that the table's position is taken from. */
static const struct record *
speaker(const struct reconcile_facts *f)
{
	if (is_anothers(f))
		return NULL;
	if (f->says.newest.position.set)
		return &f->says.newest;
	return f->says.fate == MIRROR_EXPIRED ? &f->says.mirror : NULL;
}

struct position
reconcile_position(const struct reconcile_facts *f)
{
	const struct record *r = speaker(f);

	return r != NULL ? r->position : (struct position){ .set = false };
}

static bool
is_tied(const struct reconcile_facts *f)
{
	return f->table_exists && same(f->state_target_uuid, f->table_uuid);
}

static bool
is_recreated(const struct reconcile_facts *f)
{
	return f->state_origin.identity != NULL &&
	    !same(f->state_origin.identity, f->me.identity);
}

/* ---- refusals ---------------------------------------------------------------- */

static int
columns_differ(
    const struct reconcile_facts *f, const struct origin *was, struct err *err)
{
	const struct origin *is = &f->me;

	return err_set(err, ERR_TABLE,
	    "the position of '%s' is one of timestamp '%s', sequence '%s', "
	    "final %s, but calve.yaml says '%s', '%s', %s: set these back; or "
	    "find up to which time by the new ones the table has all rows and "
	    "run 'calve watermark set --other-columns %s TIMESTAMP [SEQUENCE]'",
	    is->table, was->timestamp, or_none(was->sequence),
	    was->final ? "true" : "false", or_none(is->timestamp),
	    or_none(is->sequence), is->final ? "true" : "false", is->table);
}

static int
refuse_unknown(
    const struct reconcile_facts *f, const char *why, struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "position of target table of '%s' is not known: %s; find the "
	    "newest of the source's rows in the table and run 'calve watermark "
	    "set %s TIMESTAMP [SEQUENCE]', with a time before all rows if "
	    "there is none",
	    f->me.table, why, f->me.table);
}

/* May a run take all that the source has? Only where it is known that none of
 * it can be there. */
static int
may_begin(const struct reconcile_facts *f, struct err *err)
{
	char text[POSITION_TEXT];

	if (!f->table_exists || !f->says.rows)
		return 0;
	if (fate_of(f) == MIRROR_LOST)
		return refuse_unknown(f,
		    "the snapshots that told it are expired, and nothing that "
		    "is left proves that its rows are still there",
		    err);
	if (!f->says.whole)
		return refuse_unknown(f,
		    "it has rows of which no snapshot that is left says where "
		    "they came from",
		    err);
	if (f->state.set && is_tied(f) && fate_of(f) != MIRROR_LEFT) {
		position_format(&f->state, text);
		return err_set(err, ERR_TABLE,
		    "position of target table of '%s' is not known: the "
		    "watermark says that it was offloaded up to %s, but no "
		    "snapshot names '%s'; if the source was renamed since, run "
		    "'calve watermark set %s %s', else find the newest of its "
		    "rows in the table, and set that",
		    f->me.table, text, f->me.source, f->me.table, text);
	}
	return 0;
}

static int
rolled_back(const struct reconcile_facts *f, const char *what,
    const struct position *ahead, struct err *err)
{
	struct position table = reconcile_position(f);
	char a[POSITION_TEXT], t[POSITION_TEXT];
	struct err why;

	position_format(ahead, a);
	position_format(&table, t);
	if (!table.set && may_begin(f, &why) == -1)
		return err_set(err, ERR_TABLE,
		    "target table was rolled back: %s '%s' stands at %s, and "
		    "no snapshot that is left tells of its rows; roll the "
		    "table forward, or find the newest of them in the table "
		    "and run 'calve watermark set %s TIMESTAMP [SEQUENCE]'",
		    what, f->me.table, a, f->me.table);
	return err_set(err, ERR_TABLE,
	    "target table was rolled back: %s '%s' stands at %s, the table's "
	    "current snapshot at %s; to offload the rows between again run "
	    "'calve watermark reset %s', or roll the table forward",
	    what, f->me.table, a, t, f->me.table);
}

static int
recreated(const struct reconcile_facts *f, const char *was, struct err *err)
{
	return err_set(err, ERR_SOURCE,
	    "source table of '%s' was recreated: its uuid was %s and is %s; if "
	    "it holds the same rows as the old one, or none so old, run 'calve "
	    "watermark reset --same-history %s', else give it another 'name' "
	    "in calve.yaml",
	    f->me.table, was, or_none(f->me.identity), f->me.table);
}

/* Known to be another one, or not to be told from it. */
static int
other_source(const struct reconcile_facts *f, struct err *err)
{
	const struct origin *was = f->says.newest.position.set
	    ? &f->says.newest.origin
	    : &f->says.mirror.origin;

	if (was->identity != NULL && f->me.identity != NULL)
		return recreated(f, was->identity, err);
	return err_set(err, ERR_SOURCE,
	    "the target's rows of '%s' came from '%s' as '%s', and whether "
	    "'%s' is the same table cannot be told: if it is, run 'calve "
	    "watermark reset --same-history %s'; if not, give it a name and an "
	    "alias of its own in calve.yaml",
	    f->me.table, or_none(was->source), or_none(was->table),
	    f->me.source, f->me.table);
}

static int
check_target(const struct reconcile_facts *f, struct err *err)
{
	if (f->state_target_uuid == NULL)
		return 0;
	if (!f->table_exists)
		return err_set(err, ERR_TABLE,
		    "target table of '%s' is gone (its uuid was %s); bring it "
		    "back, or to offload everything again run 'calve watermark "
		    "reset %s'",
		    f->me.table, f->state_target_uuid, f->me.table);
	if (!same(f->state_target_uuid, f->table_uuid))
		return err_set(err, ERR_TABLE,
		    "target table of '%s' was recreated: its uuid was %s and "
		    "is %s; to go on with the new one run 'calve watermark "
		    "reset %s'",
		    f->me.table, f->state_target_uuid, f->table_uuid,
		    f->me.table);
	return 0;
}

static int
check_identity(const struct reconcile_facts *f, struct err *err)
{
	if (is_recreated(f))
		return recreated(f, f->state_origin.identity, err);
	return check_target(f, err);
}

/* ---- the decision ------------------------------------------------------------ */

static int
take_given(const struct reconcile_facts *f, struct reconcile_decision *out,
    struct err *err)
{
	if (!origin_same_columns(&f->state_origin, &f->me))
		return columns_differ(f, &f->state_origin, err);
	if (check_identity(f, err) == -1)
		return -1;
	out->position = f->state;
	return 0;
}

static int
take_tables(const struct reconcile_facts *f, struct reconcile_decision *out,
    struct err *err)
{
	const struct record *r = speaker(f);

	if (is_recreated(f))
		return recreated(f, f->state_origin.identity, err);
	/* the reset records for which source it was said */
	if (match_of(f) == MATCH_OTHER &&
	    !same(f->state_origin.source, f->me.source))
		return other_source(f, err);
	if (r != NULL && !origin_same_columns(&r->origin, &f->me))
		return columns_differ(f, &r->origin, err);
	if (r == NULL && may_begin(f, err) == -1)
		return -1;
	out->adopted = true;
	return 0;
}

/* Everything that stops a run although nobody has said how to go on. */
static int
check_all(const struct reconcile_facts *f, struct err *err)
{
	const struct record *r = speaker(f);

	if (check_identity(f, err) == -1)
		return -1;
	if (match_of(f) == MATCH_OTHER)
		return other_source(f, err);
	if (r != NULL && !origin_same_columns(&r->origin, &f->me))
		return columns_differ(f, &r->origin, err);
	if (r == NULL && f->state.set &&
	    !origin_same_columns(&f->state_origin, &f->me))
		return columns_differ(f, &f->state_origin, err);
	return fate_of(f) == MIRROR_LEFT
	    ? rolled_back(f, "its property for", &f->says.mirror.position, err)
	    : 0;
}

/* Nothing of this source is recorded on main. */
static int
take_states(const struct reconcile_facts *f, struct reconcile_decision *out,
    struct err *err)
{
	if (f->state.set && !is_tied(f)) {
		out->position = f->state;
		return 0;
	}
	if (f->start && !f->state.set && fate_of(f) == MIRROR_NONE)
		return 0;
	return may_begin(f, err);
}

int
reconcile(const struct reconcile_facts *f, struct reconcile_decision *out,
    struct err *err)
{
	const struct record *r = speaker(f);

	*out = (struct reconcile_decision){ .adopted = false };
	if (f->given)
		return take_given(f, out, err);
	out->position = reconcile_position(f);
	out->renamed = r != NULL && r->origin.source != NULL &&
	    match_of(f) != MATCH_NONE && !same(r->origin.source, f->me.source);
	if (r != NULL && r->origin.identity == NULL &&
	    (f->me.identity != NULL || out->renamed))
		out->replaces = r->origin.source;
	if (f->adopt)
		return take_tables(f, out, err);
	if (check_all(f, err) == -1)
		return -1;
	if (r == NULL)
		return take_states(f, out, err);
	if (position_compare(&f->state, &out->position) > 0)
		return rolled_back(f, "the watermark of", &f->state, err);
	out->adopted = position_compare(&f->state, &out->position) < 0;
	return 0;
}

/* ---- by hand ------------------------------------------------------------------ */

int
reconcile_may_reset(
    const struct reconcile_facts *f, bool same_history, struct err *err)
{
	struct reconcile_facts after = *f;
	struct reconcile_decision ignored;

	if (!same_history && is_recreated(f))
		return recreated(f, f->state_origin.identity, err);
	if (!same_history && match_of(f) == MATCH_OTHER)
		return other_source(f, err);
	after.adopt = true;
	after.given = false;
	after.state_origin = f->me;
	return reconcile(&after, &ignored, err);
}

int
reconcile_may_set(const struct reconcile_facts *f, const struct position *to,
    const struct set_flags *flags, struct err *err)
{
	const struct record *r = speaker(f);
	struct position table = reconcile_position(f);
	char is[POSITION_TEXT], wanted[POSITION_TEXT];
	int order = position_compare(to, &table);

	if (r == NULL || match_of(f) == MATCH_OTHER)
		return 0;
	position_format(&table, is);
	position_format(to, wanted);
	if (!origin_same_columns(&r->origin, &f->me))
		return flags->other_columns
		    ? 0
		    : columns_differ(f, &r->origin, err);
	if (order < 0 && !flags->allow_duplicates)
		return err_set(err, ERR_TABLE,
		    "the table has the source's rows up to %s: those after %s "
		    "would be there twice; where they have been deleted there, "
		    "add --allow-duplicates",
		    is, wanted);
	if (order > 0 && !flags->skip_rows)
		return err_set(err, ERR_TABLE,
		    "the table has the source's rows up to %s: those up to %s "
		    "would never be taken; where that is wanted, add "
		    "--skip-rows",
		    is, wanted);
	return 0;
}
