/* SPDX-License-Identifier: Apache-2.0 */
/* Routing: every row finds its tuple, whatever the layout of its columns. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/iceberg/partition.h"
#include "worker/iceberg/transform.h"

static struct type schema;
static struct batch batch;
static struct partition_spec spec;
static struct err err;

static void
column(const char *name, enum type_kind kind, unsigned precision)
{
	struct field *f = type_add_field(&schema, name, false, kind);

	f->type.precision = (uint8_t)precision;
	f->type.length = precision;
	f->id = (int)schema.nfields;
}

static struct partitioner *
start(size_t nrows, const char *const *texts, size_t ntexts)
{
	ck_assert_msg(partition_parse(texts, ntexts, &schema, &spec, &err) == 0,
	    "%s", err.text);
	batch_init(&batch, &schema);
	batch.nrows = nrows;
	return partitioner_new(&spec, &schema);
}

static void
setup(void)
{
	schema.kind = TYPE_STRUCT;
}

static void
finish(struct partitioner *p)
{
	partitioner_free(p);
	partition_spec_clear(&spec);
	batch_clear(&batch);
	type_clear(&schema);
}

static void
fill_longs(size_t col, const int64_t *v, size_t n)
{
	memcpy(vec_set_fixed(&batch.cols[col], 8, n), v, n * 8);
}

static void
fill_texts(struct vec *vec, const char *const *v, size_t n)
{
	uint32_t *offset = vec_set_offsets(vec, VEC_BYTES, n);
	uint8_t *bytes;

	for (size_t k = 0; k < n; k++)
		offset[k + 1] = offset[k] + (uint32_t)strlen(v[k]);
	bytes = vec_set_bytes(vec, offset[n]);
	for (size_t k = 0; k < n; k++)
		memcpy(bytes + offset[k], v[k], strlen(v[k]));
}

static void
groups_are(struct partitioner *p, const uint32_t *expect, size_t n)
{
	uint32_t group[64];

	ck_assert_msg(
	    partitioner_route(p, &batch, group, &err) == 0, "%s", err.text);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(
		    group[i] == expect[i], "row %zu: %u", i, group[i]);
}

static void
value_is(struct partitioner *p, uint32_t group, size_t field, const void *bytes,
    size_t len)
{
	const struct partition_value *v = &partitioner_tuple(p, group)[field];

	ck_assert_int_eq(v->null, bytes == NULL);
	ck_assert_uint_eq(v->len, len);
	if (len > 0)
		ck_assert_mem_eq(v->data, bytes, len);
}

#define DAY INT64_C(86400000000)

START_TEST(runs_and_returns_keep_their_group)
{
	static const char *const texts[] = { "day(ts)", "s" };
	static const int64_t ts[] = { 0, 5, DAY, DAY, -1, 7 };
	static const char *const s[] = { "a", "a", "a", "", "", "a" };
	static const uint32_t expect[] = { 0, 0, 1, 2, 3, 0 };
	static const uint32_t again[] = { 3, 3, 3, 3, 3, 3 };
	static const int64_t before[] = { -1, -1, -DAY, -2, -3, -4 };
	static const char *const empty[] = { "", "", "", "", "", "" };
	struct partitioner *p;
	int32_t minus = -1;

	column("ts", TYPE_TIMESTAMP, 0);
	column("s", TYPE_STRING, 0);
	p = start(6, texts, 2);
	fill_longs(0, ts, 6);
	fill_texts(&batch.cols[1], s, 6);
	groups_are(p, expect, 6);
	ck_assert_uint_eq(partitioner_ngroups(p), 4);
	value_is(p, 0, 0, "\0\0\0\0", 4);
	value_is(p, 0, 1, "a", 1);
	value_is(p, 1, 0, "\1\0\0\0", 4);
	value_is(p, 2, 1, "", 0);
	value_is(p, 3, 0, &minus, 4);
	fill_longs(0, before, 6);
	fill_texts(&batch.cols[1], empty, 6);
	groups_are(p, again, 6);
	batch.nrows = 0;
	ck_assert_int_eq(partitioner_route(p, &batch, NULL, &err), 0);
	finish(p);
}
END_TEST

START_TEST(null_is_a_value_of_its_own)
{
	static const char *const texts[] = { "a", "bucket(4, b)" };
	static const int64_t a[] = { 0, 99, 0, 99, 98 };
	static const int64_t b[] = { 34, 34, 34, 34, 34 };
	static const uint32_t expect[] = { 0, 1, 2, 3, 3 };
	struct partitioner *p;

	column("a", TYPE_LONG, 0);
	column("b", TYPE_LONG, 0);
	p = start(5, texts, 2);
	fill_longs(0, a, 5);
	fill_longs(1, b, 5);
	memcpy(vec_set_null(&batch.cols[0], 5), "\0\1\0\1\1", 5);
	memcpy(vec_set_null(&batch.cols[1], 5), "\0\0\1\2\3", 5);
	groups_are(p, expect, 5);
	value_is(p, 0, 0, "\0\0\0\0\0\0\0\0", 8);
	value_is(p, 1, 0, NULL, 0);
	value_is(p, 2, 1, NULL, 0);
	value_is(p, 3, 0, NULL, 0);
	value_is(p, 3, 1, NULL, 0);
	finish(p);
}
END_TEST

START_TEST(dictionaries_are_transformed_once)
{
	static const char *const texts[] = { "truncate(1, s)" };
	/* "ab" and "aa" fall together; "zz" is never used */
	static const char *const entries[] = { "ab", "zz", "aa", "é" };
	static const uint32_t index[] = { 0, 2, 3, 3, 0, 0 };
	static const uint32_t expect[] = { 0, 0, 1, 1, 2, 0 };
	struct partitioner *p;

	column("s", TYPE_STRING, 0);
	p = start(6, texts, 1);
	memcpy(vec_set_index(&batch.cols[0], 6), index, sizeof index);
	fill_texts(batch.cols[0].dict, entries, 4);
	memcpy(vec_set_null(&batch.cols[0], 6), "\0\0\0\0\1\0", 6);
	groups_are(p, expect, 6);
	ck_assert_uint_eq(partitioner_ngroups(p), 3);
	value_is(p, 0, 0, "a", 1);
	value_is(p, 1, 0, "é", 2);
	value_is(p, 2, 0, NULL, 0);
	finish(p);
}
END_TEST

START_TEST(an_empty_dictionary_of_nulls)
{
	static const char *const texts[] = { "s" };
	static const uint32_t expect[] = { 0, 0, 0 };
	struct partitioner *p;

	column("s", TYPE_STRING, 0);
	p = start(3, texts, 1);
	memset(vec_set_index(&batch.cols[0], 3), 0, 12);
	fill_texts(batch.cols[0].dict, NULL, 0);
	memset(vec_set_null(&batch.cols[0], 3), 1, 3);
	groups_are(p, expect, 3);
	value_is(p, 0, 0, NULL, 0);
	finish(p);
}
END_TEST

START_TEST(what_cannot_be_transformed_stops_unless_unused)
{
	static const char *const texts[] = { "truncate(10, a)" };
	static const int64_t a[] = { INT64_MIN, 5 };
	static const int64_t entries[] = { 4, INT64_MIN };
	static const uint32_t index[] = { 0, 0 };
	static const uint32_t expect[] = { 0, 1 }, zero[] = { 1, 1 };
	struct partitioner *p;
	uint32_t group[2];

	column("a", TYPE_LONG, 0);
	p = start(2, texts, 1);
	fill_longs(0, a, 2);
	ck_assert_int_eq(partitioner_route(p, &batch, group, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "'a_trunc'"));
	memcpy(vec_set_null(&batch.cols[0], 2), "\1\0", 2);
	groups_are(p, expect, 2);
	/* an entry no row uses */
	memcpy(vec_set_index(&batch.cols[0], 2), index, sizeof index);
	memcpy(vec_set_fixed(batch.cols[0].dict, 8, 2), entries, 16);
	groups_are(p, zero, 2);
	finish(p);
}
END_TEST

START_TEST(values_of_every_type_are_single_values)
{
	static const char *const texts[] = { "b", "i", "d9", "d18", "d38",
		"bucket(2, u)", "bucket(2, fx)", "bi", "t" };
	struct partitioner *p;
	int32_t i = -2, d9 = -129;
	int64_t d18 = 256, t = 77;
	__int128 d38 = -1;
	uint32_t zero = 0;
	static const char *const binary[] = { "xyz" };

	column("b", TYPE_BOOLEAN, 0);
	column("i", TYPE_INT, 0);
	column("d9", TYPE_DECIMAL, 9);
	column("d18", TYPE_DECIMAL, 18);
	column("d38", TYPE_DECIMAL, 38);
	column("u", TYPE_UUID, 0);
	column("fx", TYPE_FIXED, 3);
	column("bi", TYPE_BINARY, 0);
	column("t", TYPE_TIME, 0);
	p = start(1, texts, 9);
	partitioner_free(p);
	/* calve makes no such partitions, others may have */
	spec.fields[5].transform = TRANSFORM_IDENTITY;
	spec.fields[6].transform = TRANSFORM_IDENTITY;
	p = partitioner_new(&spec, &schema);
	memcpy(vec_set_fixed(&batch.cols[0], 1, 1), "\1", 1);
	memcpy(vec_set_fixed(&batch.cols[1], 4, 1), &i, 4);
	memcpy(vec_set_fixed(&batch.cols[2], 4, 1), &d9, 4);
	memcpy(vec_set_fixed(&batch.cols[3], 8, 1), &d18, 8);
	memcpy(vec_set_fixed(&batch.cols[4], 16, 1), &d38, 16);
	memcpy(vec_set_fixed(&batch.cols[5], 16, 1), "0123456789abcdef", 16);
	memcpy(vec_set_fixed(&batch.cols[6], 3, 1), "\0\1\2", 3);
	fill_texts(&batch.cols[7], binary, 1);
	memcpy(vec_set_fixed(&batch.cols[8], 8, 1), &t, 8);
	groups_are(p, &zero, 1);
	value_is(p, 0, 0, "\1", 1);
	value_is(p, 0, 1, &i, 4);
	value_is(p, 0, 2, "\xff\x7f", 2);
	value_is(p, 0, 3, "\1\0", 2);
	value_is(p, 0, 4, "\xff", 1);
	value_is(p, 0, 5, "0123456789abcdef", 16);
	value_is(p, 0, 6, "\0\1\2", 3);
	value_is(p, 0, 7, "xyz", 3);
	value_is(p, 0, 8, &t, 8);
	finish(p);
}
END_TEST

START_TEST(not_a_number_is_one_partition)
{
	uint64_t nans[] = { UINT64_C(0x7ff8000000000000),
		UINT64_C(0xfff8000000000001), UINT64_C(0x7ff0000000000000), 0,
		UINT64_C(0x8000000000000000) };
	static const uint32_t expect[] = { 0, 0, 1, 2, 3 };
	static const char *const texts[] = { "i" };
	struct partitioner *p;
	double nan_value;

	/* calve makes no such table, others may have */
	column("f", TYPE_DOUBLE, 0);
	column("i", TYPE_LONG, 0);
	p = start(5, texts, 1);
	partitioner_free(p);
	spec.fields[0].source_id = 1;
	p = partitioner_new(&spec, &schema);
	memcpy(vec_set_fixed(&batch.cols[0], 8, 5), nans, sizeof nans);
	groups_are(p, expect, 5);
	memcpy(&nan_value, partitioner_tuple(p, 0)[0].data, 8);
	ck_assert(isnan(nan_value));
	finish(p);
}
END_TEST

START_TEST(there_is_a_most_of_partitions)
{
	static const char *const texts[] = { "a" };
	int64_t a[3] = { 1, 2, 3 };
	uint32_t group[3];
	struct partitioner *p;

	column("a", TYPE_LONG, 0);
	p = start(3, texts, 1);
	partitioner_set_max_groups(p, 2);
	fill_longs(0, a, 3);
	ck_assert_int_eq(partitioner_route(p, &batch, group, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 2 partitions"));
	finish(p);
}
END_TEST

START_TEST(unpartitioned_is_one_group)
{
	static const uint32_t expect[] = { 0, 0, 0 };
	int64_t a[3] = { 1, 2, 3 };
	struct partitioner *p;

	column("a", TYPE_LONG, 0);
	p = start(3, NULL, 0);
	fill_longs(0, a, 3);
	groups_are(p, expect, 3);
	ck_assert_uint_eq(partitioner_ngroups(p), 1);
	finish(p);
}
END_TEST

START_TEST(void_and_unusable_specs)
{
	static const char *const texts[] = { "a" };
	static const uint32_t expect[] = { 0, 0, 0 };
	int64_t a[3] = { 1, 2, 3 };
	uint32_t group[3];
	struct partitioner *p;

	column("a", TYPE_LONG, 0);
	p = start(3, texts, 1);
	partitioner_free(p);
	fill_longs(0, a, 3);
	spec.fields[0].transform = TRANSFORM_DAY;
	p = partitioner_new(&spec, &schema);
	ck_assert_int_eq(partitioner_route(p, &batch, group, &err), -1);
	ck_assert_int_eq(err.cls, ERR_TABLE);
	partitioner_free(p);
	spec.fields[0].transform = TRANSFORM_VOID;
	spec.fields[0].source_id = 77;
	p = partitioner_new(&spec, &schema);
	groups_are(p, expect, 3);
	value_is(p, 0, 0, NULL, 0);
	finish(p);
}
END_TEST

/* Against a plain comparison of tuples, over many batches and groups. */
START_TEST(many_groups_agree_with_a_plain_search)
{
	enum { N = 4000, BATCHES = 5 };
	static const char *const texts[] = { "a", "s" };
	static int64_t a[N];
	static char text[N][8];
	static const char *s[N];
	static uint32_t group[N];
	unsigned state = 1;
	struct partitioner *p;

	column("a", TYPE_LONG, 0);
	column("s", TYPE_STRING, 0);
	p = start(N, texts, 2);
	for (int b = 0; b < BATCHES; b++) {
		for (size_t i = 0; i < N; i++) {
			state = state * 1103515245 + 12345;
			a[i] = (state >> 16) % 50;
			snprintf(
			    text[i], sizeof text[i], "%u", (state >> 8) % 40);
			s[i] = text[i];
		}
		fill_longs(0, a, N);
		fill_texts(&batch.cols[1], s, N);
		ck_assert_int_eq(partitioner_route(p, &batch, group, &err), 0);
		for (size_t i = 0; i < N; i++) {
			const struct partition_value *v =
			    partitioner_tuple(p, group[i]);

			ck_assert(memcmp(v[0].data, &a[i], 8) == 0 &&
			    v[1].len == strlen(s[i]) &&
			    memcmp(v[1].data, s[i], v[1].len) == 0);
		}
	}
	ck_assert_uint_le(partitioner_ngroups(p), 50 * 40);
	ck_assert_uint_ge(partitioner_ngroups(p), 256);
	finish(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partition_route");
	TCase *t = tcase_create("partition_route");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, runs_and_returns_keep_their_group);
	tcase_add_test(t, null_is_a_value_of_its_own);
	tcase_add_test(t, dictionaries_are_transformed_once);
	tcase_add_test(t, an_empty_dictionary_of_nulls);
	tcase_add_test(t, what_cannot_be_transformed_stops_unless_unused);
	tcase_add_test(t, values_of_every_type_are_single_values);
	tcase_add_test(t, not_a_number_is_one_partition);
	tcase_add_test(t, there_is_a_most_of_partitions);
	tcase_add_test(t, unpartitioned_is_one_group);
	tcase_add_test(t, void_and_unusable_specs);
	tcase_add_test(t, many_groups_agree_with_a_plain_search);
	suite_add_tcase(s, t);
	return run_suite(s);
}
