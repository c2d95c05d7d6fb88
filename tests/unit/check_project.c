/* SPDX-License-Identifier: Apache-2.0 */
/* Columns are matched by name, at the top and inside structs and lists. */
#include <check.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/project.h"

START_TEST(columns_are_reordered_and_missing_ones_are_null)
{
	struct type table = { .kind = TYPE_STRUCT };
	struct type incoming = { .kind = TYPE_STRUCT };
	struct projection *p;
	struct batch in;
	const struct batch *out;
	struct err err;

	type_add_field(&table, "gone", false, TYPE_STRING);
	type_add_field(&table, "a", true, TYPE_INT);
	type_add_field(&table, "b", true, TYPE_LONG);
	type_add_field(&incoming, "b", true, TYPE_LONG);
	type_add_field(&incoming, "a", true, TYPE_INT);
	ck_assert_ptr_nonnull(p = projection_new(&table, &incoming, &err));
	batch_init(&in, &incoming);
	for (size_t n = 3; n < 6; n += 2) {
		memset(vec_set_fixed(&in.cols[0], 8, n), 1, 8 * n);
		memset(vec_set_fixed(&in.cols[1], 4, n), 2, 4 * n);
		in.nrows = n;
		out = projection_view(p, &in);
		ck_assert_uint_eq(out->nrows, n);
		ck_assert_uint_eq(out->ncols, 3);
		ck_assert_uint_eq(out->cols[0].n, n);
		for (size_t k = 0; k < n; k++)
			ck_assert(out->cols[0].null[k]);
		ck_assert_ptr_eq(out->cols[1].fixed, in.cols[1].fixed);
		ck_assert_ptr_eq(out->cols[2].fixed, in.cols[0].fixed);
	}
	projection_free(p);
	batch_clear(&in);
	type_clear(&table);
	type_clear(&incoming);
}
END_TEST

START_TEST(struct_fields_inside_a_list_are_matched_by_name)
{
	struct type table = { .kind = TYPE_STRUCT };
	struct type incoming = { .kind = TYPE_STRUCT };
	struct type *element;
	struct projection *p;
	struct batch in;
	const struct batch *out;
	const struct vec *list;
	uint32_t *offset;
	struct err err;

	element =
	    &type_add_field(&type_add_field(&table, "l", true, TYPE_LIST)->type,
		"element", true, TYPE_STRUCT)
		 ->type;
	type_add_field(element, "new", false, TYPE_DOUBLE);
	type_add_field(element, "x", true, TYPE_INT);
	element = &type_add_field(
	    &type_add_field(&incoming, "l", true, TYPE_LIST)->type, "element",
	    true, TYPE_STRUCT)
		       ->type;
	type_add_field(element, "x", true, TYPE_INT);
	ck_assert_ptr_nonnull(p = projection_new(&table, &incoming, &err));
	batch_init(&in, &incoming);
	offset = vec_set_offsets(&in.cols[0], VEC_LIST, 2);
	offset[0] = 0;
	offset[1] = 3;
	offset[2] = 5;
	memset(vec_set_fixed(&in.cols[0].child[0].child[0], 4, 5), 7, 20);
	in.cols[0].child[0].n = 5;
	in.nrows = 2;
	out = projection_view(p, &in);
	list = &out->cols[0];
	ck_assert_uint_eq(list->n, 2);
	ck_assert_uint_eq(list->child[0].nchild, 2);
	ck_assert_uint_eq(list->child[0].child[0].n, 5);
	ck_assert(list->child[0].child[0].null[4]);
	ck_assert_ptr_eq(
	    list->child[0].child[1].fixed, in.cols[0].child[0].child[0].fixed);
	projection_free(p);
	batch_clear(&in);
	type_clear(&table);
	type_clear(&incoming);
}
END_TEST

START_TEST(another_width_is_a_bug_not_a_crash)
{
	struct type table = { .kind = TYPE_STRUCT };
	struct type incoming = { .kind = TYPE_STRUCT };
	struct err err;

	type_add_field(&table, "a", true, TYPE_LONG);
	type_add_field(&incoming, "a", true, TYPE_INT);
	ck_assert_ptr_null(projection_new(&table, &incoming, &err));
	ck_assert_int_eq(err.cls, ERR_BUG);
	type_clear(&table);
	type_clear(&incoming);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("project");
	TCase *tc = tcase_create("project");

	tcase_add_test(tc, columns_are_reordered_and_missing_ones_are_null);
	tcase_add_test(tc, struct_fields_inside_a_list_are_matched_by_name);
	tcase_add_test(tc, another_width_is_a_bug_not_a_crash);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
