/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sink writes with one thread, it writes with any number: the same
 * files, byte for byte, and the same failures. Built with the thread sanitizer
 * too.
 */
#include <check.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/id.h"
#include "tests/harness/sample.h"
#include "tests/unit/run_suite.h"
#include "worker/sink/sink_iceberg.h"
#include "worker/store/store.h"

enum { ROWS = 3000, BATCHES = 6 };

static char folder[] = "build/check_threads.XXXXXX";
static const char run_id[UUID_TEXT] = "0af0c5d2-4a0e-4b44-8ac2-3f2b6f0b7e11";

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static size_t nseen;

static int
count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)path, (void)st, (void)ftw;
	nseen += flag == FTW_F;
	return 0;
}

static void
setup(void)
{
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
teardown(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Flat and nested columns, and one with as many values as there are to be
 * partitions. */
static void
make_schema(struct type *schema, bool nested)
{
	if (nested)
		sample_nested_schema(schema);
	else
		sample_flat_schema(schema);
	type_add_field(schema, "part", true, TYPE_INT)->id = 1000;
}

static void
set_part(struct batch *b, size_t npartitions, size_t from)
{
	struct vec *v = &b->cols[b->ncols - 1];
	uint8_t *p = vec_set_fixed(v, 4, b->nrows);

	for (size_t k = 0; k < b->nrows; k++) {
		int32_t n = (int32_t)((from + k) * 7919 % npartitions);

		memcpy(p + 4 * k, &n, 4);
	}
}

struct setting {
	bool nested;
	const char *partition;
	size_t npartitions, memory, max_open;
	uint64_t file_size;
	struct parquet_options parquet;
};

static const struct setting settings[] = {
	{ false, NULL, 1, 0, 0, 0,
	    { .zstd_level = 3, .preset = PARQUET_COMPAT } },
	{ false, NULL, 1, 0, 0, 1 << 19,
	    { .zstd_level = 1,
		.preset = PARQUET_DENSE,
		.row_group_rows = 5000,
		.page_rows = 700 } },
	{ false, "part", 13, 1 << 20, 5, 0,
	    { .zstd_level = 1,
		.preset = PARQUET_COMPACT,
		.row_group_bytes = 1 << 18 } },
	{ true, NULL, 1, 1 << 20, 0, 0,
	    { .zstd_level = 0, .preset = PARQUET_DENSE, .page_bytes = 5000 } },
	{ true, "part", 40, 0, 0, 0, { .zstd_level = 1 } },
};
enum { NSETTINGS = sizeof settings / sizeof settings[0] };

/* The bytes of all files in the order in which they are named to the commit,
 * each after its size; the files are gone. */
static void
write_all(const struct setting *t, unsigned threads, struct buf *out)
{
	const char *texts[] = { t->partition };
	struct partition_spec spec = { 0 };
	struct datafile *files;
	struct pool *pool = pool_new(threads);
	struct type schema;
	struct batch b;
	struct err err = { 0 };
	size_t n;

	make_schema(&schema, t->nested);
	ck_assert_int_eq(
	    partition_parse(texts, t->partition != NULL, &schema, &spec, &err),
	    0);
	struct sink_options o = { .folder = folder,
		.schema = &schema,
		.spec = &spec,
		.run_id = run_id,
		.parquet = t->parquet,
		.memory = t->memory,
		.max_open = t->max_open,
		.file_size = t->file_size,
		.pool = pool };
	struct sink *s = sink_open(&o, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	batch_init(&b, &schema);
	for (size_t k = 0; k < BATCHES; k++) {
		sample_batch(&schema, &b, ROWS, k + 1);
		set_part(&b, t->npartitions, k * ROWS);
		ck_assert_msg(sink_append(s, &b, &err) == 0, "%s", err.text);
	}
	ck_assert_msg(sink_finish(s, &files, &n, &err) == 0, "%s", err.text);
	for (size_t k = 0; k < n; k++) {
		buf_put_str(out, files[k].path);
		buf_put_u64(out, (uint64_t)files[k].file_size);
		ck_assert_int_eq(
		    store_read(files[k].path, out, 1 << 30, &err), 0);
		ck_assert_int_eq(unlink(files[k].path), 0);
		datafile_clear(&files[k]);
	}
	free(files);
	batch_clear(&b);
	partition_spec_clear(&spec);
	type_clear(&schema);
	pool_free(pool);
}

START_TEST(any_number_of_threads_writes_the_same_bytes)
{
	struct buf one = { 0 };

	write_all(&settings[_i], 1, &one);
	ck_assert_uint_gt(one.len, 100000);
	for (unsigned threads = 2; threads <= 5; threads += 3) {
		struct buf many = { 0 };

		write_all(&settings[_i], threads, &many);
		ck_assert_uint_eq(many.len, one.len);
		ck_assert(memcmp(many.data, one.data, one.len) == 0);
		buf_clear(&many);
	}
	buf_clear(&one);
}
END_TEST

/* Two columns fail: the message names the first, whoever meets it. */
START_TEST(failures_are_the_same_too)
{
	struct partition_spec spec = { 0 };
	struct pool *pool = pool_new((unsigned)_i);
	struct type schema;
	struct batch b;
	struct err err = { 0 };

	make_schema(&schema, false);
	struct sink_options o = { .folder = folder,
		.schema = &schema,
		.spec = &spec,
		.run_id = run_id,
		.pool = pool };
	struct sink *s = sink_open(&o, &err);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, ROWS, 1);
	set_part(&b, 1, 0);
	for (size_t k = 3; k < schema.nfields; k++) {
		if (!schema.fields[k].required)
			continue;
		memset(vec_set_null(&b.cols[k], ROWS), 0, ROWS);
		vec_set_null(&b.cols[k], ROWS)[ROWS - k] = 1;
	}
	ck_assert_int_eq(sink_append(s, &b, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_msg(strstr(err.text, "'int'") != NULL, "%s", err.text);
	sink_abort(s);
	nseen = 0;
	nftw(folder, count_one, 16, FTW_PHYS);
	ck_assert_uint_eq(nseen, 0);
	batch_clear(&b);
	type_clear(&schema);
	pool_free(pool);
}
END_TEST

/* Files that cannot grow, written by several threads at once at the end. */
START_TEST(no_file_stays_when_one_cannot_be_written)
{
	const char *texts[] = { "part" };
	struct rlimit limit = { .rlim_cur = 20000, .rlim_max = RLIM_INFINITY };
	struct partition_spec spec = { 0 };
	struct pool *pool = pool_new((unsigned)_i);
	struct datafile *files;
	struct type schema;
	struct batch b;
	struct err err = { 0 };
	size_t n;

	make_schema(&schema, false);
	ck_assert_int_eq(partition_parse(texts, 1, &schema, &spec, &err), 0);
	struct sink_options o = { .folder = folder,
		.schema = &schema,
		.spec = &spec,
		.run_id = run_id,
		.pool = pool };
	struct sink *s = sink_open(&o, &err);
	batch_init(&b, &schema);
	sample_batch(&schema, &b, ROWS, 1);
	set_part(&b, 10, 0);
	ck_assert_int_eq(sink_append(s, &b, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(sink_finish(s, &files, &n, &err), -1);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(err.cls, ERR_STORE);
	nseen = 0;
	nftw(folder, count_one, 16, FTW_PHYS);
	ck_assert_uint_eq(nseen, 0);
	batch_clear(&b);
	partition_spec_clear(&spec);
	type_clear(&schema);
	pool_free(pool);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("threads");
	TCase *t = tcase_create("threads");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(
	    t, any_number_of_threads_writes_the_same_bytes, 0, NSETTINGS);
	tcase_add_loop_test(t, failures_are_the_same_too, 1, 5);
	tcase_add_loop_test(t, no_file_stays_when_one_cannot_be_written, 1, 5);
	suite_add_tcase(s, t);
	return run_suite(s);
}
