/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of expressions, taken apart at their commas. */
#include "worker/clickhouse/key.h"

#include <string.h>

size_t
sql_expression(const char *p)
{
	unsigned open = 0;
	char quote = '\0';
	size_t n = 0;

	for (; p[n] != '\0'; n++) {
		char c = p[n];

		if (quote != '\0') {
			if (c == '\\' && p[n + 1] != '\0')
				n++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '`' || c == '"' || c == '\'') {
			quote = c;
		} else if (c == '(') {
			open++;
		} else if (c == ')') {
			if (open == 0)
				break;
			open--;
		} else if (c == ',' && open == 0) {
			break;
		}
	}
	return n;
}

bool
sql_is_column(const char *p, size_t n, const char *name)
{
	if (n < 2 || p[0] != '`' || p[n - 1] != '`')
		return strlen(name) == n && memcmp(p, name, n) == 0;
	for (p++, n -= 2; n > 0; p++, n--, name++) {
		if (*p == '\\' && n > 1) {
			p++;
			n--;
		}
		if (*p != *name)
			return false;
	}
	return *name == '\0';
}

/* Length of the parenthesis that begins there, 0 when it does not close. */
static size_t
group(const char *key)
{
	size_t n = 1;

	do
		n += sql_expression(key + n);
	while (key[n] == ',' && ++n);
	return key[n] == ')' ? n + 1 : 0;
}

/* "(a)" and "(a, b)" are lists, too, as some servers write them. */
static const char *
list(const char *key)
{
	size_t n = strlen(key);

	/* "(a) + (b)" begins like a list and is none */
	return key[0] == '(' && group(key) == n ? key + 1 : key;
}

/* Behind the expression and its comma; NULL at the list's end. */
static const char *
next(const char *key)
{
	key += sql_expression(key);
	return *key == ',' ? key + 1 : NULL;
}

size_t
sql_key_length(const char *key)
{
	size_t n = 0;

	if (*key == '\0')
		return 0;
	for (key = list(key); key != NULL; key = next(key))
		n++;
	return n;
}

int
sql_key_position(const char *key, const char *column)
{
	int k = 0;

	for (key = list(key); key != NULL; key = next(key), k++) {
		size_t len;

		key += strspn(key, " ");
		len = sql_expression(key);
		while (len > 0 && key[len - 1] == ' ')
			len--;
		if (sql_is_column(key, len, column))
			return k;
	}
	return -1;
}
