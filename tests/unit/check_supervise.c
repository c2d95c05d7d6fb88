/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop with real processes: workers that succeed, crash, hang, lie
 * and ignore signals (tests/harness/fake_worker.c does what its table's name
 * says). Nothing is recorded here; check_ledger does that.
 */
#include <bsd/unistd.h>
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/supervise.h"
#include "tests/unit/run_suite.h"

static char program[] = "build/unit/fake_worker";

/* A configuration of tables, and what became of them. */
struct scene {
	struct config config;
	struct plan plan;
	struct supervise s;
	struct err err;
	char *yaml;
	unsigned started, again, settled;
	size_t at_once, most_at_once;
	int signal; /* raised at the nth PHASE, 0 none */
	size_t nth;
	bool insist; /* raised again when that was heard */
	enum phase phases[16];
	size_t nphases, nprogress;
};

static void
on_started(void *arg, const struct outcome *o)
{
	struct scene *x = arg;

	(void)o;
	x->started++;
	if (++x->at_once > x->most_at_once)
		x->most_at_once = x->at_once;
}

static void
on_message(void *arg, const struct outcome *o, const struct msg *m)
{
	struct scene *x = arg;

	(void)o;
	x->nprogress += m->type == MSG_PROGRESS;
	if (m->type != MSG_PHASE)
		return;
	if (x->nphases < 16)
		x->phases[x->nphases++] = m->u.phase;
	if (x->signal != 0 && x->nphases == x->nth)
		raise(x->signal);
}

static void
on_tick(void *arg)
{
	struct scene *x = arg;

	if (x->insist && x->s.stopped)
		raise(x->signal);
}

static void
on_again(void *arg, const struct outcome *o, double seconds)
{
	struct scene *x = arg;

	ck_assert(seconds > 0);
	ck_assert_int_eq(o->state, RUN_FAILED);
	x->again++;
	x->at_once--;
}

static void
on_settled(void *arg, const struct outcome *o)
{
	struct scene *x = arg;

	ck_assert(o->done);
	x->settled++;
	x->at_once -= x->at_once > 0 && o->attempts > 0;
}

/* options: lines of the root; each table: "NAME" or "NAME|its options". */
static void
prepare(struct scene *x, const char *options, ...)
{
	struct buf b;
	va_list ap;
	const char *table;
	int n = 0;

	*x = (struct scene){ 0 };
	buf_init(&b, 0);
	buf_printf(&b,
	    "state: dbname=x\n"
	    "sources: { hot: { url: \"http://h:1\" } }\n"
	    "catalogs: { lake: { warehouse: /srv/lake } }\n"
	    "defaults: { timestamp: ts, limits: { memory: none } }\n%s"
	    "tables:",
	    options);
	va_start(ap, options);
	while ((table = va_arg(ap, const char *)) != NULL) {
		size_t len = strcspn(table, "|");
		buf_printf(&b,
		    "\n  - { name: \"%.*s\", source: hot.t%d, "
		    "target: lake.n.t%d%s%s }",
		    (int)len, table, n, n, table[len] != '\0' ? ", " : "",
		    table[len] != '\0' ? table + len + 1 : "");
		n++;
	}
	va_end(ap);
	buf_put_str(&b, n == 0 ? " []\n" : "\n");
	x->yaml = xstrdup(buf_cstr(&b));
	buf_clear(&b);
	ck_assert_msg(config_parse(x->yaml, strlen(x->yaml), "test", &x->config,
			  &x->err) == 0,
	    "%s\n%s", x->err.text, x->yaml);
	ck_assert_msg(
	    plan_make(&x->config, NULL, 0, NULL, &x->plan, &x->err) == 0, "%s",
	    x->err.text);
	x->s = (struct supervise){ .config = &x->config,
		.plan = &x->plan,
		.kind = JOB_OFFLOAD,
		.program = program,
		.workers = x->config.workers,
		.hooks = { .arg = x,
		    .started = on_started,
		    .message = on_message,
		    .again = on_again,
		    .settled = on_settled,
		    .tick = on_tick,
		    .tick_ms = 20 } };
	supervise_signals();
}

static void
play(struct scene *x)
{
	int status;

	ck_assert_msg(supervise(&x->s, &x->err) == 0, "%s", x->err.text);
	ck_assert_uint_eq(x->settled, x->plan.n);
	ck_assert_uint_eq(x->at_once, 0);
	/* Nobody is left, alive or as a zombie. */
	ck_assert_int_eq(waitpid(-1, &status, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void
end(struct scene *x)
{
	supervise_clear(&x->s);
	plan_clear(&x->plan);
	config_clear(&x->config);
	free(x->yaml);
}

static const struct outcome *
outcome(const struct scene *x, const char *name)
{
	for (size_t at = 0; at < x->plan.n; at++)
		if (strncmp(x->s.outcomes[at].table->name.value, name,
			strlen(name)) == 0)
			return &x->s.outcomes[at];
	ck_abort_msg("no table '%s'", name);
}

static void
ended(const struct scene *x, const char *name, enum run_state state,
    enum err_class cls, const char *text)
{
	const struct outcome *o = outcome(x, name);

	ck_assert_msg(o->state == state, "%s: %s, not %s: %s", name,
	    run_state_name(o->state), run_state_name(state), o->err.text);
	if (state == RUN_SUCCESS)
		return;
	ck_assert_msg(o->err.cls == cls, "%s: %s: %s", name,
	    err_class_name(o->err.cls), o->err.text);
	ck_assert_msg(strstr(o->err.text, text) != NULL, "'%s' not in '%s'",
	    text, o->err.text);
}

/* One table, tried once. */
static void
alone(const char *script, enum run_state state, enum err_class cls,
    const char *text)
{
	struct scene x;

	prepare(&x, "retry: { attempts: 1 }\ngrace: 200ms\n", script, NULL);
	play(&x);
	ended(&x, "", state, cls, text);
	end(&x);
}

#define COMMIT "6" /* PHASE_COMMIT */
#define READ "4"
_Static_assert(PHASE_COMMIT == 6 && PHASE_READ == 4, "scripts name phases");
_Static_assert(ERR_SOURCE_LOST == 5 && ERR_TYPE == 7 && ERR_BUSY == 12 &&
	ERR_UNCLEAR == 11,
    "scripts name classes");

START_TEST(a_good_worker_succeeds)
{
	struct scene x;

	prepare(&x, "",
	    "hello phase:1 phase:4 progress:10 note:hi phase:6 "
	    "phase:9 result:42 exit:0",
	    NULL);
	play(&x);
	ended(&x, "hello", RUN_SUCCESS, ERR_NONE, "");
	ck_assert(x.s.outcomes[0].has_result);
	ck_assert_uint_eq(x.s.outcomes[0].result.rows, 42);
	ck_assert_uint_eq(x.s.outcomes[0].attempts, 1);
	ck_assert_uint_eq(x.nphases, 4);
	ck_assert_uint_gt(x.s.outcomes[0].peak_memory, 0);
	end(&x);
}
END_TEST

START_TEST(ends_without_a_report)
{
	alone("hello phase:" READ " exit:0", RUN_FAILED, ERR_BUG,
	    "ended without a report while reading");
	alone("hello exit:3", RUN_FAILED, ERR_BUG, "exit status 3");
	alone("exit:0", RUN_FAILED, ERR_BUG, "without a report");
	alone("hello phase:" READ " kill:11", RUN_FAILED, ERR_BUG,
	    "SIGSEGV while reading");
	alone("hello phase:" READ " kill:9", RUN_FAILED, ERR_LIMIT,
	    "SIGKILL while reading");
}
END_TEST

START_TEST(death_while_committing_is_unclear)
{
	alone("hello phase:" COMMIT " kill:9", RUN_FAILED, ERR_UNCLEAR,
	    "SIGKILL while committing");
	alone("hello phase:" COMMIT " exit:0", RUN_FAILED, ERR_UNCLEAR,
	    "status 0 while committing");
	alone("hello result:1 kill:6", RUN_FAILED, ERR_UNCLEAR,
	    "SIGABRT after its report");
	alone("hello result:1 exit:1", RUN_FAILED, ERR_UNCLEAR,
	    "after its report");
}
END_TEST

START_TEST(errors_are_the_workers)
{
	alone("hello phase:4 error:7 exit:1", RUN_FAILED, ERR_TYPE, "told so");
	alone("hello error:7 kill:9", RUN_FAILED, ERR_TYPE, "told so");
	alone("hello error:12 exit:1", RUN_SKIPPED, ERR_BUSY, "told so");
}
END_TEST

START_TEST(bad_frames_fail_that_run_only)
{
	alone("garbage exit:0", RUN_FAILED, ERR_PROTOCOL, "not a frame");
	alone("hello garbage hang", RUN_FAILED, ERR_PROTOCOL, "not a frame");
	alone("hello hello hang", RUN_FAILED, ERR_PROTOCOL, "out of turn");
	alone("phase:1 hang", RUN_FAILED, ERR_PROTOCOL, "out of turn");
	alone("hello job hang", RUN_FAILED, ERR_PROTOCOL, "out of turn");
	alone("hello result:1 result:2 exit:0", RUN_FAILED, ERR_PROTOCOL,
	    "out of turn");
	alone("hello result:1 progress:1 exit:0", RUN_FAILED, ERR_PROTOCOL,
	    "out of turn");
	alone("protocol hang", RUN_FAILED, ERR_PROTOCOL,
	    "worker speaks protocol");
	alone(
	    "hello garbage stubborn", RUN_FAILED, ERR_PROTOCOL, "not a frame");
	alone("hello half exit:0", RUN_FAILED, ERR_BUG, "without a report");

	struct scene x;
	prepare(
	    &x, "workers: 2\n", "garbage hang", "hello result:1 exit:0", NULL);
	play(&x);
	ended(&x, "garbage", RUN_FAILED, ERR_PROTOCOL, "not a frame");
	ended(&x, "hello", RUN_SUCCESS, ERR_NONE, "");
	end(&x);
}
END_TEST

START_TEST(a_closed_pipe_alone_settles_nothing)
{
	alone("hello result:5 close exit:0", RUN_SUCCESS, ERR_NONE, "");
	/* It closes its pipe and goes on for ever: the grace ends it. */
	alone("hello close stubborn", RUN_FAILED, ERR_PROTOCOL,
	    "closed its reports");
}
END_TEST

START_TEST(a_flood_of_frames_is_taken_whole)
{
	struct scene x;

	prepare(&x, "", "hello flood:50000 result:1 exit:0", NULL);
	play(&x);
	ended(&x, "hello", RUN_SUCCESS, ERR_NONE, "");
	ck_assert_uint_eq(x.nprogress, 50000);
	end(&x);
}
END_TEST

START_TEST(the_child_has_its_own_descriptors_only)
{
	struct scene x;
	int extra[20];

	for (int at = 0; at < 20; at++)
		extra[at] = dup(STDERR_FILENO);
	prepare(&x, "workers: 3\n", "fds hello result:1 exit:0",
	    "fds hello result:2 exit:0", "fds hello result:3 exit:0", NULL);
	play(&x);
	for (size_t at = 0; at < 3; at++)
		ck_assert_msg(x.s.outcomes[at].state == RUN_SUCCESS, "%s",
		    x.s.outcomes[at].err.text);
	for (int at = 0; at < 20; at++)
		close(extra[at]);
	end(&x);
}
END_TEST

static int
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(the_loop_leaks_no_descriptor)
{
	int before = open_descriptors();

	alone("hello result:1 exit:0", RUN_SUCCESS, ERR_NONE, "");
	alone("garbage stubborn", RUN_FAILED, ERR_PROTOCOL, "");
	alone("kill:9", RUN_FAILED, ERR_LIMIT, "");
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(the_deadline_terms_then_kills)
{
	struct scene x;

	prepare(&x, "grace: 200ms\nworkers: 3\n",
	    "hello phase:4 polite|limits: { wall: 200ms }",
	    "stubborn|limits: { wall: 200ms }",
	    "hello phase:1 hang|limits: { wall: 200ms }", NULL);
	play(&x);
	ended(&x, "hello phase:4 polite", RUN_TIMED_OUT, ERR_LIMIT,
	    "deadline of 200ms passed while reading");
	ended(&x, "stubborn", RUN_TIMED_OUT, ERR_LIMIT, "deadline");
	ended(&x, "hello phase:1 hang", RUN_TIMED_OUT, ERR_LIMIT,
	    "while locking");
	end(&x);
}
END_TEST

START_TEST(a_result_in_time_beats_the_deadline)
{
	struct scene x;

	prepare(&x, "", "hello late|limits: { wall: 200ms }", NULL);
	play(&x);
	ended(&x, "hello", RUN_SUCCESS, ERR_NONE, "");
	end(&x);
}
END_TEST

START_TEST(term_stops_and_starts_nothing_more)
{
	struct scene x;

	prepare(&x, "workers: 2\ngrace: 10s\n", "hello phase:4 polite",
	    "hello phase:4 late", "hello result:1 exit:0", NULL);
	x.signal = SIGTERM;
	x.nth = 2;
	play(&x);
	ck_assert(x.s.stopped);
	ended(&x, "hello phase:4 polite", RUN_CANCELLED, ERR_CANCELLED,
	    "as asked");
	ended(&x, "hello phase:4 late", RUN_SUCCESS, ERR_NONE, "");
	ended(&x, "hello result", RUN_CANCELLED, ERR_CANCELLED, "not started");
	ck_assert_uint_eq(x.started, 2);
	end(&x);
}
END_TEST

START_TEST(a_second_signal_kills)
{
	struct scene x;

	/* Only the kill can end it before the hour of grace is over. */
	prepare(&x, "grace: 1h\n", "hello phase:5 stubborn", NULL);
	x.signal = SIGINT;
	x.nth = 1;
	x.insist = true;
	play(&x);
	ended(&x, "hello", RUN_CANCELLED, ERR_CANCELLED, "while writing");
	end(&x);
}
END_TEST

START_TEST(what_can_heal_is_tried_again)
{
	struct scene x;
	char folder[] = "/tmp/check_supervise.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	char *script = xasprintf(
	    "once:%s/a hello error:5 exit:1 then "
	    "once:%s/b hello phase:6 kill:9 then hello result:3 exit:0",
	    folder, folder);

	prepare(&x, "retry: { attempts: 3, backoff: 1ms }\n", script, NULL);
	play(&x);
	ended(&x, "once", RUN_SUCCESS, ERR_NONE, "");
	ck_assert_uint_eq(x.s.outcomes[0].attempts, 3);
	ck_assert_uint_eq(x.again, 2);
	ck_assert_uint_eq(x.s.outcomes[0].result.rows, 3);
	end(&x);
	free(script);
	script = xasprintf("rm -r %s", folder);
	ck_assert_int_eq(system(script), 0);
	free(script);
}
END_TEST

START_TEST(attempts_are_bounded_and_some_never_repeated)
{
	struct scene x;

	prepare(&x, "retry: { attempts: 3, backoff: 1ms }\nworkers: 4\n",
	    "hello error:5 exit:1", "hello error:7 exit:1",
	    "hello error:12 exit:1", "kill:11", NULL);
	play(&x);
	ck_assert_uint_eq(outcome(&x, "hello error:5")->attempts, 3);
	ck_assert_uint_eq(outcome(&x, "hello error:7")->attempts, 1);
	ck_assert_uint_eq(outcome(&x, "hello error:12")->attempts, 1);
	ck_assert_uint_eq(outcome(&x, "kill:11")->attempts, 1);
	end(&x);
}
END_TEST

START_TEST(no_more_than_workers_at_once)
{
	struct scene x;

	prepare(&x, "workers: 2\n", "hello result:1 exit:0",
	    "hello result:2 exit:0", "hello result:3 exit:0",
	    "hello result:4 exit:0", "hello result:5 exit:0", NULL);
	play(&x);
	ck_assert_uint_eq(x.started, 5);
	ck_assert_uint_eq(x.most_at_once, 2);
	end(&x);
}
END_TEST

START_TEST(layers_and_after_are_waited_for)
{
	struct scene x;
	char folder[] = "/tmp/check_supervise.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	/* Each ends badly unless the one before it has been there. */
	char *a =
	    xasprintf("once:%s/a then hello result:1 exit:0|layer: l1", folder);
	char *b = xasprintf("once:%s/a hello exit:9 then hello result:1 "
			    "once:%s/b then exit:0|layer: l2",
	    folder, folder);
	char *c = xasprintf("once:%s/b hello exit:9 then hello result:1 "
			    "exit:0|layer: l3",
	    folder);

	prepare(&x, "layers: [l1, l2, l3]\nworkers: 3\n", c, b, a, NULL);
	play(&x);
	for (size_t at = 0; at < 3; at++)
		ck_assert_msg(x.s.outcomes[at].state == RUN_SUCCESS, "%s: %s",
		    x.s.outcomes[at].table->name.value,
		    x.s.outcomes[at].err.text);
	ck_assert_uint_eq(x.most_at_once, 1);
	end(&x);
	free(a);
	free(b);
	free(c);
	a = xasprintf("rm -r %s", folder);
	ck_assert_int_eq(system(a), 0);
	free(a);
}
END_TEST

START_TEST(what_comes_after_a_failure_is_skipped)
{
	struct scene x;

	prepare(&x, "layers: [l1, l2]\nworkers: 3\n", "exit:3|layer: l1",
	    "hello error:12 exit:1|layer: l1",
	    "hello result:1 exit:0|layer: l2",
	    "hello result:2 exit:0|layer: l2, after: [\"hello result:1 "
	    "exit:0\"]",
	    NULL);
	play(&x);
	ended(&x, "hello result:1", RUN_SKIPPED, ERR_CANCELLED,
	    "'exit:3', which comes before it");
	ended(&x, "hello result:2", RUN_SKIPPED, ERR_CANCELLED, "before it");
	ck_assert_uint_eq(x.started, 2);
	end(&x);

	/* Busy is no failure: somebody else is at it. */
	prepare(&x, "workers: 3\n", "hello error:12 exit:1",
	    "hello result:1 exit:0|after: [\"hello error:12 exit:1\"]", NULL);
	play(&x);
	ended(&x, "hello result", RUN_SUCCESS, ERR_NONE, "");
	end(&x);
}
END_TEST

START_TEST(a_program_that_cannot_be_run_is_told)
{
	struct scene x;
	static char nowhere[] = "build/unit/no_such_worker";
	static char folder[] = "build/unit";

	prepare(&x, "", "exit:0", NULL);
	x.s.program = nowhere;
	play(&x);
	ended(&x, "exit", RUN_FAILED, ERR_CONFIG,
	    "cannot start the worker 'build/unit/no_such_worker': No such");
	end(&x);
	prepare(&x, "", "exit:0", NULL);
	x.s.program = folder;
	play(&x);
	ended(&x, "exit", RUN_FAILED, ERR_CONFIG, "Permission denied");
	end(&x);
}
END_TEST

/* A coordinator that is killed at its worker's first PHASE. The worker comes
 * to us then: its wait status. */
static int
status_of_orphan(const char *script)
{
	int status;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct scene x;
		prepare(&x, "", script, NULL);
		x.signal = SIGKILL;
		x.nth = 1;
		play(&x);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_gt(waitpid(-1, &status, 0), 0);
	return status;
}

START_TEST(an_orphan_is_told_by_a_signal)
{
	int status = status_of_orphan("hello phase:4 hang");

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

START_TEST(an_orphan_is_told_by_its_pipe)
{
	char folder[] = "/tmp/check_supervise.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	char *path = xasprintf("%s/gone", folder);
	char *script = xasprintf("deaf hello phase:4 orphan:%s", path);

	ck_assert_int_eq(status_of_orphan(script), 1 << 8);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	free(script);
	free(path);
}
END_TEST

START_TEST(a_worker_started_ahead_is_used_once)
{
	struct scene x;

	prepare(&x, "workers: 1\n", "hello result:1 exit:0",
	    "hello result:2 exit:0 ", NULL);
	supervise_ahead(&x.s);
	ck_assert_int_gt(x.s.ahead.pid, 0);
	play(&x);
	ck_assert_int_eq(x.s.ahead.pid, 0);
	ended(&x, "hello result:1", RUN_SUCCESS, ERR_NONE, "");
	ended(&x, "hello result:2", RUN_SUCCESS, ERR_NONE, "");
	end(&x);
}
END_TEST

START_TEST(a_worker_started_ahead_with_other_limits_is_not)
{
	struct scene x;

	prepare(&x, "", "hello result:1 exit:0", NULL);
	supervise_ahead(&x.s);
	x.s.ahead_limits.files++;
	ck_assert_int_eq(supervise(&x.s, &x.err), 0);
	ended(&x, "hello result:1", RUN_SUCCESS, ERR_NONE, "");
	ck_assert_int_eq(kill(x.s.ahead.pid, 0), 0);
	end(&x);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(no_tables_is_no_work)
{
	struct scene x;

	prepare(&x, "", NULL);
	play(&x);
	end(&x);
}
END_TEST

int
main(int argc, char *argv[], char *envp[])
{
	Suite *s = suite_create("supervise");
	TCase *t = tcase_create("loop");

	setproctitle_init(argc, argv, envp);
	log_init("check_supervise", LOG_ERROR);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_good_worker_succeeds);
	tcase_add_test(t, ends_without_a_report);
	tcase_add_test(t, death_while_committing_is_unclear);
	tcase_add_test(t, errors_are_the_workers);
	tcase_add_test(t, bad_frames_fail_that_run_only);
	tcase_add_test(t, a_closed_pipe_alone_settles_nothing);
	tcase_add_test(t, a_flood_of_frames_is_taken_whole);
	tcase_add_test(t, the_child_has_its_own_descriptors_only);
	tcase_add_test(t, the_loop_leaks_no_descriptor);
	tcase_add_test(t, the_deadline_terms_then_kills);
	tcase_add_test(t, a_result_in_time_beats_the_deadline);
	tcase_add_test(t, term_stops_and_starts_nothing_more);
	tcase_add_test(t, a_second_signal_kills);
	tcase_add_test(t, what_can_heal_is_tried_again);
	tcase_add_test(t, attempts_are_bounded_and_some_never_repeated);
	tcase_add_test(t, no_more_than_workers_at_once);
	tcase_add_test(t, layers_and_after_are_waited_for);
	tcase_add_test(t, what_comes_after_a_failure_is_skipped);
	tcase_add_test(t, a_program_that_cannot_be_run_is_told);
	tcase_add_test(t, an_orphan_is_told_by_a_signal);
	tcase_add_test(t, an_orphan_is_told_by_its_pipe);
	tcase_add_test(t, a_worker_started_ahead_is_used_once);
	tcase_add_test(t, a_worker_started_ahead_with_other_limits_is_not);
	tcase_add_test(t, no_tables_is_no_work);
	suite_add_tcase(s, t);
	return run_suite(s);
}
