# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The nine-table scenario: trades of two exchanges in bronze, one silver table
# fed from both by materialized views, and six gold tables of OHLCV bars fed
# from silver. Source it after scripts/servers.sh. CH_DIR is what ch_start was
# given, times are microseconds since 1970.
#
#	medallion_create CH_DIR		databases, tables, views
#	medallion_load CH_DIR FROM TO BEGIN END [SEED]
#		trades FROM to TO of each exchange, spread over BEGIN to END.
#		The same parameters give the same rows
#	medallion_insert CH_DIR ROWS [SPAN]
#		the ROWS trades of each exchange that come next, their times
#		in the SPAN (500000) before now. One caller at a time
#	medallion_delay CH_DIR		how long a row of medallion_insert took, at
#		most, from its timestamp until all nine tables showed it
#	medallion_now			this moment
#	medallion_config DIR [KEY=VALUE]...
#		DIR/calve.yaml for the servers in DIR/pg and DIR/ch and the
#		warehouse DIR/warehouse. KEYs: settle, state, url, warehouse,
#		file (another name), top (further lines of the file), defaults
#		(further options of all tables: "step: 1d, threads: 1")
#	medallion_source TABLE		what to read at the source: FROM ...
#	medallion_columns TABLE		select list that gives each row of source
#		and target the same text
#	medallion_timestamp TABLE
#	MEDALLION_TABLES		names, bronze to gold
#
# What the scenario guarantees. A row that calve may take is final: it never
# changes and none appears before it, as long as every inserted trade is
# younger than the `settle` of all runs begun until it is visible. So:
#
# - A load of past times precedes the first run, or lies after the clock less
#   settle of the runs before it. Lower settle from run to run (25h, 1h, 5s)
#   to have increments in all nine tables at once, 1d included: a window from
#   25h ago to now always holds a midnight.
# - medallion_insert keeps to it while medallion_delay < settle, however many
#   runs go on. A test that inserts meanwhile checks that at its end: beyond
#   it the scenario was broken by a slow machine, not by calve.
#
# In gold each block of trades leaves a part of a bar, so a bar changes while
# it is open. Its timestamp is close_time, the end of its interval: no trade of
# it comes later, hence it is complete once close_time is older than settle.
# Parts are put together by FINAL (`final: true`), merged or not. The bars of
# today, this hour and this minute are never taken before they end. Read `open`
# and `close` whole: for close.price with FINAL the engine (26.5) takes that of
# the first part, without putting parts together.
#
# Positions: bronze (exchange_timestamp, sequence_number or channel_id), silver
# (ts, trade_id), each pair unique; gold (close_time) alone, which up to six
# bars share. An insert that fails half-way (server killed) may leave bronze
# rows without their silver ones: nothing that matters here, since each table is
# compared with its own source. The next one takes other ids.

MEDALLION_BARS=(1m 5m 15m 30m 1h 1d)
MEDALLION_TABLES=(bronze_trades_binance bronze_trades_kraken silver_trades
    "${MEDALLION_BARS[@]/#/gold_ohlcv_}")
MEDALLION_SQL=$(cd "$(dirname "${BASH_SOURCE[0]}")/medallion" && pwd)

medallion_now() {
	echo "${EPOCHREALTIME//[!0-9]/}"
}

# Statements on stdin, each ended by a semicolon.
medallion_run_sql() {
	local statement
	while IFS= read -r -d ';' statement; do
		ch_sql "$1" "$statement" || return 1
	done
}

medallion_create() {
	local bar unit
	medallion_run_sql "$1" < "$MEDALLION_SQL/schema.sql" || return 1
	for bar in "${MEDALLION_BARS[@]}"; do
		case $bar in
		*m) unit=MINUTE ;;
		*h) unit=HOUR ;;
		*) unit=DAY ;;
		esac
		sed "s/@BAR@/$bar/g; s/@INTERVAL@/${bar%?} $unit/g" \
		    "$MEDALLION_SQL/gold.sql" |
		    medallion_run_sql "$1" || return 1
	done
}

medallion_load() {
	local exchange
	# First, so that what fails half-way is not begun again with these ids.
	echo "$3 $5 ${6:-1}" > "$1/medallion.next.new" &&
	    mv "$1/medallion.next.new" "$1/medallion.next" || return 1
	for exchange in binance kraken; do
		ch_sql "$1" "$(cat "$MEDALLION_SQL/$exchange.sql")" \
		    "param_from=$2&param_to=$3&param_begin=$4&param_end=$5&param_seed=${6:-1}" ||
		    return 1
	done
}

medallion_insert() {
	local from last seed now begin delay
	read -r from last seed < "$1/medallion.next" || return 1
	now=$(medallion_now)
	begin=$((now - ${3:-500000}))
	((begin >= last)) || begin=$last
	medallion_load "$1" "$from" $((from + $2)) "$begin" "$now" "$seed" ||
	    return 1
	delay=$(($(medallion_now) - begin))
	((delay <= $(medallion_delay "$1"))) ||
	    echo "$delay" > "$1/medallion.delay"
}

medallion_delay() {
	cat "$1/medallion.delay" 2>/dev/null || echo 0
}

# ---- what calve is told --------------------------------------------------------

medallion_timestamp() {
	case $1 in
	bronze_*) echo exchange_timestamp ;;
	silver_*) echo ts ;;
	*) echo close_time ;;
	esac
}

medallion_entry() {
	local more timestamp unit=day
	case $1 in
	bronze_trades_binance)
		more='sequence: sequence_number, layer: bronze' ;;
	bronze_trades_kraken)
		more='sequence: channel_id, layer: bronze' ;;
	silver_*)
		more='sequence: trade_id, layer: silver, after: [bronze_trades_binance, bronze_trades_kraken]' ;;
	*)
		more='final: true, layer: gold, after: [silver_trades]' ;;
	esac
	timestamp=$(medallion_timestamp "$1")
	# Bars of a day are few: a partition a month is enough for them.
	[[ $1 != *_1d ]] || unit=month
	echo "  - { source: hot.$1, target: lake.cold.$1, timestamp: $timestamp," \
	    "partition: [$unit($timestamp)], $more }"
}

medallion_config() {
	local dir=$1 setting table
	local settle=5m state url warehouse=$dir/warehouse top='' defaults=''
	local file=$dir/calve.yaml
	state=$(cat "$dir/pg/pg.conninfo")
	url=$(cat "$dir/ch/ch.url")
	shift
	for setting; do
		case ${setting%%=*} in
		settle | state | url | warehouse | file | top | defaults)
			local "$setting" ;;
		*)
			echo "medallion_config: unknown key in '$setting'" >&2
			return 1 ;;
		esac
	done
	{
		cat <<-YAML
			# The password stands in the environment.
			state: "$state"
			sources:
			  hot:
			    kind: clickhouse
			    url: $url
			    database: k2
			    user: $(cat "$dir/ch/ch.user")
			    password: "\${CLICKHOUSE_PASSWORD}"
			catalogs:
			  lake: { kind: hadoop, warehouse: "$warehouse" }
			layers: [bronze, silver, gold]
			defaults: { settle: $settle${defaults:+, $defaults} }
			${top}
			tables:
		YAML
		for table in "${MEDALLION_TABLES[@]}"; do
			medallion_entry "$table"
		done
	} > "$file"
}

# ---- what readers are asked -------------------------------------------------------

medallion_source() {
	case $1 in
	gold_*) echo "k2.$1 FINAL" ;;
	*) echo "k2.$1" ;;
	esac
}

# The target has all times in microseconds.
medallion_columns() {
	case $1 in
	bronze_trades_binance)
		echo "toDateTime64(exchange_timestamp, 6, 'UTC')," \
		    "sequence_number, symbol, price, quantity, quote_volume," \
		    "toDateTime64(event_time, 6, 'UTC'), kafka_offset," \
		    "kafka_partition, toDateTime(ingestion_timestamp, 'UTC')" ;;
	bronze_trades_kraken)
		echo 'exchange_timestamp, channel_id, pair, price, volume,' \
		    'toString(side), toString(order_type), misc,' \
		    "toDateTime(ingestion_timestamp, 'UTC')" ;;
	silver_trades)
		echo 'ts, trade_id, exchange, symbol, price, quantity' ;;
	*)
		echo "toDateTime(close_time, 'UTC'), exchange, symbol, open," \
		    'high, low, close, volume, trades' ;;
	esac
}
