/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent over type texts. The text is untrusted: depth, nodes and
 * numbers have maxima, and whatever is not understood is skipped as a whole
 * by its parentheses, with quotes respected.
 */
#include "worker/clickhouse/type.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"

struct parser {
	const char *p, *end;
	unsigned depth, nodes;
	struct err *err;
};

static int parse_type(struct parser *, struct ch_type *);

static const struct {
	const char *name;
	enum ch_kind kind;
} plain[] = {
	{ "Bool", CH_BOOL },
	{ "Int8", CH_INT8 },
	{ "Int16", CH_INT16 },
	{ "Int32", CH_INT32 },
	{ "Int64", CH_INT64 },
	{ "Int128", CH_INT128 },
	{ "Int256", CH_INT256 },
	{ "UInt8", CH_UINT8 },
	{ "UInt16", CH_UINT16 },
	{ "UInt32", CH_UINT32 },
	{ "UInt64", CH_UINT64 },
	{ "UInt128", CH_UINT128 },
	{ "UInt256", CH_UINT256 },
	{ "Float32", CH_FLOAT32 },
	{ "Float64", CH_FLOAT64 },
	{ "BFloat16", CH_BFLOAT16 },
	{ "String", CH_STRING },
	{ "UUID", CH_UUID },
	{ "IPv4", CH_IPV4 },
	{ "IPv6", CH_IPV6 },
	{ "Date", CH_DATE },
	{ "Date32", CH_DATE32 },
	{ "DateTime", CH_DATETIME },
	{ "Time", CH_TIME },
	{ "Dynamic", CH_DYNAMIC },
	{ "JSON", CH_JSON },
	{ "Nothing", CH_NOTHING },
	{ "Geometry", CH_VARIANT },
};

/* Geometric types: how many arrays stand around Tuple(Float64, Float64). */
static const struct {
	const char *name;
	unsigned arrays;
} geometric[] = {
	{ "Point", 0 },
	{ "Ring", 1 },
	{ "LineString", 1 },
	{ "MultiLineString", 2 },
	{ "Polygon", 2 },
	{ "MultiPolygon", 3 },
};

static int
fail(struct parser *ps, const char *what)
{
	return err_set(ps->err, ERR_DATA, "malformed type text: %s", what);
}

static void
skip_blanks(struct parser *ps)
{
	while (ps->p < ps->end && isspace((unsigned char)*ps->p))
		ps->p++;
}

static bool
at(struct parser *ps, char c)
{
	skip_blanks(ps);
	return ps->p < ps->end && *ps->p == c;
}

static bool
accept(struct parser *ps, char c)
{
	if (!at(ps, c))
		return false;
	ps->p++;
	return true;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0;
}

static size_t
word(struct parser *ps, const char **start)
{
	skip_blanks(ps);
	*start = ps->p;
	while (ps->p < ps->end && is_word(*ps->p))
		ps->p++;
	return (size_t)(ps->p - *start);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape sequence; ps->p stands behind the backslash, and something
 * follows it. */
static char
escape(struct parser *ps)
{
	static const char from[] = "abfnrtv0e", to[] = "\a\b\f\n\r\t\v\0\033";
	const char *found;
	char c = *ps->p++;

	if (c == 'x' && ps->end - ps->p >= 2 && hex(ps->p[0]) >= 0 &&
	    hex(ps->p[1]) >= 0) {
		ps->p += 2;
		return (char)(hex(ps->p[-2]) << 4 | hex(ps->p[-1]));
	}
	found = c != '\0' ? strchr(from, c) : NULL;
	return found != NULL ? to[found - from] : c;
}

/* Bytes up to the quote that closes the one before ps->p, escapes and doubled
 * quotes counted as they are written; -1 where none does. */
static ptrdiff_t
quoted_length(const struct parser *ps, char quote)
{
	const char *p = ps->p;

	for (; p < ps->end; p++) {
		if (*p == '\\')
			p++;
		else if (*p != quote)
			continue;
		else if (p + 1 < ps->end && p[1] == quote)
			p++;
		else
			return p - ps->p;
	}
	return -1;
}

/* 'text', "text" or `text`, doubled quotes and escapes resolved; out is
 * NUL-terminated and the caller's. */
static int
quoted(struct parser *ps, char **out, size_t *len)
{
	char quote, *to;
	size_t n = 0;
	ptrdiff_t written;

	skip_blanks(ps);
	quote = *ps->p++;
	written = quoted_length(ps, quote);
	if (written == -1)
		return fail(ps, "a quote is not closed");
	to = xmalloc((size_t)written + 1);
	for (const char *end = ps->p + written; ps->p < end; n++) {
		char c = *ps->p++;

		if (c == quote)
			ps->p++;
		else if (c == '\\')
			c = escape(ps);
		to[n] = c;
	}
	ps->p++;
	to[n] = '\0';
	*out = to;
	*len = n;
	return 0;
}

static int
number(struct parser *ps, int64_t min, int64_t max, int64_t *out)
{
	bool minus = accept(ps, '-');
	int64_t v = 0;
	const char *first;

	skip_blanks(ps);
	first = ps->p;
	while (ps->p < ps->end && isdigit((unsigned char)*ps->p)) {
		v = v * 10 + (*ps->p++ - '0');
		if (v > INT32_MAX)
			return fail(ps, "a number is too large");
	}
	if (minus)
		v = -v;
	if (ps->p == first || v < min || v > max)
		return fail(ps, "a number is missing or out of range");
	*out = v;
	return 0;
}

static int
expect(struct parser *ps, char c)
{
	static const char *const what[] = { "'(' is missing", "')' is missing",
		"',' is missing", "'=' is missing" };

	if (accept(ps, c))
		return 0;
	return fail(ps, what[c == '(' ? 0 : c == ')' ? 1 : c == ',' ? 2 : 3]);
}

/* Everything up to the parenthesis that closes the one just opened. */
static int
skip_arguments(struct parser *ps)
{
	unsigned open = 1;

	while (ps->p < ps->end) {
		char c = *ps->p;

		if (c == '\'' || c == '"' || c == '`') {
			char *text;
			size_t len;

			if (quoted(ps, &text, &len) == -1)
				return -1;
			free(text);
			continue;
		}
		ps->p++;
		if (c == '(')
			open++;
		else if (c == ')' && --open == 0)
			return 0;
	}
	return fail(ps, "')' is missing");
}

static struct ch_type *
add_arg(struct ch_type *t)
{
	if ((t->nargs & (t->nargs - 1)) == 0)
		t->args = xreallocarray(
		    t->args, t->nargs > 0 ? t->nargs * 2 : 1, sizeof(*t->args));
	t->args[t->nargs] = (struct ch_type){ 0 };
	return &t->args[t->nargs++];
}

static int
parse_enum(struct parser *ps, struct ch_type *t)
{
	int64_t min = t->kind == CH_ENUM8 ? INT8_MIN : INT16_MIN, value;
	size_t cap = 0;

	do {
		struct ch_label *l;

		if (!at(ps, '\''))
			return fail(ps, "an enum label is missing");
		if (t->nlabels == cap) {
			cap = cap > 0 ? cap * 2 : 8;
			t->labels =
			    xreallocarray(t->labels, cap, sizeof(*t->labels));
		}
		l = &t->labels[t->nlabels];
		if (quoted(ps, &l->text, &l->len) == -1)
			return -1;
		t->nlabels++;
		if (expect(ps, '=') == -1 ||
		    number(ps, min, -min - 1, &value) == -1)
			return -1;
		l->value = (int)value;
	} while (accept(ps, ','));
	if (t->nlabels > (size_t)(-2 * min))
		return fail(ps, "too many enum labels");
	return expect(ps, ')');
}

/* The name of a tuple element, if one stands here: a quoted word, or a word
 * followed by the beginning of a type. */
static int
element_name(struct parser *ps, char **name)
{
	const char *start, *back;
	size_t len;

	*name = NULL;
	if (at(ps, '`') || at(ps, '"'))
		return quoted(ps, name, &len);
	back = ps->p;
	len = word(ps, &start);
	skip_blanks(ps);
	if (len > 0 && ps->p > start + len && ps->p < ps->end &&
	    is_word(*ps->p))
		*name = xstrndup(start, len);
	else
		ps->p = back;
	return 0;
}

static int
parse_tuple(struct parser *ps, struct ch_type *t)
{
	if (accept(ps, ')'))
		return 0;
	do {
		struct ch_type *arg;
		char *name;

		if (element_name(ps, &name) == -1)
			return -1;
		arg = add_arg(t);
		if (name != NULL && t->names == NULL && t->nargs > 1) {
			free(name);
			return fail(ps, "some tuple elements have no name");
		}
		if (name != NULL) {
			t->names = xreallocarray(
			    t->names, t->nargs, sizeof(*t->names));
			t->names[t->nargs - 1] = name;
		} else if (t->names != NULL) {
			t->nargs--; /* names and args stay parallel */
			return fail(ps, "some tuple elements have no name");
		}
		if (parse_type(ps, arg) == -1)
			return -1;
	} while (accept(ps, ','));
	return expect(ps, ')');
}

static int
parse_args(struct parser *ps, struct ch_type *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((i > 0 && expect(ps, ',') == -1) ||
		    parse_type(ps, add_arg(t)) == -1)
			return -1;
	return expect(ps, ')');
}

static int
parse_decimal(struct parser *ps, struct ch_type *t, int64_t precision)
{
	int64_t scale = 0;

	if (precision == 0) {
		if (number(ps, 1, 76, &precision) == -1)
			return -1;
		if (accept(ps, ',') && number(ps, 0, precision, &scale) == -1)
			return -1;
	} else if (number(ps, 0, precision, &scale) == -1) {
		return -1;
	}
	t->kind = CH_DECIMAL;
	t->precision = (uint8_t)precision;
	t->scale = (uint8_t)scale;
	return expect(ps, ')');
}

/* DateTime64(p[, 'zone']), Time64(p), DateTime('zone') */
static int
parse_time(struct parser *ps, struct ch_type *t, bool has_scale)
{
	int64_t scale = 0;
	size_t len;

	if (has_scale) {
		if (number(ps, 0, 9, &scale) == -1)
			return -1;
		if (!accept(ps, ','))
			return t->scale = (uint8_t)scale, expect(ps, ')');
	}
	t->scale = (uint8_t)scale;
	if (!at(ps, '\''))
		return fail(ps, "a time zone is missing");
	if (quoted(ps, &t->zone, &len) == -1)
		return -1;
	return expect(ps, ')');
}

/* The function's own arguments may be numbers in parentheses: skip them. */
static int
parse_simple_aggregate(struct parser *ps, struct ch_type *t)
{
	const char *start;

	if (word(ps, &start) == 0)
		return fail(ps, "an aggregate function is missing");
	if (accept(ps, '(') && skip_arguments(ps) == -1)
		return -1;
	if (expect(ps, ',') == -1 || parse_type(ps, t) == -1)
		return -1;
	return expect(ps, ')');
}

static int
parse_nested(struct parser *ps, struct ch_type *t)
{
	struct ch_type *tuple;

	t->kind = CH_ARRAY;
	tuple = add_arg(t);
	tuple->kind = CH_TUPLE;
	return parse_tuple(ps, tuple);
}

static bool
is(const char *name, size_t len, const char *is_)
{
	return strlen(is_) == len && memcmp(name, is_, len) == 0;
}

static int
parse_fixed_string(struct parser *ps, struct ch_type *t)
{
	int64_t n;

	if (number(ps, 1, CH_FIXED_STRING_MAX, &n) == -1)
		return -1;
	t->length = (uint32_t)n;
	return expect(ps, ')');
}

/* A type with arguments; the opening parenthesis has been taken. */
static int
parse_compound(
    struct parser *ps, struct ch_type *t, const char *name, size_t len)
{
	static const struct {
		const char *name;
		int precision;
	} decimals[] = { { "Decimal", 0 }, { "Decimal32", 9 },
		{ "Decimal64", 18 }, { "Decimal128", 38 },
		{ "Decimal256", 76 } };
	static const struct {
		const char *name;
		enum ch_kind kind;
	} wrappers[] = { { "Nullable", CH_NULLABLE }, { "Array", CH_ARRAY },
		{ "LowCardinality", CH_LOW_CARDINALITY }, { "Map", CH_MAP } };

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		if (!is(name, len, wrappers[i].name))
			continue;
		t->kind = wrappers[i].kind;
		return parse_args(ps, t, t->kind == CH_MAP ? 2 : 1);
	}
	for (size_t i = 0; i < sizeof(decimals) / sizeof(*decimals); i++)
		if (is(name, len, decimals[i].name))
			return parse_decimal(ps, t, decimals[i].precision);
	if (is(name, len, "Tuple"))
		return t->kind = CH_TUPLE, parse_tuple(ps, t);
	if (is(name, len, "Nested"))
		return parse_nested(ps, t);
	if (is(name, len, "FixedString"))
		return t->kind = CH_FIXED_STRING, parse_fixed_string(ps, t);
	if (is(name, len, "Enum8") || is(name, len, "Enum16")) {
		t->kind = len == 5 ? CH_ENUM8 : CH_ENUM16;
		return parse_enum(ps, t);
	}
	if (is(name, len, "DateTime"))
		return t->kind = CH_DATETIME, parse_time(ps, t, false);
	if (is(name, len, "DateTime64"))
		return t->kind = CH_DATETIME64, parse_time(ps, t, true);
	if (is(name, len, "Time64"))
		return t->kind = CH_TIME64, parse_time(ps, t, true);
	if (is(name, len, "SimpleAggregateFunction"))
		return parse_simple_aggregate(ps, t);
	t->kind = is(name, len, "AggregateFunction") ? CH_AGGREGATE
	    : is(name, len, "Variant")               ? CH_VARIANT
	    : is(name, len, "Dynamic")               ? CH_DYNAMIC
	    : is(name, len, "JSON")                  ? CH_JSON
	    : is(name, len, "Object")                ? CH_OBJECT
						     : CH_OTHER;
	return skip_arguments(ps);
}

static void
geometry(struct ch_type *t, unsigned arrays)
{
	while (arrays-- > 0) {
		t->kind = CH_ARRAY;
		t = add_arg(t);
	}
	t->kind = CH_TUPLE;
	add_arg(t)->kind = CH_FLOAT64;
	add_arg(t)->kind = CH_FLOAT64;
}

static int
parse_plain(struct ch_type *t, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (is(name, len, plain[i].name)) {
			t->kind = plain[i].kind;
			return 0;
		}
	for (size_t i = 0; i < sizeof(geometric) / sizeof(*geometric); i++)
		if (is(name, len, geometric[i].name)) {
			geometry(t, geometric[i].arrays);
			return 0;
		}
	t->kind = len > 8 && memcmp(name, "Interval", 8) == 0 ? CH_INTERVAL
							      : CH_OTHER;
	return 0;
}

static int
parse_type(struct parser *ps, struct ch_type *t)
{
	const char *name;
	size_t len;
	int rc;

	if (++ps->depth > CH_TYPE_DEPTH_MAX)
		return fail(ps, "nested too deep");
	if (++ps->nodes > CH_TYPE_NODES_MAX)
		return fail(ps, "too many parts");
	len = word(ps, &name);
	if (len == 0)
		return fail(ps, "a type name is missing");
	if (accept(ps, '('))
		rc = parse_compound(ps, t, name, len);
	else
		rc = parse_plain(t, name, len);
	ps->depth--;
	return rc;
}

int
ch_type_parse(
    const char *text, size_t len, struct ch_type *out, struct err *err)
{
	struct parser ps = { .p = text, .end = text + len, .err = err };

	*out = (struct ch_type){ 0 };
	if (len > CH_TYPE_TEXT_MAX)
		return fail(&ps, "longer than any type");
	if (parse_type(&ps, out) == -1)
		return -1;
	skip_blanks(&ps);
	if (ps.p != ps.end)
		return fail(&ps, "something follows the type");
	return 0;
}

void
ch_type_clear(struct ch_type *t)
{
	for (size_t i = 0; i < t->nargs; i++) {
		ch_type_clear(&t->args[i]);
		if (t->names != NULL)
			free(t->names[i]);
	}
	for (size_t i = 0; i < t->nlabels; i++)
		free(t->labels[i].text);
	free(t->args);
	free(t->names);
	free(t->labels);
	free(t->zone);
	*t = (struct ch_type){ 0 };
}

uint32_t
ch_type_width(const struct ch_type *t)
{
	switch (t->kind) {
	case CH_BOOL:
	case CH_INT8:
	case CH_UINT8:
	case CH_ENUM8:
		return 1;
	case CH_INT16:
	case CH_UINT16:
	case CH_ENUM16:
	case CH_BFLOAT16:
	case CH_DATE:
		return 2;
	case CH_INT32:
	case CH_UINT32:
	case CH_FLOAT32:
	case CH_IPV4:
	case CH_DATE32:
	case CH_DATETIME:
	case CH_TIME:
		return 4;
	case CH_INT64:
	case CH_UINT64:
	case CH_FLOAT64:
	case CH_DATETIME64:
	case CH_TIME64:
	case CH_INTERVAL:
		return 8;
	case CH_INT128:
	case CH_UINT128:
	case CH_UUID:
	case CH_IPV6:
		return 16;
	case CH_INT256:
	case CH_UINT256:
		return 32;
	case CH_DECIMAL:
		return t->precision <= 9 ? 4
		    : t->precision <= 18 ? 8
		    : t->precision <= 38 ? 16
					 : 32;
	case CH_FIXED_STRING:
		return t->length;
	default:
		return 0;
	}
}

static bool
labels_equal(const struct ch_type *a, const struct ch_type *b)
{
	if (a->nlabels != b->nlabels)
		return false;
	for (size_t i = 0; i < a->nlabels; i++)
		if (a->labels[i].value != b->labels[i].value ||
		    a->labels[i].len != b->labels[i].len ||
		    memcmp(a->labels[i].text, b->labels[i].text,
			a->labels[i].len) != 0)
			return false;
	return true;
}

bool
ch_type_equal(const struct ch_type *a, const struct ch_type *b)
{
	if (a->kind != b->kind || a->precision != b->precision ||
	    a->scale != b->scale || a->length != b->length ||
	    a->nargs != b->nargs || !labels_equal(a, b))
		return false;
	if ((a->names == NULL) != (b->names == NULL))
		return false;
	for (size_t i = 0; i < a->nargs; i++) {
		if (a->names != NULL && strcmp(a->names[i], b->names[i]) != 0)
			return false;
		if (!ch_type_equal(&a->args[i], &b->args[i]))
			return false;
	}
	return true;
}

const struct ch_type *
ch_type_bare(const struct ch_type *t, bool *nullable)
{
	bool null = false;

	if (t->kind == CH_LOW_CARDINALITY)
		t = &t->args[0];
	if (t->kind == CH_NULLABLE) {
		null = true;
		t = &t->args[0];
	}
	if (nullable != NULL)
		*nullable = null;
	return t;
}
