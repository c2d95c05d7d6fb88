#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every ClickHouse type that is supported, by its default and by its options,
# with its extreme values; every one that is not, refused. What three readers
# find is compared with what the source says, whole and by filters on columns
# whose bounds readers skip by.
# shellcheck disable=SC2016 # backquotes of SQL
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite types
sanitized

# ---- numbers, text, times: a file every 40 rows -------------------------------

columns_read <<'EOF'
b ; Bool ; 'true', 'false' ; n % 3 = 0
i8 ; Int8 ; '-128', '127' ; n - 60
u8 ; UInt8 ; '0', '255' ; n
i16 ; Int16 ; '-32768', '32767' ; (n - 60) * 500
u16 ; UInt16 ; '0', '65535' ; n * 400
i32 ; Int32 ; '-2147483648', '2147483647' ; (n - 60) * 30000000
u32 ; UInt32 ; '0', '4294967295' ; n * 30000000
i64 ; Int64 ; '-9223372036854775808', '9223372036854775807' ; (n - 60) * 100000000000000000
u64 ; UInt64 ; '0', '18446744073709551615', '9223372036854775808' ; toUInt64(n) * 100000000000000000
u64_long ; UInt64 ; '0', '9223372036854775807' ; n * 10
i128 ; Int128 ; '-99999999999999999999999999999999999999', '99999999999999999999999999999999999999' ; (toInt128(n) - 60) * toInt128('1000000000000000000000000000000000000')
u128 ; UInt128 ; '0', '340282366920938463463374607431768211455' ; n
i256 ; Int256 ; '-57896044618658097711785492504343953926634992332820282019728792003956564819968', '57896044618658097711785492504343953926634992332820282019728792003956564819967' ; n - 60
u256 ; UInt256 ; '0', '115792089237316195423570985008687907853269984665640564039457584007913129639935' ; n
f32 ; Float32 ; 'nan', 'inf', '-inf', '-0', '0', '1e-45', '-3.4028235e38', '3.4028235e38' ; (n - 60) / 7
f64 ; Float64 ; 'nan', 'inf', '-inf', '-0', '0', '5e-324', '-1.7976931348623157e308', '1.7976931348623157e308' ; (n - 60) / 7
bf ; BFloat16 ; 'nan', 'inf', '-inf', '-0' ; toFloat32(n - 60) / 4
nothing_but_nan ; Float64 ;  ; nan
nothing_but_nan32 ; Nullable(Float32) ;  ; if(n % 2 = 1, NULL, nan)
zeros ; Float64 ;  ; if(n < 40, -0., if(n < 80, 0., if(n % 2 = 1, -0., 0.)))
zeros32 ; Float32 ;  ; if(n < 40, 0., -0.)
s ; String ; '', 'tab\t quote'' double" back\\ newline\n nul\0 end', 'é世😀' ; concat('s', leftPad(toString(n), 3, '0'), repeat('x', n % 30))
empty ; String ;  ; ''
fs ; FixedString(4) ; '', 'ab', 'abcd' ; concat('f', toString(n % 1000))
e8 ; Enum8('it''s' = -128, 'back\\slash' = 127, 'a,b(c)=1' = 0, '' = 1, 'ünï😀' = 2, 'x' = 3) ; 'it''s', 'back\\slash', 'a,b(c)=1', '', 'ünï😀' ; 'x' ; toString(e8)
e16 ; Enum16('low' = -32768, 'high' = 32767, 'mid `q`' = 0) ; 'low', 'high' ; 'mid `q`' ; toString(e16)
lcs ; LowCardinality(String) ; '' ; concat('lc', toString(intDiv(n, 20)))
lcn ; LowCardinality(Nullable(String)) ; NULL, '' ; if(n % 3 = 0, NULL, toString(n % 5))
lcf ; LowCardinality(FixedString(3)) ; 'abc', '' ; toString(100 + n)
lcu ; LowCardinality(UInt32) ; '0', '4294967295' ; n
lcd ; LowCardinality(Nullable(Date)) ; NULL, '1970-01-01' ; toDate('2020-01-01') + n
uu ; UUID ; '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0001-8000-000000000000', '80000000-0000-0000-0000-000000000001', '01234567-89ab-cdef-fedc-ba9876543210' ; concat(hex(toUInt32(n * 30000000)), '-0000-4000-8000-', leftPad(toString(999 - n), 12, '0'))
ip4 ; IPv4 ; '0.0.0.0', '255.255.255.255', '1.2.3.4' ; concat('10.0.', toString(n), '.7') ; toString(ip4)
ip6 ; IPv6 ; '::', '::1', '::ffff:1.2.3.4', '2001:db8::1:0:0:1', '1:0:0:2::3', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '1::', '0:1:0:1:0:1:0:1' ; concat('2001:db8::', hex(n)) ; toString(ip6)
da ; Date ; '1970-01-01', '2149-06-06' ; toDate('2000-01-01') + n * 100
d32 ; Date32 ; '1900-01-01', '2299-12-31', '1969-12-31', '1970-01-01' ; toDate32('1960-01-01') + n * 100
dt ; DateTime ; '1970-01-01 00:00:00', '2106-02-07 06:28:15' ; toDateTime('2001-01-01 00:00:00', 'UTC') + n * 1000000
dtz ; DateTime('Asia/Kathmandu') ; '1970-01-01 05:30:00' ; toDateTime('2001-01-01 00:00:00', 'UTC') + n * 1000000
dt0 ; DateTime64(0) ; '1900-01-01 00:00:00', '2299-12-31 23:59:59' ; toDateTime64('1960-01-01 00:00:00', 0, 'UTC') + n * 10000000
dt1 ; DateTime64(1) ; '1900-01-01 00:00:00.1', '2299-12-31 23:59:59.9' ; toDateTime64('1960-01-01 00:00:00.3', 1, 'UTC') + n * 10000000
dt2 ; DateTime64(2) ; '1900-01-01 00:00:00.01', '2299-12-31 23:59:59.99' ; toDateTime64('1960-01-01 00:00:00.33', 2, 'UTC') + n * 10000000
dt3 ; DateTime64(3, 'America/New_York') ; '1969-12-31 23:59:59.999', '2283-11-11 00:00:00.001' ; toDateTime64('1960-01-01 00:00:00.123', 3, 'UTC') + n * 10000000
dt4 ; DateTime64(4) ; '1900-01-01 00:00:00.0001', '2299-12-31 23:59:59.9999' ; toDateTime64('1960-01-01 00:00:00.1234', 4, 'UTC') + n * 10000000
dt5 ; DateTime64(5) ; '1900-01-01 00:00:00.00001', '2299-12-31 23:59:59.99999' ; toDateTime64('1960-01-01 00:00:00.12345', 5, 'UTC') + n * 10000000
dt6 ; DateTime64(6) ; '1900-01-01 00:00:00.000001', '2299-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999' ; toDateTime64('1960-01-01 00:00:00.123456', 6, 'UTC') + n * 10000000
dt7 ; DateTime64(7) ; '1900-01-01 00:00:00.0000010', '2299-12-31 23:59:59.9999990' ; toDateTime64('1960-01-01 00:00:00.1234560', 7, 'UTC') + n * 10000000
dt8 ; DateTime64(8) ; '1900-01-01 00:00:00.00000100', '2299-12-31 23:59:59.99999900' ; toDateTime64('1960-01-01 00:00:00.12345600', 8, 'UTC') + n * 10000000
dt9 ; DateTime64(9) ; '1900-01-01 00:00:00.000001000', '2262-04-11 23:47:16.854775000' ; toDateTime64('1960-01-01 00:00:00.123456000', 9, 'UTC') + n * 10000000
t ; Time ; '-999:59:59', '999:59:59', '00:00:00' ; n * 700 ; toInt32(t)
t3 ; Time64(3) ; '-999:59:59.999', '999:59:59.999', '-00:00:00.001' ; concat('00:00:', leftPad(toString(n % 60), 2, '0'), '.5') ; toInt64(toDecimal64(t3, 3) * 1000)
j ; JSON ; '{}', '{"a":[1,{"b":null}],"c":"\\"q\\" é"}' ; concat('{"n":', toString(n), ',"s":"x"}') ; multiIf(seq = 0, '{}', seq = 10, '{"a":[1,{}],"c":"\\"q\\" é"}', concat('{"n":', toString(intDiv(seq, 10)), ',"s":"x"}'))
saf ; SimpleAggregateFunction(sum, UInt64) ; '0', '18446744073709551615' ; n
safmax ; SimpleAggregateFunction(max, Nullable(DateTime)) ; NULL ; toDateTime('2001-01-01 00:00:00', 'UTC') + n
EOF
columns_make scalars '(ts, seq)'
columns_fill scalars 0 120
SCALARS=$(columns_text)

# ---- decimals of every precision; NULLs -------------------------------------------

decimals() {
	local p s digits unit
	for ((p = 1; p <= 38; p++)); do
		s=$((p / 2))
		digits=$(printf '9%.0s' $(seq "$p"))
		unit=1
		if ((s > 0)); then
			digits=${digits:0:p-s}.${digits:p-s}
			unit=0.$(printf '%0*d' "$s" 1)
		fi
		echo "d$p ; Decimal($p, $s) ; '-$digits', '$digits', '0', '-$unit', '$unit' ; (n % 17) - 8"
		echo "n$p ; Nullable(Decimal($p, $s)) ; NULL, '-$digits', '$digits' ; if(n % 5 = 0, NULL, intDiv(n, 20) - 3)"
	done
	echo "d39 ; Decimal(39, 2) ; '-9999999999999999999999999999999999999.99', '0.01' ; n ; toString(d39)"
	echo "d76 ; Decimal(76, 38) ; '-99999999999999999999999999999999999999.99999999999999999999999999999999999999', '0' ; n - 60 ; toString(d76)"
	echo "d38_0 ; Decimal(38, 0) ; '-99999999999999999999999999999999999999' ; n"
	echo "d38_38 ; Decimal(38, 38) ; '-0.99999999999999999999999999999999999999', '0.00000000000000000000000000000000000001' ; 0"
}
columns_read < <(decimals)
columns_make decimals '(ts, seq)'
columns_fill decimals 0 120
DECIMALS=$(columns_text)

columns_read <<'EOF'
nb ; Nullable(Bool) ; NULL ; if(n % 3 = 0, NULL, n % 2)
ni ; Nullable(Int32) ; NULL, '-2147483648', '2147483647' ; if(n % 3 = 0, NULL, n - 60)
nl ; Nullable(UInt64) ; NULL, '9223372036854775807' ; if(n % 3 = 0, NULL, n)
nx ; Nullable(UInt64) ; NULL, '18446744073709551615' ; if(n % 3 = 0, NULL, n)
nf ; Nullable(Float32) ; NULL, 'nan', '-0' ; if(n % 3 = 0, NULL, n - 60.5)
nd ; Nullable(Float64) ; NULL, 'nan', '-0' ; if(n % 3 = 0, NULL, n - 60.5)
ns ; Nullable(String) ; NULL, '', 'NULL', '\\N' ; if(n % 3 = 0, NULL, concat('v', toString(1000 + n)))
nfs ; Nullable(FixedString(2)) ; NULL, 'zz' ; if(n % 3 = 0, NULL, toString(10 + n % 80))
ne ; Nullable(Enum8('a' = 1, 'b' = 2)) ; NULL, 'a' ; if(n % 3 = 0, NULL, 'b') ; toString(ne)
nu ; Nullable(UUID) ; NULL, 'ffffffff-ffff-ffff-ffff-ffffffffffff' ; if(n % 3 = 0, NULL, toUUID('01234567-89ab-cdef-fedc-ba9876543210'))
n4 ; Nullable(IPv4) ; NULL, '255.0.0.1' ; if(n % 3 = 0, NULL, toIPv4('1.2.3.4')) ; toString(n4)
n6 ; Nullable(IPv6) ; NULL, '::' ; if(n % 3 = 0, NULL, toIPv6('::1')) ; toString(n6)
nda ; Nullable(Date) ; NULL, '1970-01-01' ; if(n % 3 = 0, NULL, toDate('2020-01-01') + n)
nd32 ; Nullable(Date32) ; NULL, '1900-01-01' ; if(n % 3 = 0, NULL, toDate32('1920-01-01') + n)
ndt ; Nullable(DateTime) ; NULL ; if(n % 3 = 0, NULL, toDateTime('2020-01-01 00:00:00', 'UTC') + n)
ndt9 ; Nullable(DateTime64(9)) ; NULL, '1900-01-01 00:00:00.000001000' ; if(n % 3 = 0, NULL, toDateTime64('1960-01-01 00:00:00', 9, 'UTC') + n)
n128 ; Nullable(Int128) ; NULL, '-1' ; if(n % 3 = 0, NULL, n)
n256 ; Nullable(UInt256) ; NULL, '1' ; if(n % 3 = 0, NULL, n)
partly ; Nullable(Int64) ;  ; if(n < 40, NULL, n)
none_i ; Nullable(Int32) ;  ; NULL
none_l ; Nullable(UInt64) ;  ; NULL
none_f ; Nullable(Float64) ;  ; NULL
none_s ; Nullable(String) ;  ; NULL
none_d ; Nullable(Decimal(38, 2)) ;  ; NULL
none_u ; Nullable(UUID) ;  ; NULL
none_t ; Nullable(DateTime64(3)) ;  ; NULL
none_b ; Nullable(Bool) ;  ; NULL
none_lc ; LowCardinality(Nullable(String)) ;  ; NULL
EOF
columns_make nulls '(ts, seq)'
columns_fill nulls 0 120
NULLS=$(columns_text)

# ---- nested ------------------------------------------------------------------

columns_read <<'EOF'
a ; Array(Int64) ; '[]', '[-9223372036854775808,9223372036854775807]' ; range(toUInt64(n % 5))
an ; Array(Nullable(String)) ; '[]', '[NULL]', '[NULL,\'\',\'x\',NULL]' ; arrayMap(x -> if(x % 2 = 0, NULL, toString(x)), range(toUInt64(n % 4)))
aaa ; Array(Array(Array(Int32))) ; '[]', '[[]]', '[[[]]]', '[[[],[1]],[],[[2,3]]]' ; [[[n], []], [[n, n]]]
alc ; Array(LowCardinality(String)) ; '[]', '[\'\']' ; [toString(n % 7), 'x']
alcn ; Array(LowCardinality(Nullable(String))) ; '[]', '[NULL,\'\']' ; [NULL, toString(n % 7)]
au ; Array(Nullable(UUID)) ; '[]', '[NULL]' ; [toUUID('01234567-89ab-cdef-fedc-ba9876543210'), NULL]
ab ; Array(Bool) ; '[]', '[true,false]' ; [n % 2 = 0]
ae ; Array(Enum8('a' = 1, 'b' = 2)) ; '[]' ; ['b', 'a'] ; arrayMap(x -> toString(x), ae)
adt ; Array(DateTime64(3)) ; '[]', '[\'1969-12-31 23:59:59.999\']' ; [toDateTime64(n, 3, 'UTC')]
ad ; Array(Decimal(38, 10)) ; '[]', '[-9999999999999999999999999999.9999999999]' ; [n, -n]
au64 ; Array(UInt64) ; '[]', '[18446744073709551615]' ; [n]
af ; Array(Float64) ; '[]', '[nan,inf,-inf,-0]' ; [n / 3]
anone ; Array(String) ;  ; []
m ; Map(String, Int64) ; map(), map('', 0) ; map('k', n, concat('k', toString(n)), -n)
mn ; Map(LowCardinality(String), Nullable(Decimal(18, 4))) ; map(), map('a', NULL) ; map('x', n / 8, 'y', NULL)
mi ; Map(Int64, Array(Nullable(String))) ; map(), map(-1, []) ; map(n, [NULL, toString(n)])
mm ; Map(String, Map(String, UInt8)) ; map(), map('a', map()) ; map('o', map('i', n))
md ; Map(Date, UUID) ; map() ; map(toDate('2020-01-01') + n, toUUID('01234567-89ab-cdef-fedc-ba9876543210'))
mu ; Map(UUID, Float32) ; map() ; map(toUUID('01234567-89ab-cdef-fedc-ba9876543210'), n / 2)
t ; Tuple(x Int32, y Nullable(String)) ; '(-2147483648,NULL)', '(2147483647,\'\')' ; (n - 60, concat('y', toString(n)))
tu ; Tuple(Int32, String) ; '(0,\'\')' ; (n, 'z')
deep ; Tuple(a Tuple(b Tuple(c Int64, d Nullable(Decimal(9, 2))), e Array(Tuple(f Int8, g Map(String, Array(Tuple(h Nullable(Date)))))))) ; tuple(((toInt64('-9223372036854775808'), NULL), [])), tuple(((1, toDecimal32('-9999999.99', 2)), [(1, map()), (2, map('k', [])), (3, map('k', [tuple(NULL), tuple(toDate('1970-01-01'))]))])) ; tuple(tuple((n, n / 4), [(n % 100, map('k', [tuple(toDate('2020-01-01') + n)]))]))
at ; Array(Tuple(a Int32, b Nullable(String), c Array(Nullable(Float32)))) ; '[]', '[(1,NULL,[]),(2,\'\',[NULL,nan])]' ; [(n, 'b', [n / 2])]
ta ; Tuple(l Array(String), m Map(String, String)) ; ([], map()), ([''], map('', '')) ; (['a', toString(n)], map('k', toString(n)))
odd names ; Tuple(`with space` Int32, `1digit` Int32, `dot.ted` Int32, `quo'te"` Int32, `ünï` Int32) ; '(1,2,3,4,5)' ; (n, n, n, n, n)
p ; Point ; '(0,-0)' ; (n, n / 3) ; CAST(p AS Tuple(Float64, Float64))
poly ; Polygon ; '[]', '[[(0,0),(1,1)],[]]' ; [[(n, n)]] ; CAST(poly AS Array(Array(Tuple(Float64, Float64))))
mpoly ; MultiPolygon ; '[]' ; [[[(n, n)]]] ; CAST(mpoly AS Array(Array(Array(Tuple(Float64, Float64)))))
nested.a ; Array(Int32) ; '[]', '[1,2]' ; [n]
nested.b ; Array(String) ; '[]', '[\'\',\'x\']' ; [toString(n)]
anest ; Nested(c Int32, d Nested(e String, f Nullable(Int8))) ; '[]', '[(1,[])]', '[(1,[(\'\',NULL)]),(2,[])]' ; [(n, [(toString(n), 1)])]
EOF
columns_make nested '(ts, seq)' flatten_nested=0
columns_fill nested 0 120
NESTED=$(columns_text)

# ---- text at the 16 code points where bounds are cut; one row a file -------------

# SQL that both engines understand but for unhex(), which for DuckDB is decoded
texts=("''" "repeat('a', 15)" "repeat('a', 16)" "repeat('a', 17)"
	"repeat('a', 100000)" "repeat('é', 20)"
	"concat(repeat('z', 16), 'é')" "concat(repeat('a', 15), '😀')"
	"concat(repeat('a', 15), '😀z')" "concat(repeat('a', 14), '😀😀z')"
	"repeat('😀', 17)" "repeat(unhex('00'), 17)"
	# the last code point cannot grow: U+10FFFF, alone and everywhere
	"concat(repeat('a', 15), unhex('F48FBFBF'))"
	"concat(repeat('a', 15), unhex('F48FBFBF'), 'z')"
	"concat('a', repeat(unhex('F48FBFBF'), 15), 'z')"
	"repeat(unhex('F48FBFBF'), 16)" "repeat(unhex('F48FBFBF'), 17)"
	"concat(unhex('F48FBFBF'), repeat('a', 16))"
	# it grows over a change of length, and over the surrogates
	"concat(repeat('b', 15), unhex('7F'), 'z')"
	"concat(repeat('b', 15), unhex('DFBF'), 'z')"
	"concat(repeat('b', 15), unhex('ED9FBF'), 'z')"
	"concat(repeat('b', 15), unhex('EFBFBF'), 'z')"
	"concat(repeat('b', 15), unhex('EE8080'), 'z')")
binaries=("''" "repeat(unhex('FF'), 16)" "repeat(unhex('FF'), 17)"
	"concat(repeat(unhex('FF'), 15), unhex('FE00'))"
	"concat(unhex('FE'), repeat(unhex('FF'), 16))"
	"repeat(unhex('00'), 17)" "concat(repeat('a', 15), unhex('80C3'))"
	"concat(repeat('a', 15), '😀')")
sql "CREATE TABLE texts (ts DateTime64(6, 'UTC'), seq UInt32, s String, ls LowCardinality(String), bin String) ENGINE = MergeTree ORDER BY (ts, seq)"
for i in "${!texts[@]}"; do
	text=${texts[i]}
	printf "SELECT toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + toIntervalMinute(%d), %d, %s, %s, %s\n" \
		"$i" "$i" "$text" "$text" "${binaries[i % ${#binaries[@]}]}"
	((i == ${#texts[@]} - 1)) || echo 'UNION ALL'
done | sql "INSERT INTO texts $(cat)"

# ---- what options make of types ----------------------------------------------

columns_read <<'EOF'
b_int ; Bool ; 'true', 'false' ; n % 2 = 0 ; toInt32(b_int) ; as: int
i8_long ; Int8 ; '-128' ; n - 60 ;  ; as: long
i8_string ; Int8 ; '-128' ; n - 60 ; toString(i8_string) ; as: string
i16_long ; Int16 ; '-32768' ; n ;  ; as: long
i16_string ; Int16 ; '-32768' ; n ; toString(i16_string) ; as: string
i32_long ; Int32 ; '-2147483648' ; n ;  ; as: long
i32_string ; Int32 ; '-2147483648' ; n ; toString(i32_string) ; as: string
i64_string ; Int64 ; '-9223372036854775808' ; n ; toString(i64_string) ; as: string
i128_string ; Int128 ; '-170141183460469231731687303715884105728', '170141183460469231731687303715884105727' ; n ; toString(i128_string) ; as: string
i256_decimal ; Int256 ; '-99999999999999999999999999999999999999' ; n ;  ; as: "decimal(38,0)"
u8_long ; UInt8 ; '255' ; n ;  ; as: long
u8_string ; UInt8 ; '255' ; n ; toString(u8_string) ; as: string
u16_long ; UInt16 ; '65535' ; n ;  ; as: long
u32_int ; UInt32 ; '2147483647' ; n ;  ; as: int
u32_string ; UInt32 ; '4294967295' ; n ; toString(u32_string) ; as: string
u64_decimal ; UInt64 ; '0' ; n ;  ; as: "decimal(20,0)"
u64_decimal38 ; UInt64 ; '18446744073709551615' ; n ;  ; as: "decimal(38,0)"
u64_long ; UInt64 ; '9223372036854775807' ; n ;  ; as: long
u64_string ; UInt64 ; '18446744073709551615' ; n ; toString(u64_string) ; as: string
u128_decimal ; UInt128 ; '99999999999999999999999999999999999999' ; n ;  ; as: "decimal(38,0)"
u256_decimal ; UInt256 ; '99999999999999999999999999999999999999' ; n ;  ; as: "decimal(38,0)"
f32_double ; Float32 ; 'nan', '-0', '3.4028235e38', '1e-45' ; n / 3 ;  ; as: double
bf_double ; BFloat16 ; 'nan', '-0' ; toFloat32(n) / 4 ;  ; as: double
d9_18 ; Decimal(9, 2) ; '-9999999.99' ; n ;  ; as: "decimal(18,2)"
d9_38 ; Decimal(9, 2) ; '-9999999.99' ; n ;  ; as: "decimal(38, 2)"
d18_30 ; Nullable(Decimal(18, 4)) ; NULL, '-99999999999999.9999' ; n ;  ; as: "decimal(30,4)"
d76_38 ; Decimal(76, 4) ; '-9999999999999999999999999999999999.9999' ; n ;  ; as: "decimal(38,4)"
d0_string ; Decimal(18, 0) ; '-999999999999999999' ; n ; toString(d0_string) ; as: string
s_binary ; String ; unhex('FFFE00'), '' ; toString(n) ;  ; as: binary
s_utf8_binary ; Nullable(String) ; NULL, unhex('C3') ; toString(n) ;  ; utf8: binary
s_replace ; String ; unhex('61FF62'), unhex('C3A9') ; toString(n) ; if(s_replace = unhex('61FF62'), 'a�b', s_replace) ; utf8: replace
s_latin1 ; String ; unhex('61FF62'), unhex('80C3A9') ; toString(n) ; multiIf(s_latin1 = unhex('61FF62'), 'aÿb', s_latin1 = unhex('80C3A9'), unhex('C280C383C2A9'), s_latin1) ; utf8: latin1
lc_replace ; LowCardinality(String) ; unhex('FF') ; 'x' ; if(lc_replace = unhex('FF'), '�', toString(lc_replace)) ; utf8: replace
fs_trimmed ; FixedString(4) ; '', 'ab', 'abcd' ; 'abc' ; toStringCutToZero(fs_trimmed) ; as: trimmed
fs_fixed ; FixedString(4) ; unhex('00FF'), '' ; 'abcd' ;  ; as: fixed
fs_fixed4 ; Nullable(FixedString(4)) ; NULL, unhex('00FF') ; 'abcd' ;  ; as: "fixed[4]"
fs_binary ; FixedString(4) ; unhex('00FF'), '' ; 'abcd' ;  ; as: binary
e8_int ; Enum8('a' = -128, 'b' = 127) ; 'a', 'b' ; 'b' ; toInt32(e8_int) ; as: int
e16_int ; Nullable(Enum16('a' = -32768, 'b' = 32767)) ; NULL, 'a', 'b' ; 'b' ; toInt32(e16_int) ; as: int
uu_string ; UUID ; '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff' ; '01234567-89ab-cdef-fedc-ba9876543210' ; toString(uu_string) ; as: string
ip4_long ; IPv4 ; '255.255.255.255', '0.0.0.0' ; '1.2.3.4' ; toUInt32(ip4_long) ; as: long
ip4_int ; IPv4 ; '127.255.255.255', '0.0.0.0' ; '1.2.3.4' ; toUInt32(ip4_int) ; as: int
ip6_fixed ; IPv6 ; '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' ; '::1' ; IPv6StringToNum(toString(ip6_fixed)) ; as: fixed
dt9_floor ; DateTime64(9) ; '1969-12-31 23:59:59.999999999', '1900-01-01 00:00:00.000000001' ; toDateTime64('2020-01-01 00:00:00.123456789', 9, 'UTC') ; multiIf(dt9_floor = toDateTime64('1969-12-31 23:59:59.999999999', 9), toDateTime64('1969-12-31 23:59:59.999999', 6), dt9_floor = toDateTime64('1900-01-01 00:00:00.000000001', 9), toDateTime64('1900-01-01 00:00:00', 6), toDateTime64('2020-01-01 00:00:00.123456', 6)) ; time: floor
dt7_floor ; Nullable(DateTime64(7)) ; NULL, '2020-01-01 00:00:00.1234569' ; toDateTime64('2020-01-01 00:00:00', 7, 'UTC') ; if(dt7_floor = toDateTime64('2020-01-01 00:00:00', 7), toDateTime64('2020-01-01 00:00:00', 6), if(isNull(dt7_floor), NULL, toDateTime64('2020-01-01 00:00:00.123456', 6))) ; time: floor
t_string ; Time ; '-999:59:59', '00:00:00' ; 3661 ; toString(t_string) ; as: string
t3_string ; Time64(3) ; '-999:59:59.999', '00:00:00.001' ; '01:02:03.456' ; toString(t3_string) ; as: string
j_binary ; JSON ; '{}' ; '{"a":[true]}' ; CAST(j_binary AS String) ; as: binary
au_long ; Array(Array(UInt64)) ; '[]', '[[],[9223372036854775807]]' ; [[n]] ;  ; as: long
v_string ; Variant(Int64, String) ; 'x' ; n ; CAST(v_string AS String) ; as: string
dy_string ; Dynamic ; 'x' ; n ; CAST(dy_string AS String) ; as: string
m_list ; Map(String, Int64) ; map(), mapFromArrays(['a', 'a', ''], [1, 2, 3]) ; map('k', n) ; CAST(m_list AS Array(Tuple(String, Int64))) ; duplicates: list
m_paths ; Map(String, UInt64) ; map() ; map('k', n) ; mapApply((k, v) -> (k, toString(v)), m_paths)
t_paths ; Tuple(id UInt64, s Array(String), e Enum8('a' = 1)) ; (1, [unhex('FF')], 'a') ; (n, ['x'], 'a') ; tuple(toDecimal128(t_paths.id, 0), arrayMap(x -> if(x = unhex('FF'), '�', x), t_paths.s), toInt32(t_paths.e))
whole ; String ; repeat('x', 100) ; repeat('y', 50) ;  ; metrics: full
cut4 ; String ; repeat('x', 100) ; repeat('y', 50) ;  ; metrics: truncate(4)
counted ; String ; repeat('x', 100) ; repeat('y', 50) ;  ; metrics: counts
unmeasured ; Int64 ; '1' ; n ;  ; metrics: none
EOF
columns_make options '(ts, seq)' allow_experimental_dynamic_type=1
columns_fill options 0 60
OPTIONS_TEXT=$(columns_text)
OPTIONS="{ ${C_OPTIONS}m_paths.value: { as: string }, t_paths.id: { as: \"decimal(38,0)\" }, t_paths.s.element: { utf8: replace }, t_paths.e: { as: int } }"

# `time` only by option: Spark refuses such a table, and ClickHouse's Iceberg
# reader takes it for whole seconds.
columns_read <<'EOF'
t_time ; Time ; '23:59:59', '00:00:00' ; 3661 ; toInt64(t_time) * 1000000 ; as: time
t6_time ; Time64(6) ; '23:59:59.999999', '00:00:00' ; '01:02:03.456' ; toInt64(toDecimal64(t6_time, 6) * 1000000) ; as: time
EOF
columns_make times '(ts, seq)'
columns_fill times 0 60
TIMES=$(columns_text)
TIMES_OPTIONS="{ $C_OPTIONS }"

# ---- one run takes all of them ---------------------------------------------------

config "$(entry scalars 'step_rows: 40, row_group_rows: 20')" \
	"$(entry decimals 'step_rows: 40, row_group_rows: 20')" \
	"$(entry nulls 'step_rows: 40, row_group_rows: 20')" \
	"$(entry nested 'step_rows: 40, row_group_rows: 20')" \
	"$(entry texts 'step_rows: 1, columns: { bin: { utf8: binary } }')" \
	"$(entry times "step_rows: 20, columns: $TIMES_OPTIONS")" \
	"$(entry options "step_rows: 20, columns: $OPTIONS")"
calve init
ran 'init'
calve run
ran 'every supported type is taken'
has 'the run says why UInt64 is long' "u64_long.*long" "$ERR"
has 'the run says why UInt64 is decimal' "u64'?.*decimal\(20, ?0\)" "$ERR"

agree scalars cold.scalars "$SCALARS" scalars \
	'b' 'i8 < -100' 'i8 = 127' 'u8 = 255' 'i16 > 29000' 'u16 = 65535' \
	'i32 = -2147483648' 'i32 > 1700000000' 'u32 > 3500000000' \
	'i64 < -9000000000000000000' 'i64 = 9223372036854775807' \
	'u64 = 18446744073709551615' 'u64 > 9223372036854775807' \
	'u64 < 100000000000000001' 'u64_long = 9223372036854775807' 'u64_long < 400' \
	'i128 < -60000000000000000000000000000000000000' \
	"u128 = toUInt128('340282366920938463463374607431768211455') => u128 = '340282366920938463463374607431768211455'" \
	"i256 = -50 => i256 = '-50'" \
	'f32 = 0' 'f32 < -8' 'f32 > 1e30 => f32 > 1e30 => f32 > 1e30 AND NOT isnan(f32)' \
	'f64 = 0' 'f64 < -8' 'f64 <= 0 AND f64 > -1' 'f64 < -1e308' \
	"isNaN(f64) => isNaN(f64) => isnan(f64)" 'bf = 0' 'bf < -14' \
	'!nothing_but_nan = 0' '!nothing_but_nan < 1' 'nothing_but_nan32 IS NULL' \
	'zeros = 0 AND seq < 400' '!zeros < 0' '!zeros32 > 0' 'zeros32 >= 0 AND seq > 900' \
	"s = ''" "s >= 's11'" "s = 's100xxxxxxxxxx'" "s = 'é世😀'" "s > 't'" \
	"fs = toFixedString('ab', 4) => fs = 'ab\\0\\0' => fs = 'ab' || chr(0) || chr(0)" \
	"e8 = 'it''s'" "e8 = ''" "e8 = 'back\\\\slash' => e8 = 'back\\\\slash' => e8 = 'back\\slash'" "e8 = 'ünï😀'" "e16 = 'low'" \
	"lcs = 'lc3'" "lcs >= 'lc4'" 'lcn IS NULL' "lcn = ''" \
	"lcu = 4294967295" "lcd < '1980-01-01'" \
	"uu = '00000000-0000-0000-0000-000000000000'" "uu = 'ffffffff-ffff-ffff-ffff-ffffffffffff'" \
	"uu = '01234567-89ab-cdef-fedc-ba9876543210'" "uu = 'b2d05e00-0000-4000-8000-000000000899'" \
	"ip4 = '255.255.255.255'" "ip4 = '10.0.100.7'" "ip6 = '::1'" "ip6 = '::ffff:1.2.3.4'" \
	"da = '1970-01-01'" "da >= '2027-01-01'" "d32 < '1950-01-01'" "d32 < '1970-01-01' AND d32 > '1965-01-01'" "d32 > '2200-01-01'" \
	"dt >= '2004-05-01 00:00:00'" "dt = '1970-01-01 00:00:00'" \
	"dt0 < '1960-01-01 00:00:00'" "dt1 > '2290-01-01 00:00:00'" "dt2 = '1900-01-01 00:00:00.01'" \
	"dt3 = '1969-12-31 23:59:59.999' => dt3 = '1970-01-01 04:59:59.999'" \
	"dt4 = '1900-01-01 00:00:00.0001'" "dt5 < '1970-01-01 00:00:00'" \
	"dt6 = '1969-12-31 23:59:59.999999'" "dt6 > '1970-01-01 00:00:00' AND dt6 < '1980-01-01 00:00:00'" \
	"dt7 < '1960-01-01 00:00:00'" "dt8 < '1960-01-01 00:00:00'" "dt9 > '2262-01-01 00:00:00'" \
	"ts >= '2024-02-28 23:00:00' AND ts < '2024-02-28 23:10:00'" "ts = '2024-02-28 23:00:00.000001'" 'seq >= 1100'
filters=()
for p in 1 4 9 10 18 19 20 21 22 23 24 26 27 28 29 31 32 33 34 35 36 37 38; do
	filters+=("d$p < -8" "d$p < 0 AND seq > 900" "n$p = -3" "n$p > 3" "n$p IS NULL")
done
agree decimals cold.decimals "$DECIMALS" decimals "${filters[@]}" \
	'd38_0 < 0' 'd38_38 < 0' 'd38_38 > 0'
agree nulls cold.nulls "$NULLS" nulls \
	'ni IS NULL' 'ni IS NOT NULL AND seq < 100' 'ni < -1000' 'nl = 9223372036854775807' 'nx > 9223372036854775807' \
	'nf < 0' 'nf = 0' 'nd < 0' "ns = ''" "ns = 'NULL'" "ns > 'v111'" "nu IS NOT NULL" \
	"nda = '1970-01-01'" "nd32 < '1910-01-01'" "ndt9 < '1950-01-01 00:00:00'" 'n128 < 0' \
	'partly IS NULL' 'partly >= 100' 'partly IS NOT NULL AND seq < 500' '!none_i IS NOT NULL' \
	"!none_s = ''" '!none_f = 0' '!none_d < 0' "!none_t > '1970-01-01 00:00:00'"
agree nested cold.nested "$NESTED" nested \
	'length(a) = 4 => length(a) = 4 => len(a) = 4' \
	'tupleElement(t, 1) < -1000 => tupleElement(t, 1) < -1000 => t.x < -1000' \
	"tupleElement(t, 2) = 'y100' => tupleElement(t, 2) = 'y100' => t.y = 'y100'" \
	'tupleElement(t, 2) IS NULL => tupleElement(t, 2) IS NULL => t.y IS NULL'
filters=()
for i in "${!texts[@]}"; do
	filters+=("s = ${texts[i]} => s = ${texts[i]} => s = $(sed -E "s/unhex\('[0-9A-F]*'\)/decode(&)/g" <<<"${texts[i]}")")
done
for i in "${!binaries[@]}"; do
	filters+=("bin = ${binaries[i]} => bin = ${binaries[i]} => bin = ''::BLOB || $(sed -E "s/unhex\('[0-9A-F]*'\)/&/g; s/repeat\('a', 15\)/repeat('a'::BLOB, 15)/; s/'😀'/unhex('F09F9880')/; s/^''$/''::BLOB/" <<<"${binaries[i]}")")
done
agree texts cold.texts '*' texts "${filters[@]}" \
	"s > repeat('a', 15) AND s < 'b'" "s >= repeat('a', 100000) AND s < 'b'" "s >= '😀'" "ls > 'z'"
agree options cold.options "$OPTIONS_TEXT" options \
	'u64_decimal > 50' 'u64_decimal38 > 9223372036854775807' 'd9_38 < 0' 'd18_30 < 0' 'd76_38 < 0' \
	'i256_decimal < 0' "whole = repeat('x', 100)" "cut4 = repeat('x', 100)" 'unmeasured >= 40' 'ip4_long > 4000000000' \
	"dt9_floor < '1969-12-31 23:59:59.999999' => dt9_floor < '1969-12-31 23:59:59.999999'"
READERS='DuckDB icebird' agree times cold.times "$TIMES" times \
	"toString(t_time) = '23:59:59' => t_time = 86399 => t_time = '23:59:59'" \
	"toString(t6_time) = '23:59:59.999999' => t6_time = 86399 => t6_time = '23:59:59.999999'"

# ---- refused before a row is read ---------------------------------------------------

refusals=(
	"AggregateFunction(sum, UInt64) ; aggregate function's state.*exclude the column"
	"Variant(Int64, String) ; no common type.*as: string"
	"Dynamic ; no common type.*as: string"
	"Array(Variant(Int64, String)) ; no common type.*as: string"
	"Nullable(Nothing) ; no value.*exclude"
	"Tuple() ; holds nothing.*exclude"
	"Map(LowCardinality(Nullable(String)), String) ; (NULL.*exclude|as: string)"
	"QBit(Float32, 8) ; not supported.*as: string"
)
tables=()
for i in "${!refusals[@]}"; do
	type=${refusals[i]%% ; *}
	if sql "CREATE TABLE refused_$i (ts DateTime, seq UInt32, \`the bad one\` $type) ENGINE = MergeTree ORDER BY (ts, seq)" \
		'allow_experimental_qbit_type=1&allow_suspicious_types_in_order_by=1' >"$T/said" 2>&1; then
		sql "INSERT INTO refused_$i (ts, seq) VALUES ('2024-01-01 00:00:00', 1)"
		tables+=("$(entry "refused_$i")")
	else
		has "the engine has no $type" '(ILLEGAL_TYPE|UNKNOWN_TYPE|NOT_IMPLEMENTED|ILLEGAL_COLUMN|EMPTY_DATA_PASSED|DATA_TYPE_CANNOT|BAD_ARG|SUPPORT_IS_DISABLED)' "$(tail -c 300 "$T/said")"
		refusals[i]=
	fi
done
config "${tables[@]}"
calve run
same 'refused types fail the run' 1 "$RC"
for i in "${!refusals[@]}"; do
	[ -n "${refusals[i]}" ] || continue
	type=${refusals[i]%% ; *}
	line=$(grep -E "refused_$i\b.*column" <<<"$ERR" | head -n 1)
	has "$type is refused" "${refusals[i]#* ; }" "$line"
	same "the refusal of $type names column and type" "1 1" \
		"$(grep -cF "'the bad one'" <<<"$line") $(grep -cF "'$type'" <<<"$line")"
	same "nothing is made of $type" '' "$(nothing_of "refused_$i")"
done
config "$(entry refused_0 'exclude: ["the bad one"]')" \
	"$(entry refused_3 'columns: { "the bad one": { as: string } }')" \
	"$(entry refused_7 'columns: { "the bad one": { as: string } }')"
calve run
ran 'refused types are taken as text, or left out'
agree 'without the bad one' cold.refused_0 'ts, seq' refused_0
for i in 3 7; do
	agree "${refusals[i]%% ; *} as text" "cold.refused_$i" \
		'ts, seq, CAST(`the bad one` AS String) AS `the bad one`' "refused_$i"
done

# ---- values that do not fit: nothing is committed -----------------------------------

# TYPE ; VALUE ; OPTIONS ; what the error says
values=(
	"UInt64 ; '9223372036854775808' ; as: long ; does not fit long.*decimal\(20,0\)"
	"Nullable(UInt64) ; '18446744073709551615' ; as: long-checked ; does not fit long"
	"UInt32 ; '2147483648' ; as: int ; does not fit int.*as: long"
	"IPv4 ; '128.0.0.0' ; as: int ; does not fit int"
	"Int128 ; '100000000000000000000000000000000000000' ;  ; more than 38 digits.*as: string"
	"Int128 ; '-100000000000000000000000000000000000000' ;  ; more than 38 digits"
	"UInt128 ; '100000000000000000000000000000000000000' ; as: decimal ; more than 38 digits"
	"Int256 ; '-100000000000000000000000000000000000000' ; as: decimal ; more than 38 digits"
	"UInt256 ; '100000000000000000000000000000000000000' ; as: decimal ; more than 38 digits"
	"Decimal(76, 2) ; '1000000000000000000000000000000000000' ; as: decimal ; more than 38 digits"
	"DateTime64(9) ; '2024-01-01 00:00:00.000000001' ;  ; finer than a microsecond.*time: floor"
	"DateTime64(7) ; '1969-12-31 23:59:59.9999999' ;  ; finer than a microsecond"
	"Time ; '24:00:00' ; as: time ; within one day"
	"Time ; '-00:00:01' ; as: time ; within one day"
	"String ; unhex('61FF') ;  ; UTF-8.*utf8:"
	"String ; unhex('EDA080') ;  ; UTF-8"
	"String ; unhex('F4908080') ;  ; UTF-8"
	"String ; unhex('C0AF') ;  ; UTF-8"
	"LowCardinality(String) ; unhex('FF') ;  ; UTF-8"
	"FixedString(2) ; unhex('C328') ;  ; UTF-8"
	"Array(String) ; [unhex('E2')] ;  ; UTF-8"
	"Map(String, String) ; mapFromArrays(['a', 'a'], ['1', '2']) ;  ; twice.*duplicates: list"
	"Map(UInt8, Map(String, UInt8)) ; map(1, mapFromArrays(['', ''], [1, 2])) ;  ; twice"
)
tables=()
for i in "${!values[@]}"; do
	IFS=$'\x1f' read -r type value options _ <<<"${values[i]// ; /$'\x1f'}"
	sql "CREATE TABLE value_$i (ts DateTime, seq UInt32, v $type) ENGINE = MergeTree ORDER BY (ts, seq)" "$ALLOWED"
	sql "INSERT INTO value_$i SELECT '2024-01-01 00:00:00', 1, CAST($value AS $type)" "$ALLOWED"
	[ -z "$options" ] || options="columns: { v: { $options } }"
	tables+=("$(entry "value_$i" "$options")")
done
config "${tables[@]}"
calve run
same 'values that do not fit fail the run' 1 "$RC"
for i in "${!values[@]}"; do
	IFS=$'\x1f' read -r type value _ wanted <<<"${values[i]// ; /$'\x1f'}"
	line=$(grep -E "value_$i\b.*column 'v[.']" <<<"$ERR" | head -n 1)
	has "$type $value is an error" "$wanted" "$line"
	same "nothing is committed of $type $value" '' \
		"$([ ! -e "$WAREHOUSE/cold/value_$i" ] || table snapshots "cold.value_$i")"
done

# A value that comes later: long was chosen when the table was made.
sql 'CREATE TABLE grows (ts DateTime, seq UInt32, v UInt64) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO grows VALUES ('2024-01-01 00:00:00', 1, 9223372036854775807)"
config "$(entry grows)"
calve run
ran 'UInt64 is taken as long where it fits'
sql "INSERT INTO grows VALUES ('2024-01-02 00:00:00', 2, 9223372036854775808)"
calve run
same 'a later value that does not fit long fails the run' 1 "$RC"
has 'it says which column, and what to do' "column 'v'.*does not fit long.*decimal\(20,0\)" "$ERR"
agree 'what was there stays' cold.grows '*' 'grows WHERE seq = 1'

# ---- options that mean nothing ------------------------------------------------------

# TYPE ; OPTIONS of calve.yaml's columns ; what the error says
options=(
	"Date ; v: { as: int } ; column 'v' of type 'Date'.*choose one of.*date"
	"Float64 ; v: { as: \"decimal(10,2)\" } ; column 'v'.*choose one of.*double"
	"Decimal(18, 4) ; v: { as: \"decimal(20,2)\" } ; column 'v'.*choose one of.*decimal\(18, ?4\)"
	"Decimal(18, 4) ; v: { as: \"decimal(10,4)\" } ; column 'v'.*choose one of"
	"UInt64 ; v: { as: \"decimal(19,0)\" } ; column 'v'.*choose one of.*decimal\(20, ?0\)"
	"FixedString(4) ; v: { as: \"fixed[5]\" } ; column 'v'.*choose one of.*fixed\[4\]"
	"Int64 ; v: { as: nonsense } ; column 'v'.*nonsense.*choose one of.*long"
	"Int64 ; v: { time: floor } ; column 'v'.*time:.*means nothing"
	"DateTime64(9) ; v: { utf8: replace } ; column 'v'.*utf8:.*means nothing"
	"Array(String) ; v: { duplicates: list } ; column 'v'.*duplicates:.*means nothing"
	"String ; w: { as: binary } ; 'w' is no column"
	"Array(String) ; v.elements: { utf8: replace } ; 'v.elements' is no column.*no path"
)
tables=()
for i in "${!options[@]}"; do
	IFS=$'\x1f' read -r type text _ <<<"${options[i]// ; /$'\x1f'}"
	sql "CREATE TABLE option_$i (ts DateTime, seq UInt32, v $type) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO option_$i (ts, seq) VALUES ('2024-01-01 00:00:00', 1)"
	tables+=("$(entry "option_$i" "columns: { $text }")")
done
config "${tables[@]}"
calve run
same 'options that mean nothing fail the run' 1 "$RC"
for i in "${!options[@]}"; do
	IFS=$'\x1f' read -r type text wanted <<<"${options[i]// ; /$'\x1f'}"
	has "$type with $text is an error" "$wanted" "$(grep -E "error .*option_$i\b" <<<"$ERR")"
	same "nothing is made of $type with $text" '' "$(nothing_of "option_$i")"
done
