/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct keeper: a word to the state database now and then, from whatever the
 * worker does meanwhile.
 *
 * The transaction that holds a table's lock is idle while rows are read,
 * encoded and synced. The server ends it, and lets the lock go, when nothing
 * is said for KEEPER_IDLE_MS (idle_in_transaction_session_timeout; PostgreSQL
 * documentation, "Client Connection Defaults"): so a worker that is stopped,
 * or whose host is gone without a word, holds it no longer than that. A thread
 * of its own says the word, since no other place is passed in every long wait:
 * a count that delivers nothing for minutes, an fsync, a full pipe. A process
 * that is frozen has all its threads frozen. One whose other threads wait for
 * each other for ever keeps its lock: `wall` is for these.
 *
 * libpq's connections are for one thread at a time: who uses the connection
 * holds the keeper meanwhile.
 */
#ifndef CALVE_KEEPER_H
#define CALVE_KEEPER_H

#include "common/err.h"

struct pg;
struct keeper;

enum {
	KEEPER_IDLE_MS = 180000,
	KEEPER_WORDS = 6 /* in that time */
};
/* KEEPER_IDLE_MS, but for a test that has no minutes. */
unsigned keeper_idle_ms(void);

/* Of a connection and a table's name that outlive it. NULL: no thread could be
 * made. */
struct keeper *keeper_new(struct pg *, const char *name, struct err *) MUST_USE;
/* Waits for the thread. NULL is fine. */
void keeper_free(struct keeper *);

/*
 * The connection is the caller's alone until keeper_give(), also after -1: a
 * word has failed, and so will all else on that connection. keeper_give()
 * returns rc, and says of an error whether it came of standing still:
 * ERR_CONFLICT, another run may have taken the lock since. NULL is fine.
 */
int keeper_take(struct keeper *, struct err *) MUST_USE;
int keeper_give(struct keeper *, int rc, struct err *) MUST_USE;

#endif
