#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Nine tables in three waves on throw-away servers below build/medallion: what
# `make demo-medallion` runs. Loads the scenario of scripts/medallion.sh, two
# million trades of each of two exchanges, offloads all nine tables, then the
# trades of one more day, then finds nothing to do. After each load all nine
# are compared with their sources by readers that are not ours, column by
# column, and by `calve verify`. Says how well the waves use the machine,
# against the same nine tables offloaded one after another.
#
#	scripts/demo_medallion.sh	KEEP=1 leaves the servers up afterwards
#	scripts/demo_medallion.sh stop	stops those that were left up
#
# ROWS sets another number of trades of each exchange, MORE that of the second
# load, WORKERS how many tables run at once (as many as there are processors).

set -eu -o pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/demo_common.sh
. scripts/demo_common.sh
# shellcheck source=scripts/medallion.sh
. scripts/medallion.sh
# The comparison is the drills': digests of all columns by two engines.
# shellcheck source=tests/drills/lib.sh
. tests/drills/lib.sh

rows=${ROWS:-2000000}
more=${MORE:-200000}
workers=${WORKERS:-$(nproc)}
hour=3600000000

# ---- what was measured --------------------------------------------------------

# ledger DATABASE SQL
ledger() {
	local conninfo
	conninfo=$(cat "$demo/pg/pg.conninfo")
	psql -qXAt -F ' ' "${conninfo/dbname=calve/dbname=$1}" -c "$2"
}

# "wave tables rows wall cpu own", one line a wave, and one of all: WALL from
# the first start to the last end, CPU of the workers by wait4(2), OWN the sum
# of each table's time from start to end.
waves() {
	local of="count(*), sum(row_count), extract(epoch FROM max(finished_at)
	    - min(started_at))::numeric(9,2), sum(cpu_seconds)::numeric(9,2),
	    sum(extract(epoch FROM finished_at - started_at))::numeric(9,2)
	    FROM offload_runs WHERE state = 'success'"
	ledger "$1" "SELECT split_part(table_name, '_', 1), $of
	    GROUP BY 1 ORDER BY min(started_at)"
	ledger "$1" "SELECT 'all', $of"
}

# "busy engine": processor time so far of the whole machine and of ClickHouse,
# in ticks
ticks() {
	local user nice system irq softirq stat
	read -r _ user nice system _ _ irq softirq _ < /proc/stat
	read -r stat < "/proc/$(cut -d ' ' -f 1 "$demo/ch/ch.pid")/stat"
	# shellcheck disable=SC2086 # splitting is the point
	set -- ${stat##*) }
	echo "$((user + nice + system + irq + softirq)) $((${12} + ${13}))"
}

# measured COMMAND...: runs it and sets BUSY and ENGINE, in seconds
measured() {
	local before after per_second
	per_second=$(getconf CLK_TCK)
	read -ra before < <(ticks)
	run "$@"
	read -ra after < <(ticks)
	BUSY=$(awk "BEGIN { print (${after[0]} - ${before[0]}) / $per_second }")
	ENGINE=$(awk "BEGIN { print (${after[1]} - ${before[1]}) / $per_second }")
}

# tell_pass NAME DATABASE BUSY ENGINE: how long all nine took, and what
# processors did meanwhile
tell_pass() {
	local wall cpu
	read -r _ _ _ wall cpu _ < <(waves "$2" | tail -n 1)
	awk -v name="$1" -v wall="$wall" -v workers="$cpu" -v busy="$3" \
	    -v engine="$4" -v processors="$(nproc)" 'BEGIN {
		other = busy - workers - engine
		printf "%-22s %6.2f s; processors: workers %.2f s, ", name, wall, workers
		printf "ClickHouse %.2f s, all else %.2f s", engine, other
		printf " of %.2f s\n", processors * wall
		if (other > 0.1 * processors * wall)
			print "  The machine had other work to do: on an idle one" \
			    " these figures are better."
	}'
}

merges_done() {
	[[ $(ch_sql "$demo/ch" 'SELECT count() FROM system.merges') == 0 ]]
}

tell_waves() {
	local wave tables taken wall cpu alone slots
	printf '%-8s %6s %8s %9s %9s %9s %9s %11s\n' wave tables 'at once' \
	    rows 'wall s' 'CPU s' 'alone s' efficiency
	while read -r wave tables taken wall cpu _ _ _ _ _ _ alone; do
		slots=$((tables < workers ? tables : workers))
		printf '%-8s %6d %8d %9d %9s %9s %9s %11s\n' "$wave" "$tables" \
		    "$slots" "$taken" "$wall" "$cpu" "$alone" \
		    "$(awk "BEGIN { printf \"%.0f %%\", 100 * $alone / ($slots * $wall) }")"
	done < <(paste -d ' ' <(waves calve) <(waves alone))
	cat <<-EOT
		CPU: of the workers. Alone: the sum of each table's time when no
		other runs. Efficiency: alone / (at once x wall).

	EOT
	tell_pass "In waves, $workers at once" calve "${in_waves[@]}"
	tell_pass 'One after another' alone "${one_by_one[@]}"
}

# ---- both sides --------------------------------------------------------------

cell() {
	printf '%9d %4d …%s' "$1" $(($1 - $2)) "${3: -8}"
}

compare_sides() {
	local table source duck engine status=0
	printf '%-22s %-24s %-24s %s\n' '' 'ClickHouse table' \
	    'Iceberg by DuckDB' 'Iceberg by ClickHouse'
	printf '%-22s' table
	printf ' %9s %4s %-9s' rows twice checksum rows twice checksum rows \
	    twice checksum
	echo
	for table in "${MEDALLION_TABLES[@]}"; do
		TARGET=cold.$table
		SOURCE=$(medallion_source "$table")
		drill_digest_duckdb > "$demo/duck" &
		source=$(drill_digest_engine "$SOURCE")
		engine=$(drill_digest_engine "$(iceberg "$TARGET")")
		wait $! || status=1
		duck=$(cat "$demo/duck")
		# shellcheck disable=SC2086 # three words each
		printf '%-22s %s %s %s' "$table" "$(cell ${source:-0 0 none})" \
		    "$(cell ${duck:-0 0 none})" "$(cell ${engine:-0 0 none})"
		if [[ -n $source && $source == "$duck" &&
		    $source == "$engine" ]]; then
			echo
		else
			echo ' <- differs'
			status=1
		fi
	done
	return $status
}

# ---- the demo ------------------------------------------------------------------

demo_begin medallion scripts/demo_medallion.sh "${1:-}"
# shellcheck disable=SC2034 # what the drills' comparison goes by
T=$demo WAREHOUSE=$demo/warehouse

# The second day's trades begin an hour after midnight. `settle` of the first
# run ends it within that hour, however long this takes (scripts/medallion.sh).
now=$(medallion_now)
midnight=$((now - 600000000 - (now - 600000000) % (24 * hour)))
yesterday=$((midnight - 24 * hour))
first_settle=$(((now - yesterday) / 1000000 - 1800))s

say "$rows trades of each of two exchanges, three days up to yesterday's midnight"
medallion_create "$demo/ch"
medallion_load "$demo/ch" 0 "$rows" $((yesterday - 72 * hour)) "$yesterday"
medallion_config "$demo" settle="$first_settle" top="workers: $workers"
run "${calve[@]}" init
wait_until 60 merges_done

say 'The first run: bronze, then silver, then gold'
measured "${calve[@]}" run
in_waves=("$BUSY" "$ENGINE")

say 'The same nine one after another, each alone, into a fresh warehouse'
ledger calve 'CREATE DATABASE alone'
conninfo=$(cat "$demo/pg/pg.conninfo")
medallion_config "$demo" settle="$first_settle" file="$demo/alone.yaml" \
    state="${conninfo/dbname=calve/dbname=alone}" warehouse="$demo/alone"
mkdir "$demo/alone"
alone=(build/calve -c "${demo#"$PWD/"}/alone.yaml")
run "${alone[@]}" init
measured "${alone[@]}" run -j 1 2> "$demo/alone.log"
one_by_one=("$BUSY" "$ENGINE")
rm -rf "$demo/alone"

say 'How well the waves use the machine'
tell_waves

say 'All nine, all columns, read by programs that are not ours'
compare_sides

say "$more more trades of each exchange, one more day: the second run takes only those"
medallion_load "$demo/ch" "$rows" $((rows + more)) \
    $((yesterday + hour)) "$midnight"
medallion_config "$demo" settle=5m top="workers: $workers"
run "${calve[@]}" run

say 'All nine again'
compare_sides

say 'Nothing new: the third run finds nothing to do'
run "${calve[@]}" run

say 'What calve finds when it checks'
run "${calve[@]}" verify | awk '/^\$|^TABLE| all |tables equal/'

demo_end "$demo/warehouse/cold/silver_trades"
