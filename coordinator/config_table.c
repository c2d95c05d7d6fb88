/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of `tables`: its options read, then what it names looked up.
 * Entries come from the file or, as `calve offload` makes them, from flags.
 */
#include "coordinator/config_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/position.h"
#include "common/xalloc.h"

enum { NAME_LONGEST = 255, ZONE_LONGEST = 64 };

bool
table_is_name(const char *s)
{
	if (*s == '\0' || strlen(s) > NAME_LONGEST || strcmp(s, ".") == 0 ||
	    strcmp(s, "..") == 0)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '/' ||
		    *s == '\\')
			return false;
	return true;
}

/* Splits at dots; 0 when a part is no name or there are more than max. */
static size_t
split_name(const char *dotted, char **parts, size_t max)
{
	size_t n = 0;
	bool good = true;

	for (const char *at = dotted; good; at += strcspn(at, ".") + 1) {
		size_t len = strcspn(at, ".");
		good = n < max;
		if (!good)
			break;
		parts[n++] = xstrndup(at, len);
		good = table_is_name(parts[n - 1]);
		if (at[len] == '\0')
			break;
	}
	if (good)
		return n;
	while (n > 0)
		free(parts[--n]);
	return 0;
}

static char *
join_names(char *const *parts, size_t n)
{
	char *joined = xstrdup(parts[0]);

	for (size_t at = 1; at < n; at++) {
		char *longer = xasprintf("%s.%s", joined, parts[at]);
		free(joined);
		joined = longer;
	}
	return joined;
}

/* Where a mistake stands; what came from `defaults` shows at the entry. */
static unsigned
line_of(const struct node *entry, const char *key)
{
	const struct node *node = node_find(entry, key);

	return node != NULL ? node->line : entry->line;
}

static int
resolve_source(struct key_reader *r, const struct config *c,
    const struct node *node, struct config_table *t)
{
	char *parts[3], hint[128];
	const char *names[64];
	size_t n = split_name(t->source.value, parts, 3), ncand = 0;

	if (n < 2) {
		if (n == 1)
			free(parts[0]);
		return fail_at(r, line_of(node, "source"),
		    "source '%s' must be SOURCE.TABLE "
		    "or SOURCE.DATABASE.TABLE",
		    t->source.value);
	}
	for (t->source_at = 0; t->source_at < c->nsources; t->source_at++) {
		if (strcmp(c->sources[t->source_at].name, parts[0]) == 0)
			break;
		if (ncand < 64)
			names[ncand++] = c->sources[t->source_at].name;
	}
	t->table = parts[n - 1];
	t->database = n == 3 ? parts[1] : NULL;
	int rv = 0;
	if (t->source_at == c->nsources)
		rv = fail_at(r, line_of(node, "source"),
		    "there is no source '%s' for '%s'%s", parts[0],
		    t->source.value, nearest(parts[0], names, ncand, hint));
	free(parts[0]);
	return rv;
}

static size_t
find_source(const struct config *c, const char *name)
{
	size_t at = 0;

	while (at < c->nsources && strcmp(c->sources[at].name, name) != 0)
		at++;
	return at;
}

static size_t
find_catalog(const struct config *c, const char *name)
{
	size_t at = 0;

	while (at < c->ncatalogs && strcmp(c->catalogs[at].name, name) != 0)
		at++;
	return at;
}

static int
no_catalog(struct key_reader *r, const struct config *c,
    const struct node *node, const struct config_table *t, const char *name)
{
	const char *names[64];
	char hint[128];
	size_t n = 0;

	for (size_t at = 0; at < c->ncatalogs && n < 64; at++)
		names[n++] = c->catalogs[at].name;
	return fail_at(r, line_of(node, "target"),
	    "there is no catalog '%s' for '%s'%s", name, t->target.value,
	    nearest(name, names, n, hint));
}

/* CATALOG.NAMESPACE.TABLE */
static int
resolve_lake(struct key_reader *r, const struct config *c,
    const struct node *node, struct config_table *t, char *const *parts,
    size_t n)
{
	if (n < 3)
		return fail_at(r, line_of(node, "target"),
		    "target '%s' must be "
		    "CATALOG.NAMESPACE.TABLE",
		    t->target.value);
	if ((t->catalog_at = find_catalog(c, parts[0])) == c->ncatalogs)
		return no_catalog(r, c, node, t, parts[0]);
	t->namespace_ = join_names(parts + 1, n - 2);
	t->target_table = xstrdup(parts[n - 1]);
	return 0;
}

/* SOURCE.TABLE or SOURCE.DATABASE.TABLE of a ClickHouse */
static int
resolve_replica(struct key_reader *r, const struct config *c,
    const struct node *node, struct config_table *t, char *const *parts,
    size_t n)
{
	const struct config_source *to = &c->sources[0];

	if (n == 2 || n == 3)
		t->catalog_at = find_source(c, parts[0]);
	if (n < 2 || n > 3 || t->catalog_at == c->nsources ||
	    (to = &c->sources[t->catalog_at])->postgres)
		return fail_at(r, line_of(node, "target"),
		    "target '%s': a PostgreSQL table goes to SOURCE.TABLE or "
		    "SOURCE.DATABASE.TABLE, where SOURCE is one of 'sources' "
		    "and of kind clickhouse",
		    t->target.value);
	t->sync = true;
	t->namespace_ = xstrdup(n == 3 ? parts[1] : to->database.value);
	t->target_table = xstrdup(parts[n - 1]);
	return 0;
}

static int
resolve_target(struct key_reader *r, const struct config *c,
    const struct node *node, struct config_table *t)
{
	char *parts[8];
	size_t n = split_name(t->target.value, parts, 8);
	int rv;

	if (c->sources[t->source_at].postgres)
		rv = resolve_replica(r, c, node, t, parts, n);
	else
		rv = resolve_lake(r, c, node, t, parts, n);
	while (n > 0)
		free(parts[--n]);
	return rv;
}

static int
resolve_layer(struct key_reader *r, const struct config *c,
    const struct node *node, struct config_table *t)
{
	char hint[128];

	if (t->layer.value == NULL)
		return 0;
	for (t->wave = 0; t->wave < c->layers.n; t->wave++)
		if (strcmp(c->layers.items[t->wave], t->layer.value) == 0)
			return 0;
	if (c->layers.n == 0)
		return fail_at(r, line_of(node, "layer"),
		    "layer '%s': there is no list "
		    "'layers' that says in which order layers run; add it",
		    t->layer.value);
	const char *near = nearest(t->layer.value,
	    (const char *const *)c->layers.items, c->layers.n, hint);
	return fail_at(r, line_of(node, "layer"),
	    "layer '%s' is not in 'layers'%s", t->layer.value,
	    *near != '\0' ? near : "; add it there");
}

static int
check_compression(
    struct key_reader *r, const struct node *node, const struct config_table *t)
{
	const char *s = t->compression.value;

	if (strcmp(s, "none") == 0 || strcmp(s, "zstd") == 0)
		return 0;
	if (strncmp(s, "zstd:", 5) == 0 && isdigit((unsigned char)s[5]) &&
	    strlen(s) <= 7) {
		int level = atoi(s + 5);
		if (strspn(s + 5, "0123456789") == strlen(s + 5) &&
		    level >= 1 && level <= 19)
			return 0;
	}
	return fail_at(r, line_of(node, "compression"),
	    "compression '%s' must be zstd:1 to "
	    "zstd:19, or none",
	    s);
}

/* What Iceberg's writers understand of write.metadata.metrics.column.NAME. */
static bool
is_metrics_mode(const char *s)
{
	unsigned length;
	char end;

	return strcmp(s, "full") == 0 || strcmp(s, "counts") == 0 ||
	    strcmp(s, "none") == 0 ||
	    (sscanf(s, "truncate(%9u%c", &length, &end) == 2 && end == ')' &&
		length > 0 && s[strlen(s) - 1] == ')');
}

static int
check_metrics(
    struct key_reader *r, const struct node *node, const struct config_table *t)
{
	for (size_t at = 0; at < t->ncolumns; at++) {
		const struct job_column *c = &t->columns[at];

		if (c->metrics != NULL && !is_metrics_mode(c->metrics))
			return fail_at(r, line_of(node, "columns"),
			    "metrics '%s' of column '%s' must be full, counts, "
			    "none or truncate(N)",
			    c->metrics, c->name);
	}
	return 0;
}

/*
 * UTC, or a name of the IANA's database with a slash in it. Words such as EST
 * or UTC+5 are read by each server in its own way (PostgreSQL's UTC+5 lies
 * west), right/... counts leap seconds: none of these.
 */
static bool
is_timezone(const char *s)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_+-";
	size_t n = strlen(s), parts = 0;

	if (strcmp(s, "UTC") == 0)
		return true;
	if (n > ZONE_LONGEST || strncmp(s, "right/", 6) == 0 ||
	    strncmp(s, "posix/", 6) == 0)
		return false;
	for (;; s++) {
		size_t len = strspn(s, name);

		parts++;
		if (len == 0 || !isalpha((unsigned char)*s))
			return false;
		s += len;
		if (*s != '/')
			return *s == '\0' && parts > 1;
	}
}

static int
check_zone(struct key_reader *r, unsigned line, const char *zone)
{
	if (zone == NULL || is_timezone(zone))
		return 0;
	return fail_at(r, line,
	    "timezone '%s' must be UTC, or the name of a zone like "
	    "America/New_York",
	    zone);
}

static int
check_zones(
    struct key_reader *r, const struct node *node, const struct config_table *t)
{
	if (check_zone(r, line_of(node, "timezone"), t->timezone.value) == -1)
		return -1;
	for (size_t at = 0; at < t->ncolumns; at++)
		if (check_zone(r, line_of(node, "columns"),
			t->columns[at].timezone) == -1)
			return -1;
	return 0;
}

static int
check_options(
    struct key_reader *r, const struct node *node, const struct config_table *t)
{
	struct position start;
	struct err why = { 0 };

	if (t->start.value != NULL &&
	    position_parse(&start, t->start.value, NULL, &why) == -1)
		return fail_at(r, line_of(node, "start"),
		    "start '%s' must be a time in UTC "
		    "like 2026-01-31 or 2026-01-31T04:05:06Z",
		    t->start.value);
	if (t->sequence.value != NULL &&
	    strcmp(t->sequence.value, t->timestamp.value) == 0)
		return fail_at(r, line_of(node, "sequence"),
		    "column '%s' cannot be both "
		    "timestamp and sequence",
		    t->sequence.value);
	if (t->include.n > 0 && t->exclude.n > 0)
		return fail_at(r, line_of(node, "exclude"),
		    "give either 'include' or "
		    "'exclude', not both");
	for (size_t at = 0; at < t->exclude.n; at++)
		if (strcmp(t->exclude.items[at], t->timestamp.value) == 0 ||
		    (t->sequence.value != NULL &&
			strcmp(t->exclude.items[at], t->sequence.value) == 0))
			return fail_at(r, line_of(node, "exclude"),
			    "column '%s' cannot be "
			    "excluded: it orders the rows",
			    t->exclude.items[at]);
	if (check_metrics(r, node, t) == -1 || check_zones(r, node, t) == -1)
		return -1;
	return check_compression(r, node, t);
}

/* Options that mean something for the one kind of target only. `defaults` may
 * hold those of both. */
static int
check_kind(struct key_reader *r, const struct node *node,
    const struct node *defaults, struct config_table *t)
{
	if (!t->sync)
		return keys_refuse(r, &section_table, node, KEY_SYNC,
		    "means nothing for a table that goes to Iceberg; take it "
		    "out");
	if (keys_refuse(r, &section_table, node, KEY_OFFLOAD,
		"means nothing for a table that goes to ClickHouse; take it "
		"out") == -1)
		return -1;
	if (t->key.n == 0)
		return fail_at(r, t->line,
		    "'key' is missing: the columns by which a newer row "
		    "replaces an older one in '%s', like key: [id]",
		    t->target.value);
	for (size_t at = 0; at < t->key.n; at++)
		for (size_t k = 0; k < t->exclude.n; k++)
			if (strcmp(t->key.items[at], t->exclude.items[k]) == 0)
				return fail_at(r, line_of(node, "exclude"),
				    "column '%s' cannot be excluded: it is of "
				    "the key",
				    t->key.items[at]);
	for (size_t at = 0; at < t->ncolumns; at++)
		if (t->columns[at].metrics != NULL)
			return fail_at(r, line_of(node, "columns"),
			    "'metrics' means nothing for a table that goes to "
			    "ClickHouse; take it out");
	/* rows are gone over again, so that none need to settle */
	if (node_find(node, "settle") == NULL &&
	    (defaults == NULL || node_find(defaults, "settle") == NULL))
		t->settle_ms = 0;
	free(t->sequence.value);
	free(t->sequence.raw);
	t->sequence = (struct text){ 0 };
	return 0;
}

/* What only one table can be wrong about; names first. */
static int
resolve_table(struct key_reader *r, const struct config *c,
    const struct node *node, const struct node *defaults,
    struct config_table *t)
{
	if (resolve_source(r, c, node, t) == -1 ||
	    resolve_target(r, c, node, t) == -1 ||
	    check_kind(r, node, defaults, t) == -1 ||
	    resolve_layer(r, c, node, t) == -1 ||
	    check_options(r, node, t) == -1)
		return -1;
	if (t->name.value == NULL)
		t->name.value = xstrdup(t->table);
	if (strlen(t->name.value) > NAME_LONGEST)
		return fail_at(r, t->line,
		    "the table's name is longer than "
		    "%d bytes",
		    NAME_LONGEST);
	for (size_t at = 0; at < c->ntables; at++) {
		const struct config_table *o = &c->tables[at];
		if (o == t)
			break;
		if (strcmp(o->name.value, t->name.value) == 0)
			return fail_at(r, t->line,
			    "table '%s' is there "
			    "twice, first on line %u; give one of them "
			    "another 'name'",
			    t->name.value, o->line);
		if (o->sync == t->sync && o->catalog_at == t->catalog_at &&
		    strcmp(o->namespace_, t->namespace_) == 0 &&
		    strcmp(o->target_table, t->target_table) == 0)
			return fail_at(r, t->line,
			    "tables '%s' and '%s' have "
			    "the same target '%s'; give each its own",
			    o->name.value, t->name.value, t->target.value);
	}
	return 0;
}

int
table_read(struct key_reader *r, const struct node *node,
    const struct node *root, struct config *c, struct config_table *t)
{
	const struct node *defaults = node_find(root, "defaults");
	const struct node *name = node_find(node, "name");
	const struct node *source = node_find(node, "source");
	char *where;

	t->line = node->line;
	if (name == NULL || name->kind != NODE_SCALAR)
		name = source;
	where = name != NULL && name->kind == NODE_SCALAR
	    ? xasprintf("table '%s'", name->text)
	    : xasprintf("table %zu", c->ntables);
	keys_set_defaults(&section_table, t);
	t->limits = c->limits;
	int rv = 0;
	if (defaults != NULL) {
		r->defaults = true;
		rv = keys_read(r, &section_table, defaults, "'defaults'", t);
		r->defaults = false;
	}
	if (rv == 0)
		rv = keys_read(r, &section_table, node, where, t);
	free(where);
	return rv == 0 ? resolve_table(r, c, node, defaults, t) : -1;
}

void
table_clear(struct config_table *t)
{
	keys_clear(&section_table, t);
	for (size_t at = 0; at < t->ncolumns; at++)
		job_column_clear(&t->columns[at]);
	free(t->columns);
	free(t->database);
	free(t->table);
	free(t->namespace_);
	free(t->target_table);
}

/* ---- from flags ---- */

static void
add_flag(struct node *map, const char *key, const char *value)
{
	if (value == NULL)
		return;
	map->items = xreallocarray(map->items, map->n + 1, sizeof *map->items);
	map->items[map->n++] = (struct node){
		.kind = NODE_SCALAR, .key = xstrdup(key), .text = xstrdup(value)
	};
}

/* "trades" is "hot.trades" where hot is the only source. */
static char *
with_prefix(const char *dotted, const char *only, size_t n)
{
	size_t len = strlen(only);

	if (n != 1 || (strncmp(dotted, only, len) == 0 && dotted[len] == '.'))
		return xstrdup(dotted);
	return xasprintf("%s.%s", only, dotted);
}

/*
 * NULL for the source table's own. A configured table with the same source
 * and target is that table; one that merely has the same name is another, and
 * its position must not be touched: then the target's name serves.
 */
static char *
adhoc_name(const struct config *c, const struct config_adhoc *a,
    const char *source, const char *target)
{
	const char *dot = strrchr(source, '.');

	if (a->name != NULL)
		return xstrdup(a->name);
	for (size_t at = 0; at < c->ntables; at++)
		if (strcmp(c->tables[at].source.value, source) == 0 &&
		    strcmp(c->tables[at].target.value, target) == 0)
			return xstrdup(c->tables[at].name.value);
	if (config_find(c, dot != NULL ? dot + 1 : source) == NULL)
		return NULL;
	dot = strchr(target, '.');
	return xstrdup(dot != NULL ? dot + 1 : target);
}

int
config_only_table(
    struct config *c, const struct config_adhoc *a, struct err *err)
{
	struct key_reader r = { .path = "command line", .err = err };
	struct node map = { .kind = NODE_MAP };
	char *source =
	    with_prefix(a->source_table, c->sources[0].name, c->nsources);
	char *target = with_prefix(a->target_table,
	    c->ncatalogs > 0 ? c->catalogs[0].name : "", c->ncatalogs);
	char *name = adhoc_name(c, a, source, target);

	for (size_t at = 0; at < c->ntables; at++)
		table_clear(&c->tables[at]);
	free(c->tables);
	c->tables = xcalloc(1, sizeof *c->tables);
	c->ntables = 1;
	add_flag(&map, "source", source);
	add_flag(&map, "target", target);
	add_flag(&map, "name", name);
	add_flag(&map, "timestamp", a->timestamp);
	add_flag(&map, "sequence", a->sequence);
	add_flag(&map, "start", a->start);
	/* Without an order of layers a layer is a label only. */
	add_flag(&map, "layer", c->layers.n > 0 ? a->layer : NULL);
	if (a->npartition > 0) {
		add_flag(&map, "partition", "");
		struct node *list = &map.items[map.n - 1];
		list->kind = NODE_LIST;
		for (size_t at = 0; at < a->npartition; at++)
			add_flag(list, "partition", a->partition[at]);
	}
	int rv = table_read(&r, &map, c->root, c, &c->tables[0]);
	node_clear(&map);
	free(source);
	free(target);
	free(name);
	return rv;
}
