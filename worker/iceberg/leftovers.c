/* SPDX-License-Identifier: Apache-2.0 */
/* See leftovers.h. */
#include "worker/iceberg/leftovers.h"

#include <string.h>

#include "worker/iceberg/doomed.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/metadata.h"

void
leftovers_remove(
    const struct table *base, const struct datafile *files, size_t n)
{
	struct doomed_set set = { 0 };
	struct table *now;
	struct err ignored;

	if (hadoop_load(base->folder, &now, &ignored) != 1)
		return;
	for (size_t k = 0; k < n; k++)
		doomed_add(&set, files[k].path);
	doomed_sort(&set);
	/* numbers of manifests mean something within one table only */
	int64_t since = strcmp(now->uuid, base->uuid) == 0
	    ? metadata_sequence_number(base)
	    : 0;
	if (doomed_spare_reached(&set, now, since, &ignored) == 0)
		(void)doomed_remove(&set, NULL);
	doomed_clear(&set);
	table_free(now);
}
