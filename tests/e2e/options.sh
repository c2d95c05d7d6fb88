#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Options of a table that choose rows or columns: final, start, step_rows,
# include, exclude; and window columns other than DateTime64(3).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite options

sql "CREATE TABLE versions (ts DateTime, id UInt32, v UInt32) ENGINE = ReplacingMergeTree(v) ORDER BY (ts, id)"
sql 'SYSTEM STOP MERGES versions'
for v in 1 2 3; do
	sql "INSERT INTO versions SELECT toDateTime('2024-01-01 00:00:00') + number, number, $v FROM numbers(100)"
done
sql 'CREATE TABLE days (day Date, id UInt32) ENGINE = MergeTree ORDER BY (day, id)'
sql 'INSERT INTO days SELECT today() - number % 3, number FROM numbers(99)'
sql 'CREATE TABLE nanos (ts DateTime64(9), id Int64) ENGINE = MergeTree ORDER BY (ts, id)'
sql 'INSERT INTO nanos SELECT fromUnixTimestamp64Nano(toInt64(1700000000000000000 + number)), -number FROM numbers(1000)'
sql 'CREATE TABLE parts (ts DateTime, a UInt8, b UInt8, c UInt8) ENGINE = MergeTree ORDER BY ts'
sql "INSERT INTO parts SELECT toDateTime('2024-01-01 00:00:00') + number * 3600, 1, 2, 3 FROM numbers(48)"
config '{ source: hot.versions, target: lake.cold.versions, timestamp: ts, sequence: id, final: true }' \
	'{ source: hot.days, target: lake.cold.days, timestamp: day, sequence: id, timezone: UTC, partition: [day] }' \
	'{ source: hot.nanos, target: lake.cold.nanos, timestamp: ts, sequence: id, step_rows: 300, columns: { ts: { time: floor } } }' \
	"{ source: hot.parts, target: lake.cold.parts, timestamp: ts, start: '2024-01-02', exclude: [b] }" \
	'{ name: chosen, source: hot.parts, target: lake.cold.chosen, timestamp: ts, include: [ts, c] }'

calve init
calve run
same 'the run ends well' 0 "$RC"
same 'final takes the newest version of each key' '100	3	3' \
	"$(sql "SELECT count(), min(v), max(v) FROM $(iceberg cold.versions)")"
same 'a Date column offloads whole days, today is left' "$(sql "SELECT count(), max(day) FROM days WHERE day < toDate(now('UTC') - INTERVAL 5 MINUTE)")" \
	"$(sql "SELECT count(), max(day) FROM $(iceberg cold.days)")"
same 'nanoseconds are floored, every row is there' '1000	1000	2023-11-14 22:13:20.000000' \
	"$(sql "SELECT count(), uniqExact(id), max(ts) FROM $(iceberg cold.nanos)")"
same 'the position keeps the nanoseconds' '2023-11-14T22:13:20.000000999Z/-999' \
	"$(state "SELECT last_offload_position FROM offload_watermarks WHERE table_name = 'nanos'")"
steps=$(find "$WAREHOUSE/cold/nanos/metadata" -name 'snap-*' | wc -l)
has 'step_rows cut the window into commits' '^[4-8]$' "$steps"
same 'start leaves out what is older' '24	2024-01-02 00:00:00.000000' \
	"$(sql "SELECT count(), min(ts) FROM $(iceberg cold.parts)")"
columns() {
	sql "DESCRIBE TABLE $(iceberg "$1")" | cut -f 1 | tr '\n' ' '
}
same 'exclude leaves a column out' 'ts a c ' "$(columns cold.parts)"
same 'include takes only what it names' 'ts c ' "$(columns cold.chosen)"
calve verify
same 'verify agrees with each, from its start on' 0 "$RC"
has 'verify counts from start on' 'parts +all +24 +24' "$OUT"
calve run
same 'a second run finds nothing' '0 0' "$RC $(state "SELECT sum(row_count) FROM (SELECT DISTINCT ON (table_name) row_count FROM offload_runs ORDER BY table_name, started_at DESC) t")"
