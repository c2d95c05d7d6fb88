/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every cell of the table of states and events, the invariants over all paths
 * of a certain length, and every row of the verdict.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/xalloc.h"
#include "coordinator/slot.h"
#include "tests/unit/run_suite.h"

/* state x event: "next action", written out once more by hand. */
static const char *const cells[SLOT_NSTATES][EVENT_NEVENTS] = {
	/*           forked          hello           info
	 *           result          error           bad
	 *           eof             exited          deadline
	 *           stop            kill */
	[SLOT_FREE] = { "starting none", "free bug", "free bug", "free bug",
	    "free bug", "free bug", "free bug", "free bug", "free none",
	    "free none", "free none" },
	[SLOT_STARTING] = { "starting bug", "running keep", "stopping bad",
	    "stopping bad", "stopping bad", "stopping bad", "drained none",
	    "exited none", "stopping term", "stopping term", "stopping kill" },
	[SLOT_RUNNING] = { "running bug", "stopping bad", "running keep",
	    "running keep", "running keep", "stopping bad", "drained none",
	    "exited none", "stopping term", "stopping term", "stopping kill" },
	[SLOT_STOPPING] = { "stopping bug", "stopping keep", "stopping keep",
	    "stopping keep", "stopping keep", "stopping bad", "drained none",
	    "exited none", "stopping kill", "stopping none", "stopping kill" },
	[SLOT_DRAINED] = { "drained bug", "drained bug", "drained bug",
	    "drained bug", "drained bug", "drained bug", "drained bug",
	    "free settle", "drained kill", "drained term", "drained kill" },
	[SLOT_EXITED] = { "exited bug", "exited keep", "exited keep",
	    "exited keep", "exited keep", "exited bad", "free settle",
	    "exited bug", "free settle", "exited none", "exited none" },
};

static const char *const actions[] = { "none", "keep", "bad", "term", "kill",
	"settle", "bug" };

START_TEST(every_cell_is_as_written)
{
	enum slot_state state = (enum slot_state)(_i / EVENT_NEVENTS);
	enum slot_event event = (enum slot_event)(_i % EVENT_NEVENTS);
	struct slot_step s = slot_step(state, event, false);
	char got[64];

	snprintf(got, sizeof got, "%s %s", slot_state_name(s.next),
	    actions[s.action]);
	ck_assert_msg(strcmp(got, cells[state][event]) == 0,
	    "%s + %s: %s, not %s", slot_state_name(state),
	    slot_event_name(event), got, cells[state][event]);
}
END_TEST

START_TEST(frames_after_the_report_are_bad)
{
	static const enum slot_event frames[] = { EVENT_HELLO, EVENT_INFO,
		EVENT_RESULT, EVENT_ERROR };
	static const enum slot_state states[] = { SLOT_RUNNING, SLOT_STOPPING,
		SLOT_EXITED };

	for (int s = 0; s < 3; s++)
		for (int f = 0; f < 4; f++)
			ck_assert_int_eq(
			    slot_step(states[s], frames[f], true).action,
			    ACTION_BAD);
	ck_assert_int_eq(
	    slot_step(SLOT_RUNNING, EVENT_EOF, true).action, ACTION_NONE);
}
END_TEST

/* All paths from FORKED on, with the world's rules: one end-of-file, one exit,
 * frames only before the end-of-file. */
struct world {
	bool eof, exited, termed;
	int settled, depth;
};

static void
walk(enum slot_state state, struct world w)
{
	if (w.depth == 6)
		return;
	for (int e = EVENT_HELLO; e < EVENT_NEVENTS; e++) {
		enum slot_event event = (enum slot_event)e;
		struct world next = w;
		if ((event <= EVENT_EOF && w.eof) ||
		    (event == EVENT_EXITED && w.exited) || state == SLOT_FREE)
			continue;
		next.depth++;
		next.eof |= event == EVENT_EOF;
		next.exited |= event == EVENT_EXITED;
		struct slot_step s = slot_step(state, event, false);
		ck_assert_msg(s.action != ACTION_BUG, "%s + %s",
		    slot_state_name(state), slot_event_name(event));
		if (s.action == ACTION_SETTLE) {
			next.settled++;
			/* S1, S2 */
			ck_assert(next.exited);
			ck_assert(next.eof || event == EVENT_DEADLINE);
			ck_assert_int_eq(next.settled, 1);
			ck_assert_int_eq(s.next, SLOT_FREE);
		} else {
			ck_assert_int_ne(s.next, SLOT_FREE);
			ck_assert(!(next.eof && next.exited));
		}
		if (s.action == ACTION_TERM || s.action == ACTION_KILL)
			ck_assert(!w.exited); /* S3 */
		walk(s.next, next);
	}
}

START_TEST(invariants_hold_on_all_paths)
{
	walk(slot_step(SLOT_FREE, EVENT_FORKED, false).next,
	    (struct world){ 0 });
}
END_TEST

/* ---- verdict ---- */

static const struct limits limits = { .memory = 1 << 30, .wall_ms = 3600000 };

static int
exited(int code)
{
	return code << 8;
}

static struct err
judge(struct slot_end end, enum run_state wanted)
{
	struct err err = { 0 };

	ck_assert_str_eq(run_state_name(slot_verdict(&end, &limits, &err)),
	    run_state_name(wanted));
	return err;
}

static const struct result some_result = { .rows = 7 };

START_TEST(result_and_clean_exit_is_success)
{
	judge((struct slot_end){ .result = &some_result, .phase = PHASE_DONE },
	    RUN_SUCCESS);
	/* Also when we had asked it to stop. */
	judge((struct slot_end){ .result = &some_result,
		  .phase = PHASE_DONE,
		  .reason = REASON_STOP },
	    RUN_SUCCESS);
}
END_TEST

START_TEST(result_then_signal_is_unclear)
{
	struct err err = judge((struct slot_end){ .result = &some_result,
				   .status = SIGSEGV,
				   .phase = PHASE_DONE },
	    RUN_FAILED);

	ck_assert_int_eq(err.cls, ERR_UNCLEAR);
	ck_assert_ptr_nonnull(strstr(err.text, "SIGSEGV after its report"));
	err = judge((struct slot_end){ .result = &some_result,
			.status = exited(1),
			.phase = PHASE_READ },
	    RUN_FAILED);
	ck_assert_int_eq(err.cls, ERR_UNCLEAR);
}
END_TEST

START_TEST(error_is_the_workers_own_words)
{
	const struct err told = { .cls = ERR_TYPE, .text = "no such type" };
	struct err err = judge(
	    (struct slot_end){
		.error = &told, .status = exited(1), .phase = PHASE_COMMIT },
	    RUN_FAILED);

	ck_assert_int_eq(err.cls, ERR_TYPE);
	ck_assert_str_eq(err.text, "no such type");
	/* A report and an error: the protocol's error wins. */
	judge((struct slot_end){ .error = &told, .result = &some_result },
	    RUN_FAILED);
}
END_TEST

START_TEST(busy_is_skipped)
{
	const struct err told = { .cls = ERR_BUSY, .text = "held" };

	judge((struct slot_end){ .error = &told, .status = exited(1) },
	    RUN_SKIPPED);
}
END_TEST

START_TEST(our_stop_is_cancelled_our_deadline_timed_out)
{
	const struct err told = { .cls = ERR_CANCELLED, .text = "asked" };
	struct err err;

	judge((struct slot_end){ .error = &told,
		  .status = exited(1),
		  .reason = REASON_STOP,
		  .phase = PHASE_READ },
	    RUN_CANCELLED);
	err = judge((struct slot_end){ .error = &told,
			.status = exited(1),
			.reason = REASON_DEADLINE,
			.phase = PHASE_READ },
	    RUN_TIMED_OUT);
	ck_assert_int_eq(err.cls, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "deadline of 1h"));
	ck_assert_ptr_nonnull(strstr(err.text, "reading"));
	judge((struct slot_end){ .status = SIGTERM,
		  .reason = REASON_STOP,
		  .phase = PHASE_WRITE },
	    RUN_CANCELLED);
	judge((struct slot_end){ .status = SIGKILL,
		  .reason = REASON_DEADLINE,
		  .phase = PHASE_WRITE },
	    RUN_TIMED_OUT);
	/* Not asked by us: it failed. */
	judge((struct slot_end){ .error = &told, .status = exited(1) },
	    RUN_FAILED);
}
END_TEST

START_TEST(death_before_the_commit_is_explained)
{
	struct err err =
	    judge((struct slot_end){ .status = SIGSEGV, .phase = PHASE_WRITE },
		RUN_FAILED);

	ck_assert_int_eq(err.cls, ERR_BUG);
	ck_assert_ptr_nonnull(strstr(err.text, "SIGSEGV while writing"));
	err = judge(
	    (struct slot_end){ .status = exited(3), .phase = PHASE_VERIFY },
	    RUN_FAILED);
	ck_assert_ptr_nonnull(strstr(err.text, "without a report"));
	/* Killed by somebody else while we stopped it: still named. */
	err = judge(
	    (struct slot_end){
		.status = SIGABRT, .reason = REASON_STOP, .phase = PHASE_READ },
	    RUN_FAILED);
	ck_assert_ptr_nonnull(strstr(err.text, "SIGABRT"));
}
END_TEST

START_TEST(death_around_the_commit_is_unclear)
{
	static const enum phase phases[] = { PHASE_COMMIT, PHASE_ADVANCE,
		PHASE_DONE };
	static const int statuses[] = { SIGKILL, SIGTERM, 0, 1 << 8 };

	for (int p = 0; p < 3; p++)
		for (int s = 0; s < 4; s++) {
			struct err err =
			    judge((struct slot_end){ .status = statuses[s],
				      .phase = phases[p],
				      .reason = REASON_STOP },
				RUN_FAILED);
			ck_assert_int_eq(err.cls, ERR_UNCLEAR);
			ck_assert(err_is_retryable(err.cls));
		}
	struct err err =
	    judge((struct slot_end){ .status = SIGXFSZ, .phase = PHASE_COMMIT },
		RUN_FAILED);
	ck_assert_int_eq(err.cls, ERR_UNCLEAR);
	ck_assert_ptr_nonnull(
	    strstr(err.text, "reached while committing; raise 'limits:"));
	ck_assert_ptr_nonnull(strstr(err.text, "the next run finds out"));
}
END_TEST

START_TEST(want_of_memory_names_the_limit)
{
	const struct err told = { .cls = ERR_NOMEM, .text = "no memory" };
	struct err err = judge((struct slot_end){ .error = &told,
				   .status = exited(EXIT_NOMEM),
				   .phase = PHASE_WRITE },
	    RUN_FAILED);

	ck_assert_ptr_nonnull(
	    strstr(err.text, "memory limit of 1 GiB reached while writing"));
	err = judge((struct slot_end){ .status = exited(EXIT_NOMEM),
			.phase = PHASE_READ },
	    RUN_FAILED);
	ck_assert_int_eq(err.cls, ERR_NOMEM);
	ck_assert_ptr_nonnull(
	    strstr(err.text, "memory limit of 1 GiB reached while reading"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("slot");
	TCase *t = tcase_create("table"), *v = tcase_create("verdict");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, every_cell_is_as_written, 0, (int)SLOT_NSTATES * EVENT_NEVENTS);
	tcase_add_test(t, frames_after_the_report_are_bad);
	tcase_add_test(t, invariants_hold_on_all_paths);
	tcase_add_test(v, result_and_clean_exit_is_success);
	tcase_add_test(v, result_then_signal_is_unclear);
	tcase_add_test(v, error_is_the_workers_own_words);
	tcase_add_test(v, busy_is_skipped);
	tcase_add_test(v, our_stop_is_cancelled_our_deadline_timed_out);
	tcase_add_test(v, death_before_the_commit_is_explained);
	tcase_add_test(v, death_around_the_commit_is_unclear);
	tcase_add_test(v, want_of_memory_names_the_limit);
	suite_add_tcase(s, t);
	suite_add_tcase(s, v);
	return run_suite(s);
}
