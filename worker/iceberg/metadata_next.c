/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table metadata as calve writes it: a table's first version, and the next
 * one with a snapshot more. What changes is copied, everything else is shared
 * with the version before, which stays untouched.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/schema.h"

enum { METADATA_LOG_MAX = 100, NO_PARTITION_ID = 999, SORTED = 1 };

static json_t *
sort_order(const struct table_create *c)
{
	json_t *fields = json_array();

	for (size_t i = 0; i < c->nsort; i++)
		json_array_append_new(fields,
		    json_pack("{s:s, s:i, s:s, s:s}", "transform", "identity",
			"source-id", c->sort_ids[i], "direction", "asc",
			"null-order", "nulls-first"));
	return json_pack("{s:i, s:o}", "order-id", c->nsort > 0 ? SORTED : 0,
	    "fields", fields);
}

/* Appends what cannot be written as UTF-8 as an error. */
static int
set_properties(json_t *object, const struct kv *kv, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (kv[i].value == NULL)
			json_object_del(object, kv[i].key);
		else if (json_object_set_new(
			     object, kv[i].key, json_string(kv[i].value)) == -1)
			return err_set(err, ERR_CONFIG,
			    "table property '%s' "
			    "is not UTF-8",
			    kv[i].key);
	return 0;
}

json_t *
metadata_create(const struct table_create *c, const char *uuid,
    const char *location, int64_t now_ms, struct err *err)
{
	int last_partition_id = NO_PARTITION_ID;
	json_t *properties = json_object();

	for (size_t i = 0; i < c->spec->nfields; i++)
		if (c->spec->fields[i].field_id > last_partition_id)
			last_partition_id = c->spec->fields[i].field_id;
	if (set_properties(properties, c->properties, c->nproperties, err) ==
	    -1) {
		json_decref(properties);
		return NULL;
	}
	json_t *root = json_pack(
	    "{s:i, s:s, s:s, s:i, s:I, s:i, s:i, s:[o],"
	    "s:i, s:[o], s:i, s:i, s:[o], s:o, s:i, s:{}, s:[], s:[], s:[],"
	    "s:[]}",
	    "format-version", 2, "table-uuid", uuid, "location", location,
	    "last-sequence-number", 0, "last-updated-ms", (json_int_t)now_ms,
	    "last-column-id", c->last_column_id, "current-schema-id", 0,
	    "schemas", schema_to_json(c->schema, 0), "default-spec-id",
	    c->spec->id, "partition-specs", partition_spec_to_json(c->spec),
	    "last-partition-id", last_partition_id, "default-sort-order-id",
	    c->nsort > 0 ? SORTED : 0, "sort-orders", sort_order(c),
	    "properties", properties, "current-snapshot-id", -1, "refs",
	    "snapshots", "statistics", "snapshot-log", "metadata-log");
	if (root == NULL)
		err_set(err, ERR_TYPE,
		    "the table's path or a name in it is "
		    "not UTF-8, which Iceberg's metadata has to be");
	return root;
}

/* The member as a list of our own to change, put in place of the old. */
static json_t *
own_array(json_t *root, const char *key)
{
	const json_t *old = json_object_get(root, key);
	json_t *copy = json_array();

	for (size_t i = 0; i < json_array_size(old); i++)
		json_array_append(copy, json_array_get(old, i));
	json_object_set_new(root, key, copy);
	return copy;
}

static json_t *
own_object(json_t *root, const char *key)
{
	json_t *old = json_object_get(root, key);
	json_t *copy = json_is_object(old) ? json_copy(old) : json_object();

	json_object_set_new(root, key, copy);
	return copy;
}

static bool
same_fields(const json_t *a, const json_t *b)
{
	return json_equal(
	    json_object_get(a, "fields"), json_object_get(b, "fields"));
}

int
metadata_schema_id(const struct table *t, const struct type *schema)
{
	const json_t *list = json_object_get(t->root, "schemas");
	json_t *json = schema_to_json(schema, 0);
	int highest = -1, found = -1;

	for (size_t i = 0; i < json_array_size(list) && found == -1; i++) {
		const json_t *s = json_array_get(list, i);
		int id =
		    (int)json_integer_value(json_object_get(s, "schema-id"));
		if (same_fields(s, json))
			found = id;
		if (id > highest && id < INT32_MAX)
			highest = id;
	}
	json_decref(json);
	return found != -1 ? found : highest + 1;
}

/* Identifier fields go along as long as they are still required. */
static void
keep_identifiers(json_t *to, const json_t *from, const struct type *schema)
{
	const json_t *ids = json_object_get(from, "identifier-field-ids");
	json_t *kept = json_array();

	for (size_t i = 0; i < json_array_size(ids); i++) {
		json_t *id = json_array_get(ids, i);
		const struct field *f =
		    type_find_id(schema, (int)json_integer_value(id));
		if (f != NULL && f->required)
			json_array_append(kept, id);
	}
	if (json_array_size(kept) > 0)
		json_object_set(to, "identifier-field-ids", kept);
	json_decref(kept);
}

static void
set_schema(json_t *root, const struct table *t, const struct metadata_append *a)
{
	int id = metadata_schema_id(t, a->schema);

	if (metadata_schema(t, id) == NULL) {
		json_t *json = schema_to_json(a->schema, id);
		keep_identifiers(
		    json, metadata_schema(t, t->schema_id), a->schema);
		json_array_append_new(own_array(root, "schemas"), json);
	}
	json_object_set_new(root, "current-schema-id", json_integer(id));
	if (a->last_column_id > t->last_column_id)
		json_object_set_new(
		    root, "last-column-id", json_integer(a->last_column_id));
}

static void
add_snapshot(json_t *root, const struct table *t,
    const struct metadata_append *a, int64_t time)
{
	int64_t sequence = metadata_sequence_number(t) + 1;
	json_t *s = json_pack("{s:I, s:I}", "sequence-number",
	    (json_int_t)sequence, "snapshot-id", (json_int_t)a->snapshot_id);

	if (t->snapshot_id != 0)
		json_object_set_new(
		    s, "parent-snapshot-id", json_integer(t->snapshot_id));
	json_object_set_new(s, "timestamp-ms", json_integer(time));
	json_object_set(s, "summary", a->summary);
	json_object_set_new(s, "manifest-list", json_string(a->manifest_list));
	json_object_set(
	    s, "schema-id", json_object_get(root, "current-schema-id"));

	json_object_set_new(
	    root, "last-sequence-number", json_integer(sequence));
	json_object_set_new(
	    root, "current-snapshot-id", json_integer(a->snapshot_id));
	json_array_append_new(own_array(root, "snapshots"), s);
	json_array_append_new(own_array(root, "snapshot-log"),
	    json_pack("{s:I, s:I}", "timestamp-ms", (json_int_t)time,
		"snapshot-id", (json_int_t)a->snapshot_id));

	/* main may carry its own retention settings */
	json_t *main_ref = own_object(own_object(root, "refs"), "main");
	json_object_set_new(
	    main_ref, "snapshot-id", json_integer(a->snapshot_id));
	json_object_set_new(main_ref, "type", json_string("branch"));
}

static bool
is_expired(const struct metadata_append *a, const json_t *with_id)
{
	int64_t id =
	    json_integer_value(json_object_get(with_id, "snapshot-id"));

	for (size_t i = 0; i < a->nexpired; i++)
		if (a->expired[i] == id)
			return true;
	return false;
}

/* The log has to begin after the last entry whose snapshot is gone. */
static void
leave_out_expired(json_t *root, const struct metadata_append *a)
{
	json_t *snapshots = own_array(root, "snapshots");
	json_t *log = own_array(root, "snapshot-log");

	for (size_t i = json_array_size(snapshots); i > 0; i--)
		if (is_expired(a, json_array_get(snapshots, i - 1)))
			json_array_remove(snapshots, i - 1);
	size_t first = json_array_size(log);
	while (first > 0 && !is_expired(a, json_array_get(log, first - 1)))
		first--;
	while (first-- > 0)
		json_array_remove(log, 0);
}

static void
log_metadata(
    json_t *root, const struct table *t, const struct metadata_append *a)
{
	const char *text =
	    table_property(t, "write.metadata.previous-versions-max");
	long most = text != NULL ? strtol(text, NULL, 10) : METADATA_LOG_MAX;
	json_t *log = own_array(root, "metadata-log");

	json_array_append_new(log,
	    json_pack("{s:O, s:s}", "timestamp-ms",
		json_object_get(t->root, "last-updated-ms"), "metadata-file",
		a->metadata_file));
	while (json_array_size(log) > (size_t)(most > 1 ? most : 1))
		json_array_remove(log, 0);
}

/* Time never runs backwards in a table, whatever the clocks of its writers
 * do. */
static int64_t
next_time(const struct table *t, int64_t now_ms)
{
	int64_t last =
	    json_integer_value(json_object_get(t->root, "last-updated-ms"));
	const json_t *log = json_object_get(t->root, "snapshot-log");
	size_t n = json_array_size(log);

	if (n > 0) {
		int64_t time = json_integer_value(json_object_get(
		    json_array_get(log, n - 1), "timestamp-ms"));
		if (time > last)
			last = time;
	}
	return now_ms > last ? now_ms : last + 1;
}

json_t *
metadata_append(
    const struct table *t, const struct metadata_append *a, struct err *err)
{
	json_t *root = json_copy(t->root);
	int64_t time = next_time(t, a->now_ms);

	if (set_properties(own_object(root, "properties"), a->properties,
		a->nproperties, err) == -1) {
		json_decref(root);
		return NULL;
	}
	if (a->schema != NULL)
		set_schema(root, t, a);
	log_metadata(root, t, a);
	if (a->nexpired > 0)
		leave_out_expired(root, a);
	add_snapshot(root, t, a, time);
	json_object_set_new(root, "last-updated-ms", json_integer(time));
	return root;
}

int
metadata_text(const json_t *root, struct buf *out, struct err *err)
{
	char *text = json_dumps(root, JSON_COMPACT);

	if (text == NULL)
		return err_set(err, ERR_BUG,
		    "table metadata cannot be "
		    "written as JSON");
	buf_put(out, text, strlen(text));
	free(text);
	return 0;
}
