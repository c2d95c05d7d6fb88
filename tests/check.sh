#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes each target, whatever became of the one before, and sums up what their
# suites reported. The last line is the sum.
#
#   MAKE=make tests/check.sh TARGET...
#
# Suites append "PASSED FAILED SKIPPED" to $CALVE_TOTALS; where that is set
# already, somebody else goes on with it, and only what was added here counts
# here. A target that fails without a word, as in compiling, counts as one.
set -u
cd "$(dirname "$0")/.." || exit 2
mkdir -p build
if [ -z "${CALVE_TOTALS:-}" ]; then
	CALVE_TOTALS=$PWD/build/totals-check
	: >"$CALVE_TOTALS"
fi
export CALVE_TOTALS
[ -e "$CALVE_TOTALS" ] || : >"$CALVE_TOTALS"
before=$(wc -l <"$CALVE_TOTALS")

sum() { # FIRST-LINE: "passed failed skipped"
	tail -n +"$1" "$CALVE_TOTALS" |
		awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }'
}

for target in "$@"; do
	lines=$(wc -l <"$CALVE_TOTALS")
	if ! "${MAKE:-make}" --no-print-directory "$target"; then
		read -r _ failed _ <<<"$(sum $((lines + 1)))"
		if [ "$failed" -eq 0 ]; then
			printf '%s: FAILED without a result\n' "$target"
			echo '0 1 0' >>"$CALVE_TOTALS"
		fi
	fi
done
read -r passed failed skipped <<<"$(sum $((before + 1)))"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
