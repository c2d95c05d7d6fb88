/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns are read, and as what: include and exclude, the typemap's
 * verdict on each, and the one question that may be put to the data before,
 * whether UInt64 columns fit a long.
 */
#include "worker/source/clickhouse.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/utf8.h"

struct resolving {
	struct clickhouse *s;
	const struct type *existing;
	struct typemap_options options;
	bool *fits_long; /* one a column */
	source_note *note;
	void *note_arg;
	struct err *err;
};

static void
tell(struct resolving *r, bool warning, const char *fmt, const char *name,
    const char *more)
{
	struct buf b;

	buf_init(&b, 16 << 10);
	buf_printf(&b, "column '%s' ", name);
	buf_put_str(&b, fmt);
	if (more != NULL)
		buf_put_str(&b, more);
	if (r->note != NULL)
		r->note(r->note_arg, warning, buf_cstr(&b));
	buf_clear(&b);
}

/* ---- which ---------------------------------------------------------------- */

static bool
listed(char **names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int
check_names(struct resolving *r, char **names, size_t n, const char *key)
{
	struct clickhouse *s = r->s;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < s->ncolumns &&
		    strcmp(s->columns[k].name, names[i]) != 0)
			k++;
		if (k == s->ncolumns)
			return err_set(r->err, ERR_CONFIG,
			    "%s: '%s' is no "
			    "column of '%s.%s'; mend or remove it",
			    key, names[i], s->database, s->job->table);
	}
	return 0;
}

/* Window columns are always read: the position is taken from them. */
static int
choose_column(struct resolving *r, struct column *c)
{
	const struct job *job = r->s->job;
	bool order = c == r->s->timestamp || c == r->s->sequence;
	bool asked = listed(job->include, job->ninclude, c->name);
	bool excluded = listed(job->exclude, job->nexclude, c->name);

	if (excluded && order)
		return err_set(r->err, ERR_CONFIG,
		    "exclude: '%s' is the %s "
		    "column and cannot be left out",
		    c->name, c == r->s->timestamp ? "timestamp" : "sequence");
	if (excluded)
		return 0;
	if (c->kind == COLUMN_VIRTUAL) {
		if (asked)
			return err_set(r->err, ERR_CONFIG,
			    "include: '%s' is "
			    "an ALIAS or EPHEMERAL column and not stored; "
			    "offload a view that computes it",
			    c->name);
		tell(r, false, "is left out: it is computed, not stored",
		    c->name, NULL);
		return 0;
	}
	if (c->kind == COLUMN_MATERIALIZED && !asked && !order) {
		tell(r, false,
		    "is left out: it is MATERIALIZED; name it in "
		    "include: to have it",
		    c->name, NULL);
		return 0;
	}
	if (job->ninclude > 0 && !asked && !order)
		return 0;
	if (job->ninclude > 0 && !asked)
		tell(r, false,
		    "is read although include: does not name it: "
		    "the position is taken from it",
		    c->name, NULL);
	if (utf8_prefix((const uint8_t *)c->name, strlen(c->name)) !=
	    strlen(c->name))
		return err_set(r->err, ERR_TYPE,
		    "the name of column '%s' is "
		    "not UTF-8; rename or exclude it",
		    c->name);
	c->chosen = true;
	return 0;
}

static const struct type *
existing_type(const struct resolving *r, const char *name)
{
	int k = r->existing != NULL ? type_find_name(r->existing, name) : -1;

	return k < 0 ? NULL : &r->existing->fields[k].type;
}

/* ---- largest values ------------------------------------------------------- */

static int
ask_largest(struct resolving *r, const size_t *cols, size_t n)
{
	struct clickhouse *s = r->s;
	struct buf sql, answer;
	struct cursor at;
	int rc;

	buf_init(&sql, 16 << 20);
	buf_init(&answer, 1 << 20);
	buf_put_str(&sql, "SELECT ");
	for (size_t i = 0; i < n; i++) {
		buf_put_str(&sql,
		    i > 0 ? ", toUInt64(ifNull(max(" : "toUInt64(ifNull(max(");
		sql_identifier(&sql, s->columns[cols[i]].name);
		buf_put_str(&sql, "), 0))");
	}
	buf_printf(&sql, " FROM %s FORMAT RowBinary", s->table);
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, r->err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct column *c = &s->columns[cols[i]];
		bool fits = cursor_u64(&at) <= INT64_MAX;

		r->fits_long[cols[i]] = fits;
		tell(r, false,
		    fits
			? "(UInt64) becomes long: its largest "
			  "value fits, every value will be checked"
			: "(UInt64) becomes decimal(20, 0): its largest value does "
			  "not fit long",
		    c->name, NULL);
	}
	if (rc == 0 && at.bad)
		rc = err_set(r->err, ERR_DATA,
		    "corrupt stream: the largest "
		    "values did not come; run it again");
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static int
decide_largest(struct resolving *r)
{
	struct clickhouse *s = r->s;
	size_t *cols = xcalloc(s->ncolumns, sizeof(*cols)), n = 0;
	int rc = 0;

	for (size_t i = 0; i < s->ncolumns; i++) {
		struct column *c = &s->columns[i];

		if (c->chosen &&
		    typemap_wants_largest(c->name, &c->type, &r->options,
			existing_type(r, c->name)))
			cols[n++] = i;
	}
	if (n > 0)
		rc = ask_largest(r, cols, n);
	free(cols);
	return rc;
}

/* ---- as what -------------------------------------------------------------- */

/* CAST(column AS String), under a name that no column has. */
static int
wire_cast(struct resolving *r, struct column *c, size_t i)
{
	bool nullable;
	enum ch_kind kind = ch_type_bare(&c->type, &nullable)->kind;

	nullable |=
	    kind == CH_VARIANT || kind == CH_DYNAMIC || kind == CH_OTHER;
	c->wire_name = xasprintf("calve cast %zu", i);
	c->wire_text = nullable ? "Nullable(String)" : "String";
	return ch_type_parse(
	    c->wire_text, strlen(c->wire_text), &c->wire, r->err);
}

static int
resolve_column(struct resolving *r, size_t i)
{
	struct column *c = &r->s->columns[i];
	struct typemap_column tc = { .name = c->name,
		.text = c->text,
		.type = &c->type,
		.existing = existing_type(r, c->name),
		.fits_long = r->fits_long[i] };

	if (typemap_wants_cast(c->name, &c->type, &r->options)) {
		if (wire_cast(r, c, i) == -1)
			return -1;
		tc.type = &c->wire;
	} else {
		c->wire_name = xstrdup(c->name);
	}
	return typemap_resolve(&tc, &r->options, &c->field, &c->map, r->err);
}

/* The position is kept in source ticks and numbers: no cast there. */
static int
check_order(struct resolving *r)
{
	struct clickhouse *s = r->s;
	struct column *c = s->timestamp->wire_text != NULL ? s->timestamp
	    : s->sequence != NULL && s->sequence->wire_text != NULL
	    ? s->sequence
	    : NULL;

	if (c != NULL)
		return err_set(r->err, ERR_CONFIG,
		    "column '%s' gives the "
		    "position and cannot be read as: string; take that out",
		    c->name);
	return 0;
}

static void
build_wire(struct clickhouse *s)
{
	size_t n = 0;

	s->wire = xcalloc(s->ncolumns, sizeof(*s->wire));
	for (size_t i = 0; i < s->ncolumns; i++) {
		struct column *c = &s->columns[i];

		if (!c->chosen)
			continue;
		if (c == s->timestamp)
			s->timestamp_wire = n;
		if (c == s->sequence)
			s->sequence_wire = n;
		s->wire[n++] = (struct native_column){ .name = c->wire_name,
			.type = c->wire_text != NULL ? &c->wire : &c->type,
			.map = &c->map,
			.target = &c->field.type,
			.keep_raw = c == s->timestamp || c == s->sequence };
	}
	s->nwire = n;
	s->native = native_new(s->wire, n);
}

/* Engines that show rows which a later merge will replace or sum up. */
static void
note_engine(struct resolving *r)
{
	static const char *const merging[] = { "Replacing", "Collapsing",
		"Summing", "Aggregating" };
	struct buf b;

	if (r->s->job->final)
		return;
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++) {
		if (strstr(r->s->engine, merging[i]) == NULL)
			continue;
		buf_init(&b, 4096);
		buf_printf(&b,
		    "the engine of '%s.%s' is %s: rows are taken as "
		    "they are stored, merged or not; set final: true for "
		    "merged ones",
		    r->s->database, r->s->job->table, r->s->engine);
		if (r->note != NULL)
			r->note(r->note_arg, true, buf_cstr(&b));
		buf_clear(&b);
		return;
	}
}

static void
forget_columns(struct clickhouse *s)
{
	native_free(s->native);
	free(s->wire);
	s->native = NULL;
	s->wire = NULL;
	s->nwire = 0;
	for (size_t i = 0; i < s->ncolumns; i++) {
		struct column *c = &s->columns[i];

		free(c->wire_name);
		c->wire_name = NULL;
		c->wire_text = NULL;
		c->chosen = false;
		ch_type_clear(&c->wire);
		field_clear(&c->field);
		mapping_clear(&c->map);
	}
}

static int
resolve_all(struct resolving *r, struct type *out)
{
	struct clickhouse *s = r->s;
	const struct job *job = s->job;

	if (check_names(r, job->include, job->ninclude, "include") == -1 ||
	    check_names(r, job->exclude, job->nexclude, "exclude") == -1)
		return -1;
	for (size_t i = 0; i < s->ncolumns; i++)
		if (choose_column(r, &s->columns[i]) == -1)
			return -1;
	/* refusals first: they must not wait for a scan of the table */
	for (size_t i = 0; i < s->ncolumns; i++) {
		struct column *c = &s->columns[i];

		if (!c->chosen)
			continue;
		if (resolve_column(r, i) == -1)
			return -1;
	}
	if (check_order(r) == -1 ||
	    typemap_options_check(&r->options, r->err) == -1 ||
	    decide_largest(r) == -1)
		return -1;
	for (size_t i = 0; i < s->ncolumns; i++) {
		struct column *c = &s->columns[i];
		struct field *f;

		if (!c->chosen)
			continue;
		if (r->fits_long[i]) {
			field_clear(&c->field);
			mapping_clear(&c->map);
			free(c->wire_name);
			c->wire_name = NULL;
			if (resolve_column(r, i) == -1)
				return -1;
		}
		f = type_add_field(out, c->name, true, TYPE_STRUCT);
		field_clear(f);
		field_copy(f, &c->field);
	}
	note_engine(r);
	build_wire(s);
	return 0;
}

int
clickhouse_resolve(struct source *source, const struct type *existing,
    source_note *note, void *note_arg, struct type *out, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	struct resolving r = { .s = s,
		.existing = existing,
		.note = note,
		.note_arg = note_arg,
		.err = err,
		.options = { s->job->columns, s->job->ncolumns, NULL } };
	int rc;

	forget_columns(s);
	r.options.used = xcalloc(s->job->ncolumns, sizeof(bool));
	r.fits_long = xcalloc(s->ncolumns, sizeof(bool));
	*out = (struct type){ .kind = TYPE_STRUCT };
	rc = resolve_all(&r, out);
	if (rc == -1) {
		type_clear(out);
		forget_columns(s);
	}
	free(r.options.used);
	free(r.fits_long);
	return rc;
}
