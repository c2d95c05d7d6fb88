/* SPDX-License-Identifier: Apache-2.0 */
/* Partition folders are spelled as Iceberg's Java code spells them. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/unit/run_suite.h"
#include "worker/iceberg/partition.h"

static void
path_is(const char *name, enum transform transform, struct type type,
    const void *value, size_t len, const char *expect)
{
	char field_name[100];
	struct field column = { .id = 1, .type = type };
	struct type schema = {
		.kind = TYPE_STRUCT, .nfields = 1, .fields = &column
	};
	struct partition_field f = { .source_id = 1,
		.field_id = 1000,
		.name = field_name,
		.transform = transform,
		.param = 4 };
	struct partition_spec spec = { .fields = &f, .nfields = 1 };
	uint8_t bytes[200];
	struct partition_value v = {
		.data = bytes, .len = len, .null = value == NULL
	};
	char *path;

	snprintf(field_name, sizeof field_name, "%s", name);
	if (len > 0)
		memcpy(bytes, value, len);
	path = partition_path(&spec, &schema, &v);
	ck_assert_str_eq(path, expect);
	free(path);
}

static void
int_is(enum transform t, enum type_kind kind, int32_t v, const char *expect)
{
	char text[100];

	snprintf(text, sizeof text, "n=%s", expect);
	path_is("n", t, (struct type){ .kind = kind }, &v, sizeof v, text);
}

static void
long_is(enum type_kind kind, int64_t v, const char *expect)
{
	char text[100];

	snprintf(text, sizeof text, "n=%s", expect);
	path_is("n", TRANSFORM_IDENTITY, (struct type){ .kind = kind }, &v,
	    sizeof v, text);
}

START_TEST(time_transforms_are_readable)
{
	enum type_kind ts = TYPE_TIMESTAMP;
	int32_t day = (int32_t)days_from_civil(2026, 11, 21);

	int_is(TRANSFORM_DAY, ts, day, "2026-11-21");
	int_is(TRANSFORM_DAY, TYPE_DATE, -1, "1969-12-31");
	int_is(TRANSFORM_MONTH, ts, 56 * 12 + 10, "2026-11");
	int_is(TRANSFORM_MONTH, ts, 0, "1970-01");
	int_is(TRANSFORM_MONTH, ts, -1, "1969-12");
	int_is(TRANSFORM_MONTH, ts, -12, "1969-01");
	int_is(TRANSFORM_MONTH, ts, -13, "1968-12");
	int_is(TRANSFORM_YEAR, ts, 56, "2026");
	int_is(TRANSFORM_YEAR, ts, -1, "1969");
	int_is(TRANSFORM_YEAR, ts, -1170, "0800");
	int_is(TRANSFORM_HOUR, ts, day * 24 + 5, "2026-11-21-05");
	int_is(TRANSFORM_HOUR, ts, -1, "1969-12-31-23");
	int_is(TRANSFORM_BUCKET, ts, 3, "3");
}
END_TEST

START_TEST(identity_values_are_readable)
{
	static const uint8_t uuid[] = { 0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c,
		0x4b, 0xbd, 0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7 };
	struct type t = { .kind = TYPE_UUID };
	int64_t day = INT64_C(86400000000), at = day * 17501;

	int_is(TRANSFORM_IDENTITY, TYPE_INT, -5, "-5");
	long_is(TYPE_LONG, INT64_MIN, "-9223372036854775808");
	int_is(TRANSFORM_IDENTITY, TYPE_DATE, 17501, "2017-12-01");
	long_is(TYPE_TIMESTAMP, at, "2017-12-01T00%3A00");
	long_is(TYPE_TIMESTAMPTZ, at, "2017-12-01T00%3A00Z");
	long_is(TYPE_TIMESTAMP, at + 36775038194,
	    "2017-12-01T10%3A12%3A55."
	    "038194");
	long_is(TYPE_TIMESTAMP, at + 36775038000,
	    "2017-12-01T10%3A12%3A55."
	    "038");
	long_is(TYPE_TIMESTAMP, at + 36775000000, "2017-12-01T10%3A12%3A55");
	long_is(TYPE_TIMESTAMP, at + 1, "2017-12-01T00%3A00%3A00.000001");
	long_is(TYPE_TIMESTAMP, -1, "1969-12-31T23%3A59%3A59.999999");
	long_is(TYPE_TIME, 36775038194, "10%3A12%3A55.038194");
	long_is(TYPE_TIME, 0, "00%3A00");
	path_is("n", TRANSFORM_IDENTITY, t, uuid, 16,
	    "n=f79c3e09-677c-4bbd-a479-3f349cb785e7");
	t.kind = TYPE_BOOLEAN;
	path_is("n", TRANSFORM_IDENTITY, t, "\1", 1, "n=true");
	path_is("n", TRANSFORM_IDENTITY, t, "\0", 1, "n=false");
	t.kind = TYPE_BINARY;
	path_is("n", TRANSFORM_IDENTITY, t, "", 0, "n=");
	path_is("n", TRANSFORM_IDENTITY, t, "\x01", 1, "n=AQ%3D%3D");
	path_is("n", TRANSFORM_IDENTITY, t, "\x01\x02", 2, "n=AQI%3D");
	path_is(
	    "n", TRANSFORM_IDENTITY, t, "\xfb\xff\xfe", 3, "n=%2B%2F%2F%2B");
	path_is("n", TRANSFORM_IDENTITY, t, NULL, 0, "n=null");
}
END_TEST

static void
decimal_is(unsigned scale, const char *hex, size_t len, const char *expect)
{
	struct type t = {
		.kind = TYPE_DECIMAL, .precision = 38, .scale = (uint8_t)scale
	};
	char text[100];

	snprintf(text, sizeof text, "n=%s", expect);
	path_is("n", TRANSFORM_IDENTITY, t, hex, len, text);
}

START_TEST(decimals_as_java_prints_them)
{
	decimal_is(2, "\x05\x8c", 2, "14.20");
	decimal_is(2, "\xfa\x74", 2, "-14.20");
	decimal_is(0, "\x05\x8c", 2, "1420");
	decimal_is(4, "\x05\x8c", 2, "0.1420");
	decimal_is(8, "\x05\x8c", 2, "0.00001420");
	decimal_is(8, "\x01", 1, "1E-8");
	decimal_is(8, "\x0c", 1, "1.2E-7");
	decimal_is(8, "\xf4", 1, "-1.2E-7");
	decimal_is(8, "\x7b", 1, "0.00000123");
	decimal_is(2, "\0", 1, "0.00");
	decimal_is(8, "\0", 1, "0E-8");
	decimal_is(0, "\0", 1, "0");
	decimal_is(0,
	    "\x4b\x3b\x4c\xa8\x5a\x86\xc4\x7a\x09\x8a\x22\x3f\xff"
	    "\xff\xff\xff",
	    16, "99999999999999999999999999999999999999");
	decimal_is(0, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
	    "-170141183460469231731687303715884105728");
}
END_TEST

static void
double_is(double d, const char *expect)
{
	char text[100];

	snprintf(text, sizeof text, "n=%s", expect);
	path_is("n", TRANSFORM_IDENTITY, (struct type){ .kind = TYPE_DOUBLE },
	    &d, sizeof d, text);
}

START_TEST(floats_as_java_prints_them)
{
	float f = 0.1f;

	double_is(1, "1.0");
	double_is(-0.0, "-0.0");
	double_is(0.1, "0.1");
	double_is(123456.789, "123456.789");
	double_is(1e7, "1.0E7");
	double_is(9999999, "9999999.0");
	double_is(1.5e-4, "1.5E-4");
	double_is(0.001, "0.001");
	double_is(1.7976931348623157e308, "1.7976931348623157E308");
	double_is((double)NAN, "NaN");
	double_is((double)-INFINITY, "-Infinity");
	path_is("n", TRANSFORM_IDENTITY, (struct type){ .kind = TYPE_FLOAT },
	    &f, sizeof f, "n=0.1");
}
END_TEST

START_TEST(names_and_values_are_escaped)
{
	struct type s = { .kind = TYPE_STRING };

	path_is(
	    "symbol", TRANSFORM_IDENTITY, s, "BTC/USD", 7, "symbol=BTC%2FUSD");
	path_is("a b", TRANSFORM_IDENTITY, s, "x y+z", 5, "a+b=x+y%2Bz");
	path_is(
	    "n", TRANSFORM_IDENTITY, s, "ä=%~.-*_", 9, "n=%C3%A4%3D%25%7E.-*_");
	path_is("n", TRANSFORM_IDENTITY, s, "..", 2, "n=..");
	path_is("n", TRANSFORM_IDENTITY, s, "a\0b", 3, "n=a%00b");
	path_is("n", TRANSFORM_VOID, s, NULL, 0, "n=null");
	path_is("n/m", TRANSFORM_TRUNCATE, s, "ice", 3, "n%2Fm=ice");
}
END_TEST

START_TEST(fields_are_joined_by_slashes)
{
	char day_name[] = "ts_day", s_name[] = "s";
	struct field columns[] = {
		{ .id = 7, .type = { .kind = TYPE_TIMESTAMP } },
		{ .id = 9, .type = { .kind = TYPE_STRING } },
	};
	struct type schema = {
		.kind = TYPE_STRUCT, .nfields = 2, .fields = columns
	};
	struct partition_field f[] = {
		{ .source_id = 7,
		    .name = day_name,
		    .transform = TRANSFORM_DAY },
		{ .source_id = 9,
		    .name = s_name,
		    .transform = TRANSFORM_IDENTITY },
	};
	struct partition_spec spec = { .fields = f, .nfields = 2 };
	uint8_t day[4] = { 0 }, text[] = "BTC";
	struct partition_value tuple[] = {
		{ .data = day, .len = 4 },
		{ .data = text, .len = 3 },
	};
	char *path = partition_path(&spec, &schema, tuple);

	ck_assert_str_eq(path, "ts_day=1970-01-01/s=BTC");
	free(path);
	spec.nfields = 0;
	path = partition_path(&spec, &schema, tuple);
	ck_assert_str_eq(path, "");
	free(path);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partition_path");
	TCase *t = tcase_create("partition_path");

	tcase_add_test(t, time_transforms_are_readable);
	tcase_add_test(t, identity_values_are_readable);
	tcase_add_test(t, decimals_as_java_prints_them);
	tcase_add_test(t, floats_as_java_prints_them);
	tcase_add_test(t, names_and_values_are_escaped);
	tcase_add_test(t, fields_are_joined_by_slashes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
