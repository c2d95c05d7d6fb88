#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Debian's clickhouse-server (18.16), a real server process: authentication,
# rights, restarts between runs and in mid-run, kill -9.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
if ! command -v clickhouse-server >/dev/null; then
	echo 'skip old_server: the package clickhouse-server is not to be had here'
	exit 0
fi
suite old_server
old_ch_start "$T/old" || exit 1

old() {
	old_ch_sql "$T/old" "$@"
}

CONFIG_EXTRA='retry: { attempts: 1 }'
old_config() { # USER PASSWORD [TABLE-OPTIONS]
	config "{ name: trades, source: hot.trades, target: lake.cold.trades, timestamp: ts, sequence: seq, partition: [day(ts)]${3:+, $3} }"
	sed -i "s|url: \"[^\"]*\"|url: \"$(cat "$T/old/old.url")\"|; s|user: \"[^\"]*\", password: \"[^\"]*\"|user: $1, password: $2|" "$T/calve.yaml"
}

HOUR=0
insert() { # ROWS
	((HOUR++))
	old "INSERT INTO trades SELECT toDateTime('2024-03-01 00:00:00') + $HOUR * 3600 + intDiv(number, 10000), toUInt64($HOUR) * 10000000 + number, ['BTC', 'ETH'][number % 2 + 1], toDecimal64(number / 8, 8), if(number % 3 = 0, NULL, toString(number)), toFixedString(toString(number % 10), 2) FROM system.numbers LIMIT $1"
}

# Each server hashes its own way; sums over the values are the same in both.
fingerprint() { # COMMAND TABLE-EXPRESSION
	"$1" "SELECT count(), uniqExact(seq), sum(seq), sum(toUnixTimestamp(ts)), sum(length(ifNull(note, 'null'))), toInt64(sum(price)), uniqExact(symbol, pad), countIf(note IS NULL) FROM $2"
}

every_row_once() { # NAME
	same "$1: every row is there once" "$(fingerprint old trades)" "$(fingerprint sql "$(iceberg cold.trades)")"
}

old "CREATE TABLE trades (ts DateTime, seq UInt64, symbol LowCardinality(String), price Decimal64(8), note Nullable(String), pad FixedString(2)) ENGINE = MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (ts, seq)" \
	allow_experimental_low_cardinality_type=1
insert 100000

# Frames of a real server, read by calve's decoder.
framed() { # SQL: the answer in frames and as it is hold the same bytes
	old "$1" 'default_format=Native' >"$T/plain"
	old "$1" 'default_format=Native&compress=1' >"$T/framed"
	build/test/unframe <"$T/framed" 2>"$T/unframe.err" | cmp -s - "$T/plain"
}
framed 'SELECT number, toString(number), intDiv(number, 1000) FROM system.numbers LIMIT 1000000'
same "frames hold what is sent plain ($(stat -c %s "$T/plain") bytes in $(stat -c %s "$T/framed"))" 0 $?
old 'SELECT * FROM nowhere' 'compress=1' 2>/dev/null >"$T/framed"
has 'so does a refusal' '^Code: 60, ' "$(build/test/unframe <"$T/framed")"

old_config default old-secret
calve init
old_config default wrong-secret
calve run
same 'a wrong password fails the run' '1 1' "$RC $(errors_in "$ERR")"
same 'as refused by the source' 'failed|source' "$(last_run trades state,error_class)"
has 'and says so' " error .*'(hot|default)'" "$ERR"
same 'without the password' 0 "$(grep -c wrong-secret <<<"$ERR")"
old_config nobody old-secret
calve run
same 'an unknown user fails the run' '1 failed|source' "$RC $(last_run trades state,error_class)"
same 'nothing was written' '' "$(ls "$WAREHOUSE")"

old_config reader reader-secret
calve run
same 'a user who may only read is enough' '0 0' "$RC $(errors_in "$ERR")"
every_row_once 'first run'
insert 1000
calve run
every_row_once 'increment'
# It loses framed answers of less than a mebibyte, so it is not asked for any.
for wire in lz4 zstd; do
	insert 1000
	sed -i "s|password: [^,} ]*|&, wire: $wire|" "$T/calve.yaml"
	calve run
	same "wire: $wire: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	every_row_once "wire: $wire"
	old_config reader reader-secret
done

old_ch_stop "$T/old"
calve run
same 'a stopped server fails the run' '1 failed|source-lost' "$RC $(last_run trades state,error_class)"
old_ch_start "$T/old"
old_config reader reader-secret
insert 1000
calve run
same 'restarted, the next run ends well' 0 "$RC"
every_row_once 'restarted'

# The server dies while it streams: the worker stands still on its first file
# with most of the stream to come.
insert 3000000
fault_stop store.write.before:1 run
old_ch_kill "$T/old"
fault_go
same 'killed in mid-stream: the run fails' '1 1' "$RC $(errors_in "$ERR")"
same 'killed in mid-stream: the source is lost' 'failed|source-lost' "$(last_run trades state,error_class)"
same 'killed in mid-stream: nothing is committed' 104000 "$(sql "SELECT count() FROM $(iceberg cold.trades)")"
old_ch_start "$T/old"
old_config reader reader-secret
calve run
same 'killed in mid-stream: the next run ends well' 0 "$RC"
every_row_once 'killed in mid-stream'

# The worker dies instead, at the commit.
insert 1000
fault kill:commit.linked run
same 'worker killed at the commit: the run fails' 1 "$RC"
calve run
same 'worker killed at the commit: the next run ends well' 0 "$RC"
every_row_once 'worker killed at the commit'
calve verify
same 'verify finds both sides equal' 0 "$RC"
