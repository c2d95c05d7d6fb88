/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the schema once, carrying the way down, and notes each leaf. */
#include "worker/parquet/leaf.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct walk {
	struct step steps[LEAF_DEPTH];
	const char *names[2 * LEAF_DEPTH]; /* a list adds a group */
	size_t nsteps, nnames;
	uint8_t def, rep;
	struct leaf *leaves;
	size_t nleaves;
};

/* Bytes of the smallest two's complement that holds 10^precision - 1. */
static uint32_t
decimal_width(unsigned precision)
{
	unsigned __int128 most = 1;
	uint32_t width = 1;

	for (unsigned k = 0; k < precision; k++)
		most *= 10;
	most -= 1;
	while (width < 16 && most >> (8 * width - 1) != 0)
		width++;
	return width;
}

enum physical
physical_of(const struct type *t, uint32_t *width)
{
	*width = type_width(t);
	switch (t->kind) {
	case TYPE_BOOLEAN:
		return PHYSICAL_BOOLEAN;
	case TYPE_FLOAT:
		return PHYSICAL_FLOAT;
	case TYPE_DOUBLE:
		return PHYSICAL_DOUBLE;
	case TYPE_STRING:
	case TYPE_BINARY:
		return PHYSICAL_BYTE_ARRAY;
	case TYPE_UUID:
	case TYPE_FIXED:
		return PHYSICAL_FIXED;
	case TYPE_DECIMAL:
		if (t->precision > 18) {
			*width = decimal_width(t->precision);
			return PHYSICAL_FIXED;
		}
		break;
	default:
		break;
	}
	return *width == 4 ? PHYSICAL_INT32 : PHYSICAL_INT64;
}

static enum stats_order
order_of(const struct type *t, enum physical physical)
{
	switch (physical) {
	case PHYSICAL_BOOLEAN:
		return ORDER_BOOL;
	case PHYSICAL_INT32:
		return ORDER_INT32;
	case PHYSICAL_INT64:
		return ORDER_INT64;
	case PHYSICAL_FLOAT:
		return ORDER_FLOAT;
	case PHYSICAL_DOUBLE:
		return ORDER_DOUBLE;
	case PHYSICAL_BYTE_ARRAY:
		return t->kind == TYPE_STRING ? ORDER_TEXT : ORDER_BYTES;
	case PHYSICAL_FIXED:
		break;
	}
	return t->kind == TYPE_DECIMAL ? ORDER_SIGNED : ORDER_FIXED;
}

static char *
title_of(const struct step *steps, size_t n)
{
	struct buf b = { 0 };
	char *title;

	for (size_t k = 0; k < n; k++) {
		if (k > 0)
			buf_put_u8(&b, '.');
		buf_put_str(&b, steps[k].field->name);
	}
	title = xstrdup(buf_cstr(&b));
	buf_clear(&b);
	return title;
}

static void
add_leaf(struct walk *w, const struct field *f)
{
	struct leaf *leaf = &w->leaves[w->nleaves++];

	*leaf = (struct leaf){
		.field = f,
		.steps = xmemdup(w->steps, w->nsteps * sizeof(*w->steps)),
		.nsteps = w->nsteps,
		.names = xmemdup(w->names, w->nnames * sizeof(*w->names)),
		.nnames = w->nnames,
		.title = title_of(w->steps, w->nsteps),
		.max_def = w->def,
		.max_rep = w->rep,
	};
	leaf->physical = physical_of(&f->type, &leaf->width);
	leaf->order = order_of(&f->type, leaf->physical);
}

static int
check_type(const struct walk *w, const struct field *f, struct err *err)
{
	const struct type *t = &f->type;
	size_t want = t->kind == TYPE_LIST ? 1 : t->kind == TYPE_MAP ? 2 : 0;
	const char *why = NULL;

	if (w->nsteps == LEAF_DEPTH)
		why = "it is nested too deeply for Parquet";
	else if (t->kind == TYPE_STRUCT && t->nfields == 0)
		why = "a struct without fields cannot be stored in Parquet";
	else if (want > 0 && t->nfields != want)
		why = "its list or map type is incomplete";
	else if (t->kind == TYPE_FIXED && t->length == 0)
		why = "a fixed type needs a length";
	else if (t->kind == TYPE_DECIMAL &&
	    (t->precision == 0 || t->precision > 38 || t->scale > t->precision))
		why = "its precision or scale is not one of decimal(1..38, "
		      "0..precision)";
	if (why != NULL)
		return err_set(err, ERR_TYPE,
		    "column '%s': %s; exclude it or "
		    "convert it at the source",
		    f->name, why);
	return 0;
}

static int
walk_field(struct walk *w, const struct field *f, uint32_t child,
    const char *name, struct err *err)
{
	const struct type *t = &f->type;
	size_t nsteps = w->nsteps, nnames = w->nnames;
	uint8_t def = w->def, rep = w->rep;
	bool repeated = t->kind == TYPE_LIST || t->kind == TYPE_MAP;

	if (check_type(w, f, err) == -1)
		return -1;
	w->def += !f->required;
	w->steps[w->nsteps++] = (struct step){
		.field = f,
		.child = child,
		.optional = !f->required,
		.repeated = repeated,
		.def = w->def,
		.rep = (uint8_t)(w->rep + repeated),
	};
	w->names[w->nnames++] = name;
	if (repeated) {
		w->def++;
		w->rep++;
		w->names[w->nnames++] =
		    t->kind == TYPE_LIST ? "list" : "key_value";
	}
	if (!type_is_nested(t))
		add_leaf(w, f);
	for (uint32_t k = 0; k < t->nfields; k++) {
		const char *below = t->kind == TYPE_LIST ? "element"
		    : t->kind == TYPE_STRUCT             ? t->fields[k].name
		    : k == 0                             ? "key"
							 : "value";

		if (walk_field(w, &t->fields[k], k, below, err) == -1)
			return -1;
	}
	w->nsteps = nsteps;
	w->nnames = nnames;
	w->def = def;
	w->rep = rep;
	return 0;
}

int
leaves_of(
    const struct type *schema, struct leaf **out, size_t *n, struct err *err)
{
	struct walk w = { .leaves = xcalloc(type_leaf_count(schema) + 1,
			      sizeof(struct leaf)) };
	int rc = 0;

	if (schema->nfields == 0)
		rc = err_set(err, ERR_TYPE,
		    "a table without columns cannot "
		    "be stored in Parquet");
	for (uint32_t col = 0; col < schema->nfields && rc == 0; col++)
		rc = walk_field(&w, &schema->fields[col], col,
		    schema->fields[col].name, err);
	if (rc == -1) {
		leaves_free(w.leaves, w.nleaves);
		return -1;
	}
	*out = w.leaves;
	*n = w.nleaves;
	return 0;
}

void
leaves_free(struct leaf *leaves, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		free(leaves[k].steps);
		free(leaves[k].names);
		free(leaves[k].title);
	}
	free(leaves);
}
