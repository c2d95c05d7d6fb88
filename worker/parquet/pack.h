/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a page: levels and values encoded, then compressed.
 *
 * Encodings are chosen by looking at the first page of a chunk that has
 * values: each that the preset offers is tried, and the one that compresses
 * smallest is kept for the pages that follow. (format.md 2.2, 2.3.)
 */
#ifndef CALVE_PARQUET_PACK_H
#define CALVE_PARQUET_PACK_H

#include "common/err.h"
#include "worker/parquet/column.h"

/* Points into the column or the thread's scratch: good until the next pack_
 * call or change of the column. */
struct packed {
	enum encoding encoding;
	const uint8_t *raw, *data; /* the same when nothing is compressed */
	size_t raw_size, size;
};

/* The open page. Chooses first where nothing is chosen, and then may drop the
 * dictionary. ERR_DATA when it is larger than Parquet can say. */
int pack_page(struct column *, const struct parquet_options *, struct packed *,
    struct err *) MUST_USE;
int pack_dictionary(struct column *, const struct parquet_options *,
    struct packed *, struct err *) MUST_USE;

#endif
