/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse's type texts as a bounded tree: "Map(String, Array(UInt64))" as
 * system.columns and the Native header write them.
 *
 * The parser normalises what the wire does not tell apart: Point, Ring and
 * the like become tuples and arrays of Float64, Nested an array of tuples,
 * SimpleAggregateFunction(f, T) becomes T.
 * Types that calve cannot read keep a kind of their own, their arguments are
 * skipped, so that a message can name them.
 */
#ifndef CALVE_CLICKHOUSE_TYPE_H
#define CALVE_CLICKHOUSE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum ch_kind {
	CH_BOOL = 1,
	CH_INT8,
	CH_INT16,
	CH_INT32,
	CH_INT64,
	CH_INT128,
	CH_INT256,
	CH_UINT8,
	CH_UINT16,
	CH_UINT32,
	CH_UINT64,
	CH_UINT128,
	CH_UINT256,
	CH_FLOAT32,
	CH_FLOAT64,
	CH_BFLOAT16,
	CH_DECIMAL, /* precision, scale; wire width by precision */
	CH_STRING,
	CH_FIXED_STRING,
	CH_ENUM8,
	CH_ENUM16,
	CH_UUID,
	CH_IPV4,
	CH_IPV6,
	CH_DATE,
	CH_DATE32,
	CH_DATETIME,
	CH_DATETIME64,
	CH_TIME,
	CH_TIME64,
	CH_INTERVAL,
	CH_JSON,
	CH_NULLABLE,
	CH_LOW_CARDINALITY,
	CH_ARRAY,
	CH_TUPLE,
	CH_MAP,
	/* not readable */
	CH_AGGREGATE,
	CH_VARIANT,
	CH_DYNAMIC,
	CH_OBJECT,
	CH_NOTHING,
	CH_OTHER
};

/* What the parser accepts at most. */
enum {
	CH_TYPE_TEXT_MAX = 4 << 20, /* Enum16 may hold 65,536 labels */
	CH_TYPE_DEPTH_MAX = 32,
	CH_TYPE_NODES_MAX = 20000,
	CH_FIXED_STRING_MAX = 16 << 20
};

struct ch_label {
	int value;
	char *text;
	size_t len;
};

struct ch_type {
	enum ch_kind kind;
	uint8_t precision, scale; /* DECIMAL; scale also DATETIME64,
					 * TIME64 */
	uint32_t length;          /* FIXED_STRING */
	char *zone;               /* DATETIME, DATETIME64; NULL: the server's.
					 * For showing; the bytes are UTC */
	size_t nargs;             /* NULLABLE, LOW_CARDINALITY, ARRAY 1;
					 * MAP 2; TUPLE any */
	struct ch_type *args;
	char **names;            /* TUPLE: nargs, or NULL unnamed */
	struct ch_label *labels; /* ENUM8, ENUM16, in written order */
	size_t nlabels;
};

/* out is zeroed or cleared by the caller's ch_type_clear(), also on failure.
 * ERR_DATA: malformed or over a maximum. */
int ch_type_parse(
    const char *text, size_t len, struct ch_type *out, struct err *) MUST_USE;
void ch_type_clear(struct ch_type *);

/* Bytes of one value on the wire; 0 where that is not fixed. */
uint32_t ch_type_width(const struct ch_type *);
/* Do both read the same bytes with the same meaning? */
bool ch_type_equal(const struct ch_type *, const struct ch_type *);
/* T of Nullable(T), LowCardinality(T), LowCardinality(Nullable(T)), else
 * the type itself; nullable (may be NULL) tells whether NULL can occur. */
const struct ch_type *ch_type_bare(const struct ch_type *, bool *nullable);

#endif
