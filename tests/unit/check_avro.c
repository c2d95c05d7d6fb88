/* SPDX-License-Identifier: Apache-2.0 */
/* Avro as calve writes it, as others write it, and as an enemy would. */
#include <avro.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "tests/unit/scratch.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

static struct err err;

static const char everything[] =
    "{\"type\":\"record\",\"name\":\"all\",\"fields\":["
    "{\"name\":\"b\",\"type\":\"boolean\",\"field-id\":1},"
    "{\"name\":\"i\",\"type\":[\"null\",\"int\"],\"field-id\":2},"
    "{\"name\":\"l\",\"type\":\"long\",\"field-id\":3},"
    "{\"name\":\"d\",\"type\":\"double\",\"field-id\":4},"
    "{\"name\":\"f\",\"type\":\"float\",\"field-id\":5},"
    "{\"name\":\"s\",\"type\":[\"null\",\"string\"],\"field-id\":6},"
    "{\"name\":\"y\",\"type\":\"bytes\",\"field-id\":7},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"x3\","
    "\"size\":3},\"field-id\":8},"
    "{\"name\":\"e\",\"type\":{\"type\":\"record\",\"name\":\"none\","
    "\"fields\":[]},\"field-id\":9},"
    "{\"name\":\"a\",\"type\":[\"null\",{\"type\":\"array\",\"items\":"
    "{\"type\":\"record\",\"name\":\"kv\",\"fields\":["
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":11},"
    "{\"name\":\"value\",\"type\":\"bytes\",\"field-id\":12}]}}],"
    "\"field-id\":10}]}";

static json_t *
parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(json != NULL, "%s", text);
	return json;
}

static struct av_codec *
codec_of(const char *schema)
{
	json_t *json = parse(schema);
	struct av_codec *codec = av_codec_new(json, &err);

	json_decref(json);
	return codec;
}

static void
fill(struct av_value v, int64_t n)
{
	av_set_boolean(av_at(v, 0), n % 2);
	if (n % 3 == 0)
		av_set_null(av_at(v, 1));
	else
		av_set_long(av_at(v, 1), INT32_MIN + n);
	av_set_long(av_at(v, 2), n % 2 ? INT64_MIN : INT64_MAX);
	av_set_double(av_at(v, 3), -0.5);
	av_set_double(av_at(v, 4), 1.25);
	av_set_bytes(av_at(v, 5), "a\0b", 3);
	av_set_bytes(av_at(v, 6), NULL, 0);
	av_set_bytes(av_at(v, 7), "\xff\x00\x7f", 3);
	struct av_value a = av_set_array(av_at(v, 9));
	for (int64_t i = 0; i < n % 5; i++) {
		struct av_value item = av_append(a);
		av_set_long(av_at(item, 0), i);
		av_set_bytes(av_at(item, 1), "0123456789", (size_t)i);
	}
}

static void
check(struct av_value v, int64_t n)
{
	struct av_value f;
	const void *p;
	size_t len;
	int64_t x;
	bool b;

	ck_assert(av_field(v, 1, "?", &f));
	ck_assert_int_eq(av_get_boolean(f, &b), 1);
	ck_assert_int_eq(b, n % 2);
	ck_assert(av_field(v, 2, "?", &f));
	ck_assert_int_eq(av_get_long(f, &x), n % 3 != 0);
	ck_assert_int_eq(av_is_null(f), n % 3 == 0);
	if (n % 3 != 0)
		ck_assert_int_eq(x, INT32_MIN + n);
	ck_assert(av_field(v, 3, "?", &f));
	ck_assert_int_eq(av_get_long(f, &x), 1);
	ck_assert(x == (n % 2 ? INT64_MIN : INT64_MAX));
	ck_assert(av_field(v, 6, "?", &f));
	ck_assert_int_eq(av_get_bytes(f, &p, &len), 1);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(p, "a\0b", 3);
	ck_assert_int_eq(av_get_long(f, &x), -1);
	ck_assert_int_eq(av_get_boolean(f, &b), -1);
	ck_assert(av_field(v, 7, "?", &f));
	ck_assert_int_eq(av_get_bytes(f, &p, &len), 1);
	ck_assert_uint_eq(len, 0);
	ck_assert(av_field(v, 8, "?", &f));
	ck_assert_int_eq(av_get_bytes(f, &p, &len), 1);
	ck_assert_mem_eq(p, "\xff\x00\x7f", 3);
	ck_assert(av_field(v, 10, "?", &f));
	ck_assert_uint_eq(av_count(f), (size_t)n % 5);
	for (size_t i = 0; i < av_count(f); i++) {
		struct av_value item = av_item(f, i), field;
		ck_assert(av_field(item, 12, "value", &field));
		ck_assert_int_eq(av_get_bytes(field, &p, &len), 1);
		ck_assert_uint_eq(len, i);
	}
	ck_assert(!av_field(v, 99, "nobody", &f));
}

static void
write_file(const char *path, int64_t rows)
{
	const struct ocf_meta meta[] = { { "schema", "{}" }, { "k", "" } };
	struct ocf_writer *w = ocf_create(path, everything, meta, 2, &err);
	struct av_codec *codec = codec_of(everything);
	uint64_t size;
	struct buf data;

	ck_assert_ptr_nonnull(w);
	ck_assert_ptr_nonnull(codec);
	for (int64_t i = 0; i < rows; i++) {
		av_reset(codec);
		fill(av_root(codec), i);
		ck_assert_int_eq(av_encode(codec, ocf_block(w), &err), 0);
		ck_assert_int_eq(ocf_commit(w, &err), 0);
	}
	ck_assert_int_eq(ocf_close(w, &size, &err), 0);
	buf_init(&data, 0);
	ck_assert_int_eq(store_read(path, &data, 1 << 30, &err), 0);
	ck_assert_uint_eq(data.len, size);
	buf_clear(&data);
	av_codec_free(codec);
}

/* Decodes all; the number of datums, or -1. */
static int64_t
read_bytes(const void *p, size_t n, void (*each)(struct av_value, int64_t))
{
	struct ocf_reader *r = ocf_open(p, n, &err);
	struct av_codec *codec = NULL;
	struct cursor c;
	uint64_t count;
	int64_t rows = 0;
	int rc = -1;

	if (r == NULL)
		return -1;
	if ((codec = av_codec_new(ocf_schema(r), &err)) == NULL)
		goto out;
	while ((rc = ocf_next(r, &c, &count, &err)) == 1) {
		for (; count > 0; count--) {
			if ((rc = av_decode(codec, &c, &err)) == -1)
				goto out;
			if (each != NULL)
				each(av_root(codec), rows);
			rows++;
		}
		if (cursor_left(&c) > 0)
			rc = -1;
	}
out:
	av_codec_free(codec);
	ocf_free(r);
	return rc == -1 ? -1 : rows;
}

START_TEST(files_are_read_back)
{
	static const int64_t rows[] = { 0, 1, 7, 20000 };
	struct buf data;

	for (size_t i = 0; i < 4; i++) {
		char name[16];
		snprintf(name, sizeof name, "%d.avro", (int)i);
		write_file(scratch_path(name), rows[i]);
		buf_init(&data, 0);
		ck_assert_int_eq(
		    store_read(scratch_path(name), &data, 1 << 30, &err), 0);
		ck_assert_int_eq(
		    read_bytes(data.data, data.len, check), rows[i]);
		buf_clear(&data);
	}
}
END_TEST

/* Avro C's own reader, which shares nothing of our framing. It cannot take the
 * empty record, so the schema goes without. */
START_TEST(avro_c_reads_our_framing)
{
	static const char schema[] =
	    "{\"type\":\"record\",\"name\":\"r\","
	    "\"fields\":[{\"name\":\"n\",\"type\":\"long\",\"field-id\":1}]}";
	struct ocf_writer *w =
	    ocf_create(scratch_path("f"), schema, NULL, 0, &err);
	struct av_codec *codec = codec_of(schema);
	avro_file_reader_t reader;
	avro_value_t value, field;
	uint64_t size;
	int64_t n, expect = 0;

	for (int64_t i = 0; i < 50000; i++) {
		av_set_long(av_at(av_root(codec), 0), i);
		ck_assert_int_eq(av_encode(codec, ocf_block(w), &err), 0);
		ck_assert_int_eq(ocf_commit(w, &err), 0);
	}
	ck_assert_int_eq(ocf_close(w, &size, &err), 0);
	av_codec_free(codec);

	ck_assert_int_eq(avro_file_reader(scratch_path("f"), &reader), 0);
	avro_schema_t s = avro_file_reader_get_writer_schema(reader);
	avro_value_iface_t *iface = avro_generic_class_from_schema(s);
	avro_generic_value_new(iface, &value);
	while (avro_file_reader_read_value(reader, &value) == 0) {
		avro_value_get_by_index(&value, 0, &field, NULL);
		avro_value_get_long(&field, &n);
		ck_assert_int_eq(n, expect++);
	}
	ck_assert_int_eq(expect, 50000);
	avro_value_decref(&value);
	avro_value_iface_decref(iface);
	avro_schema_decref(s);
	avro_file_reader_close(reader);
}
END_TEST

START_TEST(header_keeps_ids_and_keys)
{
	struct buf data;

	write_file(scratch_path("f"), 1);
	buf_init(&data, 0);
	ck_assert_int_eq(
	    store_read(scratch_path("f"), &data, 1 << 20, &err), 0);
	struct ocf_reader *r = ocf_open(data.data, data.len, &err);
	json_t *expect = parse(everything);
	ck_assert(json_equal(ocf_schema(r), expect));
	ck_assert_str_eq(ocf_header(r, "schema"), "{}");
	ck_assert_str_eq(ocf_header(r, "k"), "");
	ck_assert_str_eq(ocf_header(r, "avro.codec"), "deflate");
	ck_assert_ptr_null(ocf_header(r, "nobody"));
	json_decref(expect);
	ocf_free(r);
	buf_clear(&data);
}
END_TEST

START_TEST(any_cut_is_noticed)
{
	struct buf data;

	write_file(scratch_path("f"), 4);
	buf_init(&data, 0);
	ck_assert_int_eq(
	    store_read(scratch_path("f"), &data, 1 << 20, &err), 0);
	size_t header = 0;
	for (size_t n = 0; n < data.len; n++) {
		/* a copy of its own, so that reading past it is seen */
		uint8_t *cut = malloc(n + 1);
		memcpy(cut, data.data, n);
		int64_t rows = read_bytes(cut, n, NULL);
		free(cut);
		if (rows == 0 && header == 0)
			header = n; /* just the header is a file */
		else
			ck_assert_int_eq(rows, -1);
	}
	ck_assert_uint_gt(header, sizeof everything);
	/* any byte of the blocks' frame or data changed */
	for (size_t n = header; n < data.len; n++) {
		data.data[n] ^= 0x55;
		(void)read_bytes(data.data, data.len, NULL);
		data.data[n] ^= 0x55;
	}
	ck_assert_int_eq(read_bytes(data.data, data.len, check), 4);
	buf_clear(&data);
}
END_TEST

/* ---- what other writers do -------------------------------------------- */

static const uint8_t sync_bytes[16] = "0123456789abcdef";

static void
put_bytes(struct buf *b, const void *p, size_t n)
{
	buf_put_zigzag(b, (int64_t)n);
	buf_put(b, p, n);
}

/* A plain file of one block. */
static void
frame(struct buf *b, const char *schema, const char *codec, int64_t count,
    const struct buf *block)
{
	buf_put(b, "Obj\1", 4);
	/* the map in a block with its size, as some write it */
	buf_put_zigzag(b, codec != NULL ? -2 : -1);
	buf_put_zigzag(b, 1);
	put_bytes(b, "avro.schema", 11);
	put_bytes(b, schema, strlen(schema));
	if (codec != NULL) {
		put_bytes(b, "avro.codec", 10);
		put_bytes(b, codec, strlen(codec));
	}
	buf_put_zigzag(b, 0);
	buf_put(b, sync_bytes, 16);
	buf_put_zigzag(b, count);
	put_bytes(b, block->data, block->len);
	buf_put(b, sync_bytes, 16);
}

/* Reads `count` datums of this schema from block; consumes block. */
static int64_t
read_framed(const char *schema, const char *codec, int64_t count,
    struct buf *block, void (*each)(struct av_value, int64_t))
{
	struct buf file;

	buf_init(&file, 0);
	frame(&file, schema, codec, count, block);
	int64_t rows = read_bytes(file.data, file.len, each);
	buf_clear(&file);
	buf_clear(block);
	return rows;
}

static void
check_foreign(struct av_value v, int64_t row)
{
	struct av_value f, item;
	int64_t n;
	const void *p;
	size_t len;
	(void)row;

	/* by name, since this writer has no ids */
	ck_assert(av_field(v, 1, "num", &f));
	ck_assert_int_eq(av_get_long(f, &n), 1);
	ck_assert_int_eq(n, 5);
	ck_assert(av_field(v, 2, "nul", &f));
	ck_assert_int_eq(av_get_long(f, &n), 0);
	/* id 7 is this field's, whatever its name */
	ck_assert(av_field(v, 7, "other", &f));
	ck_assert_uint_eq(av_count(f), 3);
	item = av_item(f, 2);
	ck_assert(av_field(item, -2, "id", &f));
	ck_assert_int_eq(av_get_bytes(f, &p, &len), 1);
	ck_assert_mem_eq(p, "ZZ", 2);
	/* a name whose field has another id is another field */
	ck_assert(!av_field(v, 8, "list", &f));
}

START_TEST(forms_of_other_writers_are_read)
{
	static const char schema[] =
	    "{\"type\":\"record\",\"namespace\":\"a.b\",\"name\":\"r\","
	    "\"fields\":[{\"name\":\"num\",\"type\":[\"long\",\"null\"]},"
	    "{\"name\":\"nul\",\"type\":[\"int\",\"null\"]},"
	    "{\"name\":\"fix\",\"type\":{\"type\":\"fixed\",\"name\":\"two\","
	    "\"size\":2}},"
	    "{\"name\":\"list\",\"field-id\":7,\"type\":{\"type\":\"array\","
	    "\"items\":{\"type\":\"record\",\"name\":\"c.item\",\"fields\":["
	    "{\"name\":\"id\",\"type\":\"a.b.two\"}]}}},"
	    "{\"name\":\"again\",\"type\":[\"null\",\"c.item\"]},"
	    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"two\"}},"
	    "{\"name\":\"en\",\"type\":{\"type\":\"enum\",\"name\":\"en\","
	    "\"symbols\":[\"A\",\"B\"]}},"
	    "{\"name\":\"odd name.\",\"type\":{\"type\":\"int\"}}]}";
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 2; i++) {
		buf_put_zigzag(&b, 0); /* num: long */
		buf_put_zigzag(&b, 5);
		buf_put_zigzag(&b, 1);  /* nul: null */
		buf_put(&b, "QQ", 2);   /* fix */
		buf_put_zigzag(&b, -2); /* list: two in 4 bytes */
		buf_put_zigzag(&b, 4);
		buf_put(&b, "XXYY", 4);
		buf_put_zigzag(&b, 1); /* and one */
		buf_put(&b, "ZZ", 2);
		buf_put_zigzag(&b, 0);
		buf_put_zigzag(&b, 1); /* again */
		buf_put(&b, "WW", 2);
		buf_put_zigzag(&b, 1); /* m */
		put_bytes(&b, "key", 3);
		buf_put(&b, "MM", 2);
		buf_put_zigzag(&b, 0);
		buf_put_zigzag(&b, 1);  /* en */
		buf_put_zigzag(&b, -9); /* odd name. */
	}
	ck_assert_int_eq(read_framed(schema, NULL, 2, &b, check_foreign), 2);
}
END_TEST

START_TEST(codecs_that_nobody_can_read_are_named)
{
	struct buf b;

	buf_init(&b, 0);
	buf_put_zigzag(&b, 1);
	ck_assert_int_eq(read_framed("\"long\"", "zstandard", 1, &b, NULL), -1);
	ck_assert_int_eq(err.cls, ERR_TABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "zstandard"));
	buf_put_zigzag(&b, 1);
	ck_assert_int_eq(read_framed("\"long\"", "null", 1, &b, NULL), 1);
}
END_TEST

/* ---- what an enemy does ----------------------------------------------- */

#define ARRAY_OF(t) "{\"type\":\"array\",\"items\":" t "}"

static void
is_refused(const char *schema, struct buf *block)
{
	err_clear(&err);
	ck_assert_int_eq(read_framed(schema, NULL, 1, block, NULL), -1);
	ck_assert_int_eq(err.cls, ERR_TABLE);
}

START_TEST(lengths_and_counts_are_checked)
{
	static const int64_t bad[] = { -1, INT64_MIN, INT64_MAX, 1, 1 << 30 };
	struct buf b;

	buf_init(&b, 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		buf_put_zigzag(&b, bad[i]);
		is_refused("\"bytes\"", &b);
		buf_put_zigzag(&b, bad[i]);
		is_refused("\"string\"", &b);
		buf_put_zigzag(&b, bad[i]);
		is_refused(ARRAY_OF("\"long\""), &b);
		/* items without bytes: their number is all there is */
		buf_put_zigzag(&b, bad[i]);
		is_refused(ARRAY_OF("\"null\""), &b);
		buf_put_zigzag(&b, -1);
		buf_put_zigzag(&b, bad[i] == 1 ? 2 : bad[i]);
		buf_put_zigzag(&b, 0);
		buf_put_zigzag(&b, 0);
		is_refused(ARRAY_OF("\"long\""), &b);
	}
	buf_put_zigzag(&b, INT64_C(1) << 40);
	buf_put_zigzag(&b, 0);
	is_refused(ARRAY_OF("{\"type\":\"record\",\"name\":\"e\","
			    "\"fields\":[]}"),
	    &b);
}
END_TEST

START_TEST(values_outside_their_type_are_refused)
{
	struct buf b;

	buf_init(&b, 0);
	buf_put_u8(&b, 2);
	is_refused("\"boolean\"", &b);
	buf_put_zigzag(&b, INT64_C(1) << 31);
	is_refused("\"int\"", &b);
	buf_put_zigzag(&b, 2);
	is_refused("[\"null\",\"long\"]", &b);
	buf_put_zigzag(&b, -1);
	is_refused("[\"null\",\"long\"]", &b);
	buf_put_zigzag(&b, 1);
	is_refused(
	    "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}", &b);
	for (int i = 0; i < 11; i++)
		buf_put_u8(&b, 0x80);
	is_refused("\"long\"", &b);
	buf_put(&b, "ab", 2);
	is_refused("{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}", &b);
}
END_TEST

START_TEST(schemas_are_checked)
{
	static const char *const bad[] = { "{}", "[]", "1", "null",
		"\"nobody\"", "{\"type\":\"record\"}",
		"{\"type\":\"record\",\"name\":\"r\"}",
		"{\"type\":\"record\",\"name\":\"\",\"fields\":[]}",
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{}]}",
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[1]}",
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":"
		"\"a\"}]}",
		"{\"type\":\"array\"}", "{\"type\":\"map\",\"values\":7}",
		"{\"type\":\"fixed\",\"name\":\"f\"}",
		"{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}",
		"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}",
		"{\"type\":\"fixed\",\"name\":\"f\",\"size\":99999999999}",
		"{\"type\":\"enum\",\"name\":\"f\",\"symbols\":[]}",
		"[\"null\",[\"null\",\"int\"]]",
		/* refers to itself: no plain tree */
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":"
		"\"a\",\"type\":[\"null\",\"r\"]}]}",
		/* one name, two types */
		"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},"
		"{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}]" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err_clear(&err);
		ck_assert_msg(codec_of(bad[i]) == NULL, "%s", bad[i]);
		ck_assert_int_eq(err.cls, ERR_TABLE);
	}
}
END_TEST

/* Each type holds the one before twice: 2^30 nodes if written out. */
START_TEST(doubling_schemas_are_stopped)
{
	char text[200];
	json_t *list = json_array();

	json_array_append_new(list,
	    parse("{\"type\":\"fixed\",\"name\":"
		  "\"t0\",\"size\":1}"));
	for (int i = 1; i < 30; i++) {
		snprintf(text, sizeof text,
		    "{\"type\":\"record\",\"name\":"
		    "\"t%d\",\"fields\":[{\"name\":\"a\",\"type\":\"t%d\"},"
		    "{\"name\":\"b\",\"type\":\"t%d\"}]}",
		    i, i - 1, i - 1);
		json_array_append_new(list, parse(text));
	}
	err_clear(&err);
	ck_assert_ptr_null(av_codec_new(list, &err));
	ck_assert_int_eq(err.cls, ERR_TABLE);
	json_decref(list);
}
END_TEST

START_TEST(deflate_bombs_are_stopped)
{
	static const uint8_t empty_block[] = { 0x03, 0x00 };
	struct buf b;

	buf_init(&b, 0);
	/* cut, and bytes behind the end */
	buf_put_u8(&b, 0x63);
	ck_assert_int_eq(read_framed("\"int\"", "deflate", 1, &b, NULL), -1);
	buf_put(&b, empty_block, 2);
	buf_put_u8(&b, 0);
	ck_assert_int_eq(read_framed("\"int\"", "deflate", 1, &b, NULL), -1);
	buf_put(&b, empty_block, 2);
	ck_assert_int_eq(read_framed("\"int\"", "deflate", 0, &b, NULL), 0);
	buf_put(&b, empty_block, 2);
	ck_assert_int_eq(read_framed("\"int\"", "deflate", 1, &b, NULL), -1);
	/* no bytes are needed, yet more datums said than anyone has */
	ck_assert_int_eq(read_framed("\"int\"", NULL, INT64_MAX, &b, NULL), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("avro");
	TCase *t = tcase_create("avro");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, files_are_read_back);
	tcase_add_test(t, avro_c_reads_our_framing);
	tcase_add_test(t, header_keeps_ids_and_keys);
	tcase_add_test(t, any_cut_is_noticed);
	tcase_add_test(t, forms_of_other_writers_are_read);
	tcase_add_test(t, codecs_that_nobody_can_read_are_named);
	tcase_add_test(t, lengths_and_counts_are_checked);
	tcase_add_test(t, values_outside_their_type_are_refused);
	tcase_add_test(t, schemas_are_checked);
	tcase_add_test(t, doubling_schemas_are_stopped);
	tcase_add_test(t, deflate_bombs_are_stopped);
	suite_add_tcase(s, t);
	return run_suite(s);
}
