/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve: a table of commands. Each is a file of its own; cmd_run.c is the one
 * to read first.
 */
#include <bsd/unistd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outlet.h"
#include "common/xalloc.h"
#include "coordinator/cmd.h"
#include "coordinator/config_keys.h"
#include "coordinator/supervise.h"
#include "version.h"

static const struct cmd *const commands[] = {
	&cmd_init,
	&cmd_run,
	&cmd_offload,
	&cmd_status,
	&cmd_verify,
	&cmd_check,
	&cmd_watermark,
};
enum { NCOMMANDS = sizeof commands / sizeof commands[0] };
enum { OUTPUT_WAIT_MS = 2000 }; /* without anything being taken */

static void
print_usage(FILE *out)
{
	fprintf(out,
	    "usage: calve COMMAND [options]\n\n"
	    "Offloads database tables into Apache Iceberg, exactly once.\n\n");
	for (size_t at = 0; at < NCOMMANDS; at++)
		fprintf(out, "  %-10s %s\n", commands[at]->name,
		    commands[at]->summary);
	fprintf(out,
	    "\n'calve COMMAND --help' tells more; so does "
	    "calve(1).\n");
}

static const struct cmd *
find_command(const char *name)
{
	for (size_t at = 0; at < NCOMMANDS; at++)
		if (strcmp(commands[at]->name, name) == 0)
			return commands[at];

	const char *names[NCOMMANDS];
	char hint[128];
	for (size_t at = 0; at < NCOMMANDS; at++)
		names[at] = commands[at]->name;
	nearest(name, names, NCOMMANDS, hint);
	log_error("unknown command '%s'%s%s", name, hint,
	    *hint == '\0' ? "; see 'calve --help'" : "");
	return NULL;
}

/*
 * "calve -c FILE run" is "calve run -c FILE". Returns the place of the
 * command in argv, argc when there is none.
 */
static int
command_at(int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++)
		if (strcmp(argv[at], "-c") == 0 ||
		    strcmp(argv[at], "--config") == 0)
			at++;
	return at < argc ? at : argc;
}

/*
 * Nothing is supervised any more. What was printed is waited for as by any
 * other program: for ever, but a signal ends that. A log is not.
 */
static int
end_output(int status)
{
	bool failed = fflush(stdout) != 0 || ferror(stdout);

	if (!outlet_flush(STDOUT_FILENO, OUTPUT_WAIT_MS) &&
	    !supervise_signals_over())
		(void)outlet_flush(STDOUT_FILENO, -1);
	if (failed || outlet_has_failed(STDOUT_FILENO)) {
		log_error("cannot write to standard output");
		if (status == EXIT_DONE)
			status = EXIT_SOME_FAILED;
	}
	(void)outlet_flush(STDERR_FILENO, OUTPUT_WAIT_MS);
	return status;
}

static int
run_command(int argc, char **argv, int at)
{
	const struct cmd *cmd = find_command(argv[at]);
	struct cmd_args args;

	if (cmd == NULL)
		return EXIT_USAGE;
	char **words = xcalloc((size_t)argc + 1, sizeof *words);
	int n = 0;
	words[n++] = argv[at];
	for (int k = 1; k < argc; k++)
		if (k != at)
			words[n++] = argv[k];
	int status = cmd_parse(cmd, n, words, &args);
	if (status == -1) {
		if (cmd_has(&args, "verbose"))
			log_init("calve", LOG_DEBUG);
		status = cmd->run(&args);
	}
	cmd_args_clear(&args);
	free(words);
	return end_output(status);
}

int
main(int argc, char *argv[], char *envp[])
{
	setproctitle_init(argc, argv, envp);
	log_init("calve", LOG_INFO);
	int at = command_at(argc, argv);
	for (int k = 1; k < argc && k <= at; k++) {
		if (strcmp(argv[k], "--version") == 0 ||
		    strcmp(argv[k], "-V") == 0) {
			printf("calve %s (%s)\n", CALVE_VERSION, CALVE_BUILD);
			return EXIT_DONE;
		}
		if (k < at &&
		    (strcmp(argv[k], "--help") == 0 ||
			strcmp(argv[k], "-h") == 0)) {
			print_usage(stdout);
			return EXIT_DONE;
		}
	}
	if (at == argc) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[at], "help") == 0) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	return run_command(argc, argv, at);
}
