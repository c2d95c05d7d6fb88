/* SPDX-License-Identifier: Apache-2.0 */
/* Wall and monotonic time; days to calendar dates and back. */
#include "common/clock.h"

#include <stddef.h>
#include <strings.h>
#include <time.h>

struct wall
wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (struct wall){ ts.tv_sec * 1000000 + ts.tv_nsec / 1000 };
}

struct mono
mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ ts.tv_sec * 1000000000 + ts.tv_nsec };
}

double
mono_seconds_since(struct mono then)
{
	return (double)(mono_now().ns - then.ns) / 1e9;
}

/*
 * Years are counted from 1 March of year 0 in eras of 400 years, so that the
 * leap day is the last of its year and month lengths follow one formula.
 */
void
civil_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)((int64_t)yoe + era * 400 + (*month <= 2));
}

int64_t
days_from_civil(int year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned mp = month > 2 ? month - 3 : month + 9;
	unsigned doy = (153 * mp + 2) / 5 + day - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

bool
zone_is_utc(const char *name)
{
	static const char *const names[] = { "UTC", "Etc/UTC", "Zulu",
		"Etc/Zulu", "UCT", "Etc/UCT", "Universal", "Etc/Universal",
		"GMT", "Etc/GMT", "GMT0", "Etc/GMT0", "GMT+0", "Etc/GMT+0",
		"GMT-0", "Etc/GMT-0", "Greenwich", "Etc/Greenwich" };

	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
		if (strcasecmp(names[k], name) == 0)
			return true;
	return false;
}
