/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema a table has after an append of rows of another shape: what may
 * change does, and is noted; everything else is an error that says how to go
 * on. Only changes that leave every older file readable are made (Iceberg
 * specification, "Schema Evolution").
 *
 * Columns match by name. Ids, order and names are the table's for ever.
 */
#include "worker/iceberg/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct evolution {
	const int *pinned;
	size_t npinned;
	bool changed;
	struct buf *notes;
	struct err *err;
	struct buf path; /* of the field looked at: "trade.fees.key" */
};

static int evolve_type(struct evolution *, struct type *, const struct type *);

static size_t
path_push(struct evolution *ev, const char *name)
{
	size_t before = ev->path.len;

	if (before > 0)
		buf_put_u8(&ev->path, '.');
	buf_put_str(&ev->path, name);
	return before;
}

static const char *
path_text(struct evolution *ev)
{
	return buf_cstr(&ev->path);
}

static void
note(struct evolution *ev, const char *what)
{
	ev->changed = true;
	if (ev->notes != NULL)
		buf_printf(ev->notes, "column '%s' %s\n", path_text(ev), what);
}

static bool
is_pinned(const struct evolution *ev, int id)
{
	for (size_t k = 0; k < ev->npinned; k++)
		if (ev->pinned[k] == id)
			return true;
	return false;
}

static int
refuse(
    struct evolution *ev, const struct type *table, const struct type *incoming)
{
	struct buf a, b;
	const char *name = path_text(ev);

	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	type_format(table, &a);
	type_format(incoming, &b);
	/* Deep types are cut, so that what to do still fits the line. */
	if (!type_is_nested(table) && !type_is_nested(incoming))
		err_set(ev->err, ERR_TYPE,
		    "column '%.200s' is %.200s in the table but %.200s in the "
		    "source; take out or change its as:, exclude the column, or "
		    "create a new target",
		    name, buf_cstr(&a), buf_cstr(&b));
	else
		err_set(ev->err, ERR_TYPE,
		    "column '%.200s' is %.200s in the "
		    "table but %.200s in the source; change it back at the "
		    "source, exclude the column, or create a new target",
		    name, buf_cstr(&a), buf_cstr(&b));
	buf_clear(&a);
	buf_clear(&b);
	return -1;
}

static int
relax(struct evolution *ev, struct field *mine, bool lost)
{
	if (is_pinned(ev, mine->id))
		return err_set(ev->err, ERR_TYPE,
		    "column '%.200s' %s, but the "
		    "table is partitioned, sorted or offloaded by it; %s, or "
		    "create a new target",
		    path_text(ev),
		    lost ? "is gone from the source"
			 : "may now be NULL in the source",
		    lost ? "bring it back" : "make it non-Nullable again");
	if (!mine->required)
		return 0;
	mine->required = false;
	note(ev,
	    lost ? "is gone from the source: made optional, NULL from "
		   "now on"
		 : "may now be NULL: made optional");
	return 0;
}

/* Is `to` a legal promotion of `from`? (v2 table of "Schema Evolution") */
static bool
is_promotion(const struct type *from, const struct type *to)
{
	if (from->kind == TYPE_INT)
		return to->kind == TYPE_LONG;
	if (from->kind == TYPE_FLOAT)
		return to->kind == TYPE_DOUBLE;
	return from->kind == TYPE_DECIMAL && to->kind == TYPE_DECIMAL &&
	    from->scale == to->scale && from->precision < to->precision;
}

static int
evolve_primitive(
    struct evolution *ev, struct type *mine, const struct type *theirs)
{
	struct buf text;

	if (type_equal(mine, theirs))
		return 0;
	if (!is_promotion(mine, theirs))
		return refuse(ev, mine, theirs);
	buf_init(&text, 256);
	buf_put_str(&text, "promoted from ");
	type_format(mine, &text);
	buf_put_str(&text, " to ");
	type_format(theirs, &text);
	mine->kind = theirs->kind;
	mine->precision = theirs->precision;
	mine->scale = theirs->scale;
	note(ev, buf_cstr(&text));
	buf_clear(&text);
	return 0;
}

static int
evolve_field(
    struct evolution *ev, struct field *mine, const struct field *theirs)
{
	size_t before = path_push(ev, mine->name);

	if (mine->required && !theirs->required && relax(ev, mine, false) == -1)
		return -1;
	if (evolve_type(ev, &mine->type, &theirs->type) == -1)
		return -1;
	ev->path.len = before;
	return 0;
}

static void
forget_ids(struct type *type)
{
	for (size_t k = 0; k < type->nfields; k++) {
		type->fields[k].id = 0;
		forget_ids(&type->fields[k].type);
	}
}

static void
add_field(struct evolution *ev, struct type *mine, const struct field *theirs)
{
	size_t before = path_push(ev, theirs->name);
	struct field *f =
	    type_add_field(mine, theirs->name, false, theirs->type.kind);
	struct buf text;

	type_copy(&f->type, &theirs->type);
	forget_ids(&f->type);
	if (theirs->doc != NULL)
		f->doc = xstrdup(theirs->doc);
	buf_init(&text, 1 << 20);
	buf_put_str(&text, "added as optional ");
	type_format(&f->type, &text);
	note(ev, buf_cstr(&text));
	buf_clear(&text);
	ev->path.len = before;
}

static int
evolve_struct(
    struct evolution *ev, struct type *mine, const struct type *theirs)
{
	size_t nmine = mine->nfields;

	for (size_t k = 0; k < nmine; k++) {
		struct field *f = &mine->fields[k];
		int at = type_find_name(theirs, f->name);
		size_t before;

		if (at >= 0) {
			if (evolve_field(ev, f, &theirs->fields[at]) == -1)
				return -1;
			continue;
		}
		before = path_push(ev, f->name);
		if (relax(ev, f, true) == -1)
			return -1;
		ev->path.len = before;
	}
	for (size_t k = 0; k < theirs->nfields; k++)
		if (type_find_name(mine, theirs->fields[k].name) < 0)
			add_field(ev, mine, &theirs->fields[k]);
	return 0;
}

static int
evolve_type(struct evolution *ev, struct type *mine, const struct type *theirs)
{
	if (mine->kind != theirs->kind || !type_is_nested(mine)) {
		if (type_is_nested(mine) || type_is_nested(theirs))
			return refuse(ev, mine, theirs);
		return evolve_primitive(ev, mine, theirs);
	}
	if (mine->kind == TYPE_STRUCT)
		return evolve_struct(ev, mine, theirs);
	if (mine->kind == TYPE_LIST)
		return evolve_field(ev, &mine->fields[0], &theirs->fields[0]);
	/* A key's type decides equality of keys: it may never change. */
	if (!type_equal(&mine->fields[0].type, &theirs->fields[0].type))
		return refuse(ev, mine, theirs);
	return evolve_field(ev, &mine->fields[1], &theirs->fields[1]);
}

int
schema_evolve(const struct type *table, const struct type *incoming,
    const int *pinned, size_t npinned, int *last_id, struct type *out,
    bool *changed, struct buf *notes, struct err *err)
{
	struct evolution ev = {
		.pinned = pinned, .npinned = npinned, .notes = notes, .err = err
	};
	int rc;

	buf_init(&ev.path, 0);
	type_copy(out, table);
	rc = evolve_struct(&ev, out, incoming);
	if (rc == 0)
		schema_assign_ids(out, last_id);
	else
		type_clear(out);
	*changed = ev.changed;
	buf_clear(&ev.path);
	return rc;
}
