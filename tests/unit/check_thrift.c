/* SPDX-License-Identifier: Apache-2.0 */
/* Compact protocol: bytes as the specification has them, and bad input. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/run_suite.h"
#include "worker/parquet/thrift.h"

static void
expect(struct buf *b, const void *bytes, size_t n)
{
	ck_assert_uint_eq(b->len, n);
	ck_assert_mem_eq(b->data, bytes, n);
	buf_clear(b);
}

START_TEST(fields_are_coded_by_difference)
{
	struct buf b = { 0 };
	struct thrift t = thrift_to(&b);
	/* i32 1 = 1; i64 3 = -1; binary 20 = "ab"; stop */
	static const uint8_t want[] = { 0x15, 2, 0x26, 1, 0x08, 40, 2, 'a', 'b',
		0 };

	thrift_begin(&t, 0);
	thrift_i32(&t, 1, 1);
	thrift_i64(&t, 3, -1);
	thrift_string(&t, 20, "ab");
	thrift_end(&t);
	expect(&b, want, sizeof(want));
}
END_TEST

START_TEST(bools_stand_in_the_type)
{
	struct buf b = { 0 };
	struct thrift t = thrift_to(&b);
	static const uint8_t want[] = { 0x11, 0x12, 0x19, 0x21, 1, 2, 0 };

	thrift_begin(&t, 0);
	thrift_bool(&t, 1, true);
	thrift_bool(&t, 2, false);
	thrift_list(&t, 3, THRIFT_TRUE, 2);
	thrift_put_bool(&t, true);
	thrift_put_bool(&t, false);
	thrift_end(&t);
	expect(&b, want, sizeof(want));
}
END_TEST

START_TEST(nested_structs_count_ids_on_their_own)
{
	struct buf b = { 0 };
	struct thrift t = thrift_to(&b);
	static const uint8_t raw[] = { 0x15, 8, 0 };
	static const uint8_t want[] = { 0x5c, 0x15, 2, 0, 0x1c, 0x15, 8, 0,
		0x15, 4, 0 };

	thrift_begin(&t, 0);
	thrift_begin(&t, 5);
	thrift_i32(&t, 1, 1);
	thrift_end(&t);
	thrift_raw_struct(&t, 6, raw, sizeof(raw));
	thrift_i32(&t, 7, 2);
	thrift_end(&t);
	expect(&b, want, sizeof(want));
}
END_TEST

START_TEST(long_lists_have_their_size_apart)
{
	struct buf b = { 0 };
	struct thrift t = thrift_to(&b);

	thrift_begin(&t, 0);
	thrift_list(&t, 1, THRIFT_I32, 15);
	for (int k = 0; k < 15; k++)
		thrift_put_int(&t, k);
	thrift_end(&t);
	ck_assert_uint_eq(b.data[1], 0xf5);
	ck_assert_uint_eq(b.data[2], 15);
	ck_assert_uint_eq(b.len, 1 + 2 + 15 + 1);
	buf_clear(&b);
}
END_TEST

static void
write_everything(struct buf *b)
{
	struct thrift t = thrift_to(b);

	thrift_begin(&t, 0);
	thrift_bool(&t, 1, false);
	thrift_i16(&t, 2, INT16_MIN);
	thrift_i32(&t, 3, INT32_MIN);
	thrift_i64(&t, 100, INT64_MIN);
	thrift_i64(&t, 101, INT64_MAX);
	thrift_binary(&t, 102, "\0x", 2);
	thrift_list(&t, 103, THRIFT_STRUCT, 2);
	for (int k = 0; k < 2; k++) {
		thrift_begin(&t, 0);
		thrift_i32(&t, 1, k);
		thrift_end(&t);
	}
	thrift_list(&t, 104, THRIFT_BINARY, 20);
	for (int k = 0; k < 20; k++)
		thrift_put_binary(&t, "z", 1);
	thrift_i32(&t, 105, 7);
	thrift_end(&t);
}

START_TEST(reader_gives_back_what_was_written)
{
	struct buf b = { 0 };
	struct thrift_field f;
	size_t n;

	write_everything(&b);

	struct thrift_in t = thrift_from(b.data, b.len);

	thrift_enter(&t);
	ck_assert(thrift_next(&t, &f) && f.id == 1 && f.type == THRIFT_FALSE);
	thrift_skip(&t, f.type);
	ck_assert(thrift_next(&t, &f) && f.id == 2);
	ck_assert_int_eq(thrift_get_int(&t, f.type), INT16_MIN);
	ck_assert(thrift_next(&t, &f) && f.id == 3);
	ck_assert_int_eq(thrift_get_int(&t, f.type), INT32_MIN);
	ck_assert(thrift_next(&t, &f) && f.id == 100);
	ck_assert_int_eq(thrift_get_int(&t, f.type), INT64_MIN);
	ck_assert(thrift_next(&t, &f) && f.id == 101);
	ck_assert_int_eq(thrift_get_int(&t, f.type), INT64_MAX);
	ck_assert(thrift_next(&t, &f) && f.id == 102);
	ck_assert_mem_eq(thrift_get_binary(&t, f.type, &n), "\0x", 2);
	ck_assert_uint_eq(n, 2);
	ck_assert(thrift_next(&t, &f) && f.id == 103);
	ck_assert_uint_eq(thrift_get_list(&t, f.type, THRIFT_STRUCT), 2);
	for (int k = 0; k < 2; k++) {
		thrift_enter(&t);
		ck_assert(thrift_next(&t, &f));
		ck_assert_int_eq(thrift_get_int(&t, f.type), k);
		ck_assert(!thrift_next(&t, &f));
	}
	ck_assert(thrift_next(&t, &f) && f.id == 104);
	thrift_skip(&t, f.type);
	ck_assert(thrift_next(&t, &f) && f.id == 105);
	ck_assert_int_eq(thrift_get_int(&t, f.type), 7);
	ck_assert(!thrift_next(&t, &f));
	ck_assert(!t.c.bad && cursor_left(&t.c) == 0);
	buf_clear(&b);
}
END_TEST

static bool
skip_all(const uint8_t *p, size_t n)
{
	struct thrift_in t = thrift_from(p, n);
	struct thrift_field f;

	thrift_enter(&t);
	while (thrift_next(&t, &f))
		thrift_skip(&t, f.type);
	return !t.c.bad;
}

START_TEST(every_truncation_is_bad)
{
	struct buf b = { 0 };

	write_everything(&b);
	ck_assert(skip_all(b.data, b.len));
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, b.data, n);
		ck_assert_msg(!skip_all(copy, n), "%zu bytes", n);
		free(copy);
	}
	buf_clear(&b);
}
END_TEST

START_TEST(hostile_bytes_are_bad)
{
	uint8_t deep[200];
	/* a list of 2^35 structs; a string of 2^63 bytes; type 13 */
	static const uint8_t list[] = { 0x19, 0xfc, 0x80, 0x80, 0x80, 0x80,
		0x80, 1, 0, 0 };
	static const uint8_t string[] = { 0x18, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0x7f, 0 };
	static const uint8_t type[] = { 0x1d, 0, 0 };
	static const uint8_t map[] = { 0x1b, 0xff, 0xff, 0xff, 0x7f, 0x11, 0 };

	memset(deep, 0x1c, sizeof(deep));
	ck_assert(!skip_all(deep, sizeof(deep)));
	memset(deep, 0x19, sizeof(deep));
	ck_assert(!skip_all(deep, sizeof(deep)));
	ck_assert(!skip_all(list, sizeof(list)));
	ck_assert(!skip_all(string, sizeof(string)));
	ck_assert(!skip_all(type, sizeof(type)));
	ck_assert(!skip_all(map, sizeof(map)));
}
END_TEST

START_TEST(wrong_types_are_bad)
{
	static const uint8_t i32[] = { 0x15, 2, 0 };
	struct thrift_field f;
	size_t n;

	for (int what = 0; what < 2; what++) {
		struct thrift_in t = thrift_from(i32, sizeof(i32));

		thrift_enter(&t);
		ck_assert(thrift_next(&t, &f));
		if (what == 0)
			ck_assert_ptr_null(thrift_get_binary(&t, f.type, &n));
		else
			ck_assert_uint_eq(
			    thrift_get_list(&t, f.type, THRIFT_I32), 0);
		ck_assert(t.c.bad);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("thrift");
	TCase *tc = tcase_create("thrift");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, fields_are_coded_by_difference);
	tcase_add_test(tc, bools_stand_in_the_type);
	tcase_add_test(tc, nested_structs_count_ids_on_their_own);
	tcase_add_test(tc, long_lists_have_their_size_apart);
	tcase_add_test(tc, reader_gives_back_what_was_written);
	tcase_add_test(tc, every_truncation_is_bad);
	tcase_add_test(tc, hostile_bytes_are_bad);
	tcase_add_test(tc, wrong_types_are_bad);
	return run_suite(s);
}
