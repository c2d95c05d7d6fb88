/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a batch as numbers: each value as the source delivered it. */
#include "worker/sink/native_digest_own.h"

static inline __int128
load(const uint8_t *from, uint32_t width)
{
	__int128 wide = 0;
	int64_t eight;
	int32_t four;

	switch (width) {
	case 1:
		return *from;
	case 4:
		memcpy(&four, from, 4);
		return four;
	case 8:
		memcpy(&eight, from, 8);
		return eight;
	default:
		memcpy(&wide, from, 16);
		return wide;
	}
}

static double
load_float(const uint8_t *from, uint32_t width)
{
	float narrow;
	double wide;

	if (width == 8) {
		memcpy(&wide, from, 8);
		return wide;
	}
	memcpy(&narrow, from, 4);
	return narrow;
}

static void
put_fixed(const struct vec *v, const struct type *t, uint64_t *out)
{
	uint32_t width = type_width(t);

	switch (t->kind) {
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		for (size_t k = 0; k < v->n; k++)
			out[k] = digest_double(
			    load_float(v->fixed + k * width, width));
		break;
	case TYPE_UUID:
	case TYPE_FIXED:
		for (size_t k = 0; k < v->n; k++)
			out[k] = digest_bytes(v->fixed + k * width, width);
		break;
	default:
		for (size_t k = 0; k < v->n; k++)
			out[k] =
			    digest_integer(load(v->fixed + k * width, width));
		break;
	}
}

static void put(const struct vec *, const struct type *, uint64_t *out);

static void
put_lists(const struct vec *v, const struct type *t, uint64_t *out)
{
	struct mem mem = { NULL, 0 };
	uint64_t *elements = mem_need(&mem, v->child[0].n * 8);

	put(&v->child[0], &t->fields[0].type, elements);
	for (size_t k = 0; k < v->n; k++)
		out[k] = digest_list(
		    elements + v->offset[k], v->offset[k + 1] - v->offset[k]);
	mem_clear(&mem);
}

/* out: a number for each value. */
static void
put(const struct vec *v, const struct type *t, uint64_t *out)
{
	struct vec plain = { 0 };
	const uint8_t *null = v->null;

	if (v->layout == VEC_DICT) {
		vec_take(&plain, v->dict, v->index, v->n);
		v = &plain;
	}
	if (t->kind == TYPE_LIST)
		put_lists(v, t, out);
	else if (v->layout == VEC_FIXED)
		put_fixed(v, t, out);
	else
		for (size_t k = 0; k < v->n; k++)
			out[k] = digest_bytes(v->bytes + v->offset[k],
			    v->offset[k + 1] - v->offset[k]);
	for (size_t k = 0; k < v->n && null != NULL; k++)
		if (null[k] != 0)
			out[k] = digest_null;
	vec_clear(&plain);
}

void
native_digest_batch(struct native_digest *d, const struct batch *b)
{
	uint64_t *rows = mem_need(&d->rows, b->nrows * 8);
	uint64_t *values = mem_need(&d->column, b->nrows * 8);
	int64_t *timestamps = mem_need(&d->timestamps, b->nrows * 8);
	const struct vec *ts = &b->cols[d->timestamp];

	d->nrows = b->nrows;
	memset(rows, 0, b->nrows * 8);
	for (size_t i = 0; i < b->ncols; i++) {
		put(&b->cols[i], &d->incoming->fields[i].type, values);
		for (size_t k = 0; k < b->nrows; k++)
			rows[k] = digest_mix(rows[k], values[k]);
	}
	for (size_t k = 0; k < b->nrows; k++)
		timestamps[k] =
		    digest_clamp(load(ts->fixed + k * ts->width, ts->width));
}
