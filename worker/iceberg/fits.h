/* SPDX-License-Identifier: Apache-2.0 */
/* Whether files written for one version of a table fit another. Pure. */
#ifndef CALVE_ICEBERG_FITS_H
#define CALVE_ICEBERG_FITS_H

#include "worker/iceberg/table.h"

/* Can `fresh` take an append that was made for `base`? Else ERR_CONFLICT, with
 * what has changed. */
int table_fits(const struct table *base, const struct table *fresh,
    const struct append *, struct err *) MUST_USE;

/* Can files of schema `file` be read as `table`? Columns match by id, as
 * readers do: what the table requires the files must have, types may have
 * been promoted. */
bool schema_fits(const struct type *file, const struct type *table);

#endif
