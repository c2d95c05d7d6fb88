#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What calve writes, held against files in tests/golden/table: one small table
# of fixed rows, offloaded in two steps with the presets compat and dense.
# Footers, manifests, manifest lists and table metadata are read by readers
# that are not ours and turned into text by golden.mjs; what differs from run
# to run (ids, times, paths, versions, compressed sizes) is left out there.
#
# GOLDEN_UPDATE=1 writes the files anew: read the difference before committing.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite golden

GOLDEN=$ROOT/tests/golden/table

# The ids fall into two of four buckets; a day is a step. Dense chooses by size
# after compression: the values leave it no close choice.
sql "CREATE TABLE source (
    ts DateTime64(6, 'UTC'),
    seq UInt64,
    id Int64,
    flag Bool,
    n Nullable(Int32),
    ratio Float64,
    price Decimal(18, 4),
    total Nullable(Decimal(38, 10)),
    name String,
    kind LowCardinality(String),
    day Date,
    token UUID,
    tags Array(String),
    counts Map(String, Int64),
    place Tuple(x Float32, label Nullable(String))
) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO source SELECT
    toDateTime64('2024-02-28 00:00:00', 6, 'UTC') + toIntervalMicrosecond(number * 180000006),
    1000 + number * 3,
    [-34, 34, -34, 7][number % 4 + 1],
    number % 3 = 0,
    if(number % 9 = 1, NULL, toInt32(number) * 3 - 20),
    if(number = 5, nan, (toInt64(number) - 12) / 8),
    toDecimal64((toInt64(number) - 20) * 12.3456, 4),
    if(number % 5 = 0, NULL, toDecimal128(toInt64(number) - 18, 10) / 8),
    lower(hex(MD5(toString(number)))),
    ['bid', 'ask', 'bid'][number % 3 + 1],
    toDate('2024-03-01') - number,
    toUUID(concat('00112233-4455-6677-8899-aabbccdd', leftPad(toString(number), 4, '0'))),
    arrayMap(i -> concat('t', toString(i)), range(number % 4)),
    if(number % 6 = 0, map(), map('one', toInt64(number), 'two', -toInt64(number))),
    (toFloat32(number) / 4 - 0.5, if(number % 7 = 0, NULL, concat('l', toString(number % 3))))
FROM numbers(960)"

COMMON='source: hot.source, timestamp: ts, sequence: seq, partition: [day(ts), "bucket[4](id)"], step: 1d'
config "{ name: compat, target: lake.cold.compat, encoding: compat, $COMMON }" \
	"{ name: dense, target: lake.cold.dense, encoding: dense, $COMMON }"
calve init
same 'init ends well' 0 "$RC"
calve run
same 'run ends well' 0 "$RC"
same 'a step is a commit' '2 2' "$(table snapshots cold.compat | wc -l) $(table snapshots cold.dense | wc -l)"

# preset PRESET: each of its texts against the one that is checked in
preset() {
	local kind
	if ! node tests/e2e/golden.mjs "$WAREHOUSE/cold/$1" "$T/$1"; then
		not_ok "$1 can be read"
		return
	fi
	for kind in footers manifests manifest-lists metadata; do
		[ -z "${GOLDEN_UPDATE:-}" ] || cp "$T/$1.$kind.txt" "$GOLDEN/"
		if diff -u "$GOLDEN/$1.$kind.txt" "$T/$1.$kind.txt" >"$T/diff" 2>&1; then
			ok "$1: $kind are as they were"
		else
			not_ok "$1: $kind are as they were"
			cat "$T/diff"
		fi
	done
}

[ -z "${GOLDEN_UPDATE:-}" ] || mkdir -p "$GOLDEN"
preset compat
preset dense
