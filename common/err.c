/* SPDX-License-Identifier: Apache-2.0 */
/* struct err: setters, class names, and the one table of what can heal. */
#include "common/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	bool retryable;
} classes[ERR_NCLASSES] = {
	[ERR_NONE] = { "none", false },
	[ERR_CONFIG] = { "config", false },
	[ERR_STATE] = { "state", false },
	[ERR_STATE_LOST] = { "state-lost", true },
	[ERR_SOURCE] = { "source", false },
	[ERR_SOURCE_LOST] = { "source-lost", true },
	[ERR_DATA] = { "data", false },
	[ERR_TYPE] = { "type", false },
	[ERR_TABLE] = { "table", false },
	[ERR_STORE] = { "store", false },
	[ERR_CONFLICT] = { "conflict", true },
	[ERR_UNCLEAR] = { "unclear", true },
	[ERR_BUSY] = { "busy", false },
	[ERR_LIMIT] = { "limit", false },
	[ERR_NOMEM] = { "memory", false },
	[ERR_CANCELLED] = { "cancelled", false },
	[ERR_PROTOCOL] = { "protocol", false },
	[ERR_BUG] = { "bug", false },
	[ERR_HANDLES] = { "handles", true },
	[ERR_TARGET] = { "target", false },
	[ERR_TARGET_LOST] = { "target-lost", true },
};

void
err_clear(struct err *e)
{
	e->cls = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
}

/* Text may quote bytes from a server or a file: one printable line only. */
static void
make_one_line(char *s)
{
	size_t n;

	for (n = strlen(s); n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' '); n--)
		s[n - 1] = '\0';
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

int
err_vset(struct err *e, enum err_class cls, const char *fmt, va_list ap)
{
	e->cls = cls;
	e->sys = 0;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	make_one_line(e->text);
	return -1;
}

int
err_set(struct err *e, enum err_class cls, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, cls, fmt, ap);
	va_end(ap);
	return -1;
}

static const char *
advice(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return "; free space or inodes there, then run again";
	case EFBIG:
		return "; raise 'limits: output'";
	case EMFILE:
		return "; raise 'limits: files'";
	case ENFILE:
		return "; raise the system's limit, fs.file-max";
	case EACCES:
	case EPERM:
	case EROFS:
		return "; give the user that runs calve write access there";
	default:
		return "";
	}
}

int
err_sys(struct err *e, enum err_class cls, const char *fmt, ...)
{
	int sys = errno;
	size_t n;
	va_list ap;

	if (sys == EMFILE || sys == ENFILE)
		cls = ERR_HANDLES;
	else if (sys == ENOMEM)
		cls = ERR_NOMEM;
	va_start(ap, fmt);
	err_vset(e, cls, fmt, ap);
	va_end(ap);
	e->sys = sys;
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s%s", strerror(sys),
	    advice(sys));
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char was[ERR_TEXT_MAX];
	size_t n;
	va_list ap;

	memcpy(was, e->text, sizeof was);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", was);
	make_one_line(e->text);
	return -1;
}

const char *
err_class_name(enum err_class cls)
{
	return (unsigned)cls < ERR_NCLASSES ? classes[cls].name : "unknown";
}

bool
err_is_retryable(enum err_class cls)
{
	return (unsigned)cls < ERR_NCLASSES && classes[cls].retryable;
}
