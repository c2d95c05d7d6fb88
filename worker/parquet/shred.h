/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows of nested columns to one leaf's levels and values.
 */
#ifndef CALVE_PARQUET_SHRED_H
#define CALVE_PARQUET_SHRED_H

#include "common/err.h"
#include "worker/batch.h"
#include "worker/parquet/leaf.h"

/* One leaf's part of some rows. Points into the batch and the thread's
 * scratch: good until the next shred(). */
struct slice {
	size_t nrows;
	size_t nentries;       /* level pairs */
	const uint8_t *def;    /* NULL: max_def is 0 */
	const uint8_t *rep;    /* NULL: max_rep is 0 */
	const struct vec *vec; /* where the values are: */
	size_t nvalues;        /* those that are not NULL, */
	const uint32_t *rows;  /* at these positions, or, when NULL, */
	size_t first;          /* from here on */
};

/* ERR_DATA, naming the column, for a NULL where the schema has required. */
int shred(const struct leaf *, const struct batch *, size_t first, size_t n,
    struct slice *, struct err *) MUST_USE;

/* Upper bound of what these rows take in a page: values in PLAIN form and
 * levels. Cheap but for dictionaries of strings. */
uint64_t shred_cost(
    const struct leaf *, const struct batch *, size_t first, size_t n);

/* ERR_BUG unless the vectors have the shape that the schema asks for. */
int shred_check(
    const struct leaf *, const struct batch *, struct err *) MUST_USE;

#endif
