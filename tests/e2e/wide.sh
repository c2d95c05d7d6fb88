#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tables of 300 columns and more, and columns whose names need care in some
# reader: dots, spaces, quotes, other scripts, leading digits. Bounds are kept
# for the first 100 columns, and for those that order the rows wherever they
# stand.
# shellcheck disable=SC2016 # backquotes of SQL
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite wide
sanitized

# ---- 300 columns --------------------------------------------------------------

wide() { # COUNT
	local i
	for ((i = 1; i <= $1; i++)); do
		case $((i % 10)) in
		0) echo "c$i ; Int64 ; '-9223372036854775808' ; n * $i" ;;
		1) echo "c$i ; String ; '' ; concat('value ', toString(n * $i))" ;;
		2) echo "c$i ; Decimal(18, 4) ; '-99999999999999.9999' ; n / 8" ;;
		3) echo "c$i ; Nullable(Float64) ; NULL, 'nan' ; if(n % 3 = 0, NULL, n / $i)" ;;
		4) echo "c$i ; LowCardinality(String) ;  ; toString(n % 5)" ;;
		5) echo "c$i ; Nullable(UInt64) ; NULL ; n * $i" ;;
		6) echo "c$i ; DateTime ; '1970-01-01 00:00:00' ; toDateTime('2020-01-01 00:00:00', 'UTC') + n" ;;
		7) echo "c$i ; Array(Int32) ; '[]' ; [n, $i]" ;;
		8) echo "c$i ; Tuple(a Int32, b Nullable(String)) ;  ; (n, if(n % 2 = 0, NULL, 'b'))" ;;
		9) echo "c$i ; UUID ;  ; concat('00000000-0000-4000-8000-', leftPad(toString(n + $i), 12, '0'))" ;;
		esac
	done
}
columns_read < <(wide 300)
columns_make wide '(ts, seq)'
columns_fill wide 0 60
WIDE=$(columns_text)
# the same with the columns that order the rows as the last
C_NAME=("${C_NAME[@]:2}" ts seq)
C_TYPE=("${C_TYPE[@]:2}" "${C_TYPE[@]:0:2}")
C_VALUE=("${C_VALUE[@]:2}" "${C_VALUE[@]:0:2}")
C_TEXT=("${C_TEXT[@]:2}" ts seq)
columns_make last '(ts, seq)'
columns_fill last 0 60
LAST=$(columns_text)
# names so long that the schema is longer than 64 KiB, Avro C's limit
columns_read < <(wide 900 | sed -E "s/^c[0-9]+/&_$(printf 'n%.0s' {1..80})/")
columns_make long_names '(ts, seq)'
columns_fill long_names 0 20
LONG=$(columns_text)

# ---- names ---------------------------------------------------------------------

columns_read <<'EOF'
with space ; Int32 ;  ; n
with_x20space ; Int32 ;  ; n + 1
 leading ; Int32 ;  ; n
trailing  ; Int32 ;  ; n
dot.ted ; Int32 ;  ; n
dot ; Int32 ;  ; n + 2
a.b.c ; Int32 ;  ; n
.. ; Int32 ;  ; n
1digit ; Int32 ;  ; n
_1digit ; Int32 ;  ; n + 3
123 ; String ;  ; toString(n)
it's ; Int32 ;  ; n
quo"te ; Int32 ;  ; n
back`tick ; Int32 ;  ; n
back\slash ; Int32 ;  ; n
sla/sh ; Int32 ;  ; n
per%cent ; Int32 ;  ; n
per%25cent ; Int32 ;  ; n
eq=ual ; Int32 ;  ; n
(par,en)[t] ; Int32 ;  ; n
a: b#c ; Int32 ;  ; n
ünïcode ; Int32 ;  ; n
日本語 ; Int32 ;  ; n
😀 ; String ;  ; repeat('😀', n % 20)
é ; Int32 ;  ; n
select ; Int32 ;  ; n
list ; Array(Int32) ;  ; [n]
element ; Int32 ;  ; n
key ; Map(String, Int32) ;  ; map('key', n, 'value', n)
value ; Nullable(Int32) ; NULL ; n
_ ; Int32 ;  ; n
- ; Int32 ;  ; n
$ ; Int32 ;  ; n
null ; Nullable(Int32) ; NULL ; n
true ; Bool ;  ; n % 2
ts_day ; Int32 ;  ; n
table ; Int32 ;  ; n
struct of odd ; Tuple(`a b` Int32, `a.b` Int32, `1` Int32, `é😀` Array(Tuple(`x y` Int32, `z"` String))) ;  ; (n, n, n, [(n, 'z')])
nested.x ; Array(Int32) ; '[]', '[1,2]' ; [n]
nested.y z ; Array(String) ; '[]', '[\'\',\'\']' ; ['y']
EOF
columns_make names '(ts, seq)'
columns_fill names 0 60
NAMES=$(columns_text)
ODD=$(cat <<'EOF'
['`with space`', '`dot.ted`', 'bucket(2, `back``tick`)', '`sla/sh`', '😀', '`quo"te`', 'truncate(10, 1digit)', '日本語']
EOF
)

config "$(entry wide 'step_rows: 20')" "$(entry last 'step_rows: 20')" "$(entry long_names)" \
	"$(entry names 'step_rows: 20')" \
	"$(entry names "partition: $ODD" names_parts)" \
	"$(entry names 'include: [ts, seq, "a: b#c", "1digit"], columns: { "a: b#c": { as: long }, "1digit": { as: string } }' names_some)"
calve init
ran 'init'
calve run
ran 'wide tables and odd names are taken'

agree_add '300 columns' cold.wide "$WIDE" wide 'c10 > 400' 'c300 > 15000' "c1 = 'value 42'" "c291 = 'value 12222'" \
	'c92 < 0' 'c292 < 0' 'c3 IS NULL' 'c293 IS NULL' 'c295 > 17000' "ts >= '2024-02-28 22:30:00'"
agree_add '300 columns, ts and seq the last' cold.last "$LAST" last 'seq > 500' "ts < '2024-02-28 22:10:00'" 'c10 > 400'
agree_add '900 columns of long names' cold.long_names "$LONG" long_names 'seq > 100'
agree_add 'odd names' cold.names "$NAMES" names \
	'`with space` = 7 => `with space` = 7 => "with space" = 7' \
	'`with_x20space` = 7 => `with_x20space` = 7 => "with_x20space" = 7' \
	'`dot.ted` > 50 => `dot.ted` > 50 => "dot.ted" > 50' '`dot` > 60 => `dot` > 60 => "dot" > 60' \
	'`1digit` > 50 => `1digit` > 50 => "1digit" > 50' '`_1digit` > 60 => `_1digit` > 60 => "_1digit" > 60' \
	"\`it's\` > 50 => \`it's\` > 50 => \"it's\" > 50" '`quo"te` > 50 => `quo"te` > 50 => "quo""te" > 50' \
	'`back\`tick` > 50 => `back\`tick` > 50 => "back`tick" > 50' '`back\\slash` > 50 => `back\\slash` > 50 => "back\slash" > 50' \
	'`per%cent` > 50 => `per%cent` > 50 => "per%cent" > 50' '`日本語` > 50 => `日本語` > 50 => "日本語" > 50' \
	"\`😀\` = repeat('😀', 17) => \`😀\` = repeat('😀', 17) => \"😀\" = repeat('😀', 17)" \
	'`null` IS NULL => `null` IS NULL => "null" IS NULL' '`ts_day` > 50 => `ts_day` > 50 => "ts_day" > 50'
agree_add 'partitions of odd names' cold.names_parts "$NAMES" names \
	'`with space` = 7 => `with space` = 7 => "with space" = 7' '`dot.ted` > 50 => `dot.ted` > 50 => "dot.ted" > 50' \
	'`back\`tick` > 50 => `back\`tick` > 50 => "back`tick" > 50' '`日本語` = 5 => `日本語` = 5 => "日本語" = 5' \
	'`1digit` > 50 => `1digit` > 50 => "1digit" > 50' "\`😀\` = '' => \`😀\` = '' => \"😀\" = ''"
agree_add 'some of the odd names' cold.names_some \
	'ts, seq, `1digit` AS `1digit`, `a: b#c` AS `a: b#c`' '(SELECT ts, seq, toString(`1digit`) AS `1digit`, `a: b#c` FROM names)'
agree_all

# Bounds: the first 100, and what orders the rows wherever it is.
bounded() { # TABLE COLUMN: has it bounds in every file?
	node "$ROOT/tests/e2e/bounds.mjs" "$WAREHOUSE/cold/$1" "$2"
}
same 'a column of the first 100 has bounds' yes "$(bounded wide c80)"
same 'one after them has none' no "$(bounded wide c290)"
same 'ts has bounds as the last' yes "$(bounded last ts)"
same 'seq has bounds as the last' yes "$(bounded last seq)"

# ---- names that cannot be --------------------------------------------------------

sql 'CREATE TABLE twice (ts DateTime, seq UInt32, ts_day Int32) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO twice VALUES ('2024-01-01 00:00:00', 1, 1)"
config "$(entry twice 'partition: [day(ts)]')"
calve run
same 'a partition named as a column is an error' 1 "$RC"
has 'it names both and what to do' "named 'ts_day' as a column is.*(exclude|another transform)" "$ERR"

sql 'CREATE TABLE reserved (ts DateTime, seq UInt32, _file String, _pos Int64) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO reserved VALUES ('2024-01-01 00:00:00', 1, 'x', 2)"
config "$(entry reserved)"
calve run
ran 'names that Iceberg has for its own are taken'
has 'the run warns that Spark cannot read them' "Spark cannot read.*'_file'" "$(grep warn <<<"$ERR")"
READERS='DuckDB icebird' agree 'names that Iceberg has for its own' cold.reserved '*' reserved
