/* SPDX-License-Identifier: Apache-2.0 */
/* scripts/servers.sh, called from C. */
#include "tests/harness/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "common/xalloc.h"

static char *folder, *conninfo;

static void
command(const char *verb, const char *how)
{
	char *line = xasprintf("scripts/servers.sh %s %s %s >>%s.log 2>&1",
	    verb, folder, how, folder);

	if (system(line) != 0) {
		fprintf(stderr, "failed: %s\n", line);
		exit(2);
	}
	free(line);
}

void
state_start(const char *name)
{
	char *path = xasprintf("mkdir -p build/test/%s", name), line[1024];

	if (system(path) != 0)
		exit(2);
	free(path);
	folder = xasprintf("build/test/%s/pg", name);
	command("pg_start", "");
	path = xasprintf("%s/pg.conninfo", folder);
	FILE *f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof line, f) == NULL)
		exit(2);
	fclose(f);
	free(path);
	line[strcspn(line, "\n")] = '\0';
	free(conninfo);
	conninfo = xstrdup(line);
}

const char *
state_conninfo(void)
{
	return conninfo;
}

void
state_stop(const char *how)
{
	command("pg_stop", how);
}

void
state_restart(void)
{
	command("pg_start", "");
}

char *
state_ask(const char *sql)
{
	struct err err = { 0 };
	struct pg_rows *rows;
	struct pg *pg = pg_open(conninfo, &pg_state, "test", 0, &err);
	char *answer;

	if (pg == NULL || pg_run(pg, sql, 0, NULL, &rows, &err) == -1) {
		fprintf(stderr, "%s: %s\n", sql, err.text);
		exit(2);
	}
	const char *text = pg_count(rows) > 0 ? pg_text(rows, 0, 0) : "";
	answer = xstrdup(text != NULL ? text : "");
	pg_rows_free(rows);
	pg_close(pg);
	return answer;
}

void
state_wipe(void)
{
	free(state_ask("DROP SCHEMA public CASCADE"));
	free(state_ask("CREATE SCHEMA public"));
}
