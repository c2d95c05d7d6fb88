/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's metadata may be anybody's: whatever JSON says, reading a schema
 * and a partition spec ends in a struct that survives a round trip, or in an
 * error that says why not.
 */
#include <jansson.h>
#include <stdlib.h>

#include "worker/iceberg/partition.h"
#include "worker/iceberg/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
try_schema(const json_t *json, struct type *schema)
{
	struct err err = { 0 };
	struct type again;
	json_t *out;
	int id, id_again;

	if (schema_from_json(json, schema, &id, &err) == -1) {
		require(err.cls == ERR_TABLE && err.text[0] != '\0');
		return;
	}
	out = schema_to_json(schema, id);
	require(out != NULL);
	require(schema_from_json(out, &again, &id_again, &err) == 0);
	require(id == id_again && type_equal(schema, &again));
	type_clear(&again);
	json_decref(out);
}

static void
try_evolution(const struct type *schema)
{
	struct type copy, out;
	struct buf notes;
	struct err err = { 0 };
	int last_id = type_highest_id(schema);
	bool changed;

	type_copy(&copy, schema);
	buf_init(&notes, 1 << 20);
	require(schema_evolve(schema, &copy, NULL, 0, &last_id, &out, &changed,
		    &notes, &err) == 0 &&
	    !changed);
	buf_clear(&notes);
	type_clear(&copy);
	type_clear(&out);
}

static void
try_spec(const json_t *json, const struct type *schema)
{
	struct partition_spec spec, again;
	struct err err = { 0 };
	json_t *out;

	if (partition_spec_from_json(json, &spec, &err) == -1) {
		require(err.cls == ERR_TABLE && err.text[0] != '\0');
		return;
	}
	out = partition_spec_to_json(&spec);
	require(out != NULL);
	require(partition_spec_from_json(out, &again, &err) == 0);
	require(partition_spec_equal(&spec, &again));
	if (partition_spec_check(&spec, schema, &err) == -1)
		require(err.cls == ERR_TABLE);
	partition_spec_clear(&spec);
	partition_spec_clear(&again);
	json_decref(out);
}

/* {"schema": ..., "spec": ...}, or one of the two alone. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_t *json = json_loadb(
	    (const char *)data, n, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	const json_t *schema_json, *spec_json;
	struct type schema = { .kind = TYPE_STRUCT };

	if (json == NULL)
		return 0;
	schema_json = json_object_get(json, "schema");
	spec_json = json_object_get(json, "spec");
	try_schema(schema_json != NULL ? schema_json : json, &schema);
	if (schema.kind == TYPE_STRUCT)
		try_evolution(&schema);
	try_spec(spec_json != NULL ? spec_json : json, &schema);
	type_clear(&schema);
	json_decref(json);
	return 0;
}
