/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct position: how far a table has been offloaded. (timestamp, sequence)
 * of the last offloaded row in lexicographic order; sequence may be absent.
 *
 * The timestamp is kept in the source column's own ticks, so that nothing is
 * lost where the source is finer than what PostgreSQL or Iceberg store.
 * Text form, exact both ways:
 *   scale 0..9    2026-11-21T05:47:00.123Z   (scale digits after the point)
 *   SCALE_DAYS    2026-11-21
 */
#ifndef CALVE_POSITION_H
#define CALVE_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { SCALE_DAYS = -1 }; /* ticks are days (Date, Date32) */
enum { POSITION_TEXT = 96 };

struct position {
	bool set;      /* false: nothing offloaded yet */
	int scale;     /* ticks are 10^-scale seconds, or SCALE_DAYS */
	int64_t ticks; /* since 1970-01-01 00:00:00 UTC */
	bool has_sequence;
	__int128 sequence; /* any 64-bit integer, signed or not */
};

/* <0, 0, >0 as a is before, at or after b; unset is before all. Scales may
 * differ. A position without sequence is after all rows of its timestamp. */
int position_compare(const struct position *a, const struct position *b);

/* "2026-11-21T05:47:00.123Z" or with sequence "2026-11-21T05:47:00.123Z/42";
 * "none" when unset. */
void position_format(const struct position *, char out[POSITION_TEXT]);
void position_format_timestamp(
    const struct position *, char out[POSITION_TEXT]);
/* "" without sequence. */
void position_format_sequence(const struct position *, char out[POSITION_TEXT]);
/* Also accepts a space for the T, no Z, and 1 to 9 digits (scale = digits). */
int position_parse(struct position *, const char *timestamp,
    const char *sequence /* NULL or "": none */, struct err *) MUST_USE;

/* The text of position_format(): "none", or timestamp and perhaps sequence. */
int position_parse_text(
    struct position *, const char *text, struct err *) MUST_USE;

/* ticks of one scale in another: floor towards minus infinity when coarser;
 * false on overflow. */
bool ticks_rescale(int64_t ticks, int from, int to, int64_t *out);

#endif
