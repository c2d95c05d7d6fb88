/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compact protocol: field ids are coded as the difference to the last one of
 * the same struct, where it is 1..15; integers are zigzag varints; a bool
 * field's value stands in its type, a bool element is a byte.
 */
#include "worker/parquet/thrift.h"

#include <assert.h>

struct thrift
thrift_to(struct buf *out)
{
	return (struct thrift){ .out = out };
}

static void
put_head(struct thrift *t, int16_t id, enum thrift_type type)
{
	int16_t *last = &t->last[t->depth - 1];

	assert(t->depth > 0 && id > *last);
	if (id - *last <= 15) {
		buf_put_u8(t->out, (uint8_t)((id - *last) << 4 | (int)type));
	} else {
		buf_put_u8(t->out, (uint8_t)type);
		buf_put_zigzag(t->out, id);
	}
	*last = id;
}

void
thrift_begin(struct thrift *t, int16_t id)
{
	if (id != 0)
		put_head(t, id, THRIFT_STRUCT);
	assert(t->depth < THRIFT_DEPTH);
	t->last[t->depth++] = 0;
}

void
thrift_end(struct thrift *t)
{
	assert(t->depth > 0);
	buf_put_u8(t->out, THRIFT_STOP);
	t->depth--;
}

void
thrift_bool(struct thrift *t, int16_t id, bool v)
{
	put_head(t, id, v ? THRIFT_TRUE : THRIFT_FALSE);
}

void
thrift_i16(struct thrift *t, int16_t id, int16_t v)
{
	put_head(t, id, THRIFT_I16);
	buf_put_zigzag(t->out, v);
}

void
thrift_i32(struct thrift *t, int16_t id, int32_t v)
{
	put_head(t, id, THRIFT_I32);
	buf_put_zigzag(t->out, v);
}

void
thrift_i64(struct thrift *t, int16_t id, int64_t v)
{
	put_head(t, id, THRIFT_I64);
	buf_put_zigzag(t->out, v);
}

void
thrift_binary(struct thrift *t, int16_t id, const void *p, size_t n)
{
	put_head(t, id, THRIFT_BINARY);
	thrift_put_binary(t, p, n);
}

void
thrift_string(struct thrift *t, int16_t id, const char *s)
{
	thrift_binary(t, id, s, strlen(s));
}

void
thrift_raw_struct(struct thrift *t, int16_t id, const void *p, size_t n)
{
	put_head(t, id, THRIFT_STRUCT);
	buf_put(t->out, p, n);
}

void
thrift_list(struct thrift *t, int16_t id, enum thrift_type type, size_t n)
{
	put_head(t, id, THRIFT_LIST);
	if (n < 15) {
		buf_put_u8(t->out, (uint8_t)(n << 4 | type));
	} else {
		buf_put_u8(t->out, (uint8_t)(0xf0 | type));
		buf_put_varint(t->out, n);
	}
}

void
thrift_put_bool(struct thrift *t, bool v)
{
	buf_put_u8(t->out, v ? THRIFT_TRUE : THRIFT_FALSE);
}

void
thrift_put_int(struct thrift *t, int64_t v)
{
	buf_put_zigzag(t->out, v);
}

void
thrift_put_binary(struct thrift *t, const void *p, size_t n)
{
	buf_put_varint(t->out, n);
	buf_put(t->out, p, n);
}

/* ---- reading --------------------------------------------------------------- */

struct thrift_in
thrift_from(const void *p, size_t n)
{
	return (struct thrift_in){ .c = cursor_of(p, n) };
}

void
thrift_enter(struct thrift_in *t)
{
	if (t->depth == THRIFT_DEPTH) {
		t->c.bad = true;
		return;
	}
	t->last[t->depth++] = 0;
}

bool
thrift_next(struct thrift_in *t, struct thrift_field *f)
{
	uint8_t head = cursor_u8(&t->c);
	int64_t id;

	*f = (struct thrift_field){ .type = head & 15 };
	if (t->c.bad || t->depth == 0) {
		t->c.bad = true;
		return false;
	}
	if (head == THRIFT_STOP) {
		t->depth--;
		return false;
	}
	id = (head >> 4) != 0 ? t->last[t->depth - 1] + (head >> 4)
			      : cursor_zigzag(&t->c);
	if (t->c.bad || id < INT16_MIN || id > INT16_MAX ||
	    f->type == THRIFT_STOP || f->type > THRIFT_STRUCT) {
		t->c.bad = true;
		return false;
	}
	t->last[t->depth - 1] = f->id = (int16_t)id;
	return true;
}

/* Element count of a list or set, bounded by the bytes that are left. */
static size_t
get_count(struct thrift_in *t, enum thrift_type *element)
{
	uint8_t head = cursor_u8(&t->c);
	uint64_t n = head >> 4;

	*element = head & 15;
	if (n == 15)
		n = cursor_varint(&t->c);
	if (n > cursor_left(&t->c))
		t->c.bad = true;
	return t->c.bad ? 0 : (size_t)n;
}

static void skip(
    struct thrift_in *, enum thrift_type, bool element, unsigned depth);

static void
skip_map(struct thrift_in *t, unsigned depth)
{
	uint64_t n = cursor_varint(&t->c);
	uint8_t types;

	if (t->c.bad || n == 0)
		return;
	types = cursor_u8(&t->c);
	for (uint64_t k = 0; k < n && !t->c.bad; k++) {
		skip(t, types >> 4, true, depth + 1);
		skip(t, types & 15, true, depth + 1);
	}
}

static void
skip_struct(struct thrift_in *t, unsigned depth)
{
	struct thrift_field f;

	thrift_enter(t);
	while (thrift_next(t, &f))
		skip(t, f.type, false, depth + 1);
}

static void
skip(struct thrift_in *t, enum thrift_type type, bool element, unsigned depth)
{
	enum thrift_type inner;
	size_t n;

	if (depth > THRIFT_DEPTH) {
		t->c.bad = true;
		return;
	}
	switch (type) {
	case THRIFT_TRUE:
	case THRIFT_FALSE:
		if (element)
			cursor_take(&t->c, 1);
		return;
	case THRIFT_I8:
		cursor_take(&t->c, 1);
		return;
	case THRIFT_I16:
	case THRIFT_I32:
	case THRIFT_I64:
		cursor_varint(&t->c);
		return;
	case THRIFT_DOUBLE:
		cursor_take(&t->c, 8);
		return;
	case THRIFT_BINARY:
		cursor_take(&t->c, cursor_varint(&t->c));
		return;
	case THRIFT_LIST:
	case THRIFT_SET:
		n = get_count(t, &inner);
		for (size_t k = 0; k < n && !t->c.bad; k++)
			skip(t, inner, true, depth + 1);
		return;
	case THRIFT_MAP:
		skip_map(t, depth);
		return;
	case THRIFT_STRUCT:
		skip_struct(t, depth);
		return;
	case THRIFT_STOP:
		break;
	}
	t->c.bad = true;
}

void
thrift_skip(struct thrift_in *t, enum thrift_type type)
{
	skip(t, type, false, 0);
}

int64_t
thrift_get_int(struct thrift_in *t, enum thrift_type type)
{
	if (type == THRIFT_I8)
		return (int8_t)cursor_u8(&t->c);
	if (type != THRIFT_I16 && type != THRIFT_I32 && type != THRIFT_I64) {
		t->c.bad = true;
		return 0;
	}
	return cursor_zigzag(&t->c);
}

const uint8_t *
thrift_get_binary(struct thrift_in *t, enum thrift_type type, size_t *n)
{
	uint64_t len = type == THRIFT_BINARY ? cursor_varint(&t->c) : 0;
	const uint8_t *p = NULL;

	if (type != THRIFT_BINARY)
		t->c.bad = true;
	if (!t->c.bad)
		p = cursor_take(&t->c, len);
	*n = p != NULL ? (size_t)len : 0;
	return p;
}

size_t
thrift_get_list(
    struct thrift_in *t, enum thrift_type type, enum thrift_type want)
{
	enum thrift_type element;
	size_t n;

	if (type != THRIFT_LIST) {
		t->c.bad = true;
		return 0;
	}
	n = get_count(t, &element);
	if (n > 0 && element != want)
		t->c.bad = true;
	return t->c.bad ? 0 : n;
}
