/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a loaded table says of itself: properties, snapshots, live files.
 * Loading and creating are hadoop.c's, appending is commit.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	free(t->folder);
	free(t->location);
	free(t->uuid);
	type_clear(&t->schema);
	partition_spec_clear(&t->spec);
	free(t->sort_ids);
	json_decref(t->root);
	buf_clear(&t->text);
	store_dir_close(t->dir);
	free(t);
}

const char *
table_property(const struct table *t, const char *key)
{
	return json_string_value(
	    json_object_get(json_object_get(t->root, "properties"), key));
}

int64_t
table_property_number(const struct table *t, const char *key, int64_t fallback)
{
	const char *text = table_property(t, key);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return fallback;
	errno = 0;
	int64_t n = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' ? n : fallback;
}

int64_t
table_next_number(const struct table *t)
{
	return metadata_sequence_number(t) + 1;
}

const char *
snapshot_summary(const struct snapshot *s, const char *key)
{
	return json_string_value(
	    json_object_get(json_object_get(s->json, "summary"), key));
}

static int64_t
integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static struct snapshot
snapshot_of(const json_t *json)
{
	int64_t parent = integer(json, "parent-snapshot-id");

	return (struct snapshot){ .id = integer(json, "snapshot-id"),
		.parent = parent > 0 ? parent : 0, /* some write -1 */
		.sequence_number = integer(json, "sequence-number"),
		.timestamp_ms = integer(json, "timestamp-ms"),
		.json = json };
}

/* Index of a snapshot, searched backwards from `from` and then from the end:
 * parents mostly stand just before their children. */
static bool
find_snapshot(const json_t *list, int64_t id, size_t from, size_t *at)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		size_t k = (from + n - i) % n;
		if (integer(json_array_get(list, k), "snapshot-id") == id) {
			*at = k;
			return true;
		}
	}
	return false;
}

int
table_ancestry(const struct table *t,
    int (*each)(void *arg, const struct snapshot *), void *arg, bool *complete)
{
	const json_t *list = json_object_get(t->root, "snapshots");
	size_t n = json_array_size(list), at = n > 0 ? n - 1 : 0;
	int64_t id = t->snapshot_id;

	/* more steps than snapshots: the chain bites its own tail */
	for (size_t steps = 0; id != 0 && steps < n; steps++) {
		if (!find_snapshot(list, id, at, &at))
			break;
		struct snapshot s = snapshot_of(json_array_get(list, at));
		int rc = each(arg, &s);
		if (rc != 0)
			return rc;
		id = s.parent;
	}
	if (complete != NULL)
		*complete = id == 0;
	return 0;
}

bool
table_find_snapshot(const struct table *t, int64_t id, struct snapshot *out)
{
	const json_t *list = json_object_get(t->root, "snapshots");
	size_t n = json_array_size(list), at;

	if (id == 0 || n == 0 || !find_snapshot(list, id, n - 1, &at))
		return false;
	*out = snapshot_of(json_array_get(list, at));
	return true;
}

int
table_each_snapshot(const struct table *t,
    int (*each)(void *arg, const struct snapshot *), void *arg)
{
	const json_t *list = json_object_get(t->root, "snapshots");
	int rc = 0;

	for (size_t k = 0; k < json_array_size(list) && rc == 0; k++) {
		struct snapshot s = snapshot_of(json_array_get(list, k));
		rc = each(arg, &s);
	}
	return rc;
}

static int
each_of_manifest(const struct manifest_file *m,
    int (*each)(void *arg, const struct datafile *), void *arg, struct err *err)
{
	const char *local;

	if (m->added_files == 0 && m->existing_files == 0)
		return 0;
	if (m->content != 0)
		return err_set(err, ERR_TABLE,
		    "rows deleted by another "
		    "writer; calve cannot read delete files, compact the "
		    "table first");
	if (location_local_of(m->path, &local, err) == -1)
		return -1;
	return manifest_each_file(local, each, arg, err);
}

int
table_each_file(const struct table *t,
    int (*each)(void *arg, const struct datafile *), void *arg, struct err *err)
{
	struct manifest_list list;
	struct snapshot s;
	const char *local;
	int rc = 0;

	if (!table_find_snapshot(t, t->snapshot_id, &s))
		return 0;
	const char *path =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	if (path == NULL)
		return err_set(err, ERR_TABLE,
		    "the current snapshot has no "
		    "manifest list; rewrite the table's manifests first");
	if (location_local_of(path, &local, err) == -1 ||
	    manifest_list_read(local, &list, err) == -1)
		return -1;
	for (size_t i = 0; i < list.n && rc == 0; i++)
		rc = each_of_manifest(&list.files[i], each, arg, err);
	manifest_list_clear(&list);
	return rc;
}

struct search {
	int64_t id, inherited;
};

static int
is_of(void *arg, const struct datafile *df)
{
	const struct search *s = arg;
	int64_t id = df->snapshot_id != 0 ? df->snapshot_id : s->inherited;

	return id == s->id ? 1 : 0;
}

bool
table_holds_files_of(
    const struct table *t, int64_t snapshot_id, struct err *err)
{
	struct search search = { .id = snapshot_id };
	struct manifest_list list;
	struct snapshot s;
	const char *path, *local;
	bool found = false;

	if (!table_find_snapshot(t, t->snapshot_id, &s) ||
	    (path = json_string_value(
		 json_object_get(s.json, "manifest-list"))) == NULL ||
	    location_local_of(path, &local, err) == -1 ||
	    manifest_list_read(local, &list, err) == -1)
		return false;
	for (size_t i = 0; i < list.n && !found; i++) {
		search.inherited = list.files[i].added_snapshot_id;
		found = list.files[i].content == 0 &&
		    each_of_manifest(&list.files[i], is_of, &search, err) == 1;
	}
	manifest_list_clear(&list);
	return found;
}
