/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that never returns NULL: the hook runs, the process ends. */
#include "common/xalloc.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
complain(size_t wanted)
{
	static const char text[] = "out of memory: raise limits.memory\n";

	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

	(void)wanted;
	/* Nobody may be reading: the end is not to wait for that. */
	if (poll(&room, 1, 0) == 1)
		(void)!write(STDERR_FILENO, text, sizeof text - 1);
}

static void (*nomem_hook)(size_t) = complain;

void
xalloc_set_hook(void (*hook)(size_t))
{
	nomem_hook = hook;
}

static void *
checked(void *p, size_t wanted)
{
	if (p == NULL && wanted != 0) {
		nomem_hook(wanted);
		_exit(EXIT_NOMEM);
	}
	return p;
}

void *
xchecked(void *p)
{
	return checked(p, 1);
}

void *
xmalloc(size_t n)
{
	return checked(malloc(n > 0 ? n : 1), n);
}

void *
xcalloc(size_t n, size_t size)
{
	size_t total = 0;

	if (__builtin_mul_overflow(n, size, &total))
		total = (size_t)-1;
	return checked(calloc(n > 0 ? n : 1, size > 0 ? size : 1), total);
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	size_t total = 0;

	if (__builtin_mul_overflow(n, size, &total))
		return checked(NULL, (size_t)-1);
	return checked(realloc(p, total > 0 ? total : 1), total);
}

char *
xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n), n + 1);
}

char *
xstrdup(const char *s)
{
	return checked(strdup(s), 1);
}

void *
xmemdup(const void *p, size_t n)
{
	void *copy = xmalloc(n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	char *out = NULL;
	int n;
	va_list ap;

	va_start(ap, fmt);
	n = vasprintf(&out, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : out, 1);
}
