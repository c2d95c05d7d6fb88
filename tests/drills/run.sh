#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the drills whose file names begin with one of the patterns, or all, two
# at a time (tests/run.sh), and prints the table of their results.
#
#   tests/drills/run.sh [PATTERN...]      as in: run.sh 01 05_click
#
# DRILL_SCALE is full or small, DRILL_SEED repeats a run (tests/drills/lib.sh).
# What calve did each time is the last column of build/test/drills.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
export DRILL_SCALE=${DRILL_SCALE:-full}
case $DRILL_SCALE in
full | small) ;;
*)
	echo "drills: DRILL_SCALE is '$DRILL_SCALE': make it full or small" >&2
	exit 2
	;;
esac
[ $# -gt 0 ] || set -- '[0-9][0-9]_'

drills=()
for pattern in "$@"; do
	# shellcheck disable=SC2206 # the pattern is one
	found=(tests/drills/$pattern*.sh)
	if [ ! -e "${found[0]}" ]; then
		echo "drills: no file in tests/drills begins with '$pattern'" >&2
		exit 2
	fi
	drills+=("${found[@]}")
done

mkdir -p build/test
export DRILL_RESULTS=$PWD/build/test/drills.tsv
: >"$DRILL_RESULTS"
# shellcheck disable=SC2016 # for sed: the last line waits below the table
TEST_SECONDS=${TEST_SECONDS:-1500} tests/run.sh drills "${drills[@]}" |
	sed -un '$!p; $w build/test/drills.sum'
status=${PIPESTATUS[0]}

echo
awk -F '\t' 'function put(line, f) {
		split(line, f, FS)
		printf "%-*s  %-*s", w[1], f[1], w[2], f[2]
		for (c = 3; c <= 7; c++)
			printf "  %*s", w[c], f[c]
		print ""
	}
	{
		lines[NR] = $0
		for (c = 1; c <= 7; c++)
			if (length($c) > w[c])
				w[c] = length($c)
	}
	END { for (n = 1; n <= NR; n++) put(lines[n]) }' \
	<(printf 'DRILL\tWHAT\tTIMES\tLOST\tDUPLICATED\tSECONDS\tSEED\n'; sort -s -k1,1 "$DRILL_RESULTS")
cat build/test/drills.sum
exit "$status"
