/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve init: makes, migrates or mends the state tables, in one transaction,
 * and a watermark row for each configured table; then the ClickHouse tables
 * that are missing as targets. Again and again does no harm.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/pg.h"
#include "common/xalloc.h"
#include "coordinator/cmd.h"
#include "coordinator/survey.h"
#include "embedded/sql.h"

/* In order; the version is the place in the list, from 1. Never changed once
 * released, only added to. Each can be run again, and mends what is missing. */
static const char *const migrations[] = { sql_001_init, sql_002_ordinal,
	sql_003_waiting, sql_004_transactions, sql_005_collected };
enum { NEWEST = sizeof migrations / sizeof migrations[0] };

static int
read_version(struct pg *pg, long *version, struct err *err)
{
	struct pg_rows *rows;

	if (pg_run(pg, sql_read_schema_version, 0, NULL, &rows, err) == -1)
		return -1;
	const char *text = pg_text(rows, 0, 0);
	*version = text != NULL ? strtol(text, NULL, 10) : 0;
	pg_rows_free(rows);
	if (*version <= NEWEST)
		return 0;
	return err_set(err, ERR_STATE,
	    "the state tables have version %ld, "
	    "this calve knows %d; install the newer calve",
	    *version, NEWEST);
}

/* What is missing of tables that were made: a list, NULL when nothing is. */
static int
find_damage(struct pg *pg, char **list, struct err *err)
{
	struct pg_rows *rows;

	*list = NULL;
	if (pg_run(pg, sql_find_damage, 0, NULL, &rows, err) == -1)
		return -1;
	for (size_t row = 0; row < pg_count(rows); row++) {
		char *longer = xasprintf("%s%s%s", row > 0 ? *list : "",
		    row > 0 ? ", " : "", pg_text(rows, row, 0));
		free(*list);
		*list = longer;
	}
	pg_rows_free(rows);
	return 0;
}

/* From the first: tables of an older version may be damaged, too. */
static int
migrate(struct pg *pg, struct err *err)
{
	for (int n = 0; n < NEWEST; n++) {
		char number[32];
		const char *const params[] = { number };
		snprintf(number, sizeof number, "%d", n + 1);
		if (pg_script(pg, migrations[n], err) == -1 ||
		    pg_run(pg, sql_record_schema_version, 1, params, NULL,
			err) == -1)
			return err_prefix(
			    err, "state tables, version %s", number);
	}
	return 0;
}

static int
ensure_tables(
    struct pg *pg, const struct config *c, size_t *added, struct err *err)
{
	*added = 0;
	for (size_t at = 0; at < c->ntables; at++) {
		const char *const params[] = { c->tables[at].name.value };
		struct pg_rows *rows;
		if (pg_run(pg, sql_ensure_watermark, 1, params, &rows, err) ==
		    -1)
			return -1;
		*added += pg_affected(rows);
		pg_rows_free(rows);
	}
	return 0;
}

/* In the transaction that is open. damage: of what had been made before. */
static int
make_tables(struct pg *pg, const struct config *c, long *version, char **damage,
    size_t *added, struct err *err)
{
	if (pg_run(pg, sql_lock_init, 0, NULL, NULL, err) == -1 ||
	    pg_run(pg, sql_create_schema_table, 0, NULL, NULL, err) == -1 ||
	    read_version(pg, version, err) == -1)
		return -1;
	if (*version == NEWEST && find_damage(pg, damage, err) == -1)
		return -1;
	if ((*version < NEWEST || *damage != NULL) && migrate(pg, err) == -1)
		return -1;
	return ensure_tables(pg, c, added, err);
}

static int
init(const struct config *c, struct err *err)
{
	struct pg *pg =
	    pg_open(c->state.value, &pg_state, "calve init", 0, err);
	char *damage = NULL;
	long version = 0;
	size_t added;

	if (pg == NULL)
		return -1;
	if (pg_begin(pg, err) == -1 ||
	    make_tables(pg, c, &version, &damage, &added, err) == -1 ||
	    pg_commit(pg, err) == -1) {
		if (err->cls == ERR_BUSY)
			err_prefix(err,
			    "the state tables are in use; wait "
			    "for the runs to end");
		pg_rollback(pg);
		pg_close(pg);
		free(damage);
		return -1;
	}
	pg_close(pg);
	if (damage != NULL)
		printf("state tables mended (%s), version %d", damage, NEWEST);
	else if (version == NEWEST)
		printf("state tables are up to date (version %d)", NEWEST);
	else
		printf("state tables made, version %d", NEWEST);
	printf("; %zu of %zu tables new\n", added, c->ntables);
	free(damage);
	return 0;
}

/* Tables that go to Iceberg are made by their first run, with its rows. */
static int
make_targets(const struct config *c, struct err *err)
{
	const char **names = xcalloc(c->ntables + 1, sizeof *names);
	struct plan plan = { 0 };
	struct survey v = { 0 };
	int status = EXIT_DONE;
	size_t n = 0;

	for (size_t at = 0; at < c->ntables; at++)
		if (c->tables[at].sync)
			names[n++] = c->tables[at].name.value;
	if (n > 0 &&
	    (plan_make(c, names, n, NULL, &plan, err) == -1 ||
		survey_run(&v, c, JOB_INIT, &plan, err) == -1))
		status = -1;
	for (size_t at = 0; status == EXIT_DONE && at < plan.n; at++)
		if (v.s.outcomes[at].state != RUN_SUCCESS)
			status = EXIT_SOME_FAILED;
	survey_clear(&v);
	plan_clear(&plan);
	free(names);
	return status;
}

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct err err = { 0 };
	int status = -1;

	if (cmd_no_operands(a, &err) == 0 &&
	    cmd_config(a, &config, &err) == 0 && init(&config, &err) == 0)
		status = make_targets(&config, &err);
	if (status == -1)
		status = cmd_fail(&err);
	config_clear(&config);
	return status;
}

const struct cmd cmd_init = {
	.name = "init",
	.summary = "Make the state tables, or bring them up to date",
	.details =
	    "An offload_watermarks table of an older pipeline is "
	    "adopted in place: missing\ncolumns are added, its rows stay. "
	    "ClickHouse tables that are missing as targets\nare made.\n",
	.run = run,
};
