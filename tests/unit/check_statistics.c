/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds must hold for every value: too tight ones lose rows silently. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/run_suite.h"
#include "worker/parquet/statistics.h"

static struct buf lower, upper;
static bool lower_exact, upper_exact;

static bool
bounds(const struct stats *s)
{
	return stats_bounds(s, &lower, &upper, &lower_exact, &upper_exact);
}

static void
expect(const void *low, size_t nlow, const void *high, size_t nhigh)
{
	ck_assert_uint_eq(lower.len, nlow);
	ck_assert_mem_eq(lower.data, low, nlow);
	ck_assert_uint_eq(upper.len, nhigh);
	ck_assert_mem_eq(upper.data, high, nhigh);
}

START_TEST(integers_are_signed)
{
	static const int32_t v[] = { 3, INT32_MIN, 0, INT32_MAX, -1 };
	static const int64_t w[] = { 3, INT64_MIN, 0, INT64_MAX, -1 };
	struct stats s;

	stats_init(&s, ORDER_INT32, 4);
	ck_assert(!bounds(&s));
	stats_add_fixed(&s, (const uint8_t *)v, 5);
	ck_assert(bounds(&s));
	expect(&v[1], 4, &v[3], 4);
	stats_init(&s, ORDER_INT64, 8);
	stats_add_fixed(&s, (const uint8_t *)&w[2], 1);
	stats_add_fixed(&s, (const uint8_t *)w, 5);
	ck_assert(bounds(&s));
	expect(&w[1], 8, &w[3], 8);
}
END_TEST

START_TEST(booleans)
{
	struct stats s;

	stats_init(&s, ORDER_BOOL, 1);
	stats_add_fixed(&s, (const uint8_t *)"\1\1", 2);
	ck_assert(bounds(&s));
	expect("\1", 1, "\1", 1);
	stats_add_fixed(&s, (const uint8_t *)"\1\0", 2);
	ck_assert(bounds(&s));
	expect("\0", 1, "\1", 1);
}
END_TEST

START_TEST(zeros_get_the_sign_that_covers_both)
{
	static const double v[] = { 0.0, 0.0 }, w[] = { -0.0 };
	static const float f[] = { -0.0f };
	const double minus = -0.0, plus = 0.0;
	const float fminus = -0.0f, fplus = 0.0f;
	struct stats s;

	stats_init(&s, ORDER_DOUBLE, 8);
	stats_add_fixed(&s, (const uint8_t *)v, 2);
	ck_assert(bounds(&s));
	expect(&minus, 8, &plus, 8);
	stats_init(&s, ORDER_DOUBLE, 8);
	stats_add_fixed(&s, (const uint8_t *)w, 1);
	ck_assert(bounds(&s));
	expect(&minus, 8, &plus, 8);
	stats_init(&s, ORDER_FLOAT, 4);
	stats_add_fixed(&s, (const uint8_t *)f, 1);
	ck_assert(bounds(&s));
	expect(&fminus, 4, &fplus, 4);
}
END_TEST

/* Readers that skip by bounds forget that a NaN lies outside of them. */
START_TEST(a_nan_at_any_place_leaves_no_bounds)
{
	for (unsigned at = 0; at < 4; at++) {
		double v[4] = { 1e300, -5, 0, INFINITY };
		struct stats s;

		v[at] = at % 2 == 0 ? NAN : -NAN;
		stats_init(&s, ORDER_DOUBLE, 8);
		stats_add_fixed(&s, (const uint8_t *)v, 4);
		ck_assert(!stats_has_bounds(&s));
		ck_assert(!bounds(&s));
		ck_assert_int_eq(s.nans, 1);
	}
}
END_TEST

START_TEST(a_nan_of_one_part_leaves_the_whole_without_bounds)
{
	static const float v[] = { NAN, -NAN, NAN };
	const float inf = INFINITY, low = -3;
	struct stats s, t;

	stats_init(&s, ORDER_FLOAT, 4);
	stats_add_fixed(&s, (const uint8_t *)v, 3);
	ck_assert(!bounds(&s));
	ck_assert_int_eq(s.nans, 3);
	stats_init(&t, ORDER_FLOAT, 4);
	stats_add_fixed(&t, (const uint8_t *)&inf, 1);
	stats_add_fixed(&t, (const uint8_t *)&low, 1);
	ck_assert(bounds(&t));
	expect(&low, 4, &inf, 4);
	stats_merge(&t, &s);
	ck_assert(!bounds(&t));
	ck_assert_int_eq(t.nans, 3);
	stats_reset(&t);
	stats_add_fixed(&t, (const uint8_t *)&low, 1);
	ck_assert(bounds(&t));
	expect(&low, 4, &low, 4);
}
END_TEST

START_TEST(wide_decimals_are_signed_big_endian)
{
	/* -2, 255, -32768, 0 in nine bytes */
	static const uint8_t v[4][9] = {
		{ 255, 255, 255, 255, 255, 255, 255, 255, 254 },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 255 },
		{ 255, 255, 255, 255, 255, 255, 255, 128, 0 },
		{ 0 },
	};
	struct type t = { .kind = TYPE_DECIMAL, .precision = 20 };
	struct stats s;
	size_t n;
	uint8_t *p;

	stats_init(&s, ORDER_SIGNED, 9);
	stats_add_fixed(&s, v[0], 4);
	ck_assert(bounds(&s));
	expect(v[2], 9, v[1], 9);
	p = stats_single_value(&s, &t, false, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(p, "\x80\x00", 2);
	free(p);
	p = stats_single_value(&s, &t, true, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(p, "\x00\xff", 2);
	free(p);
	ck_assert_int_lt(stats_compare(&s, v[2], 9, v[0], 9), 0);
	ck_assert_int_gt(stats_compare(&s, v[1], 9, v[3], 9), 0);
	ck_assert_int_eq(stats_compare(&s, v[1], 9, v[1], 9), 0);
	stats_clear(&s);
}
END_TEST

START_TEST(single_values_of_narrow_decimals_are_minimal)
{
	static const struct {
		int64_t v;
		size_t n;
		uint8_t bytes[8];
	} cases[] = {
		{ 0, 1, { 0 } },
		{ 127, 1, { 0x7f } },
		{ 128, 2, { 0, 0x80 } },
		{ -128, 1, { 0x80 } },
		{ -129, 2, { 0xff, 0x7f } },
		{ -1, 1, { 0xff } },
		{ INT64_MIN, 8, { 0x80 } },
		{ 256, 2, { 1, 0 } },
	};
	struct type t = { .kind = TYPE_DECIMAL, .precision = 18 };

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct stats s;
		size_t n;
		uint8_t *p;

		stats_init(&s, ORDER_INT64, 8);
		stats_add_fixed(&s, (const uint8_t *)&cases[k].v, 1);
		p = stats_single_value(&s, &t, true, &n);
		ck_assert_uint_eq(n, cases[k].n);
		ck_assert_mem_eq(p, cases[k].bytes, n);
		free(p);
	}
}
END_TEST

/* ---- byte strings ------------------------------------------------------------ */

static struct vec
strings(const char *const *v, size_t n, uint32_t *offset, uint8_t *bytes)
{
	offset[0] = 0;
	for (size_t k = 0; k < n; k++) {
		memcpy(bytes + offset[k], v[k], strlen(v[k]));
		offset[k + 1] = offset[k] + (uint32_t)strlen(v[k]);
	}
	return (struct vec){
		.layout = VEC_BYTES, .n = n, .offset = offset, .bytes = bytes
	};
}

START_TEST(strings_are_unsigned_and_prefixes_are_less)
{
	static const char *const v[] = { "abcdefgh1", "abcdefgh", "b", "\xff",
		"abcdefgh2", "abcdefgg\xff", "" };
	uint32_t offset[8];
	uint8_t bytes[100];
	struct vec vec = strings(v, 7, offset, bytes);
	static const uint32_t some[] = { 0, 1, 4 };
	struct stats s;

	stats_init(&s, ORDER_TEXT, 0);
	stats_add_bytes(&s, &vec, 0, some, 3);
	ck_assert(bounds(&s));
	expect("abcdefgh", 8, "abcdefgh2", 9);
	stats_add_bytes(&s, &vec, 1, NULL, 5);
	ck_assert(bounds(&s));
	expect("abcdefgg\xff", 9, "\xff", 1);
	stats_add_bytes(&s, &vec, 6, NULL, 1);
	ck_assert(bounds(&s) && lower_exact && upper_exact);
	expect("", 0, "\xff", 1);
	stats_clear(&s);
}
END_TEST

/* All pairs of odd strings, in both orders. */
START_TEST(short_keys_never_hide_a_bound)
{
	static const char *const v[] = { "", "\x01", "a", "aa", "aaaaaaa",
		"aaaaaaaa", "aaaaaaaaa", "aaaaaaaab", "aaaaaaab", "b", "\x80",
		"\xff\xff\xff\xff\xff\xff\xff\xff",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff" };
	enum { N = sizeof(v) / sizeof(*v) };
	uint32_t offset[N + 1];
	uint8_t bytes[200];
	struct vec vec = strings(v, N, offset, bytes);

	for (uint32_t a = 0; a < N; a++) {
		for (uint32_t b = 0; b < N; b++) {
			uint32_t mid = (a + b) / 2;
			uint32_t rows[] = { mid, a, b, mid };
			uint32_t low = a < b ? a : b, high = a < b ? b : a;
			struct stats s;

			stats_init(&s, ORDER_BYTES, 0);
			stats_add_bytes(&s, &vec, 0, rows, 4);
			ck_assert(bounds(&s));
			expect(
			    v[low], strlen(v[low]), v[high], strlen(v[high]));
			stats_clear(&s);
		}
	}
}
END_TEST

/* Bounds of one value, which must hold it, be valid and short. */
static void
check_one(enum stats_order order, const void *p, size_t n)
{
	struct stats s;

	stats_init(&s, order, 0);
	stats_add_one(&s, p, n);
	ck_assert(bounds(&s));
	ck_assert_int_le(stats_compare(&s, lower.data, lower.len, p, n), 0);
	ck_assert_int_ge(stats_compare(&s, upper.data, upper.len, p, n), 0);
	ck_assert_uint_le(lower.len, STATS_TRUNCATE);
	ck_assert(lower_exact == (n <= STATS_TRUNCATE));
	if (n <= STATS_TRUNCATE)
		expect(p, n, p, n);
	stats_clear(&s);
}

static bool
is_utf8(const uint8_t *p, size_t n)
{
	for (size_t k = 0; k < n;) {
		size_t len = p[k] < 0x80 ? 1
		    : p[k] < 0xE0        ? 2
		    : p[k] < 0xF0        ? 3
					 : 4;
		uint32_t c = len == 1 ? p[k] : p[k] & (0x7Fu >> len);

		if (p[k] >= 0x80 && p[k] < 0xC2)
			return false;
		if (p[k] > 0xF4 || k + len > n)
			return false;
		for (size_t b = 1; b < len; b++) {
			if ((p[k + b] & 0xC0) != 0x80)
				return false;
			c = c << 6 | (p[k + b] & 0x3F);
		}
		if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
			return false;
		k += len;
	}
	return true;
}

START_TEST(text_is_cut_at_characters)
{
	static const char *const chars[] = { "a", "\x7f", "\u00e9", "\u07ff",
		"\u20ac", "\ud7ff", "\uffff", "\U00010000", "\U0001f600",
		"\U0010ffff" };

	for (size_t before = 56; before <= 66; before++) {
		for (size_t c = 0; c < 10; c++) {
			for (size_t d = 0; d < 10; d++) {
				char text[200];
				size_t n = before;

				memset(text, 'q', n);
				n += (size_t)sprintf(text + n, "%s%s%s%s",
				    chars[c], chars[d], chars[c], "tail tail");
				check_one(ORDER_TEXT, text, n);
				ck_assert(is_utf8(lower.data, lower.len));
				ck_assert(is_utf8(upper.data, upper.len));
				ck_assert(!upper_exact || n <= 64);
				check_one(ORDER_BYTES, text, n);
			}
		}
	}
}
END_TEST

START_TEST(surrogates_are_skipped)
{
	char text[128];

	memset(text, 'q', 61);
	strcpy(text + 61,
	    "\ud7ff"
	    "more");
	check_one(ORDER_TEXT, text, strlen(text));
	ck_assert_uint_eq(upper.len, 64);
	ck_assert_mem_eq(upper.data + 61, "\ue000", 3);
}
END_TEST

START_TEST(what_cannot_be_raised_is_kept_or_dropped)
{
	static uint8_t v[STATS_LONGEST + 10];
	struct stats s;

	memset(v, 0xff, sizeof(v));
	check_one(ORDER_BYTES, v, 65);
	ck_assert(upper_exact && upper.len == 65);
	check_one(ORDER_BYTES, v, STATS_LONGEST);
	ck_assert(upper_exact);
	stats_init(&s, ORDER_BYTES, 0);
	stats_add_one(&s, v, STATS_LONGEST + 1);
	ck_assert(!bounds(&s));
	stats_clear(&s);
	v[3] = 7; /* the raised byte is before those at the top */
	check_one(ORDER_BYTES, v, sizeof(v));
	expect(v, 64, "\xff\xff\xff\x08", 4);
	for (size_t k = 0; k < 20; k++)
		memcpy(v + 4 * k, "\U0010ffff", 4);
	check_one(ORDER_TEXT, v, 80);
	ck_assert(upper_exact && upper.len == 80);
	memcpy(v, "abcd", 4);
	check_one(ORDER_TEXT, v, 80);
	expect(v, 64, "abce", 4);
}
END_TEST

START_TEST(what_is_not_utf8_is_cut_as_bytes)
{
	static const char *const bad[] = { "\xed\xa0\x80", "\xff", "\xc0\x80",
		"\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80",
		"\xc3", "\xe2\x82", "\xf8\x88\x80\x80\x80" };

	for (size_t c = 0; c < sizeof(bad) / sizeof(*bad); c++) {
		for (size_t at = 0; at < 70; at++) {
			char text[300];
			size_t n = at;

			memset(text, 'q', sizeof(text));
			for (size_t k = 0; k < 20; k++) {
				memcpy(text + n, bad[c], strlen(bad[c]));
				n += strlen(bad[c]);
			}
			check_one(ORDER_TEXT, text, n + 70);
		}
	}
}
END_TEST

START_TEST(fixed_is_never_cut)
{
	uint8_t v[3][100];
	struct stats s;

	memset(v, 0xff, sizeof(v));
	v[1][0] = 0x7f;
	v[2][99] = 0xfe;
	stats_init(&s, ORDER_FIXED, 100);
	stats_add_fixed(&s, v[0], 3);
	ck_assert(bounds(&s) && lower_exact && upper_exact);
	expect(v[1], 100, v[0], 100);
	stats_clear(&s);
}
END_TEST

START_TEST(merging_adds_up)
{
	struct stats a, b;
	static const uint8_t one[] = "m", two[] = "z";

	stats_init(&a, ORDER_TEXT, 0);
	stats_init(&b, ORDER_TEXT, 0);
	a.nulls = 3;
	b.nulls = 4;
	stats_merge(&a, &b);
	ck_assert(!a.has);
	stats_add_one(&b, one, 1);
	stats_merge(&a, &b);
	stats_reset(&b);
	stats_add_one(&b, two, 1);
	stats_merge(&a, &b);
	ck_assert(bounds(&a));
	expect("m", 1, "z", 1);
	ck_assert_int_eq(a.nulls, 11);
	stats_clear(&a);
	stats_clear(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("statistics");
	TCase *tc = tcase_create("statistics");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, integers_are_signed);
	tcase_add_test(tc, booleans);
	tcase_add_test(tc, zeros_get_the_sign_that_covers_both);
	tcase_add_test(tc, a_nan_at_any_place_leaves_no_bounds);
	tcase_add_test(tc, a_nan_of_one_part_leaves_the_whole_without_bounds);
	tcase_add_test(tc, wide_decimals_are_signed_big_endian);
	tcase_add_test(tc, single_values_of_narrow_decimals_are_minimal);
	tcase_add_test(tc, strings_are_unsigned_and_prefixes_are_less);
	tcase_add_test(tc, short_keys_never_hide_a_bound);
	tcase_add_test(tc, text_is_cut_at_characters);
	tcase_add_test(tc, surrogates_are_skipped);
	tcase_add_test(tc, what_cannot_be_raised_is_kept_or_dropped);
	tcase_add_test(tc, what_is_not_utf8_is_cut_as_bytes);
	tcase_add_test(tc, fixed_is_never_cut);
	tcase_add_test(tc, merging_adds_up);
	int status = run_suite(s);
	buf_clear(&lower);
	buf_clear(&upper);
	return status;
}
