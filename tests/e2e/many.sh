#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Many tables in one run: waves, the longest first, freed slots, selections,
# what is skipped after a failure, the plan of a dry run, what others see of the
# processes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite many

COLUMNS='toUnixTimestamp64Milli(ts), seq, v'
LAYERS='layers: [bronze, silver, gold]'
CONFIG_EXTRA=$LAYERS

create() { # TABLE ROWS
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq Int64, v String) ENGINE = MergeTree ORDER BY (ts, seq)"
	insert "$1" "$2" 0
}

insert() { # TABLE ROWS HOUR
	sql "INSERT INTO $1 SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $3 HOUR + toIntervalMillisecond(number), $3 * 10000000 + number, toString(cityHash64('$1', number)) FROM numbers($2)"
}

entry() { # TABLE LAYER [MORE]
	echo "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq, layer: $2${3:+, $3} }"
}

ENTRIES=("$(entry b1 bronze)" "$(entry b2 bronze)" "$(entry b3 bronze)" "$(entry b4 bronze)" "$(entry b5 bronze)"
	"$(entry s1 silver 'after: [b1, b2]')" "$(entry s2 silver 'after: [s1]')" "$(entry g1 gold)" "$(entry g2 gold 'after: [s2]')")
ROWS=0
for name in b1 b2 b3 b4 b5 s1 s2 g1 g2; do
	create "$name" $((1000 * (${#name} + ROWS % 7)))
	ROWS=$((ROWS + $(sql "SELECT count() FROM $name")))
done

# What `run --json` told, event by event, against the rules of the plan.
cat >"$T/events.mjs" <<'JS'
import { readFileSync } from 'fs'
const [most] = process.argv.slice(2).map(Number)
const layer = { b: 0, s: 1, g: 2 }, after = { s1: ['b1', 'b2'], s2: ['s1'], g2: ['s2'] }
const events = readFileSync(0, 'utf8').trim().split('\n').map(l => JSON.parse(l))
const tables = events.at(-1).tables.map(t => t.table)
const running = new Set(), done = new Set(), wrong = []
const ready = t => !running.has(t) && !done.has(t) && tables.every(o => done.has(o) ||
	(layer[o[0]] >= layer[t[0]] && !(after[t] ?? []).includes(o)))
let peak = 0, idle = false
for (const e of events) {
	if (e.event === 'started') {
		if (!ready(e.table)) wrong.push(`${e.table} started too early`)
		running.add(e.table)
	} else if (e.event === 'settled') {
		running.delete(e.table)
		done.add(e.table)
	} else continue
	peak = Math.max(peak, running.size)
	if (running.size > most) wrong.push(`${running.size} at once`)
	// Two ends in a row while somebody could have started: a slot lay idle.
	const free = running.size < most && tables.some(ready)
	if (e.event === 'settled' && idle) wrong.push(`a slot was free when ${e.table} ended`)
	idle = free
}
console.log(wrong.length === 0 ? `peak ${peak}` : wrong.join('; '))
JS

cat >"$T/plan.mjs" <<'JS'
import { readFileSync } from 'fs'
const show = e => e.event === 'planned' ?
	`planned ${e.table} ${e.wave} ${e.window_low} ${JSON.stringify(e.after)}|` : `${e.event} ${e.tables} ${e.rows}|`
console.log(readFileSync(0, 'utf8').trim().split('\n').map(l => show(JSON.parse(l))).join(''))
JS

# starts: the tables in the order in which they were started
starts() {
	sed -nE 's/.*"event":"started","table":"([a-z0-9]+)".*/\1/p' <<<"$OUT" | tr '\n' ' '
}

everything() { # NAME
	local name
	for name in b1 b2 b3 b4 b5 s1 s2 g1 g2; do
		equal "$1: every row of $name is there once" "$name" "cold.$name" "$COLUMNS"
	done
}

# ---- the plan ------------------------------------------------------------------

config "${ENTRIES[@]}"
calve run --dry-run
same 'a plan needs the state tables: exit status 3' '3 1' "$RC $(errors_in "$ERR")"
calve init
before=$(state "SELECT md5(string_agg(w::text, ';' ORDER BY table_name)) FROM offload_watermarks w")
calve run --dry-run
same 'a plan ends well' '0 0' "$RC $(errors_in "$ERR")"
for name in b1 s2 g1; do
	has "the plan has the rows of $name" "^ +[123] +$name +$(sql "SELECT count() FROM $name") +none +20" "$OUT"
done
has 'the plan says who waits for whom' '^ +2 +s1 .* b1, b2 +lake.cold.s1$' "$OUT"
has 'the plan has the sum' "^9 tables, $ROWS rows, at most 4 at once$" "$OUT"
same 'a plan writes no row of the state database' "$before 0" \
	"$(state "SELECT md5(string_agg(w::text, ';' ORDER BY table_name)) || ' ' || (SELECT count(*) FROM offload_runs) FROM offload_watermarks w")"
same 'a plan makes no table' '' "$(ls "$WAREHOUSE")"
calve run --dry-run --json -t 's*'
same 'as JSON: an object a table, and the sum' "0 planned s1 2 none []|planned s2 2 none [\"s1\"]|summary 2 $(sql 'SELECT (SELECT count() FROM s1) + (SELECT count() FROM s2)')|" \
	"$RC $(node "$T/plan.mjs" <<<"$OUT")"

# ---- waves -----------------------------------------------------------------------

calve run --json -j 2
same 'all nine end well' '0 0' "$RC $(errors_in "$ERR")"
same 'in waves, two at once, a freed slot filled at once' 'peak 2' "$(node "$T/events.mjs" 2 <<<"$OUT")"
same 'without history in the order of the file' 'b1 b2 b3 b4 b5 s1 s2 g1 g2 ' "$(starts)"
everything 'first run'
insert b4 500 1
calve run --dry-run -t b4 -t s1
has 'a plan goes on after the position' '^ +1 +b4 +500 +2024-03-01T00:.*Z/[0-9]+ +20' "$OUT"
has 'and has no row where nothing is new' '^ +2 +s1 +0 ' "$OUT"

# ---- the longest first -------------------------------------------------------------

state "UPDATE offload_runs SET finished_at = started_at + CASE table_name WHEN 'b3' THEN interval '9 s' WHEN 'b5' THEN interval '5 s' WHEN 'b1' THEN interval '7 s' WHEN 'g2' THEN interval '20 s' ELSE interval '1 s' END" >/dev/null
state "DELETE FROM offload_runs WHERE table_name = 'b4'" >/dev/null
for name in b1 b2 b3 b5 s1 s2 g1 g2; do insert "$name" 300 2; done
calve run --json -j 1
same 'unknown first, then the longest, layer by layer' 'b4 b3 b1 b5 b2 s1 s2 g2 g1 ' "$(starts)"
same 'one at a time' 'peak 1' "$(node "$T/events.mjs" 1 <<<"$OUT")"
everything 'increment'
CONFIG_EXTRA="$LAYERS
workers: 3"
config "${ENTRIES[@]}"
calve run --json
same 'as many at once as configured' 'peak 3' "$(node "$T/events.mjs" 3 <<<"$OUT")"
calve run --json -j 9
same 'nine slots: a wave at once, and the next waits for it' 'peak 5' "$(node "$T/events.mjs" 9 <<<"$OUT")"

# ---- selections ----------------------------------------------------------------------

calve run --json -t 's*' -t 'g1'
same 'a selection runs what it selects, and waits for nothing else' '0 s1 s2 g1 ' "$RC $(starts)"
calve run -t 'b*' -t 'nothing*'
same 'a pattern that matches nothing is a mistake' '2 1' "$RC $(errors_in "$ERR")"
has 'and is named' "no table of '.*calve.yaml' matches 'nothing\*'" "$ERR"
calve run -j 0
same 'no slot is a mistake' 2 "$RC"

# ---- what comes after a failure --------------------------------------------------------

sql 'RENAME TABLE b2 TO gone'
insert s1 100 3
calve run --json
same 'a table fails, what comes after it is skipped: exit status 1' 1 "$RC"
for name in s1 s2 g1 g2; do
	same "$name is skipped" 'skipped|cancelled|0' "$(last_run "$name" 'state,error_class,(SELECT count(*) FROM offload_watermarks WHERE status = '"'running'"')')"
	has "$name: the ledger says why" "not started: '(b2|s1)', which comes before it, has not succeeded" "$(last_run "$name" error_message)"
done
same 'the others of its layer are done' 'success success success' "$(last_run b1 state) $(last_run b3 state) $(last_run b5 state)"
calve run -t s1
same 'selected alone it runs' 0 "$RC"
sql 'RENAME TABLE gone TO b2'

# A source that cannot be reached: shown for its table, the rest is planned.
CONFIG_EXTRA="$LAYERS
retry: { attempts: 1 }"
config "${ENTRIES[@]}"
sed -i 's/^sources:$/sources:\n  off: { kind: clickhouse, url: "http:\/\/127.0.0.1:1", database: default }/; s/source: hot.b3,/source: off.b3,/' "$T/calve.yaml"
calve run --dry-run
same 'a source out of reach: exit status 1' '1 1' "$RC $(errors_in "$ERR")"
has 'its table is shown as error' '^ +1 +b3 +error ' "$OUT"
has 'with the reason in the log' "b3: failed while .*'http://127.0.0.1:1'" "$ERR"
has 'the others are planned' '^ +1 +b5 +0 ' "$OUT"
has 'and the sum says so' '^9 tables, .*, 1 could not be asked$' "$OUT"
calve run --dry-run --json
has 'the error is in the JSON' '"table":"b3",.*"rows":null,"error_class":"source-lost","error":".*127.0.0.1:1' "$OUT"

# ---- what others see of the processes ----------------------------------------------------

CONFIG_EXTRA=$LAYERS
config "${ENTRIES[@]}"
insert b1 100 4
insert b2 100 4
# two_stopped: both workers stand still; sets WORKERS
two_stopped() {
	local pid stat n=0
	read -ra WORKERS <"/proc/$COORDINATOR/task/$COORDINATOR/children"
	for pid in "${WORKERS[@]}"; do
		read -r stat 2>/dev/null <"/proc/$pid/stat" && [[ ${stat##*) } == T* ]] && n=$((n + 1))
	done
	((n == 2))
}
# What descriptors of a process refer to: pipes and sockets have a number.
private() { # PID [FIRST-DESCRIPTOR]
	local fd
	for fd in "/proc/$1/fd"/*; do
		((${fd##*/} >= ${2:-0})) && readlink "$fd"
	done | grep -E '^(pipe|socket):' | sort -u
}
CALVE_FAULT=stop:run.fenced "$FAULT" -c "$T/calve.yaml" run -t b1 -t b2 >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
COORDINATOR=$!
if wait_until 60 two_stopped; then
	same 'the title of calve tells how far it is' 'calve: run, 0 of 2 tables done, 2 running' "$(title "$COORDINATOR")"
	same "the workers' tell table and phase" 'calve-worker: b1 committing|calve-worker: b2 committing' \
		"$(title "${WORKERS[0]}")|$(title "${WORKERS[1]}")"
	same 'a worker has its two pipes open' 'pipe pipe' \
		"$(readlink "/proc/${WORKERS[0]}/fd/3" | sed 's/:.*//') $(readlink "/proc/${WORKERS[0]}/fd/4" | sed 's/:.*//')"
	same 'and no descriptor of another worker' '' "$(comm -12 <(private "${WORKERS[0]}" 3) <(private "${WORKERS[1]}" 3))"
	same "of calve's own it has just these two" 2 "$(comm -12 <(private "${WORKERS[0]}" 3) <(private "$COORDINATOR" 3) | wc -l)"
	has 'its input is /dev/null' '^/dev/null$' "$(readlink "/proc/${WORKERS[0]}/fd/0")"
else
	not_ok "the workers never came to their commits: $(cat "$T/stopped.err")"
fi
kill -CONT "${WORKERS[@]}"
wait "$COORDINATOR"
same 'both end well' 0 "$?"
calve run
everything 'at the end'
