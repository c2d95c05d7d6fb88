/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a run of a table that goes to ClickHouse begins: look-back before the
 * watermark, and before that the rows of transactions that were open at the
 * last run's snapshot (seen.h).
 */
#include <string.h>

#include "worker/sync_own.h"

/* Ids further apart than this cannot be told by a row's 32 bits. */
static const uint64_t ids_apart = UINT64_C(1) << 31;

static int
back_from(struct sync *s, const struct position *from, int64_t *ticks,
    struct err *err)
{
	if (!ticks_rescale(
		from->ticks, from->scale, s->described.timestamp_scale, ticks))
		return err_set(err, ERR_TABLE,
		    "the newest timestamp of watermark or target is beyond "
		    "what the source's column can hold; see 'calve watermark "
		    "show'");
	return source_back(s->source, *ticks, s->job->lookback_ms, ticks, err);
}

/* Before start_ticks only rows of transactions that were open are wanted, from
 * `low` on, or where the table or `start:` begins. */
static int
recheck(struct sync *s, struct err *err)
{
	const struct seen *seen = &s->before;
	struct window *w = &s->window;
	int64_t fresh = w->start_ticks, low;

	if (seen->low.set) {
		if (back_from(s, &seen->low, &low, err) == -1)
			return -1;
		if (low >= fresh)
			return 0;
		w->start_ticks = low;
	} else {
		w->has_start = s->has_first;
		w->start_ticks = s->first_ticks;
		if (w->has_start && w->start_ticks >= fresh) {
			w->start_ticks = fresh;
			return 0;
		}
	}
	/* of another history, or of one too long ago: all of them */
	if (s->horizon.next < seen->next ||
	    s->horizon.next - seen->floor >= ids_apart)
		return 0;
	w->recheck = true;
	w->recheck_ticks = fresh;
	w->recheck_from = seen->floor;
	return 0;
}

int
sync_begin_at(struct sync *s, const struct position *low, struct err *err)
{
	s->has_first = s->window.has_start;
	s->first_ticks = s->window.start_ticks;
	if (back_from(s, low, &s->window.start_ticks, err) == -1)
		return -1;
	s->window.has_start = true;
	return s->before.open ? recheck(s, err) : 0;
}

int
sync_look(struct sync *s, struct err *err)
{
	s->snapshot.covered = s->horizon.covered;
	return source_transactions(
	    s->source, &s->snapshot.xmin, &s->snapshot.next, err);
}

const char *
sync_seen(struct sync *s, const struct position *at, char text[SEEN_TEXT])
{
	const struct seen none = { .set = false };
	struct seen after;

	if (s->snapshot.next > 0)
		seen_after(
		    s->whole ? &none : &s->before, &s->snapshot, at, &after);
	else
		after = s->before;
	seen_format(&after, text);
	return after.set ? text : NULL;
}
