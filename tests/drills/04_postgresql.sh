#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The state database in trouble at every phase of a run, the moment between
# the Iceberg commit and the advance of the watermark above all: the lock
# holder's session ended, the server restarted or killed, connections reset,
# the host gone without a word. calve reaches it over TCP, through a proxy.
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
	state.lock.before:2 reading:2 run.committed:2 state.commit.after:2)

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

# Lets stopped workers go on until the coordinator has ended: another attempt
# comes to the same point and stops there, too.
going_on() {
	local pid stat
	for pid in $(cat "/proc/$COORDINATOR/task/$COORDINATOR/children" 2>/dev/null); do
		read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
		[[ ${stat##*) } != T* ]] || kill -CONT "$pid" 2>/dev/null
	done
	! kill -0 "$COORDINATOR" 2>/dev/null
}

go_on() {
	wait_until 120 going_on || not_ok "$1: calve does not end"
	WORKER=
	fault_go
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

# ---- what heals within the run --------------------------------------------------

# The point is before the connection, or after the last statement: then the run
# does not notice.
unnoticed() { # POINT
	case $1 in
	locking | state.commit.after:2) return 0 ;;
	*) return 1 ;;
	esac
}

# deed NAME WHAT: at each point of a run of two steps the function NAME is
# called; the same calve run then ends well.
deed() {
	local point healed=0 n=0
	CONFIG_EXTRA='retry: { attempts: 3, backoff: 100ms }'
	prepared "$1"
	some_points "$(drill_scaled 0 5)"
	for point in "${CHOSEN[@]}"; do
		n=$((n + 1))
		drill_insert "$1" 2
		fault_stop "$point" run || continue
		"$1"
		go_on "$1 at $point"
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
	drill_rerun
	drill_compare "$1"
	drill_history "$1"
	drill_watermarks "$1"
	drill_ledger
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
