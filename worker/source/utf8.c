/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column of strings is checked as one run of bytes: valid as a whole, with
 * no string beginning inside a character, means that each string is valid.
 */
#include "worker/source/utf8.h"

#include <string.h>

/* Bytes of the valid character at p, 0 when there is none. */
static size_t
character(const uint8_t *p, size_t n)
{
	uint8_t b = p[0], low = 0x80, high = 0xbf;
	size_t len;

	if (b < 0x80)
		return 1;
	if (b >= 0xc2 && b <= 0xdf)
		len = 2;
	else if ((b & 0xf0) == 0xe0)
		len = 3;
	else if (b >= 0xf0 && b <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	if (b == 0xe0)
		low = 0xa0;
	else if (b == 0xed)
		high = 0x9f;
	else if (b == 0xf0)
		low = 0x90;
	else if (b == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t
utf8_prefix(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint64_t eight;
		size_t len;

		if (n - i >= 8) {
			memcpy(&eight, p + i, 8);
			if ((eight & 0x8080808080808080u) == 0) {
				i += 8;
				continue;
			}
		}
		len = character(p + i, n - i);
		if (len == 0)
			break;
		i += len;
	}
	return i;
}

static bool
is_ascii(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any < 0x80;
}

bool
utf8_vec_valid(const struct vec *v)
{
	size_t total = v->n > 0 ? v->offset[v->n] : 0;
	bool split = false;

	if (is_ascii(v->bytes, total))
		return true;
	if (utf8_prefix(v->bytes, total) != total)
		return false;
	for (size_t i = 1; i < v->n; i++)
		if (v->offset[i] < total)
			split |= (v->bytes[v->offset[i]] & 0xc0) == 0x80;
	return !split;
}

size_t
utf8_vec_first_bad(const struct vec *v)
{
	for (size_t i = 0; i < v->n; i++) {
		size_t len = v->offset[i + 1] - v->offset[i];

		if (utf8_prefix(v->bytes + v->offset[i], len) != len)
			return i;
	}
	return v->n;
}

/* How many of the bytes at p stand for one replacement: the longest prefix
 * of a character that could have become valid (Unicode 15, 3.9, "maximal
 * subpart"), at least one. */
static size_t
bad_length(const uint8_t *p, size_t n)
{
	uint8_t b = p[0];
	size_t want = b >= 0xf0 && b <= 0xf4 ? 4 : (b & 0xf0) == 0xe0 ? 3 : 1;
	size_t len = 1;
	uint8_t whole[4] = { b, 0x80, 0x80, 0x80 };

	if (want == 1 || n < 2)
		return 1;
	whole[1] = p[1];
	if (character(whole, want) == 0)
		return 1;
	for (len = 2; len < want && len < n; len++)
		if ((p[len] & 0xc0) != 0x80)
			break;
	return len;
}

static size_t
replace(const uint8_t *p, size_t n, uint8_t *to)
{
	size_t out = 0;

	while (n > 0) {
		size_t good = utf8_prefix(p, n), bad;

		memcpy(to + out, p, good);
		out += good;
		p += good;
		n -= good;
		if (n == 0)
			break;
		memcpy(to + out, "\xef\xbf\xbd", 3);
		out += 3;
		bad = bad_length(p, n);
		p += bad;
		n -= bad;
	}
	return out;
}

static size_t
latin1(const uint8_t *p, size_t n, uint8_t *to)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80) {
			to[out++] = p[i];
		} else {
			to[out++] = (uint8_t)(0xc0 | p[i] >> 6);
			to[out++] = (uint8_t)(0x80 | (p[i] & 0x3f));
		}
	}
	return out;
}

bool
utf8_vec_recode(struct vec *dst, const struct vec *src, enum utf8_policy policy)
{
	size_t total = src->n > 0 ? src->offset[src->n] : 0, at = 0;
	uint32_t *offset = vec_set_offsets(dst, VEC_BYTES, src->n);
	uint8_t *to = vec_set_bytes(dst, total * 3);

	offset[0] = 0;
	for (size_t i = 0; i < src->n; i++) {
		const uint8_t *p = src->bytes + src->offset[i];
		size_t len = src->offset[i + 1] - src->offset[i];

		at += policy == UTF8_LATIN1 ? latin1(p, len, to + at)
					    : replace(p, len, to + at);
		if (at > UINT32_MAX)
			return false;
		offset[i + 1] = (uint32_t)at;
	}
	return true;
}
