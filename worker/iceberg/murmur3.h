/* SPDX-License-Identifier: Apache-2.0 */
/*
 * murmur3, x86 variant, 32 bits, seed 0, as Iceberg's bucket transform wants
 * it (Iceberg specification, Appendix B). Inline: it runs once a row.
 */
#ifndef CALVE_ICEBERG_MURMUR3_H
#define CALVE_ICEBERG_MURMUR3_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t
murmur3_rotate(uint32_t x, unsigned r)
{
	return x << r | x >> (32 - r);
}

static inline uint32_t
murmur3_scramble(uint32_t k)
{
	return murmur3_rotate(k * 0xcc9e2d51, 15) * 0x1b873593;
}

static inline uint32_t
murmur3_block(uint32_t h, uint32_t k)
{
	return murmur3_rotate(h ^ murmur3_scramble(k), 13) * 5 + 0xe6546b64;
}

static inline uint32_t
murmur3_finish(uint32_t h, uint32_t length)
{
	h ^= length;
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}

/* The 8 bytes of a long, little-endian. */
static inline uint32_t
murmur3_long(uint64_t v)
{
	uint32_t h = murmur3_block(0, (uint32_t)v);

	return murmur3_finish(murmur3_block(h, (uint32_t)(v >> 32)), 8);
}

static inline uint32_t
murmur3_bytes(const uint8_t *p, size_t n)
{
	uint32_t h = 0, k = 0;
	size_t at = 0;

	for (; at + 4 <= n; at += 4) {
		memcpy(&k, p + at, 4);
		h = murmur3_block(h, k);
	}
	if (at < n) {
		k = 0;
		for (size_t j = n; j > at; j--)
			k = k << 8 | p[j - 1];
		h ^= murmur3_scramble(k);
	}
	return murmur3_finish(h, (uint32_t)n);
}

#endif
