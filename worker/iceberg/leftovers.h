/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a run has made and that no version of the table is to have.
 *
 * A data file is removed only when the newest version was loaded afresh and no
 * manifest of any snapshot that it lists names the file. Whatever cannot be
 * read, or is not there, proves nothing: then all stay.
 */
#ifndef CALVE_ICEBERG_LEFTOVERS_H
#define CALVE_ICEBERG_LEFTOVERS_H

#include "worker/iceberg/table.h"

/* Of a commit that has definitely failed; base is the version that was there
 * before the files were. */
void leftovers_remove(
    const struct table *base, const struct datafile *files, size_t n);

#endif
