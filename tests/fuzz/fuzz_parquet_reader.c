/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Parquet reader over arbitrary bytes, as a file in memory, and, since
 * few of those look like Parquet, over sound files with some bytes changed:
 * an input that begins with 'M' chooses a file by its second byte and then
 * lists places and what to put there.
 */
#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "tests/harness/sample.h"
#include "worker/parquet/reader.h"
#include "worker/parquet/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { NSOUND = 6 };
static struct buf sound[NSOUND];

static void
make_sound(unsigned which, const char *folder)
{
	struct parquet_options o = { .preset = which % 3,
		.zstd_level = which < 3 ? 3 : 0,
		.page_rows = 20,
		.row_group_rows = 60 };
	struct type schema = { .kind = TYPE_STRUCT };
	struct err err = { 0 };
	struct batch b;
	struct datafile facts = { 0 };
	char *path = xasprintf("%s/%u", folder, which);
	struct store_file *f = store_create(path, &err);
	struct parquet_writer *w;

	type_add_field(&schema, "a_low", false, TYPE_LONG)->id = 1;
	type_add_field(&schema, "b", true, TYPE_INT)->id = 2;
	type_add_field(&schema, "c", which % 2 == 0, TYPE_INT)->id = 3;
	batch_init(&b, &schema);
	sample_batch(&schema, &b, 100, which);
	if (f == NULL || (w = parquet_open(f, &schema, &o, &err)) == NULL ||
	    parquet_append(w, &b, 0, 100, &err) == -1 ||
	    parquet_close(w, &facts, &err) == -1 ||
	    store_read(path, &sound[which], 1 << 20, &err) == -1)
		abort();
	unlink(path);
	free(path);
	datafile_clear(&facts);
	batch_clear(&b);
	type_clear(&schema);
}

static void
make_all_sound(void)
{
	char folder[] = "/tmp/fuzz_parquet.XXXXXX";

	if (mkdtemp(folder) == NULL)
		abort();
	for (unsigned k = 0; k < NSOUND; k++)
		make_sound(k, folder);
	rmdir(folder);
}

static int
look(void *arg, const int64_t *values, const uint8_t *null, size_t n)
{
	uint64_t *sum = arg;

	for (size_t k = 0; k < n; k++)
		*sum += null != NULL && null[k] ? 1 : (uint64_t)values[k];
	return 0;
}

static void
read_all(const uint8_t *data, size_t n)
{
	struct err err = { 0 };
	uint64_t sum = 0;
	char path[64];
	int fd = memfd_create("fuzz", 0);

	if (fd == -1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, n) != (ssize_t)n)
		abort();
	for (int id = 1; id <= 3; id++)
		if (parquet_read_column(path, id, look, &sum, &err) == -1 &&
		    err.cls != ERR_STORE)
			abort();
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct buf *from;
	uint8_t *copy;

	if (sound[0].data == NULL)
		make_all_sound();
	if (n < 2 || data[0] != 'M') {
		read_all(data, n);
		return 0;
	}
	from = &sound[data[1] % NSOUND];
	copy = xmemdup(from->data, from->len);
	for (size_t k = 2; k + 3 <= n; k += 3)
		copy[(data[k] | data[k + 1] << 8) % from->len] = data[k + 2];
	read_all(copy, from->len);
	free(copy);
	return 0;
}
