/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve.yaml as structs. Reading it contacts nothing but the file and the
 * environment.
 *
 * ${NAME} in any value takes the environment's value ($${ is a literal ${);
 * such a value also keeps what was written, and only that is ever printed.
 * Every message is "FILE:LINE: cause", and repeats no secret.
 *
 * A table's options come from its own entry, then `defaults`, then built in.
 */
#ifndef CALVE_CONFIG_H
#define CALVE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/job.h"
#include "coordinator/limits.h"

struct node;

/* A text of the file. */
struct text {
	char *value; /* NULL: not given */
	char *raw;   /* as written, when the environment had part */
};

struct texts {
	char **items;
	size_t n;
};

struct config_source {
	char *name;
	unsigned line;
	struct text kind, url, database, user, password, wire;
	struct text conninfo; /* of kind postgres, instead of these four */
	bool postgres;
};

struct config_catalog {
	char *name;
	unsigned line;
	struct text kind, warehouse;
};

struct config_table {
	unsigned line;
	struct text name, source, target, timestamp, sequence, timezone, layer,
	    start, compression, encoding;
	struct texts key, partition, after, include, exclude;
	struct job_column *columns;
	size_t ncolumns;
	bool final;
	uint64_t settle_ms, step_ms, step_rows, file_size, row_group_size,
	    row_group_rows, expire_ms, threads, timeout_ms;
	uint64_t lookback_ms, slices;
	struct limits limits;

	/* Found out when all is read. */
	size_t source_at, catalog_at; /* in sources, catalogs */
	bool sync;                    /* into ClickHouse: catalog_at is the
					 * target's place in sources */
	size_t wave;                  /* its layer's place, or 0 */
	char *database, *table;       /* database: NULL, source's */
	char *namespace_, *target_table;
};

struct config {
	char *path; /* as messages name it */
	struct text state;
	struct config_source *sources;
	size_t nsources;
	struct config_catalog *catalogs;
	size_t ncatalogs;
	uint64_t workers;
	struct limits limits;
	uint64_t attempts, backoff_ms, grace_ms;
	struct texts layers;
	struct config_table *tables;
	size_t ntables;
	char *warning;     /* one line for the user, or NULL */
	struct node *root; /* as read */
};

/* path NULL: ./calve.yaml, then /etc/calve/calve.yaml. */
int config_load(const char *path, struct config *, struct err *) MUST_USE;
/* The same from memory; name stands in messages. */
int config_parse(const char *text, size_t n, const char *name, struct config *,
    struct err *) MUST_USE;
void config_clear(struct config *);

/* In the form of calve.yaml: every option of every table with the value that
 * holds, `defaults` dissolved. Reads back as the same configuration, but for
 * masked passwords. */
void config_print(const struct config *, FILE *);

/*
 * Replaces the tables by one, as `calve offload` makes it from its flags;
 * options that are NULL are those of `defaults`. A table or target without
 * its first part means the only source or catalog. Messages begin with
 * "command line". The configuration is to be cleared also on failure.
 */
struct config_adhoc {
	const char *source_table, *target_table, *timestamp, *sequence, *layer,
	    *name, *start;
	const char *const *partition;
	size_t npartition;
};
int config_only_table(
    struct config *, const struct config_adhoc *, struct err *) MUST_USE;

/* NULL when there is none of that name. */
const struct config_table *config_find(const struct config *, const char *);

/* A job for the table; cleared by the caller with job_clear. */
void config_job(const struct config *, const struct config_table *,
    enum job_kind, const char *run_id, unsigned attempt, struct job *out);

#endif
