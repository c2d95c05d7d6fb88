/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a ClickHouse server's answers travel: as they are, in ClickHouse's
 * frames (asked for by compress=1, frames.h), or with Content-Encoding zstd
 * (unzstd.h). What is read here is the answer itself, whatever the way.
 *
 * Only answers of rows go in frames. zstd is offered with every request; a
 * server that does not know it sends the answer as it is.
 */
#ifndef CALVE_CLICKHOUSE_WIRE_H
#define CALVE_CLICKHOUSE_WIRE_H

#include "common/buf.h"
#include "worker/clickhouse/http.h"

enum wire_coding { WIRE_NONE, WIRE_LZ4, WIRE_ZSTD };

struct wire;

/* coding: "none", "lz4" or "zstd"; NULL is none for a server on this host
 * and lz4 for others. */
struct wire *wire_new(
    const char *coding, const struct http_options *, struct err *) MUST_USE;
void wire_free(struct wire *);
enum wire_coding wire_coding(const struct wire *);
/* Its connection: place, answer, stop. Bodies are read here alone. */
struct http *wire_http(struct wire *);

/* As http_start(). framed: in frames, where the coding is lz4; for long
 * answers. */
int wire_start(struct wire *, const char *parameters, const char *sql,
    bool framed, struct err *) MUST_USE;
/* Ends what http_put() sent (http.h) and waits for the answer. */
int wire_put_end(struct wire *, struct err *) MUST_USE;
/* A stream_fetch: next bytes of the answer, 0 when all of it came whole. */
ssize_t wire_read(void *wire, uint8_t *dst, size_t n, struct err *);
/* The body of a refusal, at most max bytes: in frames, or as it is where the
 * server refused before it knew of them. */
void wire_refusal(struct wire *, struct buf *out, size_t max);
/* Reads up to max bytes and throws them away, so that the tail is the
 * answer's end. -1 when they could not be read. */
int wire_drain(struct wire *, uint64_t max, struct err *) MUST_USE;
/* Whether bytes of this answer are handed out before their checksum has been
 * compared: then what is wrong with them may be the wire's doing. */
bool wire_checks_late(const struct wire *);
/* The answer's last bytes read. */
const uint8_t *wire_tail(struct wire *, size_t *n);
/* The same as they came: where a server breaks off in between frames. */
const uint8_t *wire_raw_tail(struct wire *, size_t *n);

#endif
