/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors: their memory, and taking rows out of them.
 *
 * Each setter points the vec at its own memory again, so that a vec may be
 * fixed in one batch and a dictionary in the next. Memory only grows; a vec
 * lives as long as the stream it serves.
 */
#include "worker/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void *
mem_need(struct mem *m, size_t n)
{
	if (m->p == NULL || n > m->cap) {
		size_t cap = m->cap + m->cap / 2;

		if (cap < n)
			cap = n;
		if (cap < 64)
			cap = 64;
		m->p = xreallocarray(m->p, cap, 1);
		m->cap = cap;
	}
	return m->p;
}

void
mem_clear(struct mem *m)
{
	free(m->p);
	*m = (struct mem){ 0 };
}

/* Bytes for n items, refusing to wrap. */
static size_t
bytes_of(size_t n, size_t width)
{
	assert(width == 0 || n <= SIZE_MAX / width);
	return n * width;
}

void
vec_init(struct vec *v, const struct type *t)
{
	*v = (struct vec){ 0 };
	switch (t->kind) {
	case TYPE_STRING:
	case TYPE_BINARY:
		vec_set_offsets(v, VEC_BYTES, 0);
		vec_set_bytes(v, 0);
		return;
	case TYPE_STRUCT:
		v->layout = VEC_STRUCT;
		break;
	case TYPE_LIST:
	case TYPE_MAP:
		vec_set_offsets(v, VEC_LIST, 0);
		break;
	default:
		vec_set_fixed(v, type_width(t), 0);
		return;
	}
	v->nchild = t->nfields;
	v->child = xcalloc(t->nfields > 0 ? t->nfields : 1, sizeof(*v->child));
	for (size_t k = 0; k < t->nfields; k++)
		vec_init(&v->child[k], &t->fields[k].type);
}

void
vec_clear(struct vec *v)
{
	for (size_t k = 0; k < v->nchild; k++)
		vec_clear(&v->child[k]);
	free(v->child);
	if (v->dict != NULL)
		vec_clear(v->dict);
	free(v->dict);
	mem_clear(&v->null_mem);
	mem_clear(&v->value_mem);
	mem_clear(&v->offset_mem);
	*v = (struct vec){ 0 };
}

uint8_t *
vec_set_fixed(struct vec *v, uint32_t width, size_t n)
{
	uint8_t *p = mem_need(&v->value_mem, bytes_of(n, width));

	v->layout = VEC_FIXED;
	v->width = width;
	v->n = n;
	v->null = NULL;
	v->fixed = p;
	return p;
}

uint32_t *
vec_set_offsets(struct vec *v, enum vec_layout layout, size_t n)
{
	uint32_t *p = mem_need(&v->offset_mem, bytes_of(n + 1, sizeof(*p)));

	assert(layout == VEC_BYTES || layout == VEC_LIST);
	v->layout = layout;
	v->n = n;
	v->null = NULL;
	v->offset = p;
	p[0] = 0;
	return p;
}

uint8_t *
vec_set_bytes(struct vec *v, size_t nbytes)
{
	uint8_t *p = mem_need(&v->value_mem, nbytes);

	v->bytes = p;
	return p;
}

uint32_t *
vec_set_index(struct vec *v, size_t n)
{
	uint32_t *p = mem_need(&v->offset_mem, bytes_of(n, sizeof(*p)));

	if (v->dict == NULL)
		v->dict = xcalloc(1, sizeof(*v->dict));
	v->layout = VEC_DICT;
	v->n = n;
	v->null = NULL;
	v->index = p;
	return p;
}

void
vec_set_struct(struct vec *v, size_t n)
{
	assert(v->layout == VEC_STRUCT);
	v->n = n;
	v->null = NULL;
}

uint8_t *
vec_set_null(struct vec *v, size_t n)
{
	uint8_t *p = mem_need(&v->null_mem, n);

	v->n = n;
	v->null = p;
	return p;
}

void
vec_set_all_null(struct vec *v, const struct type *t, size_t n)
{
	uint32_t width = type_width(t);

	switch (t->kind) {
	case TYPE_STRING:
	case TYPE_BINARY:
		memset(vec_set_offsets(v, VEC_BYTES, n), 0,
		    bytes_of(n + 1, sizeof(uint32_t)));
		vec_set_bytes(v, 0);
		break;
	case TYPE_LIST:
	case TYPE_MAP:
		memset(vec_set_offsets(v, VEC_LIST, n), 0,
		    bytes_of(n + 1, sizeof(uint32_t)));
		for (size_t k = 0; k < v->nchild; k++)
			vec_set_all_null(&v->child[k], &t->fields[k].type, 0);
		break;
	case TYPE_STRUCT:
		vec_set_struct(v, n);
		for (size_t k = 0; k < v->nchild; k++)
			vec_set_all_null(&v->child[k], &t->fields[k].type, n);
		break;
	default:
		memset(vec_set_fixed(v, width, n), 0, bytes_of(n, width));
		break;
	}
	memset(vec_set_null(v, n), 1, n);
}

/* ---- taking rows ---------------------------------------------------------- */

static void
take_fixed(
    struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n)
{
	uint32_t width = src->width;
	uint8_t *to = vec_set_fixed(dst, width, n);
	const uint8_t *from = src->fixed;

	switch (width) {
	case 1:
		for (size_t i = 0; i < n; i++)
			to[i] = from[rows[i]];
		break;
	case 4:
		for (size_t i = 0; i < n; i++)
			memcpy(to + 4 * i, from + 4 * (size_t)rows[i], 4);
		break;
	case 8:
		for (size_t i = 0; i < n; i++)
			memcpy(to + 8 * i, from + 8 * (size_t)rows[i], 8);
		break;
	case 16:
		for (size_t i = 0; i < n; i++)
			memcpy(to + 16 * i, from + 16 * (size_t)rows[i], 16);
		break;
	default:
		for (size_t i = 0; i < n; i++)
			memcpy(to + i * width, from + (size_t)rows[i] * width,
			    width);
		break;
	}
}

/* Sets dst's offsets to the lengths of the rows taken; their sum in *total. */
static uint32_t *
take_offsets(struct vec *dst, enum vec_layout layout, const uint32_t *off,
    const uint32_t *rows, size_t n, size_t *total)
{
	uint32_t *to = vec_set_offsets(dst, layout, n);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += off[rows[i] + 1] - off[rows[i]];
		to[i + 1] = (uint32_t)sum;
	}
	/* rows of one batch, each at most once: the sum fits as it did there */
	assert(sum <= UINT32_MAX);
	*total = sum;
	return to;
}

static void
take_bytes(
    struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n)
{
	const uint32_t *off = src->offset;
	size_t total;
	uint32_t *to = take_offsets(dst, VEC_BYTES, off, rows, n, &total);
	uint8_t *p = vec_set_bytes(dst, total);

	for (size_t i = 0; i < n; i++)
		memcpy(p + to[i], src->bytes + off[rows[i]], to[i + 1] - to[i]);
}

/* The view borrows src's buffers: its own memory stays empty, so that
 * clearing dst frees nothing of src. */
static void
take_dict(
    struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n)
{
	uint32_t *to = vec_set_index(dst, n);

	for (size_t i = 0; i < n; i++)
		to[i] = src->index[rows[i]];
	vec_clear(dst->dict);
	*dst->dict = *src->dict;
	dst->dict->null_mem = (struct mem){ 0 };
	dst->dict->value_mem = (struct mem){ 0 };
	dst->dict->offset_mem = (struct mem){ 0 };
}

static void
take_list(
    struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n)
{
	const uint32_t *off = src->offset;
	size_t total;
	uint32_t *to = take_offsets(dst, VEC_LIST, off, rows, n, &total);
	uint32_t *elements =
	    xreallocarray(NULL, total > 0 ? total : 1, sizeof(*elements));

	for (size_t i = 0; i < n; i++) {
		uint32_t from = off[rows[i]], at = to[i];

		for (uint32_t k = 0; k < to[i + 1] - at; k++)
			elements[at + k] = from + k;
	}
	for (size_t k = 0; k < src->nchild; k++)
		vec_take(&dst->child[k], &src->child[k], elements, total);
	free(elements);
}

static void
take_shape(struct vec *dst, const struct vec *src)
{
	if (dst->nchild == src->nchild)
		return;
	assert(dst->nchild == 0);
	dst->child = xcalloc(src->nchild, sizeof(*dst->child));
	dst->nchild = src->nchild;
}

void
vec_take(struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n)
{
	take_shape(dst, src);
	switch (src->layout) {
	case VEC_FIXED:
		take_fixed(dst, src, rows, n);
		break;
	case VEC_BYTES:
		take_bytes(dst, src, rows, n);
		break;
	case VEC_DICT:
		take_dict(dst, src, rows, n);
		break;
	case VEC_LIST:
		take_list(dst, src, rows, n);
		break;
	case VEC_STRUCT:
		dst->layout = VEC_STRUCT;
		vec_set_struct(dst, n);
		for (size_t k = 0; k < src->nchild; k++)
			vec_take(&dst->child[k], &src->child[k], rows, n);
		break;
	}
	if (src->null != NULL) {
		uint8_t *to = vec_set_null(dst, n);

		for (size_t i = 0; i < n; i++)
			to[i] = src->null[rows[i]];
	}
}

void
batch_init(struct batch *b, const struct type *schema)
{
	*b = (struct batch){ .ncols = schema->nfields };
	b->cols = xcalloc(b->ncols > 0 ? b->ncols : 1, sizeof(*b->cols));
	for (size_t col = 0; col < b->ncols; col++)
		vec_init(&b->cols[col], &schema->fields[col].type);
}

void
batch_clear(struct batch *b)
{
	for (size_t col = 0; col < b->ncols; col++)
		vec_clear(&b->cols[col]);
	free(b->cols);
	*b = (struct batch){ 0 };
}

size_t
vec_memory(const struct vec *v)
{
	size_t n = v->null_mem.cap + v->value_mem.cap + v->offset_mem.cap;

	if (v->dict != NULL)
		n += sizeof(*v->dict) + vec_memory(v->dict);
	for (size_t k = 0; k < v->nchild; k++)
		n += sizeof(*v->child) + vec_memory(&v->child[k]);
	return n;
}
