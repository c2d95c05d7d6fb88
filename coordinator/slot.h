/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one worker as a table of states and events. Pure: no system
 * call, no clock; supervise computes events and does what slot_step says.
 *
 *   FREE --FORKED--> STARTING --HELLO--> RUNNING
 *                       |                   |
 *        STOP, DEADLINE, BAD frame (sends TERM)
 *                       v                   v
 *                    STOPPING --DEADLINE, KILL--> (sends KILL, stays)
 *
 *   from each of the three:  EOF    --> DRAINED --EXITED--> FREE (settle)
 *                            EXITED --> EXITED  --EOF-----> FREE (settle)
 *
 * Invariants
 *   S1. A run is settled only when both keys are in: end-of-file on its pipe
 *       and its wait status; but for a pipe that somebody else still holds
 *       open after the worker has ended: then the deadline is the other key.
 *   S2. It is settled once.
 *   S3. TERM precedes KILL, and a worker that has been reaped gets neither.
 *   S4. At most one report counts, the first; after it only the end counts.
 *   S5. Frames before HELLO, or after a report, are bad frames.
 */
#ifndef CALVE_SLOT_H
#define CALVE_SLOT_H

#include <stdbool.h>
#include <sys/resource.h>

#include "common/err.h"
#include "common/job.h"
#include "common/msg.h"
#include "coordinator/limits.h"

enum slot_state {
	SLOT_FREE,
	SLOT_STARTING, /* forked, has not said HELLO */
	SLOT_RUNNING,
	SLOT_STOPPING, /* TERM sent */
	SLOT_DRAINED,  /* end-of-file, not reaped yet */
	SLOT_EXITED,   /* reaped, pipe not at its end yet */
	SLOT_NSTATES
};

enum slot_event {
	EVENT_FORKED,
	EVENT_HELLO,
	EVENT_INFO, /* PHASE, PROGRESS, NOTE, TALLY, COLUMN */
	EVENT_RESULT,
	EVENT_ERROR,
	EVENT_BAD, /* a malformed frame, or JOB */
	EVENT_EOF,
	EVENT_EXITED,
	EVENT_DEADLINE, /* of the run; after TERM, of the grace */
	EVENT_STOP,     /* the user asks to end */
	EVENT_KILL,     /* the user insists */
	EVENT_NEVENTS
};

/* What supervise has to do. */
enum slot_action {
	ACTION_NONE,
	ACTION_KEEP, /* take what the frame says */
	ACTION_BAD,  /* note a protocol error, read no more frames,
				 * send TERM where the worker still lives */
	ACTION_TERM, /* send TERM, set the deadline of the grace */
	ACTION_KILL, /* send KILL */
	ACTION_SETTLE,
	ACTION_BUG /* cannot happen: supervise's own mistake */
};

struct slot_step {
	enum slot_state next;
	enum slot_action action;
};

/* reported: RESULT, ERROR or BAD was there before (S4, S5). */
struct slot_step slot_step(enum slot_state, enum slot_event, bool reported);

const char *slot_state_name(enum slot_state);
const char *slot_event_name(enum slot_event);

/* Why we sent TERM or KILL, if we did. */
enum slot_reason { REASON_NONE, REASON_STOP, REASON_DEADLINE, REASON_BAD };

/* All that is known of a run that has ended. */
struct slot_end {
	const struct result *result; /* NULL: none came */
	const struct err *error;     /* ERROR frame or protocol error, or
					 * NULL */
	enum phase phase;            /* the last that was told */
	int status;                  /* wait4's */
	struct rusage used;
	enum slot_reason reason;
};

/*
 * The verdict, first matching row:
 *
 *   report                     wait status        run
 *   RESULT                     exit 0             success
 *   ERROR of class BUSY        any                skipped
 *   ERROR of class CANCELLED   any, we sent TERM  cancelled | timed_out
 *   ERROR                      any                failed, worker's words
 *   none, not committing       by our TERM, KILL  cancelled | timed_out
 *   none, not committing       signal, any exit   failed, limits_explain
 *   all that is left           any                failed, class UNCLEAR
 *
 * err says why unless the run is a success. Unclear needs no action: whether
 * the commit landed, the next run finds in the table itself.
 */
enum run_state slot_verdict(
    const struct slot_end *, const struct limits *, struct err *);

#endif
