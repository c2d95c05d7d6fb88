/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's pipes and its end, as events for slot.c, and what follows. */
#include "coordinator/supervise_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/utf8.h"

enum { READ_SIZE = 1 << 16 };
static const int64_t second = 1000000000;
static const int64_t never = INT64_MAX;
/* A run that is over sooner costs the ledger no phase. */
static const int64_t first_phase = 100000000;

static void
set_deadline(struct run *r, int64_t ns)
{
	r->deadline.ns = mono_now().ns + ns;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
drop_job(struct run *r)
{
	if (r->out.data != NULL)
		explicit_bzero(r->out.data, r->out.len);
	buf_clear(&r->out);
	r->sent = 0;
}

/* ---- start ---- */

static void
record_end(struct run *r, const struct ledger_end *end)
{
	struct err err = { 0 };

	if (r->s->ledger == NULL || ledger_finish(r->s->ledger, end, &err) == 0)
		return;
	log_warn("%s: its end could not be recorded yet: %s",
	    r->outcome->table->name.value, err.text);
}

static void
queue_job(struct run *r)
{
	struct msg m = { .type = MSG_JOB };
	struct err err = { 0 };

	config_job(r->s->config, r->outcome->table, r->s->kind,
	    r->outcome->run_id, r->outcome->attempts, &m.u.job);
	if (r->s->hand_position != NULL)
		m.u.job.hand_position = xstrdup(r->s->hand_position);
	m.u.job.hand_flags = r->s->hand_flags;
	if (m.u.job.threads == 0)
		m.u.job.threads = r->s->threads;
	buf_init(&r->out, MSG_HEADER + MSG_MAX);
	if (msg_put(&r->out, 0, &m, &err) == -1) {
		/* The worker sees the end of its pipe and says so. */
		log_error("%s: %s", r->outcome->table->name.value, err.text);
		drop_job(r);
		close_fd(&r->child.job);
	}
	msg_clear(&m);
}

/* The one that waits already, where its limits are the table's. */
static int
take_worker(struct supervise *s, const struct limits *limits, struct child *out,
    struct err *err)
{
	if (s->ahead.pid == 0 ||
	    memcmp(&s->ahead_limits, limits, sizeof *limits) != 0)
		return spawn_worker(s->program, limits, out, err);
	*out = s->ahead;
	s->ahead.pid = 0;
	return 0;
}

int
run_start(struct run *r, struct supervise *s, size_t item)
{
	struct outcome *o = &s->outcomes[item];
	const struct config_table *t = o->table;
	const char *name = t->name.value;

	memset(r, 0, sizeof *r);
	*r = (struct run){ .s = s,
		.item = item,
		.outcome = o,
		.child = { .pid = -1, .job = -1, .report = -1 },
		.began = mono_now(),
		.deadline = { never } };
	r->phase_due.ns = r->began.ns + first_phase;
	result_clear(&o->result);
	o->has_result = false;
	err_clear(&o->err);
	o->attempts++;
	o->phase = PHASE_START;
	uuid_random(o->run_id);

	if (s->ledger != NULL &&
	    ledger_start(s->ledger, name, o->run_id, o->attempts, &o->err) ==
		-1) {
		o->state = RUN_FAILED;
		return -1;
	}
	if (take_worker(s, &t->limits, &r->child, &o->err) == -1) {
		o->state = RUN_FAILED;
		record_end(r,
		    &(struct ledger_end){ .table = name,
			.run_id = o->run_id,
			.state = o->state,
			.err = &o->err,
			.exit_code = -1,
			.signal = -1 });
		return -1;
	}
	r->pid = r->child.pid;
	r->state = slot_step(SLOT_FREE, EVENT_FORKED, false).next;
	if (t->limits.wall_ms > 0)
		set_deadline(r, (int64_t)t->limits.wall_ms * 1000000);
	buf_init(&r->in, MSG_HEADER + MSG_MAX + READ_SIZE);
	queue_job(r);
	o->state = RUN_RUNNING;
	if (s->hooks.started != NULL)
		s->hooks.started(s->hooks.arg, o);
	return 0;
}

/* ---- events ---- */

static void
send_signal(struct run *r, int sig)
{
	if (r->child.pid > 0) /* not reaped: it is still ours */
		kill(r->child.pid, sig);
}

static void
note_bad(struct run *r, const struct err *why)
{
	if (!r->has_error) {
		r->error = *why;
		r->has_error = true;
	}
	r->reported = r->deaf = true;
	if (r->reason == REASON_NONE)
		r->reason = REASON_BAD;
	send_signal(r, SIGTERM);
	set_deadline(r, (int64_t)r->s->config->grace_ms * 1000000);
}

/* Returns whether a frame that is the event may be taken. */
static bool
step(struct run *r, enum slot_event event, const struct err *why)
{
	struct slot_step s = slot_step(r->state, event, r->reported);
	enum slot_state before = r->state;
	static const struct err out_of_turn = { .cls = ERR_PROTOCOL,
		.text = "worker sent a frame out of turn" };

	r->state = s.next;
	if (before != s.next && s.next == SLOT_EXITED)
		set_deadline(r, 5 * second);
	if (before != s.next && s.next == SLOT_DRAINED)
		set_deadline(r, (int64_t)r->s->config->grace_ms * 1000000);
	switch (s.action) {
	case ACTION_NONE:
		break;
	case ACTION_KEEP:
		return true;
	case ACTION_BAD:
		note_bad(r, why != NULL ? why : &out_of_turn);
		break;
	case ACTION_TERM:
		send_signal(r, SIGTERM);
		set_deadline(r, (int64_t)r->s->config->grace_ms * 1000000);
		break;
	case ACTION_KILL:
		send_signal(r, SIGKILL);
		set_deadline(r, 5 * second);
		break;
	case ACTION_SETTLE:
		r->settled = true;
		break;
	case ACTION_BUG:
		log_error("%s: event '%s' in state '%s'",
		    r->outcome->table->name.value, slot_event_name(event),
		    slot_state_name(before));
		abort();
	}
	return false;
}

void
run_signal(struct run *r, enum slot_event event)
{
	if (r->state == SLOT_FREE)
		return;
	if (r->reason == REASON_NONE)
		r->reason = REASON_STOP;
	step(r, event, NULL);
}

void
run_check_deadline(struct run *r)
{
	if (r->state == SLOT_FREE || r->settled ||
	    mono_now().ns < r->deadline.ns)
		return;
	if (r->reason == REASON_NONE &&
	    (r->state == SLOT_STARTING || r->state == SLOT_RUNNING))
		r->reason = REASON_DEADLINE;
	if (r->state == SLOT_DRAINED && r->reason == REASON_NONE &&
	    !r->has_error) {
		/* Else its death of our KILL would read as want of memory. */
		err_set(&r->error, ERR_PROTOCOL,
		    "worker closed its reports "
		    "while %s and did not end",
		    phase_name(r->phase));
		r->has_error = true;
	}
	step(r, EVENT_DEADLINE, NULL);
}

/* ---- frames ---- */

static void
mend_texts(struct msg *m)
{
	switch (m->type) {
	case MSG_NOTE:
		utf8_mend(m->u.note.text);
		break;
	case MSG_ERROR:
		utf8_mend(m->u.error.text);
		break;
	case MSG_TALLY:
		utf8_mend(m->u.tally.scope);
		utf8_mend(m->u.tally.source_min);
		utf8_mend(m->u.tally.source_max);
		utf8_mend(m->u.tally.target_min);
		utf8_mend(m->u.tally.target_max);
		utf8_mend(m->u.tally.source_sum);
		utf8_mend(m->u.tally.target_sum);
		break;
	case MSG_COLUMN:
		utf8_mend(m->u.column.name);
		utf8_mend(m->u.column.source_type);
		utf8_mend(m->u.column.target_type);
		utf8_mend(m->u.column.remark);
		break;
	case MSG_RESULT:
		utf8_mend(m->u.result.position);
		utf8_mend(m->u.result.window_low);
		utf8_mend(m->u.result.window_high);
		break;
	default:
		break;
	}
}

static enum slot_event
event_of(enum msg_type type)
{
	switch (type) {
	case MSG_HELLO:
		return EVENT_HELLO;
	case MSG_RESULT:
		return EVENT_RESULT;
	case MSG_ERROR:
		return EVENT_ERROR;
	case MSG_JOB:
		return EVENT_BAD;
	default:
		return EVENT_INFO;
	}
}

static void
enter_phase(struct run *r, enum phase phase)
{
	/* The last one says nothing about where a failure happened. */
	r->phase = phase;
	if (phase == PHASE_DONE || r->outcome->phase == phase)
		return;
	r->outcome->phase = phase;
	r->phase_untold = true;
}

/* To the ledger, at most once a second: a phase that passes faster than that
 * nobody sees. */
void
run_tell_phase(struct run *r)
{
	if (!r->phase_untold || r->settled || r->s->ledger == NULL ||
	    mono_now().ns < r->phase_due.ns)
		return;
	r->phase_untold = false;
	r->phase_due.ns = mono_now().ns + second;
	ledger_phase(
	    r->s->ledger, r->outcome->run_id, r->pid, r->outcome->phase);
}

struct mono
run_next(const struct run *r)
{
	if (r->state == SLOT_FREE)
		return (struct mono){ never };
	if (r->phase_untold && r->s->ledger != NULL &&
	    r->phase_due.ns < r->deadline.ns)
		return r->phase_due;
	return r->deadline;
}

static void
take_frame(struct run *r, struct msg *m)
{
	struct err bad = { 0 };
	const struct err *why = NULL;
	enum slot_event event = event_of(m->type);

	if (m->type == MSG_HELLO && m->u.hello.protocol != MSG_PROTOCOL) {
		err_set(&bad, ERR_PROTOCOL,
		    "worker speaks protocol %lu, calve "
		    "%d; install both from one version",
		    (unsigned long)m->u.hello.protocol, MSG_PROTOCOL);
		event = EVENT_BAD;
		why = &bad;
	}
	if (!step(r, event, why))
		return;
	mend_texts(m);
	switch (m->type) {
	case MSG_RESULT:
		r->result = m->u.result;
		r->has_result = r->reported = true;
		memset(&m->u.result, 0, sizeof m->u.result);
		return;
	case MSG_ERROR:
		r->error = m->u.error;
		r->has_error = r->reported = true;
		return;
	case MSG_PHASE:
		enter_phase(r, m->u.phase);
		break;
	default:
		break;
	}
	if (m->type != MSG_HELLO && r->s->hooks.message != NULL)
		r->s->hooks.message(r->s->hooks.arg, r->outcome, m);
}

static void
take_frames(struct run *r)
{
	size_t at = 0;

	while (!r->deaf) {
		struct msg m = { 0 };
		struct err err = { 0 };
		size_t used = 0;
		int got = msg_get(r->in.data + at, r->in.len - at, r->sequence,
		    &m, &used, &err);
		if (got == 0)
			break;
		if (got == -1) {
			step(r, EVENT_BAD, &err);
			break;
		}
		r->sequence++;
		at += used;
		take_frame(r, &m);
		msg_clear(&m);
	}
	if (r->deaf) {
		buf_reset(&r->in); /* nothing more is believed */
		return;
	}
	memmove(r->in.data, r->in.data + at, r->in.len - at);
	r->in.len -= at;
}

static void
read_reports(struct run *r)
{
	/* Bounded: no worker keeps the others waiting. */
	for (int rounds = 0; rounds < 16; rounds++) {
		uint8_t *to = buf_reserve(&r->in, READ_SIZE);
		ssize_t n =
		    to != NULL ? read(r->child.report, to, READ_SIZE) : 0;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&r->child.report);
			step(r, EVENT_EOF, NULL);
			return;
		}
		r->in.len += (size_t)n;
		take_frames(r);
	}
}

static void
write_job(struct run *r)
{
	while (r->sent < r->out.len) {
		ssize_t n = write(
		    r->child.job, r->out.data + r->sent, r->out.len - r->sent);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1)
			break; /* it has ended; its end tells why */
		r->sent += (size_t)n;
	}
	drop_job(r);
}

void
run_poll(const struct run *r, struct pollfd *report, struct pollfd *job)
{
	bool live = r->state != SLOT_FREE;

	*report = (struct pollfd){ .fd = live ? r->child.report : -1,
		.events = POLLIN };
	*job =
	    (struct pollfd){ .fd = live && r->out.len > 0 ? r->child.job : -1,
		    .events = POLLOUT };
}

void
run_transfer(struct run *r, short report_events, short job_events)
{
	if (job_events != 0 && r->out.len > 0)
		write_job(r);
	if (report_events != 0 && r->child.report != -1)
		read_reports(r);
}

/* ---- end ---- */

/* Somebody's SIGSTOP, a debugger: nothing else tells of it, since a worker may
 * have nothing to say for long. */
static void
tell_still(const struct run *r, int status)
{
	const char *name = r->outcome->table->name.value;

	if (WIFCONTINUED(status)) {
		log_info("%s: its worker %d goes on", name, r->pid);
		return;
	}
	const char *sig = sigabbrev_np(WSTOPSIG(status));
	log_warn("%s: its worker %d was stopped by SIG%s; 'kill -CONT %d' lets "
		 "it go on",
	    name, r->pid, sig != NULL ? sig : "?", r->pid);
}

void
run_reap(struct run *r)
{
	int status;

	if (r->state == SLOT_FREE || r->child.pid <= 0)
		return;
	for (;;) {
		pid_t pid = wait4(r->child.pid, &status,
		    WNOHANG | WUNTRACED | WCONTINUED, &r->used);
		if (pid != r->child.pid)
			return;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
		tell_still(r, status);
	}
	r->status = status;
	r->child.pid = -1;
	step(r, EVENT_EXITED, NULL);
	/* What it wrote last is there by now; and mostly the end of file. */
	if (r->state == SLOT_EXITED)
		read_reports(r);
}

static double
cpu_seconds(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	    (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

void
run_settle(struct run *r)
{
	struct outcome *o = r->outcome;
	struct slot_end end = { .result = r->has_result ? &r->result : NULL,
		.error = r->has_error ? &r->error : NULL,
		.phase = r->has_error ? o->phase : r->phase,
		.status = r->status,
		.used = r->used,
		.reason = r->reason };

	o->state = slot_verdict(&end, &o->table->limits, &o->err);
	if (o->state == RUN_SUCCESS)
		o->phase = PHASE_DONE;
	o->seconds += mono_seconds_since(r->began);
	o->cpu_s += cpu_seconds(&r->used);
	uint64_t peak = (uint64_t)r->used.ru_maxrss * 1024;
	if (peak > o->peak_memory)
		o->peak_memory = peak;
	o->has_result = r->has_result;
	o->result = r->result;
	memset(&r->result, 0, sizeof r->result);

	record_end(r,
	    &(struct ledger_end){ .table = o->table->name.value,
		.run_id = o->run_id,
		.state = o->state,
		.phase = o->phase,
		.pid = r->pid,
		.exit_code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1,
		.signal = WIFSIGNALED(r->status) ? WTERMSIG(r->status) : -1,
		.result = o->has_result ? &o->result : NULL,
		.err = o->state == RUN_SUCCESS ? NULL : &o->err,
		.cpu_s = cpu_seconds(&r->used),
		.peak_memory = peak });
	run_clear(r);
}

void
run_clear(struct run *r)
{
	/* Only after a failure of the loop itself is one still alive here. */
	if (r->state != SLOT_FREE && r->child.pid > 0) {
		kill(r->child.pid, SIGKILL);
		while (waitpid(r->child.pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	if (r->s != NULL) {
		close_fd(&r->child.job);
		close_fd(&r->child.report);
	}
	drop_job(r);
	buf_clear(&r->in);
	result_clear(&r->result);
	memset(r, 0, sizeof *r);
}
