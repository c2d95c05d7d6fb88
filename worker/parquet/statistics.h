/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Smallest and largest value, NULLs and NaNs of a page, a chunk or a file.
 *
 * Values come in Parquet's PLAIN form. A zero bound is written as -0.0 below
 * and +0.0 above. Byte bounds are kept whole and truncated only when written
 * into Parquet's structures. (parquet.thrift, "ColumnOrder"; format.md 2.5,
 * 2.6.)
 *
 * Where there is a NaN there are no bounds. Both formats would have them, of
 * the other values, and leave it to readers to remember that a NaN lies
 * outside of them. Readers forget: ClickHouse (26.5) skips by `x != 3`, DuckDB,
 * which orders NaN above all numbers, by `x > 5`, though a NaN passes. In SQL
 * that orders NaN at all, there is no bound that all of them read right; a
 * missing one they do, and parquet.thrift allows it anywhere.
 */
#ifndef CALVE_PARQUET_STATISTICS_H
#define CALVE_PARQUET_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "worker/batch.h"
#include "worker/type.h"

/* How values compare, and with it how they are kept. */
enum stats_order {
	ORDER_BOOL, /* one byte, not yet packed */
	ORDER_INT32,
	ORDER_INT64,
	ORDER_FLOAT,
	ORDER_DOUBLE,
	ORDER_BYTES, /* unsigned, any length */
	ORDER_TEXT,  /* the same; truncated at code points */
	ORDER_FIXED, /* unsigned, width bytes: never truncated */
	ORDER_SIGNED /* big-endian two's complement, width bytes */
};

/* Longest bound written for BYTES and TEXT. */
enum { STATS_TRUNCATE = 64, STATS_LONGEST = 4096 };

struct stats {
	enum stats_order order;
	uint32_t width; /* FIXED, SIGNED */
	bool has;       /* the bounds below hold something */
	int64_t nulls, nans;
	int64_t low, high;       /* BOOL, INT32, INT64 */
	double least, most;      /* FLOAT, DOUBLE */
	struct buf lower, upper; /* the rest */
};

void stats_init(struct stats *, enum stats_order, uint32_t width);
void stats_reset(struct stats *); /* empty again, memory kept */
void stats_clear(struct stats *);

/* n values of fixed width, PLAIN form (booleans: bytes). */
void stats_add_fixed(struct stats *, const uint8_t *, size_t n);
/* Values rows[0..n), or first .. first + n where rows is NULL, of a
 * VEC_BYTES. */
void stats_add_bytes(struct stats *, const struct vec *, size_t first,
    const uint32_t *rows, size_t n);
/* One value of BYTES, TEXT, FIXED or SIGNED. */
void stats_add_one(struct stats *, const uint8_t *, size_t n);
void stats_merge(struct stats *, const struct stats *);

/* There are values, and no NaN is among them. */
bool stats_has_bounds(const struct stats *);
/* PLAIN bytes of both bounds (no length prefix) into the two buffers, which
 * are reset first; false when there are none to write: see above, or a long
 * one that cannot be truncated. */
bool stats_bounds(const struct stats *, struct buf *lower, struct buf *upper,
    bool *lower_exact, bool *upper_exact);
/* <0, 0, >0 for bounds as stats_bounds() wrote them. */
int stats_compare(const struct stats *, const uint8_t *a, size_t na,
    const uint8_t *b, size_t nb);

/* Iceberg's single-value form, whole; owned by the caller. There must be
 * bounds. */
uint8_t *stats_single_value(
    const struct stats *, const struct type *, bool upper, size_t *len);

#endif
