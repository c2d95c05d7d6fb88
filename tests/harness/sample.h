/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of made-up rows for any schema, and their values as text, for tests
 * that write what others read. The same seed gives the same rows.
 *
 * Parts of a field's name choose what its values look like:
 *   _low     few distinct        _sorted  rising          _const   one
 *   _null    NULL only           _nan     NaN only        _dict    VEC_DICT
 *   _long    strings past the 64th byte, alike before it
 * Otherwise random, with the type's extremes strewn in. Optional fields have
 * NULLs, lists and maps empty ones.
 */
#ifndef CALVE_TESTS_SAMPLE_H
#define CALVE_TESTS_SAMPLE_H

#include <stdio.h>

#include "worker/batch.h"

/* Fills a batch_init()ed batch with n rows. */
void sample_batch(
    const struct type *schema, struct batch *, size_t n, uint64_t seed);
/* Value i of a vec as JSON: null, true, "integers" (decimals unscaled),
 * "bits in hex" of floats or "NaN", "hex of bytes", arrays of elements, of
 * a struct's fields, of [key, value]. */
void sample_print(FILE *, const struct type *, const struct vec *, size_t i);
/* The same for the schema: [{"name": .., "type": ..}, ...]. */
void sample_print_schema(FILE *, const struct type *schema);

/* Top-level columns of every type, required and optional. */
void sample_flat_schema(struct type *);
/* Lists, maps and structs in each other. */
void sample_nested_schema(struct type *);
/* n columns of changing types. */
void sample_wide_schema(struct type *, size_t n);
/* Columns with nothing but NULLs or NaNs, strings at the truncation point. */
void sample_odd_schema(struct type *);

#endif
