/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers keep their maximum; cursors never read past the end. */
#include <check.h>
#include <stdlib.h>

#include "common/buf.h"
#include "tests/unit/run_suite.h"

START_TEST(put_past_maximum_is_dropped_and_remembered)
{
	struct buf b;

	buf_init(&b, 10);
	buf_put(&b, "12345678", 8);
	ck_assert(!b.over);
	buf_put_u32(&b, 7);
	ck_assert(b.over);
	ck_assert_uint_eq(b.len, 8);
	buf_reset(&b);
	ck_assert(!b.over);
	buf_clear(&b);
}
END_TEST

START_TEST(integers_and_strings_come_back)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384,
		UINT32_MAX, INT64_MAX, UINT64_MAX };
	static const int64_t signed_numbers[] = { 0, -1, 1, INT64_MIN,
		INT64_MAX };
	struct buf b;
	struct cursor c;
	char *s;

	buf_init(&b, 0);
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
		buf_put_varint(&b, numbers[k]);
	for (size_t k = 0; k < 5; k++)
		buf_put_zigzag(&b, signed_numbers[k]);
	buf_put_lstr(&b, "wörd");
	buf_put_lstr(&b, NULL);
	buf_put_lstr(&b, "");
	buf_put_u16(&b, 0xCA17);
	c = cursor_of(b.data, b.len);
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
		ck_assert_uint_eq(cursor_varint(&c), numbers[k]);
	for (size_t k = 0; k < 5; k++)
		ck_assert_int_eq(cursor_zigzag(&c), signed_numbers[k]);
	s = cursor_lstr(&c, 100);
	ck_assert_str_eq(s, "wörd");
	free(s);
	ck_assert_ptr_null(cursor_lstr(&c, 100));
	s = cursor_lstr(&c, 100);
	ck_assert_str_eq(s, "");
	free(s);
	ck_assert_uint_eq(cursor_u16(&c), 0xCA17);
	ck_assert(!c.bad);
	ck_assert_uint_eq(cursor_left(&c), 0);
	buf_clear(&b);
}
END_TEST

START_TEST(short_or_malformed_input_is_bad_and_sticky)
{
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t too_long[] = { 5, 0, 0, 0, 'a', 'b' };
	static const uint8_t nul[] = { 2, 0, 0, 0, 'a', 0 };
	struct cursor c = cursor_of(endless, sizeof endless);

	cursor_varint(&c);
	ck_assert(c.bad);
	ck_assert_uint_eq(cursor_u8(&c), 0);
	c = cursor_of(too_long, sizeof too_long);
	ck_assert_ptr_null(cursor_lstr(&c, 100));
	ck_assert(c.bad);
	c = cursor_of(nul, sizeof nul);
	ck_assert_ptr_null(cursor_lstr(&c, 100));
	ck_assert(c.bad);
	c = cursor_of(NULL, 0);
	ck_assert_uint_eq(cursor_u64(&c), 0);
	ck_assert(c.bad);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, put_past_maximum_is_dropped_and_remembered);
	tcase_add_test(tc, integers_and_strings_come_back);
	tcase_add_test(tc, short_or_malformed_input_is_bad_and_sticky);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
