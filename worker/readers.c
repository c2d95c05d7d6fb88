/* SPDX-License-Identifier: Apache-2.0 */
/* What readers fail on: left out, or warned of by name. */
#include "worker/readers.h"

#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#include "common/xalloc.h"
#include "worker/report.h"

__attribute__((format(printf, 1, 2))) static void
warn(const char *format, ...)
{
	char line[1500];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	report_note(true, line);
}

/* ---- sort orders --------------------------------------------------------- */

bool
readers_sort_by(const char *name)
{
	/* plain words that are no columns at the head of an expression */
	static const char *const taken[] = { "not", "select", "null", "true",
		"false", "nan", "inf", "infinity" };

	for (size_t k = 0; k < sizeof(taken) / sizeof(*taken); k++)
		if (strcasecmp(name, taken[k]) == 0)
			return false;
	for (const char *p = name; *p != '\0'; p++)
		if (*p != '_' && !(*p >= 'a' && *p <= 'z') &&
		    !(*p >= 'A' && *p <= 'Z') &&
		    (p == name || *p < '0' || *p > '9'))
			return false;
	return *name != '\0';
}

static void
warn_of_sort_order(const struct type *schema, const int *ids, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct field *f = type_find_id(schema, ids[k]);

		if (f != NULL && !readers_sort_by(f->name))
			warn(
			    "ClickHouse cannot read a table whose sort order "
			    "names a column like '%.200s': have Spark run ALTER "
			    "TABLE ... WRITE UNORDERED",
			    f->name);
	}
}

/* ---- partitions ---------------------------------------------------------- */

/* The field that is the column itself, whose values split finer than any
 * transform of them. */
static const struct partition_field *
identity_of(const struct partition_spec *spec, int source_id)
{
	for (size_t k = 0; k < spec->nfields; k++)
		if (spec->fields[k].source_id == source_id &&
		    spec->fields[k].transform == TRANSFORM_IDENTITY)
			return &spec->fields[k];
	return NULL;
}

static void
remove_field(struct partition_spec *spec, size_t k)
{
	free(spec->fields[k].name);
	spec->nfields--;
	for (; k < spec->nfields; k++) {
		spec->fields[k] = spec->fields[k + 1];
		spec->fields[k].field_id--;
	}
}

static void
tell_reduced(const struct partition_field *f, const struct partition_field *by,
    const struct type *schema)
{
	char transform[40];

	transform_format(f, transform, sizeof transform);
	warn("partition field '%.200s' (%s of '%.200s') is left out: '%.200s' "
	     "splits finer, and ClickHouse cannot read a table with two "
	     "partition fields of one column",
	    f->name, transform, type_find_id(schema, f->source_id)->name,
	    by->name);
}

void
readers_reduce(struct partition_spec *spec, const struct type *schema, bool say)
{
	for (size_t k = 0; k < spec->nfields;) {
		const struct partition_field *f = &spec->fields[k];
		const struct partition_field *by =
		    identity_of(spec, f->source_id);

		if (by == NULL || by == f) {
			k++;
			continue;
		}
		if (say)
			tell_reduced(f, by, schema);
		remove_field(spec, k);
	}
}

static void
warn_of_partitions(const struct partition_spec *spec, const struct type *schema)
{
	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *f = &spec->fields[k];
		const struct field *source = type_find_id(schema, f->source_id);

		if (source != NULL && f->transform == TRANSFORM_TRUNCATE &&
		    source->type.kind == TYPE_DECIMAL &&
		    source->type.precision > 18)
			warn("ClickHouse cannot read a table that is "
			     "partitioned by truncate of a decimal of more "
			     "than 18 digits, as by '%.200s'",
			    f->name);
		for (size_t j = 0; j < k; j++)
			if (spec->fields[j].source_id == f->source_id)
				warn(
				    "ClickHouse cannot read a table with two "
				    "partition fields of one column, as '%.200s' "
				    "and '%.200s'; partition by one of them",
				    spec->fields[j].name, f->name);
	}
}

/* ---- names --------------------------------------------------------------- */

/* In lower case, as Spark has it (all of Unicode; DuckDB: ASCII). */
static char *
folded(const char *name)
{
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), old;
	size_t n = strlen(name) + 1;
	wchar_t *wide = xcalloc(n, sizeof *wide);
	char *out = xcalloc(n, MB_LEN_MAX);

	old = uselocale(utf8 != (locale_t)0 ? utf8 : (locale_t)0);
	if (utf8 != (locale_t)0 && mbstowcs(wide, name, n) != (size_t)-1) {
		for (size_t k = 0; wide[k] != L'\0'; k++)
			wide[k] = (wchar_t)towlower((wint_t)wide[k]);
		wcstombs(out, wide, n * MB_LEN_MAX);
	} else {
		for (size_t k = 0; name[k] != '\0'; k++)
			out[k] = name[k] >= 'A' && name[k] <= 'Z'
			    ? (char)(name[k] + ('a' - 'A'))
			    : name[k];
	}
	uselocale(old);
	if (utf8 != (locale_t)0)
		freelocale(utf8);
	free(wide);
	return out;
}

struct folded_name {
	char *folded;
	const char *name;
};

static int
by_folded(const void *a, const void *b)
{
	const struct folded_name *x = a, *y = b;

	return strcmp(x->folded, y->folded);
}

static void
warn_of_case(const struct type *type, const char *path)
{
	struct folded_name *names = xcalloc(type->nfields + 1, sizeof *names);

	for (size_t k = 0; k < type->nfields; k++)
		names[k] = (struct folded_name){ folded(type->fields[k].name),
			type->fields[k].name };
	qsort(names, type->nfields, sizeof *names, by_folded);
	for (size_t k = 1; k < type->nfields; k++)
		if (strcmp(names[k - 1].folded, names[k].folded) == 0)
			warn("'%.200s%.200s' and '%.200s%.200s' differ by case "
			     "alone: Spark cannot tell them apart%s; %s",
			    path, names[k - 1].name, path, names[k].name,
			    *path == '\0'
				? ""
				: ", and DuckDB reads one for the other",
			    *path == '\0'
				? "exclude one of them"
				: "exclude the column, or rename one of them "
				  "at the source");
	for (size_t k = 0; k < type->nfields; k++)
		free(names[k].folded);
	free(names);
}

/* Structs at any depth; lists and maps have fixed names. */
static void
warn_of_names(const struct type *type, const char *path)
{
	if (type->kind == TYPE_STRUCT)
		warn_of_case(type, path);
	for (size_t k = 0; k < type->nfields; k++) {
		const struct field *f = &type->fields[k];
		char *below;

		if (!type_is_nested(&f->type))
			continue;
		below = type->kind == TYPE_STRUCT
		    ? xasprintf("%s%s.", path, f->name)
		    : xstrdup(path);
		warn_of_names(&f->type, below);
		free(below);
	}
}

static void
warn_of_reserved(const struct type *schema)
{
	static const char *const reserved[] = { "_file", "_pos", "_deleted",
		"_spec_id", "_partition", "_row_id",
		"_last_updated_sequence_number" };

	for (size_t k = 0; k < sizeof(reserved) / sizeof(*reserved); k++)
		if (type_find_name(schema, reserved[k]) != -1)
			warn("Spark cannot read a table with a column '%.200s'",
			    reserved[k]);
}

void
readers_warn(const struct partition_spec *spec, const struct type *schema,
    const int *sort_ids, size_t nsort)
{
	warn_of_reserved(schema);
	warn_of_names(schema, "");
	warn_of_partitions(spec, schema);
	warn_of_sort_order(schema, sort_ids, nsort);
}
