#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL to ClickHouse: local times in zones east and west of UTC, through
# both changes of clocks; transactions that stay open, prepared ones, those of
# subtransactions and of users who are not seen. No row is ever passed over.
# shellcheck source=tests/e2e/replica.sh
. "$(dirname "$0")/replica.sh"
suite visits_zones
sql 'CREATE DATABASE fact ENGINE = Atomic'
SHIM=$ROOT/build/wrong-clock.so
APP=$T/app

# wrong SECONDS: how far the source's clock is off from now on
wrong() {
	printf '%-16d' "$1" 1<>"$T/app.clock"
}
wrong 0
chmod 644 "$T/app.clock"
pg_start "$APP" || exit 1
app 'ALTER SYSTEM SET max_prepared_transactions = 10' >/dev/null
pg_stop "$APP"
LD_PRELOAD=$SHIM WRONG_CLOCK=$T/app.clock pg_start "$APP" || exit 1
CONNINFO=$(cat "$APP/pg.conninfo")

# clock TIME: the source's clock shows that now
clock() {
	wrong "$(($(date -u -d "$1" +%s) - $(date +%s)))"
}
clock '2020-02-02 00:00:00Z'
same "the source's clock can be set" 2020-02-02 "$(app 'SELECT clock_timestamp()::date')"
wrong 0

# entry TABLE [OPTIONS]: look-back is a second, so that it hides nothing
entry() {
	echo "{ name: $1, source: app.$1, target: olap.fact.$1, timestamp: at, key: [id], lookback: 1s, slices: 1${2:+, $2} }"
}

# A session of its own, for transactions that stay open: open SQL...; close SQL
open() {
	local line
	coproc OTHER { psql -qXAt "$CONNINFO" 2>&1; }
	OTHER_IN=${OTHER[1]} OTHER_OUT=${OTHER[0]}
	printf '%s;\n' "$@" >&"$OTHER_IN"
	printf '%s\n' '\echo begun' >&"$OTHER_IN"
	while read -r line <&"$OTHER_OUT" && [ "$line" != begun ]; do
		not_ok "open: $line"
	done
}

close() {
	# shellcheck disable=SC2153 # coproc sets it
	local pid=$OTHER_PID
	printf '%s;\n' "$@" >&"$OTHER_IN"
	printf '%s\n' '\q' >&"$OTHER_IN"
	wait "$pid" 2>/dev/null
}

ids() { # TABLE
	app "SELECT string_agg(id::text, ',' ORDER BY id) FROM $1"
}

arrived() { # TABLE
	sql "SELECT arrayStringConcat(arraySort(groupArray(id)), ',') FROM (SELECT DISTINCT id FROM fact.$1)"
}

# sent NAME TABLE: all of the source's rows are in the target
sent() {
	same "$1" "$(ids "$2")" "$(arrived "$2")"
}

N=0
# ---- local times through changes of clocks ---------------------------------------------

# through ZONE TIME: from an hour and a half before that time to two hours after
# it, by quarters of an hour. Each quarter has a row; each third begins a
# transaction that ends when three more rows have come.
through() {
	local zone=$1 began table id=0 held='' step
	began=$(date -u -d "$2" +%s)
	N=$((N + 1))
	table=z$N
	app "CREATE TABLE $table (id int PRIMARY KEY, at timestamp NOT NULL DEFAULT now())" >/dev/null
	sync_config "$(entry "$table" "timezone: $zone")"
	calve init
	same "$1, $2: init" '0 0' "$RC $(errors_in "$ERR")"
	for step in {-6..8}; do
		clock "@$((began + step * 900 + 60))"
		id=$((id + 1))
		app "SET timezone = '$zone'; INSERT INTO $table VALUES ($id)" >/dev/null
		if [ $((step % 3)) == 0 ]; then
			[ -z "$held" ] || close COMMIT
			id=$((id + 1))
			open "SET timezone = '$zone'" BEGIN "INSERT INTO $table VALUES ($id)"
			held=1
		fi
		calve run
		[ "$RC" == 0 ] || not_ok "$1, $2, step $step: $ERR"
	done
	close COMMIT
	clock "@$((began + 9 * 900))"
	calve run
	sent "$1, $2: every row was sent" "$table"
	has "$1, $2: nothing is said to be ahead" '^0$' "$(grep -c 'which is after' <<<"$ERR")"
	app "DROP TABLE $table" >/dev/null
}
through America/New_York '2026-11-01 06:00Z' # an hour comes twice
through America/New_York '2027-03-14 07:00Z' # an hour is skipped
through Europe/Berlin '2026-10-25 01:00Z'
through Europe/Berlin '2027-03-28 01:00Z'
through Australia/Lord_Howe '2027-04-03 15:00Z' # half an hour, far east
through Asia/Kolkata '2026-11-01 06:00Z'
wrong 0

# Rows of the present are taken at once, wherever it is.
for zone in Pacific/Kiritimati Pacific/Niue; do
	table=${zone##*/}
	table=${table,,}
	app "CREATE TABLE $table (id int PRIMARY KEY, at timestamp NOT NULL); SET timezone = '$zone'; INSERT INTO $table VALUES (1, now() - interval '1 second')" >/dev/null
	sync_config "$(entry "$table" "timezone: $zone")"
	calve init
	run_ok "$zone"
	sent "$zone: a row of a second ago is taken" "$table"
done

# ---- transactions ---------------------------------------------------------------------------

# held NAME TYPE NOW SQL-TO-END [SQL-BEFORE-IT]: a transaction in which NOW is
# the row's time is open at a run, and a quick row comes after it.
N=0
held() {
	local name=$1 type=$2 now=$3 table
	N=$((N + 1))
	table=h$N
	app "CREATE TABLE $table (id int PRIMARY KEY, at $type NOT NULL)" >/dev/null
	sync_config "$(entry "$table")"
	calve init
	[ -z "${FIRST:-}" ] || { app "${ZONE:-} INSERT INTO $table VALUES (9, $now)" >/dev/null && run_ok "$name: a run before it"; }
	open "${ZONE:-SELECT 1 WHERE false}" BEGIN "${5//TABLE/$table}" "INSERT INTO $table VALUES (1, $now)"
	[ -z "${PREPARE:-}" ] || close "PREPARE TRANSACTION '$table'"
	app 'SELECT pg_sleep(1.5)' >/dev/null
	[ -z "${QUICK-1}" ] || app "${ZONE:-} INSERT INTO $table VALUES (2, $now)" >/dev/null
	run_ok "$name: while it is open"
	SAID=$ERR
	run_ok "$name: while it is still open"
	if [ -n "${PREPARE:-}" ]; then
		app "COMMIT PREPARED '$table'" >/dev/null
	else
		close "$4"
	fi
	run_ok "$name: when it has ended"
	sent "$name: no row is passed over" "$table"
	run_ok "$name: and once more"
	same "$name: which sends nothing of what is behind" 1 "$(sql "SELECT uniqExact(cnt) FROM (SELECT count() AS cnt FROM fact.$table FINAL GROUP BY id)")"
}
ms='(extract(epoch FROM now()) * 1000)::bigint'
for first in '' 1; do
	FIRST=$first
	held "open, instants${first:+, later}" timestamptz 'now()' COMMIT 'SELECT 1 WHERE false'
	held "open, milliseconds${first:+, later}" bigint "$ms" COMMIT 'SELECT 1 WHERE false'
	held "open, UTC assumed${first:+, later}" timestamp 'now()' COMMIT 'SELECT 1 WHERE false'
	ZONE="SET timezone = 'America/New_York';" held "open, a zone that nobody tells${first:+, later}" timestamp 'now()' COMMIT 'SELECT 1 WHERE false'
	ZONE="SET timezone = 'America/New_York';" QUICK='' held "open, alone${first:+, later}" timestamp 'now()' COMMIT 'SELECT 1 WHERE false'
	ZONE="SET timezone = 'America/New_York';" held "a subtransaction's row${first:+, later}" timestamp 'now()' 'RELEASE a; COMMIT' 'INSERT INTO TABLE VALUES (3, now()); SAVEPOINT a'
	PREPARE=1 held "prepared${first:+, later}" timestamptz 'now()' '' 'SELECT 1 WHERE false'
	has "prepared${first:+, later}: is told" 'warn .*1 prepared transaction has written to the source, and when they began is told nowhere' "$SAID"
done
FIRST=''

# Of a partitioned table too; one that has written elsewhere holds nothing back.
app "CREATE TABLE parts (id int, at timestamptz NOT NULL, PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100); CREATE TABLE elsewhere (id int)" >/dev/null
sync_config "$(entry parts)"
calve init
open BEGIN 'INSERT INTO parts VALUES (1, now())' "PREPARE TRANSACTION 'parts'"
close
open BEGIN 'INSERT INTO elsewhere VALUES (1)' "PREPARE TRANSACTION 'elsewhere'"
close
app 'SELECT pg_sleep(1.5); INSERT INTO parts VALUES (2, now())' >/dev/null
run_ok 'a partition'
has 'a partition: one transaction matters' 'warn .*: 1 prepared transaction has written' "$ERR"
app "COMMIT PREPARED 'parts'" >/dev/null
run_ok 'a partition, later'
sent 'a partition: no row is passed over' parts
has 'a transaction that wrote elsewhere is no matter' '^0$' "$(grep -c 'prepared transaction' <<<"$ERR")"
app "ROLLBACK PREPARED 'elsewhere'" >/dev/null

# A user who may not see when others began.
app "CREATE ROLE reader LOGIN; CREATE TABLE hidden (id int PRIMARY KEY, at timestamptz NOT NULL); GRANT SELECT ON hidden TO reader" >/dev/null
APP_CONNINFO=${CONNINFO/user=calve/user=reader} sync_config "$(entry hidden)"
calve init
open BEGIN 'INSERT INTO hidden VALUES (1, now())'
app 'SELECT pg_sleep(1.5); INSERT INTO hidden VALUES (2, now())' >/dev/null
run_ok 'hidden'
has 'hidden: it is told' 'warn .*when they began cannot be seen: the next run looks for their rows' "$ERR"
close COMMIT
run_ok 'hidden, later'
sent 'hidden: no row is passed over' hidden

# Long after: the ids go on, rows that were there are not sent again and again.
app "CREATE TABLE long (id int PRIMARY KEY, at timestamp NOT NULL); INSERT INTO long SELECT g, now() - interval '1 day' + g * interval '1 s' FROM generate_series(1, 1000) g" >/dev/null
sync_config "$(entry long)"
calve init
open BEGIN "INSERT INTO long VALUES (5000, now() - interval '5 hours')"
run_ok 'long'
close COMMIT
run_ok 'long, later'
sent 'long: the old row came' long
# the newest second of what was there, and the one that is new
has 'long: only what is new was read' '^3$' "$(last_run long row_count)"

# ---- whose zone it is ----------------------------------------------------------------------------

app "CREATE TABLE local (id int PRIMARY KEY, at timestamp NOT NULL, day date NOT NULL, instant timestamptz NOT NULL)" >/dev/null
local_entry() { # [OPTIONS]
	echo "{ name: local, source: app.local, target: olap.fact.local, timestamp: ${COLUMN:-at}, key: [id]${1:+, $1} }"
}
refused() { # NAME PATTERN [OPTIONS]
	sync_config "$(local_entry "${3:-}")"
	calve check --connect
	same "$1: refused" 1 "$RC"
	has "$1: says why" " error .*$2" "$ERR"
}
taken() { # NAME [OPTIONS]
	sync_config "$(local_entry "${2:-}")"
	calve check --connect
	same "$1: taken" '0 0' "$RC $(errors_in "$ERR")"
	[ "$RC" == 0 ] || printf '%s\n' "$ERR"
}
taken 'UTC everywhere'
said="give the zone of the local times that it holds, like timezone: Europe/Berlin, or timezone: UTC"
app "ALTER DATABASE calve SET timezone = 'Europe/Berlin'" >/dev/null
refused "the database's zone" "column 'at' has no time zone, and that of the (server|database) is 'Europe/Berlin': $said"
taken "the database's zone, but said" 'timezone: Europe/Berlin'
taken "another one, said of the column" 'columns: { at: { timezone: America/New_York } }'
taken 'UTC, said' 'timezone: UTC'
COLUMN=instant taken 'an instant needs none'
COLUMN=day taken 'nor does a day'
refused 'a zone that is not known' "timezone: the source does not know 'Mars/Olympus'; see its view pg_timezone_names" 'timezone: Mars/Olympus'
refused 'a zone of another column' "column 'instant': timezone: is of a timestamp column without time zone only" 'columns: { instant: { timezone: UTC } }'
app "ALTER DATABASE calve RESET timezone; ALTER ROLE reader SET timezone = 'Asia/Tokyo'" >/dev/null
refused "a role's zone" "that of role reader is 'Asia/Tokyo'"
app "ALTER ROLE reader RESET timezone; ALTER ROLE reader IN DATABASE calve SET timezone = 'Asia/Tokyo'" >/dev/null
refused "a role's zone in the database" "that of role reader is 'Asia/Tokyo'"
app "ALTER ROLE reader IN DATABASE calve RESET timezone" >/dev/null
app "ALTER SYSTEM SET timezone = 'America/New_York'" >/dev/null
app 'SELECT pg_reload_conf()' >/dev/null
# shellcheck disable=SC2317 # by wait_until
reloaded() {
	[ "$(app 'SHOW timezone')" == America/New_York ]
}
wait_until 10 reloaded
refused "the server's zone" "that of the server is 'America/New_York': give the zone of the local times that it holds, like timezone: America/New_York"
PGTZ=UTC refused "the server's zone, and calve's own is no answer" "that of the server is 'America/New_York'"

exit "$TESTS_FAILED"
