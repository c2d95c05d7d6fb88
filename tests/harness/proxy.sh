#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tests/harness/tcp_proxy.c for shell scripts that have sourced
# scripts/servers.sh:
#
#	proxy_start DIR PORT      in front of 127.0.0.1:PORT; DIR/proxy.port
#	proxy_say DIR COMMAND...  as tcp_proxy.c has them; returns when it is in
#	                          force, and prints what the proxy answers
#	proxy_stop DIR

proxy_ready() {
	[[ -s $1/proxy.port ]] || ! proc_alive "$1/proxy.pid"
}

proxy_start() {
	mkdir -p "$1"
	rm -f "$1/proxy.control" "$1/proxy.said" "$1/proxy.port"
	mkfifo -m 600 "$1/proxy.control" || return 1
	proc_spawn "$1/proxy.pid" "$1/proxy.log" "$SERVERS_BUILD/tcp-proxy" \
		--to "$2" --port-file "$1/proxy.port" \
		--control "$1/proxy.control" --said "$1/proxy.said"
	if ! wait_until "$SERVERS_DEADLINE" proxy_ready "$1" ||
		! proc_alive "$1/proxy.pid"; then
		cat "$1/proxy.log" >&2
		servers_fail "tcp-proxy did not start in '$1'"
	fi
}

proxy_has_said() {
	local token
	read -r token PROXY_ANSWER 2>/dev/null <"$1/proxy.said" &&
		[[ $token == "$2" ]]
}

proxy_say() {
	local dir=$1 token=$BASHPID.$EPOCHREALTIME
	shift
	proc_alive "$dir/proxy.pid" ||
		servers_fail "tcp-proxy has ended" || return 1
	echo "$token $*" >"$dir/proxy.control"
	wait_until 10 proxy_has_said "$dir" "$token" ||
		servers_fail "tcp-proxy did not obey '$*'" || return 1
	[[ -z $PROXY_ANSWER ]] || echo "$PROXY_ANSWER"
}

proxy_stop() {
	proc_end "$1/proxy.pid" TERM
}
