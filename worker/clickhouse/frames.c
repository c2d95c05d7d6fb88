/* SPDX-License-Identifier: Apache-2.0 */
/* One frame at a time: head, packed bytes, checksum, then what is within. */
#include "worker/clickhouse/frames.h"

#include <lz4.h>
#include <string.h>

#include "common/buf.h"
#include "worker/clickhouse/city.h"
#include "worker/clickhouse/unzstd.h"

enum {
	METHOD_NONE = 0x02,
	METHOD_LZ4 = 0x82,
	METHOD_ZSTD = 0x90,
	CHECKSUM = 16,          /* is not part of a frame's size */
	HEAD = FRAME_HEAD - 16, /* method and sizes, which are */
	STEP = 1 << 20,         /* memory grows with what has come */
};

void
frames_init(struct frames *f, stream_fetch *fetch, void *arg)
{
	*f = (struct frames){ .fetch = fetch, .arg = arg };
}

void
frames_clear(struct frames *f)
{
	mem_clear(&f->packed);
	mem_clear(&f->plain);
	*f = (struct frames){ 0 };
}

/* Appends up to want bytes to the have there are: how many are there now. */
static ssize_t
gather(struct frames *f, size_t have, size_t want, struct err *err)
{
	while (have < want) {
		size_t step = want - have < STEP ? want - have : STEP;
		uint8_t *to = mem_need(&f->packed, have + step);
		ssize_t n = f->fetch(f->arg, to + have, step, err);

		if (n == -1)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int
cut(struct err *err)
{
	return err_set(err, ERR_SOURCE_LOST,
	    "the stream ends in the middle of a compressed frame; run it "
	    "again");
}

struct head {
	struct city128 checksum;
	uint8_t method;
	uint32_t packed, plain;
};

/* 1 when there is a frame, whose checksum holds; 0 at the end. */
static int
next_frame(struct frames *f, struct head *h, struct err *err)
{
	ssize_t have = gather(f, 0, FRAME_HEAD, err);
	struct cursor at;
	struct city128 sum;

	if (have <= 0)
		return (int)have;
	if (have < FRAME_HEAD)
		return cut(err);
	at = cursor_of(f->packed.p, FRAME_HEAD);
	h->checksum.low = cursor_u64(&at);
	h->checksum.high = cursor_u64(&at);
	h->method = cursor_u8(&at);
	h->packed = cursor_u32(&at);
	h->plain = cursor_u32(&at);
	if (h->packed <= HEAD || h->packed > FRAME_MAX || h->plain == 0 ||
	    h->plain > FRAME_MAX)
		return err_set(err, ERR_SOURCE_LOST,
		    "corrupt stream: a compressed frame of impossible size; "
		    "run it again");
	have = gather(f, FRAME_HEAD, CHECKSUM + h->packed, err);
	if (have == -1)
		return -1;
	if ((size_t)have < CHECKSUM + h->packed)
		return cut(err);
	sum = city_hash128((uint8_t *)f->packed.p + CHECKSUM, h->packed);
	if (sum.low != h->checksum.low || sum.high != h->checksum.high)
		return err_set(err, ERR_SOURCE_LOST,
		    "corrupt stream: the checksum of a compressed frame does "
		    "not match, bytes were changed on the way; run it again");
	return 1;
}

/* The checksum holds, so what does not unpack was never right. */
static int
unpack(struct frames *f, const struct head *h, uint8_t *to, struct err *err)
{
	const uint8_t *from = (uint8_t *)f->packed.p + FRAME_HEAD;
	size_t n = h->packed - HEAD;
	bool good = false;

	switch (h->method) {
	case METHOD_NONE:
		good = n == h->plain;
		if (good)
			memcpy(to, from, n);
		break;
	case METHOD_LZ4:
		good = LZ4_decompress_safe((const char *)from, (char *)to,
			   (int)n, (int)h->plain) == (int)h->plain;
		break;
	case METHOD_ZSTD:
		good = unzstd_block(from, n, to, h->plain);
		break;
	default:
		return err_set(err, ERR_SOURCE,
		    "the source compresses by a method that calve does not "
		    "know (0x%02x); set wire: none",
		    h->method);
	}
	if (!good)
		return err_set(err, ERR_SOURCE_LOST,
		    "corrupt stream: a compressed frame does not unpack to "
		    "its size; run it again");
	return 0;
}

ssize_t
frames_read(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct frames *f = arg;
	struct head h;
	int rc;

	if (f->pos == f->len) {
		if ((rc = next_frame(f, &h, err)) <= 0)
			return rc;
		f->pos = f->len = 0;
		if (n >= h.plain)
			return unpack(f, &h, dst, err) == -1 ? -1
							     : (ssize_t)h.plain;
		if (unpack(f, &h, mem_need(&f->plain, h.plain), err) == -1)
			return -1;
		f->len = h.plain;
	}
	if (n > f->len - f->pos)
		n = f->len - f->pos;
	memcpy(dst, (uint8_t *)f->plain.p + f->pos, n);
	f->pos += n;
	return (ssize_t)n;
}
