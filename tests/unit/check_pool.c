/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that share out items: each is done once, failures are the lowest. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/pool.h"

enum { ITEMS = 500 };

struct tally {
	atomic_uint times[ITEMS];
	unsigned plain[ITEMS]; /* not atomic: each belongs to its item */
	size_t fail_from, fail_step;
};

static int
count_item(void *arg, size_t item, struct err *err)
{
	struct tally *t = arg;

	atomic_fetch_add(&t->times[item], 1);
	t->plain[item]++;
	if (t->fail_step > 0 && item >= t->fail_from &&
	    (item - t->fail_from) % t->fail_step == 0)
		return err_set(err, ERR_DATA, "item %zu", item);
	return 0;
}

/* Many short rounds: threads that wake late must not take part in the next
 * one with the items of this. */
START_TEST(each_item_is_done_once)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 7, ITEMS };
	struct pool *p = _i == 0 ? NULL : pool_new((unsigned)_i);
	struct tally t = { .fail_step = 0 };
	struct err err = { 0 };
	unsigned wanted[ITEMS] = { 0 };

	for (unsigned round = 0; round < 3000; round++) {
		size_t n = sizes[round % 6];

		if (n == ITEMS && round % 60 != 5)
			continue;
		ck_assert_int_eq(pool_run(p, count_item, &t, n, &err), 0);
		for (size_t k = 0; k < n; k++)
			wanted[k]++;
		for (size_t k = 0; k < 8; k++)
			ck_assert_uint_eq(t.plain[k], wanted[k]);
	}
	for (size_t k = 0; k < ITEMS; k++) {
		ck_assert_uint_eq(atomic_load(&t.times[k]), wanted[k]);
		ck_assert_uint_eq(t.plain[k], wanted[k]);
	}
	pool_free(p);
}
END_TEST

START_TEST(the_lowest_failure_counts)
{
	struct pool *p = pool_new((unsigned)_i);
	char text[32];

	for (size_t from = 0; from < ITEMS; from += 7) {
		struct tally t = { .fail_from = from, .fail_step = 3 };
		struct err err = { 0 };

		ck_assert_int_eq(pool_run(p, count_item, &t, ITEMS, &err), -1);
		snprintf(text, sizeof text, "item %zu", from);
		ck_assert_str_eq(err.text, text);
		ck_assert_int_eq(err.cls, ERR_DATA);
		for (size_t k = 0; k < ITEMS; k++)
			ck_assert_uint_le(t.plain[k], 1);
		for (size_t k = 0; k <= from; k++)
			ck_assert_uint_eq(t.plain[k], 1);
		t = (struct tally){ .fail_step = 0 };
		ck_assert_int_eq(pool_run(p, count_item, &t, ITEMS, &err), 0);
	}
	pool_free(p);
}
END_TEST

START_TEST(threads_that_never_work_end_too)
{
	for (unsigned n = 0; n < 40; n++)
		pool_free(pool_new(n % 9));
	pool_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, each_item_is_done_once, 0, 6);
	tcase_add_loop_test(t, the_lowest_failure_counts, 1, 6);
	tcase_add_test(t, threads_that_never_work_end_too);
	suite_add_tcase(s, t);
	return run_suite(s);
}
