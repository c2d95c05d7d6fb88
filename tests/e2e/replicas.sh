#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A source that is a replica and lags behind another: two servers and a
# ZooKeeper, of which one does not fetch what the other has taken.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
if ! command -v clickhouse-server >/dev/null || [ ! -e "$zk_jar" ]; then
	echo 'skip replicas: the packages clickhouse-server and zookeeper are not to be had here'
	exit 0
fi
suite replicas
zk_start "$T/zk" || exit 1
for name in old other; do
	OLD_CH_EXTRA="<zookeeper><node><host>127.0.0.1</host><port>$(cat "$T/zk/zk.port")</port></node>
		<session_timeout_ms>3000</session_timeout_ms></zookeeper>
		<macros><replica>$name</replica></macros>" old_ch_start "$T/$name" || exit 1
done

ahead() { # SQL: to the replica that has all
	old_ch_sql "$T/old" "$@"
}
lagging() { # SQL: to the one that is read
	old_ch_sql "$T/other" "$@"
}

# source_config TABLE [URL]: calve.yaml, with a table that is read at URL
source_config() {
	config "{ name: $1, source: hot.$1, target: lake.cold.$1, timestamp: ts, sequence: seq, settle: 1s }"
	sed -i "s|url: \"[^\"]*\"|url: \"${2:-$(cat "$T/other/old.url")}\"|; s|user: \"[^\"]*\", password: \"[^\"]*\"|user: default, password: old-secret|" "$T/calve.yaml"
}

SEQ=0
insert() { # SERVER TABLE ROWS [SECONDS AGO]: as of its clock
	"$1" "INSERT INTO $2 SELECT now() - ${4:-0}, $SEQ + number FROM system.numbers LIMIT $3"
	((SEQ += $3))
}
rows() { # SERVER [TABLE]
	"$1" "SELECT count() FROM ${2:-t}"
}
settled() { # SERVER TABLE: all its rows are older than settle
	[ "$("$1" "SELECT max(ts) + 1 < now() FROM $2")" == 1 ]
}
has_rows() { # SERVER TABLE ROWS
	[ "$(rows "$1" "$2")" == "$3" ]
}
taken() { # NAME TABLE: all of it, each row once
	same "$1" "$(ahead "SELECT count(), uniqExact(seq), sum(seq) FROM $2" | tr '\t' ' ')" "$(sql "SELECT count(), uniqExact(seq), sum(seq) FROM $(iceberg "cold.$2")" | tr '\t' ' ')"
}

sees_zk() { # SERVER
	"$1" "SELECT count() FROM system.zookeeper WHERE path = '/'" >/dev/null 2>&1
}
for server in ahead lagging; do
	wait_until 60 sees_zk $server
	$server "CREATE TABLE t (ts DateTime, seq UInt64) ENGINE = ReplicatedMergeTree('/t', '{replica}') PARTITION BY toYYYYMMDD(ts) ORDER BY (ts, seq)"
done
CONFIG_EXTRA='retry: { attempts: 1 }'
source_config t
calve init
calve run
same 'a replicated table without a row is no error' '0 0' "$RC $(errors_in "$ERR")"
insert ahead t 10
wait_until 60 has_rows lagging t 10
wait_until 60 settled ahead t
calve run
taken 'a replica that has all is read to the end' t

# Ten rows of the one that is ahead, and later ones of the one that is read.
lagging 'SYSTEM STOP FETCHES t'
insert ahead t 10
LACKS=$(ahead 'SELECT max(ts) FROM t')
insert lagging t 10 -2
wait_until 60 settled lagging t
calve run
same 'a replica that lacks rows: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
same 'and takes none that are newer than those' 10 "$(sql "SELECT count() FROM $(iceberg cold.t)")"
calve check --connect
has 'check says that it lags' 'may lack the rows of up to [1-9][0-9]* s' "$OUT$ERR"

# Some queries go to the one, some to the other.
node tests/e2e/balance.mjs "$T/port" "$(cat "$T/old/old.url")" "$(cat "$T/other/old.url")" &
BALANCER=$!
wait_until 10 test -s "$T/port"
source_config t "http://127.0.0.1:$(cat "$T/port")"
for _ in 1 2; do
	calve run
done
source_config t
lagging 'SYSTEM START FETCHES t'
wait_until 60 has_rows lagging t "$(rows ahead)"
calve run
same 'when it has caught up, the run ends well' '0 0' "$RC $(errors_in "$ERR")"
taken "rows of $LACKS and later are there, each once" t
source_config t "http://127.0.0.1:$(cat "$T/port")"
insert ahead t 10
wait_until 60 settled ahead t
wait_until 60 has_rows lagging t "$(rows ahead)"
calve run
taken 'servers in turn that have all are no error' t
kill "$BALANCER"
source_config t
calve verify
same 'verify finds both sides equal' '0 0' "$RC $(errors_in "$ERR")"

# A replica of each query's own choice: none that lags by a minute.
sed -i "s|</yandex>|<remote_servers><one><shard><replica><host>127.0.0.1</host><port>$(cat "$T/other/old.tcp")</port><password>old-secret</password></replica></shard></one></remote_servers></yandex>|" "$T/other/old/config.xml"
lagging 'SYSTEM RELOAD CONFIG'
for server in ahead lagging; do
	$server "CREATE TABLE far (ts DateTime, seq UInt64) ENGINE = ReplicatedMergeTree('/far', '{replica}') PARTITION BY toYYYYMMDD(ts) ORDER BY (ts, seq)"
done
lagging 'CREATE TABLE near (ts DateTime, seq UInt64) ENGINE = Distributed(one, default, far)'
insert lagging far 1 30
insert lagging far 1 3600
source_config near
calve run
same 'Distributed: rows wait for the slowest replica that may answer' '0 1' "$RC $(sql "SELECT count() FROM $(iceberg cold.near)")"

# Without its session it knows nothing.
kill -STOP "$(head -n 1 "$T/zk/zk.pid" | cut -d ' ' -f 1)"
blind() {
	[ "$(lagging "SELECT is_readonly FROM system.replicas WHERE table = 't'")" == 1 ]
}
wait_until 60 blind
source_config t
calve run
same 'without ZooKeeper the run fails, to be tried again' '1 failed|source-lost' "$RC $(last_run t state,error_class)"
has 'and says why' "replica '/t/replicas/other' of 'default.t' is read-only or has lost Keeper" "$ERR"
kill -CONT "$(head -n 1 "$T/zk/zk.pid" | cut -d ' ' -f 1)"
not_blind() {
	! blind
}
wait_until 60 not_blind
calve run
same 'when it is back, the run ends well' '0 0' "$RC $(errors_in "$ERR")"
