/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/keeper.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "common/fault.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "worker/pool.h"
#include "worker/stop.h"

struct keeper {
	struct pg *pg;
	const char *name;
	pthread_mutex_t lock; /* of all this and of the connection */
	pthread_cond_t end;
	pthread_t thread;
	bool leaving, failed;
	struct err err;
};

unsigned
keeper_idle_ms(void)
{
	return (unsigned)FAULT_NUMBER("CALVE_LOCK_IDLE_MS", KEEPER_IDLE_MS);
}

/* What took the lock away counts more than what failed for want of it. */
static int
explain(const struct keeper *k, struct err *err)
{
	if (!pg_was_idle(k->pg))
		return -1;
	return err_set(err, ERR_CONFLICT,
	    "the lock of '%s' was given up: this worker had stood still for "
	    "more than %u s, stopped itself or with its host; the next run goes "
	    "on from what was committed",
	    k->name, keeper_idle_ms() / 1000);
}

static void
say_word(struct keeper *k)
{
	if (pg_ping(k->pg, false, &k->err) == 0)
		return;
	k->failed = true;
	(void)explain(k, &k->err);
	stop_lost(&k->err);
}

static struct timespec
next_word(void)
{
	const int64_t ns = keeper_idle_ms() / KEEPER_WORDS * INT64_C(1000000);
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)((at.tv_nsec + ns) / 1000000000);
	at.tv_nsec = (at.tv_nsec + ns) % 1000000000;
	return at;
}

/* 0: it is time for a word */
static int
await(struct keeper *k, const struct timespec *until)
{
	while (!k->leaving)
		if (pthread_cond_timedwait(&k->end, &k->lock, until) != 0)
			return k->leaving;
	return 1;
}

static void *
keeper_main(void *arg)
{
	struct keeper *k = arg;
	struct timespec until = next_word();

	pthread_mutex_lock(&k->lock);
	while (!k->failed && await(k, &until) == 0) {
		say_word(k);
		until = next_word();
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

struct keeper *
keeper_new(struct pg *pg, const char *name, struct err *err)
{
	struct keeper *k = xcalloc(1, sizeof *k);
	pthread_condattr_t monotonic;

	k->pg = pg;
	k->name = name;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&k->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pool_thread(&k->thread, keeper_main, k))
		return k;
	pthread_cond_destroy(&k->end);
	pthread_mutex_destroy(&k->lock);
	free(k);
	err_set(err, ERR_LIMIT,
	    "cannot make the thread that keeps the lock; raise 'limits: "
	    "memory', or the user's limit of processes");
	return NULL;
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->leaving = true;
	pthread_cond_signal(&k->end);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->end);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

int
keeper_take(struct keeper *k, struct err *err)
{
	if (k == NULL)
		return 0;
	pthread_mutex_lock(&k->lock);
	if (!k->failed)
		return 0;
	*err = k->err;
	return -1;
}

int
keeper_give(struct keeper *k, int rc, struct err *err)
{
	if (k == NULL)
		return rc;
	if (rc == -1)
		rc = explain(k, err);
	pthread_mutex_unlock(&k->lock);
	return rc;
}
