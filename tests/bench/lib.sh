#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the benchmarks share: servers in build/bench that keep their data from
# one run to the next, tables made once, samples, and calve's configuration.
# Source it first.
#
# A sample is a line of $SAMPLES, tab-separated: see sample_columns. Nothing is
# asserted about times; report.mjs makes tables of them.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 2
# shellcheck source=scripts/servers.sh
. scripts/servers.sh
: "${CALVE:=$ROOT/build/calve}"
B=$SERVERS_BUILD/bench
SAMPLES=$B/samples.tsv
MEASURE=$B/measure
# shellcheck disable=SC2034 # for whoever sources this
PRESETS=(compat compact dense)

# Bytes and seconds; peak is the client's memory (of calve: its worker's),
# server_* what the engine used meanwhile, other_cpu what the rest of the machine
# did, bytes_in the rows as Native, source_cpu PostgreSQL's where SOURCE is its
# process.
sample_columns=(scenario peer round rows seconds cpu peak server_cpu
	server_peak other_cpu bytes_in bytes_out files source_cpu)

bench_fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

# ---- servers --------------------------------------------------------------------

# One benchmark at a time below build/bench; the lock ends with this shell.
bench_up() {
	mkdir -p "$B"
	exec {BENCH_LOCK}>"$B/lock"
	flock -n "$BENCH_LOCK" || bench_fail "another one runs in '$B'"
	trap bench_down EXIT
	pg_start "$B/pg" {BENCH_LOCK}>&- || exit 1
	# Throw-away clusters do not sync; what is timed here does.
	pg_sql "$B/pg" 'ALTER SYSTEM SET fsync = on' &&
	    pg_sql "$B/pg" 'SELECT pg_reload_conf()' >/dev/null || exit 1
	ch_start "$B/ch" {BENCH_LOCK}>&- || exit 1
	read -r SERVER _ <"$B/ch/ch.pid"
	CLICKHOUSE_PASSWORD=$(cat "$B/ch/ch.password")
	export CLICKHOUSE_PASSWORD
	sql 'CREATE DATABASE IF NOT EXISTS bench' >/dev/null || exit 1
	samples_begin
}

bench_down() {
	local status=$? IFS=$' \t\n'
	ch_stop "$B/ch" || status=1
	pg_stop "$B/pg" || status=1
	exit $status
}

sql() {
	ch_sql "$B/ch" "$@"
}

state() {
	pg_sql "$B/pg" "$1"
}

# ---- samples --------------------------------------------------------------------

machine() {
	local cpu memory
	cpu=$(sed -n 's/^model name[[:blank:]]*: //p' /proc/cpuinfo | head -n 1)
	memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
	printf '%s, %s cores, %s GiB, Linux %s' "$cpu" "$(nproc)" "$memory" \
	    "$(uname -r)"
}

commit() {
	printf '%s' "$(git rev-parse --short=12 HEAD)"
	[ -z "$(git status --porcelain -uno)" ] || printf ' and changes'
}

samples_begin() {
	{
		printf '# machine\t%s\n' "$(machine)"
		printf '# engine\tClickHouse %s\n' "$(sql 'SELECT version()')"
		printf '# date\t%s\n' "$(date -u +%Y-%m-%d)"
		printf '# commit\t%s\n' "$(commit)"
		(
			IFS=$'\t'
			printf '%s\n' "${sample_columns[*]}"
		)
	} >"$SAMPLES"
}

# sample SCENARIO PEER ROUND ROWS MEASURED BYTES_IN BYTES_OUT FILES
sample() {
	local seconds cpu peak server_cpu server_peak other source_cpu
	read -r seconds cpu peak server_cpu server_peak other source_cpu <<<"$5"
	printf '%s\t' "$1" "$2" "$3" "$4" "$seconds" "$cpu" "$peak" \
	    "$server_cpu" "$server_peak" "$other" "$6" "$7" >>"$SAMPLES"
	printf '%s\t%s\n' "$8" "${source_cpu:-0}" >>"$SAMPLES"
	printf '  %-10s %-14s round %-2s %8.3f s\n' "$1" "$2" "$3" "$seconds" >&2
}

# measured [-l LINES] COMMAND...: runs it and sets MEASURED; it must succeed.
measured() {
	sync # what the one before left in memory is not this one's to write
	"$MEASURE" -o "$B/measured" -s "$SERVER" \
	    ${SOURCE:+-c "$SOURCE"} "$@" || return 1
	MEASURED=$(cat "$B/measured")
}

# data_files DIR: number and bytes of the Parquet files below it
data_files() {
	find "$1" -name '*.parquet' -printf '%s\n' |
		awk '{ bytes += $1 } END { print NR, bytes + 0 }'
}

# ---- calve ------------------------------------------------------------------------

# config ENTRY...: build/bench/calve.yaml with these tables
config() {
	{
		cat <<-YAML
		state: "$(cat "$B/pg/pg.conninfo")"
		sources:
		  hot: { kind: clickhouse, url: "$(cat "$B/ch/ch.url")", database: bench, user: "$(cat "$B/ch/ch.user")", password: "\${CLICKHOUSE_PASSWORD}" }
		  app: { kind: postgres, conninfo: "$(cat "$B/pg/pg.conninfo")" }
		catalogs:
		  lake: { kind: hadoop, warehouse: "$B/warehouse" }
		${CONFIG_EXTRA:-}
		tables:
		YAML
		printf '  - %s\n' "$@"
	} >"$B/calve.yaml"
	calve init >/dev/null
}

# calve ARGUMENTS...: log in build/bench/calve.log, shown when it fails
calve() {
	"$CALVE" -c "$B/calve.yaml" "$@" 2>"$B/calve.log" </dev/null || {
		local status=$?
		tail -n 5 "$B/calve.log" >&2
		return $status
	}
}

# number KEY FILE: of the last object of calve's --json that has it
number() {
	sed -nE 's/.*"'"$1"'": ?([0-9.]+).*/\1/p' "$2" | tail -n 1
}

# entry TABLE [NAME [PARTITION [MORE]]]: a table of calve.yaml
entry() {
	printf '{ name: %s, source: hot.%s, target: lake.cold.%s, timestamp: exchange_timestamp, sequence: sequence_number, partition: ["%s"]%s }\n' \
	    "${2:-$1}" "$1" "${2:-$1}" "${3:-day(exchange_timestamp)}" \
	    "${4:+, $4}"
}

# forget TABLE: as if it had never been offloaded
forget() {
	rm -rf "$B/warehouse/cold/$1"
	calve watermark reset "$1" >/dev/null
}

# offload SCENARIO PEER ROUND TABLE ROWS BYTES_IN: one timed `calve run` of one
# table, which has to take that many rows. Its events, each behind the seconds
# at which it came, are left in build/bench/events.
offload() {
	local out=$B/events rows
	measured -l "$out" "$CALVE" -c "$B/calve.yaml" run -t "$4" --json \
	    2>"$B/calve.log" </dev/null || {
		tail -n 5 "$B/calve.log" >&2
		return 1
	}
	rows=$(number rows "$out")
	[ "$rows" == "$5" ] || bench_fail "$4: $rows rows instead of $5"
	sample "$1" "$2" "$3" "$5" "$MEASURED" "$6" \
	    "$(number bytes_written "$out")" "$(number files "$out")"
}

# phases SCENARIO ROUND: a sample of each stretch between two events of the
# last offload(), named by the event that begins it; "start" is process start.
# Phases that come again, as counting does once per step, are told apart.
phases() {
	local was=0 name=start at event
	while IFS=$'\t' read -r at event; do
		sample "$1" "$name" "$2" 0 "$(awk -v a="$was" -v b="$at" \
		    'BEGIN { printf "%.6f", b - a }') 0 0 0 0 0" 0 0 0
		was=$at
		name=$event
	done < <(sed -nE -e 's/^([0-9.]+)\t\{"event":"phase".*"phase":"([a-z]+)".*/\1\t\2/p' \
	    -e 's/^([0-9.]+)\t\{"event":"(started|settled|summary)".*/\1\t\2/p' \
	    "$B/events" | awk -F '\t' '{ n = seen[$2]++; print $1 "\t" $2 (n ? " " n + 1 : "") }
	    END { print "'"${MEASURED%% *}"'\tend" }')
}
