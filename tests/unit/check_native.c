/* SPDX-License-Identifier: Apache-2.0 */
/* Native blocks written by hand, whole and damaged in every way. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/source/native.h"

enum { BUDGET = 64 << 20 };

/* One column and all that is needed to decode it. */
static struct ch_type type;
static struct field field;
static struct mapping map;
static struct native_column column;
static struct native *native;
static struct stream in;
static struct cursor bytes;
static struct job_column option;
static struct err err;

/* In small pieces, so that values lie across the window's edges. */
static size_t piece = SIZE_MAX;

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	size_t left = cursor_left(&bytes);

	(void)arg;
	(void)e;
	n = n < left ? n : left;
	n = n < piece ? n : piece;
	if (n > 0)
		memcpy(dst, cursor_take(&bytes, n), n);
	return (ssize_t)n;
}

static void
setup(const char *text)
{
	bool used = false;
	struct typemap_options o = { &option, option.name != NULL, &used };
	struct typemap_column c = { .name = "c", .text = text, .type = &type };

	ck_assert_msg(ch_type_parse(text, strlen(text), &type, &err) == 0, "%s",
	    err.text);
	ck_assert_msg(
	    typemap_resolve(&c, &o, &field, &map, &err) == 0, "%s", err.text);
	column = (struct native_column){
		.name = "c", .type = &type, .map = &map, .target = &field.type
	};
	native = native_new(&column, 1);
}

static void
teardown(void)
{
	native_free(native);
	native = NULL;
	mapping_clear(&map);
	field_clear(&field);
	ch_type_clear(&type);
	option = (struct job_column){ 0 };
	piece = SIZE_MAX;
}

static int
feed(const void *p, size_t n, const struct batch **out)
{
	int rc;

	err_clear(&err);
	bytes = cursor_of(p, n);
	stream_init(&in, fetch, NULL, BUDGET);
	rc = native_next(native, &in, out, &err);
	stream_clear(&in);
	return rc;
}

static void
put_lstr(struct buf *b, const char *s)
{
	buf_put_varint(b, strlen(s));
	buf_put_str(b, s);
}

static void
put_head(struct buf *b, uint64_t rows, const char *text)
{
	buf_put_varint(b, 1);
	buf_put_varint(b, rows);
	put_lstr(b, "c");
	put_lstr(b, text);
}

static const struct vec *
decode(const struct buf *b)
{
	const struct batch *out;
	int rc = feed(b->data, b->len, &out);

	ck_assert_msg(rc == 1, "rc %d: %s", rc, err.text);
	return &out->cols[0];
}

/* Every truncation of a good block fails, and only in ways that are named. */
static void
cut_everywhere(const struct buf *b)
{
	const struct batch *out;

	for (size_t n = 1; n < b->len; n++) {
		/* a copy, so that a read past the end is a sanitizer's find */
		uint8_t *copy = xmemdup(b->data, n);

		ck_assert_msg(feed(copy, n, &out) == -1, "cut at %zu", n);
		ck_assert_msg(err.cls == ERR_SOURCE_LOST || err.cls == ERR_DATA,
		    "cut at %zu: %s", n, err.text);
		free(copy);
	}
}

/* Every byte changed: any outcome but a crash; decoded batches are walked. */
static uint64_t
walk(const struct vec *v)
{
	uint64_t sum = 0;

	switch (v->layout) {
	case VEC_FIXED:
		for (size_t i = 0; i < v->n * v->width; i++)
			sum += v->fixed[i];
		break;
	case VEC_BYTES:
		for (size_t i = 0; i < v->n; i++) {
			ck_assert_uint_le(v->offset[i], v->offset[i + 1]);
			for (size_t k = v->offset[i]; k < v->offset[i + 1]; k++)
				sum += v->bytes[k];
		}
		break;
	case VEC_DICT:
		for (size_t i = 0; i < v->n; i++)
			ck_assert_uint_lt(v->index[i], v->dict->n);
		sum += walk(v->dict);
		break;
	case VEC_LIST:
		for (size_t k = 0; k < v->nchild; k++) {
			ck_assert_uint_eq(v->offset[v->n], v->child[k].n);
			sum += walk(&v->child[k]);
		}
		break;
	case VEC_STRUCT:
		for (size_t k = 0; k < v->nchild; k++) {
			ck_assert_uint_eq(v->n, v->child[k].n);
			sum += walk(&v->child[k]);
		}
		break;
	}
	for (size_t i = 0; v->null != NULL && i < v->n; i++)
		sum += v->null[i];
	return sum;
}

static void
change_everywhere(const struct buf *b)
{
	static const uint8_t with[] = { 0x01, 0x80, 0xff };
	const struct batch *out;

	for (size_t n = 0; n < b->len; n++)
		for (size_t k = 0; k < sizeof(with); k++) {
			uint8_t *copy = xmemdup(b->data, b->len);

			copy[n] ^= with[k];
			if (feed(copy, b->len, &out) == 1)
				walk(&out->cols[0]);
			free(copy);
		}
}

static void
torture(const struct buf *b)
{
	cut_everywhere(b);
	change_everywhere(b);
	piece = 1;
	decode(b);
	cut_everywhere(b);
}

/* ---- blocks --------------------------------------------------------------- */

START_TEST(fixed_width_values_come_as_they_are)
{
	static const int64_t values[] = { INT64_MIN, -1, 0, INT64_MAX };
	struct buf b;
	const struct vec *v;

	buf_init(&b, 0);
	setup("Int64");
	put_head(&b, 4, "Int64");
	buf_put(&b, values, sizeof(values));
	v = decode(&b);
	ck_assert_int_eq(v->layout, VEC_FIXED);
	ck_assert_uint_eq(v->n, 4);
	ck_assert_ptr_null(v->null);
	ck_assert_mem_eq(v->fixed, values, sizeof(values));
	torture(&b);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(header_only_blocks_are_passed_over)
{
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("UInt8");
	ck_assert_int_eq(feed("", 0, &out), 0);
	put_head(&b, 0, "UInt8");
	ck_assert_int_eq(feed(b.data, b.len, &out), 0);
	buf_put_u8(&b, 0);
	buf_put_u8(&b, 0);
	put_head(&b, 1, "UInt8");
	buf_put_u8(&b, 200);
	ck_assert_int_eq(feed(b.data, b.len, &out), 1);
	ck_assert_uint_eq(out->nrows, 1);
	ck_assert_uint_eq(out->cols[0].fixed[0], 200);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(another_name_type_or_number_of_columns_is_refused)
{
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("UInt8");
	buf_put_varint(&b, 1);
	buf_put_varint(&b, 1);
	put_lstr(&b, "d");
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_reset(&b);
	put_head(&b, 1, "Int8");
	buf_put_u8(&b, 1);
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "changed its type"));
	buf_reset(&b);
	buf_put_varint(&b, 2);
	buf_put_varint(&b, 1);
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_reset(&b);
	put_head(&b, NATIVE_ROWS_MAX + 1, "UInt8");
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_reset(&b);
	buf_put(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_clear(&b);
	teardown();
}
END_TEST

/* ---- strings -------------------------------------------------------------- */

START_TEST(strings_of_every_length_across_the_window)
{
	static const size_t lengths[] = { 0, 1, 127, 128, 16383, 16384,
		STREAM_WINDOW - 1, STREAM_WINDOW, 3 * STREAM_WINDOW + 5, 0, 2 };
	enum { N = sizeof(lengths) / sizeof(*lengths) };
	struct buf b;
	const struct vec *v;
	uint8_t *text = xmalloc(4 * STREAM_WINDOW);

	for (size_t i = 0; i < 4 * STREAM_WINDOW; i++)
		text[i] = (uint8_t)('a' + i % 26);
	buf_init(&b, 0);
	setup("String");
	put_head(&b, N, "String");
	for (size_t i = 0; i < N; i++) {
		buf_put_varint(&b, lengths[i]);
		buf_put(&b, text, lengths[i]);
	}
	for (int round = 0; round < 3; round++) {
		piece = round == 0 ? SIZE_MAX : round == 1 ? 1000 : 7;
		v = decode(&b);
		ck_assert_int_eq(v->layout, VEC_BYTES);
		for (size_t i = 0; i < N; i++) {
			ck_assert_uint_eq(
			    v->offset[i + 1] - v->offset[i], lengths[i]);
			ck_assert_mem_eq(
			    v->bytes + v->offset[i], text, lengths[i]);
		}
	}
	buf_clear(&b);
	free(text);
	teardown();
}
END_TEST

START_TEST(a_string_longer_than_the_budget_is_a_limit_not_an_allocation)
{
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("String");
	put_head(&b, 1, "String");
	buf_put_varint(&b, (uint64_t)1 << 40);
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_LIMIT);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(bytes_that_are_not_utf8_follow_the_policy)
{
	struct buf b;
	const struct vec *v;
	const struct batch *out;

	buf_init(&b, 0);
	setup("String");
	put_head(&b, 2, "String");
	put_lstr(&b, "ok");
	put_lstr(&b, "\xe9");
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "utf8:"));
	teardown();
	option = (struct job_column){ .name = (char[]){ "c" },
		.utf8 = (char[]){ "latin1" } };
	setup("String");
	v = decode(&b);
	ck_assert_mem_eq(v->bytes + v->offset[1], "\xc3\xa9", 2);
	teardown();
	option = (struct job_column){ .name = (char[]){ "c" },
		.utf8 = (char[]){ "binary" } };
	setup("String");
	ck_assert_int_eq(field.type.kind, TYPE_BINARY);
	v = decode(&b);
	ck_assert_mem_eq(v->bytes + v->offset[1], "\xe9", 1);
	buf_clear(&b);
	teardown();
}
END_TEST

/* ---- NULL ----------------------------------------------------------------- */

START_TEST(junk_under_null_is_neither_checked_nor_kept)
{
	struct buf b;
	const struct vec *v;
	const struct batch *out;

	buf_init(&b, 0);
	setup("Nullable(String)");
	ck_assert(!field.required);
	put_head(&b, 3, "Nullable(String)");
	buf_put(&b, "\0\1\0", 3);
	put_lstr(&b, "a");
	put_lstr(&b, "\xff\xff");
	put_lstr(&b, "b");
	v = decode(&b);
	ck_assert_ptr_nonnull(v->null);
	ck_assert_uint_eq(v->null[1], 1);
	ck_assert_uint_eq(v->offset[1], 1);
	ck_assert_uint_eq(v->offset[2], 1);
	ck_assert_uint_eq(v->offset[3], 2);
	ck_assert_mem_eq(v->bytes, "ab", 2);
	torture(&b);
	teardown();
	buf_reset(&b);
	setup("Nullable(DateTime64(9))");
	put_head(&b, 1, "Nullable(DateTime64(9))");
	buf_put_u8(&b, 1);
	buf_put_u64(&b, 1);
	v = decode(&b);
	ck_assert_uint_eq(v->null[0], 1);
	b.data[b.len - 9] = 2; /* neither 0 nor 1 */
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_clear(&b);
	teardown();
}
END_TEST

/* ---- dictionaries --------------------------------------------------------- */

static void
put_dictionary(
    struct buf *b, uint64_t flags, const char *const *entries, size_t n)
{
	buf_put_u64(b, flags);
	buf_put_u64(b, n);
	for (size_t i = 0; i < n; i++)
		put_lstr(b, entries[i]);
}

START_TEST(low_cardinality_keeps_its_dictionary)
{
	static const char text[] = "LowCardinality(Nullable(String))";
	static const char *const entries[] = { "", "b", "unused \xff", "d" };
	struct buf b;
	const struct vec *v;
	const struct batch *out;

	buf_init(&b, 0);
	setup(text);
	put_head(&b, 4, text);
	buf_put_u64(&b, 1);
	put_dictionary(&b, 0x600, entries, 4);
	buf_put_u64(&b, 4);
	buf_put(&b, "\1\0\3\1", 4);
	v = decode(&b);
	ck_assert_int_eq(v->layout, VEC_DICT);
	ck_assert_uint_eq(v->null[0], 0);
	ck_assert_uint_eq(v->null[1], 1);
	ck_assert_uint_eq(v->index[2], 3);
	ck_assert_uint_eq(v->dict->n, 4);
	ck_assert_mem_eq(v->dict->bytes + v->dict->offset[3], "d", 1);
	torture(&b);
	piece = SIZE_MAX;
	b.data[b.len - 1] = 2; /* refers to what is not UTF-8 */
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	b.data[b.len - 1] = 4; /* past the end */
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "past the end"));
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(indices_of_every_width_are_checked)
{
	static const char *const entries[] = { "", "b" };
	static const struct {
		uint64_t flags, index;
		unsigned width;
	} is[] = {
		{ 0x600, 0xff, 1 },
		{ 0x601, 0x100, 2 },
		{ 0x602, 0x10000, 4 },
		{ 0x603, UINT64_C(0x100000001), 8 },
	};
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("LowCardinality(String)");
	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		buf_reset(&b);
		put_head(&b, 1, "LowCardinality(String)");
		buf_put_u64(&b, 1);
		put_dictionary(&b, is[i].flags, entries, 2);
		buf_put_u64(&b, 1);
		buf_put(&b, &(uint64_t){ 1 }, is[i].width);
		ck_assert_uint_eq(decode(&b)->index[0], 1);
		memcpy(b.data + b.len - is[i].width, &is[i].index, is[i].width);
		ck_assert_int_eq(feed(b.data, b.len, &out), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
	}
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(impossible_dictionaries_are_refused)
{
	static const char *const entries[] = { "", "b" };
	static const uint64_t flags[] = { 0x604, 0x700, 0x400, 0x10600,
		UINT64_MAX };
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("LowCardinality(String)");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		buf_reset(&b);
		put_head(&b, 1, "LowCardinality(String)");
		buf_put_u64(&b, 1);
		put_dictionary(&b, flags[i], entries, 2);
		buf_put_u64(&b, 1);
		buf_put_u8(&b, 0);
		ck_assert_int_eq(feed(b.data, b.len, &out), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
	}
	for (int what = 0; what < 4; what++) {
		buf_reset(&b);
		put_head(&b, 1, "LowCardinality(String)");
		buf_put_u64(&b, what == 0 ? 2 : 1); /* version */
		buf_put_u64(&b, 0x600);
		buf_put_u64(&b, what == 1 ? 0 : what == 2 ? UINT64_MAX : 1);
		buf_put_u8(&b, 0);
		buf_put_u64(&b, what == 3 ? 2 : 1); /* rows */
		buf_put_u64(&b, 0);
		ck_assert_int_eq(feed(b.data, b.len, &out), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
	}
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(enums_become_dictionaries_of_their_labels)
{
	static const char text[] = "Nullable(Enum8('x' = -1, '' = 5))";
	struct buf b;
	const struct vec *v;
	const struct batch *out;

	buf_init(&b, 0);
	setup(text);
	put_head(&b, 3, text);
	buf_put(&b, "\0\0\1", 3);
	buf_put(&b, "\xff\5\0", 3); /* 0 is no label, but NULL */
	v = decode(&b);
	ck_assert_int_eq(v->layout, VEC_DICT);
	ck_assert_uint_eq(v->index[0], 0);
	ck_assert_uint_eq(v->index[1], 1);
	ck_assert_uint_eq(v->null[2], 1);
	ck_assert_mem_eq(v->dict->bytes, "x", 1);
	ck_assert_uint_eq(v->dict->offset[2], 1);
	torture(&b);
	piece = SIZE_MAX;
	b.data[b.len - 2] = 6;
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_clear(&b);
	teardown();
}
END_TEST

/* ---- nested --------------------------------------------------------------- */

START_TEST(prefixes_of_a_subtree_stand_before_all_data)
{
	static const char text[] = "Tuple(a Array(LowCardinality(String)), "
				   "b Array(Nullable(Int32)))";
	static const char *const entries[] = { "", "k" };
	struct buf b;
	const struct vec *v;

	buf_init(&b, 0);
	setup(text);
	put_head(&b, 2, text);
	buf_put_u64(&b, 1); /* version of a's dictionary */
	buf_put_u64(&b, 1); /* a: ends */
	buf_put_u64(&b, 3);
	put_dictionary(&b, 0x600, entries, 2);
	buf_put_u64(&b, 3);
	buf_put(&b, "\1\0\1", 3);
	buf_put_u64(&b, 0); /* b: ends */
	buf_put_u64(&b, 2);
	buf_put(&b, "\1\0", 2);
	buf_put_u32(&b, 77);
	buf_put_u32(&b, (uint32_t)-5);
	v = decode(&b);
	ck_assert_int_eq(v->layout, VEC_STRUCT);
	ck_assert_uint_eq(v->child[0].offset[2], 3);
	ck_assert_int_eq(v->child[0].child[0].layout, VEC_DICT);
	ck_assert_uint_eq(v->child[1].offset[1], 0);
	ck_assert_uint_eq(v->child[1].child[0].null[0], 1);
	ck_assert_int_eq(
	    ((const int32_t *)(const void *)v->child[1].child[0].fixed)[1], -5);
	torture(&b);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(empty_arrays_leave_empty_children)
{
	static const char text[] = "Array(LowCardinality(String))";
	struct buf b;
	const struct vec *v;

	buf_init(&b, 0);
	setup(text);
	put_head(&b, 2, text);
	buf_put_u64(&b, 1);
	buf_put_u64(&b, 0);
	buf_put_u64(&b, 0);
	v = decode(&b);
	ck_assert_uint_eq(v->child[0].n, 0);
	walk(v);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(falling_or_huge_array_ends_are_refused)
{
	static const uint64_t ends[][2] = { { 2, 1 }, { 0, UINT64_MAX },
		{ UINT64_MAX, 0 }, { 0, (uint64_t)1 << 32 } };
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("Array(UInt8)");
	for (size_t i = 0; i < 4; i++) {
		buf_reset(&b);
		put_head(&b, 2, "Array(UInt8)");
		buf_put_u64(&b, ends[i][0]);
		buf_put_u64(&b, ends[i][1]);
		buf_put(&b, "abc", 3);
		ck_assert_int_eq(feed(b.data, b.len, &out), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
	}
	buf_reset(&b);
	put_head(&b, 1, "Array(UInt8)");
	buf_put_u64(&b, UINT32_MAX);
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_LIMIT);
	buf_clear(&b);
	teardown();
}
END_TEST

static void
put_map(struct buf *b, const char *text, unsigned nkeys, unsigned last)
{
	buf_reset(b);
	put_head(b, 2, text);
	buf_put_u64(b, 1);
	buf_put_u64(b, nkeys + 1);
	buf_put_u32(b, 0); /* the same key in another row */
	for (unsigned i = 0; i + 1 < nkeys; i++)
		buf_put_u32(b, i);
	buf_put_u32(b, last);
	for (unsigned i = 0; i < nkeys + 1; i++)
		buf_put_u8(b, (uint8_t)i);
}

START_TEST(duplicate_keys_are_found_in_short_and_long_maps)
{
	static const unsigned sizes[] = { 2, 3, 24, 25, 1000 };
	struct buf b;
	const struct vec *v;
	const struct batch *out;

	buf_init(&b, 0);
	setup("Map(UInt32, UInt8)");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_map(&b, "Map(UInt32, UInt8)", sizes[i], sizes[i]);
		v = decode(&b);
		ck_assert_uint_eq(v->offset[2], sizes[i] + 1);
		put_map(&b, "Map(UInt32, UInt8)", sizes[i], 0);
		ck_assert_int_eq(feed(b.data, b.len, &out), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
		ck_assert_ptr_nonnull(strstr(err.text, "duplicates: list"));
	}
	teardown();
	option = (struct job_column){ .name = (char[]){ "c" },
		.duplicates = (char[]){ "list" } };
	setup("Map(UInt32, UInt8)");
	put_map(&b, "Map(UInt32, UInt8)", 3, 0);
	v = decode(&b);
	ck_assert_int_eq(v->layout, VEC_LIST);
	ck_assert_int_eq(v->child[0].layout, VEC_STRUCT);
	ck_assert_uint_eq(v->child[0].n, 4);
	torture(&b);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(json_comes_as_text_or_not_at_all)
{
	struct buf b;
	const struct batch *out;

	buf_init(&b, 0);
	setup("JSON");
	put_head(&b, 1, "JSON");
	buf_put_u64(&b, 1);
	put_lstr(&b, "{\"a\":1}");
	ck_assert_uint_eq(decode(&b)->offset[1], 7);
	torture(&b);
	piece = SIZE_MAX;
	b.data[b.len - 16] = 0;
	ck_assert_int_eq(feed(b.data, b.len, &out), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	buf_clear(&b);
	teardown();
}
END_TEST

START_TEST(raw_values_are_those_before_conversion)
{
	static const int64_t ticks[] = { -1, 1999, 5 };
	struct buf b;
	const int64_t *raw;

	buf_init(&b, 0);
	option = (struct job_column){ .name = (char[]){ "c" },
		.time = (char[]){ "floor" } };
	setup("Nullable(DateTime64(9))");
	column.keep_raw = true;
	native_free(native);
	native = native_new(&column, 1);
	put_head(&b, 3, "Nullable(DateTime64(9))");
	buf_put(&b, "\0\0\1", 3);
	buf_put(&b, ticks, sizeof(ticks));
	decode(&b);
	raw = native_raw(native, 0);
	ck_assert_int_eq(raw[0], -1);
	ck_assert_int_eq(raw[1], 1999);
	ck_assert_int_eq(raw[2], 0);
	buf_clear(&b);
	teardown();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("native");
	TCase *tc = tcase_create("native");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, fixed_width_values_come_as_they_are);
	tcase_add_test(tc, header_only_blocks_are_passed_over);
	tcase_add_test(tc, another_name_type_or_number_of_columns_is_refused);
	tcase_add_test(tc, strings_of_every_length_across_the_window);
	tcase_add_test(
	    tc, a_string_longer_than_the_budget_is_a_limit_not_an_allocation);
	tcase_add_test(tc, bytes_that_are_not_utf8_follow_the_policy);
	tcase_add_test(tc, junk_under_null_is_neither_checked_nor_kept);
	tcase_add_test(tc, low_cardinality_keeps_its_dictionary);
	tcase_add_test(tc, indices_of_every_width_are_checked);
	tcase_add_test(tc, impossible_dictionaries_are_refused);
	tcase_add_test(tc, enums_become_dictionaries_of_their_labels);
	tcase_add_test(tc, prefixes_of_a_subtree_stand_before_all_data);
	tcase_add_test(tc, empty_arrays_leave_empty_children);
	tcase_add_test(tc, falling_or_huge_array_ends_are_refused);
	tcase_add_test(tc, duplicate_keys_are_found_in_short_and_long_maps);
	tcase_add_test(tc, json_comes_as_text_or_not_at_all);
	tcase_add_test(tc, raw_values_are_those_before_conversion);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
