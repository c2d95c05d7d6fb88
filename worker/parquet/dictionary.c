/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing over entry numbers. Values of 4 and 8 bytes are compared in
 * place; longer ones carry a 32-bit hash, so that few are compared in vain and
 * growing does not read them again.
 */
#include "worker/parquet/dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum { SLOTS_FIRST = 256 };

#define FACTOR UINT64_C(0x9E3779B97F4A7C15)

static inline uint32_t
hash_word(uint64_t v)
{
	return (uint32_t)((v * FACTOR) >> 32);
}

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint32_t
hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = FACTOR ^ n, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = mix(h ^ v, FACTOR);
	}
	v = 0;
	for (size_t k = 0; k < n; k++)
		v |= (uint64_t)p[k] << (8 * k);
	h = mix(h ^ v, FACTOR);
	return (uint32_t)(h ^ h >> 32);
}

void
dictionary_clear(struct dictionary *d)
{
	uint32_t width = d->width;

	buf_clear(&d->plain);
	mem_clear(&d->start);
	mem_clear(&d->hash);
	mem_clear(&d->seen);
	free(d->slots);
	*d = (struct dictionary){ .width = width };
}

size_t
dictionary_memory(const struct dictionary *d)
{
	return d->plain.cap + d->start.cap + d->hash.cap + d->seen.cap +
	    d->nslots * sizeof(*d->slots);
}

const uint8_t *
dictionary_value(const struct dictionary *d, uint32_t entry, size_t *len)
{
	const uint32_t *start = d->start.p;

	if (d->width > 0) {
		*len = d->width;
		return d->plain.data + (size_t)entry * d->width;
	}
	*len = start[entry + 1] - start[entry] - sizeof(uint32_t);
	return d->plain.data + start[entry] + sizeof(uint32_t);
}

static uint32_t
entry_hash(const struct dictionary *d, uint32_t entry)
{
	uint64_t v = 0;

	if (d->width != 4 && d->width != 8)
		return ((const uint32_t *)d->hash.p)[entry];
	memcpy(&v, d->plain.data + (size_t)entry * d->width, d->width);
	return hash_word(v);
}

static void
grow_slots(struct dictionary *d)
{
	size_t n = d->nslots > 0 ? 2 * d->nslots : SLOTS_FIRST;

	free(d->slots);
	d->slots = xcalloc(n, sizeof(*d->slots));
	d->nslots = n;
	for (uint32_t e = 0; e < d->n; e++) {
		size_t at = entry_hash(d, e) & (n - 1);

		while (d->slots[at] != 0)
			at = (at + 1) & (n - 1);
		d->slots[at] = e + 1;
	}
}

/* Makes room for one more entry of size bytes; false when full. */
static bool
has_room(struct dictionary *d, size_t size)
{
	if (d->plain.len + size > DICTIONARY_MAX)
		return false;
	if (d->nslots < 2 * ((size_t)d->n + 1))
		grow_slots(d);
	return true;
}

static void
new_mark(struct dictionary *d)
{
	uint32_t *seen = mem_need(&d->seen, (d->n + 1) * sizeof(*seen));

	seen[d->n] = 0;
}

#define ADD_WORDS(name, type)                                                  \
	static size_t name(                                                    \
	    struct dictionary *d, const uint8_t *p, size_t n, uint32_t *index) \
	{                                                                      \
		for (size_t k = 0; k < n; k++) {                               \
			size_t mask = d->nslots - 1, at;                       \
			uint32_t e;                                            \
			type v, known;                                         \
                                                                               \
			memcpy(&v, p + k * sizeof(v), sizeof(v));              \
			at = hash_word(v) & mask;                              \
			while ((e = d->slots[at]) != 0) {                      \
				memcpy(&known,                                 \
				    d->plain.data +                            \
					(size_t)(e - 1) * sizeof(v),           \
				    sizeof(v));                                \
				if (known == v)                                \
					break;                                 \
				at = (at + 1) & mask;                          \
			}                                                      \
			if (e == 0) {                                          \
				new_mark(d);                                   \
				buf_put(&d->plain, &v, sizeof(v));             \
				d->slots[at] = e = ++d->n;                     \
				if (!has_room(d, sizeof(v))) {                 \
					index[k] = e - 1;                      \
					return k + 1;                          \
				}                                              \
			}                                                      \
			index[k] = e - 1;                                      \
		}                                                              \
		return n;                                                      \
	}

ADD_WORDS(add_words4, uint32_t)
ADD_WORDS(add_words8, uint64_t)

/* Entry of one value of any length, UINT32_MAX when full. */
static inline uint32_t
add_value(struct dictionary *d, const uint8_t *p, size_t len)
{
	uint32_t h = hash_bytes(p, len), e;
	size_t mask = d->nslots - 1, at = h & mask, known_len;
	size_t size = d->width > 0 ? len : sizeof(uint32_t) + len;

	while ((e = d->slots[at]) != 0) {
		if (((const uint32_t *)d->hash.p)[e - 1] == h) {
			const uint8_t *known =
			    dictionary_value(d, e - 1, &known_len);

			if (known_len == len && memcmp(known, p, len) == 0)
				return e - 1;
		}
		at = (at + 1) & mask;
	}
	if (d->plain.len + size > DICTIONARY_MAX)
		return UINT32_MAX;
	new_mark(d);

	uint32_t *hash = mem_need(&d->hash, (d->n + 1) * sizeof(*hash));

	hash[d->n] = h;
	if (d->width == 0) {
		uint32_t *start =
		    mem_need(&d->start, (d->n + 2) * sizeof(*start));

		start[d->n] = (uint32_t)d->plain.len;
		start[d->n + 1] = (uint32_t)(d->plain.len + size);
		buf_put_u32(&d->plain, (uint32_t)len);
	}
	buf_put(&d->plain, p, len);
	d->slots[at] = ++d->n;
	e = d->n - 1;
	if (d->nslots < 2 * ((size_t)d->n + 1))
		grow_slots(d);
	return e;
}

size_t
dictionary_add_fixed(
    struct dictionary *d, const uint8_t *p, size_t n, uint32_t *index)
{
	if (n == 0 || !has_room(d, d->width))
		return 0;
	if (d->width == 4)
		return add_words4(d, p, n, index);
	if (d->width == 8)
		return add_words8(d, p, n, index);
	for (size_t k = 0; k < n; k++) {
		index[k] = add_value(d, p + k * d->width, d->width);
		if (index[k] == UINT32_MAX)
			return k;
	}
	return n;
}

size_t
dictionary_add_bytes(struct dictionary *d, const struct vec *v, size_t first,
    const uint32_t *rows, size_t n, uint32_t *index)
{
	if (n == 0 || !has_room(d, 0))
		return 0;
	for (size_t k = 0; k < n; k++) {
		size_t i = rows != NULL ? rows[k] : first + k;

		index[k] = add_value(d, v->bytes + v->offset[i],
		    v->offset[i + 1] - v->offset[i]);
		if (index[k] == UINT32_MAX)
			return k;
	}
	return n;
}

void
dictionary_expand(const struct dictionary *d, const uint32_t *index, size_t n,
    struct buf *out)
{
	const uint32_t *start = d->start.p;
	size_t w = d->width;
	uint8_t *to;

	if (w == 0) {
		for (size_t k = 0; k < n; k++)
			buf_put(out, d->plain.data + start[index[k]],
			    start[index[k] + 1] - start[index[k]]);
		return;
	}
	if ((to = buf_reserve(out, n * w)) == NULL)
		return;
	for (size_t k = 0; k < n; k++)
		memcpy(to + k * w, d->plain.data + index[k] * w, w);
	out->len += n * w;
}
