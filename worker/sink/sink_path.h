/* SPDX-License-Identifier: Apache-2.0 */
/* Where a sink's data files lie and what they are called. */
#ifndef CALVE_SINK_PATH_H
#define CALVE_SINK_PATH_H

#include "worker/sink/sink_iceberg.h"
#include "worker/store/store.h"

/* Makes a partition's folder; its path, owned by the caller, or NULL. */
char *sink_folder(const struct sink_options *, const struct partition_value *,
    struct err *) MUST_USE;
/* A new file there, not made before its first bytes; *sequence is its number
 * and goes on. NULL on failure. */
struct store_file *sink_file(const struct sink_options *, const char *folder,
    unsigned *sequence, struct err *) MUST_USE;

#endif
