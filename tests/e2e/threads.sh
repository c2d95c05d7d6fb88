#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One worker with one thread and with several: the same files, byte for byte;
# as many threads as were asked for, and one more that keeps the lock
# (worker/keeper.h), which is left alone with the worker's own when it commits; errors,
# limits and a stop in the middle of it end the run as they do without threads.
# The thread sanitizer watches where its build is there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite threads

ROWS=300000
sql "CREATE TABLE source (ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Decimal64(8), size Nullable(Float64), note String, tags Array(String), day Date) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO source SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number), number, concat('S', toString(number % 50)), toDecimal64(number / 7, 8), if(number % 9 = 0, NULL, sqrt(number)), concat('note ', hex(sipHash64(number))), [toString(number % 3)], toDate('2024-01-01') + sipHash64('day', number) % 20 FROM numbers($ROWS)"
COLUMNS='toUnixTimestamp64Milli(ts), seq, toString(symbol), toString(price), ifNull(size, -1), note, tags, day'

entry() { # NAME THREADS [MORE]
	echo "{ name: $1, source: hot.source, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [day], limits: { threads: $2 }${3:+, $3} }"
}

# digest TABLE: of its data files' bytes, in the order of partition and number
digest() {
	(
		cd "$WAREHOUSE/cold/$1/data" || exit
		# the run's id is in the name
		find . -name '*.parquet' | sed -E 's|^(.*/)[^/]*-([0-9]+)\.parquet$|\1 \2 &|' | sort |
			while read -r folder number path; do
				echo "$folder $number $(sha256sum <"$path")"
			done | sha256sum
	)
}

# ---- the same bytes --------------------------------------------------------------

tables=()
for threads in 1 2 5; do
	tables+=("$(entry "compat_$threads" $threads)"
		"$(entry "dense_$threads" $threads 'encoding: dense, row_group_rows: 4000, file_size: 100K')")
done
config "${tables[@]}"
calve init
calve run -j 1
same 'each number of threads ends well' 0 "$RC"
for preset in compat dense; do
	for threads in 2 5; do
		same "$preset: $threads threads write what one does" "$(digest ${preset}_1)" "$(digest ${preset}_$threads)"
	done
	equal "$preset: every row is there once" source "cold.${preset}_5" "$COLUMNS"
done

# ---- how many there are ------------------------------------------------------------

threads_now() {
	find "/proc/$WORKER/task" -mindepth 1 -maxdepth 1 | wc -l
}
# counted TABLE THREADS WANTED: while rows move, and at the commit
counted() {
	config "$(entry "$1" "$2")"
	if fault_stop store.write.before run; then
		same "$1: threads while rows are written" "$3" "$(threads_now)"
		fault_go
	fi
	same "$1: ends well" 0 "$RC"
	sql "INSERT INTO source SELECT ts + INTERVAL 1 HOUR, seq + $ROWS * 10, symbol, price, size, note, tags, day FROM source ORDER BY seq DESC LIMIT 10"
	if fault_stop run.fenced run; then
		same "$1: at the commit none but the lock's keeper is left" 2 "$(threads_now)"
		fault_go
	fi
	same "$1: ends well again" 0 "$RC"
}
counted alone 1 2
counted several 4 6

# ---- ends in the middle --------------------------------------------------------------

CONFIG_EXTRA='retry: { attempts: 1 }'
nothing_left() { # TABLE
	same "$1: nothing is visible" '' "$(ls "$WAREHOUSE/cold/$1/metadata" 2>/dev/null)"
}
config "$(entry full 4)"
fault errno:store.write:ENOSPC:5 run
same 'full: exit status 1' 1 "$RC"
has 'full: says so' 'No space left on device' "$ERR"
nothing_left full
same 'full: no file is left' '' "$(find "$WAREHOUSE/cold/full" -type f 2>/dev/null)"

config "$(entry output 4)"
sed -i 's/partition: \[day\], limits: {/limits: { output: 1M,/' "$T/calve.yaml"
calve run
same 'output: exit status 1' 1 "$RC"
has 'output: the limit in words' 'file size limit of 1 MiB reached while [a-z]+' "$ERR"
nothing_left output

echo 'cut-after 2 times 1' >"$T/ch/ch.faults"
config "$(entry cut 4)"
calve run
: >"$T/ch/ch.faults"
same 'cut: exit status 1' 1 "$RC"
same 'cut: class' 'failed|source-lost' "$(last_run cut state,error_class)"
nothing_left cut
same 'cut: no file is left' '' "$(find "$WAREHOUSE/cold/cut" -type f 2>/dev/null)"

config "$(entry asked 4)"
if fault_stop store.write.before run; then
	kill -TERM "$COORDINATOR"
	fault_go
	same 'asked: the state' 'cancelled' "$(last_run asked state)"
	same 'asked: no data file is left' '' "$(find "$WAREHOUSE/cold/asked" -name '*.parquet' 2>/dev/null)"
fi

for name in full output cut asked; do
	config "$(entry "$name" 4)"
	calve run
	same "$name: the next run ends well" 0 "$RC"
	equal "$name: every row is there once" source "cold.$name" "$COLUMNS"
done

# ---- under the thread sanitizer ----------------------------------------------------------

if [ -x "$ROOT/build/tsan/calve-worker" ]; then
	config "$(entry watched 4)"
	sed -i 's/limits: { /limits: { memory: none, /' "$T/calve.yaml"
	CALVE_WORKER=$ROOT/build/tsan/calve-worker calve run
	same 'watched: ends well' 0 "$RC"
	same 'watched: no race was seen' '' "$(grep -A 12 'ThreadSanitizer' <<<"$ERR")"
	equal 'watched: every row is there once' source cold.watched "$COLUMNS"
fi
