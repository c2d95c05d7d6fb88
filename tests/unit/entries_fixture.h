/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the manifests of a table's current snapshot say, entry by entry. Files
 * are named by the id of the commit that added them.
 */
#ifndef CALVE_ENTRIES_FIXTURE_H
#define CALVE_ENTRIES_FIXTURE_H

#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/table.h"

enum { SEEN_MAX = 1000 };

/* By holds(), for each file. */
struct seen_entry {
	int64_t snapshot, sequence, file_sequence;
	int64_t status;
	int n; /* times seen */
};
extern struct seen_entry seen[SEEN_MAX];

void read_list(const struct table *, struct manifest_list *);
size_t count_manifests(const struct table *);
/* Files 1 to n, each once, with the numbers of the commit that added it. */
void holds(const struct table *, int64_t n);
/* The same of the table as it is now. */
void holds_now(int64_t n);

#endif
