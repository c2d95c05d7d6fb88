/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of supervise that keep what workers found. */
#include "coordinator/survey.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/spawn.h"

static void
keep(struct survey *v, const struct outcome *o, const struct msg *m)
{
	struct survey_item *item;
	struct buf frame;
	struct err err = { 0 };
	size_t used;

	if ((v->n & (v->n - 1)) == 0)
		v->items = xreallocarray(
		    v->items, v->n == 0 ? 1 : 2 * v->n, sizeof *v->items);
	item = &v->items[v->n];
	/* A copy of any message is itself, written and read. */
	buf_init(&frame, 0);
	if (msg_put(&frame, 0, m, &err) == 0 &&
	    msg_get(frame.data, frame.len, 0, &item->msg, &used, &err) == 1) {
		item->outcome = o;
		v->n++;
	}
	buf_clear(&frame);
}

static void
on_message(void *arg, const struct outcome *o, const struct msg *m)
{
	const char *name = o->table->name.value;

	if (m->type == MSG_TALLY || m->type == MSG_COLUMN)
		keep(arg, o, m);
	else if (m->type == MSG_NOTE && m->u.note.warning)
		log_warn("%s: %s", name, m->u.note.text);
	else if (m->type == MSG_NOTE)
		log_info("%s: %s", name, m->u.note.text);
}

static void
forget(struct survey *v, const struct outcome *o)
{
	size_t kept = 0;

	for (size_t at = 0; at < v->n; at++) {
		if (v->items[at].outcome == o)
			msg_clear(&v->items[at].msg);
		else
			v->items[kept++] = v->items[at];
	}
	v->n = kept;
}

/* What the failed attempt had sent comes again. */
static void
on_again(void *arg, const struct outcome *o, double seconds)
{
	char why[OUTCOME_TEXT];

	forget(arg, o);
	outcome_why(o, why);
	log_warn("%s: %s; again in %.1f s", o->table->name.value, why, seconds);
}

static void
on_settled(void *arg, const struct outcome *o)
{
	char why[OUTCOME_TEXT];

	(void)arg;
	outcome_why(o, why);
	if (o->state != RUN_SUCCESS)
		log_error("%s: %s", o->table->name.value, why);
}

int
survey_run(struct survey *v, const struct config *c, enum job_kind kind,
    const struct plan *plan, struct err *err)
{
	*v = (struct survey){ .program = spawn_find_worker(err) };
	if (v->program == NULL)
		return -1;
	v->s = (struct supervise){ .config = c,
		.plan = plan,
		.kind = kind,
		.program = v->program,
		.workers = c->workers,
		.hooks = { .arg = v,
		    .message = on_message,
		    .again = on_again,
		    .settled = on_settled } };
	supervise_signals();
	int rv = supervise(&v->s, err);
	/* What is printed now may wait for its reader. */
	supervise_signals_over();
	return rv;
}

void
survey_clear(struct survey *v)
{
	for (size_t at = 0; at < v->n; at++)
		msg_clear(&v->items[at].msg);
	free(v->items);
	if (v->s.plan != NULL)
		supervise_clear(&v->s);
	free(v->program);
	*v = (struct survey){ 0 };
}
