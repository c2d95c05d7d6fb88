/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed answers over a real socket: what is asked for, what comes, and
 * where a server's word of failure stands in it.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/answer_fixture.h"
#include "tests/unit/run_suite.h"
#include "worker/clickhouse/answer.h"
#include "worker/clickhouse/city.h"

/* Frames of bytes as they are: what is within is not the point here. */
static void
put_frame(struct buf *b, const void *p, size_t n)
{
	struct city128 sum;
	struct buf f;

	buf_init(&f, 0);
	buf_put_u8(&f, 0x02);
	buf_put_u32(&f, (uint32_t)n + 9);
	buf_put_u32(&f, (uint32_t)n);
	buf_put(&f, p, n);
	sum = city_hash128(f.data, f.len);
	buf_put_u64(b, sum.low);
	buf_put_u64(b, sum.high);
	buf_put(b, f.data, f.len);
	buf_clear(&f);
}

/* zstd of bytes as they are: one raw block, without a checksum. */
static void
put_zstd(struct buf *b, const void *p, size_t n, bool ended)
{
	/* magic, head: window of 1 MiB; block: last or not, raw, size */
	buf_put(b, "\x28\xb5\x2f\xfd\x00\x50", 6);
	buf_put_u8(b, (uint8_t)(n << 3 | ended));
	buf_put_u16(b, (uint16_t)(n >> 5));
	buf_put(b, p, n);
}

#define ZSTD_HEAD OK_HEAD "Content-Encoding: zstd\r\n"

START_TEST(frames_are_asked_for_and_read)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_frame(&body, block.data, 30);
	put_frame(&body, block.data + 30, block.len - 30);
	put_answer(OK_HEAD, &body, 0);
	coding = "lz4";
	answer_start();
	ck_assert_msg(rows_of() == 100, "%s", err.text);
	answer_wait();
	ck_assert_ptr_nonnull(
	    strstr(server.request, "POST /?a=b&compress=1 HTTP"));
	ck_assert_ptr_null(strcasestr(server.request, "accept-encoding"));
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

START_TEST(zstd_is_offered_and_read)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_zstd(&body, block.data, block.len, true);
	put_answer(ZSTD_HEAD, &body, 0);
	coding = "zstd";
	answer_start();
	ck_assert_msg(rows_of() == 100, "%s", err.text);
	answer_wait();
	ck_assert_ptr_nonnull(
	    strstr(server.request, "\r\nAccept-Encoding: zstd\r\n"));
	ck_assert_ptr_null(strstr(server.request, "compress=1"));
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

START_TEST(a_server_without_zstd_is_read_as_it_is)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_answer(OK_HEAD, &body, 0);
	coding = "zstd";
	answer_start();
	ck_assert_msg(rows_of() == 100, "%s", err.text);
	buf_clear(&body);
}
END_TEST

START_TEST(another_content_encoding_is_refused)
{
	struct buf body;

	buf_init(&body, 0);
	put_block(&body, 100);
	put_answer(OK_HEAD "Content-Encoding: gzip\r\n", &body, 0);
	fails(ERR_SOURCE, "Content-Encoding 'gzip'");
	buf_clear(&body);
}
END_TEST

START_TEST(on_this_host_nothing_is_compressed)
{
	struct http_options o = { .timeout_s = 1 };
	static const struct {
		const char *url;
		enum wire_coding coding;
	} t[] = { { "http://127.0.0.1:1", WIRE_NONE },
		{ "http://127.9.9.9", WIRE_NONE },
		{ "http://localhost:1", WIRE_NONE },
		{ "http://[::1]:1", WIRE_NONE },
		{ "http://127.example.org", WIRE_LZ4 },
		{ "http://10.0.0.1:8123", WIRE_LZ4 },
		{ "https://db", WIRE_LZ4 } };

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct wire *w;

		o.url = t[i].url;
		ck_assert_ptr_nonnull(w = wire_new(NULL, &o, &err));
		ck_assert_int_eq(wire_coding(w), t[i].coding);
		wire_free(w);
		ck_assert_ptr_nonnull(w = wire_new("none", &o, &err));
		ck_assert_int_eq(wire_coding(w), WIRE_NONE);
		wire_free(w);
	}
}
END_TEST

START_TEST(a_changed_byte_in_a_frame)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_frame(&body, block.data, block.len);
	body.data[body.len - 7] ^= 0x10;
	put_answer(OK_HEAD, &body, 0);
	coding = "lz4";
	fails(ERR_SOURCE_LOST, "checksum");
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

START_TEST(a_clean_end_inside_a_frame)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_frame(&body, block.data, block.len);
	body.len -= 50;
	put_answer(OK_HEAD, &body, 0);
	coding = "lz4";
	fails(ERR_SOURCE_LOST, "middle of a compressed frame");
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

START_TEST(a_clean_end_inside_zstd)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_zstd(&body, block.data, block.len, false);
	put_answer(ZSTD_HEAD, &body, 0);
	coding = "zstd";
	fails(ERR_SOURCE_LOST, "middle of compressed data");
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

/* Where the exception stands: in a frame of its own behind the rows, or,
 * _i == 1, bare in between frames. */
START_TEST(an_exception_among_frames)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	put_frame(&body, block.data, block.len);
	if (_i == 0)
		put_frame(&body, EXCEPTION, sizeof(EXCEPTION) - 1);
	else
		buf_put_str(&body, EXCEPTION);
	buf_put_str(
	    &server.answer, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	put_chunk(body.data, body.len);
	coding = "lz4";
	fails(ERR_SOURCE_LOST, "error 241 of the source: memory is full");
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

START_TEST(an_exception_within_zstd)
{
	struct buf block, body;

	buf_init(&block, 0);
	buf_init(&body, 0);
	put_block(&block, 100);
	buf_put_str(&block, EXCEPTION);
	put_zstd(&body, block.data, block.len, false);
	buf_put_str(
	    &server.answer, ZSTD_HEAD "Transfer-Encoding: chunked\r\n\r\n");
	put_chunk(body.data, body.len);
	coding = "zstd";
	fails(ERR_SOURCE_LOST, "error 241 of the source: memory is full");
	buf_clear(&block);
	buf_clear(&body);
}
END_TEST

static const char refused[] = "Code: 60. DB::Exception: Table a.b does not "
			      "exist. (UNKNOWN_TABLE)\n";

/* In a frame, as it is (the server refused before it knew of frames), zstd. */
START_TEST(a_refusal_however_it_comes)
{
	struct buf body;

	buf_init(&body, 0);
	if (_i == 0)
		put_frame(&body, refused, sizeof(refused) - 1);
	else if (_i == 1)
		buf_put_str(&body, refused);
	else
		put_zstd(&body, refused, sizeof(refused) - 1, true);
	put_answer(_i == 2 ? "HTTP/1.1 404 Not Found\r\n"
			     "Content-Encoding: zstd\r\n"
			   : "HTTP/1.1 404 Not Found\r\n",
	    &body, 0);
	coding = _i == 2 ? "zstd" : "lz4";
	fails(ERR_SOURCE, "error 60 of the source: Table a.b does not exist");
	buf_clear(&body);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("clickhouse_wire");
	TCase *tc = tcase_create("clickhouse_wire");

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, answer_setup, answer_teardown);
	tcase_add_test(tc, frames_are_asked_for_and_read);
	tcase_add_test(tc, zstd_is_offered_and_read);
	tcase_add_test(tc, a_server_without_zstd_is_read_as_it_is);
	tcase_add_test(tc, another_content_encoding_is_refused);
	tcase_add_test(tc, on_this_host_nothing_is_compressed);
	tcase_add_test(tc, a_changed_byte_in_a_frame);
	tcase_add_test(tc, a_clean_end_inside_a_frame);
	tcase_add_test(tc, a_clean_end_inside_zstd);
	tcase_add_loop_test(tc, an_exception_among_frames, 0, 2);
	tcase_add_test(tc, an_exception_within_zstd);
	tcase_add_loop_test(tc, a_refusal_however_it_comes, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
