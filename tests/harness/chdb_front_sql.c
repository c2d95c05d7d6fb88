/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough of SQL's surface to answer as a server would: the kind of a
 * statement by its first word, its FORMAT clause, and whether a second
 * statement follows (which ClickHouse refuses over HTTP). Strings, quoted
 * names and comments are stepped over; nothing else is understood.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chdb_front.h"

struct word {
	const char *p;
	size_t len;
};

static const char *
skip_quoted(const char *p, const char *end)
{
	char quote = *p++;

	while (p < end) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == quote)
			return p + 1;
		p++;
	}
	return end;
}

/* Past blanks and comments. */
static const char *
skip_blank(const char *p, const char *end)
{
	while (p < end) {
		if (isspace((unsigned char)*p)) {
			p++;
		} else if (*p == '#' ||
		    (end - p > 1 && p[0] == '-' && p[1] == '-')) {
			while (p < end && *p != '\n')
				p++;
		} else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
			p += 2;
			while (p < end &&
			    !(end - p > 1 && p[0] == '*' && p[1] == '/'))
				p++;
			p = end - p > 2 ? p + 2 : end;
		} else {
			break;
		}
	}
	return p;
}

static bool
is_word(struct word w, const char *keyword)
{
	return w.len == strlen(keyword) &&
	    strncasecmp(w.p, keyword, w.len) == 0;
}

static struct word
word_at(const char *p, const char *end)
{
	struct word w = { p, 0 };

	while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	w.len = (size_t)(p - w.p);
	return w;
}

static enum sql_kind
kind_of(struct word w)
{
	if (is_word(w, "select") || is_word(w, "with"))
		return SQL_STREAM;
	if (is_word(w, "insert"))
		return SQL_INSERT;
	return SQL_OTHER;
}

void
sql_scan(struct sql *sql, const char *text, size_t len)
{
	const char *end = text + len;
	const char *p = skip_blank(text, end);

	*sql = (struct sql){ .kind = SQL_EMPTY, .len = len };
	if (p == end)
		return;
	sql->kind = kind_of(word_at(p, end));
	if (sql->kind == SQL_INSERT)
		return; /* the rest may be data */

	const char *last = p; /* behind the last thing seen */
	while ((p = skip_blank(p, end)) < end) {
		if (*p == ';') {
			if (skip_blank(p + 1, end) < end &&
			    *skip_blank(p + 1, end) != ';')
				sql->multi = true;
			break;
		}
		struct word w = word_at(p, end);
		if (*p == '\'' || *p == '"' || *p == '`') {
			p = skip_quoted(p, end);
		} else if (w.len == 0) {
			p++;
		} else {
			p += w.len;
			struct word name = word_at(skip_blank(p, end), end);
			if (is_word(w, "format") && name.len > 0 &&
			    name.len < sizeof(sql->format)) {
				memcpy(sql->format, name.p, name.len);
				sql->format[name.len] = '\0';
			}
		}
		last = p;
	}
	sql->len = (size_t)(last - text);
}

size_t
sql_insert_format(const char *text, size_t len)
{
	const char *end = text + len;
	const char *p = skip_blank(text, end);
	struct word before = { NULL, 0 }, last = { NULL, 0 };

	if (p == end || kind_of(word_at(p, end)) != SQL_INSERT)
		return 0;
	while (p < end) {
		struct word w = word_at(p, end);

		before = last;
		last = w;
		if (*p == '\'' || *p == '"' || *p == '`')
			p = skip_quoted(p, end);
		else
			p += w.len > 0 ? w.len : 1;
		p = skip_blank(p, end);
	}
	return is_word(before, "format") &&
		(is_word(last, "native") || is_word(last, "rowbinary"))
	    ? (size_t)(before.p - text)
	    : 0;
}

char *
sql_quote(const char *text)
{
	char *quoted = malloc(2 * strlen(text) + 3);
	if (quoted == NULL)
		abort();
	char *q = quoted;
	*q++ = '\'';
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			*q++ = '\\';
		*q++ = *text;
	}
	*q++ = '\'';
	*q = '\0';
	return quoted;
}
