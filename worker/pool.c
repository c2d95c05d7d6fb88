/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items are claimed by counting one number up; the lock is taken once a round
 * by each thread, and once more by one that fails.
 *
 *   round      pool_run() sets it up and wakes all; a thread that finds
 *              items left joins (busy + 1), claims till none are, and leaves
 *   its end    no item is left and busy is 0. Threads that wake later do not
 *              join, so that between rounds nobody looks at what they share
 */
#include "worker/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/xalloc.h"

/* Address space counts against RLIMIT_AS; zstd needs little. */
enum { STACK_BYTES = 512 << 10 };

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t begun, ended;
	pthread_t *threads;
	unsigned nthreads; /* without the caller */
	uint64_t round;    /* number of the current one */
	unsigned busy;     /* threads in it */
	bool leaving;

	/* the round: written under the lock before any thread joins */
	pool_work *work;
	void *arg;
	size_t n;
	atomic_size_t next; /* item to claim; beyond n: none */

	size_t failed; /* lowest item that did, n: none */
	struct err err;
};

static void
note_failure(struct pool *p, size_t item, const struct err *err)
{
	pthread_mutex_lock(&p->lock);
	if (item < p->failed) {
		p->failed = item;
		p->err = *err;
	}
	pthread_mutex_unlock(&p->lock);
	/* lower items have been claimed already: they still end */
	atomic_store(&p->next, p->n);
}

static void
claim_items(struct pool *p)
{
	struct err err;
	size_t item;

	while ((item = atomic_fetch_add(&p->next, 1)) < p->n) {
		err_clear(&err);
		if (p->work(p->arg, item, &err) == -1) {
			note_failure(p, item, &err);
			return;
		}
	}
}

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	uint64_t seen = 0;

	pthread_mutex_lock(&p->lock);
	while (!p->leaving) {
		if (p->round == seen) {
			pthread_cond_wait(&p->begun, &p->lock);
			continue;
		}
		seen = p->round;
		if (atomic_load(&p->next) >= p->n)
			continue; /* woken too late */
		p->busy++;
		pthread_mutex_unlock(&p->lock);
		claim_items(p);
		pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			pthread_cond_signal(&p->ended);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

bool
pool_thread(pthread_t *thread, void *(*body)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	sigdelset(&all, SIGXFSZ); /* whoever writes gets it */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, &attr, body, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc == 0;
}

struct pool *
pool_new(unsigned threads)
{
	struct pool *p = xcalloc(1, sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->begun, NULL);
	pthread_cond_init(&p->ended, NULL);
	p->threads = xcalloc(threads + 1, sizeof *p->threads);
	while (p->nthreads + 1 < threads &&
	    pool_thread(&p->threads[p->nthreads], thread_main, p))
		p->nthreads++;
	return p;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->leaving = true;
	pthread_cond_broadcast(&p->begun);
	pthread_mutex_unlock(&p->lock);
	for (unsigned k = 0; k < p->nthreads; k++)
		pthread_join(p->threads[k], NULL);
	pthread_cond_destroy(&p->ended);
	pthread_cond_destroy(&p->begun);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

int
pool_run(struct pool *p, pool_work *work, void *arg, size_t n, struct err *err)
{
	if (p == NULL || p->nthreads == 0 || n < 2) {
		for (size_t item = 0; item < n; item++)
			if (work(arg, item, err) == -1)
				return -1;
		return 0;
	}
	pthread_mutex_lock(&p->lock);
	p->work = work;
	p->arg = arg;
	p->n = p->failed = n;
	atomic_store(&p->next, 0);
	p->round++;
	pthread_cond_broadcast(&p->begun);
	pthread_mutex_unlock(&p->lock);
	claim_items(p);
	pthread_mutex_lock(&p->lock);
	while (p->busy > 0)
		pthread_cond_wait(&p->ended, &p->lock);
	pthread_mutex_unlock(&p->lock);
	if (p->failed == n)
		return 0;
	*err = p->err;
	return -1;
}
