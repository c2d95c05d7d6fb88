#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The state database in trouble at every phase of a run, the moment between
# the Iceberg commit and the advance of the watermark above all: the lock
# holder's session ended, the server restarted or killed, connections reset,
# the host gone without a word. calve reaches it over TCP, through a proxy.
# shellcheck disable=SC2030,SC2031 # T of a process beside this one is its own
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/harness/proxy.sh
. tests/harness/proxy.sh
drill
trap 'proxy_stop "$T/proxy"; drill_end' EXIT
pg_listen "$T/pg" && proxy_start "$T/proxy" "$(cat "$T/pg/pg.port")" || exit 1
STATE_PASSWORD=$(cat "$T/pg/pg.password")
export STATE_PASSWORD

# tcp TABLES...: calve.yaml with the state database behind the proxy. PATIENCE:
# milliseconds that a host may be silent, calve's own 30 s where unset.
tcp() {
	STATE_CONNINFO="host=127.0.0.1 port=$(cat "$T/proxy/proxy.port") user=calve dbname=calve password=\${STATE_PASSWORD} ${PATIENCE:+tcp_user_timeout=$PATIENCE}"
	config "$@"
}

# Where a worker is held: each phase as it is entered, and what lies within.
# "before the connection" is the first; a second step follows the first commit.
POINTS=(locking state.lock.before state.lock.after reconciling counting reading
	store.create.before store.write.after writing committing run.fenced
	store.link.before store.link.after run.committed advancing
	state.advance.before state.commit.before state.commit.after
	state.lock.before:2 reading:2 run.committed:2 state.commit.after:2 'done')

# some_points N: that many of them in this scale, run.committed always
some_points() {
	local n want
	want=$(drill_scaled ${#POINTS[@]} "$1")
	CHOSEN=(run.committed)
	for ((n = 1; n < want; n++)); do
		if [ "$want" == ${#POINTS[@]} ]; then
			CHOSEN[n]=${POINTS[n - (n <= 13)]}
		else
			drill_draw 0 $((${#POINTS[@]} - 1))
			CHOSEN[n]=${POINTS[DRAWN]}
		fi
	done
}

backends() { # NAME OF THE APPLICATION, a pattern
	state "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name LIKE '$1'" >/dev/null
}

# What of a table's rows is wrong, quickly; drill_compare looks at all columns.
check_rows() { # TABLE WHAT
	local source target
	source=$(sql "SELECT count(), uniqExact(seq), sum(seq) FROM $1")
	target=$(sql "SELECT count(), uniqExact(seq), sum(seq) FROM $(iceberg "cold.$1")")
	[ "$source" == "$target" ] || not_ok "$2: the source has '$source', the table '$target'"
}

attempts() { # TABLE: of its last run of calve, "state class, state class"
	state "SELECT string_agg(trim(state || ' ' || coalesce(error_class, '')), ', ' ORDER BY started_at) FROM (SELECT *, count(*) FILTER (WHERE attempt = 1) OVER (ORDER BY started_at DESC) AS later FROM offload_runs WHERE table_name = '$1') r WHERE later = 0 OR later = 1 AND attempt = 1"
}

prepared() { # TABLE
	drill_create "$1"
	drill_insert "$1"
	tcp "$(drill_entry "$1" 'step: 1h')"
	calve run
	[ "$RC" == 0 ] || not_ok "$1: first run: $ERR"
}

# settled TABLE...: run until nothing is left, then everything is looked at
settled() {
	drill_rerun -t '*'
	drill_compare "$@"
	drill_history "$@"
	drill_watermarks "$@"
	drill_ledger
}

# ---- what heals within the run --------------------------------------------------

# The point is before the connection, or after the last statement: then the run
# does not notice.
unnoticed() { # POINT
	case $1 in
	locking | done) return 0 ;;
	*) return 1 ;;
	esac
}

# deed NAME WHAT: at each point of a run of two steps the function NAME is
# called; the same calve run then ends well.
deed() {
	local point healed=0 n=0
	CONFIG_EXTRA='retry: { attempts: 3, backoff: 100ms }'
	prepared "$1"
	some_points 3
	for point in "${CHOSEN[@]}"; do
		n=$((n + 1))
		drill_insert "$1" 2
		fault_stop "$point" run || continue
		"$1"
		drill_go_on "$1 at $point"
		if [ "$RC" != 0 ]; then
			not_ok "$1 at $point: exit status $RC: $ERR"
			calve run
		fi
		case $(attempts "$1") in
		success) unnoticed "$point" || not_ok "$1 at $point: nobody noticed" ;;
		'failed state-lost, success') healed=$((healed + 1)) ;;
		*) not_ok "$1 at $point: attempts '$(attempts "$1")': $ERR" ;;
		esac

		check_rows "$1" "$1 at $point"
	done
	settled "$1"
	drill_result "$2" "$n" "$LOST" "$DUPLICATED" "another attempt ended well $healed times, in the same run"
}

terminate() { backends calve-worker; }
terminate_all() { backends 'calve%'; }
reset() { proxy_say "$T/proxy" reset; }
restart() { pg_stop "$T/pg" && pg_start "$T/pg"; }
kill9() { pg_kill "$T/pg" && pg_start "$T/pg"; }

tcp "$(drill_entry none)"
calve init
same 'calve init over TCP' 0 "$RC"
deed terminate "pg_terminate_backend on the lock holder"
deed terminate_all "pg_terminate_backend on coordinator and worker"
deed reset "connections reset"
deed restart "PostgreSQL restarted"
deed kill9 "postmaster killed with SIGKILL"

# ---- the database is away while tables are due ------------------------------------

# The coordinator has noticed.
said() { # PATTERN
	grep -qE -- "$1" "$T/stopped.err"
}

outage() { # NAME
	local n tables=()
	for n in 1 2 3; do
		drill_create "$1$n"
		drill_insert "$1$n"
		tables+=("$(drill_entry "$1$n")")
	done
	tcp "${tables[@]}"
	fault_stop run.committed run || return
	pg_stop "$T/pg" immediate
	kill -CONT "$WORKER"
	wait_until 30 said 'workers go on, nothing is started until it is back'
}

CONFIG_EXTRA='workers: 1
retry: { attempts: 2, backoff: 100ms }'
outage due
drill_draw 1000 4000
drill_pause "$DRAWN"
same 'while the database is away nothing is started' 1 "$(grep -c ' started, ' "$T/stopped.err")"
pg_start "$T/pg"
drill_go_on outage
same 'once it is back all is done' 0 "$RC"
has 'and that it is back is said' 'warn .*the state database is back' "$ERR"
same 'what was running is tried again, what was due was never failed' 'due1 failed,due1 success,due2 success,due3 success' \
	"$(state "SELECT string_agg(table_name || ' ' || state, ',' ORDER BY table_name, started_at) FROM offload_runs WHERE table_name LIKE 'due%'")"
settled due1 due2 due3
drill_result 'PostgreSQL away for seconds, tables due' 1 "$LOST" "$DUPLICATED" "they waited for it; exit status $RC"

if [ "$DRILL_SCALE" == full ]; then
	SECONDS=0
	outage away
	drill_go_on outage
	took=$SECONDS
	same 'a database that stays away fails the run' 3 "$RC"
	has 'in two minutes at most' '^[0-9]$|^[0-9][0-9]$|^1[01][0-9]$' "$took"
	has 'with what becomes of the ends' 'error .*how runs ended could not be recorded: .*the next .calve run. records them as failed' "$ERR"
	pg_start "$T/pg"
	calve run
	has 'the next run says what it found' 'warn .*was left behind while .*; it is recorded as failed' "$ERR"
	settled away1 away2 away3
	drill_result 'PostgreSQL away for good' 1 "$LOST" "$DUPLICATED" "exit status 3 after $took s"
fi

# ---- the lock is lost and another run commits ------------------------------------

CONFIG_EXTRA='retry: { attempts: 1 }'
overtaken() {
	local n=0 point after
	prepared overtaken
	some_points 4
	for point in "${CHOSEN[@]}"; do
		! unnoticed "$point" || continue
		n=$((n + 1))
		drill_insert overtaken 2
		fault_stop "$point" run || continue
		terminate
		calve run
		[ "$RC" == 0 ] || not_ok "overtaken at $point: the other run: $ERR"
		after=$(table version cold.overtaken)
		drill_go_on "overtaken at $point"
		[ "$RC" == 3 ] || not_ok "overtaken at $point: exit status $RC: $ERR"
		[ "$(table version cold.overtaken)" == "$after" ] ||
			not_ok "overtaken at $point: the stale run committed"
		check_rows overtaken "overtaken at $point"
	done
	settled overtaken
	drill_result 'lock lost, another run commits first' "$n" "$LOST" "$DUPLICATED" "the stale run never committed, exit status 3"
}
overtaken

# ---- the host is gone without a word ------------------------------------------------

# beside FUNCTION: in a process of its own with files and a proxy of its own.
# It writes what happened to $T/did; what became of its table, which has its
# name, is looked at when all are through.
beside() {
	(
		own=$T/$1
		mkdir "$own"
		ln -s "$T/pg" "$T/ch" "$own"
		T=$own
		trap 'proxy_stop "$T/proxy"' EXIT
		proxy_start "$T/proxy" "$(cat "$T/pg/pg.port")" || exit 1
		TESTS_FAILED=0
		"$1" && calve run
		exit "$TESTS_FAILED"
	) &
}

backend_gone() { # PID OF THE SERVER
	[ "$(state "SELECT count(*) FROM pg_stat_activity WHERE pid = $1")" == 0 ]
}

# gone NAME HOW POINT: how long until worker, server and calve know; sets
# WORKER_S, SERVER_S and CALVE_S
gone() {
	local since backend
	prepared "$1"
	drill_insert "$1" 2
	fault_stop "$3" run || return
	backend=$(state "SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'transactionid' AND a.application_name = 'calve-worker' AND l.transactionid = (SELECT xmax FROM offload_watermarks WHERE table_name = '$1')")
	since=$SECONDS
	# shellcheck disable=SC2086 # words
	proxy_say "$T/proxy" $2
	kill -CONT "$WORKER"
	wait_until 90 worker_gone || not_ok "$1: the worker hangs"
	WORKER_S=$((SECONDS - since))
	wait_until 90 backend_gone "${backend:-0}" || not_ok "$1: the server keeps the lock"
	SERVER_S=$((SECONDS - since))
	drill_go_on "$1"
	CALVE_S=$((SECONDS - since))
	same "$1: exit status 3" 3 "$RC"
	proxy_say "$T/proxy" pass
}

in_time() { # NAME SECONDS BOUND
	if (($2 <= $3)); then
		ok "$1 after $2 s"
	else
		not_ok "$1 after $2 s, not $3"
	fi
}

vanished() {
	gone vanished 'vanish both' store.create.before
	has 'vanished: why' 'error .*vanished: failed while committing: .*; the state database is out of reach' "$ERR"
	in_time 'a worker notices that the host is gone' "$WORKER_S" 40
	in_time 'the server notices that a worker is gone, and lets the lock go' "$SERVER_S" 40
	in_time 'calve ends' "$CALVE_S" 60
	echo "worker ended after $WORKER_S s, lock let go after $SERVER_S s, calve ended after $CALVE_S s" >"$T/did"
}

frozen() {
	gone frozen 'swallow both' store.create.before
	has 'frozen: why' 'error .*frozen: failed while committing: no answer in time; the state database is out of reach' "$ERR"
	in_time 'a worker notices that the server is frozen' "$WORKER_S" 50
	echo "worker ended after $WORKER_S s, calve after $CALVE_S s" >"$T/did"
}

# Packets are lost for some seconds: nobody notices.
blip() {
	prepared blip
	drill_insert blip 2
	fault_stop store.create.before run || return
	proxy_say "$T/proxy" vanish both
	kill -CONT "$WORKER"
	drill_pause 4000
	proxy_say "$T/proxy" pass
	drill_go_on blip
	same 'a gap of 4 seconds: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
	same 'a gap of 4 seconds: at the first attempt' success "$(attempts blip)"
	echo 'nobody noticed' >"$T/did"
}

# A user who wants it to end does not wait for the network.
stopped() {
	local since
	CONFIG_EXTRA='retry: { attempts: 1 }
grace: 2s'
	prepared stopped
	drill_insert stopped 2
	fault_stop run.committed run || return
	proxy_say "$T/proxy" vanish both
	since=$SECONDS
	kill -TERM "$COORDINATOR"
	drill_go_on stopped
	CALVE_S=$((SECONDS - since))
	in_time 'SIGTERM while the host is gone: calve ends' "$CALVE_S" 30
	proxy_say "$T/proxy" pass
	echo "calve ended after $CALVE_S s" >"$T/did"
}

# At each point, by a user who has told libpq to be less patient.
vanish() {
	local n=0 point
	PATIENCE=1500
	prepared vanish
	some_points 3
	for point in "${CHOSEN[@]}"; do
		n=$((n + 1))
		drill_insert vanish 2
		fault_stop "$point" run || continue
		proxy_say "$T/proxy" vanish both
		kill -CONT "$WORKER"
		wait_until 60 worker_gone || not_ok "vanish at $point: the worker hangs"
		proxy_say "$T/proxy" pass
		proxy_say "$T/proxy" reset
		drill_go_on "vanish at $point"
		case $RC/$(attempts vanish) in
		'3/failed state-lost') ;;
		0/success) [ "$point" == 'done' ] || not_ok "vanish at $point: nobody noticed" ;;
		*) not_ok "vanish at $point: exit status $RC, attempts '$(attempts vanish)': $ERR" ;;
		esac
		calve run
		[ "$RC" == 0 ] || not_ok "vanish at $point: the next run: $ERR"
		check_rows vanish "vanish at $point"
	done
	NVANISH=$n
}

BESIDE=(vanished 'host of PostgreSQL vanishes in mid-run' blip 'network away for 4 seconds')
[ "$DRILL_SCALE" == small ] || BESIDE+=(frozen 'PostgreSQL frozen in mid-run' stopped 'SIGTERM while the host of PostgreSQL is gone')
for ((n = 0; n < ${#BESIDE[@]}; n += 2)); do
	beside "${BESIDE[n]}"
done
vanish
for pid in $(jobs -p); do
	wait "$pid" || TESTS_FAILED=1
done
settled vanish
drill_result 'host of PostgreSQL vanishes, comes back' "$NVANISH" "$LOST" "$DUPLICATED" 'the run failed as state-lost, the next one went on'
for ((n = 0; n < ${#BESIDE[@]}; n += 2)); do
	tcp "$(drill_entry "${BESIDE[n]}" 'step: 1h')"
	settled "${BESIDE[n]}"
	drill_result "${BESIDE[n + 1]}" 1 "$LOST" "$DUPLICATED" "$(cat "$T/${BESIDE[n]}/did")"
done
