/* SPDX-License-Identifier: Apache-2.0 */
/* The target table: load, read its history, plan its schema, create it. */
#include "worker/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/schema.h"
#include "worker/readers.h"
#include "worker/report.h"

int
target_open(struct target *t, const struct job *job, struct err *err)
{
	*t = (struct target){ .job = job };
	t->source_id =
	    xasprintf("%s.%s.%s", job->source_name, job->database, job->table);
	t->me = (struct origin){ .source = t->source_id,
		.table = job->name,
		.timestamp = job->timestamp,
		.sequence = job->sequence,
		.final = job->final };
	return table_load(job->warehouse, job->namespace_, job->target_table,
		   &t->table, err) == -1
	    ? -1
	    : 0;
}

void
target_close(struct target *t)
{
	free(t->source_id);
	free(t->property);
	free(t->beginning);
	free(t->folder);
	target_forget(t);
	if (t->table != NULL)
		table_free(t->table);
	type_clear(&t->schema);
	partition_spec_clear(&t->spec);
	type_clear(&t->incoming);
	projection_free(t->projection);
	*t = (struct target){ .job = NULL };
}

/* ---- plan ------------------------------------------------------------------- */

static int
check_column(const struct type *schema, const char *name, const char *key,
    struct err *err)
{
	if (type_find_name(schema, name) != -1)
		return 0;
	return err_set(err, ERR_CONFIG,
	    "%s column '%s' is not among the "
	    "columns offloaded; check its spelling, include and exclude",
	    key, name);
}

/* New table: ids, and the partition spec of calve.yaml. */
static int
plan_new(struct target *t, const struct type *incoming, struct err *err)
{
	if (table_vacant(t->job->warehouse, t->job->namespace_,
		t->job->target_table, &t->folder, err) == -1)
		return -1;
	type_copy(&t->schema, incoming);
	schema_assign_ids(&t->schema, &t->last_column_id);
	t->schema_changed = true;
	if (partition_parse((const char *const *)t->job->partition,
		t->job->npartition, &t->schema, &t->spec, err) == -1)
		return -1;
	readers_reduce(&t->spec, &t->schema, true);
	readers_warn(&t->spec, &t->schema, NULL, 0);
	return 0;
}

/* A column that came later may be named as a partition field of the table is:
 * Iceberg's Java library refuses such a pair. */
static int
check_field_names(const struct partition_spec *spec, const struct type *schema,
    struct err *err)
{
	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *f = &spec->fields[k];
		int at = type_find_name(schema, f->name);

		if (at >= 0 && schema->fields[at].id != f->source_id)
			return err_set(err, ERR_TYPE,
			    "column '%.200s' came to a table that has a "
			    "partition field of that name; exclude the column",
			    f->name);
	}
	return 0;
}

static int
plan_existing(struct target *t, const struct type *incoming, struct err *err)
{
	const struct table *table = t->table;
	size_t npinned = 0;
	int *pinned =
	    xcalloc(table->spec.nfields + table->nsort + 1, sizeof *pinned);
	struct partition_spec wanted = { .nfields = 0 };
	struct buf notes;
	char *line, *end;
	int rc;

	t->folder = xstrdup(table->folder);
	for (size_t k = 0; k < table->spec.nfields; k++)
		pinned[npinned++] = table->spec.fields[k].source_id;
	for (size_t k = 0; k < table->nsort; k++)
		pinned[npinned++] = table->sort_ids[k];
	buf_init(&notes, 1 << 20);
	t->last_column_id = table->last_column_id;
	rc = schema_evolve(&table->schema, incoming, pinned, npinned,
	    &t->last_column_id, &t->schema, &t->schema_changed, &notes, err);
	free(pinned);
	if (rc == 0 && notes.len > 0) {
		buf_cstr(&notes);
		for (line = (char *)notes.data;
		     (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			report_note(false, line);
		}
	}
	buf_clear(&notes);
	if (rc == -1)
		return -1;
	if (partition_parse((const char *const *)t->job->partition,
		t->job->npartition, &t->schema, &wanted, err) == -1)
		return -1;
	if (!partition_spec_equal(&wanted, &table->spec)) {
		/* tables made before fields were left out have them all */
		readers_reduce(&wanted, &t->schema, false);
		if (!partition_spec_equal(&wanted, &table->spec))
			report_note(true,
			    "the table is partitioned otherwise than "
			    "calve.yaml says; the table's own partitioning "
			    "is kept");
	}
	partition_spec_clear(&wanted);
	if (!t->schema_changed)
		return 0;
	readers_warn(&table->spec, &t->schema, table->sort_ids, table->nsort);
	return check_field_names(&table->spec, &t->schema, err);
}

int
target_plan(
    struct target *t, struct source *src, source_note *note, struct err *err)
{
	const struct job *job = t->job;

	t->incoming.kind = TYPE_STRUCT;
	if (source_resolve(src, t->table != NULL ? &t->table->schema : NULL,
		note, NULL, &t->incoming, err) == -1 ||
	    check_column(&t->incoming, job->timestamp, "timestamp", err) == -1)
		return -1;
	if (job->sequence != NULL &&
	    check_column(&t->incoming, job->sequence, "sequence", err) == -1)
		return -1;
	if ((t->table == NULL ? plan_new : plan_existing)(
		t, &t->incoming, err) == -1)
		return -1;
	t->projection = projection_new(&t->schema, &t->incoming, err);
	return t->projection != NULL ? 0 : -1;
}

const struct partition_spec *
target_spec(const struct target *t)
{
	return t->table != NULL ? &t->table->spec : &t->spec;
}

/* ---- create ----------------------------------------------------------------- */

struct property {
	char *key, *value;
};

static void
add_property(
    struct property **list, size_t *n, char *key_take, char *value_take)
{
	*list = xreallocarray(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = (struct property){ key_take, value_take };
}

/* The window column's bounds are kept whole: `calve verify` and every engine
 * prune by them. */
static size_t
new_properties(const struct job *job, struct property **list)
{
	static const char metrics[] = "write.metadata.metrics.column.";
	size_t n = 0;

	*list = NULL;
	add_property(
	    list, &n, xstrdup("write.format.default"), xstrdup("parquet"));
	add_property(list, &n, xstrdup("write.parquet.compression-codec"),
	    xstrdup(strcmp(job->compression, "none") == 0 ? "uncompressed"
							  : job->compression));
	/* else each commit would leave a file of all snapshots for ever */
	add_property(list, &n,
	    xstrdup("write.metadata.delete-after-commit.enabled"),
	    xstrdup("true"));
	add_property(
	    list, &n, xstrdup("calve.encoding"), xstrdup(job->encoding));
	add_property(list, &n, xasprintf("%s%s", metrics, job->timestamp),
	    xstrdup("full"));
	if (job->sequence != NULL)
		add_property(list, &n,
		    xasprintf("%s%s", metrics, job->sequence), xstrdup("full"));
	for (size_t k = 0; k < job->ncolumns; k++)
		if (job->columns[k].metrics != NULL)
			add_property(list, &n,
			    xasprintf("%s%s", metrics, job->columns[k].name),
			    xstrdup(job->columns[k].metrics));
	return n;
}

/* Only an order that the rows really arrive in is promised, and only as far as
 * readers understand it. */
static size_t
sort_order(
    const struct target *t, const struct source_table *described, int ids[2])
{
	const char *names[2] = { t->job->timestamp, t->job->sequence };
	size_t n = 0;

	if (!described->ordered)
		return 0;
	while (n < 2 && names[n] != NULL && readers_sort_by(names[n])) {
		ids[n] =
		    t->schema.fields[type_find_name(&t->schema, names[n])].id;
		n++;
	}
	return n;
}

int
target_create(
    struct target *t, const struct source_table *described, struct err *err)
{
	int sort_ids[2], rc;
	struct table_create c = {
		.schema = &t->schema,
		.last_column_id = t->last_column_id,
		.spec = &t->spec,
		.sort_ids = sort_ids,
		.owner = t->job->run_id,
	};
	struct property *list;
	struct kv *kv;
	size_t n;

	if (t->table != NULL)
		return 0;
	c.nsort = sort_order(t, described, sort_ids);
	n = new_properties(t->job, &list);
	kv = xcalloc(n, sizeof *kv);
	for (size_t k = 0; k < n; k++)
		kv[k] = (struct kv){ list[k].key, list[k].value };
	c.properties = kv;
	c.nproperties = n;
	rc = table_create(t->job->warehouse, t->job->namespace_,
	    t->job->target_table, &c, &t->table, err);
	for (size_t k = 0; k < n; k++) {
		free(list[k].key);
		free(list[k].value);
	}
	free(list);
	free(kv);
	if (rc == 0)
		t->schema_changed = false;
	return rc;
}

void
target_advance(struct target *t, struct table *committed_take)
{
	table_free(t->table);
	t->table = committed_take;
	t->schema_changed = false;
}
