#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A random worker is killed with SIGKILL at a random moment, over and over,
# while nine tables are loaded and rows inserted; then all nine at once at each
# step from the fence to the end of the advance.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
# shellcheck source=tests/drills/nine.sh
. "$ROOT/tests/drills/nine.sh"

KILLS=$(drill_scaled 200 24)
POINTS=(store.create.before "${NINE_POINTS[@]}")
KILLED=()

# killed: how many runs the ledger calls killed
killed() {
	state "SELECT count(*) FROM offload_runs WHERE signal = 9"
}

kill_one() {
	local pid
	nine_workers
	((${#WORKERS[@]} > 0)) || return 0
	drill_draw 0 $((${#WORKERS[@]} - 1))
	pid=${WORKERS[DRAWN]}
	kill -KILL "$pid" 2>/dev/null && KILLED+=("$pid")
}

# One coordinator, from calm to violent: kills up to GAP ms apart. The first one
# waits, or most would fall into the workers' first tenth of a second.
cycle() {
	local gap mode=flat
	drill_draw 0 3
	[ "$DRAWN" != 0 ] || mode=waves
	nine_left $((KILLS - HITS)) "$KILLS"
	nine_config "$SETTLE" $mode
	drill_draw 40 400
	gap=$DRAWN
	nine_go
	nine_moment 800
	kill_one
	while nine_runs; do
		drill_draw 1 "$gap"
		drill_pause "$DRAWN"
		kill_one
	done
	nine_end
	[[ $RC == [014] ]] || not_ok "exit status $RC: $(tail -n 3 "$T/nine.err")"
	HITS=$(killed)
}

nine_start "$(drill_scaled 60 14)"
NINE_RESERVE=$((${#POINTS[@]} + 1))
CYCLES=0 HITS=0
while ((HITS < KILLS && CYCLES++ < 5 * KILLS)); do
	cycle
done
same "$KILLS runs or more were killed" yes "$( ((HITS >= KILLS)) && echo yes || echo "$HITS")"
drill_phases 'signal = 9'
printf -v pids '%s,' "${KILLED[@]}"
pids=${pids%,}
same 'a killed worker is a failed run with signal, phase and reason' "$HITS" "$(state "SELECT count(*) FROM offload_runs WHERE signal = 9 AND state = 'failed' AND phase IS NOT NULL AND error_message ~ 'killed by SIGKILL'")"
same 'no run bears a signal that was not sent' 0 "$(state "SELECT count(*) FROM offload_runs WHERE signal IS NOT NULL AND pid NOT IN ($pids)")"
same 'each worker that was shot at has its run' 0 "$(state "SELECT count(*) FROM unnest(ARRAY[$pids]) k WHERE NOT EXISTS (SELECT FROM offload_runs WHERE pid = k)")"
same 'all nine tables were hit' 9 "$(state "SELECT count(DISTINCT table_name) FROM offload_runs WHERE signal = 9")"
if ((NPHASES >= $(drill_scaled 6 3))); then
	ok "the kills fell in $NPHASES phases"
else
	not_ok "the kills fell in $NPHASES phases only: $PHASES"
fi

# ---- nine at once, at the steps that matter ------------------------------------

export NINE_ATTEMPTS=1
for point in "${POINTS[@]}"; do
	nine_next_day
	nine_config "$SETTLE" flat
	since=$(state 'SELECT clock_timestamp()')
	fault "kill:$point" run -j 9
	same "$point: no table succeeds" 1 "$RC"
	same "$point: nine workers are killed" 9 "$(state "SELECT count(*) FROM offload_runs WHERE signal = 9 AND started_at >= '$since'")"
done

nine_finish
nine_compare
drill_result 'kill -9 a random worker of nine' "$HITS" "$LOST" "$DUPLICATED" "$PHASES"
drill_result 'kill -9 all nine workers around the commit' $((9 * ${#POINTS[@]})) "$LOST" "$DUPLICATED" "$ROWS rows"
nine_check
