/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes are those of ClickHouse's ErrorCodes.cpp. A code that is not in the
 * table is a refusal: trying again would not help.
 */
#include "worker/clickhouse/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

enum { TEXT_SHOWN = 400 };

static const struct advice {
	int code;
	bool heals;
	const char *what; /* to do */
} advices[] = {
	/* refused: mend it */
	{ 47, false, "check the column names" },
	{ 60, false, "check the table's name" },
	{ 81, false, "check the database's name" },
	{ 115, false, "the server is older than any that calve knows" },
	{ 158, false, "raise the limits of the user's profile" },
	{ 164, false, "give the user a profile with readonly = 2 or 0" },
	{ 201, false,
	    "the user's quota is used up; run it again when its interval is "
	    "over" },
	{ 307, false, "raise the limits of the user's profile" },
	{ 396, false, "raise the limits of the user's profile" },
	{ 452, false,
	    "a constraint of the user's profile forbids what "
	    "calve needs" },
	{ 497, false,
	    "grant the user SELECT on the table and on system."
	    "tables, system.columns, system.settings" },
	/* passing troubles: another attempt may heal them */
	{ 3, true, "run it again" }, { 32, true, "run it again" },
	{ 74, true, "see the server's log" }, { 95, true, "run it again" },
	{ 96, true, "run it again" },
	{ 159, true, "raise max_execution_time of the user" },
	{ 160, true,
	    "the server expects the query to take too "
	    "long; take smaller steps" },
	{ 173, true, "the server is short of memory" },
	{ 198, true, "the server cannot resolve a host's name" },
	{ 202, true, "the server runs too many queries" },
	{ 203, true, "run it again" }, { 209, true, "run it again" },
	{ 210, true, "run it again" },
	{ 218, true, "the table was dropped meanwhile" },
	{ 225, true, "the server has no keeper" },
	{ 236, true, "the server stopped the query" },
	{ 241, true,
	    "raise max_memory_usage of the user, or take "
	    "smaller steps" },
	{ 243, true, "free space on the server's disk" },
	{ 279, true, "a shard or replica is out of reach" },
	{ 369, true, "all replicas are behind" }, { 384, true, "run it again" },
	{ 394, true, "somebody cancelled the query" },
	{ 425, true, "see the server's log" },
	{ 439, true, "the server has no thread to spare" },
	{ 473, true, "the table was locked" },
	{ 499, true, "the server's object store failed" },
	{ 999, true, "the server has lost its keeper" }, { 0, false, NULL }
};

static bool
is_login(int code)
{
	return code == 192 || code == 193 || code == 194 || code == 516;
}

/* N of "Code: N. ", also where the text is not NUL-terminated. */
static int
code_of(const char *text, size_t n)
{
	int code = 0;

	if (n < 7 || memcmp(text, "Code: ", 6) != 0)
		return 0;
	for (size_t i = 6;
	     i < n && isdigit((unsigned char)text[i]) && code < 100000; i++)
		code = code * 10 + (text[i] - '0');
	return code;
}

static bool
begins(const char *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

/* The part a reader wants: without code, version and what follows it. */
static void
trim(const char **text, size_t *len)
{
	const char *p = *text, *end = p + *len, *cut;
	static const char *const prefixes[] = {
		"DB::Exception: ", "DB::NetException: ", "e.displayText() = "
	};

	if (code_of(p, *len) != 0) {
		p += strlen("Code: ");
		while (p < end &&
		    (isdigit((unsigned char)*p) || strchr("., ", *p) != NULL))
			p++;
	}
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < 3; i++)
			if (begins(p, (size_t)(end - p), prefixes[i]))
				p += strlen(prefixes[i]);
	cut = memmem(p, (size_t)(end - p), " (version ", 10);
	if (cut != NULL)
		end = cut;
	cut = memmem(p, (size_t)(end - p), "Stack trace:", 12);
	if (cut != NULL)
		end = cut;
	while (p < end && isspace((unsigned char)*p))
		p++;
	while (p < end &&
	    (isspace((unsigned char)end[-1]) || end[-1] == '.' ||
		end[-1] == ',' || end[-1] == '\0'))
		end--;
	*text = p;
	*len = (size_t)(end - p) > TEXT_SHOWN ? TEXT_SHOWN : (size_t)(end - p);
}

/* No exception text: a proxy answered, or the server is going down. */
static int
bare_status(const struct server_error *e, struct err *err)
{
	if (!e->named && e->status >= 200 && e->status < 400)
		return err_set(err, e->role->lost,
		    "'%s' answered with HTTP status %ld, but not as a "
		    "ClickHouse server does (no X-ClickHouse header): a "
		    "sign-in page or proxy stands in between; see to that, "
		    "then run it again",
		    e->place, e->status);
	if (e->status == 401 || e->status == 403)
		return err_set(err, e->role->refused,
		    "'%s' refused with HTTP status "
		    "%ld; check user and password of the %s",
		    e->place, e->status, e->role->name);
	if (e->status >= 500 || e->status == 408 || e->status == 429)
		return err_set(err, e->role->lost,
		    "'%s' answered with HTTP "
		    "status %ld; see the server's log, then run it again",
		    e->place, e->status);
	if (e->status != 200)
		return err_set(err, e->role->refused,
		    "'%s' answered with HTTP "
		    "status %ld; is that a ClickHouse HTTP port",
		    e->place, e->status);
	return err_set(err, e->role->lost,
	    "'%s' ended its answer with an "
	    "exception; see the server's log, then run it again",
	    e->place);
}

int
clickhouse_refusal(const struct server_error *e, struct err *err)
{
	const char *text = e->text;
	size_t len = e->len;
	int code = code_of(text, len);
	const struct advice *a = advices;

	if (code == 0 && e->code > 0)
		code = e->code;
	if (code == 0 && e->code == 0)
		return bare_status(e, err);
	if (is_login(code))
		return err_set(err, e->role->refused,
		    "wrong user or password for "
		    "'%s' at '%s'; check user and password of the %s",
		    e->user != NULL && e->user[0] != '\0' ? e->user : "default",
		    e->place, e->role->name);
	while (a->what != NULL && a->code != code)
		a++;
	/* CANNOT_OPEN_FILE and CANNOT_STAT, when it has too many open */
	if (memmem(text, len, "Too many open files", 19) != NULL)
		return err_set(err, e->role->lost,
		    "error %d of the %s: too many open files; raise the "
		    "server's limit",
		    code, e->role->name);
	trim(&text, &len);
	err_set(err, a->heals ? e->role->lost : e->role->refused,
	    "error %d of the %s: %.*s%s%s", code, e->role->name, (int)len, text,
	    a->what != NULL ? "; " : "", a->what != NULL ? a->what : "");
	err->sys = code;
	return -1;
}

bool
clickhouse_tagged_exception(const uint8_t *data, size_t n, const char *tag,
    const char **text, size_t *len)
{
	struct buf head, foot;
	const char *p = (const char *)data, *found = NULL, *end;
	bool is = false;

	buf_init(&head, 256);
	buf_init(&foot, 256);
	buf_printf(&head, "\r\n__exception__\r\n%s\r\n", tag);
	buf_printf(&foot, " %s\r\n__exception__\r\n", tag);
	/* last one wins: it is the end of the stream that counts */
	for (const char *at = p; (at = memmem(at, (size_t)(p + n - at),
				      head.data, head.len)) != NULL;
	     at++)
		found = at;
	end =
	    n >= foot.len && memcmp(p + n - foot.len, foot.data, foot.len) == 0
	    ? p + n - foot.len
	    : NULL;
	if (found != NULL) {
		*text = found + head.len;
		if (end == NULL || end < *text)
			end = p + n;
		while (end > *text && isdigit((unsigned char)end[-1]))
			end--;
		*len = (size_t)(end - *text);
		is = true;
	} else if (end != NULL) {
		*text = "";
		*len = 0;
		is = true;
	}
	buf_clear(&head);
	buf_clear(&foot);
	return is;
}

bool
clickhouse_bare_exception(
    const uint8_t *data, size_t n, const char **text, size_t *len)
{
	const char *p = (const char *)data, *end = p + n, *found = NULL;

	for (const char *at = p;
	     (at = memmem(at, (size_t)(end - at), "Code: ", 6)) != NULL; at++) {
		size_t left = (size_t)(end - at);

		if (code_of(at, left) != 0 &&
		    memmem(at, left < 64 ? left : 64, "DB::", 4) != NULL) {
			found = at;
			break;
		}
	}
	if (found == NULL)
		return false;
	*text = found;
	*len = (size_t)(end - found);
	return true;
}
