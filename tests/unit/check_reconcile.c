/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of reconcile.c's decision table and of history.h's, and which
 * command each refusal names. */
#include <check.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/reconcile.h"

static struct position
at(int64_t ticks)
{
	return (struct position){ .set = true, .scale = 3, .ticks = ticks };
}

static const struct origin me = { .source = "hot.k2.trades",
	.identity = "s",
	.table = "trades",
	.timestamp = "ts",
	.sequence = "seq" };

static struct record
record(const struct origin *o, int64_t id, int64_t parent, int64_t ticks)
{
	return (struct record){ .origin = *o,
		.position = at(ticks),
		.snapshot = id,
		.parent = parent,
		.number = id };
}

/* A table that calve wrote up to `table`, a watermark at `state`. */
static struct reconcile_facts
facts(int64_t state, int64_t table)
{
	return (struct reconcile_facts){
		.me = me,
		.state = at(state),
		.state_origin = me,
		.state_target_uuid = "t",
		.table_exists = true,
		.table_uuid = "t",
		.says = { .match = MATCH_IDENTITY,
		    .newest = record(&me, 7, 6, table),
		    .mirror = record(&me, 7, 6, table),
		    .fate = MIRROR_ANCESTOR,
		    .rows = true,
		    .whole = true },
	};
}

/* The same without any record of this source, and no word of the row. */
static struct reconcile_facts
nothing(void)
{
	struct reconcile_facts f = facts(0, 0);

	f.state.set = false;
	f.state_origin = (struct origin){ .source = NULL };
	f.state_target_uuid = NULL;
	f.says = (struct says){ .rows = true, .whole = true };
	return f;
}

static struct reconcile_decision
go(const struct reconcile_facts *f)
{
	struct reconcile_decision d;
	struct err err;

	err_clear(&err);
	ck_assert_msg(reconcile(f, &d, &err) == 0, "%s", err.text);
	return d;
}

static void
expect_go(const struct reconcile_facts *f, int64_t ticks, bool adopted)
{
	struct reconcile_decision d = go(f);

	ck_assert(d.position.set);
	ck_assert_int_eq(d.position.ticks, ticks);
	ck_assert(d.adopted == adopted);
}

static void
expect_begin(const struct reconcile_facts *f)
{
	ck_assert(!go(f).position.set);
}

static void
expect_words(const struct err *err, enum err_class cls, const char *words[])
{
	ck_assert_int_eq(err->cls, cls);
	for (; *words != NULL; words++)
		ck_assert_msg(strstr(err->text, *words) != NULL,
		    "no '%s' in: %s", *words, err->text);
}
#define WORDS(...) ((const char *[]){ __VA_ARGS__, NULL })

static void
stops(const struct reconcile_facts *f, enum err_class cls, const char *words[])
{
	struct reconcile_decision d;
	struct err err;

	ck_assert_int_eq(reconcile(f, &d, &err), -1);
	expect_words(&err, cls, words);
}

static void
reset_refuses(const struct reconcile_facts *f, const char *word)
{
	struct err err;

	ck_assert_int_eq(reconcile_may_reset(f, false, &err), -1);
	ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
}

static void
reset_allows(const struct reconcile_facts *f, bool same_history)
{
	struct err err;

	err_clear(&err);
	ck_assert_msg(
	    reconcile_may_reset(f, same_history, &err) == 0, "%s", err.text);
}

static const char reset_word[] = "run 'calve watermark reset trades'";
static const char set_word[] =
    "run 'calve watermark set trades TIMESTAMP [SEQUENCE]'";

/* ---- rows of the decision ---------------------------------------------------- */

START_TEST(fresh_table_begins_at_nothing)
{
	struct reconcile_facts f = { .me = me };

	expect_begin(&f);
	ck_assert(!go(&f).adopted);
}
END_TEST

START_TEST(equal_goes_on_and_behind_is_adopted)
{
	struct reconcile_facts f = facts(100, 100);

	expect_go(&f, 100, false);
	f = facts(50, 100);
	expect_go(&f, 100, true);
	f.state.set = false;
	expect_go(&f, 100, true);
	f.state_origin = (struct origin){ .source = NULL };
	f.state_target_uuid = NULL;
	expect_go(&f, 100, true);
}
END_TEST

START_TEST(ahead_is_a_rollback)
{
	struct reconcile_facts f = facts(200, 100);

	stops(&f, ERR_TABLE, WORDS("rolled back: the watermark", reset_word));
	reset_allows(&f, false);
	f.adopt = true;
	expect_go(&f, 100, true);
	/* also where the row was never tied to the table */
	f.adopt = false;
	f.state_target_uuid = NULL;
	stops(&f, ERR_TABLE, WORDS("rolled back", reset_word));
	/* the state database was restored too: the property still tells */
	f = facts(100, 100);
	f.says.mirror = record(&me, 8, 7, 200);
	f.says.fate = MIRROR_LEFT;
	stops(&f, ERR_TABLE, WORDS("rolled back: its property", reset_word));
	reset_allows(&f, false);
}
END_TEST

START_TEST(rolled_back_to_before_the_first_row)
{
	struct reconcile_facts f = facts(200, 0);

	f.says.newest.position.set = false;
	f.says.fate = MIRROR_LEFT;
	/* what is on main is known, and none of it is this source's */
	stops(&f, ERR_TABLE, WORDS("rolled back", reset_word));
	reset_allows(&f, false);
	f.adopt = true;
	expect_begin(&f);
	/* it is not known */
	f.adopt = false;
	f.says.whole = false;
	stops(&f, ERR_TABLE, WORDS("rolled back", set_word));
	reset_refuses(&f, "not known");
}
END_TEST

START_TEST(an_expired_mirror_speaks_a_lost_one_does_not)
{
	struct reconcile_facts f = facts(200, 0);

	f.says.newest.position.set = false;
	f.says.whole = false;
	f.says.mirror = record(&me, 7, 6, 200);
	f.says.fate = MIRROR_EXPIRED;
	expect_go(&f, 200, false);
	f.state = at(100);
	expect_go(&f, 200, true);
	f.says.fate = MIRROR_LOST;
	stops(&f, ERR_TABLE, WORDS("not known", set_word));
	reset_refuses(&f, "not known");
	/* a row of an older pipeline's, or what one of them set, is the
	 * operator's word */
	f.state_target_uuid = NULL;
	expect_go(&f, 100, false);
}
END_TEST

START_TEST(rows_of_unknown_origin_stop)
{
	struct reconcile_facts f = nothing();

	expect_begin(&f); /* a second source where all is known */
	f.says.whole = false;
	stops(&f, ERR_TABLE, WORDS("not known", set_word));
	reset_refuses(&f, "not known");
	f.start = true;
	expect_begin(&f);
	/* not where the table has had rows of this source */
	f.says.mirror = record(&me, 7, 6, 200);
	f.says.fate = MIRROR_LOST;
	stops(&f, ERR_TABLE, WORDS("not known", set_word));
	f = nothing();
	f.says.whole = f.says.rows = false;
	expect_begin(&f);
	reset_allows(&f, false);
}
END_TEST

START_TEST(a_row_tied_to_a_table_that_says_nothing_stops)
{
	struct reconcile_facts f = nothing();

	f.state = at(100);
	f.state_target_uuid = "t";
	stops(&f, ERR_TABLE,
	    WORDS("not known", "no snapshot names 'hot.k2.trades'",
		"run 'calve watermark set trades 1970-01-01T00:00:00.100Z'"));
	reset_refuses(&f, "not known");
	/* done as said, it goes on */
	f.given = true;
	expect_go(&f, 100, false);
	/* a row that was never tied is the older pipeline's */
	f.given = false;
	f.state_target_uuid = NULL;
	expect_go(&f, 100, false);
	f.table_exists = false;
	expect_go(&f, 100, false);
}
END_TEST

START_TEST(recreated_source_stops)
{
	static const char flagged[] =
	    "run 'calve watermark reset --same-history trades'";
	struct reconcile_facts f = facts(100, 100);

	/* known from the row */
	f.me.identity = "other";
	f.says.match = MATCH_OTHER;
	stops(&f, ERR_SOURCE, WORDS("was recreated", flagged));
	reset_refuses(&f, "recreated");
	reset_allows(&f, true);
	/* from the table alone */
	f.state_origin = (struct origin){ .source = NULL };
	f.state.set = false;
	stops(&f, ERR_SOURCE, WORDS("was recreated", flagged));
	reset_refuses(&f, "recreated");
	/* a reset that did not say so, of another program */
	f.adopt = true;
	stops(&f, ERR_SOURCE, WORDS("was recreated", flagged));
	f.state_origin = f.me;
	expect_go(&f, 100, true);
	/* and another one since */
	f.me.identity = "third";
	stops(&f, ERR_SOURCE, WORDS("was recreated", flagged));
}
END_TEST

START_TEST(a_name_that_cannot_be_told_stops)
{
	struct reconcile_facts f = facts(100, 100);

	f.me.identity = f.state_origin.identity = NULL;
	f.says.newest.origin.identity = NULL;
	f.me.source = "cold.k2.trades";
	f.says.match = MATCH_OTHER;
	stops(&f, ERR_SOURCE,
	    WORDS("cannot be told",
		"run 'calve watermark reset --same-history trades'"));
	reset_refuses(&f, "cannot be told");
	reset_allows(&f, true);
	f.adopt = true;
	f.state_origin.source = "cold.k2.trades";
	expect_go(&f, 100, true);
	ck_assert(go(&f).renamed);
	ck_assert_str_eq(go(&f).replaces, "hot.k2.trades");
}
END_TEST

START_TEST(renamed_goes_on_and_says_so)
{
	struct reconcile_facts f = facts(100, 100);

	ck_assert(!go(&f).renamed);
	f.me.source = "hot.k2.trades2";
	expect_go(&f, 100, false);
	ck_assert(go(&f).renamed);
	ck_assert_ptr_null(go(&f).replaces);
	/* of an earlier version: the identity takes the name's place */
	f = facts(100, 100);
	f.says.match = MATCH_NAME;
	f.says.newest.origin.identity = NULL;
	expect_go(&f, 100, false);
	ck_assert_str_eq(go(&f).replaces, "hot.k2.trades");
}
END_TEST

START_TEST(history_of_another_table_under_one_name_is_not_taken)
{
	struct reconcile_facts f = facts(0, 100);

	f.says.match = MATCH_NAME;
	f.says.newest.origin = (struct origin){ .source = "hot.k2.trades" };
	f.state.set = false;
	f.state_origin = (struct origin){ .source = NULL };
	f.state_target_uuid = NULL;
	expect_go(&f, 100, true); /* the ledger is lost: by name */
	f.owner = "trades";
	expect_go(&f, 100, true);
	f.owner = "shard1";
	f.owner_identity = "s";
	expect_go(&f, 100, true); /* `name:` was changed */
	f.owner_identity = "of shard1";
	expect_begin(&f); /* a second server */
	/* which an earlier version took for the first one */
	f.state = at(100);
	f.state_target_uuid = "t";
	stops(&f, ERR_TABLE, WORDS("not known"));
}
END_TEST

START_TEST(other_columns_stop)
{
	static const char flagged[] =
	    "run 'calve watermark set --other-columns trades TIMESTAMP";
	struct reconcile_facts f = facts(100, 100);

	f.me.timestamp = "ts2";
	stops(&f, ERR_TABLE, WORDS("timestamp 'ts'", "'ts2'", flagged));
	reset_refuses(&f, "timestamp 'ts'");
	f = facts(100, 100);
	f.me.sequence = "seq2";
	stops(&f, ERR_TABLE, WORDS("sequence 'seq'", "'seq2'", flagged));
	f.me.sequence = NULL;
	stops(&f, ERR_TABLE, WORDS("'none'", flagged));
	f = facts(100, 100);
	f.me.final = true;
	stops(&f, ERR_TABLE, WORDS("final false", flagged));
	/* all rows of its time are there: a sequence may be added */
	f = facts(100, 100);
	f.says.newest.origin.sequence = NULL;
	expect_go(&f, 100, false);
	/* not recorded by an earlier version */
	f = facts(100, 100);
	f.me.timestamp = "ts2";
	f.says.newest.origin.timestamp = NULL;
	expect_go(&f, 100, false);
	/* a position that was given for others */
	f = facts(100, 100);
	f.given = true;
	f.me.timestamp = "ts2";
	stops(&f, ERR_TABLE, WORDS("timestamp 'ts'", flagged));
}
END_TEST

START_TEST(recreated_or_missing_target_stops)
{
	struct reconcile_facts f = facts(100, 100);

	f.table_uuid = "other";
	stops(&f, ERR_TABLE, WORDS("recreated", reset_word));
	f.given = true;
	stops(&f, ERR_TABLE, WORDS("recreated", reset_word));
	f.given = false;
	/* the other one is another tool's, with rows: reset would take all */
	f.says = (struct says){ .rows = true };
	reset_refuses(&f, "not known");
	f.says.rows = false;
	reset_allows(&f, false);
	f = facts(100, 100);
	f.table_exists = false;
	f.table_uuid = NULL;
	f.says = (struct says){ .whole = true };
	stops(&f, ERR_TABLE, WORDS("is gone", reset_word));
	reset_allows(&f, false);
	f.adopt = true;
	expect_begin(&f);
}
END_TEST

START_TEST(a_given_position_counts_over_the_tables)
{
	struct reconcile_facts f = facts(50, 100);

	f.given = true;
	expect_go(&f, 50, false);
	f.state = at(300);
	expect_go(&f, 300, false);
	f.me.identity = "other";
	stops(&f, ERR_SOURCE, WORDS("recreated"));
}
END_TEST

START_TEST(set_refuses_what_would_be_wrong)
{
	struct reconcile_facts f = facts(100, 100);
	const struct position behind = at(50), ahead = at(150), there = at(100);
	struct set_flags flags = { .skip_rows = false };
	struct err err;

	ck_assert_int_eq(reconcile_may_set(&f, &there, &flags, &err), 0);
	ck_assert_int_eq(reconcile_may_set(&f, &behind, &flags, &err), -1);
	expect_words(&err, ERR_TABLE, WORDS("twice", "--allow-duplicates"));
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), -1);
	expect_words(&err, ERR_TABLE, WORDS("never", "--skip-rows"));
	flags.skip_rows = true;
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), 0);
	ck_assert_int_eq(reconcile_may_set(&f, &behind, &flags, &err), -1);
	flags = (struct set_flags){ .allow_duplicates = true };
	ck_assert_int_eq(reconcile_may_set(&f, &behind, &flags, &err), 0);
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), -1);
	/* neither speaks of other columns */
	flags.skip_rows = true;
	f.me.timestamp = "ts2";
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), -1);
	expect_words(&err, ERR_TABLE, WORDS("--other-columns"));
	flags = (struct set_flags){ .other_columns = true };
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), 0);
	/* what the table does not know it cannot contradict */
	f = nothing();
	f.says.whole = false;
	flags = (struct set_flags){ .skip_rows = false };
	ck_assert_int_eq(reconcile_may_set(&f, &ahead, &flags, &err), 0);
}
END_TEST

/* ---- whose a record is --------------------------------------------------------- */

START_TEST(records_are_told_by_identity_then_by_name)
{
	struct origin r = me;

	ck_assert_int_eq(history_match(&r, &me), MATCH_IDENTITY);
	r.source = "else.where.now";
	r.table = "other";
	ck_assert_int_eq(history_match(&r, &me), MATCH_IDENTITY);
	r = me;
	r.identity = "x";
	ck_assert_int_eq(history_match(&r, &me), MATCH_OTHER);
	r.table = "shard2";
	ck_assert_int_eq(history_match(&r, &me), MATCH_NONE);
	r = me;
	r.identity = r.table = NULL;
	ck_assert_int_eq(history_match(&r, &me), MATCH_NAME);
	r.source = "hot.k2.quotes";
	ck_assert_int_eq(history_match(&r, &me), MATCH_NONE);
	r.table = "trades";
	ck_assert_int_eq(history_match(&r, &me), MATCH_OTHER);
	/* neither has one */
	struct origin bare = me;
	bare.identity = NULL;
	r = bare;
	ck_assert_int_eq(history_match(&r, &bare), MATCH_NAME);
	r.table = "shard2";
	ck_assert_int_eq(history_match(&r, &bare), MATCH_OTHER);
	/* it had one, and has none any more */
	ck_assert_int_eq(history_match(&me, &bare), MATCH_OTHER);
	/* a replica whose path was not known then */
	struct origin replica = me;
	replica.identity = "replicated::/p";
	replica.uuid = "s";
	ck_assert_int_eq(history_match(&me, &replica), MATCH_IDENTITY);
	r = (struct origin){ .source = NULL };
	ck_assert_int_eq(history_match(&r, &me), MATCH_NONE);
}
END_TEST

static struct says
says(const struct record *list, size_t n, bool complete,
    const struct record *mirror, const struct record *others, size_t nothers)
{
	struct history h = { .main = list,
		.nmain = n,
		.complete = complete,
		.rows = true,
		.mirrors = mirror,
		.nmirrors = mirror != NULL ? 1 : 0,
		.others = others,
		.nothers = nothers };
	struct says out;

	history_says(&h, &me, &out);
	return out;
}

static const struct origin foreign = { .source = NULL };

START_TEST(fate_is_proven_or_lost)
{
	struct record main[] = { record(&foreign, 9, 8, 0),
		record(&foreign, 8, 7, 0) };
	struct record mirror = record(&me, 7, 6, 200);
	struct record other = record(&me, 7, 6, 200);

	main[0].position.set = main[1].position.set = false;
	/* the oldest that is left is its child */
	ck_assert_int_eq(
	    says(main, 2, false, &mirror, NULL, 0).fate, MIRROR_EXPIRED);
	/* it was expired, or left and then expired: both look so */
	ck_assert_int_eq(
	    says(main, 1, false, &mirror, NULL, 0).fate, MIRROR_LOST);
	/* it is in the table */
	ck_assert_int_eq(
	    says(main, 1, false, &mirror, &other, 1).fate, MIRROR_LEFT);
	/* history is whole without it */
	ck_assert_int_eq(
	    says(main, 1, true, &mirror, NULL, 0).fate, MIRROR_LEFT);
	/* an older one is left of main */
	main[1].snapshot = main[1].number = 5;
	main[1].parent = 4;
	ck_assert_int_eq(
	    says(main, 2, false, &mirror, NULL, 0).fate, MIRROR_LEFT);
	/* its parent is, and the number was not recorded */
	mirror.number = 0;
	ck_assert_int_eq(
	    says(main, 2, false, &mirror, NULL, 0).fate, MIRROR_LOST);
	mirror.parent = 5;
	ck_assert_int_eq(
	    says(main, 2, false, &mirror, NULL, 0).fate, MIRROR_LEFT);
}
END_TEST

START_TEST(a_newer_record_than_the_mirror_makes_it_moot)
{
	struct record main = record(&me, 7, 6, 200);
	struct record mirror = record(&me, 5, 4, 100);

	ck_assert_int_eq(
	    says(&main, 1, false, &mirror, NULL, 0).fate, MIRROR_ANCESTOR);
	mirror = record(&me, 8, 7, 300);
	ck_assert_int_eq(
	    says(&main, 1, false, &mirror, NULL, 0).fate, MIRROR_LEFT);
}
END_TEST

START_TEST(without_a_mirror_the_table_still_lists_what_main_left)
{
	struct record main = record(&foreign, 6, 0, 0);
	struct record other = record(&me, 7, 6, 200);
	struct says s;

	main.position.set = false;
	s = says(&main, 1, true, NULL, &other, 1);
	ck_assert_int_eq(s.fate, MIRROR_LEFT);
	ck_assert_int_eq(s.mirror.position.ticks, 200);
}
END_TEST

START_TEST(identity_goes_before_name_and_a_name_that_was_left_is_free)
{
	struct origin old = me, moved = me, named = me;
	struct record main[3];

	/* the name has gone to another table, under another name of its own */
	named.identity = "x";
	named.table = "other";
	main[0] = record(&named, 9, 8, 300);
	main[1] = record(&me, 8, 0, 200);
	ck_assert_int_eq(
	    says(main, 2, true, NULL, NULL, 0).newest.position.ticks, 200);
	/* one that had it has moved on, with what it has from an earlier
	 * version */
	old.identity = old.table = NULL;
	moved.identity = "x";
	main[0] = record(&moved, 9, 8, 300);
	main[0].origin.source = "hot.k2.trades_old";
	main[0].origin.table = "trades_old";
	main[1] = record(&moved, 8, 7, 200);
	main[2] = record(&old, 7, 0, 100);
	ck_assert_int_eq(says(main, 3, true, NULL, NULL, 0).match, MATCH_NONE);
	/* it has not moved */
	ck_assert_int_eq(
	    says(main + 1, 2, true, NULL, NULL, 0).match, MATCH_OTHER);
	/* nobody has claimed it */
	ck_assert_int_eq(
	    says(main + 2, 1, true, NULL, NULL, 0).match, MATCH_NAME);
}
END_TEST

START_TEST(two_servers_under_one_alias_have_a_history_each)
{
	struct origin second = me;
	struct record main[2];
	struct says s;

	second.identity = "s2";
	second.table = "trades2";
	main[0] = record(&second, 8, 7, 500);
	main[1] = record(&me, 7, 0, 100);
	s = says(main, 2, true, NULL, NULL, 0);
	ck_assert_int_eq(s.match, MATCH_IDENTITY);
	ck_assert_int_eq(s.newest.position.ticks, 100);
	s = says(main, 1, false, NULL, NULL, 0);
	ck_assert_int_eq(s.match, MATCH_NONE);
	ck_assert_str_eq(s.second, "trades2");
}
END_TEST

START_TEST(rows_are_known_when_each_commit_is)
{
	struct record main[2] = { record(&foreign, 8, 7, 0),
		record(&me, 7, 0, 100) };

	ck_assert(says(main, 2, true, NULL, NULL, 0).whole);
	ck_assert(!says(main, 2, false, NULL, NULL, 0).whole);
	main[0].adds_rows = true;
	ck_assert(!says(main, 2, true, NULL, NULL, 0).whole);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("reconcile");
	TCase *tc = tcase_create("reconcile");

	tcase_add_test(tc, fresh_table_begins_at_nothing);
	tcase_add_test(tc, equal_goes_on_and_behind_is_adopted);
	tcase_add_test(tc, ahead_is_a_rollback);
	tcase_add_test(tc, rolled_back_to_before_the_first_row);
	tcase_add_test(tc, an_expired_mirror_speaks_a_lost_one_does_not);
	tcase_add_test(tc, rows_of_unknown_origin_stop);
	tcase_add_test(tc, a_row_tied_to_a_table_that_says_nothing_stops);
	tcase_add_test(tc, recreated_source_stops);
	tcase_add_test(tc, a_name_that_cannot_be_told_stops);
	tcase_add_test(tc, renamed_goes_on_and_says_so);
	tcase_add_test(
	    tc, history_of_another_table_under_one_name_is_not_taken);
	tcase_add_test(tc, other_columns_stop);
	tcase_add_test(tc, recreated_or_missing_target_stops);
	tcase_add_test(tc, a_given_position_counts_over_the_tables);
	tcase_add_test(tc, set_refuses_what_would_be_wrong);
	suite_add_tcase(s, tc);
	tc = tcase_create("history");
	tcase_add_test(tc, records_are_told_by_identity_then_by_name);
	tcase_add_test(tc, fate_is_proven_or_lost);
	tcase_add_test(tc, a_newer_record_than_the_mirror_makes_it_moot);
	tcase_add_test(
	    tc, without_a_mirror_the_table_still_lists_what_main_left);
	tcase_add_test(
	    tc, identity_goes_before_name_and_a_name_that_was_left_is_free);
	tcase_add_test(tc, two_servers_under_one_alias_have_a_history_each);
	tcase_add_test(tc, rows_are_known_when_each_commit_is);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
