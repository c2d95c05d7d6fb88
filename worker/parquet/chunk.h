/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a column chunk. */
#ifndef CALVE_PARQUET_CHUNK_H
#define CALVE_PARQUET_CHUNK_H

#include "worker/parquet/column.h"
#include "worker/parquet/footer.h"

/* Appends the chunk's pages to the file, notes its metadata and index in the
 * footer, and leaves the column ready for the next row group. At least one
 * row was appended. */
int chunk_write(struct column *, const struct parquet_options *,
    struct store_file *, struct footer *, struct chunk_meta *,
    struct err *) MUST_USE;

#endif
