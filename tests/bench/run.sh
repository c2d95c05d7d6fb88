#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# calve and what users would otherwise run, side by side on the same rows:
#
#	tests/bench/run.sh [--rounds N] [SCENARIO...] [PEER...]
#
# Scenarios: trades, wide, logs, events. Peers: calve (its default preset),
# calve-compact, calve-dense, engine (its own FORMAT Parquet), insert (its own
# INSERT INTO an Iceberg table), duckdb, pyiceberg, native (rows read and thrown
# away). All peers take their turn in each round: 5 rounds of trades, 3 of the
# others. Servers and tables are kept in build/bench for the next run; the
# servers are stopped at the end. Samples are left in build/bench/samples.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh
. tests/bench/peers.sh

SCENARIOS=(trades wide logs events)
declare -A ROUNDS=([trades]=5 [wide]=3 [logs]=3 [events]=3)

# is_in WORD WORDS...
is_in() {
	local word=$1 each
	shift
	for each; do
		[ "$each" != "$word" ] || return 0
	done
	return 1
}

calve_entries() {
	local scenario preset
	for scenario; do
		for preset in "${PRESETS[@]}"; do
			entry "$scenario" "${scenario}_$preset" '' \
			    "encoding: $preset"
		done
	done
}

# hook begin|end PEER SCENARIO: true where the peer has none
hook() {
	local name=$1_${2//-/_}
	[ "$(type -t "$name")" != function ] || "$name" "$3"
}

# compare SCENARIO ROUNDS PEER...
compare() {
	local scenario=$1 rounds=$2 round peer peers=()
	shift 2
	for peer; do
		if hook begin "$peer" "$scenario"; then
			peers+=("$peer")
		fi
	done
	for ((round = 1; round <= rounds; round++)); do
		for peer in "${peers[@]}"; do
			"peer_${peer//-/_}" "$scenario" "$round" ||
				bench_fail "$peer failed"
		done
	done
	for peer in "${peers[@]}"; do
		hook end "$peer" "$scenario"
	done
}

main() {
	local rounds='' scenarios=() peers=() scenario entries
	while [ $# -gt 0 ]; do
		if [ "$1" == --rounds ] && [[ ${2:-} =~ ^[1-9][0-9]*$ ]]; then
			rounds=$2
			shift
		elif is_in "$1" "${SCENARIOS[@]}"; then
			scenarios+=("$1")
		elif is_in "$1" "${PEERS[@]}"; then
			peers+=("$1")
		else
			bench_fail "what is '$1'? Scenarios: ${SCENARIOS[*]}." \
			    "Peers: ${PEERS[*]}"
		fi
		shift
	done
	[ ${#scenarios[@]} -gt 0 ] || scenarios=("${SCENARIOS[@]}")
	[ ${#peers[@]} -gt 0 ] || peers=("${PEERS[@]}")
	bench_up
	mapfile -t entries < <(calve_entries "${scenarios[@]}")
	config "${entries[@]}" || exit 1
	for scenario in "${scenarios[@]}"; do
		data "$scenario"
		compare "$scenario" "${rounds:-${ROUNDS[$scenario]}}" \
		    "${peers[@]}"
	done
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
