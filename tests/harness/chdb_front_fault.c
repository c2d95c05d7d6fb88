/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fault file: read anew for each statement, so that a drill can change
 * what goes wrong while the server runs. Strikes are counted per line and
 * start again at nothing when the file's text changes.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chdb_front.h"

#define MAX_TEXT 4096
#define MAX_LINES 64

static const struct {
	const char *name;
	enum fault_kind kind;
} kinds[] = { { "http", FAULT_HTTP }, { "http-after", FAULT_HTTP_AFTER },
	{ "claim", FAULT_CLAIM }, { "written", FAULT_WRITTEN },
	{ "summary-cut", FAULT_SUMMARY }, { "cut-after", FAULT_CUT_AFTER },
	{ "cut-at-block", FAULT_CUT_AT_BLOCK },
	{ "end-after", FAULT_END_AFTER },
	{ "end-at-block", FAULT_END_AT_BLOCK },
	{ "stall-after", FAULT_STALL_AFTER },
	{ "corrupt-at", FAULT_CORRUPT_AT },
	{ "exception-after-rows", FAULT_EXCEPTION },
	{ "old-exception-after-rows", FAULT_OLD_EXCEPTION },
	{ "die-after", FAULT_DIE_AFTER } };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char current[MAX_TEXT]; /* the text the strikes belong to */
static uint64_t strikes[MAX_LINES];

/* One line into a fault; false when it has none that fits the statement. */
static bool
parse_line(char *line, struct fault *fault, const char *sql, size_t len,
    enum sql_kind kind)
{
	uint64_t times = UINT64_MAX;
	char *match = strstr(line, " match ");

	if (match != NULL) {
		*match = '\0';
		match += strlen(" match ");
	}
	char *save = NULL;
	char *name = strtok_r(line, " \t", &save);
	char *arg = name == NULL ? NULL : strtok_r(NULL, " \t", &save);
	if (arg == NULL || name[0] == '#')
		return false;
	char *word = strtok_r(NULL, " \t", &save);
	if (word != NULL && strcmp(word, "times") == 0) {
		char *count = strtok_r(NULL, " \t", &save);
		times = count == NULL ? 1 : strtoull(count, NULL, 10);
	}
	fault->kind = FAULT_NONE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			fault->kind = kinds[i].kind;
	fault->arg = strtoull(arg, NULL, 10);
	if (fault->kind == FAULT_NONE) {
		fprintf(stderr, "chdb-front: unknown fault '%s'\n", name);
		return false;
	}
	if (strikes[fault->line] >= times)
		return false;
	if (match != NULL)
		return memmem(sql, len, match, strlen(match)) != NULL;
	return kind == SQL_STREAM;
}

void
fault_find(struct fault *fault, const char *path, const char *sql, size_t len,
    enum sql_kind kind)
{
	char text[MAX_TEXT] = "";

	fault->kind = FAULT_NONE;
	if (path == NULL)
		return;
	FILE *f = fopen(path, "re");
	if (f != NULL) {
		size_t n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		fclose(f);
	}
	pthread_mutex_lock(&lock);
	if (strcmp(text, current) != 0) {
		memcpy(current, text, sizeof(current));
		memset(strikes, 0, sizeof(strikes));
	}
	char *save = NULL;
	struct fault try = { .line = 0 };
	for (char *line = strtok_r(text, "\n", &save);
	     line != NULL && try.line < MAX_LINES;
	     line = strtok_r(NULL, "\n", &save), try.line++) {
		if (parse_line(line, &try, sql, len, kind)) {
			*fault = try;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
}

void
fault_struck(const struct fault *fault)
{
	pthread_mutex_lock(&lock);
	strikes[fault->line]++;
	pthread_mutex_unlock(&lock);
}
