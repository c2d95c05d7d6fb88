/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What coordinator and worker talk about: a job (one table, once) and its
 * result. Strings are owned by the struct; NULL where absent.
 *
 * A job holds secrets (conninfos, passwords): it travels over a
 * pipe only, never through argv, the environment or a file.
 */
#ifndef CALVE_JOB_H
#define CALVE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/id.h"

enum job_kind {
	JOB_OFFLOAD = 1,  /* lock, read, write, commit, advance */
	JOB_VERIFY = 2,   /* compare source and target, day by day */
	JOB_CHECK = 3,    /* resolve columns and target; reads no row */
	JOB_PLAN = 4,     /* what an offload would take; locks nothing */
	JOB_INIT = 5,     /* make a ClickHouse target that is missing */
	JOB_WATERMARK = 6 /* `calve watermark set` or `reset` */
};

/* What `calve watermark` may do although it could be wrong: its flags. */
enum {
	HAND_SAME_HISTORY = 1,
	HAND_ALLOW_DUPLICATES = 2,
	HAND_SKIP_ROWS = 4,
	HAND_OTHER_COLUMNS = 8
};

/* calve.yaml `columns: { NAME: { ... } }`. Texts are checked by the typemap. */
struct job_column {
	char *name;
	char *as;         /* long | decimal(20,0) | string | binary ... */
	char *time;       /* error | floor: digits finer than a microsecond */
	char *utf8;       /* error | binary | replace | latin1 */
	char *duplicates; /* error | list: duplicate map keys */
	char *digits;     /* error | round: of a numeric, beyond `as` */
	char *metrics;    /* full | truncate(N) | counts | none */
	char *timezone;   /* as the job's, of this column alone */
};
void job_column_clear(struct job_column *);

struct job {
	enum job_kind kind;
	char run_id[UUID_TEXT];
	unsigned attempt;    /* from 1 */
	char *name;          /* the table's name in the state tables */
	char *state;         /* libpq conninfo of the state database */
	char *hand_position; /* JOB_WATERMARK: to be set; NULL: reset */
	unsigned hand_flags;

	char *source_name; /* key in `sources:`, for messages */
	char *source_kind; /* "clickhouse", "postgres" */
	char *url;         /* http://host:port, no credentials inside */
	char *conninfo;    /* of a PostgreSQL source: secret */
	char *database;    /* or its schema */
	char *table;
	char *user;
	char *password; /* secret */
	char *wire;     /* "none" | "lz4" | "zstd"; NULL: by the host */

	char *target_kind; /* "iceberg"; "clickhouse": catalog_name is the
			      * key in `sources:`, namespace_ the database */
	char *catalog_name;
	char *catalog_kind; /* "hadoop" */
	char *warehouse;    /* absolute folder */
	char *namespace_;   /* dotted levels: a.b */
	char *target_table;
	char *target_url, *target_user; /* of a ClickHouse target */
	char *target_password;          /* secret */

	char *timestamp; /* window column */
	char *sequence;  /* tie-breaking column, or NULL */
	/* The zone in which columns without one (PostgreSQL's timestamp and
	 * date, ClickHouse's Date and Date32) hold their local time: UTC, or
	 * a name of the IANA's database with a slash in it. NULL: not said.
	 * The form is checked, not whether the servers know it. */
	char *timezone;
	char **key; /* by which a ClickHouse target replaces rows */
	size_t nkey;
	char **partition; /* "day(exchange_timestamp)", ... */
	size_t npartition;
	char **include; /* only these columns; none: all */
	size_t ninclude;
	char **exclude;
	size_t nexclude;
	struct job_column *columns;
	size_t ncolumns;
	bool final; /* SELECT ... FINAL */

	char *start; /* first timestamp of a table without position */
	int64_t settle_ms;
	int64_t step_ms;    /* 0: by rows */
	uint64_t step_rows; /* most rows in a step when step_ms is 0 */
	int64_t
	    lookback_ms; /* how far a ClickHouse target is gone over again */
	unsigned slices; /* connections that read it at once */

	char *compression; /* "zstd" | "none" */
	int compression_level;
	char *encoding;          /* "compat" | "compact" | "dense" */
	uint64_t file_size;      /* roll a data file at about this many bytes */
	uint64_t row_group_size; /* uncompressed bytes */
	uint64_t row_group_rows;
	int64_t expire_ms; /* age at which snapshots may go; 0: none does */
	uint64_t memory;   /* RLIMIT_AS of the worker, 0 none; for budgets */
	unsigned threads;  /* that encode, at least 1 */

	unsigned source_threads; /* max_threads at the source */
	unsigned timeout_s;      /* connection, and stall of a stream */
};

void job_clear(struct job *);

/* The zone that was said for the column, or else for its table; NULL: none
 * was. The job's own string. */
const char *job_timezone(const struct job *, const char *column);

/* How a run stands in the ledger. */
enum run_state {
	RUN_RUNNING,
	RUN_SUCCESS,
	RUN_FAILED,
	RUN_SKIPPED,
	RUN_CANCELLED,
	RUN_TIMED_OUT
};
const char *run_state_name(enum run_state); /* "running", "success", ... */

/* Where a worker is; the order of a run. */
enum phase {
	PHASE_START,
	PHASE_LOCK,
	PHASE_RECONCILE,
	PHASE_COUNT,
	PHASE_READ,
	PHASE_WRITE,
	PHASE_COMMIT,
	PHASE_ADVANCE,
	PHASE_VERIFY,
	PHASE_DONE,
	PHASE_N
};
const char *phase_name(enum phase); /* "locking", "reading", ... */

/* What a worker did: rows are committed rows only, but for JOB_PLAN, where
 * they are those that the window holds. All counts are totals of the run's
 * steps. */
struct result {
	uint64_t rows;
	uint64_t bytes_read;    /* as received from the source */
	uint64_t bytes_written; /* data files */
	uint32_t files;
	uint32_t steps;       /* commits */
	int64_t snapshot_id;  /* newest; 0 none */
	char *window_low;     /* position text before, and the bound after; */
	char *window_high;    /* NULL where not applicable */
	char *position;       /* position text after the run */
	bool adopted;         /* state was behind the table and caught up */
	uint64_t peak_memory; /* bytes, getrusage */
	uint64_t different;   /* JOB_VERIFY: tallies that differ */
};

void result_clear(struct result *);

#endif
