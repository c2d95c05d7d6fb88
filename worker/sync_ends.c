/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a table that goes to ClickHouse: opened, looked at, made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/sync_own.h"
#include "worker/typemap_postgres.h"
#include "worker/waiting.h"

int
sync_open_source(struct sync *s, struct err *err)
{
	if ((s->source = source_open(s->job, err)) == NULL ||
	    source_describe(s->source, &s->described, err) == -1)
		return -1;
	return source_resolve(
	    s->source, NULL, report_source_note, NULL, &s->incoming, err);
}

static int
no_target(const struct job *job, struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "there is no target table '%s.%s' at '%s'; run 'calve init', "
	    "which makes it",
	    job->namespace_, job->target_table, job->catalog_name);
}

/* 1: it is there and fits, 0: it is not there */
static int
open_target(struct sync *s, struct err *err)
{
	int there;

	if ((s->target = replica_open(s->job, err)) == NULL ||
	    (there = replica_describe(s->target, err)) == -1)
		return -1;
	if (there == 1 && replica_fit(s->target, &s->incoming, err) == -1)
		return -1;
	return there;
}

int
sync_open_target(struct sync *s, struct err *err)
{
	int there = open_target(s, err);

	return there == 0 ? no_target(s->job, err) : there == 1 ? 0 : -1;
}

void
sync_end(struct sync *s)
{
	char text[POSITION_TEXT];

	if (s->mark.position.set) {
		position_format(&s->mark.position, text);
		s->res->position = xstrdup(text);
	}
	source_close(s->source);
	source_table_clear(&s->described);
	type_clear(&s->incoming);
	replica_close(s->target);
	watermark_close(&s->mark);
}

/* ---- looking and making -------------------------------------------------------- */

static const char *
source_type(const struct source_table *described, const char *name)
{
	for (size_t k = 0; k < described->ncolumns; k++)
		if (strcmp(described->columns[k].name, name) == 0)
			return described->columns[k].type;
	return "";
}

static bool
is_key(const struct job *job, const char *name)
{
	for (size_t k = 0; k < job->nkey; k++)
		if (strcmp(job->key[k], name) == 0)
			return true;
	return false;
}

/* Types of a target to be made; the texts are the caller's. */
static char **
choose_types(const struct sync *s)
{
	char **types = xcalloc(s->incoming.nfields + 1, sizeof(*types));
	struct buf text;

	buf_init(&text, 0);
	for (size_t k = 0; k < s->incoming.nfields; k++) {
		const struct field *f = &s->incoming.fields[k];
		bool fixed = is_key(s->job, f->name) ||
		    strcmp(f->name, s->job->timestamp) == 0;

		buf_reset(&text);
		typemap_clickhouse_of(
		    source_type(&s->described, f->name), f, fixed, &text);
		types[k] = xstrdup(buf_cstr(&text));
	}
	buf_clear(&text);
	return types;
}

static void
free_types(const struct sync *s, char **types)
{
	for (size_t k = 0; k < s->incoming.nfields; k++)
		free(types[k]);
	free(types);
}

static int
make_target(struct sync *s, struct err *err)
{
	size_t n = s->incoming.nfields;
	struct replica_column *columns = xcalloc(n + 1, sizeof(*columns));
	char **types = choose_types(s);
	int rc;

	for (size_t k = 0; k < n; k++)
		columns[k] =
		    (struct replica_column){ s->incoming.fields[k].name,
			    types[k] };
	rc = replica_create(s->target, columns, n, err);
	free_types(s, types);
	free(columns);
	return rc;
}

/* It is made when it can be described, and takes what comes. */
static int
look_again(struct sync *s, struct err *err)
{
	int there = replica_describe(s->target, err);

	if (there == 0)
		return err_set(err, ERR_TARGET_LOST,
		    "the target table '%s.%s' is not there though its making "
		    "was answered without an error; see what stands before "
		    "the server, then run 'calve init' again",
		    s->job->namespace_, s->job->target_table);
	return there == -1 ? -1 : replica_fit(s->target, &s->incoming, err);
}

static void
tell_columns(struct sync *s, bool there)
{
	char **types = choose_types(s);

	for (size_t k = 0; k < s->incoming.nfields; k++) {
		const char *name = s->incoming.fields[k].name;

		report_column(name, source_type(&s->described, name),
		    there ? replica_type(s->target, name) : types[k],
		    is_key(s->job, name)                       ? "key"
			: strcmp(name, s->job->timestamp) == 0 ? "version"
							       : NULL);
	}
	free_types(s, types);
}

void
sync_tell_parted(const struct sync *s)
{
	const char *by = replica_parts_by(s->target);
	bool version = by != NULL && strcmp(by, s->job->timestamp) == 0;
	char text[1024];

	if (by == NULL)
		return;
	snprintf(text, sizeof(text),
	    "the target '%s.%s' is partitioned by '%s', which is not of the "
	    "key: %sversions of a row in two partitions are never merged, and "
	    "a query with do_not_merge_across_partitions_select_final = 1 "
	    "shows both; see calve-runbook(7), 'Old versions stay'",
	    s->job->namespace_, s->job->target_table, by,
	    version ? "" : "where it changes, ");
	report_note(version, text);
}

/* A state database that is not there yet knows of no run. */
static int
look_columns(struct sync *s, struct err *err)
{
	if (sync_look_columns(s, err) == 0)
		return 0;
	if (err->cls != ERR_STATE && err->cls != ERR_STATE_LOST)
		return -1;
	err_clear(err);
	return 0;
}

int
sync_check(const struct job *job, struct err *err)
{
	struct result none = { .rows = 0 };
	struct sync s = { .job = job, .res = &none };
	int there = -1;

	report_phase(job, PHASE_RECONCILE);
	if (sync_open_source(&s, err) == 0 &&
	    (there = open_target(&s, err)) != -1) {
		tell_columns(&s, there == 1);
		report_note(false,
		    there == 1 ? "the target table exists"
			       : "the target table is to be made by 'calve "
				 "init'");
		if (there == 1 && !replica_remembers(s.target))
			report_note(false,
			    "the target remembers no inserts: one that is "
			    "tried again may leave rows twice until they are "
			    "merged, which FINAL does not show; ALTER it "
			    "MODIFY SETTING "
			    "non_replicated_deduplication_window = 1000");
		if (there == 1)
			sync_tell_parted(&s);
		if (!s.described.unique)
			report_note(true,
			    "no unique index of the source has the key's "
			    "columns: the newest row of each key is looked "
			    "for with a window function, for each range");
		there = there == 1 && look_columns(&s, err) == -1
		    ? -1
		    : waiting_look(
			  job, s.source, s.described.timestamp_scale, err);
	}
	sync_end(&s);
	return there == -1 ? -1 : 0;
}

int
sync_init(const struct job *job, struct err *err)
{
	struct result none = { .rows = 0 };
	struct sync s = { .job = job, .res = &none };
	char text[1024];
	int rc = -1;

	report_phase(job, PHASE_RECONCILE);
	if (sync_open_source(&s, err) == 0) {
		rc = open_target(&s, err);
		if (rc == 0 && (rc = make_target(&s, err)) == 0 &&
		    (rc = look_again(&s, err)) == 0) {
			snprintf(text, sizeof(text),
			    "target table '%s.%s' made", job->namespace_,
			    job->target_table);
			report_note(false, text);
		}
		if (rc != -1)
			sync_tell_parted(&s);
	}
	sync_end(&s);
	return rc == -1 ? -1 : 0;
}
