/* SPDX-License-Identifier: Apache-2.0 */
/* Windows end settled, steps move on, coarser scales lose no row. */
#include <check.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/window.h"

enum { SCALE_MS = 3 };
static const int64_t noon_us = INT64_C(1763726400000000); /* 2025-11-21T12Z */

static struct position
at(const char *timestamp, const char *sequence)
{
	struct position p;
	struct err err;

	ck_assert_int_eq(position_parse(&p, timestamp, sequence, &err), 0);
	return p;
}

START_TEST(high_is_the_source_clock_less_settle)
{
	struct position none = { .set = false };
	struct window w;
	struct err err;

	ck_assert_int_eq(window_of_run(&none, NULL, noon_us + 1999, 300000,
			     SCALE_MS, &w, &err),
	    0);
	ck_assert_int_eq(w.high_ticks, noon_us / 1000 + 1 - 300000);
	ck_assert(!w.low.set && !w.has_start);
	/* a Date column: today is never settled, so it is outside */
	ck_assert_int_eq(
	    window_of_run(&none, NULL, noon_us, 300000, SCALE_DAYS, &w, &err),
	    0);
	ck_assert_int_eq(w.high_ticks, noon_us / 86400000000);
	ck_assert_int_eq(
	    window_of_run(&none, NULL, INT64_MAX, -1000, SCALE_MS, &w, &err),
	    -1);
}
END_TEST

START_TEST(start_bounds_only_a_table_without_position)
{
	struct position none = { .set = false };
	struct position low = at("2025-11-20T00:00:00.000Z", "7");
	struct window w;
	struct err err;

	ck_assert_int_eq(
	    window_of_run(&none, "2025-11-01", noon_us, 0, SCALE_MS, &w, &err),
	    0);
	ck_assert(w.has_start);
	ck_assert_int_eq(w.start_ticks, INT64_C(1761955200000));
	ck_assert_int_eq(
	    window_of_run(&low, "2025-11-01", noon_us, 0, SCALE_MS, &w, &err),
	    0);
	ck_assert(!w.has_start);
	ck_assert_int_eq(
	    window_of_run(&none, "yesterday", noon_us, 0, SCALE_MS, &w, &err),
	    -1);
	/* a coarser column's tick that begins before start is left out */
	ck_assert_int_eq(window_of_run(&none, "2025-11-01T00:00:00.5Z", noon_us,
			     0, 0, &w, &err),
	    0);
	ck_assert_int_eq(w.start_ticks, 1761955201);
}
END_TEST

START_TEST(coarser_column_drops_the_sequence)
{
	struct position p = at("2025-11-20T00:00:00.000Z", "7"), low;
	struct err err;

	ck_assert_int_eq(window_low(&p, 0, &low, &err), 0);
	ck_assert(low.has_sequence);
	ck_assert_int_eq(low.scale, 0);
	p = at("2025-11-20T00:00:00.001Z", "7");
	ck_assert_int_eq(window_low(&p, 0, &low, &err), 0);
	ck_assert(!low.has_sequence);
	p = at("2025-11-20T00:00:00.001Z", "7");
	ck_assert_int_eq(window_low(&p, 6, &low, &err), 0);
	ck_assert(low.has_sequence);
	ck_assert_int_eq(low.ticks, p.ticks * 1000);
}
END_TEST

START_TEST(a_window_that_fits_is_one_step)
{
	struct window w = { .high_ticks = 1000 };
	struct source_count c = {
		.rows = 10, .min_ticks = 1, .max_ticks = 900
	};

	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, 0, 10), 1000);
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, 0, 9), 450 + 1);
}
END_TEST

START_TEST(halving_always_ends)
{
	struct window w = { .high_ticks = INT64_MAX };
	struct source_count c = {
		.rows = 1000, .min_ticks = INT64_MIN, .max_ticks = INT64_MAX - 1
	};
	int64_t high;
	int halvings = 0;

	/* all rows at the last tick: cannot be cut, so the window stays */
	for (;;) {
		high = window_step_high(&w, &c, SCALE_MS, 0, 10);
		ck_assert_int_gt(high, c.min_ticks);
		ck_assert_int_le(high, w.high_ticks);
		if (high == w.high_ticks)
			break;
		w.high_ticks = high;
		c.max_ticks = high - 1;
		ck_assert_int_lt(++halvings, 70);
	}
	ck_assert_int_eq(c.max_ticks, c.min_ticks);
}
END_TEST

START_TEST(equal_timestamps_are_never_cut)
{
	struct window w = { .high_ticks = 100 };
	struct source_count c = {
		.rows = 1000, .min_ticks = 5, .max_ticks = 5
	};

	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, 0, 10), 100);
	c.max_ticks = 6;
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, 0, 10), 6);
}
END_TEST

START_TEST(time_steps_are_aligned_and_move_on)
{
	const int64_t day = 86400000;
	struct window w = { .high_ticks = 10 * day };
	struct source_count c = { .rows = 1, .min_ticks = day + 5 };

	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, day, 1), 2 * day);
	c.min_ticks = 2 * day;
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, day, 1), 3 * day);
	c.min_ticks = -1;
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, day, 1), 0);
	c.min_ticks = 10 * day - 1;
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_MS, day, 1), 10 * day);
	/* one hour over a Date column: a day at least */
	w.high_ticks = 100;
	c.min_ticks = 7;
	ck_assert_int_eq(window_step_high(&w, &c, SCALE_DAYS, 3600000, 1), 8);
}
END_TEST

START_TEST(ahead_is_more_than_a_day_beyond_the_clock)
{
	const int64_t day_us = INT64_C(86400000000);
	struct window w = { .high_ticks = 1 };

	window_ahead(&w, noon_us, SCALE_MS);
	ck_assert(w.has_ahead && w.high_ticks == 1);
	ck_assert_int_eq(w.ahead_ticks, (noon_us + day_us) / 1000 + 1);
	/* tomorrow has begun east of here: it is not ahead, the day after is */
	window_ahead(&w, noon_us, SCALE_DAYS);
	ck_assert_int_eq(w.ahead_ticks, noon_us / day_us + 2);
	window_ahead(&w, INT64_MAX, SCALE_MS);
	ck_assert(!w.has_ahead);
	window_ahead(&w, noon_us * 1000, 9);
	ck_assert(!w.has_ahead);
}
END_TEST

START_TEST(a_clock_that_is_off_is_told)
{
	const int64_t s = 1000000, now = 1700000000 * s, settle = 300000;
	char text[512];

	ck_assert(!window_clock_is_off(now, now, settle, text));
	ck_assert(!window_clock_is_off(now + 300 * s, now, settle, text));
	ck_assert(!window_clock_is_off(now - 300 * s, now, settle, text));
	ck_assert(!window_clock_is_off(now + 60 * s, now, 0, text));
	ck_assert(window_clock_is_off(now + 61 * s, now, 0, text));
	ck_assert(window_clock_is_off(now + 90031 * s, now, settle, text));
	ck_assert_ptr_nonnull(strstr(text, "25 h 1 m ahead of this host's"));
	ck_assert_ptr_nonnull(strstr(text, "before they have settled"));
	ck_assert(window_clock_is_off(now - 331 * s, now, settle, text));
	ck_assert_ptr_nonnull(strstr(text, "0 h 6 m behind this host's"));
	ck_assert_ptr_nonnull(strstr(text, "rows wait"));
	ck_assert(window_clock_is_off(INT64_MAX, INT64_MIN, settle, text));
	ck_assert(window_clock_is_off(INT64_MIN, 0, settle, text));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("window");
	TCase *tc = tcase_create("window");

	tcase_add_test(tc, high_is_the_source_clock_less_settle);
	tcase_add_test(tc, start_bounds_only_a_table_without_position);
	tcase_add_test(tc, coarser_column_drops_the_sequence);
	tcase_add_test(tc, a_window_that_fits_is_one_step);
	tcase_add_test(tc, halving_always_ends);
	tcase_add_test(tc, equal_timestamps_are_never_cut);
	tcase_add_test(tc, time_steps_are_aligned_and_move_on);
	tcase_add_test(tc, ahead_is_more_than_a_day_beyond_the_clock);
	tcase_add_test(tc, a_clock_that_is_off_is_told);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
