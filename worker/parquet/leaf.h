/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves of a schema: Parquet's columns, each with its way down the type
 * tree, its levels and its physical type. (Parquet LogicalTypes.md; format.md
 * 2.4; the levels of Dremel as in Parquet's README, "Nested Encoding".)
 */
#ifndef CALVE_PARQUET_LEAF_H
#define CALVE_PARQUET_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/parquet/statistics.h"
#include "worker/type.h"

/* parquet.thrift, Type */
enum physical {
	PHYSICAL_BOOLEAN = 0,
	PHYSICAL_INT32 = 1,
	PHYSICAL_INT64 = 2,
	PHYSICAL_FLOAT = 4,
	PHYSICAL_DOUBLE = 5,
	PHYSICAL_BYTE_ARRAY = 6,
	PHYSICAL_FIXED = 7
};

/* Deepest nesting, so that levels and thrift's recursion stay small. */
enum { LEAF_DEPTH = 64 };

struct step {
	const struct field *field;
	uint32_t child; /* of the batch, then of the vec above */
	bool optional;
	bool repeated; /* a list or map: values are its elements' */
	uint8_t def;   /* level of a value here that is not NULL; an
				 * element of it has one more */
	uint8_t rep;   /* repeated: level of its further elements */
};

struct leaf {
	const struct field *field;
	struct step *steps; /* top-level field first, the leaf last */
	size_t nsteps;
	const char **names; /* path_in_schema */
	size_t nnames;
	char *title; /* "a.b.element", for messages */
	enum physical physical;
	enum stats_order order;
	uint32_t width; /* PLAIN bytes of a value, 0: byte array;
				 * booleans 1, as long as they are unpacked */
	uint8_t max_def, max_rep;
};

/* All leaves in depth-first order; ERR_TYPE for what Parquet cannot hold. */
int leaves_of(const struct type *schema, struct leaf **out, size_t *n,
    struct err *) MUST_USE;
void leaves_free(struct leaf *, size_t n);
/* Physical type of a leaf's type; *width as above. */
enum physical physical_of(const struct type *, uint32_t *width);

#endif
