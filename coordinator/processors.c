/* SPDX-License-Identifier: Apache-2.0 */
/* A quota may stand in the process's own cgroup or in any above it. */
#include "coordinator/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static const char root[] = "/sys/fs/cgroup";

unsigned
processors_of_quota(const char *text)
{
	unsigned long long quota, period;

	if (sscanf(text, "%llu %llu", &quota, &period) != 2 || quota == 0 ||
	    period == 0 || quota / period >= UINT_MAX)
		return 0;
	return (unsigned)(quota / period + (quota % period != 0));
}

static unsigned
quota_of(const char *folder)
{
	char path[PATH_MAX], line[64];
	FILE *f;
	unsigned n = 0;

	if (snprintf(path, sizeof path, "%s%s/cpu.max", root, folder) >=
	    (int)sizeof path)
		return 0;
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof line, f) != NULL)
		n = processors_of_quota(line);
	fclose(f);
	return n;
}

/* The smallest quota on the way up from the own cgroup; 0 none. Version 1 has
 * other files: there it is as if there were none. */
static unsigned
cgroup_quota(void)
{
	char line[PATH_MAX];
	FILE *f = fopen("/proc/self/cgroup", "re");
	unsigned least = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		char *folder = line + 3, *slash;

		if (strncmp(line, "0::/", 4) != 0)
			continue;
		folder[strcspn(folder, "\n")] = '\0';
		for (;;) {
			unsigned n = quota_of(folder);

			if (n > 0 && (least == 0 || n < least))
				least = n;
			if ((slash = strrchr(folder, '/')) == NULL)
				break;
			*slash = '\0';
		}
	}
	fclose(f);
	return least;
}

unsigned
processors(void)
{
	unsigned n = 1, quota = cgroup_quota();
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		n = (unsigned)CPU_COUNT(&set);
	return quota > 0 && quota < n ? quota : n;
}

unsigned
processors_share(unsigned all, size_t n)
{
	return n == 0 || n >= all ? 1 : all / (unsigned)n;
}
