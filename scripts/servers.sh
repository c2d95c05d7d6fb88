#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Throw-away servers for the demo and the tests. Source it for the functions,
# or run one as a command: scripts/servers.sh pg_start build/demo/pg
#
#	pg_start DIR      PostgreSQL on a unix socket only; DIR/pg.conninfo
#	pg_listen DIR     starts it again, on loopback too, where it wants the
#	                  password: DIR/pg.port, DIR/pg.password
#	pg_stop DIR [immediate]
#	pg_kill DIR       SIGKILL to the postmaster; returns when its backends
#	                  have ended, too
#	pg_remove DIR     stops it and deletes the cluster, wherever that lies
#	pg_sql DIR SQL    one statement, unaligned rows without a heading
#	ch_start DIR      the ClickHouse engine behind chdb-front on loopback;
#	                  DIR/ch.url, DIR/ch.user, DIR/ch.password, and
#	                  DIR/ch.faults, which chdb-front reads each query
#	ch_stop DIR, ch_kill DIR (SIGKILL)
#	ch_sql DIR SQL [URL parameters, as default_format=CSV&...]
#	old_ch_start DIR  Debian's clickhouse-server (18.16), a real server:
#	                  DIR/old.url; users default/old-secret (all rights) and
#	                  reader/reader-secret (read only)
#	old_ch_stop DIR, old_ch_kill DIR
#	old_ch_sql DIR SQL [URL parameters]
#	zk_start DIR      ZooKeeper, one node: DIR/zk.port
#	zk_stop DIR
#
# Starting a server whose DIR holds data brings it back up with that data, on
# the same port where it is still free. Each start returns when the server
# answers, or fails with its log; each stop when the process has ended. No
# system service is used or touched. As root, PostgreSQL (which refuses to run
# as root) runs as the user postgres, or nobody, in a folder of its own that
# this user can reach.

# For whoever changes this: the functions run in EXIT traps, where a bare
# `return` gives the status from before the trap. Say `return 0`.

SERVERS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SERVERS_BUILD=${SERVERS_BUILD:-$SERVERS_ROOT/build}
SERVERS_DEADLINE=${SERVERS_DEADLINE:-60}	# seconds a start or stop may take

servers_fail() {
	echo "servers: $*" >&2
	return 1
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		read -r -t 0.02 <> <(:) || :
	done
}

# ---- processes ---------------------------------------------------------------

# When the process started, in clock ticks: tells it from a later one that was
# given the same number. Nothing for a process that has ended (or only waits
# for its parent to notice).
proc_start() {
	local stat
	read -r stat 2>/dev/null < "/proc/$1/stat" || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # splitting is the point
	set -- $stat
	# While other threads of it end, its files are open and locked.
	[[ $1 != Z || ${18} -gt 1 ]] || return 1
	echo "${20}"
}

# proc_alive PIDFILE: is the process the file names still that process?
proc_alive() {
	local pid start
	read -r pid start 2>/dev/null < "$1" || return 1
	[[ $(proc_start "$pid") == "$start" ]]
}

proc_gone() {
	! proc_alive "$1"
}

# proc_spawn PIDFILE LOG COMMAND...: runs it detached from this shell, so that
# it outlives the script, and writes "PID START".
proc_spawn() {
	local pidfile=$1 log=$2
	shift 2
	rm -f "$pidfile"
	# shellcheck disable=SC2016 # for the inner shell
	setsid bash -c 'echo $$ > "$1.new" && shift && exec "$@"' _ "$pidfile" \
	    "$@" < /dev/null >> "$log" 2>&1 &
	disown
	wait_until 10 test -s "$pidfile.new" || return 1
	local pid
	read -r pid < "$pidfile.new"
	rm -f "$pidfile.new"
	echo "$pid $(proc_start "$pid")" > "$pidfile"
}

# proc_end PIDFILE SIGNAL: signals, waits for the end, by force if need be.
proc_end() {
	local pid
	proc_alive "$1" || { rm -f "$1"; return 0; }
	read -r pid _ < "$1"
	kill "-$2" "$pid" 2>/dev/null
	if ! wait_until "$SERVERS_DEADLINE" proc_gone "$1"; then
		echo "servers: process $pid does not stop, killing it" >&2
		kill -KILL "$pid" 2>/dev/null
		wait_until 10 proc_gone "$1"
	fi
	rm -f "$1"
}

# http_ready PIDFILE URL: 0 when it answers; gives up when it has ended.
http_ready() {
	curl -s -o /dev/null --max-time 5 "$2/ping" || ! proc_alive "$1"
}

# port_free PORT: nobody listens there on loopback.
port_free() {
	! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A port nobody listens on, from below the range the kernel hands out itself.
free_port() {
	local port
	for _ in {1..200}; do
		port=$((10000 + RANDOM % 20000))
		port_free $port && { echo $port; return 0; }
	done
	servers_fail "found no free port"
}

# ---- PostgreSQL ---------------------------------------------------------------

pg_bin() {
	local dir
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) \
	    "$(pg_config --bindir 2>/dev/null)" "$(dirname "$(command -v initdb \
	    2>/dev/null || echo /nowhere/x)")"; do
		[[ -x $dir/initdb && -x $dir/postgres ]] && { echo "$dir"; return 0; }
	done
	servers_fail "PostgreSQL's server programs are missing: run" \
	    "scripts/setup.sh test"
}

# The user that runs PostgreSQL: this one, unless this is root.
pg_user() {
	if [[ $(id -u) != 0 ]]; then
		id -un
	elif id postgres > /dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

pg_as() {
	local user=$1
	shift
	if [[ $(id -u) == 0 ]]; then
		setpriv --reuid "$user" --regid "$(id -g "$user")" \
		    --clear-groups env -u HOME LC_ALL=C.UTF-8 "$@"
	else
		env LC_ALL=C.UTF-8 "$@"
	fi
}

# The folder of cluster and socket: DIR itself where the user of PostgreSQL can
# reach it and a socket's path fits (107 bytes), else a short one.
pg_home() {
	local dir=$1 user=$2 home
	if [[ -s $dir/pg.home ]]; then
		cat "$dir/pg.home"
		return 0
	fi
	home=$dir
	[[ $(id -u) == 0 ]] && home=$dir/cluster && mkdir -p "$home" &&
	    chown "$user" "$home" && chmod 700 "$home"
	if ((${#home} > 80)) || ! pg_as "$user" test -w "$home"; then
		[[ $home == "$dir" ]] || rmdir "$home"
		home=$(cd / && mktemp -d "${TMPDIR:-/tmp}/calve-pg.XXXXXX") ||
		    return 1
		chown "$user" "$home"
		if ! pg_as "$user" test -w "$home"; then
			rmdir "$home"
			servers_fail "user '$user' cannot write in" \
			    "'${TMPDIR:-/tmp}': set TMPDIR"
			return 1
		fi
	fi
	echo "$home" | tee "$dir/pg.home"
}

pg_running() {
	local bin
	bin=$(pg_bin) || return 1
	pg_as "$2" "$bin/pg_ctl" -D "$1/data" status > /dev/null 2>&1
}

pg_start() {
	local dir user home bin
	mkdir -p "$1" && dir=$(cd "$1" && pwd) && bin=$(pg_bin) || return 1
	user=$(pg_user)
	home=$(pg_home "$dir" "$user") || return 1
	# The data may have been cleared away below /tmp since.
	[[ -d $home ]] || { rm -f "$dir/pg.home"; pg_start "$1"; return $?; }
	pg_running "$home" "$user" && return 0
	if [[ ! -s $home/data/PG_VERSION ]]; then
		rm -rf "$home/data.new"
		(cd / && pg_as "$user" "$bin/initdb" -D "$home/data.new" \
		    -U calve --auth-local=trust --auth-host=scram-sha-256 \
		    -E UTF8 --locale=C --no-sync) \
		    > "$dir/pg.initdb.log" 2>&1 || {
			cat "$dir/pg.initdb.log" >&2
			return 1
		}
		pg_as "$user" tee -a "$home/data.new/postgresql.conf" \
		    > /dev/null <<-EOF
			listen_addresses = ''
			include_if_exists = 'listen.conf'
			unix_socket_directories = '$home'
			unix_socket_permissions = 0700
			max_connections = 200
			shared_buffers = 32MB
			fsync = off
			timezone = 'UTC'
			log_timezone = 'UTC'
		EOF
		mv "$home/data.new" "$home/data"
	fi
	pg_choose_port "$dir" "$home" "$user" || return 1
	if ! (cd / && pg_as "$user" "$bin/pg_ctl" -D "$home/data" \
	    -l "$home/pg.log" -w -t "$SERVERS_DEADLINE" start) \
	    > /dev/null 2>&1; then
		tail -n 20 "$home/pg.log" >&2
		servers_fail "PostgreSQL did not start in '$home'"
		return 1
	fi
	local server="host=$home user=calve"
	# The port is also part of the socket's name.
	[[ ! -s $dir/pg.port ]] || server+=" port=$(cat "$dir/pg.port")"
	local super="$server dbname=postgres"
	if [[ $(psql -qXAt "$super" -c "SELECT count(*) FROM pg_database
	    WHERE datname = 'calve'") == 0 ]]; then
		psql -qX "$super" -c 'CREATE DATABASE calve' || return 1
	fi
	echo "$server dbname=calve" > "$dir/pg.conninfo"
}

# Of a cluster that listens: the port it had, or another where that is taken.
pg_choose_port() {
	[[ -s $1/pg.port ]] || return 0
	port_free "$(cat "$1/pg.port")" || free_port > "$1/pg.port" || return 1
	pg_as "$3" tee "$2/data/listen.conf" > /dev/null <<-EOF
		listen_addresses = '127.0.0.1'
		port = $(cat "$1/pg.port")
	EOF
}

pg_listen() {
	[[ -s $1/pg.password ]] ||
	    (umask 077 && echo "calve-$RANDOM$RANDOM" > "$1/pg.password")
	psql -qX "$(cat "$1/pg.conninfo")" <<-EOF || return 1
		ALTER ROLE calve PASSWORD '$(cat "$1/pg.password")';
	EOF
	pg_stop "$1" && free_port > "$1/pg.port" && pg_start "$1"
}

pg_stop() {
	local dir=$1 mode=${2:-fast} user home bin
	[[ -s $dir/pg.home ]] || return 0
	user=$(pg_user)
	home=$(cat "$dir/pg.home")
	bin=$(pg_bin) || return 1
	pg_running "$home" "$user" || return 0
	(cd / && pg_as "$user" "$bin/pg_ctl" -D "$home/data" -m "$mode" -w \
	    -t "$SERVERS_DEADLINE" stop) > /dev/null
}

pg_has_ended() {
	! kill -0 "$@" 2>/dev/null
}

pg_kill() {
	local pid pids
	read -r pid < "$(cat "$1/pg.home")/data/postmaster.pid" || return 1
	read -r -a pids < "/proc/$pid/task/$pid/children"
	kill -KILL "$pid"
	# kill(1) succeeds while one of them is there.
	wait_until "$SERVERS_DEADLINE" pg_has_ended "$pid" "${pids[@]}"
}

pg_remove() {
	local home
	[[ -s $1/pg.home ]] || return 0
	pg_stop "$1" immediate || return 1
	home=$(cat "$1/pg.home")
	rm -rf "$home/data" "$home/pg.log"
	[[ $home -ef $1 ]] || rmdir "$home" 2>/dev/null || :
	rm -f "$1/pg.home" "$1/pg.conninfo" "$1/pg.initdb.log" "$1/pg.port" \
	    "$1/pg.password"
}

pg_sql() {
	psql -qXAt -v ON_ERROR_STOP=1 "$(cat "$1/pg.conninfo")" -c "$2"
}

# ---- ClickHouse: the engine behind chdb-front -----------------------------------

# It serves, or it has ended.
ch_settled() {
	[[ -s $1/ch.port ]] || ! proc_alive "$1/ch.pid"
}

ch_start() {
	local dir front=$SERVERS_BUILD/chdb-front port=0
	local lib=$SERVERS_BUILD/npm/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	shift
	proc_alive "$dir/ch.pid" && return 0
	[[ -x $front ]] || servers_fail "'$front' is missing: run" \
	    "make build/chdb-front" || return 1
	[[ -e $lib ]] || servers_fail "'$lib' is missing: run" \
	    "scripts/setup.sh test" || return 1
	[[ -s $dir/ch.password ]] ||
	    (umask 077 && echo "${CH_PASSWORD:-calve-$RANDOM$RANDOM}" \
	    > "$dir/ch.password")
	echo "${CH_USER:-default}" > "$dir/ch.user"
	[[ -e $dir/ch.faults ]] || : > "$dir/ch.faults"
	[[ -s $dir/ch.port ]] && port_free "$(cat "$dir/ch.port")" &&
	    port=$(cat "$dir/ch.port")
	rm -f "$dir/ch.port"
	proc_spawn "$dir/ch.pid" "$dir/ch.log" "$front" --library "$lib" \
	    --path "$dir/ch.data" --port "$port" --port-file "$dir/ch.port" \
	    --user "$(cat "$dir/ch.user")" --password-file "$dir/ch.password" \
	    --fault-file "$dir/ch.faults" "$@"
	if ! wait_until "$SERVERS_DEADLINE" ch_settled "$dir" ||
	    [[ ! -s $dir/ch.port ]]; then
		tail -n 20 "$dir/ch.log" >&2
		proc_end "$dir/ch.pid" KILL
		servers_fail "chdb-front did not start in '$dir'"
		return 1
	fi
	echo "http://127.0.0.1:$(cat "$dir/ch.port")" > "$dir/ch.url"
}

ch_stop() {
	proc_end "$1/ch.pid" TERM
}

ch_kill() {
	proc_end "$1/ch.pid" KILL
}

ch_sql() {
	curl -sS --fail-with-body "$(cat "$1/ch.url")/?${3:-}" \
	    -H "X-ClickHouse-User: $(cat "$1/ch.user")" \
	    -H "X-ClickHouse-Key: $(cat "$1/ch.password")" \
	    --data-binary "$2"
}

# ---- ClickHouse: Debian's server ---------------------------------------------------

old_ch_config() {
	cat > "$1/config.xml" <<-EOF
		<yandex>
		  <logger><level>warning</level>
		    <log>$1/server.log</log>
		    <errorlog>$1/server.err.log</errorlog></logger>
		  <http_port>$2</http_port>
		  <tcp_port>$3</tcp_port>
		  <interserver_http_port>$4</interserver_http_port>
		  <interserver_http_host>127.0.0.1</interserver_http_host>
		  <listen_host>127.0.0.1</listen_host>
		  <path>$1/data/</path>
		  <tmp_path>$1/tmp/</tmp_path>
		  <user_files_path>$1/user_files/</user_files_path>
		  <format_schema_path>$1/format_schemas/</format_schema_path>
		  <users_config>$1/users.xml</users_config>
		  <default_profile>default</default_profile>
		  <default_database>default</default_database>
		  <timezone>UTC</timezone>
		  <mark_cache_size>67108864</mark_cache_size>
		  <max_concurrent_queries>64</max_concurrent_queries>
		  <keep_alive_timeout>3</keep_alive_timeout>
		  ${OLD_CH_EXTRA:-}
		</yandex>
	EOF
	cat > "$1/users.xml" <<-EOF
		<yandex>
		  <profiles>
		    <default><max_memory_usage>2000000000</max_memory_usage></default>
		    <readonly><readonly>2</readonly></readonly>
		  </profiles>
		  <quotas><default/></quotas>
		  <users>
		    <default><password>old-secret</password>
		      <networks><ip>127.0.0.1</ip></networks>
		      <profile>default</profile><quota>default</quota></default>
		    <reader><password>reader-secret</password>
		      <networks><ip>127.0.0.1</ip></networks>
		      <profile>readonly</profile><quota>default</quota></reader>
		  </users>
		</yandex>
	EOF
}

old_ch_start() {
	local dir server port
	mkdir -p "$1" && dir=$(cd "$1" && pwd) || return 1
	server=$(command -v clickhouse-server) || servers_fail \
	    "Debian's clickhouse-server is missing: run scripts/setup.sh" \
	    "test" || return 1
	proc_alive "$dir/old.pid" && return 0
	mkdir -p "$dir/old/"{data,tmp,user_files,format_schemas}
	# A port found free may be taken a moment later by somebody else.
	for _ in 1 2 3 4 5; do
		if [[ -s $dir/old.port ]] && port_free "$(cat "$dir/old.port")"
		then
			port=$(cat "$dir/old.port")
		else
			port=$(free_port) || return 1
		fi
		old_ch_config "$dir/old" "$port" "$(free_port)" "$(free_port)"
		proc_spawn "$dir/old.pid" "$dir/old.log" "$server" \
		    --config-file="$dir/old/config.xml"
		if wait_until "$SERVERS_DEADLINE" http_ready "$dir/old.pid" \
		    "http://127.0.0.1:$port" && proc_alive "$dir/old.pid"; then
			echo "$port" > "$dir/old.port"
			echo "http://127.0.0.1:$port" > "$dir/old.url"
			grep -o '<tcp_port>[0-9]*' "$dir/old/config.xml" |
			    grep -o '[0-9]*' > "$dir/old.tcp"
			return 0
		fi
		proc_end "$dir/old.pid" KILL
		rm -f "$dir/old.port"
	done
	tail -n 20 "$dir/old.log" "$dir/old/server.err.log" >&2
	servers_fail "clickhouse-server did not start in '$dir'"
}

old_ch_stop() {
	proc_end "$1/old.pid" TERM
}

old_ch_kill() {
	proc_end "$1/old.pid" KILL
}

old_ch_sql() {
	curl -sS --fail-with-body "$(cat "$1/old.url")/?${3:-}" \
	    -H "X-ClickHouse-User: ${OLD_CH_USER:-default}" \
	    -H "X-ClickHouse-Key: ${OLD_CH_PASSWORD:-old-secret}" \
	    --data-binary "$2"
}

# ---- ZooKeeper ---------------------------------------------------------------------

zk_jar=/usr/share/java/zookeeper.jar

# Before it serves it says so, in other words.
zk_ready() {
	local answer=
	{ exec 3<> "/dev/tcp/127.0.0.1/$1" && printf srvr >&3 &&
	    IFS= read -r -t 2 answer <&3
	exec 3>&-; } 2> /dev/null
	[[ $answer == 'Zookeeper version'* ]]
}

zk_start() {
	local dir port
	mkdir -p "$1/zk" && dir=$(cd "$1" && pwd) || return 1
	[[ -e $zk_jar ]] && command -v java > /dev/null || servers_fail \
	    "Debian's zookeeper is missing: run scripts/setup.sh test" ||
	    return 1
	proc_alive "$dir/zk.pid" && return 0
	for _ in 1 2 3 4 5; do
		port=$(free_port) || return 1
		printf '%s\n' tickTime=500 "dataDir=$dir/zk" \
		    "clientPort=$port" clientPortAddress=127.0.0.1 \
		    admin.enableServer=false 4lw.commands.whitelist=srvr \
		    > "$dir/zk.cfg"
		proc_spawn "$dir/zk.pid" "$dir/zk.log" java -Xmx128m -cp \
		    "$zk_jar" \
		    org.apache.zookeeper.server.quorum.QuorumPeerMain \
		    "$dir/zk.cfg"
		if wait_until "$SERVERS_DEADLINE" zk_ready "$port" &&
		    proc_alive "$dir/zk.pid"; then
			echo "$port" > "$dir/zk.port"
			return 0
		fi
		proc_end "$dir/zk.pid" KILL
	done
	tail -n 20 "$dir/zk.log" >&2
	servers_fail "ZooKeeper did not start in '$dir'"
}

zk_stop() {
	proc_end "$1/zk.pid" TERM
}

# ---- as a command --------------------------------------------------------------------

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	case ${1:-} in
	pg_start | pg_listen | pg_stop | pg_kill | pg_remove | pg_sql | \
	    ch_start | ch_stop | ch_kill | ch_sql | \
	    old_ch_start | old_ch_stop | old_ch_kill | old_ch_sql | \
	    zk_start | zk_stop)
		"$@"
		;;
	*)
		sed -n '3,/^$/s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	esac
fi
