/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which an answer counts as complete. */
#include "worker/clickhouse/answer.h"

#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/error.h"

enum { REFUSAL_MAX = 64 << 10, EXPLAIN_MAX = 1 << 20, STEP = 16 << 10 };

/* Appends up to max bytes of the answer; 1 when there is more. */
static int
read_all(struct wire *w, struct buf *out, size_t max, struct err *err)
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
		n = wire_read(w, to, STEP, err);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

/* -1 when the answer that begins is a refusal. */
static int
refused(struct wire *w, const char *user, struct err *err)
{
	struct server_error e = { .role = http_role(wire_http(w)),
		.place = http_place(wire_http(w)),
		.user = user };
	struct http_answer a;
	struct buf body;

	http_answer(wire_http(w), &a);
	if (a.status == 200 && a.exception_code == 0 && a.named)
		return 0;
	e.named = a.named;
	buf_init(&body, REFUSAL_MAX + STEP);
	wire_refusal(w, &body, REFUSAL_MAX);
	http_stop(wire_http(w));
	e.status = a.status;
	e.code = a.exception_code;
	e.text = (const char *)body.data;
	e.len = body.len;
	clickhouse_refusal(&e, err);
	buf_clear(&body);
	return -1;
}

int
clickhouse_begin(struct wire *w, const char *user, const char *parameters,
    const char *sql, bool rows, struct err *err)
{
	if (wire_start(w, parameters, sql, rows, err) == -1)
		return -1;
	return refused(w, user, err);
}

/* Whether bytes of the answer's end hold an exception's text. wrong:
 * something is wrong with the stream already, so that a text without a tag
 * may be believed. */
static bool
find_exception(const uint8_t *tail, size_t n, const struct http_answer *a,
    bool wrong, struct server_error *e)
{
	if (a->exception_tag[0] != '\0')
		return clickhouse_tagged_exception(
		    tail, n, a->exception_tag, &e->text, &e->len);
	return wrong && clickhouse_bare_exception(tail, n, &e->text, &e->len);
}

/* -1 when the answer's end holds an exception. */
static int
exception_at_end(struct wire *w, const char *user, bool wrong, struct err *err)
{
	struct server_error e = { .role = http_role(wire_http(w)),
		.place = http_place(wire_http(w)),
		.user = user,
		.named = true,
		.status = 200,
		.text = "" };
	struct http_answer a;
	size_t n;
	const uint8_t *tail = wire_tail(w, &n);
	bool found;

	http_answer(wire_http(w), &a);
	e.code = a.exception_code;
	found = find_exception(tail, n, &a, wrong, &e);
	if (!found && wrong) {
		tail = wire_raw_tail(w, &n);
		found = find_exception(tail, n, &a, wrong, &e);
	}
	if (!found && a.exception_code == 0)
		return 0;
	return clickhouse_refusal(&e, err);
}

int
clickhouse_complete(struct wire *w, const char *user, struct err *err)
{
	struct http_answer a;

	http_answer(wire_http(w), &a);
	if (!a.ended || !a.clean || a.status != 200)
		return err_set(err, http_role(wire_http(w))->lost,
		    "'%s' did not end its "
		    "answer; run it again",
		    http_place(wire_http(w)));
	return exception_at_end(w, user, false, err);
}

int
clickhouse_doubt(struct wire *w, struct err *err)
{
	struct err damage = { 0 };

	if (wire_checks_late(w) && !err_is_retryable(err->cls) &&
	    wire_drain(w, UINT64_MAX, &damage) == -1)
		*err = damage;
	return -1;
}

int
clickhouse_explain(struct wire *w, const char *user, struct err *err)
{
	struct err ignored = { 0 };

	clickhouse_doubt(w, err);
	/* what remains behind an exception's beginning is short */
	if (wire_drain(w, EXPLAIN_MAX, &ignored) == -1)
		err_clear(&ignored);
	exception_at_end(w, user, true, err);
	http_stop(wire_http(w));
	return -1;
}

int
clickhouse_fetch(struct wire *w, const char *user, const char *parameters,
    const char *sql, struct buf *out, size_t max, struct err *err)
{
	int rc;

	if (clickhouse_begin(w, user, parameters, sql, false, err) == -1)
		return -1;
	rc = read_all(w, out, max, err);
	if (rc == 1) {
		http_stop(wire_http(w));
		return err_set(err, ERR_LIMIT,
		    "'%s' sent more than %zu bytes "
		    "where little was expected",
		    http_place(wire_http(w)), max);
	}
	if (rc == -1)
		return clickhouse_explain(w, user, err);
	return clickhouse_complete(w, user, err);
}

int
clickhouse_put_end(
    struct wire *w, const char *user, uint64_t *written, struct err *err)
{
	struct http_answer a;

	if (wire_put_end(w, err) == -1 || refused(w, user, err) == -1)
		return -1;
	if (wire_drain(w, EXPLAIN_MAX, err) == -1)
		return clickhouse_explain(w, user, err);
	if (clickhouse_complete(w, user, err) == -1)
		return -1;
	http_answer(wire_http(w), &a);
	*written = a.written_rows;
	if (a.tells_written)
		return 0;
	return err_set(err, http_role(wire_http(w))->lost,
	    "'%s' does not say how many rows an insert has written (header "
	    "X-ClickHouse-Summary); a server before 20.3 cannot, and what "
	    "stands in between must let it through",
	    http_place(wire_http(w)));
}

char *
clickhouse_text(struct cursor *at)
{
	uint64_t n = cursor_varint(at);
	const uint8_t *p = n <= cursor_left(at) ? cursor_take(at, n) : NULL;

	if (p == NULL || memchr(p, '\0', n) != NULL) {
		at->bad = true;
		return xstrdup("");
	}
	return xstrndup((const char *)p, n);
}
