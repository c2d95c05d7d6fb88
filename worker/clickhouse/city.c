/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two 64-bit lanes are seeded from the first 16 bytes, or from the length
 * where there are fewer. The rest is mixed in: below 128 bytes 16 at a time,
 * else 128 at a time and the end, 32 at a time, backwards from its last byte.
 */
#include "worker/clickhouse/city.h"

#include <endian.h>
#include <string.h>

static const uint64_t K0 = UINT64_C(0xc3a5c85c97cb3127);
static const uint64_t K1 = UINT64_C(0xb492b66fbe98f273);
static const uint64_t K2 = UINT64_C(0x9ae16a3b2f90404f);
static const uint64_t K3 = UINT64_C(0xc949d7c7509e6557);
static const uint64_t FOLD = UINT64_C(0x9ddfea08eb382d69);

struct pair {
	uint64_t a, b;
};

static uint64_t
u64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint64_t
u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* by: 1 .. 63 */
static uint64_t
rotate(uint64_t v, unsigned by)
{
	return v >> by | v << (64 - by);
}

static uint64_t
mix(uint64_t v)
{
	return v ^ v >> 47;
}

static uint64_t
fold(uint64_t u, uint64_t v)
{
	return mix((v ^ mix((u ^ v) * FOLD)) * FOLD) * FOLD;
}

/* Up to 16 bytes. */
static uint64_t
hash_short(const uint8_t *p, size_t n)
{
	uint64_t a, b;

	if (n == 0)
		return K2;
	if (n > 8) {
		a = u64_at(p);
		b = u64_at(p + n - 8);
		return fold(a, rotate(b + n, (unsigned)n)) ^ b;
	}
	if (n >= 4)
		return fold(n + (u32_at(p) << 3), u32_at(p + n - 4));
	a = p[0] + ((uint64_t)p[n >> 1] << 8);
	b = n + ((uint64_t)p[n - 1] << 2);
	return mix(a * K2 ^ b * K3) * K2;
}

static struct city128
hash_below_128(const uint8_t *p, size_t n, struct pair seed)
{
	uint64_t a = seed.a, b = seed.b, c, d;

	if (n <= 16) {
		a = mix(a * K1) * K1;
		c = b * K1 + hash_short(p, n);
		d = mix(a + (n >= 8 ? u64_at(p) : c));
	} else {
		c = fold(u64_at(p + n - 8) + K1, a);
		d = fold(b + n, c + u64_at(p + n - 16));
		a += d;
		for (; n > 16; p += 16, n -= 16) {
			a = (a ^ mix(u64_at(p) * K1) * K1) * K1;
			b ^= a;
			c = (c ^ mix(u64_at(p + 8) * K1) * K1) * K1;
			d ^= c;
		}
	}
	a = fold(a, c);
	b = fold(d, b);
	return (struct city128){ a ^ b, fold(b, a) };
}

static struct pair
mix_32(const uint8_t *p, uint64_t a, uint64_t b)
{
	uint64_t first;

	a += u64_at(p);
	b = rotate(b + a + u64_at(p + 24), 21);
	first = a;
	a += u64_at(p + 8) + u64_at(p + 16);
	b += rotate(a, 44);
	return (struct pair){ a + u64_at(p + 24), b + first };
}

struct lanes {
	struct pair v, w;
	uint64_t x, y, z;
};

static void
mix_64(struct lanes *l, const uint8_t *p)
{
	uint64_t x =
	    rotate(l->x + l->y + l->v.a + u64_at(p + 16), 37) * K1 ^ l->w.b;
	uint64_t y = rotate(l->y + l->v.b + u64_at(p + 48), 42) * K1 ^ l->v.a;
	uint64_t z = rotate(l->z ^ l->w.a, 33);

	l->v = mix_32(p, l->v.b * K1, x + l->w.a);
	l->w = mix_32(p + 32, z + l->w.b, y);
	l->x = z;
	l->y = y;
	l->z = x;
}

/* n >= 128 */
static struct city128
hash_long(const uint8_t *p, size_t n, struct pair seed)
{
	struct lanes l = { .x = seed.a, .y = seed.b, .z = n * K1 };

	l.v.a = rotate(l.y ^ K1, 49) * K1 + u64_at(p);
	l.v.b = rotate(l.v.a, 42) * K1 + u64_at(p + 8);
	l.w.a = rotate(l.y + l.z, 35) * K1 + l.x;
	l.w.b = rotate(l.x + u64_at(p + 88), 53) * K1;
	for (; n >= 128; p += 128, n -= 128) {
		mix_64(&l, p);
		mix_64(&l, p + 64);
	}
	l.y += rotate(l.w.a, 37) * K0 + l.z;
	l.x += rotate(l.v.a + l.z, 49) * K0;
	/* may reach back into what was taken already: n was 128 or more */
	for (size_t done = 32; done < n + 32; done += 32) {
		const uint8_t *end = p + n - done;

		l.y = rotate(l.y - l.x, 42) * K0 + l.v.b;
		l.w.a += u64_at(end + 16);
		l.x = rotate(l.x, 49) * K0 + l.w.a;
		l.w.a += l.v.a;
		l.v = mix_32(end, l.v.a, l.v.b);
	}
	l.x = fold(l.x, l.v.a);
	l.y = fold(l.y, l.w.a);
	return (struct city128){ fold(l.x + l.v.b, l.w.b) + l.y,
		fold(l.x + l.w.b, l.y + l.v.b) };
}

struct city128
city_hash128(const void *data, size_t n)
{
	const uint8_t *p = data;
	struct pair seed = { K0, K1 };

	if (n >= 16) {
		seed = (struct pair){ u64_at(p) ^ K3, u64_at(p + 8) };
		p += 16;
		n -= 16;
	} else if (n >= 8) {
		seed =
		    (struct pair){ u64_at(p) ^ n * K0, u64_at(p + n - 8) ^ K1 };
		n = 0;
	}
	return n < 128 ? hash_below_128(p, n, seed) : hash_long(p, n, seed);
}
