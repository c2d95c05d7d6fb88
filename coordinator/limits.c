/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits: setting them, and reading a worker's end in their light. */
#include "coordinator/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"

enum { CPU_GRACE_S = 5 }; /* between SIGXCPU and the kernel's SIGKILL */

/* A hard limit that is lower already stays: it cannot be raised. */
static int
set_one(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == -1)
		return -1;
	if (now.rlim_max != RLIM_INFINITY) {
		if (hard > now.rlim_max)
			hard = now.rlim_max;
		if (soft > now.rlim_max)
			soft = now.rlim_max;
	}
	struct rlimit wanted = { .rlim_cur = soft, .rlim_max = hard };
	return setrlimit(resource, &wanted);
}

const char *
limits_apply(const struct limits *l)
{
	uint64_t cpu_s = l->cpu_ms / 1000 + (l->cpu_ms % 1000 != 0);

	if (set_one(RLIMIT_CORE, l->core, l->core) == -1)
		return "core";
	if (l->memory > 0 && set_one(RLIMIT_AS, l->memory, l->memory) == -1)
		return "memory";
	if (cpu_s > 0 && set_one(RLIMIT_CPU, cpu_s, cpu_s + CPU_GRACE_S) == -1)
		return "cpu";
	if (l->files > 0 && set_one(RLIMIT_NOFILE, l->files, l->files) == -1)
		return "files";
	if (l->output > 0 && set_one(RLIMIT_FSIZE, l->output, l->output) == -1)
		return "output";
	if (l->nice > 0) {
		errno = 0;
		if (nice((int)l->nice) == -1 && errno != 0)
			return "nice";
	}
	return NULL;
}

/* The largest unit that divides it; -1 bytes, else its place in units. */
static int
whole_unit(uint64_t *bytes)
{
	int unit = -1;

	while (*bytes > 0 && *bytes % 1024 == 0 && unit < 4) {
		*bytes /= 1024;
		unit++;
	}
	return unit;
}

static const char units[] = "KMGTP";

void
size_format(uint64_t bytes, char out[LIMITS_TEXT])
{
	int unit = whole_unit(&bytes);

	if (unit < 0)
		snprintf(out, LIMITS_TEXT, "%" PRIu64, bytes);
	else
		snprintf(out, LIMITS_TEXT, "%" PRIu64 "%c", bytes, units[unit]);
}

void
size_words(uint64_t bytes, char out[LIMITS_TEXT])
{
	int unit = whole_unit(&bytes);

	if (unit < 0)
		snprintf(out, LIMITS_TEXT, "%" PRIu64 " bytes", bytes);
	else
		snprintf(
		    out, LIMITS_TEXT, "%" PRIu64 " %ciB", bytes, units[unit]);
}

void
duration_format(uint64_t ms, char out[LIMITS_TEXT])
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} parts[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" },
		{ 1000, "s" }, { 1, "ms" } };
	size_t len = 0;

	if (ms == 0) {
		snprintf(out, LIMITS_TEXT, "0s");
		return;
	}
	for (size_t at = 0; at < sizeof parts / sizeof parts[0]; at++) {
		uint64_t n = ms / parts[at].ms;
		if (n == 0)
			continue;
		ms -= n * parts[at].ms;
		len += (size_t)snprintf(out + len, LIMITS_TEXT - len,
		    "%" PRIu64 "%s", n, parts[at].unit);
	}
}

static void
explain_signal(const struct limits *l, int sig, const struct rusage *used,
    const char *doing, struct err *err)
{
	const char *name = sigabbrev_np(sig);
	double cpu_s = (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
	    (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
	char text[LIMITS_TEXT];

	if (sig == SIGXCPU ||
	    (sig == SIGKILL && l->cpu_ms > 0 &&
		cpu_s * 1000 >= (double)l->cpu_ms)) {
		duration_format(l->cpu_ms, text);
		err_set(err, ERR_LIMIT,
		    "cpu limit of %s reached while %s; "
		    "raise 'limits: cpu' or take smaller steps",
		    text, doing);
	} else if (sig == SIGXFSZ) {
		size_words(l->output, text);
		err_set(err, ERR_LIMIT,
		    "file size limit of %s reached "
		    "while %s; raise 'limits: output' or lower 'file_size'",
		    l->output > 0 ? text : "the system", doing);
	} else if (sig == SIGKILL) {
		size_words((uint64_t)used->ru_maxrss * 1024, text);
		err_set(err, ERR_LIMIT,
		    "killed by SIGKILL while %s, most "
		    "likely by the system for want of memory (it used %s), "
		    "else by hand",
		    doing, text);
	} else if (sig == SIGTERM || sig == SIGINT || sig == SIGHUP) {
		err_set(err, ERR_CANCELLED, "stopped by SIG%s while %s", name,
		    doing);
	} else {
		err_set(err, ERR_BUG,
		    "worker crashed: killed by SIG%s while "
		    "%s; please report this",
		    name != NULL ? name : "?", doing);
	}
}

void
limits_explain(const struct limits *l, int status, const struct rusage *used,
    enum phase phase, struct err *err)
{
	const char *doing = phase_name(phase);

	if (WIFSIGNALED(status)) {
		explain_signal(l, WTERMSIG(status), used, doing, err);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOMEM) {
		err_set(err, ERR_NOMEM, "out of memory while %s", doing);
		limits_name(l, phase, err);
	} else {
		err_set(err, ERR_BUG,
		    "worker ended without a report while "
		    "%s, with exit status %d",
		    doing, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
}

void
limits_name(const struct limits *l, enum phase phase, struct err *err)
{
	const char *doing = phase_name(phase);
	char memory[LIMITS_TEXT];

	if (err->cls == ERR_NOMEM && l->memory > 0) {
		size_words(l->memory, memory);
		err_set(err, ERR_NOMEM,
		    "memory limit of %s reached "
		    "while %s; raise 'limits: memory' or lower "
		    "'row_group_size'",
		    memory, doing);
	} else if (err->cls == ERR_HANDLES && err->sys == EMFILE &&
	    l->files > 0) {
		err_prefix(err,
		    "limit of %" PRIu64 " open files reached while %s",
		    l->files, doing);
	}
}
