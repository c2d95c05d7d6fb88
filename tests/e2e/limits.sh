#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a worker may use, as a user sets it for each table: six tables at once,
# five of which reach a limit and fail alone, each with its limit in words; the
# limits as the kernel has them; what is tried again and what never is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite limits

sql "CREATE TABLE wide (ts DateTime64(3, 'UTC'), seq Int64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql "INSERT INTO wide SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number), number, ['BTC', 'ETH'][number % 2 + 1], randomPrintableASCII(1000) FROM numbers(150000)"
COLUMNS='toUnixTimestamp64Milli(ts), seq, symbol, pad'

entry() { # NAME [MORE]
	echo "{ name: $1, source: hot.wide, target: lake.cold.$1, timestamp: ts, sequence: seq${2:+, $2} }"
}

# ---- reached ---------------------------------------------------------------------

CONFIG_EXTRA='workers: 6
grace: 200ms
retry: { attempts: 3, backoff: 10ms }'
config "$(entry memory 'limits: { memory: 64M }')" \
	"$(entry cpu 'limits: { cpu: 1s }, compression: "zstd:19"')" \
	"$(entry output 'limits: { output: 1M }')" \
	"$(entry wall 'limits: { wall: 500ms, cpu: 30m }, compression: "zstd:19"')" \
	"$(entry core 'limits: { core: 64K, nice: 3 }')" \
	"$(entry fine)"
calve init
calve run
same 'tables that reach a limit: exit status 1' 1 "$RC"
reached() { # NAME STATE CLASS PATTERN
	same "$1: state and class" "$2|$3|1" "$(last_run "$1" state,error_class,attempt)"
	has "$1: the ledger says which limit" "^$4" "$(last_run "$1" error_message)"
	same "$1: one line of the log says so" 1 "$(grep -cE " error .* $1: $4" <<<"$ERR")"
	same "$1: nothing is visible" '' "$(ls "$WAREHOUSE/cold/$1/metadata" 2>/dev/null)"
}
reached memory failed memory "memory limit of 64 MiB reached while [a-z]+; raise 'limits: memory'"
reached cpu failed limit "cpu limit of 1s reached while [a-z]+; raise 'limits: cpu'"
reached output failed limit "file size limit of 1 MiB reached while [a-z]+; raise 'limits: output'"
reached wall timed_out limit "deadline of 500ms passed while [a-z]+; raise 'limits: wall'"
for name in core fine; do
	same "$name: a table beside them ends well" success "$(last_run "$name" state)"
	equal "$name: every row is there once" wide "cold.$name" "$COLUMNS"
done

CONFIG_EXTRA='retry: { attempts: 1 }'
for name in memory cpu output wall; do
	config "$(entry "$name")"
	calve run
	same "$name: without the limit it ends well" 0 "$RC"
	equal "$name: every row is there once" wide "cold.$name" "$COLUMNS"
done

# ---- out of file handles: heals, so it is tried again -------------------------------

CONFIG_EXTRA='retry: { attempts: 3, backoff: 10ms }'
config "$(entry files 'limits: { files: 77 }')"
fault errno:store.create:EMFILE run
same 'files: three attempts, then exit status 1' "1 3" "$RC $(state "SELECT count(*) FROM offload_runs WHERE table_name = 'files'")"
same 'files: state and class' 'failed|handles|3' "$(last_run files state,error_class,attempt)"
has 'files: the ledger says which limit' "^limit of 77 open files reached while [a-z]+: cannot create '.*': Too many open files; raise 'limits: files'" "$(last_run files error_message)"
calve run
equal 'files: then every row is there once' wide cold.files "$COLUMNS"

# ---- as the kernel has them ----------------------------------------------------------

sql "INSERT INTO wide SELECT ts + INTERVAL 1 HOUR, seq + 1000000, symbol, '' FROM wide LIMIT 10"
CONFIG_EXTRA='limits: { memory: 3G, cpu: 20m, files: 99, output: none }'
config "$(entry files 'limits: { memory: 1G, files: 55, output: 64M, core: 1M, nice: 7 }')" "$(entry fine)"
limit() { # NAME OF /proc/PID/limits
	awk -v name="$1" 'index($0, name) == 1 { sub(name, ""); print $1 }' "/proc/$WORKER/limits"
}
niceness() {
	local stat
	read -r stat <"/proc/$WORKER/stat"
	# shellcheck disable=SC2086 # splitting is the point
	set -- ${stat##*) }
	echo "${17}"
}
limits() { # all of them
	echo "$(limit 'Max address space') $(limit 'Max cpu time') $(limit 'Max open files') $(limit 'Max file size') $(limit 'Max core file size') $(niceness)"
}
if fault_stop state.lock.before run -t files; then
	same "a table's own limits, and the file's where it has none" "1073741824 1200 55 67108864 1048576 $(nice -n 7 nice)" "$(limits)"
	fault_go
	same 'with them it ends well' 0 "$RC"
fi
if fault_stop state.lock.before run -t fine; then
	same "the file's limits" "3221225472 1200 99 unlimited 0 $(nice)" "$(limits)"
	fault_go
fi

# ---- what is never tried again ---------------------------------------------------------

CONFIG_EXTRA='retry: { attempts: 5, backoff: 10ms }'
once() { # NAME TABLE PATTERN
	calve run
	same "$1 fails the table" '1 failed' "$RC $(last_run "$2" state)"
	has "$1 is named" "$3" "$(last_run "$2" error_message)"
	same "$1 is tried once" 1 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = '$2'")"
}
config "$(entry login)"
sed -i 's/password: "[^"]*"/password: nonsense/' "$T/calve.yaml"
once 'a wrong password' login 'wrong user or password'
sql "CREATE TABLE typed (ts DateTime64(3, 'UTC'), seq Int64, x AggregateFunction(sum, UInt64)) ENGINE = MergeTree ORDER BY (ts, seq)"
config '{ name: typed, source: hot.typed, target: lake.cold.typed, timestamp: ts, sequence: seq }'
once 'a type that cannot be' typed "column 'x'"
config '{ name: none, source: hot.none, target: lake.cold.none, timestamp: ts, sequence: seq }'
once 'an unknown table' none "unknown table 'default.none'"

# ---- what is ---------------------------------------------------------------------------

healed() { # NAME FAULTS-LINE
	echo "$2" >"$T/ch/ch.faults"
	sql "INSERT INTO wide SELECT max(ts) + INTERVAL 1 SECOND, max(seq) + 1, 'BTC', '$1' FROM wide"
	config "$(entry fine)"
	calve run
	: >"$T/ch/ch.faults"
	same "$1: heals at the third attempt" '0 success|3' "$RC $(last_run fine state,attempt)"
	same "$1: each attempt is in the ledger" 'failed|source-lost failed|source-lost success' \
		"$(state "SELECT string_agg(concat_ws('|', state, error_class), ' ' ORDER BY attempt) FROM (SELECT * FROM offload_runs WHERE table_name = 'fine' ORDER BY started_at DESC LIMIT 3) r")"
	same "$1: and told of" 2 "$(grep -c 'fine: .*; again in 0.0 s' <<<"$ERR")"
}
healed 'HTTP status 503' 'http 503 times 2'
healed 'HTTP status 500' 'http 500 times 2'
healed 'a connection that is cut' 'cut-after 10 times 2'
echo 'http 503' >"$T/ch/ch.faults"
sql "INSERT INTO wide SELECT max(ts) + INTERVAL 1 SECOND, max(seq) + 1, 'BTC', '' FROM wide"
CONFIG_EXTRA='retry: { attempts: 3, backoff: 400ms }'
config "$(entry fine)"
calve run
: >"$T/ch/ch.faults"
same 'attempts are bounded' '1 failed|3' "$RC $(last_run fine state,attempt)"
mapfile -t waits < <(sed -nE 's/.*; again in ([0-9.]+) s$/\1/p' <<<"$ERR")
same 'the waits double, each shortened by up to half' 'yes' \
	"$(awk -v a="${waits[0]}" -v b="${waits[1]}" 'BEGIN { print (a >= 0.2 && a <= 0.4 && b >= 0.4 && b <= 0.8) ? "yes" : a " " b }')"
calve run
equal 'at the end every row is there once' wide cold.fine "$COLUMNS"
