/* SPDX-License-Identifier: Apache-2.0 */
/* A plan and what its tables' workers found, as text and as JSON. */
#include "coordinator/dry_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "coordinator/cmd.h"
#include "coordinator/grid.h"
#include "coordinator/ledger.h"
#include "coordinator/report.h"
#include "coordinator/survey.h"

static uint64_t
sum_rows(const struct supervise *s)
{
	uint64_t rows = 0;

	for (size_t at = 0; at < s->plan->n; at++)
		rows += s->outcomes[at].result.rows;
	return rows;
}

static size_t
count_failed(const struct supervise *s)
{
	size_t failed = 0;

	for (size_t at = 0; at < s->plan->n; at++)
		failed += s->outcomes[at].state != RUN_SUCCESS;
	return failed;
}

static void
put_waits(struct grid *g, const struct plan *plan, const struct plan_item *item)
{
	struct buf names;

	buf_init(&names, 1 << 16);
	for (size_t w = 0; w < item->nwaits; w++)
		buf_printf(&names, "%s%s", w > 0 ? ", " : "",
		    plan->items[item->waits[w]].table->name.value);
	grid_put(g, buf_cstr(&names));
	buf_clear(&names);
}

static void
print_text(const struct supervise *s)
{
	static const char *const titles[] = { ">WAVE", "TABLE", ">ROWS",
		"AFTER POSITION", "BEFORE", ">USUAL SECONDS", "WAITS FOR",
		"TARGET" };
	const struct plan *plan = s->plan;
	struct grid g;

	grid_init(&g, sizeof titles / sizeof titles[0], titles);
	for (size_t at = 0; at < plan->n; at++) {
		const struct plan_item *item = &plan->items[at];
		const struct outcome *o = &s->outcomes[at];
		grid_printf(&g, "%zu", item->wave + 1);
		grid_put(&g, item->table->name.value);
		if (o->state == RUN_SUCCESS)
			grid_printf(&g, "%" PRIu64, o->result.rows);
		else
			grid_put(&g, "error");
		grid_put(&g, o->result.window_low);
		grid_put(&g, o->result.window_high);
		if (item->expected_s > 0)
			grid_printf(&g, "%.1f", item->expected_s);
		else
			grid_put(&g, NULL);
		put_waits(&g, plan, item);
		grid_put(&g, item->table->target.value);
	}
	grid_print(&g, stdout);
	grid_clear(&g);
	size_t failed = count_failed(s);
	printf("%zu table%s, %" PRIu64 " rows, at most %zu at once", plan->n,
	    plan->n == 1 ? "" : "s", sum_rows(s), s->workers);
	if (failed > 0)
		printf(", %zu could not be asked", failed);
	putchar('\n');
}

static int
survey_plan(const struct config *c, const struct plan *plan, bool json)
{
	struct survey v = { 0 };
	struct err err = { 0 };
	int status;

	if (survey_run(&v, c, JOB_PLAN, plan, &err) == -1) {
		status = cmd_fail(&err);
	} else {
		status = report_exit_status(&v.s);
		if (json)
			report_plan(&v.s, status);
		else
			print_text(&v.s);
	}
	survey_clear(&v);
	return status;
}

int
dry_run(const struct config *c, const char *const *patterns, size_t npatterns,
    bool json)
{
	struct err err = { 0 };
	struct plan plan = { 0 };
	struct ledger *ledger = NULL;
	double *expected = NULL;
	int status;

	/* Mistakes first, before anything is contacted. */
	if (plan_make(c, patterns, npatterns, NULL, &plan, &err) == -1)
		return cmd_fail(&err);
	plan_clear(&plan);
	if ((ledger = ledger_open_to_read(c->state.value, &err)) == NULL ||
	    (expected = ledger_durations(ledger, c, &err)) == NULL ||
	    plan_make(c, patterns, npatterns, expected, &plan, &err) == -1)
		status = cmd_fail(&err);
	else
		status = survey_plan(c, &plan, json);
	ledger_close(ledger);
	plan_clear(&plan);
	free(expected);
	return status;
}
