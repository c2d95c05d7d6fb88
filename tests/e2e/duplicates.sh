#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several coordinators on the same tables, on this host and on another one:
# each table is done by exactly one of them, the others report it as busy; runs
# of a dead coordinator are recorded as failed by the next, those of a live one
# never, whatever its host.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite duplicates

COLUMNS='toUnixTimestamp64Milli(ts), seq'
NAMES=(t1 t2 t3 t4)
ENTRIES=()
for name in "${NAMES[@]}"; do
	sql "CREATE TABLE $name (ts DateTime64(3, 'UTC'), seq Int64) ENGINE = MergeTree ORDER BY (ts, seq)"
	ENTRIES+=("{ name: $name, source: hot.$name, target: lake.cold.$name, timestamp: ts, sequence: seq }")
done
HOUR=0
insert() {
	((HOUR++))
	for name in "${NAMES[@]}"; do
		sql "INSERT INTO $name SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(number), $HOUR * 100000 + number FROM numbers(1000)"
	done
}
everything() { # NAME
	for name in "${NAMES[@]}"; do
		equal "$1: every row of $name is there once" "$name" "cold.$name" "$COLUMNS"
	done
}

# $T/elsewhere COMMAND...: in the same process, on a host of another name
{
	echo '#!/bin/bash'
	if unshare --uts true 2>/dev/null; then
		# shellcheck disable=SC2016 # for the inner shell
		echo 'exec unshare --uts bash -c '\''hostname elsewhere.example && exec "$@"'\'' _ "$@"'
	else
		echo 'exec "$@"'
	fi
} >"$T/elsewhere"
chmod +x "$T/elsewhere"
[ "$("$T/elsewhere" hostname)" == elsewhere.example ] ||
	echo 'skip another host: its name cannot be set here'

CONFIG_EXTRA='retry: { attempts: 1 }'
config "${ENTRIES[@]}"
insert
calve init

# ---- one is at all tables, others come -------------------------------------------

# all_stopped: the four workers of COORDINATOR stand still; sets WORKERS
all_stopped() {
	local pid stat n=0
	read -ra WORKERS <"/proc/$COORDINATOR/task/$COORDINATOR/children"
	for pid in "${WORKERS[@]}"; do
		read -r stat 2>/dev/null <"/proc/$pid/stat" && [[ ${stat##*) } == T* ]] && n=$((n + 1))
	done
	((n == ${#NAMES[@]}))
}
stop_all() { # SPEC [COMMAND-IN-FRONT]: sets COORDINATOR
	CALVE_FAULT=stop:$1 ${2:+"$2"} "$FAULT" -c "$T/calve.yaml" run >"$T/first.out" 2>"$T/first.err" </dev/null &
	COORDINATOR=$!
	wait_until 60 all_stopped || not_ok "the workers never came to $1: $(cat "$T/first.err")"
}
go_all() { # sets RC
	kill -CONT "${WORKERS[@]}"
	wait "$COORDINATOR"
	RC=$?
	ERR=$(cat "$T/first.err")
}
stop_all run.fenced
calve run
same 'the second has nothing to do but skip: exit status 4' '4 0' "$RC $(errors_in "$ERR")"
same 'it says so of each table' 4 "$(grep -cE ' warn .* t[1-4]: skipped: another run holds the lock' <<<"$ERR")"
same 'and shows them as busy' 4 "$(grep -cE '^t[1-4] +busy ' <<<"$OUT")"
"$T/elsewhere" "$CALVE" -c "$T/calve.yaml" run >"$T/out" 2>"$T/err" </dev/null
RC=$? ERR=$(cat "$T/err")
same 'so does one on another host' '4 0' "$RC $(errors_in "$ERR")"
same 'the ledger has eight skipped as busy' '8' "$(state "SELECT count(*) FROM offload_runs WHERE state = 'skipped' AND error_class = 'busy'")"
same "and four running: a live coordinator's runs are not touched" 4 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'running'")"
same "nor is what is shown of the tables" 4 "$(state "SELECT count(*) FROM offload_watermarks WHERE status = 'running'")"

# Its session ends while its workers are at work: it comes back by itself.
session() {
	state "SELECT max(backend_start)::text || count(*) FROM pg_stat_activity WHERE application_name = 'calve'"
}
session_back() {
	[[ $(session) == *1 && $(session) != "$before" ]]
}
before=$(session)
state "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'calve'" >/dev/null
if wait_until 20 session_back; then
	ok 'a coordinator that lost its session takes another at once'
else
	not_ok "the coordinator's session never came back: $(cat "$T/first.err")"
fi
calve run
same 'so that its runs are not taken for orphans' '4 4' "$RC $(state "SELECT count(*) FROM offload_runs WHERE state = 'running'")"
go_all
same 'the first one ends well' '0 0' "$RC $(errors_in "$ERR")"
same 'each table was done once' 4 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'success' AND row_count = 1000")"
everything 'one and the others'

# ---- all at once --------------------------------------------------------------------

for round in 1 2 3; do
	insert
	runs=()
	for n in 1 2 3; do
		"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>"$T/run$n.err" </dev/null &
		runs+=($!)
		"$T/elsewhere" "$CALVE" -c "$T/calve.yaml" run >/dev/null 2>"$T/else$n.err" </dev/null &
		runs+=($!)
	done
	statuses=
	for pid in "${runs[@]}"; do
		wait "$pid"
		statuses+="$? "
	done
	has "round $round: six at once end well, or had nothing to do" '^([04] ){6}$' "$statuses"
	[[ $statuses =~ ^([04]\ ){6}$ ]] || grep -h ' error ' "$T"/run?.err "$T"/else?.err
done
everything 'six at once'
same 'each increment was taken by one run' 16 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'success' AND row_count = 1000")"
same 'no run failed' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state NOT IN ('success', 'skipped')")"

# ---- one dies, on another host ---------------------------------------------------------

all_committing() {
	[ 4 == "$(state "SELECT count(*) FROM offload_runs WHERE state = 'running' AND phase = 'committing'")" ]
}

insert
stop_all run.fenced "$T/elsewhere"
hosts=$(state "SELECT string_agg(DISTINCT host, ',') FROM offload_runs WHERE state = 'running'")
# Its last phase is in the ledger, however long a worker says nothing more.
wait_until 20 all_committing || not_ok 'the phase of a silent worker never came to the ledger'
kill -KILL "$COORDINATOR"
wait "$COORDINATOR" 2>/dev/null
kill -KILL "${WORKERS[@]}"
calve run
same 'what it left is done by the next' '0 0' "$RC $(errors_in "$ERR")"
same 'which says whose runs were left behind' 4 "$(grep -cF "a run of '$hosts' was left behind while committing" <<<"$ERR")"
same 'and records them as failed' 4 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'failed' AND error_class = 'cancelled' AND host = '$hosts' AND error_message LIKE 'the coordinator on ''$hosts'' ended before%'")"
same 'none is left running' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'running'")"
everything 'after a death'
