/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one connection to PostgreSQL, against a real server: values, errors by
 * class, every way of losing it, and that no secret comes out.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "tests/harness/state.h"
#include "tests/unit/run_suite.h"

static struct pg *
connect_ok(void)
{
	struct err err = { 0 };
	struct pg *pg =
	    pg_open(state_conninfo(), &pg_state, "check_pg", 0, &err);

	ck_assert_msg(pg != NULL, "%s", err.text);
	return pg;
}

static void
runs(struct pg *pg, const char *sql)
{
	struct err err = { 0 };

	ck_assert_msg(
	    pg_run(pg, sql, 0, NULL, NULL, &err) == 0, "%s: %s", sql, err.text);
}

static struct err
fails(struct pg *pg, const char *sql, enum err_class cls)
{
	struct err err = { 0 };

	ck_assert_int_eq(pg_run(pg, sql, 0, NULL, NULL, &err), -1);
	ck_assert_msg(err.cls == cls, "%s: %s: %s", sql,
	    err_class_name(err.cls), err.text);
	return err;
}

static struct err
refuses(const char *conninfo, enum err_class cls, const char *text)
{
	struct err err = { 0 };

	ck_assert_ptr_null(pg_open(conninfo, &pg_state, "check_pg", 1, &err));
	ck_assert_msg(
	    err.cls == cls, "%s: %s", err_class_name(err.cls), err.text);
	ck_assert_msg(
	    strstr(err.text, text) != NULL, "'%s' not in '%s'", text, err.text);
	ck_assert_msg(strstr(err.text, "hunter") == NULL, "%s", err.text);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	return err;
}

START_TEST(values_go_and_come)
{
	struct pg *pg = connect_ok();
	const char *const params[] = { "it's \"quoted\"; --", NULL, "",
		"18446744073709551615", "\xc3\xa4" };
	struct pg_rows *rows;
	struct err err = { 0 };

	ck_assert_msg(pg_run(pg,
			  "SELECT $1::text, $2::text, $3::text, "
			  "$4::numeric(20,0), $5::text, true, "
			  "'2026-01-31 04:05:06+02'::timestamptz",
			  5, params, &rows, &err) == 0,
	    "%s", err.text);
	ck_assert_uint_eq(pg_count(rows), 1);
	ck_assert_str_eq(pg_text(rows, 0, 0), params[0]);
	ck_assert_ptr_null(pg_text(rows, 0, 1));
	ck_assert_str_eq(pg_text(rows, 0, 2), "");
	ck_assert_str_eq(pg_text(rows, 0, 3), params[3]);
	ck_assert_str_eq(pg_text(rows, 0, 4), params[4]);
	ck_assert_str_eq(pg_text(rows, 0, 5), "t");
	/* Whatever the server's time zone. */
	ck_assert_str_eq(pg_text(rows, 0, 6), "2026-01-31 02:05:06+00");
	ck_assert_ptr_null(pg_text(rows, 0, 7));
	ck_assert_ptr_null(pg_text(rows, 1, 0));
	pg_rows_free(rows);
	pg_close(pg);
}
END_TEST

/* Only within the transaction that asks for it; the server says so, and that is
 * told from a server that went away. */
START_TEST(ended_for_being_idle)
{
	struct pg *pg = connect_ok();
	struct err err = { 0 };
	struct pg_rows *rows;

	ck_assert_int_eq(pg_begin_idle(pg, 60000, &err), 0);
	ck_assert_int_eq(pg_ping(pg, true, &err), 0);
	ck_assert_int_eq(pg_commit(pg, &err), 0);
	ck_assert_int_eq(pg_run(pg, "SHOW idle_in_transaction_session_timeout",
			     0, NULL, &rows, &err),
	    0);
	ck_assert_str_eq(pg_text(rows, 0, 0), "0");
	pg_rows_free(rows);

	ck_assert_int_eq(pg_begin_idle(pg, 100, &err), 0);
	struct pollfd p = { .fd = pg_socket(pg), .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 60000), 1);
	ck_assert_int_eq(pg_ping(pg, true, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "idle-in-transaction"));
	ck_assert(pg_is_lost(pg));
	ck_assert(pg_was_idle(pg));
	pg_close(pg);
}
END_TEST

START_TEST(rows_and_counts)
{
	struct pg *pg = connect_ok();
	struct pg_rows *rows;
	struct err err = { 0 };

	ck_assert_int_eq(pg_script(pg,
			     "CREATE TEMP TABLE t (n int); "
			     "INSERT INTO t SELECT generate_series(1, 1000); "
			     "DELETE FROM t WHERE n > 900;",
			     &err),
	    0);
	ck_assert_int_eq(
	    pg_run(pg, "UPDATE t SET n = n + 1", 0, NULL, &rows, &err), 0);
	ck_assert_uint_eq(pg_affected(rows), 900);
	ck_assert_uint_eq(pg_count(rows), 0);
	pg_rows_free(rows);
	/* A script stops at its first failure and says which. */
	ck_assert_int_eq(pg_script(pg,
			     "DELETE FROM t; SELECT 1/0; "
			     "DROP TABLE t",
			     &err),
	    -1);
	ck_assert_ptr_nonnull(strstr(err.text, "division by zero"));
	runs(pg, "SELECT n FROM t");
	pg_close(pg);
}
END_TEST

START_TEST(a_large_result_comes_whole)
{
	struct pg *pg = connect_ok();
	struct pg_rows *rows;
	struct err err = { 0 };
	char *big = xmalloc(3 << 20);
	const char *const params[] = { big };

	memset(big, 'x', (3 << 20) - 1);
	big[(3 << 20) - 1] = '\0';
	ck_assert_msg(pg_run(pg,
			  "SELECT $1 || 'y', length($1) FROM "
			  "generate_series(1, 5)",
			  1, params, &rows, &err) == 0,
	    "%s", err.text);
	ck_assert_uint_eq(pg_count(rows), 5);
	ck_assert_uint_eq(strlen(pg_text(rows, 4, 0)), 3 << 20);
	pg_rows_free(rows);
	free(big);
	pg_close(pg);
}
END_TEST

START_TEST(errors_have_their_class)
{
	struct pg *pg = connect_ok();
	struct err err = fails(pg, "SELECT * FROM offload_nothing", ERR_STATE);

	ck_assert_ptr_nonnull(strstr(err.text, "calve init"));
	fails(pg, "SELECT nothing", ERR_STATE);
	fails(pg, "SELEC", ERR_STATE);
	fails(pg, "SET statement_timeout = 10; SELECT 1", ERR_STATE);
	runs(pg, "SET statement_timeout = 10");
	fails(pg, "SELECT pg_sleep(10)", ERR_STATE_LOST);
	ck_assert(!pg_is_lost(pg));
	runs(pg, "SET statement_timeout = 0");
	fails(pg,
	    "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; "
	    "END $$",
	    ERR_CONFLICT);
	fails(
	    pg, "DO $$ BEGIN RAISE EXCEPTION 'two\nlines'; END $$", ERR_STATE);
	/* The connection is still of use. */
	runs(pg, "SELECT 1");
	pg_close(pg);
}
END_TEST

START_TEST(a_taken_lock_is_busy)
{
	struct pg *a = connect_ok(), *b = connect_ok();
	struct err err = { 0 };

	runs(a, "CREATE TABLE locked (n int)");
	runs(a, "INSERT INTO locked VALUES (1), (2)");
	ck_assert_int_eq(pg_begin(a, &err), 0);
	runs(a, "SELECT * FROM locked FOR UPDATE NOWAIT");
	ck_assert_int_eq(pg_begin(b, &err), 0);
	fails(b, "SELECT * FROM locked FOR UPDATE NOWAIT", ERR_BUSY);
	/* A transaction that failed cannot seem to be committed. */
	ck_assert_int_eq(pg_commit(b, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE);
	runs(b, "SET lock_timeout = 20");
	fails(b, "UPDATE locked SET n = 3", ERR_BUSY);
	ck_assert_int_eq(pg_ping(a, true, &err), 0);
	ck_assert_int_eq(pg_commit(a, &err), 0);
	ck_assert_int_eq(pg_ping(a, true, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	ck_assert_int_eq(pg_ping(a, false, &err), 0);
	runs(b, "UPDATE locked SET n = 3");
	runs(b, "DROP TABLE locked");
	pg_close(a);
	pg_close(b);
}
END_TEST

static void *
second_update(void *arg)
{
	struct err *err = arg;
	struct pg *pg = connect_ok();

	if (pg_begin(pg, err) == 0)
		(void)!pg_run(pg,
		    "SELECT pg_advisory_xact_lock(2), "
		    "pg_advisory_xact_lock(1)",
		    0, NULL, NULL, err);
	pg_close(pg);
	return NULL;
}

START_TEST(a_deadlock_is_a_conflict)
{
	struct pg *pg = connect_ok();
	struct err mine = { 0 }, theirs = { 0 };
	pthread_t thread;
	int rv;

	ck_assert_int_eq(pg_begin(pg, &mine), 0);
	runs(pg, "SELECT pg_advisory_xact_lock(1)");
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, second_update, &theirs), 0);
	/* Until the other one holds 2 and waits for 1. */
	for (char *n = NULL; n == NULL || strcmp(n, "1") != 0;) {
		free(n);
		n = state_ask("SELECT count(*) FROM pg_locks WHERE locktype "
			      "= 'advisory' AND NOT granted");
		if (strcmp(n, "1") == 0) {
			free(n);
			break;
		}
	}
	rv =
	    pg_run(pg, "SELECT pg_advisory_xact_lock(2)", 0, NULL, NULL, &mine);
	pthread_join(thread, NULL);
	ck_assert_int_eq((rv == -1) + (theirs.cls != ERR_NONE), 1);
	ck_assert_int_eq(rv == -1 ? mine.cls : theirs.cls, ERR_CONFLICT);
	pg_close(pg);
}
END_TEST

START_TEST(a_terminated_session_is_lost)
{
	struct pg *pg = connect_ok();
	struct pg_rows *rows;
	struct err err = { 0 };

	ck_assert_int_eq(pg_begin(pg, &err), 0);
	ck_assert_int_eq(
	    pg_run(pg, "SELECT pg_backend_pid()", 0, NULL, &rows, &err), 0);
	char *sql = xasprintf(
	    "SELECT pg_terminate_backend(%s, 10000)", pg_text(rows, 0, 0));
	pg_rows_free(rows);
	free(state_ask(sql));
	free(sql);
	ck_assert_int_eq(pg_ping(pg, true, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	ck_assert(pg_is_lost(pg));
	/* Everything after fails at once, the same way. */
	fails(pg, "SELECT 1", ERR_STATE_LOST);
	ck_assert_int_eq(pg_commit(pg, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	ck_assert_ptr_nonnull(strstr(err.text, "outcome unknown"));
	pg_rollback(pg);
	pg_close(pg);
}
END_TEST

START_TEST(a_dead_server_is_lost)
{
	struct pg *pg = connect_ok();
	struct err err = { 0 };

	state_stop("immediate");
	fails(pg, "SELECT 1", ERR_STATE_LOST);
	pg_close(pg);
	refuses(state_conninfo(), ERR_STATE_LOST, "state database");
	state_restart();
	pg = connect_ok();
	ck_assert_int_eq(pg_ping(pg, false, &err), 0);
	pg_close(pg);
}
END_TEST

/* Accepts nobody, answers nothing. */
static int
silent_server(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	*port = ntohs(a.sin_port);
	return fd;
}

START_TEST(a_silent_server_is_given_up)
{
	unsigned port;
	int fd = silent_server(&port);
	struct mono began = mono_now();
	char *conninfo =
	    xasprintf("postgresql://u:hunter2@127.0.0.1:%u/d", port);

	refuses(conninfo, ERR_STATE_LOST, "no answer within 1 seconds");
	ck_assert(mono_seconds_since(began) < 5);
	close(fd);
	/* Nobody listens there any more. */
	refuses(conninfo, ERR_STATE_LOST, "Connection refused");
	free(conninfo);
}
END_TEST

START_TEST(connections_are_refused_with_their_reason)
{
	char *host = xstrndup(state_conninfo(), strcspn(state_conninfo(), " "));
	char *c = xasprintf("%s user=calve dbname=nosuch", host);
	struct err err;

	refuses(c, ERR_STATE, "database \"nosuch\" does not exist");
	free(c);
	c = xasprintf(
	    "%s user=nobody_there dbname=calve password=hunter2", host);
	err = refuses(c, ERR_STATE, "nobody_there");
	ck_assert_ptr_nonnull(strstr(err.text, "check user and password"));
	ck_assert_ptr_null(strstr(err.text, "28000"));
	free(c);
	free(state_ask("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0"));
	c = xasprintf("%s user=crowd dbname=calve", host);
	refuses(c, ERR_STATE_LOST, "too many connections");
	free(c);
	free(state_ask("DROP ROLE crowd"));
	refuses("host=/nonexistent dbname=x", ERR_STATE_LOST,
	    "No such file or directory");
	/* The second host of two is tried. */
	c = xasprintf("host=/nonexistent,%s user=calve dbname=calve",
	    host + strlen("host="));
	memset(&err, 0, sizeof err);
	struct pg *pg = pg_open(c, &pg_state, "check_pg", 0, &err);
	ck_assert_msg(pg != NULL, "%s", err.text);
	pg_close(pg);
	free(c);
	free(host);
}
END_TEST

START_TEST(malformed_strings_tell_no_secret)
{
	static const char *const bad[] = { "hunter2", "password=hunter2 x",
		"postgresql://u:hunter/2@h/d", "postgresql://u:hunt@er2@h/d",
		"postgresql://u:pw@h/d?hunter2", "host='hunter2",
		"postgresql://u:hunter2%zz@h/d", "postgres://u:hunter2@h:x/d",
		"postgresql://u:5432/hunter2@h/d", "hunter2=1" };

	for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++) {
		struct err err = { 0 };
		ck_assert_msg(
		    pg_check_conninfo(bad[at], &err) == -1, "%s", bad[at]);
		ck_assert_int_eq(err.cls, ERR_CONFIG);
		ck_assert_ptr_null(strstr(err.text, "hunt"));
		refuses(bad[at], ERR_CONFIG, "malformed");
		char *masked = pg_mask_conninfo(bad[at], false);
		ck_assert_str_eq(masked, "dbname=***");
		free(masked);
	}
}
END_TEST

START_TEST(passwords_are_masked)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "dbname=x", "dbname=x" }, { "", "" },
		{ "postgresql://u@h/d", "postgresql://u@h/d" },
		{ "postgresql://u:hunter2@h/d",
		    "user=u password=*** dbname=d host=h" },
		{ "host=h password='hun\\'ter2' user='a b'",
		    "user='a b' password=*** host=h" },
		{ "host=h sslpassword=hunter2", "host=h sslpassword=***" },
		{ "postgresql://h/d?password=hunter2",
		    "password=*** dbname=d host=h" } };

	for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
		char *masked = pg_mask_conninfo(cases[at].in, false);
		ck_assert_str_eq(masked, cases[at].out);
		free(masked);
	}
	ck_assert(pg_has_password("postgresql://u:${P}@h/d", false));
	ck_assert(!pg_has_password("postgresql://u:${P}@h/d", true));
	ck_assert(pg_has_password("postgresql://u:${P}x${Q}@h/d", true));
	ck_assert(!pg_has_password("postgresql://u@h/d", false));
}
END_TEST

START_TEST(the_session_is_never_ended_for_idling)
{
	struct pg *pg = connect_ok();
	struct pg_rows *rows;
	struct err err = { 0 };

	ck_assert_int_eq(
	    pg_run(pg,
		"SELECT current_setting("
		"'idle_in_transaction_session_timeout'), current_setting("
		"'TimeZone'), current_setting('default_transaction_isolation'), "
		"current_setting('application_name'), "
		"current_setting('statement_timeout')",
		0, NULL, &rows, &err),
	    0);
	ck_assert_str_eq(pg_text(rows, 0, 0), "0");
	ck_assert_str_eq(pg_text(rows, 0, 1), "UTC");
	ck_assert_str_eq(pg_text(rows, 0, 2), "read committed");
	ck_assert_str_eq(pg_text(rows, 0, 3), "check_pg");
	ck_assert_str_eq(pg_text(rows, 0, 4), "30s");
	pg_rows_free(rows);
	pg_close(pg);
}
END_TEST

/* Rows of a COPY, -1 when it failed. */
static int
copies(struct pg *pg, const char *sql, struct err *err)
{
	char *data;
	size_t len;
	int n = 0, rc;

	if (pg_copy_begin(pg, sql, err) == -1)
		return -1;
	while ((rc = pg_copy_next(pg, &data, &len, err)) == 1) {
		ck_assert_uint_gt(len, 0);
		pg_copy_free(data);
		n++;
	}
	return rc == 0 ? n : -1;
}

START_TEST(copies_end_well_or_with_their_error)
{
	struct err err = { 0 };
	struct pg *pg =
	    pg_open(state_conninfo(), &pg_source, "check_pg", 0, &err);

	ck_assert_msg(pg != NULL, "%s", err.text);
	ck_assert_int_eq(
	    copies(
		pg, "COPY (SELECT generate_series(1, 100000)) TO STDOUT", &err),
	    100000);
	ck_assert_int_eq(copies(pg,
			     "COPY (SELECT 1 / (5000 - i) FROM "
			     "generate_series(1, 9000) i) TO STDOUT",
			     &err),
	    -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE);
	ck_assert_str_eq(err.text, "source database: division by zero");
	ck_assert_int_eq(copies(pg, "COPY nothing TO STDOUT", &err), -1);
	ck_assert_str_eq(err.text,
	    "source database: relation \"nothing\" does not exist; check the "
	    "table's 'source' and its columns");
	/* and goes on */
	ck_assert_int_eq(copies(pg, "COPY (SELECT 1) TO STDOUT", &err), 1);
	ck_assert_int_eq(
	    copies(pg,
		"COPY (SELECT pg_terminate_backend(pg_backend_pid()), 1) "
		"TO STDOUT",
		&err),
	    -1);
	ck_assert_int_eq(err.cls, ERR_SOURCE_LOST);
	ck_assert(pg_is_lost(pg));
	pg_close(pg);
}
END_TEST

START_TEST(an_abandoned_copy_is_cancelled)
{
	struct err err = { 0 };
	struct pg *pg =
	    pg_open(state_conninfo(), &pg_source, "check_pg", 0, &err);
	struct pg *other = connect_ok();
	struct pg_rows *rows;
	char *data;
	size_t len;

	ck_assert_int_eq(pg_copy_begin(pg,
			     "COPY (SELECT pg_sleep(600 * (i / 3)), "
			     "repeat('x', 100000) FROM "
			     "generate_series(1, 3) i) TO STDOUT",
			     &err),
	    0);
	ck_assert_int_eq(pg_copy_next(pg, &data, &len, &err), 1);
	pg_copy_free(data);
	pg_cancel(pg);
	pg_close(pg);
	for (int left = 1; left != 0;) {
		ck_assert_int_eq(pg_run(other,
				     "SELECT count(*) FROM pg_stat_activity "
				     "WHERE query LIKE 'COPY (SELECT pg_sl%'",
				     0, NULL, &rows, &err),
		    0);
		left = atoi(pg_text(rows, 0, 0));
		pg_rows_free(rows);
	}
	pg_close(other);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pg");
	TCase *t = tcase_create("pg");

	log_init("check_pg", LOG_ERROR);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, values_go_and_come);
	tcase_add_test(t, ended_for_being_idle);
	tcase_add_test(t, rows_and_counts);
	tcase_add_test(t, a_large_result_comes_whole);
	tcase_add_test(t, errors_have_their_class);
	tcase_add_test(t, a_taken_lock_is_busy);
	tcase_add_test(t, a_deadlock_is_a_conflict);
	tcase_add_test(t, a_terminated_session_is_lost);
	tcase_add_test(t, a_dead_server_is_lost);
	tcase_add_test(t, a_silent_server_is_given_up);
	tcase_add_test(t, connections_are_refused_with_their_reason);
	tcase_add_test(t, malformed_strings_tell_no_secret);
	tcase_add_test(t, passwords_are_masked);
	tcase_add_test(t, the_session_is_never_ended_for_idling);
	tcase_add_test(t, copies_end_well_or_with_their_error);
	tcase_add_test(t, an_abandoned_copy_is_cancelled);
	suite_add_tcase(s, t);
	state_start("check_pg");
	int status = run_suite(s);
	state_stop("immediate");
	return status;
}
