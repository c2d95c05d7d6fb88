#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The pipeline that calve replaces, beside calve: Spark 3.5, Iceberg's Java
# library and ClickHouse's JDBC driver take the trades, then 1,500 more, each
# time as a process of its own. calve does the same in turn.
#
#	tests/bench/spark.sh [--rounds N]
#
# Spark reads in two partitions on two threads. It has no watermark to lock or
# move here, and does not sync its files. Samples are left in
# build/bench/samples.tsv.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/bench/lib.sh
. tests/bench/data.sh
. tests/bench/spark_lib.sh

MORE=1500

# spark SCENARIO ROUND ROWS BYTES_IN TABLE: everything in the table but for
# what is in the target, which is of sequence numbers below its own
spark() {
	local before=0 bytes_before=0 files bytes low=0
	[ "$1" == trades ] || {
		read -r before bytes_before <<<"$(data_files "$B/spark")"
		low=$(sql 'SELECT max(sequence_number) + 1 FROM bench.trades')
	}
	# The front sends rows as they are; on loopback that is the faster way.
	spark_submit spark_offload.py \
	    "jdbc:clickhouse://127.0.0.1:$(cat "$B/ch/ch.port")/bench?compress=0" \
	    "$(cat "$B/ch/ch.user")" "$5" "$low" \
	    "$(sql "SELECT max(sequence_number) FROM bench.$5")" || return 1
	read -r files bytes <<<"$(data_files "$B/spark")"
	sample "$1" spark "$2" "$3" "$MEASURED" "$4" $((bytes - bytes_before)) \
	    $((files - before))
}

# The trades and MORE behind them.
make_next() {
	sql 'DROP TABLE IF EXISTS bench.next SYNC' &&
	    create next "$TRADES_COLUMNS" &&
	    sql 'INSERT INTO bench.next SELECT * FROM bench.trades' \
	    "$BIG_BLOCKS" &&
	    sql "$(sed 's/k2\.bronze_trades_binance/bench.next/' \
	    scripts/trades.sql)" "param_end=1706745600000&param_from=$(
	    )${ROWS[trades]}&param_to=$((ROWS[trades] + MORE))"
}

rows_of_spark() {
	sql "SELECT count() FROM icebergLocal('$B/spark/cold/t')"
}

main() {
	local rounds=3 round wanted
	[ "${1:-}" != --rounds ] || rounds=$2
	spark_is_here
	bench_up
	data trades
	make_next || bench_fail 'no table'
	wanted=$((ROWS[trades] + MORE))
	for ((round = 1; round <= rounds; round++)); do
		config "$(entry trades)" && forget trades &&
		    offload trades calve "$round" trades "${ROWS[trades]}" \
		    "${BYTES_IN[trades]}" || exit 1
		rm -rf "$B/spark"
		spark trades "$round" "${ROWS[trades]}" "${BYTES_IN[trades]}" \
		    trades || exit 1
		spark increment "$round" $MORE 0 next || exit 1
		[ "$(rows_of_spark)" == $wanted ] ||
			bench_fail "$(rows_of_spark) rows by Spark"
	done
	rm -rf "$B/spark"
	node tests/bench/report.mjs table "$SAMPLES"
}

main "$@"
