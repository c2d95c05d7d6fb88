/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/source/clickhouse_replica.h"

static const int64_t SECOND_US = 1000000;

enum replica_knows
replica_judge(
    const struct replica_status *r, uint64_t *log_end, int64_t *since_us)
{
	uint64_t since = r->now_s - r->delay_s;

	if (r->blind || r->delay_s >= r->now_s)
		return REPLICA_NOTHING;
	/* 0 and 0: an empty log, or one entry and nothing copied yet; then
	 * nothing is here that a position could be taken from */
	if (*log_end == UINT64_MAX)
		*log_end = r->log_max_index == 0 && r->log_pointer == 0
		    ? 0
		    : r->log_max_index + 1;
	if (r->log_pointer < *log_end)
		return REPLICA_LESS;
	if (r->others > 0 && r->oldest_s < since)
		since = r->oldest_s;
	*since_us = (int64_t)since * SECOND_US;
	return REPLICA_ALL;
}
