/* SPDX-License-Identifier: Apache-2.0 */
/* One event, one line, one write(2). */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

enum { LOG_LINE = 2048 };

static const char *log_program = "calve";
static enum log_level log_most = LOG_INFO;
static void (*log_before)(void *arg);
static void *log_before_arg;

void
log_init(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
}

void
log_set_before(void (*before)(void *arg), void *arg)
{
	log_before = before;
	log_before_arg = arg;
}

static void
vlog(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[LOG_LINE];
	struct wall now = wall_now();
	time_t seconds = (time_t)(now.us / 1000000);
	struct tm tm;
	size_t n;
	int k;

	if (level > log_most)
		return;
	gmtime_r(&seconds, &tm);
	n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof line - n, ".%03dZ %s %s[%d] ",
	    (int)(now.us / 1000 % 1000), names[level], log_program,
	    (int)getpid());
	k = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	if (k > 0)
		n += (size_t)k < sizeof line - n - 1 ? (size_t)k
						     : sizeof line - n - 2;
	for (size_t at = 0; at < n; at++)
		if (line[at] == '\n')
			line[at] = ' ';
	line[n++] = '\n';
	if (log_before != NULL)
		log_before(log_before_arg);
	(void)!write(STDERR_FILENO, line, n);
}

#define LOG_AT(name, level)             \
	void name(const char *fmt, ...) \
	{                               \
		va_list ap;             \
                                        \
		va_start(ap, fmt);      \
		vlog(level, fmt, ap);   \
		va_end(ap);             \
	}

LOG_AT(log_error, LOG_ERROR)
LOG_AT(log_warn, LOG_WARN)
LOG_AT(log_info, LOG_INFO)
LOG_AT(log_debug, LOG_DEBUG)
