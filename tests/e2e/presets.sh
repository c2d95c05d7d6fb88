#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each preset of encodings, with and without compression, over columns that it
# is made for: the encodings are really there, and three readers find every
# value, with several pages and row groups to choose from by filters.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite presets
sanitized

columns_read <<'EOF'
i ; Int32 ; '-2147483648', '2147483647' ; n * 3
random ; Int64 ; '-9223372036854775808', '9223372036854775807' ; toInt64(sipHash64(n) % 9000000000000000000) - 4500000000000000000
few ; Int16 ;  ; n % 7
down ; Nullable(Int64) ; NULL, NULL ; if(n % 10 = 0, NULL, 1000000 - n * 17)
d9 ; Decimal(9, 2) ; '-9999999.99', '9999999.99' ; n / 4
d18 ; Decimal(18, 8) ; '-9999999999.99999999' ; n / 8
d38 ; Decimal(38, 4) ; '-9999999999999999999999999999999999.9999' ; n
u ; UInt64 ; '18446744073709551615' ; toUInt64(n) * 1000003
f ; Float32 ; 'nan', '-0', 'inf', '-inf' ; 100 + sin(n / 1000)
g ; Float64 ; 'nan', '-0', 'inf', '-inf' ; 100 + sin(n / 1000)
gn ; Nullable(Float64) ; NULL, 'nan' ; if(n % 4 = 0, NULL, n / 8)
s ; String ; '', 'é' ; concat('key-', leftPad(toString(n), 8, '0'))
text ; String ;  ; concat(repeat(concat('word', toString(n % 100), ' '), n % 9), toString(sipHash64(n)))
label ; LowCardinality(String) ;  ; ['red', 'green', 'blue', ''][n % 4 + 1]
sn ; Nullable(String) ; NULL, '' ; if(n % 3 = 0, NULL, toString(n))
uu ; UUID ;  ; concat(leftPad(lower(hex(n)), 8, '0'), '-0000-4000-8000-000000000000')
fx ; FixedString(5) ;  ; leftPad(toString(n % 100000), 5, '0')
b ; Bool ;  ; intDiv(n, 1000) % 2
da ; Date32 ; '1900-01-01' ; toDate32('1960-01-01') + intDiv(n, 2)
t9 ; DateTime64(9) ; '1900-01-01 00:00:00' ; toDateTime64('2024-01-01 00:00:00', 9, 'UTC') + n
a ; Array(Int64) ; [] ; range(toUInt64(n % 4), toUInt64(n % 4 + n % 3))
as ; Array(Nullable(String)) ; [] ; [toString(n), NULL]
m ; Map(String, Float64) ; map() ; map('k', n / 2)
EOF
columns_make source '(ts, seq)'
columns_fill source 0 12000
TEXT=$(columns_text)

tables=()
for preset in compat compact dense; do
	for compression in zstd:3 none; do
		tables+=("$(entry source "encoding: $preset, compression: \"$compression\", row_group_rows: 5000, step_rows: 9000" "${preset}_${compression%:*}")")
	done
done
tables+=("$(entry source 'encoding: dense, compression: "zstd:19"' dense_19)"
	"$(entry source 'row_group_rows: 1, step_rows: 50, start: 2024-03-08' tiny)")
config "${tables[@]}"
calve init
ran 'init'
calve run
ran 'every preset is written'

stored() { # NAME TABLE COLUMN WANTED
	same "$1" "$3 $4" "$(node tests/e2e/encodings.mjs "$WAREHOUSE/cold/$2" | grep "^$3 ")"
}
for codec in ZSTD UNCOMPRESSED; do
	compression=zstd
	[ $codec = ZSTD ] || compression=none
	t=compat_$compression
	stored "$t: times" $t ts "$codec PLAIN"
	stored "$t: doubles" $t g "$codec PLAIN"
	stored "$t: text" $t text "$codec PLAIN"
	stored "$t: labels" $t label "$codec PLAIN RLE_DICTIONARY"
	stored "$t: booleans" $t b "$codec PLAIN"
	t=compact_$compression
	stored "$t: times" $t ts "$codec DELTA_BINARY_PACKED"
	stored "$t: NULLs" $t down "$codec DELTA_BINARY_PACKED RLE"
	stored "$t: doubles" $t g "$codec PLAIN"
	stored "$t: text" $t text "$codec PLAIN"
	t=dense_$compression
	stored "$t: times" $t ts "$codec DELTA_BINARY_PACKED"
	stored "$t: dates" $t da "$codec DELTA_BINARY_PACKED"
	# split bytes pay by their compression only
	split=BYTE_STREAM_SPLIT
	[ $codec = ZSTD ] || split=PLAIN
	stored "$t: floats" $t f "$codec $split"
	stored "$t: doubles" $t g "$codec $split"
	stored "$t: text" $t text "$codec DELTA_LENGTH_BYTE_ARRAY"
	stored "$t: wide decimals" $t d38 "$codec PLAIN"
	stored "$t: uuids" $t uu "$codec PLAIN"
	stored "$t: booleans" $t b "$codec PLAIN"
done
for t in compat_zstd compat_none compact_zstd compact_none dense_zstd dense_none dense_19; do
	agree_add "$t" "cold.$t" "$TEXT" source 'seq = 77770' 'seq BETWEEN 49000 AND 51000' \
		"ts >= '2024-03-05 00:00:00' AND ts < '2024-03-05 01:00:00'" "i = 15000" 'random < -9000000000000000000' \
		'down IS NULL AND seq > 110000' 'd9 < 0' 'd18 > 1490' 'd38 < 0' 'u > 18446744073709551614' \
		'f < 0' 'g = 0' "s = 'key-00010000'" "s = 'é'" "label = '' AND seq < 1000" "sn = '11999'" \
		"uu = '00002000-0000-4000-8000-000000000000'" "da < '1950-01-01'" "t9 >= '2024-01-01 03:10:00'" 'b AND seq < 20000'
done
agree_add 'a row a group' cold.tiny "$TEXT" "source WHERE ts >= '2024-03-08'"
agree_all

# ---- the preset changes between two runs ------------------------------------------

columns_fill source 12000 500
config "$(entry source 'encoding: dense' compat_zstd)" "$(entry source 'encoding: compat, compression: none' dense_zstd)"
calve run
ran 'another preset from now on'
stored 'files of two presets' compat_zstd ts 'ZSTD DELTA_BINARY_PACKED PLAIN'
stored 'files of two codecs' dense_zstd ts 'ZSTD UNCOMPRESSED DELTA_BINARY_PACKED PLAIN'
agree 'files of two presets' cold.compat_zstd "$TEXT" source 'seq = 120010' 'seq = 100'
agree 'files of two codecs' cold.dense_zstd "$TEXT" source 'seq = 120010' 'seq = 100'
