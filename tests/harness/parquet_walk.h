/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking the thrift structures of a Parquet file in tests. Readers are
 * passed by value: each function begins where the struct was entered.
 */
#ifndef CALVE_TESTS_PARQUET_WALK_H
#define CALVE_TESTS_PARQUET_WALK_H

#include "worker/parquet/thrift.h"

/* In front of the value of a field of the struct that t has entered. */
bool walk_seek(struct thrift_in *t, int16_t id, enum thrift_type *type);
int64_t walk_int(struct thrift_in t, int16_t id, int64_t absent);
/* Entered. */
struct thrift_in walk_struct(struct thrift_in t, int16_t id);
/* In front of the first of n elements. */
struct thrift_in walk_list(
    struct thrift_in t, int16_t id, enum thrift_type want, size_t *n);
/* NULL when absent. */
const uint8_t *walk_bytes(struct thrift_in t, int16_t id, size_t *n);
/* FileMetaData of a whole file, entered. */
struct thrift_in walk_footer(const struct buf *file);

#endif
