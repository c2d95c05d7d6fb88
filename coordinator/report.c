/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes as text and as JSON. */
#include "coordinator/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outlet.h"
#include "coordinator/exit.h"
#include "coordinator/grid.h"
#include "coordinator/utf8.h"

/* ---- text ---- */

static void
put_row(struct grid *g, const struct outcome *o)
{
	const struct result *r = &o->result;

	grid_put(g, o->table->name.value);
	grid_put(g,
	    o->state == RUN_SKIPPED && o->err.cls == ERR_BUSY
		? "busy"
		: run_state_name(o->state));
	if (o->has_result) {
		grid_printf(g, "%" PRIu64, r->rows);
		grid_size(g, r->bytes_read);
		grid_size(g, r->bytes_written);
		grid_printf(g, "%" PRIu32, r->files);
	} else {
		for (int col = 0; col < 4; col++)
			grid_put(g, NULL);
	}
	if (o->attempts == 0) {
		for (int col = 0; col < 3; col++)
			grid_put(g, NULL);
	} else {
		grid_printf(g, "%.1f", o->seconds);
		if (o->has_result && r->rows > 0 && o->seconds > 0)
			grid_printf(g, "%.0f", (double)r->rows / o->seconds);
		else
			grid_put(g, NULL);
		grid_size(g, o->peak_memory);
	}
	grid_put(g, o->has_result && r->position != NULL ? r->position : NULL);
}

static size_t
count_state(const struct supervise *s, enum run_state state)
{
	size_t n = 0;

	for (size_t at = 0; at < s->plan->n; at++)
		n += s->outcomes[at].state == state;
	return n;
}

static uint64_t
sum_rows(const struct supervise *s)
{
	uint64_t rows = 0;

	for (size_t at = 0; at < s->plan->n; at++)
		rows += s->outcomes[at].result.rows;
	return rows;
}

static void
print_text(const struct supervise *s, double wall_s)
{
	static const char *const titles[] = { "TABLE", "STATE", ">ROWS",
		">READ", ">WRITTEN", ">FILES", ">SECONDS", ">ROWS/S", ">MEMORY",
		"POSITION" };
	static const enum run_state rest[] = { RUN_FAILED, RUN_TIMED_OUT,
		RUN_SKIPPED, RUN_CANCELLED };
	struct grid g;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return;
	grid_init(&g, 10, titles);
	for (size_t at = 0; at < s->plan->n; at++)
		put_row(&g, &s->outcomes[at]);
	grid_print(&g, out);
	grid_clear(&g);
	fprintf(out, "%zu of %zu tables done, %" PRIu64 " rows in %.1f s",
	    count_state(s, RUN_SUCCESS), s->plan->n, sum_rows(s), wall_s);
	for (size_t at = 0; at < 4; at++) {
		size_t n = count_state(s, rest[at]);
		if (n > 0)
			fprintf(out, ", %zu %s", n,
			    rest[at] == RUN_TIMED_OUT
				? "timed out"
				: run_state_name(rest[at]));
	}
	putc('\n', out);
	if (fclose(out) == 0)
		outlet_line(STDOUT_FILENO, text, size);
	free(text);
}

/* ---- JSON ---- */

static void
set_text(json_t *o, const char *key, const char *value)
{
	json_object_set_new(
	    o, key, value != NULL ? json_string(value) : json_null());
}

static void
set_count(json_t *o, const char *key, uint64_t n)
{
	/* JSON has no unsigned 64-bit integer that all readers take. */
	json_object_set_new(o, key,
	    n <= INT64_MAX ? json_integer((json_int_t)n)
			   : json_real((double)n));
}

static json_t *
event(const char *name, const struct outcome *o)
{
	json_t *e = json_object();

	set_text(e, "event", name);
	set_text(e, "table", o->table->name.value);
	set_text(e, "run_id", o->attempts > 0 ? o->run_id : NULL);
	return e;
}

static void
print_json(json_t *o)
{
	char *line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));

	if (line != NULL) {
		/* In the place of its NUL: one piece. */
		size_t n = strlen(line);
		line[n] = '\n';
		outlet_line(STDOUT_FILENO, line, n + 1);
	}
	free(line);
	json_decref(o);
}

static void
add_outcome(json_t *e, const struct outcome *o)
{
	const struct result *r = &o->result;

	set_text(e, "state", run_state_name(o->state));
	set_count(e, "attempts", o->attempts);
	if (o->has_result) {
		set_count(e, "rows", r->rows);
		set_count(e, "bytes_read", r->bytes_read);
		set_count(e, "bytes_written", r->bytes_written);
		set_count(e, "files", r->files);
		set_count(e, "commits", r->steps);
		json_object_set_new(e, "snapshot_id",
		    r->snapshot_id != 0 ? json_integer(r->snapshot_id)
					: json_null());
		set_text(e, "window_low", r->window_low);
		set_text(e, "window_high", r->window_high);
		set_text(e, "position", r->position);
		json_object_set_new(e, "adopted", json_boolean(r->adopted));
	}
	if (o->state != RUN_SUCCESS) {
		set_text(e, "phase", phase_name(o->phase));
		set_text(e, "error_class", err_class_name(o->err.cls));
		set_text(e, "error", o->err.text);
	}
	json_object_set_new(e, "seconds", json_real(o->seconds));
	json_object_set_new(e, "cpu_seconds", json_real(o->cpu_s));
	set_count(e, "peak_memory", o->peak_memory);
}

size_t
report_lost(uint64_t lost, char *line, size_t size)
{
	int n = snprintf(line, size,
	    "{\"event\":\"lost\",\"table\":null,\"run_id\":null,"
	    "\"events\":%" PRIu64 "}\n",
	    lost);

	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

void
report_started(const struct outcome *o)
{
	json_t *e = event("started", o);

	set_count(e, "attempt", o->attempts);
	print_json(e);
}

void
report_message(const struct outcome *o, const struct msg *m)
{
	json_t *e;

	if (m->type == MSG_PHASE) {
		e = event("phase", o);
		set_text(e, "phase", phase_name(m->u.phase));
	} else if (m->type == MSG_PROGRESS) {
		e = event("progress", o);
		set_count(e, "rows", m->u.progress.rows);
		set_count(e, "rows_expected", m->u.progress.rows_expected);
		set_count(e, "bytes_read", m->u.progress.bytes_read);
		set_count(e, "bytes_written", m->u.progress.bytes_written);
		set_count(e, "files", m->u.progress.files);
	} else if (m->type == MSG_NOTE) {
		e = event("note", o);
		json_object_set_new(
		    e, "warning", json_boolean(m->u.note.warning));
		set_text(e, "text", m->u.note.text);
	} else {
		return;
	}
	print_json(e);
}

void
report_again(const struct outcome *o, double seconds)
{
	json_t *e = event("retry", o);

	add_outcome(e, o);
	json_object_set_new(e, "wait_seconds", json_real(seconds));
	print_json(e);
}

void
report_settled(const struct outcome *o)
{
	json_t *e = event("settled", o);

	add_outcome(e, o);
	print_json(e);
}

void
report_summary(const struct supervise *s, double wall_s, bool json)
{
	if (!json) {
		print_text(s, wall_s);
		return;
	}
	json_t *e = json_object(), *tables = json_array();
	set_text(e, "event", "summary");
	set_count(e, "exit_status", (uint64_t)report_exit_status(s));
	json_object_set_new(e, "wall_seconds", json_real(wall_s));
	set_count(e, "rows", sum_rows(s));
	for (size_t at = 0; at < s->plan->n; at++) {
		json_t *t = json_object();
		set_text(t, "table", s->outcomes[at].table->name.value);
		add_outcome(t, &s->outcomes[at]);
		json_array_append_new(tables, t);
	}
	json_object_set_new(e, "tables", tables);
	print_json(e);
}

static void
report_planned(const struct plan_item *item, const struct outcome *o,
    const struct plan *plan)
{
	json_t *e = json_object(), *after = json_array();

	set_text(e, "event", "planned");
	set_text(e, "table", o->table->name.value);
	set_count(e, "wave", item->wave + 1);
	set_text(e, "target", item->table->target.value);
	for (size_t w = 0; w < item->nwaits; w++)
		json_array_append_new(after,
		    json_string(plan->items[item->waits[w]].table->name.value));
	json_object_set_new(e, "after", after);
	json_object_set_new(e, "usual_seconds",
	    item->expected_s > 0 ? json_real(item->expected_s) : json_null());
	set_text(e, "window_low", o->result.window_low);
	set_text(e, "window_high", o->result.window_high);
	json_object_set_new(e, "adopted", json_boolean(o->result.adopted));
	if (o->state == RUN_SUCCESS) {
		set_count(e, "rows", o->result.rows);
	} else {
		json_object_set_new(e, "rows", json_null());
		set_text(e, "error_class", err_class_name(o->err.cls));
		set_text(e, "error", o->err.text);
	}
	print_json(e);
}

void
report_plan(const struct supervise *s, int exit_status)
{
	json_t *e = json_object();

	for (size_t at = 0; at < s->plan->n; at++)
		report_planned(&s->plan->items[at], &s->outcomes[at], s->plan);
	set_text(e, "event", "summary");
	set_count(e, "exit_status", (uint64_t)exit_status);
	set_count(e, "tables", s->plan->n);
	set_count(e, "workers", s->workers);
	set_count(e, "rows", sum_rows(s));
	print_json(e);
}

static bool
is_state(enum err_class cls)
{
	return cls == ERR_STATE || cls == ERR_STATE_LOST;
}

int
report_exit_status(const struct supervise *s)
{
	size_t busy = 0, state = 0, skipped = 0, bad = 0;

	for (size_t at = 0; at < s->plan->n; at++) {
		const struct outcome *o = &s->outcomes[at];
		if (o->state == RUN_SUCCESS)
			continue;
		if (o->state == RUN_SKIPPED && o->err.cls == ERR_BUSY)
			busy++;
		else if (o->state == RUN_SKIPPED)
			skipped++;
		else if (o->state == RUN_FAILED && is_state(o->err.cls))
			state++;
		else
			bad++;
	}
	/* Whoever noticed it, calve or a worker, and of however many tables. */
	if (s->unrecorded || (state > 0 && bad == 0))
		return EXIT_STATE;
	if (state + skipped + bad > 0)
		return EXIT_SOME_FAILED;
	return busy > 0 && busy == s->plan->n ? EXIT_BUSY : 0;
}
