/* SPDX-License-Identifier: Apache-2.0 */
/* Value encodings and the page checksum, judged by slow decoders. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/run_suite.h"
#include "worker/parquet/crc.h"
#include "worker/parquet/encodings.h"

static uint64_t state = 7;

static uint64_t
dice(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t
varint(const uint8_t **p)
{
	uint64_t v = 0;
	unsigned shift = 0;

	do {
		v |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while ((*(*p)++ & 0x80) != 0);
	return v;
}

static uint64_t
zigzag(const uint8_t **p)
{
	uint64_t v = varint(p);

	return v >> 1 ^ (0 - (v & 1));
}

static uint64_t
bits(const uint8_t *p, size_t at, unsigned width)
{
	uint64_t v = 0;

	for (unsigned b = 0; b < width; b++)
		v |= (uint64_t)(p[(at + b) / 8] >> ((at + b) % 8) & 1) << b;
	return v;
}

/* Values modulo 2^64; the number of bytes read. */
static size_t
slow_delta(const uint8_t *from, uint64_t *out, size_t n)
{
	const uint8_t *p = from;
	uint64_t block = varint(&p), minis = varint(&p), total = varint(&p);
	uint64_t last = zigzag(&p);
	size_t per = block / minis, count = 0;

	ck_assert_uint_eq(block % 128, 0);
	ck_assert_uint_eq(per % 32, 0);
	ck_assert_uint_eq(total, n);
	if (n > 0)
		out[count++] = last;
	while (count < n) {
		uint64_t least = zigzag(&p);
		const uint8_t *widths = p;

		p += minis;
		for (size_t m = 0; m < minis; m++) {
			if (count >= n) {
				ck_assert_uint_eq(widths[m], 0);
				continue;
			}
			for (size_t k = 0; k < per && count < n; k++)
				out[count++] = last +=
				    least + bits(p, k * widths[m], widths[m]);
			p += per * widths[m] / 8;
		}
	}
	return (size_t)(p - from);
}

enum { MOST = 1000 };

static void
check_delta(const int64_t *values, size_t n, unsigned width)
{
	struct buf b = { 0 };
	uint8_t plain[MOST * 8 + 1] = { 0 };
	uint64_t slow[MOST + 1];
	int64_t back[MOST + 1];
	struct cursor c;

	for (size_t k = 0; k < n; k++)
		memcpy(plain + k * width, &values[k], width);
	delta_put(&b, plain, n, width);
	ck_assert_uint_eq(slow_delta(b.data, slow, n), b.len);
	for (size_t k = 0; k < n; k++)
		ck_assert_mem_eq(&slow[k], plain + k * width, width);
	c = cursor_of(b.data, b.len);
	ck_assert(delta_get(&c, width, back, n));
	ck_assert_uint_eq(cursor_left(&c), 0);
	for (size_t k = 0; k < n; k++)
		ck_assert_int_eq(
		    back[k], width == 4 ? (int32_t)values[k] : values[k]);
	for (size_t cut = 0; cut < b.len && n < 200; cut++) {
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, b.data, cut);
		c = cursor_of(copy, cut);
		ck_assert(!delta_get(&c, width, back, n));
		free(copy);
	}
	buf_clear(&b);
}

START_TEST(deltas_of_any_numbers_survive)
{
	static const size_t sizes[] = { 0, 1, 2, 31, 32, 33, 34, 127, 128, 129,
		130, 256, 257, MOST };
	int64_t v[MOST];

	for (unsigned shift = 0; shift < 64; shift++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
			for (size_t k = 0; k < sizes[s]; k++)
				v[k] = (int64_t)(dice() >> shift);
			check_delta(v, sizes[s], 8);
			check_delta(v, sizes[s], 4);
		}
	}
}
END_TEST

START_TEST(deltas_wrap_at_the_extremes)
{
	static const int64_t ends[] = { INT64_MIN, INT64_MAX, 0, -1, 1,
		INT32_MIN, INT32_MAX };
	int64_t v[300];

	for (size_t k = 0; k < 300; k++)
		v[k] = k % 2 != 0 ? INT64_MAX : INT64_MIN;
	check_delta(v, 300, 8);
	for (size_t k = 0; k < 300; k++)
		v[k] = k % 2 != 0 ? INT32_MAX : INT32_MIN;
	check_delta(v, 300, 4);
	for (size_t k = 0; k < 300; k++)
		v[k] = ends[dice() % 7];
	check_delta(v, 300, 8);
	check_delta(v, 300, 4);
}
END_TEST

/* Encodings.md, example 2: 7 5 3 1 2 3 4 5 has deltas -2 -2 -2 1 1 1 1,
 * least -2, so 0 0 0 3 3 3 3 in 2 bits. */
START_TEST(delta_example_of_the_specification)
{
	static const int32_t v[] = { 7, 5, 3, 1, 2, 3, 4, 5 };
	static const uint8_t want[] = { 0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0,
		0x3F, 0, 0, 0, 0, 0, 0 };
	struct buf b = { 0 };

	delta_put(&b, v, 8, 4);
	ck_assert_uint_eq(b.len, sizeof(want));
	ck_assert_mem_eq(b.data, want, sizeof(want));
	buf_clear(&b);
}
END_TEST

START_TEST(hostile_deltas_are_refused)
{
	static const uint8_t bad[][16] = {
		{ 0, 4, 8, 0 },                       /* block of none */
		{ 0x80, 1, 0, 8, 0 },                 /* no miniblocks */
		{ 0x80, 1, 3, 8, 0 },                 /* uneven */
		{ 0x80, 1, 8, 8, 0 },                 /* miniblocks of 16 */
		{ 0x80, 1, 4, 9, 0 },                 /* another count */
		{ 0x80, 1, 4, 8, 0, 0, 65, 0, 0, 0 }, /* width 65 */
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 8 },
	};
	int64_t out[8];

	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		struct cursor c = cursor_of(bad[k], sizeof(bad[k]));

		ck_assert_msg(!delta_get(&c, 8, out, 8), "case %zu", k);
	}
}
END_TEST

START_TEST(booleans_are_packed_lowest_first)
{
	static const uint8_t v[] = { 1, 0, 0, 2, 0, 0, 0, 255, 1, 1 };
	struct buf b = { 0 };

	plain_put_bools(&b, v, 10);
	ck_assert_uint_eq(b.len, 2);
	ck_assert_uint_eq(b.data[0], 0x89);
	ck_assert_uint_eq(b.data[1], 3);
	buf_clear(&b);
	plain_put_bools(&b, v, 8);
	ck_assert_uint_eq(b.len, 1);
	buf_clear(&b);
}
END_TEST

/* Encodings.md, "Byte Stream Split": three FLOATs. */
START_TEST(streams_are_split)
{
	static const uint8_t v[] = { 0xAA, 0xBB, 0xCC, 0xDD, 0x00, 0x11, 0x22,
		0x33, 0xA3, 0xB4, 0xC5, 0xD6 };
	static const uint8_t want[] = { 0xAA, 0x00, 0xA3, 0xBB, 0x11, 0xB4,
		0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6 };
	struct buf b = { 0 };

	split_put(&b, v, 3, 4);
	ck_assert_uint_eq(b.len, sizeof(want));
	ck_assert_mem_eq(b.data, want, sizeof(want));
	buf_clear(&b);
}
END_TEST

/* Encodings.md: "Hello", "World", "Foobar", "ABCDEF" -> lengths 5 5 6 6. */
START_TEST(lengths_stand_before_bytes)
{
	static const char *const words[] = { "Hello", "World", "", "Foobar",
		"ABCDEF" };
	struct buf plain = { 0 }, b = { 0 };
	uint64_t lengths[5];
	size_t at;

	for (size_t k = 0; k < 5; k++)
		buf_put_lstr(&plain, words[k]);
	delta_length_put(&b, plain.data, plain.len, 5);
	at = slow_delta(b.data, lengths, 5);
	for (size_t k = 0; k < 5; k++)
		ck_assert_uint_eq(lengths[k], strlen(words[k]));
	ck_assert_uint_eq(b.len - at, 22);
	ck_assert_mem_eq(b.data + at, "HelloWorldFoobarABCDEF", 22);
	buf_clear(&b);
	buf_clear(&plain);
}
END_TEST

START_TEST(checksums)
{
	uint8_t data[1000];
	uint32_t whole;

	ck_assert_uint_eq(crc32_add(0, "123456789", 9), 0xCBF43926);
	ck_assert_uint_eq(crc32_add(0, "", 0), 0);
	ck_assert_uint_eq(crc32_add(0,
			      "The quick brown fox jumps over the "
			      "lazy dog",
			      43),
	    0x414FA339);
	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)dice();
	whole = crc32_add(0, data, sizeof(data));
	for (size_t k = 0; k < sizeof(data); k++)
		ck_assert_uint_eq(crc32_add(crc32_add(0, data, k), data + k,
				      sizeof(data) - k),
		    whole);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("encodings");
	TCase *tc = tcase_create("encodings");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, deltas_of_any_numbers_survive);
	tcase_add_test(tc, deltas_wrap_at_the_extremes);
	tcase_add_test(tc, delta_example_of_the_specification);
	tcase_add_test(tc, hostile_deltas_are_refused);
	tcase_add_test(tc, booleans_are_packed_lowest_first);
	tcase_add_test(tc, streams_are_split);
	tcase_add_test(tc, lengths_stand_before_bytes);
	tcase_add_test(tc, checksums);
	return run_suite(s);
}
