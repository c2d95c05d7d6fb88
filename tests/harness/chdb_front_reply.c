/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as a ClickHouse server of release 26.5 gives them.
 *
 * As there, nothing is sent before one mebibyte of output is there or the
 * statement has ended: an exception until then is an HTTP error with the
 * code in a header and the text as body. Later it is a frame at the end of
 * the body, tagged with this answer's tag, and the chunked coding is left
 * without its end. Memory is bounded by the blocks of that first mebibyte.
 * A client that goes away cancels its query. Faults strike here, between the
 * engine's bytes and the wire.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "chdb_front.h"

#define COMMIT_SIZE	(1024 * 1024)	/* bytes held before the status */
#define MAX_MESSAGE	(16 * 1024 - 128)	/* text of a tagged frame */
#define CHUNK		(256 * 1024)

/* One block of the engine's output, waiting to be sent. */
struct block {
	struct block *next;
	struct chdb_result *res;
};

/* An answer under way; the response owns it and free_body() ends it. */
struct body {
	struct session session;
	struct chdb_result *stream;	/* NULL: nothing more to fetch */
	struct block *head, **tail;	/* fetched, not sent */
	size_t off;			/* sent of head */
	size_t held;			/* bytes in the list */
	uint64_t rows, read_rows, read_bytes;	/* fetched so far */

	uint64_t sent, sent_blocks, sent_rows;
	struct fault fault;
	struct timespec start;
	int client;			/* its socket */
	char tag[17];
	char *frame;			/* exception, once it has come */
	size_t frame_len, frame_off;
	bool done, failed, cut;
};

atomic_bool front_stopping;

static const struct {
	int status;
	short codes[24];
} statuses[] = {
	{ 401, { 194 } },
	{ 403, { 192, 193, 516, 512, 497 } },
	{ 400, { 36, 427, 6, 25, 26, 38, 41, 72, 676, 675, 27, 376, 15, 44,
	    62, 117, 53, 321, 167, 168, 16, 69 } },
	{ 404, { 60, 46, 47, 50, 56, 81, 115, 63, 73, 78, 511, 165 } },
	{ 413, { 67 } },
	{ 501, { 48 } },
	{ 503, { 209, 76, 439 } },
	{ 408, { 159 } }
};

static unsigned
status_of(int code)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		for (size_t k = 0; k < 24 && statuses[i].codes[k] != 0; k++)
			if (statuses[i].codes[k] == code)
				return (unsigned)statuses[i].status;
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/*
 * The engine's text as a server words it: one "Code: N. DB::Exception:" and
 * the release at the end. The caller frees it.
 */
static char *
exception_text(const char *raw, int *code)
{
	static const char prefix[] = "DB::Exception: ";
	const char *inner;
	char *text;

	while ((inner = strstr(raw, prefix)) != NULL &&
	    strncmp(inner + strlen(prefix), "Code: ", 6) == 0)
		raw = inner + strlen(prefix);
	if (sscanf(raw, "Code: %d.", code) != 1)
		*code = FRONT_UNKNOWN;
	size_t len = strlen(raw);
	const char *tail = strstr(raw, " (version ");
	if (tail != NULL)
		len = (size_t)(tail - raw);
	if (asprintf(&text, "%.*s (version %s (official build))\n", (int)len,
	    raw, engine_version()) == -1)
		abort();
	return text;
}

static void
make_tag(char tag[17])
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	for (int i = 0; i < 16; i++)
		tag[i] = (char)('a' + raw[i] % 26);
	tag[16] = '\0';
}

static const char *
content_type(const char *format)
{
	if (strncasecmp(format, "TabSeparated", 12) == 0 ||
	    strncasecmp(format, "TSV", 3) == 0)
		return "text/tab-separated-values; charset=UTF-8";
	if (strncasecmp(format, "JSONEachRow", 11) == 0)
		return "application/x-ndjson; charset=UTF-8";
	if (strncasecmp(format, "JSON", 4) == 0)
		return "application/json; charset=UTF-8";
	if (strncasecmp(format, "CSV", 3) == 0)
		return "text/csv; charset=UTF-8";
	if (strcasecmp(format, "Native") == 0 ||
	    strncasecmp(format, "RowBinary", 9) == 0 ||
	    strcasecmp(format, "Parquet") == 0)
		return "application/octet-stream";
	return "text/plain; charset=UTF-8";
}

static void
header(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

/* What every answer to a query bears. */
static void
common_headers(struct MHD_Response *response, const struct want *want,
    const char *format, const char *tag)
{
	header(response, "Content-Type", content_type(format));
	header(response, "X-ClickHouse-Server-Display-Name", "chdb-front");
	header(response, "X-ClickHouse-Query-Id", want->query_id);
	header(response, "X-ClickHouse-Format", format);
	header(response, "X-ClickHouse-Timezone", engine_timezone());
	if (tag != NULL)
		header(response, "X-ClickHouse-Exception-Tag", tag);
	header(response, "Access-Control-Expose-Headers",
	    "X-ClickHouse-Query-Id,X-ClickHouse-Summary,"
	    "X-ClickHouse-Server-Display-Name,X-ClickHouse-Format,"
	    "X-ClickHouse-Timezone,X-ClickHouse-Exception-Code,"
	    "X-ClickHouse-Exception-Tag");
}

/* As the real one: what is known when the headers go out. */
static void
summary_header(struct MHD_Response *response, const struct body *body,
    uint64_t written)
{
	struct timespec now;
	char text[512];

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long ns = (now.tv_sec - body->start.tv_sec) * 1000000000LL +
	    now.tv_nsec - body->start.tv_nsec;
	bool whole = body->done;
	snprintf(text, sizeof(text), "{\"read_rows\":\"%llu\","
	    "\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\","
	    "\"written_bytes\":\"0\",\"total_rows_to_read\":\"%llu\","
	    "\"result_rows\":\"%llu\",\"result_bytes\":\"%zu\","
	    "\"elapsed_ns\":\"%lld\",\"memory_usage\":\"0\"}",
	    (unsigned long long)body->read_rows,
	    (unsigned long long)body->read_bytes,
	    (unsigned long long)written,
	    (unsigned long long)body->read_rows,
	    (unsigned long long)(whole ? body->rows : 0),
	    whole ? body->held : 0, ns);
	header(response, "X-ClickHouse-Summary", text);
}

/* An exception as an HTTP error. TEXT is complete, with its line feed. */
static enum MHD_Result
send_exception(struct MHD_Connection *conn, const struct want *want, int code,
    const char *text, const char *tag)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(text), (char *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	char number[16];

	if (response == NULL)
		return MHD_NO;
	snprintf(number, sizeof(number), "%d", code);
	common_headers(response, want, want->format, tag);
	header(response, "X-ClickHouse-Exception-Code", number);
	if (status_of(code) == MHD_HTTP_UNAUTHORIZED)
		header(response, "WWW-Authenticate",
		    "Basic realm=\"ClickHouse server HTTP API\"");
	enum MHD_Result ret = MHD_queue_response(conn, status_of(code),
	    response);
	MHD_destroy_response(response);
	return ret;
}

enum MHD_Result
reply_exception(struct MHD_Connection *conn, const struct want *want,
    int code, const char *name, const char *text)
{
	char *whole;

	if (asprintf(&whole, "Code: %d. DB::Exception: %s. (%s) "
	    "(version %s (official build))\n", code, text, name,
	    engine_version()) == -1)
		return MHD_NO;
	enum MHD_Result ret = send_exception(conn, want, code, whole, NULL);
	free(whole);
	return ret;
}

enum MHD_Result
reply_text(struct MHD_Connection *conn, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(text), (char *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response == NULL)
		return MHD_NO;
	header(response, "Content-Type", "text/html; charset=UTF-8");
	enum MHD_Result ret = MHD_queue_response(conn, status, response);
	MHD_destroy_response(response);
	return ret;
}

/* Puts a fetched block behind the others, or notes the end. */
static void
take_block(struct body *body, struct chdb_result *res)
{
	struct block *block = calloc(1, sizeof(*block));

	if (block == NULL)
		abort();
	block->res = res;
	body->rows += engine_rows(res);
	body->read_rows += engine_read_rows(res);
	body->read_bytes += engine_read_bytes(res);
	body->held += engine_size(res);
	*body->tail = block;
	body->tail = &block->next;
}

static void
drop_block(struct body *body)
{
	struct block *block = body->head;

	body->held -= engine_size(block->res);
	body->head = block->next;
	if (body->head == NULL)
		body->tail = &body->head;
	engine_free(block->res);
	free(block);
	body->off = 0;
}

/* Fetches one block; at the end or on an exception the stream is closed. */
static void
fetch(struct body *body, char **exception)
{
	struct chdb_result *res = session_fetch(&body->session,
	    body->stream);
	const char *error = engine_error(res);

	*exception = NULL;
	if (error == NULL && engine_size(res) > 0) {
		take_block(body, res);
		return;
	}
	if (error != NULL)
		*exception = strdup(error);
	else
		body->done = true;
	engine_free(res);
	engine_free(body->stream);
	body->stream = NULL;
}

/* Makes the tagged frame, or the bare text of older servers. */
static void
set_frame(struct body *body, const char *raw, bool old)
{
	int code;
	char *text = exception_text(raw, &code);
	size_t len = strlen(text);
	int n;

	if (len > MAX_MESSAGE) {
		text[MAX_MESSAGE - 1] = '\n';
		text[MAX_MESSAGE] = '\0';
		len = MAX_MESSAGE;
	}
	if (old)
		n = asprintf(&body->frame, "%s", text);
	else
		n = asprintf(&body->frame, "\r\n__exception__\r\n%s\r\n%s"
		    "%zu %s\r\n__exception__\r\n", body->tag, text, len,
		    body->tag);
	if (n == -1)
		abort();
	body->frame_len = (size_t)n;
	body->failed = true;
	free(text);
}

/* Waits without end: until the server stops or the client has left. */
static void
stall(int client)
{
	struct pollfd pfd = { .fd = client, .events = POLLRDHUP };

	while (!atomic_load(&front_stopping) && poll(&pfd, 1, 20) == 0)
		;
}

/*
 * Lets the fault act before up to N bytes go out: how many may, 0 when the
 * answer ends here (body->cut says how).
 */
static size_t
fault_limit(struct body *body, size_t n)
{
	struct fault *fault = &body->fault;
	bool strikes;

	switch (fault->kind) {
	case FAULT_CUT_AFTER:
	case FAULT_END_AFTER:
	case FAULT_STALL_AFTER:
	case FAULT_DIE_AFTER:
		if (body->sent + n <= fault->arg && body->sent < fault->arg)
			return n;
		if (body->sent < fault->arg)
			return (size_t)(fault->arg - body->sent);
		strikes = true;
		break;
	case FAULT_CUT_AT_BLOCK:
	case FAULT_END_AT_BLOCK:
		strikes = body->sent_blocks >= fault->arg;
		break;
	case FAULT_EXCEPTION:
	case FAULT_OLD_EXCEPTION:
		strikes = body->off == 0 && body->sent_rows >= fault->arg;
		break;
	default:
		return n;
	}
	if (!strikes)
		return n;
	fault_struck(fault);
	if (fault->kind == FAULT_DIE_AFTER)
		_exit(137);
	if (fault->kind == FAULT_STALL_AFTER)
		stall(body->client);
	if (fault->kind == FAULT_EXCEPTION ||
	    fault->kind == FAULT_OLD_EXCEPTION) {
		set_frame(body, "Code: 241. DB::Exception: (total) memory "
		    "limit exceeded. (MEMORY_LIMIT_EXCEEDED)",
		    fault->kind == FAULT_OLD_EXCEPTION);
		return 0;
	}
	body->cut = fault->kind != FAULT_END_AFTER &&
	    fault->kind != FAULT_END_AT_BLOCK;
	body->done = true;
	return 0;
}

static void
corrupt(struct body *body, char *buf, size_t n)
{
	uint64_t at = body->fault.arg;

	if (body->fault.kind == FAULT_CORRUPT_AT && at >= body->sent &&
	    at < body->sent + n) {
		buf[at - body->sent] = (char)~buf[at - body->sent];
		fault_struck(&body->fault);
	}
}

static ssize_t
send_frame(struct body *body, char *buf, size_t max)
{
	size_t n = body->frame_len - body->frame_off;

	if (n == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > max)
		n = max;
	memcpy(buf, body->frame + body->frame_off, n);
	body->frame_off += n;
	return (ssize_t)n;
}

/* MHD asks for the next bytes of the body. */
static ssize_t
read_body(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct body *body = cls;
	char *exception;

	(void)pos;
	if (body->failed)
		return send_frame(body, buf, max);
	while (body->head == NULL && body->stream != NULL) {
		if (atomic_load(&front_stopping)) {
			set_frame(body, "Code: 394. DB::Exception: Query was "
			    "cancelled. (QUERY_WAS_CANCELLED)", false);
			return send_frame(body, buf, max);
		}
		fetch(body, &exception);
		if (exception != NULL) {
			set_frame(body, exception, false);
			free(exception);
			return send_frame(body, buf, max);
		}
	}
	if (body->head == NULL)
		return MHD_CONTENT_READER_END_OF_STREAM;

	struct chdb_result *res = body->head->res;
	size_t n = engine_size(res) - body->off;
	n = fault_limit(body, n > max ? max : n);
	if (body->failed)
		return send_frame(body, buf, max);
	if (n == 0)
		return body->cut ? MHD_CONTENT_READER_END_WITH_ERROR :
		    MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(buf, engine_data(res) + body->off, n);
	corrupt(body, buf, n);
	body->sent += n;
	body->off += n;
	if (body->off == engine_size(res)) {
		body->sent_rows += engine_rows(res);
		body->sent_blocks++;
		drop_block(body);
	}
	return (ssize_t)n;
}

static void
free_body(void *cls)
{
	struct body *body = cls;

	while (body->head != NULL)
		drop_block(body);
	if (body->stream != NULL) {
		session_cancel(&body->session, body->stream);
		engine_free(body->stream);
	}
	session_close(&body->session);
	free(body->frame);
	free(body);
}

/*
 * Formats whose blocks can be sent one after the other. The engine's stream
 * gives each block as a document of its own, so one with a header or a footer
 * must be asked for whole.
 */
static bool
can_stream(const char *format)
{
	static const char *const formats[] = {
		"Native", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw",
		"CSV", "JSONEachRow", "JSONCompactEachRow",
		"JSONStringsEachRow", "RowBinary", "LineAsString"
	};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcasecmp(format, formats[i]) == 0)
			return true;
	return false;
}

/* Starts the statement; the exception it ended with, or NULL. */
static char *
start(struct body *body, const struct want *want, const char *text,
    size_t len, const struct sql *sql, const char *format)
{
	char *exception = NULL;
	const char *error;

	if (sql->kind == SQL_STREAM && can_stream(format)) {
		body->stream = session_stream(&body->session, text, len,
		    format);
		error = engine_error(body->stream);
		if (error == NULL) {
			while (body->stream != NULL && exception == NULL &&
			    (want->wait_end || body->held < COMMIT_SIZE))
				fetch(body, &exception);
			return exception;
		}
		bool refused = strstr(error, "Streaming query is not "
		    "supported") != NULL;
		exception = refused ? NULL : strdup(error);
		engine_free(body->stream);
		body->stream = NULL;
		if (!refused)
			return exception;
	}
	struct chdb_result *res = session_run(&body->session, text, len,
	    format);
	error = engine_error(res);
	if (error != NULL) {
		exception = strdup(error);
		engine_free(res);
		return exception;
	}
	take_block(body, res);
	body->done = true;
	if (engine_size(res) == 0) {
		drop_block(body);
		body->rows = 0;
	}
	return NULL;
}

static char *
run_setup(struct session *session, char *const *setup, size_t nsetup)
{
	for (size_t i = 0; i < nsetup; i++) {
		struct chdb_result *res = session_run(session, setup[i],
		    strlen(setup[i]), "Null");
		const char *error = engine_error(res);
		char *exception = error == NULL ? NULL : strdup(error);
		engine_free(res);
		if (exception != NULL)
			return exception;
	}
	return NULL;
}

enum MHD_Result
reply_run(struct MHD_Connection *conn, const struct want *want,
    struct session *take, char *const *setup, size_t nsetup, const char *text,
    size_t len, const struct sql *sql, const struct fault *fault)
{
	const char *format = sql->format[0] != '\0' ? sql->format :
	    want->format;
	struct body *body = calloc(1, sizeof(*body));

	if (body == NULL)
		abort();
	body->session = *take;
	body->tail = &body->head;
	body->fault = *fault;
	clock_gettime(CLOCK_MONOTONIC, &body->start);
	make_tag(body->tag);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	body->client = info == NULL ? -1 : info->connect_fd;

	char *exception = run_setup(&body->session, setup, nsetup);
	if (exception == NULL)
		exception = start(body, want, text, len, sql, format);
	if (exception != NULL) {
		int code;
		char *whole = exception_text(exception, &code);
		free(exception);
		free_body(body);
		enum MHD_Result ret = send_exception(conn, want, code, whole,
		    NULL);
		free(whole);
		return ret;
	}
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, CHUNK, read_body, body, free_body);
	if (response == NULL) {
		free_body(body);
		return MHD_NO;
	}
	common_headers(response, want, format,
	    fault->kind == FAULT_OLD_EXCEPTION ? NULL : body->tag);
	summary_header(response, body,
	    sql->kind == SQL_INSERT ? body->read_rows : 0);
	enum MHD_Result ret = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ret;
}
