/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds of a data file's columns as manifests store them: exact values in,
 * cut to what the column's metrics mode allows, never tighter than the data.
 * A bound that is too tight loses rows silently in every engine, so whatever
 * is doubtful yields no bound. (Iceberg specification, Appendix D; metrics
 * modes of the table property write.metadata.metrics.*.)
 */
#ifndef CALVE_ICEBERG_BOUNDS_H
#define CALVE_ICEBERG_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/datafile.h"
#include "worker/type.h"

enum metrics_kind {
	METRICS_NONE, /* neither counts nor bounds */
	METRICS_COUNTS,
	METRICS_TRUNCATE, /* bounds of `length` code points or bytes */
	METRICS_FULL
};
struct metrics_mode {
	enum metrics_kind kind;
	uint32_t length;
};

/* "none", "counts", "truncate(16)", "full", any case; false: none of these */
bool metrics_mode_parse(const char *text, struct metrics_mode *out);

/* Single-value serialized bounds of a value of this type, truncated. Appends
 * to out and returns true, or false: no bound (and out as it was). Malformed
 * input (wrong width, NaN, bad UTF-8) yields no bound. */
bool bound_lower(const struct type *, struct metrics_mode, const uint8_t *,
    size_t n, struct buf *out);
bool bound_upper(const struct type *, struct metrics_mode, const uint8_t *,
    size_t n, struct buf *out);

/* <0, 0, >0 in the type's order, both well-formed single values. */
int value_compare(const struct type *, const uint8_t *a, size_t na,
    const uint8_t *b, size_t nb);
/* Has the width its type demands and is not NaN. */
bool value_is_sound(const struct type *, const uint8_t *, size_t n);
bool value_is_nan(const struct type *, const uint8_t *, size_t n);

/* Modes of a table, by leaf. get() looks a table property up, NULL absent. */
typedef const char *metrics_property(const void *arg, const char *key);
struct metrics_leaf {
	int field_id;
	const struct field *field; /* the schema's */
	struct metrics_mode mode;
};
struct metrics_modes {
	struct metrics_leaf *leaf;
	size_t n;
};
/* One mode a leaf, ascending field ids; the schema must outlive it. The first 100 columns have
 * truncate(16), the others none, unless properties say otherwise; sort columns
 * at least truncate(16). */
void metrics_modes_init(struct metrics_modes *, const struct type *schema,
    const int *sort_ids, size_t nsort, metrics_property *get, const void *arg);
void metrics_modes_clear(struct metrics_modes *);
/* NULL when the schema has no such leaf. */
const struct metrics_leaf *metrics_find(
    const struct metrics_modes *, int field_id);

#endif
