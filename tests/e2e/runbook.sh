#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What calve-runbook(7) tells an operator to do, done to the letter where no
# drill and no other suite does it: after each failure the repair helps, every
# row is there once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite runbook
CONFIG_EXTRA='retry: { attempts: 1 }'
COLUMNS='toUnixTimestamp64Milli(ts), seq, symbol, pad'

more() { # TABLE [BYTES OF A ROW]
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(c.n + number), c.n + number, 'BTC', randomPrintableASCII(${2:-10}) FROM numbers(1000) AS k CROSS JOIN (SELECT count() AS n FROM $1) AS c"
}

entry() { # TABLE [OPTIONS]
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq${2:+, $2} }"
}

# A table of one commit and 1000 rows to come.
prepared() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq Int64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
	more "$1"
	config "$(entry "$1")"
	calve run
	[ "$RC" == 0 ] || not_ok "$1: $ERR"
	more "$1"
}

# failed NAME EXIT-STATUS PATTERN: after `calve run`
failed() {
	calve run
	same "$1: exit status $2 and one error" "$2 1" "$RC $(errors_in "$ERR")"
	has "$1: says what to do" " error .*$3" "$ERR"
}

mended() { # NAME TABLE
	calve run
	same "$1: then it runs" '0 0' "$RC $(errors_in "$ERR")"
	equal "$1: every row is there once" "$2" "cold.$2" "$COLUMNS"
}

config "$(entry none)"
calve init

# ---- PostgreSQL refuses -------------------------------------------------------------

maintenance() { # SQL: by another database
	psql -qX "$(sed 's/dbname=calve/dbname=postgres/' "$T/pg/pg.conninfo")" -c "$1" || not_ok "$1"
}

prepared refused
maintenance 'ALTER DATABASE calve SET default_transaction_read_only = on'
failed standby 3 'is this a standby. name the primary'
maintenance 'ALTER DATABASE calve RESET default_transaction_read_only'
mended standby refused

more refused
STATE_CONNINFO=$(sed 's/user=calve/user=runner/' "$T/pg/pg.conninfo") config "$(entry refused)"
state 'CREATE ROLE runner LOGIN' >/dev/null
failed rights 3 'grant the user its rights on the state tables'
state 'GRANT SELECT, INSERT, UPDATE ON offload_watermarks, offload_runs TO runner; GRANT SELECT ON calve_schema TO runner' >/dev/null
mended rights refused

more refused
STATE_CONNINFO=$(sed 's/dbname=calve/dbname=calve2/' "$T/pg/pg.conninfo") config "$(entry refused)"
failed database 3 "create the database or name another one in 'state'"
maintenance 'CREATE DATABASE calve2'
failed 'a new database' 3 "run 'calve init'"
calve init
same 'a new database: init ends well' 0 "$RC"
mended 'a new database' refused

# Each of calve's is a connection of its own.
prepared crowded
maintenance 'ALTER ROLE runner CONNECTION LIMIT 1'
STATE_CONNINFO=$(sed 's/user=calve/user=runner/' "$T/pg/pg.conninfo") config "$(entry crowded)"
failed crowded 3 'too many connections'
same 'crowded: of its class' state-lost "$(last_run crowded error_class)"
maintenance 'ALTER ROLE runner CONNECTION LIMIT 2'
mended crowded crowded

# ---- state tables ----------------------------------------------------------------------

prepared column
state 'ALTER TABLE offload_runs DROP COLUMN phase' >/dev/null
failed column 3 "run 'calve init'"
calve init
has 'column: init says what cannot be mended' 'offload_runs has no column phase; .*rename it or drop it' "$ERR"
state 'ALTER TABLE offload_runs RENAME TO runs_kept' >/dev/null
calve init
migrations=(schemas/state/[0-9]*.sql)
same 'column: renamed, init makes it anew' "state tables mended (offload_runs), version ${#migrations[@]}; 0 of 1 tables new" "$OUT"
mended column column

# ---- a worker that hangs ----------------------------------------------------------------

prepared hung
fault_stop reading run
calve run
same 'hung: the others are told' '4 skipped|busy' "$RC $(last_run hung state,error_class)"
holder=$(awk '/^SELECT pid, client_addr/ { on = 1 } /^\.Ed/ { on = 0 } on' man/calve-runbook.7)
has 'hung: PostgreSQL shows who holds it' '^[0-9]+\|.*\|calve-worker\|idle in transaction\|' "$(state "$holder")"
has 'hung: and ps its table and phase' 'hung' "$(tr '\0' ' ' <"/proc/$WORKER/cmdline")"
kill -KILL "$WORKER"
WORKER=
fault_go
same 'hung: it may be killed' '1 failed|limit' "$RC $(state "SELECT state || '|' || error_class FROM offload_runs WHERE table_name = 'hung' AND state = 'failed'")"
mended hung hung

# ---- a first run that is too large ---------------------------------------------------------

sql "CREATE TABLE large (ts DateTime64(3, 'UTC'), seq Int64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
for _ in {1..40}; do
	more large 4000
done
config "$(entry large 'limits: { memory: 64M }')"
failed large 1 "raise 'limits: memory'"
config "$(entry large 'limits: { memory: 64M }, step_rows: 1000')"
mended large large
has 'large: in steps' '^[1-9][0-9]' "$(table snapshots cold.large | wc -l)"

# ---- the table's folder ---------------------------------------------------------------------

prepared away
mv "$WAREHOUSE/cold/away" "$T/aside"
failed away 1 "target table of 'away' is gone .*bring it back"
same 'away: nothing is made in its place' '' "$(ls "$WAREHOUSE/cold/away" 2>/dev/null)"
mv "$T/aside" "$WAREHOUSE/cold/away"
mended away away

prepared again
rm -r "$WAREHOUSE/cold/again"
failed again 1 'target table of .again. is gone'
calve watermark reset again
mended 'again: reset' again

# Rows of another engine between two runs.
prepared foreign
sql "INSERT INTO FUNCTION $(iceberg cold.foreign) SELECT * FROM foreign WHERE seq >= 500 AND seq < 600 SETTINGS allow_insert_into_iceberg = 1" >/dev/null
calve run
same 'foreign: the run after an append of another engine ends well' '0 0' "$RC $(errors_in "$ERR")"
same 'foreign: no row is taken twice' "$(sql "SELECT count() + 100, uniqExact(seq) FROM foreign")" "$(sql "SELECT count(), uniqExact(seq) FROM $(iceberg cold.foreign)")"
calve verify
has 'foreign: verify tells of its rows' "100 of the target's rows, on 1 day, are not at the source" "$ERR"
