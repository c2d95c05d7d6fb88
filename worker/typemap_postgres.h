/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type table for PostgreSQL: its type -> Iceberg type of the batch -> how
 * the bytes of COPY's binary format become a vec; and the ClickHouse type of
 * a column that is made for it. (format.md 3.4; PostgreSQL documentation,
 * "COPY", "Binary Format", and the send functions of the types.)
 *
 * What has no binary form of its own here is cast to text by the server; so
 * is any column with the option `as: string`.
 */
#ifndef CALVE_TYPEMAP_POSTGRES_H
#define CALVE_TYPEMAP_POSTGRES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/job.h"
#include "worker/type.h"

enum postgres_form {
	POSTGRES_BOOL,
	POSTGRES_INT,      /* big-endian, signed, of `width` */
	POSTGRES_UNSIGNED, /* the same without a sign */
	POSTGRES_FLOAT,
	POSTGRES_NUMERIC,
	POSTGRES_DOUBLE, /* a numeric, as the double that is that number */
	POSTGRES_DATE,   /* days since 2000-01-01 */
	POSTGRES_TICKS,  /* microseconds since 2000-01-01 */
	POSTGRES_UUID,
	POSTGRES_TEXT,  /* bytes that must be UTF-8 */
	POSTGRES_JSONB, /* the same after a version byte */
	POSTGRES_BYTES
};

/* A column's type with domains resolved to what they stand for. */
struct postgres_type {
	const char *name; /* pg_type.typname of the type or array element */
	const char *text; /* as PostgreSQL writes the column's type */
	char kind;        /* pg_type.typtype: b base, e enum, c composite ... */
	int32_t modifier; /* atttypmod: precision and scale; -1 none */
	bool array;
	bool loose; /* its collation holds different texts equal */
};

struct postgres_mapping {
	enum postgres_form form; /* of the element, in an array */
	uint8_t width;           /* on the wire; 0: any */
	bool array;
	bool
	    trim; /* a numeric's text, without zeros at the end of a fraction */
	char cast[32]; /* "::text" after the column in the SELECT, or "" */
	const char *problem;  /* "...; set as: string", for messages */
	const char *too_long; /* the same of a numeric's digits, or NULL */
};

/* The batch type of a column in *out (zeroed), and what to do. option may be
 * NULL. ERR_TYPE and ERR_CONFIG name column, type and what to do. */
int typemap_postgres(const char *column, const struct postgres_type *,
    const struct job_column *option, struct type *out,
    struct postgres_mapping *, struct err *) MUST_USE;

/* After it, for a column of the job's key: whether what the source holds equal
 * is going to be one value, which `trim` sees to. ERR_TYPE: it is not. */
int typemap_postgres_key(const char *column, const struct postgres_type *,
    const struct job_column *option, struct postgres_mapping *,
    struct err *) MUST_USE;

/* The ClickHouse type of a column that is to hold the values of a batch's
 * field; text is the source's type text, which may ask for a narrower one. */
void typemap_clickhouse_of(
    const char *text, const struct field *, bool in_key, struct buf *out);

#endif
