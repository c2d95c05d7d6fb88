/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct stream: bytes pulled from somewhere (a transfer, a test's memory),
 * in exact amounts, with a budget.
 *
 * The budget bounds what one block of the source may consume, so that a
 * corrupt length cannot make the reader take all memory: a read that would
 * exceed it is ERR_LIMIT before anything is allocated. The end of the bytes
 * in the middle of a read is ERR_SOURCE_LOST.
 */
#ifndef CALVE_CLICKHOUSE_STREAM_H
#define CALVE_CLICKHOUSE_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "worker/batch.h"

/* Puts at most n bytes at dst: > 0 how many, 0 the end, -1 failed. */
typedef ssize_t stream_fetch(void *arg, uint8_t *dst, size_t n, struct err *);

struct stream {
	stream_fetch *fetch;
	void *arg;
	uint8_t *buf; /* bytes not yet taken: pos .. len */
	size_t pos, len;
	uint64_t budget;         /* of one block */
	uint64_t left;           /* of this block's budget */
	uint64_t taken;          /* bytes handed out in all */
	const char *over_advice; /* what to do when a block is too big */
};

enum { STREAM_WINDOW = 256 << 10 };

void stream_init(struct stream *, stream_fetch *, void *arg, uint64_t budget);
void stream_clear(struct stream *);

/* A new block begins: the whole budget is there again. */
void stream_renew(struct stream *);
/* 1 at the end, 0 when at least one byte is to come, -1 failed. */
int stream_at_end(struct stream *, struct err *) MUST_USE;
/* May n items of width bytes be taken from this block? Call it before
 * allocating for them. */
int stream_afford(
    struct stream *, uint64_t n, uint64_t width, struct err *) MUST_USE;
int stream_read(struct stream *, void *dst, size_t n, struct err *) MUST_USE;
/* Reads total bytes into m from its start on; memory grows with what has
 * really arrived. */
int stream_read_mem(
    struct stream *, struct mem *m, size_t total, struct err *) MUST_USE;
int stream_u64(struct stream *, uint64_t *, struct err *) MUST_USE;
int stream_varint(struct stream *, uint64_t *, struct err *) MUST_USE;
/* At least one byte to look at: how many lie at *p; 0 at the end, -1 failed.
 * stream_take(n) takes n of them. For loops over many short items. */
ssize_t stream_peek(struct stream *, const uint8_t **p, struct err *) MUST_USE;
int stream_take(struct stream *, size_t n, struct err *) MUST_USE;

#endif
