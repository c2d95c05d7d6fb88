/* SPDX-License-Identifier: Apache-2.0 */
/* Fills vecs from the top of the type tree down: lists decide how many
 * elements the level below gets. */
#include "tests/harness/sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

struct maker {
	uint64_t state;
	const char *name; /* of the field being made */
};

static uint64_t
next(struct maker *m)
{
	uint64_t z = m->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static bool
styled(const struct maker *m, const char *style)
{
	return strstr(m->name, style) != NULL;
}

/* A number whose look follows the style; i is its place in the column. */
static uint64_t
number(struct maker *m, size_t i)
{
	if (styled(m, "_const"))
		return 42;
	if (styled(m, "_low"))
		return next(m) % 7;
	if (styled(m, "_sorted"))
		return 1700000000000000 + 1000 * i + next(m) % 1000;
	return next(m) >> next(m) % 64;
}

static void
put_int(struct maker *m, const struct type *t, uint8_t *to, size_t i)
{
	uint64_t v = number(m, i);
	int64_t limit = 1, sv;

	if (v % 2 != 0 && !styled(m, "_sorted"))
		v = -v;
	switch (t->kind) {
	case TYPE_DECIMAL:
		for (unsigned k = 0; k < t->precision; k++)
			limit *= 10;
		sv = (int64_t)v % limit;
		v = (uint64_t)sv;
		if (next(m) % 16 == 0)
			v = (uint64_t)(next(m) % 2 != 0 ? limit - 1
							: 1 - limit);
		break;
	case TYPE_TIME:
		v = v % UINT64_C(86400000000);
		break;
	case TYPE_DATE: /* what DuckDB can show */
		v = (uint64_t)((int64_t)v % 700000);
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		v = (uint64_t)((int64_t)v % INT64_C(60000000000000000));
		break;
	default:
		if (next(m) % 16 == 0 && !styled(m, "_"))
			v = next(m) % 2 != 0 ? UINT64_C(0x7fffffff7fffffff)
					     : UINT64_C(0x8000000080000000);
		else if (next(m) % 64 == 0 && !styled(m, "_"))
			v = next(m) % 2 != 0 ? (uint64_t)INT64_MAX
					     : (uint64_t)INT64_MIN;
		break;
	}
	memcpy(to, &v, type_width(t));
}

static void
put_wide_decimal(struct maker *m, const struct type *t, uint8_t *to)
{
	__int128 limit = 1,
		 v = (__int128)((unsigned __int128)next(m) << 64 | next(m)) >>
	    next(m) % 120;

	for (unsigned k = 0; k < t->precision; k++)
		limit *= 10;
	v %= limit;
	if (styled(m, "_low"))
		v = (__int128)(next(m) % 5) - 2;
	else if (next(m) % 16 == 0)
		v = next(m) % 2 != 0 ? limit - 1 : 1 - limit;
	memcpy(to, &v, sizeof(v));
}

static double
a_double(struct maker *m, size_t i)
{
	static const double odd[] = { 0.0, -0.0, INFINITY, -INFINITY, NAN,
		1.7976931348623157e308, -1.7976931348623157e308, 5e-324 };

	if (styled(m, "_nan"))
		return NAN;
	if (styled(m, "_low"))
		return (double)(next(m) % 5) / 4;
	if (styled(m, "_sorted"))
		return 100.0 + (double)i / 64;
	if (next(m) % 16 == 0)
		return odd[next(m) % 8];
	return ((double)next(m) - 9e18) / (double)(1 + next(m) % 1000);
}

static void
put_float(struct maker *m, uint8_t *to, size_t i)
{
	static const float odd[] = { 0.0f, -0.0f, INFINITY, -INFINITY, NAN,
		3.4028235e38f, -3.4028235e38f, 1e-45f };
	float v = (float)(next(m) % 100000) / 7 - 5000;

	if (styled(m, "_nan"))
		v = NAN;
	else if (styled(m, "_sorted"))
		v = (float)i / 16;
	else if (styled(m, "_low"))
		v = (float)(next(m) % 4) / 2;
	else if (next(m) % 16 == 0)
		v = odd[next(m) % 8];
	memcpy(to, &v, sizeof(v));
}

static void
put_fixed(struct maker *m, const struct type *t, uint8_t *to, size_t i)
{
	uint32_t width = type_width(t);
	double d;

	switch (t->kind) {
	case TYPE_BOOLEAN:
		*to = next(m) % 2 != 0;
		return;
	case TYPE_FLOAT:
		put_float(m, to, i);
		return;
	case TYPE_DOUBLE:
		d = a_double(m, i);
		memcpy(to, &d, sizeof(d));
		return;
	case TYPE_UUID:
	case TYPE_FIXED:
		for (uint32_t k = 0; k < width; k++)
			to[k] = (uint8_t)(styled(m, "_low") ? next(m) % 2
							    : next(m));
		return;
	case TYPE_DECIMAL:
		if (width == 16) {
			put_wide_decimal(m, t, to);
			return;
		}
		break;
	default:
		break;
	}
	put_int(m, t, to, i);
}

/* Characters of one to four bytes, the last of each length among them. */
static size_t
put_text(struct maker *m, const struct type *t, char *to, size_t i)
{
	static const char *const chars[] = { "a", "Z", "\x7f", "\u00e9",
		"\u07ff", "\u20ac", "\ud7ff", "\ue000", "\uffff", "\U00010000",
		"\U0001f600", "\U0010ffff" };
	size_t n = next(m) % 12, len = 0;

	if (styled(m, "_const"))
		return (size_t)sprintf(to, "one");
	if (styled(m, "_low"))
		return (size_t)sprintf(to, "word%u", (unsigned)(next(m) % 9));
	if (styled(m, "_sorted"))
		return (size_t)sprintf(to, "key%010zu", i);
	if (t->kind == TYPE_BINARY) {
		n = next(m) % 8 == 0 ? 100 : n;
		for (size_t k = 0; k < n; k++)
			to[k] = (char)(next(m) % 4 == 0 ? 0xFF : next(m));
		return n;
	}
	if (styled(m, "_long")) {
		len = 58 + next(m) % 8;
		memset(to, 'x', len);
		n = 2 + next(m) % 8;
	} else if (next(m) % 32 == 0) {
		n = 40;
	}
	for (size_t k = 0; k < n; k++) {
		const char *c = chars[next(m) % 12];

		memcpy(to + len, c, strlen(c));
		len += strlen(c);
	}
	return len;
}

static void
fill_bytes(struct maker *m, const struct type *t, struct vec *v, size_t n,
    const uint8_t *null)
{
	uint32_t *offset = vec_set_offsets(v, VEC_BYTES, n);
	char *all = xmalloc(n * 256 + 1);

	for (size_t i = 0; i < n; i++) {
		size_t len = null != NULL && null[i]
		    ? 0
		    : put_text(m, t, all + offset[i], i);

		offset[i + 1] = offset[i] + (uint32_t)len;
	}
	memcpy(vec_set_bytes(v, offset[n]), all, offset[n]);
	free(all);
}

static void fill(struct maker *, const struct field *, struct vec *, size_t n);

/* A dictionary with duplicates and entries that nobody uses. */
static void
fill_dict(struct maker *m, const struct field *f, struct vec *v, size_t n)
{
	struct field entry = *f;
	char name[64];
	uint32_t *index = vec_set_index(v, n);
	size_t size = 37;

	snprintf(name, sizeof(name), "%s", f->name);
	memcpy(strstr(name, "_dict"), "_DICT", 5);
	entry.name = name;
	entry.required = true;
	fill(m, &entry, v->dict, size);
	for (size_t i = 0; i < n; i++)
		index[i] = (uint32_t)(next(m) % (size - 3));
}

static uint8_t *
make_nulls(struct maker *m, const struct field *f, size_t n)
{
	uint8_t *null;

	if (f->required)
		return NULL;
	null = xcalloc(n + 1, 1);
	for (size_t i = 0; i < n; i++)
		null[i] = styled(m, "_null") || next(m) % 5 == 0;
	return null;
}

static void
fill_list(struct maker *m, const struct field *f, struct vec *v, size_t n,
    const uint8_t *null)
{
	uint32_t *offset = vec_set_offsets(v, VEC_LIST, n);

	for (size_t i = 0; i < n; i++) {
		uint32_t len = (uint32_t)(next(m) % 4);

		if (next(m) % 64 == 0)
			len = 50;
		if (null != NULL && null[i])
			len = 0;
		offset[i + 1] = offset[i] + len;
	}
	for (size_t k = 0; k < f->type.nfields; k++)
		fill(m, &f->type.fields[k], &v->child[k], offset[n]);
}

static void
fill(struct maker *m, const struct field *f, struct vec *v, size_t n)
{
	const struct type *t = &f->type;
	const char *outer = m->name;
	uint8_t *null, *to;

	m->name = f->name;
	null = make_nulls(m, f, n);
	if (strstr(f->name, "_dict") != NULL) {
		fill_dict(m, f, v, n);
	} else if (t->kind == TYPE_STRUCT) {
		vec_set_struct(v, n);
		for (size_t k = 0; k < t->nfields; k++)
			fill(m, &t->fields[k], &v->child[k], n);
	} else if (t->kind == TYPE_LIST || t->kind == TYPE_MAP) {
		fill_list(m, f, v, n, null);
	} else if (type_width(t) == 0) {
		fill_bytes(m, t, v, n, null);
	} else {
		to = vec_set_fixed(v, type_width(t), n);
		for (size_t i = 0; i < n; i++)
			put_fixed(m, t, to + i * type_width(t), i);
	}
	if (null != NULL)
		memcpy(vec_set_null(v, n), null, n);
	free(null);
	m->name = outer;
}

void
sample_batch(
    const struct type *schema, struct batch *b, size_t n, uint64_t seed)
{
	struct maker m = { .state = seed, .name = "" };

	b->nrows = n;
	for (size_t col = 0; col < schema->nfields; col++)
		fill(&m, &schema->fields[col], &b->cols[col], n);
}

/* ---- text ------------------------------------------------------------------ */

static void
print_hex(FILE *f, const uint8_t *p, size_t n)
{
	fputc('"', f);
	for (size_t k = 0; k < n; k++)
		fprintf(f, "%02x", p[k]);
	fputc('"', f);
}

static void
print_wide(FILE *f, __int128 v)
{
	char text[48], *p = text + sizeof(text);
	bool negative = v < 0;

	*--p = '\0';
	do {
		int digit = (int)(v % 10);

		*--p = (char)('0' + (digit < 0 ? -digit : digit));
		v /= 10;
	} while (v != 0);
	fprintf(f, "\"%s%s\"", negative ? "-" : "", p);
}

static void
print_fixed(FILE *f, const struct type *t, const uint8_t *p)
{
	__int128 wide;
	uint64_t bits = 0;
	int64_t v8;
	int32_t v4;
	double d;
	float s;

	switch (t->kind) {
	case TYPE_BOOLEAN:
		fputs(*p ? "true" : "false", f);
		return;
	case TYPE_FLOAT:
		memcpy(&s, p, 4);
		memcpy(&bits, p, 4);
		fprintf(f, isnan(s) ? "\"NaN\"" : "\"%08" PRIx64 "\"", bits);
		return;
	case TYPE_DOUBLE:
		memcpy(&d, p, 8);
		memcpy(&bits, p, 8);
		fprintf(f, isnan(d) ? "\"NaN\"" : "\"%016" PRIx64 "\"", bits);
		return;
	case TYPE_UUID:
	case TYPE_FIXED:
		print_hex(f, p, type_width(t));
		return;
	default:
		break;
	}
	switch (type_width(t)) {
	case 4:
		memcpy(&v4, p, 4);
		fprintf(f, "\"%" PRId32 "\"", v4);
		return;
	case 8:
		memcpy(&v8, p, 8);
		fprintf(f, "\"%" PRId64 "\"", v8);
		return;
	default:
		memcpy(&wide, p, 16);
		print_wide(f, wide);
		return;
	}
}

static void
print_list(FILE *f, const struct type *t, const struct vec *v, size_t i)
{
	fputc('[', f);
	for (size_t e = v->offset[i]; e < v->offset[i + 1]; e++) {
		if (e > v->offset[i])
			fputc(',', f);
		if (t->kind == TYPE_MAP)
			fputc('[', f);
		sample_print(f, &t->fields[0].type, &v->child[0], e);
		if (t->kind == TYPE_MAP) {
			fputc(',', f);
			sample_print(f, &t->fields[1].type, &v->child[1], e);
			fputc(']', f);
		}
	}
	fputc(']', f);
}

void
sample_print(FILE *f, const struct type *t, const struct vec *v, size_t i)
{
	if (v->null != NULL && v->null[i]) {
		fputs("null", f);
		return;
	}
	switch (v->layout) {
	case VEC_FIXED:
		print_fixed(f, t, v->fixed + i * v->width);
		break;
	case VEC_BYTES:
		print_hex(f, v->bytes + v->offset[i],
		    v->offset[i + 1] - v->offset[i]);
		break;
	case VEC_DICT:
		sample_print(f, t, v->dict, v->index[i]);
		break;
	case VEC_LIST:
		print_list(f, t, v, i);
		break;
	case VEC_STRUCT:
		fputc('[', f);
		for (size_t k = 0; k < t->nfields; k++) {
			if (k > 0)
				fputc(',', f);
			sample_print(f, &t->fields[k].type, &v->child[k], i);
		}
		fputc(']', f);
		break;
	}
}

void
sample_print_schema(FILE *f, const struct type *schema)
{
	fputc('[', f);
	for (size_t k = 0; k < schema->nfields; k++) {
		const struct field *c = &schema->fields[k];
		struct buf kind = { 0 };

		type_format(&c->type, &kind);
		fprintf(f, "%s{\"name\":\"%s\",\"type\":\"%s\"",
		    k > 0 ? "," : "", c->name,
		    type_is_nested(&c->type)
			? (c->type.kind == TYPE_STRUCT        ? "struct"
				  : c->type.kind == TYPE_LIST ? "list"
							      : "map")
			: buf_cstr(&kind));
		if (c->type.nfields > 0) {
			fputs(",\"fields\":", f);
			sample_print_schema(f, &c->type);
		}
		fputc('}', f);
		buf_clear(&kind);
	}
	fputc(']', f);
}
