#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables and watermarks that somebody else has changed: each is detected,
# explained with the command that resolves it, resolved by that command, and no
# row is there twice.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite history

CONFIG_EXTRA='retry: { attempts: 1 }'
HOUR=0
insert() { # TABLE
	((HOUR++))
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(intDiv(number, 3) * 20), $HOUR * 100000 + number, toString(number) FROM numbers(300)"
}

create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, text String) ENGINE = MergeTree ORDER BY (ts, seq)"
}

entry() { # NAME [MORE]
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq${2:+, $2} }"
}

# A table with N commits of 300 rows.
prepared() { # NAME N
	create "$1"
	config "$(entry "$1")"
	for ((i = 0; i < $2; i++)); do
		insert "$1"
		calve run
		[ "$RC" == 0 ] || not_ok "$1: run $i: $ERR"
	done
	insert "$1"
}

every_row_once() { # NAME [SOURCE]
	equal "$1: every row is there once" "${2:-$1}" "cold.$1" 'toUnixTimestamp64Milli(ts), toString(seq), text'
	same "$1: the watermark is the table's position" "$(table positions "cold.$1" | head -n 1)" "$(watermark "$1")"
}

goes_on() { # NAME [SOURCE]
	calve run
	same "$1: the next run ends well" "0 0" "$RC $(errors_in "$ERR")"
	every_row_once "$@"
}

config "$(entry none)"

# ---- a watermark table of the older pipeline -------------------------------------

state "CREATE TABLE offload_watermarks (table_name varchar(255) PRIMARY KEY, last_offload_timestamp timestamp NOT NULL, last_offload_max_sequence bigint NOT NULL, last_run_id varchar(64), row_count bigint, status varchar(20) CHECK (status IN ('pending', 'success', 'error')), created_at timestamp NOT NULL DEFAULT now())"
create older
insert older
sql "INSERT INTO older SELECT ts + INTERVAL 1 DAY, seq + 1000000, 'new' FROM older"
state "INSERT INTO offload_watermarks VALUES ('older', '2024-03-01 01:00:01', 100150, 'prefect-77', 4711, 'success')"
calve init
same 'older: init ends well' 0 "$RC"
same 'older: what the row held is kept' '2024-03-01 01:00:01+00|100150|prefect-77|4711|success' \
	"$(state "SELECT concat_ws('|', last_offload_timestamp, last_offload_max_sequence, last_run_id, row_count, status) FROM offload_watermarks WHERE table_name = 'older'")"
config "$(entry older)"
calve run
same 'older: the first run ends well' 0 "$RC"
newer="(ts > toDateTime64('2024-03-01 01:00:01', 3, 'UTC') OR ts = toDateTime64('2024-03-01 01:00:01', 3, 'UTC') AND seq > 100150)"
same 'older: it takes the rows after the old watermark' \
	"$(sql "SELECT count(), uniqExact(seq), min(seq), max(seq) FROM older WHERE $newer")" \
	"$(sql "SELECT count(), uniqExact(seq), min(seq), max(seq) FROM $(iceberg cold.older)")"
same 'older: total_rows counts them' "$(sql "SELECT count() FROM older WHERE $newer")" \
	"$(state "SELECT total_rows FROM offload_watermarks WHERE table_name = 'older'")"
calve init
same 'older: init again changes nothing' 0 "$RC"

# ---- rolled back -------------------------------------------------------------------

prepared rolled 3
position=$(watermark rolled)
table rollback cold.rolled 1
back=$(table positions cold.rolled | head -n 1)
stops rolled table "rolled back: .*'rolled' stands at $position, the table's current snapshot at $back; .*'calve watermark reset rolled'"
stops rolled table 'rolled back'
calve watermark reset rolled
same 'rolled: reset ends well' 0 "$RC"
goes_on rolled
insert rolled
goes_on rolled

# Rolled forward instead: nothing is to be done twice.
prepared forward 3
newest=$(table snapshots cold.forward | head -n 1)
table rollback cold.forward 1
stops forward table 'rolled back'
table main cold.forward "$newest"
goes_on forward

# Rolled back to before calve's first row.
prepared emptied 1
insert emptied
calve run
table unset cold.emptied calve.position.hot.default.emptied
table rollback cold.emptied 1
insert emptied
stops emptied table 'rolled back'
calve watermark reset emptied
goes_on emptied

# ---- snapshots expired, positions elsewhere ---------------------------------------

prepared expired 4
table expire cold.expired 1
goes_on expired
# Only another tool's snapshot is left: the property speaks.
table compact cold.expired
table expire cold.expired 1
same 'expired: no snapshot of calve is left' '' "$(table positions cold.expired)"
insert expired
calve run
same 'expired: the run ends well' 0 "$RC"
every_row_once expired
# Likewise when that happens under a run.
insert expired
if fault_stop reading run; then
	table compact cold.expired
	table expire cold.expired 1
	fault_go
	same 'expired in mid-run: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
	every_row_once expired
fi
# Rolled back under a run, and the rest expired: that is another position.
insert expired
if fault_stop reading run; then
	table rollback cold.expired 1
	table expire cold.expired 1
	fault_go
	same 'expired and rolled back in mid-run: nothing is committed' '1 conflict' "$RC $(state "SELECT error_class FROM offload_runs WHERE table_name = 'expired' ORDER BY started_at DESC LIMIT 1")"
	has 'expired and rolled back in mid-run: it says what moved' 'position moved from .* to .* during the run' "$ERR"
	stops expired table 'rolled back'
	# Nothing tells the table's position any more: it is not guessed.
	stops expired table "no snapshot that is left tells .*'calve watermark set expired TIMESTAMP"
	calve watermark reset expired
	same 'expired and rolled back in mid-run: reset refuses' '1 1' "$RC $(errors_in "$ERR")"
	has 'expired and rolled back in mid-run: and says why' "not known: .*'calve watermark set expired TIMESTAMP" "$ERR"
	newest=$(sql "SELECT concat(toString(max(ts)), ' ', toString(argMax(seq, (ts, seq)))) FROM $(iceberg cold.expired)")
	calve watermark set expired "${newest% *}" "${newest##* }"
	goes_on expired
fi

prepared mirrorless 2
table unset cold.mirrorless calve.position.hot.default.mirrorless
goes_on mirrorless

# ---- the hint ------------------------------------------------------------------------

prepared hint 3
for wrong in missing 1 99 garbage ''; do
	for rows in new no; do
		case $wrong in
		missing) rm "$WAREHOUSE/cold/hint/metadata/version-hint.text" ;;
		*) printf %s "$wrong" >"$WAREHOUSE/cold/hint/metadata/version-hint.text" ;;
		esac
		goes_on hint
		same "hint: '$wrong' is put right by a run with $rows rows" "$(table version cold.hint)" "$(cat "$WAREHOUSE/cold/hint/metadata/version-hint.text")"
	done
	insert hint
done

# ---- the watermark row ------------------------------------------------------------------

prepared gone 2
state "DELETE FROM offload_watermarks WHERE table_name = 'gone'"
goes_on gone

prepared behind 3
state "UPDATE offload_watermarks SET last_offload_timestamp = '2024-03-01 00:00:00Z', last_offload_position = NULL, last_offload_max_sequence = 1 WHERE table_name = 'behind'"
calve run
has 'behind: the run says what it took' 'position is taken' "$ERR"
every_row_once behind

prepared nulled 2
state "UPDATE offload_watermarks SET last_offload_timestamp = NULL, last_offload_position = NULL, last_offload_max_sequence = NULL, row_count = 0, source_uuid = NULL, target_uuid = NULL, status = 'initialized' WHERE table_name = 'nulled'"
goes_on nulled

prepared ahead 2
state "UPDATE offload_watermarks SET last_offload_timestamp = '2030-01-01 00:00:00Z', last_offload_position = '2030-01-01T00:00:00.000Z/1', last_offload_max_sequence = 1 WHERE table_name = 'ahead'"
stops ahead table "'ahead' stands at 2030-01-01.*'calve watermark reset ahead'"
calve watermark reset ahead
goes_on ahead

prepared status 1
state "ALTER TABLE offload_watermarks DROP CONSTRAINT offload_watermarks_status_check"
state "UPDATE offload_watermarks SET status = 'hand made', error_message = 'x' WHERE table_name = 'status'"
goes_on status
same 'status: is put right' success "$(state "SELECT status FROM offload_watermarks WHERE table_name = 'status'")"

prepared garbage 1
state "UPDATE offload_watermarks SET last_offload_position = 'not a time' WHERE table_name = 'garbage'"
stops garbage state "'calve watermark (show|reset|set)"
calve watermark reset garbage
goes_on garbage

# ---- calve watermark --------------------------------------------------------------------

prepared shown 1
calve watermark show shown
same 'watermark show ends well' 0 "$RC"
has 'watermark show prints the position' "$(watermark shown | sed 's/[.]/[.]/g')" "$OUT"
calve watermark show nosuch
has 'watermark show of an unknown table fails' "[12]/1" "$RC/$(errors_in "$ERR")"
calve watermark reset nosuch
has 'watermark reset of an unknown table fails' "[12]/1" "$RC/$(errors_in "$ERR")"
calve watermark set shown 'yesterday'
same 'watermark set refuses what is no position' "2 1" "$RC $(errors_in "$ERR")"
same 'and changes nothing' "$(table positions cold.shown)" "$(watermark shown)"
# The table knows better.
calve watermark set shown '2024-03-01T00:00:00Z/1'
same 'watermark set refuses to go back' '1 1' "$RC $(errors_in "$ERR")"
calve watermark set shown '2029-01-01T00:00:00Z'
same 'watermark set refuses to go ahead' '1 1' "$RC $(errors_in "$ERR")"
insert shown
goes_on shown
# Before the first run a position set by hand is where it begins.
create begun
insert begun
insert begun
config "$(entry begun)"
calve watermark set begun "2024-03-01T00:00:00Z"
same 'begun: set before the first run ends well' 0 "$RC"
from=$(sql "SELECT formatDateTime(min(ts) + INTERVAL 1 HOUR, '%Y-%m-%dT%H:%i:%SZ') || '/' || toString(min(seq) + 100000) FROM begun")
calve watermark set begun "$from"
calve run
same 'begun: the run ends well' 0 "$RC"
same 'begun: rows after that position only' 299 "$(sql "SELECT count() FROM $(iceberg cold.begun)")"

# ---- recreated, deleted -------------------------------------------------------------------

# Only a database that gives its tables uuids tells a recreated one: not the
# engine's default database.
sql 'CREATE DATABASE atomic ENGINE = Atomic'
create atomic.resource
insert atomic.resource
config '{ name: resource, source: hot.atomic.resource, target: lake.cold.resource, timestamp: ts, sequence: seq }'
calve run
insert atomic.resource
calve run
sql 'RENAME TABLE atomic.resource TO atomic.resource_old'
create atomic.resource
sql 'INSERT INTO atomic.resource SELECT * FROM atomic.resource_old'
insert atomic.resource
stops resource source "recreated: .*'calve watermark reset --same-history resource'"
calve watermark reset --same-history resource
goes_on resource atomic.resource
insert atomic.resource
goes_on resource atomic.resource

prepared retarget 2
rm -rf "$WAREHOUSE/cold/retarget"
stops retarget table "gone .*'calve watermark reset retarget'"
calve watermark reset retarget
goes_on retarget
# Somebody makes another table in its place.
mv "$WAREHOUSE/cold/retarget" "$T/retarget.was"
config "$(entry other)"
sed -i 's/hot.other, target: lake.cold.other/hot.retarget, target: lake.cold.retarget/' "$T/calve.yaml"
calve run
same 'retarget: another table stands in its place' 0 "$RC"
config "$(entry retarget)"
insert retarget
stops retarget table "recreated: .*'calve watermark reset retarget'"
rm -rf "$WAREHOUSE/cold/retarget"
mv "$T/retarget.was" "$WAREHOUSE/cold/retarget"
goes_on retarget

# A table of another tool, with leftovers instead of a table.
create remains
insert remains
config "$(entry remains)"
mkdir -p "$WAREHOUSE/cold/remains/metadata"
echo x >"$WAREHOUSE/cold/remains/metadata/00000-5d6f.avro"
stops remains table "'$WAREHOUSE/cold/remains/metadata'"
rm -rf "$WAREHOUSE/cold/remains"
goes_on remains

# Metadata that nobody can read.
prepared damaged 1
newest=$WAREHOUSE/cold/damaged/metadata/v$(table version cold.damaged).metadata.json
cp "$newest" "$T/good.json"
head -c 300 "$T/good.json" >"$newest"
stops damaged table "'$newest'"
sed 's/"format-version": *2/"format-version":3/' "$T/good.json" >"$newest"
stops damaged table 'format'
cp "$T/good.json" "$newest"
goes_on damaged

# start: bounds the first run of a table without position, and no other.
create started
insert started
insert started
config "$(entry started "start: \"$(sql "SELECT formatDateTime(max(ts) - INTERVAL 30 MINUTE, '%Y-%m-%dT%H:%i:%SZ') FROM started")\"")"
calve run
same 'started: the first run begins at start' 300 "$(sql "SELECT count() FROM $(iceberg cold.started)")"
