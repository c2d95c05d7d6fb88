/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snappy's raw format, read only: calve writes zstd, but other writers that
 * append to a table of calve's mostly write this.
 *
 *   block     varint size of the result, then elements
 *   element   a tag byte whose low two bits are its kind: 0 literal bytes,
 *             1, 2, 3 a copy from 1 to 4 bytes of offset back
 */
#ifndef CALVE_PARQUET_SNAPPY_H
#define CALVE_PARQUET_SNAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Untrusted block that must give exactly size bytes. */
bool decompress_snappy(const void *, size_t n, void *out, size_t size) MUST_USE;

#endif
