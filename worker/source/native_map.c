/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse lets a map hold one key twice; a reader of Iceberg keeps one of
 * the two values and says nothing. So equal keys are looked for: each with
 * each in short maps, by sorting in long ones.
 */
#include "worker/source/native_column.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum { SHORT_MAP = 24 };

struct key {
	const uint8_t *p;
	size_t len;
};

static inline struct key
key_at(const struct vec *v, size_t i)
{
	if (v->layout == VEC_DICT) {
		i = v->index[i];
		v = v->dict;
	}
	if (v->layout == VEC_FIXED)
		return (struct key){ v->fixed + i * v->width, v->width };
	return (struct key){ v->bytes + v->offset[i],
		v->offset[i + 1] - v->offset[i] };
}

static int
compare(const void *a, const void *b)
{
	const struct key *ka = a, *kb = b;
	size_t len = ka->len < kb->len ? ka->len : kb->len;
	int d = len > 0 ? memcmp(ka->p, kb->p, len) : 0;

	return d != 0 ? d : (ka->len > kb->len) - (ka->len < kb->len);
}

static bool
short_has_duplicate(const struct vec *keys, size_t from, size_t to)
{
	struct key k[SHORT_MAP];
	size_t n = to - from;

	for (size_t i = 0; i < n; i++) {
		k[i] = key_at(keys, from + i);
		for (size_t j = 0; j < i; j++)
			if (k[j].len == k[i].len &&
			    memcmp(k[j].p, k[i].p, k[i].len) == 0)
				return true;
	}
	return false;
}

static bool
long_has_duplicate(const struct vec *keys, size_t from, size_t to)
{
	size_t n = to - from;
	struct key *k = xreallocarray(NULL, n, sizeof(*k));
	bool found = false;

	for (size_t i = 0; i < n; i++)
		k[i] = key_at(keys, from + i);
	qsort(k, n, sizeof(*k), compare);
	for (size_t i = 1; i < n && !found; i++)
		found = compare(&k[i - 1], &k[i]) == 0;
	free(k);
	return found;
}

int
map_check_duplicates(const char *path, const uint32_t *offset, size_t n,
    const struct vec *keys, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		size_t from = offset[i], to = offset[i + 1];

		if (to - from < 2)
			continue;
		if (to - from <= SHORT_MAP ? short_has_duplicate(keys, from, to)
					   : long_has_duplicate(keys, from, to))
			return err_set(err, ERR_DATA,
			    "a map of column '%.200s' "
			    "holds one key twice; set duplicates: list for a "
			    "new target table",
			    path);
	}
	return 0;
}
