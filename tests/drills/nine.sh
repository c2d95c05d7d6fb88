#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nine tables (scripts/medallion.sh) that never run out of work, for the drills
# that kill what is at work. Source it after lib.sh.
#
#   nine_start DAYS           a history of DAYS, and inserts from now on
#   nine_config SECONDS flat|waves
#                             calve.yaml with that settle; flat: without layers,
#                             so that all nine tables are at work at once
#   nine_left PARTS OF        sets SETTLE to PARTS/OF of the history: lowering
#                             it from run to run gives each run something to
#                             take. NINE_RESERVE days of it stay untouched
#   nine_next_day             SETTLE gives the next day of that reserve to all
#   nine_go                   calve run in the background: COORDINATOR; at most
#                             NINE_JOBS (9) tables at once
#   nine_moment MS            waits for a random moment of it: up to MS after
#                             now, or when a worker has come to a random phase.
#                             That makes kills fall in all of them, however
#                             slow the machine is
#   nine_workers              sets WORKERS, its children at this moment
#   nine_note                 notes the phase each of WORKERS is in by its title:
#                             the ledger is told of a phase once a second only
#   nine_phases               sets PHASES and NPHASES, of what was noted
#   nine_stop_at POINT        nine_go with the test build; returns when all nine
#                             workers stand at POINT
#   nine_runs                 COORDINATOR has not ended
#   nine_end                  waits for it, sets RC
#   nine_finish               ends the inserts, runs calve until nothing is left
#   nine_compare              LOST and DUPLICATED over all nine tables
#   nine_check                histories, watermarks and the ledger
# shellcheck disable=SC2034 # what is set here is for the drills and lib.sh
# shellcheck source=scripts/medallion.sh
. "$ROOT/scripts/medallion.sh"

NINE_SETTLE=60  # seconds; live inserts are visible long before
NINE_ROWS=2000  # trades a day and exchange of the history
NINE_INSERT=40  # trades an insert and exchange
NINE_RESERVE=0  # days
NINE_NOTED=()
# Steps of a worker (common/fault.h) from the fence to the end of the advance.
NINE_POINTS=(run.fenced commit.linked run.committed state.advance.before
	state.commit.before state.commit.after)
NINE_PHASES=(counting reading writing committing advancing)
: "${NINE_STEP:=6h}"

nine_start() {
	local now
	now=$(medallion_now)
	NINE_DAYS=$1
	if ! medallion_create "$T/ch" ||
		! medallion_load "$T/ch" 0 $((NINE_ROWS * $1)) $((now - $1 * 86400000000)) "$now"; then
		not_ok 'the history cannot be loaded'
		exit 1
	fi
	nine_config $((NINE_SETTLE + NINE_DAYS * 86400)) waves
	calve init
	nine_insert_on &
	NINE_INSERTER=$!
}

# Until told to stop; a failed insert would change what the scenario promises.
nine_insert_on() {
	local n=0
	trap - EXIT
	until [ -e "$T/insert.stop" ]; do
		medallion_insert "$T/ch" $NINE_INSERT || {
			touch "$T/insert.failed"
			return 1
		}
		echo $((++n)) >"$T/insert.count"
		drill_pause 150
	done
}

nine_config() {
	medallion_config "$T" settle="$1s" defaults="step: $NINE_STEP" \
		top="retry: { attempts: ${NINE_ATTEMPTS:-2}, backoff: 20ms }"
	[[ $2 == waves ]] || sed -i -E '/^layers:/d; s/, layer: [a-z]+//; s/, after: \[[^]]*\]//' "$T/calve.yaml"
}

nine_left() {
	SETTLE=$((NINE_SETTLE + NINE_RESERVE * 86400 + (NINE_DAYS - NINE_RESERVE) * 86400 * $1 / $2))
}

nine_next_day() {
	((NINE_RESERVE--))
	nine_left 0 1
}

nine_go() {
	"$CALVE" -c "$T/calve.yaml" run -j "${NINE_JOBS:-9}" >>"$T/nine.out" 2>>"$T/nine.err" </dev/null &
	COORDINATOR=$!
}

nine_workers() {
	WORKERS=()
	read -ra WORKERS 2>/dev/null <"/proc/$COORDINATOR/task/$COORDINATOR/children" || :
}

# nine_title PID: sets TITLE to its phase
nine_title() {
	IFS= read -r -d '' TITLE 2>/dev/null <"/proc/$1/cmdline" || return 1
	TITLE=${TITLE%"${TITLE##*[! ]}"}
	TITLE=${TITLE##* }
	[[ $TITLE == *ing ]] || TITLE=starting
}

nine_note() {
	local pid
	for pid in "${WORKERS[@]}"; do
		nine_title "$pid" && NINE_NOTED+=("$TITLE")
	done
}

nine_moment() {
	local phase pid
	drill_draw 0 $((2 * ${#NINE_PHASES[@]} - 1))
	phase=${NINE_PHASES[DRAWN]:-}
	drill_draw 0 "$1"
	if [ -z "$phase" ]; then
		drill_pause "$DRAWN"
		return
	fi
	while nine_runs; do
		nine_workers
		for pid in "${WORKERS[@]}"; do
			! nine_title "$pid" || [ "$TITLE" != "$phase" ] || return 0
		done
		drill_pause 3
	done
}

nine_phases() {
	PHASES=$(printf '%s\n' "${NINE_NOTED[@]}" | sort | uniq -c | sort -rn | awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " }')
	NPHASES=$(printf '%s\n' "${NINE_NOTED[@]}" | sort -u | grep -c .)
}

nine_stop_at() {
	CALVE_FAULT=stop:$1 "$FAULT" -c "$T/calve.yaml" run -j 9 >>"$T/nine.out" 2>>"$T/nine.err" </dev/null &
	COORDINATOR=$!
	wait_until 60 nine_stopped || not_ok "nine workers never came to $1: $(tail -n 3 "$T/nine.err")"
}

nine_stopped() {
	local pid stat
	nine_workers
	((${#WORKERS[@]} == 9)) || return 1
	for pid in "${WORKERS[@]}"; do
		read -r stat 2>/dev/null <"/proc/$pid/stat" && [[ ${stat##*) } == T* ]] || return 1
	done
}

nine_runs() {
	local stat
	read -r stat 2>/dev/null <"/proc/$COORDINATOR/stat" && [[ ${stat##*) } != Z* ]]
}

nine_end() {
	wait "$COORDINATOR" 2>/dev/null
	RC=$?
}

# ---- the end -----------------------------------------------------------------

nine_finish() {
	touch "$T/insert.stop"
	wait "$NINE_INSERTER"
	same "inserts went on all the while ($(cat "$T/insert.count"))" no "$([ -e "$T/insert.failed" ] && echo failed || echo no)"
	# Slower than that, late rows would be the scenario's fault, not calve's.
	if (($(medallion_delay "$T/ch") >= NINE_SETTLE * 1000000)); then
		not_ok "the machine is too slow for this drill: an insert took $(medallion_delay "$T/ch") microseconds"
	fi
	local last
	last=$(medallion_now)
	wait_until 10 nine_later $((last + 1100000))
	NINE_SETTLED=$last
	nine_config 1 flat
	drill_rerun
}

nine_later() {
	(($(medallion_now) > $1))
}

# All rows from before the end of the inserts, and what has settled since.
nine_compare() {
	local name lost=0 duplicated=0 rows=0 timestamp position
	for name in "${MEDALLION_TABLES[@]}"; do
		timestamp=$(medallion_timestamp "$name")
		position=$(watermark "$name")
		DRILL_WHERE="($timestamp < fromUnixTimestamp64Micro($NINE_SETTLED, 'UTC') OR $timestamp <= parseDateTime64BestEffort('${position%%/*}', 6, 'UTC'))"
		drill_compare "$(medallion_source "$name")=cold.$name"
		((lost += LOST, duplicated += DUPLICATED, rows += ROWS))
	done
	unset DRILL_WHERE
	LOST=$lost DUPLICATED=$duplicated ROWS=$rows
}

nine_check() {
	local name
	for name in "${MEDALLION_TABLES[@]}"; do
		drill_history "k2.$name=cold.$name"
	done
	drill_watermarks "${MEDALLION_TABLES[@]}"
	drill_ledger
}
