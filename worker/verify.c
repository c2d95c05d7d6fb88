/* SPDX-License-Identifier: Apache-2.0 */
/* JOB_VERIFY: tallies of both sides by day, side by side. */
#include "worker/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/position.h"
#include "common/xalloc.h"
#include "worker/parquet/reader.h"
#include "worker/report.h"
#include "worker/source/source.h"
#include "worker/stop.h"
#include "worker/target.h"
#include "worker/waiting.h"
#include "worker/window.h"

enum { SCALE_US = 6, MAX_DAYS = 4000000 };

struct tally {
	uint64_t rows;
	int64_t min, max;
};
struct day {
	int64_t day;
	struct tally source, target;
};

struct verification {
	const struct job *job;
	struct result *res;
	int source_scale;
	int scale;        /* of the target's values: SCALE_US or days */
	struct day *days; /* ascending */
	size_t ndays, cap;
	size_t at; /* where the last value fell */
	bool has_oldest;
	int64_t oldest;   /* the source's oldest row */
	uint64_t expired; /* rows of the target older than that */
	bool has_from;
	int64_t from;    /* the source's rows after this are calve's */
	uint64_t before; /* rows of the target up to there */
	uint64_t null_rows;
	int64_t lag_us; /* of the source, at most */
	int field_id;
	struct err *err;
};

static void
tally_add(struct tally *t, uint64_t rows, int64_t min, int64_t max)
{
	if (t->rows == 0 || min < t->min)
		t->min = min;
	if (t->rows == 0 || max > t->max)
		t->max = max;
	t->rows += rows;
}

/* The entry of a day, made where it is missing; NULL past MAX_DAYS. */
static struct day *
find_day(struct verification *v, int64_t day)
{
	size_t low = 0, high = v->ndays, mid;

	if (v->at < v->ndays && v->days[v->at].day == day)
		return &v->days[v->at];
	while (low < high) {
		mid = (low + high) / 2;
		if (v->days[mid].day < day)
			low = mid + 1;
		else
			high = mid;
	}
	v->at = low;
	if (low < v->ndays && v->days[low].day == day)
		return &v->days[low];
	if (v->ndays == MAX_DAYS)
		return NULL;
	if (v->ndays == v->cap) {
		v->cap = v->cap * 2 + 64;
		v->days = xreallocarray(v->days, v->cap, sizeof *v->days);
	}
	memmove(&v->days[low + 1], &v->days[low],
	    (v->ndays - low) * sizeof *v->days);
	v->ndays++;
	v->days[low] = (struct day){ .day = day };
	return &v->days[low];
}

static int
too_many_days(struct verification *v)
{
	return err_set(v->err, ERR_DATA,
	    "timestamps fall on more than %d "
	    "days; check the timestamp column",
	    MAX_DAYS);
}

static int
on_source_day(void *arg, const struct source_day *d)
{
	struct verification *v = arg;
	struct day *day;
	int64_t min, max;

	if (!ticks_rescale(d->min_ticks, v->source_scale, v->scale, &min) ||
	    !ticks_rescale(d->max_ticks, v->source_scale, v->scale, &max))
		return err_set(v->err, ERR_DATA,
		    "a timestamp at the source is "
		    "beyond what Iceberg can hold");
	if ((day = find_day(v, d->day)) == NULL)
		return too_many_days(v);
	tally_add(&day->source, d->rows, min, max);
	if (!v->has_oldest || min < v->oldest)
		v->oldest = min;
	v->has_oldest = true;
	return 0;
}

static int64_t
day_of(const struct verification *v, int64_t value)
{
	const int64_t us_per_day = INT64_C(86400000000);

	if (v->scale == SCALE_DAYS)
		return value;
	return value / us_per_day - (value % us_per_day < 0);
}

static int
on_target_values(
    void *arg, const int64_t *values, const uint8_t *null, size_t n)
{
	struct verification *v = arg;
	struct day *day;

	if (stop_check(v->err) == -1)
		return -1;
	for (size_t k = 0; k < n; k++) {
		if (null != NULL && null[k]) {
			v->null_rows++;
			continue;
		}
		if (v->has_from && values[k] <= v->from) {
			v->before++;
			continue;
		}
		if (!v->has_oldest || values[k] < v->oldest) {
			v->expired++;
			continue;
		}
		if ((day = find_day(v, day_of(v, values[k]))) == NULL)
			return too_many_days(v);
		tally_add(&day->target, 1, values[k], values[k]);
	}
	return 0;
}

static int
on_file(void *arg, const struct datafile *file)
{
	struct verification *v = arg;

	return parquet_read_column(
	    file->path, v->field_id, on_target_values, v, v->err);
}

static void
tell(struct verification *v, const char *scope, const struct tally *s,
    const struct tally *t)
{
	char text[4][POSITION_TEXT];
	const int64_t ticks[4] = { s->min, s->max, t->min, t->max };
	const char *minmax[4];
	bool equal = s->rows == t->rows &&
	    (s->rows == 0 || (s->min == t->min && s->max == t->max));

	for (int k = 0; k < 4; k++) {
		struct position p = {
			.set = true, .scale = v->scale, .ticks = ticks[k]
		};

		minmax[k] = NULL;
		if ((k < 2 ? s : t)->rows > 0) {
			position_format_timestamp(&p, text[k]);
			minmax[k] = text[k];
		}
	}
	if (!equal)
		v->res->different++;
	report_tally(scope, s->rows, t->rows, minmax, NULL, equal);
}

static void
tell_lag(const struct verification *v)
{
	char text[256];

	if (v->lag_us == 0)
		return;
	snprintf(text, sizeof text,
	    "the source was asked at a replica that may lack the rows of up to "
	    "%" PRId64 " s: they may be among these; run it again when it has "
	    "caught up",
	    v->lag_us / 1000000);
	report_note(true, text);
}

/* Days on which one side has more than the other, in words. */
static void
tell_difference(const struct verification *v)
{
	static const char *const says[] = {
		"not in the target: they came later than settle allows, or "
		"were deleted there; raise settle, and append them with an "
		"engine that writes Iceberg",
		"not at the source: they were deleted there, or another "
		"writer appended them",
	};
	char text[512];

	for (int side = 0; side < 2; side++) {
		uint64_t rows = 0, days = 0;

		for (size_t k = 0; k < v->ndays; k++) {
			const struct day *d = &v->days[k];
			const struct tally *has =
			    side == 0 ? &d->source : &d->target;
			const struct tally *other =
			    side == 0 ? &d->target : &d->source;

			if (has->rows <= other->rows)
				continue;
			rows += has->rows - other->rows;
			days++;
		}
		if (rows == 0)
			continue;
		snprintf(text, sizeof text,
		    "%" PRIu64 " of the %s's rows, on %" PRIu64
		    " day%s, are %s",
		    rows, side == 0 ? "source" : "target", days,
		    days == 1 ? "" : "s", says[side]);
		report_note(true, text);
		if (side == 1)
			tell_lag(v);
	}
}

static void
tell_all(struct verification *v)
{
	struct tally source = { 0 }, target = { 0 };
	char scope[POSITION_TEXT], text[256];

	for (size_t k = 0; k < v->ndays; k++) {
		const struct day *d = &v->days[k];
		struct position p = {
			.set = true, .scale = SCALE_DAYS, .ticks = d->day
		};

		position_format_timestamp(&p, scope);
		tell(v, scope, &d->source, &d->target);
		if (d->source.rows > 0)
			tally_add(&source, d->source.rows, d->source.min,
			    d->source.max);
		if (d->target.rows > 0)
			tally_add(&target, d->target.rows, d->target.min,
			    d->target.max);
	}
	tell(v, "all", &source, &target);
	v->res->rows = target.rows;
	tell_difference(v);
	if (v->expired > 0) {
		snprintf(text, sizeof text,
		    "%" PRIu64 " rows of the target "
		    "are older than the oldest row left at the source; they "
		    "are not compared",
		    v->expired);
		report_note(false, text);
	}
	if (v->before > 0) {
		snprintf(text, sizeof text,
		    "%" PRIu64 " rows of the target are from before calve's "
		    "first offload; they are not compared",
		    v->before);
		report_note(false, text);
	}
	if (v->null_rows > 0) {
		snprintf(text, sizeof text,
		    "%" PRIu64 " rows of the target "
		    "have no timestamp; another writer put them there",
		    v->null_rows);
		report_note(true, text);
		v->res->different++;
	}
}

/* Up to where the table says it has been offloaded. */
static int
find_position(const struct target *t, struct position *upto, struct err *err)
{
	struct reconcile_facts f = { .name = t->job->name };

	if (t->table == NULL)
		return err_set(err, ERR_TABLE,
		    "target table '%s.%s' does not "
		    "exist yet; offload it with 'calve run' first",
		    t->job->namespace_, t->job->target_table);
	if (target_history(t, t->table, &f, err) == -1)
		return -1;
	*upto = f.ancestry.set ? f.ancestry : f.mirror;
	if (!upto->set)
		return err_set(err, ERR_TABLE,
		    "target table '%s.%s' has no "
		    "snapshot by calve of this source; offload it with 'calve "
		    "run' first",
		    t->job->namespace_, t->job->target_table);
	return 0;
}

static int
find_timestamp_field(
    struct verification *v, const struct table *table, struct err *err)
{
	int k = type_find_name(&table->schema, v->job->timestamp);
	enum type_kind kind;

	if (k == -1)
		return err_set(err, ERR_TABLE,
		    "target table has no column "
		    "'%s'",
		    v->job->timestamp);
	kind = table->schema.fields[k].type.kind;
	if (kind != TYPE_DATE && kind != TYPE_TIMESTAMPTZ &&
	    kind != TYPE_TIMESTAMP)
		return err_set(err, ERR_TYPE,
		    "column '%s' of the target is no "
		    "date or timestamp; calve verify cannot compare it by day",
		    v->job->timestamp);
	v->scale = kind == TYPE_DATE ? SCALE_DAYS : SCALE_US;
	v->field_id = table->schema.fields[k].id;
	return 0;
}

/*
 * What calve was to take: after the position that it began from, when it
 * adopted one, else from `start:` on. Only the timestamp counts, since the
 * target's side is read from that column alone.
 */
static int
find_beginning(struct verification *v, const struct target *target,
    struct window *from, struct err *err)
{
	struct position low;

	if (target_beginning(target, &low, err) == -1 ||
	    window_of_run(
		&low, v->job->start, 0, 0, v->source_scale, from, err) == -1)
		return -1;
	from->low.has_sequence = false;
	v->has_from = from->low.set &&
	    ticks_rescale(from->low.ticks, v->source_scale, v->scale, &v->from);
	return 0;
}

static int
compare(struct verification *v, struct source *source, struct target *target,
    const struct source_table *described, struct err *err)
{
	struct position upto, exact;
	struct window from;

	if (find_position(target, &exact, err) == -1 ||
	    find_timestamp_field(v, target->table, err) == -1)
		return -1;
	v->source_scale = described->timestamp_scale;
	if (window_low(&exact, v->source_scale, &upto, err) == -1 ||
	    find_beginning(v, target, &from, err) == -1)
		return -1;
	report_phase(v->job, PHASE_COUNT);
	if (source_lag(source, &v->lag_us, report_source_note, NULL, err) ==
		-1 ||
	    waiting_look(v->job, source, v->source_scale, err) == -1 ||
	    source_days(source, &from, &upto, on_source_day, v, err) == -1)
		return -1;
	report_phase(v->job, PHASE_VERIFY);
	if (table_each_file(target->table, on_file, v, err) == -1)
		return -1;
	tell_all(v);
	return 0;
}

int
verify(const struct job *job, struct result *res, struct err *err)
{
	struct verification v = { .job = job, .res = res, .err = err };
	struct source_table described = { .ncolumns = 0 };
	struct target target = { .job = NULL };
	struct source *source;
	int rc = -1;

	report_phase(job, PHASE_RECONCILE);
	if ((source = source_open(job, err)) == NULL)
		return -1;
	if (source_describe(source, &described, err) == 0 &&
	    target_open(&target, job, err) == 0)
		rc = compare(&v, source, &target, &described, err);
	free(v.days);
	target_close(&target);
	source_table_clear(&described);
	source_close(source);
	return rc;
}
