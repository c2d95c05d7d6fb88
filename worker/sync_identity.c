/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose rows a ClickHouse target has, by the watermark row: it has no history
 * of its own. To send rows again does no harm there, to leave some out does.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "worker/origin_text.h"
#include "worker/report.h"
#include "worker/sync_own.h"

void
sync_origin(struct sync *s)
{
	const struct job *job = s->job;
	struct buf key;

	buf_init(&key, 1 << 20);
	for (size_t k = 0; k < job->nkey; k++)
		buf_printf(&key, "%s%s", k > 0 ? ", " : "", job->key[k]);
	s->me_key = xstrdup(buf_cstr(&key));
	buf_clear(&key);
	s->me_source =
	    xasprintf("%s.%s.%s", job->source_name, job->database, job->table);
	s->me = (struct origin){ .source = s->me_source,
		.identity = s->described.identity,
		.table = job->name,
		.timestamp = job->timestamp,
		.sequence = s->me_key };
}

static bool
differ(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) != 0;
}

static int
recreated(const struct watermark *mark, const char *is, struct err *err)
{
	return err_set(err, ERR_SOURCE,
	    "source table of '%s' was recreated: its uuid was %s and is %s; if "
	    "it holds the same rows as the old one, or none so old, run 'calve "
	    "watermark reset --same-history %s'; to send all of its rows run "
	    "'calve watermark set %s 1970-01-01T00:00:00Z', and remove those "
	    "of the old one from the target",
	    mark->name, mark->source_uuid, is, mark->name, mark->name);
}

static int
columns_differ(const struct origin *was, const struct origin *is,
    const char *name, struct err *err)
{
	return err_set(err, ERR_TABLE,
	    "'%s' was kept in step by timestamp '%s' and key '%s', and "
	    "calve.yaml says '%s' and '%s': set these back, or, to send all of "
	    "its rows once more, run 'calve watermark set %s "
	    "1970-01-01T00:00:00Z'",
	    name, was->timestamp, was->sequence != NULL ? was->sequence : "",
	    is->timestamp, is->sequence, name);
}

/* A target without a row gets all there is, whatever it was before. */
static int
check(const struct sync *s, struct err *err)
{
	const struct origin *is = &s->me;
	const struct watermark *mark = &s->mark;
	struct origin was = { .source = NULL };
	struct origin_words words = { NULL };
	int rc = 0;

	if (!s->newest.set)
		return 0;
	if (differ(mark->source_uuid, is->identity))
		return recreated(mark, is->identity, err);
	if (mark->columns == NULL)
		return 0;
	origin_columns_parse(mark->columns, &was, &words);
	if (differ(was.timestamp, is->timestamp) ||
	    differ(was.sequence, is->sequence))
		rc = columns_differ(&was, is, mark->name, err);
	origin_words_clear(&words);
	return rc;
}

static void
tell_renamed(const struct watermark *mark, const struct origin *is)
{
	char *text;

	if (mark->source_uuid == NULL || !differ(mark->source_name, is->source))
		return;
	text = xasprintf("the source was '%s' and is '%s' now, the same table: "
			 "it goes on from its position",
	    mark->source_name, is->source);
	report_note(true, text);
	free(text);
}

bool
sync_other_target(const struct sync *s)
{
	return !s->mark.adopt &&
	    differ(s->mark.target_uuid, replica_uuid(s->target));
}

int
sync_check_identity(const struct sync *s, struct err *err)
{
	if (check(s, err) == -1)
		return -1;
	tell_renamed(&s->mark, &s->me);
	if (sync_other_target(s))
		report_note(true,
		    "the target table is another one than at the last run: "
		    "all rows are sent, and replace those that are there");
	return 0;
}

/* ---- by hand ------------------------------------------------------------------- */

static int
reset(struct sync *s, struct err *err)
{
	bool same_history = (s->job->hand_flags & HAND_SAME_HISTORY) != 0;

	if (!same_history && check(s, err) == -1)
		return -1;
	return watermark_reset(&s->mark, &s->me, err);
}

static int
set(struct sync *s, struct err *err)
{
	struct position to;

	if (position_parse_text(&to, s->job->hand_position, err) == -1 ||
	    watermark_set(
		&s->mark, &to, &s->me, replica_uuid(s->target), err) == -1)
		return -1;
	s->mark.position = to;
	return 0;
}

int
sync_hand(const struct job *job, struct result *res, struct err *err)
{
	struct sync s = { .job = job, .res = res };
	int rc = -1;

	report_phase(job, PHASE_LOCK);
	if (watermark_open(&s.mark, job, err) == 0) {
		s.mark.mending = true;
		rc = watermark_lock(&s.mark, err);
	}
	report_phase(job, PHASE_RECONCILE);
	if (rc == 0 &&
	    (sync_open_source(&s, err) == -1 ||
		sync_open_target(&s, err) == -1 ||
		replica_newest(s.target, &s.newest, err) == -1))
		rc = -1;
	if (rc == 0)
		rc = job->hand_position != NULL ? set(&s, err) : reset(&s, err);
	if (rc == 0 && job->hand_position == NULL)
		s.mark.position = s.newest;
	sync_end(&s);
	return rc;
}
