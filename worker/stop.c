/* SPDX-License-Identifier: Apache-2.0 */
/* A flag of the signal handler, and a pipe that nobody writes to. */
#include "worker/stop.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static volatile sig_atomic_t asked_to_stop;
static atomic_bool coordinator_gone, job_failed;
static atomic_bool lock_lost;
static struct err lost_why; /* once lock_lost is set */
static int lifeline = -1;

static void
on_term(int sig)
{
	(void)sig;
	asked_to_stop = 1;
}

void
stop_init(void)
{
	struct sigaction sa = { .sa_handler = on_term };

	sigaction(SIGTERM, &sa, NULL);
}

void
stop_watch(int fd)
{
	lifeline = fd;
}

void
stop_orphaned(void)
{
	coordinator_gone = true;
}

void
stop_failed(void)
{
	job_failed = true;
}

void
stop_lost(const struct err *why)
{
	lost_why = *why;
	lock_lost = true;
}

int
stop_check(struct err *err)
{
	struct pollfd line = { .fd = lifeline, .events = POLLIN };

	if (job_failed)
		return err_set(err, ERR_CANCELLED, "the job has failed");
	if (asked_to_stop)
		return err_set(
		    err, ERR_CANCELLED, "stopped before the commit, as asked");
	/* poll(2) passes over a descriptor of -1 */
	if (coordinator_gone || poll(&line, 1, 0) == 1)
		return err_set(err, ERR_CANCELLED,
		    "stopped before the commit: the coordinator is gone");
	if (lock_lost) {
		*err = lost_why;
		return -1;
	}
	return 0;
}
