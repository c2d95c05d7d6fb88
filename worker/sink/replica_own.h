/* SPDX-License-Identifier: Apache-2.0 */
/* A replica's own state, shared by replica.c (connection, description),
 * replica_fit.c (what fits, and making it), replica_insert.c and
 * replica_read.c. Nobody else includes this. */
#ifndef CALVE_REPLICA_OWN_H
#define CALVE_REPLICA_OWN_H

#include "common/buf.h"
#include "worker/clickhouse/answer.h"
#include "worker/clickhouse/stream.h"
#include "worker/clickhouse/type.h"
#include "worker/sink/native_digest.h"
#include "worker/sink/native_put.h"
#include "worker/sink/replica.h"

struct replica_own_column {
	char *name, *text;
	bool stored; /* takes values */
	bool parts;  /* of the partition key, and not of the sorting key */
	struct ch_type type;
};

struct replica {
	const struct job *job;
	struct wire *server;
	char *table; /* `db`.`table` */

	/* replica_describe() */
	char *engine;      /* "ReplacingMergeTree" */
	char *engine_full; /* with arguments, keys, settings */
	char *sorting_key;
	char *zone;     /* in which the server shows times that have none */
	uint64_t views; /* that take what is inserted */
	char uuid[UUID_TEXT];
	struct replica_own_column *columns;
	size_t ncolumns;

	/* replica_fit() */
	const struct type *incoming;
	struct native_put *put;
	size_t nput;
	char *insert; /* INSERT INTO ... (...) FORMAT Native */

	/* replica_begin() */
	struct buf block;
	uint64_t rows, bytes; /* of this insert */

	/* replica_read_begin() */
	struct native_digest *digest;
	struct stream stream;
	bool reading;
};

enum { REPLICA_SQL_MAX = 16 << 20 };

/* A small answer, whole, as a cursor over out. */
int replica_ask(struct replica *, const char *sql, struct buf *out,
    struct cursor *, struct err *) MUST_USE;
void replica_forget(struct replica *); /* the plan of replica_fit() */
/* Asks for r->views again. */
int replica_count_views(struct replica *, struct err *) MUST_USE;

#endif
