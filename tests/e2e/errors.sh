#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad input of every kind: one line that names cause, subject and what to do,
# the exit status of calve(1), the class in the ledger, nothing committed; and
# once it is mended, every row. Runs under the sanitizers.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite errors
CALVE=$ROOT/build/asan/calve

EXTRA='limits: { memory: none }' # the sanitizers reserve terabytes
ONCE="retry: { attempts: 1 }
$EXTRA"
CONFIG_EXTRA=$ONCE
LIKE="ts DateTime64(3, 'UTC'), seq UInt64, text String"
KEYS='timestamp: ts, sequence: seq'

entry() { # NAME [MORE]
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, ${2:-$KEYS} }"
}

make() { # NAME COLUMNS SELECT-LIST ROWS [ORDER BY]
	sql "CREATE TABLE $1 ($2) ENGINE = MergeTree ORDER BY ${5:-(ts, seq)} SETTINGS allow_nullable_key = 1"
	sql "INSERT INTO $1 SELECT $3 FROM numbers($4)"
}
TS="toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number, 3) * 10)"

# one_error NAME EXIT-STATUS PATTERN: what every refusal has in common
one_error() {
	same "$1: exit status $2 and one error" "$2 1" "$RC $(errors_in "$ERR")"
	has "$1: it says" "^[0-9T:.-]+Z error calve\\[[0-9]+\\] .*$3" "$(grep -E '^[0-9T:.-]+Z error ' <<<"$ERR")"
	if grep -qF "$CLICKHOUSE_PASSWORD" <<<"$OUT$ERR"; then
		not_ok "$1: prints the password"
	fi
}

files_of() { # NAME
	find "$WAREHOUSE/cold/$1/data" -type f 2>/dev/null | wc -l
}

snapshots_of() { # NAME
	if [ -e "$WAREHOUSE/cold/$1/metadata/v1.metadata.json" ]; then
		table snapshots "cold.$1" | wc -l
	else
		echo 0
	fi
}

# fails NAME CLASS PATTERN: a run that is refused; nothing of it is left.
fails() {
	local snapshots files
	snapshots=$(snapshots_of "$1") files=$(files_of "$1")
	calve run
	one_error "$1" 1 "'?$1'?.*$3"
	same "$1: the ledger has the class" "failed|$2" "$(last_run "$1" state,error_class)"
	same "$1: nothing is committed, no file left" "$snapshots $files" "$(snapshots_of "$1") $(files_of "$1")"
}

mended() { # NAME [COLUMNS]
	calve run
	same "$1: mended, the run ends well" "0 0" "$RC $(errors_in "$ERR")"
	equal "$1: mended, every row is there once" "$1" "cold.$1" "${2:-toUnixTimestamp64Milli(ts), toString(seq), text}"
}

# ---- usage and calve.yaml -------------------------------------------------------------

make t "$LIKE" "$TS, number, toString(number)" 30
config "$(entry t)"
calve
same 'no command: exit status 2' 2 "$RC"
calve frobnicate
same 'unknown command: exit status 2' 2 "$RC"
has 'unknown command: is named' "'frobnicate'" "$ERR"
calve run --frobnicate
same 'unknown option: exit status 2' 2 "$RC"
calve run -t 'nosuch*'
one_error 'pattern without a table' 2 "'nosuch\\*'"
calve offload --source-table t
same 'offload without its flags: exit status 2' 2 "$RC"
has 'offload without its flags: names one' 'target-table' "$ERR"

"$CALVE" -c "$T/nosuch.yaml" run >"$T/out" 2>"$T/err"
RC=$? ERR=$(cat "$T/err") OUT=
one_error 'missing config' 2 "nosuch.yaml"

# bad NAME LINE PATTERN SED-SCRIPT: calve.yaml after that edit
bad() {
	config "$(entry t)"
	sed -i "$4" "$T/calve.yaml"
	calve run
	one_error "calve.yaml: $1" 2 "calve.yaml:$2: .*$3"
}
TABLE_LINE=$(grep -n '^  - ' "$T/calve.yaml" | cut -d: -f1)
bad 'malformed' '[0-9]+' '' '2s/.*/sources: [/'
bad 'unknown key' "$TABLE_LINE" "'timestmp'.*did you mean 'timestamp'" 's/timestamp:/timestmp:/'
bad 'duplicate key' "$TABLE_LINE" "'sequence'" 's/sequence: seq/sequence: seq, sequence: seq/'
bad 'no timestamp' "$TABLE_LINE" "'timestamp' is missing" 's/timestamp: ts, //'
bad 'unknown source' "$TABLE_LINE" "'hott'.*did you mean 'hot'" 's/source: hot/source: hott/'
bad 'unknown catalog' "$TABLE_LINE" "'lakes'.*did you mean 'lake'" 's/target: lake/target: lakes/'
bad 'not a duration' '[0-9]+' "'5 parsecs'" 's/settle: 5m/settle: 5 parsecs/'
bad 'relative warehouse' '[0-9]+' "'lake'.*absolute" 's|warehouse: "/|warehouse: "|'
bad 'unset variable' 3 "'?NO_SUCH_VARIABLE'?" 's/CLICKHOUSE_PASSWORD/NO_SUCH_VARIABLE/'
bad 'url with credentials' '[0-9]+' "'user' and 'password'" 's|http://|http://me:secret@|'
config "$(entry t)"
printf '\0\377\376' >>"$T/calve.yaml"
calve run
one_error 'calve.yaml: not text' 2 'calve.yaml'
: >"$T/calve.yaml"
calve run
one_error 'calve.yaml: empty' 2 "calve.yaml.*"
config "$(entry t)" "$(entry t)"
calve run
one_error 'calve.yaml: a table twice' 2 "calve.yaml:[0-9]+: table 't' is there twice"
config "$(entry t "$KEYS, after: [t]")"
calve run
one_error 'calve.yaml: a table after itself' 2 "'t'"

config "$(entry t)"
calve run
one_error 'before calve init' 3 "'calve init'"
calve init

# ---- the state database ----------------------------------------------------------------

sed -i 's/^state:.*/state: "host=\/nonexistent user=calve dbname=calve"/' "$T/calve.yaml"
calve run
one_error 'state database out of reach' 3 'state database'
config "$(entry t)"
sed -i 's/dbname=calve/dbname=nosuch/' "$T/calve.yaml"
calve run
one_error 'state database that is not there' 3 'nosuch'

# ---- the source ---------------------------------------------------------------------------

config "$(entry unknown)"
fails unknown source "'?default\\.unknown'?"
make unknown "$LIKE" "$TS, number, toString(number)" 30
mended unknown

make column "$LIKE" "$TS, number, toString(number)" 30
config "$(entry column 'timestamp: when, sequence: seq')"
fails column config "'when' in 'default.column'; set timestamp: .*'ts'"
config "$(entry column 'timestamp: ts, sequence: nr')"
fails column config "'nr' in 'default.column'; set sequence: .*'seq'"
config "$(entry column "$KEYS, partition: [day(tss)]")"
fails column config "'tss'"
config "$(entry column "$KEYS, partition: [century(ts)]")"
fails column config "there is no transform 'century'"
config "$(entry column "$KEYS, partition: [day(text)]")"
fails column config "day cannot be applied to column 'text' of type string; choose"
config "$(entry column "$KEYS, columns: { txt: { utf8: replace } }")"
fails column config "'txt'"
config "$(entry column "$KEYS, columns: { text: { as: polygon } }")"
fails column config "'(text|polygon)'"
config "$(entry column "$KEYS, include: [ts, seq, nosuch]")"
fails column config "'nosuch'"
config "$(entry column)"
mended column

make locked "$LIKE" "$TS, number, toString(number)" 30
config "$(entry locked)"
CLICKHOUSE_PASSWORD=open-sesame fails locked source "'(hot|default)'"
has 'locked: not the password tried' '^0$' "$(grep -c open-sesame <<<"$OUT$ERR")"
mended locked

make down "$LIKE" "$TS, number, toString(number)" 30
config "$(entry down)"
ch_stop "$T/ch"
fails down source-lost "'http://127.0.0.1:[0-9]+'.*is the server up"
ch_start "$T/ch"
config "$(entry down)"
mended down

# ---- streams that break ----------------------------------------------------------------

make big "$LIKE" "$TS, number, randomPrintableASCII(100)" 200000
# shellcheck disable=SC2016
ROWS='match ORDER BY `ts`' # of the query that reads the rows, not of others
broken=0
# streamed WHAT KIND-AND-NUMBER CLASS PATTERN: into a table of its own, and once
# it works again every row is there
streamed() {
	local name=broken_$((broken += 1))
	config "{ name: $name, source: hot.big, target: lake.cold.$name, $KEYS, timeout: 1s }"
	echo "$2" >"$T/ch/ch.faults"
	fails "$name" "$3" "$4" | sed "s/ $name:/ $name ($1):/"
	: >"$T/ch/ch.faults"
	proc_alive "$T/ch/ch.pid" || {
		ch_start "$T/ch"
		config "{ name: $name, source: hot.big, target: lake.cold.$name, $KEYS }"
	}
	calve run
	same "$name ($1): the next run takes every row" '0 200000 200000' \
		"$RC $(sql "SELECT count(), uniqExact(seq) FROM $(iceberg "cold.$name")" | tr '\t' ' ')"
	rm -rf "$WAREHOUSE/cold/$name"
}
CUT='closed the connection in the middle of an answer; see the'
streamed 'cut' "cut-after 3000000 $ROWS" source-lost "$CUT"
streamed 'cut at a block' "cut-at-block 1 $ROWS" source-lost "$CUT"
streamed 'short, but HTTP looks right' "end-after 3000000 $ROWS" source-lost 'run it again'
streamed 'short at a block, HTTP looks right' "end-at-block 1 $ROWS" source-lost 'counted 200000 rows'
streamed 'stalled' "stall-after 3000000 $ROWS" source-lost 'sent nothing for 1 s'
streamed 'tagged exception' "exception-after-rows 70000 $ROWS" source-lost 'of the source: .*; raise'
streamed 'bare exception' "old-exception-after-rows 70000 $ROWS" source-lost 'of the source: .*; raise'
streamed 'HTTP 500' 'http 500' source-lost 'HTTP status 500; see the server'
streamed 'HTTP 503 for the rows' "http 503 $ROWS" source-lost 'HTTP status 503; see the server'
streamed 'the server dies' "die-after 3000000 $ROWS" source-lost "$CUT"
# A byte each of columns, rows, name and type, high ones of the first time,
# which lies outside of what was asked for then, and low ones further on, which
# put rows out of order.
for offset in 0 1 2 3 5 6 7 10 20 27 33 34 35 8028 400028; do
	streamed "corrupt byte $offset" "corrupt-at $offset $ROWS" data ''
done

# The position is taken from the last rows: a damaged time there would skip all
# that comes after it. Without an order to go by, the count's maximum tells.
make heap "$LIKE" "$TS, number, randomPrintableASCII(10)" 30 text
config "$(entry heap)"
echo "corrupt-at 28 times 1 match FORMAT Native" >"$T/ch/ch.faults"
mended heap
same 'heap: no row comes before the position' "$(sql 'SELECT toUnixTimestamp64Milli(max(ts)) FROM heap')" \
	"$(sql "SELECT toUnixTimestamp64Milli(max(ts)) FROM $(iceberg cold.heap)")"
: >"$T/ch/ch.faults"

# What heals by itself is tried again.
make again "$LIKE" "$TS, number, randomPrintableASCII(100)" 60000
CONFIG_EXTRA="retry: { attempts: 3, backoff: 10ms }
$EXTRA"
config "$(entry again)"
echo "cut-after 3000000 times 2 $ROWS" >"$T/ch/ch.faults"
mended again
same 'again: three attempts are in the ledger' '1 failed,2 failed,3 success' \
	"$(state "SELECT string_agg(attempt || ' ' || state, ',' ORDER BY attempt) FROM offload_runs WHERE table_name = 'again'")"
: >"$T/ch/ch.faults"
CONFIG_EXTRA=$ONCE

# ---- timestamps -----------------------------------------------------------------------

make null_ts "ts Nullable(DateTime64(3, 'UTC')), seq UInt64, text String" \
	"if(number = 7, NULL, $TS), number, toString(number)" 30 seq
config "$(entry null_ts)"
fails null_ts data "'ts'"
sql "ALTER TABLE null_ts DELETE WHERE ts IS NULL SETTINGS mutations_sync = 1"
mended null_ts

make null_seq "ts DateTime64(3, 'UTC'), seq Nullable(UInt64), text String" \
	"$TS, if(number = 7, NULL, number), toString(number)" 30 ts
config "$(entry null_seq)"
fails null_seq data "'seq'"
sql "ALTER TABLE null_seq DELETE WHERE seq IS NULL SETTINGS mutations_sync = 1"
mended null_seq

for type in String Float64 'UInt64' 'Array(DateTime)'; do
	name=type_${type%%(*}
	sql "CREATE TABLE $name ($LIKE, bad $type) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO $name (ts, seq, text) SELECT $TS, number, toString(number) FROM numbers(30)"
	config "$(entry "$name" 'timestamp: bad, sequence: seq')"
	calve run
	one_error "$name" 1 "'bad'.*${type%%(*}"
	has "$name: ledger" '^failed[|](type|config)$' "$(last_run "$name" state,error_class)"
	config "$(entry "$name")"
	mended "$name"
done
make seq_string "$LIKE" "$TS, number, toString(number)" 30
config "$(entry seq_string 'timestamp: ts, sequence: text')"
calve run
one_error seq_string 1 "'text'.*String"
config "$(entry seq_string)"
mended seq_string

# ---- types and values -------------------------------------------------------------------

# value NAME TYPE VALUE CLASS PATTERN OPTION: refused, and what mends it
value() {
	make "$1" "$LIKE, v $2" "$TS, number, toString(number), $3" 30
	config "$(entry "$1" "$KEYS${7:+, $7}")"
	fails "$1" "$4" "'v'.*$5"
	config "$(entry "$1" "$KEYS, $6")"
	mended "$1"
}
value aggregate 'AggregateFunction(uniq, UInt64)' "arrayReduce('uniqState', [number])" type 'AggregateFunction.*exclude' 'exclude: [v]'
value variant 'Variant(String, UInt64)' "number::Variant(String, UInt64)" type 'Variant.*exclude' 'exclude: [v]'
value dynamic 'Dynamic' "number::Dynamic" type 'Dynamic.*exclude' 'exclude: [v]'
value bytes String "unhex('ff00')" data 'UTF-8|utf8' 'columns: { v: { utf8: replace } }'
value nanos "DateTime64(9, 'UTC')" "toDateTime64('2024-03-01 00:00:00.123456789', 9, 'UTC')" data 'floor' 'columns: { v: { time: floor } }'
value duplicate 'Map(String, UInt8)' "map('a', 1, 'a', 2)" data 'list' 'columns: { v: { duplicates: list } }'
value huge UInt64 '18446744073709551615' data 'decimal' 'columns: { v: { as: "decimal(20,0)" } }' 'columns: { v: { as: long } }'
value wide Int256 "toInt256('12345678901234567890123456789012345678901234567890')" data 'string' 'columns: { v: { as: string } }' 'columns: { v: { as: "decimal(38,0)" } }'

# ---- targets --------------------------------------------------------------------------------

make donor "ts DateTime64(3, 'UTC'), seq UInt64, text UInt8" "$TS, number, number" 30
make foreign_schema "$LIKE" "$TS, number, toString(number)" 30
config "$(entry donor)"
calve run
config "{ name: foreign_schema, source: hot.foreign_schema, target: lake.cold.donor, $KEYS }"
before=$(table version cold.donor)
calve run
one_error foreign_schema 1 "'text'.*(int.*string|string.*int|String)"
same 'foreign_schema: ledger' 'failed|type' "$(last_run foreign_schema state,error_class)"
same 'foreign_schema: nothing is committed' "$before" "$(table version cold.donor)"
config "$(entry foreign_schema)"
mended foreign_schema

make relative "$LIKE" "$TS, number, toString(number)" 30
config "{ name: relative, source: hot.relative, target: \"lake.cold.a/b\", $KEYS }"
calve run
one_error 'target with a slash' 2 'calve.yaml:[0-9]+'

# Required columns without which the table's rows could not be written.
make needed "$LIKE, day Date" "$TS, number, toString(number), toDate('2024-03-01')" 30
config "$(entry needed "$KEYS, partition: [day]")"
calve run
sql 'ALTER TABLE needed DROP COLUMN day'
sql "INSERT INTO needed SELECT $TS + INTERVAL 1 DAY, number, toString(number) FROM numbers(30)"
calve run
one_error 'needed: a partition column that the source lost' 1 "'day'"
has 'needed: ledger' '^failed[|](type|config)$' "$(last_run needed state,error_class)"
sql "ALTER TABLE needed ADD COLUMN day Date DEFAULT toDate('2024-03-01')"
mended needed

calve status
same 'status still answers' 0 "$RC"
