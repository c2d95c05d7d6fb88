/* SPDX-License-Identifier: Apache-2.0 */
/* Types as trees, vectors and taking rows out of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "tests/harness/sample.h"
#include "tests/unit/run_suite.h"

static char *
text_of(const struct type *t)
{
	struct buf b = { 0 };
	char *text;

	type_format(t, &b);
	text = xstrdup(buf_cstr(&b));
	buf_clear(&b);
	return text;
}

START_TEST(types_are_spelled_as_iceberg_does)
{
	struct type s = { .kind = TYPE_STRUCT };
	struct type *t;
	struct field *f;
	char *text;

	type_add_field(&s, "a", true, TYPE_INT);
	t = &type_add_field(&s, "b", false, TYPE_MAP)->type;
	type_add_field(t, "key", true, TYPE_STRING);
	f = type_add_field(t, "value", false, TYPE_DECIMAL);
	f->type.precision = 20;
	f = type_add_field(&s, "c", true, TYPE_FIXED);
	f->type.length = 16;
	t = &type_add_field(&s, "d", true, TYPE_LIST)->type;
	type_add_field(t, "element", true, TYPE_TIMESTAMPTZ);
	text = text_of(&s);
	ck_assert_str_eq(text,
	    "struct<a: int, b: map<string, "
	    "decimal(20, 0)>, c: fixed[16], d: list<timestamptz>>");
	free(text);
	type_clear(&s);
}
END_TEST

START_TEST(trees_are_copied_compared_and_searched)
{
	struct type a, b;

	sample_nested_schema(&a);
	type_copy(&b, &a);
	ck_assert(type_equal(&a, &b));
	ck_assert_uint_eq(type_leaf_count(&a), 18);
	ck_assert_int_eq(type_highest_id(&a), 36);
	for (int id = 1; id <= 36; id++)
		ck_assert_int_eq(type_find_id(&a, id)->id, id);
	ck_assert_ptr_null(type_find_id(&a, 37));
	ck_assert_int_eq(type_find_name(&a, "deep"), 4);
	ck_assert_int_eq(type_find_name(&a, "key"), -1);

	b.fields[4].id = 99; /* ids do not count, */
	ck_assert(type_equal(&a, &b));
	b.fields[4].type.fields[0].required = false; /* NULLs do */
	ck_assert(!type_equal(&a, &b));
	type_clear(&b);
	type_copy(&b, &a);
	free(b.fields[6].type.fields[0].name);
	b.fields[6].type.fields[0].name = xstrdup("xx");
	ck_assert(!type_equal(&a, &b));
	type_clear(&a);
	type_clear(&b);
}
END_TEST

START_TEST(widths_follow_the_type)
{
	static const struct {
		unsigned precision, width;
	} cases[] = { { 1, 4 }, { 9, 4 }, { 10, 8 }, { 18, 8 }, { 19, 16 },
		{ 38, 16 } };

	for (size_t k = 0; k < 6; k++) {
		struct type t = { .kind = TYPE_DECIMAL,
			.precision = (uint8_t)cases[k].precision };

		ck_assert_uint_eq(type_width(&t), cases[k].width);
	}
}
END_TEST

static char *
value_text(const struct type *t, const struct vec *v, size_t i)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	sample_print(f, t, v, i);
	fclose(f);
	return text;
}

static void
check_take(void (*make)(struct type *))
{
	struct type schema;
	struct batch b, part;
	uint32_t rows[300];

	make(&schema);
	batch_init(&b, &schema);
	batch_init(&part, &schema);
	for (uint64_t seed = 1; seed < 4; seed++) {
		size_t n = 0;

		sample_batch(&schema, &b, 200, seed);
		for (uint32_t i = 0; i < 200; i++)
			if (i % (seed + 1) == 0)
				rows[n++] = seed == 2 ? 199 - i : i;
		for (size_t col = 0; col < b.ncols; col++) {
			const struct type *t = &schema.fields[col].type;

			vec_take(&part.cols[col], &b.cols[col], rows, n);
			ck_assert_uint_eq(part.cols[col].n, n);
			for (size_t i = 0; i < n; i++) {
				char *x = value_text(t, &part.cols[col], i);
				char *y = value_text(t, &b.cols[col], rows[i]);

				ck_assert_str_eq(x, y);
				free(x);
				free(y);
			}
			vec_take(&part.cols[col], &b.cols[col], rows, 0);
			ck_assert_uint_eq(part.cols[col].n, 0);
			ck_assert_uint_gt(vec_memory(&part.cols[col]), 0);
		}
	}
	batch_clear(&part);
	batch_clear(&b);
	type_clear(&schema);
}

START_TEST(rows_are_taken_in_order_flat)
{
	check_take(sample_flat_schema);
}
END_TEST

START_TEST(rows_are_taken_in_order_nested)
{
	check_take(sample_nested_schema);
}
END_TEST

START_TEST(all_null_reaches_every_level)
{
	struct type schema;
	struct batch b;

	sample_nested_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 50, 1);
	for (size_t col = 0; col < b.ncols; col++) {
		const struct type *t = &schema.fields[col].type;

		vec_set_all_null(&b.cols[col], t, 9);
		ck_assert_uint_eq(b.cols[col].n, 9);
		for (size_t i = 0; i < 9; i++) {
			char *text = value_text(t, &b.cols[col], i);

			ck_assert_str_eq(text, "null");
			free(text);
		}
		for (size_t k = 0; k < b.cols[col].nchild; k++)
			ck_assert_uint_eq(b.cols[col].child[k].n,
			    t->kind == TYPE_STRUCT ? 9 : 0);
	}
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

START_TEST(a_vec_changes_its_layout)
{
	struct type t = { .kind = TYPE_STRING };
	struct vec v;

	vec_init(&v, &t);
	vec_set_index(&v, 2)[0] = 0;
	vec_set_offsets(v.dict, VEC_BYTES, 1)[1] = 3;
	memcpy(vec_set_bytes(v.dict, 3), "abc", 3);
	memset(vec_set_null(&v, 2), 1, 2);
	vec_set_offsets(&v, VEC_BYTES, 1)[1] = 2;
	memcpy(vec_set_bytes(&v, 2), "xy", 2);
	ck_assert_ptr_null(v.null);
	ck_assert_int_eq(v.layout, VEC_BYTES);
	ck_assert_mem_eq(v.bytes, "xy", 2);
	vec_clear(&v);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("batch");
	TCase *tc = tcase_create("batch");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, types_are_spelled_as_iceberg_does);
	tcase_add_test(tc, trees_are_copied_compared_and_searched);
	tcase_add_test(tc, widths_follow_the_type);
	tcase_add_test(tc, rows_are_taken_in_order_flat);
	tcase_add_test(tc, rows_are_taken_in_order_nested);
	tcase_add_test(tc, all_null_reaches_every_level);
	tcase_add_test(tc, a_vec_changes_its_layout);
	return run_suite(s);
}
