/* SPDX-License-Identifier: Apache-2.0 */
/* RLE / bit-packed hybrid, judged by a decoder that works bit by bit. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/run_suite.h"
#include "worker/parquet/levels.h"

static uint64_t state = 1;

static uint32_t
dice(uint32_t sides)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % sides;
}

/* Decodes all there is; the number of values, padding included. */
static size_t
slow_decode(
    const uint8_t *p, size_t n, unsigned width, uint32_t *out, size_t room)
{
	size_t at = 0, count = 0;

	while (at < n) {
		uint64_t head = 0;
		unsigned shift = 0;

		do {
			must(at < n);
			head |= (uint64_t)(p[at] & 0x7f) << shift;
			shift += 7;
		} while ((p[at++] & 0x80) != 0);
		if ((head & 1) == 0) {
			uint32_t v = 0;

			for (unsigned b = 0; b < (width + 7) / 8; b++)
				v |= (uint32_t)p[at++] << (8 * b);
			for (uint64_t k = 0; k < head >> 1; k++) {
				must(count < room);
				out[count++] = v;
			}
			continue;
		}
		for (uint64_t k = 0; k < (head >> 1) * 8; k++) {
			uint32_t v = 0;

			for (unsigned b = 0; b < width; b++) {
				size_t bit = k * width + b;

				must(at + bit / 8 < n);
				v |=
				    (uint32_t)(p[at + bit / 8] >> (bit % 8) & 1)
				    << b;
			}
			must(count < room);
			out[count++] = v;
		}
		at += (head >> 1) * width;
	}
	ck_assert_uint_eq(at, n);
	return count;
}

enum { MOST = 5000 };
static uint32_t words[MOST], back[MOST + 8];
static uint8_t bytes[MOST];

static void
check_words(size_t n, unsigned width)
{
	struct buf b = { 0 };
	struct cursor c;
	size_t got;

	rle_put_u32(&b, words, n, width);
	got = slow_decode(b.data, b.len, width, back, MOST + 8);
	ck_assert_uint_ge(got, n);
	ck_assert_uint_lt(got, n + 8);
	ck_assert_mem_eq(back, words, n * sizeof(*words));
	memset(back, 0xee, sizeof(back));
	c = cursor_of(b.data, b.len);
	ck_assert(rle_get_u32(&c, width, UINT32_MAX, back, n));
	ck_assert_mem_eq(back, words, n * sizeof(*words));
	buf_clear(&b);
}

START_TEST(words_of_every_width_survive)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 15, 16, 17, 100, 1000,
		MOST };

	for (unsigned width = 0; width <= 32; width++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
			uint32_t top =
			    width == 32 ? UINT32_MAX : (1u << width) - 1;
			uint32_t v = 0;

			for (size_t k = 0; k < sizes[s]; k++) {
				if (dice(1 + dice(30)) == 0)
					v = (dice(1 << 16) << 16 |
						dice(1 << 16)) &
					    top;
				words[k] = k % 97 == 0 ? top : v;
			}
			check_words(sizes[s], width);
		}
	}
}
END_TEST

START_TEST(runs_at_every_offset_survive)
{
	for (size_t before = 0; before < 20; before++) {
		for (size_t run = 1; run < 30; run++) {
			size_t n = 0;

			for (size_t k = 0; k < before; k++)
				words[n++] = (uint32_t)(k % 3);
			for (size_t k = 0; k < run; k++)
				words[n++] = 5;
			for (size_t k = 0; k < 11; k++)
				words[n++] = (uint32_t)(k % 2);
			check_words(n, 3);
		}
	}
}
END_TEST

START_TEST(bytes_give_the_same_as_words)
{
	for (unsigned width = 0; width <= 8; width++) {
		struct buf a = { 0 }, b = { 0 };

		for (size_t k = 0; k < MOST; k++) {
			words[k] = dice(4) == 0 ? dice(1u << width)
			    : k > 0             ? words[k - 1]
						: 0;
			bytes[k] = (uint8_t)words[k];
		}
		rle_put_u32(&a, words, MOST, width);
		rle_put_u8(&b, bytes, MOST, width);
		ck_assert_uint_eq(a.len, b.len);
		ck_assert_mem_eq(a.data, b.data, a.len);
		buf_clear(&a);
		buf_clear(&b);
	}
}
END_TEST

/* Encodings.md: 0..7 with width 3 is 10001000 11000110 11111010. */
START_TEST(example_of_the_specification)
{
	struct buf b = { 0 };
	static const uint8_t want[] = { 3, 0x88, 0xC6, 0xFA };

	for (uint32_t k = 0; k < 8; k++)
		words[k] = k;
	rle_put_u32(&b, words, 8, 3);
	ck_assert_uint_eq(b.len, sizeof(want));
	ck_assert_mem_eq(b.data, want, sizeof(want));
	buf_clear(&b);
}
END_TEST

START_TEST(levels_have_their_length_before)
{
	struct buf b = { 0 };
	uint32_t size;

	memset(bytes, 1, MOST);
	buf_put_u8(&b, 9);
	levels_put(&b, bytes, MOST, 1);
	memcpy(&size, b.data + 1, 4);
	ck_assert_uint_eq(size, b.len - 5);
	ck_assert_uint_eq(size, 3); /* varint of 10000, one byte of value */
	buf_clear(&b);
}
END_TEST

START_TEST(widths)
{
	ck_assert_uint_eq(bit_width(0), 0);
	ck_assert_uint_eq(bit_width(1), 1);
	ck_assert_uint_eq(bit_width(2), 2);
	ck_assert_uint_eq(bit_width(255), 8);
	ck_assert_uint_eq(bit_width(256), 9);
	ck_assert_uint_eq(bit_width(UINT32_MAX), 32);
}
END_TEST

START_TEST(malformed_runs_are_refused)
{
	static const struct {
		uint8_t bytes[12];
		size_t n;
		unsigned width;
		uint32_t highest;
	} bad[] = {
		{ { 0 }, 0, 1, 1 },          /* nothing */
		{ { 0, 0 }, 2, 1, 1 },       /* a run of none */
		{ { 1 }, 1, 1, 1 },          /* no groups */
		{ { 0x80, 0x80 }, 2, 1, 1 }, /* half a varint */
		{ { 20 }, 1, 1, 1 },         /* no value */
		{ { 20, 2 }, 2, 2, 1 },      /* too high */
		{ { 3 }, 1, 1, 1 },          /* no group bytes */
		{ { 4, 1 }, 2, 1, 1 },       /* too few */
		{ { 20, 0 }, 2, 33, 1 },     /* width */
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
		      0 },
		    11, 32, 1 }, /* 2^63 groups */
	};

	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		struct cursor c = cursor_of(bad[k].bytes, bad[k].n);

		ck_assert_msg(
		    !rle_get_u32(&c, bad[k].width, bad[k].highest, back, 10),
		    "case %zu", k);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("levels");
	TCase *tc = tcase_create("levels");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, words_of_every_width_survive);
	tcase_add_test(tc, runs_at_every_offset_survive);
	tcase_add_test(tc, bytes_give_the_same_as_words);
	tcase_add_test(tc, example_of_the_specification);
	tcase_add_test(tc, levels_have_their_length_before);
	tcase_add_test(tc, widths);
	tcase_add_test(tc, malformed_runs_are_refused);
	return run_suite(s);
}
