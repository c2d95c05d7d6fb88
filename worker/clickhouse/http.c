/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One curl_multi with one easy handle, driven only while somebody waits for
 * bytes. The write callback takes a piece whole or pauses the transfer.
 *
 * Silence is measured from the moment somebody waits, so that a slow reader
 * does not make a live server look dead.
 */
#include "worker/clickhouse/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/clickhouse/tail.h"
#include "worker/stop.h"

const struct http_role http_source = { "source", ERR_SOURCE, ERR_SOURCE_LOST },
		       http_target = { "target", ERR_TARGET, ERR_TARGET_LOST };

enum { TURN_MS = 1000, PIECE = 512 << 10, SUMMARY_MAX = 2048 };

struct http {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	char *base;                  /* URL up to the path's "/" */
	char *place;                 /* for messages */
	bool local;                  /* a loopback address */
	struct http_options options; /* numbers only */
	const struct http_role *role;
	char curl_text[CURL_ERROR_SIZE];

	bool running, paused, begun;
	bool headed; /* the blank line after the headers has come */
	CURLcode result;
	int socket_errno; /* why no socket could be made, 0: one was */
	struct http_answer answer;
	struct mono activity;
	uint64_t received, sent;

	const uint8_t *put; /* of the piece that is being sent: */
	size_t put_left;    /* what curl has not taken */
	bool put_waits;     /* curl has asked for more than there was */
	bool put_over;      /* there will be no more */

	uint8_t *want; /* the reader's room while it waits, filled first: */
	size_t want_n, got, got_noted; /* noted in the tail */
	uint8_t *buf;                  /* pos .. len not yet read */
	size_t pos, len;
	struct tail *tail;
};

/* As curl would, but keeps why there is none: curl takes that for a
 * connection that was refused. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http *h = arg;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	(void)purpose;
	h->socket_errno = fd == -1 ? errno : 0;
	return fd;
}

/* The tail takes what lies with the reader only when it is all there: it needs
 * but the last of it. */
static void
note_direct(struct http *h)
{
	if (h->got > h->got_noted)
		tail_put(
		    h->tail, h->want + h->got_noted, h->got - h->got_noted);
	h->got_noted = h->got;
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct http *h = arg;
	size_t direct;

	n *= one;
	h->activity = mono_now();
	h->begun = true;
	direct = h->want_n - h->got < n ? h->want_n - h->got : n;
	if (h->len + n - direct > HTTP_BUFFER && h->pos > 0) {
		memmove(h->buf, h->buf + h->pos, h->len - h->pos);
		h->len -= h->pos;
		h->pos = 0;
	}
	if (h->len + n - direct > HTTP_BUFFER) {
		h->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (direct > 0)
		memcpy(h->want + h->got, p, direct);
	h->got += direct;
	h->received += n;
	if (n > direct) {
		note_direct(h);
		memcpy(h->buf + h->len, p + direct, n - direct);
		h->len += n - direct;
		tail_put(h->tail, (const uint8_t *)p + direct, n - direct);
	}
	return n;
}

static size_t
on_put(char *to, size_t one, size_t n, void *arg)
{
	struct http *h = arg;

	n *= one;
	h->activity = mono_now();
	if (h->put_left == 0 && !h->put_over) {
		h->put_waits = true;
		return CURL_READFUNC_PAUSE;
	}
	if (h->put_left == 0)
		return 0; /* the body's end */
	if (n > h->put_left)
		n = h->put_left;
	memcpy(to, h->put, n);
	h->put += n;
	h->put_left -= n;
	h->sent += n;
	return n;
}

/* The value of a header line, if it is that header. */
static bool
header_value(
    const char *line, size_t n, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return false;
	line += len + 1;
	n -= len + 1;
	while (n > 0 && isspace((unsigned char)*line)) {
		line++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	if (n >= size)
		n = size - 1;
	memcpy(out, line, n);
	out[n] = '\0';
	return true;
}

/* X-ClickHouse-Summary is one object of texts that are numbers. What has no
 * end may have lost digits, too. */
static void
note_summary(struct http_answer *a, const char *text)
{
	static const char key[] = "\"written_rows\":\"";
	const char *at = strstr(text, key);
	char *end;

	a->tells_written = false;
	if (at == NULL || text[0] != '{' || text[strlen(text) - 1] != '}')
		return;
	at += strlen(key);
	errno = 0;
	a->written_rows = strtoull(at, &end, 10);
	a->tells_written =
	    isdigit((unsigned char)*at) && *end == '"' && errno == 0;
}

/* Trailers come this way too. */
static size_t
on_header(char *line, size_t one, size_t n, void *arg)
{
	static const char own[] = "X-ClickHouse-";
	struct http *h = arg;
	char value[64], summary[SUMMARY_MAX];

	n *= one;
	h->activity = mono_now();
	h->headed = h->headed || *line == '\r' || *line == '\n';
	if (n > strlen(own) && strncasecmp(line, own, strlen(own)) == 0)
		h->answer.named = true;
	if (header_value(
		line, n, "X-ClickHouse-Summary", summary, sizeof(summary)))
		note_summary(&h->answer, summary);
	if (header_value(
		line, n, "X-ClickHouse-Exception-Code", value, sizeof(value))) {
		h->answer.exception_code = atoi(value);
		if (h->answer.exception_code == 0)
			h->answer.exception_code = -1;
	}
	header_value(line, n, "X-ClickHouse-Exception-Tag",
	    h->answer.exception_tag, sizeof(h->answer.exception_tag));
	header_value(line, n, "Content-Encoding", h->answer.encoding,
	    sizeof(h->answer.encoding));
	return n;
}

/* ---- life ----------------------------------------------------------------- */

/* "localhost", 127.0.0.0/8, [::1] */
static bool
is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ||
	    strcmp(host, "[::1]") == 0 ||
	    (strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == strlen(host));
}

static int
parse_url(struct http *h, const char *url, struct err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	int rc = 0;

	if (url == NULL ||
	    curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		rc = err_set(err, ERR_CONFIG,
		    "the %s's url is malformed; "
		    "write it as http://host:8123",
		    h->role->name);
	} else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK) {
		rc = err_set(err, ERR_CONFIG,
		    "the %s's url holds "
		    "credentials, and servers log urls; use the keys user and "
		    "password",
		    h->role->name);
	} else {
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
		h->local = is_loopback(host);
		h->place = xasprintf("%s://%s:%s", scheme, host, port);
		h->base = xstrndup(url, strcspn(url, "?#"));
		while (
		    h->base[0] != '\0' && h->base[strlen(h->base) - 1] == '/')
			h->base[strlen(h->base) - 1] = '\0';
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	curl_url_cleanup(u);
	return rc;
}

static int
add_header(struct http *h, const char *name, const char *value, struct err *err)
{
	struct curl_slist *more;
	char *line;

	if (value == NULL || value[0] == '\0')
		return 0;
	if (strpbrk(value, "\r\n") != NULL)
		return err_set(err, ERR_CONFIG,
		    "a line break in the %s's "
		    "user or password; remove it",
		    h->role->name);
	line = xasprintf("%s: %s", name, value);
	more = curl_slist_append(h->headers, line);
	explicit_bzero(line, strlen(line));
	free(line);
	if (more == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	h->headers = more;
	return 0;
}

static int
prepare_easy(struct http *h, const struct http_options *o, struct err *err)
{
	CURL *e = h->easy;

	if (add_header(h, "X-ClickHouse-User", o->user, err) == -1 ||
	    add_header(h, "X-ClickHouse-Key", o->password, err) == -1 ||
	    add_header(h, "Accept-Encoding", o->accept, err) == -1 ||
	    add_header(h, "Content-Type", "text/plain; charset=utf-8", err) ==
		-1)
		return -1;
	/* no "Expect: 100-continue", which costs a round trip */
	h->headers = curl_slist_append(h->headers, "Expect:");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)PIECE);
	curl_easy_setopt(
	    e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_s * 1000);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->curl_text);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_put);
	curl_easy_setopt(e, CURLOPT_READDATA, h);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)PIECE);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "calve");
	return 0;
}

/* curl reports a failed allocation as whatever it was doing at the time; so
 * memory that runs out is told where it does, as everywhere else. */
static void *
resize(void *p, size_t n)
{
	return xreallocarray(p, n, 1);
}

static CURLcode curl_ready;

static void
init_curl(void)
{
	curl_ready = curl_global_init_mem(
	    CURL_GLOBAL_DEFAULT, xmalloc, free, resize, xstrdup, xcalloc);
}

void
http_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (pthread_once(&once, init_curl) != 0)
		curl_ready = CURLE_FAILED_INIT;
}

struct http *
http_new(const struct http_options *o, struct err *err)
{
	struct http *h;

	http_init();
	if (curl_ready != CURLE_OK) {
		err_set(err, ERR_BUG, "libcurl cannot be initialised");
		return NULL;
	}
	h = xcalloc(1, sizeof(*h));
	h->role = o->role != NULL ? o->role : &http_source;
	h->options.timeout_s = o->timeout_s > 0 ? o->timeout_s : 30;
	h->options.first_byte_s =
	    o->first_byte_s > 0 ? o->first_byte_s : h->options.timeout_s * 10;
	h->buf = xmalloc(HTTP_BUFFER);
	h->tail = xmalloc(sizeof(*h->tail));
	h->easy = curl_easy_init();
	h->multi = curl_multi_init();
	if (h->easy == NULL || h->multi == NULL) {
		err_set(err, ERR_NOMEM, "out of memory");
	} else if (parse_url(h, o->url, err) == 0 &&
	    prepare_easy(h, o, err) == 0) {
		return h;
	}
	http_free(h);
	return NULL;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	http_stop(h);
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	for (struct curl_slist *s = h->headers; s != NULL; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(h->headers);
	free(h->base);
	free(h->place);
	free(h->buf);
	free(h->tail);
	free(h);
}

const char *
http_place(const struct http *h)
{
	return h->place;
}

const struct http_role *
http_role(const struct http *h)
{
	return h->role;
}

bool
http_is_local(const struct http *h)
{
	return h->local;
}

/* ---- transfer ------------------------------------------------------------- */

static int
transfer_error(struct http *h, struct err *err)
{
	if (h->result == CURLE_COULDNT_CONNECT &&
	    (h->socket_errno == EMFILE || h->socket_errno == ENFILE)) {
		errno = h->socket_errno;
		return err_sys(
		    err, h->role->lost, "cannot connect to '%s'", h->place);
	}
	switch (h->result) {
	case CURLE_COULDNT_CONNECT:
		return err_set(err, h->role->lost,
		    "connection refused by "
		    "'%s'; is the server up, and url right",
		    h->place);
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, h->role->lost,
		    "unknown host in '%s'; "
		    "check url and the name service",
		    h->place);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, h->role->lost,
		    "no connection to '%s' "
		    "within %u s; is the server up and reachable",
		    h->place, h->options.timeout_s);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return err_set(err, h->role->lost,
		    "'%s' closed the "
		    "connection in the middle of an answer; see the server's "
		    "log, then run it again",
		    h->place);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, h->role->refused,
		    "no secure connection to "
		    "'%s': %s",
		    h->place, h->curl_text);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return err_set(err, h->role->refused,
		    "'%s' does not speak HTTP; use "
		    "ClickHouse's HTTP port (8123)",
		    h->place);
	default:
		return err_set(err, h->role->lost,
		    "transfer from '%s' "
		    "failed: %s",
		    h->place,
		    h->curl_text[0] != '\0' ? h->curl_text
					    : curl_easy_strerror(h->result));
	}
}

static void
note_end(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE) {
			h->result = m->data.result;
			/* to libcurl headers may end with the connection */
			if (h->result == CURLE_OK && !h->headed)
				h->result = CURLE_PARTIAL_FILE;
			h->answer.ended = true;
			h->answer.clean = h->result == CURLE_OK;
		}
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->answer.status);
}

/* Whether to wait for another turn: nobody has asked to stop, and the server
 * has not been silent for too long. */
static int
may_wait(struct http *h, struct err *err)
{
	unsigned most =
	    h->begun ? h->options.timeout_s : h->options.first_byte_s;

	if (h->role == &http_target || stop_check(err) == 0) {
		if (mono_seconds_since(h->activity) < most)
			return 0;
		err_set(err, h->role->lost,
		    "'%s' %s nothing for %u s; see the "
		    "server's log, raise timeout if queries take that long",
		    h->place, h->put_left > 0 ? "took" : "sent", most);
	}
	http_stop(h);
	return -1;
}

/* Lets the transfer go on until there is something to read or it ended; or,
 * where there is something to be sent, until that is taken. */
static int
pump(struct http *h, struct err *err)
{
	bool puts = h->put_left > 0;
	int running;

	if (h->paused || (h->put_waits && (puts || h->put_over))) {
		h->paused = h->put_waits = false;
		curl_easy_pause(h->easy, CURLPAUSE_CONT);
	}
	h->activity = mono_now();
	while (h->pos == h->len && h->got == 0 && !h->answer.ended &&
	    (!puts || h->put_left > 0)) {
		if (curl_multi_perform(h->multi, &running) != CURLM_OK)
			return err_set(err, ERR_BUG,
			    "libcurl lost track of a "
			    "transfer");
		note_end(h);
		if (h->pos < h->len || h->got > 0 || h->answer.ended ||
		    (puts && h->put_left == 0))
			break;
		if (curl_multi_poll(h->multi, NULL, 0, TURN_MS, NULL) !=
		    CURLM_OK)
			return err_set(err, ERR_BUG, "libcurl cannot poll");
		if (may_wait(h, err) == -1)
			return -1;
	}
	return 0;
}

/* Forgets the last answer and begins a request; h->easy has its body. */
static int
begin(struct http *h, char *url, struct err *err)
{
	h->answer = (struct http_answer){ 0 };
	h->begun = h->paused = h->headed = false;
	h->result = CURLE_OK;
	h->socket_errno = 0;
	h->pos = h->len = 0;
	h->tail->n = 0;
	h->curl_text[0] = '\0';
	h->put_left = 0;
	h->put_waits = h->put_over = false;
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	free(url);
	if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return err_set(err, ERR_BUG, "libcurl refused a request");
	h->running = true;
	return 0;
}

/* Waits for the answer's beginning. */
static int
await(struct http *h, struct err *err)
{
	if (pump(h, err) == -1)
		return -1;
	if (h->answer.ended && !h->answer.clean && h->answer.status == 0)
		return transfer_error(h, err);
	return 0;
}

int
http_start(
    struct http *h, const char *parameters, const char *sql, struct err *err)
{
	http_stop(h);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(sql));
	curl_easy_setopt(h->easy, CURLOPT_COPYPOSTFIELDS, sql);
	if (begin(h, xasprintf("%s/?%s", h->base, parameters), err) == -1)
		return -1;
	return await(h, err);
}

int
http_put_begin(
    struct http *h, const char *parameters, const char *sql, struct err *err)
{
	char *query = http_escape(sql);
	char *url = xasprintf("%s/?%s&query=%s", h->base, parameters, query);

	free(query);
	http_stop(h);
	/* a body of unknown length: curl sends it in chunks */
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, -1L);
	curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
	return begin(h, url, err);
}

int
http_put(struct http *h, const void *p, size_t n, struct err *err)
{
	h->put = p;
	h->put_left = n;
	if (n > 0 && pump(h, err) == -1)
		return -1;
	if (h->put_left == 0)
		return 0;
	h->put_left = 0;
	return 1;
}

int
http_put_end(struct http *h, struct err *err)
{
	h->put_over = true;
	return await(h, err);
}

ssize_t
http_read(void *arg, uint8_t *dst, size_t n, struct err *err)
{
	struct http *h = arg;
	size_t have;
	int rc;

	if (h->pos == h->len && !h->answer.ended) {
		h->pos = h->len = 0;
		if (!h->running)
			return err_set(err, ERR_BUG, "no answer to read");
		h->want = dst;
		h->want_n = n;
		rc = pump(h, err);
		note_direct(h);
		have = h->got;
		h->want_n = h->got = h->got_noted = 0;
		if (rc == -1 || have > 0)
			return rc == -1 ? -1 : (ssize_t)have;
	}
	have = h->len - h->pos;
	if (have == 0)
		return h->answer.clean ? 0 : transfer_error(h, err);
	if (have > n)
		have = n;
	memcpy(dst, h->buf + h->pos, have);
	h->pos += have;
	return (ssize_t)have;
}

bool
http_drain(struct http *h, uint64_t max)
{
	struct err ignored = { 0 };

	for (uint64_t n = 0; n < max;) {
		n += h->len - h->pos;
		h->pos = h->len = 0;
		if (h->answer.ended)
			return true;
		if (!h->running || pump(h, &ignored) == -1)
			return false;
	}
	return h->answer.ended;
}

void
http_stop(struct http *h)
{
	if (h->running)
		curl_multi_remove_handle(h->multi, h->easy);
	h->running = false;
}

void
http_answer(const struct http *h, struct http_answer *out)
{
	*out = h->answer;
}

const uint8_t *
http_tail(struct http *h, size_t *n)
{
	return tail_get(h->tail, n);
}

uint64_t
http_sent(const struct http *h)
{
	return h->sent;
}

uint64_t
http_received(const struct http *h)
{
	return h->received;
}

char *
http_escape(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = xmalloc(strlen(text) * 3 + 1), *to = out;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c) != NULL) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	*to = '\0';
	return out;
}
