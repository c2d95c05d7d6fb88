/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps of the file read by a section's table of keys: unknown and missing
 * keys, lists, nested sections. Single values are config_values.c's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "coordinator/config_keys.h"

int
fail_at(struct key_reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(r->err, ERR_CONFIG, fmt, ap);
	va_end(ap);
	struct err *err = r->err;
	return line > 0 ? err_prefix(err, "%s:%u", r->path, line)
			: err_prefix(err, "%s", r->path);
}

/* Levenshtein's distance, words of up to 63 bytes. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], na = strlen(a), nb = strlen(b);

	if (na >= 64 || nb >= 64)
		return SIZE_MAX;
	for (size_t y = 0; y <= nb; y++)
		row[y] = y;
	for (size_t x = 1; x <= na; x++) {
		size_t corner = row[0];
		row[0] = x;
		for (size_t y = 1; y <= nb; y++) {
			size_t best = corner + (a[x - 1] != b[y - 1]);
			corner = row[y];
			if (row[y] + 1 < best)
				best = row[y] + 1;
			if (row[y - 1] + 1 < best)
				best = row[y - 1] + 1;
			row[y] = best;
		}
	}
	return row[nb];
}

const char *
nearest(const char *word, const char *const *names, size_t n, char out[128])
{
	size_t best = SIZE_MAX;

	out[0] = '\0';
	for (size_t at = 0; at < n; at++) {
		size_t d = distance(word, names[at]);
		if (d >= best || d > 3 || d * 2 >= strlen(names[at]) + 1)
			continue;
		best = d;
		snprintf(out, 128, "; did you mean '%s'?", names[at]);
	}
	return out;
}

/* ---- lists and nested maps ---- */

static void
texts_clear(struct texts *t)
{
	for (size_t at = 0; at < t->n; at++)
		free(t->items[at]);
	free(t->items);
	*t = (struct texts){ 0 };
}

static int
read_texts(struct key_reader *r, const struct key *k, const struct node *node,
    const char *where, struct texts *to)
{
	size_t n = node->kind == NODE_LIST ? node->n : 1;
	const struct key one = { .name = k->name, .type = KEY_PLAIN };

	if (node->kind == NODE_MAP)
		return fail_at(r, node->line,
		    "'%s' of %s must be a list, "
		    "not a map",
		    k->name, where);
	texts_clear(to);
	to->items = xcalloc(n > 0 ? n : 1, sizeof *to->items);
	for (; to->n < n; to->n++) {
		struct node item =
		    node->kind == NODE_LIST ? node->items[to->n] : *node;
		item.key = node->key;
		if (key_read_scalar(r, &one, &item, where, &to->items[to->n]) ==
		    -1)
			return -1;
		for (size_t at = 0; at < to->n; at++) {
			if (strcmp(to->items[at], to->items[to->n]) != 0)
				continue;
			fail_at(r, item.line, "'%s' of %s names '%s' twice",
			    k->name, where, to->items[to->n]);
			to->n++;
			return -1;
		}
	}
	return 0;
}

static int
read_columns(
    struct key_reader *r, const struct node *node, struct config_table *to)
{
	if (node->kind != NODE_MAP)
		return fail_at(r, node->line,
		    "'columns' must be a map of "
		    "columns, like { id: { as: long } }");
	to->columns = xcalloc(node->n > 0 ? node->n : 1, sizeof *to->columns);
	for (size_t at = 0; at < node->n; at++) {
		const struct node *item = &node->items[at];
		struct job_column *column = &to->columns[to->ncolumns++];
		char *where = xasprintf("column '%s'", item->key);
		column->name = xstrdup(item->key);
		int rv = keys_read(r, &section_column, item, where, column);
		free(where);
		if (rv == -1)
			return -1;
	}
	return 0;
}

static int
read_key(struct key_reader *r, const struct key *k, const struct node *node,
    const char *where, void *base)
{
	char *to = (char *)base + k->at;

	switch (k->type) {
	case KEY_SECTION:
		return 0;
	case KEY_TEXTS:
		return read_texts(
		    r, k, node, where, (struct texts *)(void *)to);
	case KEY_LIMITS:
		return keys_read(r, &section_limits, node, "'limits'", to);
	case KEY_COLUMNS:
		return read_columns(r, node, base);
	default:
		return key_read_scalar(r, k, node, where, base);
	}
}

static const struct key *
find_key(const struct section *s, const char *name)
{
	for (size_t at = 0; at < s->nkeys; at++)
		if (strcmp(s->keys[at].name, name) == 0)
			return &s->keys[at];
	return NULL;
}

static int
fail_unknown(struct key_reader *r, const struct section *s,
    const struct node *node, const char *where)
{
	const char *names[64];
	char hint[128];
	size_t n = 0;

	for (size_t at = 0; at < s->nkeys && n < 64; at++)
		if (!r->defaults || (s->keys[at].flags & KEY_NOT_DEFAULT) == 0)
			names[n++] = s->keys[at].name;
	return fail_at(r, node->key_line, "unknown key '%s' in %s%s", node->key,
	    where, nearest(node->key, names, n, hint));
}

static int
check_needed(struct key_reader *r, const struct section *s,
    const struct node *map, const char *where, const void *base)
{
	for (size_t at = 0; at < s->nkeys; at++) {
		const struct key *k = &s->keys[at];
		if ((k->flags & KEY_NEEDED) == 0)
			continue;
		bool given = node_find(map, k->name) != NULL;
		if (!given && k->type != KEY_SECTION) {
			const char *value;
			memcpy(
			    &value, (const char *)base + k->at, sizeof value);
			given = value != NULL;
		}
		if (!given)
			return fail_at(r, map->line,
			    "'%s' is missing in %s: %s", k->name, where,
			    k->help);
	}
	return 0;
}

int
keys_refuse(struct key_reader *r, const struct section *s,
    const struct node *map, unsigned flags, const char *why)
{
	for (size_t at = 0; at < map->n; at++) {
		const struct key *k = find_key(s, map->items[at].key);

		if (k != NULL && (k->flags & flags) != 0)
			return fail_at(r, map->items[at].key_line, "'%s' %s",
			    k->name, why);
	}
	return 0;
}

int
keys_read(struct key_reader *r, const struct section *s, const struct node *map,
    const char *where, void *base)
{
	if (map->kind != NODE_MAP)
		return fail_at(r, map->line,
		    "%s must be a map of keys and "
		    "values",
		    where);
	for (size_t at = 0; at < map->n; at++) {
		const struct node *node = &map->items[at];
		const struct key *k = find_key(s, node->key);
		if (k == NULL)
			return fail_unknown(r, s, node, where);
		if (r->defaults && (k->flags & KEY_NOT_DEFAULT))
			return fail_at(r, node->key_line,
			    "'%s' belongs to "
			    "one table, not to %s",
			    k->name, where);
		if (read_key(r, k, node, where, base) == -1)
			return -1;
	}
	return r->defaults ? 0 : check_needed(r, s, map, where, base);
}

void
keys_set_defaults(const struct section *s, void *base)
{
	struct err err = { 0 };
	struct key_reader r = { .path = "built in", .err = &err };

	for (size_t at = 0; at < s->nkeys; at++) {
		const struct key *k = &s->keys[at];
		if (k->type == KEY_LIMITS)
			keys_set_defaults(
			    &section_limits, (char *)base + k->at);
		if (k->fallback == NULL)
			continue;
		char *text = xstrdup(k->fallback), *key = xstrdup(k->name);
		const struct node node = {
			.kind = NODE_SCALAR, .text = text, .key = key
		};
		if (key_read_scalar(&r, k, &node, "the program", base) == -1)
			abort(); /* a default of ours is malformed */
		free(text);
		free(key);
	}
}

void
keys_clear(const struct section *s, void *base)
{
	for (size_t at = 0; at < s->nkeys; at++) {
		const struct key *k = &s->keys[at];
		char *to = (char *)base + k->at;
		struct text *t = (struct text *)(void *)to;
		char **plain = (char **)(void *)to;

		switch (k->type) {
		case KEY_SECRET:
		case KEY_CONNINFO:
			if (t->value != NULL)
				explicit_bzero(t->value, strlen(t->value));
			/* fallthrough */
		case KEY_TEXT:
		case KEY_CHOICE:
			free(t->value);
			free(t->raw);
			*t = (struct text){ 0 };
			break;
		case KEY_PLAIN:
			free(*plain);
			*plain = NULL;
			break;
		case KEY_TEXTS:
			texts_clear((struct texts *)(void *)to);
			break;
		default:
			break;
		}
	}
}
