/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns that are sent since now: added at the source and the target, or no
 * longer excluded. A row from before has at the source what the column's
 * default gave it, without a newer timestamp (PostgreSQL documentation, "ALTER
 * TABLE", Notes), and at the target what that column's default says. Where
 * these differ, no window would ever hold the row: all are sent again.
 *
 * Which columns the rows up to the watermark were sent with stands in the state
 * database, and is written with the watermark. Where it does not stand there
 * yet (earlier versions), nothing is known of columns that came before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "common/xalloc.h"
#include "worker/report.h"
#include "worker/sync_own.h"
#include "worker/window.h"

/* The names as an array of PostgreSQL's; the caller's. */
static char *
list_of(const struct type *incoming)
{
	const char **names = xcalloc(incoming->nfields + 1, sizeof(*names));
	struct buf out;
	char *list;

	for (size_t k = 0; k < incoming->nfields; k++)
		names[k] = incoming->fields[k].name;
	buf_init(&out, 0);
	pg_put_array(&out, names, incoming->nfields);
	free(names);
	list = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	return list;
}

/* How many of the window's rows differ in that column from what the target
 * gives to rows without it. */
static int
count_unlike(struct sync *s, const struct window *older, const char *column,
    uint64_t *rows, char shown[64], struct err *err)
{
	struct replica_filler filler;
	int rc;

	if (replica_filler(s->target, column, &filler, err) == -1)
		return -1;
	snprintf(shown, 64, "%s%.50s%s", filler.text != NULL ? "'" : "",
	    !filler.known             ? "what its default says"
		: filler.text != NULL ? filler.text
				      : "NULL",
	    filler.text != NULL ? "'" : "");
	rc = source_unlike(
	    s->source, older, column, filler.known, filler.text, rows, err);
	free(filler.text);
	return rc;
}

/* Tells of each; whether any of the rows is not as at the source. */
static int
look(struct sync *s, const struct window *older, char *const *columns, size_t n,
    const char *what, bool *unlike, struct err *err)
{
	char text[1024], shown[64];
	uint64_t rows;

	for (size_t k = 0; k < n; k++) {
		if (count_unlike(s, older, columns[k], &rows, shown, err) == -1)
			return -1;
		if (rows == 0)
			continue;
		*unlike = true;
		snprintf(text, sizeof(text),
		    "column '%.200s' is new since the last run, and %" PRIu64
		    " older row%s of the source ha%s another value in it than "
		    "%s, which the target gives them: %s",
		    columns[k], rows, rows == 1 ? "" : "s",
		    rows == 1 ? "s" : "ve", shown, what);
		report_note(true, text);
	}
	return 0;
}

static void
free_names(char **names, size_t n)
{
	for (size_t k = 0; k < n; k++)
		free(names[k]);
	free(names);
}

/* Those before the window, of which none will be sent. */
static void
before_window(const struct sync *s, struct window *older)
{
	const struct window *w = &s->window;

	*older = (struct window){ .has_start = s->has_first,
		.start_ticks = s->first_ticks,
		.high_ticks = w->recheck ? w->recheck_ticks : w->start_ticks };
}

int
sync_columns(struct sync *s, struct err *err)
{
	char *list = list_of(&s->incoming), **names = NULL;
	struct window older;
	bool unlike = false;
	size_t n = 0;
	int rc = 0;

	if (!s->whole) {
		rc = watermark_new_columns(&s->mark, list, &names, &n, err);
		before_window(s, &older);
	}
	if (rc == 0 && n > 0)
		rc = look(s, &older, names, n,
		    "all rows are sent again, and replace themselves", &unlike,
		    err);
	if (rc == 0 && unlike) {
		s->whole = true;
		s->window.has_start = s->has_first;
		s->window.start_ticks = s->first_ticks;
		s->window.recheck = false;
	}
	if (rc == 0 && s->job->kind != JOB_PLAN)
		rc = watermark_columns(&s->mark, list, err);
	free_names(names, n);
	free(list);
	return rc;
}

int
sync_look_columns(struct sync *s, struct err *err)
{
	const struct position none = { .set = false };
	int scale = s->described.timestamp_scale;
	char *list = list_of(&s->incoming), **names = NULL;
	struct window older;
	bool unlike = false;
	size_t n = 0;
	int rc = -1;

	if (watermark_open(&s->mark, s->job, err) == -1 ||
	    watermark_peek(&s->mark, err) == -1 ||
	    watermark_new_columns(&s->mark, list, &names, &n, err) == -1 ||
	    window_of_run(&none, s->job->start, 0, 0, scale, &older, err) == -1)
		goto out;
	rc = 0;
	if (s->mark.position.set &&
	    ticks_rescale(s->mark.position.ticks, s->mark.position.scale, scale,
		&older.high_ticks))
		rc = look(s, &older, names, n,
		    "the next run sends all rows again", &unlike, err);
out:
	free_names(names, n);
	free(list);
	return rc;
}
