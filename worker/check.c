/* SPDX-License-Identifier: Apache-2.0 */
/* JOB_CHECK: what an offload would do to types and tables, without doing it. */
#include "worker/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "worker/readers.h"
#include "worker/report.h"
#include "worker/source/source.h"
#include "worker/target.h"
#include "worker/waiting.h"

static const char *
source_type(const struct source_table *described, const char *name)
{
	for (size_t k = 0; k < described->ncolumns; k++)
		if (strcmp(described->columns[k].name, name) == 0)
			return described->columns[k].type;
	return NULL;
}

static void
tell_columns(const struct target *t, const struct source_table *described)
{
	struct buf text;

	buf_init(&text, 1 << 16);
	for (size_t k = 0; k < t->schema.nfields; k++) {
		const struct field *f = &t->schema.fields[k];
		const char *from = source_type(described, f->name);

		buf_reset(&text);
		type_format(&f->type, &text);
		report_column(f->name, from, buf_cstr(&text),
		    from == NULL      ? "not at the source: NULL"
			: f->required ? "required"
				      : NULL);
	}
	buf_clear(&text);
}

/* Days are local time: whoever has said where loses no time by waiting. */
static void
tell_days(const struct job *job, const struct source_table *described)
{
	char text[512];

	if (described->timestamp_scale != SCALE_DAYS ||
	    job_timezone(job, job->timestamp) != NULL)
		return;
	snprintf(text, sizeof text,
	    "'%.200s' holds days, and no timezone: says where they begin: a "
	    "day is taken when it is over everywhere, 12 hours and settle "
	    "after its end in UTC; set timezone: to the zone in which the "
	    "loaders write them to have it sooner",
	    job->timestamp);
	report_note(false, text);
}

static int
tell_lag(struct source *source, struct err *err)
{
	char text[256];
	int64_t lag_us;

	if (source_lag(source, &lag_us, report_source_note, NULL, err) == -1)
		return -1;
	if (lag_us == 0)
		return 0;
	snprintf(text, sizeof text,
	    "the replica that is read may lack the rows of up to %" PRId64
	    " s: windows end so much earlier",
	    lag_us / 1000000);
	report_note(false, text);
	return 0;
}

int
check(const struct job *job, struct err *err)
{
	struct source_table described = { .ncolumns = 0 };
	struct target target = { .job = NULL };
	struct source *source;
	int rc = -1;

	report_phase(job, PHASE_RECONCILE);
	if ((source = source_open(job, err)) == NULL)
		return -1;
	if (source_describe(source, &described, err) == 0 &&
	    target_open(&target, job, err) == 0 &&
	    target_plan(&target, source, report_source_note, err) == 0) {
		tell_columns(&target, &described);
		report_note(false,
		    target.table != NULL
			? "the target table exists"
			: "the target table will be "
			  "created by the first run that has rows");
		/* of changes the plan has warned already */
		if (target.table != NULL && !target.schema_changed)
			readers_warn(&target.table->spec, &target.schema,
			    target.table->sort_ids, target.table->nsort);
		if (!described.ordered)
			report_note(true,
			    "timestamp and sequence are no prefix "
			    "of the source's sorting key: windows are read "
			    "unordered, and every count scans the table");
		tell_days(job, &described);
		rc = tell_lag(source, err);
		if (rc == 0)
			rc = waiting_look(
			    job, source, described.timestamp_scale, err);
	}
	target_close(&target);
	source_table_clear(&described);
	source_close(source);
	return rc;
}
