#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drill 9: what other tools do to the target table, between two runs, in the
# middle of one and between a crash and its rerun: main rolled back, the hint
# wrong, rows appended by another engine, all but the last snapshot expired,
# old metadata removed.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill

CONFIG_EXTRA='retry: { attempts: 1 }'
config "$(drill_entry none)"
calve init

# prepared TABLE: with four commits, and rows to take
prepared() {
	drill_create "$1"
	config "$(drill_entry "$1")"
	for _ in 1 2 3 4; do
		drill_insert "$1"
		calve run
		[ "$RC" == 0 ] || not_ok "$1: $ERR"
	done
	drill_insert "$1"
}

draw_of() { # WORDS...: sets DRAWN to one of them
	drill_draw 1 $#
	DRAWN=${!DRAWN}
}

goes_well() { # WHAT
	[ "$RC/$(errors_in "$ERR")" == 0/0 ] || not_ok "$1: exit status $RC: $ERR"
}

# disturbed TABLE FUNCTION POINT...: the function does something to the table,
# before a run or while one is held at a drawn point: AT.
disturbed() {
	local name=$1 deed=$2
	shift 2
	draw_of "$@"
	AT=$DRAWN
	case $AT in
	before)
		"$deed" "$name"
		calve run
		;;
	crash:*)
		fault "kill:${AT#*:}" run -t "$name"
		"$deed" "$name"
		;;
	*)
		fault_stop "$AT" run || return
		"$deed" "$name"
		drill_go_on "$name at $AT"
		;;
	esac
}

# done_with TABLE WHAT TIMES DID
done_with() {
	drill_rerun -t "$1"
	drill_compare "$1"
	drill_watermarks "$1"
	drill_ledger
	same "$1: the hint is right" "$(table version "cold.$1")" "$(cat "$WAREHOUSE/cold/$1/metadata/version-hint.text")"
	drill_result "$2" "$3" "$LOST" "$DUPLICATED" "$4"
}

# ---- rolled back --------------------------------------------------------------------

roll_back() {
	NEWEST=$(table snapshots "cold.$1" | head -n 1)
	drill_draw 1 3
	table rollback "cold.$1" "$DRAWN"
}

stopped=0 TABLES=()
for ((n = 1; n <= $(drill_scaled 40 4); n++)); do
	name=rolled$n
	prepared "$name"
	disturbed "$name" roll_back before reading run.fenced commit.fenced store.link.before commit.linked run.committed crash:run.committed crash:commit.linked || continue
	stops "$name" table "rolled back: .*'$name' stands at .*'calve watermark reset $name', or roll the table forward" >"$T/stops"
	if grep '^not ok' "$T/stops"; then
		not_ok "$name, rolled back at $AT: does not stop as it should"
	fi
	((stopped++))
	draw_of reset forward
	if [ "$DRAWN" == reset ]; then
		calve watermark reset "$name"
	else
		table main "cold.$name" "$NEWEST"
	fi
	calve run
	goes_well "$name, rolled back at $AT, then $DRAWN"
	TABLES+=("$name")
done
for name in "${TABLES[@]}"; do
	config "$(drill_entry "$name")"
	drill_insert "$name"
	drill_rerun -t "$name"
done
drill_compare "${TABLES[@]}"
drill_watermarks "${TABLES[@]}"
drill_ledger
drill_result 'main rolled back by another tool' "$stopped" "$LOST" "$DUPLICATED" 'stopped each time, untouched; went on after reset, or rolled forward'

# ---- the hint -----------------------------------------------------------------------

break_hint() {
	local hint=$WAREHOUSE/cold/$1/metadata/version-hint.text version
	version=$(table version "cold.$1")
	draw_of missing behind ahead garbage
	case $DRAWN in
	missing) rm -f "$hint" ;;
	behind) echo -n $((version - 1)) >"$hint" ;;
	ahead) echo -n $((version + 7)) >"$hint" ;;
	garbage) echo "$version, or so" >"$hint" ;;
	esac
}

prepared hint
for ((n = 1; n <= $(drill_scaled 60 6); n++)); do
	if ((n % 2)); then
		disturbed hint break_hint before reading run.fenced store.link.before commit.linked run.committed
		goes_well "the hint was wrong at $AT"
	else # no rows to take
		disturbed hint break_hint before reconciling counting
		goes_well "the hint was wrong at $AT"
		drill_insert hint 2
	fi
done
done_with hint 'version hint missing, behind, ahead, garbage' $((n - 1)) 'never believed, put right by each run'
drill_history hint

# ---- rows of another engine ---------------------------------------------------------

# What the engine appends is at the source, too, but too old to be taken.
FOREIGN=0
append_foreign() {
	local first=$((1000000000 + FOREIGN++ * 100))
	sql "INSERT INTO $1 SELECT toDateTime64('2023-03-01 00:00:00', 3, 'UTC') + toIntervalMinute($FOREIGN), $first + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8), 'foreign' FROM numbers(40)"
	sql "INSERT INTO FUNCTION $(iceberg "cold.$1") SELECT ts, seq, symbol, price, note FROM $1 WHERE seq >= $first" allow_insert_into_iceberg=1 >"$T/appended" 2>&1 ||
		not_ok "$1: the engine cannot append: $(cat "$T/appended")"
}

prepared foreign
for ((n = 1; n <= $(drill_scaled 60 6); n++)); do
	disturbed foreign append_foreign before reading commit.manifest run.fenced commit.listed store.link.before commit.linked run.committed crash:run.committed crash:run.fenced
	[[ $AT == crash:* ]] || goes_well "an append of the engine at $AT"
	drill_insert foreign
done
done_with foreign 'appends of ClickHouse between and within runs' $((n - 1)) "the rows of both are there, $FOREIGN times 40 of the engine's"
drill_history foreign
calve verify
same 'verify finds both sides equal' '0 0' "$RC $(grep -c DIFFERENT <<<"$OUT")"

# ---- snapshots expired, versions removed --------------------------------------------

expire_all() {
	draw_of calve other appended
	case $DRAWN in
	other) table compact "cold.$1" ;; # no snapshot of calve is left
	appended) append_foreign "$1" ;;
	esac
	table expire "cold.$1" 1
	table tidy "cold.$1"
}

prepared expired
for ((n = 1; n <= $(drill_scaled 60 6); n++)); do
	disturbed expired expire_all crash:commit.linked crash:run.committed crash:state.advance.before crash:state.commit.before before run.committed crash:run.fenced reading
	case $AT in
	crash:*)
		calve run
		goes_well "expired after a $AT"
		[[ $AT == *:run.fenced ]] || has "expired after a $AT, last snapshot of $DRAWN: what landed is taken for done" "warn .*expired: .*the table's position is taken" "$ERR"
		;;
	*) goes_well "expired at $AT" ;;
	esac
	drill_insert expired
done
done_with expired 'all but the last snapshot expired, between crash and rerun' $((n - 1)) "went on from the table's position, or its property where no snapshot of calve was left"

# A stale name: the version that calve is about to make has been there, and
# was tidied away, when it links. That nobody has read what was linked there is
# a thing that nothing proves: the run fails as unclear, leaves its files where
# they are, and the next one begins where the table stands.
tidy_away() {
	table compact "cold.$1"
	table compact "cold.$1"
	table tidy "cold.$1"
}

IN_THE_PAST='the commit may have landed or not; nothing was removed, the next run finds out'
UNCLEAR=(of_no_run)
prepared tidied
for ((n = 1; n <= $(drill_scaled 60 5); n++)); do
	disturbed tidied tidy_away before reading run.fenced commit.fenced commit.listed store.link.before commit.linked
	if [ "$RC" == 1 ] && [[ $AT == @(run.fenced|commit.*|store.link.before) && $ERR == *"$IN_THE_PAST"* ]]; then
		UNCLEAR+=("$(last_run tidied run_id)")
		calve run
	fi
	goes_well "old versions removed at $AT"
	drill_insert tidied
done
done_with tidied 'old versions removed, also under a commit' $((n - 1)) 'a commit into the past is unclear, its files stay, the next run takes the rows'
drill_history tidied
same 'nothing is left over but what is unclear' '' "$(table leftovers cold.tidied | grep -vFf <(printf '%s\n' "${UNCLEAR[@]}"))"
