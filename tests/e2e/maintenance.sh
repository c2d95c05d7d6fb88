#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What keeps a table small as it grows old: manifests are merged. Every row is
# there once before and after, for each reader, and a kill at any I/O point of
# a run that does so loses nothing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite maintenance

CONFIG_EXTRA='retry: { attempts: 1 }'
LEAST=4 # manifests from which they are merged
HOUR=0

create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Decimal64(8), note Nullable(String)) ENGINE = MergeTree ORDER BY (ts, seq)"
}

insert() { # TABLE
	((HOUR++))
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(number * 20), $HOUR * 100000 + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8), if(number % 5 = 0, NULL, toString(number)) FROM numbers(60)"
}

entry() { # NAME [MORE]
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq${2:+, $2} }"
}

# rows, keys, content
fingerprint() { # TABLE-EXPRESSION
	sql "SELECT count(), uniqExact(seq), sum(cityHash64(toUnixTimestamp64Milli(ts), toString(seq), toString(symbol), toString(price), ifNull(note, '-'))) FROM $1"
}

every_row_once() { # NAME
	has "$1: the source can be asked" "^$((60 * $2))[[:space:]]" "$(fingerprint "$1")"
	same "$1: every row is there once" "$(fingerprint "$1")" "$(fingerprint "$(iceberg "cold.$1")")"
	same "$1: nothing that it reaches is missing" '' "$(table missing "cold.$1")"
}

run_many() { # NAME TIMES
	local i
	for ((i = 0; i < $2; i++)); do
		insert "$1"
		calve run
		[ "$RC" == 0 ] || not_ok "$1: run $i: $ERR"
	done
}

# ---- merging ---------------------------------------------------------------------

create merged
insert merged
config "$(entry merged 'partition: [symbol]')"
calve init
calve run
table set cold.merged "commit.manifest.min-count-to-merge=$LEAST"
run_many merged 9
every_row_once merged 10
manifests=$(table manifests cold.merged)
if ((manifests < LEAST)); then
	ok "merged: 10 commits have $manifests manifests"
else
	not_ok "merged: 10 commits have $manifests manifests"
fi
same 'merged: the history adds up' '10 snapshots, 600 rows' "$(table history cold.merged)"
same 'merged: nothing is left that no snapshot needs' '' "$(table leftovers cold.merged)"
agree merged cold.merged 'ts, seq, symbol, price, note' merged \
	"symbol = 'BTC'" "ts >= '2024-03-01 09:00:00'"
first=$(table snapshots cold.merged | tail -n 1)
same 'merged: the first snapshot is read as it was' 60 \
	"$(sql "SELECT count() FROM $(iceberg cold.merged) SETTINGS iceberg_snapshot_id = $first")"

# ---- killed ----------------------------------------------------------------------

# Every point of a commit that merges, on one table that lives through all.
create killed
insert killed
config "$(entry killed 'partition: [symbol]')"
calve run
table set cold.killed 'commit.manifest.min-count-to-merge=2'
run_many killed 3
insert killed
: >"$T/points"
fault "list:$T/points" run
mapfile -t points <"$T/points"
has 'killed: a run merges' '^commit.merged$' "$(cat "$T/points")"
first=$(grep -n '^commit.manifest$' "$T/points" | head -n 1)
last=$(grep -n '^run.committed$' "$T/points" | head -n 1)
rounds=0
for ((n = ${first%%:*}; n <= ${last%%:*}; n++)); do
	insert killed
	((rounds++))
	fault "kill:$n" run
	problems=$(table missing cold.killed)
	calve run
	if [[ $RC == 0 && -z $problems ]]; then
		ok "killed at point $n, ${points[n - 1]}"
	else
		not_ok "killed at point $n, ${points[n - 1]}: $problems $ERR"
	fi
done
every_row_once killed $((5 + rounds))
same 'killed: the watermark is the position' "$(table positions cold.killed | head -n 1)" "$(watermark killed)"
