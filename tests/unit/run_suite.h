/* SPDX-License-Identifier: Apache-2.0 */
/* The end of every unit test's main(): runs the suite, as libcheck's
 * environment variables say, and gives the program's exit status. */
#ifndef CALVE_RUN_SUITE_H
#define CALVE_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

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
