/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column chunk's dictionary: distinct values in order of appearance, in
 * PLAIN form, which is the body of the dictionary page.
 *
 * Bounded: adding stops at DICTIONARY_MAX bytes, and the caller goes on
 * without. Zero-initialised is empty; nothing is allocated before a value.
 */
#ifndef CALVE_PARQUET_DICTIONARY_H
#define CALVE_PARQUET_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/batch.h"

enum { DICTIONARY_MAX = 1 << 20 };

struct dictionary {
	uint32_t width; /* of a value; 0: byte arrays */
	uint32_t n;
	struct buf plain;
	struct mem start; /* byte arrays: n + 1 uint32_t into plain */
	struct mem hash;  /* uint32_t per entry, but for widths 4 and 8 */
	struct mem seen;  /* uint32_t per entry: the caller's marks, 0 */
	uint32_t *slots;  /* entry + 1, 0 empty; at most half are used */
	size_t nslots;
};

void dictionary_clear(struct dictionary *); /* keeps the width */
size_t dictionary_memory(const struct dictionary *);

/* Finds or adds n values; index[k] is the entry of value k. Returns how many
 * were done: fewer than n when the dictionary is full. */
size_t dictionary_add_fixed(
    struct dictionary *, const uint8_t *, size_t n, uint32_t *index);
/* Values rows[0..n), or first .. first + n where rows is NULL. */
size_t dictionary_add_bytes(struct dictionary *, const struct vec *,
    size_t first, const uint32_t *rows, size_t n, uint32_t *index);

/* The entry's value, without length. */
const uint8_t *dictionary_value(
    const struct dictionary *, uint32_t entry, size_t *len);
/* Appends the PLAIN form of the values with these entries. */
void dictionary_expand(const struct dictionary *, const uint32_t *index,
    size_t n, struct buf *out);

#endif
