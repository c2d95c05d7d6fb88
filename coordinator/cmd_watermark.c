/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve watermark: looks at a table's position, or mends it by hand. A change
 * takes the same lock as a run, so it never happens beneath one.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "common/position.h"
#include "common/xalloc.h"
#include "coordinator/cmd.h"
#include "coordinator/grid.h"
#include "embedded/sql.h"

static int
fail_operands(struct err *err, const char *right)
{
	return err_set(err, ERR_CONFIG,
	    "expected 'calve watermark %s'; see "
	    "'calve watermark --help'",
	    right);
}

/* ---- show ---- */

/* Columns of read_watermark.sql. */
static const char *const columns[] = { "table", "timestamp", "position",
	"sequence", "run_id", "row_count", "total_rows", "status",
	"duration_seconds", "error_message", "source_uuid", "target_uuid",
	"adopt", "updated_at" };
enum { NCOLUMNS = sizeof columns / sizeof columns[0] };

static void
print_rows(const struct pg_rows *rows)
{
	static const char *const titles[] = { "TABLE", "POSITION", "STATUS",
		">ROWS", ">TOTAL ROWS", "RUN", "UPDATED", "REMARK" };
	struct grid g;

	grid_init(&g, 8, titles);
	for (size_t row = 0; row < pg_count(rows); row++) {
		const char *ts = pg_text(rows, row, 1);
		const char *exact = pg_text(rows, row, 2);
		const char *sequence = pg_text(rows, row, 3);
		const char *adopt = pg_text(rows, row, 12);
		grid_put(&g, pg_text(rows, row, 0));
		if (exact != NULL)
			grid_put(&g, exact);
		else if (ts != NULL)
			grid_printf(&g, "%s%s%s", ts,
			    sequence != NULL ? "/" : "",
			    sequence != NULL ? sequence : "");
		else
			grid_put(&g, "none");
		grid_put(&g, pg_text(rows, row, 7));
		grid_put(&g, pg_text(rows, row, 5));
		grid_put(&g, pg_text(rows, row, 6));
		grid_put(&g, pg_text(rows, row, 4));
		grid_put(&g, pg_text(rows, row, 13));
		grid_put(&g,
		    adopt != NULL && *adopt == 't'
			? "the next run takes the target's position"
			: pg_text(rows, row, 9));
	}
	grid_print(&g, stdout);
	grid_clear(&g);
}

static void
print_json(const struct pg_rows *rows)
{
	json_t *list = json_array();

	for (size_t row = 0; row < pg_count(rows); row++) {
		json_t *o = json_object();
		for (size_t col = 0; col < NCOLUMNS; col++) {
			const char *text = pg_text(rows, row, col);
			json_t *value = text == NULL ? json_null()
			    : col == 5 || col == 6
			    ? json_integer(strtoll(text, NULL, 10))
			    : col == 8  ? json_real(strtod(text, NULL))
			    : col == 12 ? json_boolean(*text == 't')
					: json_string(text);
			json_object_set_new(o, columns[col], value);
		}
		json_array_append_new(list, o);
	}
	json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(list);
}

static int
fail_no_table(const char *table, struct err *err)
{
	return err_set(err, ERR_CONFIG,
	    "the state tables know no table '%s'; "
	    "'calve watermark show' lists them",
	    table);
}

static int
show(const struct cmd_args *a, struct pg *pg, struct err *err)
{
	const char *const params[] = { a->noperands > 1 ? a->operands[1]
							: NULL };
	struct pg_rows *rows;

	if (pg_run(pg, sql_read_watermark, 1, params, &rows, err) == -1)
		return -1;
	if (params[0] != NULL && pg_count(rows) == 0) {
		pg_rows_free(rows);
		return fail_no_table(params[0], err);
	}
	if (cmd_has(a, "json"))
		print_json(rows);
	else
		print_rows(rows);
	pg_rows_free(rows);
	return 0;
}

/* ---- set, reset ---- */

/* Takes the row as a run does. */
static int
lock_row(struct pg *pg, const char *table, struct err *err)
{
	const char *const params[] = { table };
	struct pg_rows *rows;

	if (pg_run(pg, sql_lock_watermark, 1, params, &rows, err) == -1) {
		if (err->cls == ERR_BUSY)
			err_set(err, ERR_BUSY,
			    "a run holds the lock of '%s'; "
			    "wait for its end, or stop it",
			    table);
		return -1;
	}
	size_t n = pg_count(rows);
	pg_rows_free(rows);
	return n == 1 ? 0 : fail_no_table(table, err);
}

static int
change(struct pg *pg, const char *sql, size_t n, const char *const *params,
    struct err *err)
{
	if (pg_begin(pg, err) == -1 || lock_row(pg, params[0], err) == -1 ||
	    pg_run(pg, sql, n, params, NULL, err) == -1 ||
	    pg_commit(pg, err) == -1) {
		pg_rollback(pg);
		return -1;
	}
	return 0;
}

/* "TIMESTAMP", "TIMESTAMP/SEQUENCE", or the two as two words. */
static int
parse_position(const struct cmd_args *a, struct position *p, struct err *err)
{
	char *timestamp = xstrdup(a->operands[2]);
	char *slash = strchr(timestamp, '/');
	const char *sequence = a->noperands > 3 ? a->operands[3] : NULL;

	if (slash != NULL && sequence == NULL) {
		*slash = '\0';
		sequence = slash + 1;
	}
	int rv = position_parse(p, timestamp, sequence, err);
	if (rv == -1)
		err->cls = ERR_CONFIG;
	free(timestamp);
	return rv;
}

static int
set(const struct cmd_args *a, const struct config *c, struct pg *pg,
    struct err *err)
{
	struct position p, us;
	char exact[POSITION_TEXT], timestamp[POSITION_TEXT];
	char sequence[POSITION_TEXT];
	const char *params[] = { a->operands[1], timestamp, exact, NULL };

	if (parse_position(a, &p, err) == -1)
		return -1;
	position_format(&p, exact);
	position_format_sequence(&p, sequence);
	us = p;
	/* Finer digits stand in the exact text only. */
	if (p.scale > 6 && ticks_rescale(p.ticks, p.scale, 6, &us.ticks))
		us.scale = 6;
	position_format_timestamp(&us, timestamp);
	if (p.has_sequence)
		params[3] = sequence;

	/* A configured table may be given a position before its first run. */
	if (config_find(c, a->operands[1]) != NULL &&
	    pg_run(pg, sql_ensure_watermark, 1, params, NULL, err) == -1)
		return -1;
	if (change(pg, sql_set_watermark, 4, params, err) == -1)
		return -1;
	printf("'%s' now stands at %s\n", a->operands[1], exact);
	return 0;
}

static int
reset(const struct cmd_args *a, struct pg *pg, struct err *err)
{
	const char *const params[] = { a->operands[1] };

	if (change(pg, sql_reset_watermark, 1, params, err) == -1)
		return -1;
	printf("'%s' has no position now: its next run takes that of the "
	       "target table\n",
	    a->operands[1]);
	return 0;
}

static int
check_operands(const struct cmd_args *a, struct err *err)
{
	const char *verb = a->noperands > 0 ? a->operands[0] : "";
	size_t n = a->noperands;
	struct position p;

	if (strcmp(verb, "show") == 0)
		return n <= 2 ? 0 : fail_operands(err, "show [TABLE]");
	if (strcmp(verb, "reset") == 0)
		return n == 2 ? 0 : fail_operands(err, "reset TABLE");
	if (strcmp(verb, "set") != 0)
		return fail_operands(err, "show|set|reset ...");
	if (n != 3 && n != 4)
		return fail_operands(err, "set TABLE TIMESTAMP [SEQUENCE]");
	return parse_position(a, &p, err);
}

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct pg *pg = NULL;
	struct err err = { 0 };
	int status = EXIT_DONE, rv = -1;

	if (check_operands(a, &err) == 0 && cmd_config(a, &config, &err) == 0 &&
	    (pg = pg_open(config.state.value, &pg_state, "calve watermark", 0,
		 &err)) != NULL) {
		if (strcmp(a->operands[0], "show") == 0)
			rv = show(a, pg, &err);
		else if (strcmp(a->operands[0], "set") == 0)
			rv = set(a, &config, pg, &err);
		else
			rv = reset(a, pg, &err);
	}
	if (rv == -1)
		status = cmd_fail(&err);
	pg_close(pg);
	config_clear(&config);
	return status;
}

static const struct cmd_option options[] = {
	{ "json", '\0', NULL, "show: one JSON array on standard output",
	    false },
};

const struct cmd cmd_watermark = {
	.name = "watermark",
	.operands = "show [TABLE] | set TABLE TIMESTAMP [SEQUENCE] | "
		    "reset TABLE",
	.summary = "Show a table's position, set it, or take it from the "
		   "target",
	.details =
	    "TIMESTAMP is UTC, like 2026-01-31T04:05:06.789Z. 'reset' "
	    "forgets the position and\nthe identities of source and target; "
	    "the next run adopts what the target records.\n",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
