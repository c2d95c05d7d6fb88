#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables of the benchmarks, made in the engine by hashes of row numbers: the
# same rows on every machine. Sourced after lib.sh.
#
# A table is written as few parts and never merged, so that nothing works in
# the background while something is timed.

declare -A ROWS=([trades]=3777490 [wide]=300000 [logs]=1000000
	[events]=2000000 [g4]=4000000 [g40]=40000000 [g100]=100000000
	[days]=4000000 [scattered]=4000000)
# shellcheck disable=SC2034 # for whoever sources this
declare -A BYTES_IN

# The key every table is ordered by, after its name in scripts/trades.sql.
KEY='exchange_timestamp, sequence_number'
UNMERGED='SETTINGS max_bytes_to_merge_at_max_space_in_pool = 1,
    max_bytes_to_merge_at_min_space_in_pool = 1'
BIG_BLOCKS='min_insert_block_size_rows=4000000&min_insert_block_size_bytes=0'

# create NAME COLUMNS
create() {
	sql "CREATE TABLE bench.$1 ($2) ENGINE = MergeTree ORDER BY ($KEY)
	    $UNMERGED"
}

# fill NAME EXPRESSIONS: of rows `number`, hashed by h(k), a UInt64, below m by
# below(k, m), and below 1 by unit(k)
fill() {
	sql "INSERT INTO bench.$1 WITH
	    k -> sipHash64(k, number) AS h,
	    (k, m) -> sipHash64(k, number) % m AS below,
	    k -> sipHash64(k, number) / 18446744073709551616. AS unit
	    SELECT $2 FROM numbers(${ROWS[$1]})" "$BIG_BLOCKS"
}

# ---- trades: ten columns, as the demo makes them -------------------------------

TRADES_COLUMNS='exchange_timestamp DateTime64(3), sequence_number UInt64,
    symbol String, price Decimal64(8), quantity Decimal64(8),
    quote_volume Decimal64(8), event_time DateTime64(3),
    kafka_offset UInt64, kafka_partition UInt16,
    ingestion_timestamp DateTime'

# The list's millionth trade is at 2024-02-01T00:00:00Z.
make_trades() {
	create trades "$TRADES_COLUMNS" &&
	    sql "$(sed 's/k2\.bronze_trades_binance/bench.trades/' \
	    scripts/trades.sql)" "param_end=1706745600000&param_from=0&$(
	    )param_to=${ROWS[trades]}&$BIG_BLOCKS"
}

# more_trades TABLE FROM TO [MILLISECONDS]: see more_trades.sql
more_trades() {
	sql "$(cat tests/bench/more_trades.sql)" "param_table=$1&$(
	    )param_from=$2&param_to=$3&param_step=${4:-108}&$BIG_BLOCKS"
}

# ---- wide: 120 columns of 18 types --------------------------------------------------

# Type and expression of each kind; K is the column's number. Values are near
# each other or far apart, few or many, sorted or not, by kind and number.
WIDE_KINDS=(
	"Int8|toInt8(below(K, 9) - 4)"
	"Int16|toInt16(below(K, 1000) - 500)"
	"Int32|toInt32(number * K + below(K, 100))"
	"Int64|toInt64(h(K)) % toInt64(exp10(K % 18))"
	"UInt8|toUInt8(below(K, 2 + K))"
	"UInt32|toUInt32(below(K, 1 + K * 1000))"
	"Float32|toFloat32(round(unit(K) * 100, K % 4))"
	"Float64|sin(number / (K * 100)) * K + unit(K)"
	"Decimal(18, 4)|toDecimal64(below(K, 1000000) / 10000, 4)"
	"Bool|below(K, 100) < K % 100"
	"Date|toDate(20000 + below(K, 30 + K))"
	"DateTime|toDateTime(1700000000 + number + below(K, 60), 'UTC')"
	"DateTime64(6)|fromUnixTimestamp64Micro(toInt64(1700000000000000 + number * 1000000 + below(K, 1000000)), 'UTC')"
	"LowCardinality(String)|concat('kind-', toString(below(K, 5 + K)))"
	"String|concat('user-', toString(below(K, 100 * K)), '@example.org')"
	"Nullable(Int32)|if(below(K, 10) < K % 10, NULL, toInt32(below(K + 1000, 5000)))"
	"Nullable(Float64)|if(below(K, 4) = 0, NULL, unit(K + 1000) * 1000)"
	"Nullable(String)|if(below(K, 3) = 0, NULL, hex(below(K + 1000, 65536)))"
)

make_wide() {
	local k kind columns expressions
	columns='exchange_timestamp DateTime64(3), sequence_number UInt64'
	expressions="fromUnixTimestamp64Milli(toInt64(1700000000000
	    + number * 250), 'UTC'), number * 3"
	for ((k = 1; k <= 118; k++)); do
		kind=${WIDE_KINDS[k % ${#WIDE_KINDS[@]}]}
		columns+=", c$k ${kind%%|*}"
		kind=${kind#*|}
		expressions+=", ${kind//K/$k}"
	done
	create wide "$columns" && fill wide "$expressions"
}

# ---- logs: mostly text --------------------------------------------------------------

make_logs() {
	create logs 'exchange_timestamp DateTime64(3), sequence_number UInt64,
	    level LowCardinality(String), service LowCardinality(String),
	    host String, trace String, method LowCardinality(String),
	    path String, status UInt16, seconds Float64, agent String,
	    message String' && fill logs "
	    fromUnixTimestamp64Milli(toInt64(1700000000000 + number * 35
	        + below(1, 30)), 'UTC'),
	    number,
	    ['INFO', 'INFO', 'INFO', 'INFO', 'DEBUG', 'WARN', 'ERROR'][
	        1 + below(2, 7)],
	    concat('service-', toString(below(3, 40))),
	    concat('ip-10-0-', toString(below(4, 16)), '-',
	        toString(below(5, 250)), '.internal'),
	    lower(concat(hex(h(6)), hex(h(7)))),
	    ['GET', 'GET', 'GET', 'POST', 'PUT'][1 + below(8, 5)],
	    concat('/api/v', toString(1 + below(9, 2)), '/',
	        ['orders', 'users', 'carts', 'search'][1 + below(10, 4)], '/',
	        toString(below(11, 200000))),
	    [200, 200, 200, 200, 201, 304, 404, 500][1 + below(12, 8)],
	    round(-log(unit(13)) * 0.05, 6),
	    concat('Mozilla/5.0 (X11; Linux x86_64) Gecko/', toString(20100101
	        + below(14, 60)), ' Firefox/', toString(100 + below(15, 40))),
	    concat(['request finished', 'cache miss, asking the origin',
	        'retrying after a timeout of the upstream',
	        'user session refreshed', 'query plan was recompiled'][
	        1 + below(16, 5)], ' id=', toString(h(17) % 1000000000),
	        ' took=', toString(below(18, 5000)), 'ms bytes=',
	        toString(below(19, 1000000)), ' shard=',
	        toString(below(20, 64)), ' region=',
	        ['eu-west', 'eu-north', 'us-east', 'ap-south'][
	        1 + below(21, 4)])"
}

# ---- events: few values, many nulls ----------------------------------------------------

make_events() {
	create events 'exchange_timestamp DateTime64(3), sequence_number UInt64,
	    kind LowCardinality(String), country LowCardinality(String),
	    city LowCardinality(Nullable(String)),
	    browser LowCardinality(String), os LowCardinality(Nullable(String)),
	    campaign LowCardinality(Nullable(String)), user Nullable(UInt64),
	    amount Nullable(Decimal(18, 2)), currency Nullable(String),
	    rating Nullable(Int8), latitude Nullable(Float64),
	    longitude Nullable(Float64), referrer Nullable(String),
	    coupon Nullable(String), seen Nullable(DateTime),
	    error Nullable(Int32), flag Bool, version LowCardinality(String)' &&
	    fill events "
	    fromUnixTimestamp64Milli(toInt64(1700000000000 + number * 43
	        + below(1, 40)), 'UTC'),
	    number,
	    ['view', 'view', 'view', 'click', 'click', 'buy', 'leave'][
	        1 + below(2, 7)],
	    concat('C', toString(below(3, 190))),
	    if(below(4, 10) < 4, NULL, concat('city-', toString(below(5, 3000)))),
	    ['firefox', 'chrome', 'safari', 'edge'][1 + below(6, 4)],
	    if(below(7, 10) = 0, NULL, ['linux', 'mac', 'windows', 'ios'][
	        1 + below(8, 4)]),
	    if(below(9, 100) < 92, NULL, concat('spring-',
	        toString(below(10, 30)))),
	    if(below(11, 10) < 3, NULL, below(12, 500000)),
	    if(below(13, 100) < 85, NULL, toDecimal64(below(14, 100000) / 100, 2)),
	    if(below(13, 100) < 85, NULL, ['EUR', 'USD', 'SEK'][1 + below(15, 3)]),
	    if(below(16, 100) < 97, NULL, toInt8(1 + below(17, 5))),
	    if(below(18, 2) = 0, NULL, round(unit(19) * 180 - 90, 4)),
	    if(below(18, 2) = 0, NULL, round(unit(20) * 360 - 180, 4)),
	    if(below(21, 10) < 7, NULL, concat('https://example.org/',
	        toString(below(22, 5000)))),
	    if(below(23, 1000) < 995, NULL, hex(below(24, 100000))),
	    if(below(25, 4) = 0, NULL, toDateTime(1700000000 - below(26, 9999999),
	        'UTC')),
	    if(below(27, 1000) < 999, NULL, toInt32(below(28, 600))),
	    below(29, 5) = 0, concat('2.', toString(intDiv(number, 400000)))"
}

# ---- growth: the same trades, 4, 40 and 100 million ------------------------------------

# Parts of 4 million rows each, two at once.
make_g100() {
	local from
	create g100 "$TRADES_COLUMNS" || return 1
	for ((from = 0; from < ROWS[g100]; from += 8000000)); do
		more_trades g100 "$from" $((from + 4000000)) &
		[ $((from + 8000000)) -gt "${ROWS[g100]}" ] ||
		    more_trades g100 $((from + 4000000)) $((from + 8000000)) ||
		    return 1
		wait $! || return 1
	done
}

make_g40() {
	local from
	create g40 "$TRADES_COLUMNS" || return 1
	for ((from = 0; from < ROWS[g40]; from += 4000000)); do
		more_trades g40 "$from" $((from + 4000000)) || return 1
	done
}

make_g4() {
	create g4 "$TRADES_COLUMNS" && more_trades g4 0 "${ROWS[g4]}"
}

# One after the other: 400 days of trades.
make_days() {
	create days "$TRADES_COLUMNS" &&
	    more_trades days 0 "${ROWS[days]}" 8640
}

# All at once: rows in the order of time, each of any of 400 days.
make_scattered() {
	data g4
	create scattered "$TRADES_COLUMNS, day Date" &&
	    sql "INSERT INTO bench.scattered SELECT *, toDate('2022-01-01') +
	    sipHash64('day', sequence_number) % 400 FROM bench.g4 ORDER BY ($KEY)" \
	    "$BIG_BLOCKS"
}

# ---- made once -------------------------------------------------------------------------

# bytes_native TABLE: what its rows are in the engine's own column format
bytes_native() {
	curl -sS --fail-with-body "$(cat "$B/ch/ch.url")/" -o /dev/null \
	    -w '%{size_download}' -H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
	    -H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" \
	    --data-binary "SELECT * FROM bench.$1 FORMAT Native"
}

# data NAME: makes the table unless it is there whole, as made by what stands
# here now; sets BYTES_IN[NAME]
data() {
	local now rows
	now=$(cat tests/bench/data.sh tests/bench/more_trades.sql \
	    scripts/trades.sql | sha256sum)
	rows=$(sql "SELECT total_rows FROM system.tables
	    WHERE database = 'bench' AND name = '$1'") || exit 1
	if [ "$rows" != "${ROWS[$1]}" ] || ! cmp -s "$B/$1.made" - <<<"$now"
	then
		printf 'bench: making %s, %s rows\n' "$1" "${ROWS[$1]}" >&2
		rm -f "$B/$1".{bytes,made}
		sql "DROP TABLE IF EXISTS bench.$1 SYNC" || exit 1
		"make_$1" || bench_fail "no table $1"
		echo "$now" >"$B/$1.made"
	fi
	[ -s "$B/$1.bytes" ] || bytes_native "$1" >"$B/$1.bytes" || exit 1
	# shellcheck disable=SC2034
	BYTES_IN[$1]=$(cat "$B/$1.bytes")
}
