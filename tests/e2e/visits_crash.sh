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
