/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PLAIN booleans, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY and
 * BYTE_STREAM_SPLIT.
 *
 * Delta: blocks of 128 differences in four miniblocks of 32. Arithmetic wraps
 * modulo 2^32 or 2^64, as readers' does; the last miniblock is padded, those
 * after it have width 0 and no bytes.
 */
#include "worker/parquet/encodings.h"

#include <assert.h>
#include <string.h>

enum { DELTA_BLOCK = 128, DELTA_MINIS = 4, DELTA_MINI = 32 };

void
plain_put_bools(struct buf *out, const uint8_t *v, size_t n)
{
	size_t size = (n + 7) / 8;
	uint8_t *to = buf_reserve(out, size);

	if (to == NULL)
		return;
	for (size_t k = 0; k < n / 8; k++) {
		uint8_t bits = 0;

		for (unsigned b = 0; b < 8; b++)
			bits |= (uint8_t)((v[8 * k + b] != 0) << b);
		to[k] = bits;
	}
	if (n % 8 != 0) {
		uint8_t bits = 0;

		for (unsigned b = 0; b < n % 8; b++)
			bits |= (uint8_t)((v[n / 8 * 8 + b] != 0) << b);
		to[n / 8] = bits;
	}
	out->len += size;
}

/* 32 values of width bits: 4 * width bytes. */
static uint8_t *
pack32(uint8_t *to, const uint64_t *v, unsigned width)
{
	uint64_t acc = 0;
	unsigned bits = 0;

	if (width == 0)
		return to;
	for (unsigned k = 0; k < DELTA_MINI; k++) {
		acc |= v[k] << bits;
		bits += width;
		if (bits >= 64) {
			memcpy(to, &acc, 8);
			to += 8;
			bits -= 64;
			/* what did not fit; a shift by 64 is undefined */
			acc = bits > 0 ? v[k] >> (width - bits) : 0;
		}
	}
	if (bits > 0) { /* 32 * width bits: half a word at most */
		memcpy(to, &acc, 4);
		to += 4;
	}
	return to;
}

static void
put_block(struct buf *out, uint64_t *delta, size_t n, unsigned width)
{
	int64_t least = INT64_MAX;
	uint8_t widths[DELTA_MINIS] = { 0 }, *to;

	for (size_t k = 0; k < n; k++) {
		/* the difference as the readers' type sees it */
		int64_t d = width == 4 ? (int32_t)(uint32_t)delta[k]
				       : (int64_t)delta[k];

		least = d < least ? d : least;
	}
	for (size_t k = 0; k < n; k++) {
		delta[k] -= (uint64_t)least;
		if (width == 4)
			delta[k] &= UINT32_MAX;
	}
	memset(delta + n, 0, (DELTA_BLOCK - n) * sizeof(*delta));
	for (unsigned m = 0; m < DELTA_MINIS; m++) {
		uint64_t any = 0;

		for (unsigned k = 0; k < DELTA_MINI; k++)
			any |= delta[m * DELTA_MINI + k];
		widths[m] = any == 0 ? 0 : (uint8_t)(64 - __builtin_clzll(any));
	}
	buf_put_zigzag(out, least);
	buf_put(out, widths, sizeof(widths));
	if ((to = buf_reserve(out, DELTA_BLOCK * 8)) == NULL)
		return;
	uint8_t *from = to;
	for (unsigned m = 0; m < DELTA_MINIS; m++)
		to = pack32(to, delta + m * DELTA_MINI, widths[m]);
	out->len += (size_t)(to - from);
}

static uint64_t
value_at(const uint8_t *p, size_t k, unsigned width)
{
	uint64_t v;
	int32_t narrow;

	if (width == 8) {
		memcpy(&v, p + 8 * k, 8);
		return v;
	}
	memcpy(&narrow, p + 4 * k, 4);
	return (uint64_t)(int64_t)narrow;
}

void
delta_put(struct buf *out, const void *values, size_t n, unsigned width)
{
	const uint8_t *p = values;
	uint64_t delta[DELTA_BLOCK], last;

	assert(width == 4 || width == 8);
	buf_put_varint(out, DELTA_BLOCK);
	buf_put_varint(out, DELTA_MINIS);
	buf_put_varint(out, n);
	last = n > 0 ? value_at(p, 0, width) : 0;
	buf_put_zigzag(out, (int64_t)last);
	for (size_t at = 1; at < n;) {
		size_t take = n - at < DELTA_BLOCK ? n - at : DELTA_BLOCK;

		for (size_t k = 0; k < take; k++) {
			uint64_t v = value_at(p, at + k, width);

			delta[k] = v - last;
			last = v;
		}
		put_block(out, delta, take, width);
		at += take;
	}
}

void
split_put(struct buf *out, const uint8_t *v, size_t n, unsigned width)
{
	uint8_t *to = buf_reserve(out, n * width);

	if (to == NULL)
		return;
	for (unsigned b = 0; b < width; b++)
		for (size_t k = 0; k < n; k++)
			to[b * n + k] = v[k * width + b];
	out->len += n * width;
}

void
delta_length_put(struct buf *out, const uint8_t *plain, size_t size, size_t n)
{
	const uint8_t *p = plain, *end = plain + size;
	struct buf lengths = { 0 };
	uint32_t len;
	uint8_t *to;

	if (buf_reserve(&lengths, n * sizeof(len)) == NULL) {
		out->over = true;
		return;
	}
	for (size_t k = 0; k < n; k++, p += sizeof(len) + len) {
		assert((size_t)(end - p) >= sizeof(len));
		memcpy(&len, p, sizeof(len));
		assert((size_t)(end - p) - sizeof(len) >= len);
		buf_put_u32(&lengths, len);
	}
	delta_put(out, lengths.data, n, sizeof(len));
	buf_clear(&lengths);
	if ((to = buf_reserve(out, size)) == NULL)
		return;
	p = plain;
	for (size_t k = 0; k < n; k++, p += sizeof(len) + len) {
		memcpy(&len, p, sizeof(len));
		memcpy(to, p + sizeof(len), len);
		to += len;
		out->len += len;
	}
}

/* ---- reading --------------------------------------------------------------- */

static bool
unpack(struct cursor *c, unsigned width, uint64_t *out, size_t n)
{
	const uint8_t *p = cursor_take(c, (n * width + 7) / 8);
	uint64_t mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
	size_t bit = 0;

	if (p == NULL)
		return false;
	for (size_t k = 0; k < n; k++) {
		uint64_t v = 0;

		for (unsigned got = 0; got < width;) {
			unsigned from = bit % 8, take = 8 - from;

			if (take > width - got)
				take = width - got;
			v |= (uint64_t)(p[bit / 8] >> from & ((1u << take) - 1))
			    << got;
			got += take;
			bit += take;
		}
		out[k] = v & mask;
	}
	return true;
}

struct delta_in {
	unsigned width; /* bytes of the column's type */
	size_t mini;    /* values in a miniblock */
	unsigned minis; /* per block */
	uint64_t last;
};

/* One block: up to n values into out, the count in *got. */
static bool
get_block(
    struct cursor *c, struct delta_in *d, int64_t *out, size_t n, size_t *got)
{
	uint64_t least = (uint64_t)cursor_zigzag(c), delta[DELTA_MINI];
	const uint8_t *widths = cursor_take(c, d->minis);

	*got = 0;
	if (widths == NULL)
		return false;
	for (unsigned m = 0; m < d->minis && *got < n; m++) {
		if (widths[m] > 8 * d->width)
			return false;
		for (size_t at = 0; at < d->mini; at += DELTA_MINI) {
			size_t left = n - *got;

			if (!unpack(c, widths[m], delta, DELTA_MINI))
				return false;
			for (size_t k = 0; k < DELTA_MINI && k < left; k++) {
				d->last += least + delta[k];
				*out++ = d->width == 4
				    ? (int32_t)(uint32_t)d->last
				    : (int64_t)d->last;
			}
			*got += left < DELTA_MINI ? left : DELTA_MINI;
		}
	}
	return true;
}

bool
delta_get(struct cursor *c, unsigned width, int64_t *out, size_t n)
{
	uint64_t block = cursor_varint(c), minis = cursor_varint(c);
	uint64_t total = cursor_varint(c), per;
	int64_t first = cursor_zigzag(c);
	struct delta_in d = { .width = width, .last = (uint64_t)first };

	if (c->bad || total != n || block == 0 || block % DELTA_BLOCK != 0 ||
	    block > 1 << 20 || minis == 0 || minis > block)
		return false;
	per = block / minis;
	if (per * minis != block || per % DELTA_MINI != 0)
		return false;
	d.mini = (size_t)per;
	d.minis = (unsigned)minis;
	if (n > 0)
		out[0] = width == 4 ? (int32_t)(uint32_t)d.last : first;
	for (size_t at = 1, got; at < n; at += got)
		if (!get_block(c, &d, out + at, n - at, &got))
			return false;
	return true;
}
