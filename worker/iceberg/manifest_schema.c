/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splices partition fields into schemas/avro/manifest_entry.avsc and sets
 * their values.
 *
 * Names that Avro does not allow are escaped as Iceberg's Java code does
 * ("-" is "_x2D", a leading digit gets an underscore), the true name goes
 * into iceberg-field-name. Every fixed type is defined where it is used,
 * under a name of its own, since some readers do not follow references.
 */
#include <stdio.h>
#include <string.h>

#include "common/xalloc.h"
#include "embedded/avsc.h"
#include "worker/iceberg/bounds.h"
#include "worker/iceberg/manifest_schema.h"

/* Bytes of the fixed that holds decimal(P, S): the fewest that fit. */
static size_t
decimal_size(unsigned precision)
{
	__int128 most = 1;
	size_t n = 1;

	for (unsigned i = 0; i < precision && i < 38; i++)
		most *= 10;
	most -= 1;
	while (n < 16 && most >> (8 * n - 1) != 0)
		n++;
	return n;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* *escaped tells whether it differs from name. */
static char *
avro_name(const char *name, bool *escaped)
{
	struct buf out;

	buf_init(&out, 0);
	*escaped = false;
	if (is_digit(name[0]) || name[0] == '\0') {
		buf_put_u8(&out, '_');
		*escaped = true;
	}
	for (const char *p = name; *p != '\0'; p++) {
		if (is_letter(*p) || is_digit(*p)) {
			buf_put_u8(&out, (uint8_t)*p);
			continue;
		}
		buf_printf(&out, "_x%X", (unsigned)(uint8_t)*p);
		*escaped = true;
	}
	char *copy = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	return copy;
}

static json_t *
fixed_type(const char *prefix, int field_id, size_t size, const char *logical)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%d", prefix, field_id);
	json_t *o = json_pack("{s:s, s:s, s:I}", "type", "fixed", "name", name,
	    "size", (json_int_t)size);
	if (logical != NULL)
		json_object_set_new(o, "logicalType", json_string(logical));
	return o;
}

static json_t *
logical_type(const char *type, const char *logical)
{
	return json_pack("{s:s, s:s}", "type", type, "logicalType", logical);
}

static json_t *
avro_type(const struct type *type, int field_id)
{
	char prefix[32];
	json_t *o;

	switch (type->kind) {
	case TYPE_BOOLEAN:
		return json_string("boolean");
	case TYPE_INT:
		return json_string("int");
	case TYPE_LONG:
		return json_string("long");
	case TYPE_FLOAT:
		return json_string("float");
	case TYPE_DOUBLE:
		return json_string("double");
	case TYPE_STRING:
		return json_string("string");
	case TYPE_BINARY:
		return json_string("bytes");
	case TYPE_DATE:
		return logical_type("int", "date");
	case TYPE_TIME:
		return logical_type("long", "time-micros");
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		o = logical_type("long", "timestamp-micros");
		json_object_set_new(o, "adjust-to-utc",
		    json_boolean(type->kind == TYPE_TIMESTAMPTZ));
		return o;
	case TYPE_UUID:
		return fixed_type("uuid_fixed", field_id, 16, "uuid");
	case TYPE_FIXED:
		snprintf(
		    prefix, sizeof(prefix), "fixed_%u", (unsigned)type->length);
		return fixed_type(prefix, field_id, type->length, NULL);
	case TYPE_DECIMAL:
		snprintf(prefix, sizeof(prefix), "decimal_%u_%u",
		    (unsigned)type->precision, (unsigned)type->scale);
		o = fixed_type(
		    prefix, field_id, decimal_size(type->precision), "decimal");
		json_object_set_new(
		    o, "precision", json_integer(type->precision));
		json_object_set_new(o, "scale", json_integer(type->scale));
		return o;
	default:
		return NULL;
	}
}

static json_t *
partition_fields(const struct partition_spec *spec, const struct type *types,
    struct err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < spec->nfields; i++) {
		const struct partition_field *f = &spec->fields[i];
		json_t *type = avro_type(&types[i], f->field_id);
		if (type == NULL) {
			json_decref(list);
			err_set(err, ERR_TABLE,
			    "partition field '%s' has a "
			    "type that cannot be one",
			    f->name);
			return NULL;
		}
		bool escaped;
		char *name = avro_name(f->name, &escaped);
		json_t *o = json_pack("{s:s, s:[s, o], s:n, s:i}", "name", name,
		    "type", "null", type, "default", "field-id", f->field_id);
		if (escaped)
			json_object_set_new(
			    o, "iceberg-field-name", json_string(f->name));
		json_array_append_new(list, o);
		free(name);
	}
	return list;
}

/* The element of an array of records' fields with that name. */
static json_t *
field_named(const json_t *record, const char *name)
{
	const json_t *fields = json_object_get(record, "fields");

	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *field = json_array_get(fields, i);
		if (strcmp(json_string_value(json_object_get(field, "name")),
			name) == 0)
			return json_object_get(field, "type");
	}
	return NULL;
}

json_t *
manifest_schema(const struct partition_spec *spec, const struct type *types,
    struct err *err)
{
	json_t *fields = partition_fields(spec, types, err);

	if (fields == NULL)
		return NULL;
	json_t *root = json_loads(avsc_manifest_entry, 0, NULL);
	json_t *record =
	    field_named(field_named(root, "data_file"), "partition");
	if (json_object_set_new(record, "fields", fields) == -1) {
		json_decref(root);
		err_set(err, ERR_BUG, "manifest schema cannot be made");
		return NULL;
	}
	return root;
}

static void
set_decimal(
    struct av_value v, const struct type *type, const uint8_t *p, size_t n)
{
	uint8_t fixed[16];
	size_t size = decimal_size(type->precision);

	memset(fixed, (p[0] & 0x80) != 0 ? 0xff : 0, sizeof(fixed));
	memcpy(fixed + size - n, p, n);
	av_set_bytes(v, fixed, size);
}

int
partition_set(struct av_value v, const struct type *type,
    const struct partition_value *value, struct err *err)
{
	const uint8_t *p = value->data;
	size_t n = value->len;
	int32_t small;
	int64_t large;
	float f;
	double d;

	if (value->null) {
		av_set_null(v);
		return 0;
	}
	if ((!value_is_sound(type, p, n) && !value_is_nan(type, p, n)) ||
	    (type->kind == TYPE_DECIMAL && n > decimal_size(type->precision)))
		return err_set(err, ERR_BUG, "partition value is malformed");
	switch (type->kind) {
	case TYPE_BOOLEAN:
		av_set_boolean(v, p[0] != 0);
		break;
	case TYPE_INT:
	case TYPE_DATE:
		memcpy(&small, p, sizeof(small));
		av_set_long(v, small);
		break;
	case TYPE_FLOAT:
		memcpy(&f, p, sizeof(f));
		av_set_double(v, f);
		break;
	case TYPE_DOUBLE:
		memcpy(&d, p, sizeof(d));
		av_set_double(v, d);
		break;
	case TYPE_DECIMAL:
		set_decimal(v, type, p, n);
		break;
	case TYPE_STRING:
	case TYPE_BINARY:
	case TYPE_UUID:
	case TYPE_FIXED:
		av_set_bytes(v, p, n);
		break;
	default:
		memcpy(&large, p, sizeof(large));
		av_set_long(v, large);
		break;
	}
	return 0;
}
