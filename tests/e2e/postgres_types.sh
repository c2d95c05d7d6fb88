#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every type of PostgreSQL that a table may have, with values and what they are
# in ClickHouse. (format.md 3.4) Source it after replica.sh.

# Types of the tests' own; before types().
types_setup() {
	state "CREATE TYPE mood AS ENUM ('sad', 'glad ☀'); CREATE DOMAIN price AS numeric(9,2); CREATE TYPE pair AS (a int, b text); CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS hstore" 2>"$T/extensions"
	HAS_EXTENSIONS=$([ -s "$T/extensions" ] || echo 1)
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
timestamp;Nullable(DateTime64(6, 'UTC'));1900-01-01 00:00:00;1900-01-01 00:00:00.000000;2026-11-21 05:47:00.123456;2026-11-21 05:47:00.123456
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
