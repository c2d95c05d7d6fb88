/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries find what they hold, keep its order and stop at their size. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/run_suite.h"
#include "worker/parquet/dictionary.h"

enum { MANY = 400000 };
static uint32_t index_[MANY];
static uint8_t values[MANY * 16];

static void
check_fixed(uint32_t width, uint64_t distinct, size_t n)
{
	struct dictionary d = { .width = width };
	struct buf back = { 0 };
	size_t done, limit = DICTIONARY_MAX / width;

	memset(values, 0, n * width);
	for (size_t k = 0; k < n; k++) {
		uint64_t v = k * 7919 % distinct;

		memcpy(values + k * width, &v, width < 8 ? width : 8);
	}
	done = dictionary_add_fixed(&d, values, n, index_);
	ck_assert_uint_eq(done, distinct > limit ? limit : n);
	ck_assert_uint_eq(d.n, distinct > limit ? limit : distinct);
	ck_assert_uint_eq(d.plain.len, d.n * width);
	dictionary_expand(&d, index_, done, &back);
	ck_assert_uint_eq(back.len, done * width);
	ck_assert_mem_eq(back.data, values, done * width);
	if (done == n) { /* found again, nothing new */
		ck_assert_uint_eq(
		    dictionary_add_fixed(&d, values, n, index_), n);
		ck_assert_uint_eq(d.n, distinct);
	}
	buf_clear(&back);
	dictionary_clear(&d);
	ck_assert_uint_eq(dictionary_memory(&d), 0);
	ck_assert_uint_eq(d.width, width);
}

START_TEST(fixed_values_of_every_width)
{
	static const uint32_t widths[] = { 4, 8, 9, 16 };

	for (size_t w = 0; w < 4; w++) {
		check_fixed(widths[w], 1, 1000);
		check_fixed(widths[w], 2, 1000);
		check_fixed(widths[w], 1009, 5000);
		check_fixed(widths[w], 50021, 60000);
		check_fixed(widths[w], 300007, 300007);
	}
}
END_TEST

START_TEST(entries_are_in_order_of_appearance)
{
	static const uint64_t v[] = { 9, 7, 9, 8, 7, 0 };
	struct dictionary d = { .width = 8 };
	static const uint32_t want[] = { 0, 1, 0, 2, 1, 3 };

	ck_assert_uint_eq(
	    dictionary_add_fixed(&d, (const uint8_t *)v, 6, index_), 6);
	ck_assert_mem_eq(index_, want, sizeof(want));
	dictionary_clear(&d);
}
END_TEST

START_TEST(strings_and_prefixes_differ)
{
	struct dictionary d = { 0 };
	enum { N = 3000 };
	static uint32_t offset[2 * N + 1];
	static uint8_t bytes[2 * N * 20];
	struct vec v = { .layout = VEC_BYTES,
		.n = 2 * N,
		.offset = offset,
		.bytes = bytes };
	uint32_t rows[] = { 5, 5, 2 * N - 1 };
	struct buf back = { 0 };
	size_t len;

	/* zeros only: lengths must tell them apart; then numbers */
	for (uint32_t k = 0; k < 2 * N; k++) {
		uint32_t n = k < 20
		    ? k
		    : (uint32_t)snprintf(
			  (char *)bytes + offset[k], 20, "%u", k % N);

		offset[k + 1] = offset[k] + n;
	}
	ck_assert_uint_eq(
	    dictionary_add_bytes(&d, &v, 0, NULL, 2 * N, index_), 2 * N);
	ck_assert_uint_eq(d.n, N + 20);
	for (uint32_t k = 0; k < 2 * N; k++) {
		const uint8_t *p = dictionary_value(&d, index_[k], &len);

		ck_assert_uint_eq(len, offset[k + 1] - offset[k]);
		ck_assert(len == 0 || memcmp(p, bytes + offset[k], len) == 0);
	}
	ck_assert_uint_eq(dictionary_add_bytes(&d, &v, 0, rows, 3, index_), 3);
	ck_assert_uint_eq(index_[0], 5);
	ck_assert_uint_eq(index_[1], 5);
	dictionary_expand(&d, index_, 1, &back);
	ck_assert_uint_eq(back.len, 9);
	ck_assert_uint_eq(back.data[0], 5);
	buf_clear(&back);
	dictionary_clear(&d);
}
END_TEST

START_TEST(a_value_over_the_limit_is_refused)
{
	struct dictionary d = { 0 };
	uint8_t *big = calloc(1, DICTIONARY_MAX);
	uint32_t offset[] = { 0, 3, DICTIONARY_MAX };
	struct vec v = {
		.layout = VEC_BYTES, .n = 2, .offset = offset, .bytes = big
	};

	ck_assert_uint_eq(dictionary_add_bytes(&d, &v, 0, NULL, 2, index_), 1);
	ck_assert_uint_eq(d.n, 1);
	free(big);
	dictionary_clear(&d);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dictionary");
	TCase *tc = tcase_create("dictionary");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fixed_values_of_every_width);
	tcase_add_test(tc, entries_are_in_order_of_appearance);
	tcase_add_test(tc, strings_and_prefixes_differ);
	tcase_add_test(tc, a_value_over_the_limit_is_refused);
	return run_suite(s);
}
