/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only event loop: starts what the plan says, at most `workers` at once,
 * follows every worker over its pipes, keeps deadlines, reaps, records, tries
 * again what can heal.
 *
 * Each turn, in this order: take signals, read all readable pipes, reap known
 * pids, keep deadlines, start what is ready. A run's row is in the ledger before its
 * worker gets the job, and is finished once, when the slot settles.
 *
 * SIGTERM, SIGINT (and SIGHUP): nothing is started any more, workers are asked
 * to stop before their next commit or to finish it, and are killed after the
 * grace period. A second signal kills at once.
 */
#ifndef CALVE_SUPERVISE_H
#define CALVE_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/job.h"
#include "common/msg.h"
#include "coordinator/config.h"
#include "coordinator/ledger.h"
#include "coordinator/plan.h"
#include "coordinator/spawn.h"

/* How long tables that are due wait for a state database that went away in
 * mid-run: a restart or a failover is no reason to fail what was not begun. */
enum { STATE_WAIT_S = 60 };

/* How a table of the plan ended. */
struct outcome {
	const struct config_table *table;
	bool done;
	enum run_state state;
	struct err err;         /* of what is no success */
	unsigned attempts;      /* workers started */
	enum phase phase;       /* last one told */
	char run_id[UUID_TEXT]; /* of the last attempt */
	bool has_result;
	struct result result;
	double seconds, cpu_s; /* of all attempts */
	uint64_t peak_memory;
};

/* What went wrong: "failed while reading: CAUSE", or the cause alone where it
 * tells the phase itself. */
enum { OUTCOME_TEXT = ERR_TEXT_MAX + 64 };
void outcome_why(const struct outcome *, char out[OUTCOME_TEXT]);

struct supervise_hooks {
	void *arg;
	/* An attempt begins. */
	void (*started)(void *arg, const struct outcome *);
	/* A frame of it: PHASE, PROGRESS, NOTE, TALLY, COLUMN. */
	void (*message)(void *arg, const struct outcome *, const struct msg *);
	/* It failed and is tried again in so many seconds. */
	void (*again)(void *arg, const struct outcome *, double seconds);
	/* The table is done. */
	void (*settled)(void *arg, const struct outcome *);
	/* Every tick_ms, 0: never. */
	void (*tick)(void *arg);
	int tick_ms;
};

struct supervise {
	const struct config *config;
	const struct plan *plan;
	enum job_kind kind;
	struct ledger *ledger; /* NULL: nothing is recorded */
	const char *program;   /* the worker's */
	size_t workers;
	unsigned threads;             /* a worker's, where limits do not say */
	bool hup_is_reload;           /* else SIGHUP stops like SIGTERM */
	struct supervise_hooks hooks; /* any may be NULL */

	/* By supervise_ahead(): a worker that waits for its job. */
	struct child ahead; /* pid 0: none */
	struct limits ahead_limits;

	/* Out: one outcome an item of the plan, in its order. */
	struct outcome *outcomes;
	bool stopped;    /* a signal asked for it */
	bool unrecorded; /* an end could not be written, to the last */
};

/* Blocks the signals of the loop and installs its handlers; once, before the
 * first connection. From then on nothing waits for whoever reads the log or
 * what is printed (common/outlet.h). */
void supervise_signals(void);
/* Gives the signals back: they end the process, as where nothing is supervised.
 * True when one to stop had come before. */
bool supervise_signals_over(void);
/* Waits until then; true when a signal to stop has come meanwhile. *hup is set
 * and the wait ends when one to reload has. */
bool supervise_sleep(struct mono until, bool *hup);

/*
 * Starts a worker with the limits of the plan's first table, for the first run
 * that has these. It loads its libraries while the ledger is being opened and
 * the run recorded, which saves a short run a tenth of its time; without a job
 * it touches nothing. Where it cannot be started, the run says so.
 */
void supervise_ahead(struct supervise *);

int supervise(struct supervise *, struct err *) MUST_USE;
/* The outcomes; ends a worker that was started ahead and not used. */
void supervise_clear(struct supervise *);

#endif
