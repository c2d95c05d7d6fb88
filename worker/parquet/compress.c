/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd contexts live in thread-specific storage: their tables cost about a
 * megabyte, and setting them up for each page costs time.
 */
#include "worker/parquet/compress.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/xalloc.h"

struct contexts {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
free_contexts(void *p)
{
	struct contexts *ctx = p;

	ZSTD_freeCCtx(ctx->c);
	ZSTD_freeDCtx(ctx->d);
	free(ctx);
}

static void
make_key(void)
{
	if (pthread_key_create(&key, free_contexts) != 0)
		abort(); /* more than a thousand keys: cannot be */
}

static struct contexts *
own_contexts(void)
{
	struct contexts *ctx;

	pthread_once(&once, make_key);
	if ((ctx = pthread_getspecific(key)) == NULL) {
		ctx = xcalloc(1, sizeof(*ctx));
		pthread_setspecific(key, ctx);
	}
	return ctx;
}

size_t
compress_bound(size_t n)
{
	return ZSTD_compressBound(n);
}

size_t
compress_zstd(
    int level, const void *p, size_t n, void *out, size_t room, struct err *err)
{
	struct contexts *ctx = own_contexts();
	size_t size;

	if (ctx->c == NULL)
		ctx->c = xchecked(ZSTD_createCCtx());
	size = ZSTD_compressCCtx(ctx->c, out, room, p, n, level);
	if (!ZSTD_isError(size))
		return size;
	if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation)
		err_set(err, ERR_NOMEM,
		    "out of memory for zstd; raise "
		    "limits.memory or lower the compression level");
	else
		err_set(err, ERR_BUG, "zstd cannot compress a page: %s",
		    ZSTD_getErrorName(size));
	return 0;
}

bool
decompress_zstd(const void *p, size_t n, void *out, size_t size)
{
	struct contexts *ctx = own_contexts();

	if (ctx->d == NULL)
		ctx->d = xchecked(ZSTD_createDCtx());
	return ZSTD_decompressDCtx(ctx->d, out, size, p, n) == size;
}
