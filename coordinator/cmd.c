/* SPDX-License-Identifier: Apache-2.0 */
/* Options and help of all commands, from their tables. */
#include "coordinator/cmd.h"

#include <bsd/stdlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/config_keys.h"

static const struct cmd_option common[CMD_NCOMMON] = {
	{ "config", 'c', "FILE",
	    "configuration; ./calve.yaml, then "
	    "/etc/calve/calve.yaml",
	    false },
	{ "verbose", 'v', NULL, "log what is of use to debug", false },
	{ "help", 'h', NULL, "print this and end", false },
};

/* The command's own options, the common ones behind them. */
static const struct cmd_option *
option_at(const struct cmd *cmd, size_t at)
{
	return at < cmd->noptions ? &cmd->options[at]
				  : &common[at - cmd->noptions];
}

static void
print_help(const struct cmd *cmd)
{
	printf("usage: calve %s [options]%s%s\n\n%s.\n", cmd->name,
	    cmd->operands != NULL ? " " : "",
	    cmd->operands != NULL ? cmd->operands : "", cmd->summary);
	if (cmd->details != NULL)
		printf("%s", cmd->details);
	printf("\noptions:\n");
	for (size_t at = 0; at < cmd->noptions + CMD_NCOMMON; at++) {
		const struct cmd_option *o = option_at(cmd, at);
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", o->name,
		    o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
		printf("  %c%c%c %-26s %s%s\n", o->letter ? '-' : ' ',
		    o->letter ? o->letter : ' ', o->letter ? ',' : ' ', left,
		    o->help, o->needed ? " (needed)" : "");
	}
}

static int
usage(
    const struct cmd *cmd, const char *what, const char *word, const char *hint)
{
	log_error(
	    "%s '%s'%s; see 'calve %s --help'", what, word, hint, cmd->name);
	return EXIT_USAGE;
}

static size_t
find_long(const struct cmd *cmd, const char *name, size_t len)
{
	size_t n = cmd->noptions + CMD_NCOMMON, at;

	for (at = 0; at < n; at++)
		if (strlen(option_at(cmd, at)->name) == len &&
		    strncmp(option_at(cmd, at)->name, name, len) == 0)
			break;
	return at;
}

static size_t
find_short(const struct cmd *cmd, char letter)
{
	size_t n = cmd->noptions + CMD_NCOMMON, at;

	for (at = 0; at < n; at++)
		if (letter != '\0' && option_at(cmd, at)->letter == letter)
			break;
	return at;
}

static int
unknown_long(const struct cmd *cmd, const char *word, size_t len)
{
	const char *names[64];
	char hint[128], *name = xstrndup(word, len);
	size_t n = 0;

	while (n < cmd->noptions + CMD_NCOMMON && n < 64) {
		names[n] = option_at(cmd, n)->name;
		n++;
	}
	nearest(name, names, n, hint);
	free(name);
	return usage(cmd, "unknown option", word, hint);
}

static void
add_value(struct cmd_args *a, size_t option, const char *value)
{
	a->values[a->n] = value;
	a->options[a->n++] = option;
}

/* One argument that begins with '-'; *at moves on over its value. */
static int
parse_option(struct cmd_args *a, int argc, char **argv, int *at)
{
	const struct cmd *cmd = a->cmd;
	const char *word = argv[*at], *value = NULL;
	size_t option;

	if (strncmp(word, "--", 2) == 0) {
		size_t len = strcspn(word + 2, "=");
		option = find_long(cmd, word + 2, len);
		if (option == cmd->noptions + CMD_NCOMMON)
			return unknown_long(cmd, word, 2 + len);
		if (word[2 + len] == '=')
			value = word + 3 + len;
	} else {
		option = find_short(cmd, word[1]);
		if (option == cmd->noptions + CMD_NCOMMON)
			return usage(cmd, "unknown option", word, "");
		if (word[2] != '\0')
			value = word + 2;
	}
	if (option_at(cmd, option)->value == NULL) {
		if (value != NULL)
			return usage(cmd, "no value is taken by", word, "");
	} else if (value == NULL) {
		if (++*at >= argc)
			return usage(cmd, "a value is missing after", word, "");
		value = argv[*at];
	}
	add_value(a, option, value);
	return -1;
}

int
cmd_parse(const struct cmd *cmd, int argc, char **argv, struct cmd_args *a)
{
	bool plain = false; /* after "--" */

	*a = (struct cmd_args){ .cmd = cmd,
		.values = xcalloc((size_t)argc + 1, sizeof *a->values),
		.options = xcalloc((size_t)argc + 1, sizeof *a->options),
		.operands = xcalloc((size_t)argc + 1, sizeof *a->operands) };
	for (int at = 1; at < argc; at++) {
		if (plain || argv[at][0] != '-' || argv[at][1] == '\0') {
			a->operands[a->noperands++] = argv[at];
		} else if (strcmp(argv[at], "--") == 0) {
			plain = true;
		} else {
			int status = parse_option(a, argc, argv, &at);
			if (status != -1)
				return status;
		}
	}
	if (cmd_has(a, "help")) {
		print_help(cmd);
		return EXIT_DONE;
	}
	for (size_t at = 0; at < cmd->noptions; at++) {
		char word[64];
		if (!cmd->options[at].needed ||
		    cmd_has(a, cmd->options[at].name))
			continue;
		snprintf(word, sizeof word, "--%s", cmd->options[at].name);
		return usage(cmd, "missing option", word, "");
	}
	return -1;
}

void
cmd_args_clear(struct cmd_args *a)
{
	free(a->values);
	free(a->options);
	free(a->operands);
	*a = (struct cmd_args){ 0 };
}

bool
cmd_has(const struct cmd_args *a, const char *option)
{
	for (size_t at = 0; at < a->n; at++)
		if (strcmp(option_at(a->cmd, a->options[at])->name, option) ==
		    0)
			return true;
	return false;
}

const char *
cmd_value(const struct cmd_args *a, const char *option)
{
	const char *value = NULL;

	for (size_t at = 0; at < a->n; at++)
		if (strcmp(option_at(a->cmd, a->options[at])->name, option) ==
		    0)
			value = a->values[at];
	return value;
}

const char **
cmd_values(const struct cmd_args *a, const char *option, size_t *n)
{
	const char **values = xcalloc(a->n + 1, sizeof *values);

	*n = 0;
	for (size_t at = 0; at < a->n; at++)
		if (strcmp(option_at(a->cmd, a->options[at])->name, option) ==
		    0)
			values[(*n)++] = a->values[at];
	return values;
}

int
cmd_number(const struct cmd_args *a, const char *option, long long low,
    long long high, long long fallback, long long *out, struct err *err)
{
	const char *text = cmd_value(a, option), *why;

	*out = fallback;
	if (text == NULL)
		return 0;
	*out = strtonum(text, low, high, &why);
	if (why == NULL)
		return 0;
	return err_set(err, ERR_CONFIG,
	    "--%s must be a number from %lld to "
	    "%lld, not '%s'",
	    option, low, high, text);
}

int
cmd_no_operands(const struct cmd_args *a, struct err *err)
{
	if (a->noperands == 0)
		return 0;
	return err_set(err, ERR_CONFIG,
	    "'%s' is one word too many; see "
	    "'calve %s --help'",
	    a->operands[0], a->cmd->name);
}

int
cmd_config(const struct cmd_args *a, struct config *config, struct err *err)
{
	if (config_load(cmd_value(a, "config"), config, err) == -1)
		return -1;
	if (config->warning != NULL)
		log_warn("%s", config->warning);
	return 0;
}

int
cmd_exit(const struct err *err)
{
	switch (err->cls) {
	case ERR_CONFIG:
		return EXIT_USAGE;
	case ERR_STATE:
	case ERR_STATE_LOST:
		return EXIT_STATE;
	case ERR_BUSY:
		return EXIT_BUSY;
	default:
		return EXIT_SOME_FAILED;
	}
}

int
cmd_fail(const struct err *err)
{
	log_error("%s", err->text);
	return cmd_exit(err);
}
