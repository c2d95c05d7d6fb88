/* SPDX-License-Identifier: Apache-2.0 */
/* Selection and order of tables: by wave, `after`, and expected length. */
#include "coordinator/plan.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

/* One walk over all tables, depth first along `after`. */
struct walk {
	const struct config *config;
	enum mark *marks;
	size_t *path; /* tables being visited, first to last */
	size_t depth;
	struct err *err;
};

static size_t
index_of(const struct config *c, const char *name)
{
	return (size_t)(config_find(c, name) - c->tables);
}

static int
fail_cycle(struct walk *w, size_t again)
{
	struct buf b;
	size_t at = 0;

	buf_init(&b, ERR_TEXT_MAX / 2);
	while (w->path[at] != again)
		at++;
	for (; at < w->depth; at++)
		buf_printf(&b, "'%s' after ",
		    w->config->tables[w->path[at]].name.value);
	buf_printf(&b, "'%s'", w->config->tables[again].name.value);
	err_set(w->err, ERR_CONFIG,
	    "%s: tables wait for each other: %s; take one of them out of "
	    "'after'",
	    w->config->path, b.over ? "a long circle" : buf_cstr(&b));
	buf_clear(&b);
	return -1;
}

static int
visit(struct walk *w, size_t at)
{
	const struct config_table *t = &w->config->tables[at];

	if (w->marks[at] == MARK_DONE)
		return 0;
	if (w->marks[at] == MARK_OPEN)
		return fail_cycle(w, at);
	w->marks[at] = MARK_OPEN;
	w->path[w->depth++] = at;
	for (size_t dep = 0; dep < t->after.n; dep++) {
		size_t to = index_of(w->config, t->after.items[dep]);
		const struct config_table *o = &w->config->tables[to];
		if (o->wave > t->wave)
			return err_set(w->err, ERR_CONFIG,
			    "%s:%u: table "
			    "'%s' is to run after '%s', whose layer '%s' "
			    "comes later; move one of them to another layer",
			    w->config->path, t->line, t->name.value,
			    o->name.value, o->layer.value);
		if (visit(w, to) == -1)
			return -1;
	}
	w->depth--;
	w->marks[at] = MARK_DONE;
	return 0;
}

static int
check_cycles(const struct config *c, struct err *err)
{
	struct walk w = { .config = c,
		.err = err,
		.marks = xcalloc(c->ntables + 1, sizeof *w.marks),
		.path = xcalloc(c->ntables + 1, sizeof *w.path) };
	int rv = 0;

	for (size_t at = 0; at < c->ntables && rv == 0; at++)
		rv = visit(&w, at);
	free(w.marks);
	free(w.path);
	return rv;
}

static int
select_tables(const struct config *c, const char *const *patterns, size_t n,
    bool *selected, struct err *err)
{
	if (n == 0)
		memset(selected, true, c->ntables * sizeof *selected);
	for (size_t p = 0; p < n; p++) {
		bool any = false;
		for (size_t at = 0; at < c->ntables; at++)
			if (fnmatch(patterns[p], c->tables[at].name.value, 0) ==
			    0)
				any = selected[at] = true;
		if (!any)
			return err_set(err, ERR_CONFIG,
			    "no table of '%s' "
			    "matches '%s'; 'calve check' prints their names",
			    c->path, patterns[p]);
	}
	return 0;
}

/* Nobody can tell how long the first run of a table takes; it has the most to
 * do, so it is not left to the end. */
static bool
is_longer(double expected, double than)
{
	return than > 0 && (expected > than || expected <= 0);
}

/* The best of those whose waits are all placed: earliest wave, then longest,
 * then the file's order. */
static size_t
next_ready(const struct config *c, const bool *left, const double *expected)
{
	size_t best = SIZE_MAX;

	for (size_t at = 0; at < c->ntables; at++) {
		const struct config_table *t = &c->tables[at];
		if (!left[at])
			continue;
		if (best != SIZE_MAX &&
		    (t->wave > c->tables[best].wave ||
			(t->wave == c->tables[best].wave &&
			    (expected == NULL ||
				!is_longer(expected[at], expected[best])))))
			continue;
		bool ready = true;
		for (size_t dep = 0; dep < t->after.n && ready; dep++)
			ready = !left[index_of(c, t->after.items[dep])];
		if (ready)
			best = at;
	}
	return best;
}

static void
add_item(struct plan *plan, const struct config *c, size_t at,
    const double *expected, size_t *place)
{
	const struct config_table *t = &c->tables[at];
	struct plan_item *item = &plan->items[plan->n];

	*item = (struct plan_item){ .table = t,
		.wave = t->wave,
		.expected_s = expected != NULL ? expected[at] : 0,
		.waits = xcalloc(t->after.n + 1, sizeof *item->waits) };
	for (size_t dep = 0; dep < t->after.n; dep++) {
		size_t o = place[index_of(c, t->after.items[dep])];
		if (o != SIZE_MAX)
			item->waits[item->nwaits++] = o;
	}
	place[at] = plan->n++;
}

int
plan_make(const struct config *c, const char *const *patterns, size_t npatterns,
    const double *expected, struct plan *out, struct err *err)
{
	bool *left = xcalloc(c->ntables + 1, sizeof *left);
	size_t *place = xcalloc(c->ntables + 1, sizeof *place), at;
	int rv = -1;

	*out = (struct plan){ 0 };
	if (check_cycles(c, err) == -1 ||
	    select_tables(c, patterns, npatterns, left, err) == -1)
		goto out;
	for (at = 0; at < c->ntables; at++)
		place[at] = SIZE_MAX;
	out->items = xcalloc(c->ntables + 1, sizeof *out->items);
	while ((at = next_ready(c, left, expected)) != SIZE_MAX) {
		add_item(out, c, at, expected, place);
		left[at] = false;
	}
	rv = 0;
out:
	free(left);
	free(place);
	return rv;
}

void
plan_clear(struct plan *plan)
{
	for (size_t at = 0; at < plan->n; at++)
		free(plan->items[at].waits);
	free(plan->items);
	*plan = (struct plan){ 0 };
}
