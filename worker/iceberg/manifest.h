/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: the data files that one commit added. (Iceberg specification,
 * "Manifests".)
 */
#ifndef CALVE_ICEBERG_MANIFEST_H
#define CALVE_ICEBERG_MANIFEST_H

#include "common/err.h"
#include "worker/datafile.h"
#include "worker/iceberg/bounds.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/partition.h"
#include "worker/type.h"

struct manifest_write {
	const char *path;              /* local, must not exist */
	const char *recorded;          /* the same as readers shall know it */
	const char *location, *folder; /* the table's: for the files' paths */
	const struct type *schema;     /* of the files */
	int schema_id;
	const struct partition_spec *spec;
	const struct metrics_modes *modes;
	int64_t snapshot_id;
	const struct datafile *files;
	size_t nfiles;
};
/* Every file as added, its sequence numbers to be inherited, so that the
 * manifest serves whatever number the commit gets: *out has none either, but
 * all else. The file is synced, its folder is not. */
int manifest_write(const struct manifest_write *, struct manifest_file *out,
    struct err *) MUST_USE;

/* Calls each() for every live file, with path (local), record_count,
 * file_size and snapshot_id; a non-zero return stops and is returned. Untrusted. A file of
 * deletes: ERR_TABLE. */
int manifest_each_file(const char *path,
    int (*each)(void *arg, const struct datafile *), void *arg,
    struct err *) MUST_USE;

#endif
