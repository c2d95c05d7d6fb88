/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Truncation of text happens at whole characters and only where the text is
 * UTF-8 as far as that takes; anything else is truncated as bytes, which is
 * right for any order of bytes.
 */
#include "worker/parquet/truncate.h"

/* Bytes of the character at p, 0 when there is none: strict, since a bound
 * made from what is not UTF-8 by raising a "character" could be too low. */
static size_t
utf8_length(const uint8_t *p, size_t n)
{
	uint8_t lead = p[0], second = n > 1 ? p[1] : 0;
	size_t len = lead < 0x80 ? 1
	    : lead < 0xC2        ? 0
	    : lead < 0xE0        ? 2
	    : lead < 0xF0        ? 3
	    : lead < 0xF5        ? 4
				 : 0;

	if (len > n || (lead == 0xE0 && second < 0xA0) ||
	    (lead == 0xED && second > 0x9F) ||
	    (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
		return 0;
	for (size_t k = 1; k < len; k++)
		if ((p[k] & 0xC0) != 0x80)
			return 0;
	return len;
}

/* End of the last whole character within most of n bytes; 0 when what is
 * before it is not UTF-8. */
static size_t
utf8_cut(const uint8_t *p, size_t n, size_t most)
{
	size_t at = 0, len;

	while ((len = utf8_length(p + at, n - at)) > 0 && at + len <= most)
		at += len;
	return len > 0 ? at : 0;
}

static size_t
utf8_put(uint8_t *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (uint8_t)(0xC0 | c >> 6);
		to[1] = (uint8_t)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (uint8_t)(0xE0 | c >> 12);
		to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		to[2] = (uint8_t)(0x80 | (c & 0x3F));
		return 3;
	}
	to[0] = (uint8_t)(0xF0 | c >> 18);
	to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
	to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
	to[3] = (uint8_t)(0x80 | (c & 0x3F));
	return 4;
}

/* The last character of n bytes of UTF-8, n > 0, and where it starts. */
static uint32_t
utf8_last(const uint8_t *p, size_t n, size_t *start)
{
	static const uint8_t mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	uint32_t c;

	*start = n - 1;
	while (*start > 0 && (p[*start] & 0xC0) == 0x80)
		(*start)--;
	c = p[*start] & mask[n - *start <= 4 ? n - *start : 0];
	for (size_t k = *start + 1; k < n; k++)
		c = c << 6 | (p[k] & 0x3F);
	return c;
}

/* Raises the last character that can be; false when none can. */
static bool
utf8_increment(struct buf *b)
{
	while (b->len > 0) {
		size_t start;
		uint32_t c = utf8_last(b->data, b->len, &start);
		uint8_t next[4];

		b->len = start;
		if (c >= 0x10FFFF)
			continue;
		/* surrogates are no characters */
		c = c == 0xD7FF ? 0xE000 : c + 1;
		buf_put(b, next, utf8_put(next, c));
		return true;
	}
	return false;
}

static bool
bytes_increment(struct buf *b)
{
	while (b->len > 0) {
		if (b->data[b->len - 1] != 0xFF) {
			b->data[b->len - 1]++;
			return true;
		}
		b->len--;
	}
	return false;
}

void
truncate_lower(
    const uint8_t *p, size_t n, size_t most, bool text, struct buf *out)
{
	size_t cut = text ? utf8_cut(p, n, most) : 0;

	buf_put(out, p, cut > 0 ? cut : most);
}

bool
truncate_upper(
    const uint8_t *p, size_t n, size_t most, bool text, struct buf *out)
{
	size_t cut = text ? utf8_cut(p, n, most) : 0;

	buf_put(out, p, cut > 0 ? cut : most);
	return cut > 0 ? utf8_increment(out) : bytes_increment(out);
}
