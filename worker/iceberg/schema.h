/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Iceberg schemas: JSON form, field ids, evolution. (Iceberg specification,
 * "Schemas", "Schema Evolution", Appendix C "JSON serialization".)
 */
#ifndef CALVE_ICEBERG_SCHEMA_H
#define CALVE_ICEBERG_SCHEMA_H

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/type.h"

/* Gives every field without an id one, level by level as Iceberg's Java code
 * does: top level first, then each nested level. *last_id is the highest id
 * ever used by the table, raised here. */
void schema_assign_ids(struct type *schema, int *last_id);

/* {"type":"struct","schema-id":N,"fields":[...]} ; new reference, NULL when a
 * name is not UTF-8 */
json_t *schema_to_json(const struct type *schema, int schema_id);
/* Untrusted input: depth, counts and names are bounded. ERR_TABLE. */
int schema_from_json(
    const json_t *, struct type *out, int *schema_id, struct err *) MUST_USE;

/*
 * The table's schema after an append of rows shaped like `incoming` (no ids):
 *   a new column is added at the end, optional (older files lack it);
 *   int -> long, float -> double, decimal(P) -> decimal(P'>=P) are promoted,
 *     also inside structs, lists and map values (never map keys);
 *   a required field that incoming may leave NULL, or that incoming lacks,
 *     becomes optional, unless its id is in pinned (partition or sort
 *     source, window column): ERR_TYPE that says so;
 *   any other difference is ERR_TYPE naming column and both types.
 * out (owned by the caller) keeps the table's ids, order and names; columns
 * match by name. *changed tells whether it differs from table. Each change is
 * appended to notes as one line ending in '\n'.
 */
int schema_evolve(const struct type *table, const struct type *incoming,
    const int *pinned, size_t npinned, int *last_id, struct type *out,
    bool *changed, struct buf *notes, struct err *) MUST_USE;

#endif
