#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, broken or not ours to write, at every I/O step; a
# coordinator that is killed. Each time: one clear line, exit status 1, nothing
# visible or everything, no data file left that nothing refers to, and the next
# run takes every row once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
umount -l "$ROOT/build/test/faults/small" 2>/dev/null # of a run that was killed
suite faults

CONFIG_EXTRA='retry: { attempts: 1 }'
ROWS=600
sql "CREATE TABLE t (ts DateTime64(3, 'UTC'), seq UInt64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO t SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number, 3) * 20), number, ['BTC', 'ETH'][number % 2 + 1], '' FROM numbers($ROWS)"

fingerprint() {
	sql "SELECT count(), uniqExact(seq), sum(cityHash64(toUnixTimestamp64Milli(ts), toString(seq), symbol, pad)) FROM $1"
}
WANTED=$(fingerprint t)

target() { # NAME
	config "{ name: $1, source: hot.t, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [symbol] }"
}

visible() { # NAME
	if [ -e "$WAREHOUSE/cold/$1/metadata/v1.metadata.json" ]; then
		sql "SELECT count() FROM $(iceberg "cold.$1")"
	else
		echo 0
	fi
}

data_files() { # NAME
	find "$WAREHOUSE/cold/$1/data" -type f 2>/dev/null | wc -l
}

BROKEN=
report() { # NAME
	if [ -z "$BROKEN" ]; then
		ok "$1"
	else
		not_ok "$1: $BROKEN"
	fi
	BROKEN=
}

# after_failure NAME PATTERN
after_failure() {
	local seen run
	run=$(last_run "$1" state,error_class)
	seen=$(visible "$1")
	[ "$(errors_in "$ERR")" == 1 ] || BROKEN+="$(errors_in "$ERR") error lines: $ERR; "
	grep -E '^[0-9T:.-]+Z error ' <<<"$ERR" | grep -qE "$2" || BROKEN+="no '$2' in '$ERR'; "
	case $run/$seen in
	failed\|unclear/0 | failed\|unclear/"$ROWS") ;;
	failed\|store/0 | failed\|handles/0)
		[ "$(data_files "$1")" == 0 ] || BROKEN+="$(data_files "$1") data files left; "
		;;
	*) BROKEN+="ledger '$run' with $seen rows visible; " ;;
	esac
}

recovers() { # NAME
	calve run
	[ "$RC" == 0 ] || BROKEN+="rerun: exit status $RC: $ERR; "
	[ "$(fingerprint "$(iceberg "cold.$1")")" == "$WANTED" ] ||
		BROKEN+="rows: wanted '$WANTED', got '$(fingerprint "$(iceberg "cold.$1")")'; "
	[ "$(watermark "$1")" == "$(table positions "cold.$1" | head -n 1)" ] ||
		BROKEN+='watermark is not the position; '
}

# ---- every passing of every I/O step, one run each --------------------------------

target first
calve init
each_passing() { # POINT ERRNO PATTERN
	local k name
	for ((k = 1; k <= 40; k++)); do
		name=${1//./_}_${2}_$k
		target "$name"
		fault "errno:$1:$2:$k" run
		[ "$RC" == 0 ] && break
		[ "$RC" == 1 ] || BROKEN+="exit status $RC; "
		after_failure "$name" "$3"
		recovers "$name"
		report "$2 at passing $k of $1"
	done
	recovers "$name"
	report "no harm of $2 after the last $1"
	LAST=$k
}
each_passing store.create EMFILE "cannot create '/.*': Too many open files; raise 'limits: files'"
each_passing store.write ENOSPC "cannot write '/.*': No space left on device; free space or inodes there"
each_passing store.write EIO "cannot write '/.*': Input/output error"
each_passing store.fsync EIO "cannot sync '/.*': Input/output error"
each_passing store.fsync_dir EIO "cannot sync folder '/.*': Input/output error"
each_passing store.mkdir EACCES "cannot make folder '/.*': Permission denied; give the user that runs calve write access"
each_passing store.link EDQUOT "cannot link '/.*': Disk quota exceeded; free space or inodes there"
# The hint is best effort, a temporary name left harms nobody, and a link
# whose reply was lost is known by its inode.
for fault in rename unlink link.reply; do
	each_passing "store.$fault" EIO '.'
	same "store.$fault never fails a run" 1 "$LAST"
done

# ---- a disk that is really full, one that is read only ---------------------------

mount_small() {
	mkdir -p "$T/small" &&
		mount -t tmpfs -o size=64k,mode=700 calve-test "$T/small" 2>/dev/null
}
if [ "$(id -u)" == 0 ] && mount_small; then
	trap 'umount -l "$T/small"; suite_end' EXIT
	ROWS=20000
	sql "INSERT INTO t SELECT toDateTime64('2024-03-01 01:00:00', 3, 'UTC') + toIntervalMillisecond(number), 1000000 + number, 'BTC', randomPrintableASCII(40) FROM numbers($((ROWS - 600)))"
	WANTED=$(fingerprint t)
	WAREHOUSE=$T/small
	target full
	calve run
	same 'a full disk fails the run' 1 "$RC"
	after_failure full "'$T/small/.*No space left on device; free space or inodes there, then run again"
	report 'a full disk is named, with what to do'
	mount -o remount,size=32m "$T/small"
	recovers full
	report 'with space again every row is taken once'
	mount -o remount,ro "$T/small"
	target closed
	calve run
	same 'a read-only disk fails the run' 1 "$RC"
	after_failure closed "'$T/small/.*Read-only file system; give the user"
	report 'a read-only disk is named, with what to do'
	mount -o remount,rw "$T/small"
	recovers closed
	report 'with write access again every row is taken once'
	WAREHOUSE=$T/warehouse
else
	echo 'skip a full and a read-only disk: mounting needs root'
fi

# A user who may not write there; root may everywhere.
target barred
mkdir -p "$WAREHOUSE/cold"
: >"$WAREHOUSE/cold/barred"
calve run
same 'a file where the table should be fails the run' 1 "$RC"
has 'and is named' "error .*'$WAREHOUSE/cold/barred" "$ERR"
rm "$WAREHOUSE/cold/barred"
recovers barred
report 'once it is gone every row is taken'
if [ "$(id -u)" != 0 ]; then
	target unwritable
	chmod 555 "$WAREHOUSE/cold"
	calve run
	same 'a folder not writable fails the run' 1 "$RC"
	after_failure unwritable 'Permission denied; give the user that runs calve write access'
	report 'a folder not writable is named, with what to do'
	chmod 755 "$WAREHOUSE/cold"
	recovers unwritable
	report 'once writable every row is taken'
fi

# ---- the coordinator is killed ------------------------------------------------------

# killed_at POINT ROWS-VISIBLE: the worker goes on without its coordinator
killed_at() {
	local name=orphan_${1//[.:]/_}
	target "$name"
	fault_stop "$1" run || return
	kill -KILL "$COORDINATOR"
	fault_go 2>/dev/null
	same "coordinator killed at $1: the worker leaves $2 rows" "$2" "$(visible "$name")"
	same "coordinator killed at $1: the ledger still says running" running "$(last_run "$name" state)"
	if [ "$2" == 0 ]; then
		same "coordinator killed at $1: no data file is left" 0 "$(data_files "$name")"
	fi
	recovers "$name"
	report "coordinator killed at $1: the next run takes every row once"
	same "coordinator killed at $1: the dead run is failed" 1 \
		"$(state "SELECT count(*) FROM offload_runs WHERE table_name = '$name' AND state = 'failed' AND error_class = 'cancelled'")"
}
killed_at state.lock.after 0
killed_at store.create.before:3 0
killed_at run.committed "$ROWS"
killed_at state.commit.after "$ROWS"

# ---- limits, and users who want it to end -------------------------------------------

sql "CREATE TABLE wide (ts DateTime64(3, 'UTC'), seq UInt64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO wide SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number), number, 'BTC', randomPrintableASCII(1000) FROM numbers(200000)"
WANTED=$(fingerprint wide)
limited() { # NAME LIMITS [MORE]
	CONFIG_EXTRA="retry: { attempts: 1 }
grace: 200ms${2:+
limits: { $2 \}}"
	config "{ name: $1, source: hot.wide, target: lake.cold.$1, timestamp: ts, sequence: seq${3:+, $3} }"
}

# ended NAME LEDGER PATTERN: ended as it should, nothing of it is visible
ended() {
	same "$1: exit status 1" 1 "$RC"
	same "$1: the ledger says how" "$2" "$(last_run "$1" state,error_class)"
	has "$1: one line says why" "^[0-9T:.-]+Z (error|warn) .*$1.*$3" "$ERR"
	same "$1: nothing is visible" 0 "$(visible "$1")"
	limited "$1" ''
	recovers "$1"
	report "$1: the next run takes every row once"
}

limited memory 'memory: 64M'
calve run
ended memory 'failed|memory' "memory limit of 64 MiB reached while .*; raise 'limits: memory'"
limited cpu 'cpu: 1s' 'compression: "zstd:19"'
calve run
ended cpu 'failed|limit' "cpu limit of 1s reached while .*; raise 'limits: cpu'"
limited output 'output: 1M'
calve run
ended output 'failed|limit' "file size limit of 1 MiB reached while .*; raise 'limits: output'"
limited wall 'wall: 1s'
fault_stop store.create.before run
wait "$COORDINATOR"
RC=$? ERR=$(cat "$T/stopped.err") WORKER=
ended wall 'timed_out|limit' "deadline of 1s passed while .*; raise 'limits: wall'"
for signal in TERM INT; do
	limited "stopped_$signal" ''
	fault_stop store.create.before run
	kill "-$signal" "$COORDINATOR"
	fault_go
	ended "stopped_$signal" 'cancelled|cancelled' 'stopped while .*, as asked'
done
