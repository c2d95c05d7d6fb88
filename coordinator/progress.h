/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on while workers run: log lines for starts, retries and ends, a
 * live line on a terminal, or one JSON object an event.
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
