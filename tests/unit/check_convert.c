/* SPDX-License-Identifier: Apache-2.0 */
/* Column kernels at the edges of their ranges, and texts of fixed values. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/source/convert.h"
#include "worker/source/utf8.h"

typedef __int128 i128;

static const struct convert long_of_u64 = {
	.kind = CONVERT_INT, .src_width = 8, .dst_width = 8
};

START_TEST(widening_keeps_every_edge)
{
	static const struct {
		unsigned width;
		bool sign;
	} from[] = { { 1, true }, { 1, false }, { 2, true }, { 2, false },
		{ 4, true } };

	for (size_t k = 0; k < sizeof(from) / sizeof(*from); k++) {
		struct convert c = { .kind = CONVERT_INT,
			.src_width = from[k].width,
			.src_signed = from[k].sign,
			.dst_width = 4 };
		unsigned bits = from[k].width * 8;
		int64_t max = (INT64_C(1) << (from[k].sign ? bits - 1 : bits)) -
		    1,
			min = from[k].sign ? -max - 1 : 0;
		int64_t edges[] = { min, min + 1, 0, 1, max - 1, max };
		uint8_t raw[64];
		int32_t four[6];
		int64_t eight[6];

		for (int i = 0; i < 6; i++)
			memcpy(raw + (size_t)i * from[k].width, &edges[i],
			    from[k].width);
		ck_assert_uint_eq(
		    convert_fixed(&c, raw, 6, NULL, (uint8_t *)four), 6);
		c.dst_width = 8;
		ck_assert_uint_eq(
		    convert_fixed(&c, raw, 6, NULL, (uint8_t *)eight), 6);
		for (int i = 0; i < 6; i++) {
			ck_assert_int_eq(four[i], edges[i]);
			ck_assert_int_eq(eight[i], edges[i]);
		}
	}
}
END_TEST

START_TEST(uint64_over_long_is_found_and_forgiven_under_null)
{
	uint64_t raw[] = { 0, INT64_MAX, (uint64_t)INT64_MAX + 1, 7 };
	uint8_t null[] = { 0, 0, 1, 0 };
	int64_t out[4];

	ck_assert_uint_eq(convert_fixed(&long_of_u64, (uint8_t *)raw, 4, NULL,
			      (uint8_t *)out),
	    2);
	ck_assert_uint_eq(convert_fixed(&long_of_u64, (uint8_t *)raw, 4, null,
			      (uint8_t *)out),
	    4);
	ck_assert_int_eq(out[1], INT64_MAX);
	ck_assert_int_eq(out[3], 7);
}
END_TEST

START_TEST(uint64_as_decimal_is_never_negative)
{
	const struct convert c = {
		.kind = CONVERT_INT, .src_width = 8, .dst_width = 16
	};
	uint64_t raw[] = { UINT64_MAX, 0 };
	i128 out[2];

	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 2, NULL, (uint8_t *)out), 2);
	ck_assert(out[0] == (i128)UINT64_MAX && out[1] == 0);
}
END_TEST

START_TEST(digits_beyond_the_precision_are_found)
{
	struct convert c = { .kind = CONVERT_INT,
		.src_width = 4,
		.src_signed = true,
		.dst_width = 4,
		.digits = 5 };
	int32_t raw[] = { 99999, -99999, 100000 }, out[3];

	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 2, NULL, (uint8_t *)out), 2);
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 3, NULL, (uint8_t *)out), 2);
	raw[2] = -100000;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 3, NULL, (uint8_t *)out), 2);
}
END_TEST

START_TEST(wide_integers_to_38_digits)
{
	struct convert c = { .kind = CONVERT_INT,
		.src_width = 32,
		.src_signed = true,
		.dst_width = 16,
		.digits = 38 };
	i128 most = 1, out;
	uint64_t w[4];

	for (int i = 0; i < 38; i++)
		most *= 10;
	for (int sign = 1; sign >= -1; sign -= 2) {
		i128 v = (most - 1) * sign;

		memset(w, sign < 0 ? 0xff : 0, sizeof(w));
		memcpy(w, &v, 16);
		ck_assert_uint_eq(
		    convert_fixed(&c, (uint8_t *)w, 1, NULL, (uint8_t *)&out),
		    1);
		ck_assert(out == v);
		v = most * sign;
		memcpy(w, &v, 16);
		ck_assert_uint_eq(
		    convert_fixed(&c, (uint8_t *)w, 1, NULL, (uint8_t *)&out),
		    0);
	}
	/* only the upper half differs */
	memset(w, 0, sizeof(w));
	w[3] = 1;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)w, 1, NULL, (uint8_t *)&out), 0);
	/* top bit of an unsigned one is no sign */
	c.src_width = 16;
	c.src_signed = false;
	memset(w, 0xff, 16);
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)w, 1, NULL, (uint8_t *)&out), 0);
}
END_TEST

START_TEST(ticks_multiply_with_overflow_check)
{
	struct convert c = { .kind = CONVERT_TICKS,
		.src_width = 8,
		.src_signed = true,
		.dst_width = 8,
		.scale = 3 };
	int64_t raw[] = { -1, INT64_MAX / 1000, -(INT64_MAX / 1000), 0 };
	int64_t out[4];

	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 4, NULL, (uint8_t *)out), 4);
	ck_assert_int_eq(out[0], -1000);
	ck_assert_int_eq(out[1], INT64_MAX / 1000 * 1000);
	raw[3] = INT64_MAX / 1000 + 1;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 4, NULL, (uint8_t *)out), 3);
	raw[3] = INT64_MIN;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 4, NULL, (uint8_t *)out), 3);
}
END_TEST

START_TEST(ticks_divide_exactly_or_floor)
{
	struct convert c = { .kind = CONVERT_TICKS,
		.src_width = 8,
		.src_signed = true,
		.dst_width = 8,
		.scale = 9 };
	int64_t raw[] = { 1000, -1000, 0, -1, INT64_MIN, 1999 };
	int64_t out[6];

	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 3, NULL, (uint8_t *)out), 3);
	ck_assert_int_eq(out[1], -1);
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 6, NULL, (uint8_t *)out), 3);
	c.floor = true;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 6, NULL, (uint8_t *)out), 6);
	ck_assert_int_eq(out[3], -1);
	ck_assert_int_eq(out[4], INT64_MIN / 1000 - 1);
	ck_assert_int_eq(out[5], 1);
}
END_TEST

START_TEST(time_must_lie_within_one_day)
{
	struct convert c = { .kind = CONVERT_TIME,
		.src_width = 4,
		.src_signed = true,
		.dst_width = 8 };
	int32_t raw[] = { 0, 86399, 86400 };
	int64_t out[3];

	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 3, NULL, (uint8_t *)out), 2);
	ck_assert_int_eq(out[1], INT64_C(86399000000));
	raw[0] = -1;
	ck_assert_uint_eq(
	    convert_fixed(&c, (uint8_t *)raw, 2, NULL, (uint8_t *)out), 0);
}
END_TEST

START_TEST(bfloat_is_the_upper_half_of_a_float)
{
	struct convert c = {
		.kind = CONVERT_FLOAT, .src_width = 2, .dst_width = 4
	};
	uint16_t raw[] = { 0x3f80, 0xff80, 0x7fc1, 0x8000 };
	uint32_t bits[4];
	double d[4];

	convert_fixed(&c, (uint8_t *)raw, 4, NULL, (uint8_t *)bits);
	ck_assert_uint_eq(bits[0], 0x3f800000);
	ck_assert_uint_eq(bits[1], 0xff800000);
	ck_assert_uint_eq(bits[2], 0x7fc10000);
	ck_assert_uint_eq(bits[3], 0x80000000);
	c.dst_width = 8;
	convert_fixed(&c, (uint8_t *)raw, 4, NULL, (uint8_t *)d);
	ck_assert(d[0] == 1.0 && d[1] < -1e308 && d[2] != d[2]);
}
END_TEST

/* The text of one raw value. */
static const char *
text_of(const struct convert *c, const void *raw)
{
	static char out[128];
	static struct vec v;
	uint8_t copy[64];

	memcpy(copy, raw, c->src_width);
	ck_assert_uint_eq(convert_text(c, copy, 1, NULL, &v), 1);
	ck_assert_uint_lt(v.offset[1], sizeof(out));
	memcpy(out, v.bytes, v.offset[1]);
	out[v.offset[1]] = '\0';
	return out;
}

START_TEST(decimals_as_text)
{
	struct convert c = { .kind = CONVERT_DECIMAL_TEXT,
		.src_width = 32,
		.src_signed = true };
	uint8_t min[32] = { [31] = 0x80 }, ones[32], one[32] = { 1 };
	int64_t v;

	memset(ones, 0xff, sizeof(ones));
	ck_assert_str_eq(text_of(&c, min),
	    "-57896044618658097711785492504343"
	    "953926634992332820282019728792003956564819968");
	ck_assert_str_eq(text_of(&c, ones), "-1");
	c.scale = 5;
	ck_assert_str_eq(text_of(&c, ones), "-0.00001");
	ck_assert_str_eq(text_of(&c, one), "0.00001");
	c.scale = 76;
	ck_assert_uint_eq(strlen(text_of(&c, one)), 78);
	c.src_signed = false;
	c.scale = 0;
	ck_assert_str_eq(text_of(&c, ones),
	    "115792089237316195423570985008687"
	    "907853269984665640564039457584007913129639935");
	c = (struct convert){ .kind = CONVERT_DECIMAL_TEXT,
		.src_width = 8,
		.src_signed = true,
		.scale = 2 };
	v = -12300;
	ck_assert_str_eq(text_of(&c, &v), "-123");
	v = 12340;
	ck_assert_str_eq(text_of(&c, &v), "123.4");
	v = 0;
	ck_assert_str_eq(text_of(&c, &v), "0");
	v = INT64_MIN;
	ck_assert_str_eq(text_of(&c, &v), "-92233720368547758.08");
	c.scale = 0;
	v = INT64_C(1000000000000000000);
	ck_assert_str_eq(text_of(&c, &v), "1000000000000000000");
}
END_TEST

static const char *
ipv6(const char *hex)
{
	const struct convert c = { .kind = CONVERT_IPV6_TEXT, .src_width = 16 };
	uint8_t ip[16];

	for (int i = 0; i < 16; i++) {
		unsigned v;

		sscanf(hex + 2 * i, "%2x", &v);
		ip[i] = (uint8_t)v;
	}
	return text_of(&c, ip);
}

START_TEST(addresses_as_text)
{
	const struct convert v4 = { .kind = CONVERT_IPV4_TEXT, .src_width = 4 };
	uint32_t ip = 0x01020304;

	ck_assert_str_eq(text_of(&v4, &ip), "1.2.3.4");
	ip = UINT32_MAX;
	ck_assert_str_eq(text_of(&v4, &ip), "255.255.255.255");
	ck_assert_str_eq(ipv6("00000000000000000000000000000000"), "::");
	ck_assert_str_eq(ipv6("00000000000000000000000000000001"), "::1");
	ck_assert_str_eq(
	    ipv6("20010db8000000000000000000000000"), "2001:db8::");
	ck_assert_str_eq(
	    ipv6("20010db8000000010001000100010001"), "2001:db8:0:1:1:1:1:1");
	ck_assert_str_eq(
	    ipv6("20010db8000000000001000000000001"), "2001:db8::1:0:0:1");
	ck_assert_str_eq(
	    ipv6("00010000000000020000000000000003"), "1:0:0:2::3");
	ck_assert_str_eq(
	    ipv6("00000000000000000000ffff01020304"), "::ffff:1.2.3.4");
	ck_assert_str_eq(ipv6("ffffffffffffffffffffffffffffffff"),
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}
END_TEST

START_TEST(uuid_halves_are_turned_and_times_keep_their_sign)
{
	const struct convert text = { .kind = CONVERT_UUID_TEXT,
		.src_width = 16 };
	const struct convert raw = {
		.kind = CONVERT_UUID, .src_width = 16, .dst_width = 16
	};
	struct convert time = {
		.kind = CONVERT_TIME_TEXT, .src_width = 4, .src_signed = true
	};
	uint8_t in[16] = { 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9,
		8 },
		out[16];
	int32_t s = -(999 * 3600 + 59 * 60 + 59);
	int64_t ticks = -45296789;

	ck_assert_str_eq(
	    text_of(&text, in), "00010203-0405-0607-0809-0a0b0c0d0e0f");
	convert_fixed(&raw, in, 1, NULL, out);
	for (int i = 0; i < 16; i++)
		ck_assert_uint_eq(out[i], i);
	ck_assert_str_eq(text_of(&time, &s), "-999:59:59");
	time = (struct convert){ .kind = CONVERT_TIME_TEXT,
		.src_width = 8,
		.src_signed = true,
		.scale = 3 };
	ck_assert_str_eq(text_of(&time, &ticks), "-12:34:56.789");
}
END_TEST

/* ---- UTF-8 ---------------------------------------------------------------- */

START_TEST(utf8_edges)
{
	static const struct {
		const char *s;
		size_t n, good;
	} is[] = {
		{ "", 0, 0 },
		{ "\0", 1, 1 },
		{ "abcdefghij", 10, 10 },
		{ "\xc2\x80", 2, 2 },
		{ "\xc1\xbf", 2, 0 },
		{ "\xe0\xa0\x80", 3, 3 },
		{ "\xe0\x9f\xbf", 3, 0 },
		{ "\xed\x9f\xbf", 3, 3 },
		{ "\xed\xa0\x80", 3, 0 },
		{ "\xf0\x90\x80\x80", 4, 4 },
		{ "\xf0\x8f\xbf\xbf", 4, 0 },
		{ "\xf4\x8f\xbf\xbf", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "a\x80", 2, 1 },
		{ "abcdefgh\xe2\x82", 10, 8 },
		{ "\xff", 1, 0 },
	};

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++)
		ck_assert_msg(utf8_prefix((const uint8_t *)is[i].s, is[i].n) ==
			is[i].good,
		    "case %zu", i);
}
END_TEST

static void
strings(struct vec *v, const char *const *s, size_t n)
{
	uint32_t *offset = vec_set_offsets(v, VEC_BYTES, n);

	for (size_t i = 0; i < n; i++)
		offset[i + 1] = offset[i] + (uint32_t)strlen(s[i]);

	uint8_t *to = vec_set_bytes(v, offset[n]);

	for (size_t i = 0; i < n; i++)
		memcpy(to + offset[i], s[i], strlen(s[i]));
}

START_TEST(a_character_split_over_two_strings_is_found)
{
	static const char *const split[] = { "x", "\xc3", "\xa9", "y" };
	static const char *const whole[] = { "x\xc3\xa9", "", "\xc3\xa9", "" };
	struct vec v = { 0 };

	strings(&v, split, 4);
	ck_assert(!utf8_vec_valid(&v));
	ck_assert_uint_eq(utf8_vec_first_bad(&v), 1);
	strings(&v, whole, 4);
	ck_assert(utf8_vec_valid(&v));
	ck_assert_uint_eq(utf8_vec_first_bad(&v), 4);
	vec_clear(&v);
}
END_TEST

START_TEST(bad_bytes_are_replaced_or_taken_as_latin1)
{
	static const char *const bad[] = { "\xff"
					   "a\xf0\x90\x80z",
		"\xe9", "\xe2\x82", "\xed\xa0\x80", "" };
	struct vec v = { 0 }, out = { 0 };

	strings(&v, bad, 5);
	ck_assert(utf8_vec_recode(&out, &v, UTF8_REPLACE));
	ck_assert(utf8_vec_valid(&out));
	/* one mark for a cut character, one a byte for what never was one */
	ck_assert_uint_eq(out.offset[1], 8);
	ck_assert_mem_eq(out.bytes,
	    "\xef\xbf\xbd"
	    "a\xef\xbf\xbdz",
	    8);
	ck_assert_uint_eq(out.offset[2], 11);
	ck_assert_uint_eq(out.offset[3], 14);
	ck_assert_uint_eq(out.offset[4], 23);
	ck_assert_uint_eq(out.offset[5], 23);
	ck_assert(utf8_vec_recode(&out, &v, UTF8_LATIN1));
	ck_assert(utf8_vec_valid(&out));
	ck_assert_mem_eq(out.bytes + out.offset[1], "\xc3\xa9", 2);
	vec_clear(&v);
	vec_clear(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("convert");
	TCase *tc = tcase_create("convert");

	tcase_add_test(tc, widening_keeps_every_edge);
	tcase_add_test(tc, uint64_over_long_is_found_and_forgiven_under_null);
	tcase_add_test(tc, uint64_as_decimal_is_never_negative);
	tcase_add_test(tc, digits_beyond_the_precision_are_found);
	tcase_add_test(tc, wide_integers_to_38_digits);
	tcase_add_test(tc, ticks_multiply_with_overflow_check);
	tcase_add_test(tc, ticks_divide_exactly_or_floor);
	tcase_add_test(tc, time_must_lie_within_one_day);
	tcase_add_test(tc, bfloat_is_the_upper_half_of_a_float);
	tcase_add_test(tc, decimals_as_text);
	tcase_add_test(tc, addresses_as_text);
	tcase_add_test(tc, uuid_halves_are_turned_and_times_keep_their_sign);
	tcase_add_test(tc, utf8_edges);
	tcase_add_test(tc, a_character_split_over_two_strings_is_found);
	tcase_add_test(tc, bad_bytes_are_replaced_or_taken_as_latin1);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
