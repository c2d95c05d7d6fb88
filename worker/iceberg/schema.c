/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field ids and the JSON form of a schema. What is read comes from a file
 * that anybody may have written: depth, counts, names, ids and every length
 * are bounded here, so that the rest of the worker may trust a struct type.
 */
#include "worker/iceberg/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum {
	DEPTH_MAX = 64,
	FIELDS_MAX = 100000,
	NAME_BYTES_MAX = 4096,
	DOC_BYTES_MAX = 1 << 16,
	FIXED_MAX = 1 << 24,
	/* Ids above are reserved for metadata columns (Iceberg specification,
	 * "Reserved Field IDs"). */
	ID_MAX = INT32_MAX - 200
};

static const struct {
	const char *name;
	enum type_kind kind;
} primitives[] = {
	{ "boolean", TYPE_BOOLEAN },
	{ "int", TYPE_INT },
	{ "long", TYPE_LONG },
	{ "float", TYPE_FLOAT },
	{ "double", TYPE_DOUBLE },
	{ "date", TYPE_DATE },
	{ "time", TYPE_TIME },
	{ "timestamp", TYPE_TIMESTAMP },
	{ "timestamptz", TYPE_TIMESTAMPTZ },
	{ "string", TYPE_STRING },
	{ "uuid", TYPE_UUID },
	{ "binary", TYPE_BINARY },
};
enum { NPRIMITIVES = sizeof primitives / sizeof primitives[0] };

/* ---- ids --------------------------------------------------------------- */

static void
assign_level(struct type *type, int *last_id)
{
	for (size_t k = 0; k < type->nfields; k++)
		if (type->fields[k].id == 0)
			type->fields[k].id = ++*last_id;
	for (size_t k = 0; k < type->nfields; k++)
		assign_level(&type->fields[k].type, last_id);
}

void
schema_assign_ids(struct type *schema, int *last_id)
{
	int highest = type_highest_id(schema);

	if (highest > *last_id)
		*last_id = highest;
	assign_level(schema, last_id);
}

/* ---- to JSON ----------------------------------------------------------- */

static json_t *type_to_json(const struct type *);

static json_t *
primitive_to_json(const struct type *type)
{
	char text[40];

	if (type->kind == TYPE_DECIMAL) {
		snprintf(text, sizeof text, "decimal(%u, %u)",
		    (unsigned)type->precision, (unsigned)type->scale);
		return json_string(text);
	}
	if (type->kind == TYPE_FIXED) {
		snprintf(text, sizeof text, "fixed[%u]", type->length);
		return json_string(text);
	}
	for (size_t k = 0; k < NPRIMITIVES; k++)
		if (primitives[k].kind == type->kind)
			return json_string(primitives[k].name);
	return NULL;
}

/* Sets obj[key]; what could not be made (a name that is not UTF-8) makes the
 * whole NULL. Takes value also when obj is NULL. */
static json_t *
with(json_t *obj, const char *key, json_t *value)
{
	if (json_object_set_new(obj, key, value) == 0)
		return obj;
	json_decref(obj);
	return NULL;
}

static json_t *
fields_to_json(const struct type *type)
{
	json_t *array = json_array();

	for (size_t k = 0; k < type->nfields; k++) {
		const struct field *f = &type->fields[k];
		json_t *o = json_object();

		o = with(o, "id", json_integer(f->id));
		o = with(o, "name", json_string(f->name));
		o = with(o, "required", json_boolean(f->required));
		o = with(o, "type", type_to_json(&f->type));
		if (f->doc != NULL)
			o = with(o, "doc", json_string(f->doc));
		if (json_array_append_new(array, o) == -1) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
type_to_json(const struct type *type)
{
	json_t *o;

	if (!type_is_nested(type))
		return primitive_to_json(type);
	o = json_object();
	if (type->kind == TYPE_STRUCT) {
		o = with(o, "type", json_string("struct"));
		return with(o, "fields", fields_to_json(type));
	}
	if (type->kind == TYPE_LIST) {
		const struct field *e = &type->fields[0];

		o = with(o, "type", json_string("list"));
		o = with(o, "element-id", json_integer(e->id));
		o = with(o, "element", type_to_json(&e->type));
		return with(o, "element-required", json_boolean(e->required));
	}
	const struct field *key = &type->fields[0], *value = &type->fields[1];

	o = with(o, "type", json_string("map"));
	o = with(o, "key-id", json_integer(key->id));
	o = with(o, "key", type_to_json(&key->type));
	o = with(o, "value-id", json_integer(value->id));
	o = with(o, "value", type_to_json(&value->type));
	return with(o, "value-required", json_boolean(value->required));
}

json_t *
schema_to_json(const struct type *schema, int schema_id)
{
	json_t *o = json_object();

	o = with(o, "type", json_string("struct"));
	o = with(o, "schema-id", json_integer(schema_id));
	return with(o, "fields", fields_to_json(schema));
}

/* ---- from JSON --------------------------------------------------------- */

struct reader {
	struct err *err;
	int *ids; /* all seen, to find duplicates at the end */
	size_t nids, cap;
};

static int read_type(struct reader *, const json_t *, struct type *, int depth);

static int
read_decimal(const char *text, struct type *out)
{
	unsigned precision, scale;
	int end = -1;

	if (sscanf(text, "decimal( %3u , %3u )%n", &precision, &scale, &end) !=
		2 ||
	    end == -1 || text[end] != '\0')
		return -1;
	if (precision < 1 || precision > 38 || scale > precision)
		return -1;
	out->kind = TYPE_DECIMAL;
	out->precision = (uint8_t)precision;
	out->scale = (uint8_t)scale;
	return 0;
}

static int
read_fixed(const char *text, struct type *out)
{
	unsigned length;
	int end = -1;

	if (sscanf(text, "fixed[ %9u ]%n", &length, &end) != 1 || end == -1 ||
	    text[end] != '\0' || length < 1 || length > FIXED_MAX)
		return -1;
	out->kind = TYPE_FIXED;
	out->length = length;
	return 0;
}

static int
read_primitive(struct reader *r, const json_t *json, struct type *out)
{
	const char *text = json_string_value(json);

	for (size_t k = 0; k < NPRIMITIVES; k++)
		if (strcmp(text, primitives[k].name) == 0) {
			out->kind = primitives[k].kind;
			return 0;
		}
	if (read_decimal(text, out) == 0 || read_fixed(text, out) == 0)
		return 0;
	return err_set(r->err, ERR_TABLE,
	    "type '%.200s' is not one of "
	    "Iceberg's format version 2",
	    text);
}

static int
read_id(struct reader *r, const json_t *obj, const char *key, int *out)
{
	const json_t *v = json_object_get(obj, key);
	json_int_t id = json_integer_value(v);

	if (!json_is_integer(v) || id < 1 || id > ID_MAX)
		return err_set(r->err, ERR_TABLE,
		    "'%s' is not a number from 1 to %d", key, (int)ID_MAX);
	if (r->nids == FIELDS_MAX)
		return err_set(
		    r->err, ERR_TABLE, "more than %d fields", (int)FIELDS_MAX);
	if (r->nids == r->cap) {
		r->cap = r->cap == 0 ? 64 : r->cap * 2;
		r->ids = xreallocarray(r->ids, r->cap, sizeof *r->ids);
	}
	r->ids[r->nids++] = (int)id;
	*out = (int)id;
	return 0;
}

static int
read_bool(struct reader *r, const json_t *obj, const char *key, bool *out)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_boolean(v))
		return err_set(
		    r->err, ERR_TABLE, "'%s' is not true or false", key);
	*out = json_is_true(v);
	return 0;
}

/* A text of at most max bytes without NUL, or NULL. */
static const char *
read_text(const json_t *v, size_t max)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	return s != NULL && n <= max && strlen(s) == n ? s : NULL;
}

static int
read_field(struct reader *r, const json_t *json, struct type *parent, int depth)
{
	const char *name =
	    read_text(json_object_get(json, "name"), NAME_BYTES_MAX);
	const json_t *doc = json_object_get(json, "doc");
	struct field *f;

	if (name == NULL || name[0] == '\0')
		return err_set(r->err, ERR_TABLE,
		    "field %zu has no name of "
		    "1 to %d bytes",
		    parent->nfields, (int)NAME_BYTES_MAX);
	f = type_add_field(parent, name, false, TYPE_BOOLEAN);
	if (doc != NULL && !json_is_null(doc)) {
		const char *text = read_text(doc, DOC_BYTES_MAX);

		if (text != NULL)
			f->doc = xstrdup(text);
	}
	if (read_id(r, json, "id", &f->id) == -1 ||
	    read_bool(r, json, "required", &f->required) == -1 ||
	    read_type(r, json_object_get(json, "type"), &f->type, depth) == -1)
		return err_prefix(r->err, "field '%.200s'", name);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int
refuse_same_names(struct reader *r, const struct type *type)
{
	const char **names =
	    xreallocarray(NULL, type->nfields + 1, sizeof *names);
	int rc = 0;

	for (size_t k = 0; k < type->nfields; k++)
		names[k] = type->fields[k].name;
	qsort(names, type->nfields, sizeof *names, compare_names);
	for (size_t k = 1; k < type->nfields && rc == 0; k++)
		if (strcmp(names[k - 1], names[k]) == 0)
			rc = err_set(r->err, ERR_TABLE,
			    "two fields have the name '%.200s'", names[k]);
	free(names);
	return rc;
}

static int
read_struct(struct reader *r, const json_t *json, struct type *out, int depth)
{
	const json_t *fields = json_object_get(json, "fields");
	size_t n = json_array_size(fields);

	out->kind = TYPE_STRUCT;
	if (!json_is_array(fields) || n > FIELDS_MAX)
		return err_set(r->err, ERR_TABLE,
		    "'fields' is not an array of at most %d", (int)FIELDS_MAX);
	for (size_t k = 0; k < n; k++)
		if (read_field(r, json_array_get(fields, k), out, depth) == -1)
			return -1;
	return refuse_same_names(r, out);
}

static int
read_list(struct reader *r, const json_t *json, struct type *out, int depth)
{
	struct field *e;

	out->kind = TYPE_LIST;
	e = type_add_field(out, "element", false, TYPE_BOOLEAN);
	if (read_id(r, json, "element-id", &e->id) == -1 ||
	    read_bool(r, json, "element-required", &e->required) == -1)
		return -1;
	return read_type(r, json_object_get(json, "element"), &e->type, depth);
}

static int
read_map(struct reader *r, const json_t *json, struct type *out, int depth)
{
	struct field *f;

	out->kind = TYPE_MAP;
	type_add_field(out, "key", true, TYPE_BOOLEAN);
	type_add_field(out, "value", false, TYPE_BOOLEAN);
	f = out->fields;
	if (read_id(r, json, "key-id", &f[0].id) == -1 ||
	    read_id(r, json, "value-id", &f[1].id) == -1 ||
	    read_bool(r, json, "value-required", &f[1].required) == -1 ||
	    read_type(r, json_object_get(json, "key"), &f[0].type, depth) == -1)
		return -1;
	return read_type(r, json_object_get(json, "value"), &f[1].type, depth);
}

static int
read_type(struct reader *r, const json_t *json, struct type *out, int depth)
{
	const char *kind;

	if (json_is_string(json))
		return read_primitive(r, json, out);
	if (depth >= DEPTH_MAX)
		return err_set(r->err, ERR_TABLE,
		    "types are nested deeper than %d levels", (int)DEPTH_MAX);
	kind = json_string_value(json_object_get(json, "type"));
	if (kind != NULL && strcmp(kind, "struct") == 0)
		return read_struct(r, json, out, depth + 1);
	if (kind != NULL && strcmp(kind, "list") == 0)
		return read_list(r, json, out, depth + 1);
	if (kind != NULL && strcmp(kind, "map") == 0)
		return read_map(r, json, out, depth + 1);
	return err_set(r->err, ERR_TABLE,
	    "'type' is neither a type's name nor a struct, list or map");
}

static int
compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int
refuse_same_ids(struct reader *r)
{
	if (r->nids == 0)
		return 0;
	qsort(r->ids, r->nids, sizeof *r->ids, compare_ids);
	for (size_t k = 1; k < r->nids; k++)
		if (r->ids[k - 1] == r->ids[k])
			return err_set(r->err, ERR_TABLE,
			    "two fields have the id %d", r->ids[k]);
	return 0;
}

int
schema_from_json(
    const json_t *json, struct type *out, int *schema_id, struct err *err)
{
	struct reader r = { .err = err };
	const json_t *id = json_object_get(json, "schema-id");
	int rc = -1;

	memset(out, 0, sizeof *out);
	out->kind = TYPE_STRUCT;
	*schema_id = 0;
	if (!json_is_object(json)) {
		err_set(err, ERR_TABLE, "it is not a JSON object");
		goto out;
	}
	/* Tables upgraded from version 1 may have one schema without an id. */
	if (id != NULL) {
		json_int_t n = json_integer_value(id);

		if (!json_is_integer(id) || n < 0 || n > INT32_MAX) {
			err_set(err, ERR_TABLE,
			    "'schema-id' is not a number "
			    "from 0 to %d",
			    INT32_MAX);
			goto out;
		}
		*schema_id = (int)n;
	}
	if (read_struct(&r, json, out, 0) == -1 || refuse_same_ids(&r) == -1)
		goto out;
	rc = 0;
out:
	free(r.ids);
	if (rc == -1) {
		type_clear(out);
		err_prefix(err, "schema");
	}
	return rc;
}
