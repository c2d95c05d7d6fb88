/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares source and target: rows, first and last timestamp, by UTC day and
 * in all, up to the position that the table records. The target's side is
 * read from the timestamp column's pages in the data files, not from
 * statistics. Rows that the source has expired since (TTL) are told apart:
 * what is older than the oldest row left there is counted, not compared.
 */
#ifndef CALVE_VERIFY_H
#define CALVE_VERIFY_H

#include "common/err.h"
#include "common/job.h"

/* Sends one TALLY a day and one for "all"; res->different counts those that
 * differ, res->rows is the target's rows compared. */
int verify(const struct job *, struct result *res, struct err *) MUST_USE;

#endif
