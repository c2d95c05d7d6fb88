/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads share one lock, held for moments: which range is next, which are
 * done, what has been moved. Only the thread that called slices_send() speaks
 * to the coordinator.
 */
#include "worker/slices.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/fault.h"
#include "common/id.h"
#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/sink/replica.h"
#include "worker/stop.h"

enum { TRIES = 4, STACK = 1 << 20, TURN_MS = 200, PAUSE_MS = 1000 };

struct slices {
	const struct slices_plan *plan;
	pthread_mutex_t lock;
	pthread_cond_t change; /* done, failed, running */
	size_t next;           /* range to be taken */
	size_t done;           /* ranges [0, done) are acknowledged */
	size_t running;        /* threads */
	bool failed;
	struct err err; /* of the first that failed */
	struct slices_done total;
	uint64_t underway; /* rows sent of ranges not done */
};

struct slice {
	struct slices *all;
	pthread_t thread;
	struct source *source;
	struct source_table described;
	struct type incoming;
	struct replica *replica;
	uint64_t received, sent, rows; /* as told to all */
	bool adrift; /* the snapshot is gone: no other try heals that */
};

/* ---- what the threads share ------------------------------------------------- */

static void
fail(struct slices *all, const struct err *err)
{
	pthread_mutex_lock(&all->lock);
	if (!all->failed)
		all->err = *err;
	all->failed = true;
	pthread_cond_broadcast(&all->change);
	pthread_mutex_unlock(&all->lock);
}

static bool
take_range(struct slices *all, size_t *range)
{
	bool some;

	pthread_mutex_lock(&all->lock);
	some = !all->failed && all->next < all->plan->nbounds;
	if (some)
		*range = all->next++;
	pthread_mutex_unlock(&all->lock);
	return some;
}

static int
cancelled(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "another slice failed");
}

/* S1. */
static int
wait_for_turn(struct slices *all, size_t range, struct err *err)
{
	bool failed;

	pthread_mutex_lock(&all->lock);
	while (!all->failed && all->done < range)
		pthread_cond_wait(&all->change, &all->lock);
	failed = all->failed;
	pthread_mutex_unlock(&all->lock);
	return failed ? cancelled(err) : 0;
}

static int
tell_progress(struct slice *s, struct err *err)
{
	struct slices *all = s->all;
	uint64_t received = source_bytes_received(s->source),
		 sent = replica_sent(s->replica), rows = source_rows(s->source);
	bool failed;

	pthread_mutex_lock(&all->lock);
	all->total.received += received - s->received;
	all->total.sent += sent - s->sent;
	all->underway += rows - s->rows;
	failed = all->failed;
	pthread_mutex_unlock(&all->lock);
	s->received = received;
	s->sent = sent;
	s->rows = rows;
	return failed ? cancelled(err) : 0;
}

/* What was sent of a range counts no more: it is done, or comes again. */
static void
end_range(struct slice *s, bool done)
{
	struct slices *all = s->all;
	struct position furthest;

	source_furthest(s->source, &furthest);
	pthread_mutex_lock(&all->lock);
	all->underway -= s->rows;
	if (done) {
		all->total.rows += source_rows(s->source);
		all->total.ranges += furthest.set;
		if (position_compare(&furthest, &all->total.furthest) > 0)
			all->total.furthest = furthest;
		all->done++;
	}
	pthread_cond_broadcast(&all->change);
	pthread_mutex_unlock(&all->lock);
	s->rows = 0;
}

/* Gives server and network a moment, but not where another slice failed. */
static int
pause_before(struct slices *all, unsigned attempt, struct err *err)
{
	struct timespec until;
	bool failed;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)attempt * PAUSE_MS / 1000;
	pthread_mutex_lock(&all->lock);
	while (!all->failed &&
	    pthread_cond_timedwait(&all->change, &all->lock, &until) == 0)
		;
	failed = all->failed;
	pthread_mutex_unlock(&all->lock);
	return failed ? cancelled(err) : 0;
}

/* ---- one slice -------------------------------------------------------------- */

static void
slice_close(struct slice *s)
{
	source_close(s->source);
	source_table_clear(&s->described);
	replica_close(s->replica);
	type_clear(&s->incoming);
	s->source = NULL;
	s->replica = NULL;
	s->received = s->sent = 0;
}

static void
no_note(void *arg, bool warning, const char *text)
{
	(void)arg;
	(void)warning;
	(void)text;
}

static int
slice_open(struct slice *s, struct err *err)
{
	const struct slices_plan *plan = s->all->plan;
	int there;

	if ((s->source = source_open(plan->job, err)) == NULL ||
	    source_describe(s->source, &s->described, err) == -1 ||
	    source_resolve(s->source, NULL, no_note, NULL, &s->incoming, err) ==
		-1)
		return -1;
	s->adrift =
	    source_join(s->source, plan->window, plan->snapshot, err) == -1;
	if (s->adrift || (s->replica = replica_open(plan->job, err)) == NULL ||
	    (there = replica_describe(s->replica, err)) == -1)
		return -1;
	if (there == 0)
		return err_set(err, ERR_TABLE,
		    "the target '%s.%s' is gone; 'calve init' makes it",
		    plan->job->namespace_, plan->job->target_table);
	return replica_fit(s->replica, &s->incoming, err);
}

/*
 * S2. An insert of several blocks is remembered block by block, and nobody
 * promises the same blocks again: such a range gets another token, its rows
 * replace themselves.
 */
static void
token_of(const struct job *job, size_t range, unsigned variant, char out[96])
{
	snprintf(
	    out, 96, "%s-%u-%zu-%u", job->run_id, job->attempt, range, variant);
}

/* S3. */
static int
held(const struct slice *s, struct err *err)
{
	return s->all->plan->held(s->all->plan->arg, err);
}

static int
pump(struct slice *s, const char *token, struct err *err)
{
	const struct batch *batch;
	bool begun = false;
	int got;

	while ((got = source_next(s->source, &batch, err)) == 1) {
		if (!begun &&
		    (held(s, err) == -1 ||
			replica_begin(s->replica, token, err) == -1))
			return -1;
		begun = true;
		if (replica_append(s->replica, batch, err) == -1 ||
		    tell_progress(s, err) == -1)
			return -1;
	}
	if (got == 0 && begun &&
	    (replica_flush(s->replica, err) == -1 ||
		tell_progress(s, err) == -1))
		return -1;
	return got == 0 ? begun : -1;
}

static int
try_range(struct slice *s, size_t range, unsigned variant, struct err *err)
{
	const struct slices_plan *plan = s->all->plan;
	struct window w = *plan->window;
	char token[96], query_id[UUID_TEXT];
	int begun;

	w.high_ticks = plan->bounds[range];
	if (range > 0) {
		w.has_start = true;
		w.start_ticks = plan->bounds[range - 1];
	}
	uuid_random(query_id);
	token_of(plan->job, range, variant, token);
	if (source_begin(s->source, &w, query_id, err) == -1 ||
	    (begun = pump(s, token, err)) == -1)
		return -1;
	FAULT_POINT("sync.range.sent");
	if (wait_for_turn(s->all, range, err) == -1 ||
	    (begun &&
		(held(s, err) == -1 || replica_finish(s->replica, err) == -1)))
		return -1;
	FAULT_POINT("sync.range.acknowledged");
	end_range(s, true);
	return 0;
}

static int
send_range(struct slice *s, size_t range, struct err *err)
{
	unsigned variant = 0;

	for (unsigned attempt = 1;; attempt++) {
		struct err again = { 0 };

		if ((s->source != NULL || slice_open(s, err) == 0) &&
		    try_range(s, range, variant, err) == 0)
			return 0;
		if (s->replica != NULL && !replica_is_one_block(s->replica))
			variant = attempt;
		if (s->source != NULL)
			end_range(s, false);
		slice_close(s);
		if (s->adrift || attempt == TRIES ||
		    !err_is_retryable(err->cls))
			return -1;
		if (pause_before(s->all, attempt, &again) == -1)
			return -1;
		err_clear(err);
	}
}

static void *
slice_main(void *arg)
{
	struct slice *s = arg;
	struct err err = { 0 };
	size_t range;

	while (take_range(s->all, &range))
		if (send_range(s, range, &err) == -1) {
			fail(s->all, &err);
			break;
		}
	slice_close(s);
	pthread_mutex_lock(&s->all->lock);
	s->all->running--;
	pthread_cond_broadcast(&s->all->change);
	pthread_mutex_unlock(&s->all->lock);
	return NULL;
}

/* ---- all of them ------------------------------------------------------------- */

/* The last ranges are the caller's to record. */
static int
record(struct slices *all, const struct slices_done *seen, uint32_t *recorded,
    struct err *err)
{
	if (seen->ranges == *recorded)
		return 0;
	*recorded = seen->ranges;
	return all->plan->record(all->plan->arg, seen, err);
}

/* Reports what moves, until all threads have ended. */
static void
watch(struct slices *all)
{
	const struct result none = { .rows = 0 };
	struct slices_done seen;
	struct timespec until;
	struct err err = { 0 };
	uint64_t underway;
	uint32_t recorded = 0;
	size_t running;

	do {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TURN_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&all->lock);
		if (all->running > 0)
			pthread_cond_timedwait(
			    &all->change, &all->lock, &until);
		running = all->running;
		seen = all->total;
		underway = all->underway;
		pthread_mutex_unlock(&all->lock);
		report_progress(seen.rows + underway, all->plan->expected,
		    &none, seen.received, seen.sent, seen.ranges);
		if (running > 0 &&
		    (stop_check(&err) == -1 ||
			record(all, &seen, &recorded, &err) == -1))
			fail(all, &err);
	} while (running > 0);
}

static void
start(struct slices *all, struct slice *slices, size_t n)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (size_t k = 0; k < n; k++) {
		struct err err = { 0 };

		slices[k].all = all;
		pthread_mutex_lock(&all->lock);
		all->running++;
		pthread_mutex_unlock(&all->lock);
		if (pthread_create(
			&slices[k].thread, &attr, slice_main, &slices[k]) == 0)
			continue;
		slices[k].all = NULL;
		err_set(&err, ERR_LIMIT,
		    "no more threads can be made; lower slices");
		fail(all, &err);
		pthread_mutex_lock(&all->lock);
		all->running--;
		pthread_mutex_unlock(&all->lock);
	}
	pthread_attr_destroy(&attr);
}

int
slices_send(
    const struct slices_plan *plan, struct slices_done *out, struct err *err)
{
	size_t n = plan->job->slices > 0 ? plan->job->slices : 1;
	struct slices all = { .plan = plan,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.change = PTHREAD_COND_INITIALIZER };
	struct slice *slices;

	if (n > plan->nbounds)
		n = plan->nbounds;
	slices = xcalloc(n, sizeof(*slices));
	start(&all, slices, n);
	watch(&all);
	for (size_t k = 0; k < n; k++)
		if (slices[k].all != NULL)
			pthread_join(slices[k].thread, NULL);
	free(slices);
	*out = all.total;
	if (all.failed)
		*err = all.err;
	assert(all.failed || all.done == plan->nbounds);
	return all.failed ? -1 : 0;
}
