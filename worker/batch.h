/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct batch: rows as columns, the one form in which data passes through
 * the worker: source -> batch -> sink.
 *
 * A vec holds the n values of one node of the type tree, in the form that
 * type_width() names, so that fixed-width data needs no further conversion:
 *
 *   type                      layout      where the values are
 *   boolean int long float    VEC_FIXED   fixed: n * width bytes, little-
 *   double decimal date time              endian; uuid and fixed: raw bytes,
 *   timestamp(tz) uuid fixed              uuid big-endian
 *   string binary             VEC_BYTES   value i = bytes[offset[i] ..
 *                                         offset[i+1])
 *   any leaf                  VEC_DICT    value i = dict value index[i];
 *                                         dict is a VEC_FIXED/VEC_BYTES vec
 *                                         without nulls, may hold unused and
 *                                         duplicate entries
 *   list                      VEC_LIST    elements offset[i] .. offset[i+1)
 *   map                                   of child[0] (list) or of child[0]
 *                                         = keys and child[1] = values (map)
 *   struct                    VEC_STRUCT  child[k], each of n values
 *
 * null[i] != 0 says value i is NULL; null == NULL says none is. Under a NULL
 * the value is readable junk (fixed), empty (bytes, list) or 0 (index).
 * Offsets start at 0 and never fall; list offsets index the child's values.
 *
 * Buffers belong to the vec and are reused from batch to batch (vec_reset
 * keeps the memory); pointers are good until the next change of that vec.
 */
#ifndef CALVE_BATCH_H
#define CALVE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "worker/type.h"

enum vec_layout { VEC_FIXED, VEC_BYTES, VEC_DICT, VEC_LIST, VEC_STRUCT };

/* One reusable allocation. */
struct mem {
	void *p;
	size_t cap;
};
/* Room for n bytes, contents kept up to the old size; never NULL. */
void *mem_need(struct mem *, size_t n);
void mem_clear(struct mem *);

struct vec {
	enum vec_layout layout;
	uint32_t width; /* VEC_FIXED */
	size_t n;
	const uint8_t *null;    /* n bytes, or NULL */
	const uint8_t *fixed;   /* VEC_FIXED */
	const uint8_t *bytes;   /* VEC_BYTES */
	const uint32_t *offset; /* VEC_BYTES, VEC_LIST: n + 1 */
	const uint32_t *index;  /* VEC_DICT: n */
	struct vec *dict;       /* VEC_DICT */
	struct vec *child;      /* VEC_LIST, VEC_STRUCT */
	size_t nchild;

	/* the memory behind the pointers above; a shallow copy of a vec is a
	 * view: it may be read, never reset or cleared */
	struct mem null_mem, value_mem, offset_mem;
};

struct batch {
	size_t nrows;
	size_t ncols;
	struct vec *cols; /* cols[i]->n == nrows */
};

/* Shapes vec for type (children and all); zeroed vec in. */
void vec_init(struct vec *, const struct type *);
void vec_clear(struct vec *);
/* n values, writable storage for them; previous contents are gone. */
uint8_t *vec_set_fixed(struct vec *, uint32_t width, size_t n);
uint32_t *vec_set_offsets(struct vec *, enum vec_layout, size_t n);
uint8_t *vec_set_bytes(struct vec *, size_t nbytes); /* after offsets */
uint32_t *vec_set_index(struct vec *, size_t n);     /* allocates dict */
void vec_set_struct(struct vec *, size_t n);
/* After the other setters, each of which says "none is NULL". */
uint8_t *vec_set_null(struct vec *, size_t n);
/* n NULLs of this type. */
void vec_set_all_null(struct vec *, const struct type *, size_t n);

/* dst = the rows rows[0..n) of src, in that order. Used to route rows to
 * their partitions; dictionaries are shared (dst's is a view of src's). */
void vec_take(
    struct vec *dst, const struct vec *src, const uint32_t *rows, size_t n);

void batch_init(struct batch *, const struct type *schema);
void batch_clear(struct batch *);
size_t vec_memory(const struct vec *); /* bytes held */

#endif
