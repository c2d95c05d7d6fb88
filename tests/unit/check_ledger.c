/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State tables made anew and adopted from an older pipeline, and the ledger
 * on them: who may touch whose runs, and what a lost connection does.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "coordinator/ledger.h"
#include "embedded/sql.h"
#include "tests/harness/state.h"
#include "tests/unit/run_suite.h"

static void
answers(const char *sql, const char *wanted)
{
	char *got = state_ask(sql);

	ck_assert_msg(
	    strcmp(got, wanted) == 0, "%s: '%s', not '%s'", sql, got, wanted);
	free(got);
}

static void
script(const char *sql)
{
	struct err err = { 0 };
	struct pg *pg = pg_open(state_conninfo(), &pg_state, "test", 0, &err);

	ck_assert_msg(pg != NULL, "%s", err.text);
	ck_assert_msg(pg_script(pg, sql, &err) == 0, "%s", err.text);
	pg_close(pg);
}

static void
make_tables(void)
{
	state_wipe();
	script(sql_001_init);
	script(sql_002_ordinal);
	script(sql_003_waiting);
	script(sql_004_transactions);
	script(sql_005_columns);
}

/* ---- migration ---- */

START_TEST(tables_are_made)
{
	make_tables();
	answers("SELECT string_agg(column_name || ' ' || data_type, ', ' "
		"ORDER BY column_name) FROM information_schema.columns WHERE "
		"table_name = 'offload_watermarks'",
	    "adopt boolean, columns_sent ARRAY, duration_seconds double precision, error_message "
	    "text, last_offload_max_sequence numeric, last_offload_position "
	    "text, last_offload_timestamp timestamp with time zone, "
	    "last_run_id text, row_count bigint, source_uuid text, status "
	    "text, table_name text, target_uuid text, total_rows numeric, "
	    "transactions_seen text, updated_at timestamp with time zone, "
	    "waiting text");
	answers("INSERT INTO offload_watermarks (table_name) VALUES ('a') "
		"RETURNING status || adopt || total_rows",
	    "initializedfalse0");
	answers("SELECT count(*) FROM offload_runs", "0");
}
END_TEST

/* What adoption must leave of an older table: one row as text. */
static const char adopted_row[] =
    "SELECT concat_ws('|', table_name, "
    "last_offload_timestamp AT TIME ZONE 'UTC', "
    "last_offload_max_sequence, last_run_id, row_count, status) "
    "FROM offload_watermarks WHERE table_name = 't'";

static void
adopt(const char *older)
{
	state_wipe();
	/* The server's zone must not matter. */
	free(state_ask("ALTER DATABASE calve SET timezone TO 'Asia/Tokyo'"));
	script(older);
	script(sql_001_init);
	answers(
	    "SELECT concat_ws('|', a.atttypid::regtype, b.atttypid::"
	    "regtype) FROM pg_attribute a, pg_attribute b WHERE a.attrelid = "
	    "'offload_watermarks'::regclass AND b.attrelid = a.attrelid AND "
	    "a.attname = 'last_offload_timestamp' AND b.attname = "
	    "'last_offload_max_sequence'",
	    "timestamp with time zone|numeric");
	/* A new row needs nothing but its name, and is there once. */
	free(state_ask("INSERT INTO offload_watermarks (table_name) "
		       "VALUES ('new')"));
	answers("INSERT INTO offload_watermarks (table_name) VALUES ('new') "
		"ON CONFLICT (table_name) DO NOTHING RETURNING 'twice'",
	    "");
	free(state_ask("ALTER DATABASE calve RESET timezone"));
}

START_TEST(an_older_table_is_adopted)
{
	adopt("CREATE TABLE offload_watermarks (table_name varchar(100) "
	      "PRIMARY KEY, last_offload_timestamp timestamp NOT NULL, "
	      "last_offload_max_sequence bigint NOT NULL, last_run_id "
	      "varchar(36), row_count integer DEFAULT 0, note text);"
	      "INSERT INTO offload_watermarks VALUES ('t', "
	      "'2026-01-31 04:05:06.789012', 9223372036854775807, 'run-1', 17, "
	      "'kept')");
	answers(adopted_row,
	    "t|2026-01-31 04:05:06.789012|"
	    "9223372036854775807|run-1|17|initialized");
	answers("SELECT note FROM offload_watermarks WHERE table_name = 't'",
	    "kept");
}
END_TEST

START_TEST(an_older_table_with_its_own_ideas_is_adopted)
{
	adopt("CREATE TYPE st AS ENUM ('pending', 'done');"
	      "CREATE TABLE offload_watermarks (id serial PRIMARY KEY, "
	      "table_name text NOT NULL, last_offload_timestamp timestamptz "
	      "DEFAULT '1970-01-01 00:00:00+00', last_offload_max_sequence "
	      "numeric, last_run_id uuid, status st NOT NULL DEFAULT 'pending',"
	      " owner text NOT NULL, total_rows bigint, "
	      "CHECK (status IN ('pending', 'done')));"
	      "INSERT INTO offload_watermarks (table_name, owner, status, "
	      "last_run_id, last_offload_max_sequence) VALUES ('t', 'me', "
	      "'done', '0f0e0d0c-0b0a-4908-8706-050403020100', 5)");
	answers(adopted_row,
	    "t|1970-01-01 00:00:00|5|0f0e0d0c-0b0a-4908-"
	    "8706-050403020100|0|done");
	/* What calve writes is allowed, other words no longer. */
	free(state_ask("UPDATE offload_watermarks SET status = 'success' "
		       "WHERE table_name = 't'"));
	struct err err = { 0 };
	struct pg *pg = pg_open(state_conninfo(), &pg_state, "test", 0, &err);
	ck_assert_int_eq(pg_run(pg,
			     "UPDATE offload_watermarks SET status = "
			     "'done'",
			     0, NULL, NULL, &err),
	    -1);
	pg_close(pg);
}
END_TEST

START_TEST(an_empty_or_minimal_table_is_adopted)
{
	adopt("CREATE TABLE offload_watermarks (table_name text)");
	adopt("CREATE TABLE offload_watermarks (table_name text UNIQUE, "
	      "last_offload_timestamp date, last_offload_max_sequence int)");
}
END_TEST

START_TEST(what_cannot_be_adopted_is_left_alone)
{
	static const char *const older[] = {
		/* Two rows of one table: which one counts? */
		"CREATE TABLE offload_watermarks (table_name text, "
		"last_offload_timestamp timestamp); INSERT INTO "
		"offload_watermarks VALUES ('t', now()), ('t', now())",
		/* No number. */
		"CREATE TABLE offload_watermarks (table_name text, "
		"last_offload_max_sequence text); INSERT INTO "
		"offload_watermarks VALUES ('t', 'seven')",
		"CREATE TABLE offload_runs (other int)"
	};

	for (size_t at = 0; at < 3; at++) {
		struct err err = { 0 };
		state_wipe();
		script(older[at]);
		char *before =
		    state_ask("SELECT count(*) FROM "
			      "information_schema.columns WHERE table_schema = "
			      "'public'");
		struct pg *pg =
		    pg_open(state_conninfo(), &pg_state, "test", 0, &err);
		ck_assert_int_eq(pg_begin(pg, &err), 0);
		ck_assert_int_eq(pg_script(pg, sql_001_init, &err), -1);
		ck_assert_int_eq(err.cls, ERR_STATE);
		pg_rollback(pg);
		pg_close(pg);
		answers("SELECT count(*) FROM information_schema.columns "
			"WHERE table_schema = 'public'",
		    before);
		free(before);
	}
}
END_TEST

/* ---- runs ---- */

static const char run_a[] = "0f0e0d0c-0b0a-4908-8706-0504030201aa";
static const char run_b[] = "0f0e0d0c-0b0a-4908-8706-0504030201bb";

static unsigned orphans;

static void
count_orphan(void *arg, const char *table, const char *host, const char *phase)
{
	(void)arg;
	ck_assert_ptr_nonnull(table);
	ck_assert_ptr_nonnull(host);
	ck_assert_ptr_nonnull(phase);
	orphans++;
}

static struct ledger *
open_ledger(void)
{
	struct err err = { 0 };
	struct ledger *l =
	    ledger_open(state_conninfo(), count_orphan, NULL, &err);

	ck_assert_msg(l != NULL, "%s", err.text);
	return l;
}

static void
start(struct ledger *l, const char *table, const char *run_id)
{
	struct err err = { 0 };

	ck_assert_msg(
	    ledger_start(l, table, run_id, 1, &err) == 0, "%s", err.text);
}

static int
try_finish(struct ledger *l, const char *table, const char *run_id,
    enum run_state state, const struct err *why, struct err *err)
{
	const struct result r = { .rows = 7,
		.bytes_read = UINT64_C(1) << 40,
		.files = 2,
		.snapshot_id = -5 };
	struct ledger_end end = { .table = table,
		.run_id = run_id,
		.state = state,
		.phase = PHASE_WRITE,
		.pid = 4711,
		.exit_code = -1,
		.signal = 9,
		.err = why,
		.cpu_s = 1.5,
		.peak_memory = 99,
		.result = state == RUN_SUCCESS ? &r : NULL };

	return ledger_finish(l, &end, err);
}

static void
finish(struct ledger *l, const char *table, const char *run_id,
    enum run_state state, const struct err *why)
{
	struct err err = { 0 };

	ck_assert_msg(try_finish(l, table, run_id, state, why, &err) == 0, "%s",
	    err.text);
}

static const char states[] =
    "SELECT string_agg(table_name || ' ' || state "
    "|| ' ' || coalesce(error_class, '-'), ', ' ORDER BY started_at) FROM "
    "offload_runs";
static const char marks[] =
    "SELECT string_agg(table_name || ' ' || status "
    "|| ' ' || coalesce(error_message, '-'), ', ' ORDER BY table_name) FROM "
    "offload_watermarks";

START_TEST(a_run_is_there_before_and_after)
{
	make_tables();
	struct ledger *l = open_ledger();
	const struct err why = { .cls = ERR_SOURCE, .text = "gone; it's" };

	start(l, "a", run_a);
	answers(states, "a running -");
	answers(marks, "a running -");
	ledger_phase(l, run_a, 4711, PHASE_READ);
	answers("SELECT pid || phase FROM offload_runs", "4711reading");
	finish(l, "a", run_a, RUN_SUCCESS, NULL);
	answers("SELECT concat_ws('|', state, phase, row_count, bytes_read, "
		"file_count, snapshot_id, exit_code, signal, error_class, "
		"peak_memory_bytes, cpu_seconds, finished_at IS NOT NULL) FROM "
		"offload_runs",
	    "success|writing|7|1099511627776|2|-5|9|99|1.5|t");
	answers(marks, "a success -");
	start(l, "a", run_b);
	finish(l, "a", run_b, RUN_FAILED, &why);
	answers(states, "a success -, a failed source");
	answers(marks, "a failed gone; it's");
	ledger_close(l);
}
END_TEST

START_TEST(busy_leaves_the_status_to_the_other)
{
	make_tables();
	struct ledger *l = open_ledger();
	const struct err busy = { .cls = ERR_BUSY, .text = "held" };

	start(l, "a", run_a);
	finish(l, "a", run_a, RUN_SKIPPED, &busy);
	answers(states, "a skipped busy");
	answers(marks, "a running -");
	ledger_close(l);
}
END_TEST

START_TEST(a_locked_row_is_not_waited_for)
{
	make_tables();
	struct ledger *l = open_ledger();
	struct err err = { 0 };
	const struct err why = { .cls = ERR_SOURCE, .text = "x" };
	const char *const params[] = { "a" };

	start(l, "a", run_a);
	struct pg *worker =
	    pg_open(state_conninfo(), &pg_state, "worker", 0, &err);
	ck_assert_int_eq(pg_begin(worker, &err), 0);
	ck_assert_int_eq(
	    pg_run(worker, sql_lock_watermark, 1, params, NULL, &err), 0);
	/* Would run into its lock timeout if it waited. */
	start(l, "a", run_b);
	finish(l, "a", run_b, RUN_FAILED, &why);
	ck_assert_int_eq(pg_commit(worker, &err), 0);
	answers(marks, "a running -");
	pg_close(worker);
	ledger_close(l);
}
END_TEST

START_TEST(only_dead_coordinators_lose_their_runs)
{
	make_tables();
	struct ledger *alive = open_ledger(), *dead = open_ledger();

	start(alive, "a", run_a);
	start(dead, "d", run_b);
	/* The run had moved its watermark before it was left behind. */
	free(state_ask(
	    "UPDATE offload_watermarks SET last_run_id = "
	    "'0f0e0d0c-0b0a-4908-8706-0504030201bb' WHERE table_name = 'd'"));
	orphans = 0;
	ledger_close(open_ledger());
	ck_assert_uint_eq(orphans, 0);
	ledger_close(dead);
	struct ledger *l = open_ledger();
	ck_assert_uint_eq(orphans, 1);
	answers(states, "a running -, d failed cancelled");
	answers("SELECT error_message LIKE '%committed by then is kept' FROM "
		"offload_runs WHERE table_name = 'd'",
	    "t");
	answers("SELECT string_agg(status, ' ' ORDER BY table_name) FROM "
		"offload_watermarks",
	    "running failed");
	finish(alive, "a", run_a, RUN_SUCCESS, NULL);
	answers(states, "a success -, d failed cancelled");
	ledger_close(l);
	ledger_close(alive);
}
END_TEST

START_TEST(a_lost_connection_is_made_again_under_the_same_key)
{
	make_tables();
	struct ledger *l = open_ledger();

	start(l, "a", run_a);
	free(state_ask("SELECT count(pg_terminate_backend(pid, 10000)) FROM "
		       "pg_stat_activity WHERE application_name = 'calve'"));
	/* Meanwhile somebody took it for dead. */
	ledger_close(open_ledger());
	answers(states, "a failed cancelled");
	start(l, "b", run_b);
	answers("SELECT count(DISTINCT coordinator) FROM offload_runs", "1");
	ledger_close(open_ledger());
	answers(states, "a failed cancelled, b running -");
	/* It was not dead, and has the last word. */
	finish(l, "a", run_a, RUN_SUCCESS, NULL);
	answers(states, "a success -, b running -");
	ledger_close(l);
}
END_TEST

/* Another session has the key just as it is asked for: that of the connection
 * that was lost, of which the server has not noticed the end. */
START_TEST(the_key_is_taken_as_soon_as_it_is_free)
{
	static const char wait_for_key[] =
	    "SELECT pg_advisory_lock(1667329655, coordinator) FROM "
	    "offload_runs WHERE table_name = 'a'";
	struct err err = { 0 };

	make_tables();
	struct ledger *l = open_ledger();
	start(l, "a", run_a);
	free(state_ask("SELECT count(pg_terminate_backend(pid, 10000)) FROM "
		       "pg_stat_activity WHERE application_name = 'calve'"));
	struct pg *old = pg_open(state_conninfo(), &pg_state, "old", 0, &err);
	ck_assert_msg(old != NULL, "%s", err.text);
	ck_assert_int_eq(pg_run(old, wait_for_key, 0, NULL, NULL, &err), 0);
	/* The server's last words come first. */
	for (int tries = 0; tries < 10 && ledger_socket(l) != -1; tries++)
		(void)ledger_keep(l);
	ck_assert_int_eq(ledger_socket(l), -1);
	ck_assert(!ledger_keep(l));
	/* As good as its own, while it lasts. */
	ledger_close(open_ledger());
	answers(states, "a running -");
	pg_close(old);
	free(state_ask("SELECT count(pg_terminate_backend(pid, 10000)) FROM "
		       "pg_stat_activity WHERE application_name = 'old'"));
	ck_assert(ledger_keep(l));
	ck_assert_int_ne(ledger_socket(l), -1);
	ledger_close(open_ledger());
	answers(states, "a running -");
	finish(l, "a", run_a, RUN_SUCCESS, NULL);
	ledger_close(l);
}
END_TEST

START_TEST(ends_are_kept_until_the_server_is_back)
{
	make_tables();
	struct ledger *l = open_ledger();
	struct err err = { 0 };
	const struct err why = { .cls = ERR_STATE_LOST, .text = "gone" };

	start(l, "a", run_a);
	start(l, "b", run_b);
	state_stop("immediate");
	ck_assert_int_eq(try_finish(l, "b", run_b, RUN_FAILED, &why, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	struct mono failed = mono_now();
	ck_assert_int_eq(ledger_flush(l, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	state_restart();
	/* Not long after a failure the server is left in peace. */
	err_clear(&err);
	int rc = try_finish(l, "a", run_a, RUN_SUCCESS, NULL, &err);
	if (mono_seconds_since(failed) < LEDGER_PAUSE_S) {
		ck_assert_int_eq(rc, -1);
		ck_assert_int_eq(err.cls, ERR_STATE_LOST);
	}
	ck_assert_int_eq(ledger_flush(l, &err), 0);
	answers(states, "a success -, b failed state-lost");
	answers(marks, "a success -, b failed gone");
	ck_assert_int_eq(ledger_flush(l, &err), 0);
	ledger_close(l);
}
END_TEST

START_TEST(what_is_never_told_is_no_leak)
{
	make_tables();
	struct ledger *l = open_ledger();
	struct err err = { 0 };

	start(l, "a", run_a);
	state_stop("immediate");
	ck_assert_int_eq(
	    try_finish(l, "a", run_a, RUN_SUCCESS, NULL, &err), -1);
	ledger_close(l);
	state_restart();
}
END_TEST

START_TEST(a_start_may_be_said_twice)
{
	make_tables();
	struct ledger *l = open_ledger();

	start(l, "a", run_a);
	start(l, "a", run_a);
	answers(states, "a running -");
	ledger_close(l);
}
END_TEST

START_TEST(skipped_tables_are_recorded)
{
	make_tables();
	struct ledger *l = open_ledger();
	struct err err = { 0 };
	const struct err why = { .cls = ERR_CANCELLED, .text = "not started" };

	ck_assert_int_eq(ledger_skip(l, "s", &why, &err), 0);
	answers("SELECT concat_ws('|', state, error_message, finished_at IS "
		"NOT NULL) FROM offload_runs",
	    "skipped|not started|t");
	ledger_close(l);
}
END_TEST

START_TEST(durations_are_of_the_newest_successes)
{
	struct config c = { .ntables = 3,
		.tables = xcalloc(3, sizeof *c.tables) };
	struct err err = { 0 };

	make_tables();
	free(state_ask("INSERT INTO offload_watermarks (table_name) VALUES "
		       "('never'), ('a'), ('empty'), ('of late')"));
	c.tables[0].name.value = xstrdup("never");
	c.tables[1].name.value = xstrdup("a");
	c.tables[2].name.value = xstrdup("empty");
	free(state_ask(
	    "INSERT INTO offload_runs (run_id, table_name, host, "
	    "coordinator, state, row_count, started_at, finished_at) SELECT "
	    "gen_random_uuid(), 'a', 'h', 1, 'success', 5, "
	    "'2026-01-01'::timestamptz + n * interval '1 day', "
	    "'2026-01-01'::timestamptz + n * interval '1 day' + "
	    "CASE WHEN n > 5 THEN 10 ELSE 1000 END * interval '1 second' "
	    "FROM generate_series(1, 10) n"));
	free(state_ask(
	    "INSERT INTO offload_runs (run_id, table_name, host, "
	    "coordinator, state, row_count, started_at, finished_at) VALUES "
	    "(gen_random_uuid(), 'empty', 'h', 1, 'success', 0, now(), "
	    "now())"));
	struct ledger *l = open_ledger();
	double *s = ledger_durations(l, &c, &err);
	ck_assert_ptr_nonnull(s);
	ck_assert(s[0] == 0);
	ck_assert(s[1] == 10);
	ck_assert(s[2] == 0);
	free(s);
	ledger_close(l);
	config_clear(&c);
}
END_TEST

START_TEST(without_tables_it_says_what_to_do)
{
	struct err err = { 0 };

	state_wipe();
	ck_assert_ptr_null(ledger_open(state_conninfo(), NULL, NULL, &err));
	ck_assert_int_eq(err.cls, ERR_STATE);
	ck_assert_ptr_nonnull(strstr(err.text, "'calve init'"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ledger");
	TCase *m = tcase_create("migration"), *r = tcase_create("runs");

	log_init("check_ledger", LOG_ERROR);
	tcase_set_timeout(m, 120);
	tcase_set_timeout(r, 120);
	tcase_add_test(m, tables_are_made);
	tcase_add_test(m, an_older_table_is_adopted);
	tcase_add_test(m, an_older_table_with_its_own_ideas_is_adopted);
	tcase_add_test(m, an_empty_or_minimal_table_is_adopted);
	tcase_add_test(m, what_cannot_be_adopted_is_left_alone);
	tcase_add_test(r, a_run_is_there_before_and_after);
	tcase_add_test(r, busy_leaves_the_status_to_the_other);
	tcase_add_test(r, a_locked_row_is_not_waited_for);
	tcase_add_test(r, only_dead_coordinators_lose_their_runs);
	tcase_add_test(r, a_lost_connection_is_made_again_under_the_same_key);
	tcase_add_test(r, the_key_is_taken_as_soon_as_it_is_free);
	tcase_add_test(r, ends_are_kept_until_the_server_is_back);
	tcase_add_test(r, what_is_never_told_is_no_leak);
	tcase_add_test(r, a_start_may_be_said_twice);
	tcase_add_test(r, skipped_tables_are_recorded);
	tcase_add_test(r, durations_are_of_the_newest_successes);
	tcase_add_test(r, without_tables_it_says_what_to_do);
	suite_add_tcase(s, m);
	suite_add_tcase(s, r);
	state_start("check_ledger");
	int status = run_suite(s);
	state_stop("immediate");
	return status;
}
