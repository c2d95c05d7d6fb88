/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL text for ClickHouse, pure: exact bounds, window predicates that the
 * primary key can use (format.md 4.4), and what a sorting key says.
 */
#ifndef CALVE_CLICKHOUSE_SQL_H
#define CALVE_CLICKHOUSE_SQL_H

#include "common/buf.h"
#include "common/position.h"
#include "worker/clickhouse/quote.h"
#include "worker/clickhouse/type.h"
#include "worker/source/source.h"

/* The columns by which rows are ordered; sequence is NULL without one. */
struct sql_order {
	const char *timestamp;
	const struct ch_type *timestamp_type; /* without Nullable and so on */
	const char *sequence;
	const struct ch_type *sequence_type;
};

/* 0..9 or SCALE_DAYS; -2 when the type is no timestamp. */
int sql_timestamp_scale(const struct ch_type *bare);
bool sql_is_sequence(const struct ch_type *bare); /* up to 64 bits */

/* Rows of a window, or at and before a position. A bound beyond what the
 * column can hold becomes the constant it implies. */
void sql_window(struct buf *, const struct sql_order *, const struct window *);
/* The window's lower bounds alone, each with " AND " before it. */
void sql_from(struct buf *, const struct sql_order *, const struct window *);
/* Rows from w->ahead_ticks on. */
void sql_ahead(struct buf *, const struct sql_order *, const struct window *);
void sql_upto(struct buf *, const struct sql_order *, const struct position *);
/* Number of the UTC day of the timestamp since 1970, as an Int64. */
void sql_day(struct buf *, const struct sql_order *);

#endif
