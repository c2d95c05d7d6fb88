/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text is a configuration or an error of one line with the file's name.
 * What is printed of a configuration reads back, prints the same, and has no
 * secret in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/config.h"
#include "coordinator/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static char *
print(const struct config *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	config_print(c, f);
	fclose(f);
	return text;
}

static const char secret[] = "hunter2hunter2";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct config c, again;
	struct plan plan;
	struct err err = { 0 };
	size_t once_n, twice_n;

	setenv("CLICKHOUSE_PASSWORD", secret, 1);
	setenv("USER_NAME", "somebody", 1);
	if (config_parse((const char *)data, n, "calve.yaml", &c, &err) == -1) {
		require(err.cls == ERR_CONFIG);
		require(strncmp(err.text, "calve.yaml", 10) == 0);
		require(strchr(err.text, '\n') == NULL);
		/* Unless the input had it from the start. */
		require(strstr(err.text, secret) == NULL ||
		    memmem(data, n, secret, sizeof secret - 1) != NULL);
		return 0;
	}
	if (plan_make(&c, NULL, 0, NULL, &plan, &err) == 0)
		require(plan.n == c.ntables);
	plan_clear(&plan);
	char *once = print(&c, &once_n);
	require(config_parse(once, once_n, "calve.yaml", &again, &err) == 0);
	char *twice = print(&again, &twice_n);
	require(once_n == twice_n && memcmp(once, twice, once_n) == 0);
	for (size_t at = 0; at < c.ntables; at++) {
		struct job job;
		config_job(&c, &c.tables[at], JOB_OFFLOAD, "", 1, &job);
		job_clear(&job);
	}
	free(once);
	free(twice);
	config_clear(&c);
	config_clear(&again);
	return 0;
}
