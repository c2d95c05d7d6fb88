/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target table of a job as it is or is to be: loading it, what its
 * history says of the position, its schema after this run.
 */
#ifndef CALVE_TARGET_H
#define CALVE_TARGET_H

#include "common/err.h"
#include "common/job.h"
#include "worker/iceberg/table.h"
#include "worker/project.h"
#include "worker/reconcile.h"
#include "worker/source/source.h"

/* Keys of snapshot summaries; man/calve.7 lists them. */
#define KEY_SOURCE "calve.source" /* source.database.table */
#define KEY_IDENTITY "calve.source.uuid"
#define KEY_TABLE "calve.table" /* its name in the state tables */
#define KEY_TIMESTAMP "calve.position.timestamp"
#define KEY_SEQUENCE "calve.position.sequence"
#define KEY_BY_TIMESTAMP "calve.column.timestamp"
#define KEY_BY_SEQUENCE "calve.column.sequence"
#define KEY_BY_FINAL "calve.column.final"
#define KEY_RUN "calve.run"
#define KEY_STEP "calve.step"
#define KEY_ROWS "calve.rows"
#define KEY_LOW "calve.window.low"
#define KEY_HIGH "calve.window.high"

struct target {
	const struct job *job;
	char *source_id;  /* "hot.k2.bronze_trades" */
	struct origin me; /* whose rows: borrows of job and source */
	char *property;   /* "calve.position.UUID"; without one, its name */
	char *beginning;  /* "calve.beginning.UUID", likewise */
	struct target_memory *memory; /* behind target_history()'s facts */
	struct table *table;          /* NULL: does not exist yet */
	char *folder;                 /* of the table, also before it exists */
	struct type schema;           /* after this run: ids assigned */
	int last_column_id;
	bool schema_changed;        /* against table's, or the table is new */
	struct partition_spec spec; /* of a table to be made */
	struct type incoming;       /* as the source delivers it */
	struct projection *projection; /* incoming -> schema */
};

int target_open(struct target *, const struct job *, struct err *) MUST_USE;
void target_close(struct target *);

/* ---- target_history.c ---- */

/* Before all of the following: whose rows this job takes. */
void target_identify(struct target *, const struct source_table *);

/* What the table's history says of the source: fills in me, start, the
 * target's facts and says. Their texts are good until the next call, and as
 * long as `table` is. */
int target_history(struct target *, const struct table *,
    struct reconcile_facts *, struct err *) MUST_USE;
void target_forget(struct target *);

/* Where calve's own history of this source begins: *low is the position that
 * its first step began after, unset for "from the start". Where snapshots have
 * been expired the table's property says so. */
int target_beginning(
    struct target *, struct position *low, struct err *) MUST_USE;
/* What the property is to be set to in a commit of a step that begins after
 * `low`; NULL: it says so, or that cannot be known any more. Fresh string. */
char *target_new_beginning(struct target *, const struct position *low);

/* May the snapshot be expired? Not one of another tool, nor one whose source
 * has no mirror of its position in a snapshot that is there. arg: the struct
 * target. */
bool target_may_expire(
    void *arg, const struct table *, const struct snapshot *);

/* Resolves the source's columns against the table; refuses what does not fit.
 * Nothing is written. */
int target_plan(
    struct target *, struct source *, source_note *, struct err *) MUST_USE;

/* How data files are to be partitioned, also before the table exists. */
const struct partition_spec *target_spec(const struct target *);

/* Makes the table when there is none; to be called when all that goes into
 * its first commit has been written, so that a run that fails leaves none. */
int target_create(
    struct target *, const struct source_table *, struct err *) MUST_USE;
/* Takes the committed version over. */
void target_advance(struct target *, struct table *committed_take);

#endif
