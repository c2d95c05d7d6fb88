#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What keeps a table small as it grows old: manifests are merged, snapshots
# expire, and what only these reached is removed. Every row is there once before
# and after, for each reader, and a kill at any I/O point of a commit that does
# all this loses nothing.
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

# ---- expiry ----------------------------------------------------------------------

# Of any age, but for the newest three.
short_lived() { # NAME
	table set "cold.$1" history.expire.max-snapshot-age-ms=0
	table set "cold.$1" history.expire.min-snapshots-to-keep=3
	table set "cold.$1" write.metadata.previous-versions-max=4
	table set "cold.$1" commit.manifest.min-count-to-merge=2
}

create expired
insert expired
begun=$(sql "SELECT formatDateTime(min(ts) + INTERVAL 30 MINUTE, '%Y-%m-%dT%H:%i:%SZ') FROM expired")
run_one() {
	insert expired
	config "$(entry expired "$1")"
	calve run
	same "expired: a run with $1 ends well" 0 "$RC"
}
config "$(entry expired)"
calve watermark set expired "$begun"
run_one 'expire_snapshots: none'
short_lived expired
for _ in 1 2 3 4 5 6; do
	run_one 'expire_snapshots: none'
done
same 'expired: none goes where none may' 7 "$(table snapshots cold.expired | wc -l)"
run_one 'expire_snapshots: 1h'
same 'expired: three are left' 3 "$(table snapshots cold.expired | wc -l)"
run_one 'expire_snapshots: 1h'
same 'expired: and stay three' 3 "$(table snapshots cold.expired | wc -l)"
same 'expired: nothing is left that no snapshot needs' '' "$(table leftovers cold.expired)"
same 'expired: five versions are left' 5 "$(find "$WAREHOUSE/cold/expired/metadata" -name 'v*.metadata.json' | wc -l)"
same 'expired: nothing that it reaches is missing' '' "$(table missing cold.expired)"
agree expired cold.expired 'ts, seq, symbol, price, note' \
	"(SELECT * FROM expired WHERE ts >= parseDateTimeBestEffort('$begun'))" "symbol = 'BTC'"
kept=$(table snapshots cold.expired | tail -n 1)
same 'expired: a snapshot that is kept is read as it was' $((9 * 60 - 120)) \
	"$(sql "SELECT count() FROM $(iceberg cold.expired) SETTINGS iceberg_snapshot_id = $kept")"
# where calve began is known although its first snapshot is gone
calve verify
same 'expired: verify finds both sides equal' 0 "$RC"
state "DELETE FROM offload_watermarks WHERE table_name = 'expired'"
run_one 'expire_snapshots: 1h'
same 'expired: without a watermark the table knows its position' $((10 * 60)) \
	"$(sql "SELECT uniqExact(seq) FROM $(iceberg cold.expired)")"
same 'expired: and no row is there twice' $((10 * 60)) \
	"$(sql "SELECT count() FROM $(iceberg cold.expired)")"
table rollback cold.expired 1
insert expired
calve run
has 'expired: a rollback is still noticed' 'rolled back: .*reset expired' "$ERR"

# ---- killed ----------------------------------------------------------------------

# Every point of a commit that merges and expires, on one table that lives through all.
create killed
insert killed
config "$(entry killed 'partition: [symbol], expire_snapshots: 1h')"
calve run
short_lived killed
run_many killed 3
insert killed
: >"$T/points"
fault "list:$T/points" run
mapfile -t points <"$T/points"
has 'killed: a run merges' '^commit.merged$' "$(cat "$T/points")"
has 'killed: and removes what it expired' '^commit.expiring$' "$(cat "$T/points")"
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
