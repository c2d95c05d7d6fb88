#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One table, the everyday way: init, run, increment, nothing to do, status,
# verify, the ad-hoc command.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite basic

# the table has microseconds where the source has milliseconds
COLUMNS="toDateTime64(exchange_timestamp, 6, 'UTC'), sequence_number, symbol, price, quantity"
sql "CREATE TABLE trades (exchange_timestamp DateTime64(3), sequence_number UInt64, symbol String, price Decimal64(8), quantity Decimal64(8), n UInt16, d DateTime) ENGINE = MergeTree ORDER BY (exchange_timestamp, sequence_number)"
insert() { # ROWS FROM_SECONDS_AGO FIRST_SEQUENCE
	sql "INSERT INTO trades SELECT now64(3) - INTERVAL $2 SECOND + toIntervalMillisecond(intDiv(number, 3) * 10), $3 + number * 2, ['BTC','ETH','SOL'][number % 3 + 1], toDecimal64(number / 7, 8), toDecimal64(1 / (number + 1), 8), number % 1000, now() FROM numbers($1)"
}
insert 50000 90000 1000
config '{ name: trades, source: hot.trades, target: lake.cold.trades, timestamp: exchange_timestamp, sequence: sequence_number, partition: [day(exchange_timestamp)] }'

calve run
same 'run before init says what to do' '3 calve init' "$RC $(grep -o 'calve init' <<<"$ERR" | head -n 1)"
calve init
same 'init ends well' 0 "$RC"
calve init
same 'init again ends well' 0 "$RC"
calve run
same 'first run ends well' 0 "$RC"
equal 'every row is there once' trades cold.trades "$COLUMNS"
same 'ledger has the run' 'success|50000' "$(state "SELECT state || '|' || row_count FROM offload_runs")"
insert 1500 3600 900000
calve run
equal 'the increment is there once' trades cold.trades "$COLUMNS"
same 'only the new rows were taken' 1500 "$(state 'SELECT row_count FROM offload_runs ORDER BY started_at DESC LIMIT 1')"
before=$(cat "$WAREHOUSE/cold/trades/metadata/version-hint.text")
calve run
same 'nothing to do ends well' 0 "$RC"
same 'nothing to do commits nothing' "$before" "$(cat "$WAREHOUSE/cold/trades/metadata/version-hint.text")"
sql "INSERT INTO trades SELECT now64(3), 99999999, 'BTC', 1, 1, 1, now()"
calve run
same 'rows within the settle margin wait' 51500 "$(sql "SELECT count() FROM $(iceberg cold.trades)")"

calve status
has 'status names table and rows' 'trades.*success.*51,?500|trades.*51,?500.*success' "$OUT"
calve status --json
has 'status --json is JSON' '"trades"' "$OUT"
same 'status --json parses' 0 "$(node -e 'JSON.parse(require("fs").readFileSync(0))' <<<"$OUT" >/dev/null 2>&1; echo $?)"
calve verify
same 'verify finds both sides equal' 0 "$RC"
has 'verify shows the rows' '51,?500' "$OUT"
sql "INSERT INTO trades SELECT min(exchange_timestamp) + INTERVAL 1 MINUTE, 1, 'LATE', 1, 1, 1, now() FROM trades"
calve verify
same 'verify finds a late row' 1 "$RC"

calve offload --source-table trades --target-table lake.cold.adhoc --timestamp-col exchange_timestamp --sequence-col sequence_number --layer bronze
same 'offload of one table ends well' 0 "$RC"
equal 'offload took every settled row' trades cold.adhoc "$COLUMNS" 'exchange_timestamp < now() - INTERVAL 5 MINUTE'
calve check
same 'check ends well' 0 "$RC"
same 'check prints no secret' 0 "$(grep -c "$CLICKHOUSE_PASSWORD" <<<"$OUT$ERR")"
calve check --connect
has 'check --connect shows the types' 'price.*decimal\(18, ?8\)' "$OUT"
same 'nothing written holds the password' '' "$(grep -rlF "$CLICKHOUSE_PASSWORD" "$WAREHOUSE" "$T/calve.yaml")"
