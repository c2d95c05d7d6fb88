/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's life: the table, and the verdict at its end. */
#include "coordinator/slot.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/xalloc.h"

#define STAY(state, action)                   \
	{                                     \
		SLOT_##state, ACTION_##action \
	}
#define GO STAY

static const struct slot_step steps[SLOT_NSTATES][EVENT_NEVENTS] = {
	[SLOT_FREE] = {
		[EVENT_FORKED] = GO(STARTING, NONE),
		[EVENT_HELLO] = STAY(FREE, BUG),
		[EVENT_INFO] = STAY(FREE, BUG),
		[EVENT_RESULT] = STAY(FREE, BUG),
		[EVENT_ERROR] = STAY(FREE, BUG),
		[EVENT_BAD] = STAY(FREE, BUG),
		[EVENT_EOF] = STAY(FREE, BUG),
		[EVENT_EXITED] = STAY(FREE, BUG),
		[EVENT_DEADLINE] = STAY(FREE, NONE),
		[EVENT_STOP] = STAY(FREE, NONE),
		[EVENT_KILL] = STAY(FREE, NONE),
	},
	[SLOT_STARTING] = {
		[EVENT_FORKED] = STAY(STARTING, BUG),
		[EVENT_HELLO] = GO(RUNNING, KEEP),
		[EVENT_INFO] = GO(STOPPING, BAD),
		[EVENT_RESULT] = GO(STOPPING, BAD),
		[EVENT_ERROR] = GO(STOPPING, BAD),
		[EVENT_BAD] = GO(STOPPING, BAD),
		[EVENT_EOF] = GO(DRAINED, NONE),
		[EVENT_EXITED] = GO(EXITED, NONE),
		[EVENT_DEADLINE] = GO(STOPPING, TERM),
		[EVENT_STOP] = GO(STOPPING, TERM),
		[EVENT_KILL] = GO(STOPPING, KILL),
	},
	[SLOT_RUNNING] = {
		[EVENT_FORKED] = STAY(RUNNING, BUG),
		[EVENT_HELLO] = GO(STOPPING, BAD),
		[EVENT_INFO] = STAY(RUNNING, KEEP),
		[EVENT_RESULT] = STAY(RUNNING, KEEP),
		[EVENT_ERROR] = STAY(RUNNING, KEEP),
		[EVENT_BAD] = GO(STOPPING, BAD),
		[EVENT_EOF] = GO(DRAINED, NONE),
		[EVENT_EXITED] = GO(EXITED, NONE),
		[EVENT_DEADLINE] = GO(STOPPING, TERM),
		[EVENT_STOP] = GO(STOPPING, TERM),
		[EVENT_KILL] = GO(STOPPING, KILL),
	},
	[SLOT_STOPPING] = {
		[EVENT_FORKED] = STAY(STOPPING, BUG),
		[EVENT_HELLO] = STAY(STOPPING, KEEP),
		[EVENT_INFO] = STAY(STOPPING, KEEP),
		[EVENT_RESULT] = STAY(STOPPING, KEEP),
		[EVENT_ERROR] = STAY(STOPPING, KEEP),
		[EVENT_BAD] = STAY(STOPPING, BAD),
		[EVENT_EOF] = GO(DRAINED, NONE),
		[EVENT_EXITED] = GO(EXITED, NONE),
		[EVENT_DEADLINE] = STAY(STOPPING, KILL),
		[EVENT_STOP] = STAY(STOPPING, NONE),
		[EVENT_KILL] = STAY(STOPPING, KILL),
	},
	[SLOT_DRAINED] = {
		[EVENT_FORKED] = STAY(DRAINED, BUG),
		[EVENT_HELLO] = STAY(DRAINED, BUG),
		[EVENT_INFO] = STAY(DRAINED, BUG),
		[EVENT_RESULT] = STAY(DRAINED, BUG),
		[EVENT_ERROR] = STAY(DRAINED, BUG),
		[EVENT_BAD] = STAY(DRAINED, BUG),
		[EVENT_EOF] = STAY(DRAINED, BUG),
		[EVENT_EXITED] = GO(FREE, SETTLE),
		[EVENT_DEADLINE] = STAY(DRAINED, KILL),
		[EVENT_STOP] = STAY(DRAINED, TERM),
		[EVENT_KILL] = STAY(DRAINED, KILL),
	},
	[SLOT_EXITED] = {
		[EVENT_FORKED] = STAY(EXITED, BUG),
		/* What it wrote before its end is still in the pipe. */
		[EVENT_HELLO] = STAY(EXITED, KEEP),
		[EVENT_INFO] = STAY(EXITED, KEEP),
		[EVENT_RESULT] = STAY(EXITED, KEEP),
		[EVENT_ERROR] = STAY(EXITED, KEEP),
		[EVENT_BAD] = STAY(EXITED, BAD),
		[EVENT_EOF] = GO(FREE, SETTLE),
		[EVENT_EXITED] = STAY(EXITED, BUG),
		[EVENT_DEADLINE] = GO(FREE, SETTLE),
		[EVENT_STOP] = STAY(EXITED, NONE),
		[EVENT_KILL] = STAY(EXITED, NONE),
	},
};

struct slot_step
slot_step(enum slot_state state, enum slot_event event, bool reported)
{
	bool frame = event == EVENT_HELLO || event == EVENT_INFO ||
	    event == EVENT_RESULT || event == EVENT_ERROR;

	if (reported && frame && state != SLOT_FREE && state != SLOT_DRAINED)
		event = EVENT_BAD;
	return steps[state][event];
}

const char *
slot_state_name(enum slot_state state)
{
	static const char *const names[SLOT_NSTATES] = { "free", "starting",
		"running", "stopping", "drained", "exited" };

	return names[state];
}

const char *
slot_event_name(enum slot_event event)
{
	static const char *const names[EVENT_NEVENTS] = { "forked", "hello",
		"info", "result", "error", "bad", "eof", "exited", "deadline",
		"stop", "kill" };

	return names[event];
}

/* Death in one of these leaves open what the table holds. */
static bool
is_committing(enum phase phase)
{
	return phase == PHASE_COMMIT || phase == PHASE_ADVANCE ||
	    phase == PHASE_DONE;
}

static bool
died_of_ours(const struct slot_end *end)
{
	return (end->reason == REASON_STOP || end->reason == REASON_DEADLINE) &&
	    WIFSIGNALED(end->status) &&
	    (WTERMSIG(end->status) == SIGTERM ||
		WTERMSIG(end->status) == SIGKILL);
}

static enum run_state
stopped(const struct slot_end *end, const struct limits *l, struct err *err)
{
	char wall[LIMITS_TEXT];

	if (end->reason == REASON_DEADLINE) {
		duration_format(l->wall_ms, wall);
		err_set(err, ERR_LIMIT,
		    "deadline of %s passed while %s; "
		    "raise 'limits: wall', or take smaller steps",
		    wall, phase_name(end->phase));
		return RUN_TIMED_OUT;
	}
	err_set(err, ERR_CANCELLED, "stopped while %s, as asked",
	    phase_name(end->phase));
	return RUN_CANCELLED;
}

static const char *
when_it_died(const struct slot_end *end)
{
	if (end->result != NULL)
		return "after its report";
	if (end->phase == PHASE_DONE)
		return "before its report";
	return end->phase == PHASE_COMMIT ? "while committing"
					  : "while advancing";
}

/* Killed by a limit: which one is what the operator needs to know. */
static bool
died_of_limit(const struct slot_end *end)
{
	int s = end->status;

	if (end->result != NULL || end->phase == PHASE_DONE)
		return false;
	return WIFSIGNALED(s) ? WTERMSIG(s) == SIGXCPU || WTERMSIG(s) == SIGXFSZ
			      : WEXITSTATUS(s) == EXIT_NOMEM;
}

static enum run_state
unclear(const struct slot_end *end, const struct limits *l, struct err *err)
{
	struct err how = { 0 };

	if (died_of_limit(end)) {
		limits_explain(l, end->status, &end->used, end->phase, &how);
	} else if (WIFSIGNALED(end->status)) {
		const char *name = sigabbrev_np(WTERMSIG(end->status));
		err_set(&how, ERR_UNCLEAR, "worker was killed by SIG%s %s",
		    name != NULL ? name : "?", when_it_died(end));
	} else {
		err_set(&how, ERR_UNCLEAR,
		    "worker ended with exit status %d %s",
		    WEXITSTATUS(end->status), when_it_died(end));
	}
	err_set(err, ERR_UNCLEAR,
	    "%s; the next run finds out whether its commit took place, and "
	    "goes on from there",
	    how.text);
	return RUN_FAILED;
}

enum run_state
slot_verdict(
    const struct slot_end *end, const struct limits *l, struct err *err)
{
	if (end->result != NULL && WIFEXITED(end->status) &&
	    WEXITSTATUS(end->status) == 0 && end->error == NULL)
		return RUN_SUCCESS;
	if (end->error != NULL) {
		*err = *end->error;
		if (err->cls == ERR_BUSY)
			return RUN_SKIPPED;
		if (err->cls == ERR_CANCELLED &&
		    (end->reason == REASON_STOP ||
			end->reason == REASON_DEADLINE))
			return stopped(end, l, err);
		limits_name(l, end->phase, err);
		return RUN_FAILED;
	}
	if (end->result == NULL && !is_committing(end->phase)) {
		if (died_of_ours(end))
			return stopped(end, l, err);
		limits_explain(l, end->status, &end->used, end->phase, err);
		return RUN_FAILED;
	}
	return unclear(end, l, err);
}
