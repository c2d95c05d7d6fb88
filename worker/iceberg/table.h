/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Iceberg v2 table of a file-system ("hadoop") catalog, as the rest of the
 * worker sees it: load, create, walk its history, append to it.
 *
 * A struct table is one version, immutable. Its JSON is kept whole, so that
 * what other writers put there and calve does not know is carried over.
 */
#ifndef CALVE_ICEBERG_TABLE_H
#define CALVE_ICEBERG_TABLE_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/datafile.h"
#include "worker/iceberg/partition.h"
#include "worker/type.h"

struct store_dir;

struct kv {
	const char *key, *value; /* value NULL: the key is to go */
};

struct table {
	char *folder;   /* warehouse/ns/.../name, absolute, no slash
				 * at the end */
	char *location; /* as recorded: a path or file: URI */
	char *uuid;
	int64_t version;    /* N of vN.metadata.json */
	struct type schema; /* current, ids assigned */
	int schema_id;
	int last_column_id;
	struct partition_spec spec; /* default spec */
	int *sort_ids;              /* source ids of the default sort order */
	size_t nsort;
	int sort_order_id;   /* 0 unsorted */
	int64_t snapshot_id; /* current, 0 none */
	json_t *root;        /* the whole vN.metadata.json */
	struct buf text;     /* the same, as it stands in the file */
	/* Its metadata folder, held open since before it was loaded. */
	struct store_dir *dir;
};
void table_free(struct table *);

/* Loads the newest version, found by listing and walking forward, never by
 * the hint alone (format.md 1.7). 1 loaded, 0 no such table, -1 error.
 * Format versions other than 2, location elsewhere, or metadata that breaks
 * the specification: ERR_TABLE. */
int table_load(const char *warehouse, const char *namespace_, const char *name,
    struct table **out, struct err *) MUST_USE;

struct table_create {
	const struct type *schema; /* ids assigned */
	int last_column_id;
	const struct partition_spec *spec;
	const int *sort_ids; /* ascending, nulls first; identity */
	size_t nsort;
	const struct kv *properties;
	size_t nproperties;
	const char *owner; /* run id, in names of temporary files; or NULL */
};
/* Where a table that table_load() did not find will be: *folder is the
 * caller's. -1 when something stands in its way, so that it is known before
 * data files are written there. */
int table_vacant(const char *warehouse, const char *namespace_,
    const char *name, char **folder, struct err *) MUST_USE;
/* Writes v1.metadata.json without a snapshot. A metadata folder that has
 * files already and no loadable table: ERR_TABLE. Lost the race against
 * another creator: ERR_CONFLICT. */
int table_create(const char *warehouse, const char *namespace_,
    const char *name, const struct table_create *, struct table **out,
    struct err *) MUST_USE;

const char *table_property(const struct table *, const char *key); /* NULL */
/* The same as a number from 0; fallback where it is none. */
int64_t table_property_number(
    const struct table *, const char *key, int64_t fallback);

/* The sequence number that the next snapshot gets. */
int64_t table_next_number(const struct table *);

struct snapshot {
	int64_t id, parent, sequence_number, timestamp_ms; /* parent 0: none */
	const json_t *json;
};
const char *snapshot_summary(const struct snapshot *, const char *key);
/* Walks main's ancestry, newest first; non-zero from each() stops and is
 * returned. 0 after the last one; *complete (may be NULL) tells whether the
 * chain ended at a root, false when a parent has been expired. */
int table_ancestry(const struct table *,
    int (*each)(void *arg, const struct snapshot *), void *arg, bool *complete);
/* Any snapshot of the table, in the ancestry or not. */
bool table_find_snapshot(const struct table *, int64_t id, struct snapshot *);

/* All of the table's snapshots, in the order of the list. */
int table_each_snapshot(const struct table *,
    int (*each)(void *arg, const struct snapshot *), void *arg);
/* Whether a live data file of the current snapshot was added by that one,
 * which need not be there any more. False also where that cannot be read. */
bool table_holds_files_of(
    const struct table *, int64_t snapshot_id, struct err *);

/* Live data files of the current snapshot, with record_count and file_size,
 * path as a local path; leaves and partition may be empty. Delete files are
 * ERR_TABLE: "rows deleted by another writer". */
int table_each_file(const struct table *,
    int (*each)(void *arg, const struct datafile *), void *arg,
    struct err *) MUST_USE;

/*
 * Append, with optimistic concurrency: manifest once, then per attempt reload,
 * fence, manifest list, metadata JSON, link(2). On a conflict only the last
 * three are made again (format.md 1.6, 1.8).
 */
struct append {
	int64_t snapshot_id;     /* same over all attempts */
	const char *commit_uuid; /* in the names of the files written */
	const struct datafile *files;
	size_t nfiles;
	const struct type *schema; /* new current schema, or NULL: keep */
	int last_column_id;
	const struct kv *summary; /* our own keys; counters are added */
	size_t nsummary;
	const struct kv *properties; /* set in the same commit */
	size_t nproperties;
	/* Key of the one that no other commit sets to this value; or NULL. */
	const char *witness;
	/* How old the snapshots are that this commit lets go of, where the
	 * table does not say itself; 0: none goes (expire.h). */
	int64_t keep_ms;
	/* May this one go? NULL: any may. */
	bool (*may_expire)(
	    void *arg, const struct table *fresh, const struct snapshot *);
	void *may_expire_arg;
	/* Called with the freshly loaded table before each attempt to link;
	 * -1 (with err set) stops the commit, nothing of ours lands. It may
	 * still change what summary's and properties' values point to. */
	int (*fence)(void *arg, const struct table *fresh, struct err *);
	void *fence_arg;
	/* Set when link(2) was asked to make a version that names the files:
	 * before that they are nobody else's. NULL: never mind. */
	bool *offered;
};
/* base: the table the files were written for; schema, spec or uuid changed
 * since in a way that the files do not fit: ERR_CONFLICT. *out is the
 * committed version (base stays the caller's).
 *
 * Once link(2) may have made a version only success and ERR_UNCLEAR are left,
 * whatever other writers do meanwhile: success when a witness says that it did
 * land (outcome.h), else ERR_UNCLEAR, and nothing may be deleted. Finding
 * snapshot_id in the table where no attempt of this call can have put it is no
 * success, for these files are not in the table then: ERR_CONFLICT, or ERR_BUG
 * when base has it already. On definite failure manifest and lists of this
 * commit are removed, data files not. */
int table_append(const struct table *base, const struct append *,
    struct table **out, struct err *) MUST_USE;

/* Points version-hint.text to the newest version where it is missing or names
 * another: after a commit on a full disk, or another tool's doing. Best
 * effort. */
void table_hint(const struct table *, const char *owner);

#endif
