/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What readers do with tables that Iceberg allows. Where there is a choice,
 * calve does not write what a reader fails on; where the user made it, a
 * warning says who will fail and on what. Each was tried with the versions
 * that tests/interop has: ClickHouse 26.5, DuckDB 1.5, PyIceberg 0.12, Spark
 * 3.5 and 4.1. (calve.yaml(5), CAVEATS, is the same list for users.)
 */
#ifndef CALVE_READERS_H
#define CALVE_READERS_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/iceberg/partition.h"
#include "worker/type.h"

/* ClickHouse makes an expression of the sort order, names as they are: "Ts
 * col ASC" is no expression, "null ASC" another. May a sort order name this
 * column? */
bool readers_sort_by(const char *name);

/* ClickHouse cannot read a table with two partition fields of one column.
 * Takes those away that add nothing, since the column itself is a field, too,
 * and says so where told to. */
void readers_reduce(
    struct partition_spec *, const struct type *schema, bool say);

/* Warns, by name, of all in a table that some reader fails on or reads
 * falsely. sort_ids: columns of its sort order. */
void readers_warn(const struct partition_spec *, const struct type *schema,
    const int *sort_ids, size_t nsort);

#endif
