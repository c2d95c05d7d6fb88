/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics modes of a table's columns, from its properties, as Iceberg's Java
 * writer reads them (bounds.h): write.metadata.metrics.default, .column.NAME
 * with the full dotted name, .max-inferred-column-defaults.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/iceberg/bounds.h"

#define PREFIX "write.metadata.metrics."
enum { DEFAULT_LENGTH = 16, DEFAULT_COLUMNS = 100, DEPTH_MAX = 64 };

bool
metrics_mode_parse(const char *text, struct metrics_mode *out)
{
	static const struct {
		const char *name;
		enum metrics_kind kind;
	} plain[] = { { "none", METRICS_NONE }, { "counts", METRICS_COUNTS },
		{ "full", METRICS_FULL } };
	char *end;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcasecmp(text, plain[i].name) == 0) {
			*out = (struct metrics_mode){ plain[i].kind, 0 };
			return true;
		}
	/* strtoul would take a sign and spaces */
	if (strncasecmp(text, "truncate(", 9) != 0 || text[9] < '0' ||
	    text[9] > '9')
		return false;
	unsigned long length = strtoul(text + 9, &end, 10);
	if (strcmp(end, ")") != 0 || length == 0 || length > UINT32_MAX)
		return false;
	*out = (struct metrics_mode){ METRICS_TRUNCATE, (uint32_t)length };
	return true;
}

struct build {
	struct metrics_modes *modes;
	metrics_property *get;
	const void *arg;
	const int *sort_ids;
	size_t nsort;
	struct metrics_mode first, rest;
	size_t nfirst; /* leaves that have the first mode */
};

static bool
is_sorted(const struct build *b, int id)
{
	for (size_t i = 0; i < b->nsort; i++)
		if (b->sort_ids[i] == id)
			return true;
	return false;
}

static void
add_leaf(struct build *b, const struct field *field, const char *name)
{
	struct metrics_mode mode = b->modes->n < b->nfirst ? b->first : b->rest;

	if (is_sorted(b, field->id) &&
	    (mode.kind == METRICS_NONE || mode.kind == METRICS_COUNTS))
		mode =
		    (struct metrics_mode){ METRICS_TRUNCATE, DEFAULT_LENGTH };
	char *key = xasprintf(PREFIX "column.%s", name);
	const char *text = b->get(b->arg, key);
	/* a mode that nobody knows: Java warns and takes the default */
	if (text != NULL)
		(void)metrics_mode_parse(text, &mode);
	free(key);
	b->modes->leaf[b->modes->n++] =
	    (struct metrics_leaf){ field->id, field, mode };
}

/* Lists and maps have fields of fixed names, whatever the tree says. */
static const char *
name_of(const struct type *type, size_t i)
{
	if (type->kind == TYPE_LIST)
		return "element";
	if (type->kind == TYPE_MAP)
		return i == 0 ? "key" : "value";
	return type->fields[i].name;
}

static void
walk(struct build *b, const struct type *type, const char *prefix,
    unsigned depth)
{
	if (depth > DEPTH_MAX)
		return;
	for (size_t i = 0; i < type->nfields; i++) {
		const struct field *field = &type->fields[i];
		char *name = xasprintf("%s%s%s", prefix,
		    *prefix != '\0' ? "." : "", name_of(type, i));
		if (type_is_nested(&field->type))
			walk(b, &field->type, name, depth + 1);
		else
			add_leaf(b, field, name);
		free(name);
	}
}

static int
by_id(const void *a, const void *b)
{
	const struct metrics_leaf *x = a, *y = b;

	return (x->field_id > y->field_id) - (x->field_id < y->field_id);
}

void
metrics_modes_init(struct metrics_modes *modes, const struct type *schema,
    const int *sort_ids, size_t nsort, metrics_property *get, const void *arg)
{
	struct build b = { .modes = modes,
		.get = get,
		.arg = arg,
		.sort_ids = sort_ids,
		.nsort = nsort,
		.first = { METRICS_TRUNCATE, DEFAULT_LENGTH },
		.nfirst = DEFAULT_COLUMNS };
	const char *most = get(arg, PREFIX "max-inferred-column-defaults");
	const char *mode = get(arg, PREFIX "default");

	if (most != NULL && *most >= '0' && *most <= '9')
		b.nfirst = strtoul(most, NULL, 10);
	/* said outright, it is meant for all columns */
	if (mode != NULL && metrics_mode_parse(mode, &b.first))
		b.rest = b.first;
	modes->n = 0;
	modes->leaf =
	    xcalloc(type_leaf_count(schema) + 1, sizeof(*modes->leaf));
	walk(&b, schema, "", 0);
	qsort(modes->leaf, modes->n, sizeof(*modes->leaf), by_id);
}

void
metrics_modes_clear(struct metrics_modes *modes)
{
	free(modes->leaf);
	*modes = (struct metrics_modes){ 0 };
}

const struct metrics_leaf *
metrics_find(const struct metrics_modes *modes, int field_id)
{
	const struct metrics_leaf key = { .field_id = field_id };

	return modes->n == 0
	    ? NULL
	    : bsearch(&key, modes->leaf, modes->n, sizeof(key), by_id);
}
