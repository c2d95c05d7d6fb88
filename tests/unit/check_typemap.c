/* SPDX-License-Identifier: Apache-2.0 */
/* The type table: defaults, choices, what the target decides, refusals. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tests/unit/run_suite.h"
#include "worker/typemap.h"

static struct err err;
static struct ch_type type;
static struct field field;
static struct mapping map;
static bool used[8];

static int
resolve(const char *text, const struct job_column *columns, size_t n,
    const struct type *existing, bool fits)
{
	struct typemap_options o = { columns, n, used };
	struct typemap_column c = { .name = "c",
		.text = text,
		.type = &type,
		.existing = existing,
		.fits_long = fits };

	mapping_clear(&map);
	field_clear(&field);
	ch_type_clear(&type);
	memset(used, 0, sizeof(used));
	err_clear(&err);
	ck_assert_msg(
	    ch_type_parse(text, strlen(text), &type, &err) == 0, "%s", text);
	return typemap_resolve(&c, &o, &field, &map, &err);
}

static void
is(const char *text, const struct job_column *columns, size_t n,
    const struct type *existing, const char *want)
{
	struct buf b;

	ck_assert_msg(resolve(text, columns, n, existing, false) == 0, "%s: %s",
	    text, err.text);
	buf_init(&b, 4096);
	type_format(&field.type, &b);
	ck_assert_msg(strcmp(buf_cstr(&b), want) == 0, "%s: %s, not %s", text,
	    buf_cstr(&b), want);
	buf_clear(&b);
}

static void
is_as(const char *text, char *as, const char *want)
{
	struct job_column c = { .name = (char[]){ "c" }, .as = as };

	is(text, &c, 1, NULL, want);
	ck_assert(used[0]);
}

static void
refused(const char *text, const struct job_column *c, size_t n,
    enum err_class cls, const char *says)
{
	ck_assert_msg(
	    resolve(text, c, n, NULL, false) == -1, "%s was accepted", text);
	ck_assert_msg(err.cls == cls, "%s: %s", text, err.text);
	ck_assert_msg(strstr(err.text, "'c'") != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	ck_assert_ptr_null(field.name);
	ck_assert_ptr_null(map.path);
}

START_TEST(defaults)
{
	static const char *const are[][2] = {
		{ "Bool", "boolean" },
		{ "Int8", "int" },
		{ "Int16", "int" },
		{ "Int32", "int" },
		{ "Int64", "long" },
		{ "UInt8", "int" },
		{ "UInt16", "int" },
		{ "UInt32", "long" },
		{ "UInt64", "decimal(20, 0)" },
		{ "Int128", "decimal(38, 0)" },
		{ "UInt128", "string" },
		{ "Int256", "string" },
		{ "UInt256", "string" },
		{ "Float32", "float" },
		{ "Float64", "double" },
		{ "BFloat16", "float" },
		{ "Decimal(9, 3)", "decimal(9, 3)" },
		{ "Decimal(38, 38)", "decimal(38, 38)" },
		{ "Decimal(39, 3)", "string" },
		{ "String", "string" },
		{ "FixedString(7)", "string" },
		{ "Enum8('a' = 1)", "string" },
		{ "Enum16('a' = 1)", "string" },
		{ "UUID", "uuid" },
		{ "IPv4", "string" },
		{ "IPv6", "string" },
		{ "Date", "date" },
		{ "Date32", "date" },
		{ "DateTime('Asia/Tokyo')", "timestamptz" },
		{ "DateTime64(0)", "timestamptz" },
		{ "DateTime64(9, 'UTC')", "timestamptz" },
		{ "Time", "long" },
		{ "Time64(3)", "long" },
		{ "IntervalDay", "long" },
		{ "JSON", "string" },
		{ "SimpleAggregateFunction(max, Int8)", "int" },
		{ "LowCardinality(Nullable(FixedString(2)))", "string" },
		{ "Array(Nullable(Int8))", "list<int>" },
		{ "Map(LowCardinality(String), Array(UInt32))",
		    "map<string, list<long>>" },
		{ "Tuple(Int8, String)", "struct<_1: int, _2: string>" },
		{ "Nested(a UUID, `b c` Date)",
		    "list<struct<a: uuid, b c: date>>" },
		{ "Ring", "list<struct<_1: double, _2: double>>" },
	};

	for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++)
		is(are[i][0], NULL, 0, NULL, are[i][1]);
	is("Array(Nullable(Int8))", NULL, 0, NULL, "list<int>");
	ck_assert(field.required && !field.type.fields[0].required);
	is("Nullable(Int8)", NULL, 0, NULL, "int");
	ck_assert(!field.required && map.nullable);
}
END_TEST

START_TEST(choices_by_option)
{
	is_as("UInt64", (char[]){ "long" }, "long");
	ck_assert_ptr_nonnull(map.convert.problem);
	is_as("UInt64", (char[]){ "decimal" }, "decimal(20, 0)");
	is_as("UInt64", (char[]){ "decimal(25,0)" }, "decimal(25, 0)");
	is_as("UInt64", (char[]){ "string" }, "string");
	is_as("Int128", (char[]){ "string" }, "string");
	is_as("UInt256", (char[]){ "decimal( 38 , 0 )" }, "decimal(38, 0)");
	is_as(
	    "Decimal(76, 10)", (char[]){ "decimal(38,10)" }, "decimal(38, 10)");
	ck_assert_uint_eq(map.convert.digits, 38);
	is_as("Decimal(9, 2)", (char[]){ "decimal(19,2)" }, "decimal(19, 2)");
	ck_assert_uint_eq(map.convert.digits, 9);
	is_as("FixedString(16)", (char[]){ "fixed[16]" }, "fixed[16]");
	is_as("FixedString(16)", (char[]){ "binary" }, "binary");
	is_as("FixedString(16)", (char[]){ "trimmed" }, "string");
	ck_assert_int_eq(map.convert.kind, CONVERT_TRIM_TEXT);
	is_as("Enum8('a' = 1)", (char[]){ "int" }, "int");
	ck_assert_int_eq(map.form, MAP_FIXED);
	is_as("UUID", (char[]){ "string" }, "string");
	is_as("IPv4", (char[]){ "long" }, "long");
	is_as("IPv6", (char[]){ "fixed" }, "fixed[16]");
	is_as("Time", (char[]){ "time" }, "time");
	is_as("Time64(9)", (char[]){ "string" }, "string");
	is_as("Array(Array(UInt64))", (char[]){ "long" }, "list<list<long>>");
}
END_TEST

START_TEST(options_inside_a_column_by_path)
{
	struct job_column o[] = {
		{ .name = (char[]){ "c.value.b" }, .as = (char[]){ "long" } },
		{ .name = (char[]){ "c.key" }, .utf8 = (char[]){ "latin1" } },
		{ .name = (char[]){ "c.nosuch" }, .as = (char[]){ "long" } },
	};
	struct typemap_options all = { o, 3, used };

	is("Map(String, Tuple(a UInt64, b UInt64))", o, 3, NULL,
	    "map<string, struct<a: decimal(20, 0), b: long>>");
	ck_assert_int_eq(map.child[0].convert.utf8, UTF8_LATIN1);
	ck_assert(used[0] && used[1] && !used[2]);
	ck_assert_int_eq(typemap_options_check(&all, &err), -1);
	ck_assert_int_eq(err.cls, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "c.nosuch"));
}
END_TEST

START_TEST(the_target_decides_where_there_is_a_choice)
{
	const struct type is_long = { .kind = TYPE_LONG };
	const struct type is_double = { .kind = TYPE_DOUBLE };
	const struct type is_string = { .kind = TYPE_STRING };
	const struct type wider = {
		.kind = TYPE_DECIMAL, .precision = 30, .scale = 2
	};
	struct job_column o = { .name = (char[]){ "c" },
		.as = (char[]){ "decimal" } };

	is("UInt64", NULL, 0, &is_long, "long");
	is("UInt64", &o, 1, &is_long, "decimal(20, 0)");
	is("Int16", NULL, 0, &is_long, "long");
	is("Float32", NULL, 0, &is_double, "double");
	is("Decimal(9, 2)", NULL, 0, &wider, "decimal(30, 2)");
	is("UUID", NULL, 0, &is_string, "string");
	ck_assert_int_eq(resolve("UInt64", NULL, 0, NULL, true), 0);
	ck_assert_int_eq(field.type.kind, TYPE_LONG);
}
END_TEST

/* UInt16 became UInt32: an int that the source outgrew is not kept. */
START_TEST(what_is_outgrown_is_promoted)
{
	static const struct type as_int = { .kind = TYPE_INT };
	static const struct type as_long = { .kind = TYPE_LONG };
	struct job_column c = { .name = (char[]){ "c" },
		.as = (char[]){ "int" } };

	is("UInt32", NULL, 0, &as_int, "long");
	is("UInt32", &c, 1, &as_int, "int");
	is("Int64", NULL, 0, &as_int, "long");
	is("UInt16", NULL, 0, &as_int, "int");
	is("UInt16", NULL, 0, &as_long, "long");
	is("UInt64", NULL, 0, &as_int, "long");
}
END_TEST

/* What the table has was asked for once, or the column had another type. */
START_TEST(another_kind_of_value_has_to_be_asked_for)
{
	static const struct {
		const char *source;
		struct type table;
		char *as; /* that helps, or NULL */
	} are[] = {
		{ "Int64", { .kind = TYPE_STRING }, "string" },
		{ "UInt64", { .kind = TYPE_STRING }, "string" },
		{ "Decimal(9, 2)", { .kind = TYPE_STRING }, "string" },
		{ "Int128", { .kind = TYPE_STRING }, "string" },
		{ "Time", { .kind = TYPE_STRING }, "string" },
		{ "Bool", { .kind = TYPE_INT }, "int" },
		{ "Enum8('a' = 1)", { .kind = TYPE_INT }, "int" },
		{ "IPv4", { .kind = TYPE_LONG }, "long" },
		{ "String", { .kind = TYPE_LONG }, NULL },
		{ "Int64", { .kind = TYPE_DATE }, NULL },
		{ "Decimal(9, 3)",
		    { .kind = TYPE_DECIMAL, .precision = 30, .scale = 2 },
		    NULL },
	};

	for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++) {
		struct job_column o = { .name = (char[]){ "c" },
			.as = are[i].as };

		ck_assert_msg(
		    resolve(are[i].source, NULL, 0, &are[i].table, false) == -1,
		    "%s", are[i].source);
		ck_assert_int_eq(err.cls, ERR_TYPE);
		ck_assert_msg(
		    strstr(err.text, are[i].source) != NULL, "%s", err.text);
		ck_assert_msg((strstr(err.text, "set that") != NULL) ==
			(are[i].as != NULL),
		    "%s", err.text);
		if (are[i].as == NULL)
			continue;
		ck_assert_int_eq(
		    resolve(are[i].source, &o, 1, &are[i].table, false), 0);
		ck_assert_int_eq(field.type.kind, are[i].table.kind);
	}
}
END_TEST

START_TEST(what_cannot_be_read_is_refused_with_advice)
{
	struct job_column as = { .name = (char[]){ "c" },
		.as = (char[]){ "date" } };
	struct job_column time = { .name = (char[]){ "c" },
		.time = (char[]){ "floor" } };
	struct job_column utf8 = { .name = (char[]){ "c" },
		.utf8 = (char[]){ "guess" } };
	struct job_column both = { .name = (char[]){ "c" },
		.as = (char[]){ "string" },
		.utf8 = (char[]){ "binary" } };

	refused("Variant(Int8, String)", NULL, 0, ERR_TYPE, "as: string");
	refused("Dynamic", NULL, 0, ERR_TYPE, "as: string");
	refused("AggregateFunction(sum, Int8)", NULL, 0, ERR_TYPE,
	    "finalizeAggregation()");
	refused("Array(AggregateFunction(sum, Int8))", NULL, 0, ERR_TYPE,
	    "c.element");
	refused("Nullable(Nothing)", NULL, 0, ERR_TYPE, "exclude");
	refused("Object('json')", NULL, 0, ERR_TYPE, "as: string");
	refused("QBit(Float32, 3)", NULL, 0, ERR_TYPE, "QBit");
	refused("Nullable(Tuple(Int8))", NULL, 0, ERR_TYPE, "not supported");
	refused("Tuple()", NULL, 0, ERR_TYPE, "empty tuple");
	refused("Tuple(a Int8, a Int8)", NULL, 0, ERR_TYPE, "one name");
	refused("Map(LowCardinality(Nullable(String)), Int8)", NULL, 0,
	    ERR_TYPE, "keys of a map");
	refused("Int8", &as, 1, ERR_CONFIG, "int, long, string");
	refused("Int8", &time, 1, ERR_CONFIG, "time:");
	refused("String", &utf8, 1, ERR_CONFIG, "latin1");
	refused("String", &both, 1, ERR_CONFIG, "binary");
}
END_TEST

START_TEST(casts_are_for_what_has_no_text_of_its_own)
{
	static const struct {
		const char *text;
		bool cast;
	} are[] = {
		{ "Variant(Int8, String)", true },
		{ "Dynamic", true },
		{ "Float64", true },
		{ "Tuple(Int8)", true },
		{ "Array(Float64)", true },
		{ "Map(Int8, Int8)", true },
		{ "Object('json')", true },
		{ "DateTime", true },
		{ "UInt64", false },
		{ "Array(UInt64)", false },
		{ "String", false },
		{ "UUID", false },
		{ "AggregateFunction(sum, Int8)", false },
	};
	struct job_column o = { .name = (char[]){ "c" },
		.as = (char[]){ "string" } };
	struct typemap_options all = { &o, 1, used };

	for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++) {
		ck_assert_int_eq(ch_type_parse(are[i].text, strlen(are[i].text),
				     &type, &err),
		    0);
		ck_assert_msg(
		    typemap_wants_cast("c", &type, &all) == are[i].cast, "%s",
		    are[i].text);
		ck_assert(!typemap_wants_cast("d", &type, &all));
		ch_type_clear(&type);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("typemap");
	TCase *tc = tcase_create("typemap");

	tcase_add_test(tc, defaults);
	tcase_add_test(tc, choices_by_option);
	tcase_add_test(tc, options_inside_a_column_by_path);
	tcase_add_test(tc, the_target_decides_where_there_is_a_choice);
	tcase_add_test(tc, what_is_outgrown_is_promoted);
	tcase_add_test(tc, another_kind_of_value_has_to_be_asked_for);
	tcase_add_test(tc, what_cannot_be_read_is_refused_with_advice);
	tcase_add_test(tc, casts_are_for_what_has_no_text_of_its_own);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
