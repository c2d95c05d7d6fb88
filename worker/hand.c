/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hand.h"

#include <dirent.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/position_facts.h"
#include "worker/report.h"

struct hand {
	const struct job *job;
	struct watermark mark;
	struct source *source;
	struct source_table described;
	struct target target;
	struct reconcile_facts facts;
	struct position_owner owner;
};

static int
look(struct hand *h, struct err *err)
{
	report_phase(h->job, PHASE_LOCK);
	if (watermark_open(&h->mark, h->job, err) == -1)
		return -1;
	h->mark.mending = true;
	if (watermark_lock(&h->mark, err) == -1)
		return -1;
	report_phase(h->job, PHASE_RECONCILE);
	if ((h->source = source_open(h->job, err)) == NULL ||
	    source_describe(h->source, &h->described, err) == -1 ||
	    target_open(&h->target, h->job, err) == -1)
		return -1;
	return position_read(&h->mark, &h->target, &h->described,
	    h->target.table, &h->facts, &h->owner, err);
}

/* A mount that is missing looks like a table that is gone. */
static bool
is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	bool empty = true;

	if (dir == NULL)
		return true;
	while (empty && (entry = readdir(dir)) != NULL)
		empty = entry->d_name[0] == '.';
	closedir(dir);
	return empty;
}

static int
reset(struct hand *h, struct err *err)
{
	bool same_history = (h->job->hand_flags & HAND_SAME_HISTORY) != 0;

	if (!h->facts.table_exists && h->facts.state_target_uuid != NULL &&
	    is_empty(h->job->warehouse))
		return err_set(err, ERR_TABLE,
		    "the warehouse '%s' has no tables at all, and '%s' was "
		    "offloaded to one: bring it back, or mount it",
		    h->job->warehouse, h->job->name);
	if (reconcile_may_reset(&h->facts, same_history, err) == -1)
		return -1;
	return watermark_reset(&h->mark, &h->target.me, err);
}

static int
set(struct hand *h, struct position *to, struct err *err)
{
	const unsigned flags = h->job->hand_flags;
	const struct set_flags may = {
		.allow_duplicates = (flags & HAND_ALLOW_DUPLICATES) != 0,
		.skip_rows = (flags & HAND_SKIP_ROWS) != 0,
		.other_columns = (flags & HAND_OTHER_COLUMNS) != 0,
	};

	if (position_parse_text(to, h->job->hand_position, err) == -1)
		return -1;
	if (to->has_sequence && h->job->sequence == NULL)
		return err_set(err, ERR_CONFIG,
		    "'%s' has no sequence column, but the position '%s' has a "
		    "sequence",
		    h->job->name, h->job->hand_position);
	if (reconcile_may_set(&h->facts, to, &may, err) == -1)
		return -1;
	return watermark_set(
	    &h->mark, to, &h->target.me, h->facts.table_uuid, err);
}

int
hand_offload(const struct job *job, struct result *res, struct err *err)
{
	struct hand h = { .job = job };
	struct position to = { .set = false };
	char text[POSITION_TEXT];
	int rc = look(&h, err);

	if (rc == 0 && job->hand_position != NULL)
		rc = set(&h, &to, err);
	else if (rc == 0) {
		to = reconcile_position(&h.facts);
		rc = reset(&h, err);
	}
	if (rc == 0 && to.set) {
		position_format(&to, text);
		res->position = xstrdup(text);
	}
	position_owner_clear(&h.owner);
	target_close(&h.target);
	source_table_clear(&h.described);
	source_close(h.source);
	watermark_close(&h.mark);
	return rc;
}
