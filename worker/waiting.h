/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows ahead of the clock. No window holds a row before the source's clock has
 * passed its timestamp: for one of 2105, of `infinity`, of microseconds in a
 * column of milliseconds that is never. How many there are and the newest of
 * them is told by run, check and verify; by runs once per change.
 *
 * Assumed: a timestamp more than a day ahead is no matter of time zones (at
 * most 14 hours) and clocks. Rows that are nearer wait without a word.
 */
#ifndef CALVE_WAITING_H
#define CALVE_WAITING_H

#include "common/err.h"
#include "common/job.h"
#include "worker/source/source.h"
#include "worker/watermark.h"
#include "worker/window.h"

/* The note of a count that had asked for rows ahead. False: none wait. */
bool waiting_text(
    const struct job *, const struct source_count *, int scale, char text[512]);

/* Of a run, in the transaction that holds the lock: told when it differs from
 * what was told last, and kept as that once the transaction commits. */
int waiting_tell(struct watermark *, const struct job *,
    const struct source_count *, int scale, struct err *) MUST_USE;

/* Of a job that keeps nothing: told each time. */
void waiting_note(const struct job *, const struct source_count *, int scale);

/* Likewise, of a job that counts nothing else. */
int waiting_look(
    const struct job *, struct source *, int scale, struct err *) MUST_USE;

#endif
