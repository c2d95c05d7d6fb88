#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Clocks that are wrong by a day, of the host of calve, of its workers, of
# PostgreSQL, and clocks that step back between two commits.
# Windows come from the source's clock, so rows within the settle margin stay
# and all others are taken; times in the table never go back.
# shellcheck disable=SC2119 # drill_rerun needs no arguments
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
DAY=86400
SHIM=$ROOT/build/wrong-clock.so
CALVE_RIGHT=$CALVE

# wrong NAME SECONDS: how wrong the clock of that name is from now on
wrong() {
	printf '%-16d' "$2" 1<>"$T/$1.clock"
}
for clock in host worker pg; do
	wrong $clock 0
done

# A program in place of calve, or of its worker, on a host of that clock.
program() { # NAME CLOCK PROGRAM
	printf '#!/bin/sh\nexec env LD_PRELOAD=%s WRONG_CLOCK=%s %s "$@"\n' "$SHIM" "$T/$2.clock" "$3" >"$T/$1"
	chmod +x "$T/$1"
}
program calve host "$CALVE_RIGHT"
program calve-fault host "$ROOT/build/fault/calve"
program worker worker "$ROOT/build/calve-worker"
CALVE=$T/calve

# Rows of the last three days: 300 up to an hour ago, 60 within the margin, 40
# in the future, by the clock that the sources's host should have.
fresh() { # TABLE
	sql "INSERT INTO $1 SELECT now64(3, 'UTC') - INTERVAL 1 HOUR - toIntervalSecond((300 - number) * 860), $DRILL_HOUR * 1000 + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8), NULL FROM numbers(300)"
	sql "INSERT INTO $1 SELECT now64(3, 'UTC') - toIntervalSecond(60 - number), $DRILL_HOUR * 1000 + 300 + number, 'BTC', toDecimal64(number / 7, 8), NULL FROM numbers(60)"
	sql "INSERT INTO $1 SELECT now64(3, 'UTC') + INTERVAL 2 HOUR + toIntervalSecond(number), $DRILL_HOUR * 1000 + 400 + number, 'BTC', toDecimal64(number / 7, 8), NULL FROM numbers(40)"
	DRILL_HOUR=$((DRILL_HOUR + 1))
}
SETTLED="ts < now64(3, 'UTC') - INTERVAL 30 MINUTE"

# The windows' ends are the source's: what is settled is there, nothing else.
windows() { # TABLE
	DRILL_WHERE=$SETTLED drill_compare "$1"
}

# took NAME WHAT PATTERN DID: one run on a new table of fresh rows, and one more
took() {
	drill_create "$1"
	config "$(drill_entry "$1" 'step: 12h')"
	fresh "$1"
	calve run
	same "$1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	has "$1: what is said" "$3" "$ERR"
	windows "$1"
	calve run
	same "$1: another run finds nothing" '0 0' "$RC $(last_run "$1" row_count)"
	drill_history "$1"
	drill_watermarks "$1"
	drill_ledger
	drill_result "$2" 1 "$LOST" "$DUPLICATED" "$4"
}

config "$(drill_entry none)"
calve init
AHEAD='the clock of the source is 24 h 0 m ahead of this host.s'
BEHIND='the clock of the source is 24 h 0 m behind this host.s'

# ---- the host of calve ------------------------------------------------------------

wrong host $DAY
took host_ahead 'clock of the host a day ahead' "warn .*host_ahead: $BEHIND" "took what the source's clock says, warned"
wrong host -$DAY
took host_behind 'clock of the host a day behind' "warn .*host_behind: $AHEAD" "took what the source's clock says, warned"

# One table that lives through it: right, ahead, right, behind, right.
drill_create stepped
config "$(drill_entry stepped)"
TIMES=$(drill_scaled 40 6)
for ((n = 0; n < TIMES; n++)); do
	drill_draw -$DAY $DAY
	((n % 2 == 0)) || DRAWN=0
	wrong host "$DRAWN"
	drill_insert stepped
	calve run
	[ "$RC" == 0 ] || not_ok "stepped by $DRAWN s: $ERR"
done
wrong host 0
drill_rerun
drill_compare stepped
drill_history stepped
drill_result 'clock of the host stepping between runs' "$TIMES" "$LOST" "$DUPLICATED" 'times of snapshots never went back'

# Between two commits of one run, at once and in mid-commit.
drill_create back
config "$(drill_entry back 'step: 1h')"
for point in store.create.before:2 run.fenced:2 run.committed state.commit.after; do
	wrong host 0
	drill_insert back 3
	CALVE_FAULT=stop:$point "$T/calve-fault" -c "$T/calve.yaml" run >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
	COORDINATOR=$!
	wait_until 60 worker_stopped "$COORDINATOR" || not_ok "the worker never came to $point"
	WORKER_STARTED=$(proc_start "$WORKER")
	wrong host -$DAY
	fault_go
	same "back at $point: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
done
wrong host 0
drill_rerun
drill_compare back
drill_history back
drill_result 'clock steps back a day between two commits' 4 "$LOST" "$DUPLICATED" 'times of snapshots never went back'

# ---- its workers alone ------------------------------------------------------------------

CALVE=$CALVE_RIGHT
export CALVE_WORKER=$T/worker
# In small one direction, drawn.
drill_draw 0 1
half() { # 0 ahead, 1 behind
	[[ $DRILL_SCALE == full || $DRAWN == "$1" ]]
}
wrong worker $DAY
half 0 && took worker_ahead 'clock of the worker a day ahead' "$BEHIND" "took what the source's clock says, warned"
wrong worker -$DAY
half 1 && took worker_behind 'clock of the worker a day behind' "$AHEAD" "took what the source's clock says, warned"
unset CALVE_WORKER

# ---- PostgreSQL's ---------------------------------------------------------------------------

pg_stop "$T/pg"
LD_PRELOAD=$SHIM WRONG_CLOCK=$T/pg.clock pg_start "$T/pg"
wrong pg $DAY
same "PostgreSQL's clock is wrong" t "$(state "SELECT clock_timestamp() > '$(date -u +%FT%T)Z'::timestamptz + interval '23 hours'")"
half 1 && took pg_ahead 'clock of PostgreSQL a day ahead' '' 'nothing but the times in the ledger is wrong'
wrong pg -$DAY
half 0 && took pg_behind 'clock of PostgreSQL a day behind' '' 'nothing but the times in the ledger is wrong'
# It is put right while a run is under way, either way: a run's row tells the
# newest attempt whatever its times say.
drill_create pg_steps
config "$(drill_entry pg_steps)"
for step in $DAY -$DAY; do
	wrong pg "$step"
	drill_insert pg_steps
	fault_stop run.fenced run
	wrong pg 0
	fault_go
	same "pg_steps: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	mv "$WAREHOUSE/cold/pg_steps" "$T/aside"
	calve run
	same 'pg_steps: the newest run failed' 1 "$RC"
	calve status --json
	has 'pg_steps: status shows the newest run' '"state": ?"failed"' "$OUT"
	mv "$T/aside" "$WAREHOUSE/cold/pg_steps"
	calve run
done
drill_compare pg_steps
drill_history pg_steps
drill_ledger
drill_result 'clock of PostgreSQL stepping in mid-run' 2 "$LOST" "$DUPLICATED" 'status shows the newest run'
