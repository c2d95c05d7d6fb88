/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve-worker: one job for one table, then the end. The job comes in on
 * descriptor 3, reports go out on descriptor 4 (common/msg.h).
 */
#include <bsd/unistd.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/job.h"
#include "common/log.h"
#include "common/msg.h"
#include "common/outlet.h"
#include "version.h"
#include "worker/check.h"
#include "worker/clickhouse/http.h"
#include "worker/offload.h"
#include "worker/report.h"
#include "worker/sync.h"
#include "worker/verify.h"

static int
unknown_kind(const struct job *job, struct err *err)
{
	return err_set(
	    err, ERR_PROTOCOL, "unknown kind of job %d", (int)job->kind);
}

static int
work_sync(const struct job *job, struct result *res, struct err *err)
{
	switch (job->kind) {
	case JOB_OFFLOAD:
		return sync_run(job, res, err);
	case JOB_PLAN:
		return sync_plan(job, res, err);
	case JOB_CHECK:
		return sync_check(job, err);
	case JOB_INIT:
		return sync_init(job, err);
	case JOB_VERIFY:
		return sync_verify(job, res, err);
	}
	return unknown_kind(job, err);
}

static int
work(const struct job *job, struct result *res, struct err *err)
{
	if (job->target_kind != NULL &&
	    strcmp(job->target_kind, "clickhouse") == 0)
		return work_sync(job, res, err);
	switch (job->kind) {
	case JOB_OFFLOAD:
		return offload(job, res, err);
	case JOB_VERIFY:
		return verify(job, res, err);
	case JOB_CHECK:
		return check(job, err);
	case JOB_PLAN:
		return offload_plan(job, res, err);
	case JOB_INIT: /* the first run that has rows makes the table */
		return 0;
	}
	return unknown_kind(job, err);
}

static uint64_t
peak_memory(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (uint64_t)used.ru_maxrss * 1024;
}

int
main(int argc, char *argv[], char *envp[])
{
	struct result res = { .rows = 0 };
	struct job job;
	struct err err;
	int rc;

	/* an arena for each thread would take 64 MiB of the address space */
	mallopt(M_ARENA_MAX, 1);
	setproctitle_init(argc, argv, envp);
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("calve-worker " CALVE_VERSION);
		return 0;
	}
	log_init("calve-worker", LOG_WARN);
	/* nor may a library's last words keep the table's lock */
	outlet_never_wait(STDERR_FILENO);
	err_clear(&err);
	report_init();
	/* libpq would ask for this zone, and the server's own not be seen */
	unsetenv("PGTZ");
	http_init(); /* while the job is still to come */
	if (report_read_job(&job, &err) == -1) {
		report_error(&err);
		if (err.cls != ERR_CANCELLED)
			log_error("%s", err.text);
		return 1;
	}
	rc = work(&job, &res, &err);
	res.peak_memory = peak_memory();
	report_phase(&job, PHASE_DONE);
	if (rc == 0)
		report_result(&res);
	else
		report_error(&err);
	result_clear(&res);
	job_clear(&job);
	return rc == 0 ? 0 : 1;
}
