/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/aside.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "worker/pool.h"

struct aside {
	pthread_mutex_t lock;
	pthread_cond_t begun, ended;
	pthread_t thread;
	bool has_thread, leaving;

	aside_work *work; /* going on, or to begin; NULL: none */
	void *arg;
	int rc; /* of the last */
	struct err err;
};

static void *
thread_main(void *arg)
{
	struct aside *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		if (a->work != NULL) {
			pthread_mutex_unlock(&a->lock);
			a->rc = a->work(a->arg, &a->err);
			pthread_mutex_lock(&a->lock);
			a->work = NULL;
			pthread_cond_signal(&a->ended);
		} else if (a->leaving) {
			break;
		} else {
			pthread_cond_wait(&a->begun, &a->lock);
		}
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct aside *
aside_new(bool thread)
{
	struct aside *a = xcalloc(1, sizeof *a);

	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->begun, NULL);
	pthread_cond_init(&a->ended, NULL);
	a->has_thread = thread && pool_thread(&a->thread, thread_main, a);
	return a;
}

void
aside_free(struct aside *a)
{
	pthread_mutex_lock(&a->lock);
	a->leaving = true;
	pthread_cond_signal(&a->begun);
	pthread_mutex_unlock(&a->lock);
	if (a->has_thread)
		pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->ended);
	pthread_cond_destroy(&a->begun);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void
aside_begin(struct aside *a, aside_work *work, void *arg)
{
	err_clear(&a->err);
	if (!a->has_thread) {
		a->rc = work(arg, &a->err);
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->work = work;
	a->arg = arg;
	pthread_cond_signal(&a->begun);
	pthread_mutex_unlock(&a->lock);
}

int
aside_wait(struct aside *a, struct err *err)
{
	int rc;

	pthread_mutex_lock(&a->lock);
	while (a->work != NULL)
		pthread_cond_wait(&a->ended, &a->lock);
	rc = a->rc;
	a->rc = 0;
	pthread_mutex_unlock(&a->lock);
	if (rc == -1)
		*err = a->err;
	return rc;
}
