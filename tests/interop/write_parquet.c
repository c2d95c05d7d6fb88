/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes Parquet files of every type, nesting and preset into a folder, and
 * next to each a JSON file with the values it must hold. read_parquet.mjs
 * reads them with readers that are not ours.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "tests/harness/sample.h"
#include "worker/parquet/writer.h"

struct plan {
	const char *name;
	void (*schema)(struct type *);
	size_t nbatches, nrows; /* rows of each batch */
	struct parquet_options options;
};

static void
wide(struct type *schema)
{
	sample_wide_schema(schema, 300);
}

static const struct plan plans[] = {
	{ "flat-compat", sample_flat_schema, 3, 2500, { .zstd_level = 3 } },
	{ "flat-compact", sample_flat_schema, 3, 2500,
	    { PARQUET_COMPACT, .zstd_level = 3, .page_rows = 700 } },
	{ "flat-dense", sample_flat_schema, 3, 2500,
	    { PARQUET_DENSE, .zstd_level = 3, .row_group_rows = 3000 } },
	{ "flat-plain", sample_flat_schema, 3, 2500,
	    { .page_rows = 100, .row_group_rows = 1111 } },
	{ "flat-pages", sample_flat_schema, 2, 3000,
	    { PARQUET_DENSE, .zstd_level = 1, .page_bytes = 512 } },
	{ "nested-compat", sample_nested_schema, 3, 2000,
	    { .zstd_level = 3, .page_rows = 300 } },
	{ "nested-compact", sample_nested_schema, 3, 2000,
	    { PARQUET_COMPACT, .zstd_level = 3, .row_group_rows = 1500 } },
	{ "nested-dense", sample_nested_schema, 3, 2000,
	    { PARQUET_DENSE, .zstd_level = 3, .page_bytes = 300 } },
	{ "wide", wide, 2, 200, { .zstd_level = 3 } },
	{ "odd", sample_odd_schema, 3, 1000,
	    { .zstd_level = 3, .page_rows = 100, .row_group_rows = 800 } },
	{ "odd-dense", sample_odd_schema, 2, 1000,
	    { PARQUET_DENSE, .zstd_level = 19, .page_rows = 100 } },
	{ "one-row", sample_flat_schema, 1, 1, { .zstd_level = 3 } },
	{ "empty", sample_flat_schema, 0, 0, { .zstd_level = 3 } },
	{ "many-groups", sample_flat_schema, 2, 600,
	    { .zstd_level = 3, .row_group_rows = 20 } },
	{ "large", sample_odd_schema, 5, 12000, { .zstd_level = 3 } },
	{ "large-flat", sample_flat_schema, 1, 30000,
	    { PARQUET_COMPACT, .zstd_level = 3 } },
};

static void
print_rows(
    FILE *out, const struct type *schema, const struct batch *b, bool *first)
{
	for (size_t i = 0; i < b->nrows; i++) {
		fputs(*first ? "" : ",\n", out);
		*first = false;
		for (size_t col = 0; col < b->ncols; col++) {
			fputc(col > 0 ? ',' : '[', out);
			sample_print(
			    out, &schema->fields[col].type, &b->cols[col], i);
		}
		fputc(']', out);
	}
}

/* Hands a batch over in pieces, as partitioned and split windows do. */
static int
append(struct parquet_writer *w, const struct batch *b, struct err *err)
{
	size_t at = 0, piece = 1;

	while (at < b->nrows) {
		size_t n = b->nrows - at < piece ? b->nrows - at : piece;

		if (parquet_append(w, b, at, n, err) == -1)
			return -1;
		at += n;
		piece = piece * 3 + 1;
	}
	return 0;
}

static int
write_one(const char *folder, const struct plan *p, struct err *err)
{
	char *path = xasprintf("%s/%s.parquet", folder, p->name);
	char *json = xasprintf("%s/%s.json", folder, p->name);
	FILE *out = fopen(json, "w");
	struct store_file *file = store_create(path, err);
	struct parquet_writer *w = NULL;
	struct type schema;
	struct batch b;
	struct datafile facts = { 0 };
	bool first = true;
	int rc = -1;

	if (out == NULL)
		errx(1, "cannot create '%s'", json);
	p->schema(&schema);
	batch_init(&b, &schema);
	fputs("{\"schema\":", out);
	sample_print_schema(out, &schema);
	fputs(",\"rows\":[\n", out);
	if (file == NULL ||
	    (w = parquet_open(file, &schema, &p->options, err)) == NULL)
		goto out;
	for (size_t k = 0; k < p->nbatches; k++) {
		sample_batch(&schema, &b, p->nrows, k + 1);
		print_rows(out, &schema, &b, &first);
		if (append(w, &b, err) == -1)
			goto out;
	}
	rc = parquet_close(w, &facts, err);
	w = NULL;
out:
	parquet_abort(w);
	fputs("]}\n", out);
	fclose(out);
	datafile_clear(&facts);
	batch_clear(&b);
	type_clear(&schema);
	free(path);
	free(json);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err err = { 0 };

	if (argc != 2)
		errx(2, "usage: write_parquet FOLDER");
	for (size_t k = 0; k < sizeof(plans) / sizeof(plans[0]); k++)
		if (write_one(argv[1], &plans[k], &err) == -1)
			errx(1, "%s: %s", plans[k].name, err.text);
	return 0;
}
