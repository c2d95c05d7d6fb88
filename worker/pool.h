/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct pool: threads that work off numbered items together with whoever
 * calls them. Nothing else in the worker makes threads but aside.c, keeper.c
 * and slices.c.
 *
 * pool_run() returns when every item that was begun has ended, so that what
 * the items wrote may be read without a lock, and threads sleep in between.
 * Which thread does which item is left to chance: an item must depend on its
 * number alone, and then the outcome is the same for any number of threads.
 */
#ifndef CALVE_POOL_H
#define CALVE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct pool;

/* One item; 0 or -1. May not call pool_run() of the same pool. */
typedef int pool_work(void *arg, size_t item, struct err *);

/* threads counts the caller's; of fewer than two no thread is made. Fewer
 * threads than asked for are no error: the system may refuse some. */
struct pool *pool_new(unsigned threads);
void pool_free(struct pool *); /* NULL is fine */

/* Items 0 .. n - 1, begun in that order. After a failure no item is begun any
 * more; the error is that of the lowest one that failed, as it would be
 * without threads. A NULL pool has none. */
int pool_run(
    struct pool *, pool_work *, void *arg, size_t n, struct err *) MUST_USE;

/* For aside.c and keeper.c: a thread with a small stack, which no signal interrupts: they
 * are for the process's first, which looks at their flags. */
bool pool_thread(pthread_t *, void *(*body)(void *), void *arg);

#endif
