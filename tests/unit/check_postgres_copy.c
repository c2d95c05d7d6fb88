/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY's binary format written by hand: as values, and damaged. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/source/postgres.h"

static struct postgres s;
static struct postgres_column column;
static struct postgres_column *wire[1] = { &column };
static struct vec vec;
static struct buf copy;
static struct err err;

/* One column of that type; text may be "int4[]" or "numeric(9,2)". */
static void
setup(const char *name, int32_t modifier, bool array)
{
	column = (struct postgres_column){ .name = xstrdup("c"),
		.type_text = xstrdup(name),
		.type = { .name = name,
		    .text = name,
		    .kind = 'b',
		    .modifier = modifier,
		    .array = array } };
	column.field.name = xstrdup("c");
	ck_assert_int_eq(typemap_postgres("c", &column.type, NULL,
			     &column.field.type, &column.map, &err),
	    0);
	vec_init(&vec, &column.field.type);
	s = (struct postgres){ .wire = wire, .nwire = 1 };
	s.cells = xcalloc(POSTGRES_ROWS, sizeof(*s.cells));
	buf_init(&copy, 0);
	buf_put(&copy, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

static void
teardown(void)
{
	vec_clear(&vec);
	field_clear(&column.field);
	free(column.name);
	free(column.type_text);
	free(s.cells);
	buf_clear(&copy);
	err_clear(&err);
}

static void
put_be(uint64_t v, unsigned width)
{
	while (width-- > 0)
		buf_put_u8(&copy, (uint8_t)(v >> (8 * width)));
}

static void
put_value(const void *p, size_t n)
{
	put_be(1, 2);
	put_be(n, 4);
	buf_put(&copy, p, n);
}

static void
put_number(uint64_t v, unsigned width)
{
	put_be(1, 2);
	put_be(width, 4);
	put_be(v, width);
}

static void
put_null(void)
{
	put_be(1, 2);
	put_be(UINT32_MAX, 4);
}

static void
put_end(void)
{
	put_be(0xffff, 2);
}

static int
read_rows(const uint8_t *p, size_t n)
{
	s.nrows = 0;
	s.header_seen = s.trailer_seen = false;
	err_clear(&err);
	if (postgres_take(&s, p, n, &err) == -1)
		return -1;
	return postgres_values(&vec, &column, s.cells, s.nrows, &err);
}

static void
decode(void)
{
	ck_assert_msg(read_rows(copy.data, copy.len) == 0, "%s", err.text);
}

static void
refuse(const char *why)
{
	ck_assert_int_eq(read_rows(copy.data, copy.len), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
}

static int64_t
int64_at(size_t k)
{
	int64_t v;

	memcpy(&v, vec.fixed + 8 * k, 8);
	return v;
}

static int32_t
int32_at(size_t k)
{
	int32_t v;

	memcpy(&v, vec.fixed + 4 * k, 4);
	return v;
}

START_TEST(integers_have_a_sign)
{
	setup("int2", -1, false);
	put_number(0x8000, 2);
	put_number(0x7fff, 2);
	put_null();
	put_end();
	decode();
	ck_assert_uint_eq(vec.n, 3);
	ck_assert_int_eq(int32_at(0), -32768);
	ck_assert_int_eq(int32_at(1), 32767);
	ck_assert_uint_eq(vec.null[2], 1);
	ck_assert(s.trailer_seen);
	teardown();
	setup("oid", -1, false);
	put_number(0xffffffff, 4);
	put_end();
	decode();
	ck_assert_int_eq(int64_at(0), 4294967295);
	teardown();
}
END_TEST

START_TEST(times_count_from_1970)
{
	setup("timestamptz", -1, false);
	put_number(0, 8);
	put_number((uint64_t)-1, 8);
	put_end();
	decode();
	ck_assert_int_eq(int64_at(0), INT64_C(946684800000000));
	ck_assert_int_eq(int64_at(1), INT64_C(946684799999999));
	put_number(INT64_MAX, 8);
	copy.len -= 16; /* before the trailer */
	put_number(INT64_MAX, 8);
	refuse("infinite");
	teardown();
	setup("timestamp", -1, false);
	put_number(INT64_MAX - 1, 8);
	refuse("infinite");
	teardown();
	setup("date", -1, false);
	put_number((uint32_t)-10957, 4);
	decode();
	ck_assert_int_eq(int32_at(0), 0);
	put_number(INT32_MIN, 4);
	refuse("infinite");
	teardown();
}
END_TEST

/* numeric(p,s) as its digits of base 10000 */
static void
put_numeric(int16_t weight, uint16_t sign, unsigned n, const uint16_t *digits)
{
	put_be(1, 2);
	put_be(8 + 2 * n, 4);
	put_be(n, 2);
	put_be((uint16_t)weight, 2);
	put_be(sign, 2);
	put_be(0, 2);
	for (unsigned k = 0; k < n; k++)
		put_be(digits[k], 2);
}

START_TEST(numerics_are_unscaled_exactly)
{
	setup("numeric", (9 << 16 | 2) + 4, false);
	put_numeric(1, 0, 3, (const uint16_t[]){ 123, 4567, 8900 });
	put_numeric(0, 0x4000, 1, (const uint16_t[]){ 1 });
	put_numeric(0, 0, 0, NULL);
	put_numeric(-1, 0, 1, (const uint16_t[]){ 100 });
	decode();
	ck_assert_int_eq(int32_at(0), 123456789);
	ck_assert_int_eq(int32_at(1), -100);
	ck_assert_int_eq(int32_at(2), 0);
	ck_assert_int_eq(int32_at(3), 1);
	put_numeric(-1, 0, 1, (const uint16_t[]){ 1 });
	refuse("does not fit");
	copy.len -= 16;
	put_numeric(1, 0, 1, (const uint16_t[]){ 1000 });
	refuse("does not fit");
	copy.len -= 16;
	put_numeric(0, 0, 1, (const uint16_t[]){ 10000 });
	refuse("does not fit");
	copy.len -= 16;
	put_numeric(32767, 0, 1, (const uint16_t[]){ 1 });
	refuse("does not fit");
	copy.len -= 16;
	put_numeric(0, 0xc000, 0, NULL);
	refuse("is NaN");
	teardown();
}
END_TEST

START_TEST(numerics_beyond_128_bits_do_not_fit)
{
	setup("numeric", (38 << 16 | 2) + 4, false);
	put_numeric(9, 0, 1, (const uint16_t[]){ 2815 }); /* by 10^38 */
	refuse("does not fit");
}
END_TEST

static bool
is_double(const uint16_t *groups, size_t n, int weight, double *out)
{
	uint8_t bytes[16];

	for (size_t k = 0; k < n; k++) {
		bytes[2 * k] = (uint8_t)(groups[k] >> 8);
		bytes[2 * k + 1] = (uint8_t)groups[k];
	}
	return postgres_double(bytes, n, weight, false, out);
}

START_TEST(numerics_are_doubles_where_they_are_the_same)
{
	double v;

	ck_assert(is_double(NULL, 0, 0, &v) && v == 0);
	ck_assert(is_double((const uint16_t[]){ 1 }, 1, 0, &v) && v == 1);
	ck_assert(is_double((const uint16_t[]){ 1000 }, 1, -1, &v) && v == 0.1);
	ck_assert(
	    is_double((const uint16_t[]){ 12, 3400 }, 2, 0, &v) && v == 12.34);
	ck_assert(is_double((const uint16_t[]){ 1 }, 1, 76, &v) && v == 1e304);
	ck_assert(
	    is_double((const uint16_t[]){ 1 }, 1, -77, &v) && v == 1e-308);
	/* 0.1 once more, and its neighbour, each in 17 digits */
	ck_assert(
	    !is_double((const uint16_t[]){ 1000, 0, 0, 0, 1000 }, 5, -1, &v));
	ck_assert(
	    is_double((const uint16_t[]){ 1000, 0, 0, 0, 2000 }, 5, -1, &v) &&
	    v == 0.10000000000000002);
	/* 2^64 to the last digit; too large; too small; malformed */
	ck_assert(!is_double(
	    (const uint16_t[]){ 1844, 6744, 737, 955, 1616 }, 5, 4, &v));
	ck_assert(!is_double((const uint16_t[]){ 1 }, 1, 78, &v));
	ck_assert(!is_double((const uint16_t[]){ 1 }, 1, -90, &v));
	ck_assert(!is_double((const uint16_t[]){ 10000 }, 1, 0, &v));
}
END_TEST

START_TEST(texts_must_be_utf8)
{
	setup("text", -1, false);
	put_value("a\xc3\xb6", 3);
	put_value("", 0);
	put_null();
	decode();
	ck_assert_uint_eq(vec.offset[3], 3);
	ck_assert_mem_eq(vec.bytes, "a\xc3\xb6", 3);
	ck_assert_uint_eq(vec.null[1], 0);
	ck_assert_uint_eq(vec.null[2], 1);
	put_value("\xff", 1);
	refuse("not UTF-8");
	teardown();
	setup("jsonb", -1, false);
	put_value("\1{}", 3);
	decode();
	ck_assert_mem_eq(vec.bytes, "{}", 2);
	put_value("\2{}", 3);
	refuse("impossible length");
	teardown();
	setup("bytea", -1, false);
	put_value("\xff\0", 2);
	decode();
	ck_assert_mem_eq(vec.bytes, "\xff\0", 2);
	teardown();
}
END_TEST

static void
put_array(uint32_t ndim, uint32_t count, unsigned n, const int32_t *values)
{
	put_be(1, 2);
	put_be(ndim == 0 ? 12 : 20 + 8 * n, 4);
	put_be(ndim, 4);
	put_be(0, 4);
	put_be(23, 4);
	if (ndim == 0)
		return;
	put_be(count, 4);
	put_be(1, 4);
	for (unsigned k = 0; k < n; k++) {
		put_be(4, 4);
		put_be((uint32_t)values[k], 4);
	}
}

START_TEST(arrays_have_one_dimension)
{
	setup("int4", -1, true);
	put_array(1, 2, 2, (const int32_t[]){ 7, -8 });
	put_array(0, 0, 0, NULL);
	put_null();
	put_array(1, 1, 1, (const int32_t[]){ 9 });
	decode();
	ck_assert_uint_eq(vec.offset[1], 2);
	ck_assert_uint_eq(vec.offset[3], 2);
	ck_assert_uint_eq(vec.offset[4], 3);
	ck_assert_uint_eq(vec.null[2], 1);
	ck_assert_int_eq(
	    ((const int32_t *)(const void *)vec.child[0].fixed)[1], -8);
	put_array(2, 1, 1, (const int32_t[]){ 9 });
	refuse("more than one dimension");
	copy.len -= 34;
	put_array(1, 1000000, 1, (const int32_t[]){ 9 });
	refuse("impossible length");
	teardown();
}
END_TEST

START_TEST(every_cut_is_found)
{
	setup("numeric", (9 << 16 | 2) + 4, false);
	put_numeric(1, 0, 3, (const uint16_t[]){ 123, 4567, 8900 });
	put_null();
	put_end();
	for (size_t n = 0; n < copy.len; n++) {
		/* a copy, so that a read past the end is a sanitizer's find */
		uint8_t *cut = xmemdup(copy.data, n);

		if (read_rows(cut, n) == 0)
			ck_assert_msg(!s.trailer_seen, "cut at %zu", n);
		free(cut);
	}
	decode();
	buf_put_u8(&copy, 0);
	refuse("bytes after the end");
	teardown();
}
END_TEST

START_TEST(every_byte_changed_is_no_crash)
{
	setup("int4", -1, true);
	put_array(1, 2, 2, (const int32_t[]){ 7, -8 });
	put_array(0, 0, 0, NULL);
	put_end();
	for (size_t k = 0; k < copy.len; k++)
		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t *bad = xmemdup(copy.data, copy.len);

			bad[k] ^= (uint8_t)(1u << bit);
			if (read_rows(bad, copy.len) == 0)
				ck_assert_uint_le(vec.n, 2);
			else
				ck_assert_int_eq(err.cls, ERR_DATA);
			free(bad);
		}
	teardown();
}
END_TEST

START_TEST(headers_and_columns_are_checked)
{
	setup("int4", -1, false);
	put_number(1, 4);
	copy.data[0] = 'X';
	refuse("no header");
	copy.data[0] = 'P';
	copy.data[12] = 1;
	refuse("unknown flag");
	copy.data[12] = 0;
	copy.data[18] = 200;
	refuse("header that is too short");
	copy.data[18] = 0;
	decode();
	put_be(2, 2);
	refuse("another number of columns");
	copy.len -= 2;
	put_number(1, 8);
	refuse("impossible length");
	teardown();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("postgres_copy");
	TCase *t = tcase_create("copy");

	suite_add_tcase(suite, t);
	tcase_add_test(t, integers_have_a_sign);
	tcase_add_test(t, times_count_from_1970);
	tcase_add_test(t, numerics_are_unscaled_exactly);
	tcase_add_test(t, numerics_beyond_128_bits_do_not_fit);
	tcase_add_test(t, numerics_are_doubles_where_they_are_the_same);
	tcase_add_test(t, texts_must_be_utf8);
	tcase_add_test(t, arrays_have_one_dimension);
	tcase_add_test(t, every_cut_is_found);
	tcase_add_test(t, every_byte_changed_is_no_crash);
	tcase_add_test(t, headers_and_columns_are_checked);
	return run_suite(suite);
}
