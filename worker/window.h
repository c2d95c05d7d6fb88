/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows and steps. A run's window is everything after the position and
 * before `high` = the source's clock - settle; a step is the part of it that
 * one commit takes. Bounds are timestamps, never rows, so that rows of equal
 * timestamp always travel together. Pure.
 */
#ifndef CALVE_WINDOW_H
#define CALVE_WINDOW_H

#include "common/err.h"
#include "common/position.h"
#include "worker/source/source.h"

/* The window of a run. start: `start:` of calve.yaml or NULL; it bounds only
 * a table without position. clock_us: the source's. */
int window_of_run(const struct position *low, const char *start,
    int64_t clock_us, int64_t settle_ms, int timestamp_scale,
    struct window *out, struct err *) MUST_USE;

/*
 * Where the next step may end, given what the window still holds:
 *   step_ms > 0   the end of the step_ms interval (aligned to 1970 UTC) that
 *                 holds the first row
 *   else          the window's end when it holds at most step_rows rows, or
 *                 the middle between its first row and its end: the caller
 *                 counts again and halves again
 * Never beyond w->high_ticks, always after counted->min_ticks.
 */
int64_t window_step_high(const struct window *w,
    const struct source_count *counted, int scale, int64_t step_ms,
    uint64_t step_rows);

/* Asks a count for rows that are more than a day ahead of the clock; for none
 * where no timestamp can be. */
void window_ahead(struct window *, int64_t clock_us, int scale);

/* The position in ticks of the source's scale. Where that is coarser, what
 * lies in the position's tick counts as done, and sequence is dropped. */
int window_low(const struct position *, int scale, struct position *out,
    struct err *) MUST_USE;

/* Whether the source's clock is off the host's by more than a minute and than
 * settle; then what to tell the user. */
bool window_clock_is_off(
    int64_t source_us, int64_t host_us, int64_t settle_ms, char text[512]);

#endif
