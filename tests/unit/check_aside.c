/* SPDX-License-Identifier: Apache-2.0 */
/* One piece of work at a time beside its owner, with a thread or without. */
#include <check.h>
#include <dirent.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/aside.h"
#include "worker/pool.h"

enum { ROUNDS = 2000, FAILS_AT = 7 };

/* Neither is atomic: the one is read by the owner between rounds only, the
 * other written by it before. */
struct sum {
	unsigned add, total;
};

static int
add(void *arg, struct err *err)
{
	struct sum *s = arg;

	s->total += s->add;
	return s->add == FAILS_AT ? err_set(err, ERR_DATA, "seven") : 0;
}

START_TEST(work_ends_before_wait_does)
{
	struct aside *a = aside_new(_i == 1);
	struct sum s = { .total = 0 };
	struct err err = { 0 };
	unsigned wanted = 0;

	ck_assert_int_eq(aside_wait(a, &err), 0);
	for (unsigned k = 1; k <= ROUNDS; k++) {
		s.add = k;
		wanted += k;
		aside_begin(a, add, &s);
		ck_assert_int_eq(aside_wait(a, &err), k == FAILS_AT ? -1 : 0);
		ck_assert_uint_eq(s.total, wanted);
		if (k == FAILS_AT)
			ck_assert_str_eq(err.text, "seven");
		ck_assert_int_eq(aside_wait(a, &err), 0);
	}
	s.add = FAILS_AT; /* and nobody asks */
	aside_begin(a, add, &s);
	aside_free(a);
	ck_assert_uint_eq(s.total, wanted + FAILS_AT);
}
END_TEST

static unsigned
count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned n = 0;

	ck_assert_ptr_nonnull(tasks);
	for (struct dirent *e; (e = readdir(tasks)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(tasks);
	return n;
}

START_TEST(threads_are_those_that_were_asked_for)
{
#ifdef __SANITIZE_THREAD__
	return; /* it makes a thread of its own */
#endif
	unsigned before = count_threads();
	struct aside *a = aside_new(false);
	struct pool *p = pool_new(1);

	ck_assert_uint_eq(count_threads(), before);
	pool_free(p);
	aside_free(a);
	a = aside_new(true);
	p = pool_new(4);
	ck_assert_uint_eq(count_threads(), before + 1 + 3);
	pool_free(p);
	aside_free(a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aside");
	TCase *t = tcase_create("aside");

	tcase_add_loop_test(t, work_ends_before_wait_does, 0, 2);
	tcase_add_test(t, threads_are_those_that_were_asked_for);
	suite_add_tcase(s, t);
	return run_suite(s);
}
