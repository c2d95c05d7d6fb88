/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings every query of calve runs with (format.md 4.1). Only those
 * that the server knows and that differ from what the user's profile has are
 * sent, so that old servers and read-only users work where they can. Those
 * that could lose rows without an error must stand as wanted.
 */
#ifndef CALVE_CLICKHOUSE_SETTINGS_H
#define CALVE_CLICKHOUSE_SETTINGS_H

#include "common/buf.h"
#include "common/err.h"

struct setting_seen {
	char *name, *value;
	bool locked;
	/* by settings_choose() */
	bool to_confirm;  /* sent, and it matters */
	const char *sent; /* or NULL: as it was */
};

struct settings_wanted {
	unsigned threads; /* 0: the server's choice */
	bool lz4;         /* frames are to hold LZ4 */
	bool zstd;        /* answers are to have Content-Encoding zstd */
};

/* "'a', 'b', ..." of all names of interest, for an IN (). */
void settings_names(struct buf *out);
/* Appends "&name=value" for each setting to be sent. Fails with ERR_SOURCE
 * where a setting that must be changed cannot be. */
int settings_choose(struct setting_seen *, size_t n,
    const struct settings_wanted *, struct buf *parameters,
    struct err *) MUST_USE;
/* With the chosen ones in force: do those that matter stand as they must? */
int settings_check(
    const struct setting_seen *, size_t n, struct err *) MUST_USE;
/* Likewise for one that was to be confirmed, by toString(getSetting()). */
int settings_confirm(
    const struct setting_seen *, const char *now, struct err *) MUST_USE;

/*
 * By how many seconds the replicas may lag that a Distributed table reads from;
 * 0: by any number. "If a replica's lag is greater than or equal to the set
 * value, this replica is not used" (ClickHouse documentation, the setting of
 * this name).
 */
#define SETTINGS_REPLICA_DELAY "max_replica_delay_for_distributed_queries"
enum { SETTINGS_REPLICA_DELAY_DEFAULT = 300 };
uint64_t settings_replica_delay(const struct setting_seen *, size_t n);

#endif
