/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
seen_after(const struct seen *before, const struct seen_snapshot *now,
    const struct position *newest, struct seen *after)
{
	/* ids that went back are those of another history: a restored copy */
	bool known = before->set && now->next >= before->next &&
	    now->xmin >= before->floor;
	struct seen is = { .set = true, .floor = now->xmin };

	if (now->xmin >= now->next) {
		is.low = is.since = *newest;
		is.next = now->next;
	} else if (!known) {
		is.since = *newest;
		is.next = now->next;
		is.open = !now->covered;
	} else if (now->xmin >= before->next) {
		is.low = before->since;
		is.since = *newest;
		is.next = now->next;
		is.open = !now->covered;
	} else {
		is.low = before->low;
		is.since = before->since;
		is.next = before->next;
		is.open = !now->covered;
	}
	*after = is;
}

void
seen_format(const struct seen *s, char out[SEEN_TEXT])
{
	char since[POSITION_TEXT], low[POSITION_TEXT];

	out[0] = '\0';
	if (!s->set)
		return;
	position_format(&s->since, since);
	position_format(&s->low, low);
	snprintf(out, SEEN_TEXT, "%" PRIu64 " %" PRIu64 " %s %s %s", s->floor,
	    s->next, since, low, s->open ? "open" : "done");
}

bool
seen_parse(struct seen *s, const char *text)
{
	char since[POSITION_TEXT], low[POSITION_TEXT], open[8];
	struct seen is = { .set = true };
	struct err ignored;
	int end = 0;

	*s = (struct seen){ .set = false };
	if (sscanf(text, "%20" SCNu64 " %20" SCNu64 " %95s %95s %7s%n",
		&is.floor, &is.next, since, low, open, &end) != 5 ||
	    text[end] != '\0' ||
	    position_parse_text(&is.since, since, &ignored) == -1 ||
	    position_parse_text(&is.low, low, &ignored) == -1)
		return false;
	is.open = strcmp(open, "open") == 0;
	if (!is.open && strcmp(open, "done") != 0)
		return false;
	*s = is;
	return true;
}
