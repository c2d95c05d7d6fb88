/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources that other servers write to: since when an insert may be missing
 * here. A replica is asked; one that is chosen anew for each query (Distributed,
 * a balancer) must not lag by more than is allowed for.
 */
#include "worker/source/clickhouse_replica.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/xalloc.h"
#include "worker/source/clickhouse.h"
#include "worker/stop.h"

enum { SQL_MAX = 16 << 20, ANSWER_MAX = 1 << 20 };
enum { WAIT_S = 30, PAUSE_FIRST_MS = 20, PAUSE_MOST_MS = 1000 };
enum { ACCESS_DENIED = 497 };
static const int64_t SECOND_US = 1000000;

/* ---- asking --------------------------------------------------------------- */

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

void
clickhouse_put_replica(struct clickhouse *s, struct buf *sql)
{
	buf_put_str(sql,
	    "ifNull((SELECT any(replica_path) FROM system.replicas "
	    "WHERE database = ");
	sql_string(sql, s->database);
	buf_put_str(sql, " AND table = ");
	sql_string(sql, s->job->table);
	buf_put_str(sql, "), '')");
}

static void
put_status_query(struct clickhouse *s, struct buf *sql)
{
	buf_printf(sql,
	    "SELECT replica_path, toUInt8(is_readonly OR is_session_expired%s)"
	    ", toUInt64(log_max_index), toUInt64(log_pointer)"
	    ", toUInt64(absolute_delay), toUInt64(queue_size)"
	    ", toUInt64(inserts_in_queue), toUInt64(merges_in_queue)"
	    ", toUInt64(part_mutations_in_queue)"
	    ", toUInt64(toUInt32(queue_oldest_time)), toUInt64(toUInt32(now()))"
	    " FROM system.replicas WHERE database = ",
	    s->has[SYSTEM_KEEPER_TROUBLE] ? " OR zookeeper_exception != ''"
					  : "");
	sql_string(sql, s->database);
	buf_put_str(sql, " AND table = ");
	sql_string(sql, s->job->table);
	buf_put_str(sql, " FORMAT RowBinary");
}

static void
get_status(struct cursor *at, char **path, struct replica_status *r)
{
	uint64_t queue;

	*path = clickhouse_text(at);
	*r = (struct replica_status){ .blind = cursor_u8(at) != 0 };
	r->log_max_index = cursor_u64(at);
	r->log_pointer = cursor_u64(at);
	r->delay_s = cursor_u64(at);
	queue = cursor_u64(at);
	for (int sort = 0; sort < 3; sort++) {
		uint64_t n = cursor_u64(at);

		queue -= n < queue ? n : queue;
	}
	r->others = queue;
	r->oldest_s = cursor_u64(at);
	r->now_s = cursor_u64(at);
}

static int
not_shown(struct clickhouse *s, struct err *err)
{
	return err_set(err, ERR_SOURCE,
	    "'%s.%s' is a replica, and what it lacks of the others' rows is "
	    "told by system.replicas, which user '%s' may not read; GRANT "
	    "SELECT ON system.replicas, and SHOW TABLES on the table",
	    s->database, s->job->table,
	    s->job->user != NULL ? s->job->user : "default");
}

static int
ask_status(struct clickhouse *s, char **path, struct replica_status *r,
    struct err *err)
{
	struct buf sql, answer;
	struct cursor at;
	int rc;

	*path = NULL;
	buf_init(&sql, SQL_MAX);
	buf_init(&answer, ANSWER_MAX);
	put_status_query(s, &sql);
	rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	if (rc == -1 && clickhouse_learned(s, err)) {
		buf_reset(&sql);
		put_status_query(s, &sql);
		rc = clickhouse_ask(s, buf_cstr(&sql), &answer, &at, err);
	}
	if (rc == -1 && err->sys == ACCESS_DENIED)
		rc = not_shown(s, err);
	if (rc == 0 && cursor_left(&at) == 0)
		rc = not_shown(s, err);
	if (rc == 0) {
		get_status(&at, path, r);
		if (at.bad)
			rc = clickhouse_malformed(err);
	}
	buf_clear(&sql);
	buf_clear(&answer);
	return rc;
}

static int
refuse_blind(struct clickhouse *s, const char *path, struct err *err)
{
	return err_set(err, ERR_SOURCE_LOST,
	    "the replica '%.200s' of '%s.%s' is read-only or has lost Keeper: "
	    "rows that other replicas have may be missing here, and the window "
	    "would pass over them; run it again when that is mended, or give "
	    "the source the url of another replica",
	    path, s->database, s->job->table);
}

static int
refuse_less(struct clickhouse *s, const char *path,
    const struct replica_status *r, struct err *err)
{
	return err_set(err, ERR_SOURCE_LOST,
	    "the replica '%.200s' of '%s.%s' has not copied the log of its "
	    "table for %d s (%" PRIu64 " entries are missing): rows that other "
	    "replicas have may be missing here; run it again, or give the "
	    "source the url of another replica",
	    path, s->database, s->job->table, WAIT_S,
	    s->log_end - r->log_pointer);
}

/* Until the answering replica knows of all that the log held at first. Its
 * path is the caller's. */
static int
ask_until_known(
    struct clickhouse *s, char **path, int64_t *since_us, struct err *err)
{
	struct mono began = mono_now();
	struct timespec pause = { .tv_nsec = PAUSE_FIRST_MS * 1000000L };
	struct replica_status r = { .blind = true };

	for (;;) {
		enum replica_knows knows;

		if (ask_status(s, path, &r, err) == -1)
			return -1;
		knows = replica_judge(&r, &s->log_end, since_us);
		if (knows == REPLICA_ALL)
			return 0;
		if (knows == REPLICA_NOTHING)
			refuse_blind(s, *path, err);
		else if (mono_seconds_since(began) >= WAIT_S)
			refuse_less(s, *path, &r, err);
		else if (stop_check(err) == 0) {
			free(*path);
			nanosleep(&pause, NULL);
			if (pause.tv_nsec < PAUSE_MOST_MS / 2 * 1000000L)
				pause.tv_nsec *= 2;
			continue;
		}
		free(*path);
		*path = NULL;
		return -1;
	}
}

/* ---- which replicas are good enough ---------------------------------------- */

static bool
is_known(const struct clickhouse *s, const char *path)
{
	for (size_t i = 0; i < s->nreplicas; i++)
		if (strcmp(s->replicas[i], path) == 0)
			return true;
	return false;
}

/* A replica does not lose again what it has. */
static void
know(struct clickhouse *s, char *path_take)
{
	if (s->nreplicas == CLICKHOUSE_REPLICAS || is_known(s, path_take)) {
		free(path_take);
		return;
	}
	s->replicas[s->nreplicas++] = path_take;
}

int
clickhouse_may_count(
    struct clickhouse *s, const char *path, bool ask, struct err *err)
{
	char *other;
	int64_t since_us;

	if (is_known(s, path))
		return 1;
	if (!ask)
		return 0;
	if (ask_until_known(s, &other, &since_us, err) == -1)
		return -1;
	if (since_us >= s->complete_us)
		know(s, other);
	else
		free(other);
	return is_known(s, path) ? 1 : 0;
}

int
clickhouse_other_replica(
    struct clickhouse *s, const char *path, struct err *err)
{
	return err_set(err, ERR_SOURCE_LOST,
	    "rows of '%s.%s' are counted by the replica '%.200s', which lacks "
	    "more of the others' than the one that was asked first; run it "
	    "again, or give the source the url of one replica",
	    s->database, s->job->table, path);
}

/* ---- op ------------------------------------------------------------------- */

/* A replica is chosen for each query: none that lags by as much. */
static int
allow_lag(struct clickhouse *s, int64_t *us, struct err *err)
{
	uint64_t lag = settings_replica_delay(s->settings, s->nsettings);

	if (lag == 0 || lag > INT32_MAX)
		return err_set(err, ERR_SOURCE,
		    "the setting " SETTINGS_REPLICA_DELAY " of the source is "
		    "%" PRIu64 ", so that '%s.%s' may be read from replicas "
		    "that lack rows, and the user may not change it; set it "
		    "to '60' in the user's profile, or give the user "
		    "readonly = 2",
		    lag, s->database, s->job->table);
	*us -= (int64_t)lag * SECOND_US;
	return 0;
}

static void
note_held_back(const struct clickhouse *s, const char *path, int64_t by_us,
    source_note *note, void *arg)
{
	char *text;

	if (note == NULL || by_us <= s->job->settle_ms * 1000 ||
	    by_us <= 60 * SECOND_US)
		return;
	text = xasprintf("the replica '%.200s' of '%s.%s' lacks rows that "
			 "others have had for %" PRId64 " s: the window ends "
			 "before those; its queue is in "
			 "system.replication_queue",
	    path, s->database, s->job->table, by_us / SECOND_US);
	note(arg, true, text);
	free(text);
}

int
clickhouse_visible(struct source *source, int64_t *us, source_note *note,
    void *arg, struct err *err)
{
	struct clickhouse *s = clickhouse_of(source);
	int64_t since_us;
	char *path;

	if (strcmp(s->engine, "Distributed") == 0 ||
	    begins(s->engine, "Shared"))
		return allow_lag(s, us, err);
	if (!begins(s->engine, "Replicated"))
		return 0;
	s->log_end = UINT64_MAX;
	if (ask_until_known(s, &path, &since_us, err) == -1)
		return -1;
	if (since_us < *us) {
		note_held_back(s, path, *us - since_us, note, arg);
		*us = since_us;
	}
	s->complete_us = *us;
	know(s, path);
	return 0;
}
