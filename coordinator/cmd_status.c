/* SPDX-License-Identifier: Apache-2.0 */
/* calve status: each table's watermark and last run, from the state tables. */
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "coordinator/cmd.h"
#include "coordinator/grid.h"
#include "embedded/sql.h"

/* Columns of read_status.sql. */
enum column {
	TABLE,
	STATUS,
	POSITION,
	ROW_COUNT,
	TOTAL_ROWS,
	DURATION,
	ERROR,
	ADOPT,
	UPDATED,
	RUN_ID,
	RUN_STATE,
	RUN_PHASE,
	RUN_ATTEMPT,
	RUN_ROWS,
	RUN_STARTED,
	RUN_FINISHED,
	RUN_SECONDS,
	RUN_HOST,
	RUN_ERROR_CLASS,
	RUN_ERROR,
	RUN_SNAPSHOT,
	NCOLUMNS
};

static const struct {
	const char *name;
	enum { AS_TEXT, AS_INTEGER, AS_REAL, AS_BOOL } type;
} json_columns[NCOLUMNS] = {
	[TABLE] = { "table", AS_TEXT },
	[STATUS] = { "status", AS_TEXT },
	[POSITION] = { "position", AS_TEXT },
	[ROW_COUNT] = { "row_count", AS_INTEGER },
	[TOTAL_ROWS] = { "total_rows", AS_INTEGER },
	[DURATION] = { "duration_seconds", AS_REAL },
	[ERROR] = { "error_message", AS_TEXT },
	[ADOPT] = { "adopt", AS_BOOL },
	[UPDATED] = { "updated_at", AS_TEXT },
	[RUN_ID] = { "run_id", AS_TEXT },
	[RUN_STATE] = { "state", AS_TEXT },
	[RUN_PHASE] = { "phase", AS_TEXT },
	[RUN_ATTEMPT] = { "attempt", AS_INTEGER },
	[RUN_ROWS] = { "rows", AS_INTEGER },
	[RUN_STARTED] = { "started_at", AS_TEXT },
	[RUN_FINISHED] = { "finished_at", AS_TEXT },
	[RUN_SECONDS] = { "seconds", AS_REAL },
	[RUN_HOST] = { "host", AS_TEXT },
	[RUN_ERROR_CLASS] = { "error_class", AS_TEXT },
	[RUN_ERROR] = { "error_message", AS_TEXT },
	[RUN_SNAPSHOT] = { "snapshot_id", AS_INTEGER },
};

static json_t *
json_value(const struct pg_rows *rows, size_t row, enum column col)
{
	const char *text = pg_text(rows, row, col);

	if (text == NULL)
		return json_null();
	switch (json_columns[col].type) {
	case AS_INTEGER:
		return json_integer(strtoll(text, NULL, 10));
	case AS_REAL:
		return json_real(strtod(text, NULL));
	case AS_BOOL:
		return json_boolean(strcmp(text, "t") == 0);
	default:
		return json_string(text);
	}
}

static json_t *
json_row(const struct pg_rows *rows, size_t row)
{
	json_t *table = json_object(), *last = json_object();

	for (enum column col = TABLE; col < NCOLUMNS; col++)
		json_object_set_new(col < RUN_ID ? table : last,
		    json_columns[col].name, json_value(rows, row, col));
	if (pg_text(rows, row, RUN_ID) == NULL) {
		json_decref(last);
		last = json_null();
	}
	json_object_set_new(table, "last_run", last);
	return table;
}

static void
grid_row(struct grid *g, const struct pg_rows *rows, size_t row)
{
	static const enum column plain[] = { TABLE, STATUS, POSITION,
		TOTAL_ROWS };
	const char *state = pg_text(rows, row, RUN_STATE);
	const char *phase = pg_text(rows, row, RUN_PHASE);

	for (size_t at = 0; at < 4; at++)
		grid_put(g, pg_text(rows, row, plain[at]));
	if (state != NULL && strcmp(state, "running") == 0 && phase != NULL)
		grid_put(g, phase);
	else
		grid_put(g, state);
	grid_put(g, pg_text(rows, row, RUN_ROWS));
	grid_put(g, pg_text(rows, row, RUN_STARTED));
	grid_put(g, pg_text(rows, row, RUN_SECONDS));
}

static bool
is_wanted(const char *name, const char *const *patterns, size_t n)
{
	for (size_t at = 0; at < n; at++)
		if (fnmatch(patterns[at], name, 0) == 0)
			return true;
	return n == 0;
}

static void
print_errors(const struct pg_rows *rows, const char *const *patterns, size_t n)
{
	for (size_t row = 0; row < pg_count(rows); row++) {
		const char *name = pg_text(rows, row, TABLE);
		const char *state = pg_text(rows, row, RUN_STATE);
		const char *error = pg_text(rows, row, RUN_ERROR);
		if (error != NULL && state != NULL &&
		    is_wanted(name, patterns, n))
			printf("%s %s: %s\n", name, state, error);
	}
}

static void
print_text(const struct pg_rows *rows, const char *const *patterns, size_t n)
{
	static const char *const titles[] = { "TABLE", "STATUS", "POSITION",
		">TOTAL ROWS", "LAST RUN", ">ROWS", "STARTED", ">SECONDS" };
	struct grid g;

	grid_init(&g, 8, titles);
	for (size_t row = 0; row < pg_count(rows); row++)
		if (is_wanted(pg_text(rows, row, TABLE), patterns, n))
			grid_row(&g, rows, row);
	grid_print(&g, stdout);
	grid_clear(&g);
	print_errors(rows, patterns, n);
}

static void
print_json(const struct pg_rows *rows, const char *const *patterns, size_t n)
{
	json_t *list = json_array();

	for (size_t row = 0; row < pg_count(rows); row++)
		if (is_wanted(pg_text(rows, row, TABLE), patterns, n))
			json_array_append_new(list, json_row(rows, row));
	json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(list);
}

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct pg_rows *rows = NULL;
	struct pg *pg = NULL;
	struct err err = { 0 };
	size_t n;
	const char **patterns = cmd_values(a, "table", &n);
	int status = EXIT_DONE;

	if (cmd_no_operands(a, &err) == -1 ||
	    cmd_config(a, &config, &err) == -1 ||
	    (pg = pg_open(config.state.value, &pg_state, "calve status", 0,
		 &err)) == NULL ||
	    pg_run(pg, sql_read_status, 0, NULL, &rows, &err) == -1)
		status = cmd_fail(&err);
	else if (cmd_has(a, "json"))
		print_json(rows, patterns, n);
	else
		print_text(rows, patterns, n);
	pg_rows_free(rows);
	pg_close(pg);
	config_clear(&config);
	free(patterns);
	return status;
}

static const struct cmd_option options[] = {
	{ "table", 't', "PATTERN",
	    "only tables whose name matches; may be "
	    "repeated",
	    false },
	{ "json", '\0', NULL, "one JSON array on standard output", false },
};

const struct cmd cmd_status = {
	.name = "status",
	.summary = "Show each table's position and last run",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
