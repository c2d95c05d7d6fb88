/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels, against a second way to make them: row by row, recursively, as
 * Dremel's paper has it.
 */
#include <check.h>
#include <stdlib.h>

#include "tests/harness/sample.h"
#include "tests/unit/run_suite.h"
#include "worker/parquet/shred.h"

enum { MOST = 1 << 17 };
struct levels {
	size_t n, nvalues;
	uint8_t def[MOST], rep[MOST];
	uint32_t pos[MOST];
};
static struct levels slow;

static void
put(uint8_t rep, uint8_t def)
{
	ck_assert_uint_lt(slow.n, MOST);
	slow.rep[slow.n] = rep;
	slow.def[slow.n++] = def;
}

/* Value i of step k's vec; def as above it, rep of what is put first. */
static void
descend(const struct leaf *leaf, size_t k, const struct vec *v, size_t i,
    uint8_t rep, uint8_t def, uint8_t reps)
{
	const struct step *step = &leaf->steps[k];
	const struct vec *below;

	if (v->null != NULL && v->null[i]) {
		ck_assert(step->optional);
		put(rep, def);
		return;
	}
	def += step->optional;
	if (k + 1 == leaf->nsteps) {
		put(rep, def);
		slow.pos[slow.nvalues++] = (uint32_t)i;
		return;
	}
	below = &v->child[leaf->steps[k + 1].child];
	if (!step->repeated) {
		descend(leaf, k + 1, below, i, rep, def, reps);
		return;
	}
	if (v->offset[i] == v->offset[i + 1])
		put(rep, def);
	for (size_t e = v->offset[i]; e < v->offset[i + 1]; e++)
		descend(leaf, k + 1, below, e,
		    e == v->offset[i] ? rep : (uint8_t)(reps + 1),
		    (uint8_t)(def + 1), (uint8_t)(reps + 1));
}

static void
check_slice(
    const struct leaf *leaf, const struct batch *b, size_t first, size_t n)
{
	struct slice s;
	struct err err = { 0 };

	slow.n = slow.nvalues = 0;
	for (size_t i = first; i < first + n; i++)
		descend(leaf, 0, &b->cols[leaf->steps[0].child], i, 0, 0, 0);
	ck_assert_int_eq(shred(leaf, b, first, n, &s, &err), 0);
	ck_assert_uint_eq(s.nrows, n);
	ck_assert_uint_eq(s.nentries, slow.n);
	ck_assert_uint_eq(s.nvalues, slow.nvalues);
	ck_assert((s.def != NULL) == (leaf->max_def > 0));
	ck_assert((s.rep != NULL) == (leaf->max_rep > 0));
	if (s.def != NULL)
		ck_assert_mem_eq(s.def, slow.def, slow.n);
	if (s.rep != NULL)
		ck_assert_mem_eq(s.rep, slow.rep, slow.n);
	for (size_t k = 0; k < s.nvalues; k++)
		ck_assert_uint_eq(
		    s.rows != NULL ? s.rows[k] : s.first + k, slow.pos[k]);
}

static void
check_schema(void (*make)(struct type *))
{
	struct type schema;
	struct batch b;
	struct leaf *leaves;
	size_t nleaves;
	struct err err = { 0 };

	make(&schema);
	batch_init(&b, &schema);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &nleaves, &err), 0);
	ck_assert_uint_eq(nleaves, type_leaf_count(&schema));
	for (uint64_t seed = 1; seed < 5; seed++) {
		sample_batch(&schema, &b, 300, seed);
		for (size_t k = 0; k < nleaves; k++) {
			ck_assert_int_eq(shred_check(&leaves[k], &b, &err), 0);
			check_slice(&leaves[k], &b, 0, 300);
			check_slice(&leaves[k], &b, 17, 100);
			check_slice(&leaves[k], &b, 299, 1);
			check_slice(&leaves[k], &b, 5, 0);
		}
	}
	leaves_free(leaves, nleaves);
	batch_clear(&b);
	type_clear(&schema);
}

START_TEST(nested_levels)
{
	check_schema(sample_nested_schema);
}
END_TEST

START_TEST(flat_levels)
{
	check_schema(sample_flat_schema);
}
END_TEST

START_TEST(levels_of_the_schema)
{
	struct type schema;
	struct leaf *leaves;
	size_t n, k = 0;
	struct err err = { 0 };
	static const struct {
		const char *title;
		int def, rep;
	} want[] = {
		{ "id_sorted", 0, 0 },
		{ "ints.element", 1, 1 },
		{ "texts?.element", 3, 1 },
		{ "lists?.element.element", 5, 2 },
		{ "deep.element.element.element", 3, 3 },
		{ "map?.key", 2, 1 },
		{ "map?.value", 3, 1 },
		{ "point?.x", 1, 0 },
		{ "point?.y", 2, 0 },
		{ "outer.n", 0, 0 },
		{ "outer.inner.s_low", 2, 0 },
		{ "outer.inner.s_dict", 1, 0 },
		{ "outer.inner.ds.element", 3, 1 },
		{ "orders?.element.at_sorted", 2, 1 },
		{ "orders?.element.tags.key", 4, 2 },
		{ "orders?.element.tags.value.element", 7, 3 },
	};

	sample_nested_schema(&schema);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), 0);
	for (; k < sizeof(want) / sizeof(*want); k++) {
		ck_assert_str_eq(leaves[k].title, want[k].title);
		ck_assert_int_eq(leaves[k].max_def, want[k].def);
		ck_assert_int_eq(leaves[k].max_rep, want[k].rep);
	}
	ck_assert_uint_eq(leaves[15].nnames, 8);
	ck_assert_str_eq(leaves[15].names[1], "list");
	ck_assert_str_eq(leaves[15].names[4], "key_value");
	leaves_free(leaves, n);
	type_clear(&schema);
}
END_TEST

START_TEST(decimal_widths)
{
	static const int most[] = { 18, 21, 23, 26, 28, 31, 33, 35, 38 };
	struct type t = { .kind = TYPE_DECIMAL };
	uint32_t width;

	for (unsigned p = 1; p <= 38; p++) {
		t.precision = (uint8_t)p;
		if (p <= 18) {
			ck_assert_int_eq(physical_of(&t, &width),
			    p <= 9 ? PHYSICAL_INT32 : PHYSICAL_INT64);
			continue;
		}
		ck_assert_int_eq(physical_of(&t, &width), PHYSICAL_FIXED);
		ck_assert_int_le((int)p, most[width - 8]);
		ck_assert_int_gt((int)p, most[width - 9]);
	}
}
END_TEST

START_TEST(required_nulls_are_named)
{
	struct type schema;
	struct batch b;
	struct leaf *leaves;
	struct slice s;
	size_t n;
	struct err err = { 0 };

	sample_nested_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 50, 1);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), 0);
	memset(vec_set_null(&b.cols[0], 50), 0, 50);
	vec_set_null(&b.cols[0], 50)[49] = 1;
	ck_assert_int_eq(shred(&leaves[0], &b, 0, 49, &s, &err), 0);
	ck_assert_int_eq(shred(&leaves[0], &b, 0, 50, &s, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "'id_sorted'"));

	struct vec *at = &b.cols[8].child[0].child[0];
	size_t elements = at->n;

	memset(vec_set_null(at, elements), 1, elements);
	ck_assert_int_eq(shred(&leaves[13], &b, 0, 50, &s, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "orders?.element.at_sorted"));
	leaves_free(leaves, n);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

START_TEST(a_batch_of_another_shape_is_refused)
{
	struct type schema, other;
	struct batch b;
	struct leaf *leaves;
	size_t n, refused = 0;
	struct err err = { 0 };

	sample_nested_schema(&schema);
	sample_flat_schema(&other);
	batch_init(&b, &other);
	sample_batch(&other, &b, 5, 1);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), 0);
	for (size_t k = 0; k < n; k++)
		refused += shred_check(&leaves[k], &b, &err) == -1;
	ck_assert_uint_eq(refused, n);
	ck_assert_int_eq(err.cls, ERR_BUG);
	leaves_free(leaves, n);
	batch_clear(&b);
	type_clear(&schema);
	type_clear(&other);
}
END_TEST

START_TEST(what_parquet_cannot_hold_is_refused)
{
	struct type schema = { .kind = TYPE_STRUCT };
	struct type *t = &schema;
	struct leaf *leaves;
	size_t n;
	struct err err = { 0 };

	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), -1);
	type_add_field(&schema, "s", true, TYPE_STRUCT);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), -1);
	ck_assert_int_eq(err.cls, ERR_TYPE);
	ck_assert_ptr_nonnull(strstr(err.text, "'s'"));
	for (int depth = 0; depth < 200; depth++)
		t = &type_add_field(t, "l", true, TYPE_LIST)->type;
	type_add_field(t, "e", true, TYPE_INT);
	schema.fields[0].type.kind = TYPE_LIST;
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), -1);
	type_clear(&schema);
}
END_TEST

START_TEST(cost_is_an_upper_bound)
{
	struct type schema;
	struct batch b;
	struct leaf *leaves;
	struct slice s;
	size_t n;
	struct err err = { 0 };

	sample_nested_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 200, 9);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), 0);
	for (size_t k = 0; k < n; k++) {
		uint64_t last = 0;

		for (size_t rows = 0; rows <= 200; rows++) {
			uint64_t cost = shred_cost(&leaves[k], &b, 0, rows);

			ck_assert_int_eq(
			    shred(&leaves[k], &b, 0, rows, &s, &err), 0);
			ck_assert_uint_ge(cost, s.nvalues * leaves[k].width);
			ck_assert_uint_ge(cost, last);
			last = cost;
		}
	}
	leaves_free(leaves, n);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shred");
	TCase *tc = tcase_create("shred");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nested_levels);
	tcase_add_test(tc, flat_levels);
	tcase_add_test(tc, levels_of_the_schema);
	tcase_add_test(tc, decimal_widths);
	tcase_add_test(tc, required_nulls_are_named);
	tcase_add_test(tc, a_batch_of_another_shape_is_refused);
	tcase_add_test(tc, what_parquet_cannot_hold_is_refused);
	tcase_add_test(tc, cost_is_an_upper_bound);
	return run_suite(s);
}
