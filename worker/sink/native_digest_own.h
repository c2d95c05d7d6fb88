/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of native_digest.h share: blocks of the table are
 * native_digest.c's, batches of the source batch_digest.c's. Nobody else
 * includes this.
 */
#ifndef CALVE_NATIVE_DIGEST_OWN_H
#define CALVE_NATIVE_DIGEST_OWN_H

#include "worker/sink/native_digest.h"
#include "worker/sink/value_digest.h"

struct native_digest {
	const struct type *incoming;
	size_t timestamp;
	size_t nrows;
	struct mem rows, timestamps; /* uint64_t, int64_t */
	struct mem column;           /* uint64_t, of one column */
	struct mem text;             /* a name or a type */
};

static inline int64_t
digest_clamp(__int128 v)
{
	return v > INT64_MAX ? INT64_MAX
	    : v < INT64_MIN  ? INT64_MIN
			     : (int64_t)v;
}

#endif
