#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drill 6: the warehouse's disk is full, in each step of a first run and of an
# increment: data, manifest, manifest list, metadata, link and hint; filled up
# by somebody else in mid-run; out of inodes; under some of the tables only.
# The disk is a small tmpfs, and really full.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
umount -l build/test/drill_06/disk 2>/dev/null # of a drill that was killed
drill

DISK=$T/disk
PAGE=4096
if [ "$(id -u)" != 0 ] || ! mkdir "$DISK" || ! mount -t tmpfs -o "size=$(drill_scaled 64 16)m,nr_inodes=$(drill_scaled 6000 1000),mode=700" calve-drill "$DISK"; then
	echo 'skip drill 6: a small disk is mounted, which only root may'
	exit 0
fi
trap 'umount -l "$DISK"; drill_end' EXIT
WAREHOUSE=$DISK

# ---- the disk ------------------------------------------------------------------------

# disk_leave PAGES: the rest is taken by a file of somebody else's
disk_leave() {
	local free
	rm -f "$DISK/filler"
	free=$(stat -f -c %a "$DISK")
	head -c $(((free - $1) * PAGE)) /dev/zero >"$DISK/filler"
	[ "$(stat -f -c %a "$DISK")" == "$1" ] || not_ok "the disk has not $1 free pages"
}

# disk_inodes N: the others are taken
disk_inodes() {
	local free
	free=$(stat -f -c %d "$DISK")
	mkdir "$DISK/fillers"
	(cd "$DISK/fillers" && seq $((free - $1 - 1)) | xargs touch)
	[ "$(stat -f -c %d "$DISK")" == "$1" ] || not_ok "the disk has not $1 free inodes"
}

disk_free() {
	rm -rf "$DISK/filler" "$DISK/fillers"
}

# ---- what calve does on it -----------------------------------------------------------

ADVICE='No space left on device; free space or inodes there, then run again'

# What could not be written, by the path in the ledger's message.
step_of() { # MESSAGE
	case $1 in
	"cannot make folder '$DISK/"*) echo folder ;;
	"cannot "*" '$DISK/"*"/data/"*.parquet\'*) echo data ;;
	"cannot "*" '$DISK/"*/metadata/*-m0.avro\'*) echo manifest ;;
	"cannot "*" '$DISK/"*/metadata/snap-*.avro\'*) echo 'manifest list' ;;
	"cannot link '$DISK/"*/metadata/v*.metadata.json\'*) echo link ;;
	"cannot "*" '$DISK/"*/metadata/.tmp-*) echo metadata ;;
	esac
}

declare -A HITS
RUNS=0
hit() { # STEP
	((HITS[$1] = ${HITS[$1]:-0} + 1))
	((RUNS++))
}

hits() {
	local step sep=''
	for step in "${!HITS[@]}"; do
		printf '%s%s %d' "$sep" "$step" "${HITS[$step]}"
		sep=', '
	done | sort
}

rows() { # TABLE
	if [ -e "$DISK/cold/$1/metadata/version-hint.text" ]; then
		sql "SELECT count() FROM $(iceberg "cold.$1")"
	else
		echo 0
	fi
}

files() { # TABLE
	find "$DISK/cold/$1" -type f 2>/dev/null | sort
}

# looked TABLE: what is there before a run
looked() {
	ROWS_BEFORE=$(rows "$1") FILES_BEFORE=$(files "$1")
}

# full_run TABLE HOW: one run is over; RESULT is "full" where the disk was,
# "hint" where only the hint was not written, "fine" where nothing was missing.
# A failed run leaves rows and files as they were looked at, but perhaps a
# table without rows, made first.
full_run() {
	local message at="$1, $2" new
	case $(last_run "$1" state,error_class,attempt) in
	'success|1')
		[ "$RC" == 0 ] || not_ok "$at: exit status $RC"
		RESULT=fine
		[ "$(cat "$DISK/cold/$1/metadata/version-hint.text" 2>/dev/null)" == "$(table version "cold.$1")" ] && return
		RESULT=hint
		hit hint
		;;
	'failed|store|1')
		RESULT=full
		message=$(last_run "$1" error_message)
		[ "$RC/$(grep -E " error .*\] $1: " <<<"$ERR" | grep -cF ": $message")" == 1/1 ] || not_ok "$at: exit status $RC, $ERR"
		[[ $message == *"$ADVICE" ]] || not_ok "$at: '$message'"
		[ -n "$(step_of "$message")" ] || not_ok "$at: what was written? '$message'"
		hit "$(step_of "$message")"
		[ "$(rows "$1")" == "$ROWS_BEFORE" ] || not_ok "$at: $(rows "$1") rows are visible, not $ROWS_BEFORE"
		new=$(comm -13 <(echo "$FILES_BEFORE") <(files "$1"))
		[[ -z $new || -z $FILES_BEFORE && $new =~ ^[^$'\n']*/v1.metadata.json($'\n'.*/version-hint.text)?$ ]] || not_ok "$at: left over: $new"
		;;
	*)
		RESULT=wrong
		not_ok "$at: exit status $RC, $(last_run "$1" state,error_class,attempt,error_message)"
		;;
	esac
}

# done_with WHAT TABLE...: space again; all is taken, nothing is left over
done_with() {
	local what=$1 name
	shift
	disk_free
	drill_rerun -t '*'
	drill_compare "$@"
	for name in "$@"; do
		same "$name: the hint is right" "$(table version "cold.$name")" "$(cat "$DISK/cold/$name/metadata/version-hint.text")"
		same "$name: nothing is left over" '' "$(table leftovers "cold.$name")"
	done
	drill_history "$@"
	drill_watermarks "$@"
	drill_ledger
	drill_result "$what" "$RUNS" "$LOST" "$DUPLICATED" "$(hits)"
	HITS=() RUNS=0
}

# ---- page by page, inode by inode ------------------------------------------------------

# walk TABLE leave|inodes STRIDE increment|first: more is free for each run, until
# nothing is missing. A first run makes its table each time.
walk() {
	local n
	config "$(drill_entry "$1")"
	for ((n = 0; n < 400; n += $3)); do
		looked "$1"
		"disk_$2" "$n"
		calve run
		full_run "$1" "$n free"
		disk_free
		case $RESULT in
		full) [ "$4" != first ] || rm -rf "$DISK/cold/$1" ;;
		hint) drill_insert "$1" ;;
		*) return ;;
		esac
	done
	not_ok "$1: runs never end well"
}

has_hit() { # WHAT STEP...
	local what=$1 step
	shift
	for step in "$@"; do
		[ -n "${HITS[$step]:-}" ] || not_ok "$what: $step was never hit, but $(hits)"
	done
}

# walked NAME leave|inodes STRIDE increment|first HOURS LEAST MOST: as often as
# this scale says, tables of so many hours; an increment's first commit is there.
walked() {
	local round name names=()
	for ((round = 1; round <= $(drill_scaled 8 1); round++)); do
		name=$1$round
		names+=("$name")
		drill_create "$name"
		if [ "$4" == increment ]; then
			config "$(drill_entry "$name")"
			drill_insert "$name"
			calve run
		fi
		drill_draw "$5" "$6"
		drill_insert "$name" "$DRAWN"
		walk "$name" "$2" "$3" "$4"
	done
	WALKED=("${names[@]}")
}

CONFIG_EXTRA='retry: { attempts: 3, backoff: 10ms }'
config '{ name: none, source: hot.none, target: lake.cold.none, timestamp: ts }'
calve init
walked first leave 1 first 1 6
has_hit 'first runs' data manifest 'manifest list' metadata hint
done_with 'first run on a full disk, page by page' "${WALKED[@]}"
walked next leave 1 increment 1 6
has_hit 'increments' data manifest 'manifest list' metadata hint
done_with 'increment on a full disk, page by page' "${WALKED[@]}"
# Files of more than a buffer: the disk is full in their midst.
walked large leave 7 increment 80 160
has_hit 'large increments' data
done_with 'large increment on a full disk' "${WALKED[@]}"
walked inodes inodes 1 first 1 3
has_hit 'first runs' folder data metadata link manifest 'manifest list'
done_with 'first run without inodes, one by one' "${WALKED[@]}"

# ---- somebody else fills it up ---------------------------------------------------------

# Where a run of several steps is held while all that is free is taken.
POINTS=(reading store.create.after store.fsync.before writing committing
	commit.manifest commit.listed commit.linked)
drill_create filled
drill_insert filled
config "$(drill_entry filled 'step: 1h')"
calve run
for ((n = 1; n <= $(drill_scaled 60 6); n++)); do
	drill_insert filled 3
	drill_draw 0 $((${#POINTS[@]} - 1))
	point=${POINTS[DRAWN]}
	drill_draw 1 3
	fault_stop "$point:$DRAWN" run || continue
	looked filled
	disk_leave 0
	fault_go
	full_run filled "filled up at $point:$DRAWN"
	[ "$RESULT" != fine ] || not_ok "filled up at $point:$DRAWN: nobody noticed"
	disk_free
done
done_with 'disk filled up in mid-run' filled

# ---- under some of the tables ----------------------------------------------------------

# The others have a disk of their own: nothing happens to them.
CONFIG_EXTRA="  spare: { kind: hadoop, warehouse: $T/warehouse }
workers: 6
$CONFIG_EXTRA"
ENTRIES=() POOR=(poor1 poor2 poor3) RICH=(rich1 rich2 rich3)
for name in "${POOR[@]}" "${RICH[@]}"; do
	drill_create "$name"
	ENTRIES+=("$(drill_entry "$name")")
done
config "${ENTRIES[@]}"
sed -i '/name: rich/s/lake[.]/spare./' "$T/calve.yaml"
for ((n = 1; n <= $(drill_scaled 40 3); n++)); do
	for name in "${POOR[@]}" "${RICH[@]}"; do
		drill_insert "$name"
	done
	drill_draw 0 25
	disk_leave "$DRAWN"
	calve run
	failed=0
	for name in "${POOR[@]}"; do
		case $(last_run "$name" state,error_class,attempt) in
		'success|1') ;;
		'failed|store|1')
			failed=1
			hit "$(step_of "$(last_run "$name" error_message)")"
			;;
		*) not_ok "$name: $(last_run "$name" state,error_class,attempt,error_message)" ;;
		esac
	done
	for name in "${RICH[@]}"; do
		[ "$(last_run "$name" state,attempt,row_count)" == 'success|1|200' ] ||
			not_ok "$name, beside a full disk: $(last_run "$name" state,attempt,row_count,error_message)"
	done
	[ "$RC" == $failed ] || not_ok "six tables: exit status $RC"
	disk_free
done
runs=$RUNS
done_with 'disk full under three of six tables: these' "${POOR[@]}"
WAREHOUSE=$T/warehouse
drill_compare "${RICH[@]}"
drill_result 'disk full under three of six tables: the others' "$runs" "$LOST" "$DUPLICATED" 'each run took all of their rows'
