/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small manifests as one, so that a table's manifest list, and what a
 * reader has to open, stay short however many commits there were. (The table
 * properties commit.manifest-merge.enabled, commit.manifest.min-count-to-merge
 * and commit.manifest.target-size-bytes, as Iceberg's Java library has them.)
 *
 * Merged are only manifests of data files, of the table's default spec, whose
 * Avro schema is the one that calve writes and whose headers are alike: what
 * is not known in every field is carried over as it is. Entries are copied as
 * bytes, with what they inherited written out, as EXISTING; those of deleted
 * files are left out.
 */
#ifndef CALVE_ICEBERG_MERGE_H
#define CALVE_ICEBERG_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/table.h"

struct merge_plan;

/* What of the list is to be merged in a commit that adds so many files: the
 * newest manifests, once there are min-count of them, as long as each has no
 * more files than all newer ones together and a hundred. So an entry is
 * written again with each doubling, not with each merge. The list, whose newest come first,
 * must outlive the plan; NULL: nothing. */
struct merge_plan *merge_plan(const struct table *,
    const struct manifest_list *, int64_t added_files) MUST_USE;
void merge_plan_free(struct merge_plan *);

/* One manifest that stands for others. */
struct merged {
	char *path;                /* local; NULL: there is none */
	struct manifest_file file; /* its sequence_number is the attempt's */
	char **replaced;           /* recorded paths */
	size_t n;
};
void merged_clear(struct merged *);

/* Writes the manifest under a new name. The file is synced, its folder is not.
 * ERR_TABLE when an entry is not as it has to be: then they are best left as
 * they are. */
int merge_write(struct merge_plan *, const char *path, const char *recorded,
    int64_t snapshot_id, struct merged *out, struct err *) MUST_USE;

/* Takes those that it replaces out of the list. false: not all of them are
 * there any more, and the list is left as it was. */
bool merge_apply(const struct merged *, struct manifest_list *);

#endif
