/* SPDX-License-Identifier: Apache-2.0 */
/* What as: says, and which types Iceberg lets a column grow into. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "worker/typemap.h"

static const struct {
	const char *name;
	enum type_kind kind;
} as_names[] = {
	{ "boolean", TYPE_BOOLEAN },
	{ "int", TYPE_INT },
	{ "long", TYPE_LONG },
	{ "long-checked", TYPE_LONG },
	{ "float", TYPE_FLOAT },
	{ "double", TYPE_DOUBLE },
	{ "date", TYPE_DATE },
	{ "time", TYPE_TIME },
	{ "timestamptz", TYPE_TIMESTAMPTZ },
	{ "string", TYPE_STRING },
	{ "uuid", TYPE_UUID },
	{ "binary", TYPE_BINARY },
	{ "decimal", TYPE_DECIMAL },
	{ "fixed", TYPE_FIXED },
	{ "trimmed", TYPE_STRING },
};

bool
typemap_parse_as(const char *text, struct type *t, bool *trimmed)
{
	size_t len = strcspn(text, "([ ");
	unsigned a, b;
	char c;

	*t = (struct type){ 0 };
	*trimmed = strcmp(text, "trimmed") == 0;
	for (size_t i = 0; i < sizeof(as_names) / sizeof(*as_names); i++)
		if (strlen(as_names[i].name) == len &&
		    strncasecmp(text, as_names[i].name, len) == 0)
			t->kind = as_names[i].kind;
	text += len;
	text += strspn(text, " ");
	if (t->kind == 0 || *text == '\0')
		return t->kind != 0;
	if (t->kind == TYPE_DECIMAL &&
	    sscanf(text, "( %3u , %3u %c", &a, &b, &c) == 3 && c == ')' &&
	    a >= 1 && a <= 38 && b <= a) {
		t->precision = (uint8_t)a;
		t->scale = (uint8_t)b;
		return true;
	}
	if (t->kind == TYPE_FIXED &&
	    sscanf(text, "%*[([] %9u %c", &a, &c) == 2 &&
	    (c == ')' || c == ']') && a > 0) {
		t->length = a;
		return true;
	}
	return false;
}

bool
typemap_promotes(const struct type *from, const struct type *to)
{
	return type_equal(from, to) ||
	    (from->kind == TYPE_INT && to->kind == TYPE_LONG) ||
	    (from->kind == TYPE_FLOAT && to->kind == TYPE_DOUBLE) ||
	    (from->kind == TYPE_DECIMAL && to->kind == TYPE_DECIMAL &&
		from->scale == to->scale && from->precision <= to->precision);
}
