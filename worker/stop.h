/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signs on which a worker must stop before its commit: SIGTERM, the end
 * of its life line, and a report that could not be sent; the last two say that
 * the coordinator is gone. And a failure for which a thread is not waited, and a
 * lock that is lost. Whoever works or waits for long asks from time to time;
 * after the fence of a commit nobody asks any more.
 */
#ifndef CALVE_STOP_H
#define CALVE_STOP_H

#include "common/err.h"

/* Installs the handler of SIGTERM. */
void stop_init(void);
/* From now on the end of this pipe, from which nothing more is due, is a
 * sign. */
void stop_watch(int lifeline);
void stop_orphaned(void); /* a report could not be sent */
/* The job has failed: threads that still wait for something need not. */
void stop_failed(void);
/* The table's lock is lost, for this reason: nothing can be committed. */
void stop_lost(const struct err *);

/* -1 with ERR_CANCELLED when there was a sign, or why the lock is lost. Any thread may ask. */
int stop_check(struct err *) MUST_USE;

#endif
