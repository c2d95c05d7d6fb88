#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every type of PostgreSQL on its way into ClickHouse: as what it arrives, with
# which values; and what is refused, by name. (format.md 3.4)
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits_types
replica_setup

state "CREATE TYPE mood AS ENUM ('sad', 'glad ☀'); CREATE DOMAIN price AS numeric(9,2); CREATE TYPE pair AS (a int, b text); CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore" 2>"$T/extensions"
HAS_EXTENSIONS=$([ -s "$T/extensions" ] || echo 1)

# entry OPTIONS: an entry of `tables:` for the table t
entry() {
	echo "{ name: t, source: app.t, target: olap.fact.t, timestamp: at, key: [id]${1:+, $1} }"
}

# One line a column: type of PostgreSQL ; type of ClickHouse ; value ; what
# arrives ; value ; what arrives. `\N`: NULL.
types() {
	cat <<'EOF'
boolean;Nullable(Bool);true;true;\N;\N
smallint;Nullable(Int16);-32768;-32768;32767;32767
integer;Nullable(Int32);-2147483648;-2147483648;\N;\N
bigint;Nullable(Int64);-9223372036854775808;-9223372036854775808;9223372036854775807;9223372036854775807
oid;Nullable(UInt32);4294967295;4294967295;0;0
xid8;Nullable(UInt64);18446744073709551615;18446744073709551615;\N;\N
pg_lsn;Nullable(UInt64);FFFFFFFF/FFFFFFFF;18446744073709551615;0/0;0
real;Nullable(Float32);1.5;1.5;-0.25;-0.25
double precision;Nullable(Float64);1.7976931348623157e308;1.7976931348623157e308;NaN;nan
numeric(4,2);Nullable(Decimal(4, 2));-99.99;-99.99;0.01;0.01
numeric(18,0);Nullable(Decimal(18, 0));999999999999999999;999999999999999999;-1;-1
numeric(38,10);Nullable(Decimal(38, 10));9999999999999999999999999999.0123456789;9999999999999999999999999999.0123456789;10000;10000
numeric;Nullable(String);123456789012345678901234567890123456789012345.000000001;123456789012345678901234567890123456789012345.000000001;NaN;NaN
numeric(50,2);Nullable(String);1.50;1.50;\N;\N
price;Nullable(Decimal(9, 2));1234567.89;1234567.89;\N;\N
money;Nullable(Decimal(21, 3));-12.34;-12.34;0;0
text;Nullable(String);Łódź 🚀;Łódź 🚀;;
varchar(10);Nullable(String);abc;abc;\N;\N
character(5);Nullable(String);ab;ab   ;\N;\N
name;Nullable(String);pg_class;pg_class;\N;\N
"char";Nullable(String);x;x;\N;\N
xml;Nullable(String);<a>1</a>;<a>1</a>;\N;\N
json;Nullable(String);{"a": 1};{"a": 1};\N;\N
jsonb;Nullable(String);{"b":2,"a": [1]};{"a": [1], "b": 2};\N;\N
bytea;Nullable(String);\x00ff41;00FF41;\x;
date;Nullable(Date32);1900-01-01;1900-01-01;2299-12-31;2299-12-31
timestamp;Nullable(DateTime64(6));1900-01-01 00:00:00;1900-01-01 00:00:00.000000;2026-11-21 05:47:00.123456;2026-11-21 05:47:00.123456
timestamptz;Nullable(DateTime64(6, 'UTC'));2299-12-31 23:59:59.999999+00;2299-12-31 23:59:59.999999;1969-12-31 22:00:00-05;1970-01-01 03:00:00.000000
time;Nullable(String);24:00:00;24:00:00;01:02:03.000004;01:02:03.000004
timetz;Nullable(String);01:02:03+02;01:02:03+02;\N;\N
interval;Nullable(String);1 mon -2 days 03:04:05.6;P1M-2DT3H4M5.6S;\N;\N
uuid;Nullable(UUID);00112233-4455-6677-8899-aabbccddeeff;00112233-4455-6677-8899-aabbccddeeff;\N;\N
mood;LowCardinality(Nullable(String));glad ☀;glad ☀;\N;\N
inet;Nullable(String);10.1.2.3/8;10.1.2.3/8;::1;::1/128
cidr;Nullable(String);10.0.0.0/8;10.0.0.0/8;\N;\N
macaddr;Nullable(String);08:00:2b:01:02:03;08:00:2b:01:02:03;\N;\N
bit(3);Nullable(String);101;101;\N;\N
varbit;Nullable(String);10;10;\N;\N
tsvector;Nullable(String);a b;'a' 'b';\N;\N
int4range;Nullable(String);[1,5);[1,5);empty;empty
point;Nullable(String);(1,2);(1,2);\N;\N
pair;Nullable(String);(1,x);(1,x);\N;\N
EOF
	[ -z "$HAS_EXTENSIONS" ] || cat <<'EOF'
citext;Nullable(String);AbC;AbC;\N;\N
hstore;Nullable(String);a=>1;"a"=>"1";\N;\N
EOF
	# arrays cannot be NULL there
	cat <<'EOF'
integer[];Array(Nullable(Int32));{1,NULL,3};[1,NULL,3];{};[]
text[];Array(Nullable(String));{a,NULL,"b c"};['a',NULL,'b c'];{};[]
numeric(6,3)[];Array(Nullable(Decimal(6, 3)));{1.5,-2};[1.5,-2];{};[]
uuid[];Array(Nullable(UUID));{00112233-4455-6677-8899-aabbccddeeff};['00112233-4455-6677-8899-aabbccddeeff'];{};[]
timestamptz[];Array(Nullable(DateTime64(6, 'UTC')));{2026-01-01 00:00:00+00};['2026-01-01 00:00:00.000000'];{};[]
inet[];Array(Nullable(String));{10.0.0.1};['10.0.0.1/32'];{};[]
EOF
}

literal() { # VALUE TYPE
	if [ "$1" == '\N' ]; then
		echo NULL
	else
		echo "'${1//\'/\'\'}'::$2"
	fi
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

exit "$TESTS_FAILED"
