/* SPDX-License-Identifier: Apache-2.0 */
/* Partition specs: spellings, names, JSON of ours and of others. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "worker/iceberg/partition.h"

static struct type
columns(void)
{
	static const struct {
		const char *name;
		enum type_kind kind;
	} c[] = {
		{ "ts", TYPE_TIMESTAMPTZ },
		{ "d", TYPE_DATE },
		{ "id", TYPE_LONG },
		{ "s", TYPE_STRING },
		{ "f", TYPE_DOUBLE },
		{ "a b", TYPE_INT },
		{ "x.y", TYPE_INT },
		{ "q`q", TYPE_INT },
		{ "bucket(4, id)", TYPE_INT },
		{ "clash", TYPE_DATE },
		{ "clash_day", TYPE_INT },
		{ "ok", TYPE_BOOLEAN },
		{ "li", TYPE_LIST },
		{ "m, n", TYPE_INT },
		{ "u", TYPE_UUID },
	};
	struct type t = { .kind = TYPE_STRUCT };
	int last = 0;

	for (size_t k = 0; k < sizeof c / sizeof c[0]; k++) {
		struct field *f =
		    type_add_field(&t, c[k].name, false, c[k].kind);

		if (c[k].kind == TYPE_LIST)
			type_add_field(&f->type, "element", false, TYPE_INT);
	}
	for (size_t k = 0; k < t.nfields; k++)
		t.fields[k].id = ++last;
	return t;
}

static void
spelled(const char *text, const char *name, const char *transform,
    const char *column)
{
	struct type t = columns();
	struct partition_spec spec;
	struct err err = { 0 };
	char got[40];

	ck_assert_msg(
	    partition_parse(&text, 1, &t, &spec, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(spec.nfields, 1);
	ck_assert_int_eq(spec.fields[0].field_id, 1000);
	ck_assert_str_eq(spec.fields[0].name, name);
	transform_format(&spec.fields[0], got, sizeof got);
	ck_assert_str_eq(got, transform);
	ck_assert_str_eq(
	    type_find_id(&t, spec.fields[0].source_id)->name, column);
	partition_spec_clear(&spec);
	type_clear(&t);
}

static void
misspelled(const char *a, const char *b, const char *because)
{
	const char *texts[2] = { a, b };
	struct type t = columns();
	struct partition_spec spec;
	struct err err = { 0 };

	ck_assert_msg(
	    partition_parse(texts, b != NULL ? 2 : 1, &t, &spec, &err) == -1,
	    "%s", a);
	ck_assert_int_eq(err.cls, ERR_CONFIG);
	ck_assert_msg(strstr(err.text, because) != NULL, "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.text, b != NULL ? b : a));
	ck_assert_ptr_null(spec.fields);
	type_clear(&t);
}

START_TEST(every_spelling_is_understood)
{
	static const char *const days[] = { "day(ts)", "days(ts)", "date(ts)",
		"Day ( ts )", "  DAYS(`ts`)  ", "day(\"ts\")" };
	static const char *const buckets[] = { "bucket(16, id)",
		"bucket[16](id)", "bucket(16,`id`)", "bucket( id , 16 )",
		"BUCKET [ 16 ] ( id )" };

	for (size_t k = 0; k < 6; k++)
		spelled(days[k], "ts_day", "day", "ts");
	for (size_t k = 0; k < 5; k++)
		spelled(buckets[k], "id_bucket", "bucket[16]", "id");
	spelled("hours(ts)", "ts_hour", "hour", "ts");
	spelled("date_hour(ts)", "ts_hour", "hour", "ts");
	spelled("hour(ts)", "ts_hour", "hour", "ts");
	spelled("month(d)", "d_month", "month", "d");
	spelled("months(d)", "d_month", "month", "d");
	spelled("year(d)", "d_year", "year", "d");
	spelled("years(d)", "d_year", "year", "d");
	spelled("truncate(4, s)", "s_trunc", "truncate[4]", "s");
	spelled("truncate[4](s)", "s_trunc", "truncate[4]", "s");
	spelled("identity(s)", "s", "identity", "s");
	spelled("s", "s", "identity", "s");
	spelled("`s`", "s", "identity", "s");
	spelled("a b", "a b", "identity", "a b");
	spelled("identity(a b)", "a b", "identity", "a b");
	spelled("\"a b\"", "a b", "identity", "a b");
	spelled("x.y", "x.y", "identity", "x.y");
	spelled("bucket(4, `x.y`)", "x.y_bucket", "bucket[4]", "x.y");
	spelled("`q``q`", "q`q", "identity", "q`q");
	spelled("\"q`q\"", "q`q", "identity", "q`q");
	spelled("bucket(4, id)", "bucket(4, id)", "identity", "bucket(4, id)");
	spelled("bucket(5, m, n)", "m, n_bucket", "bucket[5]", "m, n");
	spelled("bucket(m, n, 5)", "m, n_bucket", "bucket[5]", "m, n");
	spelled("bucket[2147483647](u)", "u_bucket", "bucket[2147483647]", "u");
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	misspelled("weeks(ts)", NULL, "no transform 'weeks'; write a column");
	misspelled("void(ts)", NULL, "no transform");
	misspelled("nope", NULL, "no column 'nope'");
	misspelled("day(TS)", NULL, "no column 'TS'");
	misspelled("day()", NULL, "no column ''");
	misspelled("", NULL, "empty");
	misspelled("  ", NULL, "empty");
	misspelled("day(ts", NULL, "')' is missing");
	misspelled("day(ts) x", NULL, "')' is missing");
	misspelled("day(`ts)", NULL, "quote");
	misspelled("`ts", NULL, "quote");
	misspelled("day[3](ts)", NULL, "takes no number");
	misspelled("bucket(id)", NULL, "needs a number");
	misspelled("bucket(0, id)", NULL, "needs a number");
	misspelled("bucket(-1, id)", NULL, "needs a number");
	misspelled("bucket[x](4, id)", NULL, "needs a number");
	misspelled("bucket(2147483648, id)", NULL, "needs a number");
	misspelled("truncate(99999999999, s)", NULL, "needs a number");
	misspelled("day(id)", NULL,
	    "day cannot be applied to column 'id' of "
	    "type long");
	misspelled("hour(d)", NULL, "hour cannot be applied");
	misspelled("bucket(4, ok)", NULL, "cannot be applied");
	misspelled("truncate(4, u)", NULL, "cannot be applied");
	misspelled("li", NULL, "of type list<int>");
	misspelled("f", NULL, "floating-point");
	misspelled("day(clash)", NULL, "named 'clash_day' as a column is");
	misspelled("day(ts)", "hour(ts)", "by time as 'ts_day'");
	misspelled("s", "identity(s)", "named 's'");
	misspelled("bucket(4, s)", "bucket(8, s)", "named 's_bucket'");
}
END_TEST

START_TEST(several_fields_number_on)
{
	static const char *const texts[] = { "days(ts)", "s", "bucket(4, s)" };
	struct type t = columns();
	struct partition_spec spec, back;
	struct err err = { 0 };
	json_t *json, *expect;

	ck_assert_int_eq(partition_parse(texts, 3, &t, &spec, &err), 0);
	expect = json_pack("{s:i, s:[{s:i,s:i,s:s,s:s},{s:i,s:i,s:s,s:s},"
			   "{s:i,s:i,s:s,s:s}]}",
	    "spec-id", 0, "fields", "source-id", 1, "field-id", 1000, "name",
	    "ts_day", "transform", "day", "source-id", 4, "field-id", 1001,
	    "name", "s", "transform", "identity", "source-id", 4, "field-id",
	    1002, "name", "s_bucket", "transform", "bucket[4]");
	json = partition_spec_to_json(&spec);
	ck_assert(json_equal(json, expect));
	ck_assert_int_eq(partition_spec_from_json(json, &back, &err), 0);
	ck_assert(partition_spec_equal(&spec, &back));
	back.fields[2].param = 5;
	ck_assert(!partition_spec_equal(&spec, &back));
	json_decref(json);
	json_decref(expect);
	partition_spec_clear(&spec);
	partition_spec_clear(&back);
	ck_assert_int_eq(partition_parse(NULL, 0, &t, &spec, &err), 0);
	ck_assert_uint_eq(spec.nfields, 0);
	partition_spec_clear(&spec);
	type_clear(&t);
}
END_TEST

static void
bad_spec(const char *text, const char *because)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
	struct partition_spec spec;
	struct err err = { 0 };

	ck_assert_msg(j != NULL, "%s", text);
	ck_assert_msg(
	    partition_spec_from_json(j, &spec, &err) == -1, "%s", text);
	ck_assert_int_eq(err.cls, ERR_TABLE);
	ck_assert_msg(strstr(err.text, because) != NULL, "%s", err.text);
	json_decref(j);
}

#define FIELD(transform)                               \
	"{\"spec-id\":0,\"fields\":[{\"source-id\":1," \
	"\"field-id\":1000,\"name\":\"n\",\"transform\":\"" transform "\"}]}"

START_TEST(specs_of_others_are_checked)
{
	static const char *const transforms[] = { "zorder", "bucket",
		"bucket[]", "bucket[0]", "bucket[-4]", "bucket[4", "bucket[4]x",
		"bucket[99999999999]", "bucket[2147483648]", "day[3]", "",
		"truncate[4294967297]" };
	struct type t = columns();
	struct partition_spec spec = { 0 };
	struct partition_field f = { .source_id = 99,
		.name = xstrdup("n"),
		.transform = TRANSFORM_DAY };
	struct err err = { 0 };

	for (size_t k = 0; k < sizeof transforms / sizeof transforms[0]; k++) {
		char text[200];

		snprintf(text, sizeof text, FIELD("%s"), transforms[k]);
		bad_spec(text, "which calve does not know");
	}
	bad_spec("7", "spec-id");
	bad_spec("{\"spec-id\":0}", "'fields'");
	bad_spec("{\"spec-id\":0,\"fields\":[3]}", "name");
	bad_spec("{\"spec-id\":0,\"fields\":[{\"name\":\"n\",\"source-id\":1,"
		 "\"field-id\":999,\"transform\":\"day\"}]}",
	    "'field-id'");
	bad_spec(
	    "{\"spec-id\":0,\"fields\":["
	    "{\"name\":\"n\",\"source-id\":1,\"field-id\":1000,\"transform\":"
	    "\"day\"},{\"name\":\"m\",\"source-id\":1,\"field-id\":1000,"
	    "\"transform\":\"day\"}]}",
	    "the id 1000");

	spec.fields = &f;
	spec.nfields = 1;
	ck_assert_int_eq(partition_spec_check(&spec, &t, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "not in the table's schema"));
	f.source_id = 3; /* day of a long */
	ck_assert_int_eq(partition_spec_check(&spec, &t, &err), -1);
	ck_assert_int_eq(err.cls, ERR_TABLE);
	t.fields[12].type.fields[0].id = 50;
	f.source_id = 50;
	ck_assert_int_eq(partition_spec_check(&spec, &t, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "nested"));
	f.transform = TRANSFORM_VOID;
	ck_assert_int_eq(partition_spec_check(&spec, &t, &err), 0);
	free(f.name);
	type_clear(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partition");
	TCase *t = tcase_create("partition");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_spelling_is_understood);
	tcase_add_test(t, what_is_wrong_is_said);
	tcase_add_test(t, several_fields_number_on);
	tcase_add_test(t, specs_of_others_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
