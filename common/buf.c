/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers with a maximum, and bounds-checked reading. */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/xalloc.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "integers are copied as they lie in memory");

enum { BUF_FIRST = 256 };

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t max = b->max > 0 ? b->max : BUF_MAX_DEFAULT, cap;

	if (b->over || n > max || b->len > max - n) {
		b->over = true;
		return NULL;
	}
	if (b->cap - b->len < n || b->data == NULL) {
		cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
		while (cap - b->len < n)
			cap += cap / 2;
		if (cap > max)
			cap = max;
		b->data = xreallocarray(b->data, cap, 1);
		b->cap = cap;
	}
	return b->data + b->len;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to = buf_reserve(b, n);

	if (to == NULL || n == 0)
		return;
	memcpy(to, p, n);
	b->len += n;
}

void
buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	char *to;
	int n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = (char *)buf_reserve(b, (size_t)n + 1)) == NULL) {
		b->over = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *
buf_cstr(struct buf *b)
{
	uint8_t *end = buf_reserve(b, 1);

	if (end == NULL)
		return "";
	*end = '\0';
	return (const char *)b->data;
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, sizeof v);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	buf_put(b, &v, sizeof v);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	buf_put(b, &v, sizeof v);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	buf_put(b, &v, sizeof v);
}

void
buf_put_varint(struct buf *b, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	buf_put(b, out, n);
}

void
buf_put_zigzag(struct buf *b, int64_t v)
{
	buf_put_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void
buf_put_lbytes(struct buf *b, const void *p, size_t n)
{
	if (n >= UINT32_MAX) {
		b->over = true;
		return;
	}
	buf_put_u32(b, (uint32_t)n);
	buf_put(b, p, n);
}

void
buf_put_lstr(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_put_u32(b, UINT32_MAX);
	else
		buf_put_lbytes(b, s, strlen(s));
}

struct cursor
cursor_of(const void *p, size_t n)
{
	static const uint8_t nothing[1];
	const uint8_t *from = p != NULL ? p : nothing;

	return (struct cursor){ .p = from, .end = from + (p != NULL ? n : 0) };
}

size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

const uint8_t *
cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (c->bad || n > cursor_left(c)) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return at;
}

#define CURSOR_GET(name, type)                                \
	type name(struct cursor *c)                           \
	{                                                     \
		type v = 0;                                   \
		const uint8_t *at = cursor_take(c, sizeof v); \
                                                              \
		if (at != NULL)                               \
			memcpy(&v, at, sizeof v);             \
		return v;                                     \
	}

CURSOR_GET(cursor_u8, uint8_t)
CURSOR_GET(cursor_u16, uint16_t)
CURSOR_GET(cursor_u32, uint32_t)
CURSOR_GET(cursor_u64, uint64_t)

uint64_t
cursor_varint(struct cursor *c)
{
	uint64_t v = 0;
	uint8_t byte;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		byte = cursor_u8(c);
		if (c->bad || (shift == 63 && byte > 1))
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return v;
	}
	c->bad = true;
	return 0;
}

int64_t
cursor_zigzag(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

char *
cursor_lstr(struct cursor *c, size_t max)
{
	uint32_t n = cursor_u32(c);
	const uint8_t *at;

	if (c->bad || n == UINT32_MAX)
		return NULL;
	if (n > max || (at = cursor_take(c, n)) == NULL ||
	    memchr(at, '\0', n) != NULL) {
		c->bad = true;
		return NULL;
	}
	return xstrndup((const char *)at, n);
}
