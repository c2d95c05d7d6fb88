/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and tells what it used:
 *
 *	measure -o FILE [-s PID] [-c PID] [-l LINES] COMMAND [ARGUMENT]...
 *
 * One line goes to FILE: seconds, CPU seconds and peak resident bytes of the
 * command and of all its descendants that were waited for; CPU seconds and
 * peak resident bytes of the server PID meanwhile (0 without -s); CPU seconds
 * of everything else on the machine, which tells a disturbed measurement; CPU
 * seconds of the server of -c with all its children (PostgreSQL's, a process
 * for each connection).
 * With -l each line that the command prints goes to LINES, behind the seconds
 * at which it came. Ends with the command's status.
 *
 * The server's and the machine's time come in clock ticks (10 ms). The server's
 * peak is reset before the command starts; it counts what was held already.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The text of /proc/PID/NAME. */
static void
proc_read(long pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
	if ((f = fopen(path, "r")) == NULL)
		err(2, "cannot read '%s'", path);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* CPU seconds of PID since it started; of its children, *ended: of those that
 * it waited for. */
static double
server_cpu(long pid, double *ended)
{
	char text[4096];
	unsigned long user, sys;
	long child_user, child_sys;
	const char *p;

	proc_read(pid, "stat", text, sizeof text);
	/* the name, in parentheses, may hold blanks: fields 14 and 15 */
	if ((p = strrchr(text, ')')) == NULL ||
	    sscanf(p + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld "
		"%ld",
		&user, &sys, &child_user, &child_sys) != 4)
		errx(2, "cannot understand '/proc/%ld/stat'", pid);
	if (ended != NULL)
		*ended = (double)(child_user + child_sys) /
		    (double)sysconf(_SC_CLK_TCK);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* The same of a server and all its children, those that run included. */
static double
family_cpu(long pid)
{
	char name[64], text[8192], path[64], *at = text, *end;
	double ended, sum = server_cpu(pid, &ended);
	long child;

	snprintf(name, sizeof name, "task/%ld/children", pid);
	proc_read(pid, name, text, sizeof text);
	for (; (child = strtol(at, &end, 10)) > 0 && end != at; at = end) {
		snprintf(path, sizeof path, "/proc/%ld", child);
		if (access(path, F_OK) == 0)
			sum += server_cpu(child, NULL);
	}
	return sum + ended;
}

/* CPU seconds that the machine was not idle since it started. */
static double
machine_cpu(void)
{
	unsigned long user, nice, sys, idle, wait, irq, soft, steal;
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL ||
	    fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &sys,
		&idle, &wait, &irq, &soft, &steal) != 8)
		errx(2, "cannot understand '/proc/stat'");
	fclose(f);
	return (double)(user + nice + sys + irq + soft + steal) /
	    (double)sysconf(_SC_CLK_TCK);
}

static long long
server_peak(long pid)
{
	char text[8192];
	const char *p;

	proc_read(pid, "status", text, sizeof text);
	if ((p = strstr(text, "VmHWM:")) == NULL)
		errx(2, "'/proc/%ld/status' has no VmHWM", pid);
	return strtoll(p + strlen("VmHWM:"), NULL, 10) * 1024;
}

static void
server_reset_peak(long pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/clear_refs", pid);
	if ((fd = open(path, O_WRONLY)) == -1 || write(fd, "5", 1) != 1)
		err(2, "cannot reset the peak memory by '%s'", path);
	close(fd);
}

struct used {
	double seconds, cpu, server_cpu, source_cpu, other_cpu;
	long long peak, server_peak; /* bytes */
};

/* Copies lines from IN to OUT, each with the seconds since BEGAN. */
static void
copy_lines(int in, FILE *out, double began)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fdopen(in, "r");

	if (f == NULL)
		err(2, "fdopen");
	while (getline(&line, &size, f) != -1)
		fprintf(out, "%.6f\t%s", now() - began, line);
	free(line);
	fclose(f);
}

static pid_t
start(char **argv, const int *lines)
{
	pid_t pid = fork();

	if (pid == -1)
		err(2, "fork");
	if (pid != 0)
		return pid;
	if (lines != NULL && dup2(lines[1], STDOUT_FILENO) == -1)
		err(127, "dup2");
	if (lines != NULL) {
		close(lines[0]);
		close(lines[1]);
	}
	execvp(argv[0], argv);
	err(127, "cannot run '%s'", argv[0]);
}

/* Runs the command; its wait status. */
static int
run(char **argv, long server, long source, FILE *lines, struct used *used)
{
	double began, server_before = 0, source_before = 0,
		      machine_before = machine_cpu();
	struct rusage usage;
	int status, tube[2];
	pid_t pid;

	if (lines != NULL && pipe(tube) == -1)
		err(2, "pipe");
	if (server != 0) {
		server_reset_peak(server);
		server_before = server_cpu(server, NULL);
	}
	if (source != 0)
		source_before = family_cpu(source);
	began = now();
	pid = start(argv, lines != NULL ? tube : NULL);
	if (lines != NULL) {
		close(tube[1]);
		copy_lines(tube[0], lines, began);
	}
	if (wait4(pid, &status, 0, &usage) == -1)
		err(2, "wait4");
	used->seconds = now() - began;
	used->cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	used->peak = (long long)usage.ru_maxrss * 1024;
	if (server != 0) {
		used->server_cpu = server_cpu(server, NULL) - server_before;
		used->server_peak = server_peak(server);
	}
	if (source != 0)
		used->source_cpu = family_cpu(source) - source_before;
	used->other_cpu = machine_cpu() - machine_before - used->cpu -
	    used->server_cpu - used->source_cpu;
	if (used->other_cpu < 0) /* ticks against microseconds */
		used->other_cpu = 0;
	return status;
}

int
main(int argc, char **argv)
{
	struct used used = { 0 };
	const char *out = NULL;
	long server = 0, source = 0;
	int c, status;
	FILE *f, *lines = NULL;

	/* POSIX order: the command's own options are not looked at */
	while ((c = getopt(argc, argv, "+o:s:c:l:")) != -1) {
		if (c == 'o')
			out = optarg;
		else if (c == 's')
			server = strtol(optarg, NULL, 10);
		else if (c == 'c')
			source = strtol(optarg, NULL, 10);
		else if (c == 'l' && (lines = fopen(optarg, "w")) == NULL)
			err(2, "cannot write '%s'", optarg);
		else if (c == '?')
			return 2;
	}
	if (out == NULL || optind == argc) {
		fprintf(stderr,
		    "usage: measure -o file [-s pid] [-c pid] [-l lines] "
		    "command...\n");
		return 2;
	}
	status = run(argv + optind, server, source, lines, &used);
	if (lines != NULL && fclose(lines) == EOF)
		err(2, "cannot write the lines");
	if ((f = fopen(out, "w")) == NULL)
		err(2, "cannot write '%s'", out);
	fprintf(f, "%.4f %.4f %lld %.2f %lld %.2f %.2f\n", used.seconds,
	    used.cpu, used.peak, used.server_cpu, used.server_peak,
	    used.other_cpu, used.source_cpu);
	if (fclose(f) == EOF)
		err(2, "cannot write '%s'", out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
