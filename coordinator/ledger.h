/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run ledger: who runs what, since when, with which end. The only home of
 * SQL about runs.
 *
 * Every coordinator holds a session advisory lock on a random key, which
 * stands in its runs' rows. So anybody can tell from the database alone
 * whether the coordinator of a `running` row lives, whatever its host; pids
 * and host names are for people.
 *
 * Calls are short and bounded: a host that is gone costs LEDGER_TIMEOUT_S to
 * notice and as much to connect again, with the same key; after a try that
 * failed the next one waits as long as that took, and at least LEDGER_PAUSE_S.
 * Until then calls fail at once, with ERR_STATE_LOST: so the event loop goes on
 * whatever the number of tables. Ends that could not be written are kept, and
 * written with the next connection. Between calls whoever waits for events calls
 * ledger_keep, so that the key is not without its session for longer than it
 * takes to connect, or than the server takes to notice that the session before
 * is gone, which holds the key until then.
 */
#ifndef CALVE_LEDGER_H
#define CALVE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "common/err.h"
#include "common/job.h"
#include "coordinator/config.h"

struct ledger;

enum { LEDGER_TIMEOUT_S = 5, LEDGER_PAUSE_S = 1 };

/* Connects, takes the key, marks the runs of dead coordinators failed; each
 * of these is told to orphan (may be NULL). conninfo must outlive it. */
struct ledger *ledger_open(const char *conninfo,
    void (*orphan)(
	void *arg, const char *table, const char *host, const char *phase),
    void *arg, struct err *) MUST_USE;
/* Only connects: takes no key, marks and writes nothing. For
 * ledger_durations. */
struct ledger *ledger_open_to_read(const char *conninfo, struct err *) MUST_USE;
void ledger_close(struct ledger *); /* NULL is fine */

/* What to poll for reading, -1 while there is no connection, or no key. */
int ledger_socket(const struct ledger *);
/* When that is readable, and from time to time while it is -1: connects again
 * when the connection was lost, takes the key where it could not be taken.
 * False when that failed too. */
bool ledger_keep(struct ledger *);
/* For how long the database has been out of reach, 0 while it is not; *why
 * lasts until the next call. */
double ledger_lost_s(const struct ledger *, const struct err **why);

/* Before the fork. Also makes the table's watermark row where there is none,
 * and shows it as running where no other run holds it. */
int ledger_start(struct ledger *, const char *table, const char *run_id,
    unsigned attempt, struct err *) MUST_USE;
/* For those who watch; a failure is no matter. */
void ledger_phase(struct ledger *, const char *run_id, int pid, enum phase);

/* What became of a run. */
struct ledger_end {
	const char *table;
	const char *run_id;
	enum run_state state;
	enum phase phase;
	int pid;                     /* 0: it had no worker */
	int exit_code, signal;       /* -1: not applicable */
	const struct result *result; /* NULL: none */
	const struct err *err;       /* NULL on success */
	double cpu_s;
	uint64_t peak_memory;
};
/* -1: not written yet, but kept. */
int ledger_finish(
    struct ledger *, const struct ledger_end *, struct err *) MUST_USE;
/* Before the end: writes what was kept, connecting once more where need be.
 * -1: that did not succeed either. */
int ledger_flush(struct ledger *, struct err *) MUST_USE;
/* A table that was not started, and why. */
int ledger_skip(struct ledger *, const char *table, const struct err *why,
    struct err *) MUST_USE;

/* Seconds that each table of the config took of late, 0 unknown. The caller
 * frees it. */
double *ledger_durations(
    struct ledger *, const struct config *, struct err *) MUST_USE;

#endif
