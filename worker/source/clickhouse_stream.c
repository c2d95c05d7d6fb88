/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which an answer counts as complete. */
#include "worker/source/clickhouse_stream.h"

#include "worker/source/clickhouse_error.h"

enum { REFUSAL_MAX = 64 << 10, EXPLAIN_MAX = 1 << 20, STEP = 16 << 10 };

/* Appends up to max bytes of the answer; 1 when there is more. */
static int
read_all(struct http *h, struct buf *out, size_t max, struct err *err)
{
	size_t from = out->len;

	for (;;) {
		uint8_t *to;
		ssize_t n;

		if (out->len - from >= max)
			return 1;
		to = buf_reserve(out, STEP);
		if (to == NULL)
			return 1;
		n = http_read(h, to, STEP, err);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

int
clickhouse_begin(struct http *h, const char *user, const char *parameters,
    const char *sql, struct err *err)
{
	struct server_error e = { .place = http_place(h), .user = user };
	struct http_answer a;
	struct err ignored = { 0 };
	struct buf body;

	if (http_start(h, parameters, sql, err) == -1)
		return -1;
	http_answer(h, &a);
	if (a.status == 200 && a.exception_code == 0)
		return 0;
	buf_init(&body, REFUSAL_MAX + STEP);
	if (read_all(h, &body, REFUSAL_MAX, &ignored) == 1)
		http_stop(h);
	e.status = a.status;
	e.code = a.exception_code;
	e.text = (const char *)body.data;
	e.len = body.len;
	clickhouse_refusal(&e, err);
	buf_clear(&body);
	return -1;
}

/* -1 when the answer's end holds an exception. wrong: something is wrong with
 * the stream already, so that a text without a tag may be believed. */
static int
exception_at_end(struct http *h, const char *user, bool wrong, struct err *err)
{
	struct server_error e = {
		.place = http_place(h), .user = user, .status = 200, .text = ""
	};
	struct http_answer a;
	size_t n;
	const uint8_t *tail = http_tail(h, &n);
	bool found;

	http_answer(h, &a);
	e.code = a.exception_code;
	if (a.exception_tag[0] != '\0')
		found = clickhouse_tagged_exception(
		    tail, n, a.exception_tag, &e.text, &e.len);
	else
		found = wrong &&
		    clickhouse_bare_exception(tail, n, &e.text, &e.len);
	if (!found && a.exception_code == 0)
		return 0;
	return clickhouse_refusal(&e, err);
}

int
clickhouse_complete(struct http *h, const char *user, struct err *err)
{
	struct http_answer a;

	http_answer(h, &a);
	if (!a.ended || !a.clean || a.status != 200)
		return err_set(err, ERR_SOURCE_LOST,
		    "'%s' did not end its "
		    "answer; run it again",
		    http_place(h));
	return exception_at_end(h, user, false, err);
}

int
clickhouse_explain(struct http *h, const char *user, struct err *err)
{
	/* what remains behind an exception's beginning is short */
	http_drain(h, EXPLAIN_MAX);
	exception_at_end(h, user, true, err);
	http_stop(h);
	return -1;
}

int
clickhouse_fetch(struct http *h, const char *user, const char *parameters,
    const char *sql, struct buf *out, size_t max, struct err *err)
{
	int rc;

	if (clickhouse_begin(h, user, parameters, sql, err) == -1)
		return -1;
	rc = read_all(h, out, max, err);
	if (rc == 1) {
		http_stop(h);
		return err_set(err, ERR_LIMIT,
		    "'%s' sent more than %zu bytes "
		    "where little was expected",
		    http_place(h), max);
	}
	if (rc == -1)
		return clickhouse_explain(h, user, err);
	return clickhouse_complete(h, user, err);
}
