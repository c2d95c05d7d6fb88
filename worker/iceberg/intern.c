/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most half full, never deleting. */
#include "worker/iceberg/intern.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
intern_clear(struct intern *in)
{
	for (size_t k = 0; k < in->n; k++)
		free((void *)(uintptr_t)in->string[k].p);
	free(in->string);
	free(in->hash);
	free(in->slot);
	memset(in, 0, sizeof *in);
}

struct slice
intern_string(const struct intern *in, uint64_t number)
{
	return in->string[number];
}

static inline uint64_t
hash_slice(struct slice s)
{
	uint64_t h = s.len, v;
	size_t at = 0;

	for (; at + 8 <= s.len; at += 8) {
		memcpy(&v, s.p + at, 8);
		h = hash_mix(h, v);
	}
	if (at < s.len) {
		v = 0;
		memcpy(&v, s.p + at, s.len - at);
		h = hash_mix(h, v);
	}
	return hash_mix(h, 0);
}

static inline bool
same(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static void
grow(struct intern *in)
{
	size_t nslots = in->nslots == 0 ? 256 : in->nslots * 2;

	free(in->slot);
	in->slot = xcalloc(nslots, sizeof *in->slot);
	in->nslots = nslots;
	for (size_t k = 0; k < in->n; k++) {
		size_t at = in->hash[k] & (nslots - 1);

		while (in->slot[at] != 0)
			at = (at + 1) & (nslots - 1);
		in->slot[at] = (uint32_t)k + 1;
	}
}

static uint64_t
add(struct intern *in, struct slice s, uint64_t h, size_t at)
{
	if (in->n == in->cap) {
		in->cap = in->cap == 0 ? 64 : in->cap * 2;
		in->string =
		    xreallocarray(in->string, in->cap, sizeof *in->string);
		in->hash = xreallocarray(in->hash, in->cap, sizeof *in->hash);
	}
	in->string[in->n] =
	    (struct slice){ s.len == 0 ? xmalloc(1) : xmemdup(s.p, s.len),
		    s.len };
	in->hash[in->n] = h;
	in->slot[at] = (uint32_t)++in->n;
	if (in->n * 2 > in->nslots)
		grow(in);
	return in->n - 1;
}

void
intern_column(struct intern *in, const struct slice *s, size_t n, uint64_t *out)
{
	if (in->nslots == 0)
		grow(in);
	for (size_t k = 0; k < n; k++) {
		uint64_t h;
		size_t at;

		if (k > 0 && same(s[k], s[k - 1])) {
			out[k] = out[k - 1];
			continue;
		}
		h = hash_slice(s[k]);
		at = h & (in->nslots - 1);
		while (in->slot[at] != 0 &&
		    !(in->hash[in->slot[at] - 1] == h &&
			same(in->string[in->slot[at] - 1], s[k])))
			at = (at + 1) & (in->nslots - 1);
		out[k] =
		    in->slot[at] != 0 ? in->slot[at] - 1 : add(in, s[k], h, at);
	}
}
