/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clearing of jobs and results, and the names people read for their enums.
 * Secrets are overwritten before their memory is given back.
 */
#include "common/job.h"

#include <stdlib.h>
#include <string.h>

static void
free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void
free_strings(char **strings, size_t n)
{
	for (size_t at = 0; at < n; at++)
		free(strings[at]);
	free(strings);
}

void
job_column_clear(struct job_column *c)
{
	free(c->name);
	free(c->as);
	free(c->time);
	free(c->utf8);
	free(c->duplicates);
	free(c->digits);
	free(c->metrics);
	free(c->timezone);
	memset(c, 0, sizeof *c);
}

void
job_clear(struct job *j)
{
	char *plain[] = { j->name, j->source_name, j->source_kind, j->url,
		j->database, j->table, j->user, j->catalog_name,
		j->catalog_kind, j->warehouse, j->namespace_, j->target_table,
		j->timestamp, j->sequence, j->start, j->compression,
		j->encoding, j->target_kind, j->target_url, j->target_user,
		j->wire, j->timezone, j->hand_position };

	for (size_t at = 0; at < sizeof plain / sizeof plain[0]; at++)
		free(plain[at]);
	free_secret(j->state);
	free_secret(j->password);
	free_secret(j->conninfo);
	free_secret(j->target_password);
	free_strings(j->key, j->nkey);
	free_strings(j->partition, j->npartition);
	free_strings(j->include, j->ninclude);
	free_strings(j->exclude, j->nexclude);
	for (size_t at = 0; at < j->ncolumns; at++)
		job_column_clear(&j->columns[at]);
	free(j->columns);
	memset(j, 0, sizeof *j);
}

const char *
job_timezone(const struct job *j, const char *column)
{
	for (size_t at = 0; at < j->ncolumns; at++)
		if (j->columns[at].timezone != NULL &&
		    strcmp(j->columns[at].name, column) == 0)
			return j->columns[at].timezone;
	return j->timezone;
}

void
result_clear(struct result *r)
{
	free(r->window_low);
	free(r->window_high);
	free(r->position);
	memset(r, 0, sizeof *r);
}

const char *
run_state_name(enum run_state state)
{
	switch (state) {
	case RUN_RUNNING:
		return "running";
	case RUN_SUCCESS:
		return "success";
	case RUN_FAILED:
		return "failed";
	case RUN_SKIPPED:
		return "skipped";
	case RUN_CANCELLED:
		return "cancelled";
	case RUN_TIMED_OUT:
		return "timed_out";
	}
	return "unknown";
}

const char *
phase_name(enum phase phase)
{
	switch (phase) {
	case PHASE_START:
		return "starting";
	case PHASE_LOCK:
		return "locking";
	case PHASE_RECONCILE:
		return "reconciling";
	case PHASE_COUNT:
		return "counting";
	case PHASE_READ:
		return "reading";
	case PHASE_WRITE:
		return "writing";
	case PHASE_COMMIT:
		return "committing";
	case PHASE_ADVANCE:
		return "advancing";
	case PHASE_VERIFY:
		return "verifying";
	case PHASE_DONE:
		return "done";
	case PHASE_N:
		break;
	}
	return "unknown";
}
