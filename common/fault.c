/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on purpose; the whole file is empty outside the test build. */
#include "common/fault.h"

#ifdef CALVE_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAULT_TEXT = 4096 };

/* `what` is "kill:", "stop:" ...; copies what follows it, up to a comma. */
static const char *
fault_is(const char *what, char rest[FAULT_TEXT])
{
	const char *f = getenv("CALVE_FAULT");
	size_t n = strlen(what);

	while (f != NULL && strncmp(f, what, n) != 0) {
		f = strchr(f, ',');
		f = f != NULL ? f + 1 : NULL;
	}
	if (f == NULL)
		return NULL;
	f += n;
	n = strcspn(f, ",");
	if (n >= FAULT_TEXT)
		return NULL;
	memcpy(rest, f, n);
	rest[n] = '\0';
	return rest;
}

/* Whether spec "NAME" or "NAME:K" names this passing of `name`. */
static int
fault_named(const char *spec, const char *name, atomic_uint *seen)
{
	size_t n = strlen(name);

	if (strncmp(spec, name, n) != 0 || (spec[n] != '\0' && spec[n] != ':'))
		return 0;
	return atomic_fetch_add(seen, 1) + 1 ==
	    (spec[n] == ':' ? strtoul(spec + n + 1, NULL, 10) : 1);
}

void
fault_point(const char *name)
{
	static atomic_uint passed, killed, stopped;
	unsigned nth = atomic_fetch_add(&passed, 1) + 1;
	const char *f;
	char line[128], rest[FAULT_TEXT];
	int fd, n;

	if ((f = fault_is("list:", rest)) != NULL) {
		fd = open(f, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		n = snprintf(line, sizeof line, "%s\n", name);
		if (fd != -1) {
			(void)!write(fd, line, (size_t)n);
			close(fd);
		}
	} else if ((f = fault_is("kill:", rest)) != NULL) {
		if ((f[0] >= '0' && f[0] <= '9')
			? nth == strtoul(f, NULL, 10)
			: fault_named(f, name, &killed))
			kill(getpid(), SIGKILL);
	} else if ((f = fault_is("stop:", rest)) != NULL) {
		if (fault_named(f, name, &stopped))
			raise(SIGSTOP);
	}
}

int
fault_errno(const char *name)
{
	static const struct {
		const char *name;
		int sys;
	} known[] = {
		{ "ENOSPC", ENOSPC },
		{ "EIO", EIO },
		{ "EACCES", EACCES },
		{ "EMFILE", EMFILE },
		{ "EDQUOT", EDQUOT },
		{ "EROFS", EROFS },
	};
	static atomic_uint passed;
	char text[FAULT_TEXT];
	const char *f = fault_is("errno:", text), *rest;
	size_t n = strlen(name), k;

	if (f == NULL || strncmp(f, name, n) != 0 || f[n] != ':')
		return 0;
	rest = f + n + 1;
	n = strcspn(rest, ":");
	if (atomic_fetch_add(&passed, 1) + 1 <
	    (rest[n] == ':' ? strtoul(rest + n + 1, NULL, 10) : 1))
		return 0;
	for (k = 0; k < sizeof known / sizeof known[0]; k++)
		if (strlen(known[k].name) == n &&
		    strncmp(known[k].name, rest, n) == 0) {
			errno = known[k].sys;
			return 1;
		}
	return 0;
}

unsigned long
fault_number(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text != NULL && *text != '\0' ? strtoul(text, NULL, 10)
					     : otherwise;
}

#else
typedef int calve_fault_is_empty; /* ISO C wants a declaration */
#endif
