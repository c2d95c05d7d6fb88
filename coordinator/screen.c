/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor up, erase, write: the few sequences that every terminal knows. */
#include "coordinator/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/outlet.h"

/* Drawn longer ago than this, others have written since: the shell, when the
 * process was stopped and has come back. */
static const double stale_s = 3;

void
screen_measure(struct screen *s)
{
	struct winsize w = { 0 };

	s->width = 80;
	s->height = 24;
	if (ioctl(s->fd, TIOCGWINSZ, &w) == -1)
		return;
	if (w.ws_col > 0)
		s->width = w.ws_col;
	if (w.ws_row > 0)
		s->height = w.ws_row;
}

bool
screen_open(struct screen *s, int fd)
{
	const char *term = getenv("TERM");

	*s = (struct screen){ .fd = fd };
	screen_measure(s);
	return isatty(fd) && term != NULL && *term != '\0' &&
	    strcmp(term, "dumb") != 0;
}

/* Lines that have become too long for a narrower screen take several rows. */
static size_t
rows_taken(const struct screen *s)
{
	size_t rows = 0;

	for (size_t at = 0; at < s->nlines; at++)
		rows += s->lengths[at] == 0
		    ? 1
		    : (s->lengths[at] + s->width - 1) / s->width;
	return rows;
}

static void
put_wipe(struct screen *s, struct buf *out)
{
	size_t rows = rows_taken(s);

	if (s->nlines > 0 && mono_seconds_since(s->drawn) < stale_s) {
		if (rows >= s->height)
			rows = s->height - 1;
		buf_printf(out, "\r\033[%zuA\033[J", rows);
	}
	s->nlines = 0;
}

static bool
is_ours(const struct screen *s)
{
	return tcgetpgrp(s->fd) == getpgrp();
}

static void
flush(const struct screen *s, struct buf *out)
{
	if (!out->over)
		outlet_put(s->fd, (const char *)out->data, out->len);
	buf_clear(out);
}

void
screen_wipe(struct screen *s)
{
	struct buf out;

	if (s->nlines == 0)
		return;
	buf_init(&out, 64);
	screen_measure(s);
	put_wipe(s, &out);
	flush(s, &out);
}

/* At most `most` characters of a line, whole ones. */
static size_t
put_cut(struct buf *out, const char *line, size_t n, size_t most)
{
	size_t at = 0, characters = 0;

	for (; at < n; at++) {
		if (((unsigned char)line[at] & 0xc0) == 0x80)
			continue;
		if (characters == most)
			break;
		characters++;
	}
	buf_put(out, line, at);
	return characters;
}

void
screen_draw(struct screen *s, const char *text)
{
	struct buf out;
	size_t left;

	/* Nobody looks at a terminal that takes nothing. */
	if (!is_ours(s) || outlet_is_behind(s->fd))
		return;
	buf_init(&out, 1 << 20);
	screen_measure(s);
	put_wipe(s, &out);
	left = s->height > 2 ? s->height - 1 : 1;
	if (left > SCREEN_LINES)
		left = SCREEN_LINES;
	while (*text != '\0' && left > 0) {
		size_t n = strcspn(text, "\n");
		/* The last column is left free: to write there wraps on some
		 * terminals. */
		s->lengths[s->nlines++] =
		    (unsigned)put_cut(&out, text, n, s->width - 1);
		buf_put(&out, "\n", 1);
		text += n + (text[n] == '\n');
		left--;
	}
	flush(s, &out);
	s->drawn = mono_now();
}
