/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text: quoting, bounds, window predicates, sorting keys. */
#include <check.h>
#include <string.h>

#include "tests/unit/run_suite.h"
#include "worker/clickhouse/error.h"
#include "worker/clickhouse/key.h"
#include "worker/source/clickhouse_settings.h"
#include "worker/source/clickhouse_sql.h"

static const struct ch_type date = { .kind = CH_DATE };
static const struct ch_type date32 = { .kind = CH_DATE32 };
static const struct ch_type seconds = { .kind = CH_DATETIME };
static const struct ch_type milli = { .kind = CH_DATETIME64, .scale = 3 };
static const struct ch_type u64 = { .kind = CH_UINT64 };
static const struct ch_type i8 = { .kind = CH_INT8 };

static void
window_is(const struct ch_type *ts, const struct ch_type *seq,
    const struct window *w, const char *want)
{
	struct sql_order o = { "t", ts, seq != NULL ? "s" : NULL, seq };
	struct buf b;

	buf_init(&b, 4096);
	sql_window(&b, &o, w);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_clear(&b);
}

START_TEST(names_and_texts_are_quoted)
{
	struct buf b;

	buf_init(&b, 4096);
	sql_identifier(&b, "a.b `c\\'\"");
	sql_string(&b, "it's \\ `x`");
	ck_assert_str_eq(buf_cstr(&b), "`a.b \\`c\\\\'\"`'it\\'s \\\\ `x`'");
	buf_clear(&b);
}
END_TEST

START_TEST(tuples_are_written_out)
{
	struct window w = { .high_ticks = 1700000000123,
		.low = { .set = true,
		    .scale = 3,
		    .ticks = 1600000000001,
		    .has_sequence = true,
		    .sequence = UINT64_MAX - 1 } };

	window_is(&milli, &u64, &w,
	    "`t` < toDateTime64('2023-11-14 22:13:20.123', 3, 'UTC') AND "
	    "`t` >= toDateTime64('2020-09-13 12:26:40.001', 3, 'UTC') AND "
	    "(`t` > toDateTime64('2020-09-13 12:26:40.001', 3, 'UTC') OR "
	    "(`t` = toDateTime64('2020-09-13 12:26:40.001', 3, 'UTC') AND "
	    "`s` > toUInt64('18446744073709551614')))");
	w.low.has_sequence = false;
	window_is(&milli, &u64, &w,
	    "`t` < toDateTime64('2023-11-14 22:13:20.123', 3, 'UTC') AND "
	    "`t` > toDateTime64('2020-09-13 12:26:40.001', 3, 'UTC')");
}
END_TEST

START_TEST(a_position_between_two_ticks_needs_no_sequence)
{
	struct window w = { .high_ticks = 1700000000,
		.low = { .set = true,
		    .scale = 3,
		    .ticks = 1600000000001,
		    .has_sequence = true,
		    .sequence = 5 } };

	window_is(&seconds, &u64, &w,
	    "`t` < toDateTime(1700000000, 'UTC') "
	    "AND `t` > toDateTime(1600000000, 'UTC')");
	w.low.ticks = -1; /* between -1 s and 0 */
	window_is(&seconds, &u64, &w,
	    "`t` < toDateTime(1700000000, 'UTC') "
	    "AND 1");
}
END_TEST

START_TEST(bounds_a_type_cannot_hold_become_constants)
{
	struct window w = { .high_ticks = INT64_MAX };

	window_is(&seconds, NULL, &w, "1");
	window_is(&date, NULL, &w, "1");
	w.high_ticks = -1;
	window_is(&seconds, NULL, &w, "0");
	w.high_ticks = 65536;
	w.has_start = true;
	w.start_ticks = 70000;
	window_is(&date, NULL, &w, "1 AND 0");
	w.high_ticks = -25567;
	w.start_ticks = -25568;
	window_is(&date32, NULL, &w, "`t` < toDate32('1900-01-01') AND 1");
	w = (struct window){ .high_ticks = 5,
		.low = { .set = true,
		    .scale = 3,
		    .ticks = 3,
		    .has_sequence = true,
		    .sequence = 128 } };
	window_is(&milli, &i8, &w,
	    "`t` < toDateTime64('1970-01-01 00:00:00.005', 3, 'UTC') AND "
	    "`t` >= toDateTime64('1970-01-01 00:00:00.003', 3, 'UTC') AND "
	    "(`t` > toDateTime64('1970-01-01 00:00:00.003', 3, 'UTC') OR "
	    "(`t` = toDateTime64('1970-01-01 00:00:00.003', 3, 'UTC') AND "
	    "0))");
	w.low.ticks = -5;
	w.low.sequence = -128;
	window_is(&milli, &i8, &w,
	    "`t` < toDateTime64('1970-01-01 00:00:00.005', 3, 'UTC') AND "
	    "`t` >= reinterpret(toInt64('-5'), 'DateTime64(3, \\'UTC\\')') "
	    "AND (`t` > reinterpret(toInt64('-5'), "
	    "'DateTime64(3, \\'UTC\\')') OR (`t` = reinterpret(toInt64('-5'),"
	    " 'DateTime64(3, \\'UTC\\')') AND `s` > toInt64('-128')))");
	/* seconds of year 292 million do not fit nanoseconds */
	w = (struct window){
		.low = { .set = true, .scale = 0, .ticks = INT64_MAX }
	};
	window_is(&milli, NULL, &w,
	    "`t` < toDateTime64('1970-01-01 00:00:00.000', 3, 'UTC') AND 0");
}
END_TEST

START_TEST(upto_is_the_complement_of_after)
{
	struct sql_order o = { "t", &milli, "s", &u64 };
	struct position p = { .set = true,
		.scale = 3,
		.ticks = 7,
		.has_sequence = true,
		.sequence = 9 };
	struct buf b;

	buf_init(&b, 4096);
	sql_upto(&b, &o, &p);
	ck_assert_str_eq(buf_cstr(&b),
	    "`t` <= toDateTime64('1970-01-01 00:00:00.007', 3, 'UTC') AND "
	    "(`t` < toDateTime64('1970-01-01 00:00:00.007', 3, 'UTC') OR "
	    "`s` <= toUInt64('9'))");
	buf_reset(&b);
	p.set = false;
	sql_upto(&b, &o, &p);
	ck_assert_str_eq(buf_cstr(&b), "0");
	buf_clear(&b);
}
END_TEST

START_TEST(key_positions)
{
	static const char key[] = "a, `b \\`c\\\\,`, toDate(d, 'x,)'), e DESC, "
				  "f";

	ck_assert_int_eq(sql_key_position(key, "a"), 0);
	ck_assert_int_eq(sql_key_position(key, "b `c\\,"), 1);
	ck_assert_int_eq(sql_key_position(key, "d"), -1);
	ck_assert_int_eq(sql_key_position(key, "e"), -1);
	ck_assert_int_eq(sql_key_position(key, "f"), 4);
	ck_assert_int_eq(sql_key_position("", "a"), -1);
	ck_assert_int_eq(sql_key_position("tuple()", "tuple"), -1);
	ck_assert_int_eq(sql_key_position("`a", "a"), -1);
	ck_assert_int_eq(sql_key_position("a,", "a"), 0);
	ck_assert_int_eq(sql_key_position("(a)", "a"), 0);
	ck_assert_int_eq(sql_key_position("(a, `b)`)", "b)"), 1);
	ck_assert_int_eq(sql_key_position("(a) + (b)", "b"), -1);
	ck_assert_int_eq(sql_key_position("(a, b", "b"), -1);
	ck_assert_uint_eq(sql_key_length(""), 0);
	ck_assert_uint_eq(sql_key_length("a"), 1);
	ck_assert_uint_eq(sql_key_length("(a)"), 1);
	ck_assert_uint_eq(sql_key_length("(a), b"), 2);
	ck_assert_uint_eq(sql_key_length("(a, f(b, c), `d,`)"), 3);
}
END_TEST

/* ---- settings ------------------------------------------------------------- */

static const char *
choose(struct setting_seen *seen, size_t n, struct buf *b, struct err *err)
{
	static const struct settings_wanted want = { .threads = 3 };

	buf_reset(b);
	return settings_choose(seen, n, &want, b, err) == 0 ? buf_cstr(b)
							    : NULL;
}

START_TEST(only_what_differs_and_is_known_is_sent)
{
	struct setting_seen seen[] = {
		{ (char[]){ "result_overflow_mode" }, (char[]){ "break" },
		    false, false, NULL },
		{ (char[]){ "limit" }, (char[]){ "0" }, false, false, NULL },
		{ (char[]){ "session_timezone" }, (char[]){ "" }, false, false,
		    NULL },
		{ (char[]){ "max_threads" }, (char[]){ "'auto(8)'" }, false,
		    false, NULL },
		{ (char[]){ "readonly" }, (char[]){ "0" }, false, false, NULL },
	};
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_str_eq(choose(seen, 5, &b, &err),
	    "&result_overflow_mode=throw&session_timezone=UTC&max_threads=3"
	    "&readonly=2");
	seen[4].value = (char[]){ "2" };
	ck_assert_str_eq(choose(seen, 5, &b, &err),
	    "&result_overflow_mode=throw&session_timezone=UTC"
	    "&max_threads=3");
	/* a reader who may change nothing: what matters must stand already */
	seen[4].value = (char[]){ "1" };
	ck_assert_ptr_null(choose(seen, 5, &b, &err));
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_ptr_nonnull(strstr(err.text, "result_overflow_mode"));
	seen[0].value = (char[]){ "throw" };
	ck_assert_str_eq(choose(seen, 5, &b, &err), "");
	seen[4].value = (char[]){ "0" };
	seen[0].value = (char[]){ "break" };
	seen[0].locked = true;
	ck_assert_ptr_null(choose(seen, 5, &b, &err));
	ck_assert_int_eq(settings_check(seen, 5, &err), -1);
	seen[0].value = (char[]){ "throw" };
	ck_assert_int_eq(settings_check(seen, 5, &err), 0);
	buf_clear(&b);
}
END_TEST

START_TEST(replicas_may_lag_by_a_minute_at_most)
{
	static const struct {
		const char *value;
		bool locked;
		uint64_t seconds;
	} is[] = { { "300", false, 60 }, { "0", false, 60 },
		{ "60", false, 60 }, { "10", false, 10 }, { "300", true, 300 },
		{ "0", true, 0 } };
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		char value[8];
		struct setting_seen seen = {
			.name = (char[]){ SETTINGS_REPLICA_DELAY },
			.value = strcpy(value, is[i].value),
			.locked = is[i].locked
		};

		ck_assert_ptr_nonnull(choose(&seen, 1, &b, &err));
		ck_assert_int_eq(strstr(buf_cstr(&b), "=60") != NULL,
		    !is[i].locked && i < 2);
		ck_assert_uint_eq(
		    settings_replica_delay(&seen, 1), is[i].seconds);
	}
	ck_assert_uint_eq(settings_replica_delay(NULL, 0), 300);
	buf_clear(&b);
}
END_TEST

START_TEST(what_was_sent_and_matters_is_confirmed)
{
	struct setting_seen seen[] = {
		{ (char[]){ "result_overflow_mode" }, (char[]){ "break" },
		    false, false, NULL },
		{ (char[]){ "use_query_cache" }, (char[]){ "1" }, false, false,
		    NULL },
		{ (char[]){ "apply_deleted_mask" }, (char[]){ "0" }, false,
		    false, NULL },
		{ (char[]){ "session_timezone" }, (char[]){ "" }, false, false,
		    NULL },
		{ (char[]){ "limit" }, (char[]){ "0" }, false, false, NULL },
	};
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 4096);
	ck_assert_ptr_nonnull(choose(seen, 5, &b, &err));
	buf_clear(&b);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(seen[i].to_confirm, i < 3);
	ck_assert_int_eq(settings_confirm(&seen[0], "throw", &err), 0);
	ck_assert_int_eq(settings_confirm(&seen[1], "false", &err), 0);
	ck_assert_int_eq(settings_confirm(&seen[1], "0", &err), 0);
	ck_assert_int_eq(settings_confirm(&seen[2], "true", &err), 0);
	ck_assert_int_eq(settings_confirm(&seen[0], "break", &err), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_int_eq(settings_confirm(&seen[1], "true", &err), -1);
	ck_assert_int_eq(settings_confirm(&seen[1], "", &err), -1);
	ck_assert_int_eq(settings_confirm(&seen[2], "false", &err), -1);
}
END_TEST

/* ---- errors --------------------------------------------------------------- */

static void
refusal_is(const char *text, long status, int code, enum err_class cls,
    const char *says)
{
	struct server_error e = { .role = &http_source,
		.place = "http://h:1",
		.user = "u",
		.status = status,
		.code = code,
		.text = text,
		.len = strlen(text) };
	struct err err = { 0 };

	ck_assert_int_eq(clickhouse_refusal(&e, &err), -1);
	ck_assert_msg(err.cls == cls, "%s", err.text);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_ptr_null(strstr(err.text, "version 26"));
}

START_TEST(texts_of_the_server_get_a_class_and_advice)
{
	refusal_is(
	    "Code: 516. DB::Exception: u: Authentication failed: "
	    "password is incorrect.\n\nIf you use ClickHouse Cloud\n "
	    "(AUTHENTICATION_FAILED) (version 26.5.1.1 (official build))\n",
	    403, 516, ERR_SOURCE, "wrong user or password for 'u'");
	refusal_is("Code: 60. DB::Exception: Table a.b does not exist. "
		   "(UNKNOWN_TABLE) (version 26.5.1.1)",
	    404, 60, ERR_SOURCE, "Table a.b does not exist");
	refusal_is("Code: 60, e.displayText() = DB::Exception: Table a.b "
		   "doesn't exist. (version 18.16.1)\n",
	    500, 0, ERR_SOURCE,
	    "error 60 of the source: Table a.b doesn't exist;");
	refusal_is("Code: 241. DB::Exception: Memory limit", 500, 241,
	    ERR_SOURCE_LOST, "Memory limit");
	refusal_is("<html>Bad Gateway</html>", 502, 0, ERR_SOURCE_LOST,
	    "HTTP status 502");
	refusal_is("", 404, 0, ERR_SOURCE, "HTTP status 404");
	refusal_is("", 401, 0, ERR_SOURCE, "password");
	refusal_is("", 200, 241, ERR_SOURCE_LOST, "error 241");
	refusal_is("Code: ", 500, 0, ERR_SOURCE_LOST, "HTTP status 500");
}
END_TEST

START_TEST(only_this_answers_tag_makes_an_exception)
{
	static const char tag[] = "abcdefghijklmnop";
	static const char whole[] =
	    "data\r\n__exception__\r\n"
	    "abcdefghijklmnop\r\nCode: 1. DB::E: x\r\n19 abcdefghijklmnop"
	    "\r\n__exception__\r\n";
	const char *text;
	size_t len;

	ck_assert(clickhouse_tagged_exception(
	    (const uint8_t *)whole, sizeof(whole) - 1, tag, &text, &len));
	ck_assert_int_eq(strncmp(text, "Code: 1. DB::E: x", 17), 0);
	ck_assert_uint_le(len, 20);
	ck_assert(!clickhouse_tagged_exception((const uint8_t *)whole,
	    sizeof(whole) - 1, "ponmlkjihgfedcba", &text, &len));
	/* the beginning is out of sight, the end is not */
	ck_assert(clickhouse_tagged_exception(
	    (const uint8_t *)whole + 30, sizeof(whole) - 31, tag, &text, &len));
	ck_assert_uint_eq(len, 0);
	/* cut before its end */
	ck_assert(clickhouse_tagged_exception(
	    (const uint8_t *)whole, sizeof(whole) - 30, tag, &text, &len));
	ck_assert(!clickhouse_tagged_exception(
	    (const uint8_t *)"", 0, tag, &text, &len));
	ck_assert(clickhouse_bare_exception(
	    (const uint8_t *)"\1\2Code: 241. DB::Exception: m", 29, &text,
	    &len));
	ck_assert(!clickhouse_bare_exception(
	    (const uint8_t *)"Code: word", 10, &text, &len));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clickhouse_sql");
	TCase *tc = tcase_create("clickhouse_sql");

	tcase_add_test(tc, names_and_texts_are_quoted);
	tcase_add_test(tc, tuples_are_written_out);
	tcase_add_test(tc, a_position_between_two_ticks_needs_no_sequence);
	tcase_add_test(tc, bounds_a_type_cannot_hold_become_constants);
	tcase_add_test(tc, upto_is_the_complement_of_after);
	tcase_add_test(tc, key_positions);
	tcase_add_test(tc, only_what_differs_and_is_known_is_sent);
	tcase_add_test(tc, replicas_may_lag_by_a_minute_at_most);
	tcase_add_test(tc, what_was_sent_and_matters_is_confirmed);
	tcase_add_test(tc, texts_of_the_server_get_a_class_and_advice);
	tcase_add_test(tc, only_this_answers_tag_makes_an_exception);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
