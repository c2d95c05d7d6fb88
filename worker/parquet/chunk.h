/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a column chunk. */
#ifndef CALVE_PARQUET_CHUNK_H
#define CALVE_PARQUET_CHUNK_H

#include "worker/parquet/column.h"
#include "worker/parquet/footer.h"

/* Ends the open page and makes the dictionary page, so that all pages wait in
 * memory. At least one row was appended. */
int chunk_end(
    struct column *, const struct parquet_options *, struct err *) MUST_USE;
/* Then: appends the pages to the file, notes the chunk's metadata and index
 * in the footer, and leaves the column ready for the next row group. */
int chunk_write(struct column *, const struct parquet_options *,
    struct store_file *, struct footer *, struct chunk_meta *,
    struct err *) MUST_USE;

#endif
