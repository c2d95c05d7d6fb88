/* SPDX-License-Identifier: Apache-2.0 */
/* Table metadata: what is kept, what is added, what is refused. */
#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/iceberg/fits.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/schema.h"
#include "worker/iceberg/summary.h"

static struct err err;

/* A table as another engine may have left it: two snapshots, keys that calve
 * does not know, ids beyond what a double holds. */
static const char foreign[] =
    "{\"format-version\":2,"
    "\"table-uuid\":\"9c12d441-03fe-4693-9a96-a0705ddf69c1\","
    "\"location\":\"file:///w/a/t/\",\"last-sequence-number\":34,"
    "\"last-updated-ms\":1602638573590,\"last-column-id\":3,"
    "\"current-schema-id\":1,\"schemas\":[{\"type\":\"struct\","
    "\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":\"x\",\"required\":true,"
    "\"type\":\"long\"}]},{\"type\":\"struct\",\"schema-id\":1,"
    "\"identifier-field-ids\":[1,2],\"fields\":[{\"id\":1,\"name\":\"x\","
    "\"required\":true,\"type\":\"long\"},{\"id\":2,\"name\":\"y\","
    "\"required\":true,\"type\":\"long\",\"doc\":\"comment\"},{\"id\":3,"
    "\"name\":\"z\",\"required\":false,\"type\":\"string\"}]}],"
    "\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,\"fields\":"
    "[{\"name\":\"x\",\"transform\":\"identity\",\"source-id\":1,"
    "\"field-id\":1000}]}],\"last-partition-id\":1000,"
    "\"default-sort-order-id\":3,\"sort-orders\":[{\"order-id\":3,"
    "\"fields\":[{\"transform\":\"identity\",\"source-id\":2,\"direction\":"
    "\"asc\",\"null-order\":\"nulls-first\"},{\"transform\":\"bucket[4]\","
    "\"source-id\":3,\"direction\":\"desc\",\"null-order\":\"nulls-last\"}]}],"
    "\"properties\":{\"read.split.target.size\":\"134217728\"},"
    "\"current-snapshot-id\":9055729160000000003,\"snapshots\":["
    "{\"snapshot-id\":3051729675574597004,\"timestamp-ms\":1515100955770,"
    "\"sequence-number\":0,\"summary\":{\"operation\":\"append\"},"
    "\"manifest-list\":\"s3://a/b/1.avro\"},"
    "{\"snapshot-id\":9055729160000000003,\"parent-snapshot-id\":"
    "3051729675574597004,\"timestamp-ms\":1555100955770,"
    "\"sequence-number\":1,\"summary\":{\"operation\":\"append\","
    "\"total-records\":\"10\",\"total-data-files\":\"-1\","
    "\"total-files-size\":\"x\"},"
    "\"manifest-list\":\"s3://a/b/2.avro\",\"schema-id\":1,"
    "\"first-row-id\":7}],\"snapshot-log\":["
    "{\"snapshot-id\":3051729675574597004,\"timestamp-ms\":1515100955770},"
    "{\"snapshot-id\":9055729160000000003,\"timestamp-ms\":1555100955770}],"
    "\"metadata-log\":[],\"refs\":{\"main\":{\"snapshot-id\":"
    "9055729160000000003,\"type\":\"branch\",\"max-snapshot-age-ms\":5},"
    "\"audit\":{\"snapshot-id\":3051729675574597004,\"type\":\"tag\"}},"
    "\"statistics\":[{\"snapshot-id\":3051729675574597004}],"
    "\"unknown-key\":{\"pi\":3.25,\"big\":9007199254740993}}";

static json_t *
root_of(const char *text)
{
	json_error_t why;
	json_t *root = json_loads(text, 0, &why);

	ck_assert_msg(root != NULL, "%s", why.text);
	return root;
}

static struct table *
load(const char *text)
{
	struct table *t = metadata_parse(text, strlen(text), &err);

	ck_assert_msg(t != NULL, "%s", err.text);
	return t;
}

static int64_t
number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	ck_assert_msg(json_is_integer(v), "%s", key);
	return json_integer_value(v);
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	ck_assert_msg(s != NULL, "%s", key);
	return s;
}

static json_t *
last_of(const json_t *o, const char *key)
{
	const json_t *list = json_object_get(o, key);

	ck_assert(json_array_size(list) > 0);
	return json_array_get(list, json_array_size(list) - 1);
}

START_TEST(a_foreign_table_is_understood)
{
	struct table *t = load(foreign);

	ck_assert_str_eq(t->location, "file:///w/a/t");
	ck_assert_str_eq(t->uuid, "9c12d441-03fe-4693-9a96-a0705ddf69c1");
	ck_assert_int_eq(t->schema_id, 1);
	ck_assert_uint_eq(t->schema.nfields, 3);
	ck_assert_int_eq(t->last_column_id, 3);
	ck_assert_uint_eq(t->spec.nfields, 1);
	ck_assert_int_eq(t->sort_order_id, 3);
	ck_assert_uint_eq(t->nsort, 2);
	ck_assert_int_eq(t->sort_ids[1], 3);
	ck_assert(t->snapshot_id == INT64_C(9055729160000000003));
	ck_assert_str_eq(
	    table_property(t, "read.split.target.size"), "134217728");
	ck_assert_ptr_null(table_property(t, "nobody"));
	table_free(t);
}
END_TEST

/* ---- ancestry --------------------------------------------------------- */

struct seen {
	int64_t id[8];
	size_t n, stop;
};

static int
see(void *arg, const struct snapshot *s)
{
	struct seen *seen = arg;

	ck_assert_uint_lt(seen->n, 8);
	seen->id[seen->n++] = s->id;
	return seen->n == seen->stop ? 9 : 0;
}

START_TEST(ancestry_is_walked_to_the_root)
{
	struct table *t = load(foreign);
	struct seen seen = { .n = 0 };
	struct snapshot s;
	bool complete = false;

	ck_assert_int_eq(table_ancestry(t, see, &seen, &complete), 0);
	ck_assert(complete);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert(seen.id[0] == INT64_C(9055729160000000003));
	ck_assert(seen.id[1] == INT64_C(3051729675574597004));
	seen = (struct seen){ .stop = 1 };
	ck_assert_int_eq(table_ancestry(t, see, &seen, NULL), 9);
	ck_assert(table_find_snapshot(t, INT64_C(3051729675574597004), &s));
	ck_assert_int_eq(s.parent, 0);
	ck_assert_str_eq(snapshot_summary(&s, "operation"), "append");
	ck_assert_ptr_null(snapshot_summary(&s, "total-records"));
	ck_assert(!table_find_snapshot(t, 1, &s));
	ck_assert(!table_find_snapshot(t, 0, &s));
	table_free(t);
}
END_TEST

/* Sets parents of both snapshots; 0: none. */
static void
ancestry_of(int64_t first, int64_t second, size_t expect, bool complete)
{
	json_t *root = root_of(foreign);
	json_t *list = json_object_get(root, "snapshots");
	int64_t parent[] = { first, second };
	struct seen seen = { .n = 0 };
	bool is_complete;

	for (size_t i = 0; i < 2; i++)
		json_object_set_new(json_array_get(list, i),
		    "parent-snapshot-id",
		    parent[i] == 0 ? json_null() : json_integer(parent[i]));
	struct table *t = metadata_load(root, &err);
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(table_ancestry(t, see, &seen, &is_complete), 0);
	ck_assert_uint_eq(seen.n, expect);
	ck_assert_int_eq(is_complete, complete);
	table_free(t);
}

START_TEST(broken_chains_end)
{
	ancestry_of(0, INT64_C(3051729675574597004), 2, true);
	ancestry_of(-1, INT64_C(3051729675574597004), 2, true);
	ancestry_of(0, 0, 1, true);
	ancestry_of(77, INT64_C(3051729675574597004), 2, false);
	ancestry_of(0, 77, 1, false);
	/* a ring */
	ancestry_of(INT64_C(9055729160000000003), INT64_C(3051729675574597004),
	    2, false);
	ancestry_of(0, INT64_C(9055729160000000003), 2, false);
}
END_TEST

/* ---- what is refused -------------------------------------------------- */

/* The foreign table with one member set (or removed: value ""). */
static void
is_refused(const char *key, const char *value)
{
	json_t *root = root_of(foreign);

	if (*value == '\0')
		json_object_del(root, key);
	else
		ck_assert_int_eq(json_object_set_new(root, key,
				     json_loads(value, JSON_DECODE_ANY, NULL)),
		    0);
	err_clear(&err);
	struct table *t = metadata_load(root, &err);
	ck_assert_msg(t == NULL, "%s: %s", key, value);
	ck_assert_int_eq(err.cls, ERR_TABLE);
}

START_TEST(broken_metadata_is_refused)
{
	static const char *const required[] = { "format-version", "table-uuid",
		"location", "last-sequence-number", "last-updated-ms",
		"last-column-id", "current-schema-id", "schemas",
		"default-spec-id", "partition-specs", "last-partition-id",
		"default-sort-order-id" };
	static const char *const bad[][2] = {
		{ "format-version", "1" },
		{ "format-version", "3" },
		{ "format-version", "\"2\"" },
		{ "table-uuid", "\"x\"" },
		{ "location", "\"\"" },
		{ "last-sequence-number", "0" },
		{ "last-sequence-number", "9223372036854775807" },
		{ "last-column-id", "2" },
		{ "current-schema-id", "7" },
		{ "schemas", "{}" },
		{ "default-spec-id", "4" },
		{ "default-sort-order-id", "1" },
		{ "current-snapshot-id", "1" },
		{ "current-snapshot-id", "1.5" },
		{ "current-snapshot-id", "-1" }, /* main disagrees */
		{ "current-snapshot-id", "3051729675574597004" },
		{ "refs", "[]" },
		{ "refs", "{\"main\":{}}" },
		{ "refs", "{\"b\":{\"snapshot-id\":5}}" },
		{ "properties", "{\"a\":1}" },
		{ "properties", "[]" },
		{ "snapshots", "{}" },
		{ "snapshots", "[1]" },
		{ "snapshots", "[{\"snapshot-id\":1}]" },
		{ "snapshot-log", "[{}]" },
		{ "metadata-log", "{}" },
		{ "metadata-log",
		    "[{\"timestamp-ms\":1000000},"
		    "{\"timestamp-ms\":939999}]" },
		{ "metadata-log", "[{\"timestamp-ms\":9000000000000}]" },
		{ "partition-specs",
		    "[{\"spec-id\":0,\"fields\":[{\"name\":"
		    "\"q\",\"transform\":\"identity\",\"source-id\":9,"
		    "\"field-id\":1000}]}]" },
		{ "sort-orders", "[{\"order-id\":3,\"fields\":[{}]}]" },
	};
	for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
		is_refused(required[i], "");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_refused(bad[i][0], bad[i][1]);
}
END_TEST

START_TEST(broken_snapshots_are_refused)
{
	static const char *const bad[][2] = {
		{ "snapshot-id", "3051729675574597004" }, /* twice */
		{ "snapshot-id", "-5" }, { "snapshot-id", "1.0" },
		{ "sequence-number", "35" }, { "sequence-number", "-1" },
		{ "timestamp-ms", "\"1\"" }, { "summary", "{\"operation\":1}" },
		{ "summary", "3" }, { "parent-snapshot-id", "\"1\"" }
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		json_t *root = root_of(foreign);
		json_object_set_new(last_of(root, "snapshots"), bad[i][0],
		    json_loads(bad[i][1], JSON_DECODE_ANY, NULL));
		struct table *t = metadata_load(root, &err);
		ck_assert_msg(t == NULL, "%s %s", bad[i][0], bad[i][1]);
	}
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
	static const char *const bad[] = { "", "{", "[]", "null",
		"{\"format-version\":2}x",
		"{\"format-version\":2,\"format-version\":2}",
		"{\"last-updated-ms\":99999999999999999999}",
		"{\"a\":\"\\u0000\"}" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(
		    metadata_parse(bad[i], strlen(bad[i]), &err) == NULL, "%s",
		    bad[i]);
	for (size_t n = 0; n < sizeof foreign - 1; n += 7)
		ck_assert_ptr_null(metadata_parse(foreign, n, &err));
}
END_TEST

START_TEST(logs_may_jitter_by_a_minute)
{
	json_t *root = root_of(foreign);

	json_object_set_new(root, "metadata-log",
	    json_loads("[{\"timestamp-ms\":100000},{\"timestamp-ms\":40000}]",
		0, NULL));
	struct table *t = metadata_load(root, &err);
	ck_assert_ptr_nonnull(t);
	table_free(t);
}
END_TEST

START_TEST(no_snapshot_is_said_in_three_ways)
{
	static const char *const none[] = { "-1", "null", "" };

	for (int i = 0; i < 3; i++) {
		json_t *root = root_of(foreign);
		json_object_del(root, "refs");
		if (*none[i] == '\0')
			json_object_del(root, "current-snapshot-id");
		else
			json_object_set_new(root, "current-snapshot-id",
			    json_loads(none[i], JSON_DECODE_ANY, NULL));
		struct table *t = metadata_load(root, &err);
		ck_assert_msg(t != NULL, "%s", err.text);
		ck_assert_int_eq(t->snapshot_id, 0);
		table_free(t);
	}
}
END_TEST

/* ---- the next version ------------------------------------------------- */

static json_t *
append(const struct table *t, const struct type *schema, int64_t now)
{
	static const struct kv property = { "calve.position", "p" };
	json_t *summary = json_pack("{s:s}", "operation", "append");
	const struct metadata_append a = { .snapshot_id = INT64_MAX,
		.manifest_list = "/l.avro",
		.metadata_file = "/v1.json",
		.summary = summary,
		.schema = schema,
		.last_column_id = 4,
		.properties = &property,
		.nproperties = 1,
		.now_ms = now };
	json_t *root = metadata_append(t, &a, &err);

	json_decref(summary);
	ck_assert_ptr_nonnull(root);
	return root;
}

START_TEST(append_changes_only_what_it_must)
{
	json_t *was = root_of(foreign);
	struct table *t = load(foreign);
	json_t *root = append(t, NULL, INT64_C(1702638573590));

	ck_assert(json_equal(t->root, was));
	ck_assert(json_equal(json_object_get(root, "unknown-key"),
	    json_object_get(was, "unknown-key")));
	ck_assert(json_equal(json_object_get(root, "statistics"),
	    json_object_get(was, "statistics")));
	ck_assert(json_equal(
	    json_object_get(root, "schemas"), json_object_get(was, "schemas")));
	ck_assert_int_eq(number(root, "last-column-id"), 3);
	ck_assert_int_eq(number(root, "last-sequence-number"), 35);
	ck_assert(number(root, "current-snapshot-id") == INT64_MAX);

	const json_t *s = last_of(root, "snapshots");
	ck_assert_uint_eq(
	    json_array_size(json_object_get(root, "snapshots")), 3);
	ck_assert(number(s, "snapshot-id") == INT64_MAX);
	ck_assert(
	    number(s, "parent-snapshot-id") == INT64_C(9055729160000000003));
	ck_assert_int_eq(number(s, "sequence-number"), 35);
	ck_assert_int_eq(number(s, "schema-id"), 1);
	ck_assert_str_eq(text(s, "manifest-list"), "/l.avro");
	ck_assert(number(s, "timestamp-ms") == INT64_C(1702638573590));
	ck_assert(number(root, "last-updated-ms") == INT64_C(1702638573590));
	ck_assert(
	    number(last_of(root, "snapshot-log"), "snapshot-id") == INT64_MAX);
	const json_t *log = last_of(root, "metadata-log");
	ck_assert_str_eq(text(log, "metadata-file"), "/v1.json");
	ck_assert(number(log, "timestamp-ms") == INT64_C(1602638573590));

	const json_t *refs = json_object_get(root, "refs");
	const json_t *main_ref = json_object_get(refs, "main");
	ck_assert(number(main_ref, "snapshot-id") == INT64_MAX);
	ck_assert_int_eq(number(main_ref, "max-snapshot-age-ms"), 5);
	ck_assert(number(json_object_get(refs, "audit"), "snapshot-id") ==
	    INT64_C(3051729675574597004));
	const json_t *p = json_object_get(root, "properties");
	ck_assert_str_eq(text(p, "calve.position"), "p");
	ck_assert_str_eq(text(p, "read.split.target.size"), "134217728");

	/* what we write we can read, ids to the last digit */
	char *dump = json_dumps(root, JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(dump, "9223372036854775807"));
	ck_assert_ptr_nonnull(strstr(dump, "9007199254740993"));
	table_free(load(dump));
	free(dump);
	json_decref(root);
	json_decref(was);
	table_free(t);
}
END_TEST

START_TEST(time_never_runs_backwards)
{
	struct table *t = load(foreign);
	json_t *root = append(t, NULL, 5);

	ck_assert(number(root, "last-updated-ms") == INT64_C(1602638573591));
	ck_assert(number(last_of(root, "snapshots"), "timestamp-ms") ==
	    INT64_C(1602638573591));
	json_decref(root);
	/* a log that is ahead within its tolerance */
	json_object_set_new(last_of(t->root, "snapshot-log"), "timestamp-ms",
	    json_integer(INT64_C(1602638600000)));
	root = append(t, NULL, INT64_C(1602638599999));
	ck_assert(number(root, "last-updated-ms") == INT64_C(1602638600001));
	json_decref(root);
	table_free(t);
}
END_TEST

START_TEST(metadata_log_is_trimmed)
{
	struct table *t = load(foreign);

	json_object_set_new(json_object_get(t->root, "properties"),
	    "write.metadata.previous-versions-max", json_string("3"));
	for (int i = 0; i < 5; i++) {
		json_t *root = append(t, NULL, 0);
		json_array_remove(json_object_get(root, "snapshots"), 2);
		json_object_set_new(
		    root, "current-snapshot-id", json_integer(t->snapshot_id));
		json_object_set(root, "refs", json_object_get(t->root, "refs"));
		table_free(t);
		ck_assert_ptr_nonnull(t = metadata_load(root, &err));
		ck_assert_uint_eq(
		    json_array_size(json_object_get(t->root, "metadata-log")),
		    i < 2 ? (size_t)i + 1 : 3);
	}
	table_free(t);
}
END_TEST

START_TEST(a_new_schema_is_added_or_found_again)
{
	struct table *t = load(foreign);
	struct type schema;

	/* the first schema again */
	type_copy(&schema, &t->schema);
	field_clear(&schema.fields[2]);
	field_clear(&schema.fields[1]);
	schema.nfields = 1;
	ck_assert_int_eq(metadata_schema_id(t, &schema), 0);
	json_t *root = append(t, &schema, 0);
	ck_assert_int_eq(number(root, "current-schema-id"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "schemas")), 2);
	json_decref(root);
	type_clear(&schema);

	/* one column more, one identifier column less strict */
	type_copy(&schema, &t->schema);
	type_add_field(&schema, "w", false, TYPE_DOUBLE)->id = 4;
	schema.fields[1].required = false;
	ck_assert_int_eq(metadata_schema_id(t, &schema), 2);
	root = append(t, &schema, 0);
	ck_assert_int_eq(number(root, "current-schema-id"), 2);
	ck_assert_int_eq(number(root, "last-column-id"), 4);
	ck_assert_int_eq(number(last_of(root, "snapshots"), "schema-id"), 2);
	const json_t *ids =
	    json_object_get(last_of(root, "schemas"), "identifier-field-ids");
	ck_assert_uint_eq(json_array_size(ids), 1);
	ck_assert_int_eq(json_integer_value(json_array_get(ids, 0)), 1);
	struct table *next = metadata_load(root, &err);
	ck_assert_msg(next != NULL, "%s", err.text);
	ck_assert_uint_eq(next->schema.nfields, 4);
	table_free(next);
	type_clear(&schema);
	table_free(t);
}
END_TEST

START_TEST(create_says_all_that_is_required)
{
	struct type schema = { .kind = TYPE_STRUCT };
	const struct partition_spec none = { 0 };
	const int sort[] = { 1 };
	const struct kv kv = { "a", "b" };
	struct table_create c = { .schema = &schema,
		.last_column_id = 1,
		.spec = &none,
		.properties = &kv,
		.nproperties = 1 };

	type_add_field(&schema, "x", true, TYPE_LONG)->id = 1;
	for (size_t nsort = 0; nsort < 2; nsort++) {
		c.sort_ids = sort;
		c.nsort = nsort;
		json_t *root = metadata_create(&c,
		    "9c12d441-03fe-4693-9a96-a0705ddf69c1", "/w/t", 1234, &err);
		ck_assert_int_eq(number(root, "last-partition-id"), 999);
		ck_assert_int_eq(number(root, "current-snapshot-id"), -1);
		ck_assert_ptr_null(
		    json_object_get(json_object_get(root, "refs"), "main"));
		ck_assert_int_eq(
		    number(last_of(root, "sort-orders"), "order-id"),
		    (int)nsort);
		struct table *t = metadata_load(root, &err);
		ck_assert_msg(t != NULL, "%s", err.text);
		ck_assert_uint_eq(t->nsort, nsort);
		ck_assert_int_eq(t->snapshot_id, 0);
		ck_assert_str_eq(table_property(t, "a"), "b");
		root = append(t, NULL, 0);
		ck_assert_ptr_null(json_object_get(
		    last_of(root, "snapshots"), "parent-snapshot-id"));
		json_decref(root);
		table_free(t);
	}
	const struct kv broken = { "a", "\xff" };
	c.properties = &broken;
	ck_assert_ptr_null(metadata_create(
	    &c, "9c12d441-03fe-4693-9a96-a0705ddf69c1", "/w/t", 1234, &err));
	type_clear(&schema);
}
END_TEST

/* ---- summary ---------------------------------------------------------- */

START_TEST(totals_follow_the_snapshot_before)
{
	struct table *t = load(foreign);
	struct partition_value v[] = { { (uint8_t *)(char[]){ "a" }, 1, false },
		{ (uint8_t *)(char[]){ "b" }, 1, false },
		{ (uint8_t *)(char[]){ "a" }, 1, false }, { NULL, 0, true } };
	struct datafile files[4];
	const struct kv kv[] = { { "operation", "delete" }, { "k", "v" } };
	struct append a = {
		.files = files, .nfiles = 4, .summary = kv + 1, .nsummary = 1
	};

	for (int i = 0; i < 4; i++)
		files[i] = (struct datafile){ .record_count = 5,
			.file_size = 100,
			.partition = &v[i],
			.npartition = 1 };
	json_t *s =
	    summary_append(t, &a, &(struct manifest_counts){ 1, 2, 0 }, &err);
	ck_assert_str_eq(text(s, "operation"), "append");
	ck_assert_str_eq(text(s, "k"), "v");
	ck_assert_str_eq(text(s, "added-records"), "20");
	ck_assert_str_eq(text(s, "added-files-size"), "400");
	ck_assert_str_eq(text(s, "added-data-files"), "4");
	ck_assert_str_eq(text(s, "changed-partition-count"), "3");
	ck_assert_str_eq(text(s, "total-records"), "30");
	ck_assert_str_eq(text(s, "manifests-kept"), "2");
	/* absent or no number before: better none than a guess */
	ck_assert_ptr_null(json_object_get(s, "total-data-files"));
	ck_assert_ptr_null(json_object_get(s, "total-files-size"));
	ck_assert_ptr_null(json_object_get(s, "total-delete-files"));
	json_decref(s);

	t->snapshot_id = 0;
	s = summary_append(t, &a, &(struct manifest_counts){ 1, 0, 7 }, &err);
	ck_assert_str_eq(text(s, "total-records"), "20");
	ck_assert_str_eq(text(s, "total-data-files"), "4");
	ck_assert_str_eq(text(s, "total-delete-files"), "0");
	json_decref(s);
	table_free(t);
}
END_TEST

/* ---- fits ------------------------------------------------------------- */

static int
fits(const char *key, const char *value, bool evolves)
{
	struct table *base = load(foreign);
	json_t *root = root_of(foreign);
	struct append a = { .snapshot_id = 42,
		.schema = evolves ? &base->schema : NULL };

	if (key != NULL)
		json_object_set_new(
		    root, key, json_loads(value, JSON_DECODE_ANY, NULL));
	struct table *fresh = metadata_load(root, &err);
	ck_assert_msg(fresh != NULL, "%s", err.text);
	err_clear(&err);
	int rc = table_fits(base, fresh, &a, &err);
	ck_assert_int_eq(err.cls, rc == 0 ? ERR_NONE : ERR_CONFLICT);
	table_free(base);
	table_free(fresh);
	return rc;
}

START_TEST(files_fit_a_table_that_moved_on)
{
	ck_assert_int_eq(fits(NULL, NULL, false), 0);
	ck_assert_int_eq(fits(NULL, NULL, true), 0);
	ck_assert_int_eq(fits("table-uuid",
			     "\"9c12d441-03fe-4693-9a96-a0705ddf69c2\"", false),
	    -1);
	/* a new default spec; the old one still there, or not */
	ck_assert_int_eq(
	    fits("partition-specs",
		"[{\"spec-id\":0,\"fields\":"
		"[{\"name\":\"x\",\"transform\":\"void\",\"source-id\":1,"
		"\"field-id\":1000}]}]",
		false),
	    -1);
	/* another current schema: one column less */
	ck_assert_int_eq(fits("current-schema-id", "0", false), 0);
	/* an evolution was worked out against another one */
	ck_assert_int_eq(fits("current-schema-id", "0", true), -1);
}
END_TEST

static bool
schemas_fit(enum type_kind from, bool from_required, enum type_kind to,
    bool to_required)
{
	struct type a = { .kind = TYPE_STRUCT }, b = { .kind = TYPE_STRUCT };

	if (from != 0)
		type_add_field(&a, "x", from_required, from)->id = 1;
	type_add_field(&b, "y", to_required, to)->id = 1;
	bool rc = schema_fits(&a, &b);
	type_clear(&a);
	type_clear(&b);
	return rc;
}

START_TEST(required_and_promoted_columns)
{
	ck_assert(schemas_fit(TYPE_INT, true, TYPE_INT, true));
	ck_assert(schemas_fit(TYPE_INT, true, TYPE_LONG, false));
	ck_assert(schemas_fit(TYPE_FLOAT, true, TYPE_DOUBLE, false));
	ck_assert(!schemas_fit(TYPE_LONG, true, TYPE_INT, true));
	ck_assert(!schemas_fit(TYPE_INT, false, TYPE_INT, true));
	ck_assert(schemas_fit(0, false, TYPE_INT, false));
	ck_assert(!schemas_fit(0, false, TYPE_INT, true));
	ck_assert(!schemas_fit(TYPE_STRING, true, TYPE_BINARY, true));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("metadata");
	TCase *t = tcase_create("metadata");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_foreign_table_is_understood);
	tcase_add_test(t, ancestry_is_walked_to_the_root);
	tcase_add_test(t, broken_chains_end);
	tcase_add_test(t, broken_metadata_is_refused);
	tcase_add_test(t, broken_snapshots_are_refused);
	tcase_add_test(t, what_is_not_json_is_refused);
	tcase_add_test(t, logs_may_jitter_by_a_minute);
	tcase_add_test(t, no_snapshot_is_said_in_three_ways);
	tcase_add_test(t, append_changes_only_what_it_must);
	tcase_add_test(t, time_never_runs_backwards);
	tcase_add_test(t, metadata_log_is_trimmed);
	tcase_add_test(t, a_new_schema_is_added_or_found_again);
	tcase_add_test(t, create_says_all_that_is_required);
	tcase_add_test(t, totals_follow_the_snapshot_before);
	tcase_add_test(t, files_fit_a_table_that_moved_on);
	tcase_add_test(t, required_and_promoted_columns);
	suite_add_tcase(s, t);
	return run_suite(s);
}
