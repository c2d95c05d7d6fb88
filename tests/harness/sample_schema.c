/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas for sample_batch(); names carry the style of the values. */
#include <stdio.h>
#include <string.h>

#include "tests/harness/sample.h"

static const struct {
	const char *name;
	struct type type;
} scalars[] = {
	{ "bool", { .kind = TYPE_BOOLEAN } },
	{ "int", { .kind = TYPE_INT } },
	{ "long", { .kind = TYPE_LONG } },
	{ "float", { .kind = TYPE_FLOAT } },
	{ "double", { .kind = TYPE_DOUBLE } },
	{ "dec9", { .kind = TYPE_DECIMAL, .precision = 9, .scale = 2 } },
	{ "dec18", { .kind = TYPE_DECIMAL, .precision = 18, .scale = 8 } },
	{ "dec20", { .kind = TYPE_DECIMAL, .precision = 20 } },
	{ "dec38", { .kind = TYPE_DECIMAL, .precision = 38, .scale = 10 } },
	{ "date", { .kind = TYPE_DATE } },
	{ "time", { .kind = TYPE_TIME } },
	{ "ts", { .kind = TYPE_TIMESTAMP } },
	{ "tstz", { .kind = TYPE_TIMESTAMPTZ } },
	{ "str", { .kind = TYPE_STRING } },
	{ "uuid", { .kind = TYPE_UUID } },
	{ "fixed", { .kind = TYPE_FIXED, .length = 5 } },
	{ "bin", { .kind = TYPE_BINARY } },
};

enum { NSCALARS = sizeof(scalars) / sizeof(scalars[0]) };

static struct field *
add(struct type *t, const char *name, bool required, enum type_kind kind)
{
	return type_add_field(t, name, required, kind);
}

static void
number_ids(struct type *t, int *last)
{
	for (size_t k = 0; k < t->nfields; k++)
		t->fields[k].id = ++*last;
	for (size_t k = 0; k < t->nfields; k++)
		number_ids(&t->fields[k].type, last);
}

static void
finish(struct type *schema)
{
	int last = 0;

	number_ids(schema, &last);
}

static void
add_scalar(struct type *schema, size_t k, const char *style, bool required)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", scalars[k].name, style,
	    required ? "" : "?");
	add(schema, name, required, TYPE_INT)->type = scalars[k].type;
}

void
sample_flat_schema(struct type *schema)
{
	*schema = (struct type){ .kind = TYPE_STRUCT };
	for (size_t k = 0; k < NSCALARS; k++) {
		bool text = strcmp(scalars[k].name, "bool") == 0;

		add_scalar(schema, k, "", true);
		add_scalar(schema, k, "", false);
		add_scalar(schema, k, "_low", false);
		if (!text)
			add_scalar(schema, k, "_dict", false);
	}
	for (size_t k = 1; k < NSCALARS; k++)
		if (scalars[k].type.kind != TYPE_UUID &&
		    scalars[k].type.kind != TYPE_FIXED)
			add_scalar(schema, k, "_sorted", k % 2 == 0);
	finish(schema);
}

void
sample_nested_schema(struct type *schema)
{
	struct type *t, *u;

	*schema = (struct type){ .kind = TYPE_STRUCT };
	add(schema, "id_sorted", true, TYPE_LONG);
	t = &add(schema, "ints", true, TYPE_LIST)->type;
	add(t, "element", true, TYPE_INT);
	t = &add(schema, "texts?", false, TYPE_LIST)->type;
	add(t, "element", false, TYPE_STRING);
	t = &add(schema, "lists?", false, TYPE_LIST)->type;
	t = &add(t, "element", false, TYPE_LIST)->type;
	add(t, "element", false, TYPE_LONG);
	t = &add(schema, "deep", true, TYPE_LIST)->type;
	t = &add(t, "element", true, TYPE_LIST)->type;
	t = &add(t, "element", true, TYPE_LIST)->type;
	add(t, "element", true, TYPE_DOUBLE);
	t = &add(schema, "map?", false, TYPE_MAP)->type;
	add(t, "key", true, TYPE_STRING);
	add(t, "value", false, TYPE_LONG);
	t = &add(schema, "point?", false, TYPE_STRUCT)->type;
	add(t, "x", true, TYPE_DOUBLE);
	add(t, "y", false, TYPE_DOUBLE);
	t = &add(schema, "outer", true, TYPE_STRUCT)->type;
	add(t, "n", true, TYPE_INT);
	t = &add(t, "inner", false, TYPE_STRUCT)->type;
	add(t, "s_low", false, TYPE_STRING);
	add(t, "s_dict", true, TYPE_STRING);
	add(&add(t, "ds", false, TYPE_LIST)->type, "element", true,
	    TYPE_DOUBLE);
	t = &add(schema, "orders?", false, TYPE_LIST)->type;
	t = &add(t, "element", true, TYPE_STRUCT)->type;
	add(t, "at_sorted", true, TYPE_TIMESTAMPTZ);
	u = &add(t, "tags", false, TYPE_MAP)->type;
	add(u, "key", true, TYPE_INT);
	u = &add(u, "value", false, TYPE_LIST)->type;
	add(u, "element", false, TYPE_STRING);
	t = &add(schema, "uuids?", false, TYPE_LIST)->type;
	add(t, "element_dict", false, TYPE_UUID);
	t = &add(schema, "never_null", false, TYPE_LIST)->type;
	add(t, "element", true, TYPE_LONG);
	finish(schema);
}

void
sample_wide_schema(struct type *schema, size_t n)
{
	char style[32];

	*schema = (struct type){ .kind = TYPE_STRUCT };
	for (size_t k = 0; k < n; k++) {
		snprintf(style, sizeof(style), "%zu", k);
		add_scalar(schema, k % NSCALARS, style, k % 3 == 0);
	}
	finish(schema);
}

void
sample_odd_schema(struct type *schema)
{
	*schema = (struct type){ .kind = TYPE_STRUCT };
	add(schema, "id_sorted", true, TYPE_LONG);
	for (size_t k = 0; k < NSCALARS; k++)
		add_scalar(schema, k, "_null", false);
	add(schema, "float_nan", true, TYPE_FLOAT);
	add(schema, "double_nan?", false, TYPE_DOUBLE);
	add(schema, "str_long", true, TYPE_STRING);
	add(schema, "str_long?", false, TYPE_STRING);
	add(schema, "str_const", true, TYPE_STRING);
	add(schema, "int_const?", false, TYPE_INT);
	add(schema, "a.dotted name", true, TYPE_INT);
	add(schema, "\u00fcml\u00e4ut \U0001f600", false, TYPE_STRING);
	finish(schema);
}
