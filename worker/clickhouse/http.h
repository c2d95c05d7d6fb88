/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's only home: POST of one SQL text at a time to a ClickHouse server,
 * the answer pulled, or the data of an INSERT pushed, in pieces with bounded
 * memory.
 *
 * A reader that is slower than the server pauses the transfer; a server that
 * is slower than the writer makes it wait. Credentials go
 * as headers X-ClickHouse-User and X-ClickHouse-Key, never in the URL, which
 * servers log. No redirects, no proxy from the environment; what is compressed
 * stays so (clickhouse_wire.h).
 * One request at a time; the connection is used again for the next one.
 *
 * Errors of the transfer are of the role's lost class (ERR_SOURCE_LOST,
 * ERR_TARGET_LOST); of the request's form ERR_CONFIG. They name scheme, host
 * and port only. A sign to stop (worker/stop.h) ends a wait for a source with
 * ERR_CANCELLED; what a target is at may be a commit, so that is waited for.
 */
#ifndef CALVE_CLICKHOUSE_HTTP_H
#define CALVE_CLICKHOUSE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* What the server is to the run: the words and classes of its errors. */
struct http_role {
	const char *name; /* "source" */
	enum err_class refused, lost;
};
extern const struct http_role http_source, http_target;

struct http_options {
	const struct http_role *role; /* NULL: http_source */
	const char *url;              /* http(s)://host:port, no user in it */
	const char *user;             /* NULL or "": none sent */
	const char *password;
	const char *accept;    /* Accept-Encoding, NULL none */
	unsigned timeout_s;    /* connection; silence in mid-stream; */
	unsigned first_byte_s; /* silence before the answer begins */
};

/* Received and not yet read, at most. */
enum { HTTP_BUFFER = 4 << 20 };

/* What is known of the answer so far. */
struct http_answer {
	long status;            /* 0: no answer */
	bool ended;             /* the transfer is over ... */
	bool clean;             /* ... and all of it came */
	int exception_code;     /* header X-ClickHouse-Exception-Code,
					 * also as a trailer; 0 none */
	char exception_tag[64]; /* X-ClickHouse-Exception-Tag, or "" */
	char encoding[16];      /* Content-Encoding, or "" */
	bool named;             /* some header of ClickHouse's own came */
	bool tells_written;     /* X-ClickHouse-Summary came whole ... */
	uint64_t written_rows;  /* ... and has this */
};

struct http;

/* What the first http_new() would do for all; sooner, where there is time. */
void http_init(void);
struct http *http_new(const struct http_options *, struct err *) MUST_USE;
void http_free(struct http *);
const char *http_place(const struct http *); /* "http://host:port" */
const struct http_role *http_role(const struct http *);
bool http_is_local(const struct http *); /* its host is this one */

/* Sends sql to <url>/?<parameters> and waits until the answer's first byte or
 * end is here, whatever its status. Ends a request still running. */
int http_start(struct http *, const char *parameters, const char *sql,
    struct err *) MUST_USE;

/*
 * An INSERT with its data: http_put_begin(), http_put() as often as there is
 * data, http_put_end(); then the answer is read as after http_start().
 *
 * http_put() returns once the bytes are handed to the connection, and keeps
 * none of them. Both return 1 where the server has answered already, which is
 * its refusal: what follows is not sent, http_put_end() comes next.
 * http_stop() before http_put_end() cuts the request off, so that the server
 * takes it for broken.
 */
int http_put_begin(struct http *, const char *parameters, const char *sql,
    struct err *) MUST_USE;
int http_put(struct http *, const void *, size_t n, struct err *) MUST_USE;
int http_put_end(struct http *, struct err *) MUST_USE;
uint64_t http_sent(const struct http *); /* bytes put since http_new */

/* A stream_fetch: next bytes of the body, 0 when the transfer ended well. */
ssize_t http_read(void *http, uint8_t *dst, size_t n, struct err *);
/* Reads up to max bytes and throws them away, so that the tail is the
 * answer's end; false when the end was not reached. */
bool http_drain(struct http *, uint64_t max);
/* Abandons what is running: the server sees the connection close. */
void http_stop(struct http *);

void http_answer(const struct http *, struct http_answer *);
/* The last bytes of the body received, at most TAIL_MAX (tail.h). */
const uint8_t *http_tail(struct http *, size_t *n);
uint64_t http_received(const struct http *); /* body bytes since http_new */
/* text with all but letters, digits and -._~ as %XX; the caller's. */
char *http_escape(const char *text);

#endif
