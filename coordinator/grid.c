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

enum { GAP = 2 };

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

/* How many columns there is room for, the first whatever it takes. */
static size_t
columns_shown(const struct grid *g, const size_t *widths)
{
	size_t n = 1, taken = widths[0];

	while (n < g->ncolumns &&
	    (g->room == 0 || taken + GAP + widths[n] <= g->room))
		taken += GAP + widths[n++];
	return n;
}

/* Bytes of the first so many characters, or of all there are. */
static size_t
bytes_of(const char *text, size_t characters)
{
	size_t at = 0;

	for (size_t n = 0; text[at] != '\0'; at++) {
		n += ((unsigned char)text[at] & 0xc0) != 0x80;
		if (n > characters)
			break;
	}
	return at;
}

/* What is too long, where there is little room, ends in an ellipsis. */
static void
print_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t has = width_of(text);

	if (has > width) {
		fprintf(out, "%.*s…", (int)bytes_of(text, width - 1), text);
	} else if (right) {
		fprintf(out, "%*s%s", (int)(width - has), "", text);
	} else {
		fprintf(out, "%s%*s", text, last ? 0 : (int)(width - has), "");
	}
	fprintf(out, "%*s", last ? 0 : GAP, "");
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
	if (g->room > 0 && widths[0] > g->room / 2)
		widths[0] = g->room > 1 ? g->room / 2 : 1;
	size_t shown = columns_shown(g, widths);
	for (size_t at = 0; at < g->ncells; at++) {
		size_t col = at % g->ncolumns;
		bool mark = at < g->ncolumns && right[col];
		if (col < shown)
			print_cell(out, g->cells[at] + mark, widths[col],
			    right[col], col + 1 == shown);
		if (col + 1 == shown)
			putc('\n', out);
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
