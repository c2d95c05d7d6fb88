#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# First loads that fail: in one partition of several, at each step, with the
# state database lost. What the target's newest row is says nothing: the next
# run goes on from what was recorded, and the target equals the source.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits_load
replica_setup

# Nine months, the newest written first: a block of the source's order begins
# with the newest month, and holds all of them.
MONTH=2678400000
BEGIN=$((($(date -ud '2024-01-01' +%s)) * 1000))
for ((m = 8; m >= 0; m--)); do
	app "INSERT INTO $TABLE SELECT * FROM make_visits($m * 5000 + 1, $m * 5000 + 5000, $BEGIN + $m * $MONTH, 60000)" >/dev/null
done
ROWS=45000

# month N: its beginning in milliseconds
month() {
	echo $((BEGIN + $1 * MONTH))
}

# fail TABLE FROM TO: parts with rows of these months cannot be written
fail() {
	sql "ALTER TABLE fact.$1 ADD INDEX bad throwIf(updated_at >= $(month "$2") AND updated_at < $(month "$3")) TYPE minmax"
}

mend() { # TABLE
	sql "ALTER TABLE fact.$1 DROP INDEX bad"
}

by_month='partition: [month(updated_at)]'

# ---- a part of one partition fails -------------------------------------------------------

# one range, nine partitions: the oldest fails, newer ones may be there
sync_config "$(visits part "slices: 1, $by_month")"
calve init
fail part 0 1
calve run
same 'a partition that fails: the run fails' '1 failed|target' "$RC $(last_run part state,error_class)"
has 'some of the others are there' '^[1-9][0-9]*$' "$(sql 'SELECT count() FROM fact.part')"
same 'nothing is recorded' '' "$(watermark part)"
mend part
calve run
same 'after it the run ends well' 0 "$RC"
has 'and says why it sends all' 'warn .*part: the target has rows, but nothing is recorded of what of the source is there: all are sent again' "$ERR"
equal 'and the target is whole' part

# five ranges of about two months: the first ones are acknowledged, and recorded
sync_config "$(visits stood "slices: 8, $by_month")"
calve init
fail stood 7 8
calve run
same 'a later range that fails: the run fails' 1 "$RC"
STANDS=$(state "SELECT (extract(epoch FROM last_offload_timestamp) * 1000)::bigint FROM offload_watermarks WHERE table_name = 'stood'")
same 'what was acknowledged is recorded' 1 "$((STANDS >= $(month 4) && STANDS < $(month 7)))"
no_holes 'a later range that fails' stood
mend stood
LEFT=$(app "SELECT count(*) FROM $TABLE WHERE updated_at >= $STANDS - 900000")
run_ok 'it is taken up where it stood'
same 'without what was recorded' "$LEFT|t" "$(last_run stood "row_count,window_low::timestamptz = to_timestamp($STANDS / 1000) - interval '15 min'")"
same 'rows of both runs are counted' "$((ROWS + LEFT - $(app "SELECT count(*) FROM $TABLE WHERE updated_at > $STANDS")))" "$(state "SELECT total_rows FROM offload_watermarks WHERE table_name = 'stood'")"
equal 'and the target is whole' stood

# ---- what is recorded gets lost, or is no longer true --------------------------------------

# again NAME OPTIONS: into a new table
again() {
	sync_config "$(visits "$1" "slices: 8, $by_month${2:+, $2}")"
	calve init
}

again lost
fail lost 0 1
calve run
same 'state lost: the run fails' 1 "$RC"
state "DELETE FROM offload_watermarks" >/dev/null
mend lost
calve run
same 'state lost: the next one ends well' 0 "$RC"
equal 'state lost in a load: whole' lost
state "UPDATE $TABLE SET page_views = 5 WHERE id % 7 = 0" >/dev/null # without a newer timestamp
state "DELETE FROM offload_watermarks" >/dev/null
calve run
has 'state lost after it: all is sent again' 'warn .*all are sent again' "$ERR"
same 'which is all rows' $ROWS "$(last_run lost row_count)"
calve watermark reset lost
run_ok 'reset'
same 'reset: all rows are sent again' $ROWS "$(last_run lost row_count)"
run_ok 'then no more'
same 'then only the look-back' 16 "$(last_run lost row_count)"

# Emptied, and the load into it fails: the old watermark must not come back.
sql 'TRUNCATE TABLE fact.lost'
fail lost 0 1
calve run
same 'emptied: the run fails' '1 ' "$RC $(watermark lost)"
mend lost
calve run
equal 'emptied: the next one fills it' lost

# Rows lost at the target, the newest among them.
sql "ALTER TABLE fact.lost DROP PARTITION 202402"
sql "ALTER TABLE fact.lost DROP PARTITION 202408"
sql "ALTER TABLE fact.lost DROP PARTITION 202409"
calve run
has 'its newest rows are gone: all is sent again' 'warn .*lost: the newest row of the target is of 2024-.*, the watermark 2024-.*: rows are gone from it, and nobody knows which' "$ERR"
equal 'and it is whole' lost

# ---- killed at each step, in many partitions --------------------------------------------------

again listed
fault "list:$T/points" run
mapfile -t POINTS < <(awk '/^(sync|state)/ { n[$1]++; print $1 ":" n[$1] }' "$T/points")
same 'there are points enough' 1 "$((${#POINTS[@]} > 15))"
for point in "${POINTS[@]}"; do
	sql 'DROP TABLE IF EXISTS fact.killed'
	state "DELETE FROM offload_watermarks WHERE table_name = 'killed'" >/dev/null
	again killed
	fault "kill:$point" run
	# how often the watermark moves is a matter of speed
	[[ $RC == 1 || $point == state.*:* || $point == sync.recorded:* ]] || not_ok "killed at $point: exit status $RC"
	no_holes "killed at $point" killed
	calve run
	same "after $point: ends well" 0 "$RC"
	equal "after $point: equal" killed
done

exit "$TESTS_FAILED"
