/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and checking table metadata, see metadata.h.
 *
 * The rules are those that Iceberg's Java code enforces when it loads a
 * table: what it would refuse, calve must not extend. Of schemas, specs and
 * sort orders only the current ones are understood in full; the others need
 * just be there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/id.h"
#include "common/xalloc.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/schema.h"

enum { LOG_TOLERANCE_MS = 60000, SORT_FIELDS_MAX = 1000 };

static int
broken(struct err *err, const char *what)
{
	return err_set(err, ERR_TABLE,
	    "table metadata breaks the Iceberg "
	    "specification: %s",
	    what);
}

/* A required integer of an object. */
static int
get_int(const json_t *object, const char *key, int64_t least, int64_t most,
    int64_t *out, struct err *err)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_integer(v) || json_integer_value(v) < least ||
	    json_integer_value(v) > most)
		return err_set(err, ERR_TABLE,
		    "table metadata breaks the "
		    "Iceberg specification: '%s' is missing or out of range",
		    key);
	*out = json_integer_value(v);
	return 0;
}

static int
get_id(const json_t *object, const char *key, int *out, struct err *err)
{
	int64_t n = 0;

	if (get_int(object, key, 0, INT32_MAX, &n, err) == -1)
		return -1;
	*out = (int)n;
	return 0;
}

static int
get_text(const json_t *object, const char *key, char **out, struct err *err)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text == NULL || *text == '\0')
		return err_set(err, ERR_TABLE,
		    "table metadata breaks the "
		    "Iceberg specification: '%s' is missing",
		    key);
	*out = xstrdup(text);
	return 0;
}

/* The object of an array whose integer `key` is id, or NULL. */
static const json_t *
find_by_id(const json_t *array, const char *key, int64_t id)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *o = json_array_get(array, i);
		const json_t *v = json_object_get(o, key);
		if (json_is_integer(v) && json_integer_value(v) == id)
			return o;
	}
	return NULL;
}

const json_t *
metadata_schema(const struct table *t, int id)
{
	return find_by_id(json_object_get(t->root, "schemas"), "schema-id", id);
}

const json_t *
metadata_spec(const struct table *t, int id)
{
	return find_by_id(
	    json_object_get(t->root, "partition-specs"), "spec-id", id);
}

int64_t
metadata_sequence_number(const struct table *t)
{
	return json_integer_value(
	    json_object_get(t->root, "last-sequence-number"));
}

static int
load_version(const json_t *root, struct err *err)
{
	int64_t version = 0;

	if (!json_is_object(root))
		return broken(err, "it is not a JSON object");
	if (get_int(root, "format-version", 1, INT32_MAX, &version, err) == -1)
		return -1;
	if (version == 1)
		return err_set(err, ERR_TABLE,
		    "the table has Iceberg format "
		    "version 1; set its property format-version to 2 first");
	if (version != 2)
		return err_set(err, ERR_TABLE,
		    "the table has Iceberg format "
		    "version %lld; calve writes version 2",
		    (long long)version);
	return 0;
}

static int
load_schema(struct table *t, struct err *err)
{
	int id;

	if (get_id(t->root, "last-column-id", &t->last_column_id, err) == -1 ||
	    get_id(t->root, "current-schema-id", &t->schema_id, err) == -1)
		return -1;
	const json_t *json = metadata_schema(t, t->schema_id);
	if (json == NULL)
		return broken(err, "the current schema is not listed");
	if (schema_from_json(json, &t->schema, &id, err) == -1)
		return err_prefix(err, "current schema");
	if (type_highest_id(&t->schema) > t->last_column_id)
		return broken(err, "'last-column-id' is below a column's id");
	return 0;
}

static int
load_spec(struct table *t, struct err *err)
{
	int id;

	if (get_id(t->root, "default-spec-id", &id, err) == -1)
		return -1;
	const json_t *json = metadata_spec(t, id);
	if (json == NULL)
		return broken(err, "the default partition spec is not listed");
	if (partition_spec_from_json(json, &t->spec, err) == -1)
		return err_prefix(err, "partition spec");
	for (size_t i = 0; i < t->spec.nfields; i++)
		if (t->spec.fields[i].transform != TRANSFORM_VOID &&
		    type_find_id(&t->schema, t->spec.fields[i].source_id) ==
			NULL)
			return broken(err,
			    "a partition field's column is not in the schema");
	return 0;
}

static int
load_sort_order(struct table *t, struct err *err)
{
	if (get_id(t->root, "default-sort-order-id", &t->sort_order_id, err) ==
	    -1)
		return -1;
	const json_t *order =
	    find_by_id(json_object_get(t->root, "sort-orders"), "order-id",
		t->sort_order_id);
	/* order 0 means unsorted even where nobody lists it */
	if (order == NULL)
		return t->sort_order_id == 0
		    ? 0
		    : broken(err, "the default sort order is not listed");
	const json_t *fields = json_object_get(order, "fields");
	size_t n = json_array_size(fields);
	if (n > SORT_FIELDS_MAX)
		return broken(err, "the sort order has too many fields");
	t->sort_ids = xcalloc(n + 1, sizeof(*t->sort_ids));
	for (; t->nsort < n; t->nsort++)
		if (get_id(json_array_get(fields, t->nsort), "source-id",
			&t->sort_ids[t->nsort], err) == -1)
			return -1;
	return 0;
}

/* An optional object of texts. */
static int
check_texts(const json_t *parent, const char *key, struct err *err)
{
	json_t *object = json_object_get(parent, key), *value;
	const char *name;

	if (object == NULL || json_is_null(object))
		return 0;
	if (!json_is_object(object))
		return err_set(err, ERR_TABLE,
		    "table metadata breaks the "
		    "Iceberg specification: '%s' is not an object",
		    key);
	json_object_foreach(object, name,
	    value) if (!json_is_string(value)) return err_set(err, ERR_TABLE,
	    "table metadata breaks "
	    "the Iceberg specification: '%s' in '%s' is not a "
	    "text",
	    name, key);
	return 0;
}

static int
check_snapshot(const json_t *s, int64_t last_sequence, struct err *err)
{
	const json_t *parent = json_object_get(s, "parent-snapshot-id");
	int64_t id = 0, sequence = 0, time = 0;

	if (get_int(s, "snapshot-id", 1, INT64_MAX, &id, err) == -1 ||
	    get_int(s, "timestamp-ms", 0, INT64_MAX, &time, err) == -1)
		return -1;
	if (parent != NULL && !json_is_null(parent) && !json_is_integer(parent))
		return broken(err, "a snapshot's parent is not a number");
	/* snapshots from before an upgrade to version 2 have no number */
	if (json_object_get(s, "sequence-number") != NULL &&
	    get_int(s, "sequence-number", 0, last_sequence, &sequence, err) ==
		-1)
		return -1;
	return check_texts(s, "summary", err);
}

static int
compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
check_unique(const json_t *snapshots, struct err *err)
{
	size_t n = json_array_size(snapshots), i;
	int64_t *ids = xcalloc(n + 1, sizeof(*ids));

	for (i = 0; i < n; i++)
		ids[i] = json_integer_value(json_object_get(
		    json_array_get(snapshots, i), "snapshot-id"));
	qsort(ids, n, sizeof(*ids), compare_ids);
	for (i = 1; i < n; i++)
		if (ids[i] == ids[i - 1])
			break;
	free(ids);
	return i < n ? broken(err, "two snapshots have one id") : 0;
}

static int
check_refs(const struct table *t, const json_t *snapshots, struct err *err)
{
	json_t *refs = json_object_get(t->root, "refs"), *ref;
	const char *name;
	int64_t id = 0;

	if (refs == NULL || json_is_null(refs))
		return 0;
	if (!json_is_object(refs))
		return broken(err, "'refs' is not an object");
	json_object_foreach(refs, name, ref)
	{
		if (get_int(ref, "snapshot-id", 1, INT64_MAX, &id, err) == -1)
			return -1;
		if (strcmp(name, "main") == 0 && id != t->snapshot_id)
			return broken(err,
			    "branch 'main' is not the current "
			    "snapshot");
		if (find_by_id(snapshots, "snapshot-id", id) == NULL)
			return broken(err,
			    "a branch or tag names a snapshot "
			    "that is not listed");
	}
	return 0;
}

static int
load_snapshots(struct table *t, struct err *err)
{
	const json_t *list = json_object_get(t->root, "snapshots");
	const json_t *current = json_object_get(t->root, "current-snapshot-id");
	int64_t last = 0;

	if (get_int(t->root, "last-sequence-number", 0, INT64_MAX - 1, &last,
		err) == -1)
		return -1;
	if (list != NULL && !json_is_null(list) && !json_is_array(list))
		return broken(err, "'snapshots' is not a list");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (check_snapshot(json_array_get(list, i), last, err) == -1)
			return -1;
	if (check_unique(list, err) == -1)
		return -1;
	if (current != NULL && !json_is_null(current)) {
		if (!json_is_integer(current))
			return broken(
			    err, "'current-snapshot-id' is no number");
		t->snapshot_id = json_integer_value(current);
		if (t->snapshot_id == -1)
			t->snapshot_id = 0;
		else if (find_by_id(list, "snapshot-id", t->snapshot_id) ==
		    NULL)
			return broken(
			    err, "the current snapshot is not listed");
	}
	return check_refs(t, list, err);
}

/* Logs ascend, with a minute's tolerance, and so does last-updated-ms. */
static int
check_log(
    const json_t *root, const char *key, int64_t last_updated, struct err *err)
{
	const json_t *log = json_object_get(root, key);
	int64_t before = 0, time = 0;

	if (log == NULL || json_is_null(log))
		return 0;
	if (!json_is_array(log))
		return broken(err, "a log is not a list");
	for (size_t i = 0; i < json_array_size(log); i++) {
		if (get_int(json_array_get(log, i), "timestamp-ms", 0,
			INT64_MAX, &time, err) == -1)
			return -1;
		if (before > LOG_TOLERANCE_MS &&
		    time < before - LOG_TOLERANCE_MS)
			return err_set(err, ERR_TABLE,
			    "table metadata breaks "
			    "the Iceberg specification: '%s' is not in order "
			    "of time",
			    key);
		before = time;
	}
	if (before > LOG_TOLERANCE_MS &&
	    last_updated < before - LOG_TOLERANCE_MS)
		return err_set(err, ERR_TABLE,
		    "table metadata breaks the "
		    "Iceberg specification: 'last-updated-ms' is before the "
		    "end of '%s'",
		    key);
	return 0;
}

static int
load_rest(struct table *t, struct err *err)
{
	int64_t updated = 0, partition_id = 0;
	uint8_t uuid[16];

	if (get_text(t->root, "table-uuid", &t->uuid, err) == -1 ||
	    get_text(t->root, "location", &t->location, err) == -1 ||
	    get_int(t->root, "last-updated-ms", 0, INT64_MAX / 2, &updated,
		err) == -1 ||
	    get_int(t->root, "last-partition-id", 0, INT32_MAX, &partition_id,
		err) == -1 ||
	    check_texts(t->root, "properties", err) == -1 ||
	    check_log(t->root, "snapshot-log", updated, err) == -1 ||
	    check_log(t->root, "metadata-log", updated, err) == -1)
		return -1;
	if (!uuid_parse(t->uuid, uuid))
		return broken(err, "'table-uuid' is not a UUID");
	/* readers join with a slash of their own */
	size_t n = strlen(t->location);
	while (n > 1 && t->location[n - 1] == '/')
		t->location[--n] = '\0';
	return 0;
}

struct table *
metadata_load(json_t *root_take, struct err *err)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->root = root_take;
	if (load_version(t->root, err) == -1 || load_rest(t, err) == -1 ||
	    load_schema(t, err) == -1 || load_spec(t, err) == -1 ||
	    load_sort_order(t, err) == -1 || load_snapshots(t, err) == -1) {
		table_free(t);
		return NULL;
	}
	return t;
}

struct table *
metadata_parse(const void *text, size_t n, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);

	if (root == NULL) {
		err_set(err, ERR_TABLE,
		    "table metadata is not JSON: %s, line "
		    "%d",
		    why.text, why.line);
		return NULL;
	}
	return metadata_load(root, err);
}
