/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-width values as text: wide integers and decimals, UUIDs, internet
 * addresses, times of day. The texts are ClickHouse's own, except IPv6, which
 * is RFC 5952's.
 */
#include "worker/source/convert.h"

#include <string.h>

typedef unsigned __int128 u128;

enum { ROWS_AT_ONCE = 1024 }; /* between looks at the memory */

static size_t
put_uint(char *to, uint64_t v, unsigned min_digits)
{
	char digits[20];
	size_t n = 0, len;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0 || n < min_digits);
	len = n;
	while (n > 0)
		*to++ = digits[--n];
	return len;
}

/* w /= 10^19, four 64-bit words, least significant first. */
static uint64_t
divide_words(uint64_t w[4])
{
	const uint64_t by = UINT64_C(10000000000000000000);
	u128 rest = 0;

	for (int k = 3; k >= 0; k--) {
		rest = rest << 64 | w[k];
		w[k] = (uint64_t)(rest / by);
		rest %= by;
	}
	return (uint64_t)rest;
}

static void
negate_words(uint64_t w[4])
{
	bool carry = true;

	for (int k = 0; k < 4; k++) {
		w[k] = ~w[k] + carry;
		carry = carry && w[k] == 0;
	}
}

/* Trailing zeros behind the point are left out, as toString() does. */
static size_t
put_decimal(char *to, const uint8_t *raw, uint32_t width, bool is_signed,
    unsigned scale)
{
	uint64_t w[4] = { 0 }, parts[5];
	char digits[104], *at = to;
	size_t nparts = 0, n = 0;
	bool minus = is_signed && (raw[width - 1] & 0x80) != 0;

	if (minus)
		memset(w, 0xff, sizeof(w));
	memcpy(w, raw, width);
	if (minus) {
		negate_words(w);
		*at++ = '-';
	}
	do {
		parts[nparts++] = divide_words(w);
	} while ((w[0] | w[1] | w[2] | w[3]) != 0);
	n = put_uint(digits, parts[nparts - 1], 1);
	for (size_t k = nparts - 1; k-- > 0;)
		n += put_uint(digits + n, parts[k], 19);
	if (n <= scale) { /* 0.00123 */
		memmove(digits + (scale + 1 - n), digits, n);
		memset(digits, '0', scale + 1 - n);
		n = scale + 1;
	}
	memcpy(at, digits, n - scale);
	at += n - scale;
	while (scale > 0 && digits[n - 1] == '0') {
		n--;
		scale--;
	}
	if (scale > 0) {
		*at++ = '.';
		memcpy(at, digits + n - scale, scale);
		at += scale;
	}
	return (size_t)(at - to);
}

static size_t
put_uuid(char *to, const uint8_t *raw)
{
	static const char hex[] = "0123456789abcdef";
	char *at = to;

	for (int i = 0; i < 16; i++) {
		uint8_t b = raw[i < 8 ? 7 - i : 23 - i];

		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[b >> 4];
		*at++ = hex[b & 15];
	}
	return (size_t)(at - to);
}

/* Bytes in network order. */
static size_t
put_ipv4(char *to, const uint8_t ip[4])
{
	char *at = to;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*at++ = '.';
		at += put_uint(at, ip[i], 1);
	}
	return (size_t)(at - to);
}

static size_t
put_hex16(char *to, unsigned v)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift != 0 || shift == 0)
			to[n++] = hex[v >> shift & 15];
	return n;
}

/* RFC 5952: the longest run of at least two zero groups, the first of equals,
 * becomes "::"; ::ffff:0:0/96 shows its IPv4 address. */
static size_t
put_ipv6(char *to, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	int best = -1, best_len = 1;
	unsigned group[8];
	char *at = to;

	if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
		memcpy(to, "::ffff:", 7);
		return 7 + put_ipv4(to + 7, ip + 12);
	}
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
	for (int i = 0; i < 8; i++) {
		int len = 0;

		while (i + len < 8 && group[i + len] == 0)
			len++;
		if (len > best_len) {
			best = i;
			best_len = len;
		}
		if (len > 0)
			i += len - 1;
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			*at++ = ':';
			*at++ = ':';
			i += best_len - 1;
			continue;
		}
		if (i > 0 && at[-1] != ':')
			*at++ = ':';
		at += put_hex16(at, group[i]);
	}
	return (size_t)(at - to);
}

static size_t
put_time(char *to, const uint8_t *raw, uint32_t width, unsigned scale)
{
	uint64_t ticks, seconds, unit = 1;
	char *at = to;
	int64_t v;

	convert_widen(raw, width, true, 1, &v);
	if (v < 0)
		*at++ = '-';
	ticks = v < 0 ? -(uint64_t)v : (uint64_t)v;
	for (unsigned i = 0; i < scale; i++)
		unit *= 10;
	seconds = ticks / unit;
	at += put_uint(at, seconds / 3600, 2);
	*at++ = ':';
	at += put_uint(at, seconds / 60 % 60, 2);
	*at++ = ':';
	at += put_uint(at, seconds % 60, 2);
	if (scale > 0) {
		*at++ = '.';
		at += put_uint(at, ticks % unit, scale);
	}
	return (size_t)(at - to);
}

static size_t
put_one(const struct convert *c, char *to, const uint8_t *raw)
{
	uint8_t ip[4];
	size_t n = c->src_width;

	switch (c->kind) {
	case CONVERT_UUID_TEXT:
		return put_uuid(to, raw);
	case CONVERT_IPV4_TEXT:
		for (int i = 0; i < 4; i++)
			ip[i] = raw[3 - i];
		return put_ipv4(to, ip);
	case CONVERT_IPV6_TEXT:
		return put_ipv6(to, raw);
	case CONVERT_TIME_TEXT:
		return put_time(to, raw, c->src_width, c->scale);
	case CONVERT_FIXED_TEXT:
		memcpy(to, raw, n);
		return n;
	case CONVERT_TRIM_TEXT:
		while (n > 0 && raw[n - 1] == 0)
			n--;
		memcpy(to, raw, n);
		return n;
	default:
		return put_decimal(
		    to, raw, c->src_width, c->src_signed, c->scale);
	}
}

/* Longest text of one value. */
static size_t
longest(const struct convert *c)
{
	switch (c->kind) {
	case CONVERT_UUID_TEXT:
		return 36;
	case CONVERT_IPV4_TEXT:
		return 15;
	case CONVERT_IPV6_TEXT:
		return 45;
	case CONVERT_FIXED_TEXT:
	case CONVERT_TRIM_TEXT:
		return c->src_width;
	default:
		/* 2.41 digits a byte; sign, point and a zero before it */
		return c->src_width * 5 / 2 + 16;
	}
}

size_t
convert_text(const struct convert *c, uint8_t *raw, size_t n,
    const uint8_t *skip, struct vec *dst)
{
	size_t most = longest(c), at = 0;
	uint32_t *offset = vec_set_offsets(dst, VEC_BYTES, n);
	uint8_t *to = vec_set_bytes(dst, 0);

	for (size_t i = 0; i < n; i++) {
		if (i % ROWS_AT_ONCE == 0)
			to = vec_set_bytes(dst, at + most * ROWS_AT_ONCE);
		if (skip == NULL || skip[i] == 0)
			at +=
			    put_one(c, (char *)to + at, raw + i * c->src_width);
		if (at > UINT32_MAX)
			return i;
		offset[i + 1] = (uint32_t)at;
	}
	return n;
}
