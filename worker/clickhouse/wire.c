/* SPDX-License-Identifier: Apache-2.0 */
/* Which way this answer came, and the decoder for it. */
#include "worker/clickhouse/wire.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"
#include "worker/clickhouse/frames.h"
#include "worker/clickhouse/tail.h"
#include "worker/clickhouse/unzstd.h"

enum { STEP = 16 << 10 };

struct wire {
	struct http *http;
	enum wire_coding wanted;
	enum wire_coding coding; /* of this answer */
	struct frames frames;
	struct unzstd *unzstd;
	struct tail *tail; /* of what was decoded; NULL: never was */
};

/* ---- life ----------------------------------------------------------------- */

static enum wire_coding
coding_of(const char *name, const struct http *http)
{
	if (name == NULL)
		return http_is_local(http) ? WIRE_NONE : WIRE_LZ4;
	if (strcmp(name, "lz4") == 0)
		return WIRE_LZ4;
	return strcmp(name, "zstd") == 0 ? WIRE_ZSTD : WIRE_NONE;
}

struct wire *
wire_new(
    const char *coding, const struct http_options *options, struct err *err)
{
	struct http_options o = *options;
	struct wire *w;

	o.accept =
	    coding != NULL && strcmp(coding, "zstd") == 0 ? "zstd" : NULL;
	w = xcalloc(1, sizeof(*w));
	w->http = http_new(&o, err);
	if (w->http == NULL) {
		wire_free(w);
		return NULL;
	}
	w->wanted = coding_of(coding, w->http);
	frames_init(&w->frames, http_read, w->http);
	return w;
}

void
wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	frames_clear(&w->frames);
	unzstd_free(w->unzstd);
	free(w->tail);
	http_free(w->http);
	free(w);
}

enum wire_coding
wire_coding(const struct wire *w)
{
	return w->wanted;
}

struct http *
wire_http(struct wire *w)
{
	return w->http;
}

/* ---- answers -------------------------------------------------------------- */

static int
find_coding(struct wire *w, bool framed, struct err *err)
{
	struct http_answer a;

	http_answer(w->http, &a);
	w->coding = framed ? WIRE_LZ4 : WIRE_NONE;
	if (strcasecmp(a.encoding, "zstd") == 0)
		w->coding = WIRE_ZSTD;
	else if (a.encoding[0] != '\0' &&
	    strcasecmp(a.encoding, "identity") != 0)
		return err_set(err, http_role(w->http)->refused,
		    "'%s' sent its answer with Content-Encoding '%s', for "
		    "which nobody asked; is there a proxy in between",
		    http_place(w->http), a.encoding);
	return 0;
}

int
wire_put_end(struct wire *w, struct err *err)
{
	if (http_put_end(w->http, err) == -1)
		return -1;
	return find_coding(w, false, err);
}

int
wire_start(struct wire *w, const char *parameters, const char *sql, bool framed,
    struct err *err)
{
	char *more;
	int rc;

	framed = framed && w->wanted == WIRE_LZ4;
	more = framed ? xasprintf("%s&compress=1", parameters) : NULL;
	rc = http_start(w->http, framed ? more : parameters, sql, err);
	free(more);
	if (rc == -1 || find_coding(w, framed, err) == -1)
		return -1;
	if (w->coding == WIRE_NONE)
		return 0;
	w->frames.pos = w->frames.len = 0;
	if (w->coding == WIRE_ZSTD && w->unzstd == NULL)
		w->unzstd = unzstd_new(http_read, w->http);
	else if (w->coding == WIRE_ZSTD)
		unzstd_reset(w->unzstd);
	if (w->tail == NULL)
		w->tail = xmalloc(sizeof(*w->tail));
	w->tail->n = 0;
	return 0;
}

ssize_t
wire_read(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct wire *w = arg;
	ssize_t got;

	if (w->coding == WIRE_NONE)
		return http_read(w->http, dst, n, err);
	got = w->coding == WIRE_LZ4 ? frames_read(&w->frames, dst, n, err)
				    : unzstd_read(w->unzstd, dst, n, err);
	if (got > 0)
		tail_put(w->tail, dst, (size_t)got);
	return got;
}

int
wire_drain(struct wire *w, uint64_t max, struct err *err)
{
	uint8_t *some = xmalloc(STEP);
	ssize_t got = 1;

	for (uint64_t n = 0; got > 0 && n < max; n += (uint64_t)got)
		got = wire_read(w, some, STEP, err);
	free(some);
	/* a reason may stand where it could not be decoded */
	if (w->coding != WIRE_NONE)
		http_drain(w->http, max);
	return got == -1 ? -1 : 0;
}

bool
wire_checks_late(const struct wire *w)
{
	return w->coding == WIRE_ZSTD;
}

const uint8_t *
wire_tail(struct wire *w, size_t *n)
{
	return w->coding == WIRE_NONE ? http_tail(w->http, n)
				      : tail_get(w->tail, n);
}

const uint8_t *
wire_raw_tail(struct wire *w, size_t *n)
{
	return http_tail(w->http, n);
}

/* ---- refusals ------------------------------------------------------------- */

/* Appends up to max bytes of what fetch has, as far as it is good. */
static int
read_all(stream_fetch *fetch, void *arg, struct buf *out, size_t max)
{
	struct err ignored = { 0 };
	size_t from = out->len;
	ssize_t n = 1;

	while (n > 0 && out->len - from < max) {
		size_t room = max - (out->len - from);
		uint8_t *to = buf_reserve(out, STEP);

		if (to == NULL)
			break;
		n = fetch(arg, to, room < STEP ? room : STEP, &ignored);
		out->len += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -1 : 0;
}

static ssize_t
from_cursor(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct cursor *at = arg;

	(void)err;
	if (n > cursor_left(at))
		n = cursor_left(at);
	if (n > 0)
		memcpy(dst, cursor_take(at, n), n);
	return (ssize_t)n;
}

void
wire_refusal(struct wire *w, struct buf *out, size_t max)
{
	struct buf raw;
	struct cursor at;
	struct frames frames;

	if (w->coding != WIRE_LZ4) {
		read_all(wire_read, w, out, max);
		return;
	}
	buf_init(&raw, max + STEP);
	read_all(http_read, w->http, &raw, max);
	at = cursor_of(raw.data, raw.len);
	frames_init(&frames, from_cursor, &at);
	if (read_all(frames_read, &frames, out, max) == -1 && out->len == 0)
		buf_put(out, raw.data, raw.len);
	frames_clear(&frames);
	buf_clear(&raw);
}
