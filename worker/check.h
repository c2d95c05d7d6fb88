/* SPDX-License-Identifier: Apache-2.0 */
/* JOB_CHECK: resolves source, columns and target without reading a row or
 * writing anything; one COLUMN frame for each column. */
#ifndef CALVE_CHECK_H
#define CALVE_CHECK_H

#include "common/err.h"
#include "common/job.h"

int check(const struct job *, struct err *) MUST_USE;

#endif
