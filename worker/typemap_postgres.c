/* SPDX-License-Identifier: Apache-2.0 */
/* rules[] is the type table; the rest reads modifiers and options. */
#include "worker/typemap_postgres.h"

#include <stdio.h>
#include <string.h>

static const char infinite[] =
    "is infinite, which no target can hold; set as: string, or mend the value";
static const char not_a_number[] =
    "is NaN or infinite, which no decimal can hold; set as: string";
static const char too_many_digits[] =
    "has more digits than 'as' has room for, or than a double keeps; set "
    "digits: round, a longer decimal, or as: string";

static const struct rule {
	const char *name;
	enum type_kind to;
	enum postgres_form form;
	uint8_t width;
	const char *cast;
	const char *problem;
} rules[] = {
	{ "bool", TYPE_BOOLEAN, POSTGRES_BOOL, 1, "", NULL },
	{ "int2", TYPE_INT, POSTGRES_INT, 2, "", NULL },
	{ "int4", TYPE_INT, POSTGRES_INT, 4, "", NULL },
	{ "int8", TYPE_LONG, POSTGRES_INT, 8, "", NULL },
	{ "oid", TYPE_LONG, POSTGRES_UNSIGNED, 4, "", NULL },
	{ "xid", TYPE_LONG, POSTGRES_UNSIGNED, 4, "", NULL },
	{ "xid8", TYPE_DECIMAL, POSTGRES_UNSIGNED, 8, "", NULL },
	{ "pg_lsn", TYPE_DECIMAL, POSTGRES_UNSIGNED, 8, "", NULL },
	{ "float4", TYPE_FLOAT, POSTGRES_FLOAT, 4, "", NULL },
	{ "float8", TYPE_DOUBLE, POSTGRES_FLOAT, 8, "", NULL },
	{ "numeric", TYPE_DECIMAL, POSTGRES_NUMERIC, 0, "", not_a_number },
	/* cents of the server's lc_monetary; no currency uses more digits
	 * than three, and numeric knows how many */
	{ "money", TYPE_DECIMAL, POSTGRES_NUMERIC, 0, "::numeric(21,3)", NULL },
	{ "text", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "varchar", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "bpchar", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "name", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "xml", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "citext", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "json", TYPE_STRING, POSTGRES_TEXT, 0, "", NULL },
	{ "jsonb", TYPE_STRING, POSTGRES_JSONB, 0, "", NULL },
	{ "bytea", TYPE_BINARY, POSTGRES_BYTES, 0, "", NULL },
	{ "date", TYPE_DATE, POSTGRES_DATE, 4, "", infinite },
	{ "timestamp", TYPE_TIMESTAMP, POSTGRES_TICKS, 8, "", infinite },
	{ "timestamptz", TYPE_TIMESTAMPTZ, POSTGRES_TICKS, 8, "", infinite },
	{ "uuid", TYPE_UUID, POSTGRES_UUID, 16, "", NULL },
};
enum { NRULES = sizeof(rules) / sizeof(*rules) };

static const struct rule as_text = { "", TYPE_STRING, POSTGRES_TEXT, 0,
	"::text", NULL };
static const struct rule as_label = { "", TYPE_STRING, POSTGRES_TEXT, 0, "",
	NULL };
static const struct rule as_double = { "", TYPE_DOUBLE, POSTGRES_DOUBLE, 0, "",
	too_many_digits };
static const struct rule as_rounded_double = { "", TYPE_DOUBLE, POSTGRES_FLOAT,
	8, "::float8", NULL };

static const struct rule *
find_rule(const struct postgres_type *t)
{
	if (t->kind == 'e')
		return &as_label;
	for (size_t k = 0; t->kind == 'b' && k < NRULES; k++)
		if (strcmp(rules[k].name, t->name) == 0)
			return &rules[k];
	return &as_text;
}

static int
refuse(const char *column, const struct postgres_type *t, enum err_class cls,
    struct err *err, const char *why)
{
	return err_set(err, cls, "column '%s' (%s): %s", column, t->text, why);
}

/* numeric(p,s) as a decimal; false: text must do. (PostgreSQL 15 knows
 * negative scales and scales above the precision.) */
static bool
decimal_of(int32_t modifier, struct type *out)
{
	int32_t precision, scale;

	if (modifier < 4)
		return false;
	precision = ((modifier - 4) >> 16) & 0xffff;
	scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
	if (scale < 0) {
		precision -= scale;
		scale = 0;
	}
	if (scale > precision)
		precision = scale;
	if (precision > 38)
		return false;
	out->precision = (uint8_t)precision;
	out->scale = (uint8_t)scale;
	return true;
}

static bool
parse_decimal(const char *as, unsigned *precision, unsigned *scale)
{
	int end = 0;

	return sscanf(as, "decimal(%2u,%2u)%n", precision, scale, &end) == 2 &&
	    as[end] == '\0' && *precision >= 1 && *precision <= 38 &&
	    *scale <= *precision;
}

/* The option `as:` in place of the default. round: the server may. */
static int
choose(const char *column, const struct postgres_type *t, const char *as,
    bool round, const struct rule **rule, struct type *out,
    struct postgres_mapping *map, struct err *err)
{
	bool numeric = t->kind == 'b' && strcmp(t->name, "numeric") == 0;
	unsigned precision, scale;

	if (strcmp(as, "string") == 0) {
		*rule = &as_text;
		return 0;
	}
	if (numeric && !t->array && strcmp(as, "double") == 0) {
		*rule = round ? &as_rounded_double : &as_double;
		return 0;
	}
	if (numeric && !t->array && parse_decimal(as, &precision, &scale)) {
		out->precision = (uint8_t)precision;
		out->scale = (uint8_t)scale;
		if (round)
			snprintf(map->cast, sizeof(map->cast),
			    "::numeric(%u,%u)", precision, scale);
		else
			map->too_long = too_many_digits;
		return 0;
	}
	return refuse(column, t, ERR_CONFIG, err,
	    numeric ? "as: may be string, double or decimal(P,S)"
		    : "as: may only be string");
}

/* `digits: round` goes with a type that rounds, and nothing else. */
static int
check_digits(const char *column, const struct postgres_type *t,
    const struct job_column *option, struct err *err)
{
	const char *as = option->as != NULL ? option->as : "";

	if (option->digits == NULL || strcmp(as, "double") == 0 ||
	    strncmp(as, "decimal(", 8) == 0)
		return 0;
	return refuse(column, t, ERR_CONFIG, err,
	    "the option digits goes with as: double or decimal(P,S); take it "
	    "out");
}

int
typemap_postgres(const char *column, const struct postgres_type *t,
    const struct job_column *option, struct type *out,
    struct postgres_mapping *map, struct err *err)
{
	const struct rule *rule = find_rule(t);
	const char *as = option != NULL ? option->as : NULL;
	struct type leaf = { 0 };

	*map = (struct postgres_mapping){ .array = t->array };
	if (option != NULL &&
	    (option->time != NULL || option->utf8 != NULL ||
		option->duplicates != NULL))
		return refuse(column, t, ERR_CONFIG, err,
		    "the options time, utf8 and duplicates mean nothing for "
		    "PostgreSQL; take them out");
	if (option != NULL && check_digits(column, t, option, err) == -1)
		return -1;
	if (as != NULL &&
	    choose(column, t, as,
		option->digits != NULL && strcmp(option->digits, "round") == 0,
		&rule, &leaf, map, err) == -1)
		return -1;
	if (rule->form == POSTGRES_NUMERIC && leaf.precision == 0 &&
	    rule->cast[0] == '\0' && !decimal_of(t->modifier, &leaf))
		rule = &as_text;
	if (rule->form == POSTGRES_NUMERIC && rule->cast[0] != '\0')
		leaf.precision = 21, leaf.scale = 3;
	if (rule->form == POSTGRES_UNSIGNED && rule->width == 8)
		leaf.precision = 20;
	if (rule == &as_text && as != NULL)
		map->array = false; /* the array as a whole */
	leaf.kind = rule->to;
	map->form = rule->form;
	map->width = rule->width;
	map->problem = rule->problem;
	if (map->cast[0] == '\0')
		snprintf(map->cast, sizeof(map->cast), "%s%s", rule->cast,
		    map->array && rule->cast[0] != '\0' ? "[]" : "");
	if (!map->array) {
		*out = leaf;
		return 0;
	}
	out->kind = TYPE_LIST;
	type_add_field(out, "element", false, leaf.kind)->type = leaf;
	return 0;
}

/* ---- ClickHouse ----------------------------------------------------------- */

static void
put_type(const struct type *t, struct buf *out)
{
	switch (t->kind) {
	case TYPE_BOOLEAN:
		buf_put_str(out, "Bool");
		return;
	case TYPE_INT:
		buf_put_str(out, "Int32");
		return;
	case TYPE_LONG:
	case TYPE_TIME:
		buf_put_str(out, "Int64");
		return;
	case TYPE_FLOAT:
		buf_put_str(out, "Float32");
		return;
	case TYPE_DOUBLE:
		buf_put_str(out, "Float64");
		return;
	case TYPE_DECIMAL:
		buf_printf(out, "Decimal(%u, %u)", t->precision, t->scale);
		return;
	case TYPE_DATE:
		buf_put_str(out, "Date32");
		return;
	case TYPE_TIMESTAMP: /* sent as if it were UTC's: shows the same */
	case TYPE_TIMESTAMPTZ:
		buf_put_str(out, "DateTime64(6, 'UTC')");
		return;
	case TYPE_UUID:
		buf_put_str(out, "UUID");
		return;
	case TYPE_FIXED:
		buf_printf(out, "FixedString(%u)", t->length);
		return;
	default:
		buf_put_str(out, "String");
		return;
	}
}

void
typemap_clickhouse_of(
    const char *text, const struct field *f, bool in_key, struct buf *out)
{
	const char *narrow = NULL;
	bool nullable = !f->required && !in_key;

	if (f->type.kind == TYPE_LIST) {
		buf_put_str(out, "Array(");
		typemap_clickhouse_of("", &f->type.fields[0], false, out);
		buf_put_str(out, ")");
		return;
	}
	if (strncmp(text, "enum ", 5) == 0 && f->type.kind == TYPE_STRING) {
		buf_put_str(out,
		    nullable ? "LowCardinality(Nullable(String))"
			     : "LowCardinality(String)");
		return;
	}
	if (strcmp(text, "smallint") == 0 && f->type.kind == TYPE_INT)
		narrow = "Int16";
	else if ((strcmp(text, "oid") == 0 || strcmp(text, "xid") == 0) &&
	    f->type.kind == TYPE_LONG)
		narrow = "UInt32";
	else if ((strcmp(text, "xid8") == 0 || strcmp(text, "pg_lsn") == 0) &&
	    f->type.kind == TYPE_DECIMAL)
		narrow = "UInt64";
	if (nullable)
		buf_put_str(out, "Nullable(");
	if (narrow != NULL)
		buf_put_str(out, narrow);
	else
		put_type(&f->type, out);
	if (nullable)
		buf_put_str(out, ")");
}
