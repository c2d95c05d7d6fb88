/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's side of the pipes: the job from FD_JOB, and what it says on
 * FD_REPORT. A report that cannot be sent is a sign to stop (stop.h).
 */
#ifndef CALVE_REPORT_H
#define CALVE_REPORT_H

#include "common/err.h"
#include "common/job.h"

/* Says which signals count, sends HELLO, prepares the frame for the day
 * that memory runs out. */
void report_init(void);
/* Reads the JOB frame from FD_JOB, which then stays open as life line. */
int report_read_job(struct job *, struct err *) MUST_USE;

void report_phase(const struct job *, enum phase); /* and process title */
/* Sent at most once a second; cheap to call often. */
void report_progress(uint64_t rows, uint64_t rows_expected,
    const struct result *so_far, uint64_t bytes_read, uint64_t bytes_written,
    uint32_t files);
void report_note(bool warning, const char *text);
/* The same as a source_note (source.h). */
void report_source_note(void *unused, bool warning, const char *text);
void report_tally(const char *scope, uint64_t source_rows, uint64_t target_rows,
    const char *const minmax[4], const char *const sums[2] /* or NULL */,
    bool equal);
void report_column(const char *name, const char *source_type,
    const char *target_type, const char *remark);
void report_result(const struct result *);
void report_error(const struct err *);

#endif
