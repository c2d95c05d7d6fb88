/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed answers: the first byte chooses frames or zstd and how the bytes
 * come. The checksums of frames are put right, else none would get further.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "worker/clickhouse/city.h"
#include "worker/clickhouse/frames.h"
#include "worker/clickhouse/unzstd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 8 << 20, CHECKSUM = 16 };

static struct cursor bytes;
static size_t piece;

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	size_t left = cursor_left(&bytes);

	(void)arg;
	(void)e;
	n = n < left ? n : left;
	n = n < piece ? n : piece;
	if (n > 0)
		memcpy(dst, cursor_take(&bytes, n), n);
	return (ssize_t)n;
}

static void
put_checksums(uint8_t *p, size_t n)
{
	while (n > FRAME_HEAD) {
		struct cursor at = cursor_of(p + CHECKSUM + 1, 4);
		size_t len = cursor_u32(&at);
		struct city128 sum;

		if (len < FRAME_HEAD - CHECKSUM || len > n - CHECKSUM)
			return;
		sum = city_hash128(p + CHECKSUM, len);
		memcpy(p, &sum.low, 8);
		memcpy(p + 8, &sum.high, 8);
		p += CHECKSUM + len;
		n -= CHECKSUM + len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t some[1 << 16];
	struct frames frames;
	struct unzstd *unzstd;
	struct err err = { 0 };
	uint8_t *copy;
	size_t step, total = 0;
	ssize_t n = 1;

	if (size < 1)
		return 0;
	piece = data[0] & 2 ? 7 : SIZE_MAX;
	step = data[0] & 4 ? 100 : sizeof(some);
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		put_checksums(copy, size - 1);
	bytes = cursor_of(copy, size - 1);
	frames_init(&frames, fetch, NULL);
	unzstd = unzstd_new(fetch, NULL);
	for (; n > 0 && total<MOST; total += n> 0 ? (size_t)n : 0)
		n = data[0] & 1 ? frames_read(&frames, some, step, &err)
				: unzstd_read(unzstd, some, step, &err);
	frames_clear(&frames);
	unzstd_free(unzstd);
	free(copy);
	return 0;
}
