#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every type of PostgreSQL on its way into ClickHouse: as what it arrives, with
# which values; and what is refused, by name. (format.md 3.4)
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
# shellcheck source=tests/e2e/postgres_types.sh
. "$(dirname "$0")/postgres_types.sh"
suite visits_types
replica_setup
types_setup

# entry OPTIONS: an entry of `tables:` for the table t
entry() {
	echo "{ name: t, source: app.t, target: olap.fact.t, timestamp: at, key: [id]${1:+, $1} }"
}

columns='' first='' second='' n=0
while IFS=';' read -r type _ a _ b _; do
	columns+=", c$n $type"
	first+=", $(literal "$a" "$type")"
	second+=", $(literal "$b" "$type")"
	n=$((n + 1))
done < <(types)
state "CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL$columns)"
state "INSERT INTO t VALUES (1, '2026-11-21 05:47:00.123456+00'$first), (2, '2026-11-21 05:47:00.123457+00'$second)" >/dev/null
sync_config "$(entry)"
calve init
same 'init takes them all' '0 0' "$RC $(errors_in "$ERR")"
run_ok 'all types'
n=0
while IFS=';' read -r type wanted a is_a b is_b; do
	text=toString
	[ "$type" != bytea ] || text=hex
	got=$(sql "SELECT any(toTypeName(c$n)) || ';' || arrayStringConcat(groupArray(t), ';') FROM (SELECT c$n, ifNull($text(c$n), '\\\\N') AS t FROM fact.t FINAL ORDER BY id)" default_format=TSVRaw)
	same "$type arrives as $wanted: $a, $b" "$wanted;$is_a;$is_b" "$got"
	n=$((n + 1))
done < <(types)
same 'microseconds of the timestamp count' 2026-11-21T05:47:00.123457Z "$(state "SELECT last_offload_position FROM offload_watermarks WHERE table_name = 't'")"

# ---- refused by name ----------------------------------------------------------------------

# refused NAME TYPE VALUE PATTERN [OPTIONS]: a run of a table with that column fails so
refused() {
	state "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL, c $2); INSERT INTO t VALUES (1, '2026-01-01', $3)" >/dev/null
	sql 'DROP TABLE IF EXISTS fact.t'
	state "DELETE FROM offload_watermarks WHERE table_name = 't'" >/dev/null
	sync_config "$(entry "${5:-}")"
	calve init
	calve run
	same "$1 is refused" 1 "$RC"
	has "$1: by name" "$4" "$ERR"
}

# taken NAME TYPE VALUE OPTIONS WANTED: arrives with those options as that
taken() {
	state "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL, c $2); INSERT INTO t VALUES (1, '2026-01-01', $3)" >/dev/null
	sql 'DROP TABLE IF EXISTS fact.t'
	state "DELETE FROM offload_watermarks WHERE table_name = 't'" >/dev/null
	sync_config "$(entry "$4")"
	calve init
	run_ok "$1"
	same "$1" "$5" "$(sql 'SELECT toTypeName(c), c FROM fact.t FINAL' | tr '\t' ' ')"
}
as_string='columns: { c: { as: string } }'

refused 'an infinite date' date "'infinity'" "column 'c' \(date\): a value is infinite.*set as: string"
taken 'an infinite date as string' date "'infinity'" "$as_string" 'Nullable(String) infinity'
refused 'an infinite timestamp' timestamp "'-infinity'" "column 'c'.*infinite"
refused 'a date beyond Date32' date "'3000-01-01'" "column 'c': a value does not fit the target's Nullable\(Date32\)"
refused 'NaN in a decimal' 'numeric(5,2)' "'NaN'" "column 'c' \(numeric\(5,2\)\): a value is NaN.*set as: string"
refused 'a NULL array' 'int[]' NULL "column 'c' has a NULL.*as: string"
taken 'a NULL array as string' 'int[]' NULL "$as_string" 'Nullable(String) \N'
refused 'an array of two dimensions' 'int[]' "'{{1,2},{3,4}}'" "column 'c' \(integer\[\]\): a value has more than one dimension; set as: string"
taken 'an array of two dimensions as string' 'int[]' "'{{1,2},{3,4}}'" "$as_string" 'Nullable(String) {{1,2},{3,4}}'
taken 'numeric as double' numeric "'1.25'" 'columns: { c: { as: double } }' 'Nullable(Float64) 1.25'
taken 'numeric as decimal' numeric "'1.25'" "columns: { c: { as: 'decimal(10,4)' } }" 'Nullable(Decimal(10, 4)) 1.25'
refused 'digits that a decimal has no room for' numeric "'1.23456'" "column 'c' \(numeric\): a value has more digits than .*digits: round" "columns: { c: { as: 'decimal(10,4)' } }"
taken 'the same, rounded' numeric "'1.23456'" "columns: { c: { as: 'decimal(10,4)', digits: round } }" 'Nullable(Decimal(10, 4)) 1.2346'
refused 'digits that a double has no room for' numeric "'0.123456789012345678'" "column 'c' \(numeric\): a value has more digits than .*digits: round" 'columns: { c: { as: double } }'
taken 'the same in a double, rounded' numeric "'0.123456789012345678'" 'columns: { c: { as: double, digits: round } }' 'Nullable(Float64) 0.12345678901234568'
taken 'a double of 17 digits' numeric "'-0.10000000000000002'" 'columns: { c: { as: double } }' 'Nullable(Float64) -0.10000000000000002'
taken 'NaN as double' numeric "'NaN'" 'columns: { c: { as: double } }' 'Nullable(Float64) nan'
refused 'digits without as:' numeric "'1.25'" "column 'c' \(numeric\): the option digits goes with as: double or decimal\(P,S\)" 'columns: { c: { digits: round } }'
refused 'an array that counts from 0' 'int[]' "'[0:1]={1,2}'" "column 'c' \(integer\[\]\): a value counts its elements from another number than 1; set as: string"
taken 'an array that counts from 0 as string' 'int[]' "'[0:1]={1,2}'" "$as_string" 'Nullable(String) [0:1]={1,2}'
refused 'an unknown as:' numeric "'1.25'" "column 'c' \(numeric\): as: may be string, double or decimal" "columns: { c: { as: 'decimal(99,4)' } }"
refused 'an option of other sources' text "'x'" "column 'c' \(text\): the options time, utf8 and duplicates mean nothing" 'columns: { c: { utf8: binary } }'

# ---- timestamps ------------------------------------------------------------------------------

# stamped TYPE VALUE WATERMARK
stamped() {
	state "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, at $1 NOT NULL); INSERT INTO t VALUES (1, $2)" >/dev/null
	sql 'DROP TABLE IF EXISTS fact.t'
	state "DELETE FROM offload_watermarks WHERE table_name = 't'" >/dev/null
	sync_config "$(entry)"
	calve init
	run_ok "timestamp of $1"
	same "a timestamp of $1 gives the position" "$3" "$(state "SELECT last_offload_position FROM offload_watermarks WHERE table_name = 't'")"
	state "INSERT INTO t VALUES (2, $2), (1, $2) ON CONFLICT (id) DO NOTHING" >/dev/null
	run_ok "timestamp of $1, again"
	same "rows of $1 are found again" 2 "$(sql 'SELECT count() FROM fact.t FINAL')"
}
stamped bigint 1700000000123 2023-11-14T22:13:20.123Z
stamped timestamp "'2023-11-14 22:13:20.123456'" 2023-11-14T22:13:20.123456Z
stamped timestamptz "'2023-11-14 22:13:20.123456+00'" 2023-11-14T22:13:20.123456Z
stamped date "'2023-11-14'" 2023-11-14
refused_stamp() { # TYPE
	state "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, at $1 NOT NULL)"
	calve run
	has "a timestamp of $1 is refused" "timestamp: column 'at' is of type $1; bigint \(milliseconds since 1970\), timestamp, timestamptz or date is needed" "$ERR"
}
refused_stamp integer
refused_stamp text

# ---- encodings -------------------------------------------------------------------------------

DATABASES=0
# in_database ENCODING TEXT [COLUMN]: a run of a table of a database of that encoding, made for it
in_database() {
	local database
	database="encoded$((++DATABASES))"
	state "CREATE DATABASE $database ENCODING '$1' LOCALE 'C' TEMPLATE template0" >/dev/null
	APP_CONNINFO=$(sed "s/dbname=[^ ]*/dbname=$database/" "$T/pg/pg.conninfo")
	psql -qX "$APP_CONNINFO" -c "SET client_encoding = '$1'; CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL)" \
		-c "DO \$\$ BEGIN EXECUTE format('ALTER TABLE t ADD %I text', ${3:-'c'}); END \$\$" \
		-c "INSERT INTO t VALUES (1, '2026-01-01', $2)"
	sql 'DROP TABLE IF EXISTS fact.t'
	state "DELETE FROM offload_watermarks WHERE table_name = 't'" >/dev/null
	sync_config "$(entry)"
	unset APP_CONNINFO
	calve init
	INIT=$ERR
	calve run
}
in_database SQL_ASCII "E'caf\\303\\251'"
same 'UTF-8 in SQL_ASCII arrives' '0 café' "$RC $(sql 'SELECT c FROM fact.t FINAL')"
in_database SQL_ASCII "E'caf\\351'"
has 'what is not UTF-8 is refused by the name of its column' "column 'c' \(text\): a value is not UTF-8" "$ERR"
in_database SQL_ASCII "'x'" "E'caf\\351'"
has 'and so is a name' "column 3 of 'public.t' has a name that is not UTF-8" "$INIT"
in_database LATIN1 "E'caf\\351'" "E'na\\357f'"
same 'other encodings are converted, names too' '0 café' "$RC $(sql "SELECT \"naïf\" FROM fact.t FINAL")"

exit "$TESTS_FAILED"
