#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Times at a ClickHouse source: rows ahead of its clock are told, days are
# over when they are over where they were written.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite clocks
CONFIG_EXTRA='retry: { attempts: 1 }'

# ---- rows ahead of the clock -----------------------------------------------------------

# What a run says of rows that wait: "N newest", "" nothing.
told() {
	sed -nE "s/.* warn .*: ([0-9]+) rows? waits? ahead of the source's clock by more than a day, the newest by its '[a-z]+' of ([^ ]+): .*/\1 \2/p" <<<"$ERR"
}

tells() { # NAME WANTED [COMMAND...]
	local name=$1 wanted=$2
	shift 2
	calve "${@:-run}"
	same "$name" "0 $wanted" "$RC $(told)"
}

config '{ name: a, source: hot.a, target: lake.cold.a, timestamp: ts, sequence: id }'
calve init
sql 'CREATE TABLE a (ts DateTime, id UInt64) ENGINE = MergeTree ORDER BY (ts, id)'
sql "INSERT INTO a VALUES ('2026-01-01 00:00:00', 1), ('2105-01-01 00:00:00', 2)"
tells 'check tells of them before the first run' '1 2105-01-01T00:00:00Z' check --connect
tells 'and so does a run without doing' '1 2105-01-01T00:00:00Z' run -n
tells 'the first run tells what waits' '1 2105-01-01T00:00:00Z'
same 'and takes the others' 1 "$(sql "SELECT count() FROM $(iceberg cold.a)")"
tells 'the next one has nothing to add' ''
tells 'verify says it each time' '1 2105-01-01T00:00:00Z' verify
sql "INSERT INTO a VALUES ('2105-01-01 00:00:00', 3)"
tells 'one more of the same time is a change' '2 2105-01-01T00:00:00Z'
sql "INSERT INTO a VALUES ('2026-01-02 00:00:00', 4)"
tells 'rows that are taken are none' ''
same 'and are taken' 2 "$(sql "SELECT count() FROM $(iceberg cold.a)")"
sql "ALTER TABLE a DELETE WHERE ts > '2100-01-01' SETTINGS mutations_sync = 2"
tells 'that none waits any more needs no word' ''
sql "INSERT INTO a VALUES ('2105-01-01 00:00:00', 5), ('2105-01-01 00:00:00', 6)"
tells 'but is remembered' '2 2105-01-01T00:00:00Z'
# A run that fails has kept nothing: what it told is told again.
sql "INSERT INTO a VALUES ('2026-01-03 00:00:00', 7), ('2105-01-02 00:00:00', 8)"
fault kill:run.committed run
same 'a run is killed after its commit' 1 "$RC"
tells 'what it told is told again' '3 2105-01-02T00:00:00Z'
same 'with its rows there once' '3 3' "$(sql "SELECT count(), uniqExact(id) FROM $(iceberg cold.a)" | tr '\t' ' ')"
# Less than a day may be a matter of zones and clocks.
sql "INSERT INTO a VALUES (now() + 80000, 9)"
tells 'a row of the coming night needs no word' ''
calve run
same 'and waits' 3 "$(sql "SELECT count() FROM $(iceberg cold.a)")"

# Every kind of timestamp, with NULLs possible and without a key.
later() { # NAME TYPE VALUE NEWEST
	sql "CREATE TABLE $1 (ts $2, id UInt64) ENGINE = MergeTree ORDER BY id SETTINGS allow_nullable_key = 1"
	sql "INSERT INTO $1 VALUES ('2026-01-01', 1), ($3, 2), ($3, 3)"
	config "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: id }"
	tells "$2: what waits is told" "2 $4"
	same "$2: the other row is taken" 1 "$(sql "SELECT count() FROM $(iceberg "cold.$1")")"
}
later date Date "'2149-06-06'" 2149-06-06
later date32 Date32 "'2299-12-31'" 2299-12-31
later milli "DateTime64(3, 'Asia/Tokyo')" "'2299-12-31 00:00:00'" 2299-12-30T15:00:00.000Z
later nullable 'Nullable(DateTime)' "'2105-06-07 00:00:00'" 2105-06-07T00:00:00Z

# ---- days ------------------------------------------------------------------------------

# A window ends by clock less settle: with settle as long as that moment is ago
# it ends as it would have ended then.
ends_at() { # MOMENT: the settle for it
	echo "$(($(date +%s) - $(date -ud "$1" +%s)))s"
}

# over NAME DAY TIMEZONE MOMENT WANTED: whether the day is over then
over() {
	local zone=${3:+, timezone: $3}
	config "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: d, settle: $(ends_at "$4")$zone }"
	calve run -n
	has "$1: $2 is$5 over at $4${3:+ in $3}" "^ +1 +$1 +$([ "$5" ] && echo 0 || echo 1) " "$OUT"
}

ch_stop "$T/ch"
for server in America/New_York Pacific/Kiritimati Etc/GMT+12 UTC; do
	TZ=$server ch_start "$T/ch" || exit 1
	same "the server is in $server" "$server" "$(sql 'SELECT timezone()')"
	n=${server//[^A-Za-z]/}
	# The evening of the 9th in New York is the 10th in UTC.
	sql "CREATE TABLE $n (d Date, id UInt64) ENGINE = MergeTree ORDER BY d"
	sql "INSERT INTO $n VALUES ('2026-11-08', 1), ('2026-11-09', 2)"
	for step in '2026-11-10 00:30' '2026-11-10 11:30'; do
		config "{ name: $n, source: hot.$n, target: lake.cold.$n, timestamp: d, settle: $(ends_at "$step") }"
		calve run
		same "$n: at $step the 8th alone is taken" '0 1' "$RC $(sql "SELECT count() FROM $(iceberg "cold.$n")")"
		sql "INSERT INTO $n SELECT '2026-11-09', number FROM numbers(100)"
	done
	config "{ name: $n, source: hot.$n, target: lake.cold.$n, timestamp: d, settle: $(ends_at '2026-11-10 12:30') }"
	calve run
	equal "$n: once the day is over everywhere, all of it is" "$n" "cold.$n" 'd, toString(id)'
	calve verify
	same "$n: verify agrees" 0 "$RC"

	# One row of the day, looked for at moments.
	for day in 2026-11-09 2026-11-01 2026-03-08 2026-09-05 2026-04-04; do
		sql "CREATE TABLE ${n}_${day//-/} (d Date32, id UInt64) ENGINE = MergeTree ORDER BY id"
		sql "INSERT INTO ${n}_${day//-/} VALUES ('$day', 1)"
	done
	over "${n}_20261109" 2026-11-09 America/New_York '2026-11-10 04:30' ' not'
	over "${n}_20261109" 2026-11-09 America/New_York '2026-11-10 05:30' ''
	over "${n}_20261109" 2026-11-09 Pacific/Kiritimati '2026-11-09 09:30' ' not'
	over "${n}_20261109" 2026-11-09 Pacific/Kiritimati '2026-11-09 10:30' ''
	over "${n}_20261109" 2026-11-09 UTC '2026-11-09 23:30' ' not'
	over "${n}_20261109" 2026-11-09 UTC '2026-11-10 00:30' ''
	[ $server == UTC ] || { ch_stop "$T/ch"; continue; }
	# Days of 25 and of 23 hours, a midnight that there was not, and one twice.
	over "${n}_20261101" 2026-11-01 America/New_York '2026-11-02 04:30' ' not'
	over "${n}_20261101" 2026-11-01 America/New_York '2026-11-02 05:30' ''
	over "${n}_20260308" 2026-03-08 America/New_York '2026-03-09 03:30' ' not'
	over "${n}_20260308" 2026-03-08 America/New_York '2026-03-09 04:30' ''
	over "${n}_20260905" 2026-09-05 America/Santiago '2026-09-06 03:30' ' not'
	over "${n}_20260905" 2026-09-05 America/Santiago '2026-09-06 04:30' ''
	over "${n}_20260404" 2026-04-04 America/Santiago '2026-04-05 03:30' ' not'
	over "${n}_20260404" 2026-04-04 America/Santiago '2026-04-05 04:30' ''
	# That of the column counts before the table's.
	config "{ name: c, source: hot.${n}_20261109, target: lake.cold.c, timestamp: d, settle: $(ends_at '2026-11-10 00:30'), timezone: America/New_York, columns: { d: { timezone: UTC } } }"
	calve run -n
	has "the column's zone counts" '^ +1 +c +1 ' "$OUT"
	config "{ name: c, source: hot.${n}_20261109, target: lake.cold.c, timestamp: d }"
	calve check --connect
	has 'check says what no timezone: costs' "'d' holds days, and no timezone: says where they begin" "$ERR"
	config "{ name: c, source: hot.${n}_20261109, target: lake.cold.c, timestamp: d, timezone: Mars/Olympus }"
	calve run
	has 'a zone that the source does not know is named' "timezone 'Mars/Olympus': .*Cannot load time zone" "$ERR"
	ch_stop "$T/ch"
done
