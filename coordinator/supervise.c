/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop itself. What a worker's frames and end mean is slot.c's, what is
 * ready plan.c's order; here they meet with time and signals.
 */
#include "coordinator/supervise.h"

#include <bsd/stdlib.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outlet.h"
#include "common/xalloc.h"
#include "coordinator/processors.h"
#include "coordinator/supervise_run.h"

static volatile sig_atomic_t signals_to_stop, signals_to_reload;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		signals_to_reload = 1;
	else if (sig != SIGCHLD && signals_to_stop < 2)
		signals_to_stop++;
}

static const int loop_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
enum { NSIGNALS = sizeof loop_signals / sizeof loop_signals[0] };

void
supervise_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	for (int at = 0; at < NSIGNALS; at++) {
		sigaction(loop_signals[at], &sa, NULL);
		sigaddset(&block, loop_signals[at]);
	}
	sigprocmask(SIG_BLOCK, &block, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	outlet_start();
}

bool
supervise_signals_over(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t open;

	sigemptyset(&open);
	for (int at = 0; at < NSIGNALS; at++) {
		sigaction(loop_signals[at], &sa, NULL);
		sigaddset(&open, loop_signals[at]);
	}
	sigprocmask(SIG_UNBLOCK, &open, NULL);
	return signals_to_stop > 0;
}

/* Signals come in nowhere else. */
static int
wait_events(struct pollfd *fds, nfds_t n, int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000,
		.tv_nsec = ns % 1000000000 };
	sigset_t open, blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	open = blocked;
	for (int at = 0; at < NSIGNALS; at++)
		sigdelset(&open, loop_signals[at]);
	int rv = ppoll(fds, n, ns < 0 ? NULL : &ts, &open);
	int sys = errno;
	/* With descriptors ready they may not have been taken. */
	sigprocmask(SIG_SETMASK, &open, NULL);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	errno = sys;
	return rv;
}

bool
supervise_sleep(struct mono until, bool *hup)
{
	for (;;) {
		int64_t left = until.ns - mono_now().ns;
		*hup = signals_to_reload != 0;
		signals_to_reload = 0;
		if (signals_to_stop > 0 || *hup || left <= 0)
			return signals_to_stop > 0;
		wait_events(NULL, 0, left);
	}
}

void
outcome_why(const struct outcome *o, char out[OUTCOME_TEXT])
{
	char doing[32];

	snprintf(doing, sizeof doing, "while %s", phase_name(o->phase));
	if (o->attempts == 0 || strstr(o->err.text, doing) != NULL)
		snprintf(out, OUTCOME_TEXT, "%s", o->err.text);
	else
		snprintf(
		    out, OUTCOME_TEXT, "failed %s: %s", doing, o->err.text);
}

/* ---- what is ready ---- */

enum task_state { TASK_WAITING, TASK_RUNNING, TASK_DONE };

struct task {
	enum task_state state;
	struct mono not_before; /* of another attempt */
};

struct loop {
	struct supervise *s;
	struct task *tasks; /* one an item of the plan */
	struct run *runs;   /* the slots */
	size_t nruns;
	size_t left; /* tasks that are not done */
	unsigned processors;
	int signals_seen;
	struct mono next_tick;
	struct mono next_keep;            /* of a ledger that is out of reach */
	bool said_lost;                   /* that it is */
	size_t shown_done, shown_running; /* in the title */
};

static void
finish_task(struct loop *l, size_t item)
{
	l->tasks[item].state = TASK_DONE;
	l->s->outcomes[item].done = true;
	l->left--;
	if (l->s->hooks.settled != NULL)
		l->s->hooks.settled(l->s->hooks.arg, &l->s->outcomes[item]);
}

/* Busy is no failure: somebody else does the table. */
static bool
has_failed(const struct outcome *o)
{
	return o->done && o->state != RUN_SUCCESS &&
	    !(o->state == RUN_SKIPPED && o->err.cls == ERR_BUSY);
}

/* 1: it may start, 0: it waits, -1: *culprit, before it, has failed. */
static int
is_ready(const struct loop *l, size_t item, size_t *culprit)
{
	const struct plan *plan = l->s->plan;
	const struct plan_item *it = &plan->items[item];
	bool waits = false;

	if (l->s->kind != JOB_OFFLOAD)
		return 1;
	for (size_t o = 0; o < plan->n; o++) {
		bool before = plan->items[o].wave < it->wave;
		for (size_t w = 0; w < it->nwaits && !before; w++)
			before = it->waits[w] == o;
		if (before && has_failed(&l->s->outcomes[o])) {
			*culprit = o;
			return -1;
		}
		waits = waits || (before && l->tasks[o].state != TASK_DONE);
	}
	return !waits;
}

static void
skip_task(struct loop *l, size_t item, size_t culprit)
{
	struct outcome *o = &l->s->outcomes[item];
	struct err err = { 0 };

	o->state = RUN_SKIPPED;
	err_set(&o->err, ERR_CANCELLED,
	    "not started: '%s', which comes "
	    "before it, has not succeeded",
	    l->s->outcomes[culprit].table->name.value);
	if (l->s->ledger != NULL &&
	    ledger_skip(l->s->ledger, o->table->name.value, &o->err, &err) ==
		-1)
		log_warn(
		    "%s: not recorded: %s", o->table->name.value, err.text);
	finish_task(l, item);
}

/* Doubles with every attempt; the jitter keeps tables that failed together
 * from trying again together. */
static double
backoff_seconds(const struct config *c, unsigned attempts)
{
	double s = (double)c->backoff_ms / 1000;

	for (unsigned n = 1; n < attempts && s < 300; n++)
		s *= 2;
	if (s > 300)
		s = 300;
	return s * (0.5 + arc4random_uniform(1001) / 2000.0);
}

/* The outcome holds the end of an attempt: the end of the table, or not. */
static void
end_attempt(struct loop *l, size_t item)
{
	struct outcome *o = &l->s->outcomes[item];
	struct task *t = &l->tasks[item];

	if (o->state != RUN_FAILED || !err_is_retryable(o->err.cls) ||
	    o->attempts >= l->s->config->attempts || signals_to_stop > 0) {
		finish_task(l, item);
		return;
	}
	double s = backoff_seconds(l->s->config, o->attempts);
	t->state = TASK_WAITING;
	t->not_before.ns = mono_now().ns + (int64_t)(s * 1e9);
	if (l->s->hooks.again != NULL)
		l->s->hooks.again(l->s->hooks.arg, o, s);
}

static struct run *
free_run(struct loop *l)
{
	for (size_t at = 0; at < l->nruns; at++)
		if (l->runs[at].state == SLOT_FREE && !l->runs[at].settled)
			return &l->runs[at];
	return NULL;
}

/* Where it could not be recorded nothing is started, for a while. */
static bool
waits_for_ledger(const struct loop *l)
{
	const struct err *why;
	double lost_s;

	if (l->s->ledger == NULL)
		return false;
	lost_s = ledger_lost_s(l->s->ledger, &why);
	return lost_s > 0 && lost_s < STATE_WAIT_S;
}

/* No worker was started. A database that has just gone is no attempt. */
static void
end_start(struct loop *l, size_t item)
{
	struct outcome *o = &l->s->outcomes[item];

	if (o->err.cls != ERR_STATE_LOST || !waits_for_ledger(l)) {
		end_attempt(l, item);
		return;
	}
	o->attempts--;
	l->tasks[item].state = TASK_WAITING;
}

/* A worker that has no other beside it may use all processors. */
static void
share_processors(struct loop *l)
{
	size_t abreast = 0, culprit;

	for (size_t at = 0; at < l->s->plan->n; at++)
		abreast += l->tasks[at].state == TASK_RUNNING ||
		    (l->tasks[at].state == TASK_WAITING &&
			is_ready(l, at, &culprit) == 1);
	l->s->threads = processors_share(
	    l->processors, abreast < l->nruns ? abreast : l->nruns);
}

static void
start_ready(struct loop *l)
{
	bool again = true;

	/* A table skipped here may be what others waited for. */
	while (again) {
		again = false;
		for (size_t at = 0; at < l->s->plan->n; at++) {
			struct task *t = &l->tasks[at];
			size_t culprit;
			if (t->state != TASK_WAITING)
				continue;
			int ready = is_ready(l, at, &culprit);
			if (ready == -1) {
				skip_task(l, at, culprit);
				again = true;
			}
			struct run *r = free_run(l);
			if (ready != 1 || r == NULL || waits_for_ledger(l) ||
			    t->not_before.ns > mono_now().ns)
				continue;
			t->state = TASK_RUNNING;
			share_processors(l);
			if (run_start(r, l->s, at) == -1) {
				end_start(l, at);
				again = true;
			}
		}
	}
}

/* ---- one turn ---- */

static void
handle_signals(struct loop *l)
{
	if (signals_to_reload && !l->s->hup_is_reload) {
		signals_to_reload = 0;
		on_signal(SIGTERM);
	}
	if (signals_to_stop > l->signals_seen) {
		l->signals_seen = signals_to_stop;
		l->s->stopped = true;
		for (size_t at = 0; at < l->nruns; at++)
			run_signal(&l->runs[at],
			    signals_to_stop > 1 ? EVENT_KILL : EVENT_STOP);
	}
	for (size_t at = 0; at < l->s->plan->n && l->s->stopped; at++) {
		struct outcome *o = &l->s->outcomes[at];
		if (l->tasks[at].state != TASK_WAITING)
			continue;
		if (o->attempts == 0) {
			o->state = RUN_CANCELLED;
			err_set(&o->err, ERR_CANCELLED,
			    "not started: asked to stop");
		}
		finish_task(l, at);
	}
}

static void
show_title(struct loop *l)
{
	static const char *const names[] = { [JOB_OFFLOAD] = "run",
		[JOB_VERIFY] = "verify",
		[JOB_CHECK] = "check",
		[JOB_PLAN] = "dry run",
		[JOB_INIT] = "init" };
	size_t n = l->s->plan->n, done = n - l->left, running = 0;

	for (size_t at = 0; at < l->nruns; at++)
		running += l->runs[at].state != SLOT_FREE;
	if (done == l->shown_done && running == l->shown_running)
		return;
	l->shown_done = done;
	l->shown_running = running;
	setproctitle("%s, %zu of %zu tables done, %zu running%s",
	    names[l->s->kind], done, n, running,
	    l->s->stopped ? ", stopping" : "");
}

/* Others tell by the session of the ledger whether this coordinator lives. */
static void
keep_ledger(struct loop *l, const struct pollfd *socket)
{
	const int64_t pause_ns = LEDGER_PAUSE_S * INT64_C(1000000000);

	if ((socket->fd == -1 && mono_now().ns < l->next_keep.ns) ||
	    (socket->fd != -1 && socket->revents == 0))
		return;
	if (!ledger_keep(l->s->ledger))
		l->next_keep.ns = mono_now().ns + pause_ns;
}

static void
say_lost(struct loop *l)
{
	const struct err *why;
	double lost_s = ledger_lost_s(l->s->ledger, &why);

	if (lost_s > 0 && !l->said_lost)
		log_warn("%s; workers go on, nothing is started until it is "
			 "back, for %d s at most",
		    why->text, STATE_WAIT_S);
	if (lost_s == 0 && l->said_lost)
		log_warn("the state database is back");
	l->said_lost = lost_s > 0;
}

/* -1: none. */
static int64_t
next_deadline(const struct loop *l)
{
	int64_t next = INT64_MAX, now = mono_now().ns;

	for (size_t at = 0; at < l->nruns; at++)
		if (run_next(&l->runs[at]).ns < next)
			next = run_next(&l->runs[at]).ns;
	for (size_t at = 0; at < l->s->plan->n; at++)
		if (l->tasks[at].state == TASK_WAITING &&
		    l->tasks[at].not_before.ns > now &&
		    l->tasks[at].not_before.ns < next)
			next = l->tasks[at].not_before.ns;
	if (l->s->hooks.tick_ms > 0 && l->next_tick.ns < next)
		next = l->next_tick.ns;
	if (l->s->ledger != NULL && ledger_socket(l->s->ledger) == -1 &&
	    l->next_keep.ns < next)
		next = l->next_keep.ns;
	if (next == INT64_MAX)
		return -1;
	return next > now ? next - now : 0;
}

static int
turn(struct loop *l, struct pollfd *fds, struct err *err)
{
	struct pollfd *ledger = &fds[2 * l->nruns];

	for (size_t at = 0; at < l->nruns; at++)
		run_poll(&l->runs[at], &fds[2 * at], &fds[2 * at + 1]);
	*ledger = (struct pollfd){
		.fd = l->s->ledger != NULL ? ledger_socket(l->s->ledger) : -1,
		.events = POLLIN
	};
	int n = wait_events(fds, 2 * l->nruns + 1, next_deadline(l));
	if (n == -1 && errno != EINTR)
		return err_sys(err, ERR_BUG, "cannot wait for workers");
	if (n == -1)
		ledger->revents = 0;

	/* First: whoever stops all processes of a group at once gets
	 * workers that were stopped, not such as failed. */
	handle_signals(l);
	for (size_t at = 0; at < l->nruns; at++) {
		struct run *r = &l->runs[at];
		if (n > 0 && r->state != SLOT_FREE)
			run_transfer(
			    r, fds[2 * at].revents, fds[2 * at + 1].revents);
	}
	for (size_t at = 0; at < l->nruns; at++)
		run_reap(&l->runs[at]);
	for (size_t at = 0; at < l->nruns; at++) {
		run_check_deadline(&l->runs[at]);
		run_tell_phase(&l->runs[at]);
	}
	for (size_t at = 0; at < l->nruns; at++) {
		struct run *r = &l->runs[at];
		if (!r->settled)
			continue;
		size_t item = r->item;
		run_settle(r);
		end_attempt(l, item);
		/* The slot is filled before the next end is recorded. */
		if (!l->s->stopped)
			start_ready(l);
	}
	if (l->s->hooks.tick_ms > 0 && mono_now().ns >= l->next_tick.ns) {
		l->s->hooks.tick(l->s->hooks.arg);
		l->next_tick.ns =
		    mono_now().ns + l->s->hooks.tick_ms * INT64_C(1000000);
	}
	if (l->s->ledger != NULL) {
		keep_ledger(l, ledger);
		say_lost(l);
	}
	if (!l->s->stopped)
		start_ready(l);
	show_title(l);
	return 0;
}

/* Two pipes a worker, and some more while one is started. */
static void
raise_files(size_t nruns)
{
	const rlim_t wanted = 2 * nruns + 64;
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) == -1 || now.rlim_cur >= wanted)
		return;
	now.rlim_cur = wanted < now.rlim_max ? wanted : now.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &now) == -1)
		log_debug("cannot raise the limit of open files");
}

static void
flush_ledger(struct supervise *s)
{
	struct err err = { 0 };

	if (s->ledger == NULL || ledger_flush(s->ledger, &err) == 0)
		return;
	s->unrecorded = true;
	log_error("how runs ended could not be recorded: %s; the next 'calve "
		  "run' records them as failed, and goes on from what was "
		  "committed",
	    err.text);
}

void
supervise_ahead(struct supervise *s)
{
	struct err ignored = { 0 };

	if (s->plan->n == 0)
		return;
	s->ahead_limits = s->plan->items[0].table->limits;
	if (spawn_worker(s->program, &s->ahead_limits, &s->ahead, &ignored) ==
	    -1)
		s->ahead.pid = 0;
}

static void
end_ahead(struct supervise *s)
{
	if (s->ahead.pid == 0)
		return;
	kill(s->ahead.pid, SIGKILL);
	close(s->ahead.job);
	close(s->ahead.report);
	while (waitpid(s->ahead.pid, NULL, 0) == -1 && errno == EINTR)
		;
	s->ahead.pid = 0;
}

int
supervise(struct supervise *s, struct err *err)
{
	struct loop l = { .s = s, .left = s->plan->n };
	int rv = 0;

	l.nruns = s->workers < s->plan->n ? s->workers : s->plan->n;
	raise_files(l.nruns);
	l.processors = processors();
	l.tasks = xcalloc(s->plan->n + 1, sizeof *l.tasks);
	l.runs = xcalloc(l.nruns + 1, sizeof *l.runs);
	s->outcomes = xcalloc(s->plan->n + 1, sizeof *s->outcomes);
	struct pollfd *fds = xcalloc(2 * l.nruns + 2, sizeof *fds);
	for (size_t at = 0; at < s->plan->n; at++)
		s->outcomes[at].table = s->plan->items[at].table;
	handle_signals(&l);
	if (!s->stopped)
		start_ready(&l);
	show_title(&l);
	while (l.left > 0 && rv == 0)
		rv = turn(&l, fds, err);
	for (size_t at = 0; at < l.nruns; at++)
		run_clear(&l.runs[at]);
	flush_ledger(s);
	free(fds);
	free(l.runs);
	free(l.tasks);
	return rv;
}

void
supervise_clear(struct supervise *s)
{
	for (size_t at = 0; s->outcomes != NULL && at < s->plan->n; at++)
		result_clear(&s->outcomes[at].result);
	free(s->outcomes);
	s->outcomes = NULL;
	end_ahead(s);
}
