/* SPDX-License-Identifier: Apache-2.0 */
/* calve verify: source and target next to each other, by day or month. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/cmd.h"
#include "coordinator/grid.h"
#include "coordinator/survey.h"

static void
print_text(const struct survey *v)
{
	static const char *const titles[] = { "TABLE", "PERIOD", ">SOURCE ROWS",
		">TARGET ROWS", "SOURCE MIN", "TARGET MIN", "SOURCE MAX",
		"TARGET MAX", "RESULT", "SOURCE SUM", "TARGET SUM" };
	struct grid g;
	bool sums = false;

	for (size_t at = 0; at < v->n; at++)
		sums = sums || v->items[at].msg.u.tally.source_sum != NULL;
	grid_init(&g, sums ? 11 : 9, titles);
	for (size_t at = 0; at < v->n; at++) {
		const struct msg_tally *t = &v->items[at].msg.u.tally;
		grid_put(&g, v->items[at].outcome->table->name.value);
		grid_put(&g, t->scope);
		grid_printf(&g, "%" PRIu64, t->source_rows);
		grid_printf(&g, "%" PRIu64, t->target_rows);
		grid_put(&g, t->source_min);
		grid_put(&g, t->target_min);
		grid_put(&g, t->source_max);
		grid_put(&g, t->target_max);
		grid_put(&g, t->equal ? "equal" : "DIFFERENT");
		if (sums) {
			grid_put(&g, t->source_sum);
			grid_put(&g, t->target_sum);
		}
	}
	grid_print(&g, stdout);
	grid_clear(&g);
}

static json_t *
text(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static void
print_json(const struct survey *v)
{
	json_t *list = json_array();

	for (size_t at = 0; at < v->n; at++) {
		const struct msg_tally *t = &v->items[at].msg.u.tally;
		json_t *o = json_object();
		json_object_set_new(
		    o, "table", text(v->items[at].outcome->table->name.value));
		json_object_set_new(o, "scope", text(t->scope));
		json_object_set_new(
		    o, "source_rows", json_integer((json_int_t)t->source_rows));
		json_object_set_new(
		    o, "target_rows", json_integer((json_int_t)t->target_rows));
		json_object_set_new(o, "source_min", text(t->source_min));
		json_object_set_new(o, "target_min", text(t->target_min));
		json_object_set_new(o, "source_max", text(t->source_max));
		json_object_set_new(o, "target_max", text(t->target_max));
		json_object_set_new(o, "source_sum", text(t->source_sum));
		json_object_set_new(o, "target_sum", text(t->target_sum));
		json_object_set_new(o, "equal", json_boolean(t->equal));
		json_array_append_new(list, o);
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

/* Tallies that differ; *failed: tables that could not be compared. */
static size_t
count_different(const struct survey *v, size_t *failed)
{
	size_t different = 0;

	*failed = 0;
	for (size_t at = 0; at < v->s.plan->n; at++) {
		const struct outcome *o = &v->s.outcomes[at];
		*failed += o->state != RUN_SUCCESS;
		different += o->has_result && o->result.different > 0;
	}
	return different;
}

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct plan plan = { 0 };
	struct survey v = { 0 };
	struct err err = { 0 };
	size_t n, failed, different;
	const char **patterns = cmd_values(a, "table", &n);
	int status;

	if (cmd_no_operands(a, &err) == -1 ||
	    cmd_config(a, &config, &err) == -1 ||
	    plan_make(&config, patterns, n, NULL, &plan, &err) == -1 ||
	    survey_run(&v, &config, JOB_VERIFY, &plan, &err) == -1) {
		status = cmd_fail(&err);
	} else {
		if (cmd_has(a, "json"))
			print_json(&v);
		else
			print_text(&v);
		different = count_different(&v, &failed);
		if (!cmd_has(a, "json"))
			printf("%zu of %zu tables equal, %zu different, "
			       "%zu not compared\n",
			    plan.n - different - failed, plan.n, different,
			    failed);
		status = different + failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
	}
	survey_clear(&v);
	plan_clear(&plan);
	config_clear(&config);
	free(patterns);
	return status;
}

static const struct cmd_option options[] = {
	{ "table", 't', "PATTERN",
	    "only tables whose name matches; may be "
	    "repeated",
	    false },
	{ "json", '\0', NULL, "one JSON array on standard output", false },
};

const struct cmd cmd_verify = {
	.name = "verify",
	.summary = "Compare source and target, by day or month",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
