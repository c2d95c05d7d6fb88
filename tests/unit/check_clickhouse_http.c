/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers over a real socket, from a server that does what the script says:
 * refuse, cut, stall, lie. Class and text of each error are checked.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/answer_fixture.h"
#include "tests/unit/run_suite.h"
#include "worker/clickhouse/answer.h"

START_TEST(a_whole_answer_is_complete)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 0);
	put_block(&body, 100);
	put_block(&body, 3);
	put_answer(OK_HEAD, &body, 0);
	answer_start();
	ck_assert_msg(rows_of() == 103, "%s", err.text);
	buf_clear(&body);
}
END_TEST

START_TEST(credentials_go_as_headers_only)
{
	struct buf body;
	char *line;

	buf_init(&body, 0);
	put_block(&body, 1);
	put_answer(OK_HEAD, &body, 0);
	answer_start();
	ck_assert_int_eq(rows_of(), 1);
	answer_wait();
	ck_assert_ptr_nonnull(
	    strstr(server.request, "\r\nX-ClickHouse-User: us er\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(server.request, "\r\nX-ClickHouse-Key: s3cret\r\n"));
	ck_assert_ptr_nonnull(strstr(server.request, "\r\n\r\nSELECT 1"));
	line = strtok(server.request, "\r");
	ck_assert_str_eq(line, "POST /?a=b HTTP/1.1");
	buf_clear(&body);
}
END_TEST

START_TEST(status_500_with_a_text_is_the_servers_word)
{
	buf_put_str(&server.answer,
	    "HTTP/1.1 500 Internal Server Error\r\n"
	    "X-ClickHouse-Exception-Code: 60\r\nContent-Length: 62\r\n\r\n"
	    "Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_)\n");
	fails(ERR_SOURCE, "Table a.b does not exist");
}
END_TEST

START_TEST(status_503_of_a_proxy_may_heal)
{
	buf_put_str(&server.answer,
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Content-Length: 4\r\n\r\nbusy");
	fails(ERR_SOURCE_LOST, "503");
}
END_TEST

START_TEST(status_403_is_the_password)
{
	buf_put_str(&server.answer,
	    "HTTP/1.1 403 Forbidden\r\n"
	    "X-ClickHouse-Exception-Code: 516\r\nContent-Length: 52\r\n\r\n"
	    "Code: 516. DB::Exception: x: Authentication failed: ");
	fails(ERR_SOURCE, "wrong user or password for 'us er'");
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
	buf_put_str(&server.answer,
	    "HTTP/1.1 302 Found\r\n"
	    "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
	fails(ERR_SOURCE_LOST, "302, but not as a ClickHouse server does");
}
END_TEST

/* Neither a page to sign in nor an empty body is an answer without rows. */
START_TEST(a_page_of_what_stands_in_between)
{
	buf_put_str(&server.answer,
	    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	    "Content-Length: 27\r\n\r\n<html>Please sign in</html>");
	fails(ERR_SOURCE_LOST, "200, but not as a ClickHouse server does");
}
END_TEST

START_TEST(an_empty_body_of_what_stands_in_between)
{
	buf_put_str(
	    &server.answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	fails(ERR_SOURCE_LOST, "200, but not as a ClickHouse server does");
}
END_TEST

/* All that servers of 2018 say of themselves. */
START_TEST(a_name_is_enough)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 7);
	put_answer("HTTP/1.1 200 OK\r\n"
		   "x-clickhouse-server-display-name: old\r\n",
	    &body, 0);
	answer_start();
	ck_assert_int_eq(rows_of(), 7);
	buf_clear(&body);
}
END_TEST

START_TEST(closed_before_any_answer)
{
	fails(ERR_SOURCE_LOST, "closed the connection");
}
END_TEST

/* An answer without body would be one without rows. */
START_TEST(closed_in_the_middle_of_the_headers)
{
	buf_put_str(&server.answer, OK_HEAD "Content-Ty");
	fails(ERR_SOURCE_LOST, "closed the connection");
}
END_TEST

START_TEST(closed_in_the_middle_of_a_block)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_answer(OK_HEAD, &body, 50);
	fails(ERR_SOURCE_LOST, "closed the connection");
	buf_clear(&body);
}
END_TEST

START_TEST(reset_in_the_middle_of_a_block)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_answer(OK_HEAD, &body, 50);
	server.ending = END_RESET;
	fails(ERR_SOURCE_LOST, "closed the connection");
	buf_clear(&body);
}
END_TEST

START_TEST(cut_at_a_blocks_end_is_no_end)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	buf_put_str(&server.answer,
	    OK_HEAD "Transfer-Encoding: chunked\r\n"
		    "\r\n");
	put_chunk(body.data, body.len); /* and no last chunk */
	fails(ERR_SOURCE_LOST, "closed the connection");
	buf_clear(&body);
}
END_TEST

START_TEST(a_clean_end_inside_a_block_is_seen_by_the_decoder)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	buf_put_str(&server.answer,
	    OK_HEAD "Transfer-Encoding: chunked\r\n"
		    "\r\n");
	put_chunk(body.data, body.len - 1);
	put_chunk("", 0);
	fails(ERR_SOURCE_LOST, "middle of a block");
	buf_clear(&body);
}
END_TEST

START_TEST(silence_before_the_answer)
{
	server.ending = END_STALL;
	fails(ERR_SOURCE_LOST, "sent nothing for 1 s");
}
END_TEST

START_TEST(silence_in_mid_stream)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_answer(OK_HEAD, &body, 50);
	server.ending = END_STALL;
	fails(ERR_SOURCE_LOST, "sent nothing for 1 s");
	buf_clear(&body);
}
END_TEST

START_TEST(a_changed_byte_in_a_blocks_head_is_corrupt_data)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_block(&body, 100);
	body.data[body.len - 101] ^= 0x40; /* in "UInt8" */
	put_answer(OK_HEAD, &body, 0);
	fails(ERR_DATA, "'c'");
	buf_clear(&body);
}
END_TEST

/* The framing is broken on purpose behind an exception. */
static void
exception_in_stream(const char *head, const char *text, bool in_block)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	if (in_block)
		buf_put(&body, "\1\144\1c\5UInt8ab", 12);
	buf_put_str(&body, text);
	buf_put_str(&server.answer, head);
	buf_put_str(&server.answer, "Transfer-Encoding: chunked\r\n\r\n");
	put_chunk(body.data, body.len);
	buf_clear(&body);
}

START_TEST(a_tagged_exception_at_a_blocks_end)
{
	exception_in_stream(OK_HEAD, EXCEPTION, false);
	fails(ERR_SOURCE_LOST, "error 241 of the source: memory is full");
}
END_TEST

START_TEST(a_tagged_exception_inside_a_block)
{
	exception_in_stream(OK_HEAD, EXCEPTION, true);
	fails(ERR_SOURCE_LOST, "error 241 of the source: memory is full");
}
END_TEST

START_TEST(a_tagged_exception_in_a_clean_transfer)
{
	exception_in_stream(OK_HEAD, EXCEPTION, false);
	put_chunk("", 0);
	fails(ERR_SOURCE_LOST, "error 241 of the source: memory is full");
}
END_TEST

START_TEST(an_exception_of_an_older_server_has_no_tag)
{
	exception_in_stream("HTTP/1.1 200 OK\r\n"
			    "X-ClickHouse-Server-Display-Name: old\r\n",
	    "Code: 396. DB::Exception: "
	    "too many rows. (TOO_MANY)\n",
	    true);
	put_chunk("", 0);
	fails(ERR_SOURCE, "error 396 of the source: too many rows");
}
END_TEST

START_TEST(an_exception_trailer_fails_a_whole_stream)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	buf_put_str(&server.answer,
	    OK_HEAD "Transfer-Encoding: chunked\r\n"
		    "Trailer: X-ClickHouse-Exception-Code\r\n\r\n");
	put_chunk(body.data, body.len);
	buf_put_str(
	    &server.answer, "0\r\nX-ClickHouse-Exception-Code: 159\r\n\r\n");
	fails(ERR_SOURCE_LOST, "159");
	buf_clear(&body);
}
END_TEST

START_TEST(what_looks_like_an_exception_in_data_is_data)
{
	static const char marker[] = "\r\n__exception__\r\nponmlkjihgfedcba"
				     "\r\nCode: 241. DB::Exception: no";
	struct buf body;
	size_t n = sizeof(marker) - 1;

	buf_init(&body, 0);
	buf_put(&body, "\1", 1);
	buf_put_varint(&body, n);
	buf_put(&body, "\1c\5UInt8", 8);
	buf_put(&body, marker, n);
	put_answer(OK_HEAD, &body, 0);
	answer_start();
	ck_assert_msg(rows_of() == (long)n, "%s", err.text);
	buf_clear(&body);
}
END_TEST

START_TEST(a_slow_reader_pauses_the_transfer)
{
	uint8_t some[4096];
	struct http *http;
	uint64_t total = 0;
	ssize_t n;

	server.repeat = 1000;
	buf_put_str(&server.answer, OK_HEAD "Connection: close\r\n\r\n");
	memset(buf_reserve(&server.answer, 65536), 'x', 65536);
	server.answer.len += 65536;
	answer_start();
	http = wire_http(wire);
	ck_assert_int_eq(http_start(http, "", "SELECT 1", &err), 0);
	while ((n = http_read(http, some, sizeof(some), &err)) > 0) {
		total += (uint64_t)n;
		ck_assert_uint_le(http_received(http) - total, HTTP_BUFFER);
	}
	ck_assert_msg(n == 0, "%s", err.text);
	ck_assert_uint_eq(total, UINT64_C(1001) * 65536);
}
END_TEST

START_TEST(nobody_listens)
{
	answer_connect();
	shutdown(server.listener, SHUT_RDWR);
	close(server.listener);
	ck_assert_int_eq(rows_of(), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "connection refused"));
	server.listener = -1;
}
END_TEST

START_TEST(no_more_sockets)
{
	struct rlimit was, none;
	int next = dup(STDIN_FILENO);

	answer_connect();
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(rows_of(), -1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_int_eq(err.cls, ERR_HANDLES);
	ck_assert_ptr_nonnull(strstr(err.text, "Too many open files"));
}
END_TEST

START_TEST(urls_with_credentials_or_without_sense_are_config_errors)
{
	static const char *const urls[] = { "http://u:s3cret@h:1", "ftp://h",
		"", "http://", "file:///etc/passwd" };
	struct http_options o = { .user = "u", .timeout_s = 1 };

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		o.url = urls[i];
		ck_assert_ptr_null(http_new(&o, &err));
		ck_assert_int_eq(err.cls, ERR_CONFIG);
		ck_assert_ptr_null(strstr(err.text, "s3cret"));
	}
	o.url = "http://h:1";
	o.password = "a\r\nX-Evil: 1";
	ck_assert_ptr_null(http_new(&o, &err));
	ck_assert_int_eq(err.cls, ERR_CONFIG);
}
END_TEST

START_TEST(a_small_answer_has_a_largest_size)
{
	struct buf body, out;

	buf_init(&body, 0);
	buf_init(&out, 0);
	memset(buf_reserve(&body, 100000), 'x', 100000);
	body.len = 100000;
	put_answer(OK_HEAD, &body, 0);
	answer_start();
	ck_assert_int_eq(
	    clickhouse_fetch(wire, NULL, "", "SELECT 1", &out, 50000, &err),
	    -1);
	ck_assert_int_eq(err.cls, ERR_LIMIT);
	buf_clear(&body);
	buf_clear(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clickhouse_http");
	TCase *tc = tcase_create("clickhouse_http");

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, answer_setup, answer_teardown);
	tcase_add_test(tc, a_whole_answer_is_complete);
	tcase_add_test(tc, credentials_go_as_headers_only);
	tcase_add_test(tc, status_500_with_a_text_is_the_servers_word);
	tcase_add_test(tc, status_503_of_a_proxy_may_heal);
	tcase_add_test(tc, status_403_is_the_password);
	tcase_add_test(tc, a_redirect_is_not_followed);
	tcase_add_test(tc, a_page_of_what_stands_in_between);
	tcase_add_test(tc, an_empty_body_of_what_stands_in_between);
	tcase_add_test(tc, a_name_is_enough);
	tcase_add_test(tc, closed_before_any_answer);
	tcase_add_test(tc, closed_in_the_middle_of_the_headers);
	tcase_add_test(tc, closed_in_the_middle_of_a_block);
	tcase_add_test(tc, reset_in_the_middle_of_a_block);
	tcase_add_test(tc, cut_at_a_blocks_end_is_no_end);
	tcase_add_test(tc, a_clean_end_inside_a_block_is_seen_by_the_decoder);
	tcase_add_test(tc, silence_before_the_answer);
	tcase_add_test(tc, silence_in_mid_stream);
	tcase_add_test(tc, a_changed_byte_in_a_blocks_head_is_corrupt_data);
	tcase_add_test(tc, a_tagged_exception_at_a_blocks_end);
	tcase_add_test(tc, a_tagged_exception_inside_a_block);
	tcase_add_test(tc, a_tagged_exception_in_a_clean_transfer);
	tcase_add_test(tc, an_exception_of_an_older_server_has_no_tag);
	tcase_add_test(tc, an_exception_trailer_fails_a_whole_stream);
	tcase_add_test(tc, what_looks_like_an_exception_in_data_is_data);
	tcase_add_test(tc, a_slow_reader_pauses_the_transfer);
	tcase_add_test(tc, nobody_listens);
	tcase_add_test(tc, no_more_sockets);
	tcase_add_test(
	    tc, urls_with_credentials_or_without_sense_are_config_errors);
	tcase_add_test(tc, a_small_answer_has_a_largest_size);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
