/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of supervise that tell the user. */
#include "coordinator/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outlet.h"
#include "common/xalloc.h"
#include "coordinator/grid.h"
#include "coordinator/report.h"
#include "coordinator/screen.h"

enum { DRAW_MS = 500, LOOK_MS = 1000 };
/* Off a terminal: how long a worker runs before a line tells of it, and the
 * longest pause up to the next; each is twice the one before. */
static const double first_line_s = 5, most_pause_s = 300;

/* Of one running table. */
struct meter {
	bool running;
	struct mono since;   /* the attempt began */
	struct mono rows_at; /* its first rows came; 0: none yet */
	uint64_t rows_then;
	struct msg_progress last;
	struct mono last_at;
	double told_s; /* when the last line told of it, and */
	double pause_s;
};

struct progress {
	const struct supervise *s;
	bool json, live;
	struct mono began;
	struct screen screen;
	struct meter *meters; /* one an item of the plan */
};

static struct meter *
meter_of(struct progress *p, const struct outcome *o)
{
	return &p->meters[o - p->s->outcomes];
}

static void
on_started(void *arg, const struct outcome *o)
{
	struct progress *p = arg;

	*meter_of(p, o) = (struct meter){
		.running = true, .since = mono_now(), .pause_s = first_line_s
	};
	if (p->json)
		report_started(o);
	if (o->attempts > 1)
		log_info("%s: attempt %u, run %s", o->table->name.value,
		    o->attempts, o->run_id);
	else
		log_info(
		    "%s: started, run %s", o->table->name.value, o->run_id);
}

static void
take_progress(struct meter *m, const struct msg_progress *now)
{
	if (m->rows_at.ns == 0 && now->rows > 0) {
		m->rows_at = mono_now();
		m->rows_then = now->rows;
	}
	m->last = *now;
	m->last_at = mono_now();
}

static void
on_message(void *arg, const struct outcome *o, const struct msg *m)
{
	struct progress *p = arg;

	if (p->json)
		report_message(o, m);
	if (m->type == MSG_PROGRESS)
		take_progress(meter_of(p, o), &m->u.progress);
	if (m->type == MSG_NOTE && m->u.note.text != NULL) {
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
	char why[OUTCOME_TEXT];

	meter_of(p, o)->running = false;
	if (p->json)
		report_again(o, seconds);
	outcome_why(o, why);
	log_warn("%s: %s; again in %.1f s", o->table->name.value, why, seconds);
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
	char why[OUTCOME_TEXT];

	meter_of(p, o)->running = false;
	if (p->json)
		report_settled(o);
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
		outcome_why(o, why);
		log_error("%s: %s", name, why);
		break;
	}
}

/* Rows a second from the first ones to the last ones told: what was spent on
 * locks and counts says nothing of the rest. */
static double
rate_of(const struct meter *m)
{
	double s = (double)(m->last_at.ns - m->rows_at.ns) / 1e9;

	if (s >= 1)
		return (double)(m->last.rows - m->rows_then) / s;
	s = (double)(m->last_at.ns - m->since.ns) / 1e9;
	return s > 0 ? (double)m->last.rows / s : 0;
}

/* False when nobody knows. */
static bool
part_done(const struct meter *m, double *percent, double *left_s)
{
	double rate = rate_of(m);
	const struct msg_progress *now = &m->last;

	if (now->rows_expected == 0 || now->rows > now->rows_expected ||
	    rate <= 0)
		return false;
	*percent = 100.0 * (double)now->rows / (double)now->rows_expected;
	*left_s = (double)(now->rows_expected - now->rows) / rate -
	    mono_seconds_since(m->last_at);
	return true;
}

/* "8s", "2m05s", "1h07m" */
static void
seconds_words(double s, char out[24])
{
	unsigned n = s < 0 ? 0 : s > 1e8 ? 100000000 : (unsigned)s;

	if (n < 60)
		snprintf(out, 24, "%us", n);
	else if (n < 3600)
		snprintf(out, 24, "%um%02us", n / 60, n % 60);
	else
		snprintf(out, 24, "%uh%02um", n / 3600, n % 3600 / 60);
}

/* ---- off a terminal ---- */

static void
log_progress(const struct outcome *o, const struct meter *m)
{
	const struct msg_progress *now = &m->last;
	char read[16], written[16], left[24], part[48] = "";
	double percent, left_s;

	human_size(now->bytes_read, read);
	human_size(now->bytes_written, written);
	if (part_done(m, &percent, &left_s)) {
		seconds_words(left_s, left);
		snprintf(part, sizeof part, ", %.0f%%, %s left", percent, left);
	}
	log_info("%s: %s, %" PRIu64 " rows, %.0f/s, %s read, %s written%s",
	    o->table->name.value, phase_name(o->phase), now->rows, rate_of(m),
	    read, written, part);
}

static void
tell_lasting(struct progress *p)
{
	for (size_t at = 0; at < p->s->plan->n; at++) {
		struct meter *m = &p->meters[at];
		double s = mono_seconds_since(m->since);
		if (!m->running || s - m->told_s < m->pause_s)
			continue;
		log_progress(&p->s->outcomes[at], m);
		m->told_s = s;
		m->pause_s *= 2;
		if (m->pause_s > most_pause_s)
			m->pause_s = most_pause_s;
	}
}

/* ---- on a terminal ---- */

static void
put_meter(struct grid *g, const struct outcome *o, const struct meter *m)
{
	char words[24];
	double percent, left_s;

	grid_put(g, o->table->name.value);
	grid_put(g, phase_name(o->phase));
	if (part_done(m, &percent, &left_s)) {
		grid_printf(g, "%.0f%%", percent);
		seconds_words(left_s, words);
		grid_put(g, words);
	} else {
		grid_put(g, NULL);
		grid_put(g, NULL);
	}
	grid_printf(g, "%" PRIu64, m->last.rows);
	grid_printf(g, "%.0f", rate_of(m));
	grid_size(g, m->last.bytes_read);
	grid_size(g, m->last.bytes_written);
	seconds_words(mono_seconds_since(m->since), words);
	grid_put(g, words);
}

static void
draw_grid(const struct progress *p, FILE *out)
{
	/* What a narrow terminal has no room for is at the end. */
	static const char *const titles[] = { "RUNNING", "PHASE", ">DONE",
		">LEFT", ">ROWS", ">ROWS/S", ">READ", ">WRITTEN", ">TIME" };
	struct grid g;
	size_t room = p->screen.height > 5 ? p->screen.height - 4 : 1, over = 0;

	grid_init(&g, sizeof titles / sizeof titles[0], titles);
	g.room = p->screen.width - 1;
	for (size_t at = 0; at < p->s->plan->n; at++) {
		if (!p->meters[at].running)
			continue;
		if (room == 0) {
			over++;
			continue;
		}
		put_meter(&g, &p->s->outcomes[at], &p->meters[at]);
		room--;
	}
	grid_print(&g, out);
	grid_clear(&g);
	if (over > 0)
		fprintf(out, "and %zu more\n", over);
}

static void
draw(struct progress *p)
{
	const struct supervise *s = p->s;
	size_t done = 0, running = 0, size;
	uint64_t rows = 0;
	char *text = NULL, words[24];
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	for (size_t at = 0; at < s->plan->n; at++) {
		const struct outcome *o = &s->outcomes[at];
		done += o->done;
		running += p->meters[at].running;
		rows += p->meters[at].running ? p->meters[at].last.rows
					      : o->result.rows;
	}
	screen_measure(&p->screen);
	if (running > 0)
		draw_grid(p, out);
	seconds_words(mono_seconds_since(p->began), words);
	fprintf(out,
	    "%zu of %zu tables done, %zu running, %" PRIu64 " rows, %s%s\n",
	    done, s->plan->n, running, rows, words,
	    s->stopped ? ", stopping" : "");
	if (fclose(out) == 0)
		screen_draw(&p->screen, text);
	free(text);
}

static void
on_tick(void *arg)
{
	struct progress *p = arg;

	if (p->live)
		draw(p);
	else
		tell_lasting(p);
}

static void
make_room(void *arg)
{
	struct progress *p = arg;

	screen_wipe(&p->screen);
}

struct progress *
progress_new(
    const struct supervise *s, bool json, struct supervise_hooks *hooks)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->s = s;
	p->json = json;
	p->live = screen_open(&p->screen, STDERR_FILENO) && !json;
	p->began = mono_now();
	p->meters = xcalloc(s->plan->n + 1, sizeof *p->meters);
	*hooks = (struct supervise_hooks){ .arg = p,
		.started = on_started,
		.message = on_message,
		.again = on_again,
		.settled = on_settled,
		.tick = json ? NULL : on_tick,
		.tick_ms = json ? 0
		    : p->live   ? DRAW_MS
				: LOOK_MS };
	if (json)
		outlet_tell_with(STDOUT_FILENO, report_lost);
	if (p->live)
		log_set_before(make_room, p);
	return p;
}

void
progress_free(struct progress *p)
{
	log_set_before(NULL, NULL);
	screen_wipe(&p->screen);
	free(p->meters);
	free(p);
}
