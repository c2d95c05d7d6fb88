#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse: what the source holds equal is one key in the
# target, however it was written; a type of which that is not sure is no key.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite keys
sql 'CREATE DATABASE fact ENGINE = Atomic'

# Type ; a key ; the same key, written otherwise ; options of its column
one_key() {
	cat <<'EOF'
numeric;1.0;1.00
numeric;0;0.000
numeric;-1.10;-1.1
numeric;100;100.0
numeric;NaN;NaN
numeric;1.5;1.50;as: string
numeric;1.0;1.00;as: 'decimal(10,2)'
numeric;1.0;1.00;as: double
numeric(50,2);1.5;1.50
double precision;0;-0
double precision;NaN;NaN
real;0;-0
character(5);ab;ab'||repeat(' ', 2)||'
timestamptz;2026-01-01 00:00:00+00;2026-01-01 01:00:00+01
timestamptz;2026-01-01 00:00:00+00;2026-01-01 01:00:00+01;as: string
uuid;00112233-4455-6677-8899-aabbccddeeff;00112233-4455-6677-8899-AABBCCDDEEFF
inet;10.0.0.1/32;10.0.0.1
bytea;\x61;a
money;1.5;1.50
varbit;101;101
int4range;[1,4];[1,5)
integer[];{1,2};[1:2]={1,2};as: string
EOF
}

entry() { # N [OPTIONS]
	echo "{ name: k$1, source: app.k$1, target: olap.fact.k$1, timestamp: at, key: [id]${2:+, columns: { id: { $2 \} \}} }"
}

entries=() first='' second='' n=0
while IFS=';' read -r type a b options; do
	state "CREATE TABLE k$n (id $type PRIMARY KEY, at timestamptz NOT NULL, v text)" >/dev/null
	first+="INSERT INTO k$n VALUES ('$a', '2026-01-01', 'old');"
	second+="INSERT INTO k$n VALUES ('$b', '2026-01-02', 'new') ON CONFLICT (id) DO UPDATE SET id = excluded.id, at = excluded.at, v = excluded.v;"
	entries+=("$(entry $n "$options")")
	n=$((n + 1))
done < <(one_key)
sync_config "${entries[@]}"
state "$first" >/dev/null
calve init
run_ok 'as first written'
state "$second" >/dev/null
run_ok 'as written otherwise'
n=0
while IFS=';' read -r type a b options; do
	same "$type${options:+ $options}: $a is $b" '1 new' "$(state "SELECT count(*) || ' ' || min(v) FROM k$n")"
	same "$type${options:+ $options}: one key there, too" '1 new' "$(sql "SELECT count() || ' ' || min(v) FROM fact.k$n FINAL")"
	n=$((n + 1))
done < <(one_key)
calve verify
same 'verify says so' 0 "$RC"

# ---- no keys ------------------------------------------------------------------------------

state "CREATE TYPE pair AS (a int, b numeric);
    CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)" >/dev/null
# Type ; words of the message ; options of its column
refusals() {
	cat <<'EOF'
interval;the source may hold equal what has several texts
jsonb;the source may hold equal what has several texts
numrange;the source may hold equal what has several texts
pair;the source may hold equal what has several texts
text COLLATE blind;its collation holds different texts equal
bpchar;the source may hold equal what has several texts
integer[];set as: string
numeric[];the source may hold equal what has several texts;as: string
double precision;the source may hold equal what has several texts;as: string
numeric;digits: round makes one of several keys;as: double, digits: round
EOF
	[ "$(state "SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'")" = 0 ] ||
		echo 'citext;the source may hold equal what has several texts'
}

state 'CREATE EXTENSION IF NOT EXISTS citext' >/dev/null 2>&1
entries=() n=0
while IFS=';' read -r type _ options; do
	state "DROP TABLE IF EXISTS k$n; CREATE TABLE k$n (id $type NOT NULL, at timestamptz NOT NULL)" >/dev/null
	entries+=("$(entry $n "$options")")
	n=$((n + 1))
done < <(refusals)
sync_config "${entries[@]}"
calve init
n=0
while IFS=';' read -r type words options; do
	has "$type${options:+ $options} is no key" "error .* k$n: .*column 'id' .* is of the key: .*$words" "$ERR"
	n=$((n + 1))
done < <(refusals)

exit "$TESTS_FAILED"
