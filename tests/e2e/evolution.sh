#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The source's columns change between two runs: what may change follows, what
# must not stops the table with a line that says why, and every row written
# before stays readable, in the first snapshot too.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite evolution
sanitized

# before TABLE COLUMNS VALUES: 100 rows on the first day; VALUES of n
before() {
	sql "CREATE TABLE $1 (ts DateTime, seq UInt32, $2) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO $1 WITH toInt32(number) AS n SELECT toDateTime('2024-01-01 00:00:00') + n, n, $3 FROM numbers(100)"
}

# after TABLE VALUES [COLUMNS]: 50 on the second
after() {
	sql "INSERT INTO $1 WITH toInt32(number) AS n SELECT toDateTime('2024-01-02 00:00:00') + n, 1000 + n, $2 FROM numbers(50)"
}

alter() {
	sql "ALTER TABLE $1 $2" 'mutations_sync=1&alter_sync=1'
}

# ---- what may change ------------------------------------------------------------

before gains 'a Int32' 'n'
before gains_first 'a Int32' 'n'
sql 'CREATE TABLE gains_struct (ts DateTime, seq UInt32) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO gains_struct SELECT toDateTime('2024-01-01 00:00:00') + number, number FROM numbers(100)"
before loses 'a Int32, b String' "n, toString(n)"
before renames 'a Int32' 'n'
before kept 'e String, u UInt64' "'x', n"
before relaxes 'a Int32, s String, d Decimal(18, 4), u UUID, l Array(Int32), t DateTime64(3)' \
	"n - 50, toString(n), n / 8, toUUID('01234567-89ab-cdef-fedc-ba9876543210'), [n], toDateTime64(n, 3)"
before widens 'i8 Int8, u16 UInt16, i32 Int32, f Float32, d9 Decimal(9, 2), d18 Decimal(18, 2), n Nullable(UInt16), k UInt16' \
	"n - 50, n * 600, (n - 50) * 40000000, (n - 50) / 8, (n - 50) / 4, (n - 50) / 4, if(n % 3 = 0, NULL, n), n % 5"
before narrows 'u32 UInt32, i64 Int64, f Float64, d Decimal(18, 2)' "n * 600, n - 50, (n - 50) / 8, (n - 50) / 4"
before respells "s String, e Enum8('a' = 1), t DateTime, l LowCardinality(String), u UInt64" \
	"toString(n), 'a', toDateTime('2020-01-01 00:00:00') + n, 'l', n"
before deepens 't Tuple(a Int32), l Array(Tuple(a Int32)), m Map(String, Int32), nn Tuple(x Tuple(y Int16))' \
	"tuple(n), [tuple(n)], map('k', n), tuple(tuple(n))"
before loses_field 't Tuple(a Int32, b String)' "(n, toString(n))"
config "$(entry gains)" "$(entry gains_first)" "$(entry gains_struct)" "$(entry kept)" "$(entry loses)" "$(entry renames)" "$(entry relaxes)" \
	"$(entry widens 'partition: ["bucket(3, k)", "truncate(1000, u16)"]')" \
	"$(entry narrows)" "$(entry respells)" "$(entry deepens)" "$(entry loses_field)"
calve init
ran 'init'
calve run
ran 'the first run takes all'

alter gains "ADD COLUMN b Nullable(String), ADD COLUMN c Int64 DEFAULT 7, ADD COLUMN l Array(String), ADD COLUMN m Map(String, UInt8)"
after gains "n, if(n % 2 = 0, NULL, 'b'), n, [toString(n)], map('k', n)"
alter gains_struct 'ADD COLUMN t Tuple(x Int32, y Array(Nullable(Float64)))'
after gains_struct '(n, [n / 2, NULL])'
alter gains_first 'ADD COLUMN z UUID FIRST, ADD COLUMN y Date AFTER seq'
sql "INSERT INTO gains_first (ts, seq, a, z, y) SELECT toDateTime('2024-01-02 00:00:00') + number, 1000 + number, number, '01234567-89ab-cdef-fedc-ba9876543210', '2024-01-01' FROM numbers(50)"
alter loses 'DROP COLUMN a'
after loses 'toString(n)'
alter kept 'DROP COLUMN e, ADD COLUMN e UUID, MODIFY COLUMN u Int64'
sql "INSERT INTO kept (ts, seq, e, u) SELECT toDateTime('2024-01-02 00:00:00') + number, 1000 + number, '01234567-89ab-cdef-fedc-ba9876543210', number FROM numbers(50)"
alter renames 'RENAME COLUMN a TO b'
after renames 'n'
alter relaxes 'MODIFY COLUMN a Nullable(Int32), MODIFY COLUMN s Nullable(String), MODIFY COLUMN d Nullable(Decimal(18, 4)), MODIFY COLUMN u Nullable(UUID), MODIFY COLUMN l Array(Nullable(Int32)), MODIFY COLUMN t Nullable(DateTime64(3))'
after relaxes "NULL, NULL, NULL, NULL, [NULL, n], NULL"
alter widens 'MODIFY COLUMN i8 Int64, MODIFY COLUMN u16 UInt32, MODIFY COLUMN i32 Int64, MODIFY COLUMN f Float64, MODIFY COLUMN d9 Decimal(18, 2), MODIFY COLUMN d18 Decimal(38, 2), MODIFY COLUMN n Nullable(UInt32), MODIFY COLUMN k UInt32'
after widens "toInt64('-9223372036854775808') + n, 4294967295 - n, 9223372036854775807 - n, n / 3, toDecimal64('-9999999999999999.99', 2) + n, toDecimal128('999999999999999999999999999999999999.99', 2) - n, 4294967295, n % 5"
alter narrows 'MODIFY COLUMN u32 UInt16, MODIFY COLUMN i64 Int8, MODIFY COLUMN f Float32, MODIFY COLUMN d Decimal(9, 2)'
after narrows '65535 - n, -128 + n, n / 8, toDecimal32(-9999999.99, 2) + n'
alter respells "MODIFY COLUMN s LowCardinality(String), MODIFY COLUMN e Enum16('a' = 1, 'b' = 300), MODIFY COLUMN t DateTime64(3), MODIFY COLUMN l String, MODIFY COLUMN u Int64"
after respells "toString(n), 'b', toDateTime64('1969-12-31 23:59:59.999', 3) - n, 'm', -n"
alter deepens 'MODIFY COLUMN t Tuple(a Int64, b Nullable(String)), MODIFY COLUMN l Array(Tuple(a Int32, b Array(String))), MODIFY COLUMN m Map(String, Int64), MODIFY COLUMN nn Tuple(z String, x Tuple(w Date, y Int64))'
after deepens "(toInt64(n) - 9223372036854775807, 'b'), [(n, ['x', toString(n)]), (n, [])], map('k', 9223372036854775807 - n), ('z', (toDate('2024-01-01') + n, n))"
alter loses_field 'MODIFY COLUMN t Tuple(b String)'
after loses_field 'tuple(toString(n))'
calve run
ran 'the second run follows all changes'
says() { # TABLE PATTERN
	has "$1: the run says what changed" "$2" "$(grep -E " $1:" <<<"$ERR")"
}
says gains "'b'.*added as optional string"
says loses "'a' is gone from the source: made optional"
says relaxes "'a' may now be NULL: made optional"
says widens "'u16' promoted from int to long"
says widens "'d9' promoted from decimal\(9, 2\) to decimal\(18, 2\)"
says deepens "'t.b'.*added as optional string"
says loses_field "'t.a' is gone from the source"

# A filter on a column that was made optional: ClickHouse fails on files where it
# is required, unless it is told not to filter while it reads.
relaxed() { # FILTER OF THE SOURCE [OF THE TABLE]
	local own=${2:-$1}
	printf '%s => %s SETTINGS optimize_move_to_prewhere = 0 => %s' "$1" "$own" "$own"
}
# if a column is younger than the old rows, they have NULL
young() {
	local name
	for name in "$@"; do
		printf ', if(seq < 1000, NULL, %s) AS %s' "$name" "$name"
	done
}
# ClickHouse's reader: Array and Map have no NULL, they come empty; a Tuple comes
# with defaults. hyparquet: what is required in an optional struct is lost.
READERS='DuckDB icebird' agree_add 'columns gained' cold.gains \
	"ts, seq, a, b$(young c l m)" gains \
	'seq < 50 => - => c IS NULL AND seq < 50' 'c > 40 AND seq > 999 => c > 40' "b = 'b'" \
	'first:ts, seq, a => gains WHERE seq < 1000'
READERS=ClickHouse agree_add 'columns gained' cold.gains \
	"ts, seq, a, b$(young c), l, m" gains \
	'seq < 50' 'c > 40 AND seq > 999 => c > 40' "b = 'b'" 'first:ts, seq, a => gains WHERE seq < 1000'
READERS=DuckDB agree_add 'a struct gained' cold.gains_struct "ts, seq$(young t)" gains_struct \
	'tupleElement(t, 1) > 40 => - => t.x > 40'
READERS=ClickHouse agree_add 'a struct gained' cold.gains_struct "ts, seq, t" gains_struct \
	'seq > 1040'
agree_add 'columns gained before others' cold.gains_first "ts, seq, a$(young z y)" gains_first \
	"y = '2024-01-01' AND seq > 999" 'first:ts, seq, a => gains_first WHERE seq < 1000'
agree_add 'a column lost' cold.loses "ts, seq, if(seq < 1000, toInt32(seq), NULL) AS a, b" loses \
	"b = '7'" "$(relaxed 'seq < 1000 AND seq > 90' 'a > 90')" "$(relaxed 'seq > 999' 'a IS NULL')" \
	'first:ts, seq, toInt32(seq) AS a, b => loses WHERE seq < 1000'
agree_add 'a column renamed is one lost and one gained' cold.renames \
	"ts, seq, if(seq < 1000, b, NULL) AS a$(young b)" renames 'b = 7 AND seq > 999 => b = 7' "$(relaxed 'b = 7 AND seq < 1000' 'a = 7')"
agree_add "a type that can be had as the table's is" cold.kept \
	"ts, seq, if(seq < 1000, 'x', toString(e)) AS e, u" kept
agree_add 'columns may be NULL' cold.relaxes '*' relaxes "$(relaxed 'a IS NULL')" "$(relaxed 'a < -40')" \
	"$(relaxed "s = '7'")" "$(relaxed 'd > 10')" "$(relaxed 'u IS NULL')" \
	"$(relaxed "t = '1970-01-01 00:00:07'")" 'first:* => relaxes WHERE seq < 1000'
agree_add 'columns promoted' cold.widens '*' widens 'i8 < -128' 'i8 = -50' 'u16 > 65535' 'u16 < 6000' \
	'i32 > 2147483647' 'i32 < -1000000000' 'f < -5' 'f = 0.125' 'f > 15' 'd9 < -1000' 'd9 = -12.25' \
	'd18 > 1000' 'd18 < 0' 'n IS NULL' 'n = 98' 'n > 65535' 'k = 3' 'k = 3 AND seq > 999' \
	'first:* => widens WHERE seq < 1000'
agree_add 'narrower columns stay' cold.narrows '*' narrows 'u32 > 65000' 'i64 < 0' 'f = 0.125' 'd < -1000'
agree_add 'types spelled otherwise' cold.respells 'ts, seq, s, toString(e) AS e, t, l, u' respells \
	"e = 'b'" "t < '1970-01-01 00:00:00'" 'u < -10' "l = 'l'"
READERS='DuckDB icebird' agree_add 'fields gained' cold.deepens \
	"ts, seq, (t.a, if(seq < 1000, NULL, t.b)) AS t, arrayMap(x -> (x.a, if(seq < 1000, NULL, x.b)), l) AS l, m, tuple(tuple(nn.x.y, if(seq < 1000, NULL, nn.x.w)), if(seq < 1000, NULL, nn.z)) AS nn" deepens \
	'tupleElement(t, 1) > 50 AND seq < 1000 => - => t.a > 50' 'seq > 999 => - => t.b IS NOT NULL'
READERS=ClickHouse agree_add 'fields gained' cold.deepens \
	"ts, seq, (t.a, if(seq < 1000, NULL, t.b)) AS t, l, m, tuple(tuple(nn.x.y, if(seq < 1000, NULL, nn.x.w)), if(seq < 1000, NULL, nn.z)) AS nn" deepens \
	"$(relaxed 'tupleElement(t, 1) > 50')" 'seq > 999'
agree_add 'a field lost' cold.loses_field \
	"ts, seq, (if(seq < 1000, toInt32(seq), NULL), t.b) AS t" loses_field \
	"tupleElement(t, 1) = '7' AND seq < 1000 => tupleElement(t, 1) = 7 SETTINGS optimize_move_to_prewhere = 0 => t.a = 7"
agree_all

# ---- what must not change -----------------------------------------------------------

# NAME ; TYPE ; VALUE of n ; NEW TYPE ; its VALUE ; type in the table ; in the source
changes=(
	"text ; Int32 ; n ; String ; 'x' ; int ; string"
	"number ; String ; toString(n) ; Int64 ; n ; string ; long"
	"decimal ; String ; toString(n) ; Decimal(9, 2) ; n ; string ; decimal\(9, ?2\)"
	"flag ; UInt8 ; n ; Bool ; n % 2 ; int ; boolean"
	"label ; Int8 ; 1 ; Enum8('a' = 1) ; 'a' ; int ; string"
	"address ; UInt32 ; n ; IPv4 ; '10.0.0.1' ; long ; string"
	"more ; String ; 'x' ; Array(String) ; ['x'] ; string ; list<string>"
	"binary ; UUID ; toUUID('01234567-89ab-cdef-fedc-ba9876543210') ; Int64 ; n ; uuid ; long"
	"scale ; Decimal(18, 2) ; n ; Decimal(18, 4) ; n / 8 ; decimal\(18, ?2\) ; decimal\(18, ?4\)"
	"wider ; Int32 ; n ; Int128 ; n ; int ; decimal\(38, ?0\)"
	"float ; Int64 ; n ; Float64 ; n / 2 ; long ; double"
	"day ; Date ; toDate('2024-01-01') + n ; DateTime ; toDateTime('2024-01-01 00:00:00') ; date ; timestamptz"
	"bool ; Bool ; n % 2 = 0 ; UInt8 ; n ; boolean ; int"
	"ip ; UUID ; toUUID('01234567-89ab-cdef-fedc-ba9876543210') ; String ; 'x' ; uuid ; string"
	"list ; Array(Int32) ; [n] ; Array(String) ; ['x'] ; int ; string"
	"scalar ; Int32 ; n ; Array(Int32) ; [n] ; int ; list<int>"
	"key ; Map(Int32, String) ; map(n, 'x') ; Map(Int64, String) ; map(n, 'x') ; map<int, string> ; map<long, string>"
	"value ; Map(String, Int32) ; map('k', n) ; Map(String, String) ; map('k', 'x') ; int ; string"
	"field ; Tuple(x Int32, y Int32) ; (n, n) ; Tuple(x Int32, y String) ; (n, 'x') ; int ; string"
)
fields() { # CHANGE: sets name, old, value, new, newvalue, was, is
	IFS=$'\x1f' read -r name old value new newvalue was is <<<"${1// ; /$'\x1f'}"
}
tables=()
for change in "${changes[@]}"; do
	fields "$change"
	before "c_$name" "changed $old" "$value"
	tables+=("$(entry "c_$name")")
done
before part_null 'p Int32, q Int32' 'n % 3, n'
before part_lost 'p Int32, q Int32' 'n % 3, n'
before sort_lost 'p Int32' 'n'
config "${tables[@]}" "$(entry part_null 'partition: [p]')" \
	"$(entry part_lost 'partition: ["bucket(2, p)"]')" "$(entry sort_lost)"
calve run
ran 'the tables are taken first'
for change in "${changes[@]}"; do
	fields "$change"
	alter "c_$name" 'DROP COLUMN changed'
	alter "c_$name" "ADD COLUMN changed $new"
	after "c_$name" "$newvalue"
done
alter part_null 'MODIFY COLUMN p Nullable(Int32)'
after part_null 'NULL, n'
alter part_lost 'DROP COLUMN p'
after part_lost 'n'
after sort_lost 'n'
versions() {
	local dir
	for dir in "$WAREHOUSE"/cold/{c_*,part_*,sort_lost}; do
		cat "$dir/metadata/version-hint.text"
		echo
	done
}
before_versions=$(versions)
config "${tables[@]}" "$(entry part_null 'partition: [p]')" \
	"$(entry part_lost 'partition: ["bucket(2, p)"]')" \
	"{ name: sort_lost, source: hot.sort_lost, target: lake.cold.sort_lost, timestamp: ts, exclude: [seq] }"
calve run
same 'changes that must not be fail the run' 1 "$RC"
same 'nothing is committed' "$before_versions" "$(versions)"
for change in "${changes[@]}"; do
	fields "$change"
	has "$old to $new is refused with both types" \
		"column 'changed[^']*' is $was in the table but $is in the source; .*(create a new target)" \
		"$(grep -E "error .*c_$name\b" <<<"$ERR")"
done
has 'a partition column that may be NULL stops the table' "column 'p' may now be NULL.*partitioned.*non-Nullable again" "$(grep -E 'error .*part_null\b' <<<"$ERR")"
has 'a partition column that is gone stops the table' "column 'p' is gone.*partitioned.*bring it back" "$(grep -E 'error .*part_lost\b' <<<"$ERR")"
has 'a sort column that is gone stops the table' "column 'seq' is gone.*sorted|sequence" "$(grep -E 'error .*sort_lost\b' <<<"$ERR")"

# what the message says does help
config "$(entry c_text 'exclude: [changed]')" "$(entry c_number 'columns: { changed: { as: string } }')" "$(entry part_null 'partition: [p]')"
alter part_null 'DELETE WHERE p IS NULL'
alter part_null 'MODIFY COLUMN p Int32 DEFAULT 0'
after part_null 'n % 3, n'
calve run
ran 'converted, excluded or changed back, it goes on'
agree 'excluded' cold.c_text 'ts, seq, if(seq < 1000, toInt32(seq), NULL) AS changed' c_text
agree 'as: string' cold.c_number "ts, seq, if(seq < 1000, toString(seq), toString(changed)) AS changed" c_number
agree 'changed back' cold.part_null '*' part_null 'p = 1'
