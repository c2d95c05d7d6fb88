/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of reconcile.c's decision table, and the histories behind them. */
#include <check.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/reconcile.h"

static struct position
at(int64_t ticks)
{
	return (struct position){ .set = true, .scale = 3, .ticks = ticks };
}

/* A table that calve wrote up to `table`, a watermark at `state`. */
static struct reconcile_facts
facts(int64_t state, int64_t table)
{
	return (struct reconcile_facts){
		.name = "trades",
		.state = at(state),
		.state_source_uuid = "s",
		.state_target_uuid = "t",
		.source_uuid = "s",
		.table_exists = true,
		.table_uuid = "t",
		.ancestry = at(table),
		.chain_complete = true,
		.mirror = at(table),
		.mirror_in_ancestry = true,
		.mirror_exists = true,
		.mirror_parent_in_ancestry = true,
	};
}

static void
expect_go(const struct reconcile_facts *f, int64_t ticks, bool adopted)
{
	struct reconcile_decision d;
	struct err err;

	err_clear(&err);
	ck_assert_msg(reconcile(f, &d, &err) == 0, "%s", err.text);
	ck_assert(d.position.set);
	ck_assert_int_eq(d.position.ticks, ticks);
	ck_assert(d.adopted == adopted);
}

static void
expect_stop(
    const struct reconcile_facts *f, enum err_class cls, const char *word)
{
	struct reconcile_decision d;
	struct err err;

	ck_assert_int_eq(reconcile(f, &d, &err), -1);
	ck_assert_int_eq(err.cls, cls);
	ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, "run 'calve watermark ") != NULL,
	    "no way out named: %s", err.text);
}

START_TEST(fresh_table_begins_at_nothing)
{
	struct reconcile_facts f = {
		.name = "trades", .source_uuid = "s", .chain_complete = true
	};
	struct reconcile_decision d;
	struct err err;

	ck_assert_int_eq(reconcile(&f, &d, &err), 0);
	ck_assert(!d.position.set);
	ck_assert(!d.adopted);
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
}
END_TEST

START_TEST(crash_after_first_commit_leaves_no_uuids_and_is_adopted)
{
	struct reconcile_facts f = facts(0, 100);

	f.state.set = false;
	f.state_source_uuid = f.state_target_uuid = NULL;
	expect_go(&f, 100, true);
}
END_TEST

START_TEST(rollback_is_seen_by_watermark_and_by_property)
{
	struct reconcile_facts f = facts(200, 100);

	f.mirror = at(200);
	f.mirror_in_ancestry = false;
	expect_stop(&f, ERR_TABLE, "rolled back");
	/* the state database was restored too: the property still tells */
	f.state = at(100);
	expect_stop(&f, ERR_TABLE, "rolled back");
	/* the property was removed: the watermark still tells */
	f = facts(200, 100);
	f.mirror.set = false;
	expect_stop(&f, ERR_TABLE, "rolled back");
	f.adopt = true;
	expect_go(&f, 100, true);
}
END_TEST

START_TEST(expired_snapshots_leave_the_mirror_to_speak)
{
	struct reconcile_facts f = facts(200, 0);

	f.ancestry.set = false;
	f.mirror = at(200);
	f.mirror_in_ancestry = f.mirror_exists = false;
	f.mirror_parent_in_ancestry = f.chain_complete = false;
	expect_go(&f, 200, false);
	f.state = at(100);
	expect_go(&f, 200, true);
}
END_TEST

START_TEST(rolled_back_then_expired_is_no_silent_gap)
{
	struct reconcile_facts f = facts(200, 0);

	/* main goes back to a foreign snapshot whose ancestors are expired,
	 * and the calve snapshot after it is expired too */
	f.ancestry.set = false;
	f.mirror = at(200);
	f.mirror_in_ancestry = f.mirror_exists = false;
	f.chain_complete = false;
	f.mirror_parent_in_ancestry = true;
	expect_stop(&f, ERR_TABLE, "rolled back");
	/* history reaches its root without calve's snapshot: no expiry */
	f.mirror_parent_in_ancestry = false;
	f.chain_complete = true;
	expect_stop(&f, ERR_TABLE, "rolled back");
}
END_TEST

START_TEST(a_reset_does_not_guess_what_expired_history_told)
{
	struct reconcile_facts f = facts(200, 0);

	f.ancestry.set = false;
	f.mirror = at(200);
	f.mirror_in_ancestry = f.mirror_exists = false;
	f.chain_complete = false;
	f.mirror_parent_in_ancestry = true;
	f.adopt = true;
	expect_stop(&f, ERR_TABLE, "calve watermark set");
	f.mirror.set = false;
	expect_stop(&f, ERR_TABLE, "calve watermark set");
	/* which is then done */
	f.mirror = at(200);
	f.adopt = false;
	f.state = at(150);
	f.state_source_uuid = f.state_target_uuid = NULL;
	expect_go(&f, 150, false);
	/* a whole history without calve's rows has none of them */
	f.adopt = f.chain_complete = true;
	struct reconcile_decision d;
	struct err err;
	ck_assert_int_eq(reconcile(&f, &d, &err), 0);
	ck_assert(!d.position.set);
}
END_TEST

START_TEST(recreated_source_or_target_stops)
{
	struct reconcile_facts f = facts(100, 100);

	f.source_uuid = "other";
	expect_stop(&f, ERR_SOURCE, "recreated");
	f = facts(100, 100);
	f.table_uuid = "other";
	expect_stop(&f, ERR_TABLE, "recreated");
	f = facts(100, 100);
	f.table_exists = false;
	f.table_uuid = NULL;
	f.ancestry.set = f.mirror.set = false;
	expect_stop(&f, ERR_TABLE, "is gone");
}
END_TEST

START_TEST(adopted_watermark_of_an_older_pipeline_is_kept)
{
	struct reconcile_facts f = facts(100, 0);

	f.state_source_uuid = f.state_target_uuid = NULL;
	f.ancestry.set = f.mirror.set = false;
	f.mirror_in_ancestry = f.mirror_exists = false;
	expect_go(&f, 100, false);
	f.table_exists = false;
	f.table_uuid = NULL;
	expect_go(&f, 100, false);
}
END_TEST

START_TEST(watermark_set_ahead_of_calve_snapshots_stops)
{
	struct reconcile_facts f = facts(200, 100);

	f.state_source_uuid = f.state_target_uuid = NULL;
	expect_stop(&f, ERR_TABLE, "rolled back");
}
END_TEST

START_TEST(reset_begins_anew_where_the_table_is_gone)
{
	struct reconcile_facts f = { .name = "trades",
		.state = at(100),
		.source_uuid = "s",
		.state_source_uuid = "x",
		.state_target_uuid = "t",
		.adopt = true,
		.chain_complete = true };
	struct reconcile_decision d;
	struct err err;

	ck_assert_int_eq(reconcile(&f, &d, &err), 0);
	ck_assert(!d.position.set);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("reconcile");
	TCase *tc = tcase_create("reconcile");

	tcase_add_test(tc, fresh_table_begins_at_nothing);
	tcase_add_test(tc, equal_goes_on_and_behind_is_adopted);
	tcase_add_test(
	    tc, crash_after_first_commit_leaves_no_uuids_and_is_adopted);
	tcase_add_test(tc, rollback_is_seen_by_watermark_and_by_property);
	tcase_add_test(tc, expired_snapshots_leave_the_mirror_to_speak);
	tcase_add_test(tc, rolled_back_then_expired_is_no_silent_gap);
	tcase_add_test(tc, a_reset_does_not_guess_what_expired_history_told);
	tcase_add_test(tc, recreated_source_or_target_stops);
	tcase_add_test(tc, adopted_watermark_of_an_older_pipeline_is_kept);
	tcase_add_test(tc, watermark_set_ahead_of_calve_snapshots_stops);
	tcase_add_test(tc, reset_begins_anew_where_the_table_is_gone);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
