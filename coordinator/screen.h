/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of lines that is drawn over itself, below all that the terminal
 * shows already. It sets no mode of the terminal and leaves the cursor at the
 * beginning of the line below, so nothing has to be restored, however the
 * program ends.
 *
 * Nothing is drawn while another process group has the terminal. Lines are cut
 * at the right margin, and the block at the height of the screen.
 */
#ifndef CALVE_SCREEN_H
#define CALVE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"

enum { SCREEN_LINES = 128 };

struct screen {
	int fd;
	unsigned width, height;         /* as of the last look */
	size_t nlines;                  /* of the block that stands there */
	unsigned lengths[SCREEN_LINES]; /* in characters */
	struct mono drawn;
};

/* Whether fd is a terminal that can do it. */
bool screen_open(struct screen *, int fd);
/* Looks how large it is now; width and height are good to draw for. */
void screen_measure(struct screen *);
/* text: whole lines of UTF-8. Replaces the block by them. */
void screen_draw(struct screen *, const char *text);
/* Takes the block away. */
void screen_wipe(struct screen *);

#endif
