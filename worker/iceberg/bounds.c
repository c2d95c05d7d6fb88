/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Truncation, soundness and order of single-value serialized bounds.
 *
 * Text is cut by code points (never UTF-16 units), binary by bytes. An upper
 * bound that was cut is raised: the rightmost unit that can grow grows by one
 * and what follows is dropped, so that it is above every value it stands for.
 */
#include <string.h>

#include "worker/iceberg/bounds.h"

enum { CODE_POINT_MAX = 0x10ffff };

static float
float_of(const uint8_t *p)
{
	float f;

	memcpy(&f, p, sizeof(f));
	return f;
}

static double
double_of(const uint8_t *p)
{
	double d;

	memcpy(&d, p, sizeof(d));
	return d;
}

bool
value_is_nan(const struct type *type, const uint8_t *p, size_t n)
{
	if (type->kind == TYPE_FLOAT && n == 4)
		return float_of(p) != float_of(p);
	if (type->kind == TYPE_DOUBLE && n == 8)
		return double_of(p) != double_of(p);
	return false;
}

/* Code point at p, *n its bytes; -1 when what is there is not UTF-8. */
static int32_t
utf8_get(const uint8_t *p, size_t left, size_t *n)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t c = p[0];

	*n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (*n == 1)
		return c;
	if (c < 0xc2 || c > 0xf4 || *n > left)
		return -1;
	int32_t cp = c & (0xff >> (*n + 1));
	for (size_t i = 1; i < *n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[*n] || cp > CODE_POINT_MAX ||
	    (cp >= 0xd800 && cp <= 0xdfff))
		return -1;
	return cp;
}

static void
utf8_put(struct buf *out, int32_t cp)
{
	if (cp < 0x80) {
		buf_put_u8(out, (uint8_t)cp);
		return;
	}
	if (cp < 0x800) {
		buf_put_u8(out, (uint8_t)(0xc0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			buf_put_u8(out, (uint8_t)(0xe0 | cp >> 12));
		} else {
			buf_put_u8(out, (uint8_t)(0xf0 | cp >> 18));
			buf_put_u8(out, (uint8_t)(0x80 | (cp >> 12 & 0x3f)));
		}
		buf_put_u8(out, (uint8_t)(0x80 | (cp >> 6 & 0x3f)));
	}
	buf_put_u8(out, (uint8_t)(0x80 | (cp & 0x3f)));
}

static bool
is_utf8(const uint8_t *p, size_t n)
{
	size_t step;

	for (size_t at = 0; at < n; at += step)
		if (utf8_get(p + at, n - at, &step) == -1)
			return false;
	return true;
}

bool
value_is_sound(const struct type *type, const uint8_t *p, size_t n)
{
	switch (type->kind) {
	case TYPE_BOOLEAN:
		return n == 1 && p[0] <= 1;
	case TYPE_INT:
	case TYPE_DATE:
		return n == 4;
	case TYPE_LONG:
	case TYPE_TIME:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return n == 8;
	case TYPE_FLOAT:
		return n == 4 && !value_is_nan(type, p, n);
	case TYPE_DOUBLE:
		return n == 8 && !value_is_nan(type, p, n);
	case TYPE_DECIMAL:
		return n >= 1 && n <= 16;
	case TYPE_UUID:
		return n == 16;
	case TYPE_FIXED:
		return n == type->length;
	case TYPE_STRING:
		return is_utf8(p, n);
	case TYPE_BINARY:
		return true;
	case TYPE_STRUCT:
	case TYPE_LIST:
	case TYPE_MAP:
		break;
	}
	return false;
}

/* Big-endian two's complement of any length up to 16. */
static __int128
decimal_of(const uint8_t *p, size_t n)
{
	unsigned __int128 v =
	    n > 0 && (p[0] & 0x80) != 0 ? ~(unsigned __int128)0 : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (__int128)v;
}

static int64_t
integer_of(const uint8_t *p, size_t n)
{
	int32_t small;
	int64_t large;

	if (n == 4) {
		memcpy(&small, p, sizeof(small));
		return small;
	}
	memcpy(&large, p, sizeof(large));
	return large;
}

static int
bytes_compare(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int order = n > 0 ? memcmp(a, b, n) : 0;

	return order != 0 ? order : (na > nb) - (na < nb);
}

int
value_compare(const struct type *type, const uint8_t *a, size_t na,
    const uint8_t *b, size_t nb)
{
	switch (type->kind) {
	case TYPE_INT:
	case TYPE_DATE:
	case TYPE_LONG:
	case TYPE_TIME:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ: {
		int64_t x = integer_of(a, na), y = integer_of(b, nb);
		return (x > y) - (x < y);
	}
	case TYPE_FLOAT: {
		float x = float_of(a), y = float_of(b);
		return (x > y) - (x < y);
	}
	case TYPE_DOUBLE: {
		double x = double_of(a), y = double_of(b);
		return (x > y) - (x < y);
	}
	case TYPE_DECIMAL: {
		__int128 x = decimal_of(a, na), y = decimal_of(b, nb);
		return (x > y) - (x < y);
	}
	default:
		return bytes_compare(a, na, b, nb);
	}
}

/* Bytes of the first `length` code points; the whole of it when no longer. */
static size_t
text_prefix(const uint8_t *p, size_t n, uint32_t length)
{
	size_t at = 0, step;

	for (uint32_t i = 0; i < length && at < n; i++) {
		(void)utf8_get(p + at, n - at, &step);
		at += step;
	}
	return at;
}

/* The prefix raised above everything that begins with it. */
static bool
raise_text(const uint8_t *p, size_t n, struct buf *out)
{
	while (n > 0) {
		size_t last = n - 1, step;
		while ((p[last] & 0xc0) == 0x80)
			last--;
		int32_t cp = utf8_get(p + last, n - last, &step);
		n = last;
		if (cp == CODE_POINT_MAX)
			continue;
		buf_put(out, p, n);
		/* the surrogates are no characters: go past them */
		utf8_put(out, cp == 0xd7ff ? 0xe000 : cp + 1);
		return true;
	}
	return false;
}

static bool
raise_bytes(const uint8_t *p, size_t n, struct buf *out)
{
	while (n > 0 && p[n - 1] == 0xff)
		n--;
	if (n == 0)
		return false;
	buf_put(out, p, n - 1);
	buf_put_u8(out, (uint8_t)(p[n - 1] + 1));
	return true;
}

/* Fewest bytes that still carry the sign. */
static void
put_decimal(struct buf *out, const uint8_t *p, size_t n)
{
	while (n > 1 &&
	    ((p[0] == 0x00 && (p[1] & 0x80) == 0) ||
		(p[0] == 0xff && (p[1] & 0x80) != 0))) {
		p++;
		n--;
	}
	buf_put(out, p, n);
}

/* -0.0 sorts below +0.0 in Iceberg's order but equals it in the data's. */
static void
put_float(struct buf *out, const uint8_t *p, size_t n, bool lower)
{
	bool zero = n == 4 ? float_of(p) == 0 : double_of(p) == 0;

	if (!zero) {
		buf_put(out, p, n);
		return;
	}
	for (size_t i = 0; i + 1 < n; i++)
		buf_put_u8(out, 0);
	buf_put_u8(out, lower ? 0x80 : 0x00);
}

/*
 * Bounds by which ClickHouse (26.5) skips files that hold rows it wants:
 * UUIDs, which it orders by their second half first, and a lower bound that
 * needs all eight bytes of a negative decimal, which it reads as -1.
 */
static bool
is_misread(const struct type *type, const uint8_t *p, size_t n, bool lower)
{
	if (type->kind == TYPE_UUID)
		return true;
	if (type->kind != TYPE_DECIMAL || type->precision > 18 || !lower)
		return false;
	return decimal_of(p, n) < -((__int128)1 << 55);
}

static bool
bound(const struct type *type, struct metrics_mode mode, const uint8_t *p,
    size_t n, bool lower, struct buf *out)
{
	if (mode.kind != METRICS_TRUNCATE && mode.kind != METRICS_FULL)
		return false;
	if (!value_is_sound(type, p, n))
		return false;
	if (mode.kind != METRICS_FULL && is_misread(type, p, n, lower))
		return false;

	size_t keep = n;
	bool text = type->kind == TYPE_STRING;
	switch (type->kind) {
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		put_float(out, p, n, lower);
		return true;
	case TYPE_DECIMAL:
		put_decimal(out, p, n);
		return true;
	case TYPE_STRING:
	case TYPE_BINARY:
		if (mode.kind == METRICS_TRUNCATE)
			keep = text           ? text_prefix(p, n, mode.length)
			    : n < mode.length ? n
					      : mode.length;
		break;
	default:
		break;
	}
	if (keep == n || lower) {
		buf_put(out, p, keep);
		return true;
	}
	return text ? raise_text(p, keep, out) : raise_bytes(p, keep, out);
}

bool
bound_lower(const struct type *type, struct metrics_mode mode, const uint8_t *p,
    size_t n, struct buf *out)
{
	return bound(type, mode, p, n, true, out);
}

bool
bound_upper(const struct type *type, struct metrics_mode mode, const uint8_t *p,
    size_t n, struct buf *out)
{
	return bound(type, mode, p, n, false, out);
}
