#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who moves the rows of a table into Parquet: calve, and what users would
# otherwise run. peer_NAME SCENARIO ROUND does it once and takes a sample.
# begin_NAME and end_NAME SCENARIO, where there are such, do what is not timed
# before and after all rounds; a peer whose begin_NAME fails has said why and is
# left out. Sourced after lib.sh and data.sh.

# shellcheck disable=SC2034 # for whoever sources this
PEERS=(calve calve-compact calve-dense engine insert duckdb
	pyiceberg native)

# What each gets of the engine: zstd, level 3, as calve's default is.
ENGINE_PARQUET='output_format_parquet_compression_method=zstd&output_format_compression_level=3'

# engine_run SQL [URL parameters]: timed, by curl, the rows stay in the engine
engine_run() {
	measured curl -sS --fail-with-body -o "$B/engine.out" \
	    "$(cat "$B/ch/ch.url")/?${2:-}" \
	    -H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
	    -H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" --data-binary "$1" || {
		head -c 1000 "$B/engine.out" >&2
		return 1
	}
}

# ---- calve, a table for each preset -----------------------------------------------

# offload_preset SCENARIO PEER ROUND PRESET
offload_preset() {
	forget "$1_$4" &&
	    offload "$1" "$2" "$3" "$1_$4" "${ROWS[$1]}" "${BYTES_IN[$1]}"
}

peer_calve() {
	offload_preset "$1" calve "$2" compat
}

peer_calve_compact() {
	offload_preset "$1" calve-compact "$2" compact
}

peer_calve_dense() {
	offload_preset "$1" calve-dense "$2" dense
}

# ---- the engine's own writers --------------------------------------------------------

# Rows as the parts hold them, in no order over parts: its fastest way.
peer_engine() {
	local files bytes
	rm -rf "$B/engine" && mkdir "$B/engine" || return 1
	engine_run "INSERT INTO FUNCTION file('$B/engine/t.parquet', Parquet)
	    SELECT * FROM bench.$1" "$ENGINE_PARQUET" || return 1
	read -r files bytes <<<"$(data_files "$B/engine")"
	sample "$1" engine "$2" "${ROWS[$1]}" "$MEASURED" "${BYTES_IN[$1]}" \
	    "$bytes" "$files"
}

# It refuses decimals: floats stand for them.
begin_insert() {
	[ "$1" == trades ] || return 1
	sql 'DROP TABLE IF EXISTS bench.iceberg SYNC'
}

peer_insert() {
	local dir=$B/insert files bytes allow=allow_insert_into_iceberg=1
	sql 'DROP TABLE IF EXISTS bench.iceberg SYNC' && rm -rf "$dir" &&
	    sql "CREATE TABLE bench.iceberg (exchange_timestamp DateTime64(6),
	    sequence_number Int64, symbol String, price Float64,
	    quantity Float64, quote_volume Float64, event_time DateTime64(6),
	    kafka_offset Int64, kafka_partition Int32,
	    ingestion_timestamp DateTime64(6))
	    ENGINE = IcebergLocal('$dir/', 'Parquet')" $allow || return 1
	engine_run 'INSERT INTO bench.iceberg SELECT * REPLACE (
	    toFloat64(price) AS price, toFloat64(quantity) AS quantity,
	    toFloat64(quote_volume) AS quote_volume)
	    FROM bench.trades' "$allow&$ENGINE_PARQUET" || return 1
	read -r files bytes <<<"$(data_files "$dir")"
	sample "$1" insert "$2" "${ROWS[$1]}" "$MEASURED" "${BYTES_IN[$1]}" \
	    "$bytes" "$files"
}

end_insert() {
	sql 'DROP TABLE IF EXISTS bench.iceberg SYNC'
}

# The floor for whoever reads over HTTP: the rows, thrown away.
peer_native() {
	measured curl -sS --fail-with-body -o /dev/null \
	    "$(cat "$B/ch/ch.url")/" -H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" \
	    -H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
	    --data-binary "SELECT * FROM bench.$1 FORMAT Native" || return 1
	sample "$1" native "$2" "${ROWS[$1]}" "$MEASURED" "${BYTES_IN[$1]}" 0 0
}

# ---- writers that hold the rows in their own memory ----------------------------------

# A program that loads the rows, which is not timed, says "ready", and then for
# each line DIR writes them there and says "done".
declare -A WRITER_IN WRITER_OUT WRITER_PID

# rows_file SCENARIO: the rows as a Parquet file for those programs
rows_file() {
	local file=$B/$1.parquet
	if [ ! -s "$file" ] || [ "$B/$1.bytes" -nt "$file" ]; then
		rm -f "$file"
		sql "INSERT INTO FUNCTION file('$file', Parquet)
		    SELECT * FROM bench.$1 ORDER BY ($KEY)" \
		    "$ENGINE_PARQUET" || return 1
	fi
}

# writer_begin PEER COMMAND...
writer_begin() {
	local peer=$1 in out pipe=$B/$1.pipe log=$B/$1.log word=
	shift
	rm -f "$pipe".{in,out}
	mkfifo "$pipe".{in,out} || return 1
	# Who holds another's pipe keeps it from ending.
	(
		for in in "${WRITER_IN[@]}" "${WRITER_OUT[@]}" "$BENCH_LOCK"; do
			exec {in}>&-
		done
		exec "$@"
	) <"$pipe.in" >"$pipe.out" 2>"$log" &
	WRITER_PID[$peer]=$!
	exec {in}>"$pipe.in" {out}<"$pipe.out"
	WRITER_IN[$peer]=$in
	WRITER_OUT[$peer]=$out
	rm -f "$pipe".{in,out}
	if ! read -r -t 120 word <&"$out" || [ "$word" != ready ]; then
		printf 'bench: no %s: %s\n' "$peer" "$(tail -n 1 "$log")" >&2
		writer_end "$peer"
		return 1
	fi
}

writer_end() {
	local in=${WRITER_IN[$1]} out=${WRITER_OUT[$1]}
	exec {in}>&- {out}<&-
	unset "WRITER_IN[$1]" "WRITER_OUT[$1]"
	wait "${WRITER_PID[$1]}"
}

# writer_run SCENARIO PEER ROUND: memory counts the rows that it holds
writer_run() {
	local dir=$B/$2 files bytes seconds cpu peak other
	rm -rf "$dir" && mkdir "$dir" || return 1
	# shellcheck disable=SC2016 # for the inner shell
	SERVER=${WRITER_PID[$2]} measured bash -c 'echo "$1" >&"$2" &&
	    read -r -t 120 said <&"$3" && [ "$said" == done ]' _ "$dir" \
	    "${WRITER_IN[$2]}" "${WRITER_OUT[$2]}" || {
		tail -n 3 "$B/$2.log" >&2
		return 1
	}
	read -r seconds _ _ cpu peak other _ <<<"$MEASURED"
	read -r files bytes <<<"$(data_files "$dir")"
	sample "$1" "$2" "$3" "${ROWS[$1]}" "$seconds $cpu $peak 0 0 $other" \
	    "${BYTES_IN[$1]}" "$bytes" "$files"
}

begin_duckdb() {
	rows_file "$1" &&
	    writer_begin duckdb node tests/bench/duckdb.mjs "$B/$1.parquet"
}

peer_duckdb() {
	writer_run "$1" duckdb "$2"
}

end_duckdb() {
	writer_end duckdb
}

begin_pyiceberg() {
	[ -e build/venv/.installed ] || {
		printf 'bench: no pyiceberg: run scripts/setup.sh interop\n' >&2
		return 1
	}
	rows_file "$1" && writer_begin pyiceberg env PYTHONDONTWRITEBYTECODE=1 \
	    build/venv/bin/python tests/bench/pyiceberg_append.py \
	    "$B/$1.parquet"
}

peer_pyiceberg() {
	writer_run "$1" pyiceberg "$2"
}

end_pyiceberg() {
	writer_end pyiceberg
}
