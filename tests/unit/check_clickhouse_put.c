/* SPDX-License-Identifier: Apache-2.0 */
/* Data of an INSERT on its way to a server on loopback: whole, refused, not
 * taken. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/answer_fixture.h"
#include "tests/unit/run_suite.h"
#include "worker/clickhouse/answer.h"

#define SUMMARY(text) "X-ClickHouse-Summary: " text "\r\n"
#define WRITTEN(rows)                                           \
	SUMMARY("{\"read_rows\":\"7\",\"written_rows\":\"" rows \
		"\",\"written_bytes\":\"99\"}")
static uint64_t written;

static void
setup(void)
{
	written = UINT64_MAX;
	err_clear(&err);
	answer_setup();
}

static int
put(size_t n)
{
	uint8_t *p = malloc(n);
	int rc;

	memset(p, 'x', n);
	rc = http_put(wire_http(wire), p, n, &err);
	memset(p, 'y', n); /* nothing of it is kept */
	free(p);
	return rc;
}

static int
put_begin(void)
{
	return http_put_begin(
	    wire_http(wire), "a=b", "INSERT INTO `t` FORMAT Native", &err);
}

START_TEST(all_of_the_data_goes_in_chunks_behind_the_query)
{
	size_t xs = 0;

	buf_put_str(
	    &server.answer, OK_HEAD WRITTEN("3") "Content-Length: 0\r\n\r\n");
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(put(1000), 0);
	ck_assert_int_eq(put(0), 0);
	ck_assert_int_eq(clickhouse_put_end(wire, "us er", &written, &err), 0);
	ck_assert_uint_eq(written, 3);
	ck_assert_uint_eq(http_sent(wire_http(wire)), 5000);
	answer_wait();
	ck_assert_ptr_nonnull(strstr(server.request,
	    "POST /?a=b&query=INSERT%20INTO%20%60t%60%20FORMAT%20Native "));
	ck_assert_ptr_nonnull(
	    strcasestr(server.request, "transfer-encoding: chunked"));
	ck_assert_ptr_null(strstr(server.request, "yyyy"));
	for (const char *p = strstr(server.request, "\r\n\r\n"); *p != '\0';
	     p++)
		xs += *p == 'x';
	ck_assert_uint_eq(xs, 5000);
}
END_TEST

START_TEST(a_body_may_be_empty)
{
	buf_put_str(
	    &server.answer, OK_HEAD WRITTEN("3") "Content-Length: 0\r\n\r\n");
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	ck_assert_int_eq(clickhouse_put_end(wire, "us er", &written, &err), 0);
}
END_TEST

static void
answers(const char *head, const char *body)
{
	struct buf b;

	buf_init(&b, 0);
	buf_put_str(&b, body);
	put_answer(head, &b, 0);
	buf_clear(&b);
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	ck_assert_int_eq(put(10), 0);
	ck_assert_int_eq(clickhouse_put_end(wire, "us er", &written, &err), -1);
}

START_TEST(a_refusal_after_the_data)
{
	answers("HTTP/1.1 404 Not Found\r\nX-ClickHouse-Exception-Code: 60\r\n",
	    "Code: 60. DB::Exception: Table d.t does not exist");
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_ptr_nonnull(strstr(err.text, "Table d.t does not exist"));
}
END_TEST

START_TEST(an_exception_behind_status_200)
{
	answers(OK_HEAD WRITTEN("3"), EXCEPTION);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "memory is full"));
}
END_TEST

/* No error is no success. */
START_TEST(an_answer_that_does_not_say_what_was_written)
{
	static const struct {
		const char *head, *says;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n", "200, but not as a ClickHouse" },
		{ "HTTP/1.1 204 No Content\r\n", "204, but not as a" },
		{ "HTTP/1.1 302 Found\r\nLocation: /login\r\n",
		    "302, but not as a ClickHouse" },
		{ "HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 209\r\n",
		    "error 209" },
		{ "HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 209\r\n" WRITTEN(
		      "10"),
		    "error 209" },
		{ OK_HEAD, "does not say how many rows" },
		{ OK_HEAD SUMMARY(""), "does not say how many rows" },
		{ OK_HEAD SUMMARY("{}"), "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"read_rows\":\"7\"}"),
		    "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"written_rows\":\"1"),
		    "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"written_rows\":\"10\""),
		    "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"written_rows\":\"\"}"),
		    "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"written_rows\":\"-1\"}"),
		    "does not say how many rows" },
		{ OK_HEAD SUMMARY("{\"written_rows\":\"99999999999999999999"
				  "\"}"),
		    "does not say how many rows" },
	};

	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		if (k > 0) {
			answer_teardown();
			answer_setup();
		}
		answers(cases[k].head, "<html>Please sign in</html>");
		ck_assert_msg(err.cls == ERR_SOURCE_LOST, "%zu: %s", k,
		    err_class_name(err.cls));
		ck_assert_msg(strstr(err.text, cases[k].says) != NULL,
		    "%zu: %s", k, err.text);
	}
}
END_TEST

/* The server answers and closes while data is still to come. */
START_TEST(a_refusal_before_the_datas_end)
{
	static const char text[] =
	    "Code: 60. DB::Exception: Table d.t does not exist";
	int rc = 0;

	server.early = true;
	buf_printf(&server.answer,
	    "HTTP/1.1 404 Not Found\r\nConnection: close\r\n"
	    "X-ClickHouse-Exception-Code: 60\r\nContent-Length: %zu\r\n\r\n%s",
	    strlen(text), text);
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = put(64 << 10);
	ck_assert_int_eq(rc, 1);
	ck_assert_int_eq(clickhouse_put_end(wire, "us er", &written, &err), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_ptr_nonnull(strstr(err.text, "Table d.t does not exist"));
}
END_TEST

START_TEST(a_server_that_takes_nothing)
{
	int rc = 0;

	answer_connect(); /* nobody accepts */
	ck_assert_int_eq(put_begin(), 0);
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = put(64 << 10);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "took nothing for 1 s"));
}
END_TEST

START_TEST(a_server_that_goes_away)
{
	server.early = true; /* reads the head, says nothing, closes */
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	for (int i = 0; i < 1000; i++)
		if (put(64 << 10) != 0)
			break;
	ck_assert_int_eq(clickhouse_put_end(wire, "us er", &written, &err), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "closed the connection"));
}
END_TEST

START_TEST(a_stopped_insert_does_not_look_whole)
{
	buf_put_str(
	    &server.answer, OK_HEAD WRITTEN("3") "Content-Length: 0\r\n\r\n");
	answer_start();
	ck_assert_int_eq(put_begin(), 0);
	ck_assert_int_eq(put(1000), 0);
	http_stop(wire_http(wire));
	wire_free(wire);
	wire = NULL;
	answer_wait();
	ck_assert_ptr_null(strstr(server.request, "\r\n0\r\n"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clickhouse_put");
	TCase *t = tcase_create("put");

	tcase_add_checked_fixture(t, setup, answer_teardown);
	tcase_add_test(t, all_of_the_data_goes_in_chunks_behind_the_query);
	tcase_add_test(t, a_body_may_be_empty);
	tcase_add_test(t, a_refusal_after_the_data);
	tcase_add_test(t, an_exception_behind_status_200);
	tcase_add_test(t, an_answer_that_does_not_say_what_was_written);
	tcase_add_test(t, a_refusal_before_the_datas_end);
	tcase_add_test(t, a_server_that_takes_nothing);
	tcase_add_test(t, a_server_that_goes_away);
	tcase_add_test(t, a_stopped_insert_does_not_look_whole);
	suite_add_tcase(s, t);
	return run_suite(s);
}
