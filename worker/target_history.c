/* SPDX-License-Identifier: Apache-2.0 */
/* The table's metadata as records (history.h), and the other way round: what a
 * commit records. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "worker/origin_text.h"
#include "worker/target.h"

#define POSITION_OF "calve.position."

/* Behind the facts that target_history() gives. */
struct target_memory {
	struct history h;
	struct record *main, *others, *mirrors;
	struct origin_words *words; /* of the mirrors */
	struct err *err;
};

static void
memory_free(struct target_memory *m)
{
	if (m == NULL)
		return;
	for (size_t k = 0; k < m->h.nmirrors; k++)
		origin_words_clear(&m->words[k]);
	free(m->main);
	free(m->others);
	free(m->mirrors);
	free(m->words);
	free(m);
}

void
target_forget(struct target *t)
{
	memory_free(t->memory);
	t->memory = NULL;
}

/* ---- names ------------------------------------------------------------------- */

/* Whose properties these are: an identity outlives its name. */
static const char *
key_of(const struct origin *o)
{
	return o->identity != NULL ? o->identity : o->source;
}

void
target_identify(struct target *t, const struct source_table *described)
{
	t->me.identity = described->identity;
	t->me.uuid = described->identity != NULL ? described->uuid : NULL;
	free(t->property);
	free(t->beginning);
	t->property = xasprintf(POSITION_OF "%s", key_of(&t->me));
	t->beginning = xasprintf("calve.beginning.%s", key_of(&t->me));
}

/* ---- snapshots as records -------------------------------------------------------- */

/* Rows of another tool's that may have come with the snapshot: a replace has
 * none of its own, a delete neither (Iceberg specification, "Snapshots",
 * operation). */
static bool
adds_rows(const struct snapshot *s)
{
	const char *operation = snapshot_summary(s, "operation");
	const char *added = snapshot_summary(s, "added-records");

	if (operation != NULL &&
	    (strcmp(operation, "replace") == 0 ||
		strcmp(operation, "delete") == 0))
		return false;
	return added == NULL || strcmp(added, "0") != 0;
}

static int
record_of(const struct snapshot *s, struct record *out, struct err *err)
{
	const char *timestamp = snapshot_summary(s, KEY_TIMESTAMP);
	const char *final = snapshot_summary(s, KEY_BY_FINAL);

	*out = (struct record){ .snapshot = s->id,
		.parent = s->parent,
		.number = s->sequence_number };
	out->origin = (struct origin){
		.source = snapshot_summary(s, KEY_SOURCE),
		.identity = snapshot_summary(s, KEY_IDENTITY),
		.table = snapshot_summary(s, KEY_TABLE),
		.timestamp = snapshot_summary(s, KEY_BY_TIMESTAMP),
		.sequence = snapshot_summary(s, KEY_BY_SEQUENCE),
		.final = final != NULL && strcmp(final, "true") == 0,
	};
	out->run = snapshot_summary(s, KEY_RUN);
	if (timestamp == NULL)
		out->origin.source = NULL;
	if (out->origin.source == NULL) {
		out->adds_rows = adds_rows(s);
		return 0;
	}
	if (position_parse(&out->position, timestamp,
		snapshot_summary(s, KEY_SEQUENCE), err) == 0)
		return 0;
	err->cls = ERR_TABLE;
	return err_prefix(err, "summary of snapshot %" PRId64, s->id);
}

static int
collect_main(void *arg, const struct snapshot *s)
{
	struct target_memory *m = arg;

	return record_of(s, &m->main[m->h.nmain++], m->err);
}

static bool
is_of_main(const struct target_memory *m, int64_t id)
{
	for (size_t k = 0; k < m->h.nmain; k++)
		if (m->main[k].snapshot == id)
			return true;
	return false;
}

static int
collect_other(void *arg, const struct snapshot *s)
{
	struct target_memory *m = arg;

	return is_of_main(m, s->id)
	    ? 0
	    : record_of(s, &m->others[m->h.nothers++], m->err);
}

static bool
has_rows(const struct table *table)
{
	struct snapshot s;
	const char *total;

	if (!table_find_snapshot(table, table->snapshot_id, &s))
		return false;
	total = snapshot_summary(&s, "total-records");
	return total == NULL || strcmp(total, "0") != 0;
}

static int
collect_snapshots(
    struct target_memory *m, const struct table *table, struct err *err)
{
	size_t n = json_array_size(json_object_get(table->root, "snapshots"));

	m->err = err;
	m->main = xcalloc(n + 1, sizeof *m->main);
	m->others = xcalloc(n + 1, sizeof *m->others);
	if (table_ancestry(table, collect_main, m, &m->h.complete) != 0)
		return -1;
	/* as a rule all are of main */
	if (m->h.nmain < n && table_each_snapshot(table, collect_other, m) != 0)
		return -1;
	m->h.main = m->main;
	m->h.others = m->others;
	m->h.rows = has_rows(table);
	return 0;
}

/* ---- properties ------------------------------------------------------------------- */

static bool
is_mine(const struct target *t, const char *key)
{
	return strcmp(key, t->me.source) == 0 ||
	    (t->me.identity != NULL && strcmp(key, t->me.identity) == 0);
}

/* A damaged one of another source is that source's to complain of. */
static int
collect_mirrors(struct target_memory *m, const struct target *t,
    const struct table *table, struct err *err)
{
	json_t *list = json_object_get(table->root, "properties"), *value;
	const char *name;

	m->mirrors = xcalloc(json_object_size(list) + 1, sizeof *m->mirrors);
	m->words = xcalloc(json_object_size(list) + 1, sizeof *m->words);
	json_object_foreach(list, name, value)
	{
		const char *key = name + strlen(POSITION_OF);
		struct record *r = &m->mirrors[m->h.nmirrors];

		if (strncmp(name, POSITION_OF, strlen(POSITION_OF)) != 0 ||
		    !json_is_string(value))
			continue;
		if (record_parse(json_string_value(value), r,
			&m->words[m->h.nmirrors], err) == -1) {
			if (is_mine(t, key))
				return -1;
			continue;
		}
		if (r->origin.source == NULL) /* of an earlier version */
			r->origin.source = key;
		m->h.nmirrors++;
	}
	m->h.mirrors = m->mirrors;
	return 0;
}

/* ---- facts -------------------------------------------------------------------------- */

/* Are rows of the mirror's commit on main, whatever became of its snapshot? A
 * file keeps the id of the snapshot that added it through every rewriting of
 * manifests (Iceberg specification, "Manifests", snapshot_id), but not through
 * a rewriting of data. What cannot be read proves nothing. */
static void
look_for_files(const struct table *table, struct says *s)
{
	struct err ignored;

	if (s->fate == MIRROR_LOST &&
	    table_holds_files_of(table, s->mirror.snapshot, &ignored))
		s->fate = MIRROR_EXPIRED;
}

int
target_history(struct target *t, const struct table *table,
    struct reconcile_facts *f, struct err *err)
{
	struct target_memory *m = xcalloc(1, sizeof *m);

	target_forget(t);
	t->memory = m;
	f->me = t->me;
	f->start = t->job->start != NULL;
	f->table_exists = table != NULL;
	f->table_uuid = table != NULL ? table->uuid : NULL;
	m->h.complete = true;
	if (table != NULL &&
	    (collect_snapshots(m, table, err) == -1 ||
		collect_mirrors(m, t, table, err) == -1))
		return -1;
	history_says(&m->h, &t->me, &f->says);
	if (table != NULL)
		look_for_files(table, &f->says);
	return 0;
}

/* ---- where it began ------------------------------------------------------------------ */

/* NULL: no snapshot of this source, or not all are there any more. */
static const char *
oldest_low(struct target *t, bool *complete)
{
	struct reconcile_facts f = { .start = false };
	struct snapshot s;
	struct err ignored;

	*complete = false;
	if (target_history(t, t->table, &f, &ignored) == -1)
		return NULL;
	const struct history *h = &t->memory->h;
	*complete = h->complete;
	for (size_t k = h->nmain; k > 0 && h->complete; k--) {
		enum match is = history_match(&h->main[k - 1].origin, &t->me);

		if ((is == MATCH_IDENTITY || is == MATCH_NAME) &&
		    table_find_snapshot(t->table, h->main[k - 1].snapshot, &s))
			return snapshot_summary(&s, KEY_LOW);
	}
	return NULL;
}

/* That of this identity, or what an earlier version wrote under the name. */
static const char *
beginning_property(const struct target *t)
{
	const char *text = table_property(t->table, t->beginning);
	char *by_name;

	if (text != NULL)
		return text;
	by_name = xasprintf("calve.beginning.%s", t->me.source);
	text = table_property(t->table, by_name);
	free(by_name);
	return text;
}

int
target_beginning(struct target *t, struct position *low, struct err *err)
{
	bool complete;
	const char *text = oldest_low(t, &complete);

	*low = (struct position){ .set = false };
	if (text == NULL)
		text = beginning_property(t);
	return text == NULL ? 0 : position_parse_text(low, text, err);
}

char *
target_new_beginning(struct target *t, const struct position *low)
{
	const char *was = table_property(t->table, t->beginning);
	char text[POSITION_TEXT];
	bool complete;
	const char *is = oldest_low(t, &complete);

	if (is == NULL && complete) {
		position_format(low, text);
		is = text;
	}
	if (is == NULL)
		is = beginning_property(t);
	return is == NULL || (was != NULL && strcmp(is, was) == 0)
	    ? NULL
	    : xstrdup(is);
}

/* ---- what may be expired ---------------------------------------------------------------- */

static bool
speaks_for(const struct table *table, const char *key, const char *text,
    const struct origin *o)
{
	struct origin_words words = { NULL };
	struct snapshot s;
	struct record r;
	struct err ignored;
	bool yes;

	if (record_parse(text, &r, &words, &ignored) == -1)
		return false;
	yes = (strcmp(key, key_of(o)) == 0 ||
		  (o->identity == NULL && r.origin.source != NULL &&
		      strcmp(r.origin.source, o->source) == 0)) &&
	    table_find_snapshot(table, r.snapshot, &s);
	origin_words_clear(&words);
	return yes;
}

/* A mirror whose snapshot is gone tells by what is left of its source whether
 * that was a rollback: then all of it has to stay. */
static bool
is_mirrored(const struct table *table, const struct origin *o)
{
	json_t *list = json_object_get(table->root, "properties"), *value;
	const char *name;

	json_object_foreach(list, name, value)
	{
		if (strncmp(name, POSITION_OF, strlen(POSITION_OF)) == 0 &&
		    json_is_string(value) &&
		    speaks_for(table, name + strlen(POSITION_OF),
			json_string_value(value), o))
			return true;
	}
	return false;
}

bool
target_may_expire(
    void *arg, const struct table *table, const struct snapshot *s)
{
	const struct target *t = arg;
	struct record r;
	struct err ignored;

	if (record_of(s, &r, &ignored) == -1 || r.origin.source == NULL)
		return false;
	/* the commit at hand sets the mirror of its own source */
	switch (history_match(&r.origin, &t->me)) {
	case MATCH_IDENTITY:
	case MATCH_NAME:
		return true;
	default:
		return is_mirrored(table, &r.origin);
	}
}
