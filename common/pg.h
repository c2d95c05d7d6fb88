/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct pg: one connection to PostgreSQL: the state database, or a source.
 * The only home of libpq.
 *
 *   pg_open      connect and settle the session
 *   pg_run       one statement with text parameters, any number of times
 *   pg_begin     ... pg_commit or pg_rollback
 *   pg_close
 *
 * Every wait is bounded: connecting by the timeout, a host that is gone by the
 * TCP user timeout, a server that is frozen by ours for the answer, which is
 * the server's own statement timeout and some. The server is told to look for
 * us likewise, and lets a lock go when we are gone (PG_SILENCE_S). What
 * conninfo says of tcp_user_timeout and keepalives goes before. The session runs in UTC, UTF-8, READ COMMITTED,
 * and is not ended by the server for being idle, but in a transaction begun by
 * pg_begin_idle().
 *
 * Errors, by SQLSTATE (of a source: ERR_SOURCE_LOST and ERR_SOURCE):
 *   ERR_STATE_LOST   out of reach, gone, starting up, shutting down, out of
 *                    connections, memory or files, no answer in time: another
 *                    attempt may heal
 *   ERR_BUSY         55P03, the lock is taken
 *   ERR_CONFLICT     deadlock or serialization failure: heals
 *   ERR_STATE        refused: password, rights, missing tables, anything else
 *   ERR_CONFIG       the connection string is malformed
 * Neither conninfo nor a parameter's value is ever part of a message.
 *
 * Settings of the session and advisory locks need a connection of one's own:
 * through a pooler, only in its session mode.
 */
#ifndef CALVE_PG_H
#define CALVE_PG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct buf;
struct pg;
struct pg_rows;

enum {
	PG_TIMEOUT_S = 10,   /* to connect */
	PG_SILENCE_S = 30,   /* nothing sent is acknowledged: both ends */
	PG_STATEMENT_S = 30, /* of the state database */
	PG_SOURCE_S = 3600
};

/* Whose database it is: the words and classes of its errors, and how long a
 * statement may take (0: as long as it needs, an hour without a sign). */
struct pg_role {
	const char *name; /* "state database" */
	const char *key;  /* of calve.yaml that holds the conninfo */
	enum err_class refused, lost;
	unsigned statement_s;
	bool writes; /* a standby will not do */
	bool bare;   /* no settings are made: each transaction makes its own */
	const char *advice_missing, *advice_rights, *advice_login,
	    *advice_database, *advice_policy;
};
extern const struct pg_role pg_state, pg_source;

/* conninfo: any that libpq takes; what it leaves out comes from libpq's
 * environment. application shows in pg_stat_activity. timeout_s: the longest
 * wait for a connection, and for the host to acknowledge what it was sent;
 * 0: PG_TIMEOUT_S and PG_SILENCE_S. NULL on failure. */
struct pg *pg_open(const char *conninfo, const struct pg_role *,
    const char *application, unsigned timeout_s, struct err *) MUST_USE;
void pg_close(struct pg *); /* NULL is fine */

/* From now on every wait asks several times a second whether to go on; when
 * stop sets its error and returns -1, the statement fails with that and the
 * connection is lost. */
void pg_stop_with(struct pg *, int (*stop)(struct err *));

/* Whether the string parses; connects to nothing. */
int pg_check_conninfo(const char *conninfo, struct err *) MUST_USE;
/* The same with every password written as "***", owned by the caller; a
 * string that does not parse becomes "dbname=***" as a whole. references: a
 * password that is "${NAME}" and nothing else is none. */
char *pg_mask_conninfo(const char *conninfo, bool references);
/* Whether it holds a password literally; references as above. */
bool pg_has_password(const char *conninfo, bool references);

/*
 * One statement. params[i] is $i+1 as text, NULL for SQL's NULL. rows may be
 * NULL; else *rows is owned by the caller also when there are none, and NULL
 * on failure. After ERR_STATE_LOST the connection is of no more use.
 */
int pg_run(struct pg *, const char *sql, size_t nparams,
    const char *const *params, struct pg_rows **rows, struct err *) MUST_USE;
/* Several statements in one string, without parameters or rows. */
int pg_script(struct pg *, const char *sql, struct err *) MUST_USE;

size_t pg_count(const struct pg_rows *);    /* rows returned */
size_t pg_affected(const struct pg_rows *); /* rows a command touched */
/* NULL for SQL's NULL; valid until pg_rows_free. "t" and "f" for boolean. */
const char *pg_text(const struct pg_rows *, size_t row, size_t col);
void pg_rows_free(struct pg_rows *); /* NULL is fine */
/* Appends an array, as a parameter of type text[] or name[] takes it
 * (PostgreSQL documentation, "Array Input and Output Syntax"). */
void pg_put_array(struct buf *, const char *const *texts, size_t n);

/*
 * COPY ... TO STDOUT: begin, then next until it is not 1. 1: *data, *len is
 * one message (a row, the first one with the header before it), to be freed
 * by pg_copy_free(); 0: the copy ended well; -1. After an end before 0 the
 * connection is of no more use: pg_cancel() it, so that the server stops at
 * once, and close.
 */
int pg_copy_begin(struct pg *, const char *sql, struct err *) MUST_USE;
int pg_copy_next(struct pg *, char **data, size_t *len, struct err *) MUST_USE;
void pg_copy_free(char *data);
void pg_cancel(struct pg *);

int pg_begin(struct pg *, struct err *) MUST_USE;
/* As pg_begin; the server ends the session, and what it holds, when nothing
 * is said within the transaction for so long. It is a setting of the
 * transaction alone. */
int pg_begin_idle(struct pg *, unsigned idle_ms, struct err *) MUST_USE;
/* ERR_STATE_LOST here means that the outcome is not known. */
int pg_commit(struct pg *, struct err *) MUST_USE;
void pg_rollback(struct pg *); /* harmless when none is open */

/* Asks the server, whether the connection lives and, when in_transaction,
 * whether the transaction begun on it is still open: so its locks are held. */
int pg_ping(struct pg *, bool in_transaction, struct err *) MUST_USE;
bool pg_is_lost(const struct pg *);
/* Lost because the transaction was idle for too long. */
bool pg_was_idle(const struct pg *);

/* For an event loop between statements: readable means that pg_check has
 * something to find out, mostly that the connection is lost. Neither waits. */
int pg_socket(const struct pg *);
bool pg_check(struct pg *); /* false: lost */

#endif
