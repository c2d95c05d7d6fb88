/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a worker: the only fork and exec of the project.
 *
 * The worker gets three standard descriptors (input from /dev/null, output
 * and error to our standard error), 3 to read its job from, 4 to write its
 * reports to, and no other. It gets SIGTERM when the coordinator dies.
 */
#ifndef CALVE_SPAWN_H
#define CALVE_SPAWN_H

#include <sys/types.h>

#include "common/err.h"
#include "coordinator/limits.h"

struct child {
	pid_t pid;
	int job;    /* to write to, non-blocking; to be held open to the
			 * end of the run: its end-of-file is the sign that
			 * the coordinator is gone */
	int report; /* to read from, non-blocking */
};

/* Where the worker's program is: $CALVE_WORKER, else next to this program,
 * else ../libexec/calve. The caller frees it. */
char *spawn_find_worker(struct err *) MUST_USE;

/*
 * Forks and execs; returns when the exec has taken place or failed. A failure
 * to start leaves nothing behind. The caller reaps the pid and closes both
 * descriptors.
 */
int spawn_worker(const char *program, const struct limits *, struct child *,
    struct err *) MUST_USE;

#endif
