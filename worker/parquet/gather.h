/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values out of a vec into Parquet's PLAIN form: contiguous, NULLs left out,
 * byte arrays with their length, wide decimals turned and narrowed.
 */
#ifndef CALVE_PARQUET_GATHER_H
#define CALVE_PARQUET_GATHER_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/batch.h"
#include "worker/parquet/leaf.h"

/* Values at rows[0..n), or first .. first + n where rows is NULL. */
struct values {
	const struct vec *vec;
	const uint32_t *rows;
	size_t first, n;
};

/* All but the first `done` ones. */
struct values values_from(const struct values *, size_t done);
/* The same values without a batch dictionary between: of the dictionary
 * itself. Uses the thread's scratch: good until the next gather_pick(). */
struct values gather_pick(const struct values *);
/* n * leaf->width bytes. ERR_DATA for a decimal outside its precision. */
int gather_fixed(const struct leaf *, const struct values *, uint8_t *to,
    struct err *) MUST_USE;
void gather_bytes(const struct values *, struct buf *to);

#endif
