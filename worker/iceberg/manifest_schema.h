/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a manifest's Avro schema that differs from table to table: the
 * partition record. (Iceberg specification, Appendix A "Avro".)
 */
#ifndef CALVE_ICEBERG_MANIFEST_SCHEMA_H
#define CALVE_ICEBERG_MANIFEST_SCHEMA_H

#include <jansson.h>

#include "common/err.h"
#include "worker/datafile.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/partition.h"
#include "worker/type.h"

/* Schema of manifest entries of this spec; new reference, NULL: err is set.
 * types are the result types of the spec's fields, in order. */
json_t *manifest_schema(const struct partition_spec *, const struct type *types,
    struct err *) MUST_USE;

/* Sets a field of the partition record from its single-value form. ERR_BUG
 * when the value does not have the type's shape. */
int partition_set(struct av_value, const struct type *,
    const struct partition_value *, struct err *) MUST_USE;

#endif
