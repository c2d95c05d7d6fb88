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
	same "killed at $point: fails" 1 "$RC"
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
same 'and the tokens let nothing in twice' $ROWS "$(sql "SELECT count() FROM fact.lost")"

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

exit "$TESTS_FAILED"
