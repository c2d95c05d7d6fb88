/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition transforms over whole columns. (Iceberg specification, "Partition
 * Transforms", "Bucket Transform Details", "Truncate Transform Details",
 * Appendix B "32-bit Hash Requirements".)
 *
 * A transformed column holds either words (everything that fits 64 bits) or
 * slices (bytes that stand elsewhere: text, uuid, wide decimals). That of a
 * dictionary column holds the transformed dictionary, and the column's index.
 *
 * A value without a result (truncating INT_MIN, hours beyond int) is marked
 * bad, never wrapped: a wrapped value would hide the row from filters.
 */
#ifndef CALVE_ICEBERG_TRANSFORM_H
#define CALVE_ICEBERG_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/batch.h"
#include "worker/iceberg/partition.h"
#include "worker/type.h"

/* Bytes that belong to somebody else. Wide decimals: 16, little-endian. */
struct slice {
	const uint8_t *p;
	size_t len;
};

struct transformed {
	size_t n;                  /* values below, without index */
	const int64_t *word;       /* n results, or NULL: */
	const struct slice *slice; /* n results */
	const uint8_t *bad;        /* n marks, or NULL: none is bad */
	const uint32_t *index;     /* row -> value; NULL: row itself */
	const uint8_t *null;       /* of each row, or NULL; what is NULL
					 * has junk for a value, also bad */
	struct mem value_mem, wide_mem, bad_mem;
};

/* Can this transform read columns of that type? */
bool transform_applies(enum transform, const struct type *source);
/* Does it yield words (true) or slices? */
bool transform_is_word(enum transform, const struct type *source);
/* Fills out, reusing its memory. Slices may point into vec and out. void has
 * no values: not to be called. */
void transform_apply(const struct partition_field *, const struct type *source,
    const struct vec *, struct transformed *out);
void transformed_clear(struct transformed *);

/* murmur3, x86, 32 bits, seed 0; of a long as of its 8 bytes. */
uint32_t hash_bytes(const uint8_t *, size_t n);
uint32_t hash_long(int64_t);
/* Fewest bytes of two's complement, big-endian; returns how many of out. */
size_t decimal_bytes(__int128 unscaled, uint8_t out[16]);

#endif
