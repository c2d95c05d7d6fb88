/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of supervise that tell the user. */
#include "coordinator/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/grid.h"
#include "coordinator/report.h"

/* Of one running table. */
struct meter {
	bool running;
	struct mono since;
	struct msg_progress last;
};

struct progress {
	const struct supervise *s;
	bool json, live;
	bool drawn;           /* a live line stands on the terminal */
	struct meter *meters; /* one an item of the plan */
};

static struct meter *
meter_of(struct progress *p, const struct outcome *o)
{
	return &p->meters[o - p->s->outcomes];
}

static void
wipe(struct progress *p)
{
	if (p->drawn && write(STDERR_FILENO, "\r\033[K", 4) == -1)
		p->live = false;
	p->drawn = false;
}

static void
on_started(void *arg, const struct outcome *o)
{
	struct progress *p = arg;

	*meter_of(p, o) =
	    (struct meter){ .running = true, .since = mono_now() };
	if (p->json)
		report_started(o);
	wipe(p);
	if (o->attempts > 1)
		log_info("%s: attempt %u, run %s", o->table->name.value,
		    o->attempts, o->run_id);
	else
		log_info(
		    "%s: started, run %s", o->table->name.value, o->run_id);
}

static void
on_message(void *arg, const struct outcome *o, const struct msg *m)
{
	struct progress *p = arg;

	if (p->json)
		report_message(o, m);
	if (m->type == MSG_PROGRESS)
		meter_of(p, o)->last = m->u.progress;
	if (m->type == MSG_NOTE && m->u.note.text != NULL) {
		wipe(p);
		if (m->u.note.warning)
			log_warn(
			    "%s: %s", o->table->name.value, m->u.note.text);
		else
			log_info(
			    "%s: %s", o->table->name.value, m->u.note.text);
	}
}

static void
on_again(void *arg, const struct outcome *o, double seconds)
{
	struct progress *p = arg;

	meter_of(p, o)->running = false;
	if (p->json)
		report_again(o, seconds);
	wipe(p);
	log_warn("%s: failed while %s: %s; again in %.1f s",
	    o->table->name.value, phase_name(o->phase), o->err.text, seconds);
}

static void
log_success(const struct outcome *o)
{
	const struct result *r = &o->result;
	const char *name = o->table->name.value;
	char written[16];

	if (!o->has_result) {
		log_info("%s: done", name);
	} else if (r->rows == 0) {
		log_info("%s: nothing new%s%s", name,
		    r->position != NULL ? ", position " : "",
		    r->position != NULL ? r->position : "");
	} else {
		human_size(r->bytes_written, written);
		log_info("%s: %" PRIu64 " rows in %" PRIu32 " file%s, %s, "
			 "%.1f s, position %s",
		    name, r->rows, r->files, r->files == 1 ? "" : "s", written,
		    o->seconds, r->position != NULL ? r->position : "none");
	}
}

static void
on_settled(void *arg, const struct outcome *o)
{
	struct progress *p = arg;
	const char *name = o->table->name.value;

	meter_of(p, o)->running = false;
	if (p->json)
		report_settled(o);
	wipe(p);
	switch (o->state) {
	case RUN_SUCCESS:
		log_success(o);
		break;
	case RUN_SKIPPED:
		log_warn("%s: skipped: %s", name, o->err.text);
		break;
	case RUN_CANCELLED:
		log_warn("%s: %s", name, o->err.text);
		break;
	default:
		if (o->attempts == 0)
			log_error("%s: %s", name, o->err.text);
		else
			log_error("%s: failed while %s: %s", name,
			    phase_name(o->phase), o->err.text);
		break;
	}
}

/* "name reading 1200000 of 3000000 rows 40% 310000/s 6s left" */
static int
draw_one(const struct progress *p, size_t item, char *to, size_t size)
{
	const struct meter *m = &p->meters[item];
	const struct outcome *o = &p->s->outcomes[item];
	const struct msg_progress *now = &m->last;
	double s = mono_seconds_since(m->since);
	double rate = s > 0 ? (double)now->rows / s : 0;
	char left[64] = "";

	if (now->rows_expected >= now->rows && now->rows_expected > 0 &&
	    rate > 0)
		snprintf(left, sizeof left, " %.0f%% %.0fs left",
		    100.0 * (double)now->rows / (double)now->rows_expected,
		    (double)(now->rows_expected - now->rows) / rate);
	return snprintf(to, size, "%s %s %" PRIu64 " rows %.0f/s%s",
	    o->table->name.value, phase_name(o->phase), now->rows, rate, left);
}

static void
on_tick(void *arg)
{
	struct progress *p = arg;
	struct winsize w = { .ws_col = 0 };
	char line[1024];
	size_t done = 0, width = 80;

	if (!p->live)
		return;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10)
		width = w.ws_col;
	for (size_t at = 0; at < p->s->plan->n; at++)
		done += p->s->outcomes[at].done;
	size_t n = (size_t)snprintf(
	    line, sizeof line, "\r\033[K%zu/%zu", done, p->s->plan->n);
	for (size_t at = 0; at < p->s->plan->n; at++) {
		if (!p->meters[at].running || n + 4 >= sizeof line)
			continue;
		n += (size_t)snprintf(line + n, sizeof line - n, " | ");
		int more = draw_one(p, at, line + n, sizeof line - n);
		n += more > 0 ? (size_t)more : 0;
		if (n >= sizeof line)
			n = sizeof line - 1;
	}
	if (n > width - 1 + 4) /* 4: what wipes the old line */
		n = width - 1 + 4;
	if (write(STDERR_FILENO, line, n) == -1)
		p->live = false;
	p->drawn = true;
}

struct progress *
progress_new(
    const struct supervise *s, bool json, struct supervise_hooks *hooks)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->s = s;
	p->json = json;
	p->live = !json && isatty(STDERR_FILENO);
	p->meters = xcalloc(s->plan->n + 1, sizeof *p->meters);
	*hooks = (struct supervise_hooks){ .arg = p,
		.started = on_started,
		.message = on_message,
		.again = on_again,
		.settled = on_settled,
		.tick = on_tick,
		.tick_ms = p->live ? 500 : 0 };
	return p;
}

void
progress_free(struct progress *p)
{
	wipe(p);
	free(p->meters);
	free(p);
}
