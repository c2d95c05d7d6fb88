#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The proof of exactly-once: the worker is killed with SIGKILL before and after
# every I/O step of a run, then calve runs again, and the rows are compared
# with the source's by the engine's own Iceberg reader.
#
#   fresh    every point of a table's first run of three steps, each on a
#            table of its own
#   going    every point of an increment, on one table that lives through all
#            of them
#   series   the same without a good run in between: each run is killed one
#            point later than the one before
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

committed() { # TABLE
	[ -e "$WAREHOUSE/cold/$1/metadata/v1.metadata.json" ]
}

# What must hold after the worker was killed at point N of the run: BROKEN
# collects what does not.
check_killed() { # TABLE NAME-OF-POINT
	local run seen position
	run=$(last_run "$1" "state,signal,error_class,phase")
	[[ $run == 'failed|9|'*'|'?* ]] || BROKEN+="ledger: '$run'; "
	[[ $RC == 1 ]] || BROKEN+="exit status $RC; "
	case $2 in
	state.lock.*) wanted=locking ;;
	run.fenced | run.committed | store.link.* | commit.linked) wanted='committing|reading' ;;
	state.advance.* | state.commit.*) wanted=advancing ;;
	*) wanted='.*' ;;
	esac
	[[ ${run##*|} =~ ^($wanted)$ ]] || BROKEN+="at $2 in phase '${run##*|}'; "
	if committed "$1"; then
		seen=$(sql "SELECT count() FROM $(iceberg "cold.$1")")
		((seen % ROWS == 0)) || BROKEN+="part of a step seen: $seen rows; "
		position=$(watermark "$1")
		[[ -z $position ]] || table positions "cold.$1" | grep -qxF -- "$position" ||
			BROKEN+="watermark '$position' is not in the table's history; "
	fi
}

check_recovered() { # TABLE WANTED-FINGERPRINT
	local got position
	[[ $RC == 0 ]] || BROKEN+="rerun: exit status $RC: $ERR; "
	[[ $(last_run "$1" state) == success ]] || BROKEN+="rerun: $(last_run "$1" state); "
	got=$(fingerprint "$(iceberg "cold.$1")")
	[[ $got == "$2" ]] || BROKEN+="rows: wanted '$2', got '$got'; "
	position=$(watermark "$1")
	[[ $position == "$(table positions "cold.$1" | head -n 1)" ]] ||
		BROKEN+="watermark '$position' is not the table's position; "
}

report() { # NAME
	if [ -z "$BROKEN" ]; then
		ok "$1"
	else
		not_ok "$1: $BROKEN"
	fi
}

# ---- fresh -----------------------------------------------------------------------

create t
for hour in 0 1 2; do insert t $hour; done
WANTED=$(fingerprint t)
target() { # NAME
	config "{ name: $1, source: hot.t, target: lake.cold.$1, $ENTRY }"
}

target listed
calve init
fault "list:$T/points" run
same 'the run without a kill ends well' 0 "$RC"
BROKEN=
check_recovered listed "$WANTED"
report 'and takes every row'
mapfile -t POINTS <"$T/points"
same 'three steps were committed' 3 "$(table snapshots cold.listed | wc -l)"
if ((${#POINTS[@]} >= 60)); then
	ok "there are ${#POINTS[@]} points, 60 or more"
else
	not_ok "there are ${#POINTS[@]} points, fewer than 60"
fi
for name in store.link store.fsync store.fsync_dir store.rename store.write store.create state.commit; do
	has "points before each $name" "^$name.before$" "$(cat "$T/points")"
	same "points after each $name" "$(grep -c "^$name.before$" "$T/points")" "$(grep -c "^$name.after$" "$T/points")"
done

for ((n = 1; n <= ${#POINTS[@]}; n++)); do
	BROKEN=
	target "f$n"
	fault "kill:$n" run
	check_killed "f$n" "${POINTS[n - 1]}"
	calve run
	check_recovered "f$n" "$WANTED"
	report "fresh: killed at point $n, ${POINTS[n - 1]}"
	rm -rf "$WAREHOUSE/cold/f$n"
done

# ---- going -----------------------------------------------------------------------

create g
insert g 0
config "{ name: g, source: hot.g, target: lake.cold.g, $ENTRY }"
calve run
hour=1
insert g $hour
rm -f "$T/points"
fault "list:$T/points" run
mapfile -t POINTS <"$T/points"
for ((n = 1; n <= ${#POINTS[@]}; n++)); do
	BROKEN=
	((hour++))
	insert g $hour
	fault "kill:$n" run
	check_killed g "${POINTS[n - 1]}"
	calve run
	check_recovered g "$(fingerprint g)"
	report "going: killed at point $n, ${POINTS[n - 1]}"
done

# ---- series ----------------------------------------------------------------------

create s
config "{ name: s, source: hot.s, target: lake.cold.s, $ENTRY }"
for ((n = 1; n <= ${#POINTS[@]} + 30; n++)); do
	insert s "$n"
	fault "kill:$n" run
done
insert s $((n + 1))
BROKEN=
calve run
check_recovered s "$(fingerprint s)"
report "series: $((n - 1)) runs killed one after the other"
calve verify
same 'series: verify finds both sides equal' 0 "$RC"
