/* SPDX-License-Identifier: Apache-2.0 */
/* Type texts: every shape the server writes, and what no server should. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/clickhouse/type.h"

static struct ch_type t;
static struct err err;

static void
parse(const char *text)
{
	ch_type_clear(&t);
	err_clear(&err);
	ck_assert_msg(ch_type_parse(text, strlen(text), &t, &err) == 0,
	    "%s: %s", text, err.text);
}

static void
refuse(const char *text)
{
	ch_type_clear(&t);
	ck_assert_msg(ch_type_parse(text, strlen(text), &t, &err) == -1,
	    "%s was accepted", text);
	ck_assert_int_eq(err.cls, ERR_DATA);
	ch_type_clear(&t);
}

START_TEST(plain_types_have_kind_and_width)
{
	static const struct {
		const char *s;
		enum ch_kind k;
		unsigned w;
	} is[] = {
		{ "Bool", CH_BOOL, 1 },
		{ "Int8", CH_INT8, 1 },
		{ "UInt256", CH_UINT256, 32 },
		{ "BFloat16", CH_BFLOAT16, 2 },
		{ "Decimal(9, 2)", CH_DECIMAL, 4 },
		{ "Decimal(10, 2)", CH_DECIMAL, 8 },
		{ "Decimal(19, 0)", CH_DECIMAL, 16 },
		{ "Decimal(39, 39)", CH_DECIMAL, 32 },
		{ "Decimal64(8)", CH_DECIMAL, 8 },
		{ "FixedString(16)", CH_FIXED_STRING, 16 },
		{ "UUID", CH_UUID, 16 },
		{ "IPv4", CH_IPV4, 4 },
		{ "Date", CH_DATE, 2 },
		{ "Date32", CH_DATE32, 4 },
		{ "DateTime", CH_DATETIME, 4 },
		{ "DateTime('Asia/Tokyo')", CH_DATETIME, 4 },
		{ "DateTime64(9)", CH_DATETIME64, 8 },
		{ "DateTime64(3, 'UTC')", CH_DATETIME64, 8 },
		{ "Time", CH_TIME, 4 },
		{ "Time64(6)", CH_TIME64, 8 },
		{ "IntervalNanosecond", CH_INTERVAL, 8 },
		{ "String", CH_STRING, 0 },
		{ "JSON", CH_JSON, 0 },
		{ "JSON(max_dynamic_paths=8, a.b UInt32)", CH_JSON, 0 },
		{ "Variant(Int8, String)", CH_VARIANT, 0 },
		{ "Dynamic(max_types=3)", CH_DYNAMIC, 0 },
		{ "Nothing", CH_NOTHING, 0 },
		{ "AggregateFunction(quantiles(0.5, 0.9), UInt64)",
		    CH_AGGREGATE, 0 },
		{ "Object('json')", CH_OBJECT, 0 },
		{ "QBit(Float32, 10)", CH_OTHER, 0 },
		{ "SomethingNew", CH_OTHER, 0 },
	};

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		parse(is[i].s);
		ck_assert_msg(t.kind == is[i].k, "%s", is[i].s);
		ck_assert_msg(ch_type_width(&t) == is[i].w, "%s", is[i].s);
	}
	parse("DateTime64(9, 'UTC')");
	ck_assert_uint_eq(t.scale, 9);
	ch_type_clear(&t);
}
END_TEST

START_TEST(enum_labels_keep_escapes_quotes_and_negative_values)
{
	parse("Enum8('a''b' = -128, 'c\\'d\\\\' = 0, '\\x41\\n(,)=' = 127, "
	      "'' = 5)");
	ck_assert_uint_eq(t.nlabels, 4);
	ck_assert_str_eq(t.labels[0].text, "a'b");
	ck_assert_int_eq(t.labels[0].value, -128);
	ck_assert_str_eq(t.labels[1].text, "c'd\\");
	ck_assert_str_eq(t.labels[2].text, "A\n(,)=");
	ck_assert_uint_eq(t.labels[3].len, 0);
	parse("Enum16('x\\0y' = -32768)");
	ck_assert_uint_eq(t.labels[0].len, 3);
	ck_assert_int_eq(t.labels[0].value, -32768);
	refuse("Enum8('a' = 128)");
	refuse("Enum8('a' = -129)");
	refuse("Enum8('a')");
	refuse("Enum8('a = 1)");
	refuse("Enum8('a\\");
	refuse("Enum8()");
	ch_type_clear(&t);
}
END_TEST

START_TEST(tuples_know_named_and_unnamed_elements)
{
	parse("Tuple(a Int8, `b ``c` Array(Nullable(String)), Nullable "
	      "UInt8)");
	ck_assert_uint_eq(t.nargs, 3);
	ck_assert_str_eq(t.names[1], "b `c");
	ck_assert_str_eq(t.names[2], "Nullable");
	ck_assert_int_eq(t.args[1].args[0].kind, CH_NULLABLE);
	parse("Tuple(Nullable(Int8), Map(String, UInt64))");
	ck_assert_ptr_null(t.names);
	ck_assert_int_eq(t.args[1].kind, CH_MAP);
	parse("Tuple()");
	ck_assert_uint_eq(t.nargs, 0);
	refuse("Tuple(a Int8, UInt8)");
	refuse("Tuple(UInt8, a Int8)");
	refuse("Tuple(a Int8,)");
	ch_type_clear(&t);
}
END_TEST

START_TEST(aliases_are_what_the_wire_has)
{
	struct ch_type other;

	static const char *const same[][2] = {
		{ "Point", "Tuple(Float64, Float64)" },
		{ "MultiPolygon",
		    "Array(Array(Array(Tuple(Float64, "
		    "Float64))))" },
		{ "Nested(a Int8, b String)",
		    "Array(Tuple(a Int8, b String))" },
		{ "SimpleAggregateFunction(sum, UInt64)", "UInt64" },
		{ "SimpleAggregateFunction(groupArrayArray(10), Array(Int8))",
		    "Array(Int8)" },
		{ "DateTime('Europe/Berlin')", "DateTime" },
		{ "DateTime64(3, 'Asia/Tokyo')", "DateTime64(3)" },
		{ "JSON(a UInt8)", "JSON" },
	};
	static const char *const differ[][2] = {
		{ "Int8", "UInt8" },
		{ "Decimal(9, 2)", "Decimal(9, 3)" },
		{ "DateTime64(3)", "DateTime64(6)" },
		{ "FixedString(3)", "FixedString(4)" },
		{ "Enum8('a' = 1)", "Enum8('b' = 1)" },
		{ "Enum8('a' = 1)", "Enum8('a' = 2)" },
		{ "Tuple(a Int8)", "Tuple(b Int8)" },
		{ "Tuple(a Int8)", "Tuple(Int8)" },
		{ "Array(Int8)", "Array(Nullable(Int8))" },
		{ "LowCardinality(String)", "String" },
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		parse(same[i][1]);
		other = t;
		t = (struct ch_type){ 0 };
		parse(same[i][0]);
		ck_assert_msg(ch_type_equal(&t, &other), "%s", same[i][0]);
		ch_type_clear(&other);
	}
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++) {
		parse(differ[i][1]);
		other = t;
		t = (struct ch_type){ 0 };
		parse(differ[i][0]);
		ck_assert_msg(!ch_type_equal(&t, &other), "%s", differ[i][0]);
		ch_type_clear(&other);
	}
	ch_type_clear(&t);
}
END_TEST

START_TEST(malformed_texts_are_refused_at_every_length)
{
	static const char text[] =
	    "Map(LowCardinality(String), Tuple(a "
	    "Enum8('x' = 1), b DateTime64(3, 'UTC'), c Decimal(76, 38)))";
	static const char *const bad[] = {
		"",
		" ",
		"(",
		")",
		"Int8)",
		"Int8 Int8",
		"Nullable()",
		"Nullable(Int8, Int8)",
		"Map(String)",
		"Decimal(77, 1)",
		"Decimal(5, 6)",
		"Decimal(0, 0)",
		"FixedString(0)",
		"FixedString(99999999999999999999)",
		"DateTime64(10)",
		"DateTime64()",
		"DateTime(UTC)",
		"Decimal(-1, 0)",
		"'x'",
	};

	for (size_t n = 0; n + 1 < sizeof(text) - 1; n++) {
		char *cut = xstrndup(text, n);

		ch_type_clear(&t);
		if (ch_type_parse(cut, n, &t, &err) == 0)
			ck_assert_msg(n <= 3, "%s", cut); /* "Map" alone */
		free(cut);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuse(bad[i]);
	ch_type_clear(&t);
}
END_TEST

START_TEST(depth_and_parts_have_a_limit)
{
	size_t n = 100000;
	char *deep = xmalloc(n * 6 + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(deep + i * 6, "Array(", 6);
	deep[n * 6] = '\0';
	refuse(deep);
	memcpy(deep, "Tuple(", 6);
	for (size_t i = 1; i < n; i++)
		memcpy(deep + i * 6, "Int16,", 6);
	refuse(deep);
	free(deep);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clickhouse_type");
	TCase *tc = tcase_create("clickhouse_type");

	tcase_add_test(tc, plain_types_have_kind_and_width);
	tcase_add_test(tc, enum_labels_keep_escapes_quotes_and_negative_values);
	tcase_add_test(tc, tuples_know_named_and_unnamed_elements);
	tcase_add_test(tc, aliases_are_what_the_wire_has);
	tcase_add_test(tc, malformed_texts_are_refused_at_every_length);
	tcase_add_test(tc, depth_and_parts_have_a_limit);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
