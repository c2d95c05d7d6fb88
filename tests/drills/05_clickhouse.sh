#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drill 5: ClickHouse's answer breaks off, stalls, lies or is damaged at every
# place of the stream, and servers are killed in the middle of it. calve's own
# retry, or else the next run, takes every row once; the ledger has the attempt
# that failed, with its class.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill

ROWS=150000 # three blocks of the server's
COLUMNS="ts DateTime64(3, 'UTC'), seq UInt64, symbol LowCardinality(String), price Decimal64(8), note Nullable(String), text String"
sql "CREATE TABLE t ($COLUMNS) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO t SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number, 3) * 20), number, ['BTC', 'ETH', 'XMR'][number % 3 + 1], toDecimal64(number / 7, 8), if(number % 5 = 0, NULL, toString(number)), concat('text ', toString(number)) FROM numbers($ROWS)"
MATCH='FORMAT Native' # of the query for the rows, not of others

# ---- one table a time, from the beginning ----------------------------------------

# aim NAME [OPTIONS]: t into a fresh target; calve asks URL, the server's own
# where that is not set
aim() {
	NAME=$1
	config "{ name: $1, source: hot.t, target: lake.cold.$1, timestamp: ts, sequence: seq, partition: [day(ts)]${2:+, $2} }"
	[ -z "${URL:-}" ] || sed -i "s|url: \"[^\"]*\"|url: \"$URL\"|" "$T/calve.yaml"
}

attempts() {
	state "SELECT string_agg(state || coalesce('/' || error_class, ''), ' ' ORDER BY started_at) FROM offload_runs WHERE table_name = '$NAME'"
}

# What must hold after the first run ended, whatever happened to it:
# held LEDGER [MESSAGE]: the pattern of all its attempts, and of its errors
held() {
	local seen
	seen=$(attempts)
	[[ $seen =~ ^($1)$ ]] || BROKEN+="$NAME: the ledger says '$seen': $ERR; "
	[[ -z ${2:-} || $seen == success ]] || grep -qE -- "$2" <<<"$ERR" || BROKEN+="$NAME: no '$2' in '$ERR'; "
	drill_rerun -t "$NAME"
	drill_compare "${TABLE:-t}=cold.$NAME"
	((TIMES += 1, SUM_LOST += LOST, SUM_DUPLICATED += DUPLICATED))
	rm -rf "${WAREHOUSE:?}/cold/$NAME"
}

begin() {
	TIMES=0 SUM_LOST=0 SUM_DUPLICATED=0 BROKEN=
}

# finish WHAT DID
finish() {
	same "$1: each was seen, called what it is, and healed" '' "$BROKEN"
	drill_result "$1" "$TIMES" "$SUM_LOST" "$SUM_DUPLICATED" "$2"
}

# front LINE: from now on the server does this to the query for the rows
front() {
	printf '%s\n' "${1:+$1 match $MATCH}" >"$T/ch/ch.faults"
}

CONFIG_EXTRA='retry: { attempts: 3, backoff: 1ms }'
HEALED='failed/source-lost success'
aim first
calve init

# ---- the wire ----------------------------------------------------------------------

mkdir "$T/wire"
tests/drills/wire.mjs "$T/wire" "$(cat "$T/ch/ch.url")" "$MATCH" 2>"$T/wire/log" &
wait_until 10 test -s "$T/wire/wire.port" || exit 1
URL=http://127.0.0.1:$(cat "$T/wire/wire.port")

wire() { # KIND N
	rm -f "$T/wire/wire.struck"
	echo "$1 $2" >"$T/wire/wire.plan"
}

struck() {
	[[ -e $T/wire/wire.struck ]] || BROKEN+="$NAME: the wire did not break; "
}

aim whole
begin
calve run
held success
LENGTH=$(stat -c %s "$T/wire/wire.answer")
HEAD=$(head -c 65536 "$T/wire/wire.answer" | grep -abm 1 $'^\r$' | cut -d: -f1)
((HEAD += 2))
POSITION=$(watermark whole)
has 'an answer is some megabytes long, its head some hundred bytes' '^[0-9]{7} [0-9]{3}$' "$LENGTH $HEAD"

# places HEAD-PLACES BODY-PLACES TAIL-PLACES: sets PLACES, spread over the
# answer as it travels; those of the tail count from its end
places() {
	local n part=$(((LENGTH - HEAD - 64) / ($2 > 0 ? $2 : 1)))
	PLACES=(1)
	for ((n = 1; n <= $1; n++)); do
		PLACES+=($((HEAD * n / $1)))
	done
	for ((n = 0; n < $2; n++)); do
		drill_draw $((HEAD + part * n)) $((HEAD + part * (n + 1) - 1))
		PLACES+=("$DRAWN")
	done
	for ((n = 1; n <= $3; n++)); do
		PLACES+=("-$n")
	done
}

# Before the first line of the head is whole libcurl asks again by itself; when
# only the last line break is missing, nothing is.
for kind in cut reset; do
	# shellcheck disable=SC2046 # three words
	places $(drill_scaled '9 90 8' '1 3 2')
	begin
	for place in "${PLACES[@]}"; do
		aim "${kind}_${place/-/end}"
		wire $kind "$place"
		calve run
		struck
		case $place in
		1 | -1) held "success|$HEALED" ;;
		*) held "$HEALED" 'in the middle of an answer' ;;
		esac
	done
	finish "connection $([ $kind == cut ] && echo closed || echo reset) after N bytes" 'tried again'
done

begin
# shellcheck disable=SC2046
places $(drill_scaled '1 7 2' '0 1 0')
for place in "${PLACES[@]:1}"; do
	aim "stall_${place/-/end}" 'timeout: 1s'
	wire stall "$place"
	calve run
	struck
	held "$HEALED" "sent nothing for (1|10) s; see the server's log, raise timeout"
done
finish 'stream stalled beyond the timeout' 'tried again'

# Of the head and of the chunks' framing: what is turned there may be seen or
# be without meaning, as a date is.
begin
# shellcheck disable=SC2046
places $(drill_scaled '40 0 8' '3 0 1')
for place in "${PLACES[@]}"; do
	aim "head_${place/-/end}" 'timeout: 1s'
	wire flip "$place"
	calve run
	struck
	held "success|$HEALED|failed/(source|data) ?(success)?"
done
finish 'a byte turned in head or tail' 'seen, or without meaning'

# ---- the body, block by block --------------------------------------------------------

unset URL
begin
for status in 500 503; do
	for times in $(drill_scaled '1 2' 1); do
		aim "http_${status}_$times"
		front "http $status times $times"
		calve run
		front
		held "$(yes 'failed/source-lost' | head -n "$times" | tr '\n' ' ')success" "HTTP status $status"
	done
done
finish 'HTTP 500 or 503, then fine' 'tried again'

begin
for kind in exception old-exception; do
	for rows in $(drill_scaled '0 1 60000 65409 65410 130818 149999 150000' 100000); do
		aim "${kind/-/_}_$rows"
		front "$kind-after-rows $rows times 1"
		calve run
		front
		held "$HEALED" 'error 241 of the source: .*memory'
	done
done
finish 'exception in mid-stream' 'tried again'

begin
for kind in end-at-block cut-at-block; do
	for block in $(drill_scaled '0 1 2' 1); do
		aim "${kind//-/_}_$block"
		front "$kind $block times 1"
		calve run
		front
		if [ $kind == end-at-block ]; then
			held success # counted and read again in the same attempt
		else
			held "$HEALED" 'in the middle of an answer'
		fi
	done
done
finish 'result cut at a block boundary' 'counted and read again'

begin
for ((n = 0; n < $(drill_scaled 10 1); n++)); do
	drill_draw 1 $((LENGTH - HEAD - 1000))
	aim "short_$DRAWN"
	front "end-after $DRAWN times 1"
	calve run
	front
	held "$HEALED" 'run it again'
done
finish 'result cut inside a block, HTTP in order' 'tried again'

# ---- the server is killed ------------------------------------------------------------

# The front dies after N bytes and is started again while calve tries again.
CONFIG_EXTRA='retry: { attempts: 20, backoff: 300ms }'
begin
for ((n = 0; n < $(drill_scaled 20 2); n++)); do
	drill_draw 1 $((LENGTH - HEAD - 1000))
	aim "died_$DRAWN"
	front "die-after $DRAWN"
	"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>"$T/died.err" </dev/null &
	run=$!
	wait_until 30 proc_gone "$T/ch/ch.pid" || not_ok 'the front did not die'
	front
	ch_start "$T/ch" || exit 1
	wait $run
	ERR=$(cat "$T/died.err")
	held 'failed/source-lost( failed/source-lost)* success' 'in the middle of an answer'
done
finish 'engine killed in mid-stream, started again' 'tried until it was back'

# ---- damaged bytes -------------------------------------------------------------------

# turned NAME OFFSET: turns a byte of the body, runs; sets SEEN
turned() {
	aim "$1"
	front "corrupt-at $2 times 1"
	calve run
	front
	SEEN=$([[ $(attempts) == success ]] || echo 1)
}

# draw_of RANGES: sets DRAWN, an offset within one of "MEANING COLUMN FROM TO",
# a line each, and the first two
draw_of() {
	local from to
	drill_draw 1 "$(wc -l <<<"$1")"
	read -r MEANING COLUMN from to < <(sed -n "${DRAWN}p" <<<"$1")
	drill_draw "$from" $((to - 1))
}

MAP=$(tests/drills/native_map.mjs "$T/wire/wire.answer")
begin
for meaning in count name type version flags length; do
	ranges=$(grep "^$meaning " <<<"$MAP")
	for ((n = 0; n < $(drill_scaled 20 1); n++)); do
		draw_of "$ranges"
		turned "${meaning}_${DRAWN}_$n" "$DRAWN"
		[[ $SEEN ]] || BROKEN+="$MEANING of $COLUMN at $DRAWN was not seen; "
		held "failed/(data|limit)|$HEALED|success"
	done
done
finish 'a byte turned in counts, names, types, lengths' 'all seen'

# Inside a value nobody can know in plain Native: where it goes unseen the value
# is another one, but no row is missing, none is there twice, and the position
# is right.
unseen() {
	local rows
	rows=$(sql "SELECT count() FROM $(iceberg "cold.$NAME")")
	[[ $rows/$(watermark "$NAME") == "$ROWS/$POSITION" ]] ||
		BROKEN+="$MEANING of $COLUMN at $DRAWN: $rows rows, position $(watermark "$NAME"); "
	((TIMES += 1, SUM_LOST += rows < ROWS ? ROWS - rows : 0, SUM_DUPLICATED += rows > ROWS ? rows - ROWS : 0))
	rm -rf "${WAREHOUSE:?}/cold/$NAME"
}

begin
SEEN_OF=
for what in 'value ts' 'value seq' 'value price' 'value text' 'value note' 'key symbol' 'index symbol' 'nulls note'; do
	ranges=$(grep "^$what " <<<"$MAP")
	seen=0
	for ((n = 1; n <= $(drill_scaled 20 1); n++)); do
		draw_of "$ranges"
		turned "value_${DRAWN}_$n" "$DRAWN"
		((seen += ${SEEN:-0}))
		if [[ $SEEN ]]; then
			held 'failed/(data|limit)|failed/source-lost success'
		else
			unseen
		fi
	done
	SEEN_OF+="$what $seen/$((n - 1)), "
done
finish 'a byte turned inside a value' "seen: ${SEEN_OF%, }"

# ---- Debian's server is killed ---------------------------------------------------------

# The engine has the same rows to compare with.
if ! command -v clickhouse-server >/dev/null; then
	echo "skip Debian's clickhouse-server killed in mid-stream: it is not to be had here"
	exit
fi
old_ch_start "$T/old" || exit 1
OLD_ROWS=2000000
for server in sql 'old_ch_sql '"$T/old"; do
	$server "CREATE TABLE old (ts DateTime, seq UInt64, price Decimal64(8), note Nullable(String)) ENGINE = MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (ts, seq)"
	$server "INSERT INTO old SELECT toDateTime(1709251200 + intDiv(number, 1000)), toUInt64(number), toDecimal64(number / 8, 8), if(number % 3 = 0, NULL, toString(number)) FROM system.numbers LIMIT $OLD_ROWS"
	same 'the engine and the old server hold the same' "$OLD_ROWS 1999999000000" \
		"$($server 'SELECT count(), sum(seq) FROM old' | tr '\t' ' ')"
done
mkdir "$T/old_wire"
tests/drills/wire.mjs "$T/old_wire" "$(cat "$T/old/old.url")" "$MATCH" 2>"$T/old_wire/log" &
wait_until 10 test -s "$T/old_wire/wire.port" || exit 1
OLD_URL=$(cat "$T/old/old.url")
begin
for ((n = 0; n < $(drill_scaled 10 1); n++)); do
	drill_draw 1 50000000
	NAME=killed_$DRAWN
	config "{ name: $NAME, source: hot.old, target: lake.cold.$NAME, timestamp: ts, sequence: seq }"
	sed -i "s|url: \"[^\"]*\"|url: \"http://127.0.0.1:$(cat "$T/old_wire/wire.port")\"|; s|user: \"[^\"]*\", password: \"[^\"]*\"|user: reader, password: reader-secret|" "$T/calve.yaml"
	rm -f "$T/old_wire/wire.struck"
	echo "hold $DRAWN" >"$T/old_wire/wire.plan"
	"$CALVE" -c "$T/calve.yaml" run >/dev/null 2>"$T/killed.err" </dev/null &
	run=$!
	wait_until 30 test -e "$T/old_wire/wire.struck" || not_ok "$NAME: the stream did not come so far"
	old_ch_kill "$T/old"
	old_ch_start "$T/old" || exit 1
	same "$NAME: the server is back on its port" "$OLD_URL" "$(cat "$T/old/old.url")"
	wait $run
	ERR=$(cat "$T/killed.err")
	TABLE=old held 'failed/source-lost( failed/source-lost)* success' 'in the middle of an answer'
done
finish "Debian's server killed in mid-stream, started again" 'tried until it was back'
