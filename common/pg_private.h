/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind pg.h share; nobody else includes this. */
#ifndef CALVE_PG_PRIVATE_H
#define CALVE_PG_PRIVATE_H

#include <libpq-fe.h>

#include "common/clock.h"
#include "common/pg.h"

struct pg {
	PGconn *conn;
	const struct pg_role *role;
	bool lost;
	bool idle;          /* so the server said when it ended the session */
	double statement_s; /* longest wait for an answer of ours */
	int (*stop)(struct err *); /* NULL: nobody may end a wait */
};

/* pg_conninfo.c. NULL: err is set, and tells nothing of the string. */
PQconninfoOption *pg_parse_conninfo(const char *conninfo, struct err *);

/* Each sets err and returns -1. */
int pg_fail_lost(struct pg *, struct err *, const char *what);
int pg_fail_result(struct pg *, const PGresult *, struct err *);
int pg_fail_send(struct pg *, struct err *);

/* 1 ready, 0 the time is over or there is a sign to stop, -1 poll failed;
 * pg_fail_lost knows which. */
int pg_wait(struct pg *, short events, struct mono since, double seconds);
/* Sends what libpq still holds. */
int pg_flush(struct pg *, struct mono since, struct err *) MUST_USE;
/* One result, *out NULL at the end. */
int pg_next_result(
    struct pg *, struct mono since, PGresult **out, struct err *) MUST_USE;
/* Takes all results of what was sent: the last one, or the first failure. */
int pg_collect(struct pg *, struct pg_rows **, struct err *) MUST_USE;

#endif
