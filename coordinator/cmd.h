/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: each is one file that ends in one const struct cmd. Its options
 * stand in a table from which both the parser and --help are made.
 */
#ifndef CALVE_CMD_H
#define CALVE_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "coordinator/config.h"
#include "coordinator/exit.h"

struct cmd_option {
	const char *name;  /* long: "source-table" */
	char letter;       /* short, or '\0' */
	const char *value; /* what it takes, "FILE"; NULL: nothing */
	const char *help;
	bool needed;
};

struct cmd_args;

struct cmd {
	const char *name;
	const char *operands; /* for the synopsis: "show|set|reset ..." */
	const char *summary;  /* one line */
	const char *details;  /* more lines for --help, or NULL */
	const struct cmd_option *options;
	size_t noptions;
	int (*run)(const struct cmd_args *); /* -> exit status */
};

extern const struct cmd cmd_init, cmd_run, cmd_offload, cmd_status, cmd_verify,
    cmd_check, cmd_watermark;

/* What every command takes: --config, --verbose, --help. */
enum { CMD_NCOMMON = 3 };

struct cmd_args {
	const struct cmd *cmd;
	const char **values; /* of options, in the order given */
	size_t *options;     /* which: index in cmd->options, the common
				 * ones behind them */
	size_t n;
	char **operands;
	size_t noperands;
};

/*
 * argv[0] is the command. Returns -1 to go on, else the exit status: help was
 * asked for, or one line about wrong usage has been printed.
 */
int cmd_parse(const struct cmd *, int argc, char **argv, struct cmd_args *);
void cmd_args_clear(struct cmd_args *);

bool cmd_has(const struct cmd_args *, const char *option);
/* The last one given, or NULL. */
const char *cmd_value(const struct cmd_args *, const char *option);
/* All given; the array is the caller's, the texts are not. */
const char **cmd_values(const struct cmd_args *, const char *option, size_t *n);
/* A number option from low to high; fallback when absent. */
int cmd_number(const struct cmd_args *, const char *option, long long low,
    long long high, long long fallback, long long *out, struct err *) MUST_USE;
/* For commands that take none; ERR_CONFIG otherwise. */
int cmd_no_operands(const struct cmd_args *, struct err *) MUST_USE;

/* The file of --config, or the default one; prints its warning. */
int cmd_config(const struct cmd_args *, struct config *, struct err *) MUST_USE;
/* Logs the error; the exit status that goes with its class. */
int cmd_fail(const struct err *);
/* The same without a word. */
int cmd_exit(const struct err *);

#endif
