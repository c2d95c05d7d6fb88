/* SPDX-License-Identifier: Apache-2.0 */
/* A numeric as the double that is the same number, where there is one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/source/postgres.h"

enum {
	GROUP = 4,   /* digits of base 10 in one of base 10000 */
	ALWAYS = 15, /* as many digits any double keeps: DBL_DIG */
	MOST = 17    /* more no double has: DBL_DECIMAL_DIG */
};

/* Significant digits; the number is 0.DIGITS times 10^exponent. */
struct digits {
	char text[MOST + 1];
	int n, exponent;
};

static bool
take_digit(struct digits *d, int *zeros, char digit)
{
	if (digit == '0') {
		if (d->n > 0)
			++*zeros;
		else
			d->exponent--;
		return true;
	}
	if (d->n + *zeros >= MOST)
		return false;
	for (; *zeros > 0; --*zeros)
		d->text[d->n++] = '0';
	d->text[d->n++] = digit;
	return true;
}

/* Groups of base 10000, the first of weight 10000^weight; false: more digits
 * than a double can have. */
static bool
take_digits(struct digits *d, const uint8_t *p, size_t ngroups, int weight)
{
	int zeros = 0; /* that only count if another digit follows */

	*d = (struct digits){ .exponent = GROUP * (weight + 1) };
	for (size_t k = 0; k < ngroups; k++, p += 2) {
		unsigned group = (unsigned)(p[0] << 8 | p[1]);
		char text[8];

		if (group > 9999)
			return false;
		snprintf(text, sizeof(text), "%04u", group);
		for (int i = 0; i < GROUP; i++)
			if (!take_digit(d, &zeros, text[i]))
				return false;
	}
	d->text[d->n] = '\0';
	return true;
}

/* Is this double, written with so many digits, this text of digits? */
static bool
is_written(double v, const struct digits *d)
{
	char text[64], exponent[16];

	snprintf(text, sizeof(text), "%.*e", d->n - 1, v);
	snprintf(exponent, sizeof(exponent), "%+03d", d->exponent - 1);
	return text[0] == d->text[0] &&
	    memcmp(text + (d->n > 1 ? 2 : 1), d->text + 1, (size_t)d->n - 1) ==
	    0 &&
	    strcmp(strchr(text, 'e') + 1, exponent) == 0;
}

static bool
has_shorter(double v, int n)
{
	char text[64];

	for (int digits = ALWAYS; digits < n; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, v);
		if (strtod(text, NULL) == v)
			return true;
	}
	return false;
}

/*
 * Each double has one shortest text of digits that leads back to it; no two
 * numbers that pass are one double, then. What more digits say exactly, as
 * with 2^64, does not pass: its shortest text is another number.
 */
bool
postgres_double(
    const uint8_t *p, size_t ngroups, int weight, bool negative, double *out)
{
	struct digits d;
	char text[64];
	double v;

	if (!take_digits(&d, p, ngroups, weight))
		return false;
	*out = 0;
	if (d.n == 0)
		return true;
	snprintf(text, sizeof(text), "0.%se%d", d.text, d.exponent);
	v = strtod(text, NULL); /* the C locale's: nobody sets another */
	if (!is_written(v, &d) || has_shorter(v, d.n))
		return false;
	*out = negative ? -v : v;
	return true;
}
