/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of an answer: the engine's blocks, one after the other, an
 * exception's frame behind them, and the faults between engine and wire.
 *
 * Memory is bounded by the blocks that are held before the status is sent
 * (COMMIT_SIZE) and by one block afterwards, however long the stream. A
 * client that goes away cancels its query.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "chdb_front.h"

#define COMMIT_SIZE (1024 * 1024)     /* bytes held before the status */
#define PACK_SIZE (1024 * 1024)       /* bytes that make a frame */
#define MAX_MESSAGE (16 * 1024 - 128) /* text of a tagged frame */

atomic_bool front_stopping;

char *
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
	body->written += engine_written_rows(res);
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
	struct chdb_result *res = session_fetch(&body->session, body->stream);
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
		n = asprintf(&body->frame,
		    "\r\n__exception__\r\n%s\r\n%s"
		    "%zu %s\r\n__exception__\r\n",
		    body->tag, text, len, body->tag);
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

/* Whether the fault acts on the output, before the block at its front. */
static bool
strikes_output(const struct body *body)
{
	switch (body->fault.kind) {
	case FAULT_CUT_AT_BLOCK:
	case FAULT_END_AT_BLOCK:
		return body->plain_blocks >= body->fault.arg;
	case FAULT_EXCEPTION:
	case FAULT_OLD_EXCEPTION:
		return body->off == 0 && body->plain_rows >= body->fault.arg;
	default:
		return false;
	}
}

static void
strike_output(struct body *body)
{
	struct fault *fault = &body->fault;

	fault_struck(fault);
	if (fault->kind == FAULT_EXCEPTION ||
	    fault->kind == FAULT_OLD_EXCEPTION) {
		set_frame(body,
		    "Code: 241. DB::Exception: (total) memory "
		    "limit exceeded. (MEMORY_LIMIT_EXCEEDED)",
		    fault->kind == FAULT_OLD_EXCEPTION);
		return;
	}
	body->cut = fault->kind == FAULT_CUT_AT_BLOCK;
	body->done = true;
}

static bool
strikes_wire(const struct fault *fault)
{
	return fault->kind == FAULT_CUT_AFTER ||
	    fault->kind == FAULT_END_AFTER ||
	    fault->kind == FAULT_STALL_AFTER || fault->kind == FAULT_DIE_AFTER;
}

/* Lets the fault act on N bytes that would go out: how many may. */
static size_t
limit_wire(struct body *body, size_t n)
{
	if (!strikes_wire(&body->fault) || body->sent + n <= body->fault.arg)
		return n;
	body->due = true;
	return (size_t)(body->fault.arg - body->sent);
}

static ssize_t
strike_wire(struct body *body)
{
	fault_struck(&body->fault);
	if (body->fault.kind == FAULT_DIE_AFTER)
		_exit(137);
	if (body->fault.kind == FAULT_STALL_AFTER)
		stall(body->client);
	return body->fault.kind == FAULT_END_AFTER
	    ? MHD_CONTENT_READER_END_OF_STREAM
	    : MHD_CONTENT_READER_END_WITH_ERROR;
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

/* The next bytes of the output, or MHD's word for its end. */
static ssize_t
read_output(struct body *body, char *buf, size_t max)
{
	char *exception;

	if (body->failed)
		return send_frame(body, buf, max);
	while (body->head == NULL && body->stream != NULL) {
		if (atomic_load(&front_stopping)) {
			set_frame(body,
			    "Code: 394. DB::Exception: Query was "
			    "cancelled. (QUERY_WAS_CANCELLED)",
			    false);
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
	if (strikes_output(body)) {
		strike_output(body);
		return body->failed ? send_frame(body, buf, max)
		    : body->cut     ? MHD_CONTENT_READER_END_WITH_ERROR
				    : MHD_CONTENT_READER_END_OF_STREAM;
	}

	struct chdb_result *res = body->head->res;
	size_t n = engine_size(res) - body->off;
	if (n > max)
		n = max;
	memcpy(buf, engine_data(res) + body->off, n);
	body->off += n;
	if (body->off == engine_size(res)) {
		body->plain_rows += engine_rows(res);
		body->plain_blocks++;
		drop_block(body);
	}
	return (ssize_t)n;
}

static void
pack_gathered(struct body *body, size_t n, enum pack_how how)
{
	body->packed =
	    pack_bytes(body->pack, body->gathered, n, how, &body->packed_len);
	body->packed_off = 0;
	body->gathered_len -= n;
	memmove(body->gathered, body->gathered + n, body->gathered_len);
}

/* Gathers a mebibyte of output, or what there is, and packs it. */
static void
pack_output(struct body *body)
{
	while (body->gathered_len < PACK_SIZE && body->ending == 0) {
		bool was_failed = body->failed;
		size_t before = body->gathered_len;
		ssize_t n = read_output(
		    body, body->gathered + before, PACK_SIZE - before);

		if (n < 0) {
			body->ending = n;
			break;
		}
		body->gathered_len += (size_t)n;
		if (body->failed && !was_failed && before > 0) {
			pack_gathered(body, before, PACK_FLUSH);
			return;
		}
	}
	pack_gathered(body, body->gathered_len,
	    body->ending == MHD_CONTENT_READER_END_OF_STREAM ? PACK_END
		: body->ending != 0                          ? PACK_FLUSH
							     : PACK_MORE);
}

static ssize_t
read_packed(struct body *body, char *buf, size_t max)
{
	size_t n;

	while (body->packed_off == body->packed_len) {
		if (body->ending != 0)
			return body->ending;
		pack_output(body);
	}
	n = body->packed_len - body->packed_off;
	if (n > max)
		n = max;
	memcpy(buf, body->packed + body->packed_off, n);
	body->packed_off += n;
	return (ssize_t)n;
}

/* MHD asks for the next bytes of the body. */
ssize_t
body_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct body *body = cls;
	ssize_t n;

	(void)pos;
	if (body->due)
		return strike_wire(body);
	n = body->pack == NULL ? read_output(body, buf, max)
			       : read_packed(body, buf, max);
	/* an INSERT's answer has no byte to strike at */
	if (n == MHD_CONTENT_READER_END_OF_STREAM &&
	    strikes_wire(&body->fault) && body->sent == body->fault.arg)
		return strike_wire(body);
	if (n < 0)
		return n;
	n = (ssize_t)limit_wire(body, (size_t)n);
	if (n == 0)
		return strike_wire(body);
	corrupt(body, buf, (size_t)n);
	body->sent += (uint64_t)n;
	return n;
}

void
body_free(void *cls)
{
	struct body *body = cls;

	while (body->head != NULL)
		drop_block(body);
	if (body->stream != NULL) {
		session_cancel(&body->session, body->stream);
		engine_free(body->stream);
	}
	session_close(&body->session);
	pack_free(body->pack);
	free(body->gathered);
	free(body->frame);
	free(body);
}

void
body_init(struct body *body, const struct session *take,
    const struct fault *fault, enum coding coding, int client)
{
	unsigned char raw[16];

	*body = (struct body){
		.session = *take, .fault = *fault, .client = client
	};
	body->tail = &body->head;
	if (coding != CODING_NONE) {
		body->pack = pack_new(coding);
		body->gathered = malloc(PACK_SIZE);
		if (body->gathered == NULL)
			abort();
	}
	clock_gettime(CLOCK_MONOTONIC, &body->start);
	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	for (int i = 0; i < 16; i++)
		body->tag[i] = (char)('a' + raw[i] % 26);
}

char *
body_stream(struct body *body, const char *sql, size_t len, const char *format,
    bool all, bool *refused)
{
	char *exception = NULL;

	body->stream = session_stream(&body->session, sql, len, format);
	const char *error = engine_error(body->stream);
	*refused = error != NULL &&
	    strstr(error,
		"Streaming query is not "
		"supported") != NULL;
	if (error != NULL) {
		exception = *refused ? NULL : strdup(error);
		engine_free(body->stream);
		body->stream = NULL;
	}
	while (body->stream != NULL && exception == NULL &&
	    (all || body->held < COMMIT_SIZE))
		fetch(body, &exception);
	return exception;
}

char *
body_run(struct body *body, const char *sql, size_t len, const char *format)
{
	struct chdb_result *res = session_run(&body->session, sql, len, format);
	const char *error = engine_error(res);

	if (error != NULL) {
		char *exception = strdup(error);
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
