/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: what stands around the columns' data. native_column.c reads that.
 */
#include "worker/source/native.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/native_column.h"

enum { NAME_MAX_BYTES = 1 << 16 };

struct native {
	const struct native_column *columns;
	size_t n;
	struct node *nodes;              /* one a column */
	struct batch batches[2], *batch; /* the one read last */
	struct mem *types;               /* type text seen last, one a column */
	size_t *type_lens;               /* 0: none accepted yet */
	struct mem text;
	struct mem *raw; /* of keep_raw columns */
};

static void
batch_begin(struct batch *b, const struct native_column *columns, size_t n)
{
	b->ncols = n;
	b->cols = xcalloc(n, sizeof(*b->cols));
	for (size_t i = 0; i < n; i++)
		vec_init(&b->cols[i], columns[i].target);
}

struct native *
native_new(const struct native_column *columns, size_t n)
{
	struct native *nv = xcalloc(1, sizeof(*nv));

	nv->columns = columns;
	nv->n = n;
	nv->nodes = xcalloc(n, sizeof(*nv->nodes));
	nv->types = xcalloc(n, sizeof(*nv->types));
	nv->type_lens = xcalloc(n, sizeof(*nv->type_lens));
	nv->raw = xcalloc(n, sizeof(*nv->raw));
	for (size_t k = 0; k < 2; k++)
		batch_begin(&nv->batches[k], columns, n);
	nv->batch = &nv->batches[0];
	for (size_t i = 0; i < n; i++)
		node_init(&nv->nodes[i], columns[i].map, columns[i].keep_raw);
	return nv;
}

void
native_free(struct native *nv)
{
	if (nv == NULL)
		return;
	for (size_t i = 0; i < nv->n; i++) {
		node_clear(&nv->nodes[i]);
		mem_clear(&nv->types[i]);
		mem_clear(&nv->raw[i]);
	}
	mem_clear(&nv->text);
	batch_clear(&nv->batches[0]);
	batch_clear(&nv->batches[1]);
	free(nv->nodes);
	free(nv->types);
	free(nv->type_lens);
	free(nv->raw);
	free(nv);
}

static int
read_text(struct native *nv, struct stream *in, size_t max, size_t *len,
    struct err *err)
{
	uint64_t n;

	if (stream_varint(in, &n, err) == -1)
		return -1;
	if (n > max)
		return err_set(err, ERR_DATA,
		    "corrupt stream: a column name "
		    "or type of %llu bytes",
		    (unsigned long long)n);
	*len = (size_t)n;
	return stream_read_mem(in, &nv->text, *len, err);
}

static int
check_name(
    struct native *nv, struct stream *in, const char *name, struct err *err)
{
	size_t len = 0;

	if (read_text(nv, in, NAME_MAX_BYTES, &len, err) == -1)
		return -1;
	if (strlen(name) != len || memcmp(nv->text.p, name, len) != 0)
		return err_set(err, ERR_DATA,
		    "corrupt stream: column '%.200s' "
		    "was asked for, another one came",
		    name);
	return 0;
}

/* The text is parsed only when it differs from the block before. */
static int
check_type(struct native *nv, struct stream *in, size_t col, struct err *err)
{
	const struct native_column *c = &nv->columns[col];
	struct ch_type type;
	struct mem seen;
	size_t len = 0;
	bool same;

	if (read_text(nv, in, CH_TYPE_TEXT_MAX, &len, err) == -1)
		return -1;
	if (len > 0 && len == nv->type_lens[col] &&
	    memcmp(nv->text.p, nv->types[col].p, len) == 0)
		return 0;
	if (ch_type_parse(nv->text.p, len, &type, err) == -1) {
		ch_type_clear(&type);
		return err_prefix(
		    err, "corrupt stream: column '%.200s'", c->name);
	}
	same = ch_type_equal(&type, c->type);
	ch_type_clear(&type);
	if (!same)
		return err_set(err, ERR_DATA,
		    "column '%.200s' has changed its "
		    "type to '%.*s' since it was looked up; run it again",
		    c->name, len > 100 ? 100 : (int)len,
		    (const char *)nv->text.p);
	seen = nv->types[col];
	nv->types[col] = nv->text;
	nv->text = seen;
	nv->type_lens[col] = len;
	return 0;
}

static int
read_columns(struct native *nv, struct stream *in, size_t rows, struct err *err)
{
	for (size_t i = 0; i < nv->n; i++) {
		if (check_name(nv, in, nv->columns[i].name, err) == -1 ||
		    check_type(nv, in, i, err) == -1)
			return -1;
		if (rows > 0 &&
		    (node_prefix(&nv->nodes[i], in, err) == -1 ||
			node_read(&nv->nodes[i], in, rows, &nv->batch->cols[i],
			    err) == -1))
			return -1;
	}
	return 0;
}

int
native_next(struct native *nv, struct stream *in, const struct batch **out,
    struct err *err)
{
	uint64_t columns, rows;
	int end;

	nv->batch = &nv->batches[nv->batch == nv->batches];
	do {
		stream_renew(in);
		end = stream_at_end(in, err);
		if (end != 0)
			return end == 1 ? 0 : -1;
		if (stream_varint(in, &columns, err) == -1 ||
		    stream_varint(in, &rows, err) == -1)
			return -1;
		if (columns == 0 && rows == 0)
			continue; /* an empty result of older servers */
		if (columns != nv->n || rows > NATIVE_ROWS_MAX)
			return err_set(err, ERR_DATA,
			    "corrupt stream: a block "
			    "of %llu columns and %llu rows, where %zu columns "
			    "were asked for",
			    (unsigned long long)columns,
			    (unsigned long long)rows, nv->n);
		if (read_columns(nv, in, (size_t)rows, err) == -1)
			return -1;
	} while (rows == 0);
	nv->batch->nrows = (size_t)rows;
	*out = nv->batch;
	return 1;
}

const int64_t *
native_raw(struct native *nv, size_t col)
{
	int64_t *to = mem_need(&nv->raw[col], nv->batch->nrows * sizeof(*to));

	node_raw(&nv->nodes[col], &nv->batch->cols[col], to);
	return to;
}
