/* SPDX-License-Identifier: Apache-2.0 */
/* See collect.h. */
#include "worker/collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/iceberg/doomed.h"
#include "worker/report.h"
#include "worker/store/store.h"

struct search {
	const struct dead_runs *runs;
	struct doomed_set found;
};

static int
take(void *arg, const char *path)
{
	struct search *s = arg;
	const char *name = strrchr(path, '/');

	for (size_t k = 0; k < s->runs->n; k++)
		if (strstr(name != NULL ? name : path, s->runs->ids[k]) != NULL)
			doomed_add(&s->found, path);
	return 0;
}

static int
walk(const struct table *t, const char *folder, struct search *s,
    struct err *err)
{
	char *path = xasprintf("%s/%s", t->folder, folder);
	int rc = store_walk(path, take, s, err);

	free(path);
	return rc;
}

static void
tell(const struct doomed_sum *sum, size_t runs)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "%" PRIu64 " files of %" PRIu64 " bytes removed, which %zu runs "
	    "that failed had left and no snapshot has",
	    sum->files, sum->bytes, runs);
	report_note(false, text);
}

static int
remove_of(const struct job *job, const struct dead_runs *runs, struct err *err)
{
	struct search s = { .runs = runs };
	struct doomed_sum sum = { 0, 0 };
	struct table *now = NULL;
	int rc = table_load(
	    job->warehouse, job->namespace_, job->target_table, &now, err);

	if (rc == 0)
		rc = err_set(err, ERR_TABLE, "the table is gone");
	if (rc == 1)
		rc = walk(now, "data", &s, err);
	if (rc == 0)
		rc = walk(now, "metadata", &s, err);
	doomed_sort(&s.found);
	if (rc == 0 && s.found.n > 0)
		rc = doomed_spare_reached(&s.found, now, 0, err);
	if (rc == 0) {
		FAULT_POINT("collect.remove");
		sum = doomed_remove(&s.found, NULL);
	}
	if (sum.files > 0)
		tell(&sum, runs->n);
	doomed_clear(&s.found);
	table_free(now);
	return rc;
}

int
collect_dead(struct run *run, struct err *err)
{
	struct dead_runs runs;
	struct err why = { 0 };
	char text[ERR_TEXT_MAX + 100];
	int rc = watermark_dead_runs(&run->mark, &runs, err);

	if (rc == 0 && runs.n > 0) {
		if (remove_of(run->job, &runs, &why) == 0) {
			rc = watermark_collected(&run->mark, &runs, err);
		} else {
			snprintf(text, sizeof(text),
			    "files that runs which failed have left stay for "
			    "now: %s",
			    why.text);
			report_note(true, text);
		}
	}
	dead_runs_clear(&runs);
	return rc;
}
