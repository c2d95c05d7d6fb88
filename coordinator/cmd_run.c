/* SPDX-License-Identifier: Apache-2.0 */
/* calve run: plan, supervise, report. The program on one screen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "coordinator/cmd.h"
#include "coordinator/config_keys.h"
#include "coordinator/ledger.h"
#include "coordinator/offload_all.h"
#include "coordinator/plan.h"
#include "coordinator/supervise.h"

struct request {
	const char **patterns;
	size_t npatterns;
	long long workers; /* 0: as configured */
	uint64_t every_ms; /* 0: once */
	bool json, dry_run;
};

static int
read_request(const struct cmd_args *a, struct request *q, struct err *err)
{
	const char *every = cmd_value(a, "every");

	*q = (struct request){ .json = cmd_has(a, "json"),
		.dry_run = cmd_has(a, "dry-run") };
	if (cmd_no_operands(a, err) == -1 ||
	    cmd_number(a, "jobs", 1, 512, 0, &q->workers, err) == -1)
		return -1;
	if (every != NULL &&
	    (!duration_parse(every, &q->every_ms) || q->every_ms < 1000))
		return err_set(err, ERR_CONFIG,
		    "--every must be a duration "
		    "like 15m, a second or longer, not '%s'",
		    every);
	q->patterns = cmd_values(a, "table", &q->npatterns);
	return 0;
}

static int
print_plan(const struct plan *plan, const struct config *c)
{
	for (size_t at = 0; at < plan->n; at++) {
		const struct plan_item *item = &plan->items[at];
		printf("%zu  %s  %s -> %s", item->wave + 1,
		    item->table->name.value, item->table->source.value,
		    item->table->target.value);
		for (size_t w = 0; w < item->nwaits; w++)
			printf("%s%s", w == 0 ? "  after " : ", ",
			    plan->items[item->waits[w]].table->name.value);
		putchar('\n');
	}
	printf(
	    "%zu tables, at most %" PRIu64 " at once\n", plan->n, c->workers);
	return EXIT_DONE;
}

/* Sets *stopped when a signal asked for the end. */
static int
run_once(const struct cmd_args *a, const struct request *q, bool *stopped)
{
	struct config config = { 0 };
	struct plan plan = { 0 };
	struct err err = { 0 };
	int status;

	if (cmd_config(a, &config, &err) == -1)
		return cmd_fail(&err);
	if (q->workers > 0)
		config.workers = (uint64_t)q->workers;
	if (q->dry_run) {
		status = plan_make(&config, q->patterns, q->npatterns, NULL,
			     &plan, &err) == -1
		    ? cmd_fail(&err)
		    : print_plan(&plan, &config);
		plan_clear(&plan);
	} else {
		status = offload_all(&config, q->patterns, q->npatterns,
		    q->json, q->every_ms > 0, stopped);
	}
	config_clear(&config);
	return status;
}

static int
run(const struct cmd_args *a)
{
	struct request q;
	struct err err = { 0 };
	bool stopped = false, reload;
	int status;

	if (read_request(a, &q, &err) == -1)
		return cmd_fail(&err);
	supervise_signals();
	for (;;) {
		struct mono next = mono_now();
		status = run_once(a, &q, &stopped);
		if (q.every_ms == 0 || stopped)
			break;
		/* The file is read anew each time, so SIGHUP only hastens. */
		next.ns += (int64_t)q.every_ms * 1000000;
		if (supervise_sleep(next, &reload))
			break;
		if (reload)
			log_info("reading the configuration again");
	}
	free(q.patterns);
	return status;
}

static const struct cmd_option options[] = {
	{ "table", 't', "PATTERN",
	    "only tables whose name matches, like "
	    "'bronze_*'; may be repeated",
	    false },
	{ "jobs", 'j', "N", "tables at once, in place of 'workers'", false },
	{ "every", '\0', "TIME", "again and again, a run each 15m, say",
	    false },
	{ "dry-run", 'n', NULL, "print the order of tables and end", false },
	{ "json", '\0', NULL, "one JSON object an event on standard output",
	    false },
};

const struct cmd cmd_run = {
	.name = "run",
	.summary = "Offload what is new of all tables, layer by layer",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
