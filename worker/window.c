/* SPDX-License-Identifier: Apache-2.0 */
/* Windows and steps: arithmetic on ticks. */
#include "worker/window.h"

#include <inttypes.h>
#include <stdio.h>

enum { SCALE_MS = 3, SCALE_US = 6 };

int
window_low(
    const struct position *p, int scale, struct position *out, struct err *err)
{
	int64_t back;

	*out = *p;
	if (!p->set || p->scale == scale)
		return 0;
	if (!ticks_rescale(p->ticks, p->scale, scale, &out->ticks))
		return err_set(err, ERR_TABLE,
		    "the watermark's timestamp is "
		    "beyond what the timestamp column can hold; see 'calve "
		    "watermark show'");
	out->scale = scale;
	if (!ticks_rescale(out->ticks, scale, p->scale, &back) ||
	    back != p->ticks)
		out->has_sequence = false;
	return 0;
}

int
window_of_run(const struct position *low, const char *start, int64_t clock_us,
    int64_t settle_ms, int scale, struct window *out, struct err *err)
{
	struct position begin;
	int64_t high_us;

	*out = (struct window){ .has_start = false };
	if (window_low(low, scale, &out->low, err) == -1)
		return -1;
	if (__builtin_sub_overflow(clock_us, settle_ms * 1000, &high_us) ||
	    !ticks_rescale(high_us, SCALE_US, scale, &out->high_ticks))
		return err_set(err, ERR_SOURCE,
		    "the source's clock is out of "
		    "range; set the clock of its host");
	if (low->set || start == NULL)
		return 0;
	if (position_parse(&begin, start, NULL, err) == -1)
		return err_prefix(err, "start");
	if (!ticks_rescale(begin.ticks, begin.scale, scale, &out->start_ticks))
		return err_set(err, ERR_CONFIG,
		    "start '%s' is beyond what the "
		    "timestamp column can hold; choose a later one",
		    start);
	/* a coarser column's tick that begins before `start` is left out */
	if (ticks_rescale(out->start_ticks, scale, begin.scale, &begin.ticks)) {
		struct position again;

		if (position_parse(&again, start, NULL, err) == 0 &&
		    again.ticks != begin.ticks)
			out->start_ticks++;
	}
	out->has_start = true;
	return 0;
}

void
window_ahead(struct window *w, int64_t clock_us, int scale)
{
	const int64_t day_us = INT64_C(86400000000);
	int64_t from_us, ticks;

	w->has_ahead = !__builtin_add_overflow(clock_us, day_us, &from_us) &&
	    ticks_rescale(from_us, SCALE_US, scale, &ticks) &&
	    !__builtin_add_overflow(ticks, 1, &w->ahead_ticks);
}

static int64_t
step_end(int64_t first, int scale, int64_t step_ms, int64_t high)
{
	int64_t ms, ticks;

	if (!ticks_rescale(first, scale, SCALE_MS, &ms))
		return high;
	ms -= ms % step_ms + (ms % step_ms < 0 ? step_ms : 0);
	if (__builtin_add_overflow(ms, step_ms, &ms) ||
	    !ticks_rescale(ms, SCALE_MS, scale, &ticks))
		return high;
	/* a step shorter than a tick still has to move on */
	return ticks > first ? ticks : first + 1;
}

int64_t
window_step_high(const struct window *w, const struct source_count *counted,
    int scale, int64_t step_ms, uint64_t step_rows)
{
	int64_t high = w->high_ticks, first = counted->min_ticks, end = high;

	if (step_ms > 0)
		end = step_end(first, scale, step_ms, high);
	else if (counted->rows > step_rows && counted->max_ticks > first)
		/* between first and last row, so that gaps cost no query */
		end = first +
		    (int64_t)(((uint64_t)counted->max_ticks - (uint64_t)first) /
			2) +
		    1;
	return end < high ? end : high;
}

bool
window_clock_is_off(
    int64_t source_us, int64_t host_us, int64_t settle_ms, char text[512])
{
	const int64_t minute_us = 60 * INT64_C(1000000);
	int64_t off_us, most_us = settle_ms * 1000;

	if (__builtin_sub_overflow(source_us, host_us, &off_us) ||
	    off_us == INT64_MIN)
		off_us = INT64_MAX;
	bool ahead = off_us > 0;
	off_us = ahead ? off_us : -off_us;
	if (off_us <= (most_us > minute_us ? most_us : minute_us))
		return false;
	int64_t minutes =
	    off_us / minute_us + (off_us % minute_us >= minute_us / 2);
	snprintf(text, 512,
	    "the clock of the source is %" PRId64 " h %" PRId64 " m %s this "
	    "host's; windows end by the source's: if that one is wrong, %s; "
	    "set the clock that is wrong",
	    minutes / 60, minutes % 60, ahead ? "ahead of" : "behind",
	    ahead ? "rows are taken before they have settled, and those that "
		    "come late are missed"
		  : "the newest rows wait until it is right");
	return true;
}
