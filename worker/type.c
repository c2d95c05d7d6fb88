/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Iceberg's type tree: life cycle, comparison, text form and look-ups.
 *
 * Recursion follows the depth of the schema, which whoever builds a tree from
 * outside text bounds (iceberg/schema.c, the typemap).
 */
#include "worker/type.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

bool
type_is_nested(const struct type *t)
{
	return t->kind == TYPE_STRUCT || t->kind == TYPE_LIST ||
	    t->kind == TYPE_MAP;
}

bool
type_equal(const struct type *a, const struct type *b)
{
	if (a->kind != b->kind || a->nfields != b->nfields)
		return false;
	if (a->kind == TYPE_DECIMAL &&
	    (a->precision != b->precision || a->scale != b->scale))
		return false;
	if (a->kind == TYPE_FIXED && a->length != b->length)
		return false;
	for (size_t k = 0; k < a->nfields; k++) {
		const struct field *fa = &a->fields[k], *fb = &b->fields[k];

		if (fa->required != fb->required)
			return false;
		if (a->kind == TYPE_STRUCT && strcmp(fa->name, fb->name) != 0)
			return false;
		if (!type_equal(&fa->type, &fb->type))
			return false;
	}
	return true;
}

void
type_copy(struct type *dst, const struct type *src)
{
	*dst = *src;
	dst->fields = NULL;
	if (src->nfields == 0)
		return;
	dst->fields = xcalloc(src->nfields, sizeof(*dst->fields));
	for (size_t k = 0; k < src->nfields; k++)
		field_copy(&dst->fields[k], &src->fields[k]);
}

void
type_clear(struct type *t)
{
	for (size_t k = 0; k < t->nfields; k++)
		field_clear(&t->fields[k]);
	free(t->fields);
	*t = (struct type){ 0 };
}

void
field_copy(struct field *dst, const struct field *src)
{
	*dst = *src;
	dst->name = src->name != NULL ? xstrdup(src->name) : NULL;
	dst->doc = src->doc != NULL ? xstrdup(src->doc) : NULL;
	type_copy(&dst->type, &src->type);
}

void
field_clear(struct field *f)
{
	free(f->name);
	free(f->doc);
	type_clear(&f->type);
	*f = (struct field){ 0 };
}

struct field *
type_add_field(
    struct type *t, const char *name, bool required, enum type_kind kind)
{
	assert(type_is_nested(t));
	t->fields =
	    xreallocarray(t->fields, t->nfields + 1, sizeof(*t->fields));

	struct field *f = &t->fields[t->nfields++];

	*f = (struct field){
		.name = xstrdup(name),
		.required = required,
		.type = { .kind = kind },
	};
	return f;
}

static const char *
kind_name(enum type_kind kind)
{
	switch (kind) {
	case TYPE_BOOLEAN:
		return "boolean";
	case TYPE_INT:
		return "int";
	case TYPE_LONG:
		return "long";
	case TYPE_FLOAT:
		return "float";
	case TYPE_DOUBLE:
		return "double";
	case TYPE_DECIMAL:
		return "decimal";
	case TYPE_DATE:
		return "date";
	case TYPE_TIME:
		return "time";
	case TYPE_TIMESTAMP:
		return "timestamp";
	case TYPE_TIMESTAMPTZ:
		return "timestamptz";
	case TYPE_STRING:
		return "string";
	case TYPE_UUID:
		return "uuid";
	case TYPE_FIXED:
		return "fixed";
	case TYPE_BINARY:
		return "binary";
	case TYPE_STRUCT:
		return "struct";
	case TYPE_LIST:
		return "list";
	case TYPE_MAP:
		return "map";
	}
	return "unknown";
}

void
type_format(const struct type *t, struct buf *out)
{
	buf_put_str(out, kind_name(t->kind));
	if (t->kind == TYPE_DECIMAL)
		buf_printf(out, "(%u, %u)", t->precision, t->scale);
	else if (t->kind == TYPE_FIXED)
		buf_printf(out, "[%u]", t->length);
	if (!type_is_nested(t))
		return;
	buf_put_u8(out, '<');
	for (size_t k = 0; k < t->nfields; k++) {
		if (k > 0)
			buf_put_str(out, ", ");
		if (t->kind == TYPE_STRUCT) {
			buf_put_str(out, t->fields[k].name);
			buf_put_str(out, ": ");
		}
		type_format(&t->fields[k].type, out);
	}
	buf_put_u8(out, '>');
}

uint32_t
type_width(const struct type *t)
{
	switch (t->kind) {
	case TYPE_BOOLEAN:
		return 1;
	case TYPE_INT:
	case TYPE_DATE:
	case TYPE_FLOAT:
		return 4;
	case TYPE_LONG:
	case TYPE_DOUBLE:
	case TYPE_TIME:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return 8;
	case TYPE_DECIMAL:
		return t->precision <= 9 ? 4 : t->precision <= 18 ? 8 : 16;
	case TYPE_UUID:
		return 16;
	case TYPE_FIXED:
		return t->length;
	case TYPE_STRING:
	case TYPE_BINARY:
	case TYPE_STRUCT:
	case TYPE_LIST:
	case TYPE_MAP:
		return 0;
	}
	return 0;
}

size_t
type_leaf_count(const struct type *t)
{
	size_t n = 0;

	if (!type_is_nested(t))
		return 1;
	for (size_t k = 0; k < t->nfields; k++)
		n += type_leaf_count(&t->fields[k].type);
	return n;
}

const struct field *
type_find_id(const struct type *t, int id)
{
	for (size_t k = 0; k < t->nfields; k++) {
		const struct field *f = &t->fields[k];

		if (f->id == id)
			return f;
		if ((f = type_find_id(&f->type, id)) != NULL)
			return f;
	}
	return NULL;
}

int
type_find_name(const struct type *t, const char *name)
{
	for (size_t k = 0; k < t->nfields; k++)
		if (strcmp(t->fields[k].name, name) == 0)
			return (int)k;
	return -1;
}

int
type_highest_id(const struct type *t)
{
	int most = 0;

	for (size_t k = 0; k < t->nfields; k++) {
		int below = type_highest_id(&t->fields[k].type);

		if (t->fields[k].id > most)
			most = t->fields[k].id;
		if (below > most)
			most = below;
	}
	return most;
}

__int128
ten_to(unsigned digits)
{
	__int128 v = 1;

	while (digits-- > 0)
		v *= 10;
	return v;
}
