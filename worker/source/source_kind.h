/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of source must bring: one function for each of source.h's, with
 * the same contract. Only source.c and the kinds include this.
 *
 * A kind's own struct begins with a struct source. rows and furthest are
 * zeroed before begin and kept up to date by next.
 */
#ifndef CALVE_SOURCE_KIND_H
#define CALVE_SOURCE_KIND_H

#include "worker/source/source.h"

typedef void source_close_op(struct source *);
typedef int source_describe_op(
    struct source *, struct source_table *, struct err *);
typedef int source_resolve_op(struct source *, const struct type *existing,
    source_note *, void *note_arg, struct type *out, struct err *);
typedef int source_identity_op(struct source *, char **, struct err *);
typedef int source_clock_op(struct source *, int64_t *us, struct err *);
typedef int source_day_op(
    struct source *, int64_t us, int64_t *day, struct err *);
typedef int source_visible_op(
    struct source *, int64_t *us, source_note *, void *note_arg, struct err *);
typedef int source_count_op(struct source *, const struct window *,
    struct source_count *, struct err *);
typedef int source_days_op(struct source *, const struct window *from,
    const struct position *upto, source_each_day *, void *arg, struct err *);
typedef int source_begin_op(
    struct source *, const struct window *, const char *query_id, struct err *);
typedef int source_next_op(
    struct source *, const struct batch **, struct err *);
typedef void source_end_op(struct source *);
typedef uint64_t source_received_op(const struct source *);
typedef int source_horizon_op(struct source *, struct source_horizon *,
    source_note *, void *note_arg, struct err *);
typedef int source_wall_op(
    struct source *, int64_t instant_us, int64_t *wall_us, struct err *);
typedef int source_back_op(struct source *, int64_t ticks, int64_t lookback_ms,
    int64_t *out, struct err *);
typedef int source_transactions_op(
    struct source *, uint64_t *oldest, uint64_t *next, struct err *);
typedef int source_unlike_op(struct source *, const struct window *,
    const char *column, bool known, const char *text, uint64_t *rows,
    struct err *);
typedef int source_freeze_op(struct source *, const struct window *whole,
    char snapshot[SOURCE_SNAPSHOT_TEXT], struct err *);
typedef int source_join_op(struct source *, const struct window *whole,
    const char *snapshot, struct err *);
typedef int source_ranges_op(struct source *, const struct window *,
    const struct source_count *, uint64_t rows_each, int64_t **bounds,
    size_t *n, struct err *);

struct source_ops {
	source_close_op *close;
	source_describe_op *describe;
	source_resolve_op *resolve;
	source_identity_op *identity;
	source_clock_op *clock;
	source_day_op *day; /* only of kinds whose days an offload takes */
	source_visible_op *visible; /* only of kinds that may lag */
	source_count_op *count;
	source_days_op *days;
	source_begin_op *begin;
	source_next_op *next;
	source_end_op *end;
	source_received_op *received;
	/* only of kinds that can be read by several connections at once */
	source_horizon_op *horizon;
	source_wall_op *wall;
	source_back_op *back;
	source_transactions_op *transactions;
	source_unlike_op *unlike;
	source_freeze_op *freeze;
	source_join_op *join;
	source_ranges_op *ranges;
};

struct source {
	const struct source_ops *ops;
	uint64_t rows;
	struct position furthest;
};

/* One a kind; source.c has the table of names. */
struct source *clickhouse_open(const struct job *, struct err *);
struct source *postgres_open(const struct job *, struct err *);

#endif
