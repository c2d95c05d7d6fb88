/* SPDX-License-Identifier: Apache-2.0 */
/* How many processors this process may keep busy. */
#ifndef CALVE_PROCESSORS_H
#define CALVE_PROCESSORS_H

#include <stddef.h>

/* Those that its affinity allows and its cgroup's quota pays for; at least
 * one. (sched_getaffinity(2); cgroups(7), cpu.max.) */
unsigned processors(void);
/* Of `all`, the share of each of n that run at once; at least one. */
unsigned processors_share(unsigned all, size_t n);

/* What a cpu.max file says, "QUOTA PERIOD" or "max PERIOD": whole processors,
 * rounded up; 0 no limit, or not understood. */
unsigned processors_of_quota(const char *text);

#endif
