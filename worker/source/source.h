/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source of rows must do. One struct source serves one job over one
 * connection at a time; calls go in this order:
 *
 *   source_open       connect, authenticate, check the settings that could
 *                     lose rows without an error
 *   source_describe   columns, identity, sorting key
 *   source_resolve    -> the schema that batches will have; every column's
 *                     type is accepted or refused here, before a row is read
 *   source_clock      the source's own time
 *   source_count      rows and bounds of a window
 *   source_begin, source_next ..., source_end      the rows of a window
 *   source_close
 *
 * Errors: ERR_SOURCE_LOST when the source is out of reach, gone, stalled or
 * the stream was cut (another attempt may heal it); ERR_SOURCE when it
 * refused; ERR_DATA when bytes or values break a rule; ERR_TYPE; ERR_CONFIG
 * for an unknown column or option. Messages never hold the password.
 */
#ifndef CALVE_SOURCE_H
#define CALVE_SOURCE_H

#include "common/err.h"
#include "common/job.h"
#include "common/position.h"
#include "worker/batch.h"
#include "worker/type.h"

struct source;

struct source_column {
	char *name;
	char *type;       /* the source's own text: "DateTime64(3)" */
	int key_position; /* 0-based place in the sorting key, -1 none */
};

struct source_table {
	char uuid[UUID_TEXT]; /* identity; all zeros where there is none */
	char *engine;
	struct source_column *columns;
	size_t ncolumns;
	bool ordered;        /* (timestamp, sequence) is a prefix of the
				 * sorting key: rows arrive in that order */
	bool unique;         /* no two rows have one of the job's keys */
	int timestamp_scale; /* 0..9 or SCALE_DAYS */
};
void source_table_clear(struct source_table *);

/* Rows with position > low (when low.set), timestamp >= start_ticks (when
 * has_start) and timestamp < high_ticks, in ticks of timestamp_scale; with
 * INT64_MAX there is no end. */
struct window {
	struct position low;
	bool has_start;
	int64_t start_ticks;
	int64_t high_ticks;
	bool has_ahead; /* rows from ahead_ticks on are counted, too */
	int64_t ahead_ticks;
	/* Of the rows before recheck_ticks only those are wanted that a
	 * transaction has written whose id is not below recheck_from. A source
	 * that cannot tell (PostgreSQL's views) gives them all. */
	bool recheck;
	int64_t recheck_ticks;
	uint64_t recheck_from;
};

struct source_count {
	uint64_t rows;
	int64_t min_ticks, max_ticks; /* undefined when rows == 0 */
	uint64_t ahead;               /* rows; 0 unless asked for */
	int64_t ahead_ticks;          /* the newest of them; INT64_MAX where
				       * it is later than all times */
};

/* One line for the user about something decided (a type) or noticed. */
typedef void source_note(void *arg, bool warning, const char *text);

/* job must outlive the source. */
struct source *source_open(const struct job *, struct err *) MUST_USE;
void source_close(struct source *);

int source_describe(
    struct source *, struct source_table *out, struct err *) MUST_USE;
/*
 * existing: the target table's schema, or NULL when it is to be created.
 * out: one field per delivered column, in source order, without ids; a field
 * is required when the source column cannot hold NULL. Where the source
 * offers a choice (UInt64 as long or decimal(20,0)) the option `as:` decides,
 * then the existing column's type, then the source's largest value, asked
 * once and told through note. A type to which the default may legally be
 * promoted and that the existing column has is delivered as that.
 */
int source_resolve(struct source *, const struct type *existing, source_note *,
    void *note_arg, struct type *out, struct err *) MUST_USE;

/* The source's clock in microseconds since 1970 when the table was described,
 * or later; at least as fine as the table's timestamp. */
int source_clock(struct source *, int64_t *us, struct err *) MUST_USE;
/*
 * For a timestamp of SCALE_DAYS: the day that it is at an instant, which is
 * the first that is not over. Days are local time, so it is asked in the zone
 * that the job says for the column. Where it says none, whoever wrote a day may
 * have been anywhere: a day is over when it is in the last zone of all,
 * UTC-12, whatever zones server and session have.
 */
int source_day(
    struct source *, int64_t us, int64_t *day, struct err *) MUST_USE;
/*
 * us: an instant that has passed by the source's clock. It is set back to one
 * up to which all rows are visible whose insert was acknowledged by then,
 * wherever that was: a replica may lack what others have. From then on counts
 * are made by servers that have as much; rows that come from another one are
 * noticed as ever, since they are not as counted. ERR_SOURCE_LOST where nobody
 * knows just now; it waits for up to half a minute to know.
 */
int source_visible(struct source *, int64_t *us, source_note *, void *note_arg,
    struct err *) MUST_USE;
/* By how much that is before its clock. */
int source_lag(struct source *, int64_t *us, source_note *, void *note_arg,
    struct err *) MUST_USE;
/* One query, which the source's keys may prune also where rows ahead are
 * asked for: what lies between window and ahead_ticks is not read. Fails with ERR_DATA when a timestamp or sequence anywhere in the table
 * is NULL, since no window would ever contain that row. */
int source_count(struct source *, const struct window *, struct source_count *,
    struct err *) MUST_USE;

/* Starts the stream. query_id is a fresh UUID text. */
int source_begin(struct source *, const struct window *, const char *query_id,
    struct err *) MUST_USE;
/* 1: *out holds the next rows (owned by the source; good until the call after
 * the next, so that another thread may read them during that one), 0: the
 * stream is complete by the rules of format.md 4.2, -1: failed. Rows
 * outside of the window, or out of order where the source is ordered, fail. */
int source_next(
    struct source *, const struct batch **out, struct err *) MUST_USE;
/* Furthest (timestamp, sequence) delivered since source_begin, in source
 * ticks; unset when no rows. */
void source_furthest(const struct source *, struct position *);
uint64_t source_rows(const struct source *);           /* since begin */
uint64_t source_bytes_received(const struct source *); /* since open */
/* Ends or abandons the stream; the server-side query is cancelled too. */
void source_end(struct source *);

/* Rows at or before `upto` and within the lower bounds of `from` (its high is
 * not looked at), by UTC day of the timestamp, ascending; for `calve verify`. */
struct source_day {
	int64_t day;
	uint64_t rows;
	int64_t min_ticks, max_ticks;
};
typedef int source_each_day(void *arg, const struct source_day *);
int source_days(struct source *, const struct window *from,
    const struct position *upto, source_each_day *, void *arg,
    struct err *) MUST_USE;

/*
 * One state of the table, read by several sources of the same job at once:
 *
 *   first:  source_horizon, source_freeze -> a name
 *   others: source_join with that name, once described and resolved
 *
 * From then on each sees the rows as they were at the freeze, until it is
 * closed; the first must outlive the joining of the others. ERR_BUG where the
 * kind has no such thing.
 */
enum { SOURCE_SNAPSHOT_TEXT = 64 };
struct source_horizon {
	/* A time in microseconds before which no transaction that has written
	 * and whose beginning is known will any more add rows, if rows are
	 * stamped with the time at which their transaction began, or later.
	 * INT64_MAX: none is open. */
	int64_t us;
	/* There are no others: all that have written are known, and the
	 * timestamps' instants are, too. */
	bool covered;
	uint64_t next; /* the transaction id that comes next */
};
int source_horizon(struct source *, struct source_horizon *, source_note *,
    void *note_arg, struct err *) MUST_USE;
/* What the timestamp column's clock showed at most up to an instant, both in
 * microseconds: local time where the column has no zone. */
int source_wall(struct source *, int64_t instant_us, int64_t *wall_us,
    struct err *) MUST_USE;
/* The earliest timestamp that a row may bear which was stamped no more than
 * lookback_ms before a row of that timestamp, or at any time since: where the
 * column has no zone, clocks that are set back count. Both in ticks; ERR_TABLE
 * beyond what the column can hold. */
int source_back(struct source *, int64_t ticks, int64_t lookback_ms,
    int64_t *out, struct err *) MUST_USE;
/* Of what is frozen: the oldest transaction that was open, and the id that
 * none had yet. */
int source_transactions(
    struct source *, uint64_t *oldest, uint64_t *next, struct err *) MUST_USE;
/* How many of a window's rows have in a column something else than `text`,
 * compared as texts of the source; NULL is a value. With known false: all. */
int source_unlike(struct source *, const struct window *, const char *column,
    bool known, const char *text, uint64_t *rows, struct err *) MUST_USE;
/* whole: within it, only the newest row of each of the job's keys is going to
 * be delivered, where keys may repeat at the source. */
int source_freeze(struct source *, const struct window *whole,
    char snapshot[SOURCE_SNAPSHOT_TEXT], struct err *) MUST_USE;
int source_join(struct source *, const struct window *whole,
    const char *snapshot, struct err *) MUST_USE;
/* Cuts a window, as counted, into ranges of about so many rows: n ascending
 * bounds in ticks (the caller's to free), range k being
 * [bounds[k - 1], bounds[k]), the first from the window's beginning, the last
 * to its end. */
int source_ranges(struct source *, const struct window *,
    const struct source_count *, uint64_t rows_each, int64_t **bounds,
    size_t *n, struct err *) MUST_USE;

#endif
