#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A table of visits that never rests, kept in step with ClickHouse, for the
# drills of such tables. Source it in place of lib.sh:
#
#   . "$(dirname "$0")/sync.sh"; drill; sync_start ROWS
#
#   sync_start ROWS     a source of its own in $T/app, the state database in
#                       $T/pg; ROWS visits of the last hour
#   sync_table NAME [OPTIONS]
#                       calve.yaml with this one table, made at the target
#   sync_write          from now on visits are updated, deleted and added, their
#                       timestamps up to SYNC_LATE ms old; and others by
#                       transactions that stay open for up to SYNC_HELD ms
#   sync_again NAME     sets its watermark back: the next run has all to do
#   sync_settle NAME    writers pause, calve runs until a run ends well; FINAL
#                       is compared with the source, what differs is added to
#                       SUM_LOST and SUM_DUPLICATED; writers go on
#   sync_begin, sync_finish WHAT DID
#                       a row of the table of results: of TIMES, and these sums
#
# The promise asks that timestamps are no older than the look-back: SYNC_LATE
# is below it, and what is held is left to a later run.
# shellcheck disable=SC2034 # what is set here is for the drills and lib.sh
# shellcheck source=tests/drills/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/replica.sh
. "$ROOT/tests/e2e/replica.sh"

SYNC_LATE=1000
SYNC_LOOKBACK='lookback: 3s'
SYNC_ROWS=0
SYNC_WRITERS=()
SYNC_NOW='(extract(epoch FROM clock_timestamp()) * 1000)::bigint'

sync_start() {
	APP=$T/app
	pg_start "$APP" || exit 1
	replica_setup
	SYNC_ROWS=$1
	SYNC_HELD=$(drill_scaled 1500 300)
	make_hour "$1"
	sync_config
	calve init
}

sync_table() {
	SYNC_ENTRY=$(visits "$1" "$SYNC_LOOKBACK, slices: 3${2:+, $2}")
	sync_config "$SYNC_ENTRY"
	calve init
	[ "$RC" == 0 ] || not_ok "$1: init: $ERR"
}

sync_again() {
	calve watermark set "$1" 2000-01-01T00:00:00Z
	[ "$RC" == 0 ] || not_ok "$1: the watermark cannot be set back: $ERR"
}

# ---- writers ------------------------------------------------------------------

# Never back, or ReplacingMergeTree keeps the newer timestamp: that is told.
sync_update() { # ROWS TIME SET: a statement that updates about so many of them
	echo "UPDATE $TABLE SET updated_at = greatest(updated_at + 1, $2), $3 WHERE id IN (SELECT (random() * $SYNC_ROWS)::bigint FROM generate_series(1, $1));"
}

sync_quick() { # N
	sync_update 20 "$SYNC_NOW - (random() * $SYNC_LATE)::bigint" "page_views = $1, city = 'quick $1'"
	echo "INSERT INTO $TABLE SELECT * FROM make_visits($SYNC_ROWS + $1 * 5, $SYNC_ROWS + $1 * 5 + 4, $SYNC_NOW - 700, 100);"
	(($1 % 7)) || sync_update 5 "$SYNC_NOW" 'is_deleted = 1'
}

sync_slow() { # N
	echo 'BEGIN;'
	sync_update 5 '(extract(epoch FROM now()) * 1000)::bigint' "city = 'held $1', revenue = NULL"
	echo "SELECT pg_sleep(random() * $SYNC_HELD / 1000);"
	(($1 % 5)) && echo 'COMMIT;' || echo 'ROLLBACK;'
}

# A source that is away, and statements that wait for each other's rows too
# long, are what writers live with.
sync_writer() { # NAME FUNCTION
	local n=0
	trap - EXIT
	until [ -e "$T/write.stop" ]; do
		if [ -e "$T/write.hold" ]; then
			: >"$T/$1.held"
			drill_pause 5
			continue
		fi
		rm -f "$T/$1.held"
		((++n))
		"$2" $n | psql -qXAt -v ON_ERROR_STOP=1 "$(cat "$APP/pg.conninfo")" >/dev/null 2>>"$T/$1.err"
		echo "$n" >"$T/$1.count"
		drill_pause 10
	done
}

sync_write() {
	local name
	for name in quick slow; do
		sync_writer $name sync_$name &
		SYNC_WRITERS+=($!)
	done
}

sync_held() {
	[[ ${#SYNC_WRITERS[@]} == 0 || (-e $T/quick.held && -e $T/slow.held) ]]
}

# What was written is past, to the source's clock.
sync_past() {
	[[ $(app "SELECT max(updated_at) < $SYNC_NOW AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_xid IS NOT NULL) FROM $TABLE") == t ]]
}

sync_hold() {
	: >"$T/write.hold"
	wait_until 60 sync_held || not_ok 'the writers do not pause'
	wait_until 60 sync_past || not_ok 'the source does not come to rest'
}

sync_go_on() {
	rm -f "$T/write.hold" "$T/quick.held" "$T/slow.held"
}

# ---- what is there ------------------------------------------------------------

sync_begin() {
	TIMES=0 SUM_LOST=0 SUM_DUPLICATED=0
}

sync_finish() { # WHAT DID
	drill_ledger
	drill_result "$1" "$TIMES" "$SUM_LOST" "$SUM_DUPLICATED" "$2"
}

# sync_compare NAME: with writers at rest
sync_compare() {
	differences "$1"
	((SUM_LOST += LOST, SUM_DUPLICATED += DUPLICATED))
}

sync_settle() {
	sync_hold
	wait_until 60 drill_alone || not_ok "$1: workers did not end by themselves"
	for ((RERUNS = 1; RERUNS <= 5; RERUNS++)); do
		calve run
		[ "$RC" != 0 ] || break
		echo "$ERR" >>"$T/rerun.err"
	done
	[ "$RC" == 0 ] || not_ok "$1: no run ends well: $ERR"
	sync_compare "$1"
	sync_go_on
}

# sync_attempts NAME: all of its runs since sync_since: "state/class state"
sync_since() {
	SYNC_SINCE=$(state 'SELECT clock_timestamp()')
}

sync_attempts() {
	state "SELECT string_agg(state || coalesce('/' || error_class, ''), ' ' ORDER BY started_at) FROM offload_runs WHERE table_name = '$1' AND started_at >= '$SYNC_SINCE'"
}
