/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of one finished data file: what Parquet knows and Iceberg's
 * manifest wants, so that neither needs the other's insides.
 *
 * Bounds are Iceberg's single-value serialization (Iceberg specification,
 * Appendix D, "Binary single-value serialization"), exact and untruncated:
 * truncation is iceberg/bounds.c's. Only the sort order of the type counts:
 * signed numbers, unsigned bytes for string, binary, fixed, uuid; none where
 * there is a NaN; a zero lower bound is -0.0, a zero upper bound +0.0.
 */
#ifndef CALVE_DATAFILE_H
#define CALVE_DATAFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leaf_metrics {
	int field_id;
	int64_t column_size; /* compressed bytes incl. page headers */
	int64_t value_count; /* incl. NULLs and NaNs */
	int64_t null_count;
	int64_t nan_count; /* -1: not a float or double */
	bool in_list;      /* below a list or map: no bounds */
	bool has_bounds;
	uint8_t *lower, *upper;
	size_t lower_len, upper_len;
};

/* One partition field's value of a file: single-value serialization of the
 * transform's result type; NULL bytes = null. */
struct partition_value {
	uint8_t *data;
	size_t len;
	bool null;
};

struct datafile {
	char *path; /* absolute file-system path */
	int64_t record_count;
	int64_t file_size;
	struct leaf_metrics *leaves;
	size_t nleaves;
	int64_t *split_offsets; /* row group starts, ascending */
	size_t nsplits;
	struct partition_value *partition; /* in spec order */
	size_t npartition;
	int64_t snapshot_id; /* of one read from a manifest: that which added
			      * it; 0: the manifest's own */
};

void datafile_clear(struct datafile *);

#endif
