/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of an append's snapshot: the caller's keys, what was added, and
 * the table's totals. (Iceberg specification, "Optional Snapshot Summary
 * Fields".) */
#ifndef CALVE_ICEBERG_SUMMARY_H
#define CALVE_ICEBERG_SUMMARY_H

#include <stddef.h>

#include <jansson.h>

#include "worker/iceberg/table.h"

/* Of manifests: new ones, those carried over, those merged into a new one. */
struct manifest_counts {
	size_t made, kept, replaced;
};

/* New reference. NULL: ERR_DATA when one of the caller's texts is not UTF-8. */
json_t *summary_append(const struct table *fresh, const struct append *,
    const struct manifest_counts *, struct err *) MUST_USE;

#endif
