#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse: a timestamp without time zone shows the same wall
# clock in the target, in whatever zone the target's server is, those times
# included that the server's zone leaves out or has twice.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite wall_clock
sql 'CREATE DATABASE fact ENGINE = Atomic'

state "CREATE TABLE made (id int PRIMARY KEY, at timestamp NOT NULL, walls timestamp[]);
    INSERT INTO made SELECT k, t, ARRAY[t] FROM unnest('{2026-03-29 02:30, 2026-10-25 02:30, 2026-07-01 12:00, 1900-01-01 00:00}'::timestamp[]) WITH ORDINALITY AS u (t, k)" >/dev/null
ids=(made plain inside elsewhere)
for t in "${ids[@]:1}"; do
	state "CREATE TABLE $t (LIKE made INCLUDING ALL); INSERT INTO $t TABLE made" >/dev/null
done

# hand TABLE AT WALLS: a target made by hand
hand() {
	sql "CREATE TABLE fact.$1 (id Int32, at $2, walls $3) ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(at) ORDER BY id"
}
hand plain 'DateTime64(6)' "Array(DateTime64(6, 'UTC'))"
hand inside "DateTime64(6, 'UTC')" 'Array(Nullable(DateTime64(6)))'
hand elsewhere "DateTime64(6, 'UTC')" "Array(DateTime64(6, 'Asia/Tokyo'))"

configure() {
	local t entries=()
	for t in "$@"; do
		entries+=("{ name: $t, source: app.public.$t, target: olap.fact.$t, timestamp: at, timezone: UTC, key: [id] }")
	done
	sync_config "${entries[@]}"
}

# clocks TABLE: as its source has them
clocks() {
	same "$1: wall clocks" "$(state "SELECT string_agg(at::text || '.000000 ' || walls[1]::text || '.000000', ';' ORDER BY id) FROM $1")" \
	    "$(sql "SELECT arrayStringConcat(groupArray(w), ';') FROM (SELECT toString(at) || ' ' || toString(assumeNotNull(walls[1])) AS w FROM fact.$1 FINAL ORDER BY id)")"
}

# refused TABLE COLUMN TYPE ZONE
refused() {
	has "$1: refused" "error .* $1: .*column '$2': .*$3.* zone '$4'.*ALTER TABLE fact.$1 MODIFY COLUMN $2" "$ERR"
}

# A server in UTC shows what has no zone of its own rightly: nothing to refuse.
configure plain inside
calve init
run_ok 'in UTC'
clocks plain
clocks inside

ch_stop "$T/ch"
TZ=Europe/Berlin ch_start "$T/ch" || exit 1
configure "${ids[@]}"
calve init
refused plain at 'DateTime64\(6\)' Europe/Berlin
same 'init makes what is missing' "DateTime64(6, 'UTC')" "$(sql "SELECT type FROM system.columns WHERE table = 'made' AND name = 'at' FORMAT TSVRaw")"
calve run
same 'the others are refused' 1 "$RC"
refused plain at 'DateTime64\(6\)' Europe/Berlin
refused inside walls 'Array\(Nullable\(DateTime64\(6\)\)\)' Europe/Berlin
refused elsewhere walls "Array\\(DateTime64\\(6, 'Asia/Tokyo'\\)\\)" Asia/Tokyo
same 'elsewhere: nothing is there' 0 "$(sql 'SELECT count() FROM fact.elsewhere')"
clocks made
calve check --connect
has 'check says so, too' "column 'at': .* zone 'Europe/Berlin'" "$OUT$ERR"

# What the message says to do, for rows that are there and those to come.
sql "ALTER TABLE fact.plain MODIFY COLUMN at DateTime64(6, 'UTC')"
sql "ALTER TABLE fact.inside MODIFY COLUMN walls Array(Nullable(DateTime64(6, 'UTC')))"
sql "ALTER TABLE fact.elsewhere MODIFY COLUMN walls Array(DateTime64(6, 'UTC'))"
for t in "${ids[@]}"; do
	state "INSERT INTO $t VALUES (9, '2026-10-25 02:59:59', '{2026-03-29 02:00:01}')" >/dev/null
done
run_ok 'after ALTER TABLE'
for t in "${ids[@]}"; do
	clocks "$t"
done
calve verify
same 'all are equal' 0 "$RC"

exit "$TESTS_FAILED"
