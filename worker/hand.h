/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOB_WATERMARK: `calve watermark set` and `reset`. The target is asked what
 * the change would do, under the lock of a run, and rows that would be twice
 * or never are a reason to refuse (reconcile.h).
 */
#ifndef CALVE_HAND_H
#define CALVE_HAND_H

#include "common/err.h"
#include "common/job.h"

/* result's position: where the next run begins, NULL: with all there is. */
int hand_offload(const struct job *, struct result *, struct err *) MUST_USE;

#endif
