/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct partition_spec: its life, its JSON form, and what it means for a
 * schema. Specs read from a table's metadata are outside data: every number
 * is bounded here, and partition_spec_check() says whether calve can write
 * under them.
 */
#include "worker/iceberg/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/iceberg/transform.h"

enum { NAME_BYTES_MAX = 4096, FIRST_FIELD_ID = 1000 };

static const char *const transform_names[] = {
	[TRANSFORM_IDENTITY] = "identity",
	[TRANSFORM_YEAR] = "year",
	[TRANSFORM_MONTH] = "month",
	[TRANSFORM_DAY] = "day",
	[TRANSFORM_HOUR] = "hour",
	[TRANSFORM_BUCKET] = "bucket",
	[TRANSFORM_TRUNCATE] = "truncate",
	[TRANSFORM_VOID] = "void",
};

static bool
takes_param(enum transform t)
{
	return t == TRANSFORM_BUCKET || t == TRANSFORM_TRUNCATE;
}

void
partition_spec_clear(struct partition_spec *spec)
{
	for (size_t k = 0; k < spec->nfields; k++)
		free(spec->fields[k].name);
	free(spec->fields);
	memset(spec, 0, sizeof *spec);
}

bool
partition_spec_equal(
    const struct partition_spec *a, const struct partition_spec *b)
{
	if (a->nfields != b->nfields)
		return false;
	for (size_t k = 0; k < a->nfields; k++) {
		const struct partition_field *f = &a->fields[k];
		const struct partition_field *g = &b->fields[k];

		if (f->source_id != g->source_id ||
		    f->transform != g->transform || f->param != g->param ||
		    strcmp(f->name, g->name) != 0)
			return false;
	}
	return true;
}

void
transform_format(const struct partition_field *f, char *out, size_t n)
{
	if (takes_param(f->transform))
		snprintf(
		    out, n, "%s[%u]", transform_names[f->transform], f->param);
	else
		snprintf(out, n, "%s", transform_names[f->transform]);
}

void
partition_result_type(const struct partition_field *f,
    const struct type *schema, struct type *out)
{
	const struct field *source = type_find_id(schema, f->source_id);

	memset(out, 0, sizeof *out);
	switch (f->transform) {
	case TRANSFORM_YEAR:
	case TRANSFORM_MONTH:
	case TRANSFORM_HOUR:
	case TRANSFORM_BUCKET:
		out->kind = TYPE_INT;
		break;
	case TRANSFORM_DAY:
		out->kind = TYPE_DATE; /* as Iceberg's Java code has it */
		break;
	default:
		/* A void field may outlive its column: any type will do. */
		if (source == NULL || type_is_nested(&source->type))
			out->kind = TYPE_STRING;
		else
			type_copy(out, &source->type);
	}
}

int
partition_spec_check(const struct partition_spec *spec,
    const struct type *schema, struct err *err)
{
	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *f = &spec->fields[k];
		const struct field *source = NULL;
		char text[40];

		if (f->transform == TRANSFORM_VOID)
			continue;
		for (size_t c = 0; c < schema->nfields; c++)
			if (schema->fields[c].id == f->source_id)
				source = &schema->fields[c];
		if (source == NULL)
			return err_set(err, ERR_TABLE,
			    "partition field "
			    "'%.200s' reads column id %d, which is %s; "
			    "create a new target",
			    f->name, f->source_id,
			    type_find_id(schema, f->source_id) != NULL
				? "inside a nested column: calve cannot write that"
				: "not in the table's schema");
		if (transform_applies(f->transform, &source->type))
			continue;
		transform_format(f, text, sizeof text);
		return err_set(err, ERR_TABLE,
		    "partition field '%.200s' "
		    "applies %s to column '%.200s', whose type it cannot "
		    "read; create a new target",
		    f->name, text, source->name);
	}
	return 0;
}

/* ---- JSON -------------------------------------------------------------- */

json_t *
partition_fields_to_json(const struct partition_spec *spec)
{
	json_t *array = json_array();

	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *f = &spec->fields[k];
		json_t *o = json_object();
		char text[40];

		transform_format(f, text, sizeof text);
		if (json_object_set_new(
			o, "source-id", json_integer(f->source_id)) == -1 ||
		    json_object_set_new(
			o, "field-id", json_integer(f->field_id)) == -1 ||
		    json_object_set_new(o, "name", json_string(f->name)) ==
			-1 ||
		    json_object_set_new(o, "transform", json_string(text)) ==
			-1) {
			json_decref(o);
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, o);
	}
	return array;
}

json_t *
partition_spec_to_json(const struct partition_spec *spec)
{
	json_t *o = json_object();

	if (json_object_set_new(o, "spec-id", json_integer(spec->id)) == -1 ||
	    json_object_set_new(o, "fields", partition_fields_to_json(spec)) ==
		-1) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int
read_int(const json_t *obj, const char *key, int low, int *out, struct err *err)
{
	const json_t *v = json_object_get(obj, key);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < low || n > INT32_MAX)
		return err_set(err, ERR_TABLE,
		    "'%s' is not a number from "
		    "%d to %d",
		    key, low, INT32_MAX);
	*out = (int)n;
	return 0;
}

static bool
read_transform(const char *text, struct partition_field *f)
{
	size_t word = strcspn(text, "[");
	unsigned long param;
	int end = -1;

	f->param = 0;
	for (enum transform t = TRANSFORM_IDENTITY; t <= TRANSFORM_VOID; t++) {
		if (strlen(transform_names[t]) != word ||
		    strncasecmp(transform_names[t], text, word) != 0)
			continue;
		f->transform = t;
		if (!takes_param(t))
			return text[word] == '\0';
		if (strspn(text + word + 1, "0123456789") > 10 ||
		    sscanf(text + word, "[%10lu]%n", &param, &end) != 1 ||
		    param < 1 || param > INT32_MAX)
			return false;
		f->param = (uint32_t)param;
		return end != -1 && text[word + (size_t)end] == '\0';
	}
	return false;
}

static int
read_field(const json_t *json, struct partition_field *f, struct err *err)
{
	const json_t *jname = json_object_get(json, "name");
	const char *name = json_string_value(jname);
	const char *text =
	    json_string_value(json_object_get(json, "transform"));

	if (name == NULL || name[0] == '\0' ||
	    json_string_length(jname) > NAME_BYTES_MAX ||
	    strlen(name) != json_string_length(jname))
		return err_set(err, ERR_TABLE,
		    "a field has no name of 1 to "
		    "%d bytes",
		    (int)NAME_BYTES_MAX);
	if (read_int(json, "source-id", 1, &f->source_id, err) == -1 ||
	    read_int(json, "field-id", FIRST_FIELD_ID, &f->field_id, err) == -1)
		return err_prefix(err, "field '%.200s'", name);
	if (text == NULL || !read_transform(text, f))
		return err_set(err, ERR_TABLE,
		    "field '%.200s' has the "
		    "transform '%.100s', which calve does not know",
		    name, text != NULL ? text : "");
	f->name = xstrdup(name);
	return 0;
}

static int
refuse_same_fields(const struct partition_spec *spec, struct err *err)
{
	for (size_t k = 0; k < spec->nfields; k++)
		for (size_t j = 0; j < k; j++) {
			const struct partition_field *f = &spec->fields[k];
			const struct partition_field *g = &spec->fields[j];

			if (f->field_id == g->field_id)
				return err_set(err, ERR_TABLE,
				    "two fields "
				    "have the id %d",
				    f->field_id);
			if (strcmp(f->name, g->name) == 0)
				return err_set(err, ERR_TABLE,
				    "two fields "
				    "have the name '%.200s'",
				    f->name);
		}
	return 0;
}

int
partition_spec_from_json(
    const json_t *json, struct partition_spec *out, struct err *err)
{
	const json_t *fields = json_object_get(json, "fields");
	size_t n = json_array_size(fields);

	memset(out, 0, sizeof *out);
	if (read_int(json, "spec-id", 0, &out->id, err) == -1)
		goto fail;
	if (!json_is_array(fields) || n > PARTITION_FIELDS_MAX) {
		err_set(err, ERR_TABLE,
		    "'fields' is not an array of at most "
		    "%d",
		    (int)PARTITION_FIELDS_MAX);
		goto fail;
	}
	out->fields = xcalloc(n + 1, sizeof *out->fields);
	for (; out->nfields < n; out->nfields++)
		if (read_field(json_array_get(fields, out->nfields),
			&out->fields[out->nfields], err) == -1)
			goto fail;
	if (refuse_same_fields(out, err) == -1)
		goto fail;
	return 0;
fail:
	partition_spec_clear(out);
	return err_prefix(err, "partition spec");
}
