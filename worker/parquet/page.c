/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full page: which encoding, then levels and values, compression, header,
 * and what the page index will say of it.
 *
 * Encodings are chosen by looking at the chunk's first page: the dictionary
 * must make it clearly smaller; what the preset offers beside PLAIN must make
 * its compressed form smaller. (parquet.thrift, "PageHeader"; format.md 2.2.)
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/parquet/column.h"
#include "worker/parquet/compress.h"
#include "worker/parquet/crc.h"
#include "worker/parquet/levels.h"
#include "worker/parquet/scratch.h"
#include "worker/parquet/thrift.h"

/* parquet.thrift, PageType */
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

static size_t
nindex(const struct column *c)
{
	return c->index.len / sizeof(uint32_t);
}

static const uint32_t *
entries_of(const struct column *c)
{
	return (const uint32_t *)(const void *)c->index.data;
}

/* ---- choice of encoding ---------------------------------------------------- */

/* What the preset offers beside PLAIN for this physical type. */
static enum encoding
alternative(const struct column *c, enum parquet_preset preset)
{
	if (preset == PARQUET_COMPAT)
		return ENCODING_PLAIN;
	switch (c->leaf->physical) {
	case PHYSICAL_INT32:
	case PHYSICAL_INT64:
		return ENCODING_DELTA_BINARY_PACKED;
	case PHYSICAL_FLOAT:
	case PHYSICAL_DOUBLE:
		return preset == PARQUET_DENSE ? ENCODING_BYTE_STREAM_SPLIT
					       : ENCODING_PLAIN;
	case PHYSICAL_BYTE_ARRAY:
		return preset == PARQUET_DENSE
		    ? ENCODING_DELTA_LENGTH_BYTE_ARRAY
		    : ENCODING_PLAIN;
	default:
		return ENCODING_PLAIN;
	}
}

/* Appends n values, given in PLAIN form, in another encoding. */
static void
put_values(const struct column *c, enum encoding encoding,
    const struct buf *plain, size_t n, struct buf *out)
{
	switch (encoding) {
	case ENCODING_DELTA_BINARY_PACKED:
		delta_put(out, plain->data, n, c->leaf->width);
		break;
	case ENCODING_BYTE_STREAM_SPLIT:
		split_put(out, plain->data, n, c->leaf->width);
		break;
	case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
		delta_length_put(out, plain->data, plain->len, n);
		break;
	default:
		if (c->leaf->physical == PHYSICAL_BOOLEAN)
			plain_put_bools(out, plain->data, n);
		else
			buf_put(out, plain->data, plain->len);
		break;
	}
}

/* Size after compression, 0 on error. */
static size_t
trial_size(
    const struct buf *b, const struct parquet_options *o, struct err *err)
{
	struct scratch *own = scratch_own();
	size_t room = compress_bound(b->len);

	if (o->zstd_level == 0)
		return b->len;
	return compress_zstd(o->zstd_level, b->data, b->len,
	    mem_need(&own->packed, room), room, err);
}

static int
choose_other(struct column *c, const struct parquet_options *o, struct err *err)
{
	struct buf *trial = &scratch_own()->trial;
	enum encoding offer = alternative(c, o->preset);
	size_t plain, other;

	if (c->other_chosen || c->nvalues == 0)
		return 0;
	c->other = ENCODING_PLAIN;
	c->other_chosen = true;
	if (offer == ENCODING_PLAIN)
		return 0;
	buf_reset(trial);
	put_values(c, offer, &c->values, c->nvalues, trial);
	if (trial->over || c->values.len == 0)
		return 0;
	if ((plain = trial_size(&c->values, o, err)) == 0 ||
	    (other = trial_size(trial, o, err)) == 0)
		return -1;
	if (other < plain)
		c->other = offer;
	return 0;
}

/* Bytes of the open page's values in PLAIN form. */
static uint64_t
plain_size(const struct column *c)
{
	const uint32_t *index = entries_of(c), *start = c->dict.start.p;
	size_t n = nindex(c);
	uint64_t total = 0;

	if (c->leaf->width > 0)
		return (uint64_t)n * c->leaf->width;
	for (size_t k = 0; k < n; k++)
		total += start[index[k] + 1] - start[index[k]];
	return total;
}

/* The first page with values decides whether the dictionary is worth it. */
static void
settle_dictionary(struct column *c, const struct parquet_options *o)
{
	struct scratch *own = scratch_own();
	uint64_t other, with;
	size_t n = nindex(c);

	if (!c->dict_on || c->dict_pages > 0 || n == 0)
		return;
	with = c->dict.plain.len + (n * bit_width(c->dict.n - 1) + 7) / 8 + 1;
	other = plain_size(c);
	if (with < other &&
	    alternative(c, o->preset) == ENCODING_DELTA_BINARY_PACKED) {
		buf_reset(&own->body);
		buf_reset(&own->trial);
		dictionary_expand(&c->dict, entries_of(c), n, &own->body);
		put_values(c, ENCODING_DELTA_BINARY_PACKED, &own->body, n,
		    &own->trial);
		if (own->trial.len < other)
			other = own->trial.len;
	}
	if (with > other / 5 * 4)
		column_drop_dictionary(c);
}

/* ---- framing --------------------------------------------------------------- */

/* Header and body of what stands in raw; owned by the caller. */
static struct page *
frame(const struct column *c, const struct parquet_options *o, int type,
    size_t n, enum encoding encoding, const struct buf *raw, size_t *raw_size,
    struct err *err)
{
	struct scratch *own = scratch_own();
	const uint8_t *body = raw->data;
	size_t size = raw->len, room = compress_bound(raw->len);
	struct thrift t = thrift_to(&own->header);

	if (raw->over || raw->len > INT32_MAX || n > INT32_MAX ||
	    room > INT32_MAX) {
		err_set(err, ERR_DATA,
		    "column '%s': one row takes more than "
		    "a Parquet page can hold (2 GiB); exclude the column or "
		    "cut its values at the source",
		    c->leaf->title);
		return NULL;
	}
	if (o->zstd_level > 0) {
		uint8_t *to = mem_need(&own->packed, room);

		size = compress_zstd(
		    o->zstd_level, raw->data, raw->len, to, room, err);
		if (size == 0)
			return NULL;
		body = to;
	}
	buf_reset(&own->header);
	thrift_begin(&t, 0);
	thrift_i32(&t, 1, type);
	thrift_i32(&t, 2, (int32_t)raw->len);
	thrift_i32(&t, 3, (int32_t)size);
	thrift_i32(&t, 4, (int32_t)crc32_add(0, body, size));
	thrift_begin(&t, type == PAGE_DATA ? 5 : 7);
	thrift_i32(&t, 1, (int32_t)n);
	thrift_i32(&t, 2, encoding);
	if (type == PAGE_DATA) {
		thrift_i32(&t, 3, ENCODING_RLE);
		thrift_i32(&t, 4, ENCODING_RLE);
	}
	thrift_end(&t);
	thrift_end(&t);

	struct page *page = xmalloc(sizeof(*page) + own->header.len + size);

	page->next = NULL;
	page->size = own->header.len + size;
	memcpy(page->bytes, own->header.data, own->header.len);
	memcpy(page->bytes + own->header.len, body, size);
	*raw_size = own->header.len + raw->len;
	return page;
}

static void
note_fact(struct column *c, size_t size)
{
	struct scratch *own = scratch_own();
	bool exact;

	if (c->nfacts == c->facts_cap) {
		c->facts_cap = c->facts_cap > 0 ? 2 * c->facts_cap : 8;
		c->facts =
		    xreallocarray(c->facts, c->facts_cap, sizeof(*c->facts));
	}

	struct page_fact *f = &c->facts[c->nfacts++];

	*f = (struct page_fact){ .size = (uint32_t)size,
		.all_null = c->nvalues == 0,
		.first_row = c->chunk_rows,
		.nulls = c->page_stats.nulls };
	if (c->nvalues == 0)
		return;
	if (!stats_bounds(
		&c->page_stats, &own->lower, &own->upper, &exact, &exact)) {
		c->no_index = true;
		return;
	}
	f->lower_at = (uint32_t)c->bounds.len;
	f->lower_len = (uint32_t)own->lower.len;
	buf_put(&c->bounds, own->lower.data, own->lower.len);
	f->upper_at = (uint32_t)c->bounds.len;
	f->upper_len = (uint32_t)own->upper.len;
	buf_put(&c->bounds, own->upper.data, own->upper.len);
	if (c->bounds.over)
		c->no_index = true;
}

/* Decimals in INT32 and INT64 could hold more digits than declared. */
static int
check_decimal(const struct column *c, struct err *err)
{
	const struct type *t = &c->leaf->field->type;
	const struct stats *s = &c->page_stats;
	int64_t most = 1;

	if (t->kind != TYPE_DECIMAL || s->order == ORDER_SIGNED || !s->has)
		return 0;
	for (unsigned k = 0; k < t->precision; k++)
		most *= 10;
	if (s->low > -most && s->high < most)
		return 0;
	return err_set(err, ERR_DATA,
	    "column '%s': a value does not fit into "
	    "decimal(%u, %u); choose a wider type or string for it",
	    c->leaf->title, t->precision, t->scale);
}

static void
begin_page(struct column *c)
{
	buf_reset(&c->values);
	buf_reset(&c->index);
	buf_reset(&c->def);
	buf_reset(&c->rep);
	c->chunk_rows += (int64_t)c->rows;
	c->chunk_entries += (int64_t)c->entries;
	c->rows = c->entries = c->nvalues = 0;
	c->cost = 0;
	stats_merge(&c->chunk_stats, &c->page_stats);
	stats_reset(&c->page_stats);
}

/* Encodes the open page into body; the encoding used. */
static enum encoding
encode(struct column *c, struct buf *body)
{
	buf_reset(body);
	if (c->leaf->max_rep > 0)
		levels_put(body, c->rep.data, c->entries, c->leaf->max_rep);
	if (c->leaf->max_def > 0)
		levels_put(body, c->def.data, c->entries, c->leaf->max_def);
	if (c->dict_on && c->dict.n > 0) {
		unsigned width = bit_width(c->dict.n - 1);

		buf_put_u8(body, (uint8_t)width);
		rle_put_u32(body, entries_of(c), nindex(c), width);
		return ENCODING_RLE_DICTIONARY;
	}
	/* not one value so far: nothing to choose by */
	if (c->nvalues == 0)
		return ENCODING_PLAIN;
	put_values(c, c->other, &c->values, c->nvalues, body);
	return c->other;
}

int
page_finish(struct column *c, const struct parquet_options *o, struct err *err)
{
	struct scratch *own = scratch_own();
	enum encoding encoding;
	struct page *page;
	size_t raw_size, n = nindex(c);

	if (check_decimal(c, err) == -1)
		return -1;
	settle_dictionary(c, o);
	if (!c->dict_on && choose_other(c, o, err) == -1)
		return -1;
	encoding = encode(c, &own->body);
	page = frame(
	    c, o, PAGE_DATA, c->entries, encoding, &own->body, &raw_size, err);
	if (page == NULL)
		return -1;
	if (c->first_page == NULL)
		c->first_page = page;
	else
		c->last_page->next = page;
	c->last_page = page;
	c->raw_bytes += raw_size;
	c->page_bytes += page->size;
	c->dict_pages += encoding == ENCODING_RLE_DICTIONARY;
	c->plain_pages += encoding == ENCODING_PLAIN;
	c->other_pages +=
	    encoding != ENCODING_RLE_DICTIONARY && encoding != ENCODING_PLAIN;
	note_fact(c, page->size);
	begin_page(c);
	/* new values keep coming: it would fill up for little */
	if (c->dict_pages > 1 && c->dict.n - c->known > n / 4)
		column_drop_dictionary(c);
	c->known = c->dict.n;
	return 0;
}

struct page *
page_dictionary(
    struct column *c, const struct parquet_options *o, struct err *err)
{
	struct page *page;
	size_t raw_size;

	page = frame(c, o, PAGE_DICTIONARY, c->dict.n, ENCODING_PLAIN,
	    &c->dict.plain, &raw_size, err);
	if (page != NULL) {
		c->raw_bytes += raw_size;
		c->page_bytes += page->size;
	}
	return page;
}
