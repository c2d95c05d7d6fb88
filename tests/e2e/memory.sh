#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a worker holds at once is bounded, whatever the number of rows and of
# partitions: peaks are those of the ledger.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite memory

MOST=$((96 << 20))
sql "CREATE TABLE trades (ts DateTime64(3, 'UTC'), seq UInt64, symbol String, price Decimal64(8), quantity Decimal64(8), volume Decimal64(8), event DateTime64(3, 'UTC'), position UInt64, shard UInt16, taken DateTime('UTC'), day Date) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO trades SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * 20) AS ts, number, ['BTC', 'ETH', 'SOL'][number % 3 + 1], toDecimal64(60000 + sin(number) * 100, 8), toDecimal64(sipHash64('q', number) % 1000000 / 100000, 8), toDecimal64(sipHash64('v', number) % 100000000 / 1000, 8), ts + toIntervalMillisecond(sipHash64('e', number) % 40), intDiv(number, 6), number % 6, toDateTime(ts, 'UTC'), toDate('2022-01-01') + sipHash64('day', number) % 400 FROM numbers(3000000)"

entry() { # NAME PARTITION [MORE]
	echo "{ name: $1, source: hot.trades, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [$2], limits: { threads: 2 }${3:+, $3} }"
}
peak() { # TABLE
	last_run "$1" peak_memory_bytes
}
bounded() { # TABLE
	if (($(peak "$1") <= MOST)); then
		ok "$1: at most 96 MiB"
	else
		not_ok "$1: $(($(peak "$1") >> 20)) MiB at once, more than 96"
	fi
}

config "$(entry whole '')" "$(entry days day)" "$(entry dense_days day 'encoding: dense')" \
	"$(entry part '' 'start: 2024-03-01T12:00:00Z')"
calve init
calve run -j 1
same 'all end well' 0 "$RC"
for table in whole days dense_days; do
	bounded "$table"
	same "$table: every row is there" 3000000 "$(sql "SELECT count() FROM $(iceberg "cold.$table")")"
done
same 'one window wrote 400 partitions' 400 "$(find "$WAREHOUSE/cold/days/data" -mindepth 1 -maxdepth 1 -type d | wc -l)"

# a fraction of the rows needs as much
same 'fewer rows' yes "$(last_run part 'row_count < 900000 AND row_count > 800000' | sed 's/^t$/yes/')"
awk -v a="$(peak part)" -v b="$(peak whole)" 'BEGIN { exit !(b <= a * 1.1) }'
same 'and the peak does not grow with them' 0 $?
