/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser of Avro schema JSON and its inverse for Avro C.
 *
 * References to named types are resolved while parsing: each definition is
 * remembered under its full name and parsed again, with the namespace it
 * stood in, wherever it is referred to. The node budget stops a schema that
 * doubles itself at each level, the depth limit one that refers to itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/avschema.h"

enum {
	DEPTH_MAX = 32,
	NODES_MAX = 20000,
	FIXED_MAX = 1 << 16,
	NAME_MAX_BYTES = 512
};

struct named {
	char *full;  /* "namespace.name" */
	char *space; /* namespace of what stands inside, or "" */
	const json_t *json;
};

struct parser {
	struct named *named;
	size_t nnamed;
	size_t nnodes;
	struct err *err;
};

static const char *const primitives[] = { [AV_NULL] = "null",
	[AV_BOOLEAN] = "boolean",
	[AV_INT] = "int",
	[AV_LONG] = "long",
	[AV_FLOAT] = "float",
	[AV_DOUBLE] = "double",
	[AV_BYTES] = "bytes",
	[AV_STRING] = "string" };
enum { NPRIMITIVES = sizeof(primitives) / sizeof(primitives[0]) };

static int parse(struct parser *, const json_t *, const char *space,
    unsigned depth, struct av_node *);

static void
node_clear(struct av_node *node)
{
	for (size_t i = 0; i < node->nchildren; i++)
		node_clear(&node->child[i]);
	free(node->child);
	free(node->name);
}

void
avschema_free(struct av_node *node)
{
	if (node == NULL)
		return;
	node_clear(node);
	free(node);
}

static int
bad(struct parser *p, const char *what)
{
	return err_set(p->err, ERR_TABLE, "avro schema is malformed: %s", what);
}

static int
make_children(struct parser *p, struct av_node *node, size_t n)
{
	p->nnodes += n;
	if (n > NODES_MAX || p->nnodes > NODES_MAX)
		return bad(p, "it has too many fields");
	node->child = n > 0 ? xcalloc(n, sizeof(*node->child)) : NULL;
	node->nchildren = n;
	for (size_t i = 0; i < n; i++)
		node->child[i].field_id = -1;
	return 0;
}

/* The name or reference in full; names with a dot are full already. */
static char *
full_name(const char *name, const char *space)
{
	if (strchr(name, '.') != NULL || *space == '\0')
		return xstrdup(name);
	return xasprintf("%s.%s", space, name);
}

static const struct named *
find_named(const struct parser *p, const char *full)
{
	for (size_t i = 0; i < p->nnamed; i++)
		if (strcmp(p->named[i].full, full) == 0)
			return &p->named[i];
	return NULL;
}

/* Remembers a definition; the namespace inside it is *inner's afterwards,
 * which lives as long as the parser. */
static int
define(
    struct parser *p, const json_t *json, const char *space, const char **inner)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *own = json_string_value(json_object_get(json, "namespace"));

	if (name == NULL || *name == '\0' || strlen(name) > NAME_MAX_BYTES ||
	    (own != NULL && strlen(own) > NAME_MAX_BYTES))
		return bad(p, "a named type has no usable name");
	char *full = full_name(name, own != NULL ? own : space);
	const struct named *known = find_named(p, full);
	if (known != NULL) {
		free(full);
		/* parsed once more through a reference, or a second type */
		if (known->json != json)
			return bad(p, "a name is defined twice");
		*inner = known->space;
		return 0;
	}
	const char *dot = strrchr(full, '.');
	p->named = xreallocarray(p->named, p->nnamed + 1, sizeof(*p->named));
	p->named[p->nnamed++] = (struct named){ .full = full,
		.space = dot != NULL ? xstrndup(full, (size_t)(dot - full))
				     : xstrdup(""),
		.json = json };
	*inner = p->named[p->nnamed - 1].space;
	return 0;
}

static int
parse_name(struct parser *p, const char *name, const char *space,
    unsigned depth, struct av_node *node)
{
	for (int i = 0; i < NPRIMITIVES; i++)
		if (strcmp(name, primitives[i]) == 0) {
			node->kind = (enum av_kind)i;
			return 0;
		}
	if (strlen(name) > NAME_MAX_BYTES)
		return bad(p, "a type name is too long");
	char *full = full_name(name, space);
	const struct named *known = find_named(p, full);
	free(full);
	/* writers are found that refer to a type of no namespace from inside
	 * one */
	if (known == NULL)
		known = find_named(p, name);
	if (known == NULL)
		return bad(p, "it refers to a type that is not defined");
	return parse(p, known->json, known->space, depth + 1, node);
}

static int
parse_union(struct parser *p, const json_t *json, const char *space,
    unsigned depth, struct av_node *node)
{
	node->kind = AV_UNION;
	if (json_array_size(json) == 0)
		return bad(p, "a union is empty");
	if (make_children(p, node, json_array_size(json)) == -1)
		return -1;
	for (size_t i = 0; i < node->nchildren; i++) {
		if (parse(p, json_array_get(json, i), space, depth + 1,
			&node->child[i]) == -1)
			return -1;
		if (node->child[i].kind == AV_UNION)
			return bad(p, "a union stands in a union");
	}
	return 0;
}

static int
id_of(const json_t *json, const char *key)
{
	const json_t *id = json_object_get(json, key);
	json_int_t value = json_integer_value(id);

	return json_is_integer(id) && value >= 0 && value <= INT32_MAX
	    ? (int)value
	    : -1;
}

static int
parse_record(struct parser *p, const json_t *json, const char *space,
    unsigned depth, struct av_node *node)
{
	const json_t *fields = json_object_get(json, "fields");

	node->kind = AV_RECORD;
	if (define(p, json, space, &space) == -1)
		return -1;
	if (!json_is_array(fields))
		return bad(p, "a record has no fields");
	if (make_children(p, node, json_array_size(fields)) == -1)
		return -1;
	for (size_t i = 0; i < node->nchildren; i++) {
		const json_t *field = json_array_get(fields, i);
		const char *name =
		    json_string_value(json_object_get(field, "name"));
		if (name == NULL)
			return bad(p, "a field has no name");
		if (parse(p, json_object_get(field, "type"), space, depth + 1,
			&node->child[i]) == -1)
			return -1;
		node->child[i].name = xstrdup(name);
		node->child[i].field_id = id_of(field, "field-id");
	}
	return 0;
}

static int
parse_sized(struct parser *p, const json_t *json, const char *space, bool fixed,
    struct av_node *node)
{
	const char *inner;
	json_int_t size = fixed
	    ? json_integer_value(json_object_get(json, "size"))
	    : (json_int_t)json_array_size(json_object_get(json, "symbols"));

	node->kind = fixed ? AV_FIXED : AV_ENUM;
	if (define(p, json, space, &inner) == -1)
		return -1;
	if (size < 1 || size > FIXED_MAX)
		return bad(p, "a fixed type or enum has no usable size");
	node->size = (size_t)size;
	return 0;
}

static int
parse_object(struct parser *p, const json_t *json, const char *space,
    unsigned depth, struct av_node *node)
{
	const json_t *type = json_object_get(json, "type");
	const char *name = json_string_value(type);

	/* {"type": {"type": "array", ...}} */
	if (name == NULL)
		return parse(p, type, space, depth + 1, node);
	if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
		return parse_record(p, json, space, depth, node);
	if (strcmp(name, "fixed") == 0 || strcmp(name, "enum") == 0)
		return parse_sized(p, json, space, *name == 'f', node);
	if (strcmp(name, "array") != 0 && strcmp(name, "map") != 0)
		return parse_name(p, name, space, depth, node);

	bool array = *name == 'a';
	node->kind = array ? AV_ARRAY : AV_MAP;
	if (make_children(p, node, 1) == -1)
		return -1;
	return parse(p, json_object_get(json, array ? "items" : "values"),
	    space, depth + 1, &node->child[0]);
}

static int
parse(struct parser *p, const json_t *json, const char *space, unsigned depth,
    struct av_node *node)
{
	if (depth > DEPTH_MAX)
		return bad(p, "it is nested too deep or refers to itself");
	if (json_is_string(json))
		return parse_name(
		    p, json_string_value(json), space, depth, node);
	if (json_is_array(json))
		return parse_union(p, json, space, depth, node);
	if (json_is_object(json))
		return parse_object(p, json, space, depth, node);
	return bad(p, "a type is missing");
}

struct av_node *
avschema_parse(const json_t *json, struct err *err)
{
	struct parser p = { .err = err };
	struct av_node *root = xcalloc(1, sizeof(*root));

	root->field_id = -1;
	int rc = parse(&p, json, "", 0, root);
	for (size_t i = 0; i < p.nnamed; i++) {
		free(p.named[i].full);
		free(p.named[i].space);
	}
	free(p.named);
	if (rc == -1) {
		avschema_free(root);
		return NULL;
	}
	return root;
}

int
avschema_find(const struct av_node *record, int field_id, const char *name)
{
	if (record->kind != AV_RECORD)
		return -1;
	for (size_t i = 0; i < record->nchildren; i++)
		if (record->child[i].field_id == field_id)
			return (int)i;
	/* a field that has an id of its own is another field */
	for (size_t i = 0; i < record->nchildren; i++)
		if (record->child[i].field_id == -1 &&
		    strcmp(record->child[i].name, name) == 0)
			return (int)i;
	return -1;
}

static json_t *
bare_name(const char *prefix, unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", prefix, number);
	return json_string(name);
}

static json_t *
bare_record(const struct av_node *node, unsigned *serial,
    json_t *(*bare)(const struct av_node *, unsigned *))
{
	json_t *fields = json_array();

	for (size_t i = 0; i < node->nchildren; i++)
		json_array_append_new(fields,
		    json_pack("{s:o, s:o}", "name", bare_name("f", (unsigned)i),
			"type", bare(&node->child[i], serial)));
	/* Avro C refuses a record without fields; null takes no bytes */
	if (node->nchildren == 0)
		json_array_append_new(fields,
		    json_pack("{s:s, s:s}", "name", "f0", "type", "null"));
	return json_pack("{s:s, s:o, s:o}", "type", "record", "name",
	    bare_name("r", (*serial)++), "fields", fields);
}

static json_t *
bare_node(const struct av_node *node, unsigned *serial)
{
	json_t *list;

	switch (node->kind) {
	case AV_RECORD:
		return bare_record(node, serial, bare_node);
	case AV_FIXED:
		return json_pack("{s:s, s:o, s:I}", "type", "fixed", "name",
		    bare_name("r", (*serial)++), "size",
		    (json_int_t)node->size);
	case AV_ARRAY:
		return json_pack("{s:s, s:o}", "type", "array", "items",
		    bare_node(&node->child[0], serial));
	case AV_MAP:
		return json_pack("{s:s, s:o}", "type", "map", "values",
		    bare_node(&node->child[0], serial));
	case AV_UNION:
		list = json_array();
		for (size_t i = 0; i < node->nchildren; i++)
			json_array_append_new(
			    list, bare_node(&node->child[i], serial));
		return list;
	case AV_ENUM:
		list = json_array();
		for (size_t i = 0; i < node->size; i++)
			json_array_append_new(
			    list, bare_name("s", (unsigned)i));
		return json_pack("{s:s, s:o, s:o}", "type", "enum", "name",
		    bare_name("r", (*serial)++), "symbols", list);
	default:
		return json_string(primitives[node->kind]);
	}
}

json_t *
avschema_bare(const struct av_node *node)
{
	unsigned serial = 0;

	return bare_node(node, &serial);
}
