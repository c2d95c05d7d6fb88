/* SPDX-License-Identifier: Apache-2.0 */
/* Positions: text is exact both ways, order is that of the instants. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/position.h"
#include "tests/unit/run_suite.h"

static struct position
at(const char *timestamp, const char *sequence)
{
	struct position p;
	struct err err;

	ck_assert_int_eq(position_parse(&p, timestamp, sequence, &err), 0);
	return p;
}

START_TEST(text_is_exact_both_ways)
{
	static const char *const texts[] = {
		"1970-01-01",
		"1969-12-31",
		"2299-12-31",
		"1900-01-01",
		"1970-01-01T00:00:00Z",
		"1969-12-31T23:59:59Z",
		"2026-11-21T05:47:00.123Z",
		"1969-12-31T23:59:59.999Z",
		"2026-02-28T23:59:59.999999Z",
		"2024-02-29T00:00:00.0Z",
		"1900-01-01T00:00:00.000001Z",
		"2262-04-11T23:47:16.854775807Z",
		"1677-09-21T00:12:43.145224192Z",
	};
	char out[POSITION_TEXT];
	struct position p;

	for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
		p = at(texts[k], NULL);
		position_format(&p, out);
		ck_assert_str_eq(out, texts[k]);
	}
	p = at("2026-11-21T05:47:00.123Z", "18446744073709551615");
	position_format(&p, out);
	ck_assert_str_eq(out, "2026-11-21T05:47:00.123Z/18446744073709551615");
	p = at("2026-11-21 05:47:00.123", "-9223372036854775808");
	position_format(&p, out);
	ck_assert_str_eq(out, "2026-11-21T05:47:00.123Z/-9223372036854775808");
	ck_assert_int_eq(at("1969-12-31T23:59:59.999Z", NULL).ticks, -1);
	ck_assert_int_eq(at("2017-11-16", NULL).ticks, 17486);
}
END_TEST

START_TEST(the_text_of_a_position_is_read_whole)
{
	static const char *const texts[] = { "none", "2026-11-21",
		"2026-11-21T05:47:00.123Z/-42",
		"2026-11-21T05:47:00Z/18446744073709551615" };
	char out[POSITION_TEXT], far[300];
	struct position p;
	struct err err;

	for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
		ck_assert_int_eq(position_parse_text(&p, texts[k], &err), 0);
		position_format(&p, out);
		ck_assert_str_eq(out, texts[k]);
	}
	memset(far, '1', sizeof far - 1);
	far[sizeof far - 1] = '\0';
	ck_assert_int_eq(position_parse_text(&p, far, &err), -1);
	ck_assert_int_eq(position_parse_text(&p, "", &err), -1);
	ck_assert_int_eq(position_parse_text(&p, "/1", &err), -1);
}
END_TEST

START_TEST(malformed_text_is_refused)
{
	static const char *const texts[] = { "", "2026", "2026-13-01",
		"2026-02-29", "2026-00-10", "2026-11-21T24:00:00Z",
		"2026-11-21T05:47:00.Z", "2026-11-21T05:47:00.1234567890Z",
		"2026-11-21T05:47:60Z", "2026-11-21x",
		"2026-11-21T05:47:00+01:00", "3026-11-21T05:47:00.123456789Z" };
	static const char *const sequences[] = { "x", "-", "1.5",
		"18446744073709551616", "-9223372036854775809", " 1" };
	struct position p;
	struct err err;

	for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
		ck_assert_msg(position_parse(&p, texts[k], NULL, &err) == -1,
		    "accepted '%s'", texts[k]);
	for (size_t k = 0; k < sizeof sequences / sizeof sequences[0]; k++)
		ck_assert_msg(
		    position_parse(&p, "2026-11-21", sequences[k], &err) == -1,
		    "accepted '%s'", sequences[k]);
}
END_TEST

START_TEST(order_is_that_of_instants_then_sequences)
{
	struct position unset = { .set = false };
	struct position a = at("2026-11-21T00:00:00Z", "5");
	struct position b = at("2026-11-21T00:00:00.000Z", "5");
	struct position c = at("2026-11-21T00:00:00.000Z", "6");
	struct position d = at("2026-11-21T00:00:00.000001Z", "1");
	struct position whole = at("2026-11-21", NULL);

	ck_assert_int_eq(position_compare(&a, &b), 0);
	ck_assert_int_lt(position_compare(&b, &c), 0);
	ck_assert_int_lt(position_compare(&c, &d), 0);
	ck_assert_int_gt(position_compare(&d, &a), 0);
	ck_assert_int_lt(position_compare(&unset, &a), 0);
	ck_assert_int_eq(position_compare(&unset, &unset), 0);
	ck_assert_int_gt(position_compare(&whole, &c), 0);
	ck_assert_int_lt(position_compare(&whole, &d), 0);
	ck_assert_int_eq(position_compare(&whole, &whole), 0);
}
END_TEST

START_TEST(rescaling_floors_and_reports_overflow)
{
	int64_t v;

	ck_assert(ticks_rescale(-1, 3, 0, &v) && v == -1);
	ck_assert(ticks_rescale(-1, 9, 6, &v) && v == -1);
	ck_assert(ticks_rescale(1999, 3, 0, &v) && v == 1);
	ck_assert(ticks_rescale(-1, 6, SCALE_DAYS, &v) && v == -1);
	ck_assert(ticks_rescale(1, SCALE_DAYS, 6, &v) && v == 86400000000);
	ck_assert(!ticks_rescale(INT64_MAX, 0, 9, &v));
	ck_assert(!ticks_rescale(INT64_MIN, 3, 6, &v));
	ck_assert(ticks_rescale(INT64_MIN, 6, 6, &v) && v == INT64_MIN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("position");
	TCase *tc = tcase_create("position");

	tcase_add_test(tc, text_is_exact_both_ways);
	tcase_add_test(tc, the_text_of_a_position_is_read_whole);
	tcase_add_test(tc, malformed_text_is_refused);
	tcase_add_test(tc, order_is_that_of_instants_then_sequences);
	tcase_add_test(tc, rescaling_floors_and_reports_overflow);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
