/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for one test, below build/test, gone afterwards: a checked fixture
 * (tcase_add_checked_fixture) of scratch_make and scratch_remove. */
#ifndef CALVE_TESTS_SCRATCH_H
#define CALVE_TESTS_SCRATCH_H

#include <sys/stat.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch[PATH_MAX];

static void
scratch_make(void)
{
	char cwd[PATH_MAX / 2];

	if (getcwd(cwd, sizeof cwd) == NULL)
		abort();
	mkdir("build", 0777);
	mkdir("build/test", 0777);
	snprintf(scratch, sizeof scratch, "%s/build/test/unit.XXXXXX", cwd);
	if (mkdtemp(scratch) == NULL)
		abort();
}

static int
scratch_remove_one(
    const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
scratch_remove(void)
{
	chmod(scratch, 0777);
	nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in the folder; one of four turns of memory. */
static const char *
scratch_path(const char *name)
{
	static char path[4][PATH_MAX + 300];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", scratch, name);
	return p;
}

#endif
