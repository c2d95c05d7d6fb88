/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PostgreSQL connection. libpq is used without its blocking calls: a
 * server that is frozen, not dead, answers keepalives for ever, so each wait
 * is a poll(2) with a deadline of ours.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pg_private.h"
#include "common/xalloc.h"

struct pg_rows {
	PGresult *result;
};

/* ---- errors ---- */

static bool
in_class(const char *state, const char *prefix)
{
	return strncmp(state, prefix, strlen(prefix)) == 0;
}

static enum err_class
class_of(const char *state)
{
	if (strcmp(state, "55P03") == 0)
		return ERR_BUSY;
	if (strcmp(state, "40P01") == 0 || strcmp(state, "40001") == 0)
		return ERR_CONFLICT;
	if (strcmp(state, "57P04") == 0) /* the database was dropped */
		return ERR_STATE;
	/* 53000 is also what the server says when it can open no file */
	if (in_class(state, "08") || in_class(state, "57P") ||
	    strcmp(state, "53300") == 0 || strcmp(state, "53200") == 0 ||
	    strcmp(state, "53000") == 0 || strcmp(state, "57014") == 0 ||
	    strcmp(state, "25P03") == 0 || strcmp(state, "25P04") == 0)
		return ERR_STATE_LOST;
	return ERR_STATE;
}

static const char advice_standby[] = "; is this a standby? name the primary";

static const char *
advice_for(const struct pg_role *role, const char *state)
{
	if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0 ||
	    strcmp(state, "42P10") == 0) /* a table without its key */
		return role->advice_missing;
	if (strcmp(state, "42501") == 0)
		return role->advice_rights;
	if (strcmp(state, "25006") == 0)
		return advice_standby;
	if (in_class(state, "28"))
		return role->advice_login;
	if (strcmp(state, "3D000") == 0)
		return role->advice_database;
	return "";
}

/* A class of the state database's, as the role has it. */
static enum err_class
class_for(const struct pg_role *role, const char *state)
{
	enum err_class cls = class_of(state);

	return cls == ERR_STATE     ? role->refused
	    : cls == ERR_STATE_LOST ? role->lost
				    : cls;
}

int
pg_fail_lost(struct pg *pg, struct err *err, const char *what)
{
	pg->lost = true;
	if (pg->stop != NULL && pg->stop(err) == -1)
		return -1;
	return err_set(err, pg->role->lost, "%s; the %s is out of reach", what,
	    pg->role->name);
}

/* libpq's text, its first line, without the severity word. */
static void
first_line(const char *text, char *out, size_t size)
{
	static const char *const severities[] = {
		"FATAL:  ", "ERROR:  ", "PANIC:  "
	};
	size_t n = strcspn(text, "\n");

	snprintf(out, size, "%.*s", n > 400 ? 400 : (int)n, text);
	for (size_t at = 0; at < 3; at++) {
		char *found = strstr(out, severities[at]);
		if (found != NULL)
			memmove(found, found + strlen(severities[at]),
			    strlen(found + strlen(severities[at])) + 1);
	}
}

/*
 * A refused connection comes without a PGresult, hence without SQLSTATE;
 * with PQERRORS_VERBOSE it stands in the text: "FATAL:  28P01: password ...".
 */
static bool
find_sqlstate(const char *text, char state[6])
{
	const char *at = strstr(text, ":  ");

	for (; at != NULL; at = strstr(at + 1, ":  ")) {
		const char *code = at + 3;
		if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
		    code[5] == ':') {
			memcpy(state, code, 5);
			state[5] = '\0';
			return true;
		}
	}
	return false;
}

static int
fail_connect(struct pg *pg, struct err *err)
{
	const struct pg_role *role = pg->role;
	PGconn *conn = pg->conn;
	const char *text = conn != NULL ? PQerrorMessage(conn) : "";
	char state[6], line[512];

	first_line(text, line, sizeof line);
	if (find_sqlstate(text, state)) {
		char *code = strstr(line, state);
		if (code != NULL) /* "28P01: " */
			memmove(code, code + 7, strlen(code + 7) + 1);
		return err_set(err, class_for(role, state), "%s: %s%s",
		    role->name, line, advice_for(role, state));
	}
	if (conn != NULL && PQconnectionNeedsPassword(conn))
		return err_set(err, role->refused,
		    "%s: it wants a password and none is given; add one to "
		    "'%s', or to ~/.pgpass",
		    role->name, role->key);
	/* By target_session_attrs it is libpq that refuses, in its words. */
	if (strstr(line, "session is read-only") != NULL ||
	    strstr(line, "hot standby") != NULL)
		return err_set(err, role->lost, "%s: %s%s", role->name, line,
		    advice_standby);
	return err_set(err, role->lost,
	    "%s: %s; see that the server runs, and that '%s' names it",
	    role->name, *line != '\0' ? line : "cannot connect", role->key);
}

int
pg_fail_result(struct pg *pg, const PGresult *r, struct err *err)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(pg->conn) == CONNECTION_BAD)
		pg->lost = true;
	if (state == NULL || primary == NULL) {
		char line[512];
		first_line(PQresultErrorMessage(r), line, sizeof line);
		return pg_fail_lost(
		    pg, err, *line != '\0' ? line : "the connection was lost");
	}
	if (strcmp(state, "25P03") == 0) /* what follows is its farewell */
		pg->lost = pg->idle = true;
	enum err_class cls =
	    pg->lost ? pg->role->lost : class_for(pg->role, state);
	if (in_class(state, "57P") || in_class(state, "08"))
		pg->lost = true;
	/* It has no SQLSTATE of its own, and its words are of any language. */
	const char *from = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);
	bool policy = pg->role->advice_policy != NULL && from != NULL &&
	    strcmp(from, "check_enable_rls") == 0;
	return err_set(err, cls, "%s: %s%s", pg->role->name, primary,
	    policy ? pg->role->advice_policy : advice_for(pg->role, state));
}

/* ---- waiting ---- */

enum { LOOK_MS = 200 }; /* for a sign to stop */

int
pg_wait(struct pg *pg, short events, struct mono since, double seconds)
{
	struct err ignored = { 0 };

	for (;;) {
		double left = (seconds - mono_seconds_since(since)) * 1000;
		if (left <= 0 || (pg->stop != NULL && pg->stop(&ignored) == -1))
			return 0;
		struct pollfd p = { .fd = PQsocket(pg->conn),
			.events = events };
		if (pg->stop != NULL && left > LOOK_MS)
			left = LOOK_MS;
		int n = poll(&p, 1, (int)left + 1);
		if (n > 0)
			return 1;
		if (n == -1 && errno != EINTR)
			return -1;
	}
}

static void
discard_notice(void *arg, const char *text)
{
	char line[512];

	first_line(text, line, sizeof line);
	log_debug("%s: %s", ((const struct pg *)arg)->role->name, line);
}

static int
poll_connect(struct pg *pg, unsigned timeout_s, struct err *err)
{
	struct mono since = mono_now();
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;

	while (want != PGRES_POLLING_OK) {
		if (PQstatus(pg->conn) == CONNECTION_BAD ||
		    want == PGRES_POLLING_FAILED)
			return fail_connect(pg, err);
		if (pg_wait(pg,
			want == PGRES_POLLING_READING ? POLLIN : POLLOUT, since,
			timeout_s) != 1)
			return err_set(err, pg->role->lost,
			    "%s: no answer within %u seconds", pg->role->name,
			    timeout_s);
		want = PQconnectPoll(pg->conn);
	}
	return 0;
}

/*
 * Several hosts are tried by libpq itself, which bounds the wait for each;
 * the price is that a refusal comes without its SQLSTATE.
 */
static int
connect_to(struct pg *pg, const char *conninfo, const char *application,
    unsigned timeout_s, unsigned silence_s, struct err *err)
{
	PQconninfoOption *options = pg_parse_conninfo(conninfo, err);
	if (options == NULL)
		return -1;
	bool many = false;
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
		many = many ||
		    (strncmp(o->keyword, "host", 4) == 0 && o->val != NULL &&
			strchr(o->val, ',') != NULL);
	PQconninfoFree(options);

	/* What stands before dbname, the conninfo overrides. */
	char timeout[16], silence[16];
	snprintf(timeout, sizeof timeout, "%u", timeout_s);
	snprintf(silence, sizeof silence, "%u000", silence_s);
	const char *const keys[] = { "connect_timeout", "keepalives",
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "fallback_application_name",
		"target_session_attrs", "dbname", "client_encoding", NULL };
	const char *const values[] = { timeout, "1", "20", "5", "3", silence,
		application, pg->role->writes ? "read-write" : "any", conninfo,
		"UTF8", NULL };

	if (many) {
		pg->conn = PQconnectdbParams(keys, values, 1);
		if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK)
			return fail_connect(pg, err);
		return 0;
	}
	pg->conn = PQconnectStartParams(keys, values, 1);
	if (pg->conn == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
	return poll_connect(pg, timeout_s, err);
}

/* Settings that a server may know or not, by its version: hence set_config
 * over those that it has. (pg_settings would tell as well, but the view costs
 * two milliseconds.) On a Unix socket the TCP ones have no effect. */
static const char settle_session[] =
    "SELECT set_config(w.name, w.value, false) FROM (VALUES "
    "('timezone', 'UTC'), ('datestyle', 'ISO'), ('intervalstyle', 'postgres'),"
    "('bytea_output', 'hex'), ('standard_conforming_strings', 'on'),"
    "('default_transaction_isolation', 'read committed'),"
    "('lock_timeout', '5s'), ('statement_timeout', $1),"
    "('idle_in_transaction_session_timeout', '0'),"
    "('idle_session_timeout', '0'), ('transaction_timeout', '0'),"
    "('tcp_keepalives_idle', '20'), ('tcp_keepalives_interval', '5'),"
    "('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30000')"
    ") w (name, value) WHERE current_setting(w.name, true) IS NOT NULL";

const struct pg_role pg_state = {
	.name = "state database",
	.key = "state",
	.refused = ERR_STATE,
	.lost = ERR_STATE_LOST,
	.statement_s = PG_STATEMENT_S,
	.writes = true,
	.advice_missing =
	    "; the state tables are missing or damaged: run 'calve init'",
	.advice_rights = "; grant the user its rights on the state tables",
	.advice_login = "; check user and password of 'state'",
	.advice_database =
	    "; create the database or name another one in 'state'",
};

const struct pg_role pg_source = {
	.name = "source database",
	.key = "conninfo",
	.refused = ERR_SOURCE,
	.lost = ERR_SOURCE_LOST,
	.bare = true,
	.advice_policy = "; row security hides rows from the user whose rights "
			 "count: ALTER ROLE that one BYPASSRLS",
	.advice_missing = "; check the table's 'source' and its columns",
	.advice_rights = "; grant the user SELECT on the table and USAGE on "
			 "its schema",
	.advice_login = "; check user and password of the source's 'conninfo'",
	.advice_database = "; name another one in the source's 'conninfo'",
};

struct pg *
pg_open(const char *conninfo, const struct pg_role *role,
    const char *application, unsigned timeout_s, struct err *err)
{
	char statement[16];
	const char *const params[] = { statement };
	unsigned silence_s = timeout_s == 0 ? PG_SILENCE_S : timeout_s;

	if (timeout_s == 0)
		timeout_s = PG_TIMEOUT_S;
	struct pg *pg = xcalloc(1, sizeof *pg);
	pg->role = role;
	pg->statement_s =
	    role->statement_s > 0 ? role->statement_s + timeout_s : PG_SOURCE_S;
	snprintf(statement, sizeof statement, "%us", role->statement_s);
	if (connect_to(pg, conninfo, application, timeout_s, silence_s, err) ==
	    -1)
		goto fail;
	PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
	PQsetNoticeProcessor(pg->conn, discard_notice, pg);
	if (PQserverVersion(pg->conn) < 120000) {
		err_set(err, role->refused,
		    "%s: PostgreSQL 12 or later is needed, the server is "
		    "version %d",
		    role->name, PQserverVersion(pg->conn) / 10000);
		goto fail;
	}
	if (PQsetnonblocking(pg->conn, 1) == -1) {
		err_set(err, role->lost, "%s: lost at once", role->name);
		goto fail;
	}
	if (!role->bare &&
	    pg_run(pg, settle_session, 1, params, NULL, err) == -1)
		goto fail;
	return pg;
fail:
	pg_close(pg);
	return NULL;
}

void
pg_close(struct pg *pg)
{
	if (pg == NULL)
		return;
	PQfinish(pg->conn);
	free(pg);
}

void
pg_stop_with(struct pg *pg, int (*stop)(struct err *))
{
	pg->stop = stop;
}

bool
pg_is_lost(const struct pg *pg)
{
	return pg->lost;
}

bool
pg_was_idle(const struct pg *pg)
{
	return pg->idle;
}

/* ---- statements ---- */

int
pg_flush(struct pg *pg, struct mono since, struct err *err)
{
	for (;;) {
		int left = PQflush(pg->conn);
		if (left == 0)
			return 0;
		/* Read too: the server may wait for us before it reads on. */
		if (left == -1 ||
		    pg_wait(pg, POLLIN | POLLOUT, since, pg->statement_s) !=
			1 ||
		    PQconsumeInput(pg->conn) == 0)
			return pg_fail_lost(pg, err, "the connection was lost");
	}
}

/* One result, NULL with *done at the end. */
int
pg_next_result(
    struct pg *pg, struct mono since, PGresult **out, struct err *err)
{
	while (PQisBusy(pg->conn)) {
		int ready = pg_wait(pg, POLLIN, since, pg->statement_s);
		if (ready == 0)
			return pg_fail_lost(pg, err, "no answer in time");
		/* On failure PQgetResult has the reason as a result. */
		if (ready == -1 || PQconsumeInput(pg->conn) == 0)
			break;
	}
	*out = PQgetResult(pg->conn);
	return 0;
}

/* Takes all results of what was sent: the last one, or the first failure. */
int
pg_collect(struct pg *pg, struct pg_rows **rows, struct err *err)
{
	struct mono since = mono_now();
	PGresult *last = NULL;
	int rv = pg_flush(pg, since, err);

	while (rv == 0 || !pg->lost) {
		PGresult *r = NULL;
		struct err later = { 0 };
		if (pg_next_result(pg, since, &r, rv == 0 ? err : &later) ==
		    -1) {
			rv = -1;
			break;
		}
		if (r == NULL)
			break;
		ExecStatusType status = PQresultStatus(r);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
		    status != PGRES_EMPTY_QUERY && rv == 0)
			rv = pg_fail_result(pg, r, err);
		PQclear(last);
		last = r;
		if (PQstatus(pg->conn) == CONNECTION_BAD)
			pg->lost = true;
	}
	if (rv == 0 && rows != NULL) {
		*rows = xcalloc(1, sizeof **rows);
		(*rows)->result = last;
	} else {
		PQclear(last);
	}
	return rv;
}

int
pg_fail_send(struct pg *pg, struct err *err)
{
	char line[512];

	first_line(PQerrorMessage(pg->conn), line, sizeof line);
	if (PQstatus(pg->conn) == CONNECTION_BAD)
		return pg_fail_lost(
		    pg, err, *line != '\0' ? line : "the connection was lost");
	return err_set(err, pg->role->refused, "%s: %s", pg->role->name, line);
}

int
pg_run(struct pg *pg, const char *sql, size_t nparams,
    const char *const *params, struct pg_rows **rows, struct err *err)
{
	if (rows != NULL)
		*rows = NULL;
	if (pg->lost)
		return pg_fail_lost(pg, err, "the connection was lost before");
	if (PQsendQueryParams(
		pg->conn, sql, (int)nparams, NULL, params, NULL, NULL, 0) == 0)
		return pg_fail_send(pg, err);
	return pg_collect(pg, rows, err);
}

int
pg_script(struct pg *pg, const char *sql, struct err *err)
{
	if (pg->lost)
		return pg_fail_lost(pg, err, "the connection was lost before");
	if (PQsendQuery(pg->conn, sql) == 0)
		return pg_fail_send(pg, err);
	return pg_collect(pg, NULL, err);
}

size_t
pg_count(const struct pg_rows *rows)
{
	return (size_t)PQntuples(rows->result);
}

size_t
pg_affected(const struct pg_rows *rows)
{
	return (size_t)strtoull(PQcmdTuples(rows->result), NULL, 10);
}

const char *
pg_text(const struct pg_rows *rows, size_t row, size_t col)
{
	if (row >= pg_count(rows) || col >= (size_t)PQnfields(rows->result) ||
	    PQgetisnull(rows->result, (int)row, (int)col))
		return NULL;
	return PQgetvalue(rows->result, (int)row, (int)col);
}

void
pg_rows_free(struct pg_rows *rows)
{
	if (rows == NULL)
		return;
	PQclear(rows->result);
	free(rows);
}

/* ---- transactions ---- */

int
pg_begin(struct pg *pg, struct err *err)
{
	return pg_run(pg, "BEGIN", 0, NULL, NULL, err);
}

int
pg_begin_idle(struct pg *pg, unsigned idle_ms, struct err *err)
{
	char sql[96];

	/* One message, which costs what BEGIN alone would. */
	snprintf(sql, sizeof sql,
	    "BEGIN; SET LOCAL idle_in_transaction_session_timeout = %u",
	    idle_ms);
	return pg_script(pg, sql, err);
}

int
pg_commit(struct pg *pg, struct err *err)
{
	/* COMMIT of a failed transaction rolls back and reports success. */
	if (!pg->lost && PQtransactionStatus(pg->conn) != PQTRANS_INTRANS) {
		pg_rollback(pg);
		return err_set(err, pg->role->refused,
		    "%s: the transaction had failed before its commit",
		    pg->role->name);
	}
	if (pg_run(pg, "COMMIT", 0, NULL, NULL, err) == -1) {
		if (err->cls == pg->role->lost)
			err_prefix(err, "commit sent, outcome unknown");
		return -1;
	}
	return 0;
}

void
pg_rollback(struct pg *pg)
{
	struct err ignored = { 0 };

	if (pg == NULL || pg->lost ||
	    PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
		return;
	if (pg_run(pg, "ROLLBACK", 0, NULL, NULL, &ignored) == -1)
		log_debug("rollback: %s", ignored.text);
}

int
pg_ping(struct pg *pg, bool in_transaction, struct err *err)
{
	if (pg_run(pg, "SELECT 1", 0, NULL, NULL, err) == -1)
		return -1;
	if (in_transaction && PQtransactionStatus(pg->conn) != PQTRANS_INTRANS)
		return err_set(err, pg->role->lost,
		    "the transaction that "
		    "held the table's lock is no longer open");
	return 0;
}

/* ---- between statements ---- */

int
pg_socket(const struct pg *pg)
{
	return pg->lost ? -1 : PQsocket(pg->conn);
}

bool
pg_check(struct pg *pg)
{
	/* Notices and changed settings are all that comes unasked. */
	if (!pg->lost &&
	    (PQconsumeInput(pg->conn) == 0 ||
		PQstatus(pg->conn) == CONNECTION_BAD))
		pg->lost = true;
	return !pg->lost;
}
