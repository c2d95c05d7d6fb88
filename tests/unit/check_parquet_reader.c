/* SPDX-License-Identifier: Apache-2.0 */
/* Integer columns come back as written; damaged files never pass, nor crash. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/harness/sample.h"
#include "tests/unit/run_suite.h"
#include "worker/parquet/reader.h"
#include "worker/parquet/snappy.h"
#include "worker/parquet/writer.h"

static char path[64];
static struct err err;

static void
setup(void)
{
	snprintf(path, sizeof(path), "build/unit/reader.%d", (int)getpid());
	(void)unlink(path);
	memset(&err, 0, sizeof(err));
}

static void
teardown(void)
{
	(void)unlink(path);
}

static void
write_sample(const struct type *schema, struct batch *b, size_t nbatches,
    size_t n, const struct parquet_options *o)
{
	struct store_file *f = store_create(path, &err);
	struct parquet_writer *w;
	struct datafile facts;

	ck_assert_msg(f != NULL, "%s", err.text);
	w = parquet_open(f, schema, o, &err);
	ck_assert_ptr_nonnull(w);
	for (size_t k = 0; k < nbatches; k++) {
		sample_batch(schema, b, n, k + 1);
		ck_assert_int_eq(parquet_append(w, b, 0, n, &err), 0);
	}
	ck_assert_int_eq(parquet_close(w, &facts, &err), 0);
	datafile_clear(&facts);
}

struct seen {
	int64_t v[20000];
	uint8_t null[20000];
	size_t n, stop;
};
static struct seen seen;

static int
look(void *arg, const int64_t *values, const uint8_t *null, size_t n)
{
	struct seen *s = arg;

	ck_assert_uint_le(s->n + n, 20000);
	for (size_t k = 0; k < n; k++) {
		s->v[s->n] = values[k];
		s->null[s->n++] = null != NULL && null[k];
	}
	return s->stop > 0 && s->n >= s->stop ? 77 : 0;
}

static int
read_back(int id)
{
	memset(&seen, 0, sizeof(seen));
	return parquet_read_column(path, id, look, &seen, &err);
}

static bool
is_integer(const struct type *t)
{
	uint32_t w = type_width(t);

	return (w == 4 || w == 8) && t->kind != TYPE_FLOAT &&
	    t->kind != TYPE_DOUBLE && t->kind != TYPE_FIXED;
}

static int64_t
value_of(const struct vec *v, size_t i)
{
	const struct vec *from = v->layout == VEC_DICT ? v->dict : v;
	int32_t narrow;
	int64_t x;

	if (v->layout == VEC_DICT)
		i = v->index[i];
	if (from->width == 8) {
		memcpy(&x, from->fixed + 8 * i, 8);
		return x;
	}
	memcpy(&narrow, from->fixed + 4 * i, 4);
	return narrow;
}

static const struct parquet_options variants[] = {
	{ .zstd_level = 3 },
	{ PARQUET_COMPACT, .zstd_level = 3, .page_rows = 130 },
	{ PARQUET_DENSE, .row_group_rows = 700, .page_rows = 333 },
};

START_TEST(integers_come_back)
{
	struct type schema;
	struct batch b;
	size_t n = 5000, integers = 0;

	sample_flat_schema(&schema);
	batch_init(&b, &schema);
	write_sample(&schema, &b, 3, n, &variants[_i]);
	for (size_t col = 0; col < b.ncols; col++) {
		const struct field *f = &schema.fields[col];
		const struct vec *v = &b.cols[col];

		if (!is_integer(&f->type)) {
			ck_assert_int_eq(read_back(f->id), -1);
			ck_assert_int_eq(err.cls, ERR_STORE);
			continue;
		}
		integers++;
		ck_assert_msg(read_back(f->id) == 0, "%s", err.text);
		ck_assert_uint_eq(seen.n, 3 * n);
		for (size_t i = 0; i < n; i++) { /* the last batch */
			bool null = v->null != NULL && v->null[i];

			ck_assert_int_eq(seen.null[2 * n + i], null);
			if (!null)
				ck_assert_int_eq(
				    seen.v[2 * n + i], value_of(v, i));
		}
	}
	ck_assert_uint_gt(integers, 30);
	batch_clear(&b);
	type_clear(&schema);
}
END_TEST

static void
small_file(int zstd_level, enum parquet_preset preset)
{
	struct parquet_options o = { .preset = preset,
		.zstd_level = zstd_level,
		.page_rows = 50,
		.row_group_rows = 120 };
	struct type schema = { .kind = TYPE_STRUCT };
	struct batch b;

	type_add_field(&schema, "a_low", false, TYPE_LONG)->id = 1;
	type_add_field(&schema, "b", true, TYPE_INT)->id = 2;
	type_add_field(&schema, "c_sorted", false, TYPE_TIMESTAMPTZ)->id = 3;
	batch_init(&b, &schema);
	write_sample(&schema, &b, 1, 200, &o);
	batch_clear(&b);
	type_clear(&schema);
}

START_TEST(each_can_stop)
{
	small_file(3, PARQUET_COMPAT);
	memset(&seen, 0, sizeof(seen));
	seen.stop = 60;
	ck_assert_int_eq(parquet_read_column(path, 2, look, &seen, &err), 77);
	ck_assert_uint_eq(seen.n, 100);
}
END_TEST

START_TEST(unknown_columns_and_files_are_errors)
{
	small_file(3, PARQUET_COMPAT);
	ck_assert_int_eq(read_back(9), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	(void)unlink(path);
	ck_assert_int_eq(read_back(1), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
}
END_TEST

static void
rewrite(const struct buf *b, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	ck_assert_int_eq(write(fd, b->data, n), (ssize_t)n);
	close(fd);
}

START_TEST(no_truncated_file_is_read)
{
	struct buf b = { 0 };

	small_file(3, PARQUET_COMPAT);
	ck_assert_int_eq(store_read(path, &b, 1 << 20, &err), 0);
	for (size_t n = 0; n < b.len; n++) {
		rewrite(&b, n);
		ck_assert_int_eq(read_back(1), -1);
	}
	buf_clear(&b);
}
END_TEST

/* Any byte changed: an error, or the same values (a byte that does not
 * matter to this column); never others, since pages have checksums. */
START_TEST(no_damaged_page_is_believed)
{
	static struct seen good;
	struct buf b = { 0 };
	uint32_t footer;
	size_t errors = 0;

	small_file(
	    _i % 2 == 0 ? 3 : 0, _i < 2 ? PARQUET_COMPAT : PARQUET_COMPACT);
	ck_assert_int_eq(store_read(path, &b, 1 << 20, &err), 0);
	ck_assert_int_eq(read_back(1), 0);
	good = seen;
	memcpy(&footer, b.data + b.len - 8, 4);
	for (size_t at = 0; at < b.len; at++) {
		uint8_t was = b.data[at];

		b.data[at] ^= (uint8_t)(1 + at % 255);
		rewrite(&b, b.len);
		if (read_back(1) != 0)
			errors++;
		else if (at < b.len - 8 - footer)
			ck_assert_mem_eq(&seen, &good, sizeof(seen));
		b.data[at] = was;
	}
	ck_assert_uint_gt(errors, 50);
	buf_clear(&b);
}
END_TEST

/* One element of each kind; the copies overlap what they make. */
START_TEST(snappy_blocks_are_unpacked)
{
	enum { HEAD = 17, LONG = 60 };
	uint8_t block[HEAD + LONG] = { 79, 2 << 2, 'a', 'b', 'c',
		1 | (9 - 4) << 2, 3, 2 | (3 - 1) << 2, 12, 0, 3 | (4 - 1) << 2,
		1, 0, 0, 0, 60 << 2, LONG - 1 };
	static const char wanted[] = "abcabcabcabcabccccc";
	char out[79];

	memset(block + HEAD, 'x', LONG);
	ck_assert(decompress_snappy(block, sizeof(block), out, sizeof(out)));
	ck_assert_mem_eq(out, wanted, sizeof(wanted) - 1);
	for (size_t k = sizeof(wanted) - 1; k < sizeof(out); k++)
		ck_assert_int_eq(out[k], 'x');
	/* cut anywhere, or of another size than was said */
	for (size_t n = 0; n < sizeof(block); n++)
		ck_assert(!decompress_snappy(block, n, out, sizeof(out)));
	ck_assert(
	    !decompress_snappy(block, sizeof(block), out, sizeof(out) - 1));
}
END_TEST

/* Whatever the bytes, nothing outside of the buffers is touched (ASan). */
START_TEST(no_damaged_snappy_block_goes_astray)
{
	static const uint8_t bad[][8] = {
		{ 4, 1, 1, 0 },                  /* a copy before any byte */
		{ 4, 0, 'a', 1 << 5 | 1, 0 },    /* from before the first */
		{ 4, 0, 'a', 2, 0, 0 },          /* offset 0 */
		{ 4, 0, 'a', 2 | 8 << 2, 1, 0 }, /* past the end */
		{ 4, 63 << 2, 0xff, 0xff, 0xff, 0xff }, /* 4 GiB of literal */
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, /* no size ends */
	};
	char out[4];

	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		uint8_t *exact = xmemdup(bad[k], 6);

		ck_assert(!decompress_snappy(exact, 6, out, sizeof(out)));
		free(exact);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("parquet_reader");
	TCase *tc = tcase_create("parquet_reader");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, integers_come_back, 0, 3);
	tcase_add_test(tc, each_can_stop);
	tcase_add_test(tc, unknown_columns_and_files_are_errors);
	tcase_add_test(tc, no_truncated_file_is_read);
	tcase_add_loop_test(tc, no_damaged_page_is_believed, 0, 4);
	tcase_add_test(tc, snappy_blocks_are_unpacked);
	tcase_add_test(tc, no_damaged_snappy_block_goes_astray);
	return run_suite(s);
}
