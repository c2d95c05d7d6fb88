/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host whose clock is wrong, for one program: loaded before the C library
 * (LD_PRELOAD), it adds to wall-clock time the seconds that the file named by
 * WRONG_CLOCK holds, a number padded to 16 bytes. The file is mapped, so that a
 * change steps the clock of a running program. Monotonic time is left alone,
 * as a step of the clock leaves it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 16 };
static const char *text; /* NULL: not mapped, the clock is right */

__attribute__((constructor)) static void
map_file(void)
{
	const char *path = getenv("WRONG_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd == -1)
		return;
	void *at = mmap(NULL, TEXT, PROT_READ, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		text = at;
	close(fd);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, ts);

	if (rc == 0 && text != NULL &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += strtoll(text, NULL, 10);
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
timespec_get(struct timespec *ts, int base)
{
	if (base != TIME_UTC)
		return 0;
	clock_gettime(CLOCK_REALTIME, ts);
	return base;
}
