/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of COPY's binary format into vecs, a column at a time: one loop for
 * each form. A cell is a big-endian length (-1: NULL) and that many bytes,
 * which have been found to lie within the message; that a length fits the
 * type is checked here. (The types' send functions; format.md 3.4.)
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/postgres.h"
#include "worker/source/utf8.h"

enum { DAYS_2000 = 10957 };
static const int64_t us_2000 = INT64_C(946684800000000);

typedef const uint8_t *const cells;

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}

static inline uint64_t
be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}

static inline bool
is_null(const uint8_t *cell)
{
	return be32(cell) == UINT32_MAX;
}

static int
bad_length(const struct postgres_column *c, struct err *err)
{
	return err_set(err, ERR_DATA,
	    "corrupt stream: column '%s' (%s): a value of an impossible "
	    "length; run it again",
	    c->name, c->type_text);
}

static int
bad_value(const struct postgres_column *c, const char *problem, struct err *err)
{
	return err_set(err, ERR_DATA, "column '%s' (%s): a value %s", c->name,
	    c->type_text, problem);
}

/* ---- fixed width ---------------------------------------------------------- */

/* Are all lengths the form's width, or NULL's? */
static int
check_fixed(
    const struct postgres_column *c, cells *cell, size_t n, struct err *err)
{
	uint32_t width = c->map.width, wrong = 0;

	for (size_t k = 0; k < n; k++) {
		uint32_t len = be32(cell[k]);

		wrong |= (len != width) & (len != UINT32_MAX);
	}
	return wrong ? bad_length(c, err) : 0;
}

static void
put_ints(uint8_t *out, uint32_t dst, unsigned src, cells *cell, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		int64_t v = is_null(cell[k]) ? 0
		    : src == 2               ? (int16_t)be16(cell[k] + 4)
		    : src == 4               ? (int32_t)be32(cell[k] + 4)
					     : (int64_t)be64(cell[k] + 4);

		memcpy(out + k * dst, &v, dst);
	}
}

static void
put_unsigned(uint8_t *out, uint32_t dst, unsigned src, cells *cell, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		unsigned __int128 v = is_null(cell[k]) ? 0
		    : src == 4                         ? be32(cell[k] + 4)
						       : be64(cell[k] + 4);

		memcpy(out + k * dst, &v, dst);
	}
}

static int
put_dates(struct vec *v, const struct postgres_column *c, cells *cell, size_t n,
    struct err *err)
{
	int32_t *out = (int32_t *)(void *)vec_set_fixed(v, 4, n);

	for (size_t k = 0; k < n; k++) {
		int32_t day = is_null(cell[k]) ? 0 : (int32_t)be32(cell[k] + 4);

		if (day == INT32_MAX || day == INT32_MIN ||
		    __builtin_add_overflow(day, DAYS_2000, &out[k]))
			return bad_value(c, c->map.problem, err);
	}
	return 0;
}

static int
put_ticks(struct vec *v, const struct postgres_column *c, cells *cell, size_t n,
    struct err *err)
{
	int64_t *out = (int64_t *)(void *)vec_set_fixed(v, 8, n);

	for (size_t k = 0; k < n; k++) {
		int64_t us = is_null(cell[k]) ? 0 : (int64_t)be64(cell[k] + 4);

		if (us == INT64_MAX || us == INT64_MIN ||
		    __builtin_add_overflow(us, us_2000, &out[k]))
			return bad_value(c, c->map.problem, err);
	}
	return 0;
}

static int
put_fixed(struct vec *v, const struct postgres_column *c, const struct type *t,
    cells *cell, size_t n, struct err *err)
{
	uint32_t dst = type_width(t);
	uint8_t *out;

	switch (c->map.form) {
	case POSTGRES_DATE:
		if (put_dates(v, c, cell, n, err) == -1)
			return -1;
		break;
	case POSTGRES_TICKS:
		if (put_ticks(v, c, cell, n, err) == -1)
			return -1;
		break;
	case POSTGRES_BOOL:
		out = vec_set_fixed(v, 1, n);
		for (size_t k = 0; k < n; k++)
			out[k] = !is_null(cell[k]) && cell[k][4] != 0;
		break;
	case POSTGRES_UUID:
		out = vec_set_fixed(v, 16, n);
		for (size_t k = 0; k < n; k++)
			if (is_null(cell[k]))
				memset(out + 16 * k, 0, 16);
			else
				memcpy(out + 16 * k, cell[k] + 4, 16);
		break;
	case POSTGRES_UNSIGNED:
		put_unsigned(
		    vec_set_fixed(v, dst, n), dst, c->map.width, cell, n);
		break;
	default: /* a float's bits turn around like an integer's */
		assert(dst == 8 || c->map.width <= dst);
		put_ints(vec_set_fixed(v, dst, n), dst, c->map.width, cell, n);
		break;
	}
	return 0;
}

/* ---- numeric -------------------------------------------------------------- */

enum {
	POSITIVE = 0x0000,
	NEGATIVE = 0x4000,
	NAN_SIGN = 0xc000,
	PLUS_INFINITY = 0xd000,
	MINUS_INFINITY = 0xf000
};

/*
 * (numeric_send): digits of base 10000, the first of weight 10000^weight. The
 * value without its point, at the type's scale; the last digit may reach
 * below the scale with zeros only. False: it does not fit.
 */
static bool
unscaled(const uint8_t *p, size_t ndigits, int weight, const struct type *t,
    __int128 *out)
{
	const __int128 most = ten_to(t->precision);
	__int128 v = 0, unit;

	for (size_t k = 0; k < ndigits; k++) {
		unsigned digit = be16(p + 2 * k);
		/* the power of ten that this digit counts in the result */
		int power = 4 * (weight - (int)k) + t->scale;

		if (digit > 9999)
			return false;
		if (power < 0) {
			unsigned below = 1;

			for (; power < 0 && below < 10000; power++)
				below *= 10;
			if (digit % below != 0)
				return false;
			digit /= below;
			if (power < 0 && digit != 0)
				return false;
			power = 0;
		}
		if (digit == 0)
			continue;
		if (power > 38)
			return false;
		unit = ten_to((unsigned)power);
		if ((most - 1 - v) / unit < digit)
			return false;
		v += digit * unit;
	}
	*out = v;
	return true;
}

static int
put_numerics(struct vec *v, const struct postgres_column *c,
    const struct type *t, cells *cell, size_t n, struct err *err)
{
	uint32_t dst = type_width(t);
	uint8_t *out = vec_set_fixed(v, dst, n);

	for (size_t k = 0; k < n; k++) {
		const uint8_t *p = cell[k] + 4;
		uint32_t len = be32(cell[k]), ndigits, sign;
		__int128 value = 0;

		if (len != UINT32_MAX) {
			if (len < 8 || len != 8 + 2 * (ndigits = be16(p)))
				return bad_length(c, err);
			sign = be16(p + 4);
			if (sign != POSITIVE && sign != NEGATIVE)
				return bad_value(c, c->map.problem, err);
			if (!unscaled(p + 8, ndigits, (int16_t)be16(p + 2), t,
				&value))
				return bad_value(c,
				    c->map.too_long != NULL
					? c->map.too_long
					: "does not fit the column's decimal; "
					  "set as: string",
				    err);
			if (sign == NEGATIVE)
				value = -value;
		}
		memcpy(out + k * dst, &value, dst);
	}
	return 0;
}

static int
put_doubles(struct vec *v, const struct postgres_column *c, cells *cell,
    size_t n, struct err *err)
{
	double *out = (double *)(void *)vec_set_fixed(v, 8, n);

	for (size_t k = 0; k < n; k++) {
		const uint8_t *p = cell[k] + 4;
		uint32_t len = be32(cell[k]), ndigits, sign;

		out[k] = 0;
		if (len == UINT32_MAX)
			continue;
		if (len < 8 || len != 8 + 2 * (ndigits = be16(p)))
			return bad_length(c, err);
		sign = be16(p + 4);
		if (sign == NAN_SIGN || sign == PLUS_INFINITY ||
		    sign == MINUS_INFINITY)
			out[k] = sign == NAN_SIGN   ? (double)NAN
			    : sign == PLUS_INFINITY ? (double)INFINITY
						    : (double)-INFINITY;
		else if (!postgres_double(p + 8, ndigits, (int16_t)be16(p + 2),
			     sign == NEGATIVE, &out[k]))
			return bad_value(c, c->map.problem, err);
	}
	return 0;
}

/* ---- text and bytes ------------------------------------------------------- */

/* Bytes at the end of a decimal number that say nothing: ".00", "0" of 1.10. */
static uint32_t
fraction_zeros(const uint8_t *text, uint32_t len)
{
	uint32_t end = len;

	if (memchr(text, '.', len) == NULL)
		return 0;
	while (text[end - 1] == '0')
		end--;
	return len - end + (text[end - 1] == '.');
}

static int
put_bytes(struct vec *v, const struct postgres_column *c, cells *cell, size_t n,
    struct err *err)
{
	uint32_t *offset = vec_set_offsets(v, VEC_BYTES, n);
	size_t skip = c->map.form == POSTGRES_JSONB ? 1 : 0, total = 0;
	uint8_t *out;

	for (size_t k = 0; k < n; k++) {
		uint32_t len = be32(cell[k]);

		if (len != UINT32_MAX) {
			if (len < skip || (skip == 1 && cell[k][4] != 1))
				return bad_length(c, err);
			total += len - skip;
			if (c->map.trim)
				total -= fraction_zeros(cell[k] + 4, len);
		}
		if (total > UINT32_MAX)
			return bad_value(c,
			    "and those beside it are over 4 GiB; exclude the "
			    "column",
			    err);
		offset[k + 1] = (uint32_t)total;
	}
	out = vec_set_bytes(v, total);
	for (size_t k = 0; k < n; k++)
		memcpy(out + offset[k], cell[k] + 4 + skip,
		    offset[k + 1] - offset[k]);
	if (c->map.form != POSTGRES_BYTES && !utf8_vec_valid(v))
		return bad_value(c,
		    "is not UTF-8, as a database of encoding SQL_ASCII allows; "
		    "exclude the column or mend the value",
		    err);
	return 0;
}

/* ---- arrays --------------------------------------------------------------- */

/* (array_send): dimensions, has nulls, element type, then per dimension size
 * and lower bound; then the elements as cells. */
static int
array_elements(const struct postgres_column *c, const uint8_t *cell,
    uint32_t *count, struct err *err)
{
	const uint8_t *p = cell + 4;
	uint32_t len = be32(cell), ndim;

	*count = 0;
	if (len < 12)
		return bad_length(c, err);
	ndim = be32(p);
	if (ndim == 0)
		return 0;
	if (ndim > 1)
		return bad_value(
		    c, "has more than one dimension; set as: string", err);
	if (len < 20)
		return bad_length(c, err);
	if (be32(p + 16) != 1)
		return bad_value(c,
		    "counts its elements from another number than 1; set "
		    "as: string",
		    err);
	*count = be32(p + 12);
	if (*count > (len - 20) / 4)
		return bad_length(c, err);
	return 0;
}

static int put_leaf(struct vec *, const struct postgres_column *,
    const struct type *, cells *, size_t n, struct err *);

static int
find_elements(const struct postgres_column *c, const uint8_t *cell,
    uint32_t count, const uint8_t **out, struct err *err)
{
	const uint8_t *p = cell + 4 + 20, *end = cell + 4 + be32(cell);

	for (uint32_t k = 0; k < count; k++) {
		if (end - p < 4)
			return bad_length(c, err);
		uint32_t len = be32(p);

		out[k] = p;
		p += 4;
		if (len == UINT32_MAX)
			continue;
		if (len > (size_t)(end - p))
			return bad_length(c, err);
		p += len;
	}
	return 0;
}

static int
put_arrays(struct vec *v, const struct postgres_column *c, cells *cell,
    size_t n, struct err *err)
{
	uint32_t *offset = vec_set_offsets(v, VEC_LIST, n), count;
	const uint8_t **elements;
	uint64_t total = 0;
	int rc = 0;

	for (size_t k = 0; k < n; k++) {
		count = 0;
		if (!is_null(cell[k]) &&
		    array_elements(c, cell[k], &count, err) == -1)
			return -1;
		total += count; /* of a batch's bytes: no overflow */
		offset[k + 1] = (uint32_t)total;
	}
	elements = xcalloc(total + 1, sizeof(*elements));
	for (size_t k = 0; rc == 0 && k < n; k++)
		if (offset[k + 1] > offset[k])
			rc =
			    find_elements(c, cell[k], offset[k + 1] - offset[k],
				elements + offset[k], err);
	if (rc == 0)
		rc = put_leaf(&v->child[0], c, &c->field.type.fields[0].type,
		    elements, total, err);
	free(elements);
	return rc;
}

/* ---- columns -------------------------------------------------------------- */

/* For forms whose lengths vary; after the setters, which forget it. */
static void
put_nulls(struct vec *v, cells *cell, size_t n)
{
	size_t nulls = 0;
	uint8_t *null;

	for (size_t k = 0; k < n; k++)
		nulls += is_null(cell[k]);
	if (nulls == 0)
		return;
	null = vec_set_null(v, n);
	for (size_t k = 0; k < n; k++)
		null[k] = is_null(cell[k]);
}

static int
put_leaf(struct vec *v, const struct postgres_column *c, const struct type *t,
    cells *cell, size_t n, struct err *err)
{
	int rc;

	if (c->map.width > 0) {
		if (check_fixed(c, cell, n, err) == -1)
			return -1;
		rc = put_fixed(v, c, t, cell, n, err);
	} else if (c->map.form == POSTGRES_NUMERIC) {
		rc = put_numerics(v, c, t, cell, n, err);
	} else if (c->map.form == POSTGRES_DOUBLE) {
		rc = put_doubles(v, c, cell, n, err);
	} else {
		rc = put_bytes(v, c, cell, n, err);
	}
	if (rc == 0)
		put_nulls(v, cell, n);
	return rc;
}

int
postgres_values(struct vec *v, const struct postgres_column *c,
    const uint8_t *const *cell, size_t n, struct err *err)
{
	if (!c->map.array)
		return put_leaf(v, c, &c->field.type, cell, n, err);
	if (put_arrays(v, c, cell, n, err) == -1)
		return -1;
	put_nulls(v, cell, n);
	return 0;
}
