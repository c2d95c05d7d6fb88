/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit costs as a table grows old, by the worker's own commit code:
 *
 *	commits WAREHOUSE COMMITS SECONDS [KEEP]
 *
 * Makes the table bench.t, ten columns by day, and appends one file of 1,500
 * rows after the other, 96 a day, as a run every 15 minutes does: load, then
 * append with a fence that looks for the newest position. The newest KEEP (480)
 * snapshots stay, which is what expire_snapshots of five days leaves of such a
 * table; 0: all of them. The data files are facts only. Stops early when SECONDS are over. A line each commit:
 *
 *	number, seconds, CPU seconds, bytes of the metadata JSON,
 *	bytes of the manifest list, manifests in it
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/xalloc.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/table.h"

enum { COLUMNS = 10, A_DAY = 96, ROWS = 1500, KEEP = 5 * A_DAY };

static struct err failure;

static double
wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int64_t
file_size(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		err(1, "'%s'", path);
	return st.st_size;
}

static void
make_table(const char *warehouse, const char *keep)
{
	/* of any age: five days do not pass here */
	const struct kv properties[] = {
		{ "write.metadata.delete-after-commit.enabled", "true" },
		{ "history.expire.max-snapshot-age-ms", "0" },
		{ "history.expire.min-snapshots-to-keep", keep }
	};
	struct type schema = { .kind = TYPE_STRUCT };
	struct partition_spec spec;
	const char *by_day = "day(c1)";
	struct table *t;
	char name[16];

	for (int k = 1; k <= COLUMNS; k++) {
		snprintf(name, sizeof name, "c%d", k);
		type_add_field(
		    &schema, name, true, k == 1 ? TYPE_TIMESTAMPTZ : TYPE_LONG)
		    ->id = k;
	}
	if (partition_parse(&by_day, 1, &schema, &spec, &failure) == -1)
		errx(1, "%s", failure.text);
	const struct table_create c = { .schema = &schema,
		.last_column_id = COLUMNS,
		.spec = &spec,
		.properties = properties,
		.nproperties = 3 };
	if (table_create(warehouse, "bench", "t", &c, &t, &failure) == -1)
		errx(1, "%s", failure.text);
	table_free(t);
	partition_spec_clear(&spec);
	type_clear(&schema);
}

/* As the worker's: stop at the newest snapshot that records a position. */
static int
newest(void *arg, const struct snapshot *s)
{
	(void)arg;
	return snapshot_summary(s, "calve.position.timestamp") != NULL;
}

static int
fence(void *arg, const struct table *fresh, struct err *err)
{
	(void)err;
	table_ancestry(fresh, newest, arg, NULL);
	return 0;
}

/* The facts of commit n's file. */
static void
describe(struct datafile *df, int64_t n, const char *folder)
{
	const int32_t day = 20000 + (int32_t)(n / A_DAY);

	*df = (struct datafile){ .record_count = ROWS,
		.file_size = 34000,
		.path =
		    xasprintf("%s/data/c1_day=%d/00000-0-%" PRId64 ".parquet",
			folder, day, n),
		.nleaves = COLUMNS,
		.nsplits = 1,
		.npartition = 1 };
	df->leaves = xcalloc(COLUMNS, sizeof *df->leaves);
	for (int k = 0; k < COLUMNS; k++) {
		const int64_t low = n * ROWS, high = low + ROWS - 1;
		struct leaf_metrics *m = &df->leaves[k];
		*m = (struct leaf_metrics){ .field_id = k + 1,
			.column_size = 3400,
			.value_count = ROWS,
			.nan_count = -1,
			.has_bounds = true,
			.lower = xmalloc(sizeof low),
			.upper = xmalloc(sizeof high),
			.lower_len = sizeof low,
			.upper_len = sizeof high };
		memcpy(m->lower, &low, sizeof low);
		memcpy(m->upper, &high, sizeof high);
	}
	df->split_offsets = xcalloc(1, sizeof *df->split_offsets);
	df->split_offsets[0] = 4;
	df->partition = xcalloc(1, sizeof *df->partition);
	df->partition[0].data = xmalloc(sizeof day);
	df->partition[0].len = sizeof day;
	memcpy(df->partition[0].data, &day, sizeof day);
}

/* One run's commit: load, append. The new version. */
static struct table *
commit(const char *warehouse, int64_t n, int64_t keep_ms)
{
	struct table *base, *out;
	struct datafile df;
	char id[64], at[64];
	const struct kv summary[] = {
		{ "calve.source", "hot.bench.trades" },
		{ "calve.run", id },
		{ "calve.step", "0" },
		{ "calve.rows", "1500" },
		{ "calve.window.low", at },
		{ "calve.window.high", at },
		{ "calve.position.timestamp", at },
		{ "calve.position.sequence", "10003004497" },
	};
	const struct kv property = { "calve.position.hot.bench.trades", at };

	if (table_load(warehouse, "bench", "t", &base, &failure) != 1)
		errx(1, "commit %" PRId64 ": %s", n, failure.text);
	snprintf(id, sizeof id, "00000000-0000-4000-8000-%012" PRId64, n);
	snprintf(at, sizeof at, "2026-01-31T04:05:06.789Z/%" PRId64, n);
	describe(&df, n, base->folder);
	const struct append a = { .snapshot_id = n,
		.commit_uuid = id,
		.files = &df,
		.nfiles = 1,
		.summary = summary,
		.nsummary = sizeof summary / sizeof summary[0],
		.properties = &property,
		.nproperties = 1,
		.keep_ms = keep_ms,
		.fence = fence };
	if (table_append(base, &a, &out, &failure) == -1)
		errx(1, "commit %" PRId64 ": %s", n, failure.text);
	datafile_clear(&df);
	table_free(base);
	return out;
}

static void
print_sizes(const struct table *t)
{
	struct manifest_list list;
	struct snapshot s;
	const char *path;
	char *json = xasprintf(
	    "%s/metadata/v%" PRId64 ".metadata.json", t->folder, t->version);

	printf("\t%" PRId64, file_size(json));
	free(json);
	if (!table_find_snapshot(t, t->snapshot_id, &s))
		errx(1, "no current snapshot");
	path = location_local(
	    json_string_value(json_object_get(s.json, "manifest-list")));
	if (manifest_list_read(path, &list, &failure) == -1)
		errx(1, "%s", failure.text);
	printf("\t%" PRId64 "\t%zu\n", file_size(path), list.n);
	manifest_list_clear(&list);
}

int
main(int argc, char **argv)
{
	if (argc != 4 && argc != 5) {
		fprintf(stderr,
		    "usage: commits warehouse commits seconds [keep]\n");
		return 2;
	}
	const int64_t commits = strtoll(argv[2], NULL, 10);
	const double deadline = wall() + strtod(argv[3], NULL);

	const int64_t keep = argc == 5 ? strtoll(argv[4], NULL, 10) : KEEP;
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, keep);
	make_table(argv[1], text);
	for (int64_t n = 1; n <= commits && wall() < deadline; n++) {
		double began = wall(), used = cpu();
		struct table *t = commit(argv[1], n, keep > 0);

		printf(
		    "%" PRId64 "\t%.6f\t%.6f", n, wall() - began, cpu() - used);
		print_sizes(t);
		table_free(t);
	}
	return 0;
}
