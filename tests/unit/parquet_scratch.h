/* SPDX-License-Identifier: Apache-2.0 */
/* One Parquet file at a time, for the tests of the writer: where it is, how
 * it is begun, filled with sample rows and read back as bytes. */
#ifndef CALVE_PARQUET_SCRATCH_H
#define CALVE_PARQUET_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/sample.h"
#include "worker/parquet/writer.h"
#include "worker/store/store.h"

static char path[64];
static struct err err;

static void
setup(void)
{
	snprintf(path, sizeof(path), "build/unit/parquet.%d", (int)getpid());
	(void)unlink(path);
	memset(&err, 0, sizeof(err));
}

static void
teardown(void)
{
	(void)unlink(path);
}

static struct parquet_writer *
begin(const struct type *schema, const struct parquet_options *o)
{
	struct store_file *f = store_create(path, &err);
	struct parquet_writer *w;

	ck_assert_msg(f != NULL, "%s", err.text);
	w = parquet_open(f, schema, o, &err);
	ck_assert_msg(w != NULL, "%s", err.text);
	return w;
}

/* nbatches of n sample rows; *facts is the caller's. */
static void
write_sample(void (*make)(struct type *), size_t nbatches, size_t n,
    const struct parquet_options *o, struct datafile *facts)
{
	struct type schema;
	struct batch b;
	struct parquet_writer *w;

	make(&schema);
	batch_init(&b, &schema);
	w = begin(&schema, o);
	for (size_t k = 0; k < nbatches; k++) {
		sample_batch(&schema, &b, n, k + 1);
		ck_assert_int_eq(parquet_append(w, &b, 0, n, &err), 0);
	}
	ck_assert_int_eq(parquet_close(w, facts, &err), 0);
	batch_clear(&b);
	type_clear(&schema);
}

static struct buf
whole_file(void)
{
	struct buf b = { 0 };

	ck_assert_int_eq(store_read(path, &b, (size_t)1 << 30, &err), 0);
	return b;
}

#endif
