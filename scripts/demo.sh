#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole product on throw-away servers below build/demo: what `make demo`
# runs. Installs what is missing, builds, loads a million trades into
# ClickHouse, offloads them into an Iceberg table, and reads both sides back
# with programs that are not ours.
#
#	scripts/demo.sh		KEEP=1 leaves the servers up afterwards
#	scripts/demo.sh stop	stops those that were left up
#
# ROWS sets another number of trades, MORE that of the second load.

set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo_common.sh
. scripts/demo_common.sh

rows=${ROWS:-1000000}
more=${MORE:-1500}
target=demo.cold.bronze_trades_binance

# Trades FROM to TO (numbers) of the list whose millionth ends at $end.
load_trades() {
	ch_sql "$demo/ch" "$(cat scripts/trades.sql)" \
	    "param_end=$end&param_from=$1&param_to=$2"
}

create_table() {
	ch_sql "$demo/ch" 'CREATE DATABASE k2'
	ch_sql "$demo/ch" 'CREATE TABLE bronze_trades_binance (
	    exchange_timestamp DateTime64(3), sequence_number UInt64,
	    symbol String, price Decimal64(8), quantity Decimal64(8),
	    quote_volume Decimal64(8), event_time DateTime64(3),
	    kafka_offset UInt64, kafka_partition UInt16,
	    ingestion_timestamp DateTime
	) ENGINE = MergeTree()
	ORDER BY (exchange_timestamp, sequence_number)
	TTL ingestion_timestamp + INTERVAL 7 DAY' database=k2
}

write_config() {
	cat > "$demo/calve.yaml" <<-EOF
		# What the demo runs with. The password stands in the environment.
		state: "$(cat "$demo/pg/pg.conninfo")"
		sources:
		  hot:
		    kind: clickhouse
		    url: $(cat "$demo/ch/ch.url")
		    database: k2
		    user: $(cat "$demo/ch/ch.user")
		    password: "\${CLICKHOUSE_PASSWORD}"
		catalogs:
		  demo: { kind: hadoop, warehouse: "$demo/warehouse" }
		layers: [bronze]
		tables:
		  - source: hot.bronze_trades_binance
		    target: $target
		    timestamp: exchange_timestamp
		    sequence: sequence_number
		    partition: [day(exchange_timestamp)]
		    layer: bronze
	EOF
}

# What every side is asked, one value a column: TABLE, the times of first and
# last trade as text, the number of different positions.
facts_sql() {
	cat <<-EOF
		SELECT count(*), count(*) - $4, $2, $3,
		    min(sequence_number), max(sequence_number),
		    min(price), max(price), sum(quantity),
		    count(DISTINCT symbol)
		FROM $1
	EOF
}

clickhouse_facts() {
	ch_sql "$demo/ch" "$(facts_sql "$1" \
	    "toDateTime64(min(exchange_timestamp), 3, 'UTC')" \
	    "toDateTime64(max(exchange_timestamp), 3, 'UTC')" \
	    'uniqExact((exchange_timestamp, sequence_number))')" \
	    'output_format_decimal_trailing_zeros=1' | tr '\t' '\n'
}

duckdb_facts() {
	node tests/interop/read_duckdb.mjs "$table" --raw --sql "$(facts_sql t \
	    "strftime(min(exchange_timestamp), '%Y-%m-%d %H:%M:%S.%g')" \
	    "strftime(max(exchange_timestamp), '%Y-%m-%d %H:%M:%S.%g')" \
	    'count(DISTINCT (exchange_timestamp, sequence_number))')" |
	    tr '\t' '\n'
}

compare_sides() {
	local names=(rows 'duplicate positions' 'first exchange_timestamp'
	    'last exchange_timestamp' 'lowest sequence_number'
	    'highest sequence_number' 'lowest price' 'highest price'
	    'sum of quantity' symbols)
	local source engine duck i same=0
	mapfile -t source < <(clickhouse_facts k2.bronze_trades_binance)
	mapfile -t engine < <(clickhouse_facts "icebergLocal('$table')")
	mapfile -t duck < <(duckdb_facts)
	printf '%-25s %-24s %-24s %s\n' '' 'ClickHouse table' \
	    'Iceberg by DuckDB' 'Iceberg by ClickHouse'
	for i in "${!names[@]}"; do
		printf '%-25s %-24s %-24s %s' "${names[i]}" \
		    "${source[i]-}" "${duck[i]-}" "${engine[i]-}"
		if [[ -n ${source[i]-} && ${source[i]} == "${duck[i]-}" &&
		    ${source[i]} == "${engine[i]-}" ]]; then
			echo
		else
			echo ' <- differs'
			same=1
		fi
	done
	return $same
}

# ---- the demo -----------------------------------------------------------------

demo_begin demo scripts/demo.sh "${1:-}"
table=$demo/warehouse/cold/bronze_trades_binance

say "$rows trades of the last 30 hours"
end=$((($(date +%s) - 600) * 1000))
create_table
load_trades 0 "$rows"
write_config
run "${calve[@]}" init

say 'The first run takes every settled row'
run "${calve[@]}" run

say "$more more trades: the second run takes only those"
load_trades "$rows" $((rows + more))
run "${calve[@]}" run

say 'Nothing new: the third run finds nothing to do'
run "${calve[@]}" run

say 'What calve knows, and what it finds when it checks'
run "${calve[@]}" status
run "${calve[@]}" verify

say 'Both sides, read by programs that are not ours'
compare_sides

demo_end "$table"
