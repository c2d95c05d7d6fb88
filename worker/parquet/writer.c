/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file: cuts rows into row groups and hands them to the columns.
 *
 * The first bytes are written with the first row group, so that a writer that
 * has only just been opened holds no buffers.
 */
#include "worker/parquet/writer.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/parquet/chunk.h"
#include "worker/parquet/column.h"
#include "worker/parquet/footer.h"
#include "worker/parquet/shred.h"

/* A row group that has less than one part in so many left is full; fewer rows
 * than the least are not worth another look at its size. */
enum { GROUP_SLACK = 64, STEP_LEAST = 16 };

static const char magic[4] = "PAR1";

struct parquet_writer {
	struct store_file *out;
	const struct type *schema;
	struct parquet_options options; /* zeros replaced */
	struct leaf *leaves;
	struct column *columns;
	size_t nleaves;
	uint64_t group_rows;
	int64_t rows; /* in finished row groups */
	struct footer footer;
};

static void
set_defaults(struct parquet_options *o)
{
	if (o->row_group_bytes == 0)
		o->row_group_bytes = (uint64_t)128 << 20;
	if (o->row_group_rows == 0)
		o->row_group_rows = 1 << 20;
	if (o->page_bytes == 0)
		o->page_bytes = 1 << 20;
	if (o->page_rows == 0)
		o->page_rows = 20000;
}

/* Frees all but the file. */
static void
writer_free(struct parquet_writer *w)
{
	for (size_t k = 0; k < w->nleaves; k++)
		column_clear(&w->columns[k]);
	free(w->columns);
	leaves_free(w->leaves, w->nleaves);
	footer_clear(&w->footer);
	free(w);
}

struct parquet_writer *
parquet_open(struct store_file *out_take, const struct type *schema,
    const struct parquet_options *options, struct err *err)
{
	struct parquet_writer *w = xcalloc(1, sizeof(*w));

	*w = (struct parquet_writer){
		.out = out_take, .schema = schema, .options = *options
	};
	set_defaults(&w->options);
	if (leaves_of(schema, &w->leaves, &w->nleaves, err) == -1) {
		parquet_abort(w);
		return NULL;
	}
	w->footer.nleaves = w->nleaves;
	w->columns = xcalloc(w->nleaves, sizeof(*w->columns));
	for (size_t k = 0; k < w->nleaves; k++)
		column_init(&w->columns[k], &w->leaves[k]);
	return w;
}

void
parquet_abort(struct parquet_writer *w)
{
	if (w == NULL)
		return;
	store_abort(w->out);
	writer_free(w);
}

/* Uncompressed bytes in the open row group. */
static uint64_t
group_bytes(const struct parquet_writer *w)
{
	uint64_t total = 0;

	for (size_t k = 0; k < w->nleaves; k++)
		total += w->columns[k].raw_bytes + column_open(&w->columns[k]);
	return total;
}

static uint64_t
cost_of(const struct parquet_writer *w, const struct batch *b, size_t first,
    size_t n)
{
	uint64_t cost = 0;

	for (size_t k = 0; k < w->nleaves; k++)
		cost += shred_cost(&w->leaves[k], b, first, n);
	return cost;
}

static bool
is_full(const struct parquet_writer *w)
{
	const struct parquet_options *o = &w->options;

	return w->group_rows >= o->row_group_rows ||
	    group_bytes(w) >=
	    o->row_group_bytes - o->row_group_bytes / GROUP_SLACK;
}

/* How many of n rows go in before the row group's size is looked at again:
 * all that cannot overrun it, since their cost is an upper bound. */
static size_t
next_step(const struct parquet_writer *w, const struct batch *b, size_t first,
    size_t n)
{
	const struct parquet_options *o = &w->options;
	uint64_t bytes = group_bytes(w), step = n, room;

	if (step > o->row_group_rows - w->group_rows)
		step = o->row_group_rows - w->group_rows;
	room = bytes < o->row_group_bytes ? o->row_group_bytes - bytes : 0;
	while (step > STEP_LEAST && cost_of(w, b, first, step) > room)
		step = step / 2 > STEP_LEAST ? step / 2 : STEP_LEAST;
	return (size_t)step;
}

/* ---- several writers, their columns side by side ---------------------------- */

struct work {
	const struct batch *batch;
	const struct parquet_rows *rows;       /* to append, or */
	struct parquet_writer *const *writers; /* to flush */
	size_t nleaves;
};

static int
append_column(void *arg, size_t item, struct err *err)
{
	const struct work *work = arg;
	const struct parquet_rows *r = &work->rows[item / work->nleaves];
	struct column *c = &r->writer->columns[item % work->nleaves];

	if (r->step == 0)
		return 0;
	return column_append(
	    c, &r->writer->options, work->batch, r->first, r->step, err);
}

int
parquet_append_all(struct pool *pool, const struct batch *b,
    struct parquet_rows *rows, size_t n, struct err *err)
{
	struct work work = { .batch = b, .rows = rows };
	struct parquet_writer **full =
	    xcalloc(n + 1, sizeof(struct parquet_writer *));
	int rc = 0;

	if (n > 0)
		work.nleaves = rows[0].writer->nleaves;
	for (size_t k = 0; k < work.nleaves && rc == 0; k++)
		rc = shred_check(&rows[0].writer->leaves[k], b, err);
	while (rc == 0) {
		size_t left = 0, nfull = 0;

		for (size_t k = 0; k < n; k++) {
			struct parquet_rows *r = &rows[k];

			r->step = r->n == 0
			    ? 0
			    : next_step(r->writer, b, r->first, r->n);
			left += r->step;
		}
		if (left == 0)
			break;
		rc =
		    pool_run(pool, append_column, &work, n * work.nleaves, err);
		for (size_t k = 0; k < n && rc == 0; k++) {
			struct parquet_rows *r = &rows[k];

			r->writer->group_rows += r->step;
			r->first += r->step;
			r->n -= r->step;
			if (r->step > 0 && is_full(r->writer))
				full[nfull++] = r->writer;
		}
		if (rc == 0)
			rc = parquet_flush_all(pool, full, nfull, err);
	}
	free(full);
	return rc;
}

int
parquet_append(struct parquet_writer *w, const struct batch *b, size_t first,
    size_t n, struct err *err)
{
	struct parquet_rows rows = { .writer = w, .first = first, .n = n };

	return parquet_append_all(NULL, b, &rows, 1, err);
}

bool
parquet_begun(const struct parquet_writer *w)
{
	return store_size(w->out) > 0;
}

static int
begin_file(struct parquet_writer *w, struct err *err)
{
	if (parquet_begun(w))
		return 0;
	return store_append(w->out, magic, sizeof(magic), err);
}

static int
end_column(void *arg, size_t item, struct err *err)
{
	const struct work *work = arg;
	struct parquet_writer *w = work->writers[item / work->nleaves];

	if (w->group_rows == 0)
		return 0;
	return chunk_end(&w->columns[item % work->nleaves], &w->options, err);
}

static int
write_group(void *arg, size_t item, struct err *err)
{
	const struct work *work = arg;
	struct parquet_writer *w = work->writers[item];
	struct chunk_meta *metas;

	if (w->group_rows == 0)
		return 0;
	if (begin_file(w, err) == -1)
		return -1;
	metas = footer_add_group(
	    &w->footer, (int64_t)w->group_rows, (int64_t)store_size(w->out));
	for (size_t k = 0; k < w->nleaves; k++)
		if (chunk_write(&w->columns[k], &w->options, w->out, &w->footer,
			&metas[k], err) == -1)
			return -1;
	w->rows += (int64_t)w->group_rows;
	w->group_rows = 0;
	return store_settle(w->out, err);
}

int
parquet_flush_all(struct pool *pool, struct parquet_writer *const *writers,
    size_t n, struct err *err)
{
	struct work work = { .writers = writers };

	if (n == 0)
		return 0;
	work.nleaves = writers[0]->nleaves;
	if (pool_run(pool, end_column, &work, n * work.nleaves, err) == -1)
		return -1;
	return pool_run(pool, write_group, &work, n, err);
}

size_t
parquet_memory(const struct parquet_writer *w)
{
	size_t total = sizeof(*w) + footer_memory(&w->footer) +
	    w->nleaves * (sizeof(*w->leaves) + sizeof(*w->columns));

	for (size_t k = 0; k < w->nleaves; k++)
		total += column_memory(&w->columns[k]);
	return total;
}

uint64_t
parquet_size(const struct parquet_writer *w)
{
	uint64_t total = store_size(w->out);

	for (size_t k = 0; k < w->nleaves; k++)
		total += w->columns[k].page_bytes + column_open(&w->columns[k]);
	return total;
}

static void
fill_leaf(const struct column *c, struct leaf_metrics *m)
{
	const struct stats *s = &c->file_stats;
	const struct field *f = c->leaf->field;

	*m = (struct leaf_metrics){
		.field_id = f->id,
		.column_size = c->file_bytes,
		.value_count = c->file_entries,
		.null_count = s->nulls,
		.nan_count = s->order == ORDER_FLOAT || s->order == ORDER_DOUBLE
		    ? s->nans
		    : -1,
		.in_list = c->leaf->max_rep > 0,
	};
	if (m->in_list || !stats_has_bounds(s))
		return;
	m->has_bounds = true;
	m->lower = stats_single_value(s, &f->type, false, &m->lower_len);
	m->upper = stats_single_value(s, &f->type, true, &m->upper_len);
}

static void
fill_facts(const struct parquet_writer *w, struct datafile *facts)
{
	size_t ngroups = w->footer.ngroups;

	*facts = (struct datafile){
		.path = xstrdup(store_path(w->out)),
		.record_count = w->rows,
		.file_size = (int64_t)store_size(w->out),
		.leaves = xcalloc(w->nleaves, sizeof(*facts->leaves)),
		.nleaves = w->nleaves,
		.split_offsets =
		    xcalloc(ngroups + 1, sizeof(*facts->split_offsets)),
		.nsplits = ngroups,
	};
	for (size_t k = 0; k < w->nleaves; k++)
		fill_leaf(&w->columns[k], &facts->leaves[k]);
	for (size_t g = 0; g < ngroups; g++)
		facts->split_offsets[g] = w->footer.groups[g].offset;
}

int
parquet_close(struct parquet_writer *w, struct datafile *facts, struct err *err)
{
	*facts = (struct datafile){ 0 };
	if (parquet_flush_all(NULL, &w, 1, err) == -1 ||
	    begin_file(w, err) == -1 ||
	    footer_write(&w->footer, w->schema, &w->options, w->out, err) ==
		-1) {
		parquet_abort(w);
		return -1;
	}
	fill_facts(w, facts);

	int rc = store_close(w->out, err); /* frees it either way */

	writer_free(w);
	if (rc == -1)
		datafile_clear(facts);
	return rc;
}
