#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drill 12: rows that come later than their timestamps say. Within `settle`
# none is missed; beyond it they are not taken, `calve verify` counts them and
# says so, and an engine that writes Iceberg appends them.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill

CONFIG_EXTRA='retry: { attempts: 1 }'
config '{ name: none, source: hot.none, target: lake.cold.none, timestamp: ts }'
calve init

table_of() { # NAME [KEY]
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, text String) ENGINE = MergeTree ORDER BY ${2:-(ts, seq)}"
}

entry() { # NAME SETTLE [NO-SEQUENCE]
	config "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, ${3-sequence: seq,} partition: [day(ts)], settle: $2 }"
}

# ---- inside, step by step ------------------------------------------------------------
# Time passes by making settle shorter: each window is followed by rows for any
# time that was not settled then, the older ones after the newer ones.

TIMES=0 SUM_LOST=0 SUM_DUPLICATED=0 SEQ=0
for ((round = 1; round <= $(drill_scaled 100 3); round++)); do
	name=steps_$round
	table_of "$name"
	for settle in 40 30 20 10 0; do
		for _ in 1 2 3; do
			drill_draw 0 $(((settle + 10) * 60 - 1))
			sql "INSERT INTO $name SELECT now64(3) - INTERVAL $DRAWN SECOND - toIntervalMillisecond(number % 7), $((SEQ += 100)) + number, 'x' FROM numbers(100)"
		done
		entry "$name" "${settle}m"
		calve run
		[ "$RC" == 0 ] || not_ok "$name: exit status $RC: $ERR"
	done
	drill_rerun -t "$name"
	drill_compare "$name"
	((TIMES += 5, SUM_LOST += LOST, SUM_DUPLICATED += DUPLICATED))
	rm -rf "$WAREHOUSE/cold/$name"
	sql "DROP TABLE $name"
done
drill_result 'late within settle, window by window' "$TIMES" "$SUM_LOST" "$SUM_DUPLICATED" 'taken by the window they fall into'

# ---- inside, while it runs -----------------------------------------------------------
# Rows up to 5 s late come all the time, settle is 8 s: calve runs over and over.

LATE=5 SETTLE=8
inserting() {
	local began slow=0 batches=0
	while [ ! -e "$T/enough" ]; do
		began=$EPOCHREALTIME
		sql "INSERT INTO live SELECT now64(3) - toIntervalMillisecond(rand(number) % ${LATE}000), $((batches * 50)) + number, 'x' FROM numbers(50)"
		[ $((${EPOCHREALTIME/./} - ${began/./})) -lt $(((SETTLE - LATE) * 1000000)) ] || slow=1
		((batches++))
		drill_pause 20
	done
	echo "$batches $slow" >"$T/inserted"
}

settled() {
	[[ $(sql "SELECT max(ts) < now64(3) - INTERVAL $SETTLE SECOND FROM live") == 1 ]]
}

table_of live
entry live ${SETTLE}s
inserting &
inserter=$!
runs=0 began=$SECONDS
while ((SECONDS - began < $(drill_scaled 120 10))); do
	calve run
	[ "$RC" == 0 ] || not_ok "live: exit status $RC: $ERR"
	((runs++))
done
: >"$T/enough"
wait $inserter
read -r batches slow <"$T/inserted"
wait_until 60 settled || not_ok 'the last rows have not settled'
drill_rerun -t live
drill_compare live
commits=$(table snapshots cold.live | wc -l)
if [ "$slow" == 1 ]; then
	echo 'skip late within settle, runs all the time: an insert took longer than the margin on this machine'
else
	drill_result 'late within settle, runs all the time' "$runs" "$LOST" "$DUPLICATED" "$ROWS rows of $batches inserts taken in $commits commits"
fi
drill_history live

# ---- outside ---------------------------------------------------------------------------

# missing NAME: rows that the target has not, by the engine's own reader
missing() {
	drill_compare "$1" >"$T/compared"
	echo "$LOST"
}

table_of outside
sql "INSERT INTO outside SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(number * 20), 1000 + number, 'in time' FROM numbers(20000)"
entry outside 5m
calve run
calve verify
same 'before rows are late both sides are equal' '0 0' "$RC $(grep -c DIFFERENT <<<"$OUT")"
LATE_ROWS=0
for day in 1 2 4; do
	drill_draw 1 50
	((LATE_ROWS += DRAWN))
	sql "INSERT INTO outside SELECT toDateTime64('2024-03-0$day 12:00:00', 3, 'UTC') + toIntervalSecond(number), 900000 + $day * 100 + number, 'late' FROM numbers($DRAWN)"
done
# One that would come before the position only by its sequence.
sql "INSERT INTO outside SELECT max(ts), 1, 'late' FROM outside"
((LATE_ROWS++))
calve run
same 'rows beyond settle are not taken' "0 0" "$RC $(last_run outside row_count)"
calve verify
same 'verify ends with exit status 1' 1 "$RC"
same 'verify counts each of them on its day' "$LATE_ROWS 4" \
	"$(awk '$1 == "outside" && $2 != "all" && $NF == "DIFFERENT" { late += $3 - $4; days++ } END { print late, days }' <<<"$OUT")"
has 'verify says what they are' "warn .*outside: $LATE_ROWS of the source's rows, on 4 days, are not in the target: they came later than settle allows" "$ERR"
calve verify --json
same 'and so does its JSON' "$LATE_ROWS" \
	"$(node -e 'let s = 0; for (const t of JSON.parse(process.argv[1])) if (t.scope !== "all") s += t.source_rows - t.target_rows; console.log(s)' "$OUT")"
same 'an independent reader misses as many' "$LATE_ROWS" "$(missing outside)"
drill_compare outside >/dev/null
UNREPORTED=$((LOST - LATE_ROWS))
drill_result 'late beyond settle: rows that verify did not report' "$LATE_ROWS" "${UNREPORTED#-}" "$DUPLICATED" 'not taken; verify counts them and says what they are'

# As the manual has it.
sql "INSERT INTO FUNCTION $(iceberg cold.outside) SELECT ts, seq, text FROM outside WHERE (ts, seq) NOT IN (SELECT ts, seq FROM $(iceberg cold.outside))" \
	allow_insert_into_iceberg=1
calve verify
same 'appended by another engine, both sides are equal' "0 0" "$RC $(grep -c DIFFERENT <<<"$OUT")"
sql "INSERT INTO outside SELECT max(ts) + INTERVAL 1 HOUR, 5, 'new' FROM outside"
calve run
same 'and calve goes on from where it was' "0 1" "$RC $(last_run outside row_count)"
drill_compare outside
drill_result 'late rows appended by another engine' 1 "$LOST" "$DUPLICATED" 'went on behind the foreign snapshot'

# Without a sequence, what comes with the position's own time is late, too.
table_of ties ts
sql "INSERT INTO ties SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(number), number, 'x' FROM numbers(100)"
entry ties 5m ''
calve run
sql "INSERT INTO ties SELECT max(ts), 100 + number, 'late' FROM ties, numbers(3) AS n GROUP BY number"
calve run
calve verify
has 'without a sequence: verify counts rows of the position' 'warn .*ties: 3 of the source.s rows, on 1 day, are not in the target' "$ERR"
drill_compare ties >/dev/null
UNREPORTED=$((LOST - 3))
drill_result 'late by a tie, without sequence: rows that verify did not report' 3 "${UNREPORTED#-}" "$DUPLICATED" 'not taken; verify counts them'
