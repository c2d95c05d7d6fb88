/* SPDX-License-Identifier: Apache-2.0 */
/* Since when a replica may lack rows, by what it says of itself. */
#include <check.h>

#include "tests/unit/run_suite.h"
#include "worker/source/clickhouse_replica.h"

enum { NOW = 1700000000 };
static const int64_t SECOND = 1000000;
static int64_t since;
static uint64_t end;

static enum replica_knows
judge(struct replica_status r)
{
	r.now_s = NOW;
	return replica_judge(&r, &end, &since);
}

static void
setup(void)
{
	end = UINT64_MAX;
	since = -1;
}

START_TEST(one_that_has_all_is_as_new_as_its_clock)
{
	ck_assert_int_eq(judge((struct replica_status){
			     .log_max_index = 7, .log_pointer = 8 }),
	    REPLICA_ALL);
	ck_assert_int_eq(since, NOW * SECOND);
	ck_assert_uint_eq(end, 8);
}
END_TEST

START_TEST(one_that_lags_is_as_new_as_its_oldest_insert)
{
	ck_assert_int_eq(
	    judge((struct replica_status){
		.log_max_index = 7, .log_pointer = 8, .delay_s = 300 }),
	    REPLICA_ALL);
	ck_assert_int_eq(since, (NOW - 300) * SECOND);
}
END_TEST

/* Replaced and moved partitions are in no insert's delay. */
START_TEST(other_entries_count_from_the_oldest_of_all)
{
	struct replica_status r = { .log_max_index = 7,
		.log_pointer = 8,
		.delay_s = 10,
		.others = 1,
		.oldest_s = NOW - 900 };

	ck_assert_int_eq(judge(r), REPLICA_ALL);
	ck_assert_int_eq(since, (NOW - 900) * SECOND);
	r.oldest_s = NOW - 5;
	ck_assert_int_eq(judge(r), REPLICA_ALL);
	ck_assert_int_eq(since, (NOW - 10) * SECOND);
	r.others = 0;
	r.oldest_s = NOW - 900; /* a merge that waits brings no rows */
	ck_assert_int_eq(judge(r), REPLICA_ALL);
	ck_assert_int_eq(since, (NOW - 10) * SECOND);
}
END_TEST

START_TEST(entries_that_are_not_copied_are_waited_for_once)
{
	struct replica_status r = { .log_max_index = 7, .log_pointer = 5 };

	ck_assert_int_eq(judge(r), REPLICA_LESS);
	r.log_pointer = 7;
	ck_assert_int_eq(judge(r), REPLICA_LESS);
	r.log_max_index = 100; /* these came later */
	r.log_pointer = 8;
	ck_assert_int_eq(judge(r), REPLICA_ALL);
}
END_TEST

START_TEST(an_empty_log_lacks_nothing)
{
	ck_assert_int_eq(
	    judge((struct replica_status){ .log_max_index = 0 }), REPLICA_ALL);
	end = UINT64_MAX;
	ck_assert_int_eq(
	    judge((struct replica_status){ .log_max_index = 1 }), REPLICA_LESS);
}
END_TEST

START_TEST(without_a_session_nothing_is_known)
{
	ck_assert_int_eq(
	    judge((struct replica_status){
		.blind = true, .log_max_index = 7, .log_pointer = 8 }),
	    REPLICA_NOTHING);
	/* the log has never been read: absolute_delay is the clock */
	ck_assert_int_eq(
	    judge((struct replica_status){ .delay_s = NOW }), REPLICA_NOTHING);
	ck_assert_uint_eq(end, UINT64_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("replica");
	TCase *tc = tcase_create("replica");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, one_that_has_all_is_as_new_as_its_clock);
	tcase_add_test(tc, one_that_lags_is_as_new_as_its_oldest_insert);
	tcase_add_test(tc, other_entries_count_from_the_oldest_of_all);
	tcase_add_test(tc, entries_that_are_not_copied_are_waited_for_once);
	tcase_add_test(tc, an_empty_log_lacks_nothing);
	tcase_add_test(tc, without_a_session_nothing_is_known);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
