/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page compression: the only home of zstd. One context per thread serves all
 * writers of that thread, since there may be hundreds, and is freed with it.
 */
#ifndef CALVE_PARQUET_COMPRESS_H
#define CALVE_PARQUET_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Room for the compressed form of any n bytes. */
size_t compress_bound(size_t n);
/* Compresses n bytes at level 1..19 into out; the size written, 0 on error
 * (ERR_BUG, or ERR_NOMEM). */
size_t compress_zstd(int level, const void *, size_t n, void *out, size_t room,
    struct err *) MUST_USE;
/* Untrusted zstd frame that must give exactly size bytes. */
bool decompress_zstd(const void *, size_t n, void *out, size_t size) MUST_USE;

#endif
