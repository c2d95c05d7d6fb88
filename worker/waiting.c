/* SPDX-License-Identifier: Apache-2.0 */
/* Rows ahead of the clock: the words for them, and when they are said. */
#include "worker/waiting.h"

#include <inttypes.h>
#include <stdio.h>

#include "worker/report.h"

/* "3 2105-01-01T00:00:00Z": what a change is told by. */
static bool
newest(const struct source_count *counted, int scale, char text[POSITION_TEXT])
{
	struct position p = {
		.set = true, .scale = scale, .ticks = counted->ahead_ticks
	};

	if (counted->ahead == 0)
		return false;
	if (p.ticks == INT64_MAX)
		snprintf(text, POSITION_TEXT, "infinity");
	else
		position_format_timestamp(&p, text);
	return true;
}

bool
waiting_text(const struct job *job, const struct source_count *counted,
    int scale, char text[512])
{
	char at[POSITION_TEXT];

	if (!newest(counted, scale, at))
		return false;
	snprintf(text, 512,
	    "%" PRIu64 " row%s ahead of the source's clock by more than a day, "
	    "the newest by its '%.100s' of %s: none is taken before that time "
	    "has come; if it is wrong (another unit, a mistyped year), mend it "
	    "at the source",
	    counted->ahead, counted->ahead == 1 ? " waits" : "s wait",
	    job->timestamp, at);
	return true;
}

int
waiting_tell(struct watermark *mark, const struct job *job,
    const struct source_count *counted, int scale, struct err *err)
{
	char at[POSITION_TEXT], key[POSITION_TEXT + 32], text[512];
	bool waits = newest(counted, scale, at), changed;

	if (waits)
		snprintf(key, sizeof key, "%" PRIu64 " %s", counted->ahead, at);
	if (watermark_waiting(mark, waits ? key : NULL, &changed, err) == -1)
		return -1;
	if (changed && waiting_text(job, counted, scale, text))
		report_note(true, text);
	return 0;
}

void
waiting_note(
    const struct job *job, const struct source_count *counted, int scale)
{
	char text[512];

	if (waiting_text(job, counted, scale, text))
		report_note(true, text);
}

int
waiting_look(
    const struct job *job, struct source *source, int scale, struct err *err)
{
	struct window none = { .high_ticks = INT64_MIN };
	struct source_count counted;
	int64_t clock_us;

	if (source_clock(source, &clock_us, err) == -1)
		return -1;
	window_ahead(&none, clock_us, scale);
	if (!none.has_ahead)
		return 0;
	if (source_count(source, &none, &counted, err) == -1)
		return -1;
	waiting_note(job, &counted, scale);
	return 0;
}
