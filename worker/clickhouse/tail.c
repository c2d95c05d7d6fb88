/* SPDX-License-Identifier: Apache-2.0 */
/* A ring, laid flat when somebody looks. */
#include "worker/clickhouse/tail.h"

#include <string.h>

void
tail_put(struct tail *t, const uint8_t *p, size_t n)
{
	if (n > TAIL_MAX) {
		t->n += n - TAIL_MAX;
		p += n - TAIL_MAX;
		n = TAIL_MAX;
	}
	while (n > 0) {
		size_t at = t->n % TAIL_MAX, step = TAIL_MAX - at;

		if (step > n)
			step = n;
		memcpy(t->ring + at, p, step);
		t->n += step;
		p += step;
		n -= step;
	}
}

const uint8_t *
tail_get(struct tail *t, size_t *n)
{
	size_t at = t->n % TAIL_MAX;

	*n = t->n < TAIL_MAX ? (size_t)t->n : TAIL_MAX;
	if (t->n <= TAIL_MAX)
		return t->ring;
	memcpy(t->flat, t->ring + at, TAIL_MAX - at);
	memcpy(t->flat + TAIL_MAX - at, t->ring, at);
	return t->flat;
}
