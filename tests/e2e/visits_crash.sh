#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs into ClickHouse that are killed at each step, servers that fail, two
# runs at once: what is in the target has no holes, and the next run makes it
# equal to the source.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits_crash
replica_setup

ROWS=60000
make_hour $ROWS

# ---- killed at each step -----------------------------------------------------------------

sync_config "$(visits listed 'slices: 3')"
calve init
fault "list:$T/points" run
same 'a run that passes all points' 0 "$RC"
equal 'is equal' listed
mapfile -t POINTS < <(awk '{ n[$1]++; print $1 ":" n[$1] }' "$T/points")
same 'there are points enough' 1 "$((${#POINTS[@]} > 15))"
for point in "${POINTS[@]}"; do
	[[ $point != starting:* && $point != done:* ]] || continue
	sql 'DROP TABLE IF EXISTS fact.killed'
	state "DELETE FROM offload_watermarks WHERE table_name = 'killed'" >/dev/null
	sync_config "$(visits killed 'slices: 3')"
	calve init
	fault "kill:$point" run
	# how often the watermark moves is a matter of speed
	[[ $RC == 1 || $point == state.*:* || $point == sync.recorded:* ]] || not_ok "killed at $point: exit status $RC"
	no_holes "killed at $point" killed
	run_ok "after $point"
	equal "after $point: equal" killed
done

# ---- an insert whose answer is lost -----------------------------------------------------

sync_config "$(visits lost 'slices: 3')"
calve init
echo 'cut-after 0 times 2 match INSERT INTO' >"$T/ch/ch.faults"
run_ok 'answers of two inserts lost'
rm "$T/ch/ch.faults"
equal 'they are sent again' lost
same 'which took more bytes than a run without' t "$(state "SELECT max(bytes_written) FILTER (WHERE table_name = 'lost') > max(bytes_written) FILTER (WHERE table_name = 'listed') FROM offload_runs")"
same 'and the tokens let nothing in twice' "$ROWS" "$(rows_put lost)"

# ---- answers that are not the server's, or do not say that all is written ---------------

sync_config "$(visits doubted 'slices: 3')"
doubt() { # FAULT: strikes two inserts of a run that has all to send
	sql 'DROP TABLE IF EXISTS fact.doubted'
	state "DELETE FROM offload_watermarks WHERE table_name = 'doubted'" >/dev/null
	calve init
	echo "$1 times 2 match INSERT INTO" >"$T/ch/ch.faults"
	run_ok "$1"
	rm "$T/ch/ch.faults"
	equal "$1: nothing is lost" doubted
	same "$1: nothing is there twice" "$ROWS" "$(rows_put doubted)"
}
for answer in 'http 200' 'http-after 200' 'claim 17' 'written 0' 'summary-cut 70'; do
	doubt "$answer"
done
doubt_all() { # FAULT PATTERN
	calve watermark set doubted '2000-01-01T00:00:00Z'
	echo "$1 match INSERT INTO" >"$T/ch/ch.faults"
	calve run
	rm "$T/ch/ch.faults"
	same "$1 to each insert: the run fails" '1 failed|target-lost' "$RC $(last_run doubted state,error_class)"
	has "$1 to each insert: it says why" "error .*doubted: .*$2" "$ERR"
}
doubt_all 'http 200' 'HTTP status 200, but not as a ClickHouse server does .*no X-ClickHouse header'
doubt_all 'written 1' 'says that an insert of [0-9]+ rows has written 1; if views hang'
doubt_all 'summary-cut 70' 'does not say how many rows an insert has written'

view() {
	sql "CREATE MATERIALIZED VIEW fact.by_device TO fact.devices AS SELECT ifNull(device, '') AS device, count() AS n FROM fact.viewed GROUP BY device"
}
# What views write counts as written: one that is there, one made meanwhile.
sql 'CREATE TABLE fact.devices (device String, n UInt64) ENGINE = SummingMergeTree ORDER BY device'
sync_config "$(visits viewed 'slices: 3')"
calve init
view
run_ok 'a view hangs on the target'
equal 'a view hangs on the target: equal' viewed
same 'and has taken all rows' "$ROWS" "$(sql 'SELECT sum(n) FROM fact.devices')"
sql 'DROP VIEW fact.by_device'
calve watermark set viewed '2000-01-01T00:00:00Z'
fault_stop sync.range.sent run
view
fault_go
same 'a view is made in mid-run: the run ends well' '0 0' "$RC $(errors_in "$ERR")"

sync_config "$(visits unmade)"
echo 'claim 0 match CREATE TABLE' >"$T/ch/ch.faults"
calve init
has 'a table that was never made is not taken for made' "error .*the target table 'fact.unmade' is not there though its making was answered" "$ERR"
echo 'http-after 200 times 1 match CREATE TABLE' >"$T/ch/ch.faults"
calve init
rm "$T/ch/ch.faults"
calve init
same 'one whose making was answered by a page is found' 0 "$RC"
run_ok 'which takes rows'
equal 'all of them' unmade

# The state's own words count, too: an UPDATE of no row is no error to it.
state "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER skip BEFORE UPDATE OF last_offload_position ON offload_watermarks FOR EACH ROW EXECUTE FUNCTION skip()" >/dev/null
sync_config "$(visits unwritten)"
calve init
calve run
same 'a watermark that is not written fails the run' '3 failed|state' "$RC $(last_run unwritten state,error_class)"
has 'and says so' "error .*the watermark of 'unwritten' was not written: 0 rows" "$ERR"
state 'DROP TRIGGER skip ON offload_watermarks' >/dev/null
run_ok 'without that trigger'
equal 'all rows are there' unwritten

sync_config "$(visits refused 'slices: 3')"
calve init
echo 'http 500 match INSERT INTO' >"$T/ch/ch.faults"
calve run
rm "$T/ch/ch.faults"
same 'a server that refuses each insert fails the run' 1 "$RC"
no_holes 'refused' refused
run_ok 'after refusals'
equal 'and the next one heals it' refused

# ---- two at once ------------------------------------------------------------------------

sync_config "$(visits twice 'slices: 3')"
calve init
fault_stop sync.range.sent run
calve run
same 'a second run finds the lock taken' '4 skipped' "$RC $(last_run twice state)"
fault_go
same 'the first goes on' 0 "$RC"
equal 'and is equal' twice

# ---- servers that restart ---------------------------------------------------------------

sync_config "$(visits servers 'slices: 3')"
calve init
fault_stop sync.range.sent:2 run
ch_kill "$T/ch" && ch_start "$T/ch"
fault_go
equal_after() {
	[ "$RC" == 0 ] || run_ok "$1"
	equal "$1: equal" servers
}
equal_after 'ClickHouse killed between inserts'
state "UPDATE $TABLE SET page_views = 11, updated_at = updated_at + 1" >/dev/null
calve watermark set servers '2000-01-01T00:00:00Z'
fault_stop sync.range.sent:2 run
pg_stop "$T/pg" immediate && pg_start "$T/pg"
fault_go
# Here the state is in it, too: 3 where that was missed first.
has 'PostgreSQL restarted while rows are read: the run fails' '^[13]$' "$RC"
run_ok 'after the restart'
equal 'after the restart: equal' servers

# The snapshot is gone with the session that held it.
state "UPDATE $TABLE SET page_views = 12, updated_at = updated_at + 1" >/dev/null
calve watermark set servers '2000-01-01T00:00:00Z'
fault_stop reading run
state "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'calve-worker' AND query NOT LIKE '%offload_watermarks%'" >/dev/null
fault_go
has 'sessions at the source ended: the snapshot is gone' 'error .*servers: .*the snapshot that the run reads is gone, .*run it again' "$ERR"
same 'which another attempt may heal' 'failed|source-lost' "$(last_run servers 'state,error_class')"
run_ok 'sessions at the source ended'
equal 'sessions at the source ended: equal' servers

exit "$TESTS_FAILED"
