/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partition specs, their transforms over whole columns, and routing of rows
 * to partitions. (Iceberg specification, "Partitioning", "Partition
 * Transforms", Appendix B for the hashes.)
 */
#ifndef CALVE_ICEBERG_PARTITION_H
#define CALVE_ICEBERG_PARTITION_H

#include <jansson.h>

#include "common/err.h"
#include "worker/batch.h"
#include "worker/datafile.h"
#include "worker/type.h"

enum transform {
	TRANSFORM_IDENTITY = 1,
	TRANSFORM_YEAR,
	TRANSFORM_MONTH,
	TRANSFORM_DAY,
	TRANSFORM_HOUR,
	TRANSFORM_BUCKET,
	TRANSFORM_TRUNCATE,
	TRANSFORM_VOID
};

enum {
	PARTITION_FIELDS_MAX = 64,
	PARTITION_GROUPS_DEFAULT = 10000 /* of one run */
};

struct partition_field {
	int source_id, field_id; /* field_id from 1000 */
	char *name;              /* "exchange_timestamp_day" */
	enum transform transform;
	uint32_t param; /* bucket[N], truncate[W] */
};

struct partition_spec {
	int id;
	struct partition_field *fields;
	size_t nfields;
};

void partition_spec_clear(struct partition_spec *);

/* texts as in calve.yaml: "day(ts)", "days(ts)", "bucket(16, id)",
 * "bucket[16](id)", "truncate(4, s)", "symbol", "identity(symbol)". Transforms
 * only top-level columns of schema (ids assigned). ERR_CONFIG names the text
 * and what is allowed. Names follow Iceberg's Java and Spark defaults. */
int partition_parse(const char *const *texts, size_t n,
    const struct type *schema, struct partition_spec *out,
    struct err *) MUST_USE;
bool partition_spec_equal(const struct partition_spec *,
    const struct partition_spec *); /* ids of the spec and fields ignored */
json_t *partition_spec_to_json(const struct partition_spec *);   /* whole */
json_t *partition_fields_to_json(const struct partition_spec *); /* array */
int partition_spec_from_json(const json_t *, struct partition_spec *out,
    struct err *) MUST_USE; /* unknown transform: ERR_TABLE, naming it */
/* Can rows shaped like schema be written under this spec? ERR_TABLE when a
 * source column is missing or nested, or of a type its transform cannot read:
 * specs of tables made by others are not trusted. */
int partition_spec_check(const struct partition_spec *,
    const struct type *schema, struct err *) MUST_USE;
/* "day", "bucket[16]" */
void transform_format(const struct partition_field *, char *out, size_t n);
/* Type of a field's values; out must be type_clear()ed. */
void partition_result_type(const struct partition_field *,
    const struct type *schema, struct type *out);

/* Routes rows; remembers each distinct tuple of the run under a group number
 * 0, 1, 2 ... in order of appearance. */
struct partitioner;
struct partitioner *partitioner_new(
    const struct partition_spec *, const struct type *schema);
void partitioner_free(struct partitioner *);
/* 0: PARTITION_GROUPS_DEFAULT */
void partitioner_set_max_groups(struct partitioner *, size_t);
/* group[i] = the group of row i. ERR_DATA when a value cannot be transformed
 * (year beyond int) or there are more than max_groups; ERR_TABLE what
 * partition_spec_check() says. */
int partitioner_route(struct partitioner *, const struct batch *,
    uint32_t *group, struct err *) MUST_USE;
size_t partitioner_ngroups(const struct partitioner *);
/* Tuple of a group, in spec order; owned by the partitioner. */
const struct partition_value *partitioner_tuple(
    const struct partitioner *, uint32_t group);
/* "ts_day=2026-11-21/symbol=BTC%2FUSD", "" when unpartitioned; owned by the
 * caller. Human-readable values and URL escaping as Iceberg's Java code. */
char *partition_path(const struct partition_spec *, const struct type *schema,
    const struct partition_value *tuple);

#endif
