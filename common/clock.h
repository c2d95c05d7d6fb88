/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks as two types, so that the compiler refuses to mix them: wall
 * time for what people and files see, monotonic time for intervals.
 */
#ifndef CALVE_CLOCK_H
#define CALVE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct wall {
	int64_t us;
}; /* microseconds since 1970-01-01 UTC */
struct mono {
	int64_t ns;
};

struct wall wall_now(void);
struct mono mono_now(void);
double mono_seconds_since(struct mono);

/* Proleptic Gregorian, any int64 day number that fits the year range of int. */
void civil_from_days(int64_t days, int *year, unsigned *month, unsigned *day);
int64_t days_from_civil(int year, unsigned month, unsigned day);

/* A name of UTC in the time zone database, in any case of letters. Other
 * zones that never differ from it are not known here. */
bool zone_is_utc(const char *name);

#endif
