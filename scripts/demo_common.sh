# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the demos share. Source it from the project's folder, then
#
#	demo_begin NAME SCRIPT [stop]
#		installs what is missing, builds, and starts PostgreSQL and
#		ClickHouse below build/NAME, which it empties; with stop, stops
#		those left there and ends. Sets $demo (that folder), $calve
#		(the command with its -c) and $CLICKHOUSE_PASSWORD. The servers
#		stop when the script ends, unless $KEEP is set and all went well
#	say TEXT	a heading
#	run COMMAND	prints and runs it
#	demo_end [TABLE [QUERY]]
#		how long it took; with $KEEP, how to go on. TABLE is the path of
#		an Iceberg table to try, QUERY what to ask ClickHouse instead
#
# shellcheck source=scripts/servers.sh
. scripts/servers.sh

if [[ -t 1 ]]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

say() {
	printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

run() {
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
	"$@"
}

demo_stop_servers() {
	ch_stop "$demo/ch"
	pg_remove "$demo/pg"
}

demo_finish() {
	local status=$?
	if [[ $status != 0 ]]; then
		printf 'demo: failed, see %s\n' "$demo" >&2
	fi
	[[ -n ${KEEP:-} && $status == 0 ]] || demo_stop_servers
	exit $status
}

demo_begin() {
	demo=$SERVERS_BUILD/$1
	demo_script=$2
	if [[ ${3:-} == stop ]]; then
		demo_stop_servers
		exit
	fi
	scripts/setup.sh build demo
	env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory \
	    -j"$(nproc)" all build/chdb-front
	began=$SECONDS
	[[ ! -d $demo ]] || demo_stop_servers
	rm -rf "$demo"
	mkdir -p "$demo/warehouse"
	trap demo_finish EXIT
	say 'A throw-away PostgreSQL and ClickHouse'
	pg_start "$demo/pg"
	ch_start "$demo/ch"
	echo "PostgreSQL on a socket: $(cat "$demo/pg/pg.conninfo")"
	echo "ClickHouse $(ch_sql "$demo/ch" 'SELECT version()') at" \
	    "$(cat "$demo/ch/ch.url")"
	CLICKHOUSE_PASSWORD=$(cat "$demo/ch/ch.password")
	export CLICKHOUSE_PASSWORD
	calve=(build/calve -c "${demo#"$PWD/"}/calve.yaml")
}

demo_end() {
	local table=${1:-}
	local query=${2:-"SELECT symbol, count() FROM icebergLocal('$table') GROUP BY 1"}
	say "Done in $((SECONDS - began)) seconds"
	[[ -z $table ]] || cat <<-EOT
		An Iceberg table:  $table
		Read it with       node tests/interop/read_duckdb.mjs ${table#"$PWD/"} --raw --sql 'SELECT symbol, count(*) FROM t GROUP BY 1'
	EOT
	if [[ -z ${KEEP:-} ]]; then
		echo 'The servers are stopped; KEEP=1 leaves them up.'
		return 0
	fi
	cat <<-EOT
		The servers are up. Go on with
		    export CLICKHOUSE_PASSWORD=\$(cat ${demo#"$PWD/"}/ch/ch.password)
		    ${calve[*]} status
		    scripts/servers.sh ch_sql ${demo#"$PWD/"}/ch "$query"
		    psql "$(cat "$demo/pg/pg.conninfo")" -c 'SELECT * FROM offload_runs'
		    $demo_script stop
	EOT
}
