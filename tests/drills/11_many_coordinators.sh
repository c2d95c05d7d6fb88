#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 50 coordinators at once on the same nine tables, round after round, while rows
# are inserted: each table is done by one at a time, the others say that it is
# busy, nobody fails and nobody touches a live one's runs.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
# shellcheck source=tests/drills/nine.sh
. "$ROOT/tests/drills/nine.sh"

MANY=50
ROUNDS=$(drill_scaled 6 2)

# The config stays as it is until all have ended.
round() { # NUMBER
	local pids=() pid n
	nine_left $((ROUNDS - $1)) "$ROUNDS"
	nine_config "$SETTLE" flat
	for ((n = 0; n < MANY; n++)); do
		nine_go
		pids+=("$COORDINATOR")
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
		ENDED[$?]=$((${ENDED[$?]:-0} + 1))
	done
}

nine_start "$(drill_scaled 6 2)"
ENDED=()
NINE_JOBS=2 # 50 with two workers fit into PostgreSQL's connections
for ((n = 1; n <= ROUNDS; n++)); do
	round "$n"
done
printf 'exit statuses:'
for status in "${!ENDED[@]}"; do
	printf ' %d of %d times' "$status" "${ENDED[status]}"
done
echo
same 'all end with 0, or with 4 where others held every lock' $((MANY * ROUNDS)) $((${ENDED[0]:-0} + ${ENDED[4]:-0}))
same 'each has its run of each table' $((MANY * ROUNDS * 9)) "$(state 'SELECT count(*) FROM offload_runs')"
same 'which is a success or skipped as busy' 0 "$(state "SELECT count(*) FROM offload_runs WHERE state <> 'success' AND (state, error_class) IS DISTINCT FROM ('skipped', 'busy')")"
busy=$(state "SELECT count(*) FROM offload_runs WHERE state = 'skipped'")
if ((busy >= MANY)); then
	ok "$busy of them found their table busy"
else
	not_ok "only $busy found their table busy: they were not at work at once"
fi
nine_finish
nine_compare
drill_result '50 coordinators at once on nine tables' "$ROUNDS" "$LOST" "$DUPLICATED" "$busy of $((MANY * ROUNDS * 9)) runs skipped as busy"
nine_check
