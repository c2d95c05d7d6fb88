#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# calve verify of tables that go to ClickHouse, over every type as column, key
# and timestamp, in targets that calve init made and in those that hands made:
# equal where the values are, different where the target's type has changed
# one; and the run that refuses a type that would.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
# shellcheck source=tests/e2e/postgres_types.sh
. "$(dirname "$0")/postgres_types.sh"
suite verify_types
replica_setup
types_setup

STAMP="'2026-03-01 00:00:00+00'"
SERIAL=0

# Tables of which one calve.yaml is made; FIRST is the number of the first.
start() {
	SQL='' TABLES=() NAMES=() FIRST=$((SERIAL + 1))
}
start

# from_source NAME COLUMNS ROWS...: a table at the source, and its entry; NAME
# says what it is there for
from_source() {
	local t=t$((SERIAL += 1)) row
	NAMES+=("$1")
	TABLES+=("{ name: $t, source: app.$t, target: olap.fact.$t, timestamp: at, key: [id] }")
	SQL+="CREATE TABLE $t ($2);"
	for row in "${@:3}"; do
		SQL+="INSERT INTO $t VALUES ($row);"
	done
}

# by_hand COLUMNS [TIME]: the target of the newest entry
by_hand() {
	local said
	said=$(sql "CREATE TABLE fact.t$SERIAL ($1) ENGINE = ReplacingMergeTree(at) PARTITION BY toYYYYMM(${2:-at}) ORDER BY id SETTINGS non_replicated_deduplication_window = 1000")
	[ -z "$said" ] || not_ok "${NAMES[-1]}: $said"
}

make() {
	state "$SQL" >"$T/sql" 2>&1 || cat "$T/sql"
	sync_config "${TABLES[@]}"
	calve init
	same 'all targets are there' '0 0' "$RC $(errors_in "$ERR")"
}

# verifies RESULT: of each table, by its own line
verifies() {
	local k
	calve verify --json
	# shellcheck disable=SC2016 # of JavaScript
	node -e 'const all = {}
	for (const t of JSON.parse(require("fs").readFileSync(0)))
		all[t.table] = (all[t.table] ?? true) && t.equal
	for (const t in all) console.log(t, all[t] ? "equal" : "different")' <<<"$OUT" >"$T/results"
	for k in "${!NAMES[@]}"; do
		same "${NAMES[k]}: $1" "$1" "$(awk -v t="t$((FIRST + k))" '$1 == t { print $2 }' "$T/results")"
	done
	grep ' error ' <<<"$ERR"
}

# The second row's value in place of the first's, in each target.
exchange() {
	local k
	for k in $(seq "$FIRST" "$SERIAL"); do
		sql "INSERT INTO fact.t$k SELECT 1, at, c FROM fact.t$k FINAL WHERE id = 2"
	done
}

# ---- each type as a column, in targets that init made --------------------------------------

while IFS=';' read -r type _ a _ b _; do
	from_source "$type" "id int PRIMARY KEY, at timestamptz NOT NULL, c $type" \
		"1, $STAMP, $(literal "$a" "$type")" "2, $STAMP, $(literal "$b" "$type")"
done < <(types)
make
run_ok 'a table of each type'
verifies equal
exchange
verifies different

# ---- each type as a timestamp --------------------------------------------------------------

# Before 1970, at it, and around the ends of a month.
stamps() { # TYPE
	case $1 in
	bigint) printf '%s\n' -1 0 1 1709251199999 1709251200000 4102444800000 ;;
	date) printf "'%s'\n" 1900-01-01 1969-12-31 1970-01-01 2024-02-29 2024-03-01 2149-06-06 ;;
	*) printf "'%s+00'\n" '1900-01-01 00:00:00' '1969-12-31 23:59:59.999999' '1970-01-01 00:00:00' \
		'2024-02-29 23:59:59.999999' '2024-03-01 00:00:00' '2026-03-29 01:30:00' ;;
	esac
}

start
for type in bigint date timestamp timestamptz; do
	rows=()
	while read -r at; do
		rows+=("${#rows[@]}, $at")
	done < <(stamps "$type")
	from_source "a timestamp of $type" "id int PRIMARY KEY, at $type NOT NULL" "${rows[@]}"
done
make
run_ok 'a timestamp of each type'
verifies equal
for k in $(seq "$FIRST" "$SERIAL"); do
	sql "ALTER TABLE fact.t$k DELETE WHERE id = 0 SETTINGS mutations_sync = 1"
done
verifies different

# Type of PostgreSQL ; type of ClickHouse ; values.
hand_stamps() {
	cat <<'EOF'
bigint;Int64;-1;1709251200000
bigint;UInt64;0;1709251200000
date;Date32;'1900-01-01';'2024-02-29'
date;Date;'1970-01-01';'2024-02-29'
timestamp;DateTime('UTC');'1970-01-01';'2024-02-29 23:59:59'
timestamp;DateTime64(0, 'UTC');'1900-01-01';'2024-02-29 23:59:59'
timestamp;DateTime64(3, 'UTC');'1969-12-31 23:59:59.999';'2024-02-29 23:59:59.999'
timestamp;DateTime64(9, 'UTC');'1900-01-01';'2024-02-29 23:59:59.999999'
timestamptz;DateTime;'1970-01-01 00:00:00+00';'2024-02-29 23:59:59+00'
timestamptz;DateTime('Asia/Tokyo');'1970-01-01 00:00:00+00';'2024-02-29 23:59:59+00'
timestamptz;DateTime64(3, 'America/New_York');'1969-12-31 23:59:59.999+00';'2024-03-10 07:30:00+00'
timestamptz;DateTime64(6);'1900-01-01 00:00:00+00';'2024-02-29 23:59:59.999999+00'
timestamptz;DateTime64(9, 'Europe/Berlin');'1900-01-01 00:00:00+00';'2024-10-27 00:30:00.000001+00'
EOF
}

start
while IFS=';' read -r type to a b; do
	from_source "a timestamp of $type as $to" "id int PRIMARY KEY, at $type NOT NULL" "1, $a" "2, $b"
	time='at'
	[ "$type" != bigint ] || time='fromUnixTimestamp64Milli(toInt64(at))'
	by_hand "id Int32, at $to" "$time"
done < <(hand_stamps)
make
run_ok 'timestamps in targets by hand'
verifies equal

# ---- each type as a key --------------------------------------------------------------------

keys() { # those of types() that may be keys; keys.sh has those of several texts
	types | grep -vE '^(citext|real|double|numeric;|numeric\(50|money|xml|json|point|pair|interval|hstore|time;|timetz|tsvector|int4range|.*\[\])'
}

start
while IFS=';' read -r type _ a _ b _; do
	rows=("$(literal "$a" "$type"), $STAMP, 1")
	[ "$b" == '\N' ] || rows+=("$(literal "$b" "$type"), $STAMP, 2")
	from_source "a key of $type" "id $type PRIMARY KEY, at timestamptz NOT NULL, v int" "${rows[@]}"
done < <(keys)
make
run_ok 'a key of each type'
verifies equal

# ---- columns of targets that hands made ----------------------------------------------------

# Type of PostgreSQL ; type of ClickHouse ; values that it holds.
hand_columns() {
	cat <<'EOF'
boolean;UInt8;true;false
boolean;Int8;true;false
smallint;Int64;-32768;32767
integer;Int8;-128;127
integer;UInt32;0;2147483647
integer;Int128;-1;1
integer;Int256;-1;1
integer;UInt256;0;1
integer;Decimal(12, 2);-2147483648;2147483647
integer;Decimal(76, 10);-1;1
integer;Nullable(Int64);1;NULL
integer;Bool;0;1
bigint;Int32;-2147483648;2147483647
bigint;UInt64;0;9223372036854775807
oid;UInt64;0;4294967295
xid8;Decimal(20, 0);'0';'18446744073709551615'
numeric(4,2);Decimal(18, 4);-99.99;0.01
numeric(4,2);Decimal(60, 20);-99.99;0.01
numeric(4,0);Int16;-9999;9999
numeric(38,0);Int256;-99999999999999999999999999999999999999;1
real;Float64;0.1;'-Infinity'
double precision;Float64;0.1;'NaN'
text;String;'a';''
text;LowCardinality(String);'a';'b'
text;LowCardinality(Nullable(String));'a';NULL
text;FixedString(5);'abcde';'a'
text;Enum8('' = 0, 'a' = 1, 'b' = 2);'a';'b'
text;Enum16('a' = 1000, 'b' = -7);'a';'b'
mood;Enum8('glad ☀' = 1, 'sad' = 2);'sad';'glad ☀'
bytea;FixedString(3);'\x000000';'\x610000'
date;Date;'1970-01-01';'2149-06-06'
date;Nullable(Date32);'1900-01-01';NULL
timestamp;DateTime('UTC');'1970-01-01';'2106-02-07 06:28:15'
timestamp;DateTime64(2, 'UTC');'1969-12-31 23:59:59.99';'2026-01-01'
timestamp;Nullable(DateTime64(9, 'UTC'));'2026-01-01 00:00:00.000001';NULL
timestamptz;DateTime('Asia/Tokyo');'1970-01-01 00:00:00+00';'2026-01-01 00:00:00+00'
timestamptz;DateTime64(3, 'America/New_York');'2026-11-01 05:30:00.001+00';'2026-11-01 06:30:00.001+00'
uuid;Nullable(UUID);'00112233-4455-6677-8899-aabbccddeeff';NULL
integer[];Array(Int64);'{1,2}';'{}'
integer[];Array(Decimal(12, 2));'{-1}';'{1,1}'
text[];Array(LowCardinality(String));'{a,b,a}';'{}'
text[];Array(FixedString(2));'{a,bb}';'{b}'
timestamptz[];Array(DateTime64(3));'{2026-01-01 00:00:00.001+00}';'{}'
date[];Array(Nullable(Date));'{2026-01-01,NULL}';'{}'
EOF
}

start
while IFS=';' read -r type to a b; do
	from_source "$type in a $to" "id int PRIMARY KEY, at timestamptz NOT NULL, c $type" \
		"1, $STAMP, $a" "2, $STAMP, $b"
	by_hand "id Int32, at DateTime64(6), c $to"
done < <(hand_columns)
make
run_ok 'columns of other types'
verifies equal
exchange
verifies different

# ---- values that a target would round or cut: none is sent ---------------------------------

# Type of PostgreSQL ; type of ClickHouse ; value ; what the run says.
refusals() {
	cat <<'EOF'
integer;Int16;32768;a value does not fit the target's Int16
integer;UInt32;-1;a value does not fit
integer;Bool;2;a value does not fit
integer;String;1;int values do not go into
bigint;UInt32;4294967296;a value does not fit
bigint;Float64;1;long values do not go into the target's Float64
bigint;DateTime64(3);1;long values do not go into
numeric(4,2);Decimal(4, 1);1.25;values do not go into
numeric(4,2);Decimal(3, 2);10.00;a value does not fit
numeric(4,2);Int32;1.00;values do not go into
numeric(4,2);Float64;1.25;values do not go into
numeric;Decimal(38, 10);1.25;string values do not go into
double precision;Float32;0.1;double values do not go into
text;FixedString(2);'abc';a value does not fit
text;Int32;'1';string values do not go into
text;Enum8('a' = 1);'b';a value is none of the labels of the target's Enum8
text;Enum8('a' = 1);'1';a value is none of the labels of the target's Enum8
text[];Array(Enum8('a' = 1));'{a,1}';a value is none of the labels
bytea;FixedString(2);'\x61';a value is shorter than the target's FixedString
bytea;FixedString(2);'\x616263';a value does not fit
date;Date;'1969-12-31';a value does not fit
date;Date;'2149-06-07';a value does not fit
date;Date32;'1899-12-31';a value does not fit
date;DateTime;'2026-01-01';date values do not go into
timestamp;DateTime64(3, 'UTC');'2026-01-01 00:00:00.000001';a value does not fit
timestamp;DateTime('UTC');'2026-01-01 00:00:00.5';a value does not fit
timestamp;DateTime('UTC');'1969-12-31 23:59:59';a value does not fit
timestamp;DateTime('UTC');'2106-02-07 06:28:16';a value does not fit
timestamp;DateTime64(6, 'UTC');'1899-12-31 23:59:59';a value does not fit
timestamp;DateTime64(9, 'UTC');'2262-04-12';a value does not fit
timestamp;Date;'2026-01-01';timestamp values do not go into
timestamptz;DateTime64(0);'2026-01-01 00:00:00.5+00';a value does not fit
timestamptz;String;'2026-01-01 00:00:00+00';timestamptz values do not go into
uuid;String;'00112233-4455-6677-8899-aabbccddeeff';uuid values do not go into
uuid;UInt128;'00112233-4455-6677-8899-aabbccddeeff';uuid values do not go into
integer;Int32;NULL;has a NULL
integer[];Array(Int16);'{1,32768}';a value does not fit
integer[];Array(Int32);'{1,NULL}';has a NULL
integer[];Int32;'{1}';values do not go into
numeric(6,3)[];Array(Decimal(6, 2));'{1.001}';values do not go into
timestamp[];Array(DateTime64(3, 'UTC'));'{2026-01-01 00:00:00.0001}';a value does not fit
EOF
}

start
while IFS=';' read -r type to a why; do
	from_source "$a of $type in a $to" "id int PRIMARY KEY, at timestamptz NOT NULL, c $type" "1, $STAMP, $a"
	by_hand "id Int32, at DateTime64(6), c $to"
done < <(refusals)
state "$SQL" >/dev/null
sync_config "${TABLES[@]}"
calve run
k=$FIRST
while IFS=';' read -r _ _ _ why; do
	has "${NAMES[k - FIRST]} is refused" "error .* t$k: .*$why" "$ERR"
	same "${NAMES[k - FIRST]}: nothing is there" 0 "$(sql "SELECT count() FROM fact.t$k")"
	k=$((k + 1))
done < <(refusals)

# ---- values that the target's server has changed -------------------------------------------

# Type of PostgreSQL ; value ; what the column becomes, which changes it.
changes() {
	cat <<'EOF'
timestamp;'2026-01-01 00:00:00.123456';DateTime64(3, 'UTC')
timestamptz;'2026-01-01 00:00:00.5+00';DateTime('UTC')
timestamp;'2200-01-01 00:00:00';DateTime('UTC')
bigint;4294967296;UInt32
bigint;-1;UInt64
integer;300;UInt8
date;'1900-01-01';Date
date;'2200-01-01';Date
timestamptz[];'{2026-01-01 00:00:00.123456+00}';Array(DateTime64(3, 'UTC'))
EOF
}

start
while IFS=';' read -r type a to; do
	from_source "$a of $type made $to" "id int PRIMARY KEY, at timestamptz NOT NULL, c $type NOT NULL" "1, $STAMP, $a"
done < <(changes)
make
run_ok 'values that will be changed'
verifies equal
k=$FIRST
while IFS=';' read -r _ _ to; do
	sql "ALTER TABLE fact.t$k MODIFY COLUMN c $to SETTINGS mutations_sync = 2" 2>&1 | head -3
	k=$((k + 1))
done < <(changes)
verifies different

exit "$TESTS_FAILED"
