#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Options of tables that go to ClickHouse; targets that cannot take the rows;
# keys that repeat, transactions that stay open, timestamps that are skewed.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits_options
replica_setup

ROWS=30000
make_hour $ROWS

# ---- slices, partitions, columns -----------------------------------------------------------

for slices in 1 2 8; do
	sync_config "$(visits "s$slices" "slices: $slices")"
	calve init
	run_ok "slices: $slices"
	equal "slices: $slices" "s$slices"
done
state "UPDATE $TABLE SET updated_at = $(now_ms) - 1000 WHERE id % 3 > 0" >/dev/null
sync_config "$(visits skewed 'slices: 4')"
calve init
run_ok 'skew'
equal 'two of three rows of one timestamp' skewed

sync_config "$(visits p 'partition: [day(updated_at), country]')"
calve init
has 'a partition of several fields must not be NULL there' 'Nullable.*country|allow_nullable_key' "$ERR"
sync_config "$(visits p 'partition: [day(created_at), is_deleted]')"
calve init
sync_config "$(visits p 'partition: [day(updated_at), is_deleted]')"
calve init
run_ok 'partition'
equal 'partition: fields of several columns' p
has 'as they stand in the file' 'toYYYYMMDD\(fromUnixTimestamp64Milli\(updated_at.*, is_deleted' "$(sql "SELECT partition_key FROM system.tables WHERE name = 'p'")"
sync_config "$(visits q 'partition: ["bucket(16, id)"]')"
calve init
has 'other transforms are refused' "partition 'bucket\(16, id\)' of 'q' must be a column, or year, month, day or hour" "$ERR"

# Versions of a key meet in a merge wherever their times lie. Where a table's
# partitions part them that is told, and the way out of the runbook mends it.
app "CREATE TABLE moved (id int PRIMARY KEY, updated_at timestamptz NOT NULL, v text); INSERT INTO moved SELECT g, '2026-09-30 12:00+00', 'old' FROM generate_series(1, 1000) g" >/dev/null
moved() { # TARGET OPTIONS
	sync_config "{ name: $1, source: app.moved, target: olap.fact.$1, timestamp: updated_at, key: [id]${2:+, $2} }"
	calve init
}
versions() { # TABLE: rows there; with FINAL; with FINAL by partition
	sql "OPTIMIZE TABLE fact.$1 FINAL"
	sql "SELECT (SELECT count() FROM fact.$1) || ' ' || (SELECT count() FROM fact.$1 FINAL) || ' ' || (SELECT count() FROM fact.$1 FINAL SETTINGS do_not_merge_across_partitions_select_final = 1)"
}
moved one
same 'one partition: nothing to tell' 0 "$(grep -c partitioned <<<"$ERR")"
run_ok 'before the change'
moved parted 'partition: [month(updated_at)]'
has 'partitions by the timestamp are told by init' "warn .*the target 'fact.parted' is partitioned by 'updated_at', which is not of the key: versions" "$ERR"
run_ok 'before the change, by month'
app "UPDATE moved SET updated_at = '2026-10-01 12:00+00', v = 'new'" >/dev/null
run_ok 'after the change, by month'
same 'by month old versions stay' '2000 1000 2000' "$(versions parted)"
calve check --connect
has 'which check tells' "warn .*'fact.parted' is partitioned by 'updated_at'.*'Old versions stay'" "$ERR"
sql 'CREATE TABLE fact.parted_new AS fact.parted ENGINE = ReplacingMergeTree(updated_at) PARTITION BY tuple() ORDER BY id SETTINGS non_replicated_deduplication_window = 1000'
sql 'INSERT INTO fact.parted_new SELECT * FROM fact.parted FINAL'
sql 'EXCHANGE TABLES fact.parted AND fact.parted_new'
app "UPDATE moved SET updated_at = '2026-11-01 12:00+00', v = 'newer'" >/dev/null
run_ok 'copied into one partition'
same 'copied into one partition: old versions are gone' '1000 1000 1000' "$(versions parted)"
calve verify
same 'and it is equal' 0 "$RC"
calve check --connect
same 'check has nothing more to tell' 0 "$(grep -c partitioned <<<"$ERR")"
moved one
run_ok 'after the change'
same 'in one partition old versions go' '1000 1000 1000' "$(versions one)"
moved shard 'partition: [id]'
same 'a partition of the key parts no versions' 0 "$(grep -c partitioned <<<"$ERR")"

sync_config "$(visits few 'include: [id, updated_at, city], start: "2100-01-01"')"
calve init
same 'include: only these columns' 'city,id,updated_at' "$(sql "SELECT arrayStringConcat(arraySort(groupArray(name)), ',') FROM system.columns WHERE table = 'few'")"
run_ok 'start'
same 'start: nothing before it' 0 "$(sql 'SELECT count() FROM fact.few')"
sync_config "$(visits few 'include: [city]')"
run_ok 'include without timestamp and key'
sync_config "$(visits few 'exclude: [updated_at]')"
calve run
has 'the timestamp cannot be left out' "column 'updated_at' cannot be excluded: it orders the rows" "$ERR"

# ---- targets that cannot take the rows ------------------------------------------------------

# bad NAME DDL PATTERN
bad() {
	sql 'DROP TABLE IF EXISTS fact.bad'
	sql "CREATE TABLE fact.bad $2"
	sync_config "$(visits bad)"
	calve run
	same "$1: fails" '1 1' "$RC $(errors_in "$ERR")"
	has "$1: says why" "$3" "$ERR"
}
all=$(sql "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM (SELECT * FROM system.columns WHERE table = 's1' ORDER BY position)")
replacing='ENGINE = ReplacingMergeTree(updated_at) ORDER BY id'
bad 'another engine' "($all) ENGINE = MergeTree ORDER BY id" "the target 'fact.bad' is 'MergeTree'; it must be ReplacingMergeTree\(updated_at\)"
bad 'another version' "($all) ENGINE = ReplacingMergeTree(id) ORDER BY id" "must be ReplacingMergeTree\(updated_at\)"
bad 'no version' "($all) ENGINE = ReplacingMergeTree ORDER BY id" "must be ReplacingMergeTree\(updated_at\)"
bad 'another key' "($all) ENGINE = ReplacingMergeTree(updated_at) ORDER BY (id, is_deleted)" "is ordered by \(id, is_deleted\), which is not the table's key"
bad 'a column less' "(${all/, city Nullable(String)/}) $replacing" "has no column 'city'; ALTER TABLE ... ADD COLUMN it, with the DEFAULT that older rows have at the source, or exclude it"
bad 'a computed column' "(${all/city Nullable(String)/city String MATERIALIZED \'x\'}) $replacing" "target's column 'city' is computed there; exclude it"
bad 'another type' "(${all/city Nullable(String)/city Nullable(Int32)}) $replacing" "column 'city': string values do not go into the target's Nullable\(Int32\)"
bad 'no NULL' "(${all/city Nullable(String)/city String}) $replacing" "column 'city' has a NULL, and the target's String takes none; make it Nullable there"
bad 'a number that does not fit' "(${all/duration_ms Nullable(Int32)/duration_ms Nullable(Int16)}) $replacing" "column 'duration_ms': a value does not fit the target's Nullable\(Int16\)"

# columns of other types that hold the values; one that the source lacks
all=${all/page_views Nullable(Int32)/page_views Nullable(UInt8)}
all=${all/is_deleted Int16/is_deleted Int8}
all=${all/city Nullable(String)/city LowCardinality(Nullable(String))}
all=${all/scroll_depth Nullable(Float32)/scroll_depth Nullable(Float64)}
sql 'DROP TABLE IF EXISTS fact.bad'
sql "CREATE TABLE fact.good (x Int32 DEFAULT 5, $all) $replacing"
sync_config "$(visits good)"
run_ok 'a target of other types'
equal 'holds the same values' good
same 'and its own column its default' 5 "$(sql 'SELECT any(x) FROM fact.good')"

# ---- keys that repeat ------------------------------------------------------------------------

state "CREATE TABLE log (id int NOT NULL, v int, updated_at timestamptz NOT NULL);
	INSERT INTO log SELECT g % 1000, g, '2026-01-01 00:00:00+00'::timestamptz + (g / 10 || ' s')::interval FROM generate_series(1, 50000) g" >/dev/null
sync_config '{ name: log, source: app.log, target: olap.fact.log, timestamp: updated_at, key: [id], slices: 4 }'
calve init
calve check --connect
has 'check tells of a key that may repeat' "no unique index of the source has the key's columns" "$ERR"
run_ok 'keys that repeat'
same 'only the newest version of a key was sent' '1000 1000' "$(sql 'SELECT count(), uniqExact(id) FROM fact.log' | tr '\t' ' ')"
same 'and it is the newest' "$(state 'SELECT sum(v) FROM (SELECT DISTINCT ON (id) v FROM log ORDER BY id, updated_at DESC, ctid DESC) AS l')" "$(sql 'SELECT sum(v) FROM fact.log FINAL')"

# ---- transactions that stay open -----------------------------------------------------------------

sync_config "$(visits open 'lookback: 0s')"
calve init
run_ok 'before'
coproc OTHER { psql -qXAt "$(cat "$T/pg/pg.conninfo")" 2>&1; }
other=$OTHER_PID
printf '%s\n' "BEGIN; UPDATE $TABLE SET city = 'held', updated_at = (extract(epoch FROM now()) * 1000)::bigint WHERE id = 1;" '\echo begun' >&"${OTHER[1]}"
read -r line <&"${OTHER[0]}"
same 'a transaction has written' begun "$line"
state "UPDATE $TABLE SET city = 'quick', updated_at = $(now_ms) WHERE id = 2" >/dev/null
run_ok 'while it is open'
same 'what came after it began is left' 0 "$(sql "SELECT count() FROM fact.open FINAL WHERE city = 'quick'")"
printf '%s\n' 'COMMIT;' '\echo done' '\q' >&"${OTHER[1]}"
read -r line <&"${OTHER[0]}"
wait "$other" 2>/dev/null
run_ok 'when it has ended'
equal 'neither it nor what came meanwhile is lost' open

# ---- a source that lets nobody read ---------------------------------------------------------------

coproc OTHER { psql -qXAt "$(cat "$T/pg/pg.conninfo")" 2>&1; }
other=$OTHER_PID
printf '%s\n' "BEGIN; LOCK TABLE $TABLE;" '\echo locked' >&"${OTHER[1]}"
read -r line <&"${OTHER[0]}"
"$CALVE" -c "$T/calve.yaml" run >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
coordinator=$!
# shellcheck disable=SC2317 # by wait_until
waits_for_lock() {
	[ "$(app "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'calve-worker' AND wait_event_type = 'Lock'")" != 0 ]
}
wait_until 30 waits_for_lock || not_ok "a locked source: nobody waits for it: $(cat "$T/stopped.err")"
began=$SECONDS
kill -TERM "$coordinator"
wait "$coordinator"
same 'a locked source: a run that waits for it is stopped' '1 cancelled|cancelled' "$? $(last_run open state,error_class)"
same 'at once' yes "$( ((SECONDS - began < 10)) && echo yes || echo "after $((SECONDS - began)) s")"
printf '%s\n' '\q' >&"${OTHER[1]}"
wait "$other" 2>/dev/null
run_ok 'when the lock is gone'

# ---- with tables that go to Iceberg --------------------------------------------------------------

sql "CREATE TABLE hot (ts DateTime64(3, 'UTC'), n UInt32) ENGINE = MergeTree ORDER BY ts"
sql "INSERT INTO hot SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + number, number FROM numbers(1000)"
sync_config "$(visits mixed)" '{ name: hot, source: olap.hot, target: lake.cold.hot, timestamp: ts, after: [mixed] }'
calve init
run_ok 'both kinds of table'
equal 'one goes to ClickHouse' mixed
same 'the other to Iceberg' 1000 "$(last_run hot row_count)"
calve status
has 'status shows both' 'mixed +success' "$OUT"

# ---- a column that is added ------------------------------------------------------------------

# Rows from before have its default at the source, without a newer timestamp.
app "CREATE TABLE wider (id int PRIMARY KEY, updated_at timestamptz NOT NULL); INSERT INTO wider SELECT g, timestamptz '2026-01-01 00:00+00' + g * interval '1 day' FROM generate_series(1, 20) g" >/dev/null
sync_config "{ name: wider, source: app.wider, target: olap.fact.wider, timestamp: updated_at, key: [id] }"
calve init
run_ok 'before a column is added'
added() { # COLUMN TYPE-AND-DEFAULT TARGET-TYPE
	app "ALTER TABLE wider ADD COLUMN $1 $2; INSERT INTO wider (id, updated_at) SELECT max(id) + 1, max(updated_at) + interval '1 day' FROM wider" >/dev/null
	calve run
	has "$1: a column that the target lacks is named" "error .*'fact.wider' has no column '$1'; ALTER TABLE" "$ERR"
	sql "ALTER TABLE fact.wider ADD COLUMN $1 $3"
}
same_values() { # NAME COLUMN
	same "$1: the same values" "$(app "SELECT string_agg($2::text, ',' ORDER BY id) FROM wider")" \
		"$(sql "SELECT arrayStringConcat(groupArray(toString($2)), ',') FROM (SELECT * FROM fact.wider FINAL ORDER BY id)")"
}
added c 'int NOT NULL DEFAULT 5' Int32
calve check --connect
has 'check tells of values that older rows lack' "warn .*column 'c' is new since the last run, and [12][0-9] older rows of the source have another value in it than '0', which the target gives them: the next run sends all rows again" "$ERR"
calve verify
has 'verify, too' "warn .*column 'c' is new since the last run" "$ERR"
same 'and finds both sides different' 1 "$RC"
calve run --dry-run
has 'a dry run counts all' '^ +1 +wider +21 ' "$OUT"
run_ok 'a column with a default'
has 'a run tells, and sends all' "warn .*column 'c' is new since the last run, and [12][0-9] older rows .*: all rows are sent again, and replace themselves" "$ERR"
same_values 'a column with a default' c
run_ok 'the next run'
same 'once per change' '0 1' "$(grep -c 'is new since' <<<"$ERR") $(last_run wider row_count)"
added d "text NOT NULL DEFAULT 'as before'" "String DEFAULT 'as before'"
run_ok 'the same default at the target'
same 'needs no more than the window' '0 1' "$(grep -c 'is new since' <<<"$ERR") $(last_run wider 'row_count - 1')"
same_values 'the same default at the target' d
added e 'int' 'Nullable(Int32)'
run_ok 'a column of NULLs'
same 'needs no more, either' 0 "$(grep -c 'is new since' <<<"$ERR")"
sed -i 's/key: \[id\]/&, exclude: [d]/' "$T/calve.yaml"
run_ok 'a column left out'
app "INSERT INTO wider (id, updated_at, d) VALUES (100, '2026-03-01', 'while it was out')" >/dev/null
run_ok 'and rows meanwhile'
app "INSERT INTO wider (id, updated_at, d) VALUES (101, '2026-03-02', 'in again')" >/dev/null
sed -i 's/, exclude: \[d\]//' "$T/calve.yaml"
fault 'kill:sync.range.acknowledged' run
same 'killed while all is sent again' 1 "$RC"
run_ok 'a column that is no longer left out'
same_values 'a column that is no longer left out' d
calve verify
same 'after all of it verify finds both sides equal' 0 "$RC"

exit "$TESTS_FAILED"
