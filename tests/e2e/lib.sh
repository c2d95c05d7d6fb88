#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What end-to-end tests share: servers of their own in build/test/NAME, a
# calve.yaml, "ok"/"not ok" lines, and the comparison of a table with its
# source by a reader that is not ours. Source it first:
#
#   . "$(dirname "$0")/lib.sh"; suite NAME
#
# Every suite has its own PostgreSQL and ClickHouse engine, stopped at exit; so
# is a second PostgreSQL in $T/app.
set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 2
# shellcheck source=scripts/servers.sh
. scripts/servers.sh
: "${CALVE:=$ROOT/build/calve}"
FAULT=$ROOT/build/fault/calve # the same, for faults on purpose
TESTS_FAILED=0

ok() {
	printf 'ok %s\n' "$1"
}

not_ok() {
	printf 'not ok %s\n' "$*"
	TESTS_FAILED=1
}

# same NAME WANTED GOT
same() {
	if [ "$2" == "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		printf '  wanted: %s\n  got:    %s\n' "$2" "$3"
	fi
}

# has NAME PATTERN TEXT: extended regular expression
has() {
	if grep -qE -- "$2" <<<"$3"; then
		ok "$1"
	else
		not_ok "$1"
		printf '  wanted: %s\n  got:    %s\n' "$2" "$3"
	fi
}

# Makes $T this run's own: another run of the suite is waited for.
suite_claim() {
	local pid=$BASHPID mine
	mine=$T.pid.$pid
	mkdir -p "$ROOT/build/test"
	echo "$pid $(proc_start "$pid")" >"$mine"
	until ln "$mine" "$T.pid" 2>/dev/null; do
		if ! wait_until 900 proc_gone "$T.pid"; then
			rm -f "$mine"
			return 1
		fi
		rm -f "$T.pid"
	done
	rm -f "$mine"
}

suite() {
	T=$ROOT/build/test/$1
	suite_claim || exit 1
	# A run that was killed has left its servers behind.
	[ ! -d "$T" ] || suite_stop || exit 1
	rm -rf "$T"
	mkdir -p "$T/warehouse"
	trap suite_end EXIT
	pg_start "$T/pg" || exit 1
	ch_start "$T/ch" || exit 1
	TABLE_SERVER=$T/table
	proc_spawn "$TABLE_SERVER.pid" "$TABLE_SERVER.log" node \
		tests/e2e/table_server.mjs "$TABLE_SERVER.port" || exit 1
	CLICKHOUSE_PASSWORD=$(cat "$T/ch/ch.password")
	export CLICKHOUSE_PASSWORD
	# shellcheck disable=SC2034 # for the tests
	WAREHOUSE=$T/warehouse
}

# The cluster may lie outside $T, where its user can reach it: remove it.
suite_stop() {
	local status=0
	proc_end "$T/table.pid" TERM
	old_ch_stop "$T/old" || status=1
	old_ch_stop "$T/other" || status=1
	zk_stop "$T/zk" || status=1
	ch_stop "$T/ch" || status=1
	pg_remove "$T/pg" || status=1
	pg_remove "$T/app" || status=1
	return $status
}

suite_end() {
	local status=$? IFS=$' \t\n' # the shell may have ended within a read
	[ -z "${WORKER:-}" ] || kill -KILL "$WORKER" 2>/dev/null
	suite_stop || status=1
	rm -f "$T.pid"
	[ "$status" -ne 0 ] || status=$TESTS_FAILED
	exit "$status"
}

# config TABLES...: writes calve.yaml, each argument one entry of `tables:`.
# STATE_CONNINFO: another way to the state database.
config() {
	{
		cat <<-YAML
		state: "${STATE_CONNINFO:-$(cat "$T/pg/pg.conninfo")}"
		sources:
		  hot: { kind: clickhouse, url: "$(cat "$T/ch/ch.url")", database: default, user: "$(cat "$T/ch/ch.user")", password: "\${CLICKHOUSE_PASSWORD}" }
		catalogs:
		  lake: { kind: hadoop, warehouse: "$WAREHOUSE" }
		${CONFIG_EXTRA:-}
		defaults: { settle: 5m }
		tables:
		YAML
		printf '  - %s\n' "$@"
	} >"$T/calve.yaml"
}

# calve ARGUMENTS...: sets OUT, ERR and RC
calve() {
	"$CALVE" -c "$T/calve.yaml" "$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
	OUT=$(cat "$T/out")
	ERR=$(cat "$T/err")
	# shellcheck disable=SC2034
	: "$OUT" "$ERR" "$RC"
}

# title PID: what ps shows of it. Up to the first null byte: a title shorter
# than the program's path is followed by nulls and a dot (setproctitle(3bsd)).
title() {
	local title=
	IFS= read -r -d '' title 2>/dev/null <"/proc/$1/cmdline"
	echo "$title"
}

# ---- faults on purpose: the test build --------------------------------------

# fault SPEC ARGUMENTS...: as calve, with CALVE_FAULT=SPEC (common/fault.h)
fault() {
	local spec=$1
	shift
	CALVE_FAULT=$spec CALVE=$FAULT calve "$@"
}

# The child of process $1 is stopped; sets WORKER.
worker_stopped() {
	local stat
	WORKER=
	[ -e "/proc/$1" ] || return 0
	read -r WORKER _ <"/proc/$1/task/$1/children"
	read -r stat 2>/dev/null <"/proc/${WORKER:-none}/stat" &&
		[[ ${stat##*) } == T* ]]
}

# fault_stop SPEC ARGUMENTS...: returns when the worker stands at the point;
# COORDINATOR and WORKER are its processes. fault_go lets it go on, waits for
# the end and sets OUT, ERR and RC.
fault_stop() {
	local spec=$1
	shift
	CALVE_FAULT=stop:$spec "$FAULT" -c "$T/calve.yaml" "$@" \
		>"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
	COORDINATOR=$!
	WORKER=
	if ! wait_until 60 worker_stopped "$COORDINATOR" || [ -z "$WORKER" ]; then
		not_ok "the worker never came to $spec"
		cat "$T/stopped.err"
		return 1
	fi
	WORKER_STARTED=$(proc_start "$WORKER")
}

worker_gone() {
	[[ $(proc_start "$WORKER") != "$WORKER_STARTED" ]]
}

fault_go() {
	[ -z "$WORKER" ] || kill -CONT "$WORKER"
	wait "$COORDINATOR"
	RC=$?
	[ -z "$WORKER" ] || wait_until 60 worker_gone
	WORKER=
	OUT=$(cat "$T/stopped.out")
	ERR=$(cat "$T/stopped.err")
}

# ---- what the servers and the table say --------------------------------------

sql() {
	ch_sql "$T/ch" "$@"
}

state() {
	pg_sql "$T/pg" "$1"
}

# table COMMAND TABLE [ARGUMENTS...]: tests/e2e/table.mjs on the table's folder
table() {
	local command=$1 dir=$WAREHOUSE/${2//.//} server status said
	shift 2
	wait_until 60 test -s "$TABLE_SERVER.port" || return 1
	exec {server}<>"/dev/tcp/127.0.0.1/$(<"$TABLE_SERVER.port")" || return 1
	printf '%s\0' $(($# + 2)) "$command" "$dir" "$@" >&"$server"
	read -r -u "$server" status
	said=$(cat <&"$server")
	exec {server}>&-
	[ -z "$said" ] || printf '%s\n' "$said" >&$((status == 0 ? 1 : 2))
	return "${status:-1}"
}

# errors_in TEXT: how many lines of the log are errors
errors_in() {
	grep -cE '^[0-9T:.-]+Z error ' <<<"$1"
}

# last_run TABLE COLUMNS: of its newest ledger row, joined by |
last_run() {
	state "SELECT concat_ws('|', ${2//,/, }) FROM offload_runs WHERE table_name = '$1' ORDER BY started_at DESC LIMIT 1"
}

# watermark TABLE: its position text in the state database
watermark() {
	state "SELECT last_offload_position FROM offload_watermarks WHERE table_name = '$1'"
}

# stops NAME CLASS PATTERN: a run that must stop, with one error line, and
# nothing written
stops() {
	local before after
	before=$(ls "$WAREHOUSE/cold/$1/metadata" 2>/dev/null)
	calve run
	after=$(ls "$WAREHOUSE/cold/$1/metadata" 2>/dev/null)
	same "$1: the run stops" 1 "$RC"
	same "$1: with one error" 1 "$(errors_in "$ERR")"
	has "$1: that says what happened" " error .*$3" "$ERR"
	same "$1: of class $2" "failed|$2" "$(last_run "$1" state,error_class)"
	same "$1: nothing was written" "$before" "$after"
}

# iceberg TABLE: how the engine's own reader names the table
iceberg() {
	printf "icebergLocal('%s')" "$WAREHOUSE/${1//.//}"
}

# equal NAME SOURCE TARGET COLUMNS [WHERE]: both sides hold the same rows the
# same number of times. COLUMNS must mean the same in both.
equal() {
	local where=${5:-1} q wanted
	q="SELECT count(), sum(cityHash64(toString(($4)))), min(cityHash64(toString(($4)))), uniqExact(($4)) FROM"
	wanted=$(sql "$q $2 WHERE $where")
	[[ $wanted == [0-9]* ]] || not_ok "$1: the source does not answer"
	same "$1" "$wanted" "$(sql "$q $(iceberg "$3") WHERE $where")"
}
