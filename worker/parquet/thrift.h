/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's compact protocol, as much of it as Parquet's footer and page
 * headers use. (Apache Thrift, "Thrift Compact protocol encoding".)
 *
 * Writer: fields of a struct in ascending order of id; a struct as a field or
 * as a list element is bracketed by begin and end, the outermost included.
 *
 *	struct thrift t = thrift_to(&buf);
 *	thrift_begin(&t, 0);            0: the outermost, or a list element
 *	thrift_i32(&t, 1, 7);
 *	thrift_end(&t);
 *
 * Reader: over untrusted bytes. Sticky like struct cursor: anything malformed
 * sets `bad` and yields zero; callers check once. Depth is bounded.
 */
#ifndef CALVE_PARQUET_THRIFT_H
#define CALVE_PARQUET_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { THRIFT_DEPTH = 16 };

enum thrift_type {
	THRIFT_STOP = 0,
	THRIFT_TRUE = 1,
	THRIFT_FALSE = 2,
	THRIFT_I8 = 3,
	THRIFT_I16 = 4,
	THRIFT_I32 = 5,
	THRIFT_I64 = 6,
	THRIFT_DOUBLE = 7,
	THRIFT_BINARY = 8,
	THRIFT_LIST = 9,
	THRIFT_SET = 10,
	THRIFT_MAP = 11,
	THRIFT_STRUCT = 12
};

struct thrift {
	struct buf *out;
	int16_t last[THRIFT_DEPTH]; /* id of the last field, per struct */
	unsigned depth;
};

struct thrift thrift_to(struct buf *out);
void thrift_begin(struct thrift *, int16_t id);
void thrift_end(struct thrift *);
void thrift_bool(struct thrift *, int16_t id, bool);
void thrift_i16(struct thrift *, int16_t id, int16_t);
void thrift_i32(struct thrift *, int16_t id, int32_t);
void thrift_i64(struct thrift *, int16_t id, int64_t);
void thrift_binary(struct thrift *, int16_t id, const void *, size_t n);
void thrift_string(struct thrift *, int16_t id, const char *);
/* A struct that was serialized on its own, its end included. */
void thrift_raw_struct(struct thrift *, int16_t id, const void *, size_t n);
/* Then n elements: thrift_put_*() or begin(0)/end(). */
void thrift_list(struct thrift *, int16_t id, enum thrift_type, size_t n);
void thrift_put_bool(struct thrift *, bool);
void thrift_put_int(struct thrift *, int64_t); /* i16, i32, i64 */
void thrift_put_binary(struct thrift *, const void *, size_t n);

struct thrift_in {
	struct cursor c;
	int16_t last[THRIFT_DEPTH];
	unsigned depth; /* of open structs */
};

/* One field's head; a bool's value is its type. */
struct thrift_field {
	int16_t id;
	enum thrift_type type;
};

struct thrift_in thrift_from(const void *, size_t n);
void thrift_enter(struct thrift_in *); /* before a struct's fields */
/* False at the end of the struct, which is left then, or when bad. */
bool thrift_next(struct thrift_in *, struct thrift_field *);
void thrift_skip(struct thrift_in *, enum thrift_type); /* a field's value */
/* A field's value; a field of another type is bad. */
int64_t thrift_get_int(struct thrift_in *, enum thrift_type);
/* Points into the input; NULL when bad. */
const uint8_t *thrift_get_binary(
    struct thrift_in *, enum thrift_type, size_t *n);
/* Number of elements, their type checked against want. Never more than bytes
 * are left, so that a loop over it ends soon. */
size_t thrift_get_list(
    struct thrift_in *, enum thrift_type, enum thrift_type want);

#endif
