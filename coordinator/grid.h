/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of texts printed in aligned columns, and numbers as people read
 * them. The title of a column that begins with '>' is aligned to the right.
 */
#ifndef CALVE_GRID_H
#define CALVE_GRID_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { GRID_COLUMNS = 12 };

struct grid {
	size_t ncolumns, ncells;
	char **cells; /* row by row; the titles are the first */
	size_t room;  /* characters a line may take, 0: any number. Columns for
		       * which there is no room are left out, from the last;
		       * the first one takes half of it at most */
};

void grid_init(struct grid *, size_t ncolumns, const char *const *titles);
/* The next cell; NULL prints as "-". */
void grid_put(struct grid *, const char *);
void grid_printf(struct grid *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void grid_size(struct grid *, uint64_t bytes); /* "31M" */
void grid_print(const struct grid *, FILE *);
void grid_clear(struct grid *);

/* "31M", "1.2G"; out holds 16 bytes. */
void human_size(uint64_t bytes, char out[16]);

#endif
