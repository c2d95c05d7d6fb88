/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs parse and print alike; snapshot ids are positive, stable, distinct. */
#include <check.h>
#include <string.h>

#include "common/id.h"
#include "tests/unit/run_suite.h"

START_TEST(uuid_round_trip_and_refusal)
{
	char a[UUID_TEXT], b[UUID_TEXT];
	uint8_t raw[16];

	uuid_random(a);
	ck_assert(uuid_parse(a, raw));
	uuid_format(raw, b);
	ck_assert_str_eq(a, b);
	ck_assert_int_eq(a[14], '4');
	ck_assert(uuid_parse("F79C3E09-677C-4BBD-A479-3F349CB785E7", raw));
	ck_assert_uint_eq(raw[0], 0xf7);
	ck_assert(!uuid_parse("", raw));
	ck_assert(!uuid_parse("f79c3e09-677c-4bbd-a479-3f349cb785e", raw));
	ck_assert(!uuid_parse("f79c3e09x677c-4bbd-a479-3f349cb785e7", raw));
	ck_assert(!uuid_parse("g79c3e09-677c-4bbd-a479-3f349cb785e7", raw));
}
END_TEST

START_TEST(snapshot_ids_are_positive_stable_and_distinct)
{
	const char *run = "f79c3e09-677c-4bbd-a479-3f349cb785e7";

	ck_assert_int_gt(snapshot_id_of(run, 0), 0);
	ck_assert_int_eq(snapshot_id_of(run, 3), snapshot_id_of(run, 3));
	for (unsigned k = 1; k < 1000; k++)
		ck_assert_int_ne(
		    snapshot_id_of(run, k), snapshot_id_of(run, k - 1));
	ck_assert_int_gt(
	    snapshot_id_of("00000000-0000-0000-0000-000000000000", 0), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("id");
	TCase *tc = tcase_create("id");

	tcase_add_test(tc, uuid_round_trip_and_refusal);
	tcase_add_test(tc, snapshot_ids_are_positive_stable_and_distinct);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
