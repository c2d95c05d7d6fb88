/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a sink: rows are routed to their partitions' files, which are
 * opened when a first row comes and ended when they are large enough, idle or
 * in the way (files of one partition: sink_files.c).
 *
 * A batch whose partitions form whole runs of rows is appended as ranges of
 * it; otherwise its rows are gathered once, partition after partition, and
 * the ranges are those of the gathered batch. Order within a partition stays.
 */
#include "worker/sink/sink_iceberg.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/sink/sink_files.h"

/* Ranges shorter than this cost more to append than to gather. */
enum { RUN_ROWS_MIN = 1024 };

struct sink {
	struct sink_files *files;
	struct partitioner *partitioner;
	struct pool *pool;
	size_t ncols;
	bool failed;

	struct batch gathered;
	struct mem group_mem;   /* group of each row */
	struct mem row_mem;     /* numbers of rows, by group */
	struct mem rows_mem;    /* what each file gets */
	struct mem touched_mem; /* groups of this batch, by appearance */
	struct mem start_mem;   /* of each group touched: its first row */
	uint32_t *count;        /* of each group; zero between batches */
	size_t ncount;
};

struct sink *
sink_open(const struct sink_options *o, struct err *err)
{
	struct sink *s;

	if (partition_spec_check(o->spec, o->schema, err) == -1)
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->pool = o->pool;
	s->ncols = o->schema->nfields;
	s->partitioner = partitioner_new(o->spec, o->schema);
	partitioner_set_max_groups(s->partitioner, o->max_partitions);
	s->files = sink_files_new(o, s->partitioner);
	batch_init(&s->gathered, o->schema);
	return s;
}

static void
sink_free(struct sink *s)
{
	sink_files_free(s->files);
	partitioner_free(s->partitioner);
	batch_clear(&s->gathered);
	mem_clear(&s->group_mem);
	mem_clear(&s->row_mem);
	mem_clear(&s->rows_mem);
	mem_clear(&s->touched_mem);
	mem_clear(&s->start_mem);
	free(s->count);
	free(s);
}

/* Rows of each group of this batch, and which groups there are. */
static const uint32_t *
count_groups(struct sink *s, const uint32_t *group, size_t n, size_t *ntouched)
{
	size_t ngroups = partitioner_ngroups(s->partitioner);
	uint32_t *touched =
	    mem_need(&s->touched_mem, ngroups * sizeof *touched);
	size_t nt = 0;

	if (ngroups > s->ncount) {
		size_t want = ngroups + ngroups / 2;

		s->count = xreallocarray(s->count, want, sizeof *s->count);
		memset(s->count + s->ncount, 0,
		    (want - s->ncount) * sizeof *s->count);
		s->ncount = want;
	}
	for (size_t i = 0; i < n; i++)
		if (s->count[group[i]]++ == 0)
			touched[nt++] = group[i];
	*ntouched = nt;
	return touched;
}

static size_t
count_runs(const uint32_t *group, size_t n)
{
	size_t runs = 1;

	for (size_t i = 1; i < n; i++)
		runs += group[i] != group[i - 1];
	return runs;
}

static int
append_runs(struct sink *s, const struct batch *batch, const uint32_t *group,
    size_t runs, struct err *err)
{
	struct sink_rows *rows = mem_need(&s->rows_mem, runs * sizeof *rows);
	size_t n = 0;

	for (size_t i = 0, end; i < batch->nrows; i = end) {
		for (end = i + 1; end < batch->nrows && group[end] == group[i];)
			end++;
		rows[n++] = (struct sink_rows){ group[i], i, end - i };
	}
	return sink_files_append(s->files, batch, rows, n, err);
}

struct taking {
	struct batch *to;
	const struct batch *from;
	const uint32_t *row;
};

static int
take_column(void *arg, size_t col, struct err *err)
{
	const struct taking *t = arg;

	(void)err;
	vec_take(
	    &t->to->cols[col], &t->from->cols[col], t->row, t->from->nrows);
	return 0;
}

static int
append_gathered(struct sink *s, const struct batch *batch,
    const uint32_t *group, const uint32_t *touched, size_t ntouched,
    struct err *err)
{
	size_t n = batch->nrows;
	uint32_t *row = mem_need(&s->row_mem, n * sizeof *row), at = 0;
	uint32_t *start = mem_need(
	    &s->start_mem, partitioner_ngroups(s->partitioner) * sizeof *start);
	struct sink_rows *rows =
	    mem_need(&s->rows_mem, ntouched * sizeof *rows);
	struct taking taking = {
		.to = &s->gathered, .from = batch, .row = row
	};

	for (size_t t = 0; t < ntouched; t++) {
		uint32_t g = touched[t];

		rows[t] = (struct sink_rows){ g, at, s->count[g] };
		start[g] = at;
		at += s->count[g];
	}
	for (size_t i = 0; i < n; i++)
		row[start[group[i]]++] = (uint32_t)i;
	s->gathered.nrows = n;
	if (pool_run(s->pool, take_column, &taking, s->ncols, err) == -1)
		return -1;
	return sink_files_append(s->files, &s->gathered, rows, ntouched, err);
}

static int
append(struct sink *s, const struct batch *batch, struct err *err)
{
	size_t n = batch->nrows, ntouched, runs;
	uint32_t *group = mem_need(&s->group_mem, n * sizeof *group);
	const uint32_t *touched;
	int rc;

	if (partitioner_route(s->partitioner, batch, group, err) == -1)
		return -1;
	touched = count_groups(s, group, n, &ntouched);
	runs = count_runs(group, n);
	if (runs == ntouched || n / runs >= RUN_ROWS_MIN)
		rc = append_runs(s, batch, group, runs, err);
	else
		rc = append_gathered(s, batch, group, touched, ntouched, err);
	for (size_t t = 0; t < ntouched; t++)
		s->count[touched[t]] = 0;
	return rc == -1 ? -1 : sink_files_end_batch(s->files, err);
}

int
sink_append(struct sink *s, const struct batch *batch, struct err *err)
{
	if (s->failed)
		return err_set(
		    err, ERR_BUG, "rows were given to a sink that had failed");
	if (batch->nrows == 0)
		return 0;
	if (append(s, batch, err) == -1) {
		s->failed = true;
		return -1;
	}
	return 0;
}

int
sink_finish(struct sink *s, struct datafile **files, size_t *n, struct err *err)
{
	int rc;

	*files = NULL;
	*n = 0;
	if (s->failed)
		rc = err_set(
		    err, ERR_BUG, "a sink was to be finished that had failed");
	else
		rc = sink_files_finish(s->files, files, n, err);
	if (rc == -1)
		sink_files_remove(s->files);
	sink_free(s);
	return rc;
}

void
sink_abort(struct sink *s)
{
	if (s == NULL)
		return;
	sink_files_remove(s->files);
	sink_free(s);
}

uint64_t
sink_bytes(const struct sink *s)
{
	return sink_files_bytes(s->files);
}

size_t
sink_files(const struct sink *s)
{
	return sink_files_count(s->files);
}

struct sink_peaks
sink_peaks(const struct sink *s)
{
	return sink_files_peaks(s->files);
}
