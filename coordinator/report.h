/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run came to: one line or object a table and the sum, on standard
 * output. jansson's types do not leave the file.
 */
#ifndef CALVE_REPORT_H
#define CALVE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/supervise.h"

/* The summary as text, or as one JSON object on one line. */
void report_summary(const struct supervise *, double wall_s, bool json);

/* One JSON object a line: {"event": "settled", "table": ..., ...}. */
void report_started(const struct outcome *);
void report_message(const struct outcome *, const struct msg *);
void report_again(const struct outcome *, double seconds);
void report_settled(const struct outcome *);

/* So many of these were dropped: {"event": "lost", ...}; an outlet_tell. */
size_t report_lost(uint64_t lost, char *line, size_t size);

/* A dry run: one object a table, in the order of starts, and a summary. */
void report_plan(const struct supervise *, int exit_status);

/* The exit status that calve.1 documents. */
int report_exit_status(const struct supervise *);

#endif
