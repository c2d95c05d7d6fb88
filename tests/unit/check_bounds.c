/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound that is too tight loses rows in every engine without a word: what
 * is truncated must stay below (above) every value it stands for.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/iceberg/bounds.h"

#define TRUNCATE(n) ((struct metrics_mode){ METRICS_TRUNCATE, n })
static const struct metrics_mode full = { METRICS_FULL, 0 };
static const struct type string = { .kind = TYPE_STRING };
static const struct type binary = { .kind = TYPE_BINARY };

static struct buf out;

static void
setup(void)
{
	buf_init(&out, 0);
}

static void
teardown(void)
{
	buf_clear(&out);
}

static bool
lower(const struct type *t, struct metrics_mode m, const void *p, size_t n)
{
	buf_reset(&out);
	return bound_lower(t, m, p, n, &out);
}

static bool
upper(const struct type *t, struct metrics_mode m, const void *p, size_t n)
{
	buf_reset(&out);
	return bound_upper(t, m, p, n, &out);
}

static void
gives(const char *expect, size_t n)
{
	ck_assert_uint_eq(out.len, n);
	if (n > 0)
		ck_assert_mem_eq(out.data, expect, n);
}

#define BYTES(text) text, sizeof(text) - 1
#define LOWER(t, m, in, expect)                    \
	do {                                       \
		ck_assert(lower(t, m, BYTES(in))); \
		gives(BYTES(expect));              \
	} while (0)
#define UPPER(t, m, in, expect)                    \
	do {                                       \
		ck_assert(upper(t, m, BYTES(in))); \
		gives(BYTES(expect));              \
	} while (0)
#define NONE(t, m, in)                              \
	do {                                        \
		ck_assert(!upper(t, m, BYTES(in))); \
		ck_assert_uint_eq(out.len, 0);      \
	} while (0)

START_TEST(short_text_stays)
{
	LOWER(&string, TRUNCATE(16), "", "");
	UPPER(&string, TRUNCATE(16), "", "");
	LOWER(&string, TRUNCATE(16), "abc", "abc");
	UPPER(&string, TRUNCATE(16), "0123456789abcdef", "0123456789abcdef");
	LOWER(&string, TRUNCATE(16), "0123456789abcdef", "0123456789abcdef");
	/* 16 code points of four bytes are not too many */
	UPPER(&string, TRUNCATE(2), "\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	    "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
	UPPER(
	    &string, full, "0123456789abcdefghijkl", "0123456789abcdefghijkl");
}
END_TEST

START_TEST(long_text_is_cut_and_raised)
{
	LOWER(&string, TRUNCATE(16), "0123456789abcdefg", "0123456789abcdef");
	UPPER(&string, TRUNCATE(16), "0123456789abcdefg", "0123456789abcdeg");
	/* even by one NUL */
	UPPER(&string, TRUNCATE(2), "ab\0", "ac");
	LOWER(&string, TRUNCATE(2), "ab\0", "ab");
	LOWER(&string, TRUNCATE(1), "\0\0", "\0");
	UPPER(&string, TRUNCATE(1), "\0\0", "\1");
}
END_TEST

START_TEST(code_points_grow_over_their_width)
{
	UPPER(&string, TRUNCATE(1),
	    "\x7f"
	    "x",
	    "\xc2\x80");
	UPPER(&string, TRUNCATE(1),
	    "\xdf\xbf"
	    "x",
	    "\xe0\xa0\x80");
	UPPER(&string, TRUNCATE(1),
	    "\xef\xbf\xbf"
	    "x",
	    "\xf0\x90\x80\x80");
	/* U+D7FF: the surrogates are no characters */
	UPPER(&string, TRUNCATE(1),
	    "\xed\x9f\xbf"
	    "x",
	    "\xee\x80\x80");
	/* U+10FFFE, the last that can grow */
	UPPER(&string, TRUNCATE(1),
	    "\xf4\x8f\xbf\xbe"
	    "x",
	    "\xf4\x8f\xbf\xbf");
}
END_TEST

START_TEST(the_highest_code_point_is_dropped)
{
	UPPER(&string, TRUNCATE(2), "a\xf4\x8f\xbf\xbfx", "b");
	UPPER(&string, TRUNCATE(3), "a\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbfx", "b");
	NONE(&string, TRUNCATE(1), "\xf4\x8f\xbf\xbfx");
	NONE(&string, TRUNCATE(2),
	    "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf");
	/* not cut, not touched */
	UPPER(&string, TRUNCATE(1), "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
	LOWER(&string, TRUNCATE(1), "\xf4\x8f\xbf\xbfx", "\xf4\x8f\xbf\xbf");
}
END_TEST

START_TEST(text_is_cut_between_code_points)
{
	/* four bytes at the truncation point, as UTF-16 a surrogate pair */
	LOWER(&string, TRUNCATE(3),
	    "ab\xf0\x9f\x98\x80"
	    "cd",
	    "ab\xf0\x9f\x98\x80");
	UPPER(&string, TRUNCATE(3),
	    "ab\xf0\x9f\x98\x80"
	    "cd",
	    "ab\xf0\x9f\x98\x81");
	LOWER(&string, TRUNCATE(2),
	    "ab\xf0\x9f\x98\x80"
	    "cd",
	    "ab");
	UPPER(&string, TRUNCATE(2),
	    "ab\xf0\x9f\x98\x80"
	    "cd",
	    "ac");
}
END_TEST

START_TEST(what_is_not_utf8_has_no_bound)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf",
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
		"\xc3"
		"a",
		"\xf0\x9f\x98"
		"a" };
	char text[64];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		for (int before = 0; before < 20; before += 19) {
			memset(text, 'a', (size_t)before);
			strcpy(text + before, bad[i]);
			ck_assert(
			    !lower(&string, TRUNCATE(4), text, strlen(text)));
			ck_assert(!upper(&string, full, text, strlen(text)));
		}
}
END_TEST

START_TEST(binary_is_cut_by_bytes)
{
	LOWER(&binary, TRUNCATE(2), "\x01\x02\x03", "\x01\x02");
	UPPER(&binary, TRUNCATE(2), "\x01\x02\x03", "\x01\x03");
	UPPER(&binary, TRUNCATE(2), "\x01\xff\x03", "\x02");
	UPPER(&binary, TRUNCATE(3), "\x01\xff\xff\x00", "\x02");
	NONE(&binary, TRUNCATE(2), "\xff\xff\x00");
	UPPER(&binary, TRUNCATE(2), "\xff\xff", "\xff\xff");
	UPPER(&binary, TRUNCATE(1), "\x7f\x00", "\x80");
	UPPER(&binary, full, "\xff\xff\x00", "\xff\xff\x00");
	LOWER(&binary, TRUNCATE(2), "", "");
}
END_TEST

static size_t
put_code_point(uint8_t *p, uint32_t cp)
{
	if (cp < 0x80) {
		p[0] = (uint8_t)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, cp >>= 6)
		p[i] = (uint8_t)(0x80 | (cp & 0x3f));
	p[0] = (uint8_t)(n == 2 ? 0xc0 | cp : n == 3 ? 0xe0 | cp : 0xf0 | cp);
	return n;
}

static bool
is_out(const uint8_t *text, size_t n)
{
	return out.len == n && memcmp(out.data, text, n) == 0;
}

/* Every text of up to four code points from the corners of Unicode, at every
 * length: the bounds hold, and they are no longer than asked for. */
START_TEST(bounds_hold_for_all_corners)
{
	static const uint32_t corner[] = { 0, 1, 'a', 0x7f, 0x80, 0x7ff, 0x800,
		0xd7ff, 0xe000, 0xffff, 0x10000, 0x10fffe, 0x10ffff };
	enum { N = sizeof corner / sizeof corner[0] };
	uint8_t text[16];

	for (unsigned pick = 0; pick < N * N * N * N; pick++) {
		size_t at = 0, end[4];
		for (unsigned k = 0, rest = pick; k < 4; k++, rest /= N) {
			at += put_code_point(text + at, corner[rest % N]);
			end[k] = at;
		}
		for (uint32_t length = 1; length <= 4; length++) {
			size_t keep = end[length - 1];
			must(lower(&string, TRUNCATE(length), text, at));
			must(is_out(text, keep));
			bool has = upper(&string, TRUNCATE(length), text, at);
			if (keep == at) {
				must(has && is_out(text, at));
				continue;
			}
			bool possible = false;
			for (unsigned k = 0, rest = pick; k < length;
			     k++, rest /= N)
				possible |= corner[rest % N] != 0x10ffff;
			must(has == possible);
			if (!has)
				continue;
			/* above everything that begins so */
			must(value_compare(
				 &string, out.data, out.len, text, keep) > 0);
			must(out.len < keep + 2);
			must(memcmp(out.data, text,
				 out.len < keep ? out.len : keep) != 0);
			must(value_is_sound(&string, out.data, out.len));
		}
	}
}
END_TEST

START_TEST(decimals_are_minimal)
{
	struct type t = { .kind = TYPE_DECIMAL, .precision = 38, .scale = 2 };

	LOWER(&t, full, "\x00\x00\x7f", "\x7f");
	LOWER(&t, full, "\x00\x00\x80", "\x00\x80");
	LOWER(&t, full, "\xff\xff\x80", "\x80");
	LOWER(&t, full, "\xff\xff\x7f", "\xff\x7f");
	LOWER(&t, full, "\xff\xff\xff", "\xff");
	UPPER(&t, full, "\x00\x00", "\x00");
	UPPER(&t, TRUNCATE(1), "\x01\x02\x03", "\x01\x02\x03");
	UPPER(&t, full, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	NONE(&t, full, "");
	NONE(&t, full, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
}
END_TEST

START_TEST(zeros_take_the_outer_sign)
{
	struct type f = { .kind = TYPE_FLOAT }, d = { .kind = TYPE_DOUBLE };
	float fs[] = { 0.0f, -0.0f };
	double ds[] = { 0.0, -0.0 };

	for (int i = 0; i < 2; i++) {
		ck_assert(lower(&f, TRUNCATE(16), &fs[i], 4));
		gives("\0\0\0\x80", 4);
		ck_assert(upper(&f, TRUNCATE(16), &fs[i], 4));
		gives("\0\0\0\0", 4);
		ck_assert(lower(&d, full, &ds[i], 8));
		gives("\0\0\0\0\0\0\0\x80", 8);
		ck_assert(upper(&d, full, &ds[i], 8));
		gives("\0\0\0\0\0\0\0\0", 8);
	}
}
END_TEST

START_TEST(nan_is_no_bound_but_infinity_is)
{
	struct type f = { .kind = TYPE_FLOAT }, d = { .kind = TYPE_DOUBLE };
	float fn = NAN, fi = -INFINITY;
	double dn = -NAN, di = INFINITY;

	ck_assert(!lower(&f, full, &fn, 4));
	ck_assert(!upper(&d, full, &dn, 8));
	ck_assert(lower(&f, full, &fi, 4));
	ck_assert(upper(&d, full, &di, 8));
	gives((char *)&di, 8);
	ck_assert(value_is_nan(&f, (uint8_t *)&fn, 4));
	ck_assert(!value_is_nan(&d, (uint8_t *)&di, 8));
}
END_TEST

START_TEST(wrong_widths_are_no_bounds)
{
	static const struct {
		enum type_kind kind;
		size_t width;
	} fixed[] = { { TYPE_BOOLEAN, 1 }, { TYPE_INT, 4 }, { TYPE_DATE, 4 },
		{ TYPE_LONG, 8 }, { TYPE_TIME, 8 }, { TYPE_TIMESTAMP, 8 },
		{ TYPE_TIMESTAMPTZ, 8 }, { TYPE_FLOAT, 4 }, { TYPE_DOUBLE, 8 },
		{ TYPE_UUID, 16 }, { TYPE_FIXED, 5 } };
	uint8_t bytes[32] = { 1 };

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		struct type t = { .kind = fixed[i].kind, .length = 5 };
		for (size_t n = 0; n < sizeof bytes; n++)
			ck_assert_int_eq(
			    lower(&t, full, bytes, n), n == fixed[i].width);
	}
	struct type list = { .kind = TYPE_LIST };
	ck_assert(!lower(&list, full, bytes, 4));
}
END_TEST

/* ClickHouse would skip files by them that hold rows it wants. */
START_TEST(what_is_misread_has_no_bound_unless_full)
{
	static const char least[] = "\x80\0\0\0\0\0\0";
	static const char less[] = "\xff\x7f\xff\xff\xff\xff\xff\xff";
	static const char id[] = "0123456789abcdef";
	struct type uuid = { .kind = TYPE_UUID };
	struct type d = { .kind = TYPE_DECIMAL, .precision = 18 };

	ck_assert(!lower(&uuid, TRUNCATE(16), id, 16));
	ck_assert(!upper(&uuid, TRUNCATE(16), id, 16));
	ck_assert(lower(&uuid, full, id, 16));
	ck_assert(upper(&uuid, full, id, 16));
	/* -2^55 is the least that seven bytes hold */
	ck_assert(lower(&d, TRUNCATE(16), least, 7));
	ck_assert(!lower(&d, TRUNCATE(16), less, 8));
	ck_assert(upper(&d, TRUNCATE(16), less, 8));
	ck_assert(lower(&d, full, less, 8));
	d.precision = 19;
	ck_assert(lower(&d, TRUNCATE(16), less, 8));
}
END_TEST

START_TEST(modes_without_bounds_give_none)
{
	int64_t n = 1;
	struct type t = { .kind = TYPE_LONG };

	ck_assert(!lower(&t, (struct metrics_mode){ METRICS_NONE, 0 }, &n, 8));
	ck_assert(
	    !upper(&t, (struct metrics_mode){ METRICS_COUNTS, 0 }, &n, 8));
}
END_TEST

static int
order(enum type_kind kind, const void *a, size_t na, const void *b, size_t nb)
{
	struct type t = { .kind = kind };
	int x = value_compare(&t, a, na, b, nb);
	int y = value_compare(&t, b, nb, a, na);

	ck_assert_int_eq((x > 0) - (x < 0), (y < 0) - (y > 0));
	return (x > 0) - (x < 0);
}

START_TEST(values_compare_as_their_type_does)
{
	int32_t i[] = { INT32_MIN, -1, 0, INT32_MAX };
	int64_t l[] = { INT64_MIN, -1, 0, INT64_MAX };
	double d[] = { -INFINITY, -1, 5e-324, INFINITY };

	for (int k = 0; k < 3; k++) {
		ck_assert_int_eq(order(TYPE_INT, &i[k], 4, &i[k + 1], 4), -1);
		ck_assert_int_eq(order(TYPE_DATE, &i[k], 4, &i[k], 4), 0);
		ck_assert_int_eq(
		    order(TYPE_TIMESTAMP, &l[k], 8, &l[k + 1], 8), -1);
		ck_assert_int_eq(
		    order(TYPE_DOUBLE, &d[k], 8, &d[k + 1], 8), -1);
	}
	double zero = 0.0, minus = -0.0;
	ck_assert_int_eq(order(TYPE_DOUBLE, &zero, 8, &minus, 8), 0);
	ck_assert_int_eq(order(TYPE_DECIMAL, "\xff", 1, "\x00", 1), -1);
	ck_assert_int_eq(order(TYPE_DECIMAL, "\x80\x00", 2, "\xff", 1), -1);
	ck_assert_int_eq(order(TYPE_DECIMAL, "\x01\x00", 2, "\x7f", 1), 1);
	ck_assert_int_eq(order(TYPE_UUID,
			     "\x80"
			     "bbbbbbbbbbbbbbb",
			     16,
			     "\x7f"
			     "bbbbbbbbbbbbbbb",
			     16),
	    1);
	ck_assert_int_eq(order(TYPE_STRING, "ab", 2, "abc", 3), -1);
	ck_assert_int_eq(order(TYPE_STRING, "", 0, "", 0), 0);
	ck_assert_int_eq(order(TYPE_STRING, "\xc3\xa4", 2, "z", 1), 1);
}
END_TEST

START_TEST(modes_are_parsed)
{
	static const char *const bad[] = { "", "truncate", "truncate()",
		"truncate(0)", "truncate(-1)", "truncate(x)", "truncate(16",
		"truncate(16)x", "Fulll", "none " };
	struct metrics_mode m;

	ck_assert(metrics_mode_parse("none", &m));
	ck_assert_int_eq(m.kind, METRICS_NONE);
	ck_assert(metrics_mode_parse("Counts", &m));
	ck_assert_int_eq(m.kind, METRICS_COUNTS);
	ck_assert(metrics_mode_parse("FULL", &m));
	ck_assert_int_eq(m.kind, METRICS_FULL);
	ck_assert(metrics_mode_parse("truncate(7)", &m));
	ck_assert_int_eq(m.kind, METRICS_TRUNCATE);
	ck_assert_uint_eq(m.length, 7);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!metrics_mode_parse(bad[i], &m), "%s", bad[i]);
}
END_TEST

struct property {
	const char *key, *value;
};

static const char *
get(const void *arg, const char *key)
{
	for (const struct property *p = arg; p->key != NULL; p++)
		if (strcmp(p->key, key) == 0)
			return p->value;
	return NULL;
}

/* 120 longs, then a struct of a string, and a list of strings */
static void
make_schema(struct type *schema)
{
	struct field *f;
	int id = 0;

	*schema = (struct type){ .kind = TYPE_STRUCT };
	for (int i = 0; i < 120; i++) {
		char name[16];
		snprintf(name, sizeof name, "c%d", i);
		f = type_add_field(schema, name, true, TYPE_LONG);
		f->id = ++id;
	}
	f = type_add_field(schema, "s", true, TYPE_STRUCT);
	f->id = ++id;
	f = type_add_field(&f->type, "in", true, TYPE_STRING);
	f->id = ++id;
	f = type_add_field(schema, "l", true, TYPE_LIST);
	f->id = ++id;
	f = type_add_field(&f->type, "element", true, TYPE_STRING);
	f->id = ++id;
}

static enum metrics_kind
kind_of(const struct metrics_modes *m, int id)
{
	const struct metrics_leaf *leaf = metrics_find(m, id);

	ck_assert_ptr_nonnull(leaf);
	ck_assert_int_eq(leaf->field->id, id);
	return leaf->mode.kind;
}

START_TEST(modes_follow_properties)
{
	static const struct property none[] = { { NULL, NULL } };
	static const struct property some[] = {
		{ "write.metadata.metrics.column.c0", "full" },
		{ "write.metadata.metrics.column.c1", "nonsense" },
		{ "write.metadata.metrics.column.s.in", "truncate(3)" },
		{ "write.metadata.metrics.column.l.element", "counts" },
		{ NULL, NULL }
	};
	static const struct property all[] = {
		{ "write.metadata.metrics.default", "counts" }, { NULL, NULL }
	};
	static const struct property few[] = {
		{ "write.metadata.metrics.max-inferred-column-defaults", "2" },
		{ NULL, NULL }
	};
	const int sorted[] = { 110 };
	struct type schema;
	struct metrics_modes m;

	make_schema(&schema);
	metrics_modes_init(&m, &schema, sorted, 1, get, none);
	ck_assert_uint_eq(m.n, 122);
	ck_assert_int_eq(kind_of(&m, 1), METRICS_TRUNCATE);
	ck_assert_uint_eq(metrics_find(&m, 100)->mode.length, 16);
	ck_assert_int_eq(kind_of(&m, 101), METRICS_NONE);
	ck_assert_int_eq(kind_of(&m, 110), METRICS_TRUNCATE);
	ck_assert_ptr_null(metrics_find(&m, 121));
	ck_assert_ptr_null(metrics_find(&m, 0));
	metrics_modes_clear(&m);

	metrics_modes_init(&m, &schema, NULL, 0, get, some);
	ck_assert_int_eq(kind_of(&m, 1), METRICS_FULL);
	ck_assert_int_eq(kind_of(&m, 2), METRICS_TRUNCATE);
	ck_assert_uint_eq(metrics_find(&m, 122)->mode.length, 3);
	ck_assert_int_eq(kind_of(&m, 124), METRICS_COUNTS);
	metrics_modes_clear(&m);

	metrics_modes_init(&m, &schema, NULL, 0, get, all);
	ck_assert_int_eq(kind_of(&m, 1), METRICS_COUNTS);
	ck_assert_int_eq(kind_of(&m, 120), METRICS_COUNTS);
	metrics_modes_clear(&m);

	metrics_modes_init(&m, &schema, NULL, 0, get, few);
	ck_assert_int_eq(kind_of(&m, 2), METRICS_TRUNCATE);
	ck_assert_int_eq(kind_of(&m, 3), METRICS_NONE);
	metrics_modes_clear(&m);
	type_clear(&schema);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("bounds");
	TCase *t = tcase_create("bounds");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, short_text_stays);
	tcase_add_test(t, long_text_is_cut_and_raised);
	tcase_add_test(t, code_points_grow_over_their_width);
	tcase_add_test(t, the_highest_code_point_is_dropped);
	tcase_add_test(t, text_is_cut_between_code_points);
	tcase_add_test(t, what_is_not_utf8_has_no_bound);
	tcase_add_test(t, binary_is_cut_by_bytes);
	tcase_add_test(t, bounds_hold_for_all_corners);
	tcase_add_test(t, decimals_are_minimal);
	tcase_add_test(t, zeros_take_the_outer_sign);
	tcase_add_test(t, nan_is_no_bound_but_infinity_is);
	tcase_add_test(t, wrong_widths_are_no_bounds);
	tcase_add_test(t, what_is_misread_has_no_bound_unless_full);
	tcase_add_test(t, modes_without_bounds_give_none);
	tcase_add_test(t, values_compare_as_their_type_does);
	tcase_add_test(t, modes_are_parsed);
	tcase_add_test(t, modes_follow_properties);
	suite_add_tcase(s, t);
	return run_suite(s);
}
