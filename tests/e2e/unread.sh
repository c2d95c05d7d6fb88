#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A log, or a standard output, that nobody reads: a full pipe whose reader was
# stopped, a terminal after Ctrl-S. Deadlines, signals and the ledger go on;
# what is printed is there once somebody reads, whole and in order.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite unread

NAMES=(one two)
for name in "${NAMES[@]}"; do
	sql "CREATE TABLE $name (ts DateTime64(3, 'UTC'), seq Int64) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO $name SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number), number FROM numbers(20000)"
done
tables() { # NAMESPACE LIMITS
	config "{ name: one, source: hot.one, target: lake.$1.one, timestamp: ts, sequence: seq, $2 }" \
		"{ name: two, source: hot.two, target: lake.$1.two, timestamp: ts, sequence: seq, $2 }"
	calve init
}
ended() { # PID: it is gone, or only waits for this shell
	[ -z "$(proc_start "$1")" ]
}
runs() {
	state "SELECT string_agg(concat_ws('|', state, error_class), ' ' ORDER BY table_name) FROM offload_runs r WHERE NOT EXISTS (SELECT FROM offload_runs n WHERE n.table_name = r.table_name AND n.ordinal > r.ordinal)"
}
runs_are() {
	[[ $(runs) == "$1" ]]
}
# A pipe at descriptor 9 that is full, with a reader that was stopped.
stuck_pipe() {
	rm -f "$T/pipe"
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/read" &
	READER=$!
	exec 9>"$T/pipe"
	kill -STOP "$READER"
	dd if=/dev/zero of=/dev/fd/9 bs=4096 oflag=nonblock 2>/dev/null
}
# The reader goes on, to the end. What it read stands in $T/text.
read_on() {
	exec 9>&-
	kill -CONT "$READER"
	wait "$READER"
	tr -d '\0' <"$T/read" >"$T/text"
}
start() { # ARGUMENTS...; sets COORDINATOR
	"$CALVE" -c "$T/calve.yaml" "$@" &
	COORDINATOR=$!
}
end_of() { # NAME; sets RC
	if ! wait_until 60 ended "$COORDINATOR"; then
		not_ok "$1: it does not end"
		kill -KILL "$COORDINATOR"
	fi
	wait "$COORDINATOR"
	RC=$?
}

# ---- the log ------------------------------------------------------------------------

# Deadlines.
echo 'stall-after 2000 match FORMAT Native' >"$T/ch/ch.faults"
tables wall 'limits: { wall: 2s }'
stuck_pipe
start run >"$T/out" 2>&9 </dev/null
wait_until 60 runs_are 'timed_out|limit timed_out|limit' || not_ok "log, deadline: the ledger says $(runs)"
end_of 'log, deadline'
same 'log, deadline: both runs are timed out, and calve ends' 1 "$RC"
has 'log, deadline: what is printed is whole' '^0 of 2 tables done' "$(cat "$T/out")"
read_on

# Signals; then somebody reads.
tables term 'limits: { wall: 1h }'
stuck_pipe
start run -v >"$T/out" 2>&9 </dev/null
reads() {
	[[ $(state "SELECT count(*) FROM offload_runs WHERE state = 'running' AND phase = 'reading'") == 2 ]]
}
wait_until 60 reads || not_ok 'log, signal: the workers never came to reading'
kill -TERM "$COORDINATOR"
wait_until 60 runs_are 'cancelled|cancelled cancelled|cancelled' || not_ok "log, signal: the ledger says $(runs)"
read_on
end_of 'log, signal'
same 'log, signal: both workers are stopped, and calve ends' 1 "$RC"
same 'log, signal: every line is there when somebody reads' 2 "$(grep -cE ' warn .* (one|two): stopped while reading, as asked$' "$T/text")"
: >"$T/ch/ch.faults"

# A worker by hand has a line for its log, and nobody to read it.
stuck_pipe
"${CALVE%/*}/calve-worker" 3<<<"no frame of a job, but long enough to be taken for one" 4>/dev/null 2>&9 </dev/null &
COORDINATOR=$!
end_of 'log of a worker'
same 'log of a worker: it ends' 1 "$RC"
read_on

# ---- standard output ------------------------------------------------------------------

# The runs are done and recorded; then calve waits for the reader, as anybody
# who prints would.
tables out 'limits: { wall: 1h }'
for name in "${NAMES[@]}"; do calve watermark reset "$name"; done
stuck_pipe
start run --json >&9 2>"$T/err" </dev/null
wait_until 60 runs_are 'success success' || not_ok "output: the ledger says $(runs)"
read_on
end_of output
same 'output: exit status 0' 0 "$RC"
# shellcheck disable=SC2016 # JavaScript
same 'output: every object is whole' '2 settled, 1 summary at the end' "$(node -e '
	const events = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map(line => JSON.parse(line).event)
	const count = name => events.filter(e => e === name).length
	console.log(`${count("settled")} settled, ${count("summary")} summary${events.at(-1) === "summary" ? " at the end" : ""}`)' "$T/text")"

# While it waits it can be ended.
stuck_pipe
start run >&9 2>"$T/err" </dev/null
wait_until 60 runs_are 'success success' || not_ok "output, signal: the ledger says $(runs)"
waits() {
	kill -TERM "$COORDINATOR" 2>/dev/null
	ended "$COORDINATOR"
}
wait_until 60 waits || not_ok 'output, signal: it does not end'
end_of 'output, signal'
has 'output, signal: it ends' '^(1|143)$' "$RC"
read_on

# ---- a terminal after Ctrl-S -----------------------------------------------------------

if command -v script >/dev/null; then
	echo 'stall-after 2000 match FORMAT Native' >"$T/ch/ch.faults"
	tables terminal 'limits: { wall: 6s }'
	for name in "${NAMES[@]}"; do calve watermark reset "$name"; done
	printf 'stty cols 80 rows 24 ixon\nexec "%s" -c "%s" run\n' "$CALVE" "$T/calve.yaml" >"$T/session"
	mkfifo "$T/keys"
	TERM=xterm script -qfec "bash $T/session" "$T/typescript" >/dev/null 2>&1 <"$T/keys" &
	script=$!
	exec 9>"$T/keys"
	draws() {
		[ -s "$T/typescript" ] && (($(grep -ac 'RUNNING ' "$T/typescript") >= 2))
	}
	wait_until 60 draws || not_ok 'terminal: nothing is drawn'
	printf '\x13' >&9
	wait_until 60 runs_are 'timed_out|limit timed_out|limit' || not_ok "terminal: the ledger says $(runs)"
	same 'terminal: deadlines are kept after Ctrl-S' 'timed_out|limit timed_out|limit' "$(runs)"
	printf '\x11' >&9
	wait_until 60 ended "$script" || kill -KILL "$script"
	exec 9>&-
	wait "$script"
	: >"$T/ch/ch.faults"
else
	echo 'skip a terminal: needs script, of bsdutils'
fi
