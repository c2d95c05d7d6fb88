#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a small run costs: an increment of 1,500 rows to a table of a million,
# and a run with nothing to do, each from process start to process end.
#
#	tests/bench/small.sh [--rounds N]
#
# Beside it the floor: what the engine alone takes to answer questions such as
# a run puts to it, one client, one connection. Samples are left in
# build/bench/samples.tsv, those of the phases by the names of calve's --json
# events.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh

FLOOR=(
	'first answer' 'SELECT 1'
	'SELECT 1' 'SELECT 1'
	'system.settings' "SELECT name, value FROM system.settings WHERE name LIKE '%overflow%'"
	'system.tables' "SELECT engine, sorting_key FROM system.tables WHERE database = 'bench' AND name = 'small'"
	'system.columns' "SELECT name, type FROM system.columns WHERE database = 'bench' AND table = 'small'"
	'count of a window' "SELECT count(), max(exchange_timestamp) FROM bench.small WHERE exchange_timestamp > '2023-01-31'"
)

floor() {
	local at=0 k seconds
	while read -r seconds; do
		sample floor "${FLOOR[at]}" "$1" 0 "$seconds 0 0 0 0 0" 0 0 0
		at=$((at + 2))
	done < <(
		for ((k = 1; k < ${#FLOOR[@]}; k += 2)); do
			[ "$k" == 1 ] || echo next
			cat <<-CURL
				url = "$(cat "$B/ch/ch.url")"
				header = "X-ClickHouse-User: $(cat "$B/ch/ch.user")"
				header = "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD"
				data = "${FLOOR[k]}"
				output = "/dev/null"
				write-out = "%{time_total}\n"
			CURL
		done | curl -sS -K -
	)
}

main() {
	local rounds=20 round from=1000000 more=1500
	[ "${1:-}" != --rounds ] || rounds=$2
	bench_up
	sql 'DROP TABLE IF EXISTS bench.small SYNC' &&
	    create small "$TRADES_COLUMNS" &&
	    more_trades small 0 "$from" &&
	    config "$(entry small)" &&
	    forget small &&
	    calve run >/dev/null || exit 1
	for ((round = 1; round <= rounds; round++)); do
		more_trades small "$from" $((from + more))
		from=$((from + more))
		offload increment calve "$round" small $more 0 || exit 1
		phases increment.phases "$round"
		offload nothing calve "$round" small 0 0 || exit 1
		phases nothing.phases "$round"
		floor "$round"
	done
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
