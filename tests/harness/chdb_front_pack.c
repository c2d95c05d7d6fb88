/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed answers, in the two ways of release 26.5: ClickHouse's frames of
 * LZ4 for ?compress=1 (whatever network_compression_method says: over HTTP
 * that counts only from 26.9 on), and Content-Encoding zstd, whose stream ends
 * with a checksum, for clients that accept it with enable_http_compression=1.
 *
 * As there, up to a mebibyte of output makes one frame, and an exception in
 * mid-stream stands in a frame of its own behind what was there before.
 */
#include <endian.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "chdb_front.h"
#include "worker/clickhouse/city.h"

enum { HEAD = 9, CHECKSUM = 16, METHOD_LZ4 = 0x82, LEVEL = 3 };

struct pack {
	enum coding coding;
	ZSTD_CCtx *zstd;
	char *out;
	size_t size;
};

struct pack *
pack_new(enum coding coding)
{
	struct pack *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->coding = coding;
	if (coding == CODING_ZSTD) {
		p->zstd = ZSTD_createCCtx();
		if (p->zstd == NULL)
			abort();
		ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	}
	return p;
}

void
pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	ZSTD_freeCCtx(p->zstd);
	free(p->out);
	free(p);
}

static void
need(struct pack *p, size_t n)
{
	if (n <= p->size)
		return;
	p->out = realloc(p->out, n);
	if (p->out == NULL)
		abort();
	p->size = n;
}

static void
put_u32(char *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof(v));
}

static size_t
pack_frame(struct pack *p, const char *data, size_t n)
{
	size_t bound = (size_t)LZ4_compressBound((int)n);
	struct city128 sum;
	char *head;
	uint64_t half;
	int packed;

	if (n == 0)
		return 0;
	need(p, CHECKSUM + HEAD + bound);
	head = p->out + CHECKSUM;
	packed = LZ4_compress_default(data, head + HEAD, (int)n, (int)bound);
	if (packed <= 0)
		abort();
	head[0] = (char)METHOD_LZ4;
	put_u32(head + 1, (uint32_t)packed + HEAD);
	put_u32(head + 5, (uint32_t)n);
	sum = city_hash128(head, (size_t)packed + HEAD);
	half = htole64(sum.low);
	memcpy(p->out, &half, 8);
	half = htole64(sum.high);
	memcpy(p->out + 8, &half, 8);
	return CHECKSUM + HEAD + (size_t)packed;
}

static size_t
pack_zstd(struct pack *p, const char *data, size_t n, enum pack_how how)
{
	ZSTD_inBuffer in = { .src = data, .size = n };
	ZSTD_outBuffer out;

	need(p, ZSTD_compressBound(n) + (1 << 10));
	out = (ZSTD_outBuffer){ .dst = p->out, .size = p->size };
	for (;;) {
		size_t left = ZSTD_compressStream2(p->zstd, &out, &in,
		    how == PACK_END         ? ZSTD_e_end
			: how == PACK_FLUSH ? ZSTD_e_flush
					    : ZSTD_e_continue);
		if (ZSTD_isError(left))
			abort();
		if (how == PACK_MORE ? in.pos == in.size : left == 0)
			return out.pos;
		if (out.pos == out.size) {
			need(p, p->size * 2);
			out.dst = p->out;
			out.size = p->size;
		}
	}
}

const char *
pack_bytes(
    struct pack *p, const char *data, size_t n, enum pack_how how, size_t *len)
{
	*len = p->coding == CODING_ZSTD ? pack_zstd(p, data, n, how)
					: pack_frame(p, data, n);
	return p->out;
}
