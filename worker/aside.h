/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct aside: a thread that does one piece of work while its owner does
 * another: rows are encoded aside while the next ones are received.
 *
 *   aside_wait, aside_begin, (something else), aside_wait, aside_begin ...
 *
 * What the work reads and writes must be left alone until aside_wait().
 */
#ifndef CALVE_ASIDE_H
#define CALVE_ASIDE_H

#include <stdbool.h>

#include "common/err.h"

struct aside;

typedef int aside_work(void *arg, struct err *); /* 0 or -1 */

/* Without a thread, or where the system refuses one, aside_begin() does the
 * work itself, and all else is the same. */
struct aside *aside_new(bool thread);
/* Waits; what the last work came to and nobody has asked is forgotten. */
void aside_free(struct aside *);

/* Nothing may be going on: aside_wait() comes before, but for the first. */
void aside_begin(struct aside *, aside_work *, void *arg);
/* What the work that began last came to, once; 0 when there is none. */
int aside_wait(struct aside *, struct err *) MUST_USE;

#endif
