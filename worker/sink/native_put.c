/* SPDX-License-Identifier: Apache-2.0 */
/* Putting values is one loop for each form, a block is pieces of columns. */
#include "worker/sink/native_put.h"

#include <string.h>

/* ---- values --------------------------------------------------------------- */

static int
does_not_fit(const struct native_put *p, struct err *err)
{
	return err_set(err, ERR_DATA,
	    "column '%s': a value does not fit the target's %s; ALTER the "
	    "target's column to a wider type",
	    p->column, p->text);
}

static inline __int128
load(const uint8_t *from, uint32_t width)
{
	__int128 wide = 0;
	int64_t eight;
	int32_t four;

	switch (width) {
	case 1:
		return *from;
	case 4:
		memcpy(&four, from, 4);
		return four;
	case 8:
		memcpy(&eight, from, 8);
		return eight;
	default:
		memcpy(&wide, from, 16);
		return wide;
	}
}

/* dst may be wider than 16 bytes: the sign goes on. */
static inline void
store(uint8_t *to, uint32_t width, __int128 v)
{
	if (width <= 16) {
		memcpy(to, &v, width);
	} else {
		memcpy(to, &v, 16);
		memset(to + 16, v < 0 ? 0xff : 0, width - 16);
	}
}

/* One loop for each pair of widths that is common; the compiler makes them
 * from this by the constants. */
static inline bool
put_ints(const struct native_put *p, const struct vec *v, uint32_t src,
    uint32_t dst, uint8_t *to)
{
	bool good = true;

	for (size_t k = 0; k < v->n; k++) {
		__int128 x = load(v->fixed + k * src, src);

		if (v->null != NULL && v->null[k] != 0)
			x = 0;
		good = good && x >= p->low && x <= p->high;
		store(to + k * dst, dst, x);
	}
	return good;
}

static bool
put_scaled(const struct native_put *p, const struct vec *v, uint8_t *to)
{
	for (size_t k = 0; k < v->n; k++) {
		__int128 x = load(v->fixed + k * p->src, p->src);

		if (v->null != NULL && v->null[k] != 0)
			x = 0;
		if (x % p->divide != 0 ||
		    __builtin_mul_overflow(
			x / p->divide, (__int128)p->multiply, &x) ||
		    x < p->low || x > p->high)
			return false;
		store(to + k * p->dst, p->dst, x);
	}
	return true;
}

static bool
put_int_column(const struct native_put *p, const struct vec *v, uint8_t *to)
{
	if (p->multiply != 1 || p->divide != 1)
		return put_scaled(p, v, to);
	if (p->src == 8 && p->dst == 8)
		return put_ints(p, v, 8, 8, to);
	if (p->src == 4 && p->dst == 4)
		return put_ints(p, v, 4, 4, to);
	if (p->src == 4 && p->dst == 2)
		return put_ints(p, v, 4, 2, to);
	if (p->src == 4 && p->dst == 1)
		return put_ints(p, v, 4, 1, to);
	if (p->src == 1 && p->dst == 1)
		return put_ints(p, v, 1, 1, to);
	return put_ints(p, v, p->src, p->dst, to);
}

static void
put_floats(const struct vec *v, uint8_t *to)
{
	for (size_t k = 0; k < v->n; k++) {
		float narrow;
		double wide;

		memcpy(&narrow, v->fixed + 4 * k, 4);
		wide = narrow;
		memcpy(to + 8 * k, &wide, 8);
	}
}

/* Two little-endian halves, the high one first. */
static void
put_uuids(const struct vec *v, uint8_t *to)
{
	for (size_t k = 0; k < 2 * v->n; k++) {
		uint64_t half;

		memcpy(&half, v->fixed + 8 * k, 8);
		half = __builtin_bswap64(half);
		memcpy(to + 8 * k, &half, 8);
	}
}

static int gather(struct native_put *, const struct vec *, struct err *);

static int
check_labels(const struct native_put *p, const struct vec *v, struct err *err)
{
	for (size_t k = 0; k < v->n; k++)
		if ((v->null == NULL || v->null[k] == 0) &&
		    !native_is_label(p, v->bytes + v->offset[k],
			v->offset[k + 1] - v->offset[k]))
			return err_set(err, ERR_DATA,
			    "column '%s': a value is none of the labels of the "
			    "target's %.200s; ALTER the target's column to one "
			    "that has them all, or to a String",
			    p->column, p->text);
	return 0;
}

static int
put_strings(struct buf *out, const struct native_put *p, const struct vec *v,
    struct err *err)
{
	uint32_t total = v->offset[v->n];
	uint8_t *to = buf_reserve(out, (size_t)total + 5 * v->n), *begin = to;

	if (p->labels != NULL && check_labels(p, v, err) == -1)
		return -1;
	if (to == NULL)
		return 0;
	for (size_t k = 0; k < v->n; k++) {
		uint32_t len = v->offset[k + 1] - v->offset[k], rest = len;

		for (; rest >= 0x80; rest >>= 7)
			*to++ = (uint8_t)(rest | 0x80);
		*to++ = (uint8_t)rest;
		memcpy(to, v->bytes + v->offset[k], len);
		to += len;
	}
	out->len += (size_t)(to - begin);
	return 0;
}

static int
put_fixed_strings(struct buf *out, const struct native_put *p,
    const struct vec *v, struct err *err)
{
	uint8_t *to = buf_reserve(out, v->n * p->dst);

	if (to == NULL)
		return 0;
	memset(to, 0, v->n * p->dst);
	for (size_t k = 0; k < v->n; k++) {
		uint32_t len = v->offset[k + 1] - v->offset[k];

		if (len > p->dst)
			return does_not_fit(p, err);
		if (p->whole && len < p->dst)
			return err_set(err, ERR_DATA,
			    "column '%s': a value is shorter than the target's "
			    "%s, which would add zero bytes to it; make it a "
			    "String there",
			    p->column, p->text);
		memcpy(to + k * p->dst, v->bytes + v->offset[k], len);
	}
	out->len += v->n * p->dst;
	return 0;
}

static int
put_fixed(struct buf *out, const struct native_put *p, const struct vec *v,
    struct err *err)
{
	uint8_t *to = buf_reserve(out, v->n * p->dst);

	if (to == NULL)
		return 0;
	switch (p->form) {
	case NATIVE_COPY:
		memcpy(to, v->fixed, v->n * p->dst);
		break;
	case NATIVE_FLOAT:
		put_floats(v, to);
		break;
	case NATIVE_UUID:
		put_uuids(v, to);
		break;
	default:
		if (!(p->form == NATIVE_TICKS ? put_scaled(p, v, to)
					      : put_int_column(p, v, to)))
			return does_not_fit(p, err);
		break;
	}
	out->len += v->n * p->dst;
	return 0;
}

static int
put_nulls(struct native_put *p, const struct vec *v, struct err *err)
{
	bool some = v->null != NULL && memchr(v->null, 1, v->n) != NULL;
	uint8_t *to;

	if (some && !p->nullable)
		return err_set(err, ERR_DATA,
		    "column '%s' has a NULL, and the target's %s takes none; "
		    "%s, or make it NOT NULL at the source",
		    p->column, p->text,
		    p->form == NATIVE_ARRAY ? "set as: string for it"
					    : "make it Nullable there");
	if (!p->nullable || (to = buf_reserve(&p->nulls, v->n)) == NULL)
		return 0;
	if (some)
		memcpy(to, v->null, v->n);
	else
		memset(to, 0, v->n);
	p->nulls.len += v->n;
	return 0;
}

/* Ends count the elements of the block. */
static int
put_array(struct native_put *p, const struct vec *v, struct err *err)
{
	uint8_t *to = buf_reserve(&p->values, 8 * v->n);

	if (to == NULL)
		return 0;
	for (size_t k = 0; k < v->n; k++) {
		uint64_t end = p->child->n + v->offset[k + 1];

		memcpy(to + 8 * k, &end, 8);
	}
	p->values.len += 8 * v->n;
	return gather(p->child, &v->child[0], err);
}

/* ---- blocks --------------------------------------------------------------- */

static int
gather(struct native_put *p, const struct vec *v, struct err *err)
{
	struct vec plain = { 0 };
	int rc;

	if (v->layout == VEC_DICT) {
		vec_take(&plain, v->dict, v->index, v->n);
		if (v->null != NULL)
			memcpy(vec_set_null(&plain, v->n), v->null, v->n);
		v = &plain;
	}
	rc = put_nulls(p, v, err);
	if (rc == 0 && p->form == NATIVE_ARRAY)
		rc = put_array(p, v, err);
	else if (rc == 0 && p->form == NATIVE_STRING)
		rc = put_strings(&p->values, p, v, err);
	else if (rc == 0 && p->form == NATIVE_FIXED_STRING)
		rc = put_fixed_strings(&p->values, p, v, err);
	else if (rc == 0)
		rc = put_fixed(&p->values, p, v, err);
	p->n += v->n;
	vec_clear(&plain);
	return rc;
}

static int
too_large(struct err *err, size_t max)
{
	return err_set(err, ERR_LIMIT,
	    "one block of rows takes more than %zu bytes; its rows are very "
	    "long: exclude a column, or raise limits.memory",
	    max != 0 ? max : BUF_MAX_DEFAULT);
}

int
native_gather(
    struct native_put *p, size_t ncols, const struct batch *b, struct err *err)
{
	for (size_t k = 0; k < ncols; k++) {
		if (gather(&p[k], &b->cols[k], err) == -1)
			return -1;
		for (struct native_put *q = &p[k]; q != NULL; q = q->child)
			if (q->nulls.over || q->values.over)
				return too_large(err, 0);
	}
	return 0;
}

size_t
native_gathered(const struct native_put *p, size_t ncols)
{
	size_t sum = 0;

	for (size_t k = 0; k < ncols; k++)
		for (const struct native_put *q = &p[k]; q != NULL;
		     q = q->child)
			sum += q->nulls.len + q->values.len;
	return sum;
}

void
native_drop(struct native_put *p, size_t ncols)
{
	for (size_t k = 0; k < ncols; k++)
		for (struct native_put *q = &p[k]; q != NULL; q = q->child) {
			buf_reset(&q->nulls);
			buf_reset(&q->values);
			q->n = 0;
		}
}

static int
emit_column(const struct native_put *p, size_t before, native_sink *sink,
    void *arg, struct err *err)
{
	struct buf head;
	int rc;

	buf_init(&head, 0);
	if (before > 0) { /* the block's own head */
		buf_put_varint(&head, before);
		buf_put_varint(&head, p->n);
	}
	buf_put_varint(&head, strlen(p->column));
	buf_put_str(&head, p->column);
	buf_put_varint(&head, strlen(p->sent));
	buf_put_str(&head, p->sent);
	rc = sink(arg, head.data, head.len, err);
	for (; p != NULL && rc == 0; p = p->child) {
		if (p->nulls.len > 0)
			rc = sink(arg, p->nulls.data, p->nulls.len, err);
		if (rc == 0 && p->values.len > 0)
			rc = sink(arg, p->values.data, p->values.len, err);
	}
	buf_clear(&head);
	return rc;
}

int
native_emit(struct native_put *p, size_t ncols, native_sink *sink, void *arg,
    struct err *err)
{
	int rc = 0;

	for (size_t k = 0; k < ncols && p->n > 0 && rc == 0; k++)
		rc = emit_column(&p[k], k == 0 ? ncols : 0, sink, arg, err);
	native_drop(p, ncols);
	return rc;
}

static int
append(void *out, const void *p, size_t n, struct err *err)
{
	(void)err;
	buf_put(out, p, n);
	return 0;
}

int
native_put_block(struct buf *out, struct native_put *p, size_t ncols,
    const struct batch *b, struct err *err)
{
	native_drop(p, ncols);
	if (native_gather(p, ncols, b, err) == -1 ||
	    native_emit(p, ncols, append, out, err) == -1)
		return -1;
	return out->over ? too_large(err, out->max) : 0;
}
