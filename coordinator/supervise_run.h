/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One slot of the loop: a worker with its pipes, frames and deadline, and
 * where its table's outcome goes. For supervise.c alone; slot.c decides.
 */
#ifndef CALVE_SUPERVISE_RUN_H
#define CALVE_SUPERVISE_RUN_H

#include <poll.h>

#include "coordinator/slot.h"
#include "coordinator/spawn.h"
#include "coordinator/supervise.h"

struct run {
	enum slot_state state;
	bool settled; /* run_settle is due */
	struct supervise *s;
	size_t item;
	struct outcome *outcome;
	struct child child; /* pid -1 when reaped, fds -1 when closed */
	int pid;            /* for the ledger */
	struct buf out;     /* the JOB frame */
	size_t sent;
	struct buf in; /* frames that are not complete */
	uint32_t sequence;
	bool reported; /* RESULT, ERROR or a bad frame came */
	bool deaf;     /* after a bad frame: no more are read */
	bool has_result, has_error;
	struct result result;
	struct err error;
	enum phase phase;
	bool phase_untold;
	struct mono phase_due; /* in the ledger, when it is untold */
	struct mono began, deadline;
	int status;
	struct rusage used;
	enum slot_reason reason;
};

/* Records, forks where no worker waits, queues the job. -1: the outcome has the failed attempt. */
int run_start(struct run *, struct supervise *, size_t item);
/* What to poll for; -1 descriptors are ignored by poll(2). */
void run_poll(const struct run *, struct pollfd *report, struct pollfd *job);
void run_transfer(struct run *, short report_events, short job_events);
void run_reap(struct run *);
void run_check_deadline(struct run *);
void run_tell_phase(struct run *); /* where that is due */
/* When one of the last two is due. */
struct mono run_next(const struct run *);
void run_signal(struct run *, enum slot_event stop_or_kill);
/* Verdict into the outcome and the ledger; the slot is free again. */
void run_settle(struct run *);
void run_clear(struct run *);

#endif
