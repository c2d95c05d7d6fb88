/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on while workers run. Log lines tell starts, retries and ends. On
 * a terminal a table of the running workers stands below them; elsewhere a
 * worker that takes long is told of now and then. Or, for machines, one JSON
 * object an event on standard output.
 */
#ifndef CALVE_PROGRESS_H
#define CALVE_PROGRESS_H

#include <stdbool.h>

#include "coordinator/supervise.h"

struct progress;

/* Fills hooks. The supervise must outlive it. */
struct progress *progress_new(
    const struct supervise *, bool json, struct supervise_hooks *hooks);
void progress_free(struct progress *);

#endif
