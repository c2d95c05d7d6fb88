/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve check: reads the configuration and prints what holds; with --connect
 * also asks every source for its columns and shows what they become.
 */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/cmd.h"
#include "coordinator/grid.h"
#include "coordinator/survey.h"

static int
connect_all(const struct config *c, const struct plan *plan, struct err *err)
{
	static const char *const titles[] = { "TABLE", "COLUMN", "SOURCE TYPE",
		"TARGET TYPE", "REMARK" };
	struct survey v = { 0 };
	struct grid g;
	int status = EXIT_DONE;

	if (survey_run(&v, c, JOB_CHECK, plan, err) == -1) {
		survey_clear(&v);
		return -1;
	}
	grid_init(&g, 5, titles);
	for (size_t at = 0; at < v.n; at++) {
		const struct msg_column *m = &v.items[at].msg.u.column;
		grid_put(&g, v.items[at].outcome->table->name.value);
		grid_put(&g, m->name);
		grid_put(&g, m->source_type);
		grid_put(&g, m->target_type);
		grid_put(&g, m->remark != NULL ? m->remark : "");
	}
	grid_print(&g, stdout);
	grid_clear(&g);
	for (size_t at = 0; at < plan->n; at++)
		if (v.s.outcomes[at].state != RUN_SUCCESS)
			status = EXIT_SOME_FAILED;
	survey_clear(&v);
	return status;
}

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct plan plan = { 0 };
	struct err err = { 0 };
	size_t n;
	const char **patterns = cmd_values(a, "table", &n);
	int status = -1;

	/* The plan finds circles. */
	if (cmd_no_operands(a, &err) == 0 &&
	    cmd_config(a, &config, &err) == 0 &&
	    plan_make(&config, patterns, n, NULL, &plan, &err) == 0) {
		status = EXIT_DONE;
		if (cmd_has(a, "connect"))
			status = connect_all(&config, &plan, &err);
		else
			config_print(&config, stdout);
	}
	if (status == -1)
		status = cmd_fail(&err);
	plan_clear(&plan);
	config_clear(&config);
	free(patterns);
	return status;
}

static const struct cmd_option options[] = {
	{ "connect", '\0', NULL,
	    "ask the sources, and show what each column "
	    "becomes",
	    false },
	{ "table", 't', "PATTERN",
	    "with --connect, only tables whose name "
	    "matches",
	    false },
};

const struct cmd cmd_check = {
	.name = "check",
	.summary = "Check the configuration and print what holds",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
