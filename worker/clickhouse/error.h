/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ClickHouse server says when it fails, as a class and one line with
 * what to do; and where such a text hides at the end of a stream.
 */
#ifndef CALVE_CLICKHOUSE_ERROR_H
#define CALVE_CLICKHOUSE_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/clickhouse/http.h"

struct server_error {
	const struct http_role *role;
	const char *place; /* "http://host:port" */
	const char *user;  /* for "wrong password", or NULL */
	bool named;        /* it came with a header of ClickHouse's own */
	long status;       /* of HTTP; 200 in mid-stream */
	int code;          /* of the exception header, 0: look into text */
	const char *text;  /* the body, or the exception's text */
	size_t len;
};
/* Always -1. err->sys is the server's number of the error. */
int clickhouse_refusal(const struct server_error *, struct err *);

/*
 * The exception frame that ends a stream of which data is the tail:
 *
 *   CRLF __exception__ CRLF tag CRLF text CRLF? length SP tag CRLF
 *   __exception__ CRLF
 *
 * Only this answer's tag counts, user data may hold the marker. *text points
 * into data; it is empty when the frame began before the tail.
 */
bool clickhouse_tagged_exception(const uint8_t *data, size_t n, const char *tag,
    const char **text, size_t *len);
/* "Code: N. DB::..." glued to the data, as servers without tags do. User data
 * may look the same: ask only when something is wrong with the stream. */
bool clickhouse_bare_exception(
    const uint8_t *data, size_t n, const char **text, size_t *len);

#endif
