/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replica knows of the inserts that others have acknowledged: since
 * when one may be missing here. Pure; clickhouse_visible.c asks and waits.
 *
 * Replication is asynchronous: "an INSERT query waits for confirmation of
 * writing the data from only one replica" (ClickHouse documentation, Data
 * Replication). Each insert is an entry in a log that Keeper holds; a replica
 * copies entries to a queue of its own, and works that off. system.replicas
 * tells of both (its documentation, and StorageReplicatedMergeTree's
 * getStatus() and getAbsoluteDelay()):
 *
 *   log_max_index     the newest entry, asked of Keeper
 *   log_pointer       the newest that was copied, plus one
 *   absolute_delay    now less the time at which the oldest insert of the
 *                     queue was made; where the log cannot be read, less that
 *                     of the first try that failed; now itself where it has
 *                     never been read
 *   queue_oldest_time the same of all entries: absolute_delay leaves out those
 *                     that replace or move partitions, which bring rows, too
 *   is_readonly       it has no session with Keeper: then absolute_delay
 *                     stands still, and nothing is known
 *
 * So when all entries that the log held at a moment have been copied, every
 * row that a replica had acknowledged before that moment is here, unless it
 * was inserted at or after the time that the queue tells. Rows are inserted no
 * later than `settle` after their timestamp, hence a window that ends by that
 * time, instead of by the clock, has them all.
 *
 * Assumed: the clocks of replicas agree as well as those of whoever inserts,
 * and a node of Keeper is not further behind than settle.
 */
#ifndef CALVE_CLICKHOUSE_REPLICA_H
#define CALVE_CLICKHOUSE_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

struct replica_status {
	bool blind; /* no session, or Keeper did not answer */
	uint64_t log_max_index, log_pointer;
	uint64_t delay_s;  /* absolute_delay */
	uint64_t others;   /* entries that are no insert, merge, mutation */
	uint64_t oldest_s; /* queue_oldest_time, seconds since 1970 */
	uint64_t now_s;    /* its clock */
};

enum replica_knows {
	REPLICA_NOTHING, /* no session with Keeper, or none yet */
	REPLICA_LESS,    /* entries of the log are still to be copied */
	REPLICA_ALL      /* *since_us holds */
};

/* log_end: entries before it are to be known of; UINT64_MAX: those that the
 * log holds now, and it is set to that. since_us: all that was inserted before
 * it is here. */
enum replica_knows replica_judge(
    const struct replica_status *, uint64_t *log_end, int64_t *since_us);

#endif
