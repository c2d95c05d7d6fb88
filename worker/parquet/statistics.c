/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running minima and maxima. Loops over numbers have no branches; those over
 * byte strings compare an eight-byte key first, so that most values are
 * dismissed without a memcmp.
 */
#include "worker/parquet/statistics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/parquet/truncate.h"

void
stats_init(struct stats *s, enum stats_order order, uint32_t width)
{
	*s = (struct stats){ .order = order, .width = width };
}

void
stats_reset(struct stats *s)
{
	s->has = false;
	s->nulls = s->nans = 0;
	buf_reset(&s->lower);
	buf_reset(&s->upper);
}

void
stats_clear(struct stats *s)
{
	buf_clear(&s->lower);
	buf_clear(&s->upper);
	stats_reset(s);
}

/* ---- numbers --------------------------------------------------------------- */

static void
merge_ints(struct stats *s, int64_t low, int64_t high)
{
	s->low = s->has && s->low < low ? s->low : low;
	s->high = s->has && s->high > high ? s->high : high;
	s->has = true;
}

static void
merge_floats(struct stats *s, double least, double most)
{
	s->least = s->has && s->least < least ? s->least : least;
	s->most = s->has && s->most > most ? s->most : most;
	s->has = true;
}

#define ADD_INTS(name, type)                                          \
	static void name(struct stats *s, const uint8_t *p, size_t n) \
	{                                                             \
		type low, high, v;                                    \
                                                                      \
		memcpy(&low, p, sizeof(low));                         \
		high = low;                                           \
		for (size_t k = 0; k < n; k++) {                      \
			memcpy(&v, p + k * sizeof(v), sizeof(v));     \
			low = v < low ? v : low;                      \
			high = v > high ? v : high;                   \
		}                                                     \
		merge_ints(s, low, high);                             \
	}

ADD_INTS(add_bools, uint8_t)
ADD_INTS(add_int32, int32_t)
ADD_INTS(add_int64, int64_t)

/* A comparison with NaN is false and so changes nothing. */
#define ADD_FLOATS(name, type)                                          \
	static void name(struct stats *s, const uint8_t *p, size_t n)   \
	{                                                               \
		type least = (type)INFINITY, most = -(type)INFINITY, v; \
		size_t nans = 0;                                        \
                                                                        \
		for (size_t k = 0; k < n; k++) {                        \
			memcpy(&v, p + k * sizeof(v), sizeof(v));       \
			least = v < least ? v : least;                  \
			most = v > most ? v : most;                     \
			nans += v != v;                                 \
		}                                                       \
		s->nans += (int64_t)nans;                               \
		if (nans < n)                                           \
			merge_floats(s, least, most);                   \
	}

ADD_FLOATS(add_float, float)
ADD_FLOATS(add_double, double)

/* ---- bytes ----------------------------------------------------------------- */

static int
compare_bytes(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int c = n > 0 ? memcmp(a, b, n) : 0;

	return c != 0 ? c : (na > nb) - (na < nb);
}

/* Big-endian two's complement of equal length. */
static int
compare_signed(const uint8_t *a, const uint8_t *b, size_t n)
{
	int first = (int8_t)a[0] - (int8_t)b[0];

	return first != 0 ? first : memcmp(a, b, n);
}

static int
compare(enum stats_order order, const uint8_t *a, size_t na, const uint8_t *b,
    size_t nb)
{
	return order == ORDER_SIGNED ? compare_signed(a, b, na)
				     : compare_bytes(a, na, b, nb);
}

static void
put_bound(struct buf *to, const uint8_t *p, size_t n)
{
	buf_reset(to);
	buf_put(to, p, n);
}

void
stats_add_one(struct stats *s, const uint8_t *p, size_t n)
{
	if (!s->has || compare(s->order, p, n, s->lower.data, s->lower.len) < 0)
		put_bound(&s->lower, p, n);
	if (!s->has || compare(s->order, p, n, s->upper.data, s->upper.len) > 0)
		put_bound(&s->upper, p, n);
	s->has = true;
}

static void
add_fixed_bytes(struct stats *s, const uint8_t *p, size_t n)
{
	size_t w = s->width;
	const uint8_t *low = p, *high = p;

	for (size_t k = 1; k < n; k++) {
		const uint8_t *v = p + k * w;

		if (compare(s->order, v, w, low, w) < 0)
			low = v;
		else if (compare(s->order, v, w, high, w) > 0)
			high = v;
	}
	stats_add_one(s, low, w);
	stats_add_one(s, high, w);
}

void
stats_add_fixed(struct stats *s, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	switch (s->order) {
	case ORDER_BOOL:
		add_bools(s, p, n);
		break;
	case ORDER_INT32:
		add_int32(s, p, n);
		break;
	case ORDER_INT64:
		add_int64(s, p, n);
		break;
	case ORDER_FLOAT:
		add_float(s, p, n);
		break;
	case ORDER_DOUBLE:
		add_double(s, p, n);
		break;
	default:
		add_fixed_bytes(s, p, n);
		break;
	}
}

/* First eight bytes as a number that sorts as they do. */
static inline uint64_t
sort_key(const uint8_t *p, size_t n)
{
	uint64_t key = 0;

	if (n >= 8) {
		memcpy(&key, p, 8);
		return __builtin_bswap64(key);
	}
	for (size_t k = 0; k < n; k++)
		key |= (uint64_t)p[k] << (56 - 8 * k);
	return key;
}

void
stats_add_bytes(struct stats *s, const struct vec *v, size_t first,
    const uint32_t *rows, size_t n)
{
	size_t low, high;
	uint64_t low_key, high_key;

	if (n == 0)
		return;
	low = high = rows != NULL ? rows[0] : first;
	low_key = high_key = sort_key(
	    v->bytes + v->offset[low], v->offset[low + 1] - v->offset[low]);
	for (size_t k = 1; k < n; k++) {
		size_t i = rows != NULL ? rows[k] : first + k;
		const uint8_t *p = v->bytes + v->offset[i];
		size_t len = v->offset[i + 1] - v->offset[i];
		uint64_t key = sort_key(p, len);

		if (key > low_key && key < high_key)
			continue;
		if (compare_bytes(p, len, v->bytes + v->offset[low],
			v->offset[low + 1] - v->offset[low]) < 0) {
			low = i;
			low_key = key;
		} else if (compare_bytes(p, len, v->bytes + v->offset[high],
			       v->offset[high + 1] - v->offset[high]) > 0) {
			high = i;
			high_key = key;
		}
	}
	stats_add_one(
	    s, v->bytes + v->offset[low], v->offset[low + 1] - v->offset[low]);
	stats_add_one(s, v->bytes + v->offset[high],
	    v->offset[high + 1] - v->offset[high]);
}

void
stats_merge(struct stats *to, const struct stats *from)
{
	to->nulls += from->nulls;
	to->nans += from->nans;
	if (!from->has)
		return;
	switch (to->order) {
	case ORDER_BOOL:
	case ORDER_INT32:
	case ORDER_INT64:
		merge_ints(to, from->low, from->high);
		break;
	case ORDER_FLOAT:
	case ORDER_DOUBLE:
		merge_floats(to, from->least, from->most);
		break;
	default:
		stats_add_one(to, from->lower.data, from->lower.len);
		stats_add_one(to, from->upper.data, from->upper.len);
		break;
	}
}

/* ---- bounds ---------------------------------------------------------------- */

bool
stats_has_bounds(const struct stats *s)
{
	return s->has && s->nans == 0;
}

static bool
truncate_bound(enum stats_order order, const struct buf *from, bool upper,
    struct buf *to, bool *exact)
{
	*exact = from->len <= STATS_TRUNCATE;
	if (*exact) {
		buf_put(to, from->data, from->len);
		return true;
	}
	if (!upper) {
		truncate_lower(from->data, from->len, STATS_TRUNCATE,
		    order == ORDER_TEXT, to);
		return true;
	}
	if (truncate_upper(
		from->data, from->len, STATS_TRUNCATE, order == ORDER_TEXT, to))
		return true;
	if (from->len > STATS_LONGEST)
		return false;
	*exact = true;
	put_bound(to, from->data, from->len);
	return true;
}

static void
put_int(const struct stats *s, int64_t v, struct buf *to)
{
	if (s->order == ORDER_BOOL)
		buf_put_u8(to, v != 0);
	else if (s->order == ORDER_INT32)
		buf_put_u32(to, (uint32_t)v);
	else
		buf_put_u64(to, (uint64_t)v);
}

/* zero: how a zero bound is spelled, since -0.0 == 0.0 */
static void
put_float(const struct stats *s, double v, double zero, struct buf *to)
{
	float narrow;

	if (v == 0)
		v = zero;
	narrow = (float)v;
	if (s->order == ORDER_FLOAT)
		buf_put(to, &narrow, sizeof(narrow));
	else
		buf_put(to, &v, sizeof(v));
}

bool
stats_bounds(const struct stats *s, struct buf *lower, struct buf *upper,
    bool *lower_exact, bool *upper_exact)
{
	buf_reset(lower);
	buf_reset(upper);
	*lower_exact = *upper_exact = true;
	if (!stats_has_bounds(s))
		return false;
	switch (s->order) {
	case ORDER_BOOL:
	case ORDER_INT32:
	case ORDER_INT64:
		put_int(s, s->low, lower);
		put_int(s, s->high, upper);
		return true;
	case ORDER_FLOAT:
	case ORDER_DOUBLE:
		put_float(s, s->least, -0.0, lower);
		put_float(s, s->most, 0.0, upper);
		return true;
	case ORDER_BYTES:
	case ORDER_TEXT:
		return truncate_bound(
			   s->order, &s->lower, false, lower, lower_exact) &&
		    truncate_bound(
			s->order, &s->upper, true, upper, upper_exact);
	case ORDER_FIXED:
	case ORDER_SIGNED:
		break;
	}
	buf_put(lower, s->lower.data, s->lower.len);
	buf_put(upper, s->upper.data, s->upper.len);
	return true;
}

int
stats_compare(const struct stats *s, const uint8_t *a, size_t na,
    const uint8_t *b, size_t nb)
{
	double da = 0, db = 0;
	int64_t ia = 0, ib = 0;
	float fa = 0, fb = 0;
	int32_t na32 = 0, nb32 = 0;

	switch (s->order) {
	case ORDER_FLOAT:
		memcpy(&fa, a, sizeof(fa));
		memcpy(&fb, b, sizeof(fb));
		return (fa > fb) - (fa < fb);
	case ORDER_DOUBLE:
		memcpy(&da, a, sizeof(da));
		memcpy(&db, b, sizeof(db));
		return (da > db) - (da < db);
	case ORDER_INT32:
		memcpy(&na32, a, sizeof(na32));
		memcpy(&nb32, b, sizeof(nb32));
		return (na32 > nb32) - (na32 < nb32);
	case ORDER_INT64:
		memcpy(&ia, a, sizeof(ia));
		memcpy(&ib, b, sizeof(ib));
		return (ia > ib) - (ia < ib);
	default:
		return compare(s->order, a, na, b, nb);
	}
}

/* Big-endian, without leading bytes that only repeat the sign. */
static void
put_minimal(const uint8_t *p, size_t n, struct buf *to)
{
	while (n > 1 &&
	    ((p[0] == 0x00 && p[1] < 0x80) || (p[0] == 0xFF && p[1] >= 0x80))) {
		p++;
		n--;
	}
	buf_put(to, p, n);
}

uint8_t *
stats_single_value(
    const struct stats *s, const struct type *type, bool upper, size_t *len)
{
	const struct buf *bytes = upper ? &s->upper : &s->lower;
	struct buf out = { 0 };
	uint64_t big;

	assert(stats_has_bounds(s));
	switch (s->order) {
	case ORDER_BOOL:
	case ORDER_INT32:
	case ORDER_INT64:
		if (type->kind == TYPE_DECIMAL) {
			big = __builtin_bswap64(
			    (uint64_t)(upper ? s->high : s->low));
			put_minimal((const uint8_t *)&big, sizeof(big), &out);
		} else {
			put_int(s, upper ? s->high : s->low, &out);
		}
		break;
	case ORDER_FLOAT:
	case ORDER_DOUBLE:
		put_float(
		    s, upper ? s->most : s->least, upper ? 0.0 : -0.0, &out);
		break;
	case ORDER_SIGNED:
		put_minimal(bytes->data, bytes->len, &out);
		break;
	default:
		buf_put(&out, bytes->data, bytes->len);
		break;
	}
	*len = out.len;
	return out.data != NULL ? out.data : xmalloc(1);
}
