/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct frames: ClickHouse's compressed frames (an answer to compress=1) as
 * the bytes within. liblz4's only home.
 *
 *   u128  CityHash128 of all that follows, low half first
 *   u8    method: 0x82 LZ4, 0x90 zstd, 0x02 as it is
 *   u32   bytes from the method on
 *   u32   bytes when unpacked
 *   ...   packed bytes
 *
 * Each frame's checksum is compared before the frame is unpacked, so that no
 * byte that changed on the way is ever handed out. The method may differ from
 * frame to frame: servers choose it by release, setting and size.
 *
 * Errors: ERR_SOURCE_LOST for a frame that is cut short, impossible or
 * damaged, since another attempt may bring it whole.
 */
#ifndef CALVE_CLICKHOUSE_FRAMES_H
#define CALVE_CLICKHOUSE_FRAMES_H

#include "worker/clickhouse/stream.h"

/* Servers send a mebibyte a frame. */
enum { FRAME_MAX = 32 << 20, FRAME_HEAD = 25 };

struct frames {
	stream_fetch *fetch; /* of the packed bytes */
	void *arg;
	struct mem packed, plain;
	size_t pos, len; /* of plain: not yet handed out */
};

void frames_init(struct frames *, stream_fetch *, void *arg);
void frames_clear(struct frames *);
/* A stream_fetch. */
ssize_t frames_read(void *frames, uint8_t *dst, size_t n, struct err *);

#endif
