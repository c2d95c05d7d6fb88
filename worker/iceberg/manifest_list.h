/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest lists: the manifests of a snapshot. (Iceberg specification,
 * "Manifest Lists".)
 */
#ifndef CALVE_ICEBERG_MANIFEST_LIST_H
#define CALVE_ICEBERG_MANIFEST_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Summary of one partition field over a manifest's files. */
struct field_summary {
	bool contains_null;
	int contains_nan;       /* 0, 1; -1 not said */
	uint8_t *lower, *upper; /* NULL: no bound */
	size_t lower_len, upper_len;
};

struct manifest_file {
	char *path; /* as recorded */
	int64_t length;
	int spec_id;
	int content; /* 0 data, 1 deletes */
	int64_t sequence_number, min_sequence_number;
	int64_t added_snapshot_id;
	int64_t added_files, existing_files, deleted_files;
	int64_t added_rows, existing_rows, deleted_rows;
	bool has_partitions;
	struct field_summary *partitions; /* in the order of its spec */
	size_t npartitions;
	uint8_t *key_metadata; /* NULL: none */
	size_t key_metadata_len;
};
void manifest_file_clear(struct manifest_file *);

struct manifest_list {
	struct manifest_file *files;
	size_t n;
};
void manifest_list_clear(struct manifest_list *);

/* path is local. Untrusted. ERR_TABLE, or ERR_STORE when it cannot be read. */
int manifest_list_read(
    const char *path, struct manifest_list *out, struct err *) MUST_USE;

/* Only the recorded paths, quickly. Untrusted. After an error each() may have
 * been called with some of them. */
int manifest_list_each_path(const char *path,
    void (*each)(void *arg, const char *recorded), void *arg,
    struct err *) MUST_USE;

struct manifest_list_ids {
	int64_t snapshot_id, parent_id; /* parent 0: none */
	int64_t sequence_number;
};
/* Those of before, unchanged and in their order, behind those of added. The
 * file is synced, its folder is not. */
int manifest_list_write(const char *path, const struct manifest_list_ids *,
    const struct manifest_list *added, const struct manifest_list *before,
    struct err *) MUST_USE;

#endif
