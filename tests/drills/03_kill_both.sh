#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Coordinator and workers are killed with SIGKILL in the same instant, at a
# random moment, over and over, while nine tables are loaded and rows inserted.
# Every other time only some of the workers die with it, in a random order: the
# others find themselves alone. Then all together while all nine workers stand at
# each step from the fence to the end of the advance.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
# shellcheck source=tests/drills/nine.sh
. "$ROOT/tests/drills/nine.sh"

KILLS=$(drill_scaled 50 9)

# VICTIMS: some or all of WORKERS, and the coordinator among them
choose_victims() {
	local pid
	VICTIMS=("$COORDINATOR")
	for pid in "${WORKERS[@]}"; do
		drill_draw 0 1
		((HITS % 2 == 0 || DRAWN == 1)) || continue
		drill_draw 0 1
		if ((DRAWN == 1)); then
			VICTIMS+=("$pid")
		else
			VICTIMS=("$pid" "${VICTIMS[@]}")
		fi
	done
}

cycle() {
	local mode=flat
	nine_left $((KILLS - HITS)) "$KILLS"
	((HITS % 5)) || mode=waves
	nine_config "$SETTLE" $mode
	nine_go
	nine_moment 1500
	nine_workers
	nine_note
	choose_victims
	kill -KILL "${VICTIMS[@]}" 2>/dev/null
	nine_end
	case $RC in
	137)
		((++HITS))
		((WORKERS_KILLED += ${#VICTIMS[@]} - 1, SPARED += ${#WORKERS[@]} - ${#VICTIMS[@]} + 1))
		;;
	[014]) ;; # it was done already
	*) not_ok "exit status $RC: $(tail -n 3 "$T/nine.err")" ;;
	esac
}

cycle_at() { # POINT
	nine_next_day
	nine_config "$SETTLE" flat
	nine_stop_at "$1"
	kill -KILL "$COORDINATOR" "${WORKERS[@]}"
	nine_end
}

nine_start "$(drill_scaled 36 15)"
NINE_RESERVE=$((${#NINE_POINTS[@]} + 1))
HITS=0 WORKERS_KILLED=0 SPARED=0
for ((CYCLES = 0; HITS < KILLS && CYCLES < 5 * KILLS; CYCLES++)); do
	cycle
done
same "$KILLS coordinators were killed" "$KILLS" "$HITS"
wait_until 60 drill_alone || not_ok 'orphans did not end by themselves'
for point in "${NINE_POINTS[@]}"; do
	cycle_at "$point"
done
nine_finish

# What a worker died of no coordinator has seen; a worker that was killed an
# instant before the coordinator may have been.
reason="error_message ~ '(^the coordinator on .* ended before the run was settled|killed by SIGKILL)'"
same 'what failed is what was killed' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'failed' AND NOT ($reason)")"
nine_phases
if ((WORKERS_KILLED > KILLS && SPARED > KILLS / 2 && NPHASES >= $(drill_scaled 5 3))); then
	ok "$WORKERS_KILLED workers died with them, $SPARED did not, in $NPHASES phases"
else
	not_ok "$WORKERS_KILLED workers died with them, $SPARED did not, in $NPHASES phases: $PHASES"
fi
nine_compare
drill_result 'kill -9 coordinator and workers at once' "$HITS" "$LOST" "$DUPLICATED" "$PHASES"
drill_result 'kill -9 all of them around the commit' ${#NINE_POINTS[@]} "$LOST" "$DUPLICATED" "$ROWS rows"
nine_check
