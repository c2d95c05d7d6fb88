#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# calve verify of tables that go to ClickHouse finds every difference, however
# small, and says what it may be.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite visits_verify

TABLE=app_user_visits_fact
psql -qXAt -v ON_ERROR_STOP=1 "$(cat "$T/pg/pg.conninfo")" -f scripts/visits.sql || exit 1
cat >"$T/calve.yaml" <<YAML
state: "$(cat "$T/pg/pg.conninfo")"
sources:
  app: { kind: postgres, conninfo: "$(cat "$T/pg/pg.conninfo")" }
  olap: { kind: clickhouse, url: "$(cat "$T/ch/ch.url")", user: "$(cat "$T/ch/ch.user")", password: "\${CLICKHOUSE_PASSWORD}" }
retry: { attempts: 1 }
tables:
  - { name: v, source: app.$TABLE, target: olap.v, timestamp: updated_at, key: [id] }
YAML

# The tallies on standard input, one after the other.
tallies() {
	# shellcheck disable=SC2016 # of JavaScript
	node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).map(t =>
	    `${t.scope} ${t.source_rows} ${t.target_rows} ` +
	    `${t.source_sum === t.target_sum ? "same" : "other"} ${t.equal}`)
	    .join(", "))'
}

# verifies NAME STATUS TALLIES [NOTE]
verifies() {
	calve verify -t v --json
	same "$1: exit status" "$2" "$RC"
	same "$1: tallies" "$3" "$(tallies <<<"$OUT")"
	[ $# -lt 4 ] || has "$1: why" "$4" "$ERR"
}

changed() { # SQL NAME STATUS TALLIES [NOTE]: of the target, then mended
	sql "$1"
	shift
	verifies "$@"
	sql "TRUNCATE TABLE v"
	calve run
}

MARCH=$(($(date -ud '2026-03-01' +%s) * 1000))
# from the last half hour of February on: 1800 rows in each of two months
state "INSERT INTO $TABLE SELECT * FROM make_visits(1, 3600, $MARCH - 1800000, 1000)" >/dev/null
calve init
verifies 'empty target' 1 '' "target table 'default.v' is empty; fill it with 'calve run' first"
calve run
verifies 'after a run' 0 '2026-02 1800 1800 same true, 2026-03 1800 1800 same true, all 3600 3600 same true'
calve verify
has 'as text' 'v +2026-02 +1800 +1800 +2026-02-28T23:30:00.000Z +2026-02-28T23:30:00.000Z +.* equal +([0-9a-f]{16}) +([0-9a-f]{16})' "$OUT"
sql 'OPTIMIZE TABLE v FINAL'
verifies 'other parts, same rows' 0 '2026-02 1800 1800 same true, 2026-03 1800 1800 same true, all 3600 3600 same true'

# ---- differences, each mended by sending all again --------------------------------------

OTHER='2026-02 1800 1800 other false, 2026-03 1800 1800 same true, all 3600 3600 other false'
WHY="calve watermark set v TIME"
changed "INSERT INTO v SELECT * REPLACE (page_views + 1 AS page_views) FROM v WHERE id = 5" \
	'one value' 1 "$OTHER" "$WHY"
changed "INSERT INTO v SELECT * REPLACE (NULL AS revenue) FROM v WHERE id = 17" \
	'a value and NULL' 1 "$OTHER" "$WHY"
changed "INSERT INTO v SELECT * REPLACE ('' AS city) FROM (SELECT * FROM v WHERE id = 40)" \
	'NULL and an empty text' 1 "$OTHER"
changed "INSERT INTO v SELECT * REPLACE (os AS browser, browser AS os) FROM v WHERE id = 5" \
	'two columns exchanged' 1 "$OTHER"
changed "ALTER TABLE v DELETE WHERE id = 100 SETTINGS mutations_sync = 1" \
	'a row that is missing' 1 \
	'2026-02 1800 1799 other false, 2026-03 1800 1800 same true, all 3600 3599 other false'
changed "INSERT INTO v SELECT * REPLACE (9999 AS id) FROM (SELECT * FROM v WHERE id = 5)" \
	'a row too many' 1 \
	'2026-02 1800 1801 other false, 2026-03 1800 1800 same true, all 3600 3601 other false'
verifies 'all mended' 0 '2026-02 1800 1800 same true, 2026-03 1800 1800 same true, all 3600 3600 same true'

# ---- the source goes on -------------------------------------------------------------------

state "UPDATE $TABLE SET page_views = 3, updated_at = $MARCH + 86400000 WHERE id = 6" >/dev/null
verifies 'a newer version at the source' 1 \
	'2026-02 1799 1800 other false, 2026-03 1800 1800 same true, all 3599 3600 other false' \
	"1 of the source's rows are newer .* run 'calve run', then verify again"
calve run
verifies 'is sent by the next run' 0 \
	'2026-02 1799 1799 same true, 2026-03 1801 1801 same true, all 3600 3600 same true'
state "INSERT INTO $TABLE SELECT * FROM make_visits(9000, 9001, $MARCH + 90000000, 1)" >/dev/null
verifies 'newer rows alone are no difference' 0 \
	'2026-02 1799 1799 same true, 2026-03 1801 1801 same true, all 3600 3600 same true' \
	"2 of the source's rows are newer than the newest of the target and are not compared$"
state "DELETE FROM $TABLE WHERE id IN (9000, 9001, 50)" >/dev/null
verifies 'a row deleted at the source' 1 \
	'2026-02 1798 1799 other false, 2026-03 1801 1801 same true, all 3599 3600 other false' \
	'rows that differ were deleted at the source'

exit "$TESTS_FAILED"
