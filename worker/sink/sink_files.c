/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files are open, and which one has to go.
 *
 * Open files stand in a list, least recently used first. Over the memory
 * budget, the largest open row group is written out; where that gives nothing
 * back, the writers themselves are too many and one ends its file. The victim
 * is the one idle for longest; when all are in use (buckets, say), the one
 * with the largest file among those that this batch is done with, so that
 * files do not become ever smaller.
 */
#include "worker/sink/sink_files.h"

#include <sys/queue.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/murmur3.h"

#define FILE_SIZE_DEFAULT ((uint64_t)512 << 20)
#define MEMORY_DEFAULT ((size_t)64 << 20)

enum {
	OPEN_DEFAULT = 512,
	OPEN_MIN = 4,
	FILES_FOR_OTHERS = 64, /* connections, metadata, logs */
	IDLE_DEFAULT = 32,
	OPEN_FILE_BYTES = 1 << 16, /* an open file's own buffer */
	COMPONENT_MAX = 255,       /* NAME_MAX of every common file system */
	COMPONENT_KEPT = 200,
	SEQUENCE_MAX = 10000000
};

/* One partition of this step: a group of the partitioner. */
struct part {
	uint32_t group;
	char *folder;                  /* exists; NULL: not made yet */
	struct parquet_writer *writer; /* NULL: no open file */
	size_t memory;                 /* of writer, as last asked */
	uint64_t last_batch;           /* that had rows for it */
	TAILQ_ENTRY(part) link;        /* while open */
};
TAILQ_HEAD(part_list, part);

struct sink_files {
	struct sink_options o;
	const struct partitioner *partitioner;
	struct part **parts; /* by group */
	size_t nparts;
	struct part_list open; /* least recently used first */
	size_t nopen, memory;
	uint64_t batch;    /* number of the current one */
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
	free(f->parts);
	free(f->ended);
	free(f);
}

/* ---- names ------------------------------------------------------------- */

/* Values of any length make folder names that no file system takes: such a
 * name keeps its beginning and gets a hash of the whole. */
static char *
shorten_components(const char *path)
{
	struct buf out;
	char *result;

	buf_init(&out, 0);
	for (const char *p = path; *p != '\0';) {
		size_t n = strcspn(p, "/"), kept = COMPONENT_KEPT;

		if (n > COMPONENT_MAX) {
			while (p[kept - 1] == '%' || p[kept - 2] == '%')
				kept--;
			buf_put(&out, p, kept);
			buf_printf(&out, "~%08x",
			    murmur3_bytes((const uint8_t *)p, n));
		} else {
			buf_put(&out, p, n);
		}
		p += n;
		if (*p == '/') {
			buf_put_u8(&out, '/');
			p++;
		}
	}
	result = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	return result;
}

static int
make_folder(struct sink_files *f, struct part *p, struct err *err)
{
	char *path = partition_path(f->o.spec, f->o.schema,
	    partitioner_tuple(f->partitioner, p->group));
	char *shorter = shorten_components(path);
	char *folder = xasprintf(
	    "%s/data%s%s", f->o.folder, shorter[0] != '\0' ? "/" : "", shorter);

	free(path);
	free(shorter);
	if (store_mkdirs(folder, err) == -1) {
		free(folder);
		return -1;
	}
	p->folder = folder;
	return 0;
}

/* An earlier attempt of the same run may have left files of this name: they
 * are never written over, the number goes on. */
static struct store_file *
create_file(struct sink_files *f, const struct part *p, struct err *err)
{
	for (;;) {
		struct store_file *file;
		char *path = xasprintf("%s/00000-%u-%s-%05u.parquet", p->folder,
		    f->o.step, f->o.run_id, f->sequence++);

		file = store_create(path, err);
		free(path);
		if (file != NULL || err->sys != EEXIST ||
		    f->sequence > SEQUENCE_MAX)
			return file;
		err_clear(err);
	}
}

/* ---- open files -------------------------------------------------------- */

static void
note_memory(struct sink_files *f, struct part *p)
{
	f->memory -= p->memory;
	p->memory = OPEN_FILE_BYTES + parquet_memory(p->writer);
	f->memory += p->memory;
	if (f->memory > f->peaks.memory)
		f->peaks.memory = f->memory;
}

static void
leave_open_list(struct sink_files *f, struct part *p)
{
	TAILQ_REMOVE(&f->open, p, link);
	f->nopen--;
	f->memory -= p->memory;
	p->memory = 0;
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

static int
end_file(struct sink_files *f, struct part *p, struct err *err)
{
	struct parquet_writer *writer = p->writer;
	struct datafile facts = { 0 };

	leave_open_list(f, p);
	if (parquet_close(writer, &facts, err) == -1)
		return -1;
	copy_tuple(&facts, partitioner_tuple(f->partitioner, p->group),
	    f->o.spec->nfields);
	if (f->nended == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->ended = xreallocarray(f->ended, f->cap, sizeof *f->ended);
	}
	f->ended[f->nended++] = facts;
	f->ended_bytes += (uint64_t)facts.file_size;
	return 0;
}

/* The file to end when there are too many, never that of `keep`. Where each
 * batch comes back to every partition, those that had their rows already are
 * wanted last. */
static struct part *
choose_victim(struct sink_files *f, const struct part *keep)
{
	struct part *first = TAILQ_FIRST(&f->open), *best = NULL, *p;

	if (first != keep && first->last_batch + 1 < f->batch)
		return first;
	TAILQ_FOREACH(p, &f->open, link) /* those served stand last */
	if (p != keep &&
	    (best == NULL || p->last_batch > best->last_batch ||
		parquet_size(p->writer) > parquet_size(best->writer)))
		best = p;
	return best;
}

static int
open_file(struct sink_files *f, struct part *p, struct err *err)
{
	struct store_file *file;

	while (f->nopen >= f->o.max_open) {
		struct part *victim = choose_victim(f, p);

		if (end_file(f, victim, err) == -1)
			return -1;
	}
	if (p->folder == NULL && make_folder(f, p, err) == -1)
		return -1;
	if ((file = create_file(f, p, err)) == NULL)
		return -1;
	p->writer = parquet_open(file, f->o.schema, &f->o.parquet, err);
	if (p->writer == NULL)
		return -1;
	TAILQ_INSERT_TAIL(&f->open, p, link);
	if (++f->nopen > f->peaks.open)
		f->peaks.open = f->nopen;
	return 0;
}

static struct part *
part_of_group(struct sink_files *f, uint32_t group)
{
	if (group >= f->nparts) {
		size_t n = partitioner_ngroups(f->partitioner);

		f->parts = xreallocarray(f->parts, n, sizeof(struct part *));
		for (size_t k = f->nparts; k < n; k++) {
			f->parts[k] = xcalloc(1, sizeof **f->parts);
			f->parts[k]->group = (uint32_t)k;
		}
		f->nparts = n;
	}
	return f->parts[group];
}

static int
keep_within_budget(
    struct sink_files *f, const struct part *current, struct err *err)
{
	while (f->memory > f->o.memory) {
		struct part *largest = TAILQ_FIRST(&f->open), *p;
		size_t before;

		TAILQ_FOREACH(p, &f->open, link)
		if (p->memory > largest->memory)
			largest = p;
		before = largest->memory;
		if (parquet_flush(largest->writer, err) == -1)
			return -1;
		note_memory(f, largest);
		if (largest->memory < before)
			continue;
		if (f->nopen == 1)
			break; /* a writer alone needs what it needs */
		if (end_file(f, choose_victim(f, current), err) == -1)
			return -1;
	}
	return 0;
}

int
sink_files_append(struct sink_files *f, uint32_t group,
    const struct batch *batch, size_t first, size_t n, struct err *err)
{
	struct part *p = part_of_group(f, group);

	if (p->writer == NULL && open_file(f, p, err) == -1)
		return -1;
	TAILQ_REMOVE(&f->open, p, link);
	TAILQ_INSERT_TAIL(&f->open, p, link);
	p->last_batch = f->batch;
	if (parquet_append(p->writer, batch, first, n, err) == -1)
		return -1;
	note_memory(f, p);
	if (parquet_size(p->writer) >= f->o.file_size)
		return end_file(f, p, err);
	return keep_within_budget(f, p, err);
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

int
sink_files_finish(
    struct sink_files *f, struct datafile **files, size_t *n, struct err *err)
{
	while (!TAILQ_EMPTY(&f->open))
		if (end_file(f, TAILQ_FIRST(&f->open), err) == -1)
			return -1;
	for (size_t k = 0; k < f->nparts; k++)
		if (f->parts[k]->folder != NULL &&
		    store_sync_dir(f->parts[k]->folder, err) == -1)
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
		leave_open_list(f, p);
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
