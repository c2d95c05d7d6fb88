/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the bytes of each column; nothing is decoded but lengths. */
#include "worker/sink/native_digest.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

enum { ROWS_MAX = 1 << 24, TEXT_MAX = 1 << 16 };

/* What stands for a NULL: no value mixes to it more often than to others. */
static const uint64_t null_digest = UINT64_C(0x6e756c6c6e756c6c);

struct native_digest {
	const struct native_put *put;
	size_t ncols, timestamp;
	size_t nrows;
	struct mem rows, timestamps;
	struct mem text; /* a name or a type */
};

struct native_digest *
native_digest_new(const struct native_put *put, size_t ncols, size_t timestamp)
{
	struct native_digest *d = xcalloc(1, sizeof(*d));

	d->put = put;
	d->ncols = ncols;
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

/* ---- numbers -------------------------------------------------------------- */

/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014),
 * the finishing steps of SplitMix64. */
static inline uint64_t
mix(uint64_t h, uint64_t v)
{
	h = h * UINT64_C(0x9e3779b97f4a7c15) + v + 1;
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

static uint64_t
mix_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = n, word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		h = mix(h, word);
	}
	if (n > 0) {
		word = 0;
		memcpy(&word, p, n);
		h = mix(h, word);
	}
	return h;
}

/* ---- columns -------------------------------------------------------------- */

static int
digest_strings(struct stream *in, size_t n, uint64_t *out, struct err *err)
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
			out[k] = mix_bytes(text.p, (size_t)len);
	}
	mem_clear(&text);
	return rc;
}

static int
digest_fixed(
    struct stream *in, uint32_t width, size_t n, uint64_t *out, struct err *err)
{
	struct mem values = { NULL, 0 };
	int rc = stream_afford(in, n, width, err);

	if (rc == 0)
		rc = stream_read_mem(in, &values, n * width, err);
	for (size_t k = 0; k < n && rc == 0; k++)
		out[k] = mix_bytes((uint8_t *)values.p + k * width, width);
	mem_clear(&values);
	return rc;
}

static int digest_column(struct stream *, const struct native_put *, size_t n,
    uint64_t *out, struct err *);

static int
digest_arrays(struct stream *in, const struct native_put *element, size_t n,
    uint64_t *out, struct err *err)
{
	struct mem ends = { NULL, 0 }, elements = { NULL, 0 };
	uint64_t total = 0, *end;
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
	if (rc == 0)
		rc = digest_column(in, element, (size_t)total,
		    mem_need(&elements, (size_t)total * 8), err);
	for (size_t k = 0, at = 0; k < n && rc == 0; k++) {
		out[k] = end[k] - at;
		for (; at < end[k]; at++)
			out[k] = mix(out[k], ((uint64_t *)elements.p)[at]);
	}
	mem_clear(&ends);
	mem_clear(&elements);
	return rc;
}

/* out: a number for each of n values. */
static int
digest_column(struct stream *in, const struct native_put *p, size_t n,
    uint64_t *out, struct err *err)
{
	struct mem nulls = { NULL, 0 };
	int rc = 0;

	if (p->nullable) {
		rc = stream_afford(in, n, 1, err);
		if (rc == 0)
			rc = stream_read_mem(in, &nulls, n, err);
	}
	if (rc == -1)
		;
	else if (p->form == NATIVE_ARRAY)
		rc = digest_arrays(in, p->child, n, out, err);
	else if (p->form == NATIVE_STRING)
		rc = digest_strings(in, n, out, err);
	else
		rc = digest_fixed(in, p->dst, n, out, err);
	for (size_t k = 0; k < n && rc == 0 && p->nullable; k++)
		if (((uint8_t *)nulls.p)[k] != 0)
			out[k] = null_digest;
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

/* Whether two type texts are of the same bytes with the same meaning: the
 * zone that a server writes behind a time only says how it is shown. */
static bool
is_type(const char *text, size_t n, const char *wanted)
{
	struct ch_type is = { 0 }, asked = { 0 };
	struct err ignored = { 0 };
	bool same = ch_type_parse(text, n, &is, &ignored) == 0 &&
	    ch_type_parse(wanted, strlen(wanted), &asked, &ignored) == 0 &&
	    ch_type_equal(&is, &asked);

	ch_type_clear(&is);
	ch_type_clear(&asked);
	return same;
}

static int
check_head(struct native_digest *d, struct stream *in,
    const struct native_put *p, struct err *err)
{
	const char *wanted = p->column;
	uint64_t n;

	if (read_text(d, in, &n, err) == -1)
		return -1;
	if (n == strlen(wanted) && memcmp(d->text.p, wanted, n) == 0) {
		wanted = p->sent;
		if (read_text(d, in, &n, err) == -1)
			return -1;
		if (is_type(d->text.p, (size_t)n, wanted))
			return 0;
	}
	return err_set(err, ERR_DATA,
	    "column '%.200s' came as '%.*s' where '%.200s' was asked for; was "
	    "the table altered? run it again",
	    p->column, n > 200 ? 200 : (int)n, (const char *)d->text.p, wanted);
}

/* Whole numbers of up to eight bytes, with a sign where one fits. */
static int
read_timestamps(struct native_digest *d, struct stream *in,
    const struct native_put *p, uint64_t *out, struct err *err)
{
	int64_t *to = mem_need(&d->timestamps, d->nrows * 8);
	unsigned shift = 64 - 8 * p->dst;
	struct mem values = { NULL, 0 };
	int rc = stream_afford(in, d->nrows, p->dst, err);

	if (rc == 0)
		rc = stream_read_mem(in, &values, d->nrows * p->dst, err);
	for (size_t k = 0; k < d->nrows && rc == 0; k++) {
		uint64_t v = 0;

		memcpy(&v, (uint8_t *)values.p + k * p->dst, p->dst);
		out[k] = mix_bytes((uint8_t *)values.p + k * p->dst, p->dst);
		to[k] =
		    p->low >= 0 ? (int64_t)v : (int64_t)(v << shift) >> shift;
	}
	mem_clear(&values);
	return rc;
}

static int
read_columns(struct native_digest *d, struct stream *in, struct err *err)
{
	uint64_t *rows = mem_need(&d->rows, d->nrows * 8);
	struct mem column = { NULL, 0 };
	uint64_t *values = mem_need(&column, d->nrows * 8);
	int rc = 0;

	memset(rows, 0, d->nrows * 8);
	for (size_t i = 0; i < d->ncols && rc == 0; i++) {
		const struct native_put *p = &d->put[i];

		if (check_head(d, in, p, err) == -1)
			rc = -1;
		else if (d->nrows > 0 && i == d->timestamp)
			rc = read_timestamps(d, in, p, values, err);
		else if (d->nrows > 0)
			rc = digest_column(in, p, d->nrows, values, err);
		for (size_t k = 0; k < d->nrows && rc == 0; k++)
			rows[k] = mix(rows[k], values[k]);
	}
	mem_clear(&column);
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
		if (columns != d->ncols || rows > ROWS_MAX)
			return err_set(err, ERR_DATA,
			    "corrupt stream: a block of %llu columns and %llu "
			    "rows, where %zu columns were asked for; run it "
			    "again",
			    (unsigned long long)columns,
			    (unsigned long long)rows, d->ncols);
		d->nrows = (size_t)rows;
		if (read_columns(d, in, err) == -1)
			return -1;
	} while (rows == 0);
	*nrows = d->nrows;
	return 1;
}
