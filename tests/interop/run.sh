#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# PyIceberg, and Spark with Iceberg's Java library (an old pair that is still
# in wide use, and the newest), read tables that calve wrote: whole, filtered
# on partition and bound columns, and at their first snapshot. Each answer
# must be, row by row, what the source gives. What `make interop` runs.
#
# Where the packages cannot be had, a reader is skipped with a line that says
# so; with CI set a skip is a failure. The last line counts.
set -u
cd "$(dirname "$0")/../.." || exit 2
here=tests/interop

skip() {
	if [ -n "${CI:-}" ]; then
		printf 'not ok %s: %s\n' "$1" "$2"
	else
		printf 'skip %s: %s\n' "$1" "$2"
	fi
}

# judge READER PLAN OUT: each check of the plan against the source's rows
judge() {
	local id said
	while read -r id; do
		if [ -e "$3/$id.error" ]; then
			printf 'not ok %s %s: %s\n' "$1" "$id" \
			    "$(head -c 600 "$3/$id.error" | tr '\n' ' ')"
		elif [ ! -e "$3/$id.jsonl" ]; then
			printf 'not ok %s %s: no answer\n' "$1" "$id"
		elif said=$(node $here/compare.mjs "$T/expected/$id.jsonl" \
		    "$3/$id.jsonl"); then
			printf 'ok %s %s\n' "$1" "$id"
		else
			printf 'not ok %s %s: %s\n' "$1" "$id" "$said"
		fi
	done < <(node -e 'for (const t of JSON.parse(require("fs").readFileSync(
	    process.argv[1])).tables) for (const c of t.checks)
	    console.log(t.name + "." + c.id)' "$2")
}

# read_with NAME PLAN COMMAND...: runs a reader, then judges it
read_with() {
	local name=$1 plan=$T/plan-$2.json out=$T/$1
	shift 2
	mkdir -p "$out"
	if ! PYTHONDONTWRITEBYTECODE=1 TZ=UTC "$@" > "$out/log" 2>&1 \
	    < /dev/null; then
		printf 'not ok %s: it ended badly: %s\n' "$name" \
		    "$(tail -n 3 "$out/log" | tr '\n' ' ')"
	fi
	sed -n 's/^Spark /# Spark /p' "$out/log"
	judge "$name" "$plan" "$out"
}

spark() {
	local dir=$PWD/build/spark/$1
	local jars=("$dir"/jars/*.jar)
	read_with "spark-$1" "$2" env PYTHONPATH="$dir/python" \
	    SPARK_HOME="$dir/python/pyspark" SPARK_LOCAL_IP=127.0.0.1 \
	    PYSPARK_PYTHON=python3 python3 $here/spark_check.py \
	    "$T/plan-$2.json" "$T/spark-$1" "${jars[0]}"
}

offload() {
	calve run
	same "offload of load $1 ends well" 0 "$RC"
	[ "$RC" -eq 0 ] || printf '%s\n' "$ERR" | tail -n 20
}

main() {
	local got=true
	scripts/setup.sh build demo || { skip setup 'no servers'; return; }
	scripts/setup.sh interop || got=false
	. tests/e2e/lib.sh
	suite interop
	node $here/prepare.mjs "$T/ch" load 1 || return 1
	local entries
	mapfile -t entries < <(node $here/prepare.mjs config)
	config "${entries[@]}"
	calve init
	same 'init ends well' 0 "$RC"
	offload 1
	node $here/prepare.mjs "$T/ch" load 2 || return 1
	offload 2
	node $here/prepare.mjs "$T/ch" plan "$WAREHOUSE" "$T" || return 1

	# Both pairs' claims: calve.7, "Encodings". Iceberg before 1.10 reads
	# compat only.
	if $got || [ -e build/venv/.installed ]; then
		read_with pyiceberg all build/venv/bin/python \
		    $here/pyiceberg_check.py "$T/plan-all.json" "$T/pyiceberg"
	else
		skip pyiceberg 'its packages cannot be had'
	fi
	if $got || [ -e build/spark/old/.installed ]; then
		spark old compat
	else
		skip spark-old 'its packages cannot be had'
	fi
	if $got || [ -e build/spark/new/.installed ]; then
		spark new all
	else
		skip spark-new 'its packages cannot be had'
	fi
}

mkdir -p build/test
log=build/test/interop.log
(main) 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
failed=$(grep -c '^not ok ' "$log")
passed=$(grep -c '^ok ' "$log")
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || failed=1
skipped=$(grep -c '^skip ' "$log")
[ -z "${CALVE_TOTALS:-}" ] ||
    echo "$passed $failed $skipped" >> "$CALVE_TOTALS"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
