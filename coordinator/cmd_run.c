/* SPDX-License-Identifier: Apache-2.0 */
/* calve run: plan, supervise, report. The program on one screen. */
#include <bsd/unistd.h>
#include <stdlib.h>

#include "common/log.h"
#include "coordinator/cmd.h"
#include "coordinator/config_keys.h"
#include "coordinator/dry_run.h"
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
	if (q->dry_run && every != NULL)
		return err_set(err, ERR_CONFIG,
		    "--dry-run prints one plan and ends; leave out --every");
	q->patterns = cmd_values(a, "table", &q->npatterns);
	return 0;
}

/* The plan finds what is wrong between tables, and with the selection. */
static int
load(const struct cmd_args *a, const struct request *q, struct config *config,
    struct err *err)
{
	struct plan plan = { 0 };

	if (cmd_config(a, config, err) == -1)
		return -1;
	if (q->workers > 0)
		config->workers = (uint64_t)q->workers;
	int rv = plan_make(config, q->patterns, q->npatterns, NULL, &plan, err);
	plan_clear(&plan);
	return rv;
}

/* A scheduled run outlives a file that is being edited. */
static void
reload(const struct cmd_args *a, const struct request *q, struct config *config)
{
	struct config fresh = { 0 };
	struct err err = { 0 };

	if (load(a, q, &fresh, &err) == 0) {
		config_clear(config);
		*config = fresh;
		return;
	}
	config_clear(&fresh);
	log_error(
	    "%s; the configuration stays as it was before, mend it", err.text);
}

/* Sets *stopped when a signal asked for the end. */
static int
run_once(const struct config *c, const struct request *q, bool *stopped)
{
	return q->dry_run ? dry_run(c, q->patterns, q->npatterns, q->json)
			  : offload_all(c, q->patterns, q->npatterns, q->json,
				q->every_ms > 0, stopped);
}

static int
run_scheduled(
    const struct cmd_args *a, const struct request *q, struct config *config)
{
	bool stopped = false, hup;

	for (;;) {
		struct mono next = mono_now();
		int status = run_once(config, q, &stopped);
		if (stopped)
			return status;
		next.ns += (int64_t)q->every_ms * 1000000;
		setproctitle("run, waiting for the next");
		if (supervise_sleep(next, &hup))
			return status;
		if (hup)
			log_info("reading the configuration again");
		reload(a, q, config);
	}
}

static int
run(const struct cmd_args *a)
{
	struct request q;
	struct config config = { 0 };
	struct err err = { 0 };
	bool stopped = false;
	int status;

	if (read_request(a, &q, &err) == -1)
		return cmd_fail(&err);
	supervise_signals();
	if (load(a, &q, &config, &err) == -1)
		status = cmd_fail(&err);
	else if (q.every_ms == 0)
		status = run_once(&config, &q, &stopped);
	else
		status = run_scheduled(a, &q, &config);
	config_clear(&config);
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
	{ "dry-run", 'n', NULL,
	    "print what a run would do: order, windows, rows; end", false },
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
