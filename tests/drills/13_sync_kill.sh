#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse while the source is written to: workers,
# coordinators and both are killed with SIGKILL, at each step of a run and at
# random moments; parts and blocks that cannot be written, and the target's full
# disk; many coordinators at once, a run that was overtaken, wrong
# clocks, late rows and transactions that stay open over runs. After each, the
# target read with FINAL equals the source.
# shellcheck source=tests/drills/sync.sh
. "$(dirname "$0")/sync.sh"
drill
sync_start "$(drill_scaled 60000 21000)"
sync_write

# ---- at each step ---------------------------------------------------------------

sync_table steps
fault "list:$T/points" run
same 'a run that passes all points' 0 "$RC"
mapfile -t POINTS < <(awk '$1 != "starting" && $1 != "done" { n[$1]++; print $1 ":" n[$1] }' "$T/points")
same 'there are points enough' 1 "$((${#POINTS[@]} > 15))"
if [ "$DRILL_SCALE" == small ]; then
	all=("${POINTS[@]}")
	POINTS=(sync.range.acknowledged:1 state.commit.before:1)
	drill_draw 0 $((${#all[@]} - 1))
	POINTS+=("${all[DRAWN]}")
fi
sync_begin
for point in "${POINTS[@]}"; do
	for round in $(drill_scaled '1 2' 1); do
		sync_again steps
		# one time into an empty target
		((round == 1)) || sql 'TRUNCATE TABLE fact.steps'
		fault "kill:$point" run
		# how often the watermark moves is a matter of speed
		[[ $RC == 1 || $point == state.*:* || $point == sync.recorded:* ]] || not_ok "killed at $point: exit status $RC"
		sync_settle steps
		((++TIMES))
	done
done
sync_finish 'sync: kill -9 the worker at each step' "${#POINTS[@]} points; the next run went on"

# ---- a part of it fails ------------------------------------------------------------

# partly NAME WHAT CONDITION: parts with such rows cannot be written, those of
# other partitions or blocks are there; in turn with a watermark that was set
# back, into an emptied target, with the state lost. Then they can be written.
partly() {
	local n failed=0
	sync_begin
	for ((n = 0; n < $(drill_scaled 12 3); n++)); do
		case $((n % 3)) in
		0) sync_again "$1" ;;
		1) sql "TRUNCATE TABLE fact.$1" ;;
		2) state "DELETE FROM offload_watermarks WHERE table_name = '$1'" >/dev/null ;;
		esac
		drill_draw 1 "$SYNC_ROWS"
		sql "ALTER TABLE fact.$1 ADD INDEX bad throwIf(${3//DRAWN/$DRAWN}) TYPE minmax"
		CALVE=$FAULT calve run
		same "$1: a part that cannot be written fails the run" '1 failed|target' "$RC $(last_run "$1" state,error_class)"
		((failed += $(sql "SELECT count() > 0 FROM fact.$1")))
		sql "ALTER TABLE fact.$1 DROP INDEX bad"
		CALVE=$FAULT sync_settle "$1"
		((++TIMES))
	done
	same "$1: other parts were there" 1 $((failed > 0))
	sync_finish "sync: $2" 'the next run sent what was not acknowledged'
}
app "UPDATE $TABLE SET is_deleted = 1, updated_at = greatest(updated_at + 1, $SYNC_NOW) WHERE id % 50 = 3"
sync_table parted 'partition: [is_deleted, hour(updated_at)]'
partly parted 'one partition of several fails' 'is_deleted = DRAWN % 2'
export CALVE_BLOCK_ROWS=500 CALVE_GATHER_BYTES=50000
sync_table blocks
partly blocks 'one block of many fails' 'id = DRAWN'
unset CALVE_BLOCK_ROWS CALVE_GATHER_BYTES

# The target's disk is a small one, and really full: with some space left each
# time. Its tables are gone with it.
DISK=$T/ch/ch.data
disk_leave() { # PAGES
	local free
	free=$(stat -f -c %a "$DISK")
	((free <= $1)) || head -c $(((free - $1) * 4096)) /dev/zero >"$DISK/filler"
}
if [ "$(id -u)" == 0 ] && ch_stop "$T/ch" && mount -t tmpfs -o size=96m,mode=700 calve-drill "$DISK"; then
	trap 'ch_stop "$T/ch"; umount -l "$DISK"; drill_end' EXIT
	ch_start "$T/ch" || exit 1
	sql 'CREATE DATABASE fact ENGINE = Atomic'
	sync_table full 'partition: [is_deleted, hour(updated_at)]'
	sync_begin
	HITS=0
	for ((n = 0; n < $(drill_scaled 20 3); n++)); do
		((n % 2)) && sync_again full || sql 'TRUNCATE TABLE fact.full SETTINGS max_table_size_to_drop = 0'
		drill_draw 0 $(((n % 3) * 300))
		disk_leave "$DRAWN"
		calve run
		case $RC/$(last_run full state,error_class) in
		'0/success') ;;
		'1/failed|target' | '1/failed|target-lost') ((++HITS)) ;;
		*) not_ok "full: exit status $RC, $(last_run full state,error_class,error_message)" ;;
		esac
		rm -f "$DISK/filler"
		sync_settle full
		((++TIMES))
	done
	same 'the disk was full' 1 $((HITS > 0))
	sync_finish "sync: the target's disk is full" "$HITS runs failed; the next one sent what was not acknowledged"
	ch_stop "$T/ch"
	umount -l "$DISK"
	trap drill_end EXIT
	ch_start "$T/ch" || exit 1
else
	echo "skip the target's full disk: a small disk is mounted, which only root may"
	ch_start "$T/ch" || exit 1
fi

# ---- at random moments -------------------------------------------------------------

# timed: sets WHOLE to the milliseconds that a run with rows takes
timed() {
	local began=${EPOCHREALTIME/[.,]/}
	calve run
	WHOLE=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
}

# killed NAME WHOM: `calve run`, at a moment before it would have ended
killed() {
	local child=
	"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>>"$T/killed.err" </dev/null &
	COORDINATOR=$!
	drill_draw 5 $((WHOLE - 10 > 20 ? WHOLE - 10 : 20))
	drill_pause "$DRAWN"
	read -r child _ 2>/dev/null <"/proc/$COORDINATOR/task/$COORDINATOR/children"
	case $2 in
	worker) [ -z "$child" ] || kill -KILL "$child" ;;
	coordinator) kill -KILL "$COORDINATOR" ;;
	both) kill -KILL "$COORDINATOR" ${child:+"$child"} ;;
	esac 2>/dev/null
	wait "$COORDINATOR" 2>/dev/null
	RC=$?
	[ "$RC" == 0 ] || ((++HITS))
}

KILLS=$(drill_scaled 40 2)
for whom in worker coordinator both; do
	sync_table "by_$whom"
	sync_begin
	HITS=0
	sync_again "by_$whom"
	timed
	for ((n = 0; n < 5 * KILLS && HITS < KILLS; n++)); do
		# every other time on top of the one before
		((n % 2)) || sync_again "by_$whom"
		killed "by_$whom" $whom
		((n % 2 == 0)) || sync_settle "by_$whom"
	done
	sync_settle "by_$whom"
	TIMES=$HITS
	same "$KILLS runs or more were killed" 1 $((HITS >= KILLS))
	drill_phases "table_name = 'by_$whom'"
	sync_finish "sync: kill -9 $whom at random moments" "last told: $PHASES"
done

# ---- many at once -----------------------------------------------------------------

MANY=$(drill_scaled 20 10)
sync_table many
sync_begin
for ((n = 0; n < $(drill_scaled 5 1); n++)); do
	pids=() ended=()
	[ "$n" == 0 ] || sync_again many
	for ((k = 0; k < MANY; k++)); do
		"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>>"$T/many.err" </dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
		ended[$?]=$((${ended[$?]:-0} + 1))
	done
	same 'all end with 0, or with 4 where another held the lock' "$MANY" $((${ended[0]:-0} + ${ended[4]:-0}))
	sync_settle many
	((++TIMES))
done
same 'each is a success, or skipped as busy' 0 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'many' AND state <> 'success' AND (state, error_class) IS DISTINCT FROM ('skipped', 'busy')")"
sync_finish "sync: $MANY coordinators at once" "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'many' AND state = 'skipped'") runs skipped as busy"

# Its session at the state database is ended, another run sends newer versions,
# then the first one goes on with what it has read.
sync_table overtaken
sync_begin
for point in $(drill_scaled 'reading:1 sync.range.sent:1 sync.range.sent:2 sync.range.acknowledged:1 advancing:1' sync.range.sent:2); do
	sync_again overtaken
	if fault_stop "$point" run; then
		state "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'calve-worker'" >/dev/null
		calve run
		same "overtaken at $point: the other run ends well" 0 "$RC"
		fault_go
		same "overtaken at $point: the first one fails" 3 "$RC"
		same 'because of its lock' 'failed|state-lost' "$(state "SELECT state || '|' || error_class FROM offload_runs WHERE table_name = 'overtaken' AND state = 'failed' ORDER BY started_at DESC LIMIT 1")"
	fi
	sync_settle overtaken
	((++TIMES))
done
sync_finish 'sync: lock lost, another run sends newer rows' 'what the first one sent changed nothing'

# ---- late rows, open transactions -----------------------------------------------

# Rows for any time within the look-back, older ones after newer ones; a run
# after each.
SYNC_LOOKBACK='lookback: 10m' sync_table late
sync_begin
for ((n = 0; n < $(drill_scaled 60 3); n++)); do
	drill_draw 1000 580000
	app "INSERT INTO $TABLE SELECT * FROM make_visits(1000000 + $n * 10, 1000000 + $n * 10 + 9, $SYNC_NOW - $DRAWN, 100)"
	calve run
	[ "$RC" == 0 ] || not_ok "late: exit status $RC: $ERR"
	((++TIMES))
done
sync_settle late
sync_finish 'sync: rows late within the look-back' "taken by the next run"

# Without a look-back: what is held is waited for, run after run.
SYNC_LOOKBACK='lookback: 0s' sync_table open
sync_hold # the writers' timestamps are late
sync_begin
for ((n = 0; n < $(drill_scaled 20 1); n++)); do
	coproc OTHER { psql -qXAt "$(cat "$APP/pg.conninfo")" 2>&1; }
	other=$OTHER_PID
	printf '%s\n' "BEGIN; UPDATE $TABLE SET city = 'open $n', updated_at = greatest(updated_at + 1, (extract(epoch FROM now()) * 1000)::bigint) WHERE id % 1000 = $n;" '\echo begun' >&"${OTHER[1]}"
	read -r line <&"${OTHER[0]}"
	[ "$line" == begun ] || not_ok "a transaction says '$line'"
	for k in 1 2; do
		app "UPDATE $TABLE SET city = 'quick $n $k', updated_at = greatest(updated_at + 1, $SYNC_NOW) WHERE id % 1000 = 500 + $n"
		calve run
		[ "$RC" == 0 ] || not_ok "open: exit status $RC: $ERR"
	done
	printf '%s\n' 'COMMIT;' '\echo done' '\q' >&"${OTHER[1]}"
	read -r line <&"${OTHER[0]}"
	wait "$other" 2>/dev/null
	sync_settle open
	sync_hold
	((++TIMES))
done
sync_finish 'sync: transaction open over two runs, no look-back' 'its rows and later ones were left to the next run'
sync_go_on

# ---- clocks -------------------------------------------------------------------------

DAY=86400
SHIM=$ROOT/build/wrong-clock.so
CALVE_RIGHT=$CALVE
wrong() { # NAME SECONDS
	printf '%-16d' "$2" 1<>"$T/$1.clock"
}
wrong host 0
wrong source 0
printf '#!/bin/sh\nexec env LD_PRELOAD=%s WRONG_CLOCK=%s %s "$@"\n' "$SHIM" "$T/host.clock" "$CALVE" >"$T/calve"
chmod +x "$T/calve"
CALVE=$T/calve
sync_table clock
sync_begin
for step in $DAY -$DAY $(drill_scaled "$DAY 0 -$DAY 0" ''); do
	wrong host "$step"
	calve run
	same "clock of the host wrong by $step s: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	sync_settle clock
	((++TIMES))
done
wrong host 0
CALVE=$CALVE_RIGHT
sync_finish 'sync: clock of the host a day ahead and behind' "windows end by the source's"

# The source's own clock; applications have the right one. Behind: what they
# write is in the future there, and waits until it is right.
written() { # CITY IDS
	app "UPDATE $TABLE SET city = '$1', updated_at = greatest(updated_at + 1, $(now_ms)) WHERE $2"
}
sync_hold
pg_stop "$APP"
LD_PRELOAD=$SHIM WRONG_CLOCK=$T/source.clock pg_start "$APP"
sync_begin
wrong source -$DAY
written behind 'id % 100 = 1'
calve run
same 'clock of the source a day behind: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
has 'and it is said' 'warn .*the target has a row of .*, up to which rows are sent' "$ERR"
wrong source 0
sync_settle clock
((++TIMES))
sync_finish 'sync: clock of the source a day behind' 'told; what waited was sent when it was right'

# Ahead, and its own clock gives the timestamps: those of tomorrow are sent, and
# what comes when it is right is before the target's newest row. That is told,
# and a watermark that is set back heals it.
sync_hold
sync_begin
wrong source $DAY
app "UPDATE $TABLE SET city = 'ahead', updated_at = $SYNC_NOW WHERE id % 1000 = 2"
calve run
same 'clock of the source a day ahead: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
wrong source 0
written right 'id % 100 = 3'
calve run
has 'when it is right the next run tells' 'warn .*the target has a row of .*mend its timestamp' "$ERR"
calve watermark set clock "$(date -u -d '-5 minutes' +%Y-%m-%dT%H:%M:%SZ)"
calve run
same 'with the watermark set back it ends well' 0 "$RC"
sync_compare clock
((++TIMES))
sync_finish 'sync: clock of the source a day ahead' 'told; the watermark set back sent what was left'

: >"$T/write.stop"
sync_go_on
wait "${SYNC_WRITERS[@]}"
same 'the writers wrote all the while' 1 $(($(cat "$T/quick.count") > 20 && $(cat "$T/slow.count") > 3))
