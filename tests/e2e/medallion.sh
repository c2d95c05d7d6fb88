#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The nine tables of scripts/medallion.sh, as `make demo-medallion` runs them,
# with fewer rows: in three waves, then an increment, then nothing. Each time
# all columns of all nine are compared with the source by two readers that are
# not ours.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/medallion.sh
. scripts/medallion.sh
# For the digests of all columns.
# shellcheck source=tests/drills/lib.sh
. tests/drills/lib.sh
suite medallion

ROWS=20000 MORE=4000 HOUR=3600000000
NOW=$(medallion_now)
MIDNIGHT=$((NOW - 600000000 - (NOW - 600000000) % (24 * HOUR)))
YESTERDAY=$((MIDNIGHT - 24 * HOUR))

all_equal() { # NAME
	local table source
	for table in "${MEDALLION_TABLES[@]}"; do
		TARGET=cold.$table SOURCE=$(medallion_source "$table")
		source=$(drill_digest_engine "$SOURCE")
		has "$1: $table has rows" '^[1-9]' "$source"
		same "$1: $table is the same by ClickHouse's reader" "$source" "$(drill_digest_engine "$(iceberg "$TARGET")")"
		same "$1: $table is the same by DuckDB" "$source" "$(drill_digest_duckdb)"
	done
}

# order: what `run --json` told, as "started bronze", "settled gold", in short
order() {
	sed -nE 's/.*"event":"(started|settled)","table":"([a-z]+)_.*/\1 \2/p' <<<"$OUT" | uniq | tr '\n' ','
}

medallion_create "$T/ch"
medallion_load "$T/ch" 0 "$ROWS" $((YESTERDAY - 48 * HOUR)) "$YESTERDAY"
medallion_config "$T" settle="$(((NOW - YESTERDAY) / 1000000 - 1800))s"
calve init
calve run --json -j 9
same 'all nine end well' '0 0' "$RC $(errors_in "$ERR")"
same 'wave by wave, each at once' 'started bronze,settled bronze,started silver,settled silver,started gold,settled gold,' "$(order)"
same 'the rows of bronze and silver' "$ROWS $ROWS $((2 * ROWS))" \
	"$(for table in bronze_trades_binance bronze_trades_kraken silver_trades; do last_run "$table" row_count; done | tr '\n' ' ' | sed 's/ $//')"
all_equal 'first run'

medallion_load "$T/ch" "$ROWS" $((ROWS + MORE)) $((YESTERDAY + HOUR)) "$MIDNIGHT"
medallion_config "$T" settle=5m
calve run
same 'the increment ends well' '0 0' "$RC $(errors_in "$ERR")"
same 'it has only what is new' "$MORE $MORE $((2 * MORE))" \
	"$(for table in bronze_trades_binance bronze_trades_kraken silver_trades; do last_run "$table" row_count; done | tr '\n' ' ' | sed 's/ $//')"
all_equal 'increment'

calve run
has 'then there is nothing to do' '^9 of 9 tables done, 0 rows in ' "$OUT"
calve verify
same 'verify finds all nine equal' '0 9 of 9 tables equal, 0 different, 0 not compared' "$RC $(tail -n 1 <<<"$OUT")"
