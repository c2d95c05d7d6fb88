/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every checked kernel first converts all values, noting in one flag whether
 * any was out of range, so that the loops have no exits; only when the flag
 * is up is the first offender looked for.
 */
#include "worker/source/convert.h"

#include <string.h>

typedef __int128 i128;
typedef unsigned __int128 u128;

static const int64_t power10[] = { 1, 10, 100, 1000, 10000, 100000, 1000000,
	10000000, 100000000, 1000000000 };
static const int64_t DAY_US = INT64_C(86400000000);

static void
clear_skipped(uint8_t *raw, uint32_t width, size_t n, const uint8_t *skip)
{
	if (skip == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (skip[i] != 0)
			memset(raw + i * width, 0, width);
}

/* ---- integers ------------------------------------------------------------- */

/* Values of type S to D, those outside of [low, high] reported. */
#define INT_KERNEL(name, S, D)                                              \
	static size_t name(                                                 \
	    const uint8_t *raw, size_t n, uint8_t *to, i128 low, i128 high) \
	{                                                                   \
		const S *restrict s = (const S *)(const void *)raw;         \
		D *restrict d = (D *)(void *)to;                            \
		S lo = (S)low, hi = (S)high;                                \
		bool bad = false;                                           \
                                                                            \
		for (size_t i = 0; i < n; i++) {                            \
			d[i] = (D)s[i];                                     \
			bad |= (s[i] < lo) | (s[i] > hi);                   \
		}                                                           \
		if (bad)                                                    \
			for (size_t i = 0; i < n; i++)                      \
				if (s[i] < lo || s[i] > hi)                 \
					return i;                           \
		return n;                                                   \
	}

INT_KERNEL(s1_4, int8_t, int32_t)
INT_KERNEL(u1_4, uint8_t, int32_t)
INT_KERNEL(s2_4, int16_t, int32_t)
INT_KERNEL(u2_4, uint16_t, int32_t)
INT_KERNEL(s4_4, int32_t, int32_t)
INT_KERNEL(u4_4, uint32_t, int32_t)
INT_KERNEL(s1_8, int8_t, int64_t)
INT_KERNEL(u1_8, uint8_t, int64_t)
INT_KERNEL(s2_8, int16_t, int64_t)
INT_KERNEL(u2_8, uint16_t, int64_t)
INT_KERNEL(s4_8, int32_t, int64_t)
INT_KERNEL(u4_8, uint32_t, int64_t)
INT_KERNEL(s8_8, int64_t, int64_t)
INT_KERNEL(u8_8, uint64_t, int64_t)
INT_KERNEL(s4_16, int32_t, i128)
INT_KERNEL(s8_16, int64_t, i128)
INT_KERNEL(u8_16, uint64_t, i128)
INT_KERNEL(s16_16, i128, i128)

typedef size_t int_kernel(const uint8_t *, size_t, uint8_t *, i128, i128);

static int_kernel *
find_kernel(const struct convert *c)
{
	static const struct {
		uint32_t src;
		bool is_signed;
		uint32_t dst;
		int_kernel *run;
	} kernels[] = {
		{ 1, true, 4, s1_4 },
		{ 1, false, 4, u1_4 },
		{ 2, true, 4, s2_4 },
		{ 2, false, 4, u2_4 },
		{ 4, true, 4, s4_4 },
		{ 4, false, 4, u4_4 },
		{ 1, true, 8, s1_8 },
		{ 1, false, 8, u1_8 },
		{ 2, true, 8, s2_8 },
		{ 2, false, 8, u2_8 },
		{ 4, true, 8, s4_8 },
		{ 4, false, 8, u4_8 },
		{ 8, true, 8, s8_8 },
		{ 8, false, 8, u8_8 },
		{ 4, true, 16, s4_16 },
		{ 8, true, 16, s8_16 },
		{ 8, false, 16, u8_16 },
		{ 16, true, 16, s16_16 },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		if (kernels[i].src == c->src_width &&
		    kernels[i].is_signed == c->src_signed &&
		    kernels[i].dst == c->dst_width)
			return kernels[i].run;
	return NULL;
}

/* What both the source's width and the target allow. */
static void
limits(const struct convert *c, i128 *low, i128 *high)
{
	unsigned dst_bits = c->dst_width * 8 - 1;
	unsigned src_bits = c->src_width * 8 - (c->src_signed ? 1 : 0);

	*high = (i128)(((u128)1 << dst_bits) - 1);
	if (src_bits < dst_bits)
		*high = (i128)(((u128)1 << src_bits) - 1);
	*low = c->src_signed ? -*high - 1 : 0;
	if (c->digits > 0) {
		i128 most = ten_to(c->digits) - 1;

		if (*high > most)
			*high = most;
		if (*low < -most)
			*low = -most;
	}
}

/* 128 unsigned and 256 bits to 128 signed ones. */
static size_t
narrow_wide(const struct convert *c, const uint8_t *raw, size_t n, uint8_t *to)
{
	size_t words = c->src_width / 8;
	i128 low, high;

	limits(c, &low, &high);
	for (size_t i = 0; i < n; i++) {
		uint64_t w[4] = { 0 };
		uint64_t sign;
		i128 v;

		memcpy(w, raw + i * c->src_width, c->src_width);
		v = (i128)((u128)w[1] << 64 | w[0]);
		sign = c->src_signed && v < 0 ? UINT64_MAX : 0;
		for (size_t k = 2; k < words; k++)
			if (w[k] != sign)
				return i;
		if ((!c->src_signed && v < 0) || v < low || v > high)
			return i;
		memcpy(to + i * 16, &v, 16);
	}
	return n;
}

static size_t
convert_int(const struct convert *c, const uint8_t *raw, size_t n, uint8_t *to)
{
	int_kernel *run = find_kernel(c);
	i128 low, high;

	if (run == NULL)
		return narrow_wide(c, raw, n, to);
	limits(c, &low, &high);
	return run(raw, n, to, low, high);
}

/* ---- floating point ------------------------------------------------------- */

static void
convert_float(
    const struct convert *c, const uint8_t *raw, size_t n, uint8_t *to)
{
	const float *f = (const float *)(const void *)raw;
	const uint16_t *b = (const uint16_t *)(const void *)raw;
	double *d = (double *)(void *)to;
	uint32_t *bits = (uint32_t *)(void *)to;

	if (c->src_width == 4) {
		for (size_t i = 0; i < n; i++)
			d[i] = (double)f[i];
	} else if (c->dst_width == 4) {
		for (size_t i = 0; i < n; i++)
			bits[i] = (uint32_t)b[i] << 16;
	} else {
		for (size_t i = 0; i < n; i++) {
			uint32_t half = (uint32_t)b[i] << 16;
			float v;

			memcpy(&v, &half, sizeof(v));
			d[i] = (double)v;
		}
	}
}

/* ---- time ----------------------------------------------------------------- */

static size_t
multiply(int64_t *t, size_t n, int64_t by)
{
	int64_t most = INT64_MAX / by;
	bool bad = false;

	for (size_t i = 0; i < n; i++)
		bad |= (t[i] > most) | (t[i] < -most);
	if (bad)
		for (size_t i = 0; i < n; i++)
			if (t[i] > most || t[i] < -most)
				return i;
	for (size_t i = 0; i < n; i++)
		t[i] *= by;
	return n;
}

static size_t
divide(int64_t *t, size_t n, int64_t by, bool floor_)
{
	int64_t rest = 0;

	for (size_t i = 0; i < n && !floor_; i++)
		rest |= t[i] % by;
	if (rest != 0)
		for (size_t i = 0; i < n; i++)
			if (t[i] % by != 0)
				return i;
	for (size_t i = 0; i < n; i++)
		t[i] = t[i] / by - (t[i] % by < 0);
	return n;
}

static size_t
convert_ticks(
    const struct convert *c, const uint8_t *raw, size_t n, uint8_t *to)
{
	int64_t *t = (int64_t *)(void *)to;
	size_t done;

	convert_widen(raw, c->src_width, c->src_signed, n, t);
	if (c->scale <= 6)
		done = multiply(t, n, power10[6 - c->scale]);
	else
		done = divide(t, n, power10[c->scale - 6], c->floor);
	if (done < n || c->kind != CONVERT_TIME)
		return done;
	for (size_t i = 0; i < n; i++)
		if (t[i] < 0 || t[i] >= DAY_US)
			return i;
	return n;
}

void
convert_widen(
    const uint8_t *raw, uint32_t width, bool is_signed, size_t n, int64_t *dst)
{
	struct convert c = { .kind = CONVERT_INT,
		.src_width = width,
		.src_signed = is_signed,
		.dst_width = 8 };

	if (n == 0)
		return;
	if (width == 8)
		memcpy(dst, raw, n * 8);
	else
		(void)convert_int(&c, raw, n, (uint8_t *)dst);
}

/* ---- identifiers ---------------------------------------------------------- */

static void
convert_uuid(const uint8_t *raw, size_t n, uint8_t *to)
{
	const uint64_t *s = (const uint64_t *)(const void *)raw;
	uint64_t *d = (uint64_t *)(void *)to;

	for (size_t i = 0; i < n * 2; i++)
		d[i] = __builtin_bswap64(s[i]);
}

size_t
convert_fixed(const struct convert *c, uint8_t *raw, size_t n,
    const uint8_t *skip, uint8_t *dst)
{
	clear_skipped(raw, c->src_width, n, skip);
	switch (c->kind) {
	case CONVERT_BOOL:
		for (size_t i = 0; i < n; i++)
			dst[i] = raw[i] != 0;
		return n;
	case CONVERT_INT:
		return convert_int(c, raw, n, dst);
	case CONVERT_FLOAT:
		convert_float(c, raw, n, dst);
		return n;
	case CONVERT_TICKS:
	case CONVERT_TIME:
		return convert_ticks(c, raw, n, dst);
	case CONVERT_UUID:
		convert_uuid(raw, n, dst);
		return n;
	default:
		if (n > 0)
			memcpy(dst, raw, n * c->src_width);
		return n;
	}
}
