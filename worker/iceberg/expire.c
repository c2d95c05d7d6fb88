/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expiring snapshots, see expire.h.
 *
 * A file is removed only when every list that is kept has been read and none
 * names it. Names are compared without their folders: they are unique, and a
 * folder can be spelled in many ways. A crash in between leaves files that
 * nothing names, never a name without its file.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/iceberg/expire.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/store/store.h"

enum { MIN_SNAPSHOTS = 100 };

/* ---- which ------------------------------------------------------------ */

struct chain {
	struct snapshot *list; /* newest first */
	size_t n;
};

static int
collect(void *arg, const struct snapshot *s)
{
	struct chain *c = arg;

	c->list[c->n++] = *s;
	return 0;
}

static bool
names_snapshot(const json_t *list, int64_t id)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_integer_value(json_object_get(
			json_array_get(list, i), "snapshot-id")) == id)
			return true;
	return false;
}

static bool
is_tagged(const struct table *t, int64_t id)
{
	json_t *refs = json_object_get(t->root, "refs"), *ref;
	const char *name;

	json_object_foreach(refs, name, ref)
	{
		if (json_integer_value(json_object_get(ref, "snapshot-id")) ==
		    id)
			return true;
	}
	return false;
}

static bool
has_branches(const struct table *t)
{
	json_t *refs = json_object_get(t->root, "refs"), *ref;
	const char *name, *type;

	json_object_foreach(refs, name, ref)
	{
		type = json_string_value(json_object_get(ref, "type"));
		if (strcmp(name, "main") != 0 &&
		    (type == NULL || strcmp(type, "tag") != 0))
			return true;
	}
	return false;
}

/* A plain append, by nobody else's word still needed. */
static bool
may_go(const struct table *t, const struct append *a, const struct snapshot *s)
{
	const char *operation = snapshot_summary(s, "operation");

	return operation != NULL && strcmp(operation, "append") == 0 &&
	    json_is_string(json_object_get(s->json, "manifest-list")) &&
	    !is_tagged(t, s->id) &&
	    !names_snapshot(json_object_get(t->root, "statistics"), s->id) &&
	    !names_snapshot(
		json_object_get(t->root, "partition-statistics"), s->id) &&
	    (a->may_expire == NULL || a->may_expire(a->may_expire_arg, t, s));
}

/* main's own setting, the table's, or ours. */
static int64_t
setting(const struct table *t, const char *of_main, const char *property,
    int64_t ours)
{
	const json_t *v = json_object_get(
	    json_object_get(json_object_get(t->root, "refs"), "main"), of_main);

	return json_is_integer(v) && json_integer_value(v) > 0
	    ? json_integer_value(v)
	    : table_property_number(t, property, ours);
}

static bool
is_allowed(const struct table *t, const struct append *a)
{
	const char *gc = table_property(t, "gc.enabled");

	return a->keep_ms > 0 && (gc == NULL || strcasecmp(gc, "true") == 0) &&
	    !has_branches(t);
}

void
expire_choose(const struct table *t, const struct append *a, int64_t now_ms,
    struct expiry *out)
{
	const size_t n = json_array_size(json_object_get(t->root, "snapshots"));
	const int64_t age = setting(t, "max-snapshot-age-ms",
	    "history.expire.max-snapshot-age-ms", a->keep_ms);
	const int64_t least = setting(t, "min-snapshots-to-keep",
	    "history.expire.min-snapshots-to-keep", MIN_SNAPSHOTS);
	struct chain c = { NULL, 0 };

	out->n = 0;
	if (!is_allowed(t, a) || (int64_t)n < least)
		return;
	c.list = xcalloc(n + 1, sizeof(*c.list));
	table_ancestry(t, collect, &c, NULL);
	/* the commit's own snapshot will stand before all of these; whoever
	 * else is committing just now reads the list of the newest */
	for (size_t i = c.n; c.n == n && i > 1; i--) {
		const struct snapshot *s = &c.list[i - 1];
		if (out->n == EXPIRE_AT_ONCE || (int64_t)i < least ||
		    now_ms - s->timestamp_ms <= age || !may_go(t, a, s))
			break;
		out->ids[out->n++] = s->id;
	}
	free(c.list);
}

/* ---- names ------------------------------------------------------------ */

struct doomed {
	char *path;       /* local */
	const char *name; /* its last part */
	bool kept;
};

struct doomed_set {
	const struct table *table;
	const char *kind; /* what their names have to contain */
	struct doomed *list;
	size_t n, room, nkept;
};

/* The last part of a recorded path to a file of the metadata folder, or NULL:
 * then it is not ours to remove. */
static const char *
name_in(const struct table *t, const char *recorded)
{
	const char *local = location_local(recorded);
	size_t n = strlen(t->folder);

	if (local == NULL || strncmp(local, t->folder, n) != 0 ||
	    strncmp(local + n, "/metadata/", 10) != 0 ||
	    strchr(local + n + 10, '/') != NULL || local[n + 10] == '\0')
		return NULL;
	return local + n + 10;
}

static void
doom(struct doomed_set *set, const char *recorded)
{
	const char *name = name_in(set->table, recorded);

	if (name == NULL || strstr(name, set->kind) == NULL)
		return;
	if (set->n == set->room) {
		set->room = set->room == 0 ? 64 : 2 * set->room;
		set->list =
		    xreallocarray(set->list, set->room, sizeof(*set->list));
	}
	char *path = xstrdup(location_local(recorded));
	set->list[set->n++] =
	    (struct doomed){ .path = path, .name = strrchr(path, '/') + 1 };
}

static int
by_name(const void *a, const void *b)
{
	const struct doomed *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
sort_unique(struct doomed_set *set)
{
	size_t kept = 0;

	if (set->n > 1)
		qsort(set->list, set->n, sizeof(*set->list), by_name);
	for (size_t i = 0; i < set->n; i++)
		if (kept > 0 &&
		    by_name(&set->list[kept - 1], &set->list[i]) == 0)
			free(set->list[i].path);
		else
			set->list[kept++] = set->list[i];
	set->n = kept;
}

static void
spare(struct doomed_set *set, const char *recorded)
{
	const char *slash = strrchr(recorded, '/');
	const struct doomed key = { .name =
					slash != NULL ? slash + 1 : recorded };
	struct doomed *found = set->n == 0
	    ? NULL
	    : bsearch(&key, set->list, set->n, sizeof(*set->list), by_name);

	if (found != NULL && !found->kept) {
		found->kept = true;
		set->nkept++;
	}
}

static void
remove_doomed(const struct doomed_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (!set->list[i].kept)
			store_discard(set->list[i].path);
}

static void
doomed_clear(struct doomed_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->list[i].path);
	free(set->list);
}

/* ---- files ------------------------------------------------------------ */

static void
doom_manifest(void *arg, const char *recorded)
{
	doom(arg, recorded);
}

static void
spare_manifest(void *arg, const char *recorded)
{
	spare(arg, recorded);
}

static int
each_manifest(
    const json_t *snapshot, void (*each)(void *, const char *), void *arg)
{
	const char *list =
	    json_string_value(json_object_get(snapshot, "manifest-list"));
	const char *local = list != NULL ? location_local(list) : NULL;
	struct err ignored;

	return local != NULL
	    ? manifest_list_each_path(local, each, arg, &ignored)
	    : -1;
}

/* Manifests that only the expired reach. Oldest first: the next list mostly
 * has all of them, and then no other needs to be read. */
static void
remove_manifests(const struct table *before, const struct table *after,
    const struct expiry *x)
{
	const json_t *kept = json_object_get(after->root, "snapshots");
	struct doomed_set set = { .table = after, .kind = ".avro" };
	struct snapshot s;
	bool whole = true;

	for (size_t i = 0; i < x->n; i++)
		if (table_find_snapshot(before, x->ids[i], &s))
			whole &=
			    each_manifest(s.json, doom_manifest, &set) == 0;
	sort_unique(&set);
	for (size_t i = 0;
	     i < json_array_size(kept) && whole && set.nkept < set.n; i++)
		whole = each_manifest(
			    json_array_get(kept, i), spare_manifest, &set) == 0;
	if (whole)
		remove_doomed(&set);
	doomed_clear(&set);
}

static void
remove_lists(const struct table *before, const struct table *after,
    const struct expiry *x)
{
	const json_t *kept = json_object_get(after->root, "snapshots");
	struct doomed_set set = { .table = after, .kind = ".avro" };
	struct snapshot s;
	const char *list;

	for (size_t i = 0; i < x->n; i++)
		if (table_find_snapshot(before, x->ids[i], &s) &&
		    (list = json_string_value(
			 json_object_get(s.json, "manifest-list"))) != NULL)
			doom(&set, list);
	sort_unique(&set);
	for (size_t i = 0; i < json_array_size(kept); i++)
		if ((list = json_string_value(json_object_get(
			 json_array_get(kept, i), "manifest-list"))) != NULL)
			spare(&set, list);
	remove_doomed(&set);
	doomed_clear(&set);
}

/* Versions that fell out of the log. */
static void
remove_versions(const struct table *before, const struct table *after)
{
	const char *wanted =
	    table_property(after, "write.metadata.delete-after-commit.enabled");
	const json_t *was = json_object_get(before->root, "metadata-log");
	const json_t *is = json_object_get(after->root, "metadata-log");
	struct doomed_set set = { .table = after, .kind = ".metadata.json" };
	const char *file;

	if (wanted == NULL || strcasecmp(wanted, "true") != 0)
		return;
	for (size_t i = 0; i < json_array_size(was); i++)
		if ((file = json_string_value(json_object_get(
			 json_array_get(was, i), "metadata-file"))) != NULL)
			doom(&set, file);
	sort_unique(&set);
	for (size_t i = 0; i < json_array_size(is); i++)
		if ((file = json_string_value(json_object_get(
			 json_array_get(is, i), "metadata-file"))) != NULL)
			spare(&set, file);
	/* a log that was copied from elsewhere may name anything */
	for (int64_t v = before->version; v <= after->version; v++) {
		char *newest = hadoop_metadata_path(after->folder, v);
		spare(&set, newest);
		free(newest);
	}
	remove_doomed(&set);
	doomed_clear(&set);
}

void
expire_files(const struct table *before, const struct table *after,
    const struct expiry *x)
{
	FAULT_POINT("commit.expiring");
	if (x->n > 0) {
		remove_manifests(before, after, x);
		remove_lists(before, after, x);
	}
	remove_versions(before, after);
}
