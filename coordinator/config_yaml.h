/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML file as a tree of nodes with line numbers. The only home of libyaml.
 *
 * Of YAML only what a configuration needs: maps, lists, scalars. Anchors,
 * aliases, tags, several documents, keys that are no scalars and keys given
 * twice are errors, and so are files over CONFIG_MAX bytes, nested deeper than
 * CONFIG_DEPTH or with more than CONFIG_ITEMS items in one map or list.
 */
#ifndef CALVE_CONFIG_YAML_H
#define CALVE_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { CONFIG_MAX = 1 << 20, CONFIG_DEPTH = 8, CONFIG_ITEMS = 10000 };

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	unsigned line; /* from 1 */
	char *key;     /* in a map: the key, else NULL */
	unsigned key_line;
	char *text; /* of a scalar; no NUL inside */
	bool plain; /* written without quotes */
	size_t n;
	struct node *items; /* of a map or list, in the file's order */
};

/* name stands before ":LINE: " in messages. An empty document is an empty
 * map. */
int node_parse(const char *text, size_t n, const char *name, struct node *out,
    struct err *) MUST_USE;
void node_clear(struct node *);

const struct node *node_find(const struct node *map, const char *key);

#endif
