/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve run --dry-run: the plan, each table with the window that a run would
 * take now and the rows in it. Workers are asked, all waves at once; they take
 * no lock, and nothing is written anywhere.
 */
#ifndef CALVE_DRY_RUN_H
#define CALVE_DRY_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "coordinator/config.h"

/* Prints and returns the exit status: 1 when a table could not be asked. */
int dry_run(const struct config *, const char *const *patterns,
    size_t npatterns, bool json);

#endif
