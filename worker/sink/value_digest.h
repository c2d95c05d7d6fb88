/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value of the source as a 64-bit number: the same wherever the value is
 * found, and in whatever type that holds it exactly. Whole numbers, decimals,
 * dates and times are integers that count units of the source's type; floats
 * are doubles; a uuid, a text, bytes are bytes.
 */
#ifndef CALVE_VALUE_DIGEST_H
#define CALVE_VALUE_DIGEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What stands for a NULL: no value mixes to it more often than to others. */
static const uint64_t digest_null = UINT64_C(0x6e756c6c6e756c6c);

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014),
 * the finishing steps of SplitMix64. */
static inline uint64_t
digest_mix(uint64_t h, uint64_t v)
{
	h = h * UINT64_C(0x9e3779b97f4a7c15) + v + 1;
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

static inline uint64_t
digest_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = n, word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		h = digest_mix(h, word);
	}
	if (n > 0) {
		word = 0;
		memcpy(&word, p, n);
		h = digest_mix(h, word);
	}
	return h;
}

static inline uint64_t
digest_integer(__int128 v)
{
	return digest_mix((uint64_t)(v >> 64), (uint64_t)v);
}

static inline uint64_t
digest_double(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	return digest_mix(8, bits);
}

/* Of a list: from this, each element's number mixed in. */
static inline uint64_t
digest_list(const uint64_t *elements, size_t n)
{
	uint64_t h = n;

	for (size_t k = 0; k < n; k++)
		h = digest_mix(h, elements[k]);
	return h;
}

#endif
