/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and lists: what they hold, decoded again by our own reader (other
 * readers' turn comes in the interop suite). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/scratch.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

static struct err err;

static const char *
no_property(const void *arg, const char *key)
{
	(void)arg;
	(void)key;
	return NULL;
}

static char *
copy_path(const char *name)
{
	return xstrdup(scratch_path(name));
}

/* ---- a table of every partition type ---------------------------------- */

static struct type schema;
static struct partition_field fields[16];
static struct partition_spec spec;

static void
add_column(enum type_kind kind, enum transform transform, const char *name)
{
	struct field *f = type_add_field(&schema, name, false, kind);

	f->id = (int)schema.nfields;
	f->type.precision = 9;
	f->type.scale = 2;
	f->type.length = 3;
	struct partition_field *p = &fields[spec.nfields];
	*p = (struct partition_field){ .source_id = f->id,
		.field_id = 1000 + (int)spec.nfields,
		.name = f->name,
		.transform = transform,
		.param = 4 };
	spec.fields = fields;
	spec.nfields++;
}

static void
setup(void)
{
	scratch_make();
	schema = (struct type){ .kind = TYPE_STRUCT };
	spec = (struct partition_spec){ .id = 5 };
}

static void
teardown(void)
{
	type_clear(&schema);
	scratch_remove();
}

static int
write_manifest(
    const struct datafile *files, size_t n, struct manifest_file *out)
{
	struct metrics_modes modes;
	char *path = copy_path("m.avro");

	metrics_modes_init(&modes, &schema, NULL, 0, no_property, NULL);
	const struct manifest_write w = { .path = path,
		.recorded = "file:///t/metadata/m.avro",
		.location = "file:///t",
		.folder = scratch,
		.schema = &schema,
		.schema_id = 3,
		.spec = &spec,
		.modes = &modes,
		.snapshot_id = 77,
		.files = files,
		.nfiles = n };
	int rc = manifest_write(&w, out, &err);
	metrics_modes_clear(&modes);
	free(path);
	return rc;
}

/* ---- decoding it again ------------------------------------------------ */

struct opened {
	struct buf data;
	struct ocf_reader *reader;
	struct av_codec *codec;
	struct cursor c;
};

static struct av_value
open_first(struct opened *o, const char *path)
{
	uint64_t n;

	buf_init(&o->data, 0);
	ck_assert_int_eq(store_read(path, &o->data, 1 << 20, &err), 0);
	o->reader = ocf_open(o->data.data, o->data.len, &err);
	ck_assert_ptr_nonnull(o->reader);
	o->codec = av_codec_new(ocf_schema(o->reader), &err);
	ck_assert_ptr_nonnull(o->codec);
	ck_assert_int_eq(ocf_next(o->reader, &o->c, &n, &err), 1);
	ck_assert_int_eq(av_decode(o->codec, &o->c, &err), 0);
	return av_root(o->codec);
}

static void
close_opened(struct opened *o)
{
	av_codec_free(o->codec);
	ocf_free(o->reader);
	buf_clear(&o->data);
}

static struct av_value
field(struct av_value v, int id)
{
	struct av_value out;

	/* a name nobody has: by id alone */
	ck_assert_msg(av_field(v, id, "\1", &out), "no field %d", id);
	return out;
}

static void
is_long(struct av_value v, int64_t expect)
{
	int64_t n;

	ck_assert_int_eq(av_get_long(v, &n), 1);
	ck_assert(n == expect);
}

static void
is_bytes(struct av_value v, const void *expect, size_t len)
{
	const void *p;
	size_t n;

	ck_assert_int_eq(av_get_bytes(v, &p, &n), 1);
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(p, expect, len);
}

/* ---- tests ------------------------------------------------------------ */

START_TEST(an_entry_holds_what_it_was_given)
{
	int64_t one = 1, nine = 9, splits[] = { 4, 4000 };
	char low[] = "aaaaaaaaaaaaaaaaaaaa", high[] = "zzzzzzzzzzzzzzzzzzzz";
	struct leaf_metrics leaves[] = { { .field_id = 1,
					     .column_size = 11,
					     .value_count = 12,
					     .null_count = 0,
					     .nan_count = -1,
					     .has_bounds = true,
					     .lower = (uint8_t *)&one,
					     .upper = (uint8_t *)&nine,
					     .lower_len = 8,
					     .upper_len = 8 },
		{ .field_id = 2,
		    .column_size = 21,
		    .value_count = 22,
		    .null_count = 3,
		    .nan_count = -1,
		    .has_bounds = true,
		    .lower = (uint8_t *)low,
		    .upper = (uint8_t *)high,
		    .lower_len = 20,
		    .upper_len = 20 },
		{ .field_id = 3,
		    .column_size = 31,
		    .value_count = 32,
		    .null_count = 0,
		    .nan_count = 32 },
		{ .field_id = 4,
		    .column_size = 41,
		    .value_count = 42,
		    .in_list = true,
		    .nan_count = -1,
		    .has_bounds = true,
		    .lower = (uint8_t *)&one,
		    .upper = (uint8_t *)&nine,
		    .lower_len = 8,
		    .upper_len = 8 } };
	struct partition_value day = { (uint8_t[]){ 1, 0, 0, 0 }, 4, false };
	char path[PATH_MAX + 32];
	struct datafile df = { .path = path,
		.record_count = 12,
		.file_size = 8000,
		.leaves = leaves,
		.nleaves = 4,
		.split_offsets = splits,
		.nsplits = 2,
		.partition = &day,
		.npartition = 1 };
	struct manifest_file m;
	struct opened o;

	add_column(TYPE_LONG, TRANSFORM_IDENTITY, "n");
	add_column(TYPE_STRING, TRANSFORM_IDENTITY, "s");
	add_column(TYPE_DOUBLE, TRANSFORM_IDENTITY, "d");
	add_column(TYPE_LONG, TRANSFORM_IDENTITY, "l");
	fields[0] = (struct partition_field){ .source_id = 1,
		.field_id = 1007,
		.name = fields[0].name,
		.transform = TRANSFORM_BUCKET,
		.param = 4 };
	spec.nfields = 1;
	snprintf(path, sizeof path, "%s/data/n=1/f.parquet", scratch);
	ck_assert_msg(write_manifest(&df, 1, &m) == 0, "%s", err.text);
	ck_assert_str_eq(m.path, "file:///t/metadata/m.avro");
	ck_assert_int_eq(m.spec_id, 5);
	ck_assert_int_eq(m.content, 0);
	ck_assert(m.added_files == 1 && m.added_rows == 12);
	ck_assert(m.existing_files == 0 && m.deleted_files == 0);
	ck_assert_int_eq(m.added_snapshot_id, 77);

	struct av_value v = open_first(&o, scratch_path("m.avro"));
	ck_assert(m.length == (int64_t)o.data.len);
	is_long(field(v, 0), 1);
	is_long(field(v, 1), 77);
	ck_assert(av_is_null(field(v, 3)));
	ck_assert(av_is_null(field(v, 4)));
	v = field(v, 2);
	is_long(field(v, 134), 0);
	is_bytes(field(v, 100), "file:///t/data/n=1/f.parquet", 28);
	is_bytes(field(v, 101), "PARQUET", 7);
	is_long(field(field(v, 102), 1007), 1);
	is_long(field(v, 103), 12);
	is_long(field(v, 104), 8000);
	static const struct {
		int map, value;
		size_t n;
		int64_t first;
	} counts[] = { { 108, 118, 4, 11 }, { 109, 120, 4, 12 },
		{ 110, 122, 4, 0 }, { 137, 139, 1, 32 } };
	for (size_t i = 0; i < 4; i++) {
		struct av_value map = field(v, counts[i].map);
		ck_assert_uint_eq(av_count(map), counts[i].n);
		is_long(
		    field(av_item(map, 0), counts[i].value), counts[i].first);
	}
	/* none for the column without, none for the one in a list */
	struct av_value bounds = field(v, 125);
	ck_assert_uint_eq(av_count(bounds), 2);
	is_long(field(av_item(bounds, 1), 126), 2);
	is_bytes(field(av_item(bounds, 0), 127), &one, 8);
	is_bytes(field(av_item(bounds, 1), 127), low, 16);
	bounds = field(v, 128);
	ck_assert_uint_eq(av_count(bounds), 2);
	is_bytes(field(av_item(bounds, 1), 130), "zzzzzzzzzzzzzzz{", 16);
	ck_assert(av_is_null(field(v, 131)));
	ck_assert_uint_eq(av_count(field(v, 132)), 2);
	is_long(av_item(field(v, 132), 1), 4000);
	ck_assert(av_is_null(field(v, 135)));

	ck_assert_str_eq(ocf_header(o.reader, "schema-id"), "3");
	ck_assert_str_eq(ocf_header(o.reader, "partition-spec-id"), "5");
	ck_assert_str_eq(ocf_header(o.reader, "format-version"), "2");
	ck_assert_str_eq(ocf_header(o.reader, "content"), "data");
	json_t *header = json_loads(ocf_header(o.reader, "schema"), 0, NULL);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(header, "schema-id")), 3);
	json_decref(header);
	header = json_loads(ocf_header(o.reader, "partition-spec"), 0, NULL);
	ck_assert(json_is_array(header));
	ck_assert_uint_eq(json_array_size(header), 1);
	json_decref(header);
	close_opened(&o);
	manifest_file_clear(&m);
}
END_TEST

/* Single-value form in, what Avro shall hold, for each type. */
START_TEST(partition_values_of_every_type)
{
	uint8_t uuid[16] = { 0xf7, 1, 2, 3 };
	float f = NAN;
	double d = -0.0;
	struct partition_value in[] = { { (uint8_t[]){ 1 }, 1, false },
		{ (uint8_t[]){ 0xff, 0xff, 0xff, 0xff }, 4, false },
		{ (uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0x80 }, 8, false },
		{ (uint8_t *)&f, 4, false }, { (uint8_t *)&d, 8, false },
		{ (uint8_t[]){ 0xff }, 1, false },
		{ (uint8_t[]){ 0x01, 0x00 }, 2, false },
		{ (uint8_t[]){ 2, 0, 0, 0 }, 4, false },
		{ (uint8_t[]){ 3, 0, 0, 0, 0, 0, 0, 0 }, 8, false },
		{ (uint8_t *)(char[]){ "BTC/USD" }, 7, false },
		{ uuid, 16, false }, { (uint8_t[]){ 7, 8, 9 }, 3, false },
		{ (uint8_t[]){ 0 }, 0, false }, { NULL, 0, true },
		{ (uint8_t[]){ 5, 0, 0, 0 }, 4, false } };
	struct datafile df = { .path = (char[]){ "/elsewhere/f" },
		.partition = in,
		.npartition = 15 };
	struct manifest_file m;
	struct opened o;
	const enum transform id = TRANSFORM_IDENTITY;

	add_column(TYPE_BOOLEAN, id, "b");
	add_column(TYPE_INT, id, "i");
	add_column(TYPE_LONG, id, "l");
	add_column(TYPE_FLOAT, id, "f");
	add_column(TYPE_DOUBLE, id, "d");
	add_column(TYPE_DECIMAL, id, "dec");
	add_column(TYPE_DECIMAL, id, "dec2");
	add_column(TYPE_DATE, id, "date");
	add_column(TYPE_TIMESTAMP, id, "ts");
	add_column(TYPE_STRING, id, "odd name-\xc3\xa4");
	add_column(TYPE_UUID, id, "1u");
	add_column(TYPE_FIXED, id, "fix");
	add_column(TYPE_BINARY, id, "bin");
	add_column(TYPE_STRING, id, "null");
	add_column(TYPE_TIMESTAMPTZ, TRANSFORM_DAY, "day");
	ck_assert_msg(write_manifest(&df, 1, &m) == 0, "%s", err.text);
	struct av_value v =
	    field(field(open_first(&o, scratch_path("m.avro")), 2), 102);
	bool b;
	ck_assert_int_eq(av_get_boolean(field(v, 1000), &b), 1);
	ck_assert(b);
	is_long(field(v, 1001), -1);
	is_long(field(v, 1002), INT64_MIN);
	is_bytes(field(v, 1005), "\xff\xff\xff\xff", 4);
	is_bytes(field(v, 1006), "\x00\x00\x01\x00", 4);
	is_long(field(v, 1007), 2);
	is_long(field(v, 1008), 3);
	is_bytes(field(v, 1009), "BTC/USD", 7);
	is_bytes(field(v, 1010), uuid, 16);
	is_bytes(field(v, 1011), "\7\10\11", 3);
	is_bytes(field(v, 1012), "", 0);
	ck_assert(av_is_null(field(v, 1013)));
	is_long(field(v, 1014), 5);
	/* names that Avro takes, the true ones beside them */
	char *text = json_dumps(ocf_schema(o.reader), JSON_COMPACT);
	ck_assert_ptr_nonnull(strstr(text, "\"odd_x20name_x2D_xC3_xA4\""));
	ck_assert_ptr_nonnull(
	    strstr(text, "\"iceberg-field-name\":\"odd name-\xc3\xa4\""));
	ck_assert_ptr_nonnull(strstr(text, "\"_1u\""));
	ck_assert_ptr_nonnull(strstr(text, "\"adjust-to-utc\":false"));
	free(text);
	close_opened(&o);

	/* summaries: NaN is no bound, zeros take the outer sign */
	ck_assert_uint_eq(m.npartitions, 15);
	ck_assert_int_eq(m.partitions[3].contains_nan, 1);
	ck_assert_ptr_null(m.partitions[3].lower);
	ck_assert_int_eq(m.partitions[4].lower[7], 0x80);
	ck_assert_int_eq(m.partitions[4].upper[7], 0);
	ck_assert(m.partitions[13].contains_null);
	ck_assert_ptr_null(m.partitions[13].upper);
	ck_assert_uint_eq(m.partitions[12].lower_len, 0);
	ck_assert_ptr_nonnull(m.partitions[12].lower);
	manifest_file_clear(&m);
}
END_TEST

START_TEST(summaries_span_all_files)
{
	struct partition_value v[] = { { (uint8_t[]){ 0xff, 0xff, 0xff, 0xff },
					   4, false },
		{ (uint8_t[]){ 2, 0, 0, 0 }, 4, false }, { NULL, 0, true },
		{ (uint8_t[]){ 0, 1, 0, 0 }, 4, false } };
	char path[] = "/f";
	struct datafile df[4];
	struct manifest_file m;

	add_column(TYPE_INT, TRANSFORM_IDENTITY, "i");
	for (int i = 0; i < 4; i++)
		df[i] = (struct datafile){ .path = path,
			.record_count = i,
			.partition = &v[i],
			.npartition = 1 };
	ck_assert_int_eq(write_manifest(df, 4, &m), 0);
	ck_assert(m.added_files == 4 && m.added_rows == 6);
	ck_assert(m.partitions[0].contains_null);
	ck_assert_int_eq(m.partitions[0].contains_nan, 0);
	ck_assert_mem_eq(m.partitions[0].lower, v[0].data, 4);
	ck_assert_mem_eq(m.partitions[0].upper, v[3].data, 4);
	manifest_file_clear(&m);
}
END_TEST

static void
is_our_mistake(struct datafile *df)
{
	struct manifest_file m;

	err_clear(&err);
	ck_assert_int_eq(write_manifest(df, 1, &m), -1);
	ck_assert_int_eq(err.cls, ERR_BUG);
	ck_assert_int_eq(store_exists(scratch_path("m.avro"), &err), 0);
}

START_TEST(wrong_facts_are_never_written)
{
	int64_t one = 1, nine = 9;
	struct leaf_metrics leaf = { .field_id = 1,
		.has_bounds = true,
		.lower = (uint8_t *)&one,
		.upper = (uint8_t *)&nine,
		.lower_len = 8,
		.upper_len = 8 };
	struct partition_value v = { (uint8_t *)&one, 8, false };
	struct datafile df = { .path = (char[]){ "/f" },
		.leaves = &leaf,
		.nleaves = 1,
		.partition = &v,
		.npartition = 1 };
	struct manifest_file m;

	add_column(TYPE_LONG, TRANSFORM_IDENTITY, "n");
	ck_assert_int_eq(write_manifest(&df, 1, &m), 0);
	manifest_file_clear(&m);
	ck_assert_int_eq(store_unlink(scratch_path("m.avro"), &err), 0);

	leaf.upper = (uint8_t *)&one;
	leaf.lower = (uint8_t *)&nine;
	is_our_mistake(&df);
	leaf.lower = (uint8_t *)&one;
	leaf.upper_len = 7;
	is_our_mistake(&df);
	leaf.upper_len = 8;
	leaf.field_id = 2;
	is_our_mistake(&df);
	leaf.field_id = 1;
	v.len = 4;
	is_our_mistake(&df);
	v.len = 8;
	df.npartition = 0;
	is_our_mistake(&df);
	df.npartition = 1;
	df.record_count = -1;
	is_our_mistake(&df);
}
END_TEST

/* ---- lists ------------------------------------------------------------ */

static struct manifest_file
some_manifest(int n)
{
	struct manifest_file m = { .path = copy_path("x"),
		.length = INT64_MAX,
		.spec_id = n,
		.content = n % 2,
		.sequence_number = n,
		.min_sequence_number = 1,
		.added_snapshot_id = INT64_MAX - n,
		.added_files = INT32_MAX,
		.existing_files = 2,
		.deleted_files = 3,
		.added_rows = INT64_MAX,
		.existing_rows = 5,
		.deleted_rows = 6 };
	return m;
}

START_TEST(lists_carry_manifests_over_unchanged)
{
	struct manifest_file files[3] = { some_manifest(0), some_manifest(1),
		some_manifest(2) };
	struct field_summary summary[2] = { { .contains_null = true,
						.contains_nan = -1 },
		{ .contains_nan = 1,
		    .lower = (uint8_t *)(char[]){ "ab" },
		    .lower_len = 2,
		    .upper = (uint8_t[]){ 0 },
		    .upper_len = 0 } };
	files[1].has_partitions = true;
	files[1].partitions = summary;
	files[1].npartitions = 2;
	files[2].has_partitions = true;
	files[2].key_metadata = (uint8_t[]){ 9, 8 };
	files[2].key_metadata_len = 2;
	const struct manifest_list added = { files, 1 }, old = { files + 1, 2 };
	const struct manifest_list_ids ids = { 42, 0, 7 };
	struct manifest_list back;
	struct opened o;

	ck_assert_int_eq(manifest_list_write(
			     scratch_path("l.avro"), &ids, &added, &old, &err),
	    0);
	(void)open_first(&o, scratch_path("l.avro"));
	ck_assert_str_eq(ocf_header(o.reader, "snapshot-id"), "42");
	ck_assert_str_eq(ocf_header(o.reader, "parent-snapshot-id"), "null");
	ck_assert_str_eq(ocf_header(o.reader, "sequence-number"), "7");
	ck_assert_str_eq(ocf_header(o.reader, "format-version"), "2");
	close_opened(&o);

	ck_assert_msg(
	    manifest_list_read(scratch_path("l.avro"), &back, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_eq(back.n, 3);
	for (int i = 0; i < 3; i++) {
		const struct manifest_file *a = &files[i], *b = &back.files[i];
		ck_assert_str_eq(a->path, b->path);
		ck_assert(a->length == b->length && a->spec_id == b->spec_id &&
		    a->content == b->content &&
		    a->sequence_number == b->sequence_number &&
		    a->min_sequence_number == b->min_sequence_number &&
		    a->added_snapshot_id == b->added_snapshot_id &&
		    a->added_files == b->added_files &&
		    a->existing_files == b->existing_files &&
		    a->deleted_files == b->deleted_files &&
		    a->added_rows == b->added_rows &&
		    a->existing_rows == b->existing_rows &&
		    a->deleted_rows == b->deleted_rows &&
		    a->has_partitions == b->has_partitions &&
		    a->npartitions == b->npartitions &&
		    a->key_metadata_len == b->key_metadata_len);
	}
	const struct field_summary *s = back.files[1].partitions;
	ck_assert(s[0].contains_null && s[0].contains_nan == -1);
	ck_assert_ptr_null(s[0].lower);
	ck_assert(!s[1].contains_null && s[1].contains_nan == 1);
	ck_assert_mem_eq(s[1].lower, "ab", 2);
	ck_assert_ptr_nonnull(s[1].upper);
	ck_assert_uint_eq(s[1].upper_len, 0);
	ck_assert_mem_eq(back.files[2].key_metadata, "\11\10", 2);
	manifest_list_clear(&back);
	for (int i = 0; i < 3; i++)
		free(files[i].path);
}
END_TEST

/* ---- manifests of others ---------------------------------------------- */

static int
count_files(void *arg, const struct datafile *df)
{
	int64_t *rows = arg;

	ck_assert_str_eq(df->path, "/d/f");
	*rows += df->record_count;
	return *rows >= 1000 ? 3 : 0;
}

/* One entry by a schema of the other writer's own; -1 or the rows. */
static int64_t
read_entry(int status, int content, const char *path, const char *format)
{
	static const char text[] =
	    "{\"type\":\"record\",\"name\":\"e\","
	    "\"fields\":[{\"name\":\"data_file\",\"type\":{\"type\":\"record\","
	    "\"name\":\"d\",\"fields\":["
	    "{\"name\":\"record_count\",\"type\":\"long\",\"field-id\":103},"
	    "{\"name\":\"file_path\",\"type\":\"string\"},"
	    "{\"name\":\"file_format\",\"type\":\"string\"},"
	    "{\"name\":\"size\",\"type\":[\"long\",\"null\"],\"field-id\":104},"
	    "{\"name\":\"content\",\"type\":\"int\"}]}},"
	    "{\"name\":\"status\",\"type\":\"int\"}]}";
	uint64_t size;
	int64_t rows = 0;
	json_t *json = json_loads(text, 0, NULL);
	struct av_codec *codec = av_codec_new(json, &err);
	struct ocf_writer *w;

	store_discard(scratch_path("o.avro"));
	w = ocf_create(scratch_path("o.avro"), text, NULL, 0, &err);
	struct av_value v = av_root(codec), df = av_at(v, 0);
	av_set_long(av_at(df, 0), 10);
	av_set_bytes(av_at(df, 1), path, strlen(path));
	av_set_bytes(av_at(df, 2), format, strlen(format));
	av_set_long(av_at(df, 3), 20);
	av_set_long(av_at(df, 4), content);
	av_set_long(av_at(v, 1), status);
	ck_assert_int_eq(av_encode(codec, ocf_block(w), &err), 0);
	ck_assert_int_eq(ocf_commit(w, &err), 0);
	ck_assert_int_eq(ocf_close(w, &size, &err), 0);
	av_codec_free(codec);
	json_decref(json);
	err_clear(&err);
	int rc = manifest_each_file(
	    scratch_path("o.avro"), count_files, &rows, &err);
	ck_assert_int_eq(err.cls, rc == -1 ? ERR_TABLE : ERR_NONE);
	return rc == -1 ? -1 : rows;
}

START_TEST(live_files_of_others_are_found)
{
	ck_assert_int_eq(read_entry(1, 0, "/d/f", "PARQUET"), 10);
	ck_assert_int_eq(read_entry(0, 0, "file:/d/f", "parquet"), 10);
	ck_assert_int_eq(read_entry(0, 0, "file:///d/f", "parquet"), 10);
	ck_assert_int_eq(read_entry(2, 0, "s3://b/f", "ORC"), 0);
	ck_assert_int_eq(read_entry(3, 0, "/d/f", "PARQUET"), -1);
	ck_assert_int_eq(read_entry(1, 1, "/d/f", "PARQUET"), -1);
	ck_assert_ptr_nonnull(
	    strstr(err.text, "rows deleted by another writer"));
	ck_assert_int_eq(read_entry(1, 2, "/d/f", "PARQUET"), -1);
	ck_assert_int_eq(read_entry(1, 0, "s3://b/f", "PARQUET"), -1);
	ck_assert_int_eq(read_entry(1, 0, "/d/f", "ORC"), -1);
}
END_TEST

START_TEST(locations)
{
	static const char *const local[][2] = { { "/a/b", "/a/b" },
		{ "file:/a b/%2F", "/a b/%2F" }, { "file:///a", "/a" },
		{ "FILE://localhost/a", "/a" } };
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(location_local(local[i][0]), local[i][1]);
	ck_assert_ptr_null(location_local("s3://a/b"));
	ck_assert_ptr_null(location_local("a/b"));
	ck_assert_ptr_null(location_local("file://host/a"));
	ck_assert_ptr_null(location_local(""));

	static const char *const record[][4] = {
		{ "/t", "/t", "/t/data/x", "/t/data/x" },
		{ "file:///t", "/t", "/t/data/x", "file:///t/data/x" },
		{ "file:/t", "/t", "/t/data/x", "file:/t/data/x" },
		{ "file:///t", "/t", "/tt/x", "file:///tt/x" },
		{ "/link", "/t", "/t/x", "/link/x" }, { "/t", "/t", "/u", "/u" }
	};
	for (size_t i = 0; i < 6; i++) {
		char *p =
		    location_record(record[i][0], record[i][1], record[i][2]);
		ck_assert_str_eq(p, record[i][3]);
		free(p);
	}
	ck_assert_int_eq(symlink(scratch, scratch_path("here")), 0);
	ck_assert(location_is(scratch, scratch));
	ck_assert(location_is(scratch_path("here"), scratch));
	ck_assert(!location_is("/", scratch));
	ck_assert(!location_is(scratch_path("no"), scratch));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, an_entry_holds_what_it_was_given);
	tcase_add_test(t, partition_values_of_every_type);
	tcase_add_test(t, summaries_span_all_files);
	tcase_add_test(t, wrong_facts_are_never_written);
	tcase_add_test(t, lists_carry_manifests_over_unchanged);
	tcase_add_test(t, live_files_of_others_are_found);
	tcase_add_test(t, locations);
	suite_add_tcase(s, t);
	return run_suite(s);
}
