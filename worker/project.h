/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches as the source delivers them, seen in the order of the table's
 * schema: columns and struct fields matched by name, those that the source
 * lacks as NULLs. Views only; no value is copied.
 */
#ifndef CALVE_PROJECT_H
#define CALVE_PROJECT_H

#include "common/err.h"
#include "worker/batch.h"
#include "worker/type.h"

struct projection;

/* Both schemas must outlive it. ERR_BUG when a leaf's width differs. */
struct projection *projection_new(const struct type *table,
    const struct type *incoming, struct err *) MUST_USE;
void projection_free(struct projection *); /* NULL is fine */

/* Good until the next call, or the next change of the batch. */
const struct batch *projection_view(struct projection *, const struct batch *);

#endif
