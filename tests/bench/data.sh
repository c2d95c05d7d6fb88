#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables of the benchmarks, made in the engine by hashes of row numbers: the
# same rows on every machine. Sourced after lib.sh.
#
# A table is written as few parts and never merged, so that nothing works in
# the background while something is timed.

# The last trade of scripts/trades.sql' first million: 2026-01-31T00:00:00Z.
TRADES_END=1769817600000
TRADES_ROWS=${TRADES_ROWS:-3777490}

declare -A ROWS=([trades]=$TRADES_ROWS)
# shellcheck disable=SC2034 # for whoever sources this
declare -A BYTES_IN

UNMERGED='SETTINGS max_bytes_to_merge_at_max_space_in_pool = 1,
    max_bytes_to_merge_at_min_space_in_pool = 1'
BIG_BLOCKS='min_insert_block_size_rows=4000000&min_insert_block_size_bytes=0'

trades_columns='exchange_timestamp DateTime64(3), sequence_number UInt64,
    symbol String, price Decimal64(8), quantity Decimal64(8),
    quote_volume Decimal64(8), event_time DateTime64(3),
    kafka_offset UInt64, kafka_partition UInt16,
    ingestion_timestamp DateTime'

make_trades() {
	sql "CREATE TABLE bench.trades ($trades_columns) ENGINE = MergeTree
	    ORDER BY (exchange_timestamp, sequence_number) $UNMERGED" &&
	sql "$(sed 's/k2\.bronze_trades_binance/bench.trades/' \
	    scripts/trades.sql)" \
	    "param_end=$TRADES_END&param_from=0&param_to=$TRADES_ROWS&$BIG_BLOCKS"
}

# bytes_native TABLE: what its rows are in the engine's own column format
bytes_native() {
	curl -sS --fail-with-body "$(cat "$B/ch/ch.url")/" -o /dev/null \
	    -w '%{size_download}' -H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
	    -H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" \
	    --data-binary "SELECT * FROM bench.$1 FORMAT Native"
}

# data NAME: makes the table unless it is there whole; sets BYTES_IN[NAME]
data() {
	local rows
	rows=$(sql "SELECT total_rows FROM system.tables
	    WHERE database = 'bench' AND name = '$1'") || exit 1
	if [ "$rows" != "${ROWS[$1]}" ]; then
		printf 'bench: making %s, %s rows\n' "$1" "${ROWS[$1]}" >&2
		rm -f "$B/$1.bytes"
		sql "DROP TABLE IF EXISTS bench.$1 SYNC" || exit 1
		"make_$1" || bench_fail "no table $1"
	fi
	[ -s "$B/$1.bytes" ] || bytes_native "$1" >"$B/$1.bytes" || exit 1
	# shellcheck disable=SC2034
	BYTES_IN[$1]=$(cat "$B/$1.bytes")
}
