#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What drills share, on top of tests/e2e/lib.sh. Source it first:
#
#   . "$(dirname "$0")/lib.sh"; drill
#
# A drill is NN_name.sh; `drill` claims build/test/drill_NN with servers of its
# own, seeds RANDOM and prints the seed. From there:
#
#   drill_scaled FULL SMALL   the count for this scale
#   drill_draw LOW HIGH       sets DRAWN, from the seed
#   drill_pause MS            a random moment is waited for, never an event
#   drill_create TABLE        a small source table of ticks; drill_insert
#                             TABLE [HOURS] adds 200 rows an hour, two symbols,
#                             equal timestamps; drill_entry TABLE [OPTIONS] is
#                             its line of calve.yaml
#   drill_go_on WHAT          after fault_stop: workers go on, also those of
#                             later attempts, until calve ends: OUT, ERR, RC
#   drill_rerun               `calve run` until it finds nothing to take
#   drill_compare TABLE...    sets LOST and DUPLICATED, by readers of others
#   drill_history TABLE...    snapshots follow each other and add up
#   drill_ledger              no run is left running; what failed says why
#   drill_result WHAT TIMES LOST DUPLICATED DID
#                             ok or not ok, and a row of the table of results
#
# A TABLE is a source table whose target is cold.TABLE, or SOURCE=TARGET as in
# 'k2.bars FINAL=cold.bars'. Numbers are drawn in the drill's own shell: bash seeds
# RANDOM anew in a subshell, and the drill could not be repeated.
#
#   DRILL_SEED     repeats a drill; drawn where it is not set
#   DRILL_SCALE    full, or small: what CI runs
#   DRILL_RESULTS  file of results, one a line, tab-separated: drill, what,
#                  times, lost, duplicated, seconds, seed, what calve did
#
# Whatever the drill started in the background is killed when it ends.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

drill() {
	local name
	name=$(basename "$0" .sh)
	DRILL=${name%%_*}
	: "${DRILL_SCALE:=full}" "${DRILL_SEED:=$RANDOM}"
	suite "drill_$DRILL"
	trap drill_end EXIT
	: "${DRILL_RESULTS:=$T/results}"
	exec {DRILL_TIMER}<> <(:)
	DRILL_SINCE=$EPOCHREALTIME
	printf 'drill %s, scale %s: repeat it with DRILL_SEED=%s\n' "$name" \
		"$DRILL_SCALE" "$DRILL_SEED"
	RANDOM=$DRILL_SEED
}

drill_end() {
	local status=$? IFS=$' \t\n' pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word a process
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	(exit "$status")
	suite_end
}

drill_scaled() {
	if [ "$DRILL_SCALE" == small ]; then echo "$2"; else echo "$1"; fi
}

drill_draw() {
	# shellcheck disable=SC2034 # for the drill
	DRAWN=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

drill_pause() {
	local seconds
	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -r -t "$seconds" -u "$DRILL_TIMER" || :
}

# ---- small tables ---------------------------------------------------------------

DRILL_HOUR=0

drill_create() {
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Decimal64(8), note Nullable(String)) ENGINE = MergeTree ORDER BY (ts, seq)"
}

drill_insert() {
	local rows=$((${2:-1} * 200))
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv($DRILL_HOUR * 200 + number, 3) * 54000), $DRILL_HOUR * 200 + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8), if(number % 5 = 0, NULL, toString(number)) FROM numbers($rows)"
	DRILL_HOUR=$((DRILL_HOUR + ${2:-1}))
}

drill_entry() {
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [symbol]${2:+, $2} }"
}

# ---- faults ----------------------------------------------------------------------

# Lets stopped workers go on until the coordinator has ended: another attempt
# comes to the same point and stops there, too.
drill_going_on() {
	local pids pid stat
	read -r -a pids 2>/dev/null <"/proc/$COORDINATOR/task/$COORDINATOR/children"
	for pid in "${pids[@]}"; do
		read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
		[[ ${stat##*) } != T* ]] || kill -CONT "$pid" 2>/dev/null
	done
	! kill -0 "$COORDINATOR" 2>/dev/null
}

drill_go_on() {
	wait_until 120 drill_going_on || not_ok "$1: calve does not end"
	WORKER=
	fault_go
}

# ---- until nothing is left to do ---------------------------------------------

# Nobody of calve's is connected any more: workers of a coordinator that was
# killed end by themselves.
drill_alone() {
	[[ $(state "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'calve%'") == 0 ]]
}

# drill_rerun [ARGUMENTS of calve run]: sets RERUNS; its log is $T/rerun.err
drill_rerun() {
	local since rows
	wait_until 60 drill_alone || not_ok 'workers did not end by themselves'
	for ((RERUNS = 1; RERUNS <= ${DRILL_RERUNS:-20}; RERUNS++)); do
		since=$(state 'SELECT clock_timestamp()')
		calve run "$@"
		echo "$ERR" >>"$T/rerun.err"
		rows=$(state "SELECT coalesce(sum(row_count), 0) FROM offload_runs WHERE started_at >= '$since'")
		[[ $RC != 0 || $rows != 0 ]] || return 0
	done
	not_ok "calve run has not come to its end after $((RERUNS - 1)) runs: exit status $RC, $ERR"
}

# ---- what is in the tables -----------------------------------------------------

# drill_split TABLE: sets SOURCE and TARGET
drill_split() {
	SOURCE=${1%%=*}
	TARGET=${1#*=}
	[[ $1 == *=* ]] || TARGET=cold.$1
}

# drill_texts engine|duckdb [floats]: SOURCE's columns (texts.awk)
drill_texts() {
	sql "DESCRIBE TABLE ${SOURCE% FINAL} SETTINGS describe_include_subcolumns = 1 FORMAT TSVRaw" |
		awk -v words="$1" -v floats="${2:+1}" -f "$ROOT/tests/drills/texts.awk"
}

# SQL of how often each row, as VALUE words it, is in SOURCE (s) and TARGET (t).
drill_both() { # VALUE
	echo "SELECT drill_row, countIf(drill_side = 0) AS s, countIf(drill_side = 1) AS t FROM (SELECT $1 AS drill_row, 0 AS drill_side FROM $SOURCE WHERE ${DRILL_WHERE:-1} UNION ALL SELECT $1, 1 FROM $(iceberg "$TARGET")) GROUP BY drill_row"
}

# The engine's own Iceberg reader against the source, row by row, all columns:
# "lost duplicated rows-of-source rows-of-target". A row that the source does
# not have counts as duplicated.
drill_engine() {
	sql "SELECT sum(if(s > t, s - t, 0)), sum(if(t > s, t - s, 0)), sum(s), sum(t) FROM ($(drill_both "sipHash128($(drill_texts engine floats))"))" | tr '\t' ' '
}

drill_show() {
	printf '%s: %d lost, %d duplicated of %d; some of them (times in source, in table, row):\n' \
		"$SOURCE" "$1" "$2" "$3"
	sql "SELECT s, t, drill_row FROM ($(drill_both "concatWithSeparator(' ', $(drill_texts engine floats))")) WHERE s <> t ORDER BY drill_row LIMIT 10"
}

# "rows distinct sum" by the engine of FROM, SOURCE or what has its columns, and
# of TARGET by DuckDB from the table's listed files; without floats.
drill_digest_engine() { # FROM
	sql "SELECT count(), uniqExact(drill_hash), toString(sum(toUInt128(drill_hash))) FROM (SELECT reinterpretAsUInt64(substring(MD5(concatWithSeparator('|', $(drill_texts engine))), 9, 8)) AS drill_hash FROM $1 WHERE ${DRILL_WHERE:-1})" | tr '\t' ' '
}

drill_digest_duckdb() {
	node "$ROOT/tests/interop/read_duckdb.mjs" "$WAREHOUSE/${TARGET//.//}" --raw --sql "SELECT count(*), count(DISTINCT drill_hash), coalesce(sum(drill_hash), 0)::VARCHAR FROM (SELECT md5_number_lower(concat_ws('|', $(drill_texts duckdb))) AS drill_hash FROM t)" |
		tr '\t' ' '
}

# Adds to LOST and DUPLICATED what DuckDB misses, where it does not see what
# the source has: its sums tell that rows differ, not which.
drill_duckdb() {
	local source target rows distinct
	source=$(drill_digest_engine "$SOURCE")
	target=$(drill_digest_duckdb)
	[[ -z $source || $source != "$target" ]] || return 0
	not_ok "$SOURCE: DuckDB finds '$target' (rows, distinct, sum), the source has '$source'"
	read -r rows distinct _ <<<"$target"
	LOST=$((LOST + 1))
	DUPLICATED=$((DUPLICATED + ${rows:-0} - ${distinct:-0}))
}

# drill_compare TABLE...: LOST and DUPLICATED over all of them. DRILL_WHERE is
# the settled window, a condition on the source's rows; all where unset.
drill_compare() {
	local lost duplicated rows seen before
	LOST=0 DUPLICATED=0 ROWS=0
	for table in "$@"; do
		drill_split "$table"
		read -r lost duplicated rows seen <<<"$(drill_engine)"
		if [[ ! $seen =~ ^[0-9]+$ ]]; then
			not_ok "$SOURCE cannot be compared: $lost $duplicated $rows $seen"
			LOST=$((LOST + $(sql "SELECT count() FROM $SOURCE")))
			continue
		fi
		before=$((LOST + DUPLICATED))
		LOST=$((LOST + lost)) DUPLICATED=$((DUPLICATED + duplicated))
		ROWS=$((ROWS + rows))
		if ((LOST + DUPLICATED > before)); then
			drill_show "$lost" "$duplicated" "$rows"
		else
			drill_duckdb
		fi
	done
}

# drill_history TABLE...: each table's snapshots follow each other, positions
# and sequence numbers rise, added records sum up to what readers count, and
# the watermark is the newest position.
drill_history() {
	local said rows
	for table in "$@"; do
		drill_split "$table"
		said=$(table history "$TARGET" 2>&1)
		rows=$(sql "SELECT count() FROM $(iceberg "$TARGET")")
		has "$SOURCE: $rows rows are the sum of its snapshots" "^[0-9]+ snapshots, $rows rows\$" "$said"
	done
}

# drill_watermarks NAME...: names of tables in the state database
drill_watermarks() {
	for name in "$@"; do
		same "$name: the watermark is the table's position" "$(table positions "cold.$name" | head -n 1)" "$(watermark "$name")"
	done
}

# ---- what the ledger says ------------------------------------------------------

drill_ledger() {
	same 'no run is left running' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'running'")"
	same 'every run that failed says why' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'failed' AND (error_class IS NULL OR error_message IS NULL OR phase IS NULL)")"
}

# drill_phases [CONDITION]: "phase N, phase N" of the ledger's failed runs,
# the most frequent first. Sets NPHASES.
drill_phases() {
	local all
	all=$(state "SELECT phase || ' ' || count(*) FROM offload_runs WHERE state = 'failed' AND ${1:-true} GROUP BY phase ORDER BY count(*) DESC, phase")
	NPHASES=$(grep -c . <<<"$all")
	PHASES=${all//$'\n'/, }
	: "$NPHASES" "$PHASES"
}

# ---- the table of results ------------------------------------------------------

drill_result() {
	local now=$EPOCHREALTIME seconds
	seconds=$(((${now/./} - ${DRILL_SINCE/./}) / 1000000))
	DRILL_SINCE=$now
	if [[ $3 == 0 && $4 == 0 ]]; then
		ok "$1, $2 times: 0 lost, 0 duplicated; $5"
	else
		not_ok "$1, $2 times: $3 lost, $4 duplicated; $5 (DRILL_SEED=$DRILL_SEED)"
	fi
	printf '%s\t' "$DRILL" "$1" "$2" "$3" "$4" "$seconds" "$DRILL_SEED" >>"$DRILL_RESULTS"
	printf '%s\n' "$5" >>"$DRILL_RESULTS"
}
