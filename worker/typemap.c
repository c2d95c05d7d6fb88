/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules[] is the type table: for each ClickHouse type its choices, default
 * first. The rest walks nested types and makes the messages.
 */
#include "worker/typemap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"

enum {
	OWN = 255,    /* precision or scale: the source type's own */
	NARROWER = 1, /* flags: only for decimals of at most 38 digits */
	WIDER = 2,    /* only for decimals of more */
	TRIMMED = 4   /* chosen by `as: trimmed` only */
};

static const char not_long[] =
    "does not fit long; set as: decimal(20,0) for a new target table";
static const char not_int[] = "does not fit int; set as: long";
static const char not_38[] =
    "has more than 38 digits; set as: string for a new target table";
static const char not_digits[] =
    "has more digits than the type says; widen "
    "the column's precision in the source, or set as: string";
static const char not_us[] = "has digits finer than a microsecond, or does "
			     "not fit one; set time: floor to cut them off";
static const char not_range[] = "is out of the range of timestamps";
static const char not_day[] = "is not within one day; set as: long";

static const struct rule {
	enum ch_kind from;
	enum type_kind to;
	enum convert_kind convert;
	uint8_t precision, scale; /* TYPE_DECIMAL */
	uint8_t flags;
	const char *problem;
} rules[] = {
	{ CH_BOOL, TYPE_BOOLEAN, CONVERT_BOOL, 0, 0, 0, NULL },
	{ CH_BOOL, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT8, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT8, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT8, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT16, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT16, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT16, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT32, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT32, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT32, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT64, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_INT64, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT128, TYPE_DECIMAL, CONVERT_INT, 38, 0, 0, not_38 },
	{ CH_INT128, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT256, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_INT256, TYPE_DECIMAL, CONVERT_INT, 38, 0, 0, not_38 },
	{ CH_UINT8, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UINT8, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UINT8, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT16, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UINT16, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UINT16, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT32, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UINT32, TYPE_INT, CONVERT_INT, 0, 0, 0, not_int },
	{ CH_UINT32, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT64, TYPE_DECIMAL, CONVERT_INT, 20, 0, 0, NULL },
	{ CH_UINT64, TYPE_LONG, CONVERT_INT, 0, 0, 0, not_long },
	{ CH_UINT64, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT128, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT128, TYPE_DECIMAL, CONVERT_INT, 38, 0, 0, not_38 },
	{ CH_UINT256, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_UINT256, TYPE_DECIMAL, CONVERT_INT, 38, 0, 0, not_38 },
	{ CH_FLOAT32, TYPE_FLOAT, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_FLOAT32, TYPE_DOUBLE, CONVERT_FLOAT, 0, 0, 0, NULL },
	{ CH_FLOAT64, TYPE_DOUBLE, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_BFLOAT16, TYPE_FLOAT, CONVERT_FLOAT, 0, 0, 0, NULL },
	{ CH_BFLOAT16, TYPE_DOUBLE, CONVERT_FLOAT, 0, 0, 0, NULL },
	{ CH_DECIMAL, TYPE_DECIMAL, CONVERT_INT, OWN, OWN, NARROWER,
	    not_digits },
	{ CH_DECIMAL, TYPE_STRING, CONVERT_DECIMAL_TEXT, 0, 0, 0, NULL },
	{ CH_DECIMAL, TYPE_DECIMAL, CONVERT_INT, 38, OWN, WIDER, not_38 },
	{ CH_STRING, TYPE_STRING, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_STRING, TYPE_BINARY, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_FIXED_STRING, TYPE_STRING, CONVERT_FIXED_TEXT, 0, 0, 0, NULL },
	{ CH_FIXED_STRING, TYPE_STRING, CONVERT_TRIM_TEXT, 0, 0, TRIMMED,
	    NULL },
	{ CH_FIXED_STRING, TYPE_FIXED, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_FIXED_STRING, TYPE_BINARY, CONVERT_FIXED_TEXT, 0, 0, 0, NULL },
	{ CH_ENUM8, TYPE_STRING, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_ENUM8, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_ENUM16, TYPE_STRING, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_ENUM16, TYPE_INT, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_UUID, TYPE_UUID, CONVERT_UUID, 0, 0, 0, NULL },
	{ CH_UUID, TYPE_STRING, CONVERT_UUID_TEXT, 0, 0, 0, NULL },
	{ CH_IPV4, TYPE_STRING, CONVERT_IPV4_TEXT, 0, 0, 0, NULL },
	{ CH_IPV4, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_IPV4, TYPE_INT, CONVERT_INT, 0, 0, 0, not_int },
	{ CH_IPV6, TYPE_STRING, CONVERT_IPV6_TEXT, 0, 0, 0, NULL },
	{ CH_IPV6, TYPE_FIXED, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_DATE, TYPE_DATE, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_DATE32, TYPE_DATE, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_DATETIME, TYPE_TIMESTAMPTZ, CONVERT_TICKS, 0, 0, 0, NULL },
	{ CH_DATETIME64, TYPE_TIMESTAMPTZ, CONVERT_TICKS, 0, 0, 0, not_us },
	{ CH_TIME, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_TIME, TYPE_STRING, CONVERT_TIME_TEXT, 0, 0, 0, NULL },
	{ CH_TIME, TYPE_TIME, CONVERT_TIME, 0, 0, 0, not_day },
	{ CH_TIME64, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_TIME64, TYPE_STRING, CONVERT_TIME_TEXT, 0, 0, 0, NULL },
	{ CH_TIME64, TYPE_TIME, CONVERT_TIME, 0, 0, 0, not_day },
	{ CH_INTERVAL, TYPE_LONG, CONVERT_INT, 0, 0, 0, NULL },
	{ CH_JSON, TYPE_STRING, CONVERT_COPY, 0, 0, 0, NULL },
	{ CH_JSON, TYPE_BINARY, CONVERT_COPY, 0, 0, 0, NULL },
};
enum { NRULES = sizeof(rules) / sizeof(*rules) };

/* What holds at one place of the tree. */
struct place {
	const struct typemap_column *column;
	const struct typemap_options *options;
	const char *path;
	const char *as, *time, *utf8, *duplicates; /* or NULL */
	unsigned *used; /* USED_*: options some type had use for */
	struct err *err;
};
enum { USED_AS = 1, USED_TIME = 2, USED_UTF8 = 4, USED_DUPLICATES = 8 };

static int resolve(struct place *, const struct ch_type *,
    const struct type *existing, struct type *out, bool *required,
    struct mapping *);

void
mapping_clear(struct mapping *m)
{
	for (size_t i = 0; i < m->nchild; i++)
		mapping_clear(&m->child[i]);
	free(m->child);
	free(m->path);
	*m = (struct mapping){ 0 };
}

const struct job_column *
typemap_option(const struct typemap_options *o, const char *path)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->columns[i].name, path) == 0) {
			o->used[i] = true;
			return &o->columns[i];
		}
	return NULL;
}

/* ---- messages ------------------------------------------------------------- */

static int
refuse(const struct place *at, enum err_class cls, const char *why)
{
	const char *text = at->column->text;
	int shown = strlen(text) > 100 ? 97 : 100;

	return err_set(at->err, cls, "column '%s' of type '%.*s%s'%s%s%s: %s",
	    at->column->name, shown, text, shown == 97 ? "..." : "",
	    strcmp(at->path, at->column->name) == 0 ? "" : " at '",
	    strcmp(at->path, at->column->name) == 0 ? "" : at->path,
	    strcmp(at->path, at->column->name) == 0 ? "" : "'", why);
}

static int
refuse_unreadable(const struct place *at, enum ch_kind kind)
{
	switch (kind) {
	case CH_AGGREGATE:
		return refuse(at, ERR_TYPE,
		    "an aggregate function's state "
		    "means nothing outside of the source; exclude the column, "
		    "or offload a view that uses finalizeAggregation()");
	case CH_NOTHING:
		return refuse(at, ERR_TYPE,
		    "it can hold no value; exclude "
		    "the column");
	case CH_VARIANT:
	case CH_DYNAMIC:
		return refuse(at, ERR_TYPE,
		    "its values have no common type; "
		    "set as: string for the column, or exclude it");
	default:
		return refuse(at, ERR_TYPE,
		    "this type is not supported; set "
		    "as: string for the column, or exclude it");
	}
}

/* The choices of a type, as `as:` would write them. */
static void
put_choices(struct buf *b, const struct ch_type *from)
{
	bool first = true;

	for (size_t i = 0; i < NRULES; i++) {
		const struct rule *r = &rules[i];
		bool wide = from->precision > 38;

		if (r->from != from->kind || ((r->flags & NARROWER) && wide) ||
		    ((r->flags & WIDER) && !wide))
			continue;
		if (!first)
			buf_put_str(b, ", ");
		first = false;
		if (r->flags & TRIMMED) {
			buf_put_str(b, "trimmed");
			continue;
		}
		struct type t = { .kind = r->to,
			.length = ch_type_width(from),
			.precision = r->precision == OWN ? from->precision
							 : r->precision,
			.scale = r->scale == OWN ? from->scale : r->scale };
		type_format(&t, b);
	}
}

static int
refuse_as(const struct place *at, const struct ch_type *from)
{
	struct buf choices, why;
	int rc;

	buf_init(&choices, 1024);
	buf_init(&why, 2048);
	put_choices(&choices, from);
	buf_printf(&why, "as: %.40s is not possible; choose one of %s", at->as,
	    buf_cstr(&choices));
	rc = refuse(at, ERR_CONFIG, buf_cstr(&why));
	buf_clear(&choices);
	buf_clear(&why);
	return rc;
}

/* ---- choosing a rule ------------------------------------------------------ */

/* The type a rule gives; want (may be NULL) can ask for more digits than its
 * own. False when the rule does not give what is wanted. */
static bool
apply_rule(const struct rule *r, const struct ch_type *from,
    const struct type *want, struct type *out)
{
	*out = (struct type){ .kind = r->to };
	if (r->from != from->kind ||
	    ((r->flags & NARROWER) && from->precision > 38) ||
	    ((r->flags & WIDER) && from->precision <= 38))
		return false;
	if (r->to == TYPE_DECIMAL) {
		out->precision =
		    r->precision == OWN ? from->precision : r->precision;
		out->scale = r->scale == OWN ? from->scale : r->scale;
	} else if (r->to == TYPE_FIXED) {
		out->length = ch_type_width(from);
	}
	if (want == NULL)
		return true;
	if (want->kind != r->to)
		return false;
	if (r->to == TYPE_DECIMAL && want->precision > 0) {
		if (want->scale != out->scale ||
		    want->precision < out->precision)
			return false;
		out->precision = want->precision;
	}
	return r->to != TYPE_FIXED || want->length == 0 ||
	    want->length == out->length;
}

static const struct rule *
find_rule(const struct ch_type *from, const struct type *want, bool trimmed,
    struct type *out)
{
	for (size_t i = 0; i < NRULES; i++)
		if (((rules[i].flags & TRIMMED) != 0) == trimmed &&
		    apply_rule(&rules[i], from, want, out))
			return &rules[i];
	return NULL;
}

/* Has the source come to need more than the target's column holds, which may
 * legally be promoted to it? (UInt16 became UInt32: int becomes long.) */
static bool
is_outgrown(const struct ch_type *from, const struct type *existing)
{
	struct type by_default;

	return find_rule(from, NULL, false, &by_default) != NULL &&
	    ((existing->kind == TYPE_INT && by_default.kind == TYPE_LONG) ||
		(existing->kind == TYPE_FLOAT &&
		    by_default.kind == TYPE_DOUBLE));
}

/*
 * May a column be had as the table's without as: saying so? What the table has
 * does not tell whether it was asked for once, or the column had another type:
 * so where the same values, or the same bytes, are meant by both.
 */
static bool
goes_without_saying(const struct ch_type *from, const struct type *by_default,
    const struct type *existing)
{
	switch (from->kind) {
	case CH_UINT64:
		return existing->kind != TYPE_STRING;
	case CH_UUID:
	case CH_STRING:
	case CH_FIXED_STRING:
	case CH_JSON:
		return true;
	default:
		return typemap_promotes(by_default, existing);
	}
}

static int
refuse_change(struct place *at, const struct ch_type *from,
    const struct type *existing, const struct type *by_default)
{
	struct buf was, is;
	struct type ignored;
	bool possible = find_rule(from, existing, false, &ignored) != NULL;

	buf_init(&was, 256);
	buf_init(&is, 256);
	type_format(existing, &was);
	type_format(by_default, &is);
	err_set(at->err, ERR_TYPE,
	    "column '%.200s' is %s in the table but %s in the source; of type "
	    "'%.100s' it %s as: %s%s exclude the column, or create a new "
	    "target",
	    at->path, buf_cstr(&was), buf_cstr(&is), at->column->text,
	    possible ? "goes on only where you set" : "cannot be had",
	    buf_cstr(&was),
	    possible ? "; set that," : ": change it back at the source,");
	buf_clear(&was);
	buf_clear(&is);
	return -1;
}

/* Without as:, in a table that has the column. */
static int
choose_as_before(struct place *at, const struct ch_type *from,
    const struct type *existing, const struct rule **rule, struct type *out)
{
	const struct type as_long = { .kind = TYPE_LONG };
	const struct rule *by_default = find_rule(from, NULL, false, out);
	struct type t;

	if (by_default == NULL)
		return refuse_unreadable(at, from->kind);
	if (from->kind == CH_UINT64 && existing->kind == TYPE_INT) {
		*rule = find_rule(from, &as_long, false, out);
		return 0;
	}
	if (!is_outgrown(from, existing) &&
	    (*rule = find_rule(from, existing, false, &t)) != NULL &&
	    goes_without_saying(from, out, existing)) {
		*out = t;
		return 0;
	}
	*rule = by_default;
	return type_is_nested(existing) || typemap_promotes(existing, out)
	    ? 0
	    : refuse_change(at, from, existing, out);
}

static int
choose(struct place *at, const struct ch_type *from,
    const struct type *existing, const struct rule **rule, struct type *out)
{
	struct type want;
	bool trimmed;

	if (at->as != NULL) {
		*at->used |= USED_AS;
		if (!typemap_parse_as(at->as, &want, &trimmed) ||
		    (*rule = find_rule(from, &want, trimmed, out)) == NULL)
			return refuse_as(at, from);
		return 0;
	}
	/* bytes that are no text are binary from the start */
	want = (struct type){ .kind = TYPE_BINARY };
	if (at->utf8 != NULL && strcmp(at->utf8, "binary") == 0 &&
	    (*rule = find_rule(from, &want, false, out)) != NULL) {
		*at->used |= USED_UTF8;
		return 0;
	}
	if (existing != NULL)
		return choose_as_before(at, from, existing, rule, out);
	want = (struct type){ .kind = TYPE_LONG };
	if (from->kind == CH_UINT64 && at->column->fits_long &&
	    (*rule = find_rule(from, &want, false, out)) != NULL)
		return 0;
	*rule = find_rule(from, NULL, false, out);
	return *rule != NULL ? 0 : refuse_unreadable(at, from->kind);
}

/* ---- leaves --------------------------------------------------------------- */

static int
parse_policy(const struct place *at, const char *option, const char *text,
    const char *const *names, size_t n, unsigned *out)
{
	struct buf why;
	int rc;

	for (size_t i = 0; i < n; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (unsigned)i;
			return 0;
		}
	buf_init(&why, 512);
	buf_printf(
	    &why, "%s: %.40s is not possible; choose one of", option, text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&why, "%s %s", i > 0 ? "," : "", names[i]);
	rc = refuse(at, ERR_CONFIG, buf_cstr(&why));
	buf_clear(&why);
	return rc;
}

static bool
is_signed(enum ch_kind kind)
{
	switch (kind) {
	case CH_INT8:
	case CH_INT16:
	case CH_INT32:
	case CH_INT64:
	case CH_INT128:
	case CH_INT256:
	case CH_DECIMAL:
	case CH_ENUM8:
	case CH_ENUM16:
	case CH_DATE32:
	case CH_DATETIME64:
	case CH_TIME:
	case CH_TIME64:
	case CH_INTERVAL:
		return true;
	default:
		return false;
	}
}

/* time: and utf8:, where the type has use for them. */
static int
leaf_policies(struct place *at, const struct rule *rule,
    const struct ch_type *from, struct convert *c)
{
	static const char *const utf8[] = { [UTF8_ERROR] = "error",
		[UTF8_BINARY] = "binary",
		[UTF8_REPLACE] = "replace",
		[UTF8_LATIN1] = "latin1" };
	static const char *const finer[] = { "error", "floor" };
	unsigned policy = 0;
	bool text = rule->to == TYPE_STRING &&
	    (from->kind == CH_STRING || from->kind == CH_FIXED_STRING ||
		from->kind == CH_JSON || from->kind == CH_ENUM8 ||
		from->kind == CH_ENUM16);

	if (at->utf8 != NULL) {
		if (parse_policy(at, "utf8", at->utf8, utf8, 4, &policy) == -1)
			return -1;
		if (text && policy == UTF8_BINARY)
			return refuse(at, ERR_CONFIG,
			    "utf8: binary is not "
			    "possible together with text; choose error, "
			    "replace or latin1");
		if (text || rule->to == TYPE_BINARY)
			*at->used |= USED_UTF8;
		c->utf8 = (enum utf8_policy)policy;
	}
	if (!text)
		c->utf8 = UTF8_BINARY; /* ours, or not text at all */
	if (at->time != NULL) {
		if (parse_policy(at, "time", at->time, finer, 2, &policy) == -1)
			return -1;
		if (rule->convert == CONVERT_TICKS ||
		    rule->convert == CONVERT_TIME)
			*at->used |= USED_TIME;
		c->floor = policy == 1;
	}
	return 0;
}

static int
resolve_leaf(struct place *at, const struct ch_type *from,
    const struct type *existing, struct type *out, struct mapping *map)
{
	const struct rule *rule;
	struct convert *c = &map->convert;

	if (choose(at, from, existing, &rule, out) == -1)
		return -1;
	*c = (struct convert){
		.kind = rule->convert,
		.src_width = ch_type_width(from),
		.src_signed = is_signed(from->kind),
		.dst_width = type_width(out),
		.scale = from->scale,
		.problem = rule->problem,
	};
	if (rule->convert == CONVERT_TICKS && from->scale <= 6)
		c->problem = not_range;
	if (leaf_policies(at, rule, from, c) == -1)
		return -1;
	if (out->kind == TYPE_DECIMAL) {
		/* a source's own precision is not enforced by it; 20 digits
		 * hold every UInt64 */
		c->digits = from->kind == CH_UINT64 ? 0
		    : from->kind == CH_DECIMAL && from->precision <= 38
		    ? from->precision
		    : 38;
	}
	if (from->kind == CH_STRING || from->kind == CH_JSON)
		map->form = MAP_STRING;
	else if ((from->kind == CH_ENUM8 || from->kind == CH_ENUM16) &&
	    out->kind == TYPE_STRING)
		map->form = MAP_LABEL;
	else
		map->form = c->dst_width == 0 ? MAP_TEXT : MAP_FIXED;
	map->prefixed = from->kind == CH_JSON;
	if (map->form == MAP_LABEL && map->low_cardinality)
		return refuse_unreadable(at, CH_OTHER);
	return 0;
}

/* ---- nested --------------------------------------------------------------- */

/* The place one level down; options found there replace those from above. */
static struct place
inside(const struct place *at, const char *path, bool keep_as)
{
	struct place in = *at;
	const struct job_column *o = typemap_option(at->options, path);

	in.path = path;
	if (!keep_as)
		in.as = NULL;
	if (o == NULL)
		return in;
	if (o->as != NULL)
		in.as = o->as;
	if (o->time != NULL)
		in.time = o->time;
	if (o->utf8 != NULL)
		in.utf8 = o->utf8;
	if (o->duplicates != NULL)
		in.duplicates = o->duplicates;
	return in;
}

static int
resolve_child(const struct place *at, const char *name, bool keep_as,
    const struct ch_type *from, const struct type *existing, struct field *out,
    struct mapping *map)
{
	char *path = xasprintf("%s.%s", at->path, name);
	struct place in = inside(at, path, keep_as);
	int rc;

	map->path = path;
	rc = resolve(&in, from, existing, &out->type, &out->required, map);
	return rc;
}

static const struct type *
existing_child(const struct type *existing, enum type_kind kind, size_t i,
    const char *name)
{
	int k;

	if (existing == NULL || existing->kind != kind)
		return NULL;
	if (kind == TYPE_STRUCT) {
		k = type_find_name(existing, name);
		return k < 0 ? NULL : &existing->fields[k].type;
	}
	return i < existing->nfields ? &existing->fields[i].type : NULL;
}

static int
resolve_list(struct place *at, const struct ch_type *from,
    const struct type *existing, struct type *out, struct mapping *map)
{
	struct field *f;

	out->kind = TYPE_LIST;
	f = type_add_field(out, "element", true, TYPE_INT);
	map->form = MAP_LIST;
	map->nchild = 1;
	map->child = xcalloc(1, sizeof(*map->child));
	return resolve_child(at, "element", true, &from->args[0],
	    existing_child(existing, TYPE_LIST, 0, NULL), f, &map->child[0]);
}

static int
resolve_struct(struct place *at, const struct ch_type *from,
    const struct type *existing, struct type *out, struct mapping *map)
{
	if (from->nargs == 0)
		return refuse(at, ERR_TYPE,
		    "an empty tuple holds nothing; "
		    "exclude the column");
	out->kind = TYPE_STRUCT;
	map->form = MAP_STRUCT;
	map->child = xcalloc(from->nargs, sizeof(*map->child));
	map->nchild = from->nargs;
	for (size_t i = 0; i < from->nargs; i++) {
		char number[24];
		const char *name = number;

		snprintf(number, sizeof(number), "_%zu", i + 1);
		if (from->names != NULL)
			name = from->names[i];
		if (type_find_name(out, name) >= 0)
			return refuse(at, ERR_TYPE,
			    "two elements of a tuple "
			    "have one name; rename one of them");

		struct field *f = type_add_field(out, name, true, TYPE_INT);

		if (resolve_child(at, name, false, &from->args[i],
			existing_child(existing, TYPE_STRUCT, i, name), f,
			&map->child[i]) == -1)
			return -1;
	}
	return 0;
}

static int
resolve_map(struct place *at, const struct ch_type *from,
    const struct type *existing, struct type *out, struct mapping *map)
{
	static const char *const duplicates[] = { "error", "list" };
	static const char *const names[] = { "key", "value" };
	struct type *pair = out;
	unsigned policy = 0;

	if (at->duplicates != NULL) {
		*at->used |= USED_DUPLICATES;
		if (parse_policy(at, "duplicates", at->duplicates, duplicates,
			2, &policy) == -1)
			return -1;
	} else if (existing != NULL && existing->kind == TYPE_LIST) {
		policy = 1;
	}
	out->kind = policy == 1 ? TYPE_LIST : TYPE_MAP;
	map->form = policy == 1 ? MAP_PAIRS : MAP_MAP;
	if (policy == 1) {
		pair = &type_add_field(out, "element", true, TYPE_STRUCT)->type;
		existing = existing_child(existing, TYPE_LIST, 0, NULL);
	}
	map->child = xcalloc(2, sizeof(*map->child));
	map->nchild = 2;
	for (size_t i = 0; i < 2; i++) {
		struct field *f =
		    type_add_field(pair, names[i], true, TYPE_INT);

		if (resolve_child(at, names[i], false, &from->args[i],
			existing_child(existing, pair->kind, i, names[i]), f,
			&map->child[i]) == -1)
			return -1;
		if (i == 0 && !f->required)
			return refuse(at, ERR_TYPE,
			    "keys of a map cannot be "
			    "NULL; exclude the column");
	}
	return 0;
}

static int
resolve(struct place *at, const struct ch_type *from,
    const struct type *existing, struct type *out, bool *required,
    struct mapping *map)
{
	bool nullable;

	map->low_cardinality = from->kind == CH_LOW_CARDINALITY;
	from = ch_type_bare(from, &nullable);
	map->nullable = nullable;
	map->from = from;
	*required = !nullable;
	*out = (struct type){ 0 };
	if ((nullable || map->low_cardinality) &&
	    (from->kind == CH_TUPLE || from->kind == CH_ARRAY ||
		from->kind == CH_MAP || from->kind == CH_NULLABLE ||
		from->kind == CH_LOW_CARDINALITY))
		return refuse_unreadable(at, CH_OTHER);
	switch (from->kind) {
	case CH_ARRAY:
		return resolve_list(at, from, existing, out, map);
	case CH_TUPLE:
		return resolve_struct(at, from, existing, out, map);
	case CH_MAP:
		return resolve_map(at, from, existing, out, map);
	default:
		return resolve_leaf(at, from, existing, out, map);
	}
}

int
typemap_resolve(const struct typemap_column *column,
    const struct typemap_options *options, struct field *out,
    struct mapping *map, struct err *err)
{
	const struct job_column *o = typemap_option(options, column->name);
	unsigned used = 0;
	struct place at = { .column = column,
		.options = options,
		.path = column->name,
		.as = o != NULL ? o->as : NULL,
		.time = o != NULL ? o->time : NULL,
		.utf8 = o != NULL ? o->utf8 : NULL,
		.duplicates = o != NULL ? o->duplicates : NULL,
		.used = &used,
		.err = err };
	const char *idle;
	int rc;

	*out = (struct field){ .name = xstrdup(column->name) };
	*map = (struct mapping){ .path = xstrdup(column->name) };
	rc = resolve(&at, column->type, column->existing, &out->type,
	    &out->required, map);
	if (rc == 0 && o != NULL && o->digits != NULL)
		rc = refuse(&at, ERR_CONFIG,
		    "the option digits: goes with a numeric of PostgreSQL; "
		    "take it out");
	idle = at.as != NULL && !(used & USED_AS)                ? "as:"
	    : at.time != NULL && !(used & USED_TIME)             ? "time:"
	    : at.utf8 != NULL && !(used & USED_UTF8)             ? "utf8:"
	    : at.duplicates != NULL && !(used & USED_DUPLICATES) ? "duplicates:"
								 : NULL;
	if (rc == 0 && idle != NULL) {
		char why[96];

		snprintf(why, sizeof(why),
		    "the option %s means nothing for "
		    "this type; take it out",
		    idle);
		rc = refuse(&at, ERR_CONFIG, why);
	}
	if (rc == -1) {
		field_clear(out);
		mapping_clear(map);
	}
	return rc;
}

/* ---- before the mapping is made ------------------------------------------- */

bool
typemap_wants_largest(const char *column, const struct ch_type *type,
    const struct typemap_options *options, const struct type *existing)
{
	const struct job_column *o = typemap_option(options, column);

	return ch_type_bare(type, NULL)->kind == CH_UINT64 &&
	    existing == NULL && (o == NULL || o->as == NULL);
}

bool
typemap_wants_cast(const char *column, const struct ch_type *type,
    const struct typemap_options *options)
{
	const struct job_column *o = typemap_option(options, column);
	const struct type want = { .kind = TYPE_STRING };
	const struct ch_type *from = ch_type_bare(type, NULL), *leaf = from;
	struct type out;

	while (leaf->kind == CH_ARRAY)
		leaf = ch_type_bare(&leaf->args[0], NULL);
	return o != NULL && o->as != NULL && strcmp(o->as, "string") == 0 &&
	    from->kind != CH_AGGREGATE && from->kind != CH_NOTHING &&
	    find_rule(leaf, &want, false, &out) == NULL;
}

int
typemap_options_check(const struct typemap_options *o, struct err *err)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->used[i])
			return err_set(err, ERR_CONFIG,
			    "columns: '%s' is no "
			    "column that is offloaded, and no path inside one; "
			    "mend or remove it",
			    o->columns[i].name);
	return 0;
}
