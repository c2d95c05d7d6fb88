/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on loopback that sends one scripted answer, and a reader of it
 * with the whole of the source's rules.
 */
#ifndef CALVE_ANSWER_FIXTURE_H
#define CALVE_ANSWER_FIXTURE_H

#include <pthread.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/clickhouse/wire.h"

#define TAG "abcdefghijklmnop"
#define OK_HEAD "HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Tag: " TAG "\r\n"
/* A tagged exception as it ends a body: error 241, "memory is full". */
#define EXCEPTION                                              \
	"\r\n__exception__\r\n" TAG "\r\nCode: 241. "          \
	"DB::Exception: memory is full. (MEMORY)\n\r\n52 " TAG \
	"\r\n__exception__\r\n"

enum ending { END_CLOSE, END_RESET, END_STALL };

struct script {
	struct buf answer;
	enum ending ending;
	bool early;      /* answers when the request's head is there */
	uint64_t repeat; /* the answer's last 64 KiB, so many times */
	char request[16384];
	int listener;
	unsigned short port;
	pthread_t thread;
};

extern struct script server;
extern struct wire *wire;
extern const char *coding; /* of the wire */
extern struct err err;

/* A checked fixture's two halves. */
void answer_setup(void);
void answer_teardown(void);
/* Lets the server answer one request, and opens the wire to it. */
void answer_start(void);
/* Only the wire. */
void answer_connect(void);
/* Waits until server.request is whole. */
void answer_wait(void);

/* A Native block of one column of bytes 0, 1, 2 ... */
void put_block(struct buf *, unsigned rows);
/* A body of known length, of which cut bytes do not come. */
void put_answer(const char *head, const struct buf *body, size_t cut);
void put_chunk(const void *, size_t n);

/* Reads the answer as rows: how many, or -1 with err. */
long rows_of(void);
/* Starts, reads, and checks that it fails like this. */
void fails(enum err_class, const char *says);

#endif
