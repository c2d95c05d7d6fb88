/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a column page by page. Sizes from the file are believed only after
 * they were held against the file's length and the limits below; a page's
 * checksum is checked where there is one.
 */
#include "worker/parquet/reader.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "worker/batch.h"
#include "worker/parquet/compress.h"
#include "worker/parquet/crc.h"
#include "worker/parquet/encodings.h"
#include "worker/parquet/levels.h"
#include "worker/parquet/reader_meta.h"
#include "worker/parquet/snappy.h"

enum {
	FOOTER_MAX = 1 << 29,
	HEADER_FIRST = 1 << 10, /* tried first, then HEADER_MAX */
	HEADER_MAX = 1 << 20,
	PAGE_MAX = 1 << 26,
	VALUES_MAX = 1 << 24, /* of a page or a dictionary */
	CALL_VALUES = 4096    /* at a time to each() */
};
enum { CODEC_NONE = 0, CODEC_SNAPPY = 1, CODEC_ZSTD = 6 };

/* A fuzzer would hardly get past them to what they protect. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { CHECKSUMS = 0 };
#else
enum { CHECKSUMS = 1 };
#endif

struct reader {
	const char *path;
	int fd;
	int64_t size;
	struct column_in column;
	const struct chunk_in *chunk;
	struct mem stored, raw; /* page body, as stored and unpacked */
	struct mem dict;        /* int64_t values */
	size_t ndict;
	struct mem values, null, words;
	struct err *err;
};

static int
corrupt(const struct reader *r, const char *why)
{
	return err_set(r->err, ERR_STORE,
	    "'%s' cannot be read as Parquet: "
	    "%s; restore the file or roll the table back",
	    r->path, why);
}

static int
read_at(const struct reader *r, void *to, size_t n, int64_t offset)
{
	uint8_t *p = to;

	while (n > 0) {
		ssize_t got = pread(r->fd, p, n, offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_sys(
			    r->err, ERR_STORE, "cannot read '%s'", r->path);
		if (got == 0)
			return corrupt(r, "it ends early");
		p += got;
		n -= (size_t)got;
		offset += got;
	}
	return 0;
}

static int
open_column(struct reader *r, int field_id)
{
	uint8_t tail[8];
	uint32_t len;
	struct stat st;
	const char *why;
	struct mem footer = { 0 };
	int rc;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd == -1 || fstat(r->fd, &st) == -1)
		return err_sys(r->err, ERR_STORE, "cannot open '%s'", r->path);
	r->size = st.st_size;
	if (r->size < 12)
		return corrupt(r, "it is too short");
	if (read_at(r, tail, sizeof(tail), r->size - 8) == -1)
		return -1;
	memcpy(&len, tail, sizeof(len));
	if (memcmp(tail + 4, "PAR1", 4) != 0)
		return corrupt(r, "its end is not that of a Parquet file");
	if (len > r->size - 12 || len > FOOTER_MAX)
		return corrupt(r, "its footer's length does not fit");
	rc = read_at(r, mem_need(&footer, len), len, r->size - 8 - len);
	if (rc == 0 &&
	    (why = meta_read_column(footer.p, len, field_id, &r->column)) !=
		NULL)
		rc = corrupt(r, why);
	mem_clear(&footer);
	return rc;
}

/* ---- pages ----------------------------------------------------------------- */

/* Header at offset, with at most left bytes of the chunk there. */
static int
read_header(struct reader *r, int64_t offset, int64_t left, struct page_in *p,
    size_t *used)
{
	size_t n = left < HEADER_FIRST ? (size_t)left : HEADER_FIRST;

	for (;;) {
		const char *why;
		uint8_t *at = mem_need(&r->stored, n);

		if (read_at(r, at, n, offset) == -1)
			return -1;
		if ((why = meta_read_page(at, n, p, used)) != NULL)
			return corrupt(r, why);
		if (*used > 0)
			return 0;
		if (n == (size_t)left || n == HEADER_MAX)
			return corrupt(r, "a page header does not end");
		n = left < HEADER_MAX ? (size_t)left : HEADER_MAX;
	}
}

/* Body of a page into *body, which has p->raw_size bytes. */
static int
read_body(struct reader *r, int64_t offset, const struct page_in *p,
    const uint8_t **body)
{
	size_t levels = (size_t)(p->def_size + p->rep_size);
	size_t n = (size_t)p->size, raw_n = (size_t)p->raw_size;
	bool packed = r->chunk->codec != CODEC_NONE &&
	    (p->type != PAGE_IN_DATA_V2 || p->packed);
	uint8_t *stored, *raw;

	if (n > PAGE_MAX || raw_n > PAGE_MAX)
		return corrupt(r, "a page is larger than 64 MiB");
	stored = mem_need(&r->stored, n);
	if (read_at(r, stored, n, offset) == -1)
		return -1;
	if (CHECKSUMS && p->has_crc && crc32_add(0, stored, n) != p->crc)
		return corrupt(r, "a page's checksum does not match");
	if (!packed) {
		*body = stored;
		return n == raw_n ? 0 : corrupt(r, "a page's size is wrong");
	}
	raw = mem_need(&r->raw, raw_n);
	memcpy(raw, stored, levels);
	*body = raw;
	/* all NULL: V2 writers may leave out even an empty frame */
	if (n == levels && raw_n == levels)
		return 0;
	return (r->chunk->codec == CODEC_ZSTD ? decompress_zstd
					      : decompress_snappy)(
		   stored + levels, n - levels, raw + levels, raw_n - levels)
	    ? 0
	    : corrupt(r, "a page cannot be decompressed");
}

static void
widen(const uint8_t *p, unsigned width, int64_t *out, size_t n)
{
	int32_t v;

	if (width == 8) {
		memcpy(out, p, n * 8);
		return;
	}
	for (size_t k = 0; k < n; k++) {
		memcpy(&v, p + 4 * k, 4);
		out[k] = v;
	}
}

static int
read_dictionary(struct reader *r, const struct page_in *p, const uint8_t *body)
{
	size_t n = (size_t)p->nvalues;

	if (r->ndict > 0 || n > VALUES_MAX ||
	    n * r->column.width > (size_t)p->raw_size ||
	    (p->encoding != ENCODING_PLAIN &&
		p->encoding != ENCODING_PLAIN_DICTIONARY))
		return corrupt(r, "a dictionary page is malformed");
	widen(
	    body, r->column.width, mem_need(&r->dict, n * sizeof(int64_t)), n);
	r->ndict = n;
	return 0;
}

/* n values that are not NULL from the rest of a page. */
static int
decode(struct reader *r, const struct page_in *p, struct cursor *c, size_t n,
    int64_t *out)
{
	unsigned width = r->column.width;
	const int64_t *dict = r->dict.p;
	const uint8_t *at;
	uint32_t *index;
	unsigned bits;

	switch (p->encoding) {
	case ENCODING_PLAIN:
		if ((at = cursor_take(c, n * width)) == NULL)
			return corrupt(r, "a page has too few values");
		widen(at, width, out, n);
		return 0;
	case ENCODING_DELTA_BINARY_PACKED:
		if (!delta_get(c, width, out, n))
			return corrupt(r, "a delta-encoded page is malformed");
		return 0;
	case ENCODING_RLE_DICTIONARY:
	case ENCODING_PLAIN_DICTIONARY:
		if (n == 0)
			return 0;
		index = mem_need(&r->words, n * sizeof(*index));
		bits = cursor_u8(c);
		if (r->ndict == 0 || c->bad || bits > 32 ||
		    !rle_get_u32(c, bits, (uint32_t)r->ndict - 1, index, n))
			return corrupt(r, "a page does not fit its dictionary");
		for (size_t k = 0; k < n; k++)
			out[k] = dict[index[k]];
		return 0;
	default:
		return corrupt(r, "an encoding that calve does not read");
	}
}

/* Definition levels of the page's n rows to null flags; NULLs counted. */
static int
decode_nulls(struct reader *r, const struct page_in *p, struct cursor *c,
    size_t n, size_t *nnulls)
{
	uint32_t *levels = mem_need(&r->words, n * sizeof(*levels));
	uint8_t *null = mem_need(&r->null, n);
	struct cursor sub;
	const uint8_t *at;
	uint32_t size = (uint32_t)p->def_size;

	if (p->type == PAGE_IN_DATA)
		size = p->def_encoding == ENCODING_RLE ? cursor_u32(c)
						       : UINT32_MAX;
	if ((at = cursor_take(c, size)) == NULL)
		return corrupt(r, "a page's levels are malformed");
	sub = cursor_of(at, size);
	if (!rle_get_u32(&sub, 1, 1, levels, n))
		return corrupt(r, "a page's levels are malformed");
	*nnulls = 0;
	for (size_t k = 0; k < n; k++) {
		null[k] = levels[k] == 0;
		*nnulls += null[k];
	}
	if (p->type == PAGE_IN_DATA_V2 && *nnulls != (size_t)p->nnulls)
		return corrupt(r, "a page's number of NULLs is wrong");
	return 0;
}

/* Moves n values apart, from the end, to where null leaves room. */
static void
spread(int64_t *values, const uint8_t *null, size_t n, size_t nvalues)
{
	for (size_t k = n; k-- > 0;)
		values[k] = null[k] ? 0 : values[--nvalues];
}

static int
deliver(const struct reader *r, size_t n, bool has_null,
    int (*each)(void *, const int64_t *, const uint8_t *, size_t), void *arg)
{
	const int64_t *values = r->values.p;
	const uint8_t *null = r->null.p;
	int rc = 0;

	for (size_t at = 0; at < n && rc == 0; at += CALL_VALUES)
		rc = each(arg, values + at, has_null ? null + at : NULL,
		    n - at < CALL_VALUES ? n - at : CALL_VALUES);
	return rc;
}

static int
read_data(struct reader *r, const struct page_in *p, const uint8_t *body,
    size_t *nnulls)
{
	struct cursor c = cursor_of(body, (size_t)p->raw_size);
	size_t n = (size_t)p->nvalues;
	int64_t *values;

	*nnulls = 0;
	if (n > VALUES_MAX)
		return corrupt(r, "a page has over 16 million values");
	if (p->rep_size > 0 || (!r->column.optional && p->def_size > 0))
		return corrupt(r, "a page has levels that do not belong");
	if (r->column.optional && decode_nulls(r, p, &c, n, nnulls) == -1)
		return -1;
	values = mem_need(&r->values, n * sizeof(*values));
	if (decode(r, p, &c, n - *nnulls, values) == -1)
		return -1;
	if (*nnulls > 0)
		spread(values, r->null.p, n, n - *nnulls);
	return 0;
}

static int
read_chunk(struct reader *r,
    int (*each)(void *, const int64_t *, const uint8_t *, size_t), void *arg)
{
	const struct chunk_in *chunk = r->chunk;
	int64_t at = chunk->data_offset, left = chunk->size, rows = 0;
	struct page_in p;
	const uint8_t *body = NULL;
	size_t used, nnulls;
	int rc;

	if (chunk->dict_offset > 0 && chunk->dict_offset < at)
		at = chunk->dict_offset;
	if (chunk->codec != CODEC_NONE && chunk->codec != CODEC_ZSTD &&
	    chunk->codec != CODEC_SNAPPY)
		return err_set(r->err, ERR_STORE,
		    "'%s' was compressed by another writer with codec %d, "
		    "which calve does not read; have that writer rewrite it "
		    "with zstd or snappy",
		    r->path, (int)chunk->codec);
	if (left > r->size - 8 || at > r->size - 8 - left)
		return corrupt(r, "a column chunk lies outside the file");
	r->ndict = 0;
	while (left > 0 && rows < chunk->nvalues) {
		if (read_header(r, at, left, &p, &used) == -1)
			return -1;
		at += (int64_t)used;
		left -= (int64_t)used;
		if (p.size > left)
			return corrupt(r, "a page runs past its column chunk");
		if (read_body(r, at, &p, &body) == -1)
			return -1;
		at += p.size;
		left -= p.size;
		if (p.type == PAGE_IN_DICTIONARY) {
			if (read_dictionary(r, &p, body) == -1)
				return -1;
			continue;
		}
		if (p.type != PAGE_IN_DATA && p.type != PAGE_IN_DATA_V2)
			continue; /* an index page: none was ever made */
		if (p.nvalues > chunk->nvalues - rows)
			return corrupt(r, "a column chunk has too many values");
		if (read_data(r, &p, body, &nnulls) == -1)
			return -1;
		rows += p.nvalues;
		if ((rc = deliver(
			 r, (size_t)p.nvalues, nnulls > 0, each, arg)) != 0)
			return rc;
	}
	if (rows != chunk->nvalues)
		return corrupt(r, "a column chunk has too few values");
	return 0;
}

int
parquet_read_column(const char *path, int field_id,
    int (*each)(
	void *arg, const int64_t *values, const uint8_t *null, size_t n),
    void *arg, struct err *err)
{
	struct reader r = { .path = path, .fd = -1, .err = err };
	int rc = open_column(&r, field_id);

	for (size_t k = 0; k < r.column.nchunks && rc == 0; k++) {
		r.chunk = &r.column.chunks[k];
		rc = read_chunk(&r, each, arg);
	}
	if (r.fd != -1)
		close(r.fd);
	free(r.column.chunks);
	mem_clear(&r.stored);
	mem_clear(&r.raw);
	mem_clear(&r.dict);
	mem_clear(&r.values);
	mem_clear(&r.null);
	mem_clear(&r.words);
	return rc;
}
