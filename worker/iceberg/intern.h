/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct intern: byte strings as numbers 0, 1, 2 ... in order of appearance,
 * so that text partitions compare as integers. Keeps a copy of each string.
 */
#ifndef CALVE_ICEBERG_INTERN_H
#define CALVE_ICEBERG_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "worker/iceberg/transform.h"

struct intern {
	struct slice *string; /* by number; each an allocation */
	uint64_t *hash;       /* by number */
	size_t n, cap;
	uint32_t *slot; /* number + 1, 0 free; a power of two */
	size_t nslots;
};

void intern_clear(struct intern *);
/* out[k] = the number of in[k]; equal neighbours cost one comparison. */
void intern_column(
    struct intern *, const struct slice *in, size_t n, uint64_t *out);
struct slice intern_string(const struct intern *, uint64_t number);

/* Mixes 64 bits into a hash; for tables in memory only. */
static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
	unsigned __int128 m =
	    (unsigned __int128)(h ^ v ^ UINT64_C(0x9e3779b97f4a7c15)) *
	    UINT64_C(0xd6e8feb86659fd93);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

#endif
