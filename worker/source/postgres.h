/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL source's own state, shared by postgres.c (connection,
 * description), postgres_time.c (sessions, clocks, transactions),
 * postgres_sql.c (statements), postgres_read.c (counts, ranges, rows),
 * postgres_copy.c (tuples) and postgres_value.c (values).
 * Nobody else includes this.
 */
#ifndef CALVE_POSTGRES_H
#define CALVE_POSTGRES_H

#include "common/buf.h"
#include "common/pg.h"
#include "worker/source/source_kind.h"
#include "worker/typemap_postgres.h"

struct postgres_column {
	char *name;
	char *type_name, *type_text; /* behind type's pointers */
	struct postgres_type type;
	bool not_null;
	int key_position; /* in the primary key, -1 none */

	/* by postgres_resolve() */
	bool chosen;
	struct field field;
	struct postgres_mapping map;
};

struct postgres {
	struct source source; /* first: the ops get this */
	const struct job *job;
	struct pg *pg;
	const char *schema;

	/* postgres_describe() */
	char *table; /* "schema"."table", quoted */
	char *kind;  /* "table", "view" ... */
	char oid[16];
	char uuid[UUID_TEXT];
	struct postgres_column *columns;
	size_t ncolumns;
	struct postgres_column *timestamp;
	int scale;     /* of the timestamp's ticks */
	bool has_ctid; /* rows of one timestamp have an order */
	bool has_xmin; /* and tell which transaction has written them */
	bool promises; /* NOT NULL holds: the server itself keeps it */
	/* The zone that gives the timestamp's local times their instants: NULL
	 * where it has a zone itself, and "" where UTC is merely assumed. */
	const char *zone;
	bool keys_unique; /* the job's key is that of a unique index */

	/* postgres_resolve(): the chosen columns */
	struct postgres_column **wire;
	size_t nwire, timestamp_wire;
	bool resolved;

	bool settled; /* a transaction is open */
	/* postgres_freeze(), postgres_join() */
	bool frozen;
	struct window whole; /* in which the newest of a key is looked for */
	bool newest;

	/* postgres_begin() */
	struct window window;
	bool open, header_seen, trailer_seen, ended;
	uint64_t received;
	struct batch batches[2], *batch; /* the one read last */
	char **messages;                 /* of the batch's rows, libpq's */
	size_t nmessages;
	const uint8_t **cells; /* [column][row] -> the value's length word */
	size_t nrows;
};

static inline struct postgres *
postgres_of(struct source *source)
{
	return (struct postgres *)(void *)source;
}

enum { POSTGRES_ROWS = 1024, POSTGRES_BATCH_BYTES = 8 << 20 };

source_close_op postgres_close;
source_describe_op postgres_describe;
source_resolve_op postgres_resolve;
source_identity_op postgres_identity;
source_clock_op postgres_clock;
source_count_op postgres_count;
source_begin_op postgres_begin;
source_next_op postgres_next;
source_end_op postgres_end;
source_received_op postgres_received;
source_horizon_op postgres_horizon;
source_wall_op postgres_wall;
source_back_op postgres_back;
source_transactions_op postgres_transactions;
source_unlike_op postgres_unlike;
source_freeze_op postgres_freeze;
source_join_op postgres_join;
source_ranges_op postgres_ranges;

/* ---- postgres_time.c ---- */

/* Every statement runs in a transaction that has its own settings: those of a
 * session are another client's, or lost, behind a pooler. This begins one
 * where none is open. */
int postgres_settle(struct postgres *, struct err *) MUST_USE;
/* Finds s->zone; refuses a column whose instants nobody knows. */
int postgres_find_zone(struct postgres *, struct err *) MUST_USE;

/* ---- postgres_sql.c ---- */

void postgres_identifier(struct buf *, const char *name); /* "name" */
/* A timestamp column's value with so many ticks, as a literal. */
void postgres_literal(struct buf *, const struct postgres *, int64_t ticks);
/* Conditions for the rows of a window. */
void postgres_window(
    struct buf *, const struct postgres *, const struct window *);
/* COPY of the window's rows: the chosen columns, of each key only the newest
 * row of s->whole where s->newest. */
void postgres_select(
    struct buf *, const struct postgres *, const struct window *);

/* ---- postgres_copy.c ---- */

/* The tuples of one message, whole ones as the server sends them: their
 * values' places are added to s->cells, s->nrows counts them. ERR_DATA for
 * what no server sends. */
int postgres_take(
    struct postgres *, const uint8_t *, size_t n, struct err *) MUST_USE;

/* ---- postgres_value.c ---- */

/* n values of a column, each a length word and bytes of which the length has
 * been checked, into a vec. ERR_DATA names the column. */
/* A numeric's groups of base 10000, the first of weight 10000^weight, as the
 * double that is the same number; false: none is. */
bool postgres_double(const uint8_t *groups, size_t n, int weight, bool negative,
    double *out) MUST_USE;
int postgres_values(struct vec *, const struct postgres_column *,
    const uint8_t *const *cells, size_t n, struct err *) MUST_USE;

#endif
