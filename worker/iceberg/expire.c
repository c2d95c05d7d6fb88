/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expiring snapshots, see expire.h.
 *
 * A file is removed only when every list that the newest version keeps has been
 * read and none names it. A crash in between leaves files that nothing names,
 * never a name without its file.
 *
 * Versions go by number, and a number is no name of its own: they go from the
 * folder that is held open, oldest first, and only those of our table.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/iceberg/doomed.h"
#include "worker/iceberg/expire.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/store/store.h"

enum { MIN_SNAPSHOTS = 100, VERSION_MAX_BYTES = 1 << 28 };

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

struct dooming {
	const struct table *table;
	const char *kind; /* what their names have to contain */
	struct doomed_set set;
};

/* A recorded path to a file of the metadata folder; others are not ours to
 * remove. */
static bool
is_inside(const struct table *t, const char *local)
{
	size_t n = strlen(t->folder);

	return local != NULL && strncmp(local, t->folder, n) == 0 &&
	    strncmp(local + n, "/metadata/", 10) == 0 &&
	    strchr(local + n + 10, '/') == NULL && local[n + 10] != '\0';
}

static void
doom(struct dooming *d, const char *recorded)
{
	const char *local = location_local(recorded);

	if (is_inside(d->table, local) &&
	    strstr(strrchr(local, '/'), d->kind) != NULL)
		doomed_add(&d->set, local);
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
	struct dooming *d = arg;

	doomed_spare(&d->set, recorded);
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
remove_manifests(const struct table *before, const struct table *newest,
    const struct expiry *x)
{
	const json_t *kept = json_object_get(newest->root, "snapshots");
	struct dooming d = { .table = newest, .kind = ".avro" };
	struct snapshot s;
	bool whole = true;

	for (size_t i = 0; i < x->n; i++)
		if (table_find_snapshot(before, x->ids[i], &s))
			whole &= each_manifest(s.json, doom_manifest, &d) == 0;
	doomed_sort(&d.set);
	for (size_t i = 0;
	     i < json_array_size(kept) && whole && d.set.nkept < d.set.n; i++)
		whole = each_manifest(
			    json_array_get(kept, i), spare_manifest, &d) == 0;
	if (whole)
		(void)doomed_remove(&d.set, newest->dir);
	doomed_clear(&d.set);
}

static void
remove_lists(const struct table *before, const struct table *newest,
    const struct expiry *x)
{
	const json_t *kept = json_object_get(newest->root, "snapshots");
	struct dooming d = { .table = newest, .kind = ".avro" };
	struct snapshot s;
	const char *list;

	for (size_t i = 0; i < x->n; i++)
		if (table_find_snapshot(before, x->ids[i], &s) &&
		    (list = json_string_value(
			 json_object_get(s.json, "manifest-list"))) != NULL)
			doom(&d, list);
	doomed_sort(&d.set);
	for (size_t i = 0; i < json_array_size(kept); i++)
		if ((list = json_string_value(json_object_get(
			 json_array_get(kept, i), "manifest-list"))) != NULL)
			doomed_spare(&d.set, list);
	(void)doomed_remove(&d.set, newest->dir);
	doomed_clear(&d.set);
}

/* The file's text holds the table's uuid, so it is none of a table that was
 * made again in this folder. */
static bool
is_version_of(const struct table *t, const char *path)
{
	struct err ignored;
	struct buf text;

	buf_init(&text, 0);
	bool is = store_read_in(
		      t->dir, path, &text, VERSION_MAX_BYTES, &ignored) == 0 &&
	    text.len > 0 &&
	    memmem(text.data, text.len, t->uuid, strlen(t->uuid)) != NULL;
	buf_clear(&text);
	return is;
}

/* Versions that fell out of the log. */
static void
remove_versions(const struct table *before, const struct table *newest)
{
	const char *wanted = table_property(
	    newest, "write.metadata.delete-after-commit.enabled");
	const json_t *was = json_object_get(before->root, "metadata-log");
	const json_t *is = json_object_get(newest->root, "metadata-log");
	struct dooming d = { .table = newest, .kind = ".metadata.json" };
	const char *file;

	if (wanted == NULL || strcasecmp(wanted, "true") != 0)
		return;
	for (size_t i = 0; i < json_array_size(was); i++)
		if ((file = json_string_value(json_object_get(
			 json_array_get(was, i), "metadata-file"))) != NULL)
			doom(&d, file);
	doomed_sort(&d.set);
	for (size_t i = 0; i < json_array_size(is); i++)
		if ((file = json_string_value(json_object_get(
			 json_array_get(is, i), "metadata-file"))) != NULL)
			doomed_spare(&d.set, file);
	/* a log that was copied from elsewhere may name anything */
	for (int64_t v = before->version; v <= newest->version; v++) {
		char *path = hadoop_metadata_path(newest->folder, v);
		doomed_spare(&d.set, path);
		free(path);
	}
	for (size_t i = 0; i < d.set.n; i++)
		if (!d.set.list[i].kept &&
		    !is_version_of(newest, d.set.list[i].path))
			doomed_spare(&d.set, d.set.list[i].path);
	(void)doomed_remove(&d.set, newest->dir);
	doomed_clear(&d.set);
}

static void
remove_files(const struct table *before, const struct table *newest,
    const struct expiry *x)
{
	if (x->n > 0) {
		remove_manifests(before, newest, x);
		remove_lists(before, newest, x);
	}
	remove_versions(before, newest);
}

void
expire_files(const struct table *before, const struct table *after,
    const struct expiry *x)
{
	struct table *newest;
	struct err ignored;
	int64_t version;

	FAULT_POINT("commit.expiring");
	if (hadoop_newest(after->dir, after->folder, &version, &ignored) == -1)
		return;
	if (version <= after->version) {
		remove_files(before, after, x);
		return;
	}
	/* others have committed since: what theirs names stays */
	if (hadoop_load(after->folder, &newest, &ignored) == 1) {
		if (strcmp(newest->uuid, after->uuid) == 0)
			remove_files(before, newest, x);
		table_free(newest);
	}
}
