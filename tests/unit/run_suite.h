/* SPDX-License-Identifier: Apache-2.0 */
/* The end of every unit test's main(): runs the suite, as libcheck's
 * environment variables say, and gives the program's exit status. */
#ifndef CALVE_RUN_SUITE_H
#define CALVE_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/* What is asked of every value: an assertion of libcheck writes to a file also
 * when it holds, and a hundred thousand of them take their time. */
#define must(holds)                                      \
	do {                                             \
		if (!(holds))                            \
			ck_abort_msg("not so: " #holds); \
	} while (0)

static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
