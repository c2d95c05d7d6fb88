#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The state database damaged in every way that hands, scripts and backups know:
# calve goes on by itself where that is safe, else it stops, says why, and what
# it tells the operator to do is done to the letter, and helps.
# shellcheck disable=SC2119 # drill_rerun needs no arguments
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill
CONFIG_EXTRA='retry: { attempts: 1 }'

prepared() { # TABLE
	drill_create "$1"
	config "$(drill_entry "$1")"
	for _ in 1 2; do
		drill_insert "$1"
		calve run
		[ "$RC" == 0 ] || not_ok "$1: $ERR"
	done
	drill_insert "$1"
}

# Does what the last error line advises, command by command; then it runs.
follow() { # NAME
	local command commands
	mapfile -t commands < <(grep -E ' error ' <<<"$ERR" | grep -oE "'calve [^']+'" | tr -d "'" | sort -u)
	[ ${#commands[@]} -gt 0 ] || not_ok "$1: nothing is advised: $ERR"
	for command in "${commands[@]}"; do
		read -r -a words <<<"${command#calve }"
		calve "${words[@]}"
		same "$1: '$command', as advised" 0 "$RC"
		[ "$RC" == 0 ] || printf '  %s\n' "$ERR"
		ADVISED=$command
	done
}

# After the damage everything is as if nothing had been: also for later rows.
recovered() { # TABLE WHAT DID
	wait_until 60 drill_alone || not_ok 'workers did not end by themselves'
	calve run
	drill_insert "$1"
	drill_rerun
	drill_compare "$1"
	drill_history "$1"
	drill_watermarks "$1"
	drill_result "$2" 1 "$LOST" "$DUPLICATED" "$3"
}

# heals NAME WHAT PATTERN SQL: the run after it ends well, and says PATTERN
heals() {
	prepared "$1"
	state "${4//@/$1}" >/dev/null
	calve run
	same "$1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	has "$1: and says what it did" "$3" "$ERR"
	recovered "$1" "$2" 'went on by itself'
}

# stops NAME WHAT CLASS PATTERN SQL: nothing is written until it is mended
stops() {
	local version
	prepared "$1"
	state "${5//@/$1}" >/dev/null
	version=$(table version "cold.$1")
	calve run
	same "$1: the run stops with one error" '1 1' "$RC $(errors_in "$ERR")"
	has "$1: which says why" " error .*$4" "$ERR"
	same "$1: of its class" "failed|$3" "$(last_run "$1" state,error_class)"
	calve run
	same "$1: as often as it is run" "1 $version" "$RC $(table version "cold.$1")"
	follow "$1"
	recovered "$1" "$2" "stopped ($3); '$ADVISED' resolved it"
}

# unmade NAME WHAT STATUS PATTERN SQL: no table can be run, calve says how to
# mend
unmade() {
	prepared "$1"
	state "${5//@/$1}" >/dev/null
	calve run
	same "$1: exit status $3 with one error" "$3 1" "$RC $(errors_in "$ERR")"
	has "$1: which says why" "$4.*'calve init'" "$ERR"
	follow "$1"
	has "$1: and what was mended is said" 'mended|made' "$OUT"
	recovered "$1" "$2" "stopped; '$ADVISED' resolved it"
}

# Functions that are named as what they damage.
hurt() { # NAME...
	for function in "$@"; do
		$function
	done
}

# All of them, or in small as many as are drawn.
hurt_some() { # COUNT NAME...
	local first count=$1
	shift
	[ "$DRILL_SCALE" == small ] || count=$#
	drill_draw 0 $(($# - 1))
	first=$DRAWN
	for ((n = 0; n < count; n++)); do
		hurt "${@:1 + (first + n) % $#:1}"
	done
}

# ---- rows ------------------------------------------------------------------------

MARKS=offload_watermarks
WHERE="WHERE table_name = '@'"
BACK="last_offload_timestamp = '2024-03-01 00:00:00Z', last_offload_max_sequence = 1"
AHEAD="last_offload_timestamp = '2031-01-01 00:00:00Z', last_offload_max_sequence = 1"
TAKEN='the watermark stood at .*, the table at .*: the table.s position is taken'
BY_HAND="somebody changed the watermark's columns .*last_offload_position counts"

deleted() { heals deleted 'watermark row deleted' "$TAKEN" "DELETE FROM $MARKS $WHERE"; }
emptied() { heals emptied 'watermark columns NULL' "$TAKEN" "UPDATE $MARKS SET last_offload_timestamp = NULL, last_offload_max_sequence = NULL, last_offload_position = NULL, last_run_id = NULL, source_uuid = NULL, target_uuid = NULL $WHERE"; }
back() { heals back 'watermark set back' "$TAKEN" "UPDATE $MARKS SET $BACK, last_offload_position = NULL $WHERE"; }
back_text() { heals back_text 'watermark set back, position text only' "$TAKEN" "UPDATE $MARKS SET last_offload_position = '2024-03-01T00:00:00.000Z/1' $WHERE"; }
back_columns() { heals back_columns 'watermark set back, columns for reading only' "$BY_HAND" "UPDATE $MARKS SET $BACK $WHERE"; }
ahead() { stops ahead 'watermark set ahead' table "rolled back: the watermark of 'ahead' stands at 2031.*the table's current snapshot at 2024" "UPDATE $MARKS SET $AHEAD, last_offload_position = NULL $WHERE"; }
ahead_text() { stops ahead_text 'watermark set ahead, position text only' table 'rolled back: the watermark of' "UPDATE $MARKS SET last_offload_position = '2031-01-01T00:00:00.000Z' $WHERE"; }
ahead_columns() { heals ahead_columns 'watermark set ahead, columns for reading only' "$BY_HAND" "UPDATE $MARKS SET $AHEAD $WHERE"; }
# Half a row: a position without sequence is after all rows of its time.
no_sequence() { stops no_sequence 'sequence of the watermark lost' table 'rolled back: the watermark of' "UPDATE $MARKS SET last_offload_max_sequence = NULL, last_offload_position = NULL $WHERE"; }
garbage() { stops garbage 'position is garbage' table "the watermark of 'garbage' is damaged.*'soon' is not a timestamp" "UPDATE $MARKS SET last_offload_position = 'soon' $WHERE"; }
huge() { stops huge 'position is out of range' table 'is damaged' "UPDATE $MARKS SET last_offload_position = '9999999-01-01T00:00:00Z/99999999999999999999999' $WHERE"; }
infinite() { stops infinite 'timestamp is infinite' table 'is damaged' "UPDATE $MARKS SET last_offload_position = NULL, last_offload_timestamp = 'infinity' $WHERE"; }
status() { heals status 'garbage status' '' "ALTER TABLE $MARKS DROP CONSTRAINT offload_watermarks_status_check; UPDATE $MARKS SET status = 'broken', error_message = 'x' $WHERE"; }
running() { heals running 'status left at running' '' "UPDATE $MARKS SET status = 'running' $WHERE"; }
target_uuid() { stops target_uuid 'identity of the target changed' table "target table of 'target_uuid' was recreated: its uuid was 11111111-.* and is" "UPDATE $MARKS SET target_uuid = '11111111-1111-4111-8111-111111111111' $WHERE"; }
source_uuid() { stops source_uuid 'identity of the source changed' source "source table of 'source_uuid' was recreated: its uuid was 11111111-.* and is" "UPDATE $MARKS SET source_uuid = '11111111-1111-4111-8111-111111111111' $WHERE"; }
adopt() { heals adopt 'reset said by hand' '' "UPDATE $MARKS SET adopt = true $WHERE"; }
swapped() { stops swapped "another table's row" table "'swapped' was recreated" "UPDATE $MARKS a SET last_offload_timestamp = b.last_offload_timestamp, last_offload_max_sequence = b.last_offload_max_sequence, last_offload_position = b.last_offload_position, target_uuid = b.target_uuid FROM $MARKS b WHERE a.table_name = '@' AND b.table_name = 'first'"; }

config "$(drill_entry first)"
calve init
prepared first
calve run

hurt deleted back ahead garbage status
hurt_some 1 emptied back_text back_columns ahead_text ahead_columns no_sequence huge infinite running target_uuid source_uuid adopt swapped

# ---- tables ------------------------------------------------------------------------

copy() { # TABLE: of it without keys, defaults and checks, as hands make backups
	echo "CREATE TABLE kept AS SELECT * FROM $1; DROP TABLE $1; ALTER TABLE kept RENAME TO $1"
}
truncated() { heals truncated 'offload_watermarks truncated' "$TAKEN" "TRUNCATE $MARKS"; }
forgotten() { heals forgotten 'ledger truncated' '' 'TRUNCATE offload_runs'; }
dropped() { unmade dropped 'offload_watermarks dropped' 3 'relation "offload_watermarks" does not exist' "DROP TABLE $MARKS"; }
dropped_runs() { unmade dropped_runs 'offload_runs dropped' 3 'relation "offload_runs" does not exist' 'DROP TABLE offload_runs'; }
dropped_all() { unmade dropped_all 'every table dropped' 3 'does not exist' "DROP TABLE $MARKS, offload_runs, calve_schema"; }
dropped_column() { unmade dropped_column 'a column dropped' 3 'column .* does not exist' "ALTER TABLE $MARKS DROP COLUMN last_offload_position"; }
copied() { unmade copied 'offload_watermarks copied without keys' 3 'no unique or exclusion constraint' "$(copy "$MARKS")"; }
copied_runs() { unmade copied_runs 'offload_runs copied without keys' 3 'no unique or exclusion constraint' "$(copy offload_runs)"; }

# Loaded twice after the key was lost: which row counts, nobody can know.
twice() {
	prepared twice
	state "$(copy "$MARKS"); INSERT INTO $MARKS SELECT * FROM $MARKS WHERE table_name = 'twice'" >/dev/null
	calve run
	has 'twice: says what to do' "error .*'calve init'" "$ERR"
	calve init
	has 'twice: init says which rows' "error .*offload_watermarks has more than one row of twice; delete all but one of each, then run 'calve init' again" "$ERR"
	state "DELETE FROM $MARKS a USING $MARKS b WHERE a.table_name = b.table_name AND a.ctid < b.ctid" >/dev/null
	follow twice
	recovered twice 'watermark row there twice' "stopped; one row deleted, then '$ADVISED'"
}

hurt_some 1 truncated forgotten dropped dropped_runs dropped_all dropped_column copied copied_runs twice

# ---- backups -------------------------------------------------------------------------

# An unknown number of commits ago.
dump() { # FILE [OPTIONS]
	pg_dump "$(cat "$T/pg/pg.conninfo")" "${@:2}" >"$1" || not_ok "pg_dump"
}

into() { # DATABASE: its conninfo
	sed "s/dbname=calve/dbname=$1/" "$T/pg/pg.conninfo"
}

recreate() { # DATABASE [FILE]
	psql -qX "$(into postgres)" -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)" -c "CREATE DATABASE $1" || not_ok "create $1"
	[ -z "${2:-}" ] || psql -qX -v ON_ERROR_STOP=1 "$(into "$1")" -f "$2" >/dev/null || not_ok "restore $1"
}

prepared old
dump "$T/dump.sql"
for _ in 1 2; do
	calve run
	drill_insert old
done
recreate calve "$T/dump.sql"
calve run
same 'old: the run on a restored dump ends well' '0 0' "$RC $(errors_in "$ERR")"
has 'old: and says what it took' "$TAKEN" "$ERR"
recovered old 'database restored from an older dump' 'took the position of the table, went on'

prepared live
dump "$T/dump.sql" --clean --if-exists
fault_stop run.fenced run && dump "$T/inflight.sql"
fault_go
psql -qX -v ON_ERROR_STOP=1 "$(into calve)" -f "$T/dump.sql" >/dev/null || not_ok 'restore over what is there'
drill_insert live
calve run
same 'live: the run on a restored dump ends well' '0 0' "$RC $(errors_in "$ERR")"
recovered live 'older dump restored over the live database' 'took the position of the table, went on'

# A dump of a moment in mid-run has a run that nobody will end.
drill_insert live
calve run
drill_insert live
recreate calve "$T/inflight.sql"
same 'in flight: the dump has a running run' 1 "$(state "SELECT count(*) FROM offload_runs WHERE state = 'running'")"
calve run
same 'in flight: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
has 'in flight: and marks the one of the dump' "warn .*live: a run of '.*' was left behind while .*; it is recorded as failed" "$ERR"
recovered live 'dump taken in mid-run restored' 'marked its run failed, took the position of the table'
drill_ledger

# The worker stands between commit and advance while the database is replaced.
prepared under
dump "$T/dump.sql"
fault_stop run.committed run
recreate calve "$T/dump.sql"
fault_go
same 'under: the run fails' 3 "$RC"
recovered under 'database replaced between commit and advance' 'failed as state-lost, the next run took the position of the table'
drill_ledger

lost() {
	prepared lost
	recreate calve
	calve run
	same 'lost: exit status 3' 3 "$RC"
	follow lost
	recovered lost 'database lost' "stopped; '$ADVISED', then the position of the table"
}

# Before calve there was the table of another pipeline.
before() {
	prepared before
	recreate calve
	state "CREATE TABLE $MARKS (table_name varchar(255) PRIMARY KEY, last_offload_timestamp timestamp, last_offload_max_sequence bigint, last_run_id varchar(64), row_count bigint, status varchar(20)); INSERT INTO $MARKS VALUES ('before', '2024-03-01 00:00:27', 1, 'job-1', 10, 'done')"
	calve run
	same 'before: exit status 3' 3 "$RC"
	follow before
	recovered before 'dump of a time before calve' "stopped; '$ADVISED', then the position of the table"
}

hurt_some 1 lost before

# A restored copy that somebody runs from, too: two databases, two locks.
prepared both
calve run
dump "$T/dump.sql"
recreate calve_copy "$T/dump.sql"
cp "$T/calve.yaml" "$T/mine.yaml"
sed 's/dbname=calve/dbname=calve_copy/' "$T/mine.yaml" >"$T/other.yaml"
TIMES=$(drill_scaled 30 4)
declare -A SEEN
for ((n = 0; n < TIMES; n++)); do
	drill_insert both
	"$CALVE" -c "$T/other.yaml" run >/dev/null 2>"$T/other.err" </dev/null &
	other=$!
	calve run
	wait "$other"
	SEEN[$RC/$?]=1
done
has 'both: no exit status but 0 and 1' '^[01/ ]+$' "${!SEEN[*]}"
recovered both "two databases, two calve, one table: $TIMES times" "exit statuses ${!SEEN[*]}"
