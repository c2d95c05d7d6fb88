#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Nine tables in three waves, two workers against one after another. A worker
# that is alone encodes with both processors; "one thread" has it leave one idle,
# as other tools do that take tables one after another.
#
#	tests/bench/waves.sh [--rounds N]
#
# Samples are left in build/bench/samples.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. scripts/medallion.sh

TRADES=1000000 # of each exchange
BEGIN=1700000000000000
END=1700500000000000

load() {
	local made
	made=$(cat scripts/medallion.sh scripts/medallion/* | sha256sum)$TRADES
	cmp -s "$B/waves.made" - <<<"$made" && return 0
	printf 'bench: making nine tables\n' >&2
	sql 'DROP DATABASE IF EXISTS k2 SYNC' && medallion_create "$B/ch" &&
	    medallion_load "$B/ch" 0 "$TRADES" "$BEGIN" "$END" &&
	    for table in "${MEDALLION_TABLES[@]}"; do
		sql "OPTIMIZE TABLE k2.$table FINAL" || return 1
	    done && echo "$made" >"$B/waves.made"
}

# waves PEER ROUND WORKERS [CONFIGURATION]
waves() {
	local table rows
	for table in "${MEDALLION_TABLES[@]}"; do
		forget "$table" || return 1
	done
	measured -l "$B/events" "$CALVE" -c "${4:-$B/calve.yaml}" run -j "$3" --json \
	    2>"$B/calve.log" </dev/null || {
		tail -n 5 "$B/calve.log" >&2
		return 1
	}
	rows=$(grep '"event":"summary"' "$B/events" |
		sed -E 's/.*"rows":([0-9]+),"tables".*/\1/')
	[ "$rows" -ge $((4 * TRADES)) ] || bench_fail "only $rows rows"
	sample waves "$1" "$2" "$rows" "$MEASURED" 0 0 0
}

main() {
	local rounds=5 round
	[ "${1:-}" != --rounds ] || rounds=$2
	bench_up
	load || bench_fail 'no tables'
	medallion_config "$B" && calve init >/dev/null &&
	    medallion_config "$B" file="$B/single.yaml" \
		'defaults=limits: { threads: 1 }' || exit 1
	for ((round = 1; round <= rounds; round++)); do
		waves 'one by one' "$round" 1 && waves '2 workers' "$round" 2 &&
		    waves 'one thread' "$round" 1 "$B/single.yaml" || exit 1
	done
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
