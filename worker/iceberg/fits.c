/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compatibility of files with a table that has moved on, see fits.h.
 *
 * A newer schema is no hindrance by itself: readers project by field id. An
 * append that brings a schema of its own was worked out against base's, so
 * that any change there makes it void. Partition specs live on when a new one
 * becomes the default, so files of the old one fit as long as it is listed.
 */
#include <inttypes.h>
#include <string.h>

#include "worker/iceberg/fits.h"
#include "worker/iceberg/metadata.h"

static bool
promotes(const struct type *from, const struct type *to)
{
	if (from->kind == TYPE_DECIMAL && to->kind == TYPE_DECIMAL)
		return from->scale == to->scale &&
		    from->precision <= to->precision;
	if (from->kind == TYPE_FIXED && to->kind == TYPE_FIXED)
		return from->length == to->length;
	return from->kind == to->kind ||
	    (from->kind == TYPE_INT && to->kind == TYPE_LONG) ||
	    (from->kind == TYPE_FLOAT && to->kind == TYPE_DOUBLE);
}

static const struct field *
child_by_id(const struct type *type, int id)
{
	for (size_t i = 0; i < type->nfields; i++)
		if (type->fields[i].id == id)
			return &type->fields[i];
	return NULL;
}

bool
schema_fits(const struct type *file, const struct type *table)
{
	if (!promotes(file, table))
		return false;
	for (size_t i = 0; i < table->nfields; i++) {
		const struct field *want = &table->fields[i];
		const struct field *have = child_by_id(file, want->id);
		if (have == NULL) {
			if (want->required)
				return false;
			continue;
		}
		if (want->required && !have->required)
			return false;
		if (!schema_fits(&have->type, &want->type))
			return false;
	}
	return true;
}

int
table_fits(const struct table *base, const struct table *fresh,
    const struct append *a, struct err *err)
{
	struct snapshot s;

	if (strcmp(base->uuid, fresh->uuid) != 0)
		return err_set(err, ERR_CONFLICT,
		    "the table in '%s' was "
		    "replaced by another one during the run",
		    base->folder);
	/* not by this call: its own attempts that land end it */
	if (table_find_snapshot(fresh, a->snapshot_id, &s))
		return err_set(err, ERR_CONFLICT,
		    "another process committed "
		    "to '%s' under this run's snapshot id %" PRId64,
		    base->folder, a->snapshot_id);
	if (!json_equal(metadata_spec(base, base->spec.id),
		metadata_spec(fresh, base->spec.id)))
		return err_set(err, ERR_CONFLICT,
		    "the partition spec of the "
		    "table in '%s' changed during the run",
		    base->folder);
	if (fresh->schema_id == base->schema_id &&
	    (a->schema == NULL ||
		metadata_schema_id(base, a->schema) ==
		    metadata_schema_id(fresh, a->schema)))
		return 0;
	if (a->schema != NULL || !schema_fits(&base->schema, &fresh->schema))
		return err_set(err, ERR_CONFLICT,
		    "the schema of the table in "
		    "'%s' changed during the run",
		    base->folder);
	return 0;
}
