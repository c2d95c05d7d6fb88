/* SPDX-License-Identifier: Apache-2.0 */
/* Planning is a table of pairs; putting is one loop for each form. */
#include "worker/sink/native_put.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

static const __int128 int128_max = (__int128)(~(unsigned __int128)0 >> 1);

/* ---- plan ----------------------------------------------------------------- */

/* The type as the block names it: nothing that the server looks up. */
static void
put_sent(struct buf *out, const struct ch_type *t)
{
	static const char *const names[] = { [CH_BOOL] = "Bool",
		[CH_INT8] = "Int8",
		[CH_INT16] = "Int16",
		[CH_INT32] = "Int32",
		[CH_INT64] = "Int64",
		[CH_INT128] = "Int128",
		[CH_INT256] = "Int256",
		[CH_UINT8] = "UInt8",
		[CH_UINT16] = "UInt16",
		[CH_UINT32] = "UInt32",
		[CH_UINT64] = "UInt64",
		[CH_UINT128] = "UInt128",
		[CH_UINT256] = "UInt256",
		[CH_FLOAT32] = "Float32",
		[CH_FLOAT64] = "Float64",
		[CH_STRING] = "String",
		[CH_ENUM8] = "String",
		[CH_ENUM16] = "String",
		[CH_UUID] = "UUID",
		[CH_DATE] = "Date",
		[CH_DATE32] = "Date32",
		[CH_DATETIME] = "DateTime" };

	switch (t->kind) {
	case CH_LOW_CARDINALITY:
		put_sent(out, &t->args[0]);
		break;
	case CH_NULLABLE:
		buf_put_str(out, "Nullable(");
		put_sent(out, &t->args[0]);
		buf_put_str(out, ")");
		break;
	case CH_ARRAY:
		buf_put_str(out, "Array(");
		put_sent(out, &t->args[0]);
		buf_put_str(out, ")");
		break;
	case CH_DECIMAL:
		buf_printf(out, "Decimal(%u, %u)", t->precision, t->scale);
		break;
	case CH_FIXED_STRING:
		buf_printf(out, "FixedString(%u)", t->length);
		break;
	case CH_DATETIME64:
		buf_printf(out, "DateTime64(%u)", t->scale);
		break;
	default:
		buf_put_str(out, names[t->kind]);
		break;
	}
}

static bool
is_integer(enum ch_kind k)
{
	return k >= CH_INT8 && k <= CH_UINT256;
}

static __int128
power_of_10(unsigned n)
{
	__int128 v = 1;

	while (n-- > 0)
		v *= 10;
	return v;
}

static void
set_range(struct native_put *p, const struct ch_type *to)
{
	unsigned bits = 8 * p->dst;

	p->is_unsigned = to->kind >= CH_UINT8 && to->kind <= CH_UINT256;
	if (to->kind == CH_DECIMAL && to->precision <= 38) {
		p->high = power_of_10(to->precision) - 1;
		p->low = -p->high;
	} else if (p->is_unsigned) {
		p->low = 0;
		p->high = bits < 128 ? ((__int128)1 << bits) - 1 : int128_max;
	} else {
		p->high =
		    bits < 128 ? ((__int128)1 << (bits - 1)) - 1 : int128_max;
		p->low = -p->high - 1;
	}
	if (to->kind == CH_BOOL) {
		p->low = 0;
		p->high = 1;
	}
}

static bool
plan_number(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	unsigned scale = from->kind == TYPE_DECIMAL ? from->scale : 0;

	if (to->kind == CH_DECIMAL) {
		if (to->scale < scale || to->scale - scale > 18)
			return false;
		p->multiply = (int64_t)power_of_10(to->scale - scale);
	} else if (scale > 0 ||
	    (!is_integer(to->kind) && to->kind != CH_BOOL)) {
		return false;
	}
	p->form = NATIVE_INT;
	set_range(p, to);
	return true;
}

/* ClickHouse's ranges (documentation, "Date", "Date32", "DateTime64"). */
static bool
plan_time(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	if (from->kind == TYPE_DATE) {
		p->form = NATIVE_INT;
		p->low = to->kind == CH_DATE ? 0 : -25567;
		p->high = to->kind == CH_DATE ? 65535 : 120529;
		return to->kind == CH_DATE || to->kind == CH_DATE32;
	}
	p->form = NATIVE_TICKS;
	if (to->kind == CH_DATETIME) {
		p->divide = 1000000;
		p->high = UINT32_MAX;
		return true;
	}
	if (to->kind != CH_DATETIME64)
		return false;
	p->multiply = (int64_t)power_of_10(to->scale > 6 ? to->scale - 6u : 0);
	p->divide = (int64_t)power_of_10(to->scale < 6 ? 6u - to->scale : 0);
	p->low = (__int128)-2208988800 * power_of_10(to->scale);
	p->high = (__int128)10413792000 * power_of_10(to->scale) - 1;
	if (p->high > INT64_MAX)
		p->high = INT64_MAX;
	return true;
}

static bool
is_text(enum ch_kind k)
{
	return k == CH_STRING || k == CH_ENUM8 || k == CH_ENUM16;
}

static bool
plan_leaf(
    const struct type *from, const struct ch_type *to, struct native_put *p)
{
	switch (from->kind) {
	case TYPE_BOOLEAN:
	case TYPE_INT:
	case TYPE_LONG:
	case TYPE_TIME:
	case TYPE_DECIMAL:
		return plan_number(from, to, p);
	case TYPE_DATE:
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return plan_time(from, to, p);
	case TYPE_FLOAT:
		p->form = to->kind == CH_FLOAT64 ? NATIVE_FLOAT : NATIVE_COPY;
		return to->kind == CH_FLOAT32 || to->kind == CH_FLOAT64;
	case TYPE_DOUBLE:
		p->form = NATIVE_COPY;
		return to->kind == CH_FLOAT64;
	case TYPE_UUID:
		p->form = NATIVE_UUID;
		return to->kind == CH_UUID;
	case TYPE_STRING:
		if (is_text(to->kind)) {
			p->form = NATIVE_STRING;
			return true;
		}
		p->form = NATIVE_FIXED_STRING;
		return to->kind == CH_FIXED_STRING;
	case TYPE_BINARY:
		p->form =
		    to->kind == CH_STRING ? NATIVE_STRING : NATIVE_FIXED_STRING;
		return to->kind == CH_STRING || to->kind == CH_FIXED_STRING;
	case TYPE_FIXED:
		p->form = NATIVE_COPY;
		return to->kind == CH_FIXED_STRING &&
		    to->length == from->length;
	default:
		return false;
	}
}

static int
plan(const struct type *from, const struct ch_type *to, struct native_put *p)
{
	const struct ch_type *bare = ch_type_bare(to, &p->nullable);
	struct buf sent;

	p->multiply = p->divide = 1;
	p->src = type_width(from);
	p->dst = ch_type_width(bare);
	if (from->kind == TYPE_LIST) {
		if (to->kind != CH_ARRAY)
			return -1;
		p->form = NATIVE_ARRAY;
		p->child = xcalloc(1, sizeof(*p->child));
		p->child->column = p->column;
		p->child->text = p->text;
		if (plan(&from->fields[0].type, &to->args[0], p->child) == -1)
			return -1;
	} else if (!plan_leaf(from, bare, p)) {
		return -1;
	}
	buf_init(&sent, 0);
	put_sent(&sent, to);
	p->sent = xstrdup(buf_cstr(&sent));
	buf_clear(&sent);
	/* what cannot fail needs no look */
	if (p->form == NATIVE_INT && p->src == p->dst && !p->is_unsigned &&
	    p->multiply == 1 && from->kind != TYPE_DECIMAL &&
	    from->kind != TYPE_DATE && is_integer(bare->kind))
		p->form = NATIVE_COPY;
	return 0;
}

int
native_plan(const struct field *from, const struct ch_type *to,
    const char *text, struct native_put *p, struct err *err)
{
	struct buf have;

	*p = (struct native_put){ .column = from->name, .text = text };
	if (plan(&from->type, to, p) == 0)
		return 0;
	native_put_clear(p);
	buf_init(&have, 0);
	type_format(&from->type, &have);
	err_set(err, ERR_TYPE,
	    "column '%s': %s values do not go into the target's %s; ALTER the "
	    "target's column, or set as: string for it and make it a String",
	    from->name, buf_cstr(&have), text);
	buf_clear(&have);
	return -1;
}

void
native_put_clear(struct native_put *p)
{
	if (p->child != NULL)
		native_put_clear(p->child);
	free(p->child);
	free(p->sent);
	*p = (struct native_put){ 0 };
}

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

static int
put_strings(struct buf *out, const struct vec *v)
{
	uint32_t total = v->offset[v->n];
	uint8_t *to = buf_reserve(out, (size_t)total + 5 * v->n), *begin = to;

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
put_nulls(struct buf *out, const struct native_put *p, const struct vec *v,
    struct err *err)
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
	if (!p->nullable)
		return 0;
	if ((to = buf_reserve(out, v->n)) == NULL)
		return 0;
	if (some)
		memcpy(to, v->null, v->n);
	else
		memset(to, 0, v->n);
	out->len += v->n;
	return 0;
}

static int
put_array(struct buf *out, const struct native_put *p, const struct vec *v,
    struct err *err)
{
	uint8_t *to = buf_reserve(out, 8 * v->n);

	if (to == NULL)
		return 0;
	for (size_t k = 0; k < v->n; k++) {
		uint64_t end = v->offset[k + 1];

		memcpy(to + 8 * k, &end, 8);
	}
	out->len += 8 * v->n;
	return native_put(out, p->child, &v->child[0], err);
}

int
native_put(struct buf *out, const struct native_put *p, const struct vec *v,
    struct err *err)
{
	struct vec plain = { 0 };
	int rc;

	if (v->layout == VEC_DICT) {
		vec_take(&plain, v->dict, v->index, v->n);
		if (v->null != NULL)
			memcpy(vec_set_null(&plain, v->n), v->null, v->n);
		v = &plain;
	}
	rc = put_nulls(out, p, v, err);
	if (rc == 0 && p->form == NATIVE_ARRAY)
		rc = put_array(out, p, v, err);
	else if (rc == 0 && p->form == NATIVE_STRING)
		rc = put_strings(out, v);
	else if (rc == 0 && p->form == NATIVE_FIXED_STRING)
		rc = put_fixed_strings(out, p, v, err);
	else if (rc == 0)
		rc = put_fixed(out, p, v, err);
	vec_clear(&plain);
	return rc;
}

int
native_put_block(struct buf *out, const struct native_put *p, size_t ncols,
    const struct batch *b, struct err *err)
{
	buf_put_varint(out, ncols);
	buf_put_varint(out, b->nrows);
	for (size_t k = 0; k < ncols; k++) {
		buf_put_varint(out, strlen(p[k].column));
		buf_put_str(out, p[k].column);
		buf_put_varint(out, strlen(p[k].sent));
		buf_put_str(out, p[k].sent);
		if (native_put(out, &p[k], &b->cols[k], err) == -1)
			return -1;
	}
	if (out->over)
		return err_set(err, ERR_LIMIT,
		    "one block of rows takes more than %zu bytes; its rows "
		    "are very long: exclude a column, or raise limits.memory",
		    out->max != 0 ? out->max : BUF_MAX_DEFAULT);
	return 0;
}
