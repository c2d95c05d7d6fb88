/* SPDX-License-Identifier: Apache-2.0 */
/* zstd's streaming decoder, fed from a stream_fetch. */
#include "worker/clickhouse/unzstd.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/xalloc.h"

/* Levels up to 19 look back 8 MiB at most. */
enum { WINDOW_LOG_MAX = 23, INPUT = 128 << 10 };

struct unzstd {
	stream_fetch *fetch;
	void *arg;
	ZSTD_DCtx *context;
	ZSTD_inBuffer in;
	bool within; /* a frame has begun and not ended */
	bool full;   /* there may be more than the last read took */
	uint8_t buf[INPUT];
};

struct unzstd *
unzstd_new(stream_fetch *fetch, void *arg)
{
	struct unzstd *z = xmalloc(sizeof(*z));

	z->fetch = fetch;
	z->arg = arg;
	z->context = xchecked(ZSTD_createDCtx());
	unzstd_reset(z);
	return z;
}

void
unzstd_free(struct unzstd *z)
{
	if (z == NULL)
		return;
	ZSTD_freeDCtx(z->context);
	free(z);
}

void
unzstd_reset(struct unzstd *z)
{
	z->in = (ZSTD_inBuffer){ .src = z->buf };
	z->within = z->full = false;
	if (z->context == NULL)
		return;
	ZSTD_DCtx_reset(z->context, ZSTD_reset_session_only);
	ZSTD_DCtx_setParameter(z->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
}

static int
failed(size_t code, struct err *err)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return err_set(err, ERR_NOMEM,
		    "out of memory for zstd; raise limits.memory");
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_set(err, ERR_SOURCE,
		    "the source compresses with a window of more than %d MiB; "
		    "set its http_zlib_compression_level to 19 or lower",
		    1 << (WINDOW_LOG_MAX - 20));
	case ZSTD_error_checksum_wrong:
		return err_set(err, ERR_SOURCE_LOST,
		    "corrupt stream: the checksum of the compressed answer "
		    "does not match, bytes were changed on the way; run it "
		    "again");
	default:
		return err_set(err, ERR_SOURCE_LOST,
		    "corrupt stream: the answer is no zstd (%s); run it again",
		    ZSTD_getErrorName(code));
	}
}

ssize_t
unzstd_read(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct unzstd *z = arg;
	ZSTD_outBuffer out = { .dst = dst, .size = n };
	size_t left;

	if (z->context == NULL)
		return err_set(err, ERR_NOMEM,
		    "out of memory for zstd; raise limits.memory");
	while (out.pos == 0 && n > 0) {
		if (z->in.pos == z->in.size && !z->full) {
			ssize_t got = z->fetch(z->arg, z->buf, INPUT, err);

			if (got == -1)
				return -1;
			if (got == 0 && z->within)
				return err_set(err, ERR_SOURCE_LOST,
				    "the stream ends in the middle of "
				    "compressed data; run it again");
			if (got == 0)
				return 0;
			z->in.size = (size_t)got;
			z->in.pos = 0;
		}
		left = ZSTD_decompressStream(z->context, &out, &z->in);
		if (ZSTD_isError(left))
			return failed(left, err);
		z->within = left != 0;
		z->full = z->within && out.pos == out.size;
	}
	return (ssize_t)out.pos;
}

bool
unzstd_block(const void *src, size_t len, void *dst, size_t n)
{
	size_t got = ZSTD_decompress(dst, n, src, len);

	if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
		xchecked(NULL);
	return got == n;
}
