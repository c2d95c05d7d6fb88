/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits as the kernel sees them in a real child, and the words for every way
 * a worker can end.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "coordinator/limits.h"
#include "tests/unit/run_suite.h"

static struct err
explain(const struct limits *l, int status, long maxrss_kb, double cpu_s)
{
	struct rusage used = { .ru_maxrss = maxrss_kb,
		.ru_utime = { .tv_sec = (time_t)cpu_s } };
	struct err err = { 0 };

	limits_explain(l, status, &used, PHASE_READ, &err);
	ck_assert_int_ne(err.cls, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(err.text, "while reading"));
	return err;
}

static void
says(struct err err, enum err_class cls, const char *text)
{
	ck_assert_int_eq(err.cls, cls);
	ck_assert_msg(
	    strstr(err.text, text) != NULL, "'%s' not in '%s'", text, err.text);
}

START_TEST(every_end_has_its_words)
{
	const struct limits all = { .memory = (uint64_t)1536 << 20,
		.cpu_ms = 1800000,
		.output = 1 << 30 },
			    none = { 0 };

	says(explain(&all, SIGXCPU, 0, 0), ERR_LIMIT,
	    "cpu limit of 30m reached");
	says(explain(&all, SIGKILL, 0, 1801), ERR_LIMIT, "cpu limit of 30m");
	says(explain(&all, SIGKILL, 2048, 1), ERR_LIMIT,
	    "killed by SIGKILL while reading, most likely by the system for "
	    "want of memory (it used 2 MiB)");
	says(explain(&all, SIGXFSZ, 0, 0), ERR_LIMIT,
	    "file size limit of 1 GiB reached");
	says(explain(&none, SIGXFSZ, 0, 0), ERR_LIMIT,
	    "file size limit of the system");
	says(explain(&all, EXIT_NOMEM << 8, 0, 0), ERR_NOMEM,
	    "memory limit of 1536 MiB reached");
	says(explain(&none, EXIT_NOMEM << 8, 0, 0), ERR_NOMEM, "out of memory");
	says(explain(&none, SIGTERM, 0, 0), ERR_CANCELLED, "SIGTERM");
	says(explain(&none, SIGSEGV, 0, 0), ERR_BUG, "SIGSEGV");
	says(explain(&none, SIGABRT | 0x80, 0, 0), ERR_BUG, "SIGABRT");
	says(explain(&none, SIGRTMIN + 3, 0, 0), ERR_BUG, "SIG?");
	says(explain(&none, 0, 0, 0), ERR_BUG, "exit status 0");
	says(explain(&none, 127 << 8, 0, 0), ERR_BUG, "exit status 127");
}
END_TEST

/* Runs body in a child under the limits; its wait status. */
static int
under(const struct limits *l, void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (limits_apply(l) != NULL)
			_exit(99);
		body();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}

static uint64_t soft;
static int which;

static void
compare_limit(void)
{
	struct rlimit now;

	if (getrlimit(which, &now) == -1 || now.rlim_cur != soft)
		_exit(1);
}

START_TEST(limits_are_set_in_the_child_only)
{
	const struct limits l = { .memory = UINT64_C(1) << 46,
		.cpu_ms = 61001,
		.files = 77,
		.output = 1 << 20 };
	static const struct {
		int which;
		uint64_t soft;
	} wanted[] = { { RLIMIT_AS, UINT64_C(1) << 46 }, { RLIMIT_CPU, 62 },
		{ RLIMIT_NOFILE, 77 }, { RLIMIT_FSIZE, 1 << 20 },
		{ RLIMIT_CORE, 0 } };
	struct rlimit before, after;

	getrlimit(RLIMIT_NOFILE, &before);
	for (size_t at = 0; at < 5; at++) {
		which = wanted[at].which;
		soft = wanted[at].soft;
		ck_assert_int_eq(under(&l, compare_limit), 0);
	}
	getrlimit(RLIMIT_NOFILE, &after);
	ck_assert_uint_eq(before.rlim_cur, after.rlim_cur);
}
END_TEST

static const struct limits lower = { .files = 20 };

static void
apply_higher(void)
{
	const struct limits higher = { .files = 50 };

	if (limits_apply(&higher) != NULL)
		_exit(2);
	compare_limit();
}

START_TEST(a_lower_hard_limit_stays)
{
	/* Root could raise it; the point is that it is not tried. */
	which = RLIMIT_NOFILE;
	soft = 20;
	ck_assert_int_eq(under(&lower, apply_higher), 0);
}
END_TEST

static void
write_too_much(void)
{
	char name[] = "/tmp/check_limits.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	signal(SIGXFSZ, SIG_DFL);
	if (ftruncate(fd, 2 << 20) == -1)
		_exit(1);
}

START_TEST(a_file_too_long_ends_it)
{
	const struct limits l = { .output = 1 << 20 };
	int status = under(&l, write_too_much);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGXFSZ);
}
END_TEST

START_TEST(nice_is_lowered)
{
	const struct limits l = { .nice = 3 };
	pid_t pid = fork();
	int status, before = getpriority(PRIO_PROCESS, 0);

	if (pid == 0)
		_exit(limits_apply(&l) == NULL &&
			    (before >= 17 ||
				getpriority(PRIO_PROCESS, 0) == before + 3)
			? 0
			: 1);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(sizes_and_durations_in_words)
{
	static const struct {
		uint64_t n;
		const char *size, *duration;
	} cases[] = { { 0, "0", "0s" }, { 1, "1", "1ms" },
		{ 1023, "1023", "1s23ms" }, { 1024, "1K", "1s24ms" },
		{ 90000, "90000", "1m30s" }, { 86400000, "84375K", "1d" },
		{ UINT64_C(1) << 30, "1G", "12d10h15m41s824ms" },
		{ UINT64_C(1) << 50, "1P", NULL },
		{ UINT64_MAX, "18446744073709551615", NULL } };
	char text[LIMITS_TEXT];

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		size_format(cases[at].n, text);
		ck_assert_str_eq(text, cases[at].size);
		duration_format(cases[at].n, text);
		if (cases[at].duration != NULL)
			ck_assert_str_eq(text, cases[at].duration);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("limits");
	TCase *t = tcase_create("limits");

	tcase_add_test(t, every_end_has_its_words);
	tcase_add_test(t, limits_are_set_in_the_child_only);
	tcase_add_test(t, a_lower_hard_limit_stays);
	tcase_add_test(t, a_file_too_long_ends_it);
	tcase_add_test(t, nice_is_lowered);
	tcase_add_test(t, sizes_and_durations_in_words);
	suite_add_tcase(s, t);
	return run_suite(s);
}
