/* SPDX-License-Identifier: Apache-2.0 */
/* Columns written as Native blocks: read back by the reader of sources, and
 * what cannot be held. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/sink/native_put.h"
#include "worker/source/native.h"

static struct field field;
static struct ch_type to;
static struct native_put put;
static struct batch batch;
static struct buf block;
static struct cursor bytes;
static struct err err;

static int
plan(struct type type, const char *text)
{
	type_clear(&field.type);
	free(field.name);
	field = (struct field){ .name = xstrdup("c"), .type = type };
	ck_assert_int_eq(ch_type_parse(text, strlen(text), &to, &err), 0);
	err_clear(&err);
	return native_plan(&field, &to, text, &put, &err);
}

/* A batch of one column of n values; the vec is to be filled. */
static struct vec *
column(struct type type, const char *text, size_t n)
{
	struct type row = { .kind = TYPE_STRUCT };
	struct field *f;

	ck_assert_msg(plan(type, text) == 0, "%s", err.text);
	f = type_add_field(&row, "c", false, TYPE_INT);
	type_copy(&f->type, &field.type);
	batch_init(&batch, &row);
	type_clear(&row);
	batch.nrows = n;
	buf_init(&block, 0);
	return &batch.cols[0];
}

static void
done(void)
{
	batch_clear(&batch);
	native_put_clear(&put);
	ch_type_clear(&to);
	field_clear(&field);
	buf_clear(&block);
}

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	size_t left = cursor_left(&bytes);

	(void)arg;
	(void)e;
	n = n < left ? n : left;
	if (n > 0)
		memcpy(dst, cursor_take(&bytes, n), n);
	return (ssize_t)n;
}

/* What is left of a block that has been read. */
static struct reading {
	struct ch_type type;
	struct field field;
	struct mapping map;
	struct native_column column;
	struct native *native;
	struct stream in;
	const struct batch *out;
} r;

static int
into_block(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)e;
	buf_put(&block, p, n);
	return 0;
}

/* What is in block. */
static const struct vec *
read_block(void)
{
	struct typemap_options none = { NULL, 0, NULL };
	struct typemap_column c = {
		.name = "c", .text = put.sent, .type = &r.type
	};

	ck_assert_int_eq(
	    ch_type_parse(put.sent, strlen(put.sent), &r.type, &err), 0);
	ck_assert_int_eq(typemap_resolve(&c, &none, &r.field, &r.map, &err), 0);
	r.column = (struct native_column){ .name = "c",
		.type = &r.type,
		.map = &r.map,
		.target = &r.field.type };
	r.native = native_new(&r.column, 1);
	bytes = cursor_of(block.data, block.len);
	stream_init(&r.in, fetch, NULL, 1 << 20);
	ck_assert_msg(
	    native_next(r.native, &r.in, &r.out, &err) == 1, "%s", err.text);
	ck_assert_uint_eq(cursor_left(&bytes), 0);
	ck_assert_uint_eq(r.out->nrows, batch.nrows);
	return &r.out->cols[0];
}

static const struct vec *
read_back(void)
{
	ck_assert_msg(native_put_block(&block, &put, 1, &batch, &err) == 0,
	    "%s", err.text);
	return read_block();
}

static void
end_reading(void)
{
	stream_clear(&r.in);
	native_free(r.native);
	mapping_clear(&r.map);
	field_clear(&r.field);
	ch_type_clear(&r.type);
	memset(&r, 0, sizeof(r));
	done();
}

static void
refuse(const char *why)
{
	ck_assert_int_eq(native_put_block(&block, &put, 1, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
	err_clear(&err);
	done();
}

static void
fill_longs(struct vec *v, size_t n, const int64_t *values)
{
	memcpy(vec_set_fixed(v, 8, n), values, 8 * n);
}

START_TEST(integers_come_back_whatever_the_width)
{
	static const char *const texts[] = { "Int8", "Int16", "Int32", "Int64",
		"Nullable(Int64)", "LowCardinality(Int32)" };
	const int64_t values[] = { -128, 0, 127 };

	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
		struct vec *v =
		    column((struct type){ .kind = TYPE_LONG }, texts[k], 3);
		const struct vec *got;

		fill_longs(v, 3, values);
		got = read_back();
		for (size_t row = 0; row < 3; row++) {
			int64_t x = 0;

			memcpy(&x, got->fixed + row * got->width, got->width);
			if (got->width == 4)
				x = (int32_t)x;
			ck_assert_int_eq(x, values[row]);
		}
		end_reading();
	}
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_refused)
{
	static const struct {
		const char *text;
		int64_t value;
	} bad[] = { { "Int8", 128 }, { "Int8", -129 }, { "UInt8", -1 },
		{ "UInt8", 256 }, { "Int32", INT64_C(1) << 31 },
		{ "UInt64", -1 }, { "UInt256", -1 }, { "Bool", 2 },
		{ "Decimal(4, 2)", 100 } };

	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		struct vec *v =
		    column((struct type){ .kind = TYPE_LONG }, bad[k].text, 1);

		fill_longs(v, 1, &bad[k].value);
		refuse("column 'c': a value does not fit the target's");
	}
}
END_TEST

START_TEST(nulls_come_back)
{
	struct vec *v =
	    column((struct type){ .kind = TYPE_LONG }, "Nullable(Int8)", 3);
	const struct vec *got;

	/* junk beneath a NULL is no value */
	fill_longs(v, 3, (const int64_t[]){ 1, 1000, 3 });
	memcpy(vec_set_null(v, 3), "\0\1\0", 3);
	got = read_back();
	ck_assert_uint_eq(got->null[1], 1);
	ck_assert_uint_eq(got->null[2], 0);
	end_reading();
	v = column((struct type){ .kind = TYPE_LONG }, "Int64", 2);
	fill_longs(v, 2, (const int64_t[]){ 1, 2 });
	memcpy(vec_set_null(v, 2), "\0\1", 2);
	refuse("has a NULL, and the target's Int64 takes none");
}
END_TEST

static void
fill_texts(struct vec *v, const char *all, const uint32_t ends[3])
{
	uint32_t *offset = vec_set_offsets(v, VEC_BYTES, 3);

	memcpy(offset + 1, ends, 12);
	memcpy(vec_set_bytes(v, ends[2]), all, ends[2]);
}

START_TEST(texts_come_back)
{
	static const char *const texts[] = { "String", "Nullable(String)",
		"LowCardinality(Nullable(String))" };
	char all[303];

	memset(all, 'x', sizeof(all));
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
		const struct vec *got;

		fill_texts(
		    column((struct type){ .kind = TYPE_STRING }, texts[k], 3),
		    all, (const uint32_t[]){ 3, 3, 303 });
		got = read_back();
		ck_assert_uint_eq(got->offset[1], 3);
		ck_assert_uint_eq(got->offset[2], 3);
		ck_assert_uint_eq(got->offset[3], 303);
		ck_assert_mem_eq(got->bytes, all, 303);
		end_reading();
	}
	fill_texts(
	    column((struct type){ .kind = TYPE_STRING }, "FixedString(2)", 3),
	    "abcde", (const uint32_t[]){ 2, 2, 5 });
	refuse("does not fit");
	/* the server would take the number of a label for the label */
	fill_texts(column((struct type){ .kind = TYPE_STRING },
		       "Enum8('a' = 1, '' = 2, 'ab' = 0)", 3),
	    "aab", (const uint32_t[]){ 1, 1, 3 });
	read_back();
	end_reading();
	fill_texts(column((struct type){ .kind = TYPE_STRING },
		       "Nullable(Enum8('a' = 1))", 3),
	    "aa1", (const uint32_t[]){ 1, 2, 3 });
	refuse("a value is none of the labels of the target's Nullable(Enum8");
	/* bytes may end in zeros, text does not */
	fill_texts(
	    column((struct type){ .kind = TYPE_BINARY }, "FixedString(2)", 3),
	    "abcde", (const uint32_t[]){ 2, 4, 5 });
	refuse("a value is shorter than the target's FixedString(2)");
}
END_TEST

START_TEST(times_keep_their_digits_or_are_refused)
{
	const struct type us = { .kind = TYPE_TIMESTAMPTZ };
	const int64_t whole[] = { -1000000, 0, INT64_C(1700000000123000) };
	const struct vec *got;
	int64_t v;

	fill_longs(column(us, "DateTime64(3, 'UTC')", 3), 3, whole);
	got = read_back();
	for (size_t k = 0; k < 3; k++) {
		memcpy(&v, got->fixed + 8 * k, 8);
		ck_assert_int_eq(v, whole[k]);
	}
	end_reading();
	fill_longs(column(us, "DateTime64(3)", 1), 1, (const int64_t[]){ 1 });
	refuse("does not fit");
	fill_longs(column(us, "DateTime", 1), 1, (const int64_t[]){ -1000000 });
	refuse("does not fit");
	fill_longs(column(us, "DateTime64(6)", 1), 1,
	    (const int64_t[]){ INT64_C(10413792000000000) });
	refuse("does not fit");
	memcpy(vec_set_fixed(
		   column((struct type){ .kind = TYPE_DATE }, "Date", 1), 4, 1),
	    &(int32_t){ -1 }, 4);
	refuse("does not fit");
}
END_TEST

START_TEST(decimals_widen_and_uuids_turn)
{
	const struct type money = {
		.kind = TYPE_DECIMAL, .precision = 9, .scale = 2
	};
	static const uint8_t uuid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15 };
	const struct vec *got;
	int64_t v;

	memcpy(vec_set_fixed(column(money, "Decimal(18, 4)", 1), 4, 1),
	    &(int32_t){ -12345 }, 4);
	got = read_back();
	memcpy(&v, got->fixed, 8);
	ck_assert_int_eq(v, -1234500);
	end_reading();
	ck_assert_int_eq(plan(money, "Decimal(9, 1)"), -1);
	ck_assert_int_eq(err.cls, ERR_TYPE);
	ch_type_clear(&to);
	field_clear(&field);
	memcpy(
	    vec_set_fixed(
		column((struct type){ .kind = TYPE_UUID }, "UUID", 1), 16, 1),
	    uuid, 16);
	got = read_back();
	ck_assert_mem_eq(got->fixed, uuid, 16);
	end_reading();
}
END_TEST

START_TEST(arrays_come_back)
{
	struct type list = { .kind = TYPE_LIST };
	const struct vec *got;
	struct vec *v;
	uint32_t *offset;

	type_add_field(&list, "element", false, TYPE_LONG);
	v = column(list, "Array(Nullable(Int64))", 3);
	offset = vec_set_offsets(v, VEC_LIST, 3);
	memcpy(offset + 1, (const uint32_t[]){ 2, 2, 3 }, 12);
	fill_longs(&v->child[0], 3, (const int64_t[]){ 7, 0, -9 });
	memcpy(vec_set_null(&v->child[0], 3), "\0\1\0", 3);
	got = read_back();
	ck_assert_uint_eq(got->offset[1], 2);
	ck_assert_uint_eq(got->offset[2], 2);
	ck_assert_uint_eq(got->offset[3], 3);
	ck_assert_uint_eq(got->child[0].null[1], 1);
	ck_assert_int_eq(
	    ((const int64_t *)(const void *)got->child[0].fixed)[2], -9);
	memcpy(vec_set_null(v, 3), "\0\1\0", 3);
	buf_reset(&block);
	ck_assert_int_eq(native_put_block(&block, &put, 1, &batch, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "set as: string"));
	err_clear(&err);
	end_reading();
}
END_TEST

/* Two batches make one block: the ends of arrays and NULLs go on. */
START_TEST(batches_are_gathered_to_one_block)
{
	static const uint32_t ends[] = { 0, 2, 3, 5, 6 };
	static const int64_t longs[] = { 7, 0, -9 };
	struct type list = { .kind = TYPE_LIST };
	const struct vec *got;
	const int64_t *values;
	struct vec *v;
	uint32_t *offset;

	type_add_field(&list, "element", false, TYPE_LONG);
	v = column(list, "Array(Nullable(Int64))", 2);
	offset = vec_set_offsets(v, VEC_LIST, 2);
	memcpy(offset + 1, ends + 1, 8);
	fill_longs(&v->child[0], 3, longs);
	memcpy(vec_set_null(&v->child[0], 3), "\0\1\0", 3);
	ck_assert_int_eq(native_gather(&put, 1, &batch, &err), 0);
	ck_assert_uint_eq(native_gathered(&put, 1), 2 * 8 + 3 + 3 * 8);
	ck_assert_int_eq(native_gather(&put, 1, &batch, &err), 0);
	ck_assert_int_eq(native_emit(&put, 1, into_block, NULL, &err), 0);
	ck_assert_uint_eq(native_gathered(&put, 1), 0);
	ck_assert_int_eq(native_emit(&put, 1, into_block, NULL, &err), 0);
	batch.nrows = 4;
	got = read_block();
	for (size_t k = 0; k <= 4; k++)
		ck_assert_uint_eq(got->offset[k], ends[k]);
	values = (const void *)got->child[0].fixed;
	for (size_t k = 0; k < 6; k++) {
		ck_assert_uint_eq(got->child[0].null[k], k % 3 == 1);
		ck_assert_int_eq(values[k], longs[k % 3]);
	}
	end_reading();
}
END_TEST

START_TEST(types_that_hold_other_things_are_refused)
{
	static const struct {
		enum type_kind from;
		const char *to;
	} bad[] = { { TYPE_STRING, "Int32" }, { TYPE_LONG, "String" },
		{ TYPE_DOUBLE, "Float32" }, { TYPE_DOUBLE, "Int64" },
		{ TYPE_TIMESTAMP, "Date" }, { TYPE_BINARY, "UUID" },
		{ TYPE_LONG, "Array(Int64)" }, { TYPE_STRING, "JSON" },
		{ TYPE_UUID, "String" }, { TYPE_LONG, "Map(String, Int64)" } };

	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		ck_assert_msg(
		    plan((struct type){ .kind = bad[k].from }, bad[k].to) == -1,
		    "%s", bad[k].to);
		ck_assert_int_eq(err.cls, ERR_TYPE);
		ck_assert_ptr_nonnull(strstr(err.text, bad[k].to));
		ch_type_clear(&to);
		field_clear(&field);
	}
}
END_TEST

START_TEST(a_block_has_a_limit)
{
	const int64_t values[3] = { 1, 2, 3 };

	fill_longs(
	    column((struct type){ .kind = TYPE_LONG }, "Int64", 3), 3, values);
	buf_clear(&block);
	buf_init(&block, 20);
	ck_assert_int_eq(native_put_block(&block, &put, 1, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_LIMIT);
	done();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("native_put");
	TCase *t = tcase_create("put");

	suite_add_tcase(suite, t);
	tcase_add_test(t, integers_come_back_whatever_the_width);
	tcase_add_test(t, numbers_that_do_not_fit_are_refused);
	tcase_add_test(t, nulls_come_back);
	tcase_add_test(t, texts_come_back);
	tcase_add_test(t, times_keep_their_digits_or_are_refused);
	tcase_add_test(t, decimals_widen_and_uuids_turn);
	tcase_add_test(t, arrays_come_back);
	tcase_add_test(t, types_that_hold_other_things_are_refused);
	tcase_add_test(t, batches_are_gathered_to_one_block);
	tcase_add_test(t, a_block_has_a_limit);
	return run_suite(suite);
}
