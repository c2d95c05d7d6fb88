/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition fields as users write them, in calve's, Spark's, Trino's and
 * Iceberg's own spelling:
 *
 *   field   := column | name '(' column ')' | sized '(' number ',' column ')'
 *            | sized '(' column ',' number ')' | sized '[' number ']' '('
 *              column ')'
 *   column  := as it is, or in `...` or "..." (the quote doubled inside)
 *
 * A text that is a column's name as a whole is that column, whatever
 * characters are in it. Names of fields are those that Iceberg's Java code
 * gives, so that Spark finds what it would have made.
 */
#include "worker/iceberg/partition.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/iceberg/transform.h"

#define ALLOWED                                                       \
	"write a column's name, year(c), month(c), day(c), hour(c), " \
	"bucket(N, c) or truncate(W, c)"

static const struct spelling {
	const char *name;
	enum transform transform;
	const char *suffix;
} spellings[] = {
	{ "identity", TRANSFORM_IDENTITY, "" },
	{ "year", TRANSFORM_YEAR, "_year" },
	{ "years", TRANSFORM_YEAR, "_year" },
	{ "month", TRANSFORM_MONTH, "_month" },
	{ "months", TRANSFORM_MONTH, "_month" },
	{ "day", TRANSFORM_DAY, "_day" },
	{ "days", TRANSFORM_DAY, "_day" },
	{ "date", TRANSFORM_DAY, "_day" },
	{ "hour", TRANSFORM_HOUR, "_hour" },
	{ "hours", TRANSFORM_HOUR, "_hour" },
	{ "date_hour", TRANSFORM_HOUR, "_hour" },
	{ "bucket", TRANSFORM_BUCKET, "_bucket" },
	{ "truncate", TRANSFORM_TRUNCATE, "_trunc" },
};

/* Part of a text, without blanks around it. */
struct span {
	const char *p;
	size_t n;
};

static struct span
trim(const char *p, size_t n)
{
	while (n > 0 && isspace((unsigned char)p[0]))
		p++, n--;
	while (n > 0 && isspace((unsigned char)p[n - 1]))
		n--;
	return (struct span){ p, n };
}

/* A quoted name without its quotes, any other as it is; NULL when a quote is
 * not closed at the very end. */
static char *
unquote(struct span s)
{
	char quote, *out;
	size_t n = 0;

	if (s.n == 0 || (s.p[0] != '`' && s.p[0] != '"'))
		return xstrndup(s.p, s.n);
	quote = s.p[0];
	out = xmalloc(s.n + 1);
	for (size_t k = 1; k < s.n; k++) {
		if (s.p[k] == quote) {
			if (k + 1 == s.n) {
				out[n] = '\0';
				return out;
			}
			if (s.p[++k] != quote)
				break;
		}
		out[n++] = s.p[k];
	}
	free(out);
	return NULL;
}

static bool
read_number(struct span s, uint32_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 10)
		return false;
	for (size_t k = 0; k < s.n; k++) {
		if (s.p[k] < '0' || s.p[k] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[k] - '0');
	}
	*out = (uint32_t)v;
	return v >= 1 && v <= INT32_MAX;
}

static const struct spelling *
find_spelling(struct span s)
{
	for (size_t k = 0; k < sizeof spellings / sizeof spellings[0]; k++)
		if (strlen(spellings[k].name) == s.n &&
		    strncasecmp(spellings[k].name, s.p, s.n) == 0)
			return &spellings[k];
	return NULL;
}

/* Takes "N," from the front or ",N" from the end of the arguments. A column
 * name may hold commas, the number stands outside of them. */
static bool
take_number(struct span *args, uint32_t *out)
{
	const char *comma = memchr(args->p, ',', args->n);

	if (comma != NULL &&
	    read_number(trim(args->p, (size_t)(comma - args->p)), out)) {
		*args =
		    trim(comma + 1, args->n - (size_t)(comma + 1 - args->p));
		return true;
	}
	comma = memrchr(args->p, ',', args->n);
	if (comma != NULL &&
	    read_number(
		trim(comma + 1, args->n - (size_t)(comma + 1 - args->p)),
		out)) {
		*args = trim(args->p, (size_t)(comma - args->p));
		return true;
	}
	return false;
}

struct parsed {
	const struct spelling *spelling;
	uint32_t param;
	char *column;
};

static int
parse_call(struct span text, struct parsed *out, struct err *err)
{
	const char *open = memchr(text.p, '(', text.n);
	size_t head_n = (size_t)(open - text.p);
	struct span head = trim(text.p, head_n), args;
	const char *bracket = memchr(head.p, '[', head.n);
	bool has_number = false;

	if (text.p[text.n - 1] != ')')
		return err_set(err, ERR_CONFIG, "')' is missing at the end");
	args = trim(open + 1, text.n - head_n - 2);
	if (bracket != NULL && head.p[head.n - 1] == ']') {
		const char *number = bracket + 1;

		has_number = read_number(
		    trim(number, (size_t)(head.p + head.n - 1 - number)),
		    &out->param);
		head = trim(head.p, (size_t)(bracket - head.p));
	}
	out->spelling = find_spelling(head);
	if (out->spelling == NULL)
		return err_set(err, ERR_CONFIG,
		    "there is no transform "
		    "'%.*s'; " ALLOWED,
		    (int)(head.n < 100 ? head.n : 100), head.p);
	if (out->spelling->transform == TRANSFORM_BUCKET ||
	    out->spelling->transform == TRANSFORM_TRUNCATE) {
		if (bracket != NULL ? !has_number
				    : !take_number(&args, &out->param))
			return err_set(err, ERR_CONFIG,
			    "%s needs a number "
			    "from 1 to %d, as in %s(16, column)",
			    out->spelling->name, INT32_MAX,
			    out->spelling->name);
	} else if (bracket != NULL) {
		return err_set(
		    err, ERR_CONFIG, "%s takes no number", out->spelling->name);
	}
	out->column = unquote(args);
	if (out->column == NULL)
		return err_set(err, ERR_CONFIG, "a quote is not closed");
	return 0;
}

static int
parse_text(const char *text, const struct type *schema, struct parsed *out,
    struct err *err)
{
	struct span s = trim(text, strlen(text));
	char *whole = xstrndup(s.p, s.n);
	bool is_column = type_find_name(schema, whole) >= 0;

	out->spelling = &spellings[0];
	if (is_column || s.n == 0) {
		out->column = whole;
		return s.n > 0
		    ? 0
		    : err_set(err, ERR_CONFIG, "it is empty; " ALLOWED);
	}
	free(whole);
	if (s.p[0] != '`' && s.p[0] != '"' && memchr(s.p, '(', s.n) != NULL)
		return parse_call(s, out, err);
	out->column = unquote(s);
	if (out->column == NULL)
		return err_set(err, ERR_CONFIG, "a quote is not closed");
	return 0;
}

static bool
is_time(enum transform t)
{
	return t == TRANSFORM_YEAR || t == TRANSFORM_MONTH ||
	    t == TRANSFORM_DAY || t == TRANSFORM_HOUR;
}

/* The rules of Iceberg's Java code for a whole spec. */
static int
check_against_others(const struct partition_spec *spec,
    const struct partition_field *f, const struct type *schema, struct err *err)
{
	int at = type_find_name(schema, f->name);

	if (at >= 0 &&
	    (f->transform != TRANSFORM_IDENTITY ||
		schema->fields[at].id != f->source_id))
		return err_set(err, ERR_CONFIG,
		    "the partition field would be "
		    "named '%.200s' as a column is; exclude that column or "
		    "choose another transform",
		    f->name);
	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *g = &spec->fields[k];

		if (g->source_id == f->source_id && is_time(f->transform) &&
		    is_time(g->transform))
			return err_set(err, ERR_CONFIG,
			    "it splits the same "
			    "column by time as '%.200s' does; keep the finer "
			    "of the two",
			    g->name);
		if (strcmp(g->name, f->name) == 0)
			return err_set(err, ERR_CONFIG,
			    "two partition fields "
			    "would be named '%.200s'; keep one",
			    f->name);
	}
	return 0;
}

static int
check_type(const struct parsed *p, const struct type *source, struct err *err)
{
	struct buf text;

	if (p->spelling->transform == TRANSFORM_IDENTITY &&
	    (source->kind == TYPE_FLOAT || source->kind == TYPE_DOUBLE))
		return err_set(err, ERR_CONFIG,
		    "column '%.200s' holds "
		    "floating-point numbers, and readers disagree about when "
		    "two of them are equal; partition by another column",
		    p->column);
	if (p->spelling->transform == TRANSFORM_IDENTITY &&
	    (source->kind == TYPE_UUID || source->kind == TYPE_FIXED))
		return err_set(err, ERR_CONFIG,
		    "column '%.200s' is a %s: some readers fail on partitions "
		    "of these, some find no rows; use bucket(16, %.200s)",
		    p->column, source->kind == TYPE_UUID ? "uuid" : "fixed",
		    p->column);
	if (transform_applies(p->spelling->transform, source))
		return 0;
	buf_init(&text, 1 << 20);
	type_format(source, &text);
	err_set(err, ERR_CONFIG,
	    "%s cannot be applied to column '%.200s' of "
	    "type %.200s; choose a transform for that type, or another column",
	    p->spelling->name, p->column, buf_cstr(&text));
	buf_clear(&text);
	return -1;
}

static int
add_field(const char *text, const struct type *schema,
    struct partition_spec *spec, struct err *err)
{
	struct parsed p = { 0 };
	struct partition_field f = { 0 };
	int at, rc = -1;

	if (parse_text(text, schema, &p, err) == -1)
		goto out;
	at = type_find_name(schema, p.column);
	if (at < 0) {
		err_set(err, ERR_CONFIG,
		    "there is no column '%.200s' among "
		    "those offloaded",
		    p.column);
		goto out;
	}
	if (check_type(&p, &schema->fields[at].type, err) == -1)
		goto out;
	f.source_id = schema->fields[at].id;
	f.field_id = 1000 + (int)spec->nfields;
	f.transform = p.spelling->transform;
	f.param = p.param;
	f.name = xasprintf("%s%s", p.column, p.spelling->suffix);
	if (check_against_others(spec, &f, schema, err) == -1) {
		free(f.name);
		goto out;
	}
	spec->fields[spec->nfields++] = f;
	rc = 0;
out:
	free(p.column);
	return rc == 0 ? 0 : err_prefix(err, "partition '%.200s'", text);
}

int
partition_parse(const char *const *texts, size_t n, const struct type *schema,
    struct partition_spec *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	if (n > PARTITION_FIELDS_MAX)
		return err_set(err, ERR_CONFIG,
		    "%zu partition fields; at "
		    "most %d are possible",
		    n, (int)PARTITION_FIELDS_MAX);
	out->fields = xcalloc(n + 1, sizeof *out->fields);
	for (size_t k = 0; k < n; k++)
		if (add_field(texts[k], schema, out, err) == -1) {
			partition_spec_clear(out);
			return -1;
		}
	return 0;
}
