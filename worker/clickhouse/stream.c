/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large reads go straight to where the caller wants the bytes; the window
 * serves lengths, names and short strings.
 */
#include "worker/clickhouse/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum { FIRST_STEP = 1 << 20 };

void
stream_init(struct stream *s, stream_fetch *fetch, void *arg, uint64_t budget)
{
	*s = (struct stream){ .fetch = fetch,
		.arg = arg,
		.budget = budget,
		.left = budget,
		.over_advice = "lower the source's block size" };
	s->buf = xmalloc(STREAM_WINDOW);
}

void
stream_clear(struct stream *s)
{
	free(s->buf);
	*s = (struct stream){ 0 };
}

void
stream_renew(struct stream *s)
{
	s->left = s->budget;
}

/* 1 when the window holds something, 0 at the end. */
static int
fill(struct stream *s, struct err *err)
{
	ssize_t n;

	if (s->pos < s->len)
		return 1;
	n = s->fetch(s->arg, s->buf, STREAM_WINDOW, err);
	if (n <= 0)
		return (int)n;
	s->pos = 0;
	s->len = (size_t)n;
	return 1;
}

static int
cut(struct err *err)
{
	return err_set(err, ERR_SOURCE_LOST,
	    "the stream ends in the middle of a block; run it again");
}

int
stream_at_end(struct stream *s, struct err *err)
{
	int rc = fill(s, err);

	return rc == -1 ? -1 : rc == 0;
}

int
stream_afford(struct stream *s, uint64_t n, uint64_t width, struct err *err)
{
	if (width != 0 && n > s->left / width)
		return err_set(err, ERR_LIMIT,
		    "a block of the source is larger than %llu MiB; %s",
		    (unsigned long long)(s->budget >> 20), s->over_advice);
	return 0;
}

int
stream_read(struct stream *s, void *dst, size_t n, struct err *err)
{
	uint8_t *to = dst;

	if (stream_afford(s, n, 1, err) == -1)
		return -1;
	s->left -= n;
	s->taken += n;
	while (n > 0) {
		size_t have = s->len - s->pos;
		ssize_t got;

		if (have > 0) {
			if (have > n)
				have = n;
			memcpy(to, s->buf + s->pos, have);
			s->pos += have;
			to += have;
			n -= have;
			continue;
		}
		if (n < STREAM_WINDOW) {
			int rc = fill(s, err);

			if (rc <= 0)
				return rc == 0 ? cut(err) : -1;
			continue;
		}
		got = s->fetch(s->arg, to, n, err);
		if (got <= 0)
			return got == 0 ? cut(err) : -1;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

int
stream_read_mem(struct stream *s, struct mem *m, size_t total, struct err *err)
{
	size_t have = 0, step = FIRST_STEP;

	if (stream_afford(s, total, 1, err) == -1)
		return -1;
	mem_need(m, total < step ? total : step);
	while (have < total) {
		uint8_t *p;

		if (total - have < step || m->cap >= total)
			step = total - have;
		p = mem_need(m, have + step);
		if (stream_read(s, p + have, step, err) == -1)
			return -1;
		have += step;
		step = have;
	}
	return 0;
}

int
stream_u64(struct stream *s, uint64_t *out, struct err *err)
{
	return stream_read(s, out, sizeof(*out), err);
}

int
stream_varint(struct stream *s, uint64_t *out, struct err *err)
{
	uint64_t v = 0;
	uint8_t b;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		if (stream_read(s, &b, 1, err) == -1)
			return -1;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0) {
			*out = v;
			return 0;
		}
	}
	return err_set(
	    err, ERR_DATA, "corrupt stream: a length of more than 64 bits");
}

ssize_t
stream_peek(struct stream *s, const uint8_t **p, struct err *err)
{
	int rc = fill(s, err);

	if (rc <= 0)
		return rc;
	*p = s->buf + s->pos;
	return (ssize_t)(s->len - s->pos);
}

int
stream_take(struct stream *s, size_t n, struct err *err)
{
	if (stream_afford(s, n, 1, err) == -1)
		return -1;
	s->pos += n;
	s->left -= n;
	s->taken += n;
	return 0;
}
