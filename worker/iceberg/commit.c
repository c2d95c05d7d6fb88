/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_append(): one commit, all or nothing, among any number of writers.
 *
 *      base
 *       | write_manifest             once: it inherits its sequence number
 *       v
 *   PREPARED <------------------------------------- back_off -----.
 *       | reload                                                  |
 *       v                                                         |
 *     FRESH -- does not fit, or fence refuses --> FAILED          |
 *       | merge, write_list, the JSON under a temporary name      |
 *       v                                                         |
 *     READY -- hadoop_link: LINK_TAKEN, another was first --------'
 *       |   \                                                     |
 *       |    `-- it says that it made none --> FAILED             |
 *       | LINK_OURS, or unknown                                   |
 *       v                                                         |
 *     LINKED -- outcome.h: never made, and the name is taken -----'
 *       |   \
 *       |    `-- no witness --> UNCLEAR
 *       | a witness
 *       v
 *   COMMITTED
 *
 *   FAILED     manifests and lists of this commit are removed
 *   COMMITTED  lists of the attempts that lost are removed, and what only
 *              expired snapshots reached
 *   UNCLEAR    nothing is removed, for it may be reachable
 *
 * I1. The rows of `files` come into the table by one link(2), once: every
 *     attempt bears one snapshot id, and an attempt is made again only when
 *     the one before is known not to have landed.
 * I2. The position in summary and property is on disk in the same file, so it
 *     is recorded exactly when the rows are.
 * I3. The fence sees the very version whose successor is linked, in the very
 *     folder: a table that moved on makes the link fail, and the next attempt
 *     asks the fence again; one that was dropped, and perhaps made again, has
 *     taken the folder along in which the link would be made.
 * I4. Until the link no name that a reader looks for exists; after it all that
 *     the version reaches has been synced before.
 * I5. Only files made here under this commit's own names are removed, and
 *     never after an unclear outcome; after a commit also those that only
 *     snapshots reached which it has expired.
 */
#include <sys/random.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/iceberg/expire.h"
#include "worker/iceberg/fits.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/merge.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/outcome.h"
#include "worker/iceberg/summary.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

enum {
	ATTEMPTS_MAX = 100,
	SECONDS_MAX = 1800,
	BACK_OFF_MS = 10, /* doubles, up to: */
	BACK_OFF_MAX_MS = 2000,
	NAMES_MAX = 100
};

struct commit {
	const struct table *base;
	const struct append *a;
	char *metadata;           /* local folder */
	struct manifest_file own; /* the new manifest, if there are files */
	char *manifest;           /* its local path, NULL: none */
	struct merged merged;     /* the newest attempt's, or none */
	size_t nmerged;           /* made so far, for a name of its own */
	char **lists;             /* local path of each attempt's list */
	size_t nlists;
	const char *landed; /* the one of lists that is committed */
	bool unclear;       /* what was written must stay */
	struct err *err;
};

static const char *
property_of(const void *arg, const char *key)
{
	return table_property(arg, key);
}

/* A name not yet taken, since a run that died may have left some: calls
 * make() with one after the other. Returns the local path or NULL. */
static char *
under_new_name(struct commit *c, const char *prefix, const char *suffix,
    size_t from, int (*make)(struct commit *, const char *path, void *arg),
    void *arg)
{
	for (size_t i = from; i < from + NAMES_MAX; i++) {
		char *path = xasprintf("%s/%s%zu%s%s.avro", c->metadata, prefix,
		    i, *suffix != '\0' ? "-" : "", suffix);
		err_clear(c->err);
		if (make(c, path, arg) == 0)
			return path;
		free(path);
		if (c->err->sys != EEXIST)
			return NULL;
	}
	return NULL;
}

static int
make_manifest(struct commit *c, const char *path, void *arg)
{
	const struct table *t = c->base;
	const struct append *a = c->a;
	const struct type *schema = a->schema != NULL ? a->schema : &t->schema;
	struct metrics_modes modes;
	(void)arg;

	char *recorded = location_record(t->location, t->folder, path);
	metrics_modes_init(
	    &modes, schema, t->sort_ids, t->nsort, property_of, t);
	const struct manifest_write w = { .path = path,
		.recorded = recorded,
		.location = t->location,
		.folder = t->folder,
		.schema = schema,
		.schema_id = a->schema != NULL
		    ? metadata_schema_id(t, a->schema)
		    : t->schema_id,
		.spec = &t->spec,
		.modes = &modes,
		.snapshot_id = a->snapshot_id,
		.files = a->files,
		.nfiles = a->nfiles };
	int rc = manifest_write(&w, &c->own, c->err);
	metrics_modes_clear(&modes);
	free(recorded);
	return rc;
}

static int
write_manifest(struct commit *c)
{
	if (c->a->nfiles == 0)
		return 0;
	char *prefix = xasprintf("%s-m", c->a->commit_uuid);
	c->manifest = under_new_name(c, prefix, "", 0, make_manifest, NULL);
	free(prefix);
	if (c->manifest == NULL)
		return -1;
	FAULT_POINT("commit.manifest");
	return 0;
}

/* ---- one attempt ------------------------------------------------------ */

struct list_args {
	const struct manifest_list_ids *ids;
	const struct manifest_list *added, *before;
};

static int
make_list(struct commit *c, const char *path, void *arg)
{
	const struct list_args *args = arg;

	return manifest_list_write(
	    path, args->ids, args->added, args->before, c->err);
}

/* Manifests of the current snapshot. */
static int
read_before(
    const struct table *fresh, struct manifest_list *before, struct err *err)
{
	struct snapshot s;
	const char *local;

	*before = (struct manifest_list){ 0 };
	if (!table_find_snapshot(fresh, fresh->snapshot_id, &s))
		return 0;
	const char *path =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	if (path == NULL)
		return err_set(err, ERR_TABLE,
		    "the current snapshot has no "
		    "manifest list; rewrite the table's manifests first");
	if (location_local_of(path, &local, err) == -1)
		return -1;
	return manifest_list_read(local, before, err);
}

static int
make_merged(struct commit *c, const char *path, void *arg)
{
	const struct table *t = c->base;
	char *recorded = location_record(t->location, t->folder, path);
	int rc = merge_write(
	    arg, path, recorded, c->a->snapshot_id, &c->merged, c->err);

	free(recorded);
	return rc;
}

/* Merges manifests of before where it is time to, and takes those out of it
 * that the merged one stands for. That of an attempt that lost serves again
 * as long as all of them are still there. */
static int
merge(struct commit *c, const struct table *fresh, struct manifest_list *before)
{
	if (c->merged.path != NULL) {
		if (merge_apply(&c->merged, before))
			return 0;
		store_discard(c->merged.path);
		merged_clear(&c->merged);
	}
	struct merge_plan *plan =
	    merge_plan(fresh, before, (int64_t)c->a->nfiles);
	if (plan == NULL)
		return 0;
	char *prefix = xasprintf("%s-m", c->a->commit_uuid);
	char *path =
	    under_new_name(c, prefix, "", ++c->nmerged, make_merged, plan);
	free(prefix);
	merge_plan_free(plan);
	if (path != NULL) {
		free(path);
		FAULT_POINT("commit.merged");
		return merge_apply(&c->merged, before)
		    ? 0
		    : err_set(c->err, ERR_BUG, "a merge replaces too much");
	}
	/* what cannot be merged stays as it is */
	if (c->err->cls != ERR_TABLE)
		return -1;
	err_clear(c->err);
	return 0;
}

static int
write_list_of(struct commit *c, const struct table *fresh,
    struct manifest_list *before, struct manifest_counts *counts)
{
	const struct manifest_list_ids ids = { c->a->snapshot_id,
		fresh->snapshot_id, metadata_sequence_number(fresh) + 1 };
	struct manifest_file files[2];
	struct manifest_list added = { files, 0 };

	if (c->manifest != NULL) {
		c->own.sequence_number = ids.sequence_number;
		c->own.min_sequence_number = ids.sequence_number;
		files[added.n++] = c->own;
	}
	if (c->merged.path != NULL) {
		c->merged.file.sequence_number = ids.sequence_number;
		files[added.n++] = c->merged.file;
	}
	*counts = (struct manifest_counts){ added.n, before->n, c->merged.n };
	struct list_args args = { &ids, &added, before };
	char *prefix = xasprintf("snap-%" PRId64 "-", c->a->snapshot_id);
	char *path = under_new_name(
	    c, prefix, c->a->commit_uuid, c->nlists + 1, make_list, &args);
	free(prefix);
	if (path == NULL)
		return -1;
	c->lists = xreallocarray(c->lists, c->nlists + 1, sizeof(*c->lists));
	c->lists[c->nlists++] = path;
	FAULT_POINT("commit.listed");
	/* names of manifests and list must be on disk before the link */
	return store_sync_in(fresh->dir, c->err);
}

/* The manifest list of one attempt. */
static int
write_list(
    struct commit *c, const struct table *fresh, struct manifest_counts *counts)
{
	struct manifest_list before;

	if (read_before(fresh, &before, c->err) == -1)
		return -1;
	int rc = merge(c, fresh, &before);
	if (rc == 0)
		rc = write_list_of(c, fresh, &before, counts);
	manifest_list_clear(&before);
	return rc;
}

/* The version to be, checked as a foreign one would be: what we could not
 * read ourselves must not become the table. */
static struct table *
next_version(struct commit *c, const struct table *fresh,
    const struct manifest_counts *counts, struct expiry *expired)
{
	const struct append *a = c->a;
	json_t *summary = summary_append(fresh, a, counts, c->err);

	if (summary == NULL)
		return NULL;
	const int64_t now_ms = wall_now().us / 1000;
	expire_choose(fresh, a, now_ms, expired);
	char *list = location_record(
	    fresh->location, fresh->folder, c->lists[c->nlists - 1]);
	char *local = hadoop_metadata_path(fresh->folder, fresh->version);
	char *before = location_record(fresh->location, fresh->folder, local);
	const struct metadata_append next = { .snapshot_id = a->snapshot_id,
		.manifest_list = list,
		.metadata_file = before,
		.summary = summary,
		.schema = a->schema,
		.last_column_id = a->last_column_id,
		.properties = a->properties,
		.nproperties = a->nproperties,
		.expired = expired->ids,
		.nexpired = expired->n,
		.now_ms = now_ms };
	json_t *root = metadata_append(fresh, &next, c->err);
	json_decref(summary);
	free(list);
	free(local);
	free(before);
	struct table *t = root != NULL ? metadata_load(root, c->err) : NULL;
	if (t == NULL)
		return NULL;
	t->folder = xstrdup(fresh->folder);
	t->version = fresh->version + 1;
	t->dir = store_dir_share(fresh->dir);
	buf_init(&t->text, 0);
	if (metadata_text(t->root, &t->text, c->err) == 0)
		return t;
	table_free(t);
	return NULL;
}

/* Takes next over. */
static void
finish(struct commit *c, struct table *next, struct table **out)
{
	c->landed = c->lists[c->nlists - 1];
	hadoop_hint(next->dir, next->folder, next->version, c->a->commit_uuid);
	*out = next;
}

static int
not_clear(struct commit *c)
{
	c->unclear = true;
	err_prefix(c->err,
	    "the commit may have landed or not; nothing was "
	    "removed, the next run finds out");
	c->err->cls = ERR_UNCLEAR;
	return -1;
}

/* 1 next is committed, 0 conflict, -1 */
static int
publish(struct commit *c, const struct table *fresh, const struct table *next)
{
	if (c->a->offered != NULL)
		*c->a->offered = true;
	int rc = hadoop_link(next->dir, next->folder, next->version,
	    &next->text, c->a->commit_uuid, c->err);

	if (rc == LINK_UNSYNCED) {
		c->unclear = true;
		err_prefix(c->err, "committed, but a power cut may undo it");
		c->err->cls = ERR_UNCLEAR;
		return -1;
	}
	if (rc == LINK_TAKEN || (rc == -1 && c->err->cls != ERR_UNCLEAR))
		return rc;
	FAULT_POINT("commit.asked");
	rc = outcome_of(fresh, next, c->a, rc == LINK_OURS, c->err);
	return rc == OUTCOME_UNCLEAR ? not_clear(c) : rc;
}

/* 1 committed, 0 conflict, -1 */
static int
attempt_on(struct commit *c, const struct table *fresh, struct table **out)
{
	const struct append *a = c->a;
	struct manifest_counts counts;
	struct expiry expired;

	if (table_fits(c->base, fresh, a, c->err) == -1)
		return -1;
	if (a->fence != NULL && a->fence(a->fence_arg, fresh, c->err) == -1)
		return -1;
	FAULT_POINT("commit.fenced");
	if (write_list(c, fresh, &counts) == -1)
		return -1;
	struct table *next = next_version(c, fresh, &counts, &expired);
	if (next == NULL)
		return -1;
	int rc = publish(c, fresh, next);
	if (rc == 1) {
		finish(c, next, out);
		expire_files(fresh, next, &expired);
	} else
		table_free(next);
	return rc;
}

/* Files that cannot be made, because the folder is not there any more. */
static void
say_removed(struct commit *c, const struct table *fresh)
{
	struct err ignored;

	if (store_dir_stands(fresh->dir, &ignored) == 0)
		err_set(c->err, ERR_CONFLICT,
		    "the table in '%s' was removed or replaced during the "
		    "run; nothing was committed",
		    c->base->folder);
}

static int
attempt(struct commit *c, struct table **out)
{
	struct table *fresh;
	int rc = hadoop_reload(c->base, &fresh, c->err);

	if (rc == 0)
		return err_set(c->err, ERR_CONFLICT,
		    "the table in '%s' is "
		    "gone",
		    c->base->folder);
	if (rc == -1)
		return -1;
	FAULT_POINT("commit.reloaded");
	rc = attempt_on(c, fresh, out);
	if (rc == -1 && c->err->cls == ERR_STORE)
		say_removed(c, fresh);
	table_free(fresh);
	return rc;
}

/* ---- the whole -------------------------------------------------------- */

/* Any time up to a growing limit, so that writers do not meet again. */
static void
back_off(unsigned attempts)
{
	uint64_t most = BACK_OFF_MS, random = 0;

	while (attempts-- > 1 && most < BACK_OFF_MAX_MS)
		most *= 2;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = most / 2;
	uint64_t ms = random % (most + 1);
	const struct timespec wait = { (time_t)(ms / 1000),
		(long)(ms % 1000) * 1000000 };
	(void)nanosleep(&wait, NULL);
}

static int
run(struct commit *c, struct table **out)
{
	struct mono began = mono_now();

	for (unsigned n = 1; n <= ATTEMPTS_MAX; n++) {
		int rc = attempt(c, out);
		if (rc != 0)
			return rc;
		if (mono_seconds_since(began) > SECONDS_MAX)
			break;
		back_off(n);
	}
	return err_set(c->err, ERR_CONFLICT,
	    "other writers committed to '%s' "
	    "first, time and again",
	    c->base->folder);
}

/* A leftover is harmless, so trouble here is none of the caller's. */
static void
clean_up(struct commit *c, bool committed)
{
	for (size_t i = 0; i < c->nlists; i++) {
		if (!c->unclear && c->lists[i] != c->landed)
			store_discard(c->lists[i]);
		free(c->lists[i]);
	}
	if (!committed && !c->unclear && c->manifest != NULL)
		store_discard(c->manifest);
	if (!committed && !c->unclear && c->merged.path != NULL)
		store_discard(c->merged.path);
	free(c->lists);
	free(c->manifest);
	free(c->metadata);
	manifest_file_clear(&c->own);
	merged_clear(&c->merged);
}

int
table_append(const struct table *base, const struct append *a,
    struct table **out, struct err *err)
{
	struct snapshot s;
	struct commit c = { .base = base, .a = a, .err = err };

	*out = NULL;
	if (a->snapshot_id <= 0 ||
	    table_find_snapshot(base, a->snapshot_id, &s))
		return err_set(err, ERR_BUG,
		    "snapshot id %" PRId64 " was used "
		    "before the files were written",
		    a->snapshot_id);
	c.metadata = xasprintf("%s/metadata", base->folder);
	int rc = write_manifest(&c);
	if (rc == 0)
		rc = run(&c, out);
	clean_up(&c, rc == 1);
	return rc == 1 ? 0 : -1;
}
