#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rows compressed on the way: the same rows by each way, less bytes, and what
# goes wrong on the wire: a byte that changes anywhere is noticed, and the next
# attempt brings what is right.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite wire

ROWS=120000
COLUMNS='toUnixTimestamp64Milli(ts), toString(seq), symbol, price'
sql "CREATE TABLE t (ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Float64) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO t SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number * 20), number, ['BTC', 'ETH'][number % 2 + 1], number / 8 FROM numbers($ROWS)"

# way NAME WIRE: a table of its own, read by that way
way() {
	config "{ name: $1, source: hot.t, target: lake.cold.$1, timestamp: ts, sequence: seq }"
	sed -i "s|password: \"[^\"]*\"|&, wire: $2|" "$T/calve.yaml"
}

faults() {
	printf '%s\n' "$@" >"$T/ch/ch.faults"
}

BYTES=()
for wire in none lz4 zstd; do
	way "$wire" "$wire"
	calve init
	calve run
	same "$wire: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	equal "$wire: every row is there once" t "cold.$wire" "$COLUMNS"
	BYTES[${#BYTES[@]}]=$(last_run "$wire" bytes_read)
done
same 'lz4 is less than none, zstd less than lz4' 1 \
    "$((BYTES[0] > 2 * BYTES[1] && BYTES[1] > BYTES[2]))"

# The first answer has one byte changed; the second attempt is whole.
CONFIG_EXTRA='retry: { attempts: 2, backoff: 10ms }'
for wire in lz4 zstd; do
	for at in 0 9 16 18 22 100 $((RANDOM * 8)) $((RANDOM * 8)); do
		name=${wire}_$at
		way "$name" "$wire"
		calve init
		faults "corrupt-at $at times 1 match FORMAT Native"
		calve run
		faults ''
		same "$wire: byte $at changed, the second attempt ends well" '0 2' \
		    "$RC $(last_run "$name" attempt)"
		equal "$wire: byte $at changed, every row is there once" t \
		    "cold.$name" "$COLUMNS"
	done
done

CONFIG_EXTRA='retry: { attempts: 1 }'
refuses() { # NAME WIRE FAULT PATTERN
	way "$1" "$2"
	calve init
	faults "$3 match FORMAT Native"
	calve run
	faults ''
	same "$1: fails" '1 failed|source-lost' "$RC $(last_run "$1" state,error_class)"
	has "$1: says why" "$4" "$ERR"
	same "$1: nothing is committed" 0 "$([ -e "$WAREHOUSE/cold/$1/metadata" ]; echo $((!$?)))"
}
refuses changed lz4 'corrupt-at 5000' 'checksum of a compressed frame does not match'
refuses cut lz4 'cut-after 50000' 'closed the connection'
refuses short lz4 'end-after 50000' 'middle of a compressed frame'
refuses broken lz4 'exception-after-rows 60000' 'error 241 of the source'
refuses bare lz4 'old-exception-after-rows 60000' 'error 241 of the source'
refuses zcut zstd 'cut-after 50000' 'closed the connection'
refuses zshort zstd 'end-after 50000' 'middle of compressed data'
refuses zbroken zstd 'exception-after-rows 60000' 'error 241 of the source'
