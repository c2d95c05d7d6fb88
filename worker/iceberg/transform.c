/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transforms, a column at a time. Each step is one plain loop over one array,
 * so that the compiler may vectorise it: load as 64-bit words, transform in
 * place, then look once whether any result went out of range.
 *
 * Values under a NULL are junk and are transformed like the others: all
 * arithmetic here wraps and no result is trusted before its NULL is asked.
 */
#include "worker/iceberg/transform.h"

#include <string.h>

#include "common/clock.h"
#include "worker/iceberg/murmur3.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)

bool
transform_applies(enum transform transform, const struct type *source)
{
	enum type_kind k = source->kind;
	bool is_time = k == TYPE_TIMESTAMP || k == TYPE_TIMESTAMPTZ;

	if (transform == TRANSFORM_VOID)
		return true;
	if (type_is_nested(source))
		return false;
	switch (transform) {
	case TRANSFORM_YEAR:
	case TRANSFORM_MONTH:
	case TRANSFORM_DAY:
		return is_time || k == TYPE_DATE;
	case TRANSFORM_HOUR:
		return is_time;
	case TRANSFORM_BUCKET:
		return k != TYPE_BOOLEAN && k != TYPE_FLOAT && k != TYPE_DOUBLE;
	case TRANSFORM_TRUNCATE:
		return k == TYPE_INT || k == TYPE_LONG || k == TYPE_DECIMAL ||
		    k == TYPE_STRING || k == TYPE_BINARY;
	default:
		return true;
	}
}

static bool
is_wide_decimal(const struct type *type)
{
	return type->kind == TYPE_DECIMAL && type_width(type) == 16;
}

static bool
is_text(const struct type *type)
{
	return type->kind == TYPE_STRING || type->kind == TYPE_BINARY;
}

/* Are its values words as they stand in a vec? */
static bool
is_word_type(const struct type *type)
{
	return !is_text(type) && type->kind != TYPE_UUID &&
	    type->kind != TYPE_FIXED && !is_wide_decimal(type);
}

bool
transform_is_word(enum transform transform, const struct type *source)
{
	if (transform == TRANSFORM_IDENTITY || transform == TRANSFORM_TRUNCATE)
		return is_word_type(source);
	return true;
}

/* ---- loading ----------------------------------------------------------- */

/* One NaN stands for all; the rest keeps its bits, -0.0 apart from 0.0. */
static void
load_floats(int64_t *out, const uint8_t *in, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t bits;

		memcpy(&bits, in + 4 * k, 4);
		out[k] = (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits;
	}
}

static void
load_doubles(int64_t *out, const uint8_t *in, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		uint64_t bits;

		memcpy(&bits, in + 8 * k, 8);
		if ((bits & INT64_MAX) > UINT64_C(0x7ff) << 52)
			bits = UINT64_C(0x7ff8) << 48;
		out[k] = (int64_t)bits;
	}
}

static void
load_words(int64_t *out, const struct type *type, const struct vec *vec)
{
	const uint8_t *in = vec->fixed;
	size_t n = vec->n;

	if (n == 0)
		return;
	if (type->kind == TYPE_FLOAT) {
		load_floats(out, in, n);
	} else if (type->kind == TYPE_DOUBLE) {
		load_doubles(out, in, n);
	} else if (vec->width == 8) {
		memcpy(out, in, n * 8);
	} else if (vec->width == 4) {
		for (size_t k = 0; k < n; k++) {
			int32_t v;

			memcpy(&v, in + 4 * k, 4);
			out[k] = v;
		}
	} else {
		for (size_t k = 0; k < n; k++)
			out[k] = in[k] != 0;
	}
}

static void
load_slices(struct slice *out, const struct vec *vec)
{
	if (vec->layout == VEC_BYTES)
		for (size_t k = 0; k < vec->n; k++)
			out[k] = (struct slice){ vec->bytes + vec->offset[k],
				vec->offset[k + 1] - vec->offset[k] };
	else
		for (size_t k = 0; k < vec->n; k++)
			out[k] = (struct slice){ vec->fixed + k * vec->width,
				vec->width };
}

/* ---- time -------------------------------------------------------------- */

/* Division by a constant that the compiler sees, towards minus infinity. */
#define FLOOR_DIVIDE(word, n, divisor)                        \
	do {                                                  \
		for (size_t k_ = 0; k_ < (n); k_++)           \
			(word)[k_] = (word)[k_] / (divisor) - \
			    ((word)[k_] % (divisor) < 0);     \
	} while (0)

/* Data comes mostly in order of time: the calendar is asked once a month. */
static void
days_to_months(int64_t *word, size_t n)
{
	int64_t first = 0, last = -1, month_no = 0;

	for (size_t k = 0; k < n; k++) {
		int year;
		unsigned month, day;

		if (word[k] < first || word[k] > last) {
			civil_from_days(word[k], &year, &month, &day);
			first = word[k] - (day - 1);
			last = month == 12
			    ? first + 30
			    : days_from_civil(year, month + 1, 1) - 1;
			month_no = ((int64_t)year - 1970) * 12 + month - 1;
		}
		word[k] = month_no;
	}
}

static void
apply_time(enum transform transform, const struct type *source, int64_t *word,
    size_t n)
{
	if (transform == TRANSFORM_HOUR) {
		FLOOR_DIVIDE(word, n, HOUR_US);
		return;
	}
	if (source->kind != TYPE_DATE)
		FLOOR_DIVIDE(word, n, DAY_US);
	if (transform == TRANSFORM_DAY)
		return;
	days_to_months(word, n);
	if (transform == TRANSFORM_YEAR)
		FLOOR_DIVIDE(word, n, 12);
}

/* ---- bucket ------------------------------------------------------------ */

uint32_t
hash_bytes(const uint8_t *p, size_t n)
{
	return murmur3_bytes(p, n);
}

uint32_t
hash_long(int64_t v)
{
	return murmur3_long((uint64_t)v);
}

size_t
decimal_bytes(__int128 unscaled, uint8_t out[16])
{
	unsigned __int128 v = (unsigned __int128)unscaled;
	size_t n = 16;

	/* A leading byte goes when the next one bears the same sign. */
	while (n > 1) {
		int top = (int)(unscaled >> (8 * (n - 1) - 1)) & 0x1ff;

		if (top != 0 && top != 0x1ff)
			break;
		n--;
	}
	for (size_t k = 0; k < n; k++)
		out[k] = (uint8_t)(v >> (8 * (n - 1 - k)));
	return n;
}

static void
bucket_words(
    int64_t *word, size_t n, const struct type *source, uint32_t buckets)
{
	if (source->kind == TYPE_DECIMAL) {
		for (size_t k = 0; k < n; k++) {
			uint8_t b[16];

			word[k] = murmur3_bytes(b, decimal_bytes(word[k], b));
		}
	} else {
		for (size_t k = 0; k < n; k++)
			word[k] = murmur3_long((uint64_t)word[k]);
	}
	for (size_t k = 0; k < n; k++)
		word[k] = (uint32_t)(word[k] & INT32_MAX) % buckets;
}

static void
bucket_vec(int64_t *word, const struct type *source, const struct vec *vec,
    uint32_t buckets)
{
	for (size_t k = 0; k < vec->n; k++) {
		uint32_t h;

		if (is_wide_decimal(source)) {
			uint8_t b[16];
			__int128 v;

			memcpy(&v, vec->fixed + 16 * k, 16);
			h = murmur3_bytes(b, decimal_bytes(v, b));
		} else if (vec->layout == VEC_BYTES) {
			h = murmur3_bytes(vec->bytes + vec->offset[k],
			    vec->offset[k + 1] - vec->offset[k]);
		} else {
			h = murmur3_bytes(
			    vec->fixed + k * vec->width, vec->width);
		}
		word[k] = (h & INT32_MAX) % buckets;
	}
}

/* ---- truncate ---------------------------------------------------------- */

/* Smallest and largest word of a type that truncate yields. */
static void
word_range(const struct type *type, int64_t *low, int64_t *high)
{
	if (type->kind == TYPE_LONG) {
		*low = INT64_MIN;
		*high = INT64_MAX;
	} else if (type->kind == TYPE_DECIMAL) {
		*high = (int64_t)ten_to(type->precision) - 1;
		*low = -*high;
	} else {
		*low = INT32_MIN;
		*high = INT32_MAX;
	}
}

static inline int64_t
remainder_floor(int64_t v, int64_t width)
{
	int64_t r = v % width;

	return r + (r < 0 ? width : 0);
}

static void
truncate_words(int64_t *word, size_t n, const struct type *source,
    int64_t width, struct transformed *out)
{
	int64_t low, high;
	bool any = false;
	uint8_t *bad;

	word_range(source, &low, &high);
	/* Only the largest remainder below `low` can fall out: rare. */
	for (size_t k = 0; k < n; k++)
		any |= word[k] < low + width;
	if (any) {
		bad = mem_need(&out->bad_mem, n);
		out->bad = bad;
		for (size_t k = 0; k < n; k++)
			bad[k] = word[k] < low ||
			    (uint64_t)word[k] - (uint64_t)low <
				(uint64_t)remainder_floor(word[k], width);
	}
	for (size_t k = 0; k < n; k++)
		word[k] = (int64_t)((uint64_t)word[k] -
		    (uint64_t)remainder_floor(word[k], width));
}

static void
truncate_wide(struct slice *slice, size_t n, const struct type *source,
    __int128 width, struct transformed *out)
{
	__int128 low = 1 - ten_to(source->precision);
	uint8_t *copy = mem_need(&out->wide_mem, n * 16), *bad = NULL;

	for (size_t k = 0; k < n; k++) {
		__int128 v, r;

		memcpy(&v, slice[k].p, 16);
		r = v % width;
		r += r < 0 ? width : 0;
		if (v < low + r && bad == NULL) {
			bad = mem_need(&out->bad_mem, n);
			memset(bad, 0, n);
			out->bad = bad;
		}
		if (v < low + r)
			bad[k] = 1;
		v = (__int128)((unsigned __int128)v - (unsigned __int128)r);
		memcpy(copy + 16 * k, &v, 16);
		slice[k].p = copy + 16 * k;
	}
}

/* Bytes of the first `width` code points: everything before the byte that
 * starts the next one. Bytes that are not UTF-8 count as they fall. */
static inline size_t
prefix_length(const uint8_t *p, size_t len, uint32_t width)
{
	size_t at = 0;

	if (len <= width)
		return len;
	for (; at < len; at++)
		if ((p[at] & 0xc0) != 0x80 && width-- == 0)
			break;
	return at;
}

static void
truncate_text(
    struct slice *slice, size_t n, const struct type *source, uint32_t width)
{
	if (source->kind == TYPE_STRING) {
		for (size_t k = 0; k < n; k++)
			slice[k].len =
			    prefix_length(slice[k].p, slice[k].len, width);
	} else {
		for (size_t k = 0; k < n; k++)
			if (slice[k].len > width)
				slice[k].len = width;
	}
}

/* ---- all together ------------------------------------------------------ */

/* Results that are ints: hours since 1970 leave them in the year 246953. */
static void
mark_beyond_int(struct transformed *out)
{
	bool any = false;
	uint8_t *bad;

	for (size_t k = 0; k < out->n; k++)
		any |= out->word[k] != (int32_t)out->word[k];
	if (!any)
		return;
	bad = mem_need(&out->bad_mem, out->n);
	for (size_t k = 0; k < out->n; k++)
		bad[k] = out->word[k] != (int32_t)out->word[k];
	out->bad = bad;
}

static void
apply_to_words(const struct partition_field *f, const struct type *source,
    const struct vec *vec, struct transformed *out)
{
	int64_t *word = mem_need(&out->value_mem, vec->n * sizeof *word);

	out->word = word;
	if (!is_word_type(source)) { /* bucket: the only way to a word */
		bucket_vec(word, source, vec, f->param);
		return;
	}
	load_words(word, source, vec);
	switch (f->transform) {
	case TRANSFORM_BUCKET:
		bucket_words(word, vec->n, source, f->param);
		break;
	case TRANSFORM_TRUNCATE:
		truncate_words(word, vec->n, source, f->param, out);
		break;
	case TRANSFORM_YEAR:
	case TRANSFORM_MONTH:
	case TRANSFORM_DAY:
	case TRANSFORM_HOUR:
		apply_time(f->transform, source, word, vec->n);
		mark_beyond_int(out);
		break;
	default:
		break;
	}
}

static void
apply_to_slices(const struct partition_field *f, const struct type *source,
    const struct vec *vec, struct transformed *out)
{
	struct slice *slice = mem_need(&out->value_mem, vec->n * sizeof *slice);

	out->slice = slice;
	load_slices(slice, vec);
	if (f->transform != TRANSFORM_TRUNCATE)
		return;
	if (is_text(source))
		truncate_text(slice, vec->n, source, f->param);
	else
		truncate_wide(slice, vec->n, source, f->param, out);
}

void
transform_apply(const struct partition_field *f, const struct type *source,
    const struct vec *vec, struct transformed *out)
{
	out->null = vec->null;
	out->index = NULL;
	out->word = NULL;
	out->slice = NULL;
	out->bad = NULL;
	if (vec->layout == VEC_DICT) {
		out->index = vec->index;
		vec = vec->dict;
	}
	out->n = vec->n;
	if (transform_is_word(f->transform, source))
		apply_to_words(f, source, vec, out);
	else
		apply_to_slices(f, source, vec, out);
}

void
transformed_clear(struct transformed *t)
{
	mem_clear(&t->value_mem);
	mem_clear(&t->wide_mem);
	mem_clear(&t->bad_mem);
	memset(t, 0, sizeof *t);
}
