/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection strings: are they sane, and how they may be shown.
 *
 * libpq's own messages are quoted only after the connection string has been
 * found sane: of a string with an unescaped '@' or '/' in the password, libpq
 * takes a piece of the password for the host name and says so.
 */
#include <stdlib.h>
#include <string.h>

#include "common/pg_private.h"
#include "common/xalloc.h"

static const char malformed[] =
    "the PostgreSQL connection string "
    "is malformed; expected postgresql://USER@HOST/DATABASE with special "
    "characters of a password percent-encoded, or 'host=... dbname=...'";

static bool
looks_torn(const PQconninfoOption *o)
{
	if (o->val == NULL)
		return false;
	if (strcmp(o->keyword, "host") == 0 ||
	    strcmp(o->keyword, "dbname") == 0 ||
	    strcmp(o->keyword, "hostaddr") == 0)
		return strchr(o->val, '@') != NULL && o->val[0] != '@';
	if (strcmp(o->keyword, "port") == 0)
		return strspn(o->val, "0123456789,") != strlen(o->val);
	return false;
}

PQconninfoOption *
pg_parse_conninfo(const char *conninfo, struct err *err)
{
	char *libpq_says = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &libpq_says);

	PQfreemem(libpq_says); /* may hold parts of the password */
	if (options == NULL) {
		err_set(err, ERR_CONFIG, "%s", malformed);
		return NULL;
	}
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (!looks_torn(o))
			continue;
		PQconninfoFree(options);
		err_set(err, ERR_CONFIG, "%s", malformed);
		return NULL;
	}
	return options;
}

int
pg_check_conninfo(const char *conninfo, struct err *err)
{
	PQconninfoOption *options = pg_parse_conninfo(conninfo, err);

	if (options == NULL)
		return -1;
	PQconninfoFree(options);
	return 0;
}

static bool
is_secret(const PQconninfoOption *o, bool references)
{
	if (o->val == NULL || *o->val == '\0' ||
	    (strcmp(o->keyword, "password") != 0 &&
		strcmp(o->keyword, "sslpassword") != 0))
		return false;
	const char *close = strchr(o->val, '}');
	return !references || strncmp(o->val, "${", 2) != 0 || close == NULL ||
	    close[1] != '\0';
}

bool
pg_has_password(const char *conninfo, bool references)
{
	struct err ignored = { 0 };
	PQconninfoOption *options = pg_parse_conninfo(conninfo, &ignored);
	bool has = false;

	if (options == NULL)
		return false;
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++)
		has = has || is_secret(o, references);
	PQconninfoFree(options);
	return has;
}

char *
pg_mask_conninfo(const char *conninfo, bool references)
{
	struct err ignored = { 0 };

	if (!pg_has_password(conninfo, references) &&
	    pg_check_conninfo(conninfo, &ignored) == 0)
		return xstrdup(conninfo);

	/* Written anew from its parts, not cut out of the original: escapes
	 * and quotes leave too many ways to miss a byte. */
	PQconninfoOption *options = pg_parse_conninfo(conninfo, &ignored);
	if (options == NULL)
		return xstrdup("dbname=***");
	char *out = xstrdup("");
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		const char *value = is_secret(o, references) ? "***" : o->val;
		char *quoted = xmalloc(2 * strlen(value) + 3), *to = quoted;
		bool plain =
		    *value != '\0' && strpbrk(value, " \t\n\r\v\f'\\") == NULL;

		if (!plain)
			*to++ = '\'';
		for (const char *from = value; *from != '\0'; from++) {
			if (*from == '\'' || *from == '\\')
				*to++ = '\\';
			*to++ = *from;
		}
		if (!plain)
			*to++ = '\'';
		*to = '\0';
		char *longer = xasprintf("%s%s%s=%s", out,
		    *out == '\0' ? "" : " ", o->keyword, quoted);
		free(quoted);
		free(out);
		out = longer;
	}
	PQconninfoFree(options);
	return out;
}
