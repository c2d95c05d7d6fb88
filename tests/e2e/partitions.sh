#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every partition transform over every type it applies to: values below zero,
# before 1970, NULLs and texts that are no file names. Filters on partition
# columns return what the source returns, and each file's partition values are
# those that its rows have by the specification's own words (facts.mjs).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite partitions
sanitized

columns_read <<'EOF'
b ; Bool ;  ; n % 2 = 0
i ; Int32 ; '-2147483640', '2147483647', '-1', '0', '1', '-10', '-11' ; (n % 14) * 3 - 20
ni ; Nullable(Int32) ; NULL, '-1' ; if(n % 3 = 0, NULL, n % 5 - 2)
l ; Int64 ; '-9223372036854775000', '9223372036854775807', '-1', '0' ; (n % 12 - 6) * 700
u ; UInt64 ; '18446744073709551615', '0', '9223372036854775808' ; n % 9 * 2 + 3
d9 ; Decimal(9, 2) ; '-9999999.00', '9999999.99', '-0.01', '0', '0.01' ; (n % 12 - 6) / 5
d18 ; Decimal(18, 4) ; '-99999999999999.0000', '99999999999999.9999', '-0.0001' ; (n % 12 - 6) / 5
d38 ; Decimal(38, 10) ; '-9999999999999999999999999999.0000000000', '9999999999999999999999999999.9999999999', '-0.0000000001' ; (n % 12 - 6) / 5
nd ; Nullable(Decimal(12, 3)) ; NULL, '-999999999.999' ; if(n % 3 = 0, NULL, n % 5 - 2)
s ; String ; '', 'a', 'ab', 'abc', '😀😀x', 'é', '\0' ; concat(['ab', 'x', '😀é'][n % 3 + 1], toString(n % 11))
ns ; LowCardinality(Nullable(String)) ; NULL, '', 'null' ; if(n % 3 = 0, NULL, concat('v', toString(n % 6)))
e ; Enum8('it''s' = 1, 'a/b' = 2, '' = 3) ;  ; ['it''s', 'a/b', ''][n % 3 + 1] ; toString(e)
bin ; String ; unhex('FF00'), '' ; concat(unhex('80'), toString(n % 7)) ;  ; utf8: binary
fx ; FixedString(3) ; unhex('FF0000'), '' ; concat('f', toString(10 + n % 9)) ;  ; as: fixed
uu ; UUID ; '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '01234567-89ab-cdef-fedc-ba9876543210' ; concat('00000000-0000-4000-8000-00000000000', toString(n % 8))
nu ; Nullable(UUID) ; NULL, 'ffffffff-ffff-ffff-ffff-ffffffffffff' ; NULL
d ; Date32 ; '1900-01-01', '2299-12-31', '1969-12-31', '1970-01-01', '1969-12-01', '1969-01-01', '1968-12-31' ; toDate32('1969-11-20') + (n % 17) * 3
ndate ; Nullable(Date) ; NULL, '1970-01-01' ; if(n % 3 = 0, NULL, toDate('2020-02-20') + n % 20)
t ; DateTime64(6, 'UTC') ; '1900-01-01 00:00:00', '2299-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999', '1970-01-01 00:00:00', '1969-12-31 23:00:00', '1969-12-31 22:59:59.999999', '1968-12-31 23:59:59.999999' ; toDateTime64('1969-12-30 12:34:56.789', 6, 'UTC') + toIntervalHour(n % 20)
nt ; Nullable(DateTime) ; NULL ; if(n % 3 = 0, NULL, toDateTime('2024-02-28 20:00:00', 'UTC') + 3600 * (n % 17))
EOF
columns_make source '(ts, seq)'
columns_fill source 0 150
TEXT=$(columns_text)

# COLUMN ; filters that pick some of its rows
declare -A filters=(
	[b]='b|NOT b'
	[i]='i = -1|i < -15|i > 18|i >= -11 AND i < -9|i = 2147483647'
	[ni]='ni IS NULL|ni = -1|ni > 1|ni IS NOT NULL AND ni < 0'
	[l]='l = -1|l < -14500|l > 13500|l = 9223372036854775807|l >= -1000 AND l <= 1000'
	[u]='u = 0|u > 18|u = 18446744073709551615|u >= 9223372036854775808'
	[d9]='d9 < 0|d9 = -0.01|d9 > 1|d9 >= -1.25 AND d9 < -1|d9 < -1000'
	[d18]='d18 < 0|d18 = -0.0001|d18 > 1|d18 < -1000'
	[d38]='d38 < 0|d38 = -0.0000000001|d38 > 1|d38 < -1000'
	[nd]='nd IS NULL|nd < 0|nd = 2|nd < -1000'
	[s]="s = ''|s = 'ab'|s = '😀😀x'|s > 'x'|s >= 'ab' AND s < 'ab3'|s = 'ab0'|s LIKE 'ab%'"
	[ns]="ns IS NULL|ns = ''|ns = 'null'|ns >= 'v4'"
	[e]="e = 'it''s'|e = 'a/b'|e = ''"
	[bin]="bin = unhex('FF00')|bin = ''|bin = concat(unhex('80'), '3') => bin = concat(unhex('80'), '3') => bin = unhex('8033')"
	[fx]="fx = toFixedString('f12', 3) => fx = 'f12' => fx = 'f12'::BLOB"
	[uu]="uu = '00000000-0000-0000-0000-000000000000'|uu = 'ffffffff-ffff-ffff-ffff-ffffffffffff'|uu = '00000000-0000-4000-8000-000000000003'"
	[nu]="nu IS NULL|nu = 'ffffffff-ffff-ffff-ffff-ffffffffffff'"
	[d]="d = '1969-12-31'|d < '1969-12-01'|d >= '1970-01-01'|d >= '1969-12-25' AND d < '1970-01-05'|d > '2200-01-01'"
	# ClickHouse's reader knows no years, months, days and hours before 1970
	[d_]="d = '1969-12-31' => - => d = '1969-12-31'|d >= '1970-01-01'|d >= '1969-12-25' AND d < '1970-01-05' => - => d >= '1969-12-25' AND d < '1970-01-05'|d > '2200-01-01'"
	[t_]="t = '1969-12-31 23:59:59.999999' => - => t = '1969-12-31 23:59:59.999999'|t >= '1970-01-01 00:00:00'|t >= '1969-12-31 22:00:00' AND t < '1970-01-01 02:00:00' => - => t >= '1969-12-31 22:00:00' AND t < '1970-01-01 02:00:00'|t > '2290-01-01 00:00:00'"
	# nor truncated decimals of more than 18 digits
	[u_]="u = 0 => - => u = 0|u = 18446744073709551615 => - => u = 18446744073709551615"
	[d38_]="d38 < 0 => - => d38 < 0|d38 = -0.0000000001 => - => d38 = -0.0000000001"
	[ndate]="ndate IS NULL|ndate = '2020-02-29'|ndate < '2000-01-01'|ndate >= '2020-03-01'"
	[t]="t = '1969-12-31 23:59:59.999999'|t < '1969-12-31 00:00:00'|t >= '1970-01-01 00:00:00'|t >= '1969-12-31 22:00:00' AND t < '1970-01-01 02:00:00'|t > '2290-01-01 00:00:00'|t < '1950-01-01 00:00:00'"
	[nt]="nt IS NULL|nt = '2024-02-29 00:00:00'|nt < '2024-02-28 22:00:00'|nt >= '2024-02-29 12:00:00'"
)

# NAME ; fields as calve.yaml has them ; columns to filter by
specs='
id_b ; b ; b
id_i ; i ; i
id_ni ; identity(ni) ; ni
id_l ; l ; l
id_u ; u ; u
id_d9 ; d9 ; d9
id_d18 ; d18 ; d18
id_d38 ; d38 ; d38
id_nd ; nd ; nd
id_s ; s ; s
id_ns ; ns ; ns
id_e ; e ; e
id_bin ; bin ; bin
bucket_nu ; "bucket(3, nu)" ; nu
id_d ; d ; d
id_ndate ; ndate ; ndate
id_t ; t ; t
id_nt ; nt ; nt
year_d ; year(d) ; d_
month_d ; months(d) ; d_
day_d ; day(d) ; d_
day_ndate ; days(ndate) ; ndate
year_t ; years(t) ; t_
month_t ; month(t) ; t_
day_t ; "date(t)" ; t_
hour_t ; hours(t) ; t_
hour_nt ; date_hour(nt) ; nt
year_nt ; year(nt) ; nt
bucket_i ; "bucket(7, i)" ; i
bucket_ni ; "bucket(2, ni)" ; ni
bucket_l ; "bucket[5](l)" ; l
bucket_u ; "bucket(u, 3)" ; u
bucket_d9 ; "bucket(4, d9)" ; d9
bucket_d18 ; "bucket(4, d18)" ; d18
bucket_d38 ; "bucket(4, d38)" ; d38
bucket_s ; "bucket(4, s)" ; s
bucket_ns ; "bucket(3, ns)" ; ns
bucket_bin ; "bucket(3, bin)" ; bin
bucket_fx ; "bucket(3, fx)" ; fx
bucket_uu ; "bucket(3, uu)" ; uu
bucket_d ; "bucket(3, d)" ; d
bucket_t ; "bucket(3, t)" ; t
trunc_i ; "truncate(10, i)" ; i
trunc_ni ; "truncate(ni, 3)" ; ni
trunc_l ; "truncate[1000](l)" ; l
trunc_u ; "truncate(7, u)" ; u_
trunc_d9 ; "truncate(50, d9)" ; d9
trunc_d18 ; "truncate(5000, d18)" ; d18
trunc_d38 ; "truncate(2147483647, d38)" ; d38_
trunc_s ; "truncate(2, s)" ; s
trunc_ns ; "truncate(1, ns)" ; ns
trunc_bin ; "truncate(1, bin)" ; bin
several ; hours(t), "bucket(2, i)", "truncate(1, s)", b, ns ; t_ i s ns
'
tables=()
while IFS=$'\x1f' read -r name fields _; do
	[ -n "$name" ] || continue
	tables+=("$(entry source "columns: { $C_OPTIONS }, partition: [$fields]" "$name")")
done <<<"${specs// ; /$'\x1f'}"
config "${tables[@]}"
calve init
ran 'init'
calve run
ran 'every transform over every type is taken'
has 'the run warns of what ClickHouse cannot read' "trunc_u.*ClickHouse cannot read.*'u_trunc'" "$(grep warn <<<"$ERR")"

while IFS=$'\x1f' read -r name fields columns; do
	[ -n "$name" ] || continue
	list=()
	for column in $columns; do
		IFS='|' read -ra some <<<"${filters[$column]}"
		list+=("${some[@]}")
	done
	case $columns in
	u_ | d38_) READERS='DuckDB icebird' ;;
	*) READERS= ;;
	esac
	agree_add "$fields" "cold.$name" "$TEXT" source "${list[@]}"
done <<<"${specs// ; /$'\x1f'}"
READERS=
agree_all

# ---- texts that are no file names -----------------------------------------------

sql "CREATE TABLE odd (ts DateTime, seq UInt32, \`p q/%\` String) ENGINE = MergeTree ORDER BY (ts, seq)"
odd=("''" "'.'" "'..'" "'/'" "'a/b'" "'../../etc'" "'50%'" "'%2F'" "'a b'" "'a+b'" "'a=b'" "'a&b'" "'#'" "'?'"
	"'null'" "'__HIVE_DEFAULT_PARTITION__'" "'ünï😀'" "'\"q\"'" "'it''s'" "'back\\\\slash'" "'\\n'" "'tab\\t'" "'\\0'" "'\\x01'"
	"'*'" "'\$HOME'" "'~'" "'CON'" "' lead'" "'trail '" "'.hidden'" "'_under'" "unhex('7F')" "unhex('F48FBFBF')" "repeat('é', 20)")
for i in "${!odd[@]}"; do
	echo "SELECT toDateTime('2024-01-01 00:00:00') + $i, $i, ${odd[i]}"
	((i == ${#odd[@]} - 1)) || echo 'UNION ALL'
done | sql "INSERT INTO odd $(cat)"
config "$(entry odd 'partition: ["p q/%"]')"
calve run
ran 'texts that are no file names are taken'
list=()
for text in "${odd[@]}"; do
	duck=${text//\\\\/\\}
	case $text in
	"'\\n'") duck='chr(10)' ;;
	"'tab\\t'") duck="'tab' || chr(9)" ;;
	"'\\0'") duck='chr(0)' ;;
	"'\\x01'") duck='chr(1)' ;;
	unhex*) duck="decode($text)" ;;
	esac
	list+=("\`p q/%\` = $text => \`p q/%\` = $text => \"p q/%\" = $duck")
done
agree 'odd texts' cold.odd '*' odd "${list[@]}"
for folder in 'p+q%2F%25=a%2Fb' 'p+q%2F%25=50%25' 'p+q%2F%25=' 'p+q%2F%25=..' 'p+q%2F%25=a+b' 'p+q%2F%25=a%2Bb' 'p+q%2F%25=%C3%BCn%C3%AF%F0%9F%98%80' 'p+q%2F%25=%00'; do
	same "folder $folder" 1 "$(find "$WAREHOUSE/cold/odd/data" -type d -name "${folder//\*/\\*}" | wc -l)"
done

# ---- many partitions, few open files ----------------------------------------------------

sql "CREATE TABLE many (ts DateTime, seq UInt32, k UInt32, s String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO many SELECT toDateTime('2024-01-01 00:00:00') + number, number, cityHash64(number) % 400, toString(number) FROM numbers(20000)"
config "$(entry many 'partition: [k], limits: { files: 64 }')" \
	"$(entry many 'partition: ["truncate(1, s)", "bucket(50, k)"], file_size: 64K' many_buckets)" \
	"$(entry long 'partition: [s, s2]')"
sql "CREATE TABLE long (ts DateTime, seq UInt32, s String, s2 String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO long SELECT toDateTime('2024-01-01 00:00:00') + number, number, concat(repeat('x', 300), toString(number % 3)), repeat('/', 5000) FROM numbers(9)"
calve run
ran '400 partitions in one window'
same '400 files, not more' 400 "$(find "$WAREHOUSE/cold/many/data" -name '*.parquet' | wc -l)"
sql "CREATE TABLE thousand (ts DateTime, seq UInt32, k UInt32, s String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO thousand SELECT toDateTime('2024-01-01 00:00:00') + number, number, cityHash64(number) % 1000, toString(number) FROM numbers(300000)"
agree '400 partitions' cold.many '*' many 'k = 17' 'k >= 398' 'k IN (3, 5, 7)' 'seq = 12345'
config "$(entry thousand 'partition: [k]')"
calve run
ran '1,000 interleaved partitions, more than may be open'
same 'a file each' 1000 "$(find "$WAREHOUSE/cold/thousand/data" -name '*.parquet' | wc -l)"
has 'so many small ones are told of' 'warn.* 1000 data files of [0-9]+ KiB .*coarser partition' "$ERR"
agree '1,000 partitions' cold.thousand '*' thousand 'k = 17' 'k >= 998'
agree 'two fields' cold.many_buckets '*' many 'k = 17' "s = '12345'" "s LIKE '9%'"
agree 'texts longer than a file name' cold.long '*' long "s = concat(repeat('x', 300), '1')"

# ---- what cannot be ---------------------------------------------------------------------

sql "CREATE TABLE cannot (ts DateTime, seq UInt32, i Int32, l Int64, d Decimal(9, 2), s String, f Float64, u UUID, x IPv6, a Array(Int32)) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO cannot SELECT toDateTime('2024-01-01 00:00:00') + number, number, -2147483648, -9223372036854775808, -9999999.99, repeat('x', 300), 0, generateUUIDv4(), '::1', [] FROM numbers(10001)"
# FIELDS ; what the error says
cannots=(
	'"truncate(10, i)" ; out of the range.*i_trunc.*partition the target by another'
	'"truncate(10, l)" ; out of the range.*l_trunc'
	'"truncate(10, d)" ; out of the range.*d_trunc'
	'seq ; (10000|10,000) partitions'
	'f ; floating-point'
	'u ; is a uuid.*bucket\(16, u\)'
	'x ; is a fixed.*bucket\(16, x\)'
	'a ; .'
	'day(i) ; day cannot be applied to column .i. of type int'
	'hour(s) ; hour cannot be applied'
	'"truncate(4, ts)" ; truncate cannot be applied'
	'"bucket(4, f)" ; bucket cannot be applied'
	'nowhere ; no column .nowhere.'
	'month(ts), day(ts) ; same column by time'
)
tables=()
for i in "${!cannots[@]}"; do
	tables+=("$(entry cannot "columns: { x: { as: fixed } }, partition: [${cannots[i]%% ; *}]" "cannot_$i")")
done
config "${tables[@]}"
calve run
same 'what cannot be fails the run' 1 "$RC"
for i in "${!cannots[@]}"; do
	has "${cannots[i]%% ; *} is an error" "${cannots[i]#* ; }" \
		"$(grep -E "error .*cannot_$i\b" <<<"$ERR")"
	same "nothing is committed of ${cannots[i]%% ; *}" '' \
		"$([ ! -e "$WAREHOUSE/cold/cannot_$i/metadata" ] || table snapshots "cold.cannot_$i")"
	same "no data file is left of ${cannots[i]%% ; *}" '' \
		"$(find "$WAREHOUSE/cold/cannot_$i" -name '*.parquet' 2>/dev/null | head -n 1)"
done
