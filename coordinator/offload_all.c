/* SPDX-License-Identifier: Apache-2.0 */
/* One run: ledger, plan, workers, report. */
#include "coordinator/offload_all.h"

#include <stdlib.h>

#include "common/log.h"
#include "coordinator/cmd.h"
#include "coordinator/ledger.h"
#include "coordinator/plan.h"
#include "coordinator/progress.h"
#include "coordinator/report.h"
#include "coordinator/spawn.h"
#include "coordinator/supervise.h"

static void
log_orphan(void *arg, const char *table, const char *host, const char *phase)
{
	(void)arg;
	log_warn("%s: a run of '%s' was left behind while %s; it is recorded "
		 "as failed",
	    table, host, phase != NULL ? phase : "starting");
}

static int
supervise_all(struct supervise *s, bool json)
{
	struct err err = { 0 };
	struct mono began = mono_now();
	struct progress *progress = progress_new(s, json, &s->hooks);
	int rv = supervise(s, &err);

	progress_free(progress);
	if (rv == -1)
		return cmd_fail(&err);
	report_summary(s, mono_seconds_since(began), json);
	return report_exit_status(s);
}

/* The plan again, what took long first; where that is not to be had, any
 * order is as right. */
static int
order_by_length(const struct config *c, const char *const *patterns,
    size_t npatterns, struct ledger *ledger, struct plan *plan, struct err *err)
{
	double *expected = ledger_durations(ledger, c, err);
	int rv;

	if (expected == NULL) {
		log_debug("order of starts: %s", err->text);
		err_clear(err);
		return 0;
	}
	plan_clear(plan);
	rv = plan_make(c, patterns, npatterns, expected, plan, err);
	free(expected);
	return rv;
}

int
offload_all(const struct config *c, const char *const *patterns,
    size_t npatterns, bool json, bool hup_is_reload, bool *stopped)
{
	struct err err = { 0 };
	struct plan plan = { 0 };
	struct supervise s = { .config = c,
		.plan = &plan,
		.kind = JOB_OFFLOAD,
		.workers = c->workers,
		.hup_is_reload = hup_is_reload };
	int status = -1;
	char *program = spawn_find_worker(&err);

	/* Mistakes first, before anything is contacted. */
	if (program == NULL ||
	    plan_make(c, patterns, npatterns, NULL, &plan, &err) == -1)
		goto out;
	s.program = program;
	supervise_ahead(&s);
	s.ledger = ledger_open(c->state.value, log_orphan, NULL, &err);
	if (s.ledger == NULL ||
	    (plan.n > 1 &&
		order_by_length(
		    c, patterns, npatterns, s.ledger, &plan, &err) == -1))
		goto out;
	if (plan.n == 0)
		log_warn("'%s' has no tables: there is nothing to do", c->path);
	status = supervise_all(&s, json);
	*stopped = s.stopped;
out:
	if (status == -1)
		status = cmd_fail(&err);
	supervise_clear(&s);
	plan_clear(&plan);
	ledger_close(s.ledger);
	free(program);
	return status;
}
