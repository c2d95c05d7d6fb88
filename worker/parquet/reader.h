/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one top-level INT32/INT64 column back out of a Parquet file, for
 * `calve verify`: the proof looks at what the pages say, not at statistics.
 *
 * Finds the column by field id. Reads PLAIN, RLE_DICTIONARY (and the old
 * PLAIN_DICTIONARY name), DELTA_BINARY_PACKED; V1 and V2 pages; zstd, snappy
 * and uncompressed; optional and required. Anything else, and any length that
 * does not fit, is ERR_STORE naming file and cause. The file is untrusted.
 */
#ifndef CALVE_PARQUET_READER_H
#define CALVE_PARQUET_READER_H

#include <stddef.h>
#include <stdint.h>

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* each() gets up to some thousands of values; null may be NULL (none null).
 * INT32 values arrive widened. Non-zero from each() stops and is returned. */
int parquet_read_column(const char *path, int field_id,
    int (*each)(
	void *arg, const int64_t *values, const uint8_t *null, size_t n),
    void *arg, struct err *) MUST_USE;

#endif
