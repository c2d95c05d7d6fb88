/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the source holds equal has to be one key in the target, and what it
 * tells apart two. A unique index tells by the equality of the type (and
 * collation), ClickHouse's sorting key by the value that was sent: only types
 * whose equality is known to be that of what is sent are taken.
 */
#include <stdio.h>
#include <string.h>

#include "worker/typemap_postgres.h"

/* Equal values are sent as equal bytes, and as equal texts (PostgreSQL
 * documentation, chapter 8: each type's; enums are, too). Not here, since
 * more than one text is equal: interval (1 mon = 30 days), jsonb and numrange
 * (1.0 = 1.00), citext, what other extensions bring. */
static const char *const plain[] = { "bool", "int2", "int4", "int8", "oid",
	"xid", "xid8", "pg_lsn", "money", "text", "varchar", "name", "char",
	"bytea", "date", "time", "timetz", "timestamp", "timestamptz", "uuid",
	"inet", "cidr", "macaddr", "macaddr8", "bit", "varbit" };
/* discrete ones have one form: PostgreSQL documentation, 8.17.7 */
static const char *const ranges[] = { "int4range", "int8range", "daterange" };

#define LISTED(list, name) listed(list, sizeof(list) / sizeof(*(list)), name)

static bool
listed(const char *const *names, size_t n, const char *name)
{
	for (size_t k = 0; k < n; k++)
		if (strcmp(names[k], name) == 0)
			return true;
	return false;
}

static bool
is_numeric(const struct postgres_type *t)
{
	return t->kind == 'b' && strcmp(t->name, "numeric") == 0;
}

/* NULL: it is a key; else why it is none, up to "choose another key". */
static const char *
why_not(const struct postgres_type *t, const struct job_column *option)
{
	bool whole = option != NULL && option->as != NULL &&
	    strcmp(option->as, "string") == 0;

	if (option != NULL && option->digits != NULL)
		return "digits: round makes one of several keys; take it out, "
		       "or";
	if (t->array && !whole)
		return "arrays that differ in their bounds alone would be one "
		       "key; set as: string, or";
	if (t->loose)
		return "its collation holds different texts equal, which the "
		       "target does not;";
	if (t->kind == 'e' || (t->kind == 'b' && LISTED(plain, t->name)) ||
	    (t->kind == 'r' && LISTED(ranges, t->name)))
		return NULL;
	/* blanks are added up to the length that the column has */
	if (t->kind == 'b' && strcmp(t->name, "bpchar") == 0 &&
	    t->modifier >= 0)
		return NULL;
	/* 0.0 and -0.0 are equal there, too, and NaN is itself */
	if (t->kind == 'b' && strncmp(t->name, "float", 5) == 0 && !whole)
		return NULL;
	if (is_numeric(t) && !t->array)
		return NULL;
	return "the source may hold equal what has several texts;";
}

int
typemap_postgres_key(const char *column, const struct postgres_type *t,
    const struct job_column *option, struct postgres_mapping *map,
    struct err *err)
{
	const char *why = why_not(t, option);

	/* with digits of its own the text of a number is one already */
	map->trim =
	    is_numeric(t) && map->form == POSTGRES_TEXT && t->modifier < 4;
	if (why == NULL)
		return 0;
	return err_set(err, ERR_TYPE,
	    "column '%s' (%s) is of the key: %s choose another key, or read "
	    "a view that makes one text of equal values",
	    column, t->text, why);
}
