/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct tail: the last bytes of a stream, where a server puts the reason
 * when it has to break off.
 */
#ifndef CALVE_CLICKHOUSE_TAIL_H
#define CALVE_CLICKHOUSE_TAIL_H

#include <stddef.h>
#include <stdint.h>

enum { TAIL_MAX = 32 << 10 };

struct tail {
	uint64_t n; /* bytes put in since it was emptied */
	uint8_t ring[TAIL_MAX], flat[TAIL_MAX];
};

void tail_put(struct tail *, const uint8_t *, size_t n);
/* The last *n bytes, at most TAIL_MAX, in order; good until the next call. */
const uint8_t *tail_get(struct tail *, size_t *n);

#endif
