/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as tables record them, and as the file system knows them.
 *
 * Recorded paths are absolute: "/a/b" or a file: URI ("file:/a/b",
 * "file:///a/b", "file://localhost/a/b"). Nothing is percent-decoded: Iceberg
 * writers put paths there as they are, so that "%2F" in a partition folder's
 * name is three characters.
 */
#ifndef CALVE_ICEBERG_LOCATION_H
#define CALVE_ICEBERG_LOCATION_H

#include <stdbool.h>

#include "common/err.h"

/* Recorded -> local, a pointer into it; NULL: not on this file system. */
const char *location_local(const char *recorded);
/* As location_local(), reporting ERR_TABLE. */
int location_local_of(
    const char *recorded, const char **local, struct err *) MUST_USE;
/* Local -> recorded, in the form `location` has, of a table lying in
 * `folder`. Fresh string. */
char *location_record(
    const char *location, const char *folder, const char *local);
/* Does the recorded location mean this folder? Symbolic links are followed. */
bool location_is(const char *location, const char *folder);

#endif
