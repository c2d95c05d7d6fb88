#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a small run costs: an increment of 1,500 rows to a table of a million,
# and a run with nothing to do, each from process start to process end.
#
#	tests/bench/small.sh [--rounds N]
#
# Beside it the floor: what the parts of a run take alone: its two programs to
# start and end, one connection to PostgreSQL (with a program to make it), one
# commit there, and the engine to answer each question that a run with nothing
# to do puts to it, one client, one connection. Samples are left in
# build/bench/samples.tsv, those of the phases by the names of calve's --json
# events.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh

SETTINGS="SELECT name, value, toUInt8(readonly) FROM system.settings WHERE name LIKE '%overflow%'"
FLOOR=(
	'first answer' 'SELECT 1'
	'SELECT 1' 'SELECT 1'
	'settings' "$SETTINGS"
	'settings again' "$SETTINGS"
	'table and clock' "SELECT engine, sorting_key, toString(uuid), now64(6) FROM system.tables WHERE database = 'bench' AND name = 'small'"
	'columns' "SELECT name, type, toString(default_kind) FROM system.columns WHERE database = 'bench' AND table = 'small' ORDER BY position"
	'count of a window' "SELECT count(), max(exchange_timestamp) FROM bench.small WHERE exchange_timestamp > '2023-01-31'"
)

# floor_sample WHAT ROUND SECONDS
floor_sample() {
	sample floor "$1" "$2" 0 "$3 0 0 0 0 0" 0 0 0
}

# floor_program WHAT ROUND COMMAND...
floor_program() {
	local what=$1 round=$2
	shift 2
	measured "$@" >/dev/null </dev/null || exit 1
	floor_sample "$what" "$round" "${MEASURED%% *}"
}

floor_commit() {
	local ms
	ms=$(psql "$(cat "$B/pg/pg.conninfo")" -Xqt -c '\timing on' -c \
	    "UPDATE offload_watermarks SET updated_at = clock_timestamp() WHERE table_name = 'small'" |
		sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p')
	floor_sample 'commit' "$1" "$(awk -v ms="$ms" 'BEGIN { print ms / 1e3 }')"
}

floor_questions() {
	local at=0 k seconds
	while read -r seconds; do
		floor_sample "${FLOOR[at]}" "$1" "$seconds"
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

floor() {
	floor_program 'calve' "$1" "$CALVE" --version
	floor_program 'calve-worker' "$1" "${CALVE%/*}/calve-worker" --version
	floor_program 'calve and a connection' "$1" \
	    "$CALVE" -c "$B/calve.yaml" watermark show small
	floor_commit "$1"
	floor_questions "$1"
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
