/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of tables that go to ClickHouse: what sync.c makes of source, replica
 * and watermark. Each leaves *res as far as it got.
 */
#ifndef CALVE_SYNC_H
#define CALVE_SYNC_H

#include "common/err.h"
#include "common/job.h"

/* Makes target equal to source up to a bound. (sync(2) has the short name.) */
int sync_run(const struct job *, struct result *, struct err *) MUST_USE;
/* What that would take; locks and sends nothing. */
int sync_plan(const struct job *, struct result *, struct err *) MUST_USE;
/* Both sides next to each other, by month: one TALLY a month and one for
 * "all"; res->different counts those that differ. */
int sync_verify(const struct job *, struct result *res, struct err *) MUST_USE;
/* Whether it could, column by column. */
int sync_check(const struct job *, struct err *) MUST_USE;
/* The same, after making the target where it is missing. */
int sync_init(const struct job *, struct err *) MUST_USE;

/* JOB_WATERMARK: the watermark set or reset by hand. */
int sync_hand(const struct job *, struct result *, struct err *) MUST_USE;

#endif
