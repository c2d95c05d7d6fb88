#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse: after each run the target, read with FINAL, equals
# the source, whatever went wrong before.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits
replica_setup

ROWS=40000
make_hour $ROWS

# ---- first run -------------------------------------------------------------------------

sync_config "$(visits v 'slices: 4')"
calve check --connect
has 'check shows what the target will be' 'v +city +text +Nullable\(String\)' "$OUT"
calve init
same 'init makes the target' '0 0' "$RC $(errors_in "$ERR")"
has 'init says so' "target table 'fact.v' made" "$ERR"
same 'it has the source'"'"'s columns' 21 "$(sql "SELECT count() FROM system.columns WHERE table = 'v'")"
same 'it replaces by the timestamp, in one partition, ordered by the key' \
	'ReplacingMergeTree(updated_at) ORDER BY id' \
	"$(sql "SELECT engine_full FROM system.tables WHERE name = 'v'" | sed 's/ SETTINGS.*//; s/(id)/id/')"
calve init
same 'init again makes nothing' '0 0' "$RC $(grep -c made <<<"$ERR")"
calve check --connect
has 'check finds it' 'the target table exists' "$ERR"
calve run --dry-run
has 'a dry run counts the window' "^ +1 +v +$ROWS +- +20" "$OUT"
run_ok 'first'
equal 'all rows are there' v
same 'the ledger has the run' "success|$ROWS|t" "$(last_run v 'state,row_count,bytes_read > 0 AND bytes_written > 0')"
same 'in four ranges, each inserted once' "$ROWS" "$(sql "SELECT count() FROM fact.v")"
calve status
has 'status shows it' "v +success +20[0-9TZ:.-]+ +$ROWS" "$OUT"

# ---- changes ---------------------------------------------------------------------------

state "UPDATE $TABLE SET duration_ms = 1, city = NULL, updated_at = $(now_ms) - id % 50 WHERE id % 20 = 3" >/dev/null
state "UPDATE $TABLE SET is_deleted = 1, updated_at = $(now_ms) WHERE id % 1000 = 7" >/dev/null
run_ok 'updates'
equal 'updated rows have replaced the old ones' v
state "INSERT INTO $TABLE SELECT * FROM make_visits($ROWS + 1, $ROWS + 300, $(now_ms) - 600000, 10)" >/dev/null
run_ok 'late rows'
equal 'rows that come late within the look-back are taken' v
run_ok 'nothing new'
equal 'a run with nothing new changes nothing' v

state "INSERT INTO $TABLE SELECT * FROM make_visits($ROWS + 301, $ROWS + 310, $(now_ms) - 1800000, 10)" >/dev/null
run_ok 'too late'
same 'rows later than the look-back are not seen' 10 "$(($(state "SELECT count(*) FROM $TABLE") - $(sql "SELECT count() FROM fact.v FINAL")))"
calve watermark set v "$(date -u -d '-40 minutes' +%Y-%m-%dT%H:%M:%SZ)"
same 'the watermark can be set back' 0 "$RC"
run_ok 'set back'
equal 'and what is behind it is sent' v

# ---- state and target lost -----------------------------------------------------------------

state "DELETE FROM offload_watermarks" >/dev/null
state "UPDATE $TABLE SET page_views = 7, updated_at = $(now_ms) WHERE id % 100 = 1" >/dev/null
calve init
run_ok 'state lost'
has 'which is told' 'warn .*v: the target has rows, but nothing is recorded of what of the source is there' "$ERR"
equal 'all is sent again' v
sql 'TRUNCATE TABLE fact.v'
run_ok 'target emptied'
equal 'an empty target gets all' v
sql 'DROP TABLE fact.v'
calve run
has 'a run without a target says what makes it' "there is no target table 'fact.v' at 'olap'; run 'calve init'" "$ERR"
calve init
run_ok 'target made anew'
has 'which is told' 'the target table is another one than at the last run' "$ERR"
equal 'and gets all' v
calve watermark reset v
run_ok 'reset'
equal 'a reset changes nothing' v

exit "$TESTS_FAILED"
