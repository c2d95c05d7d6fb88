#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The loopback ClickHouse that the other suites rely on answers as a server of
# release 26.5 does, and fails as told: a test of the test equipment.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
T=$ROOT/build/test/front
rm -rf "$T"
mkdir -p "$T"
front_end() {
	local status=$?
	ch_stop "$T" || status=1
	[ "$status" -ne 0 ] || status=$TESTS_FAILED
	exit "$status"
}
trap front_end EXIT
ch_start "$T" || exit 1
URL=$(cat "$T/ch.url")
KEY=$(cat "$T/ch.password")

# ask [CURL OPTIONS]: sets BODY (file), HEAD (text), STATUS, CURL
BODY=$T/body
ask() {
	STATUS=$(curl -s -o "$BODY" -D "$T/head" -w '%{http_code}' \
	    -H 'X-ClickHouse-User: default' -H "X-ClickHouse-Key: $KEY" "$@")
	CURL=$?
	HEAD=$(tr -d '\r' <"$T/head")
}

field() {
	sed -n "s/^$1: //ip" <<<"$HEAD"
}

faults() {
	printf '%s\n' "$@" >"$T/ch.faults"
}

# ---- who asks ------------------------------------------------------------------

same 'ping needs no password' 'Ok.' "$(curl -s "$URL/ping")"
same 'wrong password: status' 403 "$(curl -s -o "$T/out" -D "$T/head" \
    -w '%{http_code}' -u default:wrong "$URL/" -d 'SELECT 1')"
has 'wrong password: code in a header' 'X-ClickHouse-Exception-Code: 516' \
    "$(cat "$T/head")"
has 'wrong password: words of the real one' \
    '^Code: 516. DB::Exception: default: Authentication failed: password is incorrect, or there is no user with such name' \
    "$(cat "$T/out")"
has 'unknown user' '^Code: 516' "$(curl -s -u nobody:x "$URL/" -d 'SELECT 1')"
same 'basic authentication' 1 "$(curl -s -u "default:$KEY" "$URL/" -d 'SELECT 1')"
same 'user in the URL' 1 "$(curl -s "$URL/?user=default&password=$KEY" -d 'SELECT 1')"
ask -u "default:$KEY" "$URL/" -d 'SELECT 1'
same 'two ways at once are refused' 403 "$STATUS"

# ---- what is asked --------------------------------------------------------------

ask "$URL/?query_id=mine&session_timezone=Asia/Tokyo&max_threads=1&param_x=7&database=system" \
    -d "SELECT getSetting('max_threads'), timezone(), currentDatabase(), {x:UInt8}"
same 'settings, database and parameters apply' \
    $'1\tAsia/Tokyo\tsystem\t7' "$(cat "$BODY")"
same 'query id is echoed' mine "$(field X-ClickHouse-Query-Id)"
has 'summary counts' '"read_rows":"1"' "$(field X-ClickHouse-Summary)"
has 'each answer has a tag' '^[a-z]{16}$' "$(field X-ClickHouse-Exception-Tag)"
ask "$URL/" -d "SELECT getSetting('max_threads') = 1 AND timezone() = 'Asia/Tokyo'"
same 'they do not outlive the request' 0 "$(cat "$BODY")"
ask "$URL/?no_such_setting=1" -d 'SELECT 1'
same 'unknown setting' '404 115' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask "$URL/?database=nowhere" -d 'SELECT 1'
same 'unknown database' '404 81' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask "$URL/" -d 'SELECT * FROM nowhere'
same 'unknown table' '404 60' "$STATUS $(field X-ClickHouse-Exception-Code)"
has 'its text' '^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\) \(version [0-9.]+ \(official build\)\)$' "$(cat "$BODY")"
ask "$URL/" -d 'SELEC 1'
same 'nonsense is refused' 4 "${STATUS:0:1}"
ask "$URL/" -d 'SELECT 1; SELECT 2'
same 'two statements are refused' '400 62' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask "$URL/" -d "SELECT ';' -- ; comment
 ;"
same 'a semicolon at the end is not' ';' "$(cat "$BODY")"

# ---- tables ---------------------------------------------------------------------

ask "$URL/" -d 'CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a'
same 'create' 200 "$STATUS"
ask "$URL/?query=INSERT%20INTO%20t%20FORMAT%20TSV" --data-binary $'1\ta;b\n2\tc\n'
has 'insert says what it wrote' '"written_rows":"2"' "$(field X-ClickHouse-Summary)"
ask "$URL/" --data-binary "INSERT INTO t VALUES (3, 'x;y')"
ask "$URL/" -d 'OPTIMIZE TABLE t FINAL'
same 'statements without an answer' '200 0' "$STATUS $(wc -c <"$BODY")"
ask "$URL/?default_format=Native" -d 'SELECT * FROM t ORDER BY a'
same 'Native: header of revision 0' '0203016106' "$(head -c 5 "$BODY" | od -An -tx1 | tr -d ' \n')"
same 'Native: format header' Native "$(field X-ClickHouse-Format)"
cp "$BODY" "$T/native"
ask "$URL/?query=INSERT%20INTO%20t%20FORMAT%20Native" --data-binary "@$T/native"
ask "$URL/" -d 'SELECT count(), sum(a) FROM t'
same 'insert of Native' $'6\t12' "$(cat "$BODY")"
# an empty line in binary data is data; the settings of an insert apply
ask "$URL/" -d 'CREATE TABLE lines (a UInt16, s String) ENGINE = ReplacingMergeTree
    ORDER BY a SETTINGS non_replicated_deduplication_window = 100'
ask "$URL/?default_format=Native" \
    -d "SELECT toUInt16(2570 + number) AS a, 'x\n\ny;\n\n' AS s FROM numbers(300)"
cp "$BODY" "$T/native"
for _ in 1 2; do
	ask "$URL/?insert_deduplication_token=one&query=INSERT+INTO+lines+(a,+s)+FORMAT+Native" \
	    --data-binary "@$T/native" -H 'Transfer-Encoding: chunked'
	same 'insert of bytes that look like lines' '200 0' "$STATUS $(wc -c <"$BODY")"
done
ask "$URL/?insert_deduplication_token=two&query=INSERT+INTO+lines+(a,+s)+FORMAT+Native" \
    --data-binary "@$T/native"
ask "$URL/" -d "SELECT count(), min(a), countIf(s = 'x\n\ny;\n\n') FROM lines"
same 'and once for a token' $'600\t2570\t600' "$(cat "$BODY")"
# as drivers send it: the statement is the body's first lines
{
	printf 'INSERT INTO lines (a, s)\n FORMAT Native\n'
	cat "$T/native"
} >"$T/driver"
ask "$URL/" -d 'TRUNCATE TABLE lines'
ask "$URL/?insert_deduplication_token=three" --data-binary "@$T/driver"
ask "$URL/" -d "SELECT count(), min(a), countIf(s = 'x\n\ny;\n\n') FROM lines"
same 'insert of bytes behind their statement' $'300\t2570\t300' "$(cat "$BODY")"
head -c 1000 "$T/native" >"$T/short"
ask "$URL/?query=INSERT+INTO+lines+FORMAT+Native" --data-binary "@$T/short"
has 'insert of data that is cut' '^Code: [0-9]+. DB::Exception: ' "$(cat "$BODY")"
same 'is refused' 500 "$STATUS"
ask "$URL/?query=INSERT+INTO+none+FORMAT+Native" --data-binary "@$T/native"
same 'insert into nothing' '404 60' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask -G "$URL/" --data-urlencode 'query=DROP TABLE t'
same 'GET may not write' '500 164' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask "$URL/?default_format=Native" -d 'SELECT number FROM numbers(0)'
same 'no rows, no bytes' '200 0' "$STATUS $(wc -c <"$BODY")"

# ---- streams --------------------------------------------------------------------

BIG='SELECT number, toString(number) FROM numbers(3000000)'
ask "$URL/?default_format=Native" -d "$BIG"
whole=$(wc -c <"$BODY")
same 'a long stream ends well' '200 0' "$STATUS $CURL"
ask "$URL/?default_format=Native" -d 'SELECT throwIf(number = 9) FROM numbers(3000000)'
same 'early exception is a status' '500 395' "$STATUS $(field X-ClickHouse-Exception-Code)"
ask "$URL/?default_format=Native" -d 'SELECT number, throwIf(number = 2900000) FROM numbers(3000000)'
same 'late exception: 200, then a broken transfer' '200 18' "$STATUS $CURL"
tag=$(field X-ClickHouse-Exception-Tag)
tail -c 4096 "$BODY" >"$T/tail"
same 'late exception: the frame is tagged' 2 "$(grep -ac "$tag" "$T/tail")"
message=$(grep -a '^Code: 395\.' "$T/tail")
same 'late exception: length of its text' "$((${#message} + 1)) $tag" \
    "$(grep -aA 1 '^Code: 395\.' "$T/tail" | tail -n 1 | tr -d '\r')"
same 'late exception: the frame is the end' $'\r\n__exception__\r\n' \
    "$(tail -c 17 "$BODY")"$'\n'
ask "$URL/?wait_end_of_query=1&default_format=Native" -d 'SELECT number, throwIf(number = 2900000) FROM numbers(3000000)'
same 'wait_end_of_query makes it a status' 500 "$STATUS"

# ---- compressed answers -------------------------------------------------------------

# unframe [zstd]: the last answer as calve's own decoder reads it
unframe() {
	build/test/unframe "$@" <"$BODY" 2>"$T/unframe.err"
}

same_bytes() { # NAME [zstd]
	if unframe "${@:2}" | cmp -s - "$T/plain"; then
		ok "$1"
	else
		not_ok "$1" "$(cat "$T/unframe.err")"
	fi
}

ask "$URL/?default_format=Native" -d "$BIG"
cp "$BODY" "$T/plain"
ask "$URL/?default_format=Native&compress=1" -d "$BIG"
same 'frames: a long answer ends well' '200 0' "$STATUS $CURL"
same 'frames: of LZ4' 82 "$(head -c 17 "$BODY" | tail -c 1 | od -An -tx1 | tr -d ' ')"
same 'frames: no header tells' '' "$(field Content-Encoding)"
same_bytes 'frames: the same bytes within'
ask "$URL/?compress=1" -d 'SELECT * FROM nowhere'
same 'frames: a refusal comes in one' '404 60' "$STATUS $(field X-ClickHouse-Exception-Code)"
has 'frames: and can be read' '^Code: 60\.' "$(unframe)"
ask "$URL/?compress=1&default_format=Native" -d 'SELECT number, throwIf(number = 2900000) FROM numbers(3000000)'
same 'frames: late exception' '200 18' "$STATUS $CURL"
same 'frames: it stands in the last one' $'\r\n__exception__\r\n' \
    "$(unframe | tail -c 17)"$'\n'
has 'frames: its text' '^Code: 395\.' "$(unframe | tail -c 1000 | tr -d '\0')"
ask "$URL/?default_format=Native&enable_http_compression=1" -H 'Accept-Encoding: gzip, zstd' -d "$BIG"
same 'zstd: a long answer ends well' '200 0 zstd' "$STATUS $CURL $(field Content-Encoding)"
same_bytes 'zstd: the same bytes within' zstd
ask "$URL/?default_format=Native" -H 'Accept-Encoding: zstd' -d 'SELECT 1'
same 'zstd: as the setting says' zstd "$(field Content-Encoding)"
ask "$URL/?enable_http_compression=0" -H 'Accept-Encoding: zstd' -d 'SELECT 1'
same 'zstd: only where it allows it' '1' "$(cat "$BODY")"
ask "$URL/?enable_http_compression=1" -d 'SELECT 1'
same 'zstd: only who accepts it' '1' "$(cat "$BODY")"
ask "$URL/?enable_http_compression=1" -H 'Accept-Encoding: zstd' -d 'SELECT * FROM nowhere'
same 'zstd: a refusal, too' '404 zstd' "$STATUS $(field Content-Encoding)"
has 'zstd: and can be read' '^Code: 60\.' "$(unframe zstd)"
ask "$URL/?default_format=Native&enable_http_compression=1" -H 'Accept-Encoding: zstd' \
    -d 'SELECT number, throwIf(number = 2900000) FROM numbers(3000000)'
same 'zstd: late exception' '200 18' "$STATUS $CURL"
has 'zstd: its text' '^Code: 395\.' "$(unframe zstd | tail -c 1000 | tr -d '\0')"
has 'zstd: without an end' 'middle of compressed data' "$(cat "$T/unframe.err")"

running() {
	ch_sql "$T" 'SELECT count() FROM system.processes' | grep -qx 1
}
curl -s -o /dev/null --max-time 1 --limit-rate 1M -u "default:$KEY" \
    "$URL/?default_format=Native" -d 'SELECT number FROM numbers(100000000000)'
wait_until 10 running
same 'a client that leaves ends its query' 0 $?

pids=()
for i in 1 2 3 4; do
	ch_sql "$T" "SELECT $i + sum(number * 0) FROM numbers(3000000)" >"$T/par$i" &
	pids+=($!)
done
wait "${pids[@]}"
same 'queries run side by side' '1 2 3 4' "$(cat "$T"/par? | xargs)"

# ---- faults ---------------------------------------------------------------------

big() {
	ask "$URL/?default_format=Native" -d "$BIG"
	SIZE=$(wc -c <"$BODY")
}
faults 'http 503 times 2'
big; same 'told to refuse' 503 "$STATUS"
big; same 'twice' 503 "$STATUS"
big; same 'and no more' "200 $whole" "$STATUS $SIZE"
faults 'cut-after 100000'
big; same 'cut' '200 18 100000' "$STATUS $CURL $SIZE"
faults 'end-after 100000'
big; same 'short, but well-formed' '200 0 100000' "$STATUS $CURL $SIZE"
faults 'end-at-block 2'
big; same 'short by blocks' '200 0' "$STATUS $CURL"
same 'at a boundary' 1 "$((SIZE > 0 && SIZE < whole))"
faults 'cut-at-block 2 match toString'
big; same 'cut at a boundary' '200 18' "$STATUS $CURL"
faults 'corrupt-at 5'
cp "$BODY" "$T/good"
big; same 'one byte is another' "200 0 $whole 6" \
    "$STATUS $CURL $SIZE $(cmp -l "$T/good" "$BODY" | awk '{ print $1 }')"
faults 'corrupt-at 200000'
ask "$URL/?default_format=Native&compress=1" -d "$BIG"
same 'frames: one byte is another' '200 0' "$STATUS $CURL"
unframe >"$T/out"
has 'frames: as the checksum says' 'checksum' "$(cat "$T/unframe.err")"
ask "$URL/?default_format=Native&enable_http_compression=1" -H 'Accept-Encoding: zstd' -d "$BIG"
unframe zstd >"$T/out"
has 'zstd: one byte is another' 'corrupt stream' "$(cat "$T/unframe.err")"
faults 'cut-after 100000'
ask "$URL/?default_format=Native&compress=1" -d "$BIG"
same 'frames: cut on the wire' '200 18 100000' "$STATUS $CURL $(wc -c <"$BODY")"
faults 'exception-after-rows 100000'
big; same 'exception in mid-stream' '200 18' "$STATUS $CURL"
has 'with the tag' "$(field X-ClickHouse-Exception-Tag)" "$(tail -c 200 "$BODY" | tr -d '\0')"
faults 'old-exception-after-rows 1'
big; same 'the old way: no tag' '' "$(field X-ClickHouse-Exception-Tag)"
has 'the old way: bare text' 'Code: 241\..*$' "$(tail -c 150 "$BODY" | tr -d '\0')"
faults 'stall-after 1000'
ask --max-time 1 "$URL/?default_format=Native" -d "$BIG"
same 'silence' "28 1000" "$CURL $(wc -c <"$BODY")"
faults 'die-after 1000'
big; has 'the server dies' '^(18|56)$' "$CURL"
wait_until 10 proc_gone "$T/ch.pid"
faults ''
ch_start "$T"
same 'its data are there again' $'6\t12' "$(ch_sql "$T" 'SELECT count(), sum(a) FROM t')"

# ---- its end ----------------------------------------------------------------------

faults 'stall-after 1000'
curl -s -o "$T/stalled" -u "default:$KEY" "$URL/?default_format=Native" -d "$BIG" &
stalled=$!
sized() {
	[ -s "$T/stalled" ]
}
wait_until 10 sized
ch_stop "$T"
wait "$stalled"
has 'SIGTERM ends a stalled answer, broken' '^(18|56)$' $?
same 'and has nothing to say' '' "$(grep '^chdb-front:' "$T/ch.log")"
