#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who moves the rows of a table into Parquet: calve, and what users would
# otherwise run. peer_NAME SCENARIO ROUND does it once and takes a sample;
# have_NAME says whether it can, peer_begin_NAME and peer_end_NAME, where they
# are, do what is not timed. Sourced after lib.sh and data.sh.

# shellcheck disable=SC2034 # for whoever sources this
PEERS=(calve calve-compact calve-dense engine native)

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

# The floor for whoever reads over HTTP: the rows, thrown away.
peer_native() {
	measured curl -sS --fail-with-body -o /dev/null \
	    "$(cat "$B/ch/ch.url")/" -H "X-ClickHouse-Key: $CLICKHOUSE_PASSWORD" \
	    -H "X-ClickHouse-User: $(cat "$B/ch/ch.user")" \
	    --data-binary "SELECT * FROM bench.$1 FORMAT Native" || return 1
	sample "$1" native "$2" "${ROWS[$1]}" "$MEASURED" "${BYTES_IN[$1]}" 0 0
}
