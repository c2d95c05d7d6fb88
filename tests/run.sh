#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs, TEST_JOBS at a time (as many as there are processors, two
# at most), and adds up what they report.
#
#   tests/run.sh SUITE PROGRAM...
#
# A program built on libcheck closes with "NN%: Checks: C, Failures: F,
# Errors: E"; a script prints "ok NAME", "not ok NAME ..." and "skip NAME ..."
# lines. A program that ends badly without reporting a failure counts as one.
# Each is reported as it ends. The last line is the sum; totals are also
# appended to $CALVE_TOTALS.
set -u
suite=$1
shift
processors=$(nproc)
jobs=${TEST_JOBS:-$((processors < 2 ? processors : 2))}
mkdir -p build/test/logs

# run PROGRAM: leaves what it said in its log, and its sums beside that
run() {
	local log=build/test/logs/${1##*/}.log
	local status good bad skip line began=$SECONDS
	timeout "${TEST_SECONDS:-600}" "$1" >"$log" 2>&1 </dev/null &
	# shellcheck disable=SC2064 # this one
	trap "kill $!" TERM
	wait $!
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
	echo "$good $bad $skip $status $((SECONDS - began))" >"$log.sums"
}

# report PROGRAM: adds its sums, prints them, or what went wrong
passed=0 failed=0 skipped=0
report() {
	local log=build/test/logs/${1##*/}.log
	local good=0 bad=1 skip=0 status=255 seconds=0
	[ ! -e "$log.sums" ] || read -r good bad skip status seconds <"$log.sums"
	rm -f "$log.sums"
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" -gt 0 ]; then
		printf '%s: FAILED (exit status %d), %s:\n' "$1" "$status" "$log"
		grep -aE '^not ok ' -A 12 "$log" | grep -avE '^ok ' | head -n 60 | sed 's/^/    /'
		tail -n 10 "$log" | sed 's/^/    | /'
	else
		printf '%s: %d passed%s in %d s\n' "$1" "$good" \
			"$([ "$skip" -gt 0 ] && printf ', %d skipped' "$skip")" "$seconds"
		grep -aE '^skip ' "$log" | sed 's/^/    /'
	fi
}

declare -A running=()
interrupted() {
	trap '' INT TERM
	kill "${!running[@]}" 2>/dev/null
	wait
	exit 130
}
trap interrupted INT TERM
# Waits for one of those running, and reports it.
next() {
	local pid
	wait -n -p pid "${!running[@]}"
	report "${running[$pid]}"
	unset "running[$pid]"
}
for program in "$@"; do
	((${#running[@]} < jobs)) || next
	run "$program" &
	running[$!]=$program
done
while ((${#running[@]} > 0)); do
	next
done
[ -z "${CALVE_TOTALS:-}" ] || echo "$passed $failed $skipped" >>"$CALVE_TOTALS"
printf '%s: %d passed, %d failed, %d skipped\n' "$suite" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
