/* SPDX-License-Identifier: Apache-2.0 */
/* One event, one line, by the outlet of standard error. */
#include "common/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/outlet.h"

enum { LOG_LINE = 2048 };

static const char *log_program = "calve";
static enum log_level log_most = LOG_INFO;
static void (*log_before)(void *arg);
static void *log_before_arg;

void
log_set_before(void (*before)(void *arg), void *arg)
{
	log_before = before;
	log_before_arg = arg;
}

/* One line, its end included. */
static size_t
put_line(char line[LOG_LINE], enum log_level level, const char *fmt, va_list ap)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct wall now = wall_now();
	time_t seconds = (time_t)(now.us / 1000000);
	struct tm tm;
	size_t n;
	int k;

	gmtime_r(&seconds, &tm);
	n = strftime(line, LOG_LINE, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, LOG_LINE - n, ".%03dZ %s %s[%d] ",
	    (int)(now.us / 1000 % 1000), names[level], log_program,
	    (int)getpid());
	k = vsnprintf(line + n, LOG_LINE - n - 1, fmt, ap);
	if (k > 0)
		n +=
		    (size_t)k < LOG_LINE - n - 1 ? (size_t)k : LOG_LINE - n - 2;
	for (size_t at = 0; at < n; at++)
		if (line[at] == '\n')
			line[at] = ' ';
	line[n++] = '\n';
	return n;
}

static size_t put_lost(char *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static size_t
put_lost(char *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t n = put_line(line, LOG_WARN, fmt, ap);
	va_end(ap);
	return n;
}

static size_t
tell_lost(uint64_t lost, char *line, size_t size)
{
	char whole[LOG_LINE];
	size_t n = put_lost(whole,
	    "%" PRIu64 " line%s of this log could not be written here: nobody "
	    "read it",
	    lost, lost == 1 ? "" : "s");

	n = n < size ? n : size;
	memcpy(line, whole, n);
	return n;
}

void
log_init(const char *program, enum log_level most)
{
	log_program = program;
	log_most = most;
	outlet_tell_with(STDERR_FILENO, tell_lost);
}

static void
vlog(enum log_level level, const char *fmt, va_list ap)
{
	char line[LOG_LINE];

	if (level > log_most)
		return;
	size_t n = put_line(line, level, fmt, ap);
	if (log_before != NULL)
		log_before(log_before_arg);
	outlet_line(STDERR_FILENO, line, n);
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
