#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The proof of exactly-once: the worker is killed with SIGKILL before and after
# every I/O step of a run, then calve runs again, and the rows are compared
# with the source's by the engine's own Iceberg reader.
#
#   fresh    every point of a table's first run of two steps, each on a table
#            of its own
#   going    every point of an increment, on one table that lives through all
#            of them
#   series   the same without a good run in between: each run is killed one
#            point later than the one before
#
# Two of these go on side by side.
# shellcheck disable=SC2030,SC2031 # T of a process beside this one is its own
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite crash

CONFIG_EXTRA='retry: { attempts: 1 }'
ROWS=300 # an hour, which is a step
ENTRY='timestamp: ts, sequence: seq, partition: [symbol], step: 1h'

create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Decimal64(8), note Nullable(String)) ENGINE = MergeTree ORDER BY (ts, seq)"
}

# Milliseconds with ties, so that a position needs its sequence.
insert() { # TABLE HOUR
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $2 HOUR + toIntervalMillisecond(intDiv(number, 3) * 20), $2 * 100000 + number * 2, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 7, 8), if(number % 5 = 0, NULL, toString(number)) FROM numbers($ROWS)"
}

# fingerprint TABLE-EXPRESSION: rows, keys, content; missing table: no rows
fingerprint() {
	sql "SELECT count(), uniqExact(seq), sum(cityHash64(toUnixTimestamp64Milli(ts), toString(seq), toString(symbol), toString(price), ifNull(note, '-'))) FROM $1"
}

# Each table in a namespace of its own, so that its folder is made too.
entry() { # TABLE [SOURCE]
	echo "{ name: $1, source: hot.${2:-$1}, target: lake.$1.t, $ENTRY }"
}

committed() { # TABLE
	[ -e "$WAREHOUSE/$1/t/metadata/v1.metadata.json" ]
}

# beside FUNCTION ARGUMENTS...: in a process of its own with files of its own
beside() {
	(
		own=$T/$1.$BASHPID
		mkdir "$own"
		ln -s "$T/pg" "$T/ch" "$own"
		T=$own
		"$@"
		exit "$TESTS_FAILED"
	) &
}

both_done() {
	local pid
	for pid in $(jobs -p); do
		wait "$pid" || TESTS_FAILED=1
	done
}

# ledger TABLE COLUMNS: last_run's line and watermark's
ledger() {
	state "SELECT concat_ws('|', ${2//,/, }) FROM offload_runs WHERE table_name = '$1' ORDER BY started_at DESC LIMIT 1; SELECT last_offload_position FROM offload_watermarks WHERE table_name = '$1'"
}

# What must hold after the worker was killed at point N of the run: BROKEN
# collects what does not.
check_killed() { # TABLE NAME-OF-POINT
	local lines run seen position
	mapfile -t lines < <(ledger "$1" "state,signal,error_class,phase")
	run=${lines[0]:-} position=${lines[1]:-}
	[[ $run == 'failed|9|'*'|'?* ]] || BROKEN+="ledger: '$run'; "
	[[ $RC == 1 ]] || BROKEN+="exit status $RC; "
	case $2 in
	state.lock.*) wanted='locking|advancing' ;;
	store.link.* | commit.linked) wanted='writing|committing' ;;
	run.fenced | run.committed) wanted=committing ;;
	state.advance.* | state.commit.*) wanted=advancing ;;
	*) wanted='.*' ;;
	esac
	[[ ${run##*|} =~ ^($wanted)$ ]] || BROKEN+="at $2 in phase '${run##*|}'; "
	if committed "$1"; then
		seen=$(sql "SELECT count() FROM $(iceberg "$1.t")")
		((seen % ROWS == 0)) || BROKEN+="part of a step seen: $seen rows; "
		[[ -z $position ]] || table positions "$1.t" | grep -qxF -- "$position" ||
			BROKEN+="watermark '$position' is not in the table's history; "
	fi
}

check_recovered() { # TABLE WANTED-FINGERPRINT
	local got lines run position
	[[ $RC == 0 ]] || BROKEN+="rerun: exit status $RC: $ERR; "
	mapfile -t lines < <(ledger "$1" state)
	run=${lines[0]:-} position=${lines[1]:-}
	[[ $run == success ]] || BROKEN+="rerun: $run; "
	got=$(fingerprint "$(iceberg "$1.t")")
	[[ $got == "$2" ]] || BROKEN+="rows: wanted '$2', got '$got'; "
	[[ $position == "$(table positions "$1.t" | head -n 1)" ]] ||
		BROKEN+="watermark '$position' is not the table's position; "
}

report() { # NAME
	if [ -z "$BROKEN" ]; then
		ok "$1"
	else
		not_ok "$1: $BROKEN"
	fi
}

# ---- the points ------------------------------------------------------------------

create t
for hour in 0 1; do insert t $hour; done
WANTED=$(fingerprint t)
config "$(entry listed t)"
calve init
: >"$T/points"
fault "list:$T/points" run
same 'the run without a kill ends well' 0 "$RC"
BROKEN=
check_recovered listed "$WANTED"
report 'and takes every row'
mapfile -t POINTS <"$T/points"
same 'two steps were committed' 2 "$(table snapshots listed.t | wc -l)"
if ((${#POINTS[@]} >= 60)); then
	ok "there are ${#POINTS[@]} points, 60 or more"
else
	not_ok "there are ${#POINTS[@]} points, fewer than 60"
fi
for name in store.create store.write store.fsync store.fsync_dir store.mkdir store.link store.rename store.unlink state.commit; do
	has "points before each $name" "^$name.before$" "$(cat "$T/points")"
	same "points after each $name" "$(grep -c "^$name.before$" "$T/points")" "$(grep -c "^$name.after$" "$T/points")"
done

# ---- fresh -----------------------------------------------------------------------

fresh() { # FIRST: every second point from there
	local n
	for ((n = $1; n <= ${#POINTS[@]}; n += 2)); do
		BROKEN=
		config "$(entry "f$n" t)"
		fault "kill:$n" run
		check_killed "f$n" "${POINTS[n - 1]}"
		calve run
		check_recovered "f$n" "$WANTED"
		report "fresh: killed at point $n, ${POINTS[n - 1]}"
		rm -rf "$WAREHOUSE/f$n"
	done
}
beside fresh 1
beside fresh 2
both_done

# ---- going -----------------------------------------------------------------------

create g
insert g 0
config "$(entry g)"
calve run
insert g 1
: >"$T/points"
fault "list:$T/points" run
mapfile -t POINTS <"$T/points"

going() {
	local n
	config "$(entry g)"
	for ((n = 1; n <= ${#POINTS[@]}; n++)); do
		BROKEN=
		insert g $((n + 1))
		fault "kill:$n" run
		check_killed g "${POINTS[n - 1]}"
		calve run
		check_recovered g "$(fingerprint g)"
		report "going: killed at point $n, ${POINTS[n - 1]}"
	done
}

# ---- series ----------------------------------------------------------------------

series() {
	local n
	create s
	config "$(entry s)"
	for ((n = 1; n <= ${#POINTS[@]} + 30; n++)); do
		insert s "$n"
		fault "kill:$n" run
	done
	insert s "$n"
	BROKEN=
	calve run
	check_recovered s "$(fingerprint s)"
	report "series: $((n - 1)) runs killed one after the other"
	calve verify
	same 'series: verify finds both sides equal' 0 "$RC"
}
beside going
beside series
both_done
