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

#endif
