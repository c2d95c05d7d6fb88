/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClickHouse's Native format (revision 0, as HTTP gives it when no
 * client_protocol_version is sent) as batches.
 *
 *   block    varuint columns, varuint rows, then per column: name, type text,
 *            prefixes of the whole subtree, data (both absent without rows)
 *   stream   blocks until the end; one without rows is a header only
 *
 * Every block must have the columns asked for, in that order, with those
 * names and with types that mean the same. Bytes that break a rule are
 * ERR_DATA; values that the mapping cannot hold too, naming the column. The
 * end inside a block is ERR_SOURCE_LOST (stream.h).
 */
#ifndef CALVE_NATIVE_H
#define CALVE_NATIVE_H

#include "common/err.h"
#include "worker/batch.h"
#include "worker/clickhouse/stream.h"
#include "worker/typemap.h"

struct native_column {
	const char *name; /* on the wire */
	const struct ch_type *type;
	const struct mapping *map;
	const struct type *target; /* what the vec is shaped for */
	bool keep_raw;             /* native_raw() will be asked for */
};

struct native;

enum { NATIVE_ROWS_MAX = 1 << 24 };

/* columns and all they point at outlive the decoder; one decoder reads any
 * number of streams. */
struct native *native_new(const struct native_column *, size_t n);
void native_free(struct native *);
/* 1: *out has the rows of the next block (at least one), good until the call
 * after the next; 0: the stream ended at a block's end; -1 failed. */
int native_next(struct native *, struct stream *, const struct batch **out,
    struct err *) MUST_USE;

/* The values of a keep_raw column of the last block as 64-bit numbers before
 * any conversion, one a row; 0 under a NULL. For integers up to 64 bits,
 * dates and times that are not nested. */
const int64_t *native_raw(struct native *, size_t col);

#endif
