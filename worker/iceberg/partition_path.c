/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folder names of partitions, as Iceberg's Java code makes them: readable
 * values, escaped as in a URL's query. Readers take a partition's values from
 * the manifest, never from here; the names are for people and for tools that
 * list folders.
 */
#include "worker/iceberg/partition.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/xalloc.h"

#define DAY_US INT64_C(86400000000)

/* ---- values ------------------------------------------------------------ */

static int64_t
get_integer(const struct partition_value *v)
{
	int64_t out64 = 0;
	int32_t out32 = 0;

	if (v->len == 8) {
		memcpy(&out64, v->data, 8);
		return out64;
	}
	if (v->len == 4)
		memcpy(&out32, v->data, 4);
	else if (v->len == 1)
		out32 = v->data[0];
	return out32;
}

static int64_t
divide_floor(int64_t v, int64_t by, int64_t *rest)
{
	int64_t q = v / by - (v % by < 0);

	*rest = v - q * by;
	return q;
}

static void
put_day(struct buf *out, int64_t days)
{
	int year;
	unsigned month, day;

	civil_from_days(days, &year, &month, &day);
	buf_printf(out, "%04d-%02u-%02u", year, month, day);
}

/* java.time's LocalTime: seconds and digits only where there are some. */
static void
put_time(struct buf *out, int64_t us)
{
	int64_t s = us / 1000000, fraction = us % 1000000;

	buf_printf(out, "%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60);
	if (s % 60 == 0 && fraction == 0)
		return;
	buf_printf(out, ":%02" PRId64, s % 60);
	if (fraction == 0)
		return;
	if (fraction % 1000 == 0)
		buf_printf(out, ".%03" PRId64, fraction / 1000);
	else
		buf_printf(out, ".%06" PRId64, fraction);
}

/* java.time's LocalDateTime; years beyond four digits bear their sign. */
static void
put_timestamp(struct buf *out, int64_t us, bool zone)
{
	int64_t rest, days = divide_floor(us, DAY_US, &rest);
	int year;
	unsigned month, day;

	civil_from_days(days, &year, &month, &day);
	buf_printf(out, "%s%04d-%02u-%02uT",
	    year < 0          ? "-"
		: year > 9999 ? "+"
			      : "",
	    year < 0 ? -year : year, month, day);
	put_time(out, rest);
	if (zone)
		buf_put_u8(out, 'Z');
}

/* java.math.BigDecimal's toString: an exponent where the value has more than
 * six zeros after the point. */
static void
put_decimal(struct buf *out, const struct partition_value *v, int scale)
{
	unsigned __int128 u;
	__int128 n = v->len > 0 && (v->data[0] & 0x80) ? -1 : 0;
	char digits[48];
	int ndigits = 0, point;

	for (size_t k = 0; k < v->len && k < 16; k++)
		n = (__int128)((unsigned __int128)n << 8 | v->data[k]);
	u = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
	do {
		digits[ndigits++] = (char)('0' + (int)(u % 10));
		u /= 10;
	} while (u != 0);
	if (n < 0)
		buf_put_u8(out, '-');
	point = ndigits - scale; /* digits before the point */
	if (scale > 0 && point - 1 < -6) {
		for (int k = ndigits - 1; k >= 0; k--) {
			buf_put_u8(out, (uint8_t)digits[k]);
			if (k == ndigits - 1 && ndigits > 1)
				buf_put_u8(out, '.');
		}
		buf_printf(out, "E%d", point - 1);
		return;
	}
	for (int k = point <= 0 ? scale : ndigits - 1; k >= 0; k--) {
		buf_put_u8(out, (uint8_t)(k < ndigits ? digits[k] : '0'));
		if (k == scale && scale > 0)
			buf_put_u8(out, '.');
	}
}

/* java.lang.Double's toString: the fewest digits that read back, an exponent
 * outside of 0.001 .. 10,000,000. */
static void
put_float(struct buf *out, double d, int digits_max, bool single)
{
	char text[40], *e;
	int exponent, n;

	if (!isfinite(d)) {
		buf_put_str(out,
		    isnan(d)    ? "NaN"
			: d < 0 ? "-Infinity"
				: "Infinity");
		return;
	}
	for (int k = 0; k < digits_max; k++) {
		snprintf(text, sizeof text, "%.*e", k, d);
		if (single ? (double)strtof(text, NULL) == d
			   : strtod(text, NULL) == d)
			break;
	}
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	n = (int)(e - text) - (text[0] == '-');
	n = n > 1 ? n - 1 : 1; /* digits, without the point */
	if (d == 0 || (exponent >= -3 && exponent < 7)) {
		int after = n - 1 - exponent;

		buf_printf(out, "%.*f", after > 0 ? after : 1, d);
		return;
	}
	*e = '\0';
	buf_printf(out, "%s%sE%d", text, n == 1 ? ".0" : "", exponent);
}

static void
put_base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < n; at += 3) {
		uint32_t v = (uint32_t)p[at] << 16;

		if (at + 1 < n)
			v |= (uint32_t)p[at + 1] << 8;
		if (at + 2 < n)
			v |= p[at + 2];
		buf_put_u8(out, (uint8_t)alphabet[v >> 18]);
		buf_put_u8(out, (uint8_t)alphabet[v >> 12 & 63]);
		buf_put_u8(
		    out, at + 1 < n ? (uint8_t)alphabet[v >> 6 & 63] : '=');
		buf_put_u8(out, at + 2 < n ? (uint8_t)alphabet[v & 63] : '=');
	}
}

static void
put_by_type(
    struct buf *out, const struct type *type, const struct partition_value *v)
{
	char uuid[UUID_TEXT];
	double d = 0;
	float f = 0;
	int64_t rest;

	switch (type->kind) {
	case TYPE_BOOLEAN:
		buf_put_str(out, get_integer(v) ? "true" : "false");
		break;
	case TYPE_FLOAT:
		if (v->len == sizeof f)
			memcpy(&f, v->data, sizeof f);
		put_float(out, f, 9, true);
		break;
	case TYPE_DOUBLE:
		if (v->len == sizeof d)
			memcpy(&d, v->data, sizeof d);
		put_float(out, d, 17, false);
		break;
	case TYPE_DECIMAL:
		put_decimal(out, v, type->scale);
		break;
	case TYPE_DATE:
		put_day(out, get_integer(v));
		break;
	case TYPE_TIME:
		divide_floor(get_integer(v), DAY_US, &rest);
		put_time(out, rest);
		break;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		put_timestamp(
		    out, get_integer(v), type->kind == TYPE_TIMESTAMPTZ);
		break;
	case TYPE_STRING:
		buf_put(out, v->data, v->len);
		break;
	case TYPE_UUID:
		if (v->len == 16) {
			uuid_format(v->data, uuid);
			buf_put_str(out, uuid);
		}
		break;
	case TYPE_FIXED:
	case TYPE_BINARY:
		put_base64(out, v->data, v->len);
		break;
	default:
		buf_printf(out, "%" PRId64, get_integer(v));
	}
}

static void
put_value(struct buf *out, const struct partition_field *f,
    const struct type *result, const struct partition_value *v)
{
	int64_t n, rest, days;

	if (v->null) {
		buf_put_str(out, "null");
		return;
	}
	switch (f->transform) {
	case TRANSFORM_YEAR:
		buf_printf(out, "%04" PRId64, 1970 + get_integer(v));
		break;
	case TRANSFORM_MONTH:
		n = divide_floor(get_integer(v), 12, &rest);
		buf_printf(out, "%04" PRId64 "-%02" PRId64, 1970 + n, rest + 1);
		break;
	case TRANSFORM_HOUR:
		days = divide_floor(get_integer(v), 24, &rest);
		put_day(out, days);
		buf_printf(out, "-%02" PRId64, rest);
		break;
	default:
		put_by_type(out, result, v);
	}
}

/* ---- escaping ---------------------------------------------------------- */

/* java.net.URLEncoder */
static void
put_escaped(struct buf *out, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t k = 0; k < n; k++) {
		uint8_t c = p[k];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		    c == '*' || c == '_') {
			buf_put_u8(out, c);
		} else if (c == ' ') {
			buf_put_u8(out, '+');
		} else {
			buf_put_u8(out, '%');
			buf_put_u8(out, (uint8_t)hex[c >> 4]);
			buf_put_u8(out, (uint8_t)hex[c & 15]);
		}
	}
}

char *
partition_path(const struct partition_spec *spec, const struct type *schema,
    const struct partition_value *tuple)
{
	struct buf out, value;
	char *path;

	buf_init(&out, 0);
	buf_init(&value, 0);
	for (size_t k = 0; k < spec->nfields; k++) {
		const struct partition_field *f = &spec->fields[k];
		struct type result;

		partition_result_type(f, schema, &result);
		if (k > 0)
			buf_put_u8(&out, '/');
		put_escaped(&out, (const uint8_t *)f->name, strlen(f->name));
		buf_put_u8(&out, '=');
		buf_reset(&value);
		put_value(&value, f, &result, &tuple[k]);
		put_escaped(&out, value.data, value.len);
		type_clear(&result);
	}
	path = xstrdup(buf_cstr(&out));
	buf_clear(&out);
	buf_clear(&value);
	return path;
}
