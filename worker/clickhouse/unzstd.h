/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd of the wire: an answer with Content-Encoding zstd as the bytes within,
 * and single blocks.
 *
 * Servers end each zstd frame with a checksum of its bytes, which is compared
 * here; the answer counts as ended only at such an end. Bytes are handed out
 * before that: what was read is right once 0 came.
 */
#ifndef CALVE_CLICKHOUSE_UNZSTD_H
#define CALVE_CLICKHOUSE_UNZSTD_H

#include <stdbool.h>

#include "worker/clickhouse/stream.h"

struct unzstd;

struct unzstd *unzstd_new(stream_fetch *, void *arg);
void unzstd_free(struct unzstd *);
/* For another answer. */
void unzstd_reset(struct unzstd *);
/* A stream_fetch. ERR_SOURCE_LOST: cut short or damaged. */
ssize_t unzstd_read(void *unzstd, uint8_t *dst, size_t n, struct err *);

/* Does src unpack to just these n bytes? */
bool unzstd_block(const void *src, size_t len, void *dst, size_t n);

#endif
