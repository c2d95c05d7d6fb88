/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse's frames and zstd answers, whole and damaged. The checksums are
 * those that a real server (18.16) put before frames of 0, 1, 2 ... k - 1.
 */
#include <check.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/buf.h"
#include "tests/unit/run_suite.h"
#include "worker/clickhouse/city.h"
#include "worker/clickhouse/frames.h"
#include "worker/clickhouse/unzstd.h"

enum { NONE = 0x02, LZ4 = 0x82, ZSTD = 0x90, HEAD = 9 };

static const struct {
	uint8_t k;
	uint64_t low, high;
} sums[] = {
	{ 1, UINT64_C(0xc5b5880d370ed1dd), UINT64_C(0xdbbbfd9c637e46b0) },
	{ 3, UINT64_C(0x69355d20cf98d2be), UINT64_C(0x963007dc75bfa87e) },
	{ 5, UINT64_C(0x98af123542f21dfb), UINT64_C(0x83f7dc087a5ce7f3) },
	{ 6, UINT64_C(0x6eeb29a8ba47c7df), UINT64_C(0xfcce2e5abc8eb630) },
	{ 7, UINT64_C(0xdf9d922e6a78d7fd), UINT64_C(0x321f7cb1c79da61f) },
	{ 8, UINT64_C(0x867fbf261bddf6ff), UINT64_C(0xecb61cdd790b9015) },
	{ 14, UINT64_C(0xb765a250c2ddddcf), UINT64_C(0x96c328fd248442e3) },
	{ 15, UINT64_C(0xb9ebd0605b8d7476), UINT64_C(0xd3c24be157d57e10) },
	{ 20, UINT64_C(0x347e1271156c2f3f), UINT64_C(0x0f202d3ee22477b7) },
	{ 21, UINT64_C(0xfc3eb85ec54fed65), UINT64_C(0xa9da1944aa8abd51) },
	{ 22, UINT64_C(0x01008a21383c4a27), UINT64_C(0x43a92bc9bde18016) },
	{ 23, UINT64_C(0xc30bf5ff1336a0c4), UINT64_C(0x1a4da42542d5c7f3) },
	{ 38, UINT64_C(0xcd8fb2f4ddfc6a5c), UINT64_C(0x3e80e5259f7d9906) },
	{ 60, UINT64_C(0x7fbfe5e658603677), UINT64_C(0xed170cdb382325c4) },
	{ 118, UINT64_C(0x3d6384a7cfdbab2f), UINT64_C(0x1b53ba457f4e2bd4) },
	{ 131, UINT64_C(0x47add26d4f27a2cd), UINT64_C(0x735ac640203c51ab) },
	{ 132, UINT64_C(0x8b6c5315aebc7a8a), UINT64_C(0x78e4bbcef180737d) },
	{ 133, UINT64_C(0x42824cf6dd6b09e7), UINT64_C(0xecdadc9708483208) },
	{ 134, UINT64_C(0x5954e274346f7b97), UINT64_C(0x2faf388a5eabc3e6) },
	{ 150, UINT64_C(0xfb208d96d48a4b41), UINT64_C(0xf05433a13c1b00c6) },
	{ 165, UINT64_C(0x73a9ad06458b140a), UINT64_C(0x1df2106bf7c559de) },
	{ 200, UINT64_C(0x7d96c0fb2de8d601), UINT64_C(0x250401a27fcd0bed) },
	{ 255, UINT64_C(0x16101bbc16a8a78e), UINT64_C(0xc8a524c079611a8a) },
};
enum { NSUMS = sizeof(sums) / sizeof(*sums) };

static struct buf stream;  /* what the "server" sends ... */
static size_t sent, piece; /* ... so many bytes a call */
static struct buf got;
static struct err err;

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	size_t left = stream.len - sent;

	(void)arg;
	(void)e;
	n = n < left ? n : left;
	n = n < piece ? n : piece;
	if (n > 0)
		memcpy(dst, stream.data + sent, n);
	sent += n;
	return (ssize_t)n;
}

static void
setup(void)
{
	buf_init(&stream, 0);
	buf_init(&got, 0);
	sent = 0;
	piece = SIZE_MAX;
}

static void
teardown(void)
{
	buf_clear(&stream);
	buf_clear(&got);
}

/* Everything that read() has, in steps; 0 or -1 with err. */
static int
drain(stream_fetch *read_, void *arg, size_t step)
{
	ssize_t n;

	err_clear(&err);
	buf_reset(&got);
	do {
		uint8_t *to = buf_reserve(&got, step);

		n = read_(arg, to, step, &err);
		got.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return (int)n;
}

static int
unframe(size_t step)
{
	struct frames f;
	int rc;

	frames_init(&f, fetch, NULL);
	rc = drain(frames_read, &f, step);
	frames_clear(&f);
	return rc;
}

static int
unzstd(size_t step)
{
	struct unzstd *z = unzstd_new(fetch, NULL);
	int rc = drain(unzstd_read, z, step);

	unzstd_free(z);
	return rc;
}

static void
put_frame(uint8_t method, const void *packed, size_t n, size_t plain)
{
	struct buf f;
	struct city128 sum;

	buf_init(&f, 0);
	buf_put_u8(&f, method);
	buf_put_u32(&f, (uint32_t)n + HEAD);
	buf_put_u32(&f, (uint32_t)plain);
	buf_put(&f, packed, n);
	sum = city_hash128(f.data, f.len);
	buf_put_u64(&stream, sum.low);
	buf_put_u64(&stream, sum.high);
	buf_put(&stream, f.data, f.len);
	buf_clear(&f);
}

/* Packs n bytes as a server does. */
static void
put_packed(uint8_t method, const uint8_t *p, size_t n)
{
	size_t room = (size_t)LZ4_compressBound((int)n) + 1024, len = n;
	char *packed = malloc(room);

	if (method == LZ4)
		len = (size_t)LZ4_compress_default(
		    (const char *)p, packed, (int)n, (int)room);
	else if (method == ZSTD)
		len = ZSTD_compress(packed, room, p, n, 3);
	else
		memcpy(packed, p, n);
	put_frame(method, packed, len, n);
	free(packed);
}

static void
fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * i >> 5);
}

static void
put_answer_zstd(const uint8_t *p, size_t n, bool checksum)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	uint8_t *to = buf_reserve(&stream, ZSTD_compressBound(n));

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, checksum);
	stream.len += ZSTD_compress2(c, to, ZSTD_compressBound(n), p, n);
	ZSTD_freeCCtx(c);
}

static void
fails(int rc, const char *says)
{
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

/* ---- frames ----------------------------------------------------------------- */

START_TEST(frames_of_a_real_server)
{
	uint8_t k = sums[_i].k;

	/* the frame as the server sent it: LZ4 of literals alone */
	buf_put_u64(&stream, sums[_i].low);
	buf_put_u64(&stream, sums[_i].high);
	buf_put_u8(&stream, LZ4);
	buf_put_u32(&stream, HEAD + 1u + (k >= 15) + k);
	buf_put_u32(&stream, k);
	buf_put_u8(&stream, (uint8_t)((k < 15 ? k : 15) << 4));
	if (k >= 15)
		buf_put_u8(&stream, (uint8_t)(k - 15));
	for (unsigned i = 0; i < k; i++)
		buf_put_u8(&stream, (uint8_t)i);
	ck_assert_msg(unframe(1000) == 0, "%s", err.text);
	ck_assert_uint_eq(got.len, k);
	for (unsigned i = 0; i < k; i++)
		ck_assert_uint_eq(got.data[i], i);
}
END_TEST

static const size_t sizes[] = { 1, 2, 100, 4096, 65537, 1 << 20, 3000000 };

/* All methods in one stream, read and fetched in pieces of any size. */
START_TEST(each_method_and_size)
{
	size_t n = sizes[_i];
	uint8_t *p = malloc(n);
	static const size_t steps[] = { 1000, 262144, 4 << 20 };

	fill(p, n);
	put_packed(LZ4, p, n);
	put_packed(ZSTD, p, n);
	put_packed(NONE, p, n);
	for (size_t s = 0; s < 6; s++) {
		piece = s < 3 ? SIZE_MAX : 4097;
		sent = 0;
		ck_assert_msg(unframe(steps[s % 3]) == 0, "%s", err.text);
		ck_assert_uint_eq(got.len, 3 * n);
		for (size_t k = 0; k < 3; k++)
			ck_assert(memcmp(got.data + k * n, p, n) == 0);
	}
	free(p);
}
END_TEST

START_TEST(nothing_is_no_frame)
{
	ck_assert_int_eq(unframe(100), 0);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

/* Whatever byte of a stream changes, in any bit: it is noticed, and nothing
 * of its frame is handed out. */
START_TEST(each_changed_byte_is_noticed)
{
	uint8_t p[300];
	size_t first;

	fill(p, sizeof(p));
	put_packed(LZ4, p, sizeof(p));
	first = stream.len;
	put_packed(LZ4, p, sizeof(p));
	for (size_t at = 0; at < stream.len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			stream.data[at] ^= (uint8_t)(1u << bit);
			sent = 0;
			ck_assert_int_eq(unframe(100), -1);
			ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
			ck_assert_uint_eq(got.len, at < first ? 0 : sizeof(p));
			stream.data[at] ^= (uint8_t)(1u << bit);
		}
}
END_TEST

START_TEST(each_cut_is_noticed)
{
	uint8_t p[300];
	size_t whole;

	fill(p, sizeof(p));
	put_packed(LZ4, p, sizeof(p));
	whole = stream.len;
	for (stream.len = 1; stream.len < whole; stream.len++) {
		sent = 0;
		fails(unframe(100), "middle of a compressed frame");
	}
}
END_TEST

START_TEST(impossible_sizes)
{
	static const uint32_t bad[][2] = { { 0, 1 }, { HEAD, 1 },
		{ UINT32_MAX, 1 }, { FRAME_MAX + 1, 1 }, { 100, 0 },
		{ 100, UINT32_MAX }, { 100, FRAME_MAX + 1 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		buf_reset(&stream);
		sent = 0;
		buf_put(&stream, "0123456789abcdef\x82", 17);
		buf_put_u32(&stream, bad[i][0]);
		buf_put_u32(&stream, bad[i][1]);
		fails(unframe(100), "impossible size");
	}
}
END_TEST

/* With a right checksum: what a broken server would send. */
START_TEST(what_does_not_unpack_to_its_size)
{
	uint8_t p[64], packed[200];
	int n;

	fill(p, sizeof(p));
	n = LZ4_compress_default((char *)p, (char *)packed, 64, 200);
	for (size_t plain = 1; plain < 200; plain++) {
		buf_reset(&stream);
		sent = 0;
		put_frame(LZ4, packed, (size_t)n, plain);
		if (plain == 64)
			ck_assert_int_eq(unframe(100), 0);
		else
			fails(unframe(100), "does not unpack");
	}
	buf_reset(&stream);
	sent = 0;
	put_frame(NONE, p, 64, 63);
	fails(unframe(100), "does not unpack");
	buf_reset(&stream);
	sent = 0;
	put_frame(ZSTD, p, 64, 64);
	fails(unframe(100), "does not unpack");
}
END_TEST

START_TEST(an_unknown_method)
{
	put_frame(0x91, "x", 1, 1);
	ck_assert_int_eq(unframe(100), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_ptr_nonnull(strstr(err.text, "0x91"));
}
END_TEST

/* ---- zstd --------------------------------------------------------------------- */

START_TEST(a_zstd_answer)
{
	size_t n = sizes[_i];
	uint8_t *p = malloc(n);
	static const size_t steps[] = { 1000, 262144, 4 << 20 };

	fill(p, n);
	put_answer_zstd(p, n, true);
	put_answer_zstd(p, n, false); /* a second one may follow */
	for (size_t s = 0; s < 6; s++) {
		piece = s < 3 ? SIZE_MAX : 4097;
		sent = 0;
		ck_assert_msg(unzstd(steps[s % 3]) == 0, "%s", err.text);
		ck_assert_uint_eq(got.len, 2 * n);
		ck_assert(memcmp(got.data, p, n) == 0);
		ck_assert(memcmp(got.data + n, p, n) == 0);
	}
	free(p);
}
END_TEST

START_TEST(an_empty_zstd_answer)
{
	ck_assert_int_eq(unzstd(100), 0);
	put_answer_zstd((const uint8_t *)"", 0, true);
	ck_assert_int_eq(unzstd(100), 0);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

START_TEST(each_cut_of_a_zstd_answer_is_noticed)
{
	uint8_t p[3000];
	size_t whole;

	fill(p, sizeof(p));
	put_answer_zstd(p, sizeof(p), true);
	whole = stream.len;
	for (stream.len = 1; stream.len < whole; stream.len++) {
		sent = 0;
		fails(unzstd(100), "middle of compressed data");
	}
}
END_TEST

/* Bits that change nothing (an unused one of the head) aside, what comes out
 * is right or the end is an error. */
START_TEST(no_changed_byte_of_a_zstd_answer_passes)
{
	uint8_t p[3000];

	fill(p, sizeof(p));
	put_answer_zstd(p, sizeof(p), true);
	for (size_t at = 0; at < stream.len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			stream.data[at] ^= (uint8_t)(1u << bit);
			sent = 0;
			if (unzstd(100) == 0) {
				ck_assert_uint_eq(got.len, sizeof(p));
				ck_assert(memcmp(got.data, p, sizeof(p)) == 0);
			}
			stream.data[at] ^= (uint8_t)(1u << bit);
		}
}
END_TEST

START_TEST(a_window_of_half_the_memory_is_refused)
{
	/* magic, no single segment, window of 128 MiB */
	buf_put(&stream, "\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9);
	ck_assert_int_eq(unzstd(100), -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_ptr_nonnull(strstr(err.text, "window"));
}
END_TEST

int
main(void)
{
	const int nsizes = sizeof(sizes) / sizeof(*sizes);
	Suite *s = suite_create("frames");
	TCase *tc = tcase_create("frames");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, frames_of_a_real_server, 0, NSUMS);
	tcase_add_loop_test(tc, each_method_and_size, 0, nsizes);
	tcase_add_test(tc, nothing_is_no_frame);
	tcase_add_test(tc, each_changed_byte_is_noticed);
	tcase_add_test(tc, each_cut_is_noticed);
	tcase_add_test(tc, impossible_sizes);
	tcase_add_test(tc, what_does_not_unpack_to_its_size);
	tcase_add_test(tc, an_unknown_method);
	tcase_add_loop_test(tc, a_zstd_answer, 0, nsizes);
	tcase_add_test(tc, an_empty_zstd_answer);
	tcase_add_test(tc, each_cut_of_a_zstd_answer_is_noticed);
	tcase_add_test(tc, no_changed_byte_of_a_zstd_answer_passes);
	tcase_add_test(tc, a_window_of_half_the_memory_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
