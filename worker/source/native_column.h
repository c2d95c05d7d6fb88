/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of one column in a Native block, by recursive descent over its
 * mapping. Only the native_*.c files and native.c include this.
 */
#ifndef CALVE_NATIVE_COLUMN_H
#define CALVE_NATIVE_COLUMN_H

#include "worker/clickhouse/stream.h"
#include "worker/typemap.h"

/* The decoder's side of a mapping: the memory one node reuses. */
struct node {
	const struct mapping *map;
	bool keep_raw;
	struct mem raw; /* wire values before conversion */
	struct mem null, skip;
	struct vec text;   /* strings before they are recoded */
	struct mem labels; /* MAP_LABEL: value -> index */
	struct node *child;
};

void node_init(struct node *, const struct mapping *, bool keep_raw);
void node_clear(struct node *);
/* State prefixes of the whole subtree, which stand before all data. */
int node_prefix(struct node *, struct stream *, struct err *) MUST_USE;
/* n values into v, which is shaped for the mapping's target type. */
int node_read(struct node *, struct stream *, size_t n, struct vec *v,
    struct err *) MUST_USE;
/* Wire values of a keep_raw node as numbers; v is what node_read() filled. */
void node_raw(const struct node *, const struct vec *v, int64_t *to);

/* ---- between native_column.c and native_leaf.c ---- */

int node_corrupt(const struct node *, const char *what, struct err *);
/* n values as they come: strings into v, all else into the node's raw
 * memory, or straight into v where nothing remains to be done. */
int leaf_read(struct node *, struct stream *, size_t n, struct vec *v,
    struct err *) MUST_USE;
/* 0 converted; 1 a value that is not skipped does not fit (leaf_bad_value()
 * says so, and another call may skip more of them); -1 error. */
int leaf_convert(struct node *, size_t n, const uint8_t *skip, struct vec *v,
    struct err *) MUST_USE;
int leaf_bad_value(const struct node *, struct err *);
void leaf_empty(const struct node *, struct vec *v);

/* ERR_DATA when two keys of one map are equal. offset as in a VEC_LIST. */
int map_check_duplicates(const char *path, const uint32_t *offset, size_t n,
    const struct vec *keys, struct err *) MUST_USE;

#endif
