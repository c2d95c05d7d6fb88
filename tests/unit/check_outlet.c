/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes that are full and read by nobody. What would wait in vain hangs: the
 * suite's timeout is the assertion.
 */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outlet.h"
#include "tests/unit/run_suite.h"

enum { NMANY = 30000 };

/* Puts a pipe in the place of a descriptor, and as many dots into it as it
 * takes. Returns the end to read from. */
static int
full_pipe(int fd, size_t *ndots)
{
	char dots[4096];
	int ends[2];
	ssize_t n;

	memset(dots, '.', sizeof dots);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	*ndots = 0;
	while ((n = write(ends[1], dots, sizeof dots)) > 0)
		*ndots += (size_t)n;
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	ck_assert_int_eq(dup2(ends[1], fd), fd);
	close(ends[1]);
	return ends[0];
}

/* Reads up to the text, or as long as something comes when there is none. */
static char *
read_to(int fd, const char *text)
{
	size_t cap = 4 << 20, len = 0;
	char *all = malloc(cap);

	for (;;) {
		struct pollfd more = { .fd = fd, .events = POLLIN };
		if (text == NULL && poll(&more, 1, 0) == 0)
			break;
		ck_assert_uint_lt(len + 4097, cap);
		ssize_t n = read(fd, all + len, 4096);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
		all[len] = '\0';
		if (text != NULL && strstr(all + len - (size_t)n, text) != NULL)
			break;
	}
	all[len] = '\0';
	return all;
}

static void
skip_dots(int fd, size_t n)
{
	char dots[4096];

	for (size_t got; n > 0; n -= got) {
		ssize_t k = read(fd, dots, n < sizeof dots ? n : sizeof dots);
		ck_assert_int_gt(k, 0);
		got = (size_t)k;
		for (size_t at = 0; at < got; at++)
			if (dots[at] != '.')
				ck_abort_msg("no dot");
	}
}

START_TEST(nobody_reads_the_log)
{
	size_t ndots, next = 0;
	uint64_t lost = 0;
	int fd = full_pipe(STDERR_FILENO, &ndots);

	log_init("calve", LOG_INFO);
	outlet_start();
	for (unsigned n = 0; n < NMANY; n++)
		log_info("line %u.", n);
	ck_assert(outlet_is_behind(STDERR_FILENO));
	ck_assert(!outlet_flush(STDERR_FILENO, 50));
	skip_dots(fd, ndots);
	char *all = read_to(fd, "nobody read it");
	/* The first ones in order, then what became of the others. */
	for (char *at = strtok(all, "\n"); at != NULL;
	     at = strtok(NULL, "\n")) {
		const char *number = strstr(at, " line ");
		if (number != NULL)
			ck_assert_uint_eq(
			    strtoul(number + 6, NULL, 10), next++);
		else if ((number = strstr(at, "] ")) != NULL)
			lost = strtoul(number + 2, NULL, 10);
	}
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(next + lost, NMANY);
	free(all);
	/* And on it goes. */
	log_info("the end");
	free(read_to(fd, "the end\n"));
	ck_assert(outlet_flush(STDERR_FILENO, -1));
	ck_assert(!outlet_has_failed(STDERR_FILENO));
}
END_TEST

START_TEST(nobody_reads_what_is_printed)
{
	static char line[1 << 16];
	size_t ndots, taken = 0;
	int fd = full_pipe(STDOUT_FILENO, &ndots);

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	outlet_start();
	while (outlet_line(STDOUT_FILENO, line, sizeof line))
		taken++;
	ck_assert_uint_eq(taken, OUTLET_OUT_MOST / sizeof line);
	/* The log is another stream. */
	log_init("calve", LOG_INFO);
	int log = full_pipe(STDERR_FILENO, &ndots);
	skip_dots(log, ndots);
	log_info("still here");
	free(read_to(log, "still here\n"));
	close(fd);
	ck_assert(outlet_flush(STDOUT_FILENO, -1));
	ck_assert(outlet_has_failed(STDOUT_FILENO));
}
END_TEST

START_TEST(in_order_and_at_once_where_somebody_reads)
{
	size_t ndots;
	int fd = full_pipe(STDERR_FILENO, &ndots);

	skip_dots(fd, ndots);
	log_init("calve", LOG_INFO);
	outlet_start();
	outlet_start();
	for (int n = 0; n < 100; n++) {
		log_info("line %d.", n);
		ck_assert(outlet_flush(STDERR_FILENO, -1));
		char *all = read_to(fd, NULL), wanted[32];
		snprintf(wanted, sizeof wanted, "] line %d.\n", n);
		ck_assert_ptr_nonnull(strstr(all, wanted));
		free(all);
	}
}
END_TEST

/* The worker's way: its own open file, so that others of the pipe still wait
 * if they please. */
START_TEST(never_waits)
{
	size_t ndots;
	int fd = full_pipe(STDERR_FILENO, &ndots), shared = dup(STDERR_FILENO);

	log_init("calve-worker", LOG_INFO);
	outlet_never_wait(STDERR_FILENO);
	ck_assert(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
	ck_assert(!(fcntl(shared, F_GETFL) & O_NONBLOCK));
	log_warn("one");
	log_warn("two");
	skip_dots(fd, ndots);
	log_warn("three");
	char *all = read_to(fd, "three\n");
	ck_assert_ptr_nonnull(
	    strstr(all, "] 2 lines of this log could not be written here"));
	ck_assert_ptr_null(strstr(all, "one"));
	free(all);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outlet");
	TCase *c = tcase_create("pipes");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, nobody_reads_the_log);
	tcase_add_test(c, nobody_reads_what_is_printed);
	tcase_add_test(c, in_order_and_at_once_where_somebody_reads);
	tcase_add_test(c, never_waits);
	suite_add_tcase(s, c);
	return run_suite(s);
}
