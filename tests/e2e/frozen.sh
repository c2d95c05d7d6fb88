#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A worker that stands still for so long that the state database lets its lock
# go: another run takes over, and when the first one wakes up nothing of it is
# there twice, nothing is lost and nothing older comes over what is newer. One
# that lives keeps its lock, however long it waits for others.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
# shellcheck source=tests/harness/proxy.sh
. "$ROOT/tests/harness/proxy.sh"
suite frozen
trap 'proxy_stop "$T/proxy"; suite_end' EXIT

CONFIG_EXTRA='retry: { attempts: 1 }'
GIVEN_UP='the lock of .* was given up: this worker had stood still for more than'
export CALVE_LOCK_IDLE_MS=1500

HOUR=0
insert() { # TABLE
	((HOUR++))
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(number), $HOUR * 100000 + number FROM numbers(500)"
}
# A table with one run behind it and 500 new rows before it.
prepared() { # NAME
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64) ENGINE = MergeTree ORDER BY (ts, seq)"
	insert "$1"
	config "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq }"
	calve run
	[ "$RC" == 0 ] || not_ok "$1: first run: $ERR"
	insert "$1"
}
# Both by the engine: rows of the source and of the table.
rows_once() { # NAME
	local q='SELECT count(), sum(cityHash64(toUnixTimestamp64Milli(ts), seq)) FROM'
	same "$1: every row is there once" "$(sql "$q $1")" "$(sql "$q $(iceberg "cold.$1")")"
	same "$1: the watermark is the table's position" "$(table positions "cold.$1" | head -n 1)" "$(watermark "$1")"
}
lock_is_gone() {
	[[ $(state "SELECT count(*) FROM pg_locks WHERE relation = 'offload_watermarks'::regclass") == 0 ]]
}
lock_goes() { # NAME
	wait_until 60 lock_is_gone || not_ok "$1: the lock is never let go"
}

config '{ name: none, source: hot.none, target: lake.cold.none, timestamp: ts }'
calve init

# ---- stopped, another run takes over, and it goes on ------------------------------------

for point in counting reading writing store.create.before run.fenced run.committed state.commit.before; do
	name=${point//./_}
	prepared "$name"
	fault_stop "$point" run || continue
	lock_goes "$point"
	calve run
	same "$point: another run takes over" 0 "$RC"
	fault_go
	same "$point: the one that stood still fails" '1 1' "$RC $(errors_in "$ERR")"
	has "$point: it says why" "$GIVEN_UP" "$ERR"
	has "$point: it was told of while it stood" ' warn .*its worker .* was stopped' "$ERR"
	same "$point: it is of a class that heals" 1 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = '$name' AND state = 'failed' AND error_class = 'conflict'")"
	calve run
	same "$point: the next run ends well" 0 "$RC"
	rows_once "$name"
done

# Tried again at once, where there are attempts.
prepared again
CONFIG_EXTRA='retry: { attempts: 2, backoff: 100ms }'
config '{ name: again, source: hot.again, target: lake.cold.again, timestamp: ts, sequence: seq }'
fault_stop reading run
lock_goes again
kill -CONT "$WORKER"
WORKER=
second_stands() {
	worker_stopped "$COORDINATOR" || ! kill -0 "$COORDINATOR" 2>/dev/null
}
wait_until 60 second_stands
fault_go
same 'again: another attempt heals it' 0 "$RC"
has 'again: after the first had failed' "$GIVEN_UP.*again in" "$ERR"
rows_once again
CONFIG_EXTRA='retry: { attempts: 1 }'

# Past the fence, while the other one stands past its own: one link wins.
prepared both
fault_stop run.fenced run
first=$WORKER first_calve=$COORDINATOR
lock_goes both
CALVE_LOCK_IDLE_MS=600000 fault_stop run.fenced run
second=$WORKER
kill -CONT "$first"
wait "$first_calve"
same 'both: the first has committed, and not moved the watermark' 1 $?
WORKER=$second
fault_go
same 'both: the second comes too late' 1 "$RC"
same 'both: as a conflict' 2 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'both' AND error_class = 'conflict'")"
calve run
same 'both: the next run ends well' 0 "$RC"
rows_once both

# ---- one that lives keeps its lock ---------------------------------------------------------

held_for() { # SECONDS
	[[ $(state "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'calve-worker' AND clock_timestamp() - xact_start > interval '$1 s'") == 1 ]]
}
prepared alive
echo 'stall-after 0 match SELECT toUInt64(count' >"$T/ch/ch.faults"
CALVE_LOCK_IDLE_MS=3000 "$FAULT" -c "$T/calve.yaml" run >"$T/alive.out" 2>"$T/alive.err" </dev/null &
alive=$!
wait_until 60 held_for 10 || not_ok 'alive: the lock was let go while the source said nothing'
calve run
same 'alive: another run finds it taken' 4 "$RC"
kill -TERM "$alive"
wait "$alive"
: >"$T/ch/ch.faults"
has 'alive: it ends when it is asked to' 'stopped before the commit, as asked|stopped while counting' "$(cat "$T/alive.err")"
calve run
rows_once alive

# ---- a host that is gone, behind something that answers for it ------------------------------

prepared away
pg_listen "$T/pg" && proxy_start "$T/proxy" "$(cat "$T/pg/pg.port")" || exit 1
STATE_PASSWORD=$(cat "$T/pg/pg.password")
export STATE_PASSWORD
STATE_CONNINFO="host=127.0.0.1 port=$(cat "$T/proxy/proxy.port") user=calve dbname=calve password=\${STATE_PASSWORD}"
config '{ name: away, source: hot.away, target: lake.cold.away, timestamp: ts, sequence: seq }'
CALVE_FAULT=stop:store.create.before "$FAULT" -c "$T/calve.yaml" run >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
COORDINATOR=$!
wait_until 60 worker_stopped "$COORDINATOR" || not_ok "away: $(cat "$T/stopped.err")"
proxy_say "$T/proxy" swallow both
kill -KILL "$COORDINATOR" "$WORKER"
wait "$COORDINATOR" 2>/dev/null
WORKER=
lock_goes away
unset STATE_CONNINFO
config '{ name: away, source: hot.away, target: lake.cold.away, timestamp: ts, sequence: seq }'
calve run
same 'away: another run takes over' 0 "$RC"
rows_once away

# ---- PostgreSQL to ClickHouse ---------------------------------------------------------------

# The version is a date: two versions of a row bear the same one, and the later
# insert is what FINAL shows.
replica_setup
app "CREATE TABLE days (id bigint PRIMARY KEY, word text NOT NULL, day date NOT NULL); INSERT INTO days SELECT n, 'old', current_date - 2 FROM generate_series(1, 40000) n" >/dev/null
for point in sync.frozen sync.range.sent sync.range.acknowledged state.commit.before; do
	name=d_${point//./_}
	app "UPDATE days SET word = 'old'" >/dev/null
	sync_config "{ name: $name, source: app.days, target: olap.fact.$name, timestamp: day, key: [id], slices: 2 }"
	calve init
	fault_stop "$point" run || continue
	lock_goes "$point"
	app "UPDATE days SET word = 'new'" >/dev/null
	calve run
	same "$point to ClickHouse: another run takes over" 0 "$RC"
	fault_go
	same "$point to ClickHouse: the one that stood still fails" '1 1' "$RC $(errors_in "$ERR")"
	has "$point to ClickHouse: it says why" "$GIVEN_UP" "$ERR"
	same "$point to ClickHouse: nothing older came over what is newer" "40000	new" "$(sql "SELECT count(), arrayStringConcat(groupUniqArray(word), ' ') FROM fact.$name FINAL")"
done
