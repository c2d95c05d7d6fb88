/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only type table: ClickHouse type -> Iceberg type -> how its bytes on
 * the wire become a vec of a batch.
 *
 * Each ClickHouse type has one default and some choices. What decides, in
 * this order: the column's option `as:`; the type the target's column has
 * already, where it is one the default may legally be promoted to (int -> long,
 * float -> double, decimal to more digits), or means the same values or bytes
 * (a UInt64's long or decimal, a UUID's text, a String's binary); for UInt64 the source's largest value; the default.
 *
 * Options are looked up by path: "tags" is the column; "tags.element",
 * "m.key", "m.value" and "t.field" are inside it, as Iceberg writes paths.
 * time, utf8 and duplicates of an outer path hold for all that is inside;
 * as: goes through arrays only.
 */
#ifndef CALVE_TYPEMAP_H
#define CALVE_TYPEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/job.h"
#include "worker/clickhouse/type.h"
#include "worker/source/convert.h"
#include "worker/type.h"

enum map_form {
	MAP_FIXED,  /* fixed-width values -> VEC_FIXED, by convert */
	MAP_TEXT,   /* fixed-width values -> VEC_BYTES, by convert */
	MAP_STRING, /* lengths and bytes -> VEC_BYTES */
	MAP_LABEL,  /* enum values -> VEC_DICT of the labels */
	MAP_LIST,   /* offsets, child[0] -> VEC_LIST */
	MAP_MAP,    /* offsets, child[0] keys, child[1] values -> VEC_LIST */
	MAP_PAIRS,  /* the same -> VEC_LIST of VEC_STRUCT */
	MAP_STRUCT  /* child[k] -> VEC_STRUCT */
};

struct mapping {
	enum map_form form;
	bool nullable;              /* a null map, or slot 0, on the wire */
	bool low_cardinality;       /* a dictionary on the wire */
	bool prefixed;              /* JSON: a version before the strings */
	struct convert convert;     /* MAP_FIXED, MAP_TEXT; utf8: MAP_STRING */
	const struct ch_type *from; /* without Nullable, LowCardinality */
	char *path;                 /* for messages */
	struct mapping *child;
	size_t nchild;
};
void mapping_clear(struct mapping *);

/* The options of a job, and which of them have been used. */
struct typemap_options {
	const struct job_column *columns;
	size_t n;
	bool *used; /* n, the caller's; zeroed at first */
};

/* The options of a column or path, or NULL. */
const struct job_column *typemap_option(
    const struct typemap_options *, const char *path);

/* Is the largest value in the source needed to decide this column (a UInt64
 * with neither an option nor a column in the target)? */
bool typemap_wants_largest(const char *column, const struct ch_type *,
    const struct typemap_options *, const struct type *existing);

/* Can the type only be read as text made by the source, and is that what the
 * option asks for? Then SELECT CAST(column AS String) and map that. */
bool typemap_wants_cast(
    const char *column, const struct ch_type *, const struct typemap_options *);

struct typemap_column {
	const char *name;
	const char *text;            /* the type as the source writes it */
	const struct ch_type *type;  /* outlives the mapping */
	const struct type *existing; /* NULL: the target has no such column */
	bool fits_long;              /* UInt64: the largest value is known to */
};

/* out (zeroed) gets name, required and type; map what to do. Refusals are
 * ERR_TYPE, options that mean nothing here ERR_CONFIG; both name column,
 * type and what to do. On failure nothing is owned by the caller. */
int typemap_resolve(const struct typemap_column *,
    const struct typemap_options *, struct field *out, struct mapping *map,
    struct err *) MUST_USE;

/* ERR_CONFIG when an option names no column or path, or was of no use. */
int typemap_options_check(
    const struct typemap_options *, struct err *) MUST_USE;

/* What `as:` says; precision or length 0 where it leaves them open. False when
 * it is no type. */
bool typemap_parse_as(const char *text, struct type *, bool *trimmed);
/* Equal, or one of Iceberg's promotions (specification, "Schema Evolution",
 * format version 2). */
bool typemap_promotes(const struct type *from, const struct type *to);

#endif
