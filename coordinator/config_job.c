/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the configuration as the job that its worker gets. */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "coordinator/config.h"

static char *
copy(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static char **
copy_texts(const struct texts *from, size_t *n)
{
	char **to = from->n > 0 ? xcalloc(from->n, sizeof *to) : NULL;

	for (size_t at = 0; at < from->n; at++)
		to[at] = xstrdup(from->items[at]);
	*n = from->n;
	return to;
}

static void
copy_columns(const struct config_table *t, struct job *out)
{
	if (t->ncolumns == 0)
		return;
	out->columns = xcalloc(t->ncolumns, sizeof *out->columns);
	out->ncolumns = t->ncolumns;
	for (size_t at = 0; at < t->ncolumns; at++) {
		const struct job_column *from = &t->columns[at];
		out->columns[at] =
		    (struct job_column){ .name = copy(from->name),
			    .as = copy(from->as),
			    .time = copy(from->time),
			    .utf8 = copy(from->utf8),
			    .duplicates = copy(from->duplicates),
			    .digits = copy(from->digits),
			    .metrics = copy(from->metrics),
			    .timezone = copy(from->timezone) };
	}
}

static void
set_compression(const char *text, struct job *out)
{
	const char *level = strchr(text, ':');

	out->compression = xstrndup(text, strcspn(text, ":"));
	out->compression_level = level != NULL ? atoi(level + 1) : 3;
}

static void
set_target(
    const struct config *c, const struct config_table *t, struct job *out)
{
	out->target_kind = xstrdup(t->sync ? "clickhouse" : "iceberg");
	out->namespace_ = copy(t->namespace_);
	out->target_table = copy(t->target_table);
	if (t->sync) {
		const struct config_source *s = &c->sources[t->catalog_at];

		out->catalog_name = copy(s->name);
		out->target_url = copy(s->url.value);
		out->target_user = copy(s->user.value);
		out->target_password = copy(s->password.value);
	} else {
		const struct config_catalog *cat = &c->catalogs[t->catalog_at];

		out->catalog_name = copy(cat->name);
		out->catalog_kind = copy(cat->kind.value);
		out->warehouse = copy(cat->warehouse.value);
	}
}

void
config_job(const struct config *c, const struct config_table *t,
    enum job_kind kind, const char *run_id, unsigned attempt, struct job *out)
{
	const struct config_source *s = &c->sources[t->source_at];

	memset(out, 0, sizeof *out);
	out->kind = kind;
	strncpy(out->run_id, run_id, sizeof out->run_id - 1);
	out->attempt = attempt;
	out->name = copy(t->name.value);
	out->state = copy(c->state.value);
	out->source_name = copy(s->name);
	out->source_kind = copy(s->kind.value);
	out->url = copy(s->url.value);
	out->conninfo = copy(s->conninfo.value);
	out->database =
	    copy(t->database != NULL ? t->database : s->database.value);
	out->table = copy(t->table);
	out->user = copy(s->user.value);
	out->password = copy(s->password.value);
	out->wire = copy(s->wire.value);
	set_target(c, t, out);
	out->timestamp = copy(t->timestamp.value);
	out->sequence = copy(t->sequence.value);
	out->timezone = copy(t->timezone.value);
	out->key = copy_texts(&t->key, &out->nkey);
	out->partition = copy_texts(&t->partition, &out->npartition);
	out->include = copy_texts(&t->include, &out->ninclude);
	out->exclude = copy_texts(&t->exclude, &out->nexclude);
	copy_columns(t, out);
	out->final = t->final;
	out->start = copy(t->start.value);
	out->settle_ms = (int64_t)t->settle_ms;
	out->step_ms = (int64_t)t->step_ms;
	out->step_rows = t->step_rows;
	out->lookback_ms = (int64_t)t->lookback_ms;
	out->slices = (unsigned)t->slices;
	set_compression(t->compression.value, out);
	out->encoding = copy(t->encoding.value);
	out->file_size = t->file_size;
	out->row_group_size = t->row_group_size;
	out->row_group_rows = t->row_group_rows;
	out->expire_ms = (int64_t)t->expire_ms;
	out->memory = t->limits.memory;
	out->threads = (unsigned)t->limits.threads;
	out->source_threads = (unsigned)t->threads;
	out->timeout_s = (unsigned)((t->timeout_ms + 999) / 1000);
}
