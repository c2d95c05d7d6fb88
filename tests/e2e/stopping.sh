#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How a run is stopped: SIGTERM and SIGINT at every phase, in front of a source
# that says nothing, to a whole group of processes; workers that do not listen;
# a second signal; SIGHUP, with and without --every; a coordinator that is
# killed. Each time nothing new is started, a worker stops before its commit or
# finishes it, the end is in the ledger, and the next run takes what is left.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite stopping
# Programs of its own name, so that a worker left behind is known for one of
# this suite's.
mkdir "$T/bin"
ln build/fault/calve build/fault/calve-worker "$T/bin"
FAULT=$T/bin/calve

COLUMNS='toUnixTimestamp64Milli(ts), seq'
NAMES=(one two three)
ENTRIES=()
for name in "${NAMES[@]}"; do
	sql "CREATE TABLE $name (ts DateTime64(3, 'UTC'), seq Int64) ENGINE = MergeTree ORDER BY (ts, seq)"
	ENTRIES+=("{ name: $name, source: hot.$name, target: lake.cold.$name, timestamp: ts, sequence: seq }")
done
HOUR=0
insert() {
	((HOUR++))
	for name in "${NAMES[@]}"; do
		sql "INSERT INTO $name SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(number), $HOUR * 100000 + number FROM numbers(1000)"
	done
}
ROUND_BEGAN=
round() { # EXTRA: the next insert, and a configuration
	CONFIG_EXTRA=$1
	config "${ENTRIES[@]}"
	insert
	ROUND_BEGAN=$(state 'SELECT clock_timestamp()')
}
# runs: states and classes of this round's
runs() {
	state "SELECT string_agg(concat_ws('|', state, error_class), ' ' ORDER BY state, error_class) FROM offload_runs WHERE started_at >= '$ROUND_BEGAN'"
}
# settled NAME: nothing is left open, and the next run takes every row once
settled() {
	[ "$1" == killed ] || same "$1: nothing is left running" '0 0' "$(state "SELECT (SELECT count(*) FROM offload_runs WHERE state = 'running') || ' ' || (SELECT count(*) FROM offload_watermarks WHERE status = 'running')")"
	same "$1: no worker is left" '' "$(workers_left)"
	calve run
	local name wrong=
	[ "$RC" == 0 ] || wrong="exit status $RC: $ERR; "
	for name in "${NAMES[@]}"; do
		[ "$(keys "$name")" == "$(keys "$(iceberg "cold.$name")")" ] || wrong+="$name differs; "
	done
	same "$1: the next run takes every row once" '' "$wrong"
}
keys() { # TABLE-EXPRESSION
	sql "SELECT count(), sum(cityHash64($COLUMNS)) FROM $1"
}
workers_left() {
	local dir
	for dir in /proc/[0-9]*; do
		[ "$(readlink "$dir/exe" 2>/dev/null)" != "$FAULT-worker" ] || echo "$dir"
	done
}
now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}
no_workers() {
	[ -z "$(workers_left)" ]
}
ended() { # PID: it is gone, or only waits for this shell
	[ -z "$(proc_start "$1")" ]
}
# stopped_by SIGNAL PID: waits for its end, sets RC, ERR and TOOK, in ms;
# -PID: all processes of that group
stopped_by() {
	local began
	began=$(now_ms)
	kill "-$1" -- "$2"
	await "$began" "${2#-}"
}
await() { # BEGAN PID
	wait_until 60 ended "$2" || not_ok "process $2 did not end"
	TOOK=$(($(now_ms) - $1))
	wait "$2"
	RC=$?
	ERR=$(cat "$T/stopped.err") OUT=$(cat "$T/stopped.out")
}

config "${ENTRIES[@]}"
calve init

# ---- at every phase -------------------------------------------------------------------

# One worker at a time: the first table is stopped, the others never start.
at() { # SIGNAL POINT WANTED-STATES
	round 'workers: 1'
	fault_stop "$2" run || return
	kill "-$1" "$COORDINATOR"
	wait_until 10 says_stopping || not_ok "$2: the title never said that it is stopping"
	kill -CONT "$WORKER"
	await "$(now_ms)" "$COORDINATOR"
	wait_until 20 worker_gone
	WORKER=
	same "$1 while $2: exit status 1, no error" '1 0' "$RC $(errors_in "$ERR")"
	same "$1 while $2: only the table that was running is in the ledger" "$3" "$(runs)"
	same "$1 while $2: the others are told of" 2 "$(grep -cE ' warn .* (one|two|three): not started: asked to stop' <<<"$ERR")"
	same "$1 while $2: it ends soon" yes "$( ((TOOK < 5000)) && echo yes || echo "after $TOOK ms")"
	settled "$1 while $2"
}
says_stopping() {
	[[ $(title "$COORDINATOR") == *', stopping' ]]
}
STOPPED='cancelled|cancelled'
at TERM locking "$STOPPED"
at INT reconciling "$STOPPED"
at TERM counting "$STOPPED"
at INT reading "$STOPPED"
at TERM writing "$STOPPED"
at INT committing "$STOPPED"
at TERM run.fenced success # past the fence it finishes
at INT run.committed success
at TERM advancing success

# ---- a source that says nothing --------------------------------------------------------

has_read() {
	grep -q "\"event\":\"phase\",\"table\":\"$1\".*\"$2\"" "$T/stopped.out"
}
start() { # ARGUMENTS...
	: >"$T/stopped.out" # what the one before said is no sign of this one
	setsid "$FAULT" -c "$T/calve.yaml" "$@" >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
	COORDINATOR=$!
}
silent() { # NAME PHASE FAULT SIGNAL
	round 'workers: 3'
	echo "$3" >"$T/ch/ch.faults"
	start run --json
	for name in "${NAMES[@]}"; do
		wait_until 30 has_read "$name" "$2" || not_ok "$1: $name never came to $2"
	done
	stopped_by "$4" "$COORDINATOR"
	: >"$T/ch/ch.faults"
	same "$1: exit status 1" 1 "$RC"
	same "$1: all three are recorded as stopped, not as failed" "$STOPPED $STOPPED $STOPPED" "$(runs)"
	same "$1: it ends within 3 s, and not at the end of the grace" yes "$( ((TOOK < 3000)) && echo yes || echo "after $TOOK ms")"
	settled "$1"
}
silent 'a count without an end' counting 'stall-after 0 match SELECT toUInt64(count' TERM
silent 'a stream without an end' reading 'stall-after 2000 match FORMAT Native' INT

# As a terminal does on Ctrl-C, and a service manager at the end of a service:
# all processes of the group at once.
group() { # SIGNAL
	round 'workers: 3'
	echo 'stall-after 2000 match FORMAT Native' >"$T/ch/ch.faults"
	start run --json
	for name in "${NAMES[@]}"; do
		wait_until 30 has_read "$name" reading || not_ok "group: $name never came to reading"
	done
	stopped_by "$1" "-$COORDINATOR"
	: >"$T/ch/ch.faults"
	same "$1 to all processes: exit status 1, no error" '1 0' "$RC $(errors_in "$ERR")"
	same "$1 to all processes: the workers are stopped, not failed" "$STOPPED $STOPPED $STOPPED" "$(runs)"
	settled "$1 to all processes"
}
group INT
group TERM

# ---- workers that do not listen -----------------------------------------------------------

# A stopped process is as deaf as one can be. Its lock goes with its end.
round 'workers: 1
grace: 700ms'
if fault_stop reading run; then
	stopped_by TERM "$COORDINATOR"
	same 'a deaf worker: killed when the grace is over, not before' yes "$( ((TOOK >= 700 && TOOK < 5000)) && echo yes || echo "after $TOOK ms")"
	same 'a deaf worker: exit status 1' 1 "$RC"
	same 'a deaf worker: recorded as stopped, by SIGKILL' 'cancelled|9|stopped while reading, as asked' \
		"$(state "SELECT concat_ws('|', state, signal, error_message) FROM offload_runs WHERE started_at >= '$ROUND_BEGAN'")"
	WORKER=
	settled 'a deaf worker'
fi
round 'workers: 1
grace: 10m'
if fault_stop reading run; then
	kill -TERM "$COORDINATOR"
	wait_until 10 says_stopping
	stopped_by INT "$COORDINATOR"
	same 'a second signal: kills at once' yes "$( ((TOOK < 5000)) && echo yes || echo "after $TOOK ms")"
	same 'a second signal: recorded' "1 $STOPPED" "$RC $(runs)"
	WORKER=
	settled 'a second signal'
fi
# Nobody can tell what a worker has done that is killed in mid-commit; the next
# run finds it in the table.
round 'workers: 1
grace: 300ms'
if fault_stop run.committed run; then
	stopped_by TERM "$COORDINATOR"
	same 'killed in mid-commit: recorded as unclear' '1 failed|unclear' "$RC $(runs)"
	WORKER=
	settled 'killed in mid-commit'
fi

# ---- SIGHUP --------------------------------------------------------------------------------

round 'workers: 1'
if fault_stop reading run; then
	kill -HUP "$COORDINATOR"
	wait_until 10 says_stopping || not_ok 'SIGHUP without --every never stopped the run'
	fault_go
	same 'SIGHUP stops a run that is no schedule' "1 $STOPPED" "$RC $(runs)"
	settled 'SIGHUP'
fi

runs_done() { # NUMBER OF RUNS OF three
	(($(state "SELECT count(*) FROM offload_runs WHERE table_name = 'three' AND state = 'success' AND started_at >= '$ROUND_BEGAN'") >= $1))
}
log_has() {
	grep -qE "$1" "$T/stopped.err"
}
waits() {
	[[ $(title "$COORDINATOR") == 'calve: run, waiting for the next' ]]
}
round 'workers: 1'
start run --every 1h
wait_until 30 waits || not_ok "--every: the first run never ended: $(cat "$T/stopped.err")"
same '--every: a run at once' 'success success success' "$(runs)"
# Another configuration: three goes elsewhere, and is alone.
cp "$T/calve.yaml" "$T/good.yaml"
config '{ name: three, source: hot.three, target: lake.cold.other, timestamp: ts, sequence: seq }'
sed -i 's/lake.cold.other/lake.cold.three, settle: 10m/' "$T/calve.yaml"
insert
kill -HUP "$COORDINATOR"
wait_until 30 runs_done 2 || not_ok '--every: SIGHUP began no run'
wait_until 30 waits
same '--every: SIGHUP begins a run by the new configuration' '1 2 1' \
	"$(state "SELECT string_agg(n::text, ' ' ORDER BY table_name) FROM (SELECT table_name, count(*) n FROM offload_runs WHERE started_at >= '$ROUND_BEGAN' GROUP BY 1) r")"
has '--every: and says that it reads it' ' info .*reading the configuration again' "$(cat "$T/stopped.err")"
# One that is broken.
echo 'workers: none at all' >>"$T/calve.yaml"
insert
kill -HUP "$COORDINATOR"
wait_until 30 runs_done 3 || not_ok '--every: no run after a broken file'
wait_until 30 waits
has '--every: a broken file is told of, with its line' " error .*calve.yaml:[0-9]+: .*'workers'.*; the configuration stays as it was" "$(cat "$T/stopped.err")"
same '--every: and the run goes by the old one' 3 "$(state "SELECT count(*) FROM offload_runs WHERE table_name = 'three' AND state = 'success' AND started_at >= '$ROUND_BEGAN'")"
stopped_by TERM "$COORDINATOR"
same '--every: SIGTERM ends it, with the status of the last run' 0 "$RC"
cp "$T/good.yaml" "$T/calve.yaml"
settled '--every'

# In mid-run: the run is not stopped; the next begins as soon as it has ended.
round 'workers: 1'
config "${ENTRIES[2]}"
if fault_stop reading run --every 1h; then
	kill -HUP "$COORDINATOR"
	kill -CONT "$WORKER"
	WORKER=
	wait_until 30 runs_done 2 || not_ok '--every: SIGHUP in mid-run began no other run'
	wait_until 30 waits
	same '--every: SIGHUP in mid-run stops nothing, the next run follows at once' 'success success' "$(runs)"
	config "${ENTRIES[@]}"
	stopped_by INT "$COORDINATOR"
	settled '--every in mid-run'
fi

# ---- the coordinator is killed ---------------------------------------------------------------

# Its workers wait for a source that says nothing: they see that it is gone.
round 'workers: 3'
echo 'stall-after 2000 match FORMAT Native' >"$T/ch/ch.faults"
start run --json
for name in "${NAMES[@]}"; do
	wait_until 30 has_read "$name" reading || not_ok "killed: $name never came to reading"
done
kill -KILL "$COORDINATOR"
wait "$COORDINATOR" 2>/dev/null
if wait_until 10 no_workers; then
	ok 'killed: workers without coordinator end by themselves, with the grace far from over'
else
	not_ok "killed: these live on: $(workers_left)"
fi
: >"$T/ch/ch.faults"
settled 'killed'
same 'killed: its runs are recorded as failed' 3 "$(runs | grep -o 'failed|cancelled' | wc -l)"
