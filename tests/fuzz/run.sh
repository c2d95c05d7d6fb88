#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets for so many seconds each, at most two at a time.
#
#   tests/fuzz/run.sh SECONDS NAME...
#
# What a target has learnt stays in build/fuzz/corpus/NAME for the next time;
# tests/fuzz/seeds/NAME, where there is one, is where it begins. An input that
# breaks it is kept as build/fuzz/NAME-crash-* and named.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=$1
shift
passed=0 failed=0

one() { # NAME: its exit status is the target's
	local corpus=build/fuzz/corpus/$1 seeds=()
	mkdir -p "$corpus"
	[ -d "tests/fuzz/seeds/$1" ] && seeds=("tests/fuzz/seeds/$1")
	timeout $((seconds + 120)) "build/fuzz/fuzz_$1" \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-artifact_prefix="build/fuzz/$1-" -print_final_stats=1 \
		-verbosity=1 "$corpus" "${seeds[@]}" >"build/fuzz/$1.log" 2>&1 </dev/null
}

settle() { # PID NAME
	local runs
	if wait "$1"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$2.log")
		printf 'fuzz: %s: %s inputs, no fault\n' "$2" "${runs:-?}"
		passed=$((passed + 1))
	else
		printf 'fuzz: %s: FAILED, build/fuzz/%s.log:\n' "$2" "$2"
		grep -aE 'ERROR|SUMMARY|runtime error|Test unit written' "build/fuzz/$2.log" | head -n 8 | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

names=("$@")
for ((i = 0; i < ${#names[@]}; i += 2)); do
	one "${names[i]}" &
	first=$!
	if [ $((i + 1)) -lt ${#names[@]} ]; then
		one "${names[i + 1]}" &
		second=$!
	fi
	settle "$first" "${names[i]}"
	[ $((i + 1)) -ge ${#names[@]} ] || settle "$second" "${names[i + 1]}"
done
[ -z "${CALVE_TOTALS:-}" ] || echo "$passed $failed 0" >>"$CALVE_TOTALS"
printf 'fuzz: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
