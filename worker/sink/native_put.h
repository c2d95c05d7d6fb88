/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of a batch as ClickHouse's Native format takes them at revision 0
 * (format.md 3.2): the counterpart of source/native*.
 *
 * native_plan() decides once for a column whether values of the batch's type
 * go into the table's, and how; native_gather() does it for the values of a
 * batch, native_emit() makes one block of the batches gathered. What cannot be
 * held is ERR_DATA and names the column; nothing is rounded, cut or replaced
 * by a default.
 *
 * LowCardinality and Enum columns are sent as text, which the server looks up
 * itself (input_format_native_allow_types_conversion, on by default). A text
 * that is none of an Enum's labels is refused here, since the server takes one
 * that is the number of a label for that label (tried with 26.5: '1' becomes
 * 'a' in Enum8('a' = 1)).
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
	bool whole;               /* FIXED_STRING: zero bytes may be data */
	__int128 low, high;       /* what fits, NATIVE_INT and TICKS */
	int64_t multiply, divide; /* to the target's scale */
	struct native_put *child; /* NATIVE_ARRAY */
	const struct ch_label **labels; /* of an Enum, by text; or NULL */
	size_t nlabels;

	/* gathered: the column's bytes in a block are these, then child's */
	struct buf nulls, values;
	uint64_t n; /* values */
};

/* column, text and type are borrowed until native_put_clear(). ERR_TYPE when values
 * of the one type do not go into the other: both are named. */
int native_plan(const struct field *, const struct ch_type *to,
    const char *text, struct native_put *, struct err *) MUST_USE;
void native_put_clear(struct native_put *);

/* Is a text one of the Enum's labels? */
bool native_is_label(
    const struct native_put *, const uint8_t *text, size_t len) MUST_USE;

/* Adds a batch's rows to what is gathered; after -1 native_drop() it. */
int native_gather(struct native_put *, size_t ncols, const struct batch *,
    struct err *) MUST_USE;
size_t native_gathered(const struct native_put *, size_t ncols); /* bytes */
void native_drop(struct native_put *, size_t ncols);

/* The block of what is gathered, piece by piece, none when that is nothing;
 * it is dropped then. Ends at the first piece for which sink gives not 0, and
 * gives that. */
typedef int native_sink(void *arg, const void *, size_t, struct err *);
int native_emit(struct native_put *, size_t ncols, native_sink *, void *arg,
    struct err *) MUST_USE;

/* Appends a block of one batch. */
int native_put_block(struct buf *, struct native_put *, size_t ncols,
    const struct batch *, struct err *) MUST_USE;

#endif
