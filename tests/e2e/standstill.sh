#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A worker that stands still for as long as it likes, at any point of its commit
# and of finding out what became of it, while another writer appends, compacts,
# expires all snapshots but one, rolls the table back, or drops it and makes it
# again. When the worker goes on, no file is gone that the table's metadata
# reaches; after two more runs at most, and the command that a message names
# where the table was rolled back or made again, every row is there once.
#
#   one     a table of one source
#   two     a table of two, whose other source also commits and lets snapshots
#           expire
#
# Both go on side by side. The points are those that a run passes: a new one is
# covered by itself. Between a point behind a system call and the one before the
# next nothing happens, so only the latter count.
#
# At each point what has done most harm is done, and one of the other deeds in
# turn; STANDSTILL=all does every deed at every point.
# shellcheck disable=SC2030,SC2031 # T of a process beside this one is its own
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite standstill

CONFIG_EXTRA='retry: { attempts: 1 }'
create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, price Decimal64(8)) ENGINE = MergeTree ORDER BY (ts, seq)"
}

insert() { # TABLE HOUR
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $2 HOUR + toIntervalMillisecond(number * 20), $2 * 100000 + number, toDecimal64(number / 7, 8) FROM numbers(60)"
}

entry() { # SOURCE TARGET
	echo "{ name: $1, source: hot.$1, target: lake.cold.$2, timestamp: ts, sequence: seq, step: 1h, expire_snapshots: 1m }"
}

# One file of settings for each source: two tables of one must not share a target.
as() { # SOURCE
	cp "$T/$1.yaml" "$T/calve.yaml"
}

# A table is put back to where it was, with numbers of versions and other files:
# what the engine remembers of these is not asked.
fingerprint() { # TABLE-EXPRESSION
	sql "SELECT count(), uniqExact(seq, price), sum(cityHash64(toUnixTimestamp64Milli(ts), toString(seq), toString(price))) FROM $1 SETTINGS use_iceberg_metadata_files_cache = 0"
}

# ---- a table before its third hour, and back to it --------------------------------

prepare() { # TARGET SOURCE...
	local target=$1 source hour
	shift
	for source; do
		create "$source"
	done
	for hour in 1 2; do
		for source; do
			insert "$source" "$hour"
			as "$source"
			calve run
			[ "$RC" == 0 ] || not_ok "$source: hour $hour: $ERR"
		done
	done
	for hour in 3 4; do
		for source; do
			[[ $source == "$1" && $hour == 4 ]] || insert "$source" "$hour"
		done
	done
	ROWS=$(fingerprint "($(printf ' UNION ALL SELECT * FROM %s' "$@" | cut -c 12-))")
	[[ $ROWS == [0-9]* ]] || not_ok "$target: no rows"
	[[ $target == two ]] || short_lived "$target"
	cp -r "$WAREHOUSE/cold/$target" "$T/saved"
	state "CREATE TABLE saved_$target AS SELECT * FROM offload_watermarks WHERE table_name LIKE '$target%'" >/dev/null
}

# All that calve may let go of goes.
short_lived() { # TARGET
	table set "cold.$1" history.expire.max-snapshot-age-ms=0
	table set "cold.$1" history.expire.min-snapshots-to-keep=1
}

restore() { # TARGET
	rm -rf "$WAREHOUSE/cold/$1"
	cp -al "$T/saved" "$WAREHOUSE/cold/$1"
	cp --remove-destination "$T/saved/metadata/version-hint.text" "$WAREHOUSE/cold/$1/metadata/"
	state "DELETE FROM offload_watermarks WHERE table_name LIKE '$1%'; INSERT INTO offload_watermarks SELECT * FROM saved_$1" >/dev/null
}

# ---- what others do ------------------------------------------------------------------

act() { # DEED TARGET SOURCE...
	local target=cold.$2
	case $1 in
	append | compact) table "$1" "$target" ;;
	expire) table compact "$target" && table expire "$target" 1 ;;
	rollback) table rollback "$target" 1 ;;
	recreate) table recreate "$target" 1 ;;
	outgrow) table recreate "$target" 20 ;;
	refill) table refill "$target" 20 ;;
	other) short_lived "$2" && "$CALVE" -c "$T/$4.yaml" run >/dev/null ;;
	esac
}

# The command that the message names, where the deed was one that asks for it.
remedy() { # DEED
	[[ $1 == @(rollback|recreate|outgrow|refill) ]] || return 1
	local command
	command=$(grep -oE "run 'calve [^']+'" <<<"$ERR" | head -n 1)
	[ -n "$command" ] || return 1
	command=${command#"run 'calve "}
	# shellcheck disable=SC2086 # words
	calve ${command%\'}
	[ "$RC" == 0 ] || BROKEN+="'calve ${command%\'}': $ERR; "
}

come_to_an_end() { # DEED SOURCE
	local runs=0 remedied=
	as "$2"
	while ((runs++ < 2)); do
		calve run
		[ "$RC" != 0 ] || return
		if [ -z "$remedied" ] && remedy "$1"; then
			remedied=1 runs=0
		fi
	done
	BROKEN+="$2 does not come to an end: $ERR; "
}

ends_well() { # DEED TARGET SOURCE...
	local missing source
	for source in "${@:3}"; do
		come_to_an_end "$1" "$source"
	done
	missing=$(table missing "cold.$2" 2>&1)
	[ -z "$missing" ] || BROKEN+="afterwards missing: $missing; "
	[[ $(fingerprint "$(iceberg "cold.$2")") == "$ROWS" ]] || BROKEN+="other rows than the source; "
}

stands_still() { # SPEC DEED TARGET SOURCE...
	local missing
	BROKEN=
	restore "$3"
	as "$4"
	fault_stop "$1" run || return
	act "${@:2}" 2>"$T/act.err" || BROKEN+="the deed failed: $(cat "$T/act.err"); "
	fault_go
	missing=$(table missing "cold.$3" 2>&1)
	[ -z "$missing" ] || BROKEN+="missing: $missing; "
	ends_well "${@:2}"
	if [ -z "$BROKEN" ]; then
		ok "$3: $2 at $1"
	else
		not_ok "$3: $2 at $1: $BROKEN"
	fi
}

# ---- the points ------------------------------------------------------------------------

# points_of FAULTS TARGET SOURCE: NAME:K of those between manifest and end
points_of() {
	local -A passed=()
	local name began=
	restore "$2"
	as "$3"
	: >"$T/points"
	fault "list:$T/points$1" run
	while read -r name; do
		((passed[$name]++))
		[[ $name != commit.manifest && $name != commit.asked ]] || began=1
		[[ -n $began && $name != *.after && $name != store.write.* ]] || continue
		echo "$name:${passed[$name]}$1"
	done <"$T/points"
}

# deeds_at N ALWAYS IN-TURN: what is done at the N-th point
deeds_at() {
	local turns
	read -ra turns <<<"$3"
	[ "${STANDSTILL:-}" == all ] || turns=("${turns[$1 % ${#turns[@]}]}")
	echo "$2 ${turns[*]}"
}

lane() { # ALWAYS IN-TURN TARGET SOURCE...
	local deed n specs=() always=$1 in_turn=$2
	shift 2
	prepare "$@"
	mapfile -t specs < <(points_of '' "$1" "$2")
	# a link whose answer was lost, and what is asked then
	mapfile -t -O "${#specs[@]}" specs < <(points_of ,errno:store.link:EIO "$1" "$2" |
		grep -A 3 commit.asked)
	for n in "${!specs[@]}"; do
		for deed in $(deeds_at "$n" "$always" "$in_turn"); do
			stands_still "${specs[n]}" "$deed" "$@"
		done
	done
	((${#specs[@]} > 15)) || not_ok "$1: only ${#specs[@]} points"
}

# beside FUNCTION ARGUMENTS...: in a process of its own with files of its own
beside() {
	(
		own=$T/lane.$4
		mkdir "$own"
		ln -s "$T/pg" "$T/ch" "$own"
		T=$own
		for source in "${@:5}"; do
			config "$(entry "$source" "$4")"
			mv "$T/calve.yaml" "$T/$source.yaml"
		done
		"$@"
		exit "$TESTS_FAILED"
	) &
}

config "$(entry one one)"
calve init
beside lane 'expire outgrow' 'append compact rollback recreate refill' one one
beside lane 'expire other' 'append compact rollback recreate' two two_a two_b
for pid in $(jobs -p); do
	wait "$pid" || TESTS_FAILED=1
done
