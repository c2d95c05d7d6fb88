/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events, made a tree. */
#include "coordinator/config_yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/xalloc.h"

struct reader {
	yaml_parser_t parser;
	const char *name;
	const char *text;
	size_t n;
	struct err *err;
};

static int read_node(
    struct reader *, const yaml_event_t *, struct node *, int depth);

void
node_clear(struct node *node)
{
	for (size_t at = 0; at < node->n; at++)
		node_clear(&node->items[at]);
	free(node->items);
	free(node->key);
	if (node->text != NULL)
		explicit_bzero(node->text, strlen(node->text));
	free(node->text);
	memset(node, 0, sizeof *node);
}

const struct node *
node_find(const struct node *map, const char *key)
{
	for (size_t at = 0; at < map->n; at++)
		if (map->items[at].key != NULL &&
		    strcmp(map->items[at].key, key) == 0)
			return &map->items[at];
	return NULL;
}

/* A value like ${NAME} without quotes inside { } is what people trip over. */
static bool
line_has_reference(const struct reader *r, size_t line)
{
	const char *at = r->text, *end = r->text + r->n;

	for (; line > 0 && at != NULL; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (at != NULL)
			at++;
	}
	if (at == NULL)
		return false;
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	return memmem(at, (size_t)((stop ? stop : end) - at), "${", 2) != NULL;
}

static int
fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->err, ERR_NOMEM, "out of memory");
	if (p->error == YAML_READER_ERROR)
		return err_set(r->err, ERR_CONFIG,
		    "%s: not a YAML text in UTF-8: %s at byte %zu", r->name,
		    p->problem, p->problem_offset);
	return err_set(r->err, ERR_CONFIG, "%s:%zu: %s%s%s%s", r->name,
	    line + 1, p->problem != NULL ? p->problem : "malformed",
	    p->context != NULL ? " " : "", p->context != NULL ? p->context : "",
	    line_has_reference(r, line)
		? "; does a ${NAME} here lack its quotes?"
		: "");
}

static int
next_event(struct reader *r, yaml_event_t *event)
{
	if (yaml_parser_parse(&r->parser, event) == 0)
		return fail_parser(r);
	return 0;
}

static struct node *
add_item(struct node *node)
{
	/* Grows at powers of two. */
	if ((node->n & (node->n - 1)) == 0)
		node->items = xreallocarray(node->items,
		    node->n == 0 ? 1 : 2 * node->n, sizeof *node->items);
	struct node *item = &node->items[node->n++];
	memset(item, 0, sizeof *item);
	return item;
}

static int
copy_text(struct reader *r, const yaml_event_t *e, char **out)
{
	const char *value = (const char *)e->data.scalar.value;

	if (strlen(value) != e->data.scalar.length)
		return err_set(r->err, ERR_CONFIG,
		    "%s:%zu: a NUL character "
		    "in a value",
		    r->name, e->start_mark.line + 1);
	*out = xstrdup(value);
	return 0;
}

static int
read_key(
    struct reader *r, const yaml_event_t *e, const struct node *map, char **out)
{
	if (e->type != YAML_SCALAR_EVENT || e->data.scalar.anchor != NULL ||
	    e->data.scalar.tag != NULL)
		return err_set(r->err, ERR_CONFIG,
		    "%s:%zu: a key must be a plain word", r->name,
		    e->start_mark.line + 1);
	if (copy_text(r, e, out) == -1)
		return -1;
	const struct node *before = node_find(map, *out);
	if (before == NULL)
		return 0;
	err_set(r->err, ERR_CONFIG,
	    "%s:%zu: key '%s' is given twice, first on line %u", r->name,
	    e->start_mark.line + 1, *out, before->key_line);
	free(*out);
	*out = NULL;
	return -1;
}

static int
read_items(struct reader *r, struct node *node, int depth)
{
	if (depth >= CONFIG_DEPTH)
		return err_set(r->err, ERR_CONFIG,
		    "%s:%u: nested deeper than %d levels", r->name, node->line,
		    CONFIG_DEPTH);
	for (;;) {
		yaml_event_t e;
		if (next_event(r, &e) == -1)
			return -1;
		if (e.type == YAML_MAPPING_END_EVENT ||
		    e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return 0;
		}
		if (node->n >= CONFIG_ITEMS) {
			yaml_event_delete(&e);
			return err_set(r->err, ERR_CONFIG,
			    "%s:%u: more than %d items", r->name, node->line,
			    CONFIG_ITEMS);
		}
		char *key = NULL;
		unsigned key_line = (unsigned)e.start_mark.line + 1;
		if (node->kind == NODE_MAP) {
			int rv = read_key(r, &e, node, &key);
			yaml_event_delete(&e);
			if (rv == -1)
				return -1;
			if (next_event(r, &e) == -1) {
				free(key);
				return -1;
			}
		}
		struct node *item = add_item(node);
		item->key = key;
		item->key_line = key_line;
		int rv = read_node(r, &e, item, depth + 1);
		yaml_event_delete(&e);
		if (rv == -1)
			return -1;
	}
}

static int
refuse(struct reader *r, const yaml_event_t *e, const char *what)
{
	return err_set(r->err, ERR_CONFIG,
	    "%s:%zu: YAML %s are not supported; write the value out", r->name,
	    e->start_mark.line + 1, what);
}

static int
read_node(struct reader *r, const yaml_event_t *e, struct node *node, int depth)
{
	node->line = (unsigned)e->start_mark.line + 1;
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return refuse(r, e, "aliases");
	case YAML_SCALAR_EVENT:
		if (e->data.scalar.anchor != NULL)
			return refuse(r, e, "anchors");
		if (e->data.scalar.tag != NULL)
			return refuse(r, e, "tags");
		node->kind = NODE_SCALAR;
		node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		return copy_text(r, e, &node->text);
	case YAML_SEQUENCE_START_EVENT:
		if (e->data.sequence_start.anchor != NULL)
			return refuse(r, e, "anchors");
		if (e->data.sequence_start.tag != NULL)
			return refuse(r, e, "tags");
		node->kind = NODE_LIST;
		return read_items(r, node, depth);
	case YAML_MAPPING_START_EVENT:
		if (e->data.mapping_start.anchor != NULL)
			return refuse(r, e, "anchors");
		if (e->data.mapping_start.tag != NULL)
			return refuse(r, e, "tags");
		node->kind = NODE_MAP;
		return read_items(r, node, depth);
	default:
		return err_set(r->err, ERR_CONFIG, "%s:%u: unexpected YAML",
		    r->name, node->line);
	}
}

static int
read_document(struct reader *r, struct node *out)
{
	bool seen = false;

	for (;;) {
		yaml_event_t e;
		if (next_event(r, &e) == -1)
			return -1;
		yaml_event_type_t type = e.type;
		int rv = 0;
		if (type == YAML_DOCUMENT_START_EVENT && seen) {
			rv = err_set(r->err, ERR_CONFIG,
			    "%s:%zu: a second "
			    "document; only one is read",
			    r->name, e.start_mark.line + 1);
		} else if (type != YAML_STREAM_START_EVENT &&
		    type != YAML_STREAM_END_EVENT &&
		    type != YAML_DOCUMENT_START_EVENT &&
		    type != YAML_DOCUMENT_END_EVENT) {
			seen = true;
			rv = read_node(r, &e, out, 0);
		}
		yaml_event_delete(&e);
		if (rv == -1)
			return -1;
		if (type == YAML_STREAM_END_EVENT)
			return 0;
	}
}

int
node_parse(const char *text, size_t n, const char *name, struct node *out,
    struct err *err)
{
	struct reader r = { .name = name, .text = text, .n = n, .err = err };

	memset(out, 0, sizeof *out);
	out->kind = NODE_MAP;
	out->line = 1;
	if (n > CONFIG_MAX)
		return err_set(err, ERR_CONFIG, "%s: longer than %d bytes",
		    name, CONFIG_MAX);
	if (memchr(text, '\0', n) != NULL)
		return err_set(err, ERR_CONFIG,
		    "%s: not a text file: it "
		    "holds NUL bytes",
		    name);
	if (yaml_parser_initialize(&r.parser) == 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
	int rv = read_document(&r, out);
	yaml_parser_delete(&r.parser);
	if (rv == -1)
		node_clear(out);
	/* "" and comments alone: libyaml yields no node, or an empty one. */
	if (rv == 0 && out->kind == NODE_SCALAR && out->plain &&
	    *out->text == '\0') {
		node_clear(out);
		out->kind = NODE_MAP;
		out->line = 1;
	}
	return rv;
}
