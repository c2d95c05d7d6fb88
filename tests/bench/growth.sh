#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whether size and age cost anything: 4, 40 and 100 million rows in one run,
# 400 daily partitions in one window, and commits to a table of up to 5,000
# snapshots.
#
#	tests/bench/growth.sh [--rounds N] [rows] [days] [commits]
#
# Samples are left in build/bench/samples.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh

# Those whose cost is shown: each of them and the 19 before it.
COMMITS=(1 100 1000 2500 5000)
COMMIT_SECONDS=150

# The tables take turns, since a machine's speed changes with the hour.
grow() {
	local scenario=$1 rounds=$2 round table
	shift 2
	for table; do
		data "$table"
	done
	for ((round = 1; round <= rounds; round++)); do
		for table; do
			forget "$table" &&
			    offload "$scenario" "$table" "$round" "$table" \
			    "${ROWS[$table]}" "${BYTES_IN[$table]}" || exit 1
		done
	done
}

# Of a commit bytes_in is its manifest list, bytes_out the table's JSON, files
# the manifests of the snapshot.
commits() {
	local dir=$B/commit_table at n seconds cpu json list manifests
	rm -rf "$dir" && mkdir "$dir" || exit 1
	"$B/commits" "$dir" "${COMMITS[-1]}" $COMMIT_SECONDS \
	    >"$B/commits.tsv" || bench_fail 'commits failed'
	for at in "${COMMITS[@]}"; do
		while read -r n seconds cpu json list manifests; do
			sample commits "snapshot $at" "$n" 1500 \
			    "$seconds $cpu 0 0 0 0" "$list" "$json" "$manifests"
		done < <(awk -v at="$at" '$1 > at - 20 && $1 <= at' \
		    "$B/commits.tsv")
	done
	rm -rf "$dir"
}

main() {
	local rounds=2 parts=() part
	if [ "${1:-}" == --rounds ]; then
		rounds=$2
		shift 2
	fi
	parts=("$@")
	[ $# -gt 0 ] || parts=(rows days commits)
	bench_up
	config "$(entry g4)" "$(entry g40)" "$(entry g100)" "$(entry days)" \
	    "$(entry scattered '' day)" || exit 1
	for part in "${parts[@]}"; do
		case $part in
		rows) grow rows "$rounds" g4 g40 g100 ;;
		days) grow days "$rounds" g4 days scattered ;;
		commits) commits ;;
		*) bench_fail "what is '$part'? rows, days or commits" ;;
		esac
	done
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
