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

# APP is the source's cluster, the state database's where unset.
app() {
	pg_sql "${APP:-$T/pg}" "$1"
}

# sync_config TABLES...: as config, for tables that go to ClickHouse.
# APP_CONNINFO, OLAP_URL: other ways to source and target.
sync_config() {
	{
		cat <<-YAML
		state: "$(cat "$T/pg/pg.conninfo")"
		sources:
		  app: { kind: postgres, conninfo: "${APP_CONNINFO:-$(cat "${APP:-$T/pg}/pg.conninfo")}" }
		  olap: { kind: clickhouse, url: "${OLAP_URL:-$(cat "$T/ch/ch.url")}", database: default, user: "$(cat "$T/ch/ch.user")", password: "\${CLICKHOUSE_PASSWORD}" }
		catalogs:
		  lake: { kind: hadoop, warehouse: "$WAREHOUSE" }
		${CONFIG_EXTRA:-retry: { attempts: 1 \}}
		tables:
		YAML
		printf '  - %s\n' "$@"
	} >"$T/calve.yaml"
}

visits() { # TABLE OPTIONS: an entry of `tables:`
	echo "{ name: $1, source: app.$TABLE, target: olap.fact.$1, timestamp: updated_at, key: [id]${2:+, $2} }"
}

# Each row's id and a digest of all columns as text, here and there.
source_rows() {
	local list
	list=$(sed -E "s/ /, /g; s/[a-z_]+/coalesce(&::text, '~')/g" <<<"${COLUMNS//$'\n'/ }")
	app "SELECT id, md5(concat_ws('|', $list)) FROM $TABLE"
}

target_rows() { # TABLE
	local list
	list=$(sed -E "s/ /, /g; s/[a-z_]+/ifNull(toString(&), '~')/g" <<<"${COLUMNS//$'\n'/ }")
	sql "SELECT concat(toString(id), '|', lower(hex(MD5(arrayStringConcat([$list], '|'))))) FROM fact.$1 FINAL"
}

# differences TABLE: sets LOST, the source's rows that the target lacks, and
# DUPLICATED, what is there more than once or not at the source
differences() {
	source_rows >"$T/source.rows" || not_ok "$1: the source cannot be read"
	target_rows "$1" >"$T/target.rows"
	[ -s "$T/source.rows" ] || not_ok "$1: the source has no rows"
	LC_ALL=C sort -o "$T/source.rows" "$T/source.rows"
	LC_ALL=C sort -o "$T/target.rows" "$T/target.rows"
	LC_ALL=C comm -23 "$T/source.rows" "$T/target.rows" >"$T/lost.rows"
	LC_ALL=C comm -13 "$T/source.rows" "$T/target.rows" >"$T/duplicated.rows"
	LOST=$(wc -l <"$T/lost.rows")
	DUPLICATED=$(wc -l <"$T/duplicated.rows")
	[ "$LOST$DUPLICATED" == 00 ] || head -n 5 "$T/lost.rows" "$T/duplicated.rows"
}

# Rows that inserts have put into a table, whatever merges made of them.
rows_put() { # TABLE
	sql "SELECT sum(rows) FROM system.parts WHERE database = 'fact' AND table = '$1' AND min_block_number = max_block_number"
}

equal() { # NAME TABLE
	differences "$2"
	same "$1" '0 lost, 0 duplicated' "$LOST lost, $DUPLICATED duplicated"
}

# no_holes NAME TABLE: all rows up to the watermark are there, whatever else is
no_holes() {
	local stands
	stands=$(state "SELECT coalesce((extract(epoch FROM last_offload_timestamp) * 1000)::bigint, 0) FROM offload_watermarks WHERE table_name = '$2'")
	same "$1: no holes before the watermark" "$(app "SELECT count(*) FROM $TABLE WHERE updated_at <= $stands")" \
		"$(sql "SELECT count() FROM fact.$2 FINAL WHERE updated_at <= $stands")"
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
	psql -qXAt -v ON_ERROR_STOP=1 "$(cat "${APP:-$T/pg}/pg.conninfo")" -f scripts/visits.sql || exit 1
	sql 'CREATE DATABASE fact'
}

# An hour of visits that ended a minute ago.
make_hour() { # ROWS
	local step=$((3600000 / $1))
	app "INSERT INTO $TABLE SELECT * FROM make_visits(1, $1, $(now_ms) - 60000 - $1 * $step, $step)" >/dev/null
}
