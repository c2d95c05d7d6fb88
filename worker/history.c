/* SPDX-License-Identifier: Apache-2.0 */
/* Which records of a table's history are one source's, see history.h. */
#include "worker/history.h"

#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
same_or_none(const char *a, const char *b)
{
	return a == NULL ? b == NULL : same(a, b);
}

bool
origin_same_columns(const struct origin *was, const struct origin *is)
{
	if (was->timestamp == NULL)
		return true;
	return same(was->timestamp, is->timestamp) && was->final == is->final &&
	    (was->sequence == NULL || same(was->sequence, is->sequence));
}

enum match
history_match(const struct origin *r, const struct origin *me)
{
	bool both = r->identity != NULL && me->identity != NULL;
	bool one_name = same(r->table, me->table);

	if (r->source == NULL)
		return MATCH_NONE;
	if (both &&
	    (same(r->identity, me->identity) || same(r->identity, me->uuid)))
		return MATCH_IDENTITY;
	if (!same(r->source, me->source))
		return one_name ? MATCH_OTHER : MATCH_NONE;
	if (r->identity == NULL && (one_name || r->table == NULL))
		return MATCH_NAME;
	/* under one text two servers, each with a name of its own */
	return both && !one_name ? MATCH_NONE : MATCH_OTHER;
}

/* ---- whose ------------------------------------------------------------------- */

/* Records of one identity, or without any of one text, are of one kind. */
static bool
is_kin(const struct origin *a, const struct origin *b)
{
	return same_or_none(a->identity, b->identity) &&
	    (a->identity != NULL || same(a->source, b->source));
}

/* The place among all records: main's, then mirrors. */
static const struct record *
record_at(const struct history *h, size_t k)
{
	return k < h->nmain ? &h->main[k] : &h->mirrors[k - h->nmain];
}

static size_t
count(const struct history *h)
{
	return h->nmain + h->nmirrors;
}

/* A record that a newer one of its kind has not overtaken. */
static bool
is_newest(const struct history *h, size_t at)
{
	const struct record *r = record_at(h, at);

	for (size_t k = 0; k < at; k++)
		if (is_kin(&record_at(h, k)->origin, &r->origin))
			return false;
	return true;
}

/* Whether an identity has taken over what was recorded without one under this
 * text. `by` is left out: its own claim. */
static bool
is_claimed(const struct history *h, const char *source, const char *by)
{
	for (size_t k = 0; k < count(h); k++) {
		const struct origin *o = &record_at(h, k)->origin;

		if (o->identity != NULL && same(o->source, source) &&
		    !same(o->identity, by))
			return true;
	}
	return false;
}

/* The record that decides whose history this is; NULL: nobody's of ours. */
static const struct record *
choose(const struct history *h, const struct origin *me, enum match *match)
{
	const struct record *best = NULL;

	*match = MATCH_NONE;
	for (size_t k = 0; k < count(h); k++) {
		const struct record *r = record_at(h, k);
		enum match is = history_match(&r->origin, me);

		if (is == MATCH_IDENTITY) {
			*match = is;
			return r;
		}
		if (is == MATCH_NONE || best != NULL || !is_newest(h, k) ||
		    (r->origin.identity == NULL &&
			is_claimed(h, r->origin.source, NULL)))
			continue;
		best = r;
		*match = is;
	}
	return best;
}

/* The newest of main of that kind. Of an identity that is known from its
 * mirror alone, also what it recorded before identities were. */
static void
find_newest(
    const struct history *h, const struct record *chosen, struct record *out)
{
	for (size_t k = 0; k < h->nmain; k++)
		if (is_kin(&h->main[k].origin, &chosen->origin)) {
			*out = h->main[k];
			return;
		}
	if (chosen->origin.identity == NULL ||
	    is_claimed(h, chosen->origin.source, chosen->origin.identity))
		return;
	for (size_t k = 0; k < h->nmain; k++)
		if (h->main[k].origin.identity == NULL &&
		    same(h->main[k].origin.source, chosen->origin.source)) {
			*out = h->main[k];
			return;
		}
}

/* ---- what became of it ------------------------------------------------------- */

static bool
holds(const struct record *list, size_t n, int64_t snapshot)
{
	for (size_t k = 0; k < n; k++)
		if (snapshot != 0 && list[k].snapshot == snapshot)
			return true;
	return false;
}

static bool
any_before(const struct history *h, const struct record *mirror)
{
	for (size_t k = 0; k < h->nmain; k++)
		if ((mirror->number != 0 && h->main[k].number != 0 &&
			h->main[k].number < mirror->number) ||
		    (mirror->parent != 0 &&
			h->main[k].snapshot == mirror->parent))
			return true;
	return false;
}

static enum fate
fate_of(const struct history *h, const struct says *s)
{
	const struct record *m = &s->mirror;

	if (!m->position.set)
		return MIRROR_NONE;
	if (holds(h->main, h->nmain, m->snapshot))
		return MIRROR_ANCESTOR;
	if (s->newest.position.set)
		return position_compare(&m->position, &s->newest.position) > 0
		    ? MIRROR_LEFT
		    : MIRROR_ANCESTOR;
	if (holds(h->others, h->nothers, m->snapshot) || h->complete ||
	    any_before(h, m))
		return MIRROR_LEFT;
	if (h->nmain > 0 && h->main[h->nmain - 1].parent == m->snapshot)
		return MIRROR_EXPIRED;
	return MIRROR_LOST;
}

/* Without a mirror the table may still list what main has left. */
static void
look_aside(const struct history *h, const struct origin *me, struct says *s)
{
	for (size_t k = 0; k < h->nothers; k++) {
		enum match is = history_match(&h->others[k].origin, me);

		if ((is != MATCH_IDENTITY && is != MATCH_NAME) ||
		    !h->others[k].position.set)
			continue;
		if (!s->mirror.position.set ||
		    position_compare(
			&h->others[k].position, &s->mirror.position) > 0) {
			s->mirror = h->others[k];
			s->match = is;
			s->fate = MIRROR_LEFT;
		}
	}
}

static bool
is_whole(const struct history *h)
{
	for (size_t k = 0; k < h->nmain; k++)
		if (h->main[k].origin.source == NULL && h->main[k].adds_rows)
			return false;
	return h->complete;
}

static const char *
find_second(const struct history *h, const struct origin *me)
{
	for (size_t k = 0; k < count(h); k++) {
		const struct origin *o = &record_at(h, k)->origin;

		if (same(o->source, me->source) && o->identity != NULL &&
		    me->identity != NULL && !same(o->identity, me->identity))
			return o->table;
	}
	return NULL;
}

void
history_says(const struct history *h, const struct origin *me, struct says *out)
{
	const struct record *chosen;

	*out = (struct says){ .rows = h->rows, .whole = is_whole(h) };
	chosen = choose(h, me, &out->match);
	if (chosen != NULL) {
		find_newest(h, chosen, &out->newest);
		for (size_t k = 0; k < h->nmirrors; k++)
			if (is_kin(&h->mirrors[k].origin, &chosen->origin))
				out->mirror = h->mirrors[k];
	}
	out->fate = fate_of(h, out);
	if (chosen == NULL)
		look_aside(h, me, out);
	out->second = find_second(h, me);
}
