/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ClickHouse source's own state, shared by clickhouse.c (connection),
 * clickhouse_describe.c (the table), clickhouse_columns.c (what is read, and
 * as what), clickhouse_visible.c (what a replica lacks) and clickhouse_read.c
 * (counts and rows). Nobody else includes this.
 */
#ifndef CALVE_CLICKHOUSE_H
#define CALVE_CLICKHOUSE_H

#include "common/buf.h"
#include "worker/clickhouse/answer.h"
#include "worker/clickhouse/stream.h"
#include "worker/clickhouse/type.h"
#include "worker/clickhouse/wire.h"
#include "worker/source/clickhouse_settings.h"
#include "worker/source/clickhouse_sql.h"
#include "worker/source/native.h"
#include "worker/source/source_kind.h"
#include "worker/typemap.h"

enum column_kind {
	COLUMN_STORED,       /* plain or with a DEFAULT */
	COLUMN_MATERIALIZED, /* read when asked for by name */
	COLUMN_VIRTUAL       /* ALIAS, EPHEMERAL: nothing is stored */
};

struct column {
	char *name, *text; /* as the source writes them */
	struct ch_type type;
	enum column_kind kind;
	int key_position;

	/* by clickhouse_resolve() */
	bool chosen;
	char *wire_name;       /* name, or another one for a cast */
	const char *wire_text; /* NULL, or the type it is cast to */
	struct ch_type wire;   /* of the cast */
	struct field field;    /* target */
	struct mapping map;
};

/* Columns of system tables that old releases lack. */
enum system_column {
	SYSTEM_SETTING_LOCKED,
	SYSTEM_SORTING_KEY,
	SYSTEM_UUID,
	SYSTEM_DEFAULT_KIND,
	SYSTEM_POSITION,
	SYSTEM_KEEPER_TROUBLE,
	SYSTEM_KEEPER,
	SYSTEM_COLUMNS
};

enum { CLICKHOUSE_REPLICAS = 16 };

struct clickhouse {
	struct source source; /* first: the ops get this */
	const struct job *job;
	const char *database;
	struct wire *server;
	struct buf parameters;    /* "default_format=Native&..." */
	bool has[SYSTEM_COLUMNS]; /* all, until learned otherwise */
	bool learned;
	struct setting_seen *settings; /* before any was sent */
	size_t nsettings;
	bool reads_in_order; /* ORDER BY a key prefix streams */
	bool frames_whole;   /* short answers come in frames, too */

	/* clickhouse_describe() */
	char *table; /* `db`.`table` */
	char uuid[UUID_TEXT];
	char *identity; /* NULL: none */
	char *engine;
	int64_t clock_us; /* INT64_MIN: not asked yet */
	struct column *columns;
	size_t ncolumns;
	struct column *timestamp, *sequence; /* sequence: NULL none */
	struct sql_order order;
	bool timestamp_nullable, sequence_nullable;
	bool ordered;

	/* clickhouse_resolve() */
	struct native_column *wire; /* the chosen columns */
	size_t nwire;
	size_t timestamp_wire, sequence_wire; /* their places there */
	struct native *native;

	/* clickhouse_visible() of a replica */
	int64_t complete_us; /* windows rest on it; INT64_MIN: they do not */
	uint64_t log_end;
	char *replicas[CLICKHOUSE_REPLICAS]; /* complete up to it, by path */
	size_t nreplicas;

	/* clickhouse_read_begin() */
	struct stream stream;
	bool open;
	struct window window;
};

static inline struct clickhouse *
clickhouse_of(struct source *source)
{
	return (struct clickhouse *)(void *)source;
}

/* A small answer in RowBinary, as a cursor over s-owned bytes in out. */
int clickhouse_ask(struct clickhouse *, const char *sql, struct buf *out,
    struct cursor *, struct err *) MUST_USE;
/* ERR_DATA; always -1. */
int clickhouse_malformed(struct err *);
/* Questions are put in the words of a new release. Whether this one failed
 * because the server is too old for them: then has[] is what it knows, and the
 * question is to be put again. */
bool clickhouse_learned(struct clickhouse *, struct err *);
/* Asks again for all settings: those that matter must stand. For servers that
 * do not tell them with the table. */
int clickhouse_check_settings(struct clickhouse *, struct err *) MUST_USE;

/* An expression: the path of the replica that answers, '' where the table is
 * none. */
void clickhouse_put_replica(struct clickhouse *, struct buf *sql);
/* 1: the replica of that path has all that windows rest on, 0: nobody knows,
 * or it has not. ask: whichever answers. */
int clickhouse_may_count(
    struct clickhouse *, const char *path, bool ask, struct err *) MUST_USE;
/* ERR_SOURCE_LOST: it never had; always -1. */
int clickhouse_other_replica(
    struct clickhouse *, const char *path, struct err *);

/* " WHERE database = ... AND NAME = ..." of the job's table. */
void clickhouse_where_table(
    struct clickhouse *, struct buf *sql, const char *name);
/* Which of both is not there; always -1. */
int clickhouse_unknown_table(struct clickhouse *, struct err *);
/* After the table was read: of a Replicated one the identity is its path. */
int clickhouse_replicated(struct clickhouse *, struct err *) MUST_USE;

/* The source's ops (source.h); clickhouse_open() stands in source_kinds.h. */
source_close_op clickhouse_close;
source_describe_op clickhouse_describe;
source_resolve_op clickhouse_resolve;
source_identity_op clickhouse_identity;
source_clock_op clickhouse_clock;
source_day_op clickhouse_day;
source_visible_op clickhouse_visible;
source_count_op clickhouse_count;
source_days_op clickhouse_days;
source_begin_op clickhouse_read_begin;
source_next_op clickhouse_read_next;
source_end_op clickhouse_read_end;
source_received_op clickhouse_received;

#endif
