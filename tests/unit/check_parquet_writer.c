/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: their structure as another program would walk it, limits,
 * facts, errors. What the values are is judged by readers that are not ours
 * (make check-parquet-readers).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness/parquet_walk.h"
#include "tests/harness/sample.h"
#include "tests/unit/parquet_scratch.h"
#include "tests/unit/run_suite.h"
#include "worker/parquet/crc.h"
#include "worker/parquet/leaf.h"
#include "worker/parquet/writer.h"

/* ---- structure ----------------------------------------------------------------- */

struct page_info {
	struct thrift_in header;
	size_t header_size, size;
};

static struct page_info
page_at(const struct buf *b, int64_t offset)
{
	struct thrift_in t =
	    thrift_from(b->data + offset, b->len - (size_t)offset);
	struct thrift_in end = t;
	struct page_info p;

	thrift_enter(&t);
	p.header = t;
	thrift_skip(&end, THRIFT_STRUCT);
	ck_assert(!end.c.bad);
	p.header_size = (size_t)(end.c.p - (b->data + offset));
	p.size = (size_t)walk_int(t, 3, -1);
	ck_assert_uint_eq((uint32_t)walk_int(t, 4, 0),
	    crc32_add(0, b->data + (size_t)offset + p.header_size, p.size));
	return p;
}

/* Pages follow each other; the OffsetIndex knows each; rows add up. */
static void
check_chunk(const struct buf *b, struct thrift_in chunk, int64_t group_rows,
    const struct parquet_options *o, bool nested)
{
	struct thrift_in meta = walk_struct(chunk, 3), locations;
	int64_t at = walk_int(meta, 9, -1), dict = walk_int(meta, 11, -1);
	int64_t size = walk_int(meta, 7, -1), raw = walk_int(meta, 6, -1);
	int64_t left = walk_int(meta, 5, -1), row = -1, begins = at;
	size_t n;
	struct thrift_in index = thrift_from(
	    b->data + walk_int(chunk, 4, -1), (size_t)walk_int(chunk, 5, -1));

	thrift_enter(&index);
	locations = walk_list(index, 1, THRIFT_STRUCT, &n);
	if (dict != -1) {
		struct page_info p = page_at(b, dict);

		ck_assert_int_eq(walk_int(p.header, 1, -1), 2);
		ck_assert_int_le(walk_int(p.header, 2, -1), 1 << 20);
		ck_assert_int_eq(dict + (int64_t)(p.header_size + p.size), at);
		raw -= walk_int(p.header, 2, -1) + (int64_t)p.header_size;
		begins = dict;
	}
	for (size_t k = 0; k < n; k++) {
		struct thrift_in loc = locations;
		struct page_info p = page_at(b, at);
		int64_t total = (int64_t)(p.header_size + p.size), next;

		thrift_enter(&loc);
		ck_assert_int_eq(walk_int(loc, 1, -1), at);
		ck_assert_int_eq(walk_int(loc, 2, -1), total);
		next = walk_int(loc, 3, -1);
		ck_assert(k == 0 ? next == 0 : next > row);
		if (k > 0)
			ck_assert_int_le(next - row, o->page_rows);
		row = next;
		ck_assert_int_eq(walk_int(p.header, 1, -1), 0);
		if (!nested)
			ck_assert_int_le(
			    walk_int(walk_struct(p.header, 5), 1, -1),
			    o->page_rows);
		left -= walk_int(walk_struct(p.header, 5), 1, -1);
		raw -= walk_int(p.header, 2, -1) + (int64_t)p.header_size;
		at += total;
		thrift_skip(&locations, THRIFT_STRUCT);
	}
	ck_assert_int_le(group_rows - row, o->page_rows);
	ck_assert_int_eq(left, 0);
	ck_assert_int_eq(raw, 0);
	ck_assert_int_eq(at - begins, size);
}

static void
check_file(const struct parquet_options *o, const struct datafile *facts,
    size_t nleaves, bool nested)
{
	struct buf b = whole_file();
	struct thrift_in footer = walk_footer(&b), groups, orders;
	size_t ngroups, n;
	int64_t rows = 0;

	ck_assert_int_eq(facts->file_size, (int64_t)b.len);
	ck_assert_int_eq(walk_int(footer, 3, -1), facts->record_count);
	orders = walk_list(footer, 7, THRIFT_STRUCT, &n);
	ck_assert_uint_eq(n, nleaves);
	for (size_t k = 0; k < n; k++) {
		struct thrift_in order = orders;

		thrift_enter(&order);
		walk_struct(order, 1);
		thrift_skip(&orders, THRIFT_STRUCT);
	}
	groups = walk_list(footer, 4, THRIFT_STRUCT, &ngroups);
	ck_assert_uint_eq(ngroups, facts->nsplits);
	for (size_t g = 0; g < ngroups; g++) {
		struct thrift_in group = groups, chunks;
		int64_t group_rows, packed = 0;

		thrift_enter(&group);
		group_rows = walk_int(group, 3, -1);
		ck_assert_int_eq(
		    walk_int(group, 5, -1), facts->split_offsets[g]);
		ck_assert_int_le(group_rows, (int64_t)o->row_group_rows);
		chunks = walk_list(group, 1, THRIFT_STRUCT, &n);
		ck_assert_uint_eq(n, nleaves);
		for (size_t k = 0; k < n; k++) {
			struct thrift_in chunk = chunks;

			thrift_enter(&chunk);
			check_chunk(&b, chunk, group_rows, o, nested);
			packed += walk_int(walk_struct(chunk, 3), 7, -1);
			thrift_skip(&chunks, THRIFT_STRUCT);
		}
		ck_assert_int_eq(walk_int(group, 6, -1), packed);
		rows += group_rows;
		thrift_skip(&groups, THRIFT_STRUCT);
	}
	ck_assert_int_eq(rows, facts->record_count);
	buf_clear(&b);
}

static const struct parquet_options variants[] = {
	{ PARQUET_COMPAT, 3, 0, 1 << 20, 1 << 20, 20000, NULL },
	{ PARQUET_COMPACT, 1, 0, 333, 1 << 20, 100, NULL },
	{ PARQUET_DENSE, 0, 0, 1000, 1 << 20, 99, NULL },
	{ PARQUET_DENSE, 3, 0, 700, 256, 50, NULL },
};

START_TEST(pages_and_groups_are_where_the_footer_says)
{
	struct datafile facts;

	write_sample(sample_flat_schema, 2, 800, &variants[_i], &facts);
	check_file(&variants[_i], &facts, facts.nleaves, false);
	ck_assert_int_eq(facts.record_count, 1600);
	datafile_clear(&facts);
	teardown();
	write_sample(sample_nested_schema, 2, 800, &variants[_i], &facts);
	check_file(&variants[_i], &facts, 18, true);
	datafile_clear(&facts);
}
END_TEST

START_TEST(pages_keep_to_their_bytes)
{
	struct parquet_options o = { .page_bytes = 1000 };
	struct datafile facts;
	struct buf b;
	struct thrift_in groups, chunks, chunk, locations;
	size_t n, largest = 0;

	write_sample(sample_flat_schema, 1, 3000, &o, &facts);
	b = whole_file();
	groups = walk_list(walk_footer(&b), 4, THRIFT_STRUCT, &n);
	thrift_enter(&groups);
	chunks = walk_list(groups, 1, THRIFT_STRUCT, &n);
	for (size_t k = 0; k < n; k++) {
		struct thrift_in index;
		size_t pages;

		chunk = chunks;
		thrift_enter(&chunk);
		index = thrift_from(b.data + walk_int(chunk, 4, -1),
		    (size_t)walk_int(chunk, 5, -1));
		thrift_enter(&index);
		locations = walk_list(index, 1, THRIFT_STRUCT, &pages);
		for (size_t p = 0; p < pages; p++) {
			struct thrift_in loc = locations;
			size_t size;

			thrift_enter(&loc);
			size = (size_t)walk_int(
			    page_at(&b, walk_int(loc, 1, -1)).header, 2, -1);
			/* level lengths and delta headers come on top */
			ck_assert_uint_le(size, 1000 + 200);
			largest = size > largest ? size : largest;
			thrift_skip(&locations, THRIFT_STRUCT);
		}
		thrift_skip(&chunks, THRIFT_STRUCT);
	}
	ck_assert_uint_gt(largest, 800);
	buf_clear(&b);
	datafile_clear(&facts);
}
END_TEST

START_TEST(row_groups_end_by_bytes)
{
	struct parquet_options o = { .row_group_bytes = 100000 };
	struct datafile facts;
	struct buf b;
	struct thrift_in groups;
	size_t n;

	write_sample(sample_flat_schema, 4, 3000, &o, &facts);
	ck_assert_uint_gt(facts.nsplits, 10);
	b = whole_file();
	groups = walk_list(walk_footer(&b), 4, THRIFT_STRUCT, &n);
	for (size_t g = 0; g < n; g++) {
		struct thrift_in group = groups;

		thrift_enter(&group);
		ck_assert_int_lt(walk_int(group, 2, -1), 150000);
		thrift_skip(&groups, THRIFT_STRUCT);
	}
	buf_clear(&b);
	datafile_clear(&facts);
}
END_TEST

START_TEST(footer_names_its_maker_and_the_schema)
{
	struct parquet_options o = { .iceberg_schema =
					 "{\"type\":\"struct\"}" };
	struct datafile facts;
	struct buf b;
	struct thrift_in footer, keys;
	const uint8_t *p;
	size_t n;

	write_sample(sample_flat_schema, 0, 0, &o, &facts);
	b = whole_file();
	footer = walk_footer(&b);
	ck_assert_int_eq(walk_int(footer, 1, -1), 1);
	p = walk_bytes(footer, 6, &n);
	ck_assert_uint_gt(n, 25);
	ck_assert_mem_eq(p, "calve version ", 14);
	ck_assert_ptr_nonnull(memmem(p, n, " (build ", 8));
	ck_assert_int_eq(p[n - 1], ')');
	keys = walk_list(footer, 5, THRIFT_STRUCT, &n);
	ck_assert_uint_eq(n, 1);
	thrift_enter(&keys);
	p = walk_bytes(keys, 1, &n);
	ck_assert_mem_eq(p, "iceberg.schema", 14);
	p = walk_bytes(keys, 2, &n);
	ck_assert_mem_eq(p, o.iceberg_schema, n);
	ck_assert_int_eq(facts.record_count, 0);
	ck_assert_uint_eq(facts.nsplits, 0);
	ck_assert(!facts.leaves[0].has_bounds);
	buf_clear(&b);
	datafile_clear(&facts);
}
END_TEST

/* ---- schema ---------------------------------------------------------------------- */

START_TEST(schema_elements_carry_types_and_ids)
{
	static const struct {
		const char *name;
		int type, length, repetition, children, converted, id, logical;
	} want[] = {
		{ "d20", 7, 9, 1, -1, 5, 1, 5 },
		{ "at", 2, -1, 0, -1, 10, 2, 8 },
		{ "u", 7, 16, 0, -1, -1, 3, 14 },
		{ "m", -1, -1, 1, 1, 1, 4, 2 },
		{ "key_value", -1, -1, 2, 2, -1, -1, -1 },
		{ "key", 6, -1, 0, -1, 0, 5, 1 },
		{ "value", -1, -1, 1, 1, 3, 6, 3 },
		{ "list", -1, -1, 2, 1, -1, -1, -1 },
		{ "element", 0, -1, 0, -1, -1, 7, -1 },
	};
	struct type schema = { .kind = TYPE_STRUCT };
	struct field *f = type_add_field(&schema, "d20", false, TYPE_DECIMAL);
	struct parquet_options o = { 0 };
	struct datafile facts;
	struct buf b;
	struct thrift_in e;
	size_t n;

	f->id = 1;
	f->type.precision = 20;
	type_add_field(&schema, "at", true, TYPE_TIMESTAMPTZ)->id = 2;
	type_add_field(&schema, "u", true, TYPE_UUID)->id = 3;
	f = type_add_field(&schema, "m", false, TYPE_MAP);
	f->id = 4;
	type_add_field(&f->type, "key", true, TYPE_STRING)->id = 5;
	f = type_add_field(&f->type, "value", false, TYPE_LIST);
	f->id = 6;
	type_add_field(&f->type, "element", true, TYPE_BOOLEAN)->id = 7;
	ck_assert_int_eq(parquet_close(begin(&schema, &o), &facts, &err), 0);
	b = whole_file();
	e = walk_list(walk_footer(&b), 2, THRIFT_STRUCT, &n);
	ck_assert_uint_eq(n, 10);
	for (size_t k = 0; k < n; k++, thrift_skip(&e, THRIFT_STRUCT)) {
		struct thrift_in t = e, logical;
		struct thrift_field which;
		const uint8_t *name;
		size_t len;

		thrift_enter(&t);
		if (k == 0) {
			ck_assert_int_eq(walk_int(t, 5, -1), 4);
			ck_assert_int_eq(walk_int(t, 3, -1), -1);
			continue;
		}
		name = walk_bytes(t, 4, &len);
		ck_assert_uint_eq(len, strlen(want[k - 1].name));
		ck_assert_mem_eq(name, want[k - 1].name, len);
		ck_assert_int_eq(walk_int(t, 1, -1), want[k - 1].type);
		ck_assert_int_eq(walk_int(t, 2, -1), want[k - 1].length);
		ck_assert_int_eq(walk_int(t, 3, -1), want[k - 1].repetition);
		ck_assert_int_eq(walk_int(t, 5, -1), want[k - 1].children);
		ck_assert_int_eq(walk_int(t, 6, -1), want[k - 1].converted);
		ck_assert_int_eq(walk_int(t, 9, -1), want[k - 1].id);
		if (want[k - 1].logical == -1)
			continue;
		logical = walk_struct(t, 10);
		ck_assert(thrift_next(&logical, &which));
		ck_assert_int_eq(which.id, want[k - 1].logical);
	}
	buf_clear(&b);
	datafile_clear(&facts);
	type_clear(&schema);
}
END_TEST

/* ---- facts ------------------------------------------------------------------------- */

static const struct leaf_metrics *
leaf_of(const struct datafile *f, int id)
{
	for (size_t k = 0; k < f->nleaves; k++)
		if (f->leaves[k].field_id == id)
			return &f->leaves[k];
	ck_abort_msg("no leaf %d", id);
}

START_TEST(facts_are_those_of_the_rows)
{
	struct parquet_options o = { .page_rows = 64, .row_group_rows = 300 };
	struct type schema;
	struct batch b;
	struct parquet_writer *w;
	struct datafile facts;

	sample_flat_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 1000, 5);
	w = begin(&schema, &o);
	ck_assert_int_eq(parquet_append(w, &b, 100, 800, &err), 0);
	ck_assert_uint_gt(parquet_memory(w), 0);
	ck_assert_uint_gt(parquet_size(w), 1000);
	ck_assert_int_eq(parquet_close(w, &facts, &err), 0);
	ck_assert_str_eq(facts.path, path);
	for (size_t col = 0; col < b.ncols; col++) {
		const struct vec *v = &b.cols[col];
		const struct field *f = &schema.fields[col];
		const struct leaf_metrics *m = leaf_of(&facts, f->id);
		int64_t nulls = 0, low = INT64_MAX, high = INT64_MIN;

		ck_assert_int_eq(m->value_count, 800);
		ck_assert(!m->in_list && m->has_bounds == (m->nan_count <= 0));
		for (size_t i = 100; i < 900; i++) {
			int64_t x = 0;

			if (v->null != NULL && v->null[i]) {
				nulls++;
				continue;
			}
			if (v->layout != VEC_FIXED || v->width != 8)
				continue;
			memcpy(&x, v->fixed + 8 * i, 8);
			low = x < low ? x : low;
			high = x > high ? x : high;
		}
		ck_assert_int_eq(m->null_count, nulls);
		ck_assert_int_gt(m->column_size, 0);
		if (f->type.kind == TYPE_FLOAT || f->type.kind == TYPE_DOUBLE)
			ck_assert_int_ge(m->nan_count, 0);
		else
			ck_assert_int_eq(m->nan_count, -1);
		if (v->layout != VEC_FIXED || v->width != 8 ||
		    f->type.kind == TYPE_DOUBLE || f->type.kind == TYPE_DECIMAL)
			continue;
		ck_assert_uint_eq(m->lower_len, 8);
		ck_assert_mem_eq(m->lower, &low, 8);
		ck_assert_mem_eq(m->upper, &high, 8);
	}
	datafile_clear(&facts);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

START_TEST(leaves_in_lists_have_no_bounds_those_in_structs_do)
{
	struct parquet_options o = { 0 };
	struct type schema;
	struct leaf *leaves;
	size_t n;
	struct datafile facts;

	write_sample(sample_nested_schema, 1, 500, &o, &facts);
	sample_nested_schema(&schema);
	ck_assert_int_eq(leaves_of(&schema, &leaves, &n, &err), 0);
	ck_assert_uint_eq(n, facts.nleaves);
	for (size_t k = 0; k < n; k++) {
		ck_assert_int_eq(facts.leaves[k].field_id, leaves[k].field->id);
		ck_assert(facts.leaves[k].in_list == (leaves[k].max_rep > 0));
		ck_assert(facts.leaves[k].has_bounds ==
		    (leaves[k].max_rep == 0 && facts.leaves[k].nan_count <= 0));
		ck_assert_int_ge(facts.leaves[k].value_count, 500);
	}
	leaves_free(leaves, n);
	type_clear(&schema);
	datafile_clear(&facts);
}
END_TEST

/* ---- errors and limits ---------------------------------------------------------------- */

static int
append_one(enum type_kind kind, unsigned precision, __int128 value, bool null)
{
	struct parquet_options o = { 0 };
	struct type schema = { .kind = TYPE_STRUCT };
	struct field *f = type_add_field(&schema, "it", true, kind);
	struct batch b;
	struct parquet_writer *w;
	struct datafile facts;
	uint32_t width;
	int rc;

	f->id = 1;
	f->type.precision = (uint8_t)precision;
	width = type_width(&f->type);
	batch_init(&b, &schema);
	memcpy(vec_set_fixed(&b.cols[0], width, 1), &value, width);
	if (null)
		vec_set_null(&b.cols[0], 1)[0] = 1;
	b.nrows = 1;
	w = begin(&schema, &o);
	rc = parquet_append(w, &b, 0, 1, &err);
	if (rc == 0)
		rc = parquet_close(w, &facts, &err);
	else
		parquet_abort(w);
	if (rc == 0)
		datafile_clear(&facts);
	else
		ck_assert_int_eq(access(path, F_OK), -1);
	batch_clear(&b);
	type_clear(&schema);
	teardown();
	return rc;
}

START_TEST(null_in_a_required_field_is_named)
{
	ck_assert_int_eq(append_one(TYPE_LONG, 0, 1, true), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "'it'"));
}
END_TEST

START_TEST(decimals_beyond_their_precision_are_refused)
{
	__int128 most = 1;

	for (unsigned p = 1; p <= 38; p++) {
		most *= 10;
		ck_assert_int_eq(
		    append_one(TYPE_DECIMAL, p, most - 1, false), 0);
		ck_assert_int_eq(
		    append_one(TYPE_DECIMAL, p, 1 - most, false), 0);
		memset(&err, 0, sizeof(err));
		ck_assert_int_eq(append_one(TYPE_DECIMAL, p, most, false), -1);
		ck_assert_int_eq(err.cls, ERR_DATA);
		ck_assert_ptr_nonnull(strstr(err.text, "'it'"));
		ck_assert_int_eq(append_one(TYPE_DECIMAL, p, -most, false), -1);
	}
}
END_TEST

START_TEST(abort_removes_the_file)
{
	struct parquet_options o = { .row_group_rows = 10 };
	struct type schema;
	struct batch b;
	struct parquet_writer *w;

	sample_flat_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 100, 5);
	w = begin(&schema, &o);
	ck_assert_int_eq(parquet_append(w, &b, 0, 95, &err), 0);
	parquet_abort(w);
	ck_assert_int_eq(access(path, F_OK), -1);
	parquet_abort(NULL);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

START_TEST(open_takes_the_file_when_it_fails)
{
	struct type schema = { .kind = TYPE_STRUCT };
	struct parquet_options o = { 0 };
	struct store_file *f = store_create(path, &err);

	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_null(parquet_open(f, &schema, &o, &err));
	ck_assert_int_eq(err.cls, ERR_TYPE);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(idle_writers_are_small)
{
	struct parquet_options o = { .zstd_level = 3 };
	struct type schema;
	struct batch b;
	struct parquet_writer *w;
	size_t idle, full;

	sample_flat_schema(&schema);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 30000, 5);
	w = begin(&schema, &o);
	idle = parquet_memory(w);
	ck_assert_uint_lt(idle, schema.nfields * 2048);
	ck_assert_int_eq(parquet_append(w, &b, 0, 30000, &err), 0);
	full = parquet_memory(w);
	ck_assert_uint_gt(full, 1 << 20);
	ck_assert_int_eq(parquet_flush_all(NULL, &w, 1, &err), 0);
	ck_assert_int_eq(parquet_flush_all(NULL, &w, 1, &err), 0);
	ck_assert_uint_lt(parquet_memory(w), idle + schema.nfields * 1024);
	parquet_abort(w);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("parquet_writer");
	TCase *tc = tcase_create("parquet_writer");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
	    tc, pages_and_groups_are_where_the_footer_says, 0, 4);
	tcase_add_test(tc, pages_keep_to_their_bytes);
	tcase_add_test(tc, row_groups_end_by_bytes);
	tcase_add_test(tc, footer_names_its_maker_and_the_schema);
	tcase_add_test(tc, schema_elements_carry_types_and_ids);
	tcase_add_test(tc, facts_are_those_of_the_rows);
	tcase_add_test(tc, leaves_in_lists_have_no_bounds_those_in_structs_do);
	tcase_add_test(tc, null_in_a_required_field_is_named);
	tcase_add_test(tc, decimals_beyond_their_precision_are_refused);
	tcase_add_test(tc, abort_removes_the_file);
	tcase_add_test(tc, open_takes_the_file_when_it_fails);
	tcase_add_test(tc, idle_writers_are_small);
	return run_suite(s);
}
