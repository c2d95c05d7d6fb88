/* SPDX-License-Identifier: Apache-2.0 */
/* Transforms at their extremes, and the specification's hash vectors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/unit/run_suite.h"
#include "worker/iceberg/transform.h"

static struct type
type_of(enum type_kind kind, unsigned precision, unsigned scale)
{
	return (struct type){ .kind = kind,
		.precision = (uint8_t)precision,
		.scale = (uint8_t)scale,
		.length = precision };
}

/* The one word of a transform over one value; *bad where it has none. */
static int64_t
word(enum transform t, uint32_t param, struct type type, const void *value,
    bool *bad)
{
	struct partition_field f = { .transform = t, .param = param };
	struct vec v;
	struct transformed out = { 0 };
	int64_t result;

	ck_assert(transform_applies(t, &type));
	vec_init(&v, &type);
	if (type.kind == TYPE_STRING || type.kind == TYPE_BINARY) {
		uint32_t n = (uint32_t)strlen(value);

		vec_set_offsets(&v, VEC_BYTES, 1)[1] = n;
		memcpy(vec_set_bytes(&v, n), value, n);
	} else {
		memcpy(vec_set_fixed(&v, type_width(&type), 1), value,
		    type_width(&type));
	}
	transform_apply(&f, &type, &v, &out);
	ck_assert(transform_is_word(t, &type));
	result = out.word[0];
	*bad = out.bad != NULL && out.bad[0];
	transformed_clear(&out);
	vec_clear(&v);
	return result;
}

static int64_t
of_int(enum transform t, uint32_t param, enum type_kind kind, int32_t v)
{
	bool bad;
	int64_t w = word(t, param, type_of(kind, 0, 0), &v, &bad);

	ck_assert(!bad);
	return w;
}

static int64_t
of_long(enum transform t, uint32_t param, enum type_kind kind, int64_t v)
{
	bool bad;
	int64_t w = word(t, param, type_of(kind, 0, 0), &v, &bad);

	ck_assert(!bad);
	return w;
}

START_TEST(hashes_are_those_of_the_specification)
{
	static const uint8_t uuid[] = { 0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c,
		0x4b, 0xbd, 0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7 };
	static const uint8_t bytes[] = { 0, 1, 2, 3 };
	int64_t day = days_from_civil(2017, 11, 16);
	int64_t us = (day * 86400 + 22 * 3600 + 31 * 60 + 8) * 1000000;
	uint8_t d[16];

	ck_assert_int_eq((int32_t)hash_long(34), 2017239379);
	ck_assert_int_eq(
	    (int32_t)hash_bytes((const uint8_t *)"iceberg", 7), 1210000089);
	ck_assert_int_eq(
	    (int32_t)hash_bytes(d, decimal_bytes(1420, d)), -500754589);
	ck_assert_int_eq((int32_t)hash_long(day), -653330422);
	ck_assert_int_eq((int32_t)hash_long(us), -2047944441);
	ck_assert_int_eq((int32_t)hash_bytes(uuid, 16), 1488055340);
	ck_assert_int_eq((int32_t)hash_bytes(bytes, 4), -188683207);
	ck_assert_int_eq((int32_t)hash_bytes(bytes, 0), 0);
}
END_TEST

START_TEST(buckets_of_every_type_follow_the_hash)
{
	enum transform b = TRANSFORM_BUCKET;
	uint32_t n = INT32_MAX;
	int64_t d64 = 1420;
	int32_t d32 = 1420;
	__int128 d128 = 1420;
	bool bad;
	static const uint8_t uuid[] = { 0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c,
		0x4b, 0xbd, 0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7 };
	static const uint8_t bytes[] = { 0, 1, 2, 3 };
	int64_t decimal = -500754589 & INT32_MAX;

	ck_assert_int_eq(of_int(b, n, TYPE_INT, 34), 2017239379);
	ck_assert_int_eq(of_long(b, n, TYPE_LONG, 34), 2017239379);
	ck_assert_int_eq(
	    of_int(b, n, TYPE_INT, -1), of_long(b, n, TYPE_LONG, -1));
	ck_assert_int_eq(of_long(b, 16, TYPE_LONG, 34), 2017239379 % 16);
	ck_assert_int_eq(of_long(b, 1, TYPE_LONG, -7), 0);
	ck_assert_int_eq(
	    of_int(b, n, TYPE_DATE, 17486), -653330422 & INT32_MAX);
	ck_assert_int_eq(
	    of_long(b, n, TYPE_TIMESTAMP, INT64_C(1510871468) * 1000000),
	    -2047944441 & INT32_MAX);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_DECIMAL, 9, 2), &d32, &bad), decimal);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_DECIMAL, 18, 2), &d64, &bad), decimal);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_DECIMAL, 38, 2), &d128, &bad), decimal);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_STRING, 0, 0), "iceberg", &bad),
	    1210000089);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_BINARY, 0, 0), "iceberg", &bad),
	    1210000089);
	ck_assert_int_eq(word(b, n, type_of(TYPE_STRING, 0, 0), "", &bad), 0);
	ck_assert_int_eq(
	    word(b, n, type_of(TYPE_UUID, 0, 0), uuid, &bad), 1488055340);
	ck_assert_int_eq(word(b, n, type_of(TYPE_FIXED, 4, 0), bytes, &bad),
	    -188683207 & INT32_MAX);
}
END_TEST

START_TEST(decimals_take_the_fewest_bytes)
{
	static const struct {
		int64_t v;
		size_t n;
		const char *hex;
	} c[] = {
		{ 0, 1, "00" },
		{ 1, 1, "01" },
		{ -1, 1, "ff" },
		{ 127, 1, "7f" },
		{ 128, 2, "0080" },
		{ -128, 1, "80" },
		{ -129, 2, "ff7f" },
		{ 255, 2, "00ff" },
		{ 256, 2, "0100" },
		{ -256, 2, "ff00" },
		{ 32767, 2, "7fff" },
		{ 32768, 3, "008000" },
		{ -32768, 2, "8000" },
		{ INT64_MAX, 8, "7fffffffffffffff" },
		{ INT64_MIN, 8, "8000000000000000" },
	};
	uint8_t out[16];
	__int128 lowest = -((__int128)1 << 126) * 2;

	for (size_t k = 0; k < sizeof c / sizeof c[0]; k++) {
		char hex[40] = "";

		ck_assert_uint_eq(decimal_bytes(c[k].v, out), c[k].n);
		for (size_t j = 0; j < c[k].n; j++)
			snprintf(hex + 2 * j, 3, "%02x", out[j]);
		ck_assert_str_eq(hex, c[k].hex);
	}
	ck_assert_uint_eq(decimal_bytes(lowest, out), 16);
	ck_assert_uint_eq(out[0], 0x80);
	ck_assert_uint_eq(decimal_bytes(-(lowest + 1), out), 16);
	ck_assert_uint_eq(out[0], 0x7f);
	ck_assert_uint_eq(decimal_bytes((__int128)1 << 119, out), 16);
	ck_assert_uint_eq(decimal_bytes(((__int128)1 << 119) - 1, out), 15);
}
END_TEST

START_TEST(time_floors_before_1970)
{
	enum transform Y = TRANSFORM_YEAR, M = TRANSFORM_MONTH;
	enum transform D = TRANSFORM_DAY, H = TRANSFORM_HOUR;
	int64_t hour = INT64_C(3600000000), day = 24 * hour;

	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, 0), 0);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, -1), -1);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, -365), -1);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, -366), -2);
	ck_assert_int_eq(of_int(M, 0, TYPE_DATE, -1), -1);
	ck_assert_int_eq(of_int(M, 0, TYPE_DATE, -31), -1);
	ck_assert_int_eq(of_int(M, 0, TYPE_DATE, -32), -2);
	ck_assert_int_eq(of_int(D, 0, TYPE_DATE, -719528), -719528);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, -719528), -1970);
	ck_assert_int_eq(of_int(M, 0, TYPE_DATE, -719529), -1970 * 12 - 1);
	ck_assert_int_eq(of_int(D, 0, TYPE_DATE, INT32_MIN), INT32_MIN);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, INT32_MAX), 5879610);
	ck_assert_int_eq(of_int(Y, 0, TYPE_DATE, INT32_MIN), -5879610 - 1);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, 0), 0);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, day - 1), 0);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, day), 1);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, -1), -1);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, -day), -1);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, -day - 1), -2);
	ck_assert_int_eq(of_long(H, 0, TYPE_TIMESTAMPTZ, -1), -1);
	ck_assert_int_eq(of_long(H, 0, TYPE_TIMESTAMPTZ, -hour), -1);
	ck_assert_int_eq(of_long(H, 0, TYPE_TIMESTAMPTZ, -hour - 1), -2);
	ck_assert_int_eq(of_long(H, 0, TYPE_TIMESTAMPTZ, hour), 1);
	ck_assert_int_eq(of_long(M, 0, TYPE_TIMESTAMPTZ, -1), -1);
	ck_assert_int_eq(of_long(Y, 0, TYPE_TIMESTAMPTZ, -1), -1);
	ck_assert_int_eq(of_long(D, 0, TYPE_TIMESTAMP, INT64_MIN), -106751992);
	ck_assert_int_eq(
	    of_long(Y, 0, TYPE_TIMESTAMP, INT64_MAX), 294247 - 1970);
}
END_TEST

START_TEST(hours_end_where_an_int_ends)
{
	int64_t last = (INT64_C(1) << 31) * INT64_C(3600000000) - 1;
	int64_t v = last;
	bool bad;
	struct type ts = type_of(TYPE_TIMESTAMP, 0, 0);

	ck_assert_int_eq(word(TRANSFORM_HOUR, 0, ts, &v, &bad), INT32_MAX);
	ck_assert(!bad);
	v = last + 1;
	word(TRANSFORM_HOUR, 0, ts, &v, &bad);
	ck_assert(bad);
	v = -last - 1;
	ck_assert_int_eq(word(TRANSFORM_HOUR, 0, ts, &v, &bad), INT32_MIN);
	ck_assert(!bad);
	v = -last - 2;
	word(TRANSFORM_HOUR, 0, ts, &v, &bad);
	ck_assert(bad);
}
END_TEST

START_TEST(months_of_every_day_agree_with_the_calendar)
{
	enum { FIRST = -800000, N = 1600000 };
	struct type date = type_of(TYPE_DATE, 0, 0);
	struct partition_field f = { .transform = TRANSFORM_MONTH };
	struct transformed m = { 0 }, y = { 0 };
	struct vec v;
	int32_t *in;

	vec_init(&v, &date);
	in = (int32_t *)(void *)vec_set_fixed(&v, 4, N);
	for (int k = 0; k < N; k++)
		in[k] = FIRST + k;
	transform_apply(&f, &date, &v, &m);
	f.transform = TRANSFORM_YEAR;
	transform_apply(&f, &date, &v, &y);
	for (int k = 0; k < N; k++) {
		int year;
		unsigned month, day;

		civil_from_days(FIRST + k, &year, &month, &day);
		if (m.word[k] != (year - 1970) * 12 + (int)month - 1 ||
		    y.word[k] != year - 1970)
			ck_abort_msg("day %d", FIRST + k);
	}
	transformed_clear(&m);
	transformed_clear(&y);
	vec_clear(&v);
}
END_TEST

START_TEST(truncate_floors_numbers)
{
	enum transform t = TRANSFORM_TRUNCATE;
	int32_t d32 = -1065;
	bool bad;

	ck_assert_int_eq(of_int(t, 10, TYPE_INT, 1), 0);
	ck_assert_int_eq(of_int(t, 10, TYPE_INT, -1), -10);
	ck_assert_int_eq(of_int(t, 10, TYPE_INT, -10), -10);
	ck_assert_int_eq(of_int(t, 10, TYPE_INT, -11), -20);
	ck_assert_int_eq(of_int(t, 10, TYPE_INT, 19), 10);
	ck_assert_int_eq(of_int(t, 1, TYPE_INT, INT32_MIN), INT32_MIN);
	ck_assert_int_eq(of_int(t, 1, TYPE_INT, INT32_MAX), INT32_MAX);
	ck_assert_int_eq(of_int(t, INT32_MAX, TYPE_INT, -1), -INT32_MAX);
	ck_assert_int_eq(of_long(t, 10, TYPE_LONG, INT64_MAX), INT64_MAX - 7);
	ck_assert_int_eq(of_long(t, 8, TYPE_LONG, INT64_MIN), INT64_MIN);
	ck_assert_int_eq(
	    of_long(t, 10, TYPE_LONG, INT64_MIN + 8), INT64_MIN + 8);
	ck_assert_int_eq(
	    word(t, 50, type_of(TYPE_DECIMAL, 9, 2), &d32, &bad), -1100);
	ck_assert(!bad);
}
END_TEST

START_TEST(truncate_never_wraps)
{
	static const int32_t ints[] = { INT32_MIN, INT32_MIN + 7,
		INT32_MIN + 8 };
	static const int64_t longs[] = { INT64_MIN, INT64_MIN + 7,
		INT64_MIN + 8 };
	int32_t d32 = -991, d32ok = -990;
	bool bad;

	for (int k = 0; k < 3; k++) {
		word(TRANSFORM_TRUNCATE, 10, type_of(TYPE_INT, 0, 0), &ints[k],
		    &bad);
		ck_assert_int_eq(bad, k < 2);
		word(TRANSFORM_TRUNCATE, 10, type_of(TYPE_LONG, 0, 0),
		    &longs[k], &bad);
		ck_assert_int_eq(bad, k < 2);
	}
	/* 1,000 has a digit too many for decimal(3) */
	word(TRANSFORM_TRUNCATE, 10, type_of(TYPE_DECIMAL, 3, 1), &d32, &bad);
	ck_assert(bad);
	ck_assert_int_eq(word(TRANSFORM_TRUNCATE, 10,
			     type_of(TYPE_DECIMAL, 3, 1), &d32ok, &bad),
	    -990);
	ck_assert(!bad);
}
END_TEST

static void
prefix_is(
    enum type_kind kind, const char *in, uint32_t width, const char *expect)
{
	struct type type = type_of(kind, 0, 0);
	struct partition_field f = { .transform = TRANSFORM_TRUNCATE,
		.param = width };
	struct transformed out = { 0 };
	struct vec v;
	uint32_t n = (uint32_t)strlen(in);

	vec_init(&v, &type);
	vec_set_offsets(&v, VEC_BYTES, 1)[1] = n;
	memcpy(vec_set_bytes(&v, n), in, n);
	transform_apply(&f, &type, &v, &out);
	ck_assert_uint_eq(out.slice[0].len, strlen(expect));
	ck_assert_mem_eq(out.slice[0].p, expect, strlen(expect));
	transformed_clear(&out);
	vec_clear(&v);
}

START_TEST(truncate_counts_code_points)
{
	prefix_is(TYPE_STRING, "iceberg", 3, "ice");
	prefix_is(TYPE_STRING, "ice", 3, "ice");
	prefix_is(TYPE_STRING, "", 3, "");
	prefix_is(TYPE_STRING, "äöüß", 2, "äö");
	prefix_is(TYPE_STRING, "äöü", 3, "äöü");
	prefix_is(TYPE_STRING, "\U0001F9CA\U0001F6A2x", 1, "\U0001F9CA");
	prefix_is(
	    TYPE_STRING, "\U0001F9CA\U0001F6A2x", 2, "\U0001F9CA\U0001F6A2");
	prefix_is(
	    TYPE_STRING, "\U0001F9CA\U0001F6A2x", 3, "\U0001F9CA\U0001F6A2x");
	prefix_is(TYPE_BINARY, "äöü", 3, "ä\xc3");
}
END_TEST

START_TEST(wide_decimals_floor_and_end)
{
	struct type type = type_of(TYPE_DECIMAL, 38, 0);
	struct partition_field f = { .transform = TRANSFORM_TRUNCATE,
		.param = 1000 };
	struct transformed out = { 0 };
	struct vec v;
	__int128 e38 = 1, in[4], got[4];

	for (int k = 0; k < 38; k++)
		e38 *= 10;
	in[0] = -1;
	in[1] = 1 - e38; /* would need 39 digits */
	in[2] = e38 - 1;
	in[3] = -e38 + 1000;
	vec_init(&v, &type);
	memcpy(vec_set_fixed(&v, 16, 4), in, sizeof in);
	transform_apply(&f, &type, &v, &out);
	for (int k = 0; k < 4; k++)
		memcpy(&got[k], out.slice[k].p, 16);
	ck_assert(got[0] == -1000);
	ck_assert(got[2] == e38 - 1000);
	ck_assert(got[3] == 1000 - e38);
	ck_assert_mem_eq(out.bad, "\0\1\0\0", 4);
	transformed_clear(&out);
	vec_clear(&v);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("transform");
	TCase *t = tcase_create("transform");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, hashes_are_those_of_the_specification);
	tcase_add_test(t, buckets_of_every_type_follow_the_hash);
	tcase_add_test(t, decimals_take_the_fewest_bytes);
	tcase_add_test(t, time_floors_before_1970);
	tcase_add_test(t, hours_end_where_an_int_ends);
	tcase_add_test(t, months_of_every_day_agree_with_the_calendar);
	tcase_add_test(t, truncate_floors_numbers);
	tcase_add_test(t, truncate_never_wraps);
	tcase_add_test(t, truncate_counts_code_points);
	tcase_add_test(t, wide_decimals_floor_and_end);
	suite_add_tcase(s, t);
	return run_suite(s);
}
