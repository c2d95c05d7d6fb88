#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two runs at once on one table, a lock that is lost in mid-run, a state
# database that goes away between commit and advance, other writers on the same
# table: every row is there once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite races

CONFIG_EXTRA='retry: { attempts: 1 }'
HOUR=0
create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, symbol String, price Decimal64(8)) ENGINE = MergeTree ORDER BY (ts, seq)"
}

insert() { # TABLE
	((HOUR++))
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(intDiv(number, 3) * 20), $HOUR * 100000 + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8) FROM numbers(500)"
}

entry() { # NAME [SOURCE]
	echo "{ name: $1, source: hot.${2:-$1}, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [day(ts)] }"
}

# A table with one run behind it and 500 new rows before it.
prepared() { # NAME
	create "$1"
	insert "$1"
	config "$(entry "$1")"
	calve run
	[ "$RC" == 0 ] || not_ok "$1: first run: $ERR"
	insert "$1"
	BEFORE=$(table version "cold.$1")
}

every_row_once() { # NAME [WHAT]
	equal "$1: every row is there once" "${2:-$1}" "cold.$1" 'toUnixTimestamp64Milli(ts), toString(seq), symbol, toString(price)'
	same "$1: the watermark is the table's position" "$(table positions "cold.$1" | head -n 1)" "$(watermark "$1")"
}

end_locks() { # takes the lock away from the worker
	state "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'calve-worker%'" >/dev/null
}

config "$(entry none)"
calve init

# ---- two runs at once ---------------------------------------------------------------

prepared busy
fault_stop run.fenced run
calve run
same 'busy: the second run has nothing to do but skip' 4 "$RC"
same 'busy: and is recorded so' 'skipped|busy' "$(last_run busy state,error_class)"
# The source is asked while the lock is tried: its silence is not waited for.
echo 'stall-after 0 match system.settings' >"$T/ch/ch.faults"
began=$SECONDS
calve run
same 'busy: so it is while the source is silent' 4 "$RC"
if ((SECONDS - began < 20)); then
	ok 'busy: which is not waited for'
else
	not_ok "busy: the silent source was waited for, $((SECONDS - began)) s"
fi
: >"$T/ch/ch.faults"
same 'busy: nothing is committed meanwhile' "$BEFORE" "$(table version cold.busy)"
fault_go
same 'busy: the first one ends well' 0 "$RC"
every_row_once busy

prepared advancing
fault_stop state.commit.before run
calve run
same 'advancing: an advance that is not committed yet is not waited for' 4 "$RC"
same 'advancing: but skipped' 'skipped|busy' "$(last_run advancing state,error_class)"
fault_go
every_row_once advancing

prepared twins
for _ in 1 2 3 4 5; do
	insert twins
	"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>"$T/twin.err" </dev/null &
	twin=$!
	calve run
	wait "$twin"
	twin=$?
	case $RC/$twin in
	0/0 | 0/4 | 4/0) ;;
	*) not_ok "twins: exit statuses $RC and $twin: $ERR $(cat "$T/twin.err")" ;;
	esac
done
every_row_once twins
same 'twins: no run failed' 0 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'twins' AND state NOT IN ('success', 'skipped')")"

# ---- the lock is lost ------------------------------------------------------------------

prepared unlocked
fault_stop store.create.before run
end_locks
fault_go
same 'unlocked: a run whose lock is gone fails' 3 "$RC"
same 'unlocked: with one error' 1 "$(errors_in "$ERR")"
same 'unlocked: of the state database' 'failed|state-lost' "$(last_run unlocked state,error_class)"
same 'unlocked: nothing was committed' "$BEFORE" "$(table version cold.unlocked)"
same 'unlocked: no data file is left' 1 "$(find "$WAREHOUSE/cold/unlocked/data" -type f | wc -l)"
calve run
every_row_once unlocked

prepared overtaken
fault_stop store.create.before run
end_locks
calve run
same 'overtaken: another run takes over' 0 "$RC"
after=$(table version cold.overtaken)
fault_go
same 'overtaken: the stale one fails' 3 "$RC"
same 'overtaken: nothing of it lands' "$after" "$(table version cold.overtaken)"
every_row_once overtaken

# Past the fence only link(2) stands between: it must lose against the other.
prepared late
fault_stop run.fenced run
end_locks
calve run
same 'late: another run takes over' 0 "$RC"
after=$(table version cold.late)
fault_go
same 'late: the stale one fails' 3 "$RC"
same 'late: nothing of it lands' "$after" "$(table version cold.late)"
every_row_once late

# ... and where there is no other, its commit is as good as any.
prepared alone
fault_stop run.fenced run
end_locks
fault_go
same 'alone: without a lock the run fails' 3 "$RC"
calve run
same 'alone: the next one goes on' 0 "$RC"
every_row_once alone

# ---- the state database goes away -------------------------------------------------------

prepared adopted
fault_stop run.committed run
pg_stop "$T/pg" immediate
fault_go
has 'adopted: the run does not end well' '^[13]$' "$RC"
pg_start "$T/pg"
same 'adopted: the watermark is behind the table' 1 "$([[ $(watermark adopted) == "$(table positions cold.adopted | head -n 1)" ]] || echo 1)"
calve run
same 'adopted: the next run ends well' 0 "$RC"
has 'adopted: and says what it took' "position is taken" "$ERR"
same 'adopted: the dead run is failed' 1 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'adopted' AND state = 'failed'")"
every_row_once adopted
insert adopted
calve run
every_row_once adopted

prepared unreached
pg_stop "$T/pg" immediate
calve run
same 'unreached: without state database exit status 3' 3 "$RC"
same 'unreached: with one error' 1 "$(errors_in "$ERR")"
pg_start "$T/pg"
calve run
every_row_once unreached

# ---- other writers ------------------------------------------------------------------------

prepared shared
fault_stop run.fenced run
table compact cold.shared
fault_go
same 'shared: a commit in between is no reason to fail' 0 "$RC"
same 'shared: both are in the history' 3 "$(table snapshots cold.shared | wc -l)"
every_row_once shared
table compact cold.shared
insert shared
calve run
same "shared: the position is found behind another tool's snapshot" 0 "$RC"
every_row_once shared

# The table rolled back while the run reads: the fence sees it.
prepared moved
insert moved
calve run
insert moved
fault_stop store.create.before run
table rollback cold.moved 1
fault_go
same 'moved: a table rolled back in mid-run fails the run' 1 "$RC"
same 'moved: as a conflict, or what a rolled back table is' 1 "$(last_run moved error_class | grep -cE '^(conflict|table)$')"

# 20 sources into one table, all at once: each commit lands once.
for ((n = 1; n <= 20; n++)); do
	create "many$n"
	((HOUR = n))
	insert "many$n"
	config "{ name: many$n, source: hot.many$n, target: lake.cold.many, timestamp: ts, sequence: seq }"
	[ "$n" -gt 1 ] || calve run # makes the table
	cp "$T/calve.yaml" "$T/many$n.yaml"
done
insert many1
runs=()
for ((n = 1; n <= 20; n++)); do
	"$CALVE" -c "$T/many$n.yaml" run >/dev/null 2>"$T/many$n.err" </dev/null &
	runs+=($!)
done
bad=0
for pid in "${runs[@]}"; do
	wait "$pid" || bad=$((bad + 1))
done
same 'many: 20 writers at once end well' 0 "$bad"
[ "$bad" == 0 ] || grep -h ' error ' "$T"/many*.err
same 'many: 21 commits stand in one history' 21 "$(table snapshots cold.many | wc -l)"
equal 'many: every row is there once' "merge(currentDatabase(), '^many')" cold.many 'toUnixTimestamp64Milli(ts), toString(seq), symbol, toString(price)'
