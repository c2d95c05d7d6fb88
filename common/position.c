/* SPDX-License-Identifier: Apache-2.0 */
/* Positions: order, exact text form, change of scale. */
#include "common/position.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

static const int64_t pow10_of[] = { 1, 10, 100, 1000, 10000, 100000, 1000000,
	10000000, 100000000, 1000000000 };

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Ticks as nanoseconds, which hold every scale; 128 bits hold every int64. */
static __int128
nanoseconds(int scale, int64_t ticks)
{
	if (scale == SCALE_DAYS)
		return (__int128)ticks * 86400 * 1000000000;
	return (__int128)ticks * pow10_of[9 - scale];
}

bool
ticks_rescale(int64_t ticks, int from, int to, int64_t *out)
{
	__int128 ns = nanoseconds(from, ticks), unit, v;

	unit = to == SCALE_DAYS ? (__int128)86400 * 1000000000
				: (__int128)pow10_of[9 - to];
	v = ns / unit - (ns % unit < 0);
	if (v < INT64_MIN || v > INT64_MAX)
		return false;
	*out = (int64_t)v;
	return true;
}

int
position_compare(const struct position *a, const struct position *b)
{
	__int128 x, y;

	if (!a->set || !b->set)
		return (int)a->set - (int)b->set;
	x = nanoseconds(a->scale, a->ticks);
	y = nanoseconds(b->scale, b->ticks);
	if (x != y)
		return x < y ? -1 : 1;
	if (!a->has_sequence || !b->has_sequence)
		return (int)b->has_sequence - (int)a->has_sequence;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	return 0;
}

void
position_format_timestamp(const struct position *p, char out[POSITION_TEXT])
{
	int64_t seconds, fraction, day, of_day;
	int year, n;
	unsigned month, mday;

	if (!p->set) {
		strcpy(out, "none");
		return;
	}
	if (p->scale == SCALE_DAYS) {
		civil_from_days(p->ticks, &year, &month, &mday);
		snprintf(
		    out, POSITION_TEXT, "%04d-%02u-%02u", year, month, mday);
		return;
	}
	seconds = floor_div(p->ticks, pow10_of[p->scale]);
	/* the product alone may lie below INT64_MIN */
	fraction = (int64_t)(p->ticks - (__int128)seconds * pow10_of[p->scale]);
	day = floor_div(seconds, 86400);
	of_day = seconds - day * 86400;
	civil_from_days(day, &year, &month, &mday);
	n = snprintf(out, POSITION_TEXT, "%04d-%02u-%02uT%02d:%02d:%02d", year,
	    month, mday, (int)(of_day / 3600), (int)(of_day / 60 % 60),
	    (int)(of_day % 60));
	if (p->scale > 0)
		n += snprintf(out + n, (size_t)(POSITION_TEXT - n),
		    ".%0*" PRId64, p->scale, fraction);
	snprintf(out + n, (size_t)(POSITION_TEXT - n), "Z");
}

void
position_format_sequence(const struct position *p, char out[POSITION_TEXT])
{
	char digits[48];
	size_t n = sizeof digits;
	unsigned __int128 v;

	out[0] = '\0';
	if (!p->set || !p->has_sequence)
		return;
	v = p->sequence < 0 ? -(unsigned __int128)p->sequence
			    : (unsigned __int128)p->sequence;
	digits[--n] = '\0';
	do
		digits[--n] = (char)('0' + (int)(v % 10));
	while ((v /= 10) > 0);
	snprintf(
	    out, POSITION_TEXT, "%s%s", p->sequence < 0 ? "-" : "", digits + n);
}

void
position_format(const struct position *p, char out[POSITION_TEXT])
{
	char sequence[POSITION_TEXT];
	size_t n;

	position_format_timestamp(p, out);
	position_format_sequence(p, sequence);
	n = strlen(out);
	if (sequence[0] != '\0')
		snprintf(out + n, POSITION_TEXT - n, "/%s", sequence);
}

/* Exactly `digits` digits at *s, moved on; -1 when there are fewer. */
static int
take_digits(const char **s, int digits)
{
	int v = 0;

	for (; digits > 0; digits--, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool
take(const char **s, const char *any)
{
	if (**s == '\0' || strchr(any, **s) == NULL)
		return false;
	(*s)++;
	return true;
}

static unsigned
month_days(int year, int month)
{
	int next_year = month == 12 ? year + 1 : year;
	int next = month == 12 ? 1 : month + 1;

	return (unsigned)(days_from_civil(next_year, (unsigned)next, 1) -
	    days_from_civil(year, (unsigned)month, 1));
}

static bool
parse_timestamp(struct position *p, const char *s)
{
	int year, month, day, hour, minute, second;
	int64_t fraction = 0, days;
	__int128 ticks;

	if ((year = take_digits(&s, 4)) < 0 || !take(&s, "-") ||
	    (month = take_digits(&s, 2)) < 1 || month > 12 || !take(&s, "-") ||
	    (day = take_digits(&s, 2)) < 1 ||
	    (unsigned)day > month_days(year, month))
		return false;
	days = days_from_civil(year, (unsigned)month, (unsigned)day);
	if (*s == '\0') {
		p->scale = SCALE_DAYS;
		p->ticks = days;
		return true;
	}
	if (!take(&s, "T ") || (hour = take_digits(&s, 2)) < 0 || hour > 23 ||
	    !take(&s, ":") || (minute = take_digits(&s, 2)) < 0 ||
	    minute > 59 || !take(&s, ":") ||
	    (second = take_digits(&s, 2)) < 0 || second > 59)
		return false;
	p->scale = 0;
	if (take(&s, ".")) {
		for (; isdigit((unsigned char)*s) && p->scale < 9; s++) {
			fraction = fraction * 10 + (*s - '0');
			p->scale++;
		}
		if (p->scale == 0)
			return false;
	}
	take(&s, "Zz");
	/* the sum may fit where the whole seconds alone do not */
	ticks = (__int128)(days * 86400 + hour * 3600 + minute * 60 + second) *
		pow10_of[p->scale] +
	    fraction;
	p->ticks = (int64_t)ticks;
	return *s == '\0' && ticks == p->ticks;
}

static bool
parse_sequence(struct position *p, const char *s)
{
	bool negative = take(&s, "-");
	size_t n = strlen(s);

	if (n == 0 || n > 20)
		return false;
	p->sequence = 0;
	for (; *s != '\0'; s++) {
		if (!isdigit((unsigned char)*s))
			return false;
		p->sequence = p->sequence * 10 + (*s - '0');
	}
	if (negative)
		p->sequence = -p->sequence;
	p->has_sequence = true;
	return p->sequence >= INT64_MIN && p->sequence <= UINT64_MAX;
}

int
position_parse(struct position *p, const char *timestamp, const char *sequence,
    struct err *err)
{
	*p = (struct position){ .set = true };
	if (!parse_timestamp(p, timestamp))
		return err_set(err, ERR_CONFIG,
		    "'%.64s' is not a timestamp: "
		    "write it in UTC as 2026-11-21, 2026-11-21T05:47:00Z or "
		    "2026-11-21T05:47:00.123Z",
		    timestamp);
	if (sequence != NULL && sequence[0] != '\0' &&
	    !parse_sequence(p, sequence))
		return err_set(err, ERR_CONFIG,
		    "'%.64s' is not a sequence: "
		    "write a whole number of at most 64 bits",
		    sequence);
	return 0;
}

int
position_parse_text(struct position *p, const char *text, struct err *err)
{
	char timestamp[POSITION_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);

	*p = (struct position){ .set = false };
	if (strcmp(text, "none") == 0)
		return 0;
	if (n >= sizeof timestamp)
		n = sizeof timestamp - 1;
	memcpy(timestamp, text, n);
	timestamp[n] = '\0';
	return position_parse(
	    p, timestamp, slash != NULL ? slash + 1 : NULL, err);
}
