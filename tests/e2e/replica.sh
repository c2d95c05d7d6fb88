#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the suites of tables that go to ClickHouse share: the table of visits
# at the source, calve.yaml, and the comparison of both sides by their own
# SQL. Source it in place of lib.sh; `suite NAME; replica_setup`.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

TABLE=app_user_visits_fact
COLUMNS='id user_id session_id page_url referrer device os browser country city latitude longitude duration_ms
scroll_depth page_views revenue is_bounce is_converted is_deleted created_at updated_at'

# sync_config TABLES...: as config, for tables that go to ClickHouse
sync_config() {
	{
		cat <<-YAML
		state: "$(cat "$T/pg/pg.conninfo")"
		sources:
		  app: { kind: postgres, conninfo: "$(cat "$T/pg/pg.conninfo")" }
		  olap: { kind: clickhouse, url: "$(cat "$T/ch/ch.url")", database: default, user: "$(cat "$T/ch/ch.user")", password: "\${CLICKHOUSE_PASSWORD}" }
		catalogs:
		  lake: { kind: hadoop, warehouse: "$WAREHOUSE" }
		retry: { attempts: 1 }
		tables:
		YAML
		printf '  - %s\n' "$@"
	} >"$T/calve.yaml"
}

visits() { # TABLE OPTIONS: an entry of `tables:`
	echo "{ name: $1, source: app.$TABLE, target: olap.fact.$1, timestamp: updated_at, key: [id]${2:+, $2} }"
}

# Rows and a checksum of all columns as text, here and there.
source_sum() {
	local list
	list=$(sed -E "s/ /, /g; s/[a-z_]+/coalesce(&::text, '~')/g" <<<"${COLUMNS//$'\n'/ }")
	state "SELECT count(*), coalesce(sum(('x' || substr(md5(concat_ws('|', $list)), 1, 8))::bit(32)::bigint), 0) FROM $TABLE"
}

target_sum() { # TABLE
	local list
	list=$(sed -E "s/ /, /g; s/[a-z_]+/ifNull(toString(&), '~')/g" <<<"${COLUMNS//$'\n'/ }")
	sql "SELECT count(), sum(toUInt64(reinterpretAsUInt32(reverse(substring(MD5(arrayStringConcat([$list], '|')), 1, 4))))) FROM fact.$1 FINAL" | tr '\t' '|'
}

equal() { # NAME TABLE
	same "$1" "$(source_sum)" "$(target_sum "$2")"
}

run_ok() { # NAME
	calve run
	same "$1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	[ "$RC" == 0 ] || printf '%s\n' "$ERR"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

replica_setup() {
	psql -qXAt -v ON_ERROR_STOP=1 "$(cat "$T/pg/pg.conninfo")" -f scripts/visits.sql || exit 1
	sql 'CREATE DATABASE fact'
}

# An hour of visits that ended a minute ago.
make_hour() { # ROWS
	local step=$((3600000 / $1))
	state "INSERT INTO $TABLE SELECT * FROM make_visits(1, $1, $(now_ms) - 60000 - $1 * $step, $step)" >/dev/null
}
