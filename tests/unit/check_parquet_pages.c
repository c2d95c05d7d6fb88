/* SPDX-License-Identifier: Apache-2.0 */
/* What is decided per page: encodings, and what the page index says. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/parquet_walk.h"
#include "tests/harness/sample.h"
#include "tests/unit/parquet_scratch.h"
#include "tests/unit/run_suite.h"
#include "worker/parquet/writer.h"

/* ---- page index against pages ---------------------------------------------------- */

/* One required INT64 column of rising numbers, 100 a page. */
START_TEST(page_bounds_are_those_of_the_rows)
{
	struct parquet_options o = { .page_rows = 100 };
	struct type schema = { .kind = TYPE_STRUCT };
	struct batch b;
	struct parquet_writer *w;
	struct datafile facts;
	struct buf file;
	struct thrift_in chunk, index, lows, highs, nulls;
	int64_t *v;
	uint8_t *null;
	size_t n;

	type_add_field(&schema, "n", false, TYPE_LONG)->id = 1;
	batch_init(&b, &schema);
	v = (int64_t *)(void *)vec_set_fixed(&b.cols[0], 8, 1000);
	null = vec_set_null(&b.cols[0], 1000);
	for (int64_t k = 0; k < 1000; k++) {
		v[k] = 10 * k - 3000;
		null[k] = k / 100 == 4 || k % 7 == 0; /* page 4: all */
	}
	b.nrows = 1000;
	w = begin(&schema, &o);
	ck_assert_int_eq(parquet_append(w, &b, 0, 1000, &err), 0);
	ck_assert_int_eq(parquet_close(w, &facts, &err), 0);
	file = whole_file();
	chunk = walk_list(walk_footer(&file), 4, THRIFT_STRUCT, &n);
	thrift_enter(&chunk);
	chunk = walk_list(chunk, 1, THRIFT_STRUCT, &n);
	thrift_enter(&chunk);
	index = thrift_from(
	    file.data + walk_int(chunk, 6, -1), (size_t)walk_int(chunk, 7, -1));
	thrift_enter(&index);
	ck_assert_int_eq(walk_int(index, 4, -1), 1); /* ascending */
	lows = walk_list(index, 2, THRIFT_BINARY, &n);
	ck_assert_uint_eq(n, 10);
	highs = walk_list(index, 3, THRIFT_BINARY, &n);
	nulls = walk_list(index, 5, THRIFT_I64, &n);
	for (int64_t p = 0; p < 10; p++) {
		int64_t low = INT64_MAX, high = INT64_MIN, count = 0;
		size_t len;
		const uint8_t *bound;

		for (int64_t k = 100 * p; k < 100 * p + 100; k++) {
			count += null[k];
			if (null[k])
				continue;
			low = v[k] < low ? v[k] : low;
			high = v[k] > high ? v[k] : high;
		}
		bound = thrift_get_binary(&lows, THRIFT_BINARY, &len);
		ck_assert_uint_eq(len, count == 100 ? 0 : 8);
		ck_assert(len == 0 || memcmp(bound, &low, 8) == 0);
		bound = thrift_get_binary(&highs, THRIFT_BINARY, &len);
		ck_assert(len == 0 || memcmp(bound, &high, 8) == 0);
		ck_assert_int_eq(thrift_get_int(&nulls, THRIFT_I64), count);
	}
	buf_clear(&file);
	datafile_clear(&facts);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

/* A UUID's bounds would be read in another order than they are written, a NaN
 * would not lie within any. */
START_TEST(chunks_of_uuids_or_with_a_nan_have_no_bounds)
{
	struct type schema;
	struct parquet_options o = { .page_rows = 100 };
	struct datafile facts;
	struct buf b;
	struct thrift_in chunks;
	size_t n;

	sample_odd_schema(&schema);
	write_sample(sample_odd_schema, 1, 500, &o, &facts);
	b = whole_file();
	chunks = walk_list(walk_footer(&b), 4, THRIFT_STRUCT, &n);
	thrift_enter(&chunks);
	chunks = walk_list(chunks, 1, THRIFT_STRUCT, &n);
	for (size_t k = 0; k < n; k++) {
		struct thrift_in chunk = chunks, stats;
		bool nan = facts.leaves[k].nan_count > 0;
		bool uuid = type_find_id(&schema, facts.leaves[k].field_id)
				->type.kind == TYPE_UUID;
		const uint8_t *bound;
		size_t len;

		thrift_enter(&chunk);
		ck_assert((walk_int(chunk, 6, -1) == -1) == (nan || uuid));
		stats = walk_struct(walk_struct(chunk, 3), 12);
		bound = walk_bytes(stats, 5, &len);
		ck_assert((!uuid && !nan) || bound == NULL);
		ck_assert(facts.leaves[k].in_list || !nan ||
		    !facts.leaves[k].has_bounds);
		ck_assert_int_eq(
		    walk_int(stats, 3, -1), facts.leaves[k].null_count);
		ck_assert_int_eq(
		    walk_int(stats, 9, -1), facts.leaves[k].nan_count);
		thrift_skip(&chunks, THRIFT_STRUCT);
	}
	buf_clear(&b);
	datafile_clear(&facts);
	type_clear(&schema);
}
END_TEST

/* ---- dictionaries ------------------------------------------------------------------ */

/* Whether a column of n values v(k) gets a dictionary page. */
static bool
has_dictionary(uint64_t (*v)(uint64_t), size_t n, enum parquet_preset preset,
    int64_t *data_encodings)
{
	struct parquet_options o = { .preset = preset, .zstd_level = 3 };
	struct type schema = { .kind = TYPE_STRUCT };
	struct batch b;
	struct parquet_writer *w;
	struct datafile facts;
	struct buf file;
	struct thrift_in chunk, encodings;
	uint64_t *to;
	size_t k;
	bool has;

	type_add_field(&schema, "n", true, TYPE_LONG)->id = 1;
	batch_init(&b, &schema);
	to = (uint64_t *)(void *)vec_set_fixed(&b.cols[0], 8, n);
	for (k = 0; k < n; k++)
		to[k] = v(k);
	b.nrows = n;
	w = begin(&schema, &o);
	ck_assert_int_eq(parquet_append(w, &b, 0, n, &err), 0);
	ck_assert_int_eq(parquet_close(w, &facts, &err), 0);
	file = whole_file();
	chunk = walk_list(walk_footer(&file), 4, THRIFT_STRUCT, &k);
	thrift_enter(&chunk);
	chunk = walk_list(chunk, 1, THRIFT_STRUCT, &k);
	thrift_enter(&chunk);
	chunk = walk_struct(chunk, 3);
	has = walk_int(chunk, 11, -1) != -1;
	*data_encodings = 0;
	encodings = walk_list(chunk, 2, THRIFT_I32, &k);
	while (k-- > 0)
		*data_encodings |= 1 << thrift_get_int(&encodings, THRIFT_I32);
	buf_clear(&file);
	datafile_clear(&facts);
	batch_clear(&b);
	type_clear(&schema);
	teardown();
	return has;
}

static uint64_t
few(uint64_t k)
{
	return k * 7919 % 50 * 1000003;
}
static uint64_t
rising(uint64_t k)
{
	return 1700000000000 + 37 * k;
}
static uint64_t
scattered(uint64_t k)
{
	k = (k ^ k >> 31) * UINT64_C(0x9E3779B97F4A7C15);
	return (k ^ k >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
}
static uint64_t
later(uint64_t k)
{
	return k < 40000 ? few(k) : scattered(k);
}
/* each six times, then never again: zstd finds that by itself */
static uint64_t
slow(uint64_t k)
{
	return 7000000 + k / 6;
}
/* more than the sample tells apart from all different */
static uint64_t
thousands(uint64_t k)
{
	return scattered(scattered(k) % 5000);
}

enum { PLAIN = 1 << 0, DELTA = 1 << 5, DICTIONARY = 1 << 8 };

START_TEST(encodings_follow_the_data)
{
	int64_t used;

	ck_assert(has_dictionary(few, 50000, PARQUET_COMPAT, &used));
	ck_assert_int_eq(used, PLAIN | DICTIONARY);
	ck_assert(has_dictionary(few, 50000, PARQUET_COMPACT, &used));
	ck_assert(!has_dictionary(rising, 50000, PARQUET_COMPAT, &used));
	ck_assert_int_eq(used, PLAIN);
	ck_assert(!has_dictionary(rising, 50000, PARQUET_COMPACT, &used));
	ck_assert_int_eq(used, DELTA);
	ck_assert(!has_dictionary(scattered, 50000, PARQUET_DENSE, &used));
	ck_assert_int_eq(used, PLAIN);
	ck_assert(!has_dictionary(slow, 50000, PARQUET_COMPAT, &used));
	ck_assert_int_eq(used, PLAIN);
	ck_assert(!has_dictionary(slow, 50000, PARQUET_COMPACT, &used));
	ck_assert_int_eq(used, DELTA);
	ck_assert(has_dictionary(thousands, 200000, PARQUET_COMPAT, &used));
	ck_assert_int_eq(used, PLAIN | DICTIONARY);
	ck_assert(has_dictionary(later, 400000, PARQUET_COMPAT, &used));
	ck_assert_int_eq(used, PLAIN | DICTIONARY);
	ck_assert(!has_dictionary(rising, 3, PARQUET_COMPAT, &used));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("parquet_pages");
	TCase *tc = tcase_create("parquet_pages");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, page_bounds_are_those_of_the_rows);
	tcase_add_test(tc, chunks_of_uuids_or_with_a_nan_have_no_bounds);
	tcase_add_test(tc, encodings_follow_the_data);
	return run_suite(s);
}
