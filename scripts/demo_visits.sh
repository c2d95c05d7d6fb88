#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# PostgreSQL kept in step in ClickHouse, on throw-away servers below
# build/demo-visits: what `make demo-visits` runs. Two million visits, then
# one in twenty changed and some that come late, and after each run both sides
# dumped and compared, row by row, by programs that are not ours.
#
#	scripts/demo_visits.sh		KEEP=1 leaves the servers up afterwards
#	scripts/demo_visits.sh stop	stops those that were left up
#
# ROWS sets another number of visits.

set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo_common.sh
. scripts/demo_common.sh

rows=${ROWS:-2000000}
table=app_user_visits_fact

# add_visits FIRST LAST SINCE STEP: times in milliseconds
add_visits() {
	pg_sql "$demo/pg" "INSERT INTO $table
	    SELECT * FROM make_visits($1, $2, $3, $4)"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

write_config() {
	cat >"$demo/calve.yaml" <<-EOF
		# What the demo runs with. The password stands in the environment.
		state: "$(cat "$demo/pg/pg.conninfo")"
		sources:
		  app:
		    kind: postgres
		    conninfo: "$(cat "$demo/pg/pg.conninfo")"
		  olap:
		    kind: clickhouse
		    url: $(cat "$demo/ch/ch.url")
		    database: default
		    user: $(cat "$demo/ch/ch.user")
		    password: "\${CLICKHOUSE_PASSWORD}"
		tables:
		  - name: visits
		    source: app.public.$table
		    target: olap.$table
		    timestamp: updated_at
		    key: [id]
		    lookback: 15m
		    slices: 2
	EOF
}

# Rows as text, one a line, in order of the key; PostgreSQL and ClickHouse
# write the same escapes.
postgres_rows() {
	pg_sql "$demo/pg" "COPY (SELECT * FROM $table ORDER BY id) TO STDOUT"
}

clickhouse_rows() {
	ch_sql "$demo/ch" "SELECT * FROM $table FINAL ORDER BY id
	    FORMAT TabSeparated"
}

compare_sides() {
	local side
	for side in postgres clickhouse; do
		"${side}_rows" >"$demo/$side.rows"
		printf '%-12s %10s rows\n' "$side" "$(wc -l <"$demo/$side.rows")"
	done
	cmp "$demo/postgres.rows" "$demo/clickhouse.rows"
	rm "$demo/postgres.rows" "$demo/clickhouse.rows"
	echo 'Both sides are equal in every row and column.'
}

# ---- the demo -----------------------------------------------------------------

demo_begin demo-visits scripts/demo_visits.sh "${1:-}"

say "$rows visits in PostgreSQL"
pg_sql "$demo/pg" "$(cat scripts/visits.sql)"
end=$(($(now_ms) - 60000))
add_visits 1 "$rows" $((end - rows * 1000)) 1000
write_config
run "${calve[@]}" init

say 'The first run takes them all'
run "${calve[@]}" run
compare_sides

say 'One in twenty changes, and some come late: within the look-back'
pg_sql "$demo/pg" "UPDATE $table SET page_views = page_views + 1,
    is_deleted = (id % 200 = 0)::int, updated_at = $(now_ms)
    WHERE id % 20 = 0"
add_visits $((rows + 1)) $((rows + 1000)) $((end - 600000)) 1
run "${calve[@]}" run
compare_sides

say 'A run without changes sends the look-back again, which changes nothing'
run "${calve[@]}" run
compare_sides

say 'What calve knows, and what it finds when it checks'
run "${calve[@]}" status
run "${calve[@]}" verify

demo_end "" "SELECT device, count() FROM $table FINAL GROUP BY 1"
