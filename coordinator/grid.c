/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns. Widths count characters of UTF-8, not bytes. */
#include "coordinator/grid.h"

#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

static void
put_take(struct grid *g, char *text)
{
	if ((g->ncells & (g->ncells - 1)) == 0)
		g->cells = xreallocarray(g->cells,
		    g->ncells == 0 ? 1 : 2 * g->ncells, sizeof *g->cells);
	g->cells[g->ncells++] = text;
}

void
grid_init(struct grid *g, size_t ncolumns, const char *const *titles)
{
	*g = (struct grid){ .ncolumns = ncolumns };
	for (size_t col = 0; col < ncolumns; col++)
		put_take(g, xstrdup(titles[col]));
}

void
grid_put(struct grid *g, const char *text)
{
	put_take(g, xstrdup(text != NULL && *text != '\0' ? text : "-"));
}

void
grid_printf(struct grid *g, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	grid_put(g, text);
}

void
human_size(uint64_t bytes, char out[16])
{
	if (bytes > INT64_MAX ||
	    humanize_number(out, 6, (int64_t)bytes, "", HN_AUTOSCALE,
		HN_B | HN_DECIMAL | HN_NOSPACE) == -1)
		snprintf(out, 16, "?");
}

void
grid_size(struct grid *g, uint64_t bytes)
{
	char text[16];

	human_size(bytes, text);
	grid_put(g, text);
}

static size_t
width_of(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void
grid_print(const struct grid *g, FILE *out)
{
	size_t widths[GRID_COLUMNS] = { 0 };
	bool right[GRID_COLUMNS] = { false };

	for (size_t at = 0; at < g->ncells; at++) {
		size_t col = at % g->ncolumns;
		bool mark = at < g->ncolumns && g->cells[at][0] == '>';
		size_t width = width_of(g->cells[at]) - mark;
		if (mark)
			right[col] = true;
		if (width > widths[col])
			widths[col] = width;
	}
	for (size_t at = 0; at < g->ncells; at++) {
		size_t col = at % g->ncolumns;
		const char *text = g->cells[at];
		if (at < g->ncolumns && right[col])
			text++;
		int pad = (int)(widths[col] - width_of(text));
		bool last = col + 1 == g->ncolumns;
		if (right[col])
			fprintf(out, "%*s%s", pad, "", text);
		else
			fprintf(out, "%s%*s", text, last ? 0 : pad, "");
		fputs(last ? "\n" : "  ", out);
	}
}

void
grid_clear(struct grid *g)
{
	for (size_t at = 0; at < g->ncells; at++)
		free(g->cells[at]);
	free(g->cells);
	*g = (struct grid){ 0 };
}
