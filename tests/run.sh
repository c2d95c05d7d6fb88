#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after another and adds up what they report.
#
#   tests/run.sh SUITE PROGRAM...
#
# A program built on libcheck closes with "NN%: Checks: C, Failures: F,
# Errors: E"; a script prints "ok NAME", "not ok NAME ..." and "skip NAME ..."
# lines. A program that ends badly without reporting a failure counts as one.
# The last line is the sum; totals are also appended to $CALVE_TOTALS.
set -u
suite=$1
shift
passed=0 failed=0 skipped=0
mkdir -p build/test/logs
for program in "$@"; do
	log=build/test/logs/$(basename "$program").log
	began=$SECONDS
	timeout "${TEST_SECONDS:-600}" "$program" >"$log" 2>&1 </dev/null
	status=$?
	if line=$(grep -aE '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$' "$log" | tail -n 1) && [ -n "$line" ]; then
		read -r checks failures errors <<<"$(sed -E 's/.*Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+).*/\1 \2 \3/' <<<"$line")"
		bad=$((failures + errors)) good=$((checks - failures - errors)) skip=0
	else
		good=$(grep -acE '^ok ' "$log")
		bad=$(grep -acE '^not ok ' "$log")
		skip=$(grep -acE '^skip ' "$log")
	fi
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		bad=1
	fi
	if [ "$good" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$skip" -eq 0 ]; then
		bad=1
	fi
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" -gt 0 ]; then
		printf '%s: FAILED (exit status %d), %s:\n' "$program" "$status" "$log"
		grep -avE '^ok ' "$log" | tail -n 40 | sed 's/^/    /'
	else
		printf '%s: %d passed%s in %d s\n' "$program" "$good" \
			"$([ "$skip" -gt 0 ] && printf ', %d skipped' "$skip")" \
			$((SECONDS - began))
		grep -aE '^skip ' "$log" | sed 's/^/    /'
	fi
done
[ -z "${CALVE_TOTALS:-}" ] || echo "$passed $failed $skipped" >>"$CALVE_TOTALS"
printf '%s: %d passed, %d failed, %d skipped\n' "$suite" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
