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
#include "coordinator/survey.h"
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

static const struct {
	const char *option, *verb;
	unsigned flag;
} flags[] = {
	{ "same-history", "reset", HAND_SAME_HISTORY },
	{ "allow-duplicates", "set", HAND_ALLOW_DUPLICATES },
	{ "skip-rows", "set", HAND_SKIP_ROWS },
	{ "other-columns", "set", HAND_OTHER_COLUMNS },
};

static unsigned
flags_of(const struct cmd_args *a)
{
	unsigned all = 0;

	for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
		if (cmd_has(a, flags[k].option))
			all |= flags[k].flag;
	return all;
}

static void
tell(const char *table, bool is_set, const struct outcome *o)
{
	const char *at = o->result.position;

	if (is_set)
		printf("'%s' now stands at %s\n", table, at);
	else if (at != NULL)
		printf("'%s' has no position now: its next run takes that of "
		       "the target table, %s\n",
		    table, at);
	else
		printf("'%s' has no position now: its next run begins with all "
		       "that the source has\n",
		    table);
}

/* A worker does it: the target is asked what would become of its rows. Sets
 * *status of a worker that refused, which has been logged. */
static int
by_hand(const struct cmd_args *a, const struct config *c, int *status,
    struct err *err)
{
	const char *table = a->operands[1];
	bool is_set = strcmp(a->operands[0], "set") == 0;
	char text[POSITION_TEXT];
	struct plan plan = { 0 };
	struct survey v = { 0 };
	struct position p;
	int rc;

	if (is_set && parse_position(a, &p, err) == -1)
		return -1;
	if (is_set)
		position_format(&p, text);
	rc = plan_make(c, &table, 1, NULL, &plan, err);
	if (rc == 0)
		rc = survey_hand(
		    &v, c, &plan, is_set ? text : NULL, flags_of(a), err);
	for (size_t at = 0; rc == 0 && at < plan.n; at++)
		if (v.s.outcomes[at].state == RUN_SUCCESS)
			tell(table, is_set, &v.s.outcomes[at]);
		else
			*status = cmd_exit(&v.s.outcomes[at].err);
	survey_clear(&v);
	plan_clear(&plan);
	return rc;
}

/* Of a table that calve.yaml does not have (any more, or only `calve offload`
 * knows it): the next run of it looks at the target before it goes on. */
static int
reset_unknown(const struct cmd_args *a, struct pg *pg, struct err *err)
{
	const char *const params[] = { a->operands[1], NULL, NULL };

	if (pg_begin(pg, err) == -1 || lock_row(pg, params[0], err) == -1 ||
	    pg_run(pg, sql_reset_watermark, 3, params, NULL, err) == -1 ||
	    pg_commit(pg, err) == -1) {
		pg_rollback(pg);
		return -1;
	}
	printf("'%s' has no position now: its next run takes that of the "
	       "target table\n",
	    a->operands[1]);
	return 0;
}

static int
set_unknown(const struct cmd_args *a, struct err *err)
{
	return err_set(err, ERR_CONFIG,
	    "no table '%s' in the configuration: what its target has cannot be "
	    "asked; write it there first",
	    a->operands[1]);
}

static int
change(const struct cmd_args *a, const struct config *c, struct pg *pg,
    int *status, struct err *err)
{
	if (config_find(c, a->operands[1]) != NULL)
		return by_hand(a, c, status, err);
	return strcmp(a->operands[0], "set") == 0 ? set_unknown(a, err)
						  : reset_unknown(a, pg, err);
}

static int
check_flags(const struct cmd_args *a, const char *verb, struct err *err)
{
	for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
		if (cmd_has(a, flags[k].option) &&
		    strcmp(flags[k].verb, verb) != 0)
			return err_set(err, ERR_CONFIG,
			    "--%s is for 'calve watermark %s' alone",
			    flags[k].option, flags[k].verb);
	return 0;
}

static int
check_operands(const struct cmd_args *a, struct err *err)
{
	const char *verb = a->noperands > 0 ? a->operands[0] : "";
	size_t n = a->noperands;
	struct position p;

	if (check_flags(a, verb, err) == -1)
		return -1;
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
		else
			rv = change(a, &config, pg, &status, &err);
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
	{ "same-history", '\0', NULL,
	    "reset: the source holds the rows that the target's records of\n"
	    "another one tell of, or none as old",
	    false },
	{ "allow-duplicates", '\0', NULL,
	    "set: a position before the target's own: rows after it may be\n"
	    "there twice",
	    false },
	{ "skip-rows", '\0', NULL,
	    "set: one behind the target's own: rows between are not taken",
	    false },
	{ "other-columns", '\0', NULL,
	    "set: one of other columns than the target's own", false },
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
