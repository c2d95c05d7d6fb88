/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which partitions have a writer, which writers have an open file, and which
 * one has to go.
 *
 * A writer gathers rows as encoded pages in memory, and has a file on disk
 * only once it has written a row group. So thousands of interleaved partitions
 * are gathered side by side, each to a file of its own, as far as memory goes:
 * not as far as open files do.
 *
 * Writers stand in a list, least recently used first. Over the memory budget,
 * the largest open row group is written out; where that gives nothing back,
 * the writers themselves are too many and one ends its file. The victim is the
 * one idle for longest, or when all are in use (buckets, say), the one with
 * the largest file, so that files do not become ever smaller.
 */
#include "worker/sink/sink_files.h"

#include <sys/queue.h>
#include <sys/resource.h>

#include <stdlib.h>

#include "common/xalloc.h"
#include "worker/sink/sink_path.h"

#define FILE_SIZE_DEFAULT ((uint64_t)512 << 20)
#define MEMORY_DEFAULT ((size_t)64 << 20)

enum {
	OPEN_DEFAULT = 4096,
	OPEN_MIN = 4,
	FILES_FOR_OTHERS = 64, /* connections, metadata, logs */
	IDLE_DEFAULT = 32
};

/* One partition of this step: a group of the partitioner. */
struct part {
	uint32_t group;
	char *folder;                  /* exists; NULL: not made yet */
	struct parquet_writer *writer; /* NULL: none */
	size_t memory;                 /* of writer, as last asked */
	bool begun;                    /* its file is open, likewise */
	uint64_t last_batch;           /* that had rows for it */
	uint64_t round;                /* that it is part of */
	TAILQ_ENTRY(part) link;        /* while it has a writer */
};
TAILQ_HEAD(part_list, part);

struct sink_files {
	struct sink_options o;
	const struct partitioner *partitioner;
	struct part **parts; /* by group */
	size_t nparts;
	struct part_list open; /* least recently used first */
	size_t nopen, nbegun, memory;
	uint64_t batch; /* number of the current one */
	uint64_t round; /* the same of writers that get rows at once */
	struct mem rows;
	unsigned sequence; /* of file names */

	struct datafile *ended;
	size_t nended, cap;
	uint64_t ended_bytes;
	struct sink_peaks peaks;
};

static size_t
open_limit(void)
{
	struct rlimit limit;
	size_t n = OPEN_DEFAULT;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY &&
	    limit.rlim_cur < OPEN_DEFAULT + FILES_FOR_OTHERS)
		n = limit.rlim_cur > OPEN_MIN + FILES_FOR_OTHERS
		    ? limit.rlim_cur - FILES_FOR_OTHERS
		    : OPEN_MIN;
	return n;
}

struct sink_files *
sink_files_new(
    const struct sink_options *o, const struct partitioner *partitioner)
{
	struct sink_files *f = xcalloc(1, sizeof *f);

	f->o = *o;
	if (f->o.file_size == 0)
		f->o.file_size = FILE_SIZE_DEFAULT;
	if (f->o.memory == 0)
		f->o.memory = MEMORY_DEFAULT;
	if (f->o.memory_most < f->o.memory)
		f->o.memory_most = f->o.memory;
	if (f->o.max_open == 0)
		f->o.max_open = open_limit();
	if (f->o.idle_batches == 0)
		f->o.idle_batches = IDLE_DEFAULT;
	f->partitioner = partitioner;
	f->batch = 1;
	TAILQ_INIT(&f->open);
	return f;
}

void
sink_files_free(struct sink_files *f)
{
	for (size_t k = 0; k < f->nparts; k++) {
		free(f->parts[k]->folder);
		free(f->parts[k]);
	}
	for (size_t k = 0; k < f->nended; k++)
		datafile_clear(&f->ended[k]);
	mem_clear(&f->rows);
	free(f->parts);
	free(f->ended);
	free(f);
}

/* ---- open files -------------------------------------------------------- */

/* What a round may open anew; as many may be open before it. */
static size_t
half_open(const struct sink_files *f)
{
	return f->o.max_open > 1 ? f->o.max_open / 2 : 1;
}

/* After its writer has worked. */
static void
note_state(struct sink_files *f, struct part *p)
{
	bool begun = parquet_begun(p->writer);

	f->memory -= p->memory;
	p->memory = parquet_memory(p->writer);
	f->memory += p->memory;
	f->nbegun += begun && !p->begun;
	p->begun = begun;
	if (f->memory > f->peaks.memory)
		f->peaks.memory = f->memory;
	if (f->nbegun > f->peaks.open)
		f->peaks.open = f->nbegun;
}

static void
leave_list(struct sink_files *f, struct part *p)
{
	TAILQ_REMOVE(&f->open, p, link);
	f->nopen--;
	f->nbegun -= p->begun;
	f->memory -= p->memory;
	p->memory = 0;
	p->begun = false;
	p->writer = NULL;
}

static void
copy_tuple(struct datafile *d, const struct partition_value *tuple, size_t n)
{
	d->partition = xcalloc(n + 1, sizeof *d->partition);
	d->npartition = n;
	for (size_t k = 0; k < n; k++) {
		d->partition[k] = tuple[k];
		if (!tuple[k].null)
			d->partition[k].data = tuple[k].len == 0
			    ? xmalloc(1)
			    : xmemdup(tuple[k].data, tuple[k].len);
	}
}

/* What was written is on disk: its facts are kept for the commit. */
static void
note_ended(struct sink_files *f, const struct part *p, struct datafile *facts)
{
	copy_tuple(facts, partitioner_tuple(f->partitioner, p->group),
	    f->o.spec->nfields);
	if (f->nended == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->ended = xreallocarray(f->ended, f->cap, sizeof *f->ended);
	}
	f->ended[f->nended++] = *facts;
	f->ended_bytes += (uint64_t)facts->file_size;
}

static int
end_file(struct sink_files *f, struct part *p, struct err *err)
{
	struct parquet_writer *writer = p->writer;
	struct datafile facts = { 0 };

	if (parquet_flush_all(f->o.pool, &writer, 1, err) == -1)
		return -1;
	leave_list(f, p);
	if (parquet_close(writer, &facts, err) == -1)
		return -1;
	note_ended(f, p, &facts);
	return 0;
}

/* The writer to end when there are too many, or too many open files. */
static struct part *
choose_victim(struct sink_files *f, bool begun)
{
	struct part *best = NULL, *p;

	TAILQ_FOREACH(p, &f->open, link)
	{
		if (begun && !p->begun)
			continue;
		if (p->last_batch + 1 < f->batch)
			return p;
		if (best == NULL ||
		    parquet_size(p->writer) > parquet_size(best->writer))
			best = p;
	}
	return best;
}

static int
open_writer(struct sink_files *f, struct part *p, struct err *err)
{
	struct store_file *file;

	if (p->folder == NULL &&
	    (p->folder = sink_folder(&f->o,
		 partitioner_tuple(f->partitioner, p->group), err)) == NULL)
		return -1;
	if ((file = sink_file(&f->o, p->folder, &f->sequence, err)) == NULL)
		return -1;
	p->writer = parquet_open(file, f->o.schema, &f->o.parquet, err);
	if (p->writer == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&f->open, p, link);
	f->nopen++;
	return 0;
}

/* One part for each group there is by now. */
static void
grow_parts(struct sink_files *f)
{
	size_t n = partitioner_ngroups(f->partitioner);

	if (n <= f->nparts)
		return;
	f->parts = xreallocarray(f->parts, n, sizeof(struct part *));
	for (size_t k = f->nparts; k < n; k++) {
		f->parts[k] = xcalloc(1, sizeof **f->parts);
		f->parts[k]->group = (uint32_t)k;
	}
	f->nparts = n;
}

/* Where all could have their file open, row groups may be small. Beyond that
 * only memory keeps files from it. */
static size_t
budget(const struct sink_files *f)
{
	return f->nopen > half_open(f) ? f->o.memory_most : f->o.memory;
}

static int
keep_within_budget(struct sink_files *f, struct err *err)
{
	while (f->memory > budget(f)) {
		struct part *largest = TAILQ_FIRST(&f->open), *p;
		size_t before;

		TAILQ_FOREACH(p, &f->open, link)
		if (p->memory > largest->memory)
			largest = p;
		before = largest->memory;
		if (parquet_flush_all(f->o.pool, &largest->writer, 1, err) ==
		    -1)
			return -1;
		note_state(f, largest);
		if (largest->memory >= before) {
			if (f->nopen == 1)
				break; /* alone it needs what it needs */
			largest = choose_victim(f, false);
		} else if (f->nbegun > half_open(f)) {
			largest = choose_victim(f, true);
		} else {
			continue;
		}
		if (end_file(f, largest, err) == -1)
			return -1;
	}
	return 0;
}

/*
 * Takes rows of different groups from left[0 .. *n), no more of writers that
 * may begin a file than may be opened; what has to wait stays there, in its
 * order. How many were taken, 0 on failure.
 */
static size_t
begin_round(struct sink_files *f, struct sink_rows *left, size_t *n,
    struct parquet_rows *out, struct err *err)
{
	size_t taken = 0, fresh = 0, kept = 0;

	f->round++;
	for (size_t k = 0; k < *n; k++) {
		struct part *p = f->parts[left[k].group];

		if (p->round == f->round ||
		    (!p->begun && fresh == half_open(f))) {
			left[kept++] = left[k];
			continue;
		}
		if (p->writer == NULL && open_writer(f, p, err) == -1)
			return 0;
		TAILQ_REMOVE(&f->open, p, link);
		TAILQ_INSERT_TAIL(&f->open, p, link);
		p->last_batch = f->batch;
		p->round = f->round;
		fresh += !p->begun;
		out[taken++] = (struct parquet_rows){ .writer = p->writer,
			.first = left[k].first,
			.n = left[k].n };
	}
	*n = kept;
	return taken;
}

/* The writers that got rows stand last in the list. */
static int
end_round(struct sink_files *f, struct err *err)
{
	uint64_t round = f->round;
	struct part *p = TAILQ_LAST(&f->open, part_list), *before;

	for (; p != NULL && p->round == round; p = before) {
		before = TAILQ_PREV(p, part_list, link);
		note_state(f, p);
		if (parquet_size(p->writer) >= f->o.file_size &&
		    end_file(f, p, err) == -1)
			return -1;
	}
	while (f->nbegun > half_open(f))
		if (end_file(f, choose_victim(f, true), err) == -1)
			return -1;
	return keep_within_budget(f, err);
}

int
sink_files_append(struct sink_files *f, const struct batch *batch,
    struct sink_rows *rows, size_t n, struct err *err)
{
	struct parquet_rows *out = mem_need(&f->rows, n * sizeof *out);

	grow_parts(f);
	while (n > 0) {
		size_t taken = begin_round(f, rows, &n, out, err);

		if (taken == 0 ||
		    parquet_append_all(f->o.pool, batch, out, taken, err) ==
			-1 ||
		    end_round(f, err) == -1)
			return -1;
	}
	return 0;
}

int
sink_files_end_batch(struct sink_files *f, struct err *err)
{
	struct part *p;

	f->batch++;
	while ((p = TAILQ_FIRST(&f->open)) != NULL &&
	    p->last_batch + f->o.idle_batches < f->batch)
		if (end_file(f, p, err) == -1)
			return -1;
	return 0;
}

struct ending {
	struct parquet_writer **writers;
	struct datafile *facts; /* path NULL: not ended */
};

static int
close_one(void *arg, size_t item, struct err *err)
{
	const struct ending *e = arg;
	struct parquet_writer *w = e->writers[item];

	e->writers[item] = NULL;
	return parquet_close(w, &e->facts[item], err);
}

/* So many at once that disks and threads have work side by side, and no more
 * than may be open. */
static int
end_some(struct sink_files *f, struct err *err)
{
	size_t n = 0, most = f->o.max_open - f->nbegun;
	struct ending e = {
		.writers = xcalloc(f->nopen + 1, sizeof *e.writers),
		.facts = xcalloc(f->nopen + 1, sizeof *e.facts),
	};
	struct part *p;
	int rc;

	TAILQ_FOREACH(p, &f->open, link)
	{
		if (!p->begun && most-- == 0)
			break;
		e.writers[n++] = p->writer;
	}
	rc = parquet_flush_all(f->o.pool, e.writers, n, err);
	if (rc == 0)
		rc = pool_run(f->o.pool, close_one, &e, n, err);
	for (size_t k = 0; k < n; k++) {
		p = TAILQ_FIRST(&f->open);
		if (e.writers[k] != NULL)
			parquet_abort(e.writers[k]);
		else if (e.facts[k].path != NULL)
			note_ended(f, p, &e.facts[k]);
		leave_list(f, p);
	}
	free(e.writers);
	free(e.facts);
	return rc;
}

static int
sync_folders(const struct sink_files *f, struct err *err)
{
	const char **used = xcalloc(f->nparts + 1, sizeof *used);
	size_t n = 0;
	int rc = 0;

	for (size_t k = 0; k < f->nparts; k++)
		if (f->parts[k]->folder != NULL)
			used[n++] = f->parts[k]->folder;
	for (size_t k = 0; rc == 0 && k < n; k++)
		rc = store_sync_dir(used[k], err);
	if (rc == 0 && f->o.warehouse != NULL)
		rc = store_sync_above(used, n, f->o.warehouse, err);
	free(used);
	return rc;
}

int
sink_files_finish(
    struct sink_files *f, struct datafile **files, size_t *n, struct err *err)
{
	while (!TAILQ_EMPTY(&f->open))
		if (end_some(f, err) == -1)
			return -1;
	if (sync_folders(f, err) == -1)
		return -1;
	*files = f->ended;
	*n = f->nended;
	f->ended = NULL;
	f->nended = 0;
	return 0;
}

void
sink_files_remove(struct sink_files *f)
{
	struct err ignored; /* what stays is an orphan that bears our id */

	while (!TAILQ_EMPTY(&f->open)) {
		struct part *p = TAILQ_FIRST(&f->open);

		parquet_abort(p->writer);
		leave_list(f, p);
	}
	for (size_t k = 0; k < f->nended; k++)
		if (store_unlink(f->ended[k].path, &ignored) == -1)
			continue;
}

uint64_t
sink_files_bytes(const struct sink_files *f)
{
	uint64_t bytes = f->ended_bytes;
	const struct part *p;

	TAILQ_FOREACH(p, &f->open, link)
	bytes += parquet_size(p->writer);
	return bytes;
}

size_t
sink_files_count(const struct sink_files *f)
{
	return f->nended + f->nopen;
}

struct sink_peaks
sink_files_peaks(const struct sink_files *f)
{
	return f->peaks;
}
