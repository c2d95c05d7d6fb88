#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A whole table from PostgreSQL to ClickHouse: calve, and what users would
# otherwise type, side by side on the same two million visits.
#
#	tests/bench/visits.sh [--rounds N] [--rows N] [--spark]
#
# Peers: calve (two slices), calve-1 (one), csv (psql's \copy into curl), copy
# (COPY in binary form by two connections at once, thrown away), copy-1 (by
# one), file (the engine's own INSERT of these rows, from a file of the form
# that it reads fastest). What copy takes of PostgreSQL's CPU and file of the
# engine's, by the cores, is "floor": with both servers on them, nothing that
# moves these rows by COPY and INSERT can be faster. With --spark only calve
# and Spark, which needs scripts/setup.sh bench. Samples are left in
# build/bench/samples.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/spark_lib.sh

TABLE=app_user_visits_fact

# visit_entry NAME SLICES
visit_entry() {
	printf '{ name: %s, source: app.public.%s, target: hot.%s, timestamp: updated_at, key: [id], slices: %s }\n' \
	    "$1" "$TABLE" "$1" "$2"
}

# Rows as PostgreSQL keeps them, not changed from one benchmark to the next.
visits() {
	local have
	have=$(state "SELECT count(*) FROM $TABLE" 2>/dev/null)
	[ "$have" != "$1" ] || return 0
	state "DROP TABLE IF EXISTS $TABLE CASCADE" &&
	    state "$(cat scripts/visits.sql)" &&
	    state "INSERT INTO $TABLE SELECT * FROM make_visits(1, $1,
		1772323200000, 1000)" &&
	    state "VACUUM (ANALYZE, FREEZE) $TABLE" &&
	    state CHECKPOINT
}

# took PEER ROUND [BYTES_IN BYTES_OUT]
took() {
	sample visits "$1" "$2" "$ROWS" "$MEASURED" "${3:-0}" "${4:-0}" 0
}

# in_target NAME: all rows, or the benchmark ends
in_target() {
	local rows
	rows=$(sql "SELECT count() FROM bench.$1")
	[ "$rows" == "$ROWS" ] || bench_fail "$1: $rows rows instead of $ROWS"
}

peer_calve() {
	if ! { sql "TRUNCATE TABLE bench.$1" &&
	    calve watermark reset "$1" >/dev/null &&
	    measured -l "$B/events" "$CALVE" -c "$B/calve.yaml" run -t "$1" \
		--json 2>"$B/calve.log" </dev/null; }; then
		tail -n 5 "$B/calve.log" >&2
		return 1
	fi
	in_target "$1"
	took "$2" "$3" "$(number bytes_read "$B/events")" \
	    "$(number bytes_written "$B/events")"
}

# by_psql COMMAND ARGUMENTS...: timed; what a shell would run is COMMAND, with
# ARGUMENTS as $1 ...
by_psql() {
	measured env CONNINFO="$(cat "$B/pg/pg.conninfo")" \
	    URL="$(cat "$B/ch/ch.url")" CH_USER="$(cat "$B/ch/ch.user")" \
	    bash -euo pipefail -c "$@"
}

peer_csv() {
	sql 'TRUNCATE TABLE bench.csv' || return 1
	# shellcheck disable=SC2016 # for that shell
	by_psql 'psql -qX "$CONNINFO" -c "$1" |
	    curl -sS --fail-with-body -X POST -T - \
		-H "X-ClickHouse-User: $CH_USER" \
		-H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" \
		"$URL/?query=INSERT+INTO+bench.csv+FORMAT+CSV"' \
	    csv "\\copy (SELECT * FROM $TABLE) TO STDOUT (FORMAT csv, NULL '\\N')" ||
		return 1
	in_target csv
	took csv "$1"
}

# peer_copy NAME CONNECTIONS ROUND: each of them a stretch of ids
peer_copy() {
	local each=$((ROWS / $2)) k statements=()
	for ((k = 0; k < $2; k++)); do
		statements+=("COPY (SELECT * FROM $TABLE WHERE id > $((k * each))
		    AND id <= $(((k + 1) * each))) TO STDOUT (FORMAT binary)")
	done
	# shellcheck disable=SC2016 # for that shell
	by_psql 'for statement; do
		psql -qX "$CONNINFO" -c "$statement" >/dev/null &
	done
	wait' copy "${statements[@]}" || return 1
	took "$1" "$3"
}

# The rows as a file, from what a run has brought.
native_file() {
	[ -s "$B/visits.native" ] ||
		sql 'SELECT * FROM bench.visits ORDER BY updated_at FORMAT Native' \
		    'max_threads=1' >"$B/visits.native"
}

# As calve inserts: no looking for what replaces what within a block.
peer_file() {
	native_file && sql 'TRUNCATE TABLE bench.file' &&
	    measured curl -sS --fail-with-body \
		-H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
		-H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" --data-binary \
		"INSERT INTO bench.file FROM INFILE '$B/visits.native' FORMAT Native" \
		"$(cat "$B/ch/ch.url")/?optimize_on_insert=0" || return 1
	in_target file
	took file "$1"
}

# The job that calve replaces.
peer_spark() {
	sql 'TRUNCATE TABLE bench.spark' &&
	    PGPASSWORD=$(cat "$B/pg/pg.password") spark_submit spark_visits.py \
		"jdbc:postgresql://127.0.0.1:$(cat "$B/pg/pg.port")/calve" \
		calve "$TABLE" \
		"$(state "SELECT min(updated_at) FROM $TABLE")" \
		"$(state "SELECT max(updated_at) FROM $TABLE")" \
		"jdbc:clickhouse://127.0.0.1:$(cat "$B/ch/ch.port")/bench?compress=0" \
		"$(cat "$B/ch/ch.user")" spark || return 1
	in_target spark
	took spark "$1"
}

# floor ROUND: of the samples of copy and file in it
floor() {
	local seconds
	seconds=$(awk -F '\t' -v cores="$(nproc)" -v round="$1" '
	    $3 == round && $2 == "copy" { sum += $14 }
	    $3 == round && $2 == "file" { sum += $8 }
	    END { printf "%.4f", sum / cores }' "$SAMPLES")
	sample visits floor "$1" "$ROWS" "$seconds 0 0 0 0 0 0" 0 0 0
}

main() {
	local rounds=5 round table spark=false peers=(csv file)
	ROWS=2000000
	while [ $# -gt 0 ]; do
		case $1 in
		--spark) spark=true ;;
		--rounds) rounds=${2:-} && shift ;;
		--rows) ROWS=${2:-} && shift ;;
		*) bench_fail "what is '$1'? --rounds N, --rows N or --spark" ;;
		esac
		shift
	done
	if $spark; then
		spark_is_here
		peers=(spark)
	fi
	bench_up
	! $spark || pg_listen "$B/pg" || exit 1 # JDBC knows no sockets
	SOURCE=$(head -n 1 "$(cat "$B/pg/pg.home")/data/postmaster.pid") ||
		exit 1
	visits "$ROWS" || exit 1
	rm -f "$B/visits.native"
	for table in visits visits_1 "${peers[@]}"; do
		sql "DROP TABLE IF EXISTS bench.$table SYNC"
	done
	config "$(visit_entry visits 2)" "$(visit_entry visits_1 1)" || exit 1
	for table in "${peers[@]}"; do
		sql "CREATE TABLE bench.$table AS bench.visits" || exit 1
	done
	for ((round = 1; round <= rounds; round++)); do
		if $spark; then
			peer_calve visits calve "$round" && peer_spark "$round"
		else
			peer_calve visits calve "$round" && peer_csv "$round" &&
			    peer_copy copy 2 "$round" &&
			    peer_file "$round" && floor "$round" &&
			    peer_calve visits_1 calve-1 "$round" &&
			    peer_copy copy-1 1 "$round"
		fi || bench_fail 'a peer failed'
	done
	rm -f "$B/visits.native"
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
