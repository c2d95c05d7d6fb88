#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The coordinator is killed with SIGKILL at a random moment, over and over,
# while nine tables are loaded and rows inserted. Its workers find out by
# themselves; the next run settles the dead one's, every other time while its
# workers are still there. Then again while all nine workers stand before the
# fence, which they do not pass without it, and at each step from there to the
# end of the advance, which they finish.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
# shellcheck source=tests/drills/nine.sh
. "$ROOT/tests/drills/nine.sh"

KILLS=$(drill_scaled 50 9)
POINTS=(committing "${NINE_POINTS[@]}")

cycle() {
	local mode=flat
	nine_left $((KILLS - HITS)) "$KILLS"
	((HITS % 4)) || mode=waves
	nine_config "$SETTLE" $mode
	((HITS % 2)) || wait_until 60 drill_alone || not_ok 'orphans did not end'
	nine_go
	nine_moment 1500
	nine_workers
	nine_note
	kill -KILL "$COORDINATOR" 2>/dev/null
	nine_end
	case $RC in
	137) ((++HITS)) ;;
	[014]) ;; # it was done already
	*) not_ok "exit status $RC: $(tail -n 3 "$T/nine.err")" ;;
	esac
}

marks() {
	state 'SELECT table_name, last_run_id FROM offload_watermarks ORDER BY 1'
}

# The next run comes while all nine hold their locks, or have just let go.
cycle_at() { # POINT
	local before moved=9
	before=$(marks)
	nine_next_day
	nine_config "$SETTLE" flat
	nine_stop_at "$1"
	kill -KILL "$COORDINATOR"
	nine_end
	calve run
	echo "$ERR" >>"$T/held.err"
	if [ "$1" == state.commit.after ]; then
		same "$1: the next run goes on" 0 "$RC"
	else
		same "$1: the next run finds nine locks held" 4 "$RC"
	fi
	kill -CONT "${WORKERS[@]}"
	wait_until 60 drill_alone || not_ok "$1: orphans did not end"
	[ "$1" != committing ] || moved=0
	same "$1: $moved orphans commit and advance" "$moved" "$(diff <(echo "$before") <(marks) | grep -c '^>')"
}

nine_start "$(drill_scaled 36 15)"
NINE_RESERVE=$((${#POINTS[@]} + 1))
HITS=0
for ((CYCLES = 0; HITS < KILLS && CYCLES < 5 * KILLS; CYCLES++)); do
	cycle
done
same "$KILLS coordinators were killed" "$KILLS" "$HITS"
wait_until 60 drill_alone || not_ok 'orphans did not end by themselves'
for point in "${POINTS[@]}"; do
	cycle_at "$point"
done
nine_finish

orphaned="error_class = 'cancelled' AND error_message ~ '^the coordinator on .* ended before the run was settled'"
left=$(state "SELECT count(*) FROM offload_runs WHERE state = 'failed' AND $orphaned")
same 'all that failed are runs of dead coordinators' "$left" "$(state "SELECT count(*) FROM offload_runs WHERE state = 'failed'")"
same 'each was reported once, when it was settled' "$left" "$(cat "$T"/{nine,held,rerun}.err | grep -cE 'warn .* was left behind while [a-z]+; it is recorded as failed')"
dead=$(state "SELECT count(DISTINCT coordinator) FROM offload_runs WHERE $orphaned")
nine_phases
if ((dead > KILLS / 2 && NPHASES >= $(drill_scaled 5 3))); then
	ok "$dead coordinators left runs behind, in $NPHASES phases"
else
	not_ok "only $dead coordinators left runs behind, in $NPHASES phases: $PHASES"
fi
nine_compare
drill_result 'kill -9 the coordinator' "$HITS" "$LOST" "$DUPLICATED" "$PHASES"
drill_result 'kill -9 the coordinator around the commit' ${#POINTS[@]} "$LOST" "$DUPLICATED" "$ROWS rows"
nine_check
