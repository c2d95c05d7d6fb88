/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a run: which tables, in which order, who waits for whom. Pure:
 * no I/O, no clock.
 *
 * A table waits for every item of an earlier wave, and for all it names in
 * `after`. What is not selected is not waited for.
 */
#ifndef CALVE_PLAN_H
#define CALVE_PLAN_H

#include <stddef.h>

#include "common/err.h"
#include "coordinator/config.h"

struct plan_item {
	const struct config_table *table;
	size_t wave;
	double expected_s; /* of a run, from the ledger; 0 unknown */
	size_t *waits;     /* earlier items it names in `after` */
	size_t nwaits;
};

struct plan {
	struct plan_item *items; /* in the order of their starts */
	size_t n;
};

/*
 * patterns as fnmatch(3) takes them against the tables' names; none: all. A
 * pattern that matches nothing, a cycle, and waiting for a table of a later
 * layer are ERR_CONFIG; a cycle is found whatever is selected. expected_s has
 * one number a table of the config, 0 unknown, or is NULL: within a wave the
 * longest start first, and before them the unknown, whose first run takes all
 * there is. config must outlive the plan.
 */
int plan_make(const struct config *, const char *const *patterns,
    size_t npatterns, const double *expected_s, struct plan *out,
    struct err *) MUST_USE;
void plan_clear(struct plan *);

#endif
