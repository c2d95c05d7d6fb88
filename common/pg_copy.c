/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY ... TO STDOUT as a stream of messages. (PostgreSQL documentation,
 * "Functions Associated with the COPY Command"; the error of a COPY that
 * fails midway comes with the result after its last row.)
 */
#include <poll.h>

#include "common/pg_private.h"

int
pg_copy_begin(struct pg *pg, const char *sql, struct err *err)
{
	struct mono since = mono_now();
	struct err later = { 0 };
	PGresult *r;
	int rc;

	if (pg->lost)
		return pg_fail_lost(pg, err, "the connection was lost before");
	if (PQsendQuery(pg->conn, sql) == 0)
		return pg_fail_send(pg, err);
	if (pg_flush(pg, since, err) == -1 ||
	    pg_next_result(pg, since, &r, err) == -1)
		return -1;
	if (PQresultStatus(r) == PGRES_COPY_OUT) {
		PQclear(r);
		return 0;
	}
	rc = pg_fail_result(pg, r, err);
	PQclear(r);
	/* the statement's end, so that the connection can go on */
	if (!pg->lost && pg_collect(pg, NULL, &later) == -1)
		pg->lost = true;
	return rc;
}

int
pg_copy_next(struct pg *pg, char **data, size_t *len, struct err *err)
{
	struct mono since = { 0 };
	int n;

	while ((n = PQgetCopyData(pg->conn, data, 1)) == 0) {
		if (since.ns == 0)
			since = mono_now();
		if (pg_wait(pg, POLLIN, since, pg->statement_s) != 1)
			return pg_fail_lost(pg, err, "no answer in time");
		if (PQconsumeInput(pg->conn) == 0)
			return pg_fail_send(pg, err);
	}
	if (n > 0) {
		*len = (size_t)n;
		return 1;
	}
	*data = NULL;
	if (n == -2)
		return pg_fail_send(pg, err);
	return pg_collect(pg, NULL, err);
}

void
pg_copy_free(char *data)
{
	PQfreemem(data);
}

void
pg_cancel(struct pg *pg)
{
	PGcancel *cancel = PQgetCancel(pg->conn);
	char ignored[256];

	if (cancel == NULL)
		return;
	(void)PQcancel(cancel, ignored, (int)sizeof(ignored));
	PQfreeCancel(cancel);
}
