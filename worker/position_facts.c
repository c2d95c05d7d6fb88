/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/position_facts.h"

#include <stdlib.h>
#include <string.h>

void
position_owner_clear(struct position_owner *o)
{
	free(o->table);
	free(o->source_uuid);
	origin_words_clear(&o->words);
	*o = (struct position_owner){ .table = NULL };
}

/* Of a replica whose path was not known when the row was written, or cannot be
 * read now, the uuid is there instead. */
static const char *
identity_of_row(const struct watermark *w, const struct source_table *s)
{
	if (w->source_uuid != NULL && s->identity != NULL &&
	    strcmp(w->source_uuid, s->uuid) == 0)
		return s->identity;
	return w->source_uuid;
}

static void
read_row(const struct watermark *w, const struct source_table *s,
    struct reconcile_facts *f, struct position_owner *keep)
{
	f->state = w->position;
	f->state_target_uuid = w->target_uuid;
	f->adopt = w->adopt;
	f->given = w->given && w->position.set;
	f->state_origin = (struct origin){ .source = w->source_name,
		.identity = identity_of_row(w, s),
		.table = w->name };
	if (w->columns != NULL)
		origin_columns_parse(
		    w->columns, &f->state_origin, &keep->words);
}

/* By which table's run the history was written that has no identity of its
 * own. */
static int
read_owner(struct watermark *w, struct reconcile_facts *f,
    struct position_owner *keep, struct err *err)
{
	const char *run = f->says.newest.run;
	uint8_t uuid[16];

	if (f->says.match != MATCH_NAME || f->me.identity == NULL ||
	    run == NULL || !uuid_parse(run, uuid))
		return 0;
	if (watermark_owner(w, run, &keep->table, &keep->source_uuid, err) ==
	    -1)
		return -1;
	f->owner = keep->table;
	f->owner_identity = keep->source_uuid;
	return 0;
}

int
position_read(struct watermark *w, struct target *t,
    const struct source_table *described, const struct table *table,
    struct reconcile_facts *f, struct position_owner *keep, struct err *err)
{
	*f = (struct reconcile_facts){ .adopt = false };
	target_identify(t, described);
	read_row(w, described, f, keep);
	return target_history(t, table, f, err) == -1
	    ? -1
	    : read_owner(w, f, keep, err);
}
