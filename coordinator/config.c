/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to struct config: sections first, then the tables, then what
 * only the whole can tell.
 */
#include "coordinator/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pg.h"
#include "common/xalloc.h"
#include "coordinator/config_keys.h"
#include "coordinator/config_table.h"

/* ---- sections ---- */

static int
check_url(struct key_reader *r, const struct config_source *s)
{
	const char *url = s->url.value, *host;

	if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	else if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else
		host = NULL;
	if (strchr(url, '@') != NULL)
		return fail_at(r, s->line,
		    "the url of source '%s' holds "
		    "credentials; put them into 'user' and 'password'",
		    s->name);
	if (host == NULL || *host == '\0' || *host == '/' || *host == ':' ||
	    strpbrk(url, " ?#") != NULL)
		return fail_at(r, s->line,
		    "the url of source '%s' must be "
		    "http://HOST:PORT or https://HOST:PORT",
		    s->name);
	return 0;
}

static int
check_section_name(
    struct key_reader *r, const struct node *node, const char *what)
{
	if (table_is_name(node->key) && strchr(node->key, '.') == NULL)
		return 0;
	return fail_at(r, node->key_line,
	    "'%s' is not a name for a %s: "
	    "letters, digits, '_' and '-' only",
	    node->key, what);
}

/* The keys of a source are those of its kind. */
static const struct section *
section_of(const struct node *source)
{
	const struct node *kind =
	    source->kind == NODE_MAP ? node_find(source, "kind") : NULL;

	return kind != NULL && kind->kind == NODE_SCALAR &&
		strcmp(kind->text, "postgres") == 0
	    ? &section_postgres
	    : &section_source;
}

static int
check_conninfo(struct key_reader *r, const struct node *node,
    const struct config_source *s)
{
	struct err why = { 0 };

	if (pg_check_conninfo(s->conninfo.value, &why) == 0)
		return 0;
	return fail_at(r, node_find(node, "conninfo")->line, "%s", why.text);
}

static int
read_sources(struct key_reader *r, const struct node *map, struct config *c)
{
	if (map->kind != NODE_MAP || map->n == 0)
		return fail_at(r, map->line,
		    "'sources' must be a map of "
		    "sources, like { hot: { url: http://127.0.0.1:8123 } }");
	c->sources = xcalloc(map->n, sizeof *c->sources);
	for (size_t at = 0; at < map->n; at++) {
		const struct node *node = &map->items[at];
		struct config_source *s = &c->sources[c->nsources++];
		s->name = xstrdup(node->key);
		s->line = node->key_line;
		const struct section *keys = section_of(node);

		s->postgres = keys == &section_postgres;
		keys_set_defaults(keys, s);
		if (check_section_name(r, node, "source") == -1)
			return -1;
		char *where = xasprintf("source '%s'", s->name);
		int rv = keys_read(r, keys, node, where, s);
		free(where);
		if (rv == -1 ||
		    (s->postgres ? check_conninfo(r, node, s)
				 : check_url(r, s)) == -1)
			return -1;
	}
	return 0;
}

/* "file:///srv/x" is "/srv/x"; only an absolute path is the same folder from
 * wherever calve is started. */
static int
check_warehouse(struct key_reader *r, struct config_catalog *cat)
{
	char *path = cat->warehouse.value;

	if (strncmp(path, "file://", 7) == 0)
		memmove(path, path + 7, strlen(path + 7) + 1);
	if (path[0] != '/')
		return fail_at(r, cat->line,
		    "the warehouse of catalog '%s' "
		    "must be an absolute path",
		    cat->name);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	return 0;
}

static int
read_catalogs(struct key_reader *r, const struct node *map, struct config *c)
{
	if (map->kind != NODE_MAP || map->n == 0)
		return fail_at(r, map->line,
		    "'catalogs' must be a map of "
		    "catalogs, like { lake: { warehouse: /srv/warehouse } }");
	c->catalogs = xcalloc(map->n, sizeof *c->catalogs);
	for (size_t at = 0; at < map->n; at++) {
		const struct node *node = &map->items[at];
		struct config_catalog *cat = &c->catalogs[c->ncatalogs++];
		cat->name = xstrdup(node->key);
		cat->line = node->key_line;
		keys_set_defaults(&section_catalog, cat);
		if (check_section_name(r, node, "catalog") == -1)
			return -1;
		char *where = xasprintf("catalog '%s'", cat->name);
		int rv = keys_read(r, &section_catalog, node, where, cat);
		free(where);
		if (rv == -1 || check_warehouse(r, cat) == -1)
			return -1;
	}
	return 0;
}

/* ---- tables ---- */

/* `after` names tables; only when all are known can they be looked up. */
static int
check_after(struct key_reader *r, const struct config *c)
{
	const char *names[256];
	size_t n = 0;
	char hint[128];

	for (size_t at = 0; at < c->ntables && n < 256; at++)
		names[n++] = c->tables[at].name.value;
	for (size_t at = 0; at < c->ntables; at++) {
		const struct config_table *t = &c->tables[at];
		for (size_t dep = 0; dep < t->after.n; dep++)
			if (config_find(c, t->after.items[dep]) == NULL)
				return fail_at(r, t->line,
				    "table '%s' is to "
				    "run after '%s', which is no table of "
				    "this file%s",
				    t->name.value, t->after.items[dep],
				    nearest(
					t->after.items[dep], names, n, hint));
	}
	return 0;
}

static int
read_tables(struct key_reader *r, const struct node *root, struct config *c)
{
	const struct node *list = node_find(root, "tables");

	if (list == NULL)
		return 0;
	if (list->kind != NODE_LIST)
		return fail_at(r, list->line,
		    "'tables' must be a list of "
		    "tables, each beginning with '- '");
	c->tables = xcalloc(list->n > 0 ? list->n : 1, sizeof *c->tables);
	for (size_t at = 0; at < list->n; at++) {
		struct config_table *t = &c->tables[c->ntables++];
		if (table_read(r, &list->items[at], root, c, t) == -1)
			return -1;
	}
	return check_after(r, c);
}

/* `defaults` is read for each table; once here, so that a mistake in it is
 * found without tables too. */
static int
check_defaults(struct key_reader *r, const struct node *root)
{
	const struct node *node = node_find(root, "defaults");
	struct config_table scratch = { 0 };

	if (node == NULL)
		return 0;
	r->defaults = true;
	int rv = keys_read(r, &section_table, node, "'defaults'", &scratch);
	r->defaults = false;
	keys_clear(&section_table, &scratch);
	return rv;
}

static int
read_root(struct key_reader *r, const struct node *root, struct config *c)
{
	const struct node *retry = node_find(root, "retry");
	const struct node *catalogs = node_find(root, "catalogs");
	struct err why = { 0 };

	keys_set_defaults(&section_root, c);
	keys_set_defaults(&section_retry, c);
	if (keys_read(r, &section_root, root, "the configuration", c) == -1)
		return -1;
	if (pg_check_conninfo(c->state.value, &why) == -1)
		return fail_at(
		    r, node_find(root, "state")->line, "%s", why.text);
	if (retry != NULL &&
	    keys_read(r, &section_retry, retry, "'retry'", c) == -1)
		return -1;
	if (read_sources(r, node_find(root, "sources"), c) == -1 ||
	    (catalogs != NULL && read_catalogs(r, catalogs, c) == -1) ||
	    check_defaults(r, root) == -1)
		return -1;
	return read_tables(r, root, c);
}

int
config_parse(const char *text, size_t n, const char *name, struct config *c,
    struct err *err)
{
	struct key_reader r = { .path = name, .err = err };
	struct node root;

	memset(c, 0, sizeof *c);
	if (node_parse(text, n, name, &root, err) == -1)
		return -1;
	c->path = xstrdup(name);
	c->root = xmemdup(&root, sizeof root);
	int rv = read_root(&r, c->root, c);
	if (rv == -1)
		config_clear(c);
	return rv;
}

/* ---- files ---- */

static bool
conninfo_is_literal(const struct text *t)
{
	return t->value != NULL &&
	    pg_has_password(t->raw != NULL ? t->raw : t->value, t->raw != NULL);
}

static bool
has_literal_secret(const struct config *c)
{
	for (size_t at = 0; at < c->nsources; at++) {
		const struct text *t = &c->sources[at].password;
		if (t->value != NULL && *t->value != '\0' && t->raw == NULL)
			return true;
		if (conninfo_is_literal(&c->sources[at].conninfo))
			return true;
	}
	return conninfo_is_literal(&c->state);
}

static int
read_file(const char *path, int fd, struct buf *out, struct err *err)
{
	for (;;) {
		uint8_t *to = buf_reserve(out, 4096);
		if (to == NULL)
			return err_set(err, ERR_CONFIG,
			    "%s: longer than %d bytes", path, CONFIG_MAX);
		ssize_t n = read(fd, to, 4096);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(
			    err, ERR_CONFIG, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		out->len += (size_t)n;
	}
}

int
config_load(const char *path, struct config *c, struct err *err)
{
	static const char here[] = "calve.yaml";
	static const char system[] = "/etc/calve/calve.yaml";
	const char *wanted = path;
	struct stat st;
	struct buf text;

	memset(c, 0, sizeof *c);
	if (path == NULL)
		path = here;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 && errno == ENOENT && wanted == NULL) {
		path = system;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd == -1 && errno == ENOENT)
			return err_set(err, ERR_CONFIG,
			    "there is neither "
			    "'%s' here nor '%s'; name one with -c",
			    here, system);
	}
	if (fd == -1 && errno == ENOENT)
		return err_set(err, ERR_CONFIG,
		    "there is no file '%s'; name the configuration with -c",
		    path);
	if (fd == -1)
		return err_sys(err, ERR_CONFIG, "cannot open '%s'", path);
	buf_init(&text, CONFIG_MAX + 4096);
	int rv = -1;
	if (fstat(fd, &st) == -1)
		err_sys(err, ERR_CONFIG, "cannot read '%s'", path);
	else
		rv = read_file(path, fd, &text, err);
	close(fd);
	if (rv == 0)
		rv = config_parse(
		    (const char *)text.data, text.len, path, c, err);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_clear(&text);
	if (rv == 0 && (st.st_mode & S_IROTH) && has_literal_secret(c))
		c->warning = xasprintf(
		    "'%s' holds a password and everybody "
		    "may read it; 'chmod 640' it, or write \"${NAME}\" and "
		    "take the password from the environment",
		    path);
	return rv;
}

/* ---- the rest ---- */

void
config_clear(struct config *c)
{
	for (size_t at = 0; at < c->nsources; at++) {
		keys_clear(&section_source, &c->sources[at]);
		keys_clear(&section_postgres, &c->sources[at]);
		free(c->sources[at].name);
	}
	for (size_t at = 0; at < c->ncatalogs; at++) {
		keys_clear(&section_catalog, &c->catalogs[at]);
		free(c->catalogs[at].name);
	}
	for (size_t at = 0; at < c->ntables; at++)
		table_clear(&c->tables[at]);
	keys_clear(&section_root, c);
	if (c->root != NULL)
		node_clear(c->root);
	free(c->root);
	free(c->sources);
	free(c->catalogs);
	free(c->tables);
	free(c->path);
	free(c->warning);
	memset(c, 0, sizeof *c);
}

const struct config_table *
config_find(const struct config *c, const char *name)
{
	for (size_t at = 0; at < c->ntables; at++)
		if (c->tables[at].name.value != NULL &&
		    strcmp(c->tables[at].name.value, name) == 0)
			return &c->tables[at];
	return NULL;
}
