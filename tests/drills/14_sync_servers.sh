#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse with servers in trouble: the source restarted,
# killed, its backends ended, its connections reset or gone without a word; the
# state database likewise; ClickHouse killed between and within inserts, the
# wire to it cut, reset or stalled after N bytes of a request or of its answer,
# 503. calve's own retry, or else the next run, makes FINAL equal to the source,
# and an insert that is tried again adds nothing.
# shellcheck source=tests/drills/sync.sh
. "$(dirname "$0")/sync.sh"
# shellcheck source=tests/harness/proxy.sh
. tests/harness/proxy.sh
drill
trap 'proxy_stop "$T/proxy"; drill_end' EXIT
sync_start "$(drill_scaled 60000 21000)"
pg_listen "$APP" && proxy_start "$T/proxy" "$(cat "$APP/pg.port")" || exit 1
APP_PASSWORD=$(cat "$APP/pg.password")
export APP_PASSWORD
APP_CONNINFO="host=127.0.0.1 port=$(cat "$T/proxy/proxy.port") user=calve dbname=calve password=\${APP_PASSWORD} keepalives_idle=1 keepalives_interval=1 keepalives_count=2"
CONFIG_EXTRA='retry: { attempts: 20, backoff: 300ms }'
sync_write

# ---- the source, and the state database, at steps of a run ---------------------------

POINTS=(reconciling counting sync.frozen reading sync.range.sent:1 sync.range.sent:2
	sync.range.acknowledged:1 sync.range.acknowledged:2 advancing state.commit.after)

# Where it happens: some_points N sets CHOSEN to all POINTS and moments, in the
# small scale to N of them. A number is a moment, so many ms after its worker's
# start.
some_points() {
	local n moments
	CHOSEN=("${POINTS[@]}")
	moments=$(drill_scaled 10 $((($1 + 1) / 2)))
	if [ "$DRILL_SCALE" == small ]; then
		CHOSEN=()
		for ((n = 0; n < $1 - moments; n++)); do
			drill_draw 0 $((${#POINTS[@]} - 1))
			CHOSEN+=("${POINTS[DRAWN]}")
		done
	fi
	for ((n = 0; n < moments; n++)); do
		drill_draw 0 400
		CHOSEN+=("$DRAWN")
	done
}

has_worker() {
	local child=
	read -r child _ 2>/dev/null <"/proc/$COORDINATOR/task/$COORDINATOR/children"
	[ -n "$child" ] || ! kill -0 "$COORDINATOR" 2>/dev/null
}

# begin_at POINT: a run with all to do is under way, and has come so far
begin_at() {
	if [[ $1 == *[!0-9]* ]]; then
		fault_stop "$1" run
		return
	fi
	WORKER=
	"$CALVE" -c "$T/calve.yaml" run >"$T/stopped.out" 2>"$T/stopped.err" </dev/null &
	COORDINATOR=$!
	wait_until 30 has_worker
	drill_pause "$1"
}

# deed NAME WHAT CLASS N: at each point of a run with all to do NAME is called;
# the same calve run then ends well, its failed attempts are of CLASS
deed() {
	local point seen healed=0
	sync_table "$1"
	some_points "$4"
	sync_begin
	for point in "${CHOSEN[@]}"; do
		sync_again "$1"
		sync_since
		if begin_at "$point"; then
			"$1"
			drill_go_on "$1 at $point"
			seen=$(sync_attempts "$1")
			[[ $RC/$seen =~ ^0/(failed/$3 )*success$ ]] || not_ok "$1 at $point: exit status $RC, attempts '$seen': $ERR"
			[[ $seen == success ]] || ((++healed))
		fi
		sync_settle "$1"
		((++TIMES))
	done
	sync_finish "sync: $2" "another attempt ended well $healed times, else the first"
}

backends() { # CLUSTER
	pg_sql "$1" "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name LIKE 'calve-worker'" >/dev/null
}
source_terminated() { backends "$APP"; }
source_reset() { proxy_say "$T/proxy" reset; }
source_closed() { proxy_say "$T/proxy" close; }
source_restarted() { pg_stop "$APP" && pg_start "$APP"; }
source_killed() { pg_kill "$APP" && pg_start "$APP"; }
state_terminated() { backends "$T/pg"; }
state_killed() { pg_kill "$T/pg" && pg_start "$T/pg"; }

deed source_terminated "pg_terminate_backend on the source's sessions" source-lost 1
deed source_reset 'connections to the source reset' source-lost 1
[ "$DRILL_SCALE" == small ] || deed source_closed 'connections to the source closed' source-lost 1
[ "$DRILL_SCALE" == small ] || deed source_restarted 'source restarted' source-lost 1
deed source_killed "source's postmaster killed with SIGKILL" source-lost 1
[ "$DRILL_SCALE" == small ] || deed state_terminated "pg_terminate_backend on the lock holder" state-lost 1
deed state_killed 'state database killed with SIGKILL' state-lost 1

# Without FIN: the host is gone, a worker that waits for rows notices by its
# own clock. It comes back, and the next attempt reads.
sync_table vanished 'timeout: 2s'
sync_begin
for point in $(drill_scaled "${POINTS[*]:1}" sync.range.sent:1); do
	sync_again vanished
	sync_since
	if fault_stop "$point" run; then
		proxy_say "$T/proxy" vanish both
		kill -CONT "$WORKER"
		wait_until 60 worker_gone || not_ok "vanished at $point: the worker hangs"
		proxy_say "$T/proxy" pass
		proxy_say "$T/proxy" reset
		drill_go_on "vanished at $point"
		seen=$(sync_attempts vanished)
		[[ $RC/$seen =~ ^0/(failed/source-lost )*success$ ]] || not_ok "vanished at $point: exit status $RC, attempts '$seen': $ERR"
	fi
	sync_settle vanished
	((++TIMES))
done
sync_finish 'sync: host of the source vanishes, comes back' 'noticed after timeout, tried again'

# ---- ClickHouse: killed at steps --------------------------------------------------------

target_killed() { ch_kill "$T/ch" && ch_start "$T/ch"; }
deed target_killed 'ClickHouse killed between and within inserts' target-lost 1

# ---- ClickHouse: within a request, within an answer ----------------------------------------
# The source is at rest: with one attempt of a run, tokens have let nothing in
# twice.

sync_hold
CLEAN=0
# once NAME PATTERN: a run into a new table, while something happens to it
once() {
	sync_since
	calve run
	seen=$(sync_attempts "$1")
	[[ $RC/$seen =~ ^0/($2)$ ]] || not_ok "$1: exit status $RC, attempts '$seen': $ERR"
	sync_compare "$1"
	if [[ $seen == success ]]; then
		TWICE=$(($(rows_put "$1") - $(wc -l <"$T/source.rows")))
		[ "$TWICE" == 0 ] || not_ok "$1: $TWICE rows were added again"
		((SUM_DUPLICATED += TWICE, ++CLEAN))
	fi
	sql "DROP TABLE fact.$1"
	((++TIMES))
}

front() { # LINE
	printf '%s\n' "${1:+$1 match INSERT INTO}" >"$T/ch/ch.faults"
}

RETRIED='(failed/target-lost )*success'
sync_begin
for status in 503 $(drill_scaled 500 ''); do
	for times in $(drill_scaled '1 2 3 5' 2); do
		sync_table "http_${status}_$times"
		front "http $status times $times"
		once "http_${status}_$times" "$RETRIED"
		front
	done
done
sync_finish 'sync: ClickHouse answers 503, then is fine' "nothing was added twice in $CLEAN of them"

mkdir "$T/wire"
tests/drills/wire.mjs "$T/wire" "$(cat "$T/ch/ch.url")" 'INSERT%20INTO' 2>"$T/wire/log" &
wait_until 10 test -s "$T/wire/wire.port" || exit 1
OLAP_URL=http://127.0.0.1:$(cat "$T/wire/wire.port")
sync_begin
sync_table whole
once whole success
LENGTH=$(cat "$T/wire/wire.request") ANSWER=$(stat -c %s "$T/wire/wire.answer")
has 'a request is long, its answer short' '^[0-9]{6,7} [0-9]{3}$' "$LENGTH $ANSWER"

# broken KIND N [up]
broken() {
	local name=${1}_$2${3:+_up}
	sync_table "$name" "timeout: 1s"
	rm -f "$T/wire/wire.struck"
	echo "$*" >"$T/wire/wire.plan"
	once "$name" "$RETRIED"
	[ -e "$T/wire/wire.struck" ] || not_ok "$name: the wire did not break"
}

for kind in cut reset; do
	CLEAN=0
	sync_begin
	for ((n = 0; n < $(drill_scaled 20 1); n++)); do
		drill_draw 1 $((LENGTH - 2000))
		broken $kind "$DRAWN" up
	done
	for ((n = 0; n < $(drill_scaled 10 1); n++)); do
		# before its first byte, or within: the insert is done
		drill_draw 0 $((ANSWER - 3))
		((n > 0)) || DRAWN=0
		broken $kind "$DRAWN"
	done
	sync_finish "sync: connection $([ $kind == cut ] && echo closed || echo reset) after N bytes of insert or answer" "nothing was added twice in $CLEAN of them"
done
CLEAN=0
sync_begin
for ((n = 0; n < $(drill_scaled 4 0); n++)); do
	drill_draw 1 $((LENGTH - 2000))
	broken stall "$DRAWN" up
done
broken stall $((ANSWER - 6))
sync_finish 'sync: stalled after N bytes' "nothing was added twice in $CLEAN of them"
unset OLAP_URL

# The server dies once the insert is done, and comes back while it is tried
# again: its tokens are on disk.
CLEAN=0
sync_begin
for ((n = 0; n < $(drill_scaled 8 1); n++)); do
	sync_table "died_$n"
	front 'die-after 0'
	(
		trap - EXIT
		wait_until 30 proc_gone "$T/ch/ch.pid" && front && ch_start "$T/ch"
	) &
	starter=$!
	sync_since
	calve run
	wait $starter || not_ok 'the server did not die, or did not start'
	seen=$(sync_attempts "died_$n")
	[[ $RC/$seen =~ ^0/$RETRIED$ ]] || not_ok "died_$n: exit status $RC, attempts '$seen': $ERR"
	sync_compare "died_$n"
	((++TIMES))
done
sync_finish 'sync: ClickHouse dies with the insert done, comes back' 'tried until it was back'

: >"$T/write.stop"
sync_go_on
wait "${SYNC_WRITERS[@]}"
same 'the writers wrote all the while' 1 $(($(cat "$T/quick.count") > 20 && $(cat "$T/slow.count") > 3))
