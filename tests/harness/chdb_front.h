/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chdb-front: a loopback ClickHouse for demo and tests. It loads the engine
 * of libchdb.so into this process and speaks HTTP as a ClickHouse server of
 * release 26.5 does towards its clients: authentication, settings as URL
 * parameters, status codes, summary headers, compressed answers, tagged
 * exceptions in mid-stream.
 * It is test equipment: one user, loopback only, and it can be told to fail.
 *
 * This header joins its eight files:
 *	chdb_front.c		options, HTTP requests
 *	chdb_front_auth.c	who asks
 *	chdb_front_engine.c	the only place that calls into libchdb
 *	chdb_front_sql.c	what kind of statement is this (pure)
 *	chdb_front_fault.c	the fault file (see front_fault_read)
 *	chdb_front_reply.c	status and headers of an answer
 *	chdb_front_body.c	its body: blocks, exceptions, faults on the way
 *	chdb_front_pack.c	its compression
 */
#ifndef CALVE_CHDB_FRONT_H
#define CALVE_CHDB_FRONT_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Exception codes of ClickHouse that the front raises by itself. */
enum front_code {
	FRONT_NOT_IMPLEMENTED = 48,
	FRONT_SYNTAX_ERROR = 62,
	FRONT_AUTH_FAILED = 516,
	FRONT_UNKNOWN = 1001
};

/* ---- engine ---------------------------------------------------------- */

struct chdb_result; /* opaque, freed by engine_free() */

/* One session: its own settings and current database. One thread at a time. */
struct session {
	void **conn;
};

/* Loads LIBRARY and opens the engine on PATH. 0, or -1 with why in ERR. */
int engine_open(
    const char *library, const char *path, char *err, size_t errsize);
void engine_close(void);
const char *engine_version(void); /* "26.5.1.1" */
const char *engine_timezone(void);
/* Whether answers are compressed for clients that accept it and say nothing
 * of enable_http_compression. */
bool engine_http_compression(void);

int session_open(struct session *);
void session_close(struct session *);

/*
 * Runs a statement whole. Never returns NULL; ask engine_error() first.
 * FORMAT is used where the statement has no FORMAT clause.
 */
struct chdb_result *session_run(
    struct session *, const char *sql, size_t len, const char *format);

/*
 * Streams a SELECT or WITH: the handle (ask engine_error()), then one block
 * at a time. A block without bytes is the end. session_cancel() ends a stream
 * that was not read to its end; free the handle after it.
 */
struct chdb_result *session_stream(
    struct session *, const char *sql, size_t len, const char *format);
struct chdb_result *session_fetch(struct session *, struct chdb_result *stream);
void session_cancel(struct session *, struct chdb_result *stream);

const char *engine_error(struct chdb_result *); /* NULL: no error */
const char *engine_data(struct chdb_result *);
size_t engine_size(struct chdb_result *);
uint64_t engine_rows(struct chdb_result *);      /* of the result */
uint64_t engine_read_rows(struct chdb_result *); /* from storage */
uint64_t engine_read_bytes(struct chdb_result *);
uint64_t engine_written_rows(struct chdb_result *); /* views' rows, too */
void engine_free(struct chdb_result *);

/* ---- statements ------------------------------------------------------ */

enum sql_kind {
	SQL_EMPTY,
	SQL_STREAM, /* SELECT, WITH: can be streamed */
	SQL_INSERT, /* data may follow the statement's text */
	SQL_OTHER
};

struct sql {
	enum sql_kind kind;
	size_t len;      /* without trailing blanks and semicolon */
	bool multi;      /* more than one statement */
	char format[64]; /* of the FORMAT clause, "" without one */
};

void sql_scan(struct sql *, const char *text, size_t len);
/* Where the FORMAT clause begins that ends an INSERT whose data comes apart
 * and is binary; 0 when TEXT is no such INSERT. */
size_t sql_insert_format(const char *text, size_t len);
/* TEXT as an SQL string literal; the caller frees it. */
char *sql_quote(const char *text);

/* ---- faults ---------------------------------------------------------- */

enum fault_kind {
	FAULT_NONE,
	/* As what stands in between may answer: */
	FAULT_HTTP,       /* http STATUS: answer this, run nothing */
	FAULT_HTTP_AFTER, /* http-after STATUS: run, answer this */
	FAULT_CLAIM,      /* claim ROWS: run nothing, say they are written */
	FAULT_WRITTEN,    /* written ROWS: run, say that so many are */
	FAULT_SUMMARY,    /* summary-cut BYTES: the header ends after them */
	/* BYTES and OFFSET count what goes over the wire, compressed or not */
	FAULT_CUT_AFTER,     /* cut-after BYTES: close the connection */
	FAULT_CUT_AT_BLOCK,  /* cut-at-block N: close after N blocks */
	FAULT_END_AFTER,     /* end-after BYTES: short, HTTP looks right */
	FAULT_END_AT_BLOCK,  /* end-at-block N: short, HTTP looks right */
	FAULT_STALL_AFTER,   /* stall-after BYTES: then silence */
	FAULT_CORRUPT_AT,    /* corrupt-at OFFSET: flip that byte's bits */
	FAULT_EXCEPTION,     /* exception-after-rows N: tagged frame */
	FAULT_OLD_EXCEPTION, /* old-exception-after-rows N: bare text */
	FAULT_DIE_AFTER      /* die-after BYTES: the server is gone */
};

struct fault {
	enum fault_kind kind;
	uint64_t arg;
	uint64_t line; /* 0-based line of the file it stands in */
};

/*
 * The fault for a statement, by the file as it is now. One fault a line:
 *	KIND NUMBER [times K] [match TEXT]
 * The first line counts whose TEXT occurs in the statement (without match:
 * every SELECT or WITH) and that has not struck K times since the file last
 * changed. fault_struck() counts one strike. Missing file: no fault.
 */
void fault_find(struct fault *, const char *path, const char *sql, size_t len,
    enum sql_kind kind);
void fault_struck(const struct fault *);

/* ---- compression ------------------------------------------------------- */

enum coding { CODING_NONE, CODING_FRAMES, CODING_ZSTD };
enum pack_how { PACK_MORE, PACK_FLUSH, PACK_END };

struct pack;

struct pack *pack_new(enum coding); /* not CODING_NONE */
void pack_free(struct pack *);      /* NULL is fine */
/* What DATA becomes: a frame each time, or the next part of one zstd stream
 * that ends with PACK_END. Good until the next call. */
const char *pack_bytes(
    struct pack *, const char *data, size_t n, enum pack_how, size_t *len);

/* ---- the body of an answer ------------------------------------------- */

/* One block of the engine's output, waiting to be sent. */
struct block {
	struct block *next;
	struct chdb_result *res;
};

/* An answer under way; the response owns it, body_free() ends it. */
struct body {
	struct session session;
	struct chdb_result *stream;           /* NULL: nothing more to fetch */
	struct block *head, **tail;           /* fetched, not sent */
	size_t off;                           /* sent of head */
	size_t held;                          /* bytes in the list */
	uint64_t rows, read_rows, read_bytes; /* fetched so far */
	uint64_t written;

	/* with compression: output gathered, packed, what follows that */
	struct pack *pack;
	char *gathered;
	size_t gathered_len;
	const char *packed;
	size_t packed_len, packed_off;
	ssize_t ending; /* 0: none yet */

	uint64_t sent;                     /* over the wire */
	uint64_t plain_blocks, plain_rows; /* before compression */
	struct fault fault;
	struct timespec start;
	int client; /* its socket */
	char tag[17];
	char *frame; /* exception, once it has come */
	size_t frame_len, frame_off;
	bool done, failed, cut;
	bool due; /* the fault strikes before the next byte */
};

void body_init(struct body *, const struct session *take, const struct fault *,
    enum coding, int client);
void body_free(void *body);
/* Runs the statement to its end and keeps the result: exception, or NULL. */
char *body_run(struct body *, const char *sql, size_t len, const char *format);
/*
 * Starts a stream and fetches the first mebibyte (or all of it). REFUSED is
 * set where the engine does not stream such a statement.
 */
char *body_stream(struct body *, const char *sql, size_t len,
    const char *format, bool all, bool *refused);
/* MHD's callback for the next bytes. */
ssize_t body_read(void *body, uint64_t pos, char *buf, size_t max);
/*
 * The engine's text as a server words it: one "Code: N. DB::Exception:" and
 * the release at the end. The caller frees it.
 */
char *exception_text(const char *raw, int *code);

/* ---- who asks -------------------------------------------------------- */

const char *request_argument(struct MHD_Connection *, const char *name);
const char *request_header(struct MHD_Connection *, const char *name);
struct want;
/* Whether the request may run queries; if not, RET is the answer given. */
bool auth_check(struct MHD_Connection *, const struct want *,
    const char *good_user, const char *good_password, enum MHD_Result *ret);

/* ---- answers --------------------------------------------------------- */

/* What a request wants, as told by its URL and headers. */
struct want {
	const char *method;
	char query_id[128];
	char format[64]; /* default_format */
	bool wait_end;   /* wait_end_of_query=1 */
	enum coding coding;
};

extern atomic_bool front_stopping; /* SIGTERM came: end all answers */

/* Answers with an exception of the front's own. */
enum MHD_Result reply_exception(struct MHD_Connection *, const struct want *,
    int code, const char *name, const char *text);
/* Plain text, no ClickHouse headers but those every answer has. */
enum MHD_Result reply_text(
    struct MHD_Connection *, unsigned status, const char *text);
/* As after an INSERT of so many rows. */
enum MHD_Result reply_claim(
    struct MHD_Connection *, const struct want *, uint64_t rows);
/*
 * Runs the statement in the session and answers; takes the session over in
 * every case. SETUP is a statement to run before (USE, SET), or "".
 */
enum MHD_Result reply_run(struct MHD_Connection *, const struct want *,
    struct session *take, char *const *setup, size_t nsetup, const char *text,
    size_t len, const struct sql *, const struct fault *);

#endif
