#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What a small run costs: an increment of 1,500 rows to a table of a million,
# and a run with nothing to do, each from process start to process end.
#
#	tests/bench/small.sh [--rounds N]
#
# Samples are left in build/bench/samples.tsv, those of the phases by the names
# of calve's --json events.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh

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
	done
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
