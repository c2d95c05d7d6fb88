/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of the rows: source, batch, sink. Threads live only while rows move,
 * so that there is but one when files are committed.
 */
#include "worker/pump.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/aside.h"
#include "worker/iceberg/schema.h"
#include "worker/pool.h"
#include "worker/report.h"
#include "worker/sink/sink_iceberg.h"
#include "worker/stop.h"
#include "worker/store/store.h"

/* With some hundred open files the allocator needs half as much again. */
enum { MEMORY_SHARE = 4, MEMORY_FLOOR = 16 << 20, MEMORY_DEFAULT = 28 << 20 };
enum { MEMORY_MOST_DEFAULT = 256 << 20 };
/* Files of one step that are worth a word, where they are small. */
enum { FILES_MANY = 500, FILE_SMALL = 1 << 20 };
enum { THREAD_MEMORY = 64 << 20 }; /* of the limit, for each thread */

static enum parquet_preset
preset_of(const struct job *job)
{
	if (strcmp(job->encoding, "dense") == 0)
		return PARQUET_DENSE;
	return strcmp(job->encoding, "compact") == 0 ? PARQUET_COMPACT
						     : PARQUET_COMPAT;
}

/* What the encoder may hold: a part of the worker's limit, since blocks in
 * flight, libraries and the allocator need theirs; of that no more than pays,
 * but for many partitions at once. */
static void
set_memory(struct sink_options *o, const struct job *job)
{
	uint64_t share = job->memory / MEMORY_SHARE;

	if (job->memory == 0)
		share = MEMORY_MOST_DEFAULT;
	if (share < MEMORY_FLOOR)
		share = MEMORY_FLOOR;
	o->memory_most = (size_t)share;
	o->memory = share < MEMORY_DEFAULT ? (size_t)share : MEMORY_DEFAULT;
}

/* Fewer where the address space is tight: each has a stack, a zstd context
 * and pages in the making. */
static unsigned
encoding_threads(const struct job *job)
{
	uint64_t most = job->memory / THREAD_MEMORY;

	if (job->memory == 0 || most >= job->threads)
		return job->threads;
	return most > 0 ? (unsigned)most : 1;
}

static struct sink *
open_sink(const struct run *run, const char *schema_json, struct pool *pool,
    struct err *err)
{
	const struct job *job = run->job;
	struct sink_options options = {
		.folder = run->target.folder,
		/* once a run: nobody takes folders away and makes them anew */
		.warehouse = run->step == 0 ? run->job->warehouse : NULL,
		.schema = &run->target.schema,
		.spec = target_spec(&run->target),
		.parquet = {
			.preset = preset_of(job),
			.zstd_level = strcmp(job->compression, "none") == 0 ?
			    0 : job->compression_level,
			.row_group_bytes = job->row_group_size,
			.row_group_rows = job->row_group_rows,
			.iceberg_schema = schema_json,
		},
		.file_size = job->file_size,
		.run_id = job->run_id,
		.step = run->step,
		.pool = pool,
	};

	set_memory(&options, job);
	return sink_open(&options, err);
}

struct appending {
	struct sink *sink;
	const struct batch *rows;
};

static int
append_rows(void *arg, struct err *err)
{
	const struct appending *a = arg;

	return sink_append(a->sink, a->rows, err);
}

/* The sink takes one batch while the source makes the next. Of two failures
 * the sink's counts: that of the earlier rows. */
static int
move_rows(
    struct run *run, struct sink *sink, struct aside *aside, struct err *err)
{
	struct appending a = { .sink = sink };
	const struct batch *batch;
	int got;

	for (;;) {
		got = source_next(run->source, &batch, err);
		if (aside_wait(aside, err) == -1)
			return -1;
		if (got != 1)
			return got;
		if (stop_check(err) == -1)
			return -1;
		report_progress(source_rows(run->source), run->expected,
		    run->res, source_bytes_received(run->source),
		    sink_bytes(sink), (uint32_t)sink_files(sink));
		a.rows = projection_view(run->target.projection, batch);
		aside_begin(aside, append_rows, &a);
	}
}

void
written_clear(struct written *w)
{
	for (size_t k = 0; k < w->nfiles; k++)
		datafile_clear(&w->files[k]);
	free(w->files);
	*w = (struct written){ .nfiles = 0 };
}

void
written_remove(const struct written *w)
{
	struct err ignored;

	for (size_t k = 0; k < w->nfiles; k++)
		if (store_unlink(w->files[k].path, &ignored) == -1)
			continue;
}

/* The next window begins where this one's last row says: a row that came
 * meanwhile, or a timestamp damaged on its way, must not move that. */
static bool
as_counted(const struct written *got, const struct source_count *counted)
{
	return got->rows == counted->rows &&
	    got->furthest.ticks == counted->max_ticks;
}

/* Readers open each: how to have fewer. */
static void
tell_small(const struct written *w)
{
	char text[256];

	if (w->nfiles < FILES_MANY || w->bytes / w->nfiles >= FILE_SMALL)
		return;
	snprintf(text, sizeof text,
	    "%zu data files of %" PRIu64 " KiB on average were written in one "
	    "step: a coarser partition, or more memory in limits where the "
	    "partitions are interleaved, makes fewer and larger ones",
	    w->nfiles, w->bytes / w->nfiles / 1024);
	report_note(true, text);
}

int
pump(struct run *run, const struct window *w,
    const struct source_count *counted, struct written *out, struct err *err)
{
	const struct table *table = run->target.table;
	json_t *json = schema_to_json(
	    &run->target.schema, table != NULL ? table->schema_id : 0);
	char *schema_json = json_dumps(json, JSON_COMPACT);
	char query_id[UUID_TEXT];
	unsigned threads = encoding_threads(run->job);
	struct aside *aside = aside_new(threads > 1);
	struct pool *pool = pool_new(threads);
	struct sink *sink;
	int rc;

	uuid_random(query_id);
	report_phase(run->job, PHASE_READ);
	if ((sink = open_sink(run, schema_json, pool, err)) == NULL)
		rc = -1;
	else if (source_begin(run->source, w, query_id, err) == -1 ||
	    move_rows(run, sink, aside, err) == -1) {
		sink_abort(sink);
		rc = -1;
	} else {
		out->rows = source_rows(run->source);
		source_furthest(run->source, &out->furthest);
		if (!as_counted(out, counted)) {
			sink_abort(sink);
			rc = 0;
		} else {
			report_phase(run->job, PHASE_WRITE);
			rc = sink_finish(
				 sink, &out->files, &out->nfiles, err) == -1
			    ? -1
			    : 1;
		}
	}
	source_end(run->source);
	pool_free(pool);
	aside_free(aside);
	free(schema_json);
	json_decref(json);
	for (size_t k = 0; rc == 1 && k < out->nfiles; k++)
		out->bytes += (uint64_t)out->files[k].file_size;
	if (rc == 1)
		tell_small(out);
	return rc;
}
