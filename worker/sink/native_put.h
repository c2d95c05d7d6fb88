/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of a batch as ClickHouse's Native format takes them at revision 0
 * (format.md 3.2): the counterpart of source/native*.
 *
 * native_plan() decides once for a column whether values of the batch's type
 * go into the table's, and how; native_put() does it for the n values of a
 * block. What cannot be held is ERR_DATA and names the column; nothing is
 * rounded, cut or replaced by a default.
 *
 * LowCardinality and Enum columns are sent as text, which the server looks up
 * itself (input_format_native_allow_types_conversion, on by default).
 */
#ifndef CALVE_NATIVE_PUT_H
#define CALVE_NATIVE_PUT_H

#include "common/buf.h"
#include "common/err.h"
#include "worker/batch.h"
#include "worker/clickhouse/type.h"
#include "worker/type.h"

enum native_form {
	NATIVE_INT,   /* integers, unscaled decimals: to another width */
	NATIVE_COPY,  /* the same bytes */
	NATIVE_FLOAT, /* float to double */
	NATIVE_TICKS, /* microseconds to 10^-scale seconds */
	NATIVE_UUID,
	NATIVE_STRING,
	NATIVE_FIXED_STRING,
	NATIVE_ARRAY
};

struct native_put {
	const char *column; /* for messages */
	const char *text;   /* the target's type, for messages */
	char *sent;         /* the type that the block names */
	enum native_form form;
	bool nullable;            /* the target takes NULL */
	uint32_t src, dst;        /* widths */
	bool is_unsigned;         /* the target has no sign */
	__int128 low, high;       /* what fits, NATIVE_INT and TICKS */
	int64_t multiply, divide; /* to the target's scale */
	struct native_put *child; /* NATIVE_ARRAY */
};

/* column and text are borrowed until native_put_clear(). ERR_TYPE when values
 * of the one type do not go into the other: both are named. */
int native_plan(const struct field *, const struct ch_type *to,
    const char *text, struct native_put *, struct err *) MUST_USE;
void native_put_clear(struct native_put *);

/* Appends the data of one column, of n values. */
int native_put(struct buf *, const struct native_put *, const struct vec *,
    struct err *) MUST_USE;

/* Appends a whole block. */
int native_put_block(struct buf *, const struct native_put *, size_t ncols,
    const struct batch *, struct err *) MUST_USE;

#endif
