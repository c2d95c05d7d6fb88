/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of ours and what they see: settings, clocks and zones, the
 * transactions of others, snapshots.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/source/postgres.h"

enum { SCALE_MS = 3, SCALE_US = 6 };

static int64_t
number(const struct pg_rows *rows, size_t col, int64_t missing)
{
	const char *text = pg_text(rows, 0, col);

	return text != NULL ? strtoll(text, NULL, 10) : missing;
}

/* ---- sessions ---- */

/*
 * SET LOCAL: until the end of the transaction, whoever's session that is.
 * row_security off makes the server refuse a query that a policy would keep
 * rows from (PostgreSQL documentation, "Row Security Policies"). Intervals as
 * Iceberg's users expect them; exact floats as text. A database of encoding
 * SQL_ASCII holds bytes of any encoding, and converts none: asked for UTF-8 it
 * fails on the first value that is not, without naming its column (ibid.,
 * "Character Set Support"); asked for what is there, it leaves the look to us.
 */
static const char settings[] =
    "SET LOCAL row_security = off; SELECT set_config('client_encoding',"
    " CASE current_setting('server_encoding') WHEN 'SQL_ASCII'"
    " THEN 'SQL_ASCII' ELSE 'UTF8' END, true);"
    " SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO';"
    " SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL extra_float_digits = 1;"
    " SET LOCAL bytea_output = 'hex';"
    " SET LOCAL standard_conforming_strings = on;"
    " SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0;"
    " SET LOCAL idle_in_transaction_session_timeout = 0";

static int
begin(struct postgres *s, const char *how, struct err *err)
{
	char sql[1024];

	snprintf(
	    sql, sizeof(sql), "BEGIN ISOLATION LEVEL %s; %s", how, settings);
	return pg_script(s->pg, sql, err);
}

int
postgres_settle(struct postgres *s, struct err *err)
{
	if (s->settled)
		return 0;
	if (begin(s, "READ COMMITTED READ ONLY", err) == -1)
		return -1;
	s->settled = true;
	return 0;
}

static int
begin_frozen(struct postgres *s, const struct window *whole, const char *how,
    struct err *err)
{
	pg_rollback(s->pg);
	s->settled = false;
	if (begin(s, how, err) == -1)
		return -1;
	s->settled = s->frozen = true;
	s->whole = *whole;
	s->newest = s->job->nkey > 0 && !s->keys_unique;
	return 0;
}

int
postgres_freeze(struct source *source, const struct window *whole,
    char snapshot[SOURCE_SNAPSHOT_TEXT], struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct pg_rows *rows;

	if (begin_frozen(s, whole, "REPEATABLE READ READ ONLY", err) == -1 ||
	    pg_run(s->pg, "SELECT pg_export_snapshot()", 0, NULL, &rows, err) ==
		-1)
		return -1;
	strncpy(snapshot, pg_text(rows, 0, 0), SOURCE_SNAPSHOT_TEXT - 1);
	snapshot[SOURCE_SNAPSHOT_TEXT - 1] = '\0';
	pg_rows_free(rows);
	return 0;
}

int
postgres_join(struct source *source, const struct window *whole,
    const char *snapshot, struct err *err)
{
	struct postgres *s = postgres_of(source);
	char how[SOURCE_SNAPSHOT_TEXT + 96];

	if (strspn(snapshot, "0123456789ABCDEFabcdef-") != strlen(snapshot))
		return err_set(err, ERR_DATA,
		    "the source's name of a snapshot is malformed");
	snprintf(how, sizeof(how),
	    "REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '%s'",
	    snapshot);
	if (begin_frozen(s, whole, how, err) == 0)
		return 0;
	if (err->cls != ERR_SOURCE)
		return -1;
	err_clear(err);
	return err_set(err, ERR_SOURCE_LOST,
	    "the snapshot that the run reads is gone, with the connection that "
	    "held it; see the source's log, then run it again");
}

/* ---- zones ---- */

/*
 * Which zones writers get that say nothing themselves: the server's own, and
 * what is set for the database, for roles, or both. This session's own default
 * is the server's where nothing is set for its role. (PostgreSQL
 * documentation, "pg_settings", "pg_db_role_setting".) What an application
 * sets itself, or libpq by PGTZ, is seen nowhere.
 */
static const char zones_sql[] =
    "SELECT reset_val, 'the server' FROM pg_settings WHERE name = 'TimeZone' "
    "UNION SELECT substr(c, 10), coalesce('role ' || r.rolname,"
    " 'the database') FROM pg_db_role_setting s"
    " LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c"
    " WHERE lower(c) LIKE 'timezone=%' AND s.setdatabase IN (0,"
    " (SELECT oid FROM pg_database WHERE datname = current_database()))"
    " ORDER BY 1";

static int
refuse_zone(const struct postgres *s, const char *zone, const char *whose,
    struct err *err)
{
	return err_set(err, ERR_CONFIG,
	    "timestamp: column '%s' has no time zone, and that of %.80s is "
	    "'%.80s': give the zone of the local times that it holds, like "
	    "timezone: %s, or timezone: UTC where all who write it use UTC",
	    s->timestamp->name, whose, zone,
	    strchr(zone, '/') != NULL ? zone : "Europe/Berlin");
}

static int
ask_zones(struct postgres *s, struct err *err)
{
	struct pg_rows *rows;
	int rc = 0;

	if (pg_run(s->pg, zones_sql, 0, NULL, &rows, err) == -1)
		return -1;
	for (size_t k = 0; rc == 0 && k < pg_count(rows); k++)
		if (!zone_is_utc(pg_text(rows, k, 0)))
			rc = refuse_zone(
			    s, pg_text(rows, k, 0), pg_text(rows, k, 1), err);
	pg_rows_free(rows);
	return rc;
}

/* Whether the server knows the zone that was said, by that name and no
 * abbreviation of it. */
static int
check_zone(struct postgres *s, struct err *err)
{
	const char *const params[] = { s->zone };
	struct pg_rows *rows;
	bool known;

	if (strcmp(s->zone, "UTC") == 0)
		return 0;
	if (pg_run(s->pg,
		"SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)",
		1, params, &rows, err) == -1)
		return -1;
	known = strcmp(pg_text(rows, 0, 0), "t") == 0;
	pg_rows_free(rows);
	if (known)
		return 0;
	return err_set(err, ERR_CONFIG,
	    "timezone: the source does not know '%s'; see its view "
	    "pg_timezone_names",
	    s->zone);
}

int
postgres_find_zone(struct postgres *s, struct err *err)
{
	const char *type = s->timestamp->type.name;
	const char *said = job_timezone(s->job, s->timestamp->name);
	bool local =
	    strcmp(type, "timestamp") == 0 || strcmp(type, "date") == 0;

	for (size_t k = 0; k < s->job->ncolumns; k++)
		if (s->job->columns[k].timezone != NULL &&
		    (!local ||
			strcmp(s->job->columns[k].name, s->timestamp->name) !=
			    0))
			return err_set(err, ERR_CONFIG,
			    "column '%s': timezone: is of a timestamp column "
			    "without time zone only; other columns keep their "
			    "local times as they are: take it out",
			    s->job->columns[k].name);
	s->zone = NULL;
	if (!local)
		return 0;
	s->zone = said != NULL ? said : "";
	if (said != NULL)
		return check_zone(s, err);
	/* days are taken when they are over in UTC, and gone over again */
	return s->scale == SCALE_DAYS ? 0 : ask_zones(s, err);
}

static bool
is_local(const struct postgres *s)
{
	return s->zone != NULL && s->zone[0] != '\0' &&
	    strcmp(s->zone, "UTC") != 0;
}

/* ---- clocks ---- */

int
postgres_clock(struct source *source, int64_t *us, struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct pg_rows *rows;

	if (postgres_settle(s, err) == -1 ||
	    pg_run(s->pg,
		"SELECT (extract(epoch FROM clock_timestamp()) * "
		"1000000)::bigint",
		0, NULL, &rows, err) == -1)
		return -1;
	*us = number(rows, 0, 0);
	pg_rows_free(rows);
	return 0;
}

/*
 * A clock that was set back has shown the times before already: for two hours
 * (no zone ever sets it further) the later time counts, so that rows of the
 * hour that comes twice are in the window from the beginning.
 */
static const char wall_sql[] =
    "WITH at AS (SELECT 'epoch'::timestamptz + $2::bigint * interval "
    "'1 microsecond' AS t)"
    " SELECT round(extract(epoch FROM greatest(t AT TIME ZONE $1::text,"
    " (t - interval '2 hours') AT TIME ZONE $1::text + interval '2 hours'))"
    " * 1000000)::bigint FROM at";

static int
ask_us(struct postgres *s, const char *sql, size_t n, const char *const *params,
    int64_t *us, struct err *err)
{
	struct pg_rows *rows;

	if (postgres_settle(s, err) == -1 ||
	    pg_run(s->pg, sql, n, params, &rows, err) == -1)
		return -1;
	*us = number(rows, 0, INT64_MIN);
	pg_rows_free(rows);
	return 0;
}

int
postgres_wall(struct source *source, int64_t instant_us, int64_t *wall_us,
    struct err *err)
{
	struct postgres *s = postgres_of(source);
	char us[32];
	const char *const params[] = { s->zone, us };

	*wall_us = instant_us;
	if (!is_local(s))
		return 0;
	snprintf(us, sizeof(us), "%" PRId64, instant_us);
	return ask_us(s, wall_sql, 2, params, wall_us, err);
}

/*
 * $2 is a wall time; its instant is the earliest that it can be: by the
 * greatest offset from UTC in the two days around it. From there, less
 * look-back, to the present the clock has never shown less than that instant
 * by the least offset on the way. (No zone has kept an offset for less than a
 * day.)
 */
static const char back_sql[] =
    "WITH w AS (SELECT 'epoch'::timestamp + $2::bigint * interval "
    "'1 microsecond' AS wall), i AS (SELECT wall - (SELECT max((t AT TIME ZONE "
    "$1::text) - (t AT TIME ZONE 'UTC')) FROM generate_series((wall AT TIME "
    "ZONE 'UTC') - interval '48 hours', (wall AT TIME ZONE 'UTC') + interval "
    "'48 hours', interval '12 hours') t) - $3::bigint * interval "
    "'1 millisecond' AS utc FROM w) SELECT round(extract(epoch FROM utc + "
    "(SELECT min((t AT TIME ZONE $1::text) - (t AT TIME ZONE 'UTC')) FROM "
    "(SELECT generate_series(utc AT TIME ZONE 'UTC', clock_timestamp(), "
    "interval '1 day') UNION ALL SELECT utc AT TIME ZONE 'UTC' UNION ALL "
    "SELECT clock_timestamp()) s (t))) * 1000000)::bigint FROM i";

static int
beyond(struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "the newest timestamp of watermark or target is beyond what the "
	    "source's column can hold; see 'calve watermark show'");
}

int
postgres_back(struct source *source, int64_t ticks, int64_t lookback_ms,
    int64_t *out, struct err *err)
{
	struct postgres *s = postgres_of(source);
	char us_text[32], ms_text[32];
	const char *const params[] = { s->zone, us_text, ms_text };
	int64_t us;

	if (!ticks_rescale(ticks, s->scale, SCALE_US, &us))
		return beyond(err);
	if (is_local(s)) {
		snprintf(us_text, sizeof(us_text), "%" PRId64, us);
		snprintf(ms_text, sizeof(ms_text), "%" PRId64, lookback_ms);
		if (ask_us(s, back_sql, 3, params, &us, err) == -1)
			return -1;
	} else if (__builtin_sub_overflow(us, lookback_ms * 1000, &us)) {
		return beyond(err);
	}
	return ticks_rescale(us, SCALE_US, s->scale, out) ? 0 : beyond(err);
}

/* ---- transactions ---- */

/*
 * When a transaction began is told of one's own only, or to members of
 * pg_read_all_stats; that it has written, to all. (PostgreSQL documentation,
 * "The Cumulative Statistics System".) pg_prepared_xacts does not say when a
 * transaction began, only when it was prepared; but such a one writes no more,
 * and the tables that it has written to are those that it holds locked
 * ("pg_locks": pid is null for prepared transactions). Of a view nobody knows
 * the tables. The id that comes next is age()'s "current transaction counter"
 * beyond the snapshot's end, which lies at most 2^31 ids back.
 */
static const char horizon_sql[] =
    "WITH RECURSIVE kin AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid"
    " FROM pg_inherits i JOIN kin ON i.inhparent = kin.oid)"
    " SELECT (extract(epoch FROM min(a.xact_start)) * 1000000)::bigint,"
    " count(*) FILTER (WHERE a.xact_start IS NULL), pg_is_in_recovery(),"
    " CASE WHEN $2::boolean THEN (SELECT count(*) FROM pg_prepared_xacts"
    " WHERE database = current_database()) ELSE (SELECT count(DISTINCT"
    " l.virtualtransaction) FROM pg_locks l WHERE l.pid IS NULL AND"
    " l.locktype = 'relation' AND l.mode NOT IN ('AccessShareLock',"
    " 'RowShareLock') AND l.database = (SELECT oid FROM pg_database WHERE"
    " datname = current_database()) AND l.relation IN (SELECT oid FROM kin))"
    " END FROM pg_stat_activity a WHERE a.datname = current_database()"
    " AND a.pid <> pg_backend_pid() AND a.backend_xid IS NOT NULL";

static const char ids_sql[] =
    "WITH s AS (SELECT txid_current_snapshot() AS s), x AS (SELECT"
    " txid_snapshot_xmin(s) AS low, txid_snapshot_xmax(s) AS high FROM s)"
    " SELECT low, high + greatest(age((high % 4294967296)::text::xid), 0)"
    " FROM x";

int
postgres_transactions(
    struct source *source, uint64_t *oldest, uint64_t *next, struct err *err)
{
	struct postgres *s = postgres_of(source);
	struct pg_rows *rows;

	if (postgres_settle(s, err) == -1 ||
	    pg_run(s->pg, ids_sql, 0, NULL, &rows, err) == -1)
		return -1;
	*oldest = strtoull(pg_text(rows, 0, 0), NULL, 10);
	*next = strtoull(pg_text(rows, 0, 1), NULL, 10);
	pg_rows_free(rows);
	return 0;
}

static void
tell_prepared(int64_t n, source_note *note, void *note_arg)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "%" PRId64 " prepared transaction%s written to the source, and "
	    "when they began is told nowhere: later runs look for their rows "
	    "until they have ended; see the source's view pg_prepared_xacts",
	    n, n == 1 ? " has" : "s have");
	note(note_arg, true, text);
}

int
postgres_horizon(struct source *source, struct source_horizon *out,
    source_note *note, void *note_arg, struct err *err)
{
	struct postgres *s = postgres_of(source);
	const char *const params[] = { s->oid, s->has_ctid ? "f" : "t" };
	struct pg_rows *rows;
	uint64_t oldest;
	int64_t hidden, prepared;
	bool standby;

	if (postgres_transactions(source, &oldest, &out->next, err) == -1 ||
	    pg_run(s->pg, horizon_sql, 2, params, &rows, err) == -1)
		return -1;
	out->us = number(rows, 0, INT64_MAX);
	hidden = number(rows, 1, 0);
	standby = strcmp(pg_text(rows, 0, 2), "t") == 0;
	prepared = number(rows, 3, 0);
	pg_rows_free(rows);
	out->covered = hidden == 0 && !standby && prepared == 0 &&
	    (s->zone == NULL || s->zone[0] != '\0');
	if (hidden > 0)
		note(note_arg, true,
		    "transactions of other users are writing, and when they "
		    "began cannot be seen: the next run looks for their rows "
		    "among older ones, which costs the source time; GRANT "
		    "pg_read_all_stats to the source's user, and it need not");
	if (prepared > 0)
		tell_prepared(prepared, note, note_arg);
	return 0;
}
