/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One offload run: lock, reconcile, count, read, write, commit, advance; see
 * man/calve.7. res holds what was committed, also when -1 is returned.
 */
#ifndef CALVE_OFFLOAD_H
#define CALVE_OFFLOAD_H

#include "common/err.h"
#include "common/job.h"

int offload(const struct job *, struct result *res, struct err *) MUST_USE;

/* JOB_PLAN: as far as the count, without the lock, and nothing is written.
 * res holds the window and its rows. Everything that would make an offload
 * fail by then makes this fail. */
int offload_plan(const struct job *, struct result *res, struct err *) MUST_USE;

#endif
