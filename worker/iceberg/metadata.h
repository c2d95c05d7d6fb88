/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table metadata: JSON in, struct table out, and the JSON of the next version.
 * (Iceberg specification, "Table Metadata", Appendix C.) Pure: no files.
 *
 * What calve does not know in a foreign table's JSON is carried over as it is.
 */
#ifndef CALVE_ICEBERG_METADATA_H
#define CALVE_ICEBERG_METADATA_H

#include <stdint.h>

#include <jansson.h>

#include "common/err.h"
#include "worker/iceberg/table.h"

/* Untrusted text. Fills all of a table but folder and version. NULL:
 * ERR_TABLE. */
struct table *metadata_parse(const void *text, size_t n, struct err *) MUST_USE;
/* The same from JSON in memory, whose reference it takes. */
struct table *metadata_load(json_t *root_take, struct err *) MUST_USE;

/* JSON of a table's first version; new reference. NULL: ERR_TYPE when a name
 * is not UTF-8. */
json_t *metadata_create(const struct table_create *, const char *uuid,
    const char *location, int64_t now_ms, struct err *) MUST_USE;

struct metadata_append {
	int64_t snapshot_id;
	const char *manifest_list; /* as recorded */
	const char *metadata_file; /* of the version before, as recorded */
	json_t *summary;           /* borrowed */
	const struct type *schema; /* new current one, or NULL */
	int last_column_id;
	const struct kv *properties;
	size_t nproperties;
	const int64_t *expired; /* ids of snapshots to leave out */
	size_t nexpired;
	int64_t now_ms;
};
/* JSON of the version after t, with one snapshot more on main; new reference.
 * t is left as it was. */
json_t *metadata_append(const struct table *t, const struct metadata_append *,
    struct err *) MUST_USE;

/* As it stands in a version's file; out is initialised. */
int metadata_text(const json_t *root, struct buf *out, struct err *) MUST_USE;

/* The id that this schema has or will have in t. */
int metadata_schema_id(const struct table *t, const struct type *schema);
/* Any schema or spec by id, NULL when there is none. */
const json_t *metadata_schema(const struct table *t, int id);
const json_t *metadata_spec(const struct table *t, int id);
int64_t metadata_sequence_number(const struct table *t);

#endif
