/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: each row in a file of its partition and nowhere else, bounds kept
 * with many partitions, nothing left after an abort.
 */
#include <sys/stat.h>

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/id.h"
#include "tests/unit/run_suite.h"
#include "worker/sink/sink_iceberg.h"

#define DAY INT64_C(86400000000)

enum { COL_TS, COL_ID, COL_SYMBOL, COL_PAD, NCOLS };

static char folder[] = "build/check_sink.XXXXXX";
static struct type schema;
static struct partition_spec spec;
static struct sink_options options;
static struct batch batch;
static struct datafile *files;
static size_t nfiles;
static struct err err;
static char run_id[UUID_TEXT];

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

static size_t
files_on_disk(void)
{
	nseen = 0;
	ck_assert_int_eq(nftw(folder, count_one, 16, FTW_PHYS), 0);
	return nseen;
}

static void
setup(void)
{
	static const enum type_kind kinds[] = { TYPE_TIMESTAMPTZ, TYPE_LONG,
		TYPE_STRING, TYPE_BINARY };
	static const char *const names[] = { "ts", "id", "symbol", "pad" };

	strcpy(folder + sizeof folder - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	schema = (struct type){ .kind = TYPE_STRUCT };
	for (int k = 0; k < NCOLS; k++)
		type_add_field(&schema, names[k], k == COL_ID, kinds[k])->id =
		    k + 1;
	batch_init(&batch, &schema);
	uuid_random(run_id);
	options = (struct sink_options){ .folder = folder,
		.schema = &schema,
		.spec = &spec,
		.run_id = run_id,
		.step = 7,
		.parquet = { .zstd_level = 1 } };
}

static void
teardown(void)
{
	for (size_t k = 0; k < nfiles; k++)
		datafile_clear(&files[k]);
	free(files);
	batch_clear(&batch);
	partition_spec_clear(&spec);
	type_clear(&schema);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct sink *
open_sink(const char *partition)
{
	struct sink *s;

	ck_assert_msg(partition_parse(&partition, partition != NULL, &schema,
			  &spec, &err) == 0,
	    "%s", err.text);
	s = sink_open(&options, &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	return s;
}

/* Fills the batch: id counts on, ts and symbol by the callbacks' wish, pad
 * does not compress. */
static unsigned noise = 1;

static void
fill(size_t n, int64_t first_id, size_t pad, int64_t (*ts)(int64_t id),
    unsigned nsymbols)
{
	uint8_t *t = vec_set_fixed(&batch.cols[COL_TS], 8, n);
	uint8_t *id = vec_set_fixed(&batch.cols[COL_ID], 8, n);
	uint32_t *s = vec_set_offsets(&batch.cols[COL_SYMBOL], VEC_BYTES, n);
	uint32_t *p = vec_set_offsets(&batch.cols[COL_PAD], VEC_BYTES, n);
	uint8_t *sb = vec_set_bytes(&batch.cols[COL_SYMBOL], n * 8);
	uint8_t *pb = vec_set_bytes(&batch.cols[COL_PAD], n * pad);

	for (size_t i = 0; i < n; i++) {
		int64_t v = first_id + (int64_t)i, at = ts(v);
		char text[16];

		memcpy(t + 8 * i, &at, 8);
		memcpy(id + 8 * i, &v, 8);
		s[i + 1] = s[i] +
		    (uint32_t)snprintf(text, sizeof text, "S%u",
			(unsigned)(v * 7919 % nsymbols));
		memcpy(sb + s[i], text, s[i + 1] - s[i]);
		p[i + 1] = p[i] + (uint32_t)pad;
		for (size_t k = 0; k < pad; k++) {
			noise = noise * 1103515245 + 12345;
			pb[p[i] + k] = (uint8_t)(noise >> 16);
		}
	}
	batch.nrows = n;
}

static int64_t
same_day(int64_t id)
{
	return id;
}

static int64_t
day_each_1000(int64_t id)
{
	return id / 1000 * DAY;
}

static void
finish(struct sink *s)
{
	struct stat st;
	char part[100];

	ck_assert_msg(
	    sink_finish(s, &files, &nfiles, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(files_on_disk(), nfiles);
	snprintf(part, sizeof part, "/00000-7-%s-", run_id);
	for (size_t k = 0; k < nfiles; k++) {
		ck_assert_int_eq(stat(files[k].path, &st), 0);
		ck_assert_int_eq(st.st_size, files[k].file_size);
		ck_assert_ptr_nonnull(strstr(files[k].path, part));
		ck_assert_uint_eq(files[k].npartition, spec.nfields);
	}
}

static int64_t
total_rows(void)
{
	int64_t n = 0;

	for (size_t k = 0; k < nfiles; k++)
		n += files[k].record_count;
	return n;
}

static void
append(struct sink *s)
{
	ck_assert_msg(sink_append(s, &batch, &err) == 0, "%s", err.text);
}

/* The bound of a leaf that is a long. */
static int64_t
bound(const struct datafile *d, int field_id, bool upper)
{
	int64_t v;

	for (size_t k = 0; k < d->nleaves; k++)
		if (d->leaves[k].field_id == field_id) {
			memcpy(&v,
			    upper ? d->leaves[k].upper : d->leaves[k].lower, 8);
			return v;
		}
	ck_abort_msg("no leaf %d", field_id);
	return 0;
}

START_TEST(no_rows_make_no_files)
{
	struct sink *s = open_sink("day(ts)");

	batch.nrows = 0;
	append(s);
	finish(s);
	ck_assert_uint_eq(nfiles, 0);
	ck_assert_ptr_null(files);
	sink_abort(NULL);
}
END_TEST

START_TEST(unpartitioned_rows_go_to_one_file)
{
	struct sink *s = open_sink(NULL);
	char expect[300];

	fill(1000, 0, 4, same_day, 3);
	append(s);
	append(s);
	ck_assert_uint_eq(sink_files(s), 1);
	finish(s);
	ck_assert_uint_eq(nfiles, 1);
	ck_assert_int_eq(files[0].record_count, 2000);
	snprintf(expect, sizeof expect, "%s/data/00000-7-%s-00000.parquet",
	    folder, run_id);
	ck_assert_str_eq(files[0].path, expect);
}
END_TEST

/* Batches cross midnight; each file's values lie within its day. */
START_TEST(days_in_order_take_their_own_files)
{
	struct sink *s = open_sink("day(ts)");

	for (int64_t b = 0; b < 10; b++) {
		fill(1500, b * 1500, 4, day_each_1000, 3);
		append(s);
	}
	finish(s);
	ck_assert_uint_eq(nfiles, 15);
	ck_assert_int_eq(total_rows(), 15000);
	for (size_t k = 0; k < nfiles; k++) {
		int32_t day;

		ck_assert_uint_eq(files[k].partition[0].len, 4);
		memcpy(&day, files[k].partition[0].data, 4);
		ck_assert_int_eq(files[k].record_count, 1000);
		ck_assert_int_eq(bound(&files[k], 1, false), day * DAY);
		ck_assert_int_eq(bound(&files[k], 1, true), day * DAY);
		ck_assert_int_eq(bound(&files[k], 2, false), day * 1000);
		ck_assert_int_eq(bound(&files[k], 2, true), day * 1000 + 999);
	}
	ck_assert_ptr_nonnull(strstr(files[0].path, "/ts_day=1970-01-0"));
}
END_TEST

START_TEST(scattered_symbols_are_gathered)
{
	struct sink *s = open_sink("symbol");

	for (int64_t b = 0; b < 5; b++) {
		fill(7000, b * 7000, 4, same_day, 7);
		append(s);
	}
	ck_assert_uint_eq(sink_files(s), 7);
	finish(s);
	ck_assert_uint_eq(nfiles, 7);
	for (size_t k = 0; k < nfiles; k++) {
		char symbol[8] = "", part[20];

		ck_assert_int_eq(files[k].record_count, 5000);
		memcpy(symbol, files[k].partition[0].data,
		    files[k].partition[0].len);
		snprintf(part, sizeof part, "/symbol=%s/", symbol);
		ck_assert_ptr_nonnull(strstr(files[k].path, part));
		for (size_t l = 0; l < files[k].nleaves; l++)
			if (files[k].leaves[l].field_id == 3) {
				ck_assert_uint_eq(files[k].leaves[l].lower_len,
				    files[k].partition[0].len);
				ck_assert_mem_eq(files[k].leaves[l].lower,
				    symbol, strlen(symbol));
				ck_assert_mem_eq(files[k].leaves[l].upper,
				    symbol, strlen(symbol));
			}
	}
}
END_TEST

START_TEST(scattered_buckets_keep_every_row)
{
	struct sink *s = open_sink("bucket(16, id)");
	bool seen[16] = { false };

	for (int64_t b = 0; b < 4; b++) {
		fill(10000, b * 10000, 4, same_day, 7);
		append(s);
	}
	finish(s);
	ck_assert_uint_eq(nfiles, 16);
	ck_assert_int_eq(total_rows(), 40000);
	for (size_t k = 0; k < nfiles; k++) {
		int32_t bucket;

		memcpy(&bucket, files[k].partition[0].data, 4);
		ck_assert(!seen[bucket]);
		seen[bucket] = true;
	}
}
END_TEST

START_TEST(four_hundred_days_never_hold_as_many_writers)
{
	struct sink *s;
	struct sink_peaks peaks;

	options.memory = 4 << 20;
	options.max_open = 32;
	options.idle_batches = 4;
	s = open_sink("day(ts)");
	for (int64_t b = 0; b < 200; b++) {
		fill(2000, b * 2000, 64, day_each_1000, 3);
		append(s);
	}
	peaks = sink_peaks(s);
	ck_assert_uint_eq(sink_files(s), 400);
	finish(s);
	ck_assert_uint_eq(nfiles, 400);
	ck_assert_int_eq(total_rows(), 400000);
	ck_assert_uint_le(peaks.open, 12);
	ck_assert_uint_le(peaks.memory, (4 << 20) + (1 << 20));
}
END_TEST

/* Every batch touches all partitions: the cap and the budget hold, and files
 * do not shrink to a batch each. */
START_TEST(scattered_partitions_beyond_the_cap)
{
	struct sink *s;
	struct sink_peaks peaks;

	options.memory = 8 << 20;
	options.max_open = 16;
	s = open_sink("symbol");
	for (int64_t b = 0; b < 40; b++) {
		fill(4000, b * 4000, 64, same_day, 20);
		append(s);
	}
	peaks = sink_peaks(s);
	finish(s);
	ck_assert_int_eq(total_rows(), 160000);
	ck_assert_uint_le(peaks.open, 16);
	/* the budget, and what one batch puts into twenty writers */
	ck_assert_uint_le(peaks.memory, (8 << 20) + 20 * (1 << 16));
	ck_assert_uint_lt(nfiles, 6 * 40);
}
END_TEST

/* Where memory is enough, a partition has one file, however few may be open,
 * and whether its row groups are full before the end or not. */
START_TEST(a_thousand_partitions_have_a_file_each)
{
	struct sink *s;
	struct sink_peaks peaks;

	options.memory = 8 << 20;
	options.memory_most = 64 << 20;
	options.max_open = 16;
	s = open_sink("symbol");
	for (int64_t b = 0; b < 20; b++) {
		fill(4000, b * 4000, 64, same_day, 1000);
		append(s);
	}
	peaks = sink_peaks(s);
	ck_assert_uint_eq(files_on_disk(), 0);
	finish(s);
	ck_assert_int_eq(total_rows(), 80000);
	ck_assert_uint_eq(nfiles, 1000);
	ck_assert_uint_le(peaks.open, 16);
	ck_assert_uint_le(peaks.memory, 64 << 20);
}
END_TEST

/* Row groups that get full all at once open no more files than may be. */
START_TEST(full_row_groups_of_many_partitions)
{
	struct sink *s;
	struct sink_peaks peaks;

	options.memory = 64 << 20;
	options.max_open = 16;
	options.parquet.row_group_rows = 10;
	s = open_sink("symbol");
	for (int64_t b = 0; b < 10; b++) {
		fill(2000, b * 2000, 16, same_day, 100);
		append(s);
	}
	peaks = sink_peaks(s);
	finish(s);
	ck_assert_int_eq(total_rows(), 20000);
	ck_assert_uint_le(peaks.open, 16);
	ck_assert_uint_lt(nfiles, 100 * 10);
}
END_TEST

START_TEST(files_roll_at_their_size)
{
	struct sink *s;
	int64_t next = 0;

	options.file_size = 1 << 20;
	s = open_sink(NULL);
	for (int64_t b = 0; b < 80; b++) {
		fill(1000, b * 1000, 100, same_day, 3);
		append(s);
	}
	ck_assert_uint_ge(sink_bytes(s), 8000000);
	finish(s);
	ck_assert_uint_ge(nfiles, 6);
	ck_assert_uint_le(nfiles, 10);
	for (size_t k = 0; k < nfiles; k++) {
		ck_assert_int_le(files[k].file_size, (1 << 20) + (1 << 18));
		ck_assert_int_eq(bound(&files[k], 2, false), next);
		next += files[k].record_count;
		ck_assert_int_eq(bound(&files[k], 2, true), next - 1);
	}
	ck_assert_int_eq(next, 80000);
}
END_TEST

START_TEST(abort_removes_open_and_ended_files)
{
	struct sink *s;

	options.file_size = 1 << 18;
	s = open_sink("symbol");
	for (int64_t b = 0; b < 20; b++) {
		fill(1000, b * 1000, 300, same_day, 3);
		append(s);
	}
	ck_assert_uint_gt(sink_files(s), 3);
	/* all that have written a row group, the others not yet */
	ck_assert_uint_ge(files_on_disk(), sink_files(s) - 3);
	sink_abort(s);
	ck_assert_uint_eq(files_on_disk(), 0);
}
END_TEST

START_TEST(a_failed_append_leaves_what_abort_can_remove)
{
	struct sink *s = open_sink("symbol");

	fill(1000, 0, 4, same_day, 3);
	append(s);
	fill(1000, 1000, 4, same_day, 3);
	memset(vec_set_null(&batch.cols[COL_ID], 1000), 0, 1000);
	vec_set_null(&batch.cols[COL_ID], 1000)[999] = 1;
	ck_assert_int_eq(sink_append(s, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "id"));
	ck_assert_int_eq(sink_append(s, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_BUG);
	sink_abort(s);
	ck_assert_uint_eq(files_on_disk(), 0);
}
END_TEST

START_TEST(too_many_partitions_stop)
{
	struct sink *s;

	options.max_partitions = 100;
	s = open_sink("id");
	fill(101, 0, 4, same_day, 3);
	ck_assert_int_eq(sink_append(s, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 100 partitions"));
	sink_abort(s);
	ck_assert_uint_eq(files_on_disk(), 0);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written)
{
	struct sink *s = open_sink(NULL);
	char blocker[200];
	FILE *f;

	snprintf(blocker, sizeof blocker, "%s/data", folder);
	f = fopen(blocker, "w");
	fclose(f);
	fill(10, 0, 4, same_day, 3);
	ck_assert_int_eq(sink_append(s, &batch, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	sink_abort(s);
	ck_assert_uint_eq(files_on_disk(), 1);
}
END_TEST

/* A run's earlier attempt may have left files: they stay as they are. */
START_TEST(names_taken_are_passed_over)
{
	struct sink *s = open_sink(NULL);

	fill(10, 0, 4, same_day, 3);
	append(s);
	finish(s);
	s = sink_open(&options, &err);
	append(s);
	sink_abort(s);
	ck_assert_uint_eq(files_on_disk(), 1);
	ck_assert_int_eq(access(files[0].path, F_OK), 0);
}
END_TEST

START_TEST(names_longer_than_a_folder_may_have)
{
	struct sink *s = open_sink("symbol");
	uint32_t *offset;
	uint8_t *bytes;

	fill(2, 0, 4, same_day, 3);
	offset = vec_set_offsets(&batch.cols[COL_SYMBOL], VEC_BYTES, 2);
	offset[1] = 300;
	offset[2] = 600;
	bytes = vec_set_bytes(&batch.cols[COL_SYMBOL], 600);
	memset(bytes, '/', 600);
	bytes[599] = 'x';
	append(s);
	finish(s);
	ck_assert_uint_eq(nfiles, 2);
	ck_assert_uint_eq(files[0].partition[0].len, 300);
	ck_assert_ptr_nonnull(strstr(files[0].path, "/symbol=%2F%2F"));
	ck_assert_ptr_nonnull(strstr(files[0].path, "%2F~"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sink");
	TCase *t = tcase_create("sink");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, no_rows_make_no_files);
	tcase_add_test(t, unpartitioned_rows_go_to_one_file);
	tcase_add_test(t, days_in_order_take_their_own_files);
	tcase_add_test(t, scattered_symbols_are_gathered);
	tcase_add_test(t, scattered_buckets_keep_every_row);
	tcase_add_test(t, four_hundred_days_never_hold_as_many_writers);
	tcase_add_test(t, scattered_partitions_beyond_the_cap);
	tcase_add_test(t, a_thousand_partitions_have_a_file_each);
	tcase_add_test(t, full_row_groups_of_many_partitions);
	tcase_add_test(t, files_roll_at_their_size);
	tcase_add_test(t, abort_removes_open_and_ended_files);
	tcase_add_test(t, a_failed_append_leaves_what_abort_can_remove);
	tcase_add_test(t, too_many_partitions_stop);
	tcase_add_test(t, a_folder_that_cannot_be_written);
	tcase_add_test(t, names_taken_are_passed_over);
	tcase_add_test(t, names_longer_than_a_folder_may_have);
	suite_add_tcase(s, t);
	return run_suite(s);
}
