#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a run tells while it lasts: on a terminal of 80 columns and of 40 a
# table that is drawn over itself, elsewhere plain lines, with --json an object
# an event; and the summary at its end.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite progress

NAMES=(bronze_trades_binance bronze_trades_of_another_exchange)
for name in "${NAMES[@]}"; do
	sql "CREATE TABLE $name (ts DateTime64(3, 'UTC'), seq Int64, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO $name SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(number), number, randomPrintableASCII(200) FROM numbers(200000)"
done
entry() { # NAME TARGET
	echo "{ name: $1, source: hot.$1, target: lake.$2.$1, timestamp: ts, sequence: seq }"
}
again() { # NAMESPACE: both tables into new targets
	CONFIG_EXTRA='grace: 1s
workers: 2'
	config "$(entry "${NAMES[0]}" "$1")" "$(entry "${NAMES[1]}" "$1")"
	calve init
	for name in "${NAMES[@]}"; do calve watermark reset "$name"; done
}

# A terminal of WIDTH by 24 that takes what calve writes, byte by byte, and
# tells what somebody in front of it saw.
cat >"$T/terminal.mjs" <<'JS'
import { readFileSync } from 'fs'
const [file, width] = [process.argv[2], Number(process.argv[3])]
const bytes = readFileSync(file, 'utf8').replace(/^Script started[^\n]*\n/, '').replace(/\n?Script done[^\n]*\n$/, '')
const height = 24
let lines = [''], row = 0, col = 0, blocks = 0, wrapped = 0, seen = 0, frame = ''
const top = () => Math.max(0, lines.length - height)
const heads = () => lines.slice(top()).filter(l => l.startsWith('RUNNING')).length
for (let at = 0; at < bytes.length; at++) {
	const c = bytes[at], csi = /^\x1b\[(\d*)([A-Za-z])/.exec(bytes.slice(at, at + 12))
	if (csi) {
		if (csi[2] === 'A') {
			seen = Math.max(seen, heads())
			const now = lines.slice(top())
			if (now.filter(l => /^bronze.* reading +\d+%/.test(l)).length === 2) frame = now.join('\n')
			row = Math.max(top(), row - Number(csi[1] || 1))
			blocks++
		} else if (csi[2] === 'J') {
			lines.length = row + 1
			lines[row] = lines[row].slice(0, col)
		} else throw new Error(`unknown sequence ${JSON.stringify(csi[0])}`)
		at += csi[0].length - 1
	} else if (c === '\r') col = 0
	else if (c === '\n') {
		if (++row === lines.length) lines.push('')
	} else {
		if (col === width) {
			wrapped += lines[row].includes('RUNNING') || /reading|tables done, \d+ running/.test(lines[row])
			col = 0
			if (++row === lines.length) lines.push('')
		}
		lines[row] = lines[row].padEnd(col).slice(0, col) + c + lines[row].slice(col + 1)
		col++
	}
}
console.log(JSON.stringify({ blocks, wrapped, most: seen, left: lines.filter(l => /^RUNNING|running, /.test(l)).length, frame, end: lines.join('\n') }))
JS
told() { # KEY
	node -e 'const o = JSON.parse(require("fs").readFileSync(0)); console.log(o[process.argv[1]])' "$1" <<<"$SEEN"
}

# On a terminal of so many columns, in front of a source that stops half way:
# long enough for some frames. Sets SEEN.
is_going() {
	[ -s "$T/typescript" ] &&
		(($(grep -ac 'RUNNING ' "$T/typescript") >= 4)) &&
		(($(grep -acE 'bronze_trades_bi.* reading +[0-9]+%' "$T/typescript") >= 2)) &&
		(($(grep -acE 'bronze_trades_of.* reading +[0-9]+%' "$T/typescript") >= 2))
}
terminal() { # WIDTH NAMESPACE
	again "$2"
	echo 'stall-after 20000000 match FORMAT Native' >"$T/ch/ch.faults"
	cat >"$T/session" <<-SH
	stty cols $1 rows 24
	echo \$\$ >"$T/calve.pid"
	exec "$CALVE" -c "$T/calve.yaml" run
	SH
	rm -f "$T/typescript"
	TERM=xterm script -qfec "bash $T/session" "$T/typescript" >/dev/null 2>&1 </dev/null &
	local pid=$!
	wait_until 60 is_going || not_ok "$1 columns: the table was never drawn again"
	kill -TERM "$(cat "$T/calve.pid")"
	wait "$pid"
	: >"$T/ch/ch.faults"
	SEEN=$(node "$T/terminal.mjs" "$T/typescript" "$1")
}

if command -v script >/dev/null; then
	for width in 120 80 40; do
		terminal "$width" "w$width"
		same "$width columns: no line of the table wraps" 0 "$(told wrapped)"
		same "$width columns: it stands there once at a time" 1 "$(told most)"
		has "$width columns: drawn over itself" '^([3-9]|[1-9][0-9]+)$' "$(told blocks)"
		same "$width columns: nothing of it is left at the end" 0 "$(told left)"
		has "$width columns: the log stands above it" 'started, run' "$(told frame)"
		has "$width columns: phase and part done of each table" '^bronze_trades_.* reading +[0-9]+%( |$)' "$(told frame)"
		has "$width columns: below it the sum" '^0 of 2 tables done, 2 running, [0-9]+ r' "$(told frame)"
		has "$width columns: at the end the summary" '^0 of 2 tables done, 0 rows in [0-9.]+ s' "$(told end)"
		case $width in
		120) COLUMNS_SHOWN='RUNNING +PHASE +DONE +LEFT +ROWS +ROWS/S +READ +WRITTEN +TIME' ;;
		80) COLUMNS_SHOWN='RUNNING +PHASE +DONE +LEFT +ROWS +ROWS/S +READ' ;;
		40) COLUMNS_SHOWN='RUNNING +PHASE +DONE' ;;
		esac
		has "$width columns: as many columns as there is room for" "^$COLUMNS_SHOWN$" "$(told frame)"
	done
else
	echo 'skip a terminal: needs script, of bsdutils'
fi

# ---- elsewhere ---------------------------------------------------------------------------

again plain
echo 'stall-after 20000000 match FORMAT Native' >"$T/ch/ch.faults"
"$CALVE" -c "$T/calve.yaml" run >"$T/plain.out" 2>"$T/plain.err" </dev/null &
COORDINATOR=$!
tells() {
	grep -q ' bronze_trades_binance: reading, [1-9]' "$T/plain.err"
}
wait_until 60 tells || not_ok "no line told of workers that last: $(cat "$T/plain.err")"
kill -TERM "$COORDINATOR"
wait "$COORDINATOR"
: >"$T/ch/ch.faults"
has 'a line tells of a worker that lasts' 'bronze_trades_binance: reading, [1-9][0-9]* rows, [0-9]+/s, 1[0-9]M read, .* written, [0-9]+%, .* left$' "$(cat "$T/plain.err")"
same 'off a terminal each line is plain text with its time' 0 "$(grep -cvE '^20[0-9-]+T[0-9:.]+Z (info|warn|error) [ -~]*$' "$T/plain.err")"

again json
calve run --json
cat >"$T/json.mjs" <<'JS'
import { readFileSync } from 'fs'
const wrong = [], state = {}, text = readFileSync(0, 'utf8')
const events = text.trimEnd().split('\n').map(l => JSON.parse(l))
if (events.map(e => JSON.stringify(e)).join('').length < 100) wrong.push('too little')
for (const e of events) {
	const s = state[e.table] ??= { rows: 0 }
	if (e.event === 'started' && s.run) wrong.push(`${e.table} started twice`)
	if (e.event === 'started') s.run = e.run_id
	if (e.event !== 'summary' && (e.run_id !== s.run || s.settled)) wrong.push(`${e.event} of ${e.table} out of turn`)
	if (e.event === 'progress' && (e.rows < s.rows || e.rows_expected !== 200000)) wrong.push(`rows of ${e.table} go back`)
	if (e.event === 'progress') s.rows = e.rows
	if (e.event === 'settled') s.settled = e
}
const last = events.at(-1)
if (last.event !== 'summary' || last.rows !== 400000 || last.exit_status !== 0) wrong.push('summary')
for (const t of last.tables) {
	const s = state[t.table].settled
	for (const key of Object.keys(t)) if (s[key] !== t[key]) wrong.push(`${key} of ${t.table}`)
	for (const key of ['rows', 'bytes_read', 'bytes_written', 'files', 'seconds', 'cpu_seconds', 'peak_memory'])
		if (!(t[key] > 0)) wrong.push(`no ${key} of ${t.table}`)
}
console.log(wrong.join('; ') || `${last.tables.length} tables`)
JS
same 'as JSON: an object a line, each table from its start to its end, and the sum' '0 2 tables' "$RC $(node "$T/json.mjs" <<<"$OUT" 2>&1)"

again summary
calve run
for name in "${NAMES[@]}"; do
	has "the summary has rows, bytes, files, seconds, rows a second, memory and position of $name" \
		"^$name +success +200000 +4[0-9]M +[0-9.]+M +[0-9]+ +[0-9.]+ +[0-9]+ +[0-9]+M +2024-03-01T00:03:19.999Z/199999$" "$OUT"
done
has 'and the sum' '^2 of 2 tables done, 400000 rows in [0-9.]+ s$' "$OUT"
