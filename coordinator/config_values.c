/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of keys: text to struct, checked, with messages that say what would
 * have been right. A secret's value is in none of them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "coordinator/config_keys.h"

/* ---- ${NAME} ---- */

static size_t
name_length(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return 0;
	size_t n = 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

bool
is_reference(const char *raw)
{
	if (strncmp(raw, "${", 2) != 0)
		return false;
	size_t n = name_length(raw + 2);
	return n > 0 && strcmp(raw + 2 + n, "}") == 0;
}

/* *changed: an environment variable had part in it. */
static char *
expand(struct key_reader *r, const struct node *node, bool *changed)
{
	struct buf out;
	const char *at = node->text, *ref;

	*changed = false;
	buf_init(&out, CONFIG_MAX);
	while ((ref = strstr(at, "${")) != NULL) {
		if (ref > at && ref[-1] == '$') {
			buf_put(&out, at, (size_t)(ref - at));
			buf_put_str(&out, "{");
			at = ref + 2;
			continue;
		}
		buf_put(&out, at, (size_t)(ref - at));
		size_t n = name_length(ref + 2);
		if (n == 0 || ref[2 + n] != '}') {
			fail_at(r, node->line,
			    "'%s': '${' must be followed "
			    "by a name and '}'; write '$${' for the "
			    "characters themselves",
			    node->key);
			goto fail;
		}
		char *name = xstrndup(ref + 2, n);
		const char *value = getenv(name);
		if (value == NULL) {
			fail_at(r, node->line,
			    "'%s': the environment "
			    "variable '%s' is not set",
			    node->key, name);
			free(name);
			goto fail;
		}
		free(name);
		buf_put_str(&out, value);
		*changed = true;
		at = ref + 3 + n;
	}
	buf_put_str(&out, at);
	if (out.over) {
		fail_at(r, node->line, "'%s': too long", node->key);
		goto fail;
	}
	char *text = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	return text;
fail:
	buf_clear(&out);
	return NULL;
}

/* ---- scalars ---- */

static bool
in_choices(const char *choices, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, word, n) == 0 &&
		    (at[n] == '|' || at[n] == '\0'))
			return n > 0;
	}
	return false;
}

/* "compat, compact or dense" */
static const char *
list_choices(const char *choices, char out[128])
{
	size_t len = 0, left;

	for (const char *at = choices; *at != '\0' && len < 120; at++) {
		if (*at != '|')
			out[len++] = *at;
		else {
			left = 128 - len;
			len += (size_t)snprintf(out + len, left, "%s",
			    strchr(at + 1, '|') != NULL ? ", " : " or ");
		}
	}
	out[len] = '\0';
	return out;
}

static bool
parse_whole(const char *s, uint64_t *out, const char **end)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	*out = n;
	*end = s;
	return true;
}

static bool
parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "KMGTP";

	if (!parse_whole(s, out, &s))
		return false;
	if (*s == '\0')
		return true;
	const char *unit = strchr(units, toupper((unsigned char)*s));
	if (unit == NULL)
		return false;
	s++;
	if (strcmp(s, "iB") == 0 || strcmp(s, "B") == 0)
		s += strlen(s);
	for (size_t n = (size_t)(unit - units) + 1; n > 0; n--)
		if (__builtin_mul_overflow(*out, 1024, out))
			return false;
	return *s == '\0';
}

/* "1h30m"; units once each, from the greatest down. */
bool
duration_parse(const char *s, uint64_t *out)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "ms", 1 },
		{ "m", 60000 }, { "s", 1000 } };
	uint64_t last = UINT64_MAX;

	*out = 0;
	if (strcmp(s, "0") == 0)
		return true;
	do {
		uint64_t n, ms = 0;
		if (!parse_whole(s, &n, &s))
			return false;
		for (size_t at = 0; at < 5 && ms == 0; at++) {
			size_t len = strlen(units[at].unit);
			if (strncmp(s, units[at].unit, len) == 0 &&
			    !isalpha((unsigned char)s[len])) {
				ms = units[at].ms;
				s += len;
			}
		}
		if (ms == 0 || ms >= last ||
		    __builtin_mul_overflow(n, ms, &n) ||
		    __builtin_add_overflow(*out, n, out))
			return false;
		last = ms;
	} while (*s != '\0');
	return true;
}

static int
read_number(struct key_reader *r, const struct key *k, const struct node *node,
    const char *value, uint64_t *to)
{
	static const char *const wants[] = { [KEY_COUNT] = "a whole number",
		[KEY_SIZE] = "a size like 64M or 1G",
		[KEY_DURATION] = "a duration like 500ms, 30s, 5m, 2h or 1d" };
	const char *none = k->flags & KEY_NONE ? ", or none" : "", *end = "";
	uint64_t n = 0;
	bool good;
	char low[LIMITS_TEXT], high[LIMITS_TEXT];

	if (k->flags & KEY_NONE && strcmp(value, "none") == 0) {
		*to = 0;
		return 0;
	}
	if (k->type == KEY_COUNT)
		good = parse_whole(value, &n, &end) && *end == '\0';
	else
		good = k->type == KEY_SIZE ? parse_size(value, &n)
					   : duration_parse(value, &n);
	if (!good)
		return fail_at(r, node->line, "'%s' must be %s%s, not '%s'",
		    k->name, wants[k->type], none, node->text);
	if (k->high > 0 && (n < k->low || n > k->high)) {
		if (k->type == KEY_COUNT) {
			snprintf(low, sizeof low, "%" PRIu64, k->low);
			snprintf(high, sizeof high, "%" PRIu64, k->high);
		} else if (k->type == KEY_SIZE) {
			size_format(k->low, low);
			size_format(k->high, high);
		} else {
			duration_format(k->low, low);
			duration_format(k->high, high);
		}
		return fail_at(r, node->line,
		    "'%s' must be from %s to %s%s, not '%s'", k->name, low,
		    high, none, node->text);
	}
	*to = n;
	return 0;
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static int
check_text(struct key_reader *r, const struct key *k, const struct node *node,
    const char *value)
{
	char list[128];

	if (k->type == KEY_SECRET)
		return 0;
	if (*value == '\0')
		return fail_at(r, node->line, "'%s' is empty", k->name);
	if (has_control(value))
		return fail_at(r, node->line,
		    "'%s' holds a line break or another control character",
		    k->name);
	if (k->choices != NULL && !in_choices(k->choices, value))
		return fail_at(r, node->line, "'%s' must be %s, not '%s'",
		    k->name, list_choices(k->choices, list), node->text);
	return 0;
}

static void
text_set(struct text *t, char *value_take, const char *raw)
{
	free(t->value);
	free(t->raw);
	t->value = value_take;
	t->raw = raw != NULL ? xstrdup(raw) : NULL;
}

static int
read_bool(struct key_reader *r, const struct key *k, const struct node *node,
    const char *value, bool *to)
{
	if (in_choices("true|yes|on", value))
		*to = true;
	else if (in_choices("false|no|off", value))
		*to = false;
	else
		return fail_at(r, node->line,
		    "'%s' must be true or false, not '%s'", k->name,
		    node->text);
	return 0;
}

int
key_read_scalar(struct key_reader *r, const struct key *k,
    const struct node *node, const char *where, void *base)
{
	char *to = (char *)base + k->at;
	bool changed;

	if (node->kind != NODE_SCALAR)
		return fail_at(r, node->line,
		    "'%s' of %s must be a single "
		    "value, not a %s",
		    k->name, where, node->kind == NODE_MAP ? "map" : "list");
	if (node->plain &&
	    (*node->text == '\0' || in_choices("~|null|Null|NULL", node->text)))
		return fail_at(r, node->line,
		    "'%s' of %s has no value; give "
		    "one, or leave the line out",
		    k->name, where);

	char *value = expand(r, node, &changed);
	if (value == NULL)
		return -1;
	int rv = -1;
	switch (k->type) {
	case KEY_TEXT:
	case KEY_SECRET:
	case KEY_CONNINFO:
	case KEY_CHOICE:
		rv = check_text(r, k, node, value);
		if (rv == 0) {
			text_set((struct text *)(void *)to, value,
			    changed ? node->text : NULL);
			value = NULL;
		}
		break;
	case KEY_PLAIN:
		rv = check_text(r, k, node, value);
		if (rv == 0) {
			char **plain = (char **)(void *)to;
			free(*plain);
			*plain = value;
			value = NULL;
		}
		break;
	case KEY_BOOL:
		rv = read_bool(r, k, node, value, (bool *)to);
		break;
	default:
		rv = read_number(r, k, node, value, (uint64_t *)(void *)to);
		break;
	}
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	free(value);
	return rv;
}
