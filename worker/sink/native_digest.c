/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the table as numbers: one pass over the bytes of each column, by
 * the type that the server says it has. */
#include "worker/sink/native_digest.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/clickhouse/type.h"
#include "worker/sink/native_digest_own.h"

enum { ROWS_MAX = 1 << 24, TEXT_MAX = CH_TYPE_TEXT_MAX };

/* Begins the number of what no value of the source's type can be. */
static const uint64_t impossible = UINT64_C(0x696d706f73736962);

struct native_digest *
native_digest_new(const struct type *incoming, size_t timestamp)
{
	struct native_digest *d = xcalloc(1, sizeof(*d));

	d->incoming = incoming;
	d->timestamp = timestamp;
	return d;
}

void
native_digest_free(struct native_digest *d)
{
	if (d == NULL)
		return;
	mem_clear(&d->rows);
	mem_clear(&d->timestamps);
	mem_clear(&d->column);
	mem_clear(&d->text);
	free(d);
}

const uint64_t *
native_digest_rows(const struct native_digest *d)
{
	return d->rows.p;
}

const int64_t *
native_digest_timestamps(const struct native_digest *d)
{
	return d->timestamps.p;
}

/* ---- types ---------------------------------------------------------------- */

static bool
is_integer(enum ch_kind k)
{
	return k == CH_BOOL || (k >= CH_INT8 && k <= CH_UINT256);
}

static bool
is_comparable_leaf(const struct type *t, enum ch_kind is)
{
	switch (t->kind) {
	case TYPE_BOOLEAN:
	case TYPE_INT:
	case TYPE_LONG:
	case TYPE_TIME:
	case TYPE_DECIMAL:
		return is_integer(is) || is == CH_DECIMAL;
	case TYPE_DATE:
		return is == CH_DATE || is == CH_DATE32;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return is == CH_DATETIME || is == CH_DATETIME64;
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		return is == CH_FLOAT32 || is == CH_FLOAT64;
	case TYPE_UUID:
		return is == CH_UUID;
	case TYPE_STRING:
	case TYPE_BINARY:
	case TYPE_FIXED:
		return is == CH_STRING || is == CH_FIXED_STRING;
	default:
		return false;
	}
}

/* Can a column of the one type hold what is a value of the other, in a form
 * that is read below? LowCardinality and Enum are asked for as what they
 * stand for. */
static bool
is_comparable(const struct type *t, const struct ch_type *is)
{
	if (t->kind == TYPE_LIST)
		return is->kind == CH_ARRAY &&
		    is_comparable(&t->fields[0].type, &is->args[0]);
	return is->kind != CH_LOW_CARDINALITY &&
	    is_comparable_leaf(t, ch_type_bare(is, NULL)->kind);
}

/* ---- whole numbers -------------------------------------------------------- */

/* Units of the table's type, as units of the source's. */
struct widening {
	uint32_t width;
	bool is_unsigned;
	int up; /* powers of ten: the source's scale less the table's */
};

static int
scale_of(const struct type *t)
{
	return t->kind == TYPE_DECIMAL    ? t->scale
	    : t->kind == TYPE_TIMESTAMP   ? 6
	    : t->kind == TYPE_TIMESTAMPTZ ? 6
					  : 0;
}

static struct widening
widening_of(const struct type *t, const struct ch_type *is)
{
	return (struct widening){
		.width = ch_type_width(is),
		.is_unsigned = is->kind == CH_BOOL || is->kind == CH_DATE ||
		    is->kind == CH_DATETIME ||
		    (is->kind >= CH_UINT8 && is->kind <= CH_UINT256),
		.up = scale_of(t) -
		    (is->kind == CH_DECIMAL || is->kind == CH_DATETIME64
			    ? is->scale
			    : 0),
	};
}

/* Little-endian bytes; false where they are beyond 128 bits with a sign. */
static inline bool
load(const struct widening *w, const uint8_t *p, __int128 *out)
{
	unsigned shift = 128 - 8 * (w->width < 16 ? w->width : 16);
	unsigned __int128 v = 0;
	uint8_t sign;

	memcpy(&v, p, w->width < 16 ? w->width : 16);
	*out = w->is_unsigned && shift > 0 ? (__int128)v
					   : (__int128)(v << shift) >> shift;
	if (w->width < 16 || (w->width == 16 && !w->is_unsigned))
		return true;
	sign = *out < 0 ? 0xff : 0;
	for (uint32_t k = 16; k < w->width; k++)
		if (p[k] != sign)
			return false;
	return !w->is_unsigned || sign == 0;
}

/* Whether the source's type can have this value; *out is it, or the one
 * before it, or as near as 128 bits come. */
static bool
widen(const struct widening *w, const uint8_t *p, __int128 *out)
{
	__int128 unit, rest;

	if (!load(w, p, out))
		return false;
	if (w->up == 0 || *out == 0)
		return true;
	if (w->up < -38 || w->up > 38)
		return false;
	unit = ten_to((unsigned)(w->up < 0 ? -w->up : w->up));
	if (w->up > 0) {
		__int128 v = *out;

		if (!__builtin_mul_overflow(v, unit, out))
			return true;
		*out = v; /* no timestamp comes so far */
		return false;
	}
	rest = *out % unit;
	*out = *out / unit - (rest < 0);
	return rest == 0;
}

/* timestamps may be NULL. */
static void
put_integers(const struct widening *w, const uint8_t *p, size_t n,
    uint64_t *out, int64_t *timestamps)
{
	for (size_t k = 0; k < n; k++, p += w->width) {
		__int128 v;

		out[k] = widen(w, p, &v)
		    ? digest_integer(v)
		    : digest_mix(impossible, digest_bytes(p, w->width));
		if (timestamps != NULL)
			timestamps[k] = digest_clamp(v);
	}
}

/* ---- other values of one width -------------------------------------------- */

static void
put_floats(uint32_t width, const uint8_t *p, size_t n, uint64_t *out)
{
	for (size_t k = 0; k < n; k++, p += width) {
		float narrow;
		double wide;

		if (width == 4) {
			memcpy(&narrow, p, 4);
			wide = narrow;
		} else {
			memcpy(&wide, p, 8);
		}
		out[k] = digest_double(wide);
	}
}

/* Two little-endian halves, the high one first. */
static void
put_uuids(const uint8_t *p, size_t n, uint64_t *out)
{
	for (size_t k = 0; k < n; k++, p += 16) {
		uint64_t half[2];

		memcpy(half, p, 16);
		half[0] = __builtin_bswap64(half[0]);
		half[1] = __builtin_bswap64(half[1]);
		out[k] = digest_bytes((const uint8_t *)half, 16);
	}
}

/* A text has no zero bytes: those at the end are the type's. Bytes may. */
static void
put_fixed_strings(const struct type *t, uint32_t width, const uint8_t *p,
    size_t n, uint64_t *out)
{
	for (size_t k = 0; k < n; k++, p += width) {
		size_t len = width;

		while (t->kind == TYPE_STRING && len > 0 && p[len - 1] == 0)
			len--;
		out[k] = digest_bytes(p, len);
	}
}

static int
read_fixed(struct stream *in, const struct type *t, const struct ch_type *is,
    size_t n, uint64_t *out, int64_t *timestamps, struct err *err)
{
	uint32_t width = ch_type_width(is);
	struct mem values = { NULL, 0 };
	struct widening w;
	int rc = stream_afford(in, n, width, err);

	if (rc == 0)
		rc = stream_read_mem(in, &values, n * width, err);
	if (rc == -1)
		;
	else if (is->kind == CH_FIXED_STRING)
		put_fixed_strings(t, width, values.p, n, out);
	else if (is->kind == CH_UUID)
		put_uuids(values.p, n, out);
	else if (is->kind == CH_FLOAT32 || is->kind == CH_FLOAT64)
		put_floats(width, values.p, n, out);
	else
		w = widening_of(t, is),
		put_integers(&w, values.p, n, out, timestamps);
	mem_clear(&values);
	return rc;
}

/* ---- lengths -------------------------------------------------------------- */

static int
read_strings(struct stream *in, size_t n, uint64_t *out, struct err *err)
{
	struct mem text = { NULL, 0 };
	int rc = 0;

	for (size_t k = 0; k < n && rc == 0; k++) {
		uint64_t len;

		if (stream_varint(in, &len, err) == -1 ||
		    stream_afford(in, len, 1, err) == -1) {
			rc = -1;
			break;
		}
		rc = stream_read_mem(in, &text, (size_t)len, err);
		if (rc == 0)
			out[k] = digest_bytes(text.p, (size_t)len);
	}
	mem_clear(&text);
	return rc;
}

static int read_values(struct stream *, const struct type *,
    const struct ch_type *, size_t n, uint64_t *out, int64_t *timestamps,
    struct err *);

static int
read_arrays(struct stream *in, const struct type *element,
    const struct ch_type *is, size_t n, uint64_t *out, struct err *err)
{
	struct mem ends = { NULL, 0 }, mem = { NULL, 0 };
	uint64_t total = 0, *end, *elements = NULL;
	int rc = stream_afford(in, n, 8, err);

	if (rc == 0)
		rc = stream_read_mem(in, &ends, n * 8, err);
	end = ends.p;
	for (size_t k = 0; k < n && rc == 0; k++) {
		if (end[k] < total)
			rc = err_set(err, ERR_DATA,
			    "corrupt stream: an array ends before it begins; "
			    "run it again");
		total = end[k];
	}
	if (rc == 0)
		rc = stream_afford(in, total, 1, err);
	if (rc == 0) {
		elements = mem_need(&mem, (size_t)total * 8);
		rc = read_values(
		    in, element, is, (size_t)total, elements, NULL, err);
	}
	for (size_t k = 0, at = 0; k < n && rc == 0; at = end[k], k++)
		out[k] = digest_list(elements + at, end[k] - at);
	mem_clear(&ends);
	mem_clear(&mem);
	return rc;
}

/* out: a number for each of n values. */
static int
read_values(struct stream *in, const struct type *t, const struct ch_type *is,
    size_t n, uint64_t *out, int64_t *timestamps, struct err *err)
{
	struct mem nulls = { NULL, 0 };
	bool nullable;
	int rc = 0;

	is = ch_type_bare(is, &nullable);
	if (nullable) {
		rc = stream_afford(in, n, 1, err);
		if (rc == 0)
			rc = stream_read_mem(in, &nulls, n, err);
	}
	if (rc == -1)
		;
	else if (is->kind == CH_ARRAY)
		rc = read_arrays(
		    in, &t->fields[0].type, &is->args[0], n, out, err);
	else if (is->kind == CH_STRING)
		rc = read_strings(in, n, out, err);
	else
		rc = read_fixed(in, t, is, n, out, timestamps, err);
	for (size_t k = 0; k < n && rc == 0 && nullable; k++)
		if (((uint8_t *)nulls.p)[k] != 0)
			out[k] = digest_null;
	mem_clear(&nulls);
	return rc;
}

/* ---- blocks --------------------------------------------------------------- */

static int
read_text(
    struct native_digest *d, struct stream *in, uint64_t *n, struct err *err)
{
	if (stream_varint(in, n, err) == -1)
		return -1;
	if (*n > TEXT_MAX)
		return err_set(err, ERR_DATA,
		    "corrupt stream: a column name or type of %llu bytes; run "
		    "it again",
		    (unsigned long long)*n);
	return stream_read_mem(in, &d->text, (size_t)*n, err);
}

static int
came_as(const struct native_digest *d, const char *name, uint64_t n,
    const char *wanted, struct err *err)
{
	return err_set(err, ERR_DATA,
	    "column '%.200s' came as '%.*s' where '%.200s' was asked for; was "
	    "the table altered? run it again",
	    name, n > 200 ? 200 : (int)n, (const char *)d->text.p, wanted);
}

/* *is: the type that the column comes as. */
static int
read_head(struct native_digest *d, struct stream *in, const struct field *f,
    struct ch_type *is, struct err *err)
{
	struct err why = { 0 };
	struct buf wanted;
	uint64_t n;
	int rc = 0;

	if (read_text(d, in, &n, err) == -1)
		return -1;
	if (n != strlen(f->name) || memcmp(d->text.p, f->name, n) != 0)
		return came_as(d, f->name, n, f->name, err);
	if (read_text(d, in, &n, err) == -1)
		return -1;
	if (ch_type_parse(d->text.p, (size_t)n, is, &why) == 0 &&
	    is_comparable(&f->type, is))
		return 0;
	buf_init(&wanted, 0);
	type_format(&f->type, &wanted);
	rc = came_as(d, f->name, n, buf_cstr(&wanted), err);
	buf_clear(&wanted);
	return rc;
}

static int
read_columns(struct native_digest *d, struct stream *in, struct err *err)
{
	uint64_t *rows = mem_need(&d->rows, d->nrows * 8);
	uint64_t *values = mem_need(&d->column, d->nrows * 8);
	int64_t *timestamps = mem_need(&d->timestamps, d->nrows * 8);
	int rc = 0;

	memset(rows, 0, d->nrows * 8);
	for (size_t i = 0; i < d->incoming->nfields && rc == 0; i++) {
		const struct field *f = &d->incoming->fields[i];
		struct ch_type is = { 0 };

		rc = read_head(d, in, f, &is, err);
		if (rc == 0 && d->nrows > 0)
			rc = read_values(in, &f->type, &is, d->nrows, values,
			    i == d->timestamp ? timestamps : NULL, err);
		for (size_t k = 0; k < d->nrows && rc == 0; k++)
			rows[k] = digest_mix(rows[k], values[k]);
		ch_type_clear(&is);
	}
	return rc;
}

int
native_digest_next(
    struct native_digest *d, struct stream *in, size_t *nrows, struct err *err)
{
	uint64_t columns, rows;

	do {
		int end;

		stream_renew(in);
		end = stream_at_end(in, err);
		if (end != 0)
			return end == 1 ? 0 : -1;
		if (stream_varint(in, &columns, err) == -1 ||
		    stream_varint(in, &rows, err) == -1)
			return -1;
		if (columns != d->incoming->nfields || rows > ROWS_MAX)
			return err_set(err, ERR_DATA,
			    "corrupt stream: a block of %llu columns and %llu "
			    "rows, where %zu columns were asked for; run it "
			    "again",
			    (unsigned long long)columns,
			    (unsigned long long)rows, d->incoming->nfields);
		d->nrows = (size_t)rows;
		if (read_columns(d, in, err) == -1)
			return -1;
	} while (rows == 0);
	*nrows = d->nrows;
	return 1;
}
