/* SPDX-License-Identifier: Apache-2.0 */
/* See parquet_walk.h. Fails the test where something is not there. */
#include "tests/harness/parquet_walk.h"

#include <check.h>

/* In front of the value of a field of the struct that t has entered. */
bool
walk_seek(struct thrift_in *t, int16_t id, enum thrift_type *type)
{
	struct thrift_field f;

	while (thrift_next(t, &f)) {
		if (f.id == id) {
			*type = f.type;
			return true;
		}
		thrift_skip(t, f.type);
	}
	ck_assert(!t->c.bad);
	return false;
}

int64_t
walk_int(struct thrift_in t, int16_t id, int64_t absent)
{
	enum thrift_type type;

	return walk_seek(&t, id, &type) ? thrift_get_int(&t, type) : absent;
}

struct thrift_in
walk_struct(struct thrift_in t, int16_t id)
{
	enum thrift_type type;

	ck_assert_msg(walk_seek(&t, id, &type), "no field %d", id);
	ck_assert_int_eq(type, THRIFT_STRUCT);
	thrift_enter(&t);
	return t;
}

struct thrift_in
walk_list(struct thrift_in t, int16_t id, enum thrift_type want, size_t *n)
{
	enum thrift_type type;

	ck_assert_msg(walk_seek(&t, id, &type), "no field %d", id);
	*n = thrift_get_list(&t, type, want);
	ck_assert(!t.c.bad);
	return t;
}

const uint8_t *
walk_bytes(struct thrift_in t, int16_t id, size_t *n)
{
	enum thrift_type type;

	*n = 0;
	return walk_seek(&t, id, &type) ? thrift_get_binary(&t, type, n) : NULL;
}

struct thrift_in
walk_footer(const struct buf *b)
{
	uint32_t len;
	struct thrift_in t;

	ck_assert_uint_ge(b->len, 12);
	ck_assert_mem_eq(b->data, "PAR1", 4);
	ck_assert_mem_eq(b->data + b->len - 4, "PAR1", 4);
	memcpy(&len, b->data + b->len - 8, 4);
	ck_assert_uint_le(len, b->len - 12);
	t = thrift_from(b->data + b->len - 8 - len, len);
	thrift_enter(&t);
	return t;
}
