/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hybrid encoding. The encoder is one macro for bytes (levels) and for 32-bit
 * words (dictionary indices), so that neither is widened first.
 */
#include "worker/parquet/levels.h"

#include <assert.h>
#include <string.h>

unsigned
bit_width(uint32_t highest)
{
	return highest == 0 ? 0 : 32 - (unsigned)__builtin_clz(highest);
}

/*
 * RLE_CODER(name, type): name(buf, values, n, width).
 *
 * run_of() counts equal values from `at`. A group of eight equal values ends
 * the bit-packed stretch before it; other groups are packed as they come.
 */
#define RLE_CODER(name, type)                                                  \
	static size_t name##_run_of(const type *v, size_t at, size_t n)        \
	{                                                                      \
		size_t end = at + 1;                                           \
                                                                               \
		while (end < n && v[end] == v[at])                             \
			end++;                                                 \
		return end - at;                                               \
	}                                                                      \
                                                                               \
	static bool name##_group_equal(const type *v)                          \
	{                                                                      \
		type differ = 0;                                               \
                                                                               \
		for (unsigned k = 1; k < 8; k++)                               \
			differ |= (type)(v[k] ^ v[0]);                         \
		return differ == 0;                                            \
	}                                                                      \
                                                                               \
	static uint8_t *name##_pack8(                                          \
	    uint8_t *to, const type *v, unsigned width)                        \
	{                                                                      \
		uint64_t acc = 0;                                              \
		unsigned bits = 0;                                             \
                                                                               \
		for (unsigned k = 0; k < 8; k++) {                             \
			acc |= (uint64_t)v[k] << bits;                         \
			bits += width;                                         \
			while (bits >= 8) {                                    \
				*to++ = (uint8_t)acc;                          \
				acc >>= 8;                                     \
				bits -= 8;                                     \
			}                                                      \
		}                                                              \
		return to;                                                     \
	}                                                                      \
                                                                               \
	static void name##_packed(                                             \
	    struct buf *out, const type *v, size_t n, unsigned width)          \
	{                                                                      \
		size_t groups = (n + 7) / 8, whole = n / 8;                    \
		uint8_t *to;                                                   \
                                                                               \
		buf_put_varint(out, (uint64_t)groups << 1 | 1);                \
		if ((to = buf_reserve(out, groups * width)) == NULL)           \
			return;                                                \
		for (size_t g = 0; g < whole; g++)                             \
			to = name##_pack8(to, v + 8 * g, width);               \
		if (whole < groups) {                                          \
			type last[8] = { 0 };                                  \
                                                                               \
			memcpy(                                                \
			    last, v + 8 * whole, (n - 8 * whole) * sizeof *v); \
			name##_pack8(to, last, width);                         \
		}                                                              \
		out->len += groups * width;                                    \
	}                                                                      \
                                                                               \
	void name(struct buf *out, const type *v, size_t n, unsigned width)    \
	{                                                                      \
		size_t at = 0, from;                                           \
                                                                               \
		assert(width <= 8 * sizeof(type));                             \
		while (at < n) {                                               \
			size_t run = name##_run_of(v, at, n);                  \
                                                                               \
			if (run >= 8 || run == n - at) {                       \
				uint32_t value = v[at];                        \
                                                                               \
				buf_put_varint(out, (uint64_t)run << 1);       \
				buf_put(out, &value, (width + 7) / 8);         \
				at += run;                                     \
				continue;                                      \
			}                                                      \
			from = at;                                             \
			do                                                     \
				at += 8;                                       \
			while (at + 8 <= n && !name##_group_equal(v + at));    \
			if (at + 8 > n)                                        \
				at = n;                                        \
			name##_packed(out, v + from, at - from, width);        \
		}                                                              \
	}

RLE_CODER(rle_put_u8, uint8_t)
RLE_CODER(rle_put_u32, uint32_t)

void
levels_put(struct buf *out, const uint8_t *v, size_t n, uint8_t highest)
{
	size_t at = out->len;
	uint32_t size;

	buf_put_u32(out, 0);
	rle_put_u8(out, v, n, bit_width(highest));
	if (out->over)
		return;
	size = (uint32_t)(out->len - at - sizeof(size));
	memcpy(out->data + at, &size, sizeof(size));
}

static bool
get_packed(
    struct cursor *c, uint64_t groups, unsigned width, uint32_t *out, size_t n)
{
	uint64_t mask = ((uint64_t)1 << width) - 1, acc = 0;
	const uint8_t *p;
	unsigned bits = 0;
	size_t bytes;

	/* writers may leave the padding of the last group away */
	if (groups > SIZE_MAX / 8 / 32)
		return false;
	bytes = groups * width;
	if (bytes > cursor_left(c))
		bytes = cursor_left(c);
	if ((uint64_t)bytes * 8 < (uint64_t)n * width ||
	    (p = cursor_take(c, bytes)) == NULL)
		return false;
	for (size_t k = 0; k < n; k++) {
		while (bits < width) {
			acc |= (uint64_t)*p++ << bits;
			bits += 8;
		}
		out[k] = (uint32_t)(acc & mask);
		acc >>= width;
		bits -= width;
	}
	return true;
}

static bool
get_run(struct cursor *c, unsigned width, uint32_t *out, size_t n)
{
	const uint8_t *p = cursor_take(c, (width + 7) / 8);
	uint32_t v = 0;

	if (p == NULL)
		return false;
	memcpy(&v, p, (width + 7) / 8);
	for (size_t k = 0; k < n; k++)
		out[k] = v;
	return true;
}

bool
rle_get_u32(
    struct cursor *c, unsigned width, uint32_t highest, uint32_t *out, size_t n)
{
	uint32_t most = 0;

	if (width > 32)
		return false;
	for (size_t at = 0; at < n;) {
		uint64_t head = cursor_varint(c), count = head >> 1;
		bool packed = (head & 1) != 0;

		if (c->bad || count == 0)
			return false;
		if (packed && count > n)
			count = n; /* more is checked against bytes */

		uint64_t values = packed ? count * 8 : count;
		size_t take = values < n - at ? (size_t)values : n - at;

		if (packed ? !get_packed(c, head >> 1, width, out + at, take)
			   : !get_run(c, width, out + at, take))
			return false;
		at += take;
	}
	for (size_t k = 0; k < n; k++)
		most = out[k] > most ? out[k] : most;
	return n == 0 || most <= highest;
}
