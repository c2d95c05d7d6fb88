/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status and headers as a ClickHouse server of release 26.5 gives them.
 *
 * As there, nothing is sent before one mebibyte of output is there or the
 * statement has ended: an exception until then is an HTTP error with the
 * code in a header and the text as body. Later it is a frame at the end of
 * the body, tagged with this answer's tag, and the chunked coding is left
 * without its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chdb_front.h"

#define CHUNK (256 * 1024)

/* Exception codes with a status other than 500, as that release has them. */
static const struct {
	unsigned status;
	short codes[26]; /* ends with 0 */
} statuses[] = { { 401, { 194 } }, { 403, { 192, 193, 497, 512, 516 } },
	{ 400,
	    { 6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123,
		167, 168, 223, 321, 376, 427, 441, 675, 676 } },
	{ 404, { 46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511 } },
	{ 408, { 159 } }, { 411, { 381 } }, { 413, { 229 } }, { 501, { 48 } },
	{ 503, { 76, 209, 439 } } };

static unsigned
status_of(int code)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		for (size_t k = 0; statuses[i].codes[k] != 0; k++)
			if (statuses[i].codes[k] == code)
				return statuses[i].status;
	return MHD_HTTP_INTERNAL_SERVER_ERROR;
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
	if (want->coding == CODING_ZSTD)
		header(response, "Content-Encoding", "zstd");
	if (tag != NULL)
		header(response, "X-ClickHouse-Exception-Tag", tag);
	header(response, "Access-Control-Expose-Headers",
	    "X-ClickHouse-Query-Id,X-ClickHouse-Summary,"
	    "X-ClickHouse-Server-Display-Name,X-ClickHouse-Format,"
	    "X-ClickHouse-Timezone,X-ClickHouse-Exception-Code,"
	    "X-ClickHouse-Exception-Tag");
}

/* As the real one: what is known when the headers go out; the first `most`
 * bytes of it. */
static void
summary_header(struct MHD_Response *response, const struct body *body,
    uint64_t written, size_t most)
{
	struct timespec now;
	char text[512];

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long ns = (now.tv_sec - body->start.tv_sec) * 1000000000LL +
	    now.tv_nsec - body->start.tv_nsec;
	bool whole = body->done;
	snprintf(text, sizeof(text),
	    "{\"read_rows\":\"%llu\","
	    "\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\","
	    "\"written_bytes\":\"0\",\"total_rows_to_read\":\"%llu\","
	    "\"result_rows\":\"%llu\",\"result_bytes\":\"%zu\","
	    "\"elapsed_ns\":\"%lld\",\"memory_usage\":\"0\"}",
	    (unsigned long long)body->read_rows,
	    (unsigned long long)body->read_bytes, (unsigned long long)written,
	    (unsigned long long)body->read_rows,
	    (unsigned long long)(whole ? body->rows : 0),
	    whole ? body->held : 0, ns);
	if (most < sizeof(text))
		text[most] = '\0';
	header(response, "X-ClickHouse-Summary", text);
}

/* An exception as an HTTP error. TEXT is complete, with its line feed. It is
 * compressed as the answer would have been. */
static enum MHD_Result
send_exception(struct MHD_Connection *conn, const struct want *want, int code,
    const char *text, const char *tag)
{
	struct pack *pack =
	    want->coding == CODING_NONE ? NULL : pack_new(want->coding);
	size_t len = strlen(text);
	const char *body =
	    pack == NULL ? text : pack_bytes(pack, text, len, PACK_END, &len);
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    len, (char *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	char number[16];

	pack_free(pack);

	if (response == NULL)
		return MHD_NO;
	snprintf(number, sizeof(number), "%d", code);
	common_headers(response, want, want->format, tag);
	header(response, "X-ClickHouse-Exception-Code", number);
	if (status_of(code) == MHD_HTTP_UNAUTHORIZED)
		header(response, "WWW-Authenticate",
		    "Basic realm=\"ClickHouse server HTTP API\"");
	enum MHD_Result ret =
	    MHD_queue_response(conn, status_of(code), response);
	MHD_destroy_response(response);
	return ret;
}

enum MHD_Result
reply_exception(struct MHD_Connection *conn, const struct want *want, int code,
    const char *name, const char *text)
{
	char *whole;

	if (asprintf(&whole,
		"Code: %d. DB::Exception: %s. (%s) "
		"(version %s (official build))\n",
		code, text, name, engine_version()) == -1)
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

enum MHD_Result
reply_claim(struct MHD_Connection *conn, const struct want *want, uint64_t rows)
{
	const struct body none = { .done = true };
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		return MHD_NO;
	common_headers(response, want, want->format, NULL);
	summary_header(response, &none, rows, SIZE_MAX);
	enum MHD_Result ret = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ret;
}

/*
 * Formats whose blocks can be sent one after the other. The engine's stream
 * gives each block as a document of its own, so one with a header or a footer
 * must be asked for whole.
 */
static bool
can_stream(const char *format)
{
	static const char *const formats[] = { "Native", "TabSeparated", "TSV",
		"TabSeparatedRaw", "TSVRaw", "CSV", "JSONEachRow",
		"JSONCompactEachRow", "JSONStringsEachRow", "RowBinary",
		"LineAsString" };
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcasecmp(format, formats[i]) == 0)
			return true;
	return false;
}

/* Starts the statement; the exception it ended with, or NULL. */
static char *
start(struct body *body, const struct want *want, const char *text, size_t len,
    const struct sql *sql, const char *format)
{
	bool refused = true;
	char *exception = NULL;

	if (sql->kind == SQL_STREAM && can_stream(format))
		exception = body_stream(
		    body, text, len, format, want->wait_end, &refused);
	return refused ? body_run(body, text, len, format) : exception;
}

static char *
run_setup(struct session *session, char *const *setup, size_t nsetup)
{
	for (size_t i = 0; i < nsetup; i++) {
		struct chdb_result *res =
		    session_run(session, setup[i], strlen(setup[i]), "Null");
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
	const char *format =
	    sql->format[0] != '\0' ? sql->format : want->format;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct body *body = malloc(sizeof(*body));

	if (body == NULL)
		abort();
	body_init(body, take, fault, want->coding,
	    info == NULL ? -1 : info->connect_fd);

	char *exception = run_setup(&body->session, setup, nsetup);
	if (exception == NULL)
		exception = start(body, want, text, len, sql, format);
	if (exception != NULL) {
		int code;
		char *whole = exception_text(exception, &code);
		free(exception);
		body_free(body);
		enum MHD_Result ret =
		    send_exception(conn, want, code, whole, NULL);
		free(whole);
		return ret;
	}
	if (fault->kind == FAULT_HTTP_AFTER) {
		fault_struck(fault);
		body_free(body);
		return reply_text(conn, (unsigned)fault->arg,
		    "<html><body>fault: told to answer this</body></html>\n");
	}
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, CHUNK, body_read, body, body_free);
	if (response == NULL) {
		body_free(body);
		return MHD_NO;
	}
	common_headers(response, want, format,
	    fault->kind == FAULT_OLD_EXCEPTION ? NULL : body->tag);
	if (fault->kind == FAULT_WRITTEN || fault->kind == FAULT_SUMMARY)
		fault_struck(fault);
	summary_header(response, body,
	    fault->kind == FAULT_WRITTEN ? fault->arg : body->written,
	    fault->kind == FAULT_SUMMARY ? fault->arg : SIZE_MAX);
	enum MHD_Result ret = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ret;
}
