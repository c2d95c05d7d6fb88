/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas: ids, JSON both ways, hostile JSON, and what may evolve into what. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/iceberg/schema.h"

static struct type
parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	struct type t;
	struct err err = { 0 };
	int id;

	ck_assert_ptr_nonnull(j);
	ck_assert_msg(schema_from_json(j, &t, &id, &err) == 0, "%s", err.text);
	json_decref(j);
	return t;
}

static void
refused(const char *text, const char *because)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	struct type t;
	struct err err = { 0 };
	int id;

	ck_assert_msg(j != NULL, "%s", text);
	ck_assert_msg(schema_from_json(j, &t, &id, &err) == -1, "%s", text);
	ck_assert_int_eq(err.cls, ERR_TABLE);
	ck_assert_msg(strstr(err.text, because) != NULL, "%s", err.text);
	ck_assert_uint_eq(t.nfields, 0);
	json_decref(j);
}

START_TEST(ids_are_given_level_by_level_as_java_does)
{
	struct type t = { .kind = TYPE_STRUCT };
	struct field *f;
	int last = 0;

	/* a struct<b struct<c>>, d map<string, list<int>>, e */
	f = type_add_field(&t, "a", true, TYPE_STRUCT);
	f = type_add_field(&f->type, "b", true, TYPE_STRUCT);
	type_add_field(&f->type, "c", true, TYPE_INT);
	f = type_add_field(&t, "d", true, TYPE_MAP);
	type_add_field(&f->type, "key", true, TYPE_STRING);
	f = type_add_field(&f->type, "value", true, TYPE_LIST);
	type_add_field(&f->type, "element", true, TYPE_INT);
	type_add_field(&t, "e", true, TYPE_INT);
	schema_assign_ids(&t, &last);
	ck_assert_int_eq(last, 8);
	ck_assert_int_eq(t.fields[0].id, 1);
	ck_assert_int_eq(t.fields[1].id, 2);
	ck_assert_int_eq(t.fields[2].id, 3);
	ck_assert_int_eq(t.fields[0].type.fields[0].id, 4);
	ck_assert_int_eq(t.fields[0].type.fields[0].type.fields[0].id, 5);
	ck_assert_int_eq(t.fields[1].type.fields[0].id, 6);
	ck_assert_int_eq(t.fields[1].type.fields[1].id, 7);
	ck_assert_int_eq(t.fields[1].type.fields[1].type.fields[0].id, 8);

	/* Ids once used are never given again. */
	type_add_field(&t, "f", false, TYPE_INT);
	last = 20;
	schema_assign_ids(&t, &last);
	ck_assert_int_eq(t.fields[3].id, 21);
	last = 0;
	schema_assign_ids(&t, &last);
	ck_assert_int_eq(last, 21);
	type_clear(&t);
}
END_TEST

static const char every_type[] =
    "{\"type\":\"struct\",\"schema-id\":3,\"fields\":["
    "{\"id\":1,\"name\":\"b\",\"required\":true,\"type\":\"boolean\"},"
    "{\"id\":2,\"name\":\"i\",\"required\":false,\"type\":\"int\","
    "\"doc\":\"an int\"},"
    "{\"id\":3,\"name\":\"l\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":4,\"name\":\"f\",\"required\":true,\"type\":\"float\"},"
    "{\"id\":5,\"name\":\"d\",\"required\":true,\"type\":\"double\"},"
    "{\"id\":6,\"name\":\"m\",\"required\":true,\"type\":\"decimal(38, 8)\"},"
    "{\"id\":7,\"name\":\"da\",\"required\":true,\"type\":\"date\"},"
    "{\"id\":8,\"name\":\"t\",\"required\":true,\"type\":\"time\"},"
    "{\"id\":9,\"name\":\"ts\",\"required\":true,\"type\":\"timestamp\"},"
    "{\"id\":10,\"name\":\"tz\",\"required\":true,\"type\":\"timestamptz\"},"
    "{\"id\":11,\"name\":\"s\",\"required\":true,\"type\":\"string\"},"
    "{\"id\":12,\"name\":\"u\",\"required\":true,\"type\":\"uuid\"},"
    "{\"id\":13,\"name\":\"fx\",\"required\":true,\"type\":\"fixed[16]\"},"
    "{\"id\":14,\"name\":\"bi\",\"required\":true,\"type\":\"binary\"},"
    "{\"id\":15,\"name\":\"li\",\"required\":true,\"type\":"
    "{\"type\":\"list\",\"element-id\":18,\"element\":\"string\","
    "\"element-required\":false}},"
    "{\"id\":16,\"name\":\"ma\",\"required\":true,\"type\":"
    "{\"type\":\"map\",\"key-id\":19,\"key\":\"string\",\"value-id\":20,"
    "\"value\":\"double\",\"value-required\":true}},"
    "{\"id\":17,\"name\":\"st\",\"required\":true,\"type\":"
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":21,\"name\":\"x\",\"required\":false,\"type\":\"int\"}]}}]}";

START_TEST(every_type_comes_back_from_json)
{
	json_t *in = json_loads(every_type, 0, NULL), *out;
	struct type t;
	struct err err = { 0 };
	int id;

	ck_assert_msg(schema_from_json(in, &t, &id, &err) == 0, "%s", err.text);
	ck_assert_int_eq(id, 3);
	ck_assert_uint_eq(t.nfields, 17);
	ck_assert_uint_eq(t.fields[5].type.precision, 38);
	ck_assert_uint_eq(t.fields[12].type.length, 16);
	ck_assert_str_eq(t.fields[1].doc, "an int");
	ck_assert_int_eq(t.fields[15].type.fields[1].id, 20);
	out = schema_to_json(&t, 3);
	ck_assert(json_equal(in, out));
	json_decref(in);
	json_decref(out);
	type_clear(&t);
}
END_TEST

#define ONE(type)                                           \
	"{\"type\":\"struct\",\"schema-id\":0,\"fields\":[" \
	"{\"id\":1,\"name\":\"a\",\"required\":true,\"type\":" type "}]}"

START_TEST(hostile_json_is_refused_with_the_place)
{
	static const char *const bad_types[] = { "\"decimal(39, 0)\"",
		"\"decimal(0, 0)\"", "\"decimal(5, 6)\"", "\"decimal(5,2) x\"",
		"\"decimal(-5,2)\"", "\"decimal(5,-2)\"", "\"fixed[0]\"",
		"\"fixed[-1]\"", "\"fixed[99999999]\"", "\"fixed[16\"",
		"\"timestamp_ns\"", "\"\"", "\"Long\"" };

	refused("7", "not a JSON object");
	refused("{}", "'fields'");
	refused("{\"fields\":[],\"schema-id\":-1}", "schema-id");
	refused("{\"fields\":[],\"schema-id\":\"0\"}", "schema-id");
	refused("{\"fields\":[1],\"schema-id\":1}", "name");
	refused(ONE("7"), "field 'a'");
	refused(ONE("{\"type\":\"variant\"}"), "field 'a'");
	for (size_t k = 0; k < sizeof bad_types / sizeof bad_types[0]; k++) {
		char text[300];

		snprintf(text, sizeof text, ONE("%s"), bad_types[k]);
		refused(text, "field 'a': type '");
	}
	refused("{\"fields\":[{\"id\":0,\"name\":\"a\",\"required\":true,"
		"\"type\":\"int\"}]}",
	    "'id'");
	refused("{\"fields\":[{\"id\":9999999999,\"name\":\"a\","
		"\"required\":true,\"type\":\"int\"}]}",
	    "'id'");
	refused("{\"fields\":[{\"id\":2147483600,\"name\":\"a\","
		"\"required\":true,\"type\":\"int\"}]}",
	    "'id'");
	refused("{\"fields\":[{\"id\":1,\"name\":\"a\",\"required\":1,"
		"\"type\":\"int\"}]}",
	    "'required'");
	refused("{\"fields\":[{\"id\":1,\"name\":\"a\\u0000b\","
		"\"required\":true,\"type\":\"int\"}]}",
	    "name");
	refused("{\"fields\":[{\"id\":1,\"name\":\"\",\"required\":true,"
		"\"type\":\"int\"}]}",
	    "name");
	refused(
	    "{\"fields\":["
	    "{\"id\":1,\"name\":\"a\",\"required\":true,\"type\":\"int\"},"
	    "{\"id\":2,\"name\":\"a\",\"required\":true,\"type\":\"int\"}]}",
	    "the name 'a'");
	refused("{\"fields\":["
		"{\"id\":1,\"name\":\"a\",\"required\":true,\"type\":\"int\"},"
		"{\"id\":2,\"name\":\"b\",\"required\":true,\"type\":"
		"{\"type\":\"list\",\"element-id\":1,\"element\":\"int\","
		"\"element-required\":true}}]}",
	    "the id 1");
	refused(ONE("{\"type\":\"list\",\"element-id\":2,\"element\":\"int\"}"),
	    "element-required");
	refused(
	    ONE("{\"type\":\"map\",\"key-id\":2,\"key\":\"int\"}"), "value-id");
}
END_TEST

START_TEST(depth_has_an_end)
{
	json_t *type = json_string("int"), *schema;
	struct type t;
	struct err err = { 0 };
	int id;

	for (int depth = 1; depth <= 70; depth++) {
		int expect = depth <= 64 ? 0 : -1;

		type = json_pack("{s:s, s:i, s:o, s:b}", "type", "list",
		    "element-id", depth + 1, "element", type,
		    "element-required", 1);
		schema = json_pack("{s:s, s:[{s:i, s:s, s:b, s:O}]}", "type",
		    "struct", "fields", "id", 1, "name", "a", "required", 1,
		    "type", type);
		ck_assert_int_eq(
		    schema_from_json(schema, &t, &id, &err), expect);
		type_clear(&t);
		json_decref(schema);
	}
	json_decref(type);
}
END_TEST

/* ---- evolution --------------------------------------------------------- */

struct evolved {
	int rc;
	bool changed;
	int last_id;
	struct type type;
	struct buf notes;
	struct err err;
};

static struct evolved
evolve(const char *table, const char *incoming, int pinned)
{
	struct type a = parse(table), b = parse(incoming);
	struct evolved e = { .last_id = 100 };

	buf_init(&e.notes, 0);
	e.rc = schema_evolve(&a, &b, &pinned, pinned != 0, &e.last_id, &e.type,
	    &e.changed, &e.notes, &e.err);
	type_clear(&a);
	type_clear(&b);
	return e;
}

static void
done(struct evolved *e)
{
	type_clear(&e->type);
	buf_clear(&e->notes);
}

#define F(id, name, required, type)                                     \
	"{\"id\":" #id ",\"name\":\"" name "\",\"required\":" #required \
	",\"type\":" type "}"
#define S(fields) "{\"type\":\"struct\",\"fields\":[" fields "]}"

START_TEST(same_shape_changes_nothing)
{
	struct evolved e = evolve(every_type, every_type, 0);

	ck_assert_int_eq(e.rc, 0);
	ck_assert(!e.changed);
	ck_assert_uint_eq(e.notes.len, 0);
	ck_assert_int_eq(e.last_id, 100);
	done(&e);

	/* Another order of columns, and one that is stricter, is the same. */
	e = evolve(
	    S(F(1, "a", false, "\"int\"") "," F(2, "b", true, "\"int\"")),
	    S(F(1, "b", true, "\"int\"") "," F(2, "a", true, "\"int\"")), 2);
	ck_assert_int_eq(e.rc, 0);
	ck_assert(!e.changed);
	ck_assert_str_eq(e.type.fields[0].name, "a");
	ck_assert(!e.type.fields[0].required);
	ck_assert_int_eq(e.type.fields[1].id, 2);
	done(&e);
}
END_TEST

START_TEST(new_columns_come_last_and_optional)
{
	struct evolved e = evolve(S(F(1, "a", true, "\"int\"")),
	    S(F(1, "n", true, S(F(2, "x", true, "\"int\""))) "," F(
		3, "a", true, "\"int\"") "," F(4, "m", true, "\"string\"")),
	    1);

	ck_assert_int_eq(e.rc, 0);
	ck_assert(e.changed);
	ck_assert_uint_eq(e.type.nfields, 3);
	ck_assert_str_eq(e.type.fields[1].name, "n");
	ck_assert(!e.type.fields[1].required);
	ck_assert_int_eq(e.type.fields[1].id, 101);
	ck_assert_int_eq(e.type.fields[2].id, 102);
	ck_assert_int_eq(e.type.fields[1].type.fields[0].id, 103);
	ck_assert(e.type.fields[1].type.fields[0].required);
	ck_assert_int_eq(e.last_id, 103);
	ck_assert_str_eq(buf_cstr(&e.notes),
	    "column 'n' added as optional struct<x: int>\n"
	    "column 'm' added as optional string\n");
	done(&e);
}
END_TEST

START_TEST(promotions_the_specification_allows)
{
	struct evolved e = evolve(
	    S(F(1, "i", true, "\"int\"") "," F(2, "f", true, "\"float\"") "," F(
		3, "d", true, "\"decimal(9, 2)\"") "," F(4, "s", true,
		S(F(5, "x", true, "\"int\""))) "," F(6, "l", true,
		"{\"type\":\"list\",\"element-id\":7,\"element\":"
		"\"float\",\"element-required\":true}") "," F(8, "m", true,
		"{\"type\":\"map\",\"key-id\":9,\"key\":\"int\","
		"\"value-id\":10,\"value\":\"int\",\"value-required\":true}")),
	    S(F(1, "i", true, "\"long\"") "," F(2, "f", true,
		"\"double\"") "," F(3, "d", true, "\"decimal(38, 2)\"") "," F(4,
		"s", true, S(F(5, "x", true, "\"long\""))) "," F(6, "l", true,
		"{\"type\":\"list\",\"element-id\":7,\"element\":"
		"\"double\",\"element-required\":false}") "," F(8, "m", true,
		"{\"type\":\"map\",\"key-id\":9,\"key\":\"int\","
		"\"value-id\":10,\"value\":\"long\",\"value-required\":true}")),
	    0);

	ck_assert_msg(e.rc == 0, "%s", e.err.text);
	ck_assert_str_eq(buf_cstr(&e.notes),
	    "column 'i' promoted from int to long\n"
	    "column 'f' promoted from float to double\n"
	    "column 'd' promoted from decimal(9, 2) to decimal(38, 2)\n"
	    "column 's.x' promoted from int to long\n"
	    "column 'l.element' may now be NULL: made optional\n"
	    "column 'l.element' promoted from float to double\n"
	    "column 'm.value' promoted from int to long\n");
	ck_assert_uint_eq(e.type.fields[2].type.precision, 38);
	ck_assert_int_eq(e.type.fields[4].type.fields[0].id, 7);
	ck_assert_int_eq(e.last_id, 100);
	done(&e);
}
END_TEST

START_TEST(other_changes_name_column_and_both_types)
{
	static const struct {
		const char *from, *to;
	} bad[] = {
		{ "\"long\"", "\"int\"" },
		{ "\"double\"", "\"float\"" },
		{ "\"decimal(9, 2)\"", "\"decimal(8, 2)\"" },
		{ "\"decimal(9, 2)\"", "\"decimal(10, 3)\"" },
		{ "\"int\"", "\"string\"" },
		{ "\"date\"", "\"timestamp\"" },
		{ "\"timestamp\"", "\"timestamptz\"" },
		{ "\"fixed[4]\"", "\"fixed[5]\"" },
		{ "\"string\"", "\"binary\"" },
		{ "\"int\"", "\"double\"" },
		{ "\"int\"", "{\"type\":\"struct\",\"fields\":[]}" },
		{ "{\"type\":\"struct\",\"fields\":[]}", "\"int\"" },
		{ "{\"type\":\"map\",\"key-id\":2,\"key\":\"int\",\"value-id\":"
		  "3,\"value\":\"int\",\"value-required\":true}",
		    "{\"type\":\"map\",\"key-id\":2,\"key\":\"long\","
		    "\"value-id\":3,\"value\":\"int\",\"value-required\":"
		    "true}" },
	};
	struct evolved e;

	for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
		char a[500], b[500];

		snprintf(a, sizeof a, S(F(1, "a", true, "%s")), bad[k].from);
		snprintf(b, sizeof b, S(F(1, "a", true, "%s")), bad[k].to);
		e = evolve(a, b, 0);
		ck_assert_msg(e.rc == -1, "%s", b);
		ck_assert_int_eq(e.err.cls, ERR_TYPE);
		ck_assert_msg(strstr(e.err.text, "column 'a' is ") != NULL,
		    "%s", e.err.text);
		done(&e);
	}
	e = evolve(S(F(1, "a", true, S(F(2, "p", true, "\"long\"")))),
	    S(F(1, "a", true, S(F(2, "p", true, "\"string\"")))), 0);
	ck_assert_str_eq(e.err.text,
	    "column 'a.p' is long in the table but "
	    "string in the source; take out or change its as:, exclude the "
	    "column, or create a new target");
	done(&e);
	e = evolve(S(F(1, "a", true, "\"long\"")),
	    S(F(1, "a", true, "\"decimal(20, 0)\"")), 0);
	ck_assert_str_eq(e.err.text,
	    "column 'a' is long in the table but "
	    "decimal(20, 0) in the source; take out or change its as:, "
	    "exclude the column, or create a new target");
	done(&e);
}
END_TEST

START_TEST(required_is_relaxed_unless_pinned)
{
	const char *table = S(F(1, "a", true, "\"int\"") "," F(
	    2, "b", true, "\"int\"") "," F(3, "c", false, "\"int\""));
	struct evolved e = evolve(table, S(F(1, "a", false, "\"int\"")), 0);

	ck_assert_int_eq(e.rc, 0);
	ck_assert(e.changed);
	for (size_t k = 0; k < 3; k++)
		ck_assert(!e.type.fields[k].required);
	ck_assert_str_eq(buf_cstr(&e.notes),
	    "column 'a' may now be NULL: made optional\n"
	    "column 'b' is gone from the source: made optional, NULL from now "
	    "on\n");
	done(&e);

	for (int pinned = 1; pinned <= 3; pinned++) {
		e = evolve(table, S(F(1, "a", false, "\"int\"")), pinned);
		ck_assert_int_eq(e.rc, -1);
		ck_assert_int_eq(e.err.cls, ERR_TYPE);
		ck_assert_ptr_nonnull(strstr(e.err.text,
		    pinned == 1       ? "column 'a' may now be NULL"
			: pinned == 2 ? "column 'b' is gone"
				      : "column 'c' is gone"));
		done(&e);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("schema");
	TCase *t = tcase_create("schema");

	tcase_add_test(t, ids_are_given_level_by_level_as_java_does);
	tcase_add_test(t, every_type_comes_back_from_json);
	tcase_add_test(t, hostile_json_is_refused_with_the_place);
	tcase_add_test(t, depth_has_an_end);
	tcase_add_test(t, same_shape_changes_nothing);
	tcase_add_test(t, new_columns_come_last_and_optional);
	tcase_add_test(t, promotions_the_specification_allows);
	tcase_add_test(t, other_changes_name_column_and_both_types);
	tcase_add_test(t, required_is_relaxed_unless_pinned);
	suite_add_tcase(s, t);
	return run_suite(s);
}
