/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOB_VERIFY of a table that goes to ClickHouse: the newest version of every
 * key on both sides, by month of its timestamp: how many, the first and the
 * last timestamp, and the sum of the rows' numbers (native_digest.h).
 *
 * Compared are the rows up to the newest of the target. What is newer at the
 * source waits for the next run; a version that it replaced there is gone from
 * the source and still in the target, which is said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/stop.h"
#include "worker/sync_own.h"
#include "worker/waiting.h"
#include "worker/window.h"

enum { MAX_MONTHS = 1 << 20 };
static const int64_t no_day = INT64_MIN;

struct side {
	uint64_t rows, sum;
	int64_t min, max;
};
enum { SOURCE, TARGET };
struct month {
	int64_t month; /* since January of the year 0 */
	struct side side[2];
};

struct verification {
	struct sync s;
	int scale;            /* of the source's timestamps */
	bool has_start;       /* `start:` is given: */
	int64_t start_ticks;  /* older rows are not calve's */
	struct month *months; /* ascending */
	size_t n, cap;
	int64_t day;      /* on which the last row fell */
	size_t day_month; /* and the place of its month */
	uint64_t newer;   /* rows of the source */
};

/* ---- months --------------------------------------------------------------- */

static int64_t
month_of(int64_t day)
{
	time_t t = (time_t)(day * 86400);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		return 0;
	return ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon;
}

/* The place of a month, made where it is missing; there are few. */
static size_t
find_month(struct verification *v, int64_t month)
{
	size_t at = v->n;

	while (at > 0 && v->months[at - 1].month > month)
		at--;
	if (at > 0 && v->months[at - 1].month == month)
		return at - 1;
	if (v->n == v->cap) {
		v->cap = v->cap * 2 + 64;
		v->months =
		    xreallocarray(v->months, v->cap, sizeof(*v->months));
	}
	memmove(&v->months[at + 1], &v->months[at],
	    (v->n - at) * sizeof(*v->months));
	v->months[at] = (struct month){ .month = month };
	v->n++;
	return at;
}

static void
add(struct side *to, int64_t ticks, uint64_t number)
{
	if (to->rows == 0 || ticks < to->min)
		to->min = ticks;
	if (to->rows == 0 || ticks > to->max)
		to->max = ticks;
	to->rows++;
	to->sum += number;
}

static int
tally(struct verification *v, int side, const struct replica_digest *d,
    struct err *err)
{
	for (size_t k = 0; k < d->n; k++) {
		int64_t ticks = d->timestamps[k], day = no_day;

		if (v->has_start && ticks < v->start_ticks)
			continue;
		ticks_rescale(ticks, v->scale, SCALE_DAYS, &day);
		if (day != v->day) {
			v->day_month = find_month(v, month_of(day));
			v->day = day;
		}
		if (v->n > MAX_MONTHS)
			return err_set(err, ERR_DATA,
			    "timestamps fall in more than %d months; check "
			    "the timestamp column",
			    MAX_MONTHS);
		add(&v->months[v->day_month].side[side], ticks, d->rows[k]);
	}
	return stop_check(err);
}

/* ---- the two sides -------------------------------------------------------- */

/* From `start:` on, to and with the newest of the target. */
static int
make_window(struct verification *v, const struct position *newest,
    struct window *w, struct err *err)
{
	const struct position none = { .set = false };
	int scale = v->s.described.timestamp_scale;

	if (window_of_run(&none, v->s.job->start, 0, 0, scale, w, err) == -1)
		return -1;
	v->scale = scale;
	v->has_start = w->has_start;
	v->start_ticks = w->start_ticks;
	if (!ticks_rescale(
		newest->ticks, newest->scale, scale, &w->high_ticks) ||
	    __builtin_add_overflow(w->high_ticks, 1, &w->high_ticks))
		return err_set(err, ERR_TABLE,
		    "the newest timestamp of the target is beyond what the "
		    "source's column can hold; mend that row");
	return 0;
}

static int
read_source(struct verification *v, const struct window *w, struct err *err)
{
	struct source *source = v->s.source;
	char snapshot[SOURCE_SNAPSHOT_TEXT];
	struct window newer = { .has_start = true,
		.start_ticks = w->high_ticks,
		.high_ticks = INT64_MAX };
	struct source_count count;
	struct replica_digest digest;
	const struct batch *batch;
	int rc;

	if (source_freeze(source, w, snapshot, err) == -1 ||
	    source_count(source, &newer, &count, err) == -1)
		return -1;
	v->newer = count.rows;
	if (source_begin(source, w, v->s.job->run_id, err) == -1)
		return -1;
	while ((rc = source_next(source, &batch, err)) == 1) {
		replica_digest_batch(v->s.target, batch, &digest);
		if (tally(v, SOURCE, &digest, err) == -1)
			return -1;
	}
	source_end(source);
	return rc;
}

static int
read_target(struct verification *v, struct err *err)
{
	struct replica_digest digest;
	int rc;

	if (replica_read_begin(v->s.target, err) == -1)
		return -1;
	while ((rc = replica_read_next(v->s.target, &digest, err)) == 1)
		if (tally(v, TARGET, &digest, err) == -1)
			return -1;
	replica_read_end(v->s.target);
	return rc;
}

/* ---- words ---------------------------------------------------------------- */

/* Whether they are equal. */
static bool
tell(struct verification *v, const char *scope, const struct side side[2])
{
	char text[2][2][POSITION_TEXT], sum[2][17];
	const char *minmax[4] = { NULL }, *sums[2];
	bool equal = memcmp(&side[SOURCE], &side[TARGET], sizeof(*side)) == 0;

	for (int k = 0; k < 2; k++) {
		struct position p = { .set = true, .scale = v->scale };

		snprintf(sum[k], sizeof(sum[k]), "%016" PRIx64, side[k].sum);
		sums[k] = sum[k];
		if (side[k].rows == 0)
			continue;
		p.ticks = side[k].min;
		position_format_timestamp(&p, text[k][0]);
		p.ticks = side[k].max;
		position_format_timestamp(&p, text[k][1]);
		minmax[2 * k] = text[k][0];
		minmax[2 * k + 1] = text[k][1];
	}
	if (!equal)
		v->s.res->different++;
	report_tally(
	    scope, side[SOURCE].rows, side[TARGET].rows, minmax, sums, equal);
	return equal;
}

static void
join(struct side *all, const struct side *part)
{
	if (part->rows == 0)
		return;
	if (all->rows == 0 || part->min < all->min)
		all->min = part->min;
	if (all->rows == 0 || part->max > all->max)
		all->max = part->max;
	all->rows += part->rows;
	all->sum += part->sum;
}

static void
tell_why(const struct verification *v, bool equal)
{
	char text[512];

	if (v->newer > 0) {
		snprintf(text, sizeof(text),
		    "%" PRIu64 " of the source's rows are newer than the "
		    "newest of the target and are not compared%s",
		    v->newer,
		    equal ? ""
			  : "; the versions that they replaced may be the "
			    "difference: run 'calve run', then verify again");
		report_note(false, text);
	}
	if (equal || v->newer > 0)
		return;
	snprintf(text, sizeof(text),
	    "rows that differ were deleted at the source, changed there "
	    "without a newer '%s', or committed later than lookback allows; "
	    "to send all rows from a time on again, run 'calve watermark set "
	    "%s TIME', then 'calve run'",
	    v->s.job->timestamp, v->s.job->name);
	report_note(true, text);
}

static void
tell_all(struct verification *v)
{
	struct side all[2] = { 0 };
	bool equal = true;

	for (size_t k = 0; k < v->n; k++) {
		const struct month *m = &v->months[k];
		char scope[32];

		snprintf(scope, sizeof(scope), "%04" PRId64 "-%02" PRId64,
		    m->month / 12, m->month % 12 + 1);
		equal = tell(v, scope, m->side) && equal;
		join(&all[SOURCE], &m->side[SOURCE]);
		join(&all[TARGET], &m->side[TARGET]);
	}
	equal = tell(v, "all", all) && equal;
	v->s.res->rows = all[TARGET].rows;
	if (!equal)
		sync_tell_parted(&v->s);
	tell_why(v, equal);
}

int
sync_verify(const struct job *job, struct result *res, struct err *err)
{
	struct verification v = { .s = { .job = job, .res = res },
		.day = no_day };
	struct position newest;
	struct window window;
	int rc = -1;

	report_phase(job, PHASE_RECONCILE);
	if (sync_open_source(&v.s, err) == 0 &&
	    sync_open_target(&v.s, err) == 0)
		rc = replica_newest(v.s.target, &newest, err);
	if (rc == 0 && !newest.set)
		rc = err_set(err, ERR_TABLE,
		    "target table '%s.%s' is empty; fill it with 'calve run' "
		    "first",
		    job->namespace_, job->target_table);
	if (rc == 0)
		rc = make_window(&v, &newest, &window, err);
	report_phase(job, PHASE_VERIFY);
	if (rc == 0)
		rc = waiting_look(
		    job, v.s.source, v.s.described.timestamp_scale, err);
	if (rc == 0)
		rc = sync_look_columns(&v.s, err);
	if (rc == 0)
		rc = read_source(&v, &window, err);
	if (rc == 0)
		rc = read_target(&v, err);
	if (rc == 0)
		tell_all(&v);
	free(v.months);
	sync_end(&v.s);
	return rc;
}
