/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a chunk: dictionary page, data pages, then its ColumnMetaData,
 * ColumnIndex and OffsetIndex into the footer's buffers. (parquet.thrift;
 * PageIndex.md; format.md 2.4, 2.5.)
 */
#include "worker/parquet/chunk.h"

#include <stdlib.h>

#include "worker/parquet/scratch.h"
#include "worker/parquet/thrift.h"

/* parquet.thrift: CompressionCodec, BoundaryOrder, PageType */
enum { CODEC_NONE = 0, CODEC_ZSTD = 6 };
enum { UNORDERED = 0, ASCENDING = 1, DESCENDING = 2 };
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

/* ---- metadata --------------------------------------------------------------- */

static void
put_encodings(const struct column *c, struct thrift *t)
{
	bool levels = c->leaf->max_def > 0 || c->leaf->max_rep > 0;
	bool plain = c->dict_pages > 0 || c->plain_pages > 0;

	thrift_list(t, 2, THRIFT_I32,
	    (size_t)levels + plain + (c->dict_pages > 0) +
		(c->other_pages > 0));
	if (plain)
		thrift_put_int(t, ENCODING_PLAIN);
	if (levels)
		thrift_put_int(t, ENCODING_RLE);
	if (c->dict_pages > 0)
		thrift_put_int(t, ENCODING_RLE_DICTIONARY);
	if (c->other_pages > 0)
		thrift_put_int(t, c->other);
}

static void
put_encoding_count(
    struct thrift *t, int type, enum encoding encoding, uint32_t n)
{
	if (n == 0)
		return;
	thrift_begin(t, 0);
	thrift_i32(t, 1, type);
	thrift_i32(t, 2, encoding);
	thrift_i32(t, 3, (int32_t)n);
	thrift_end(t);
}

static void
put_encoding_stats(const struct column *c, struct thrift *t)
{
	uint32_t dictionaries = c->dict_pages > 0;

	thrift_list(t, 13, THRIFT_STRUCT,
	    dictionaries + dictionaries + (size_t)(c->plain_pages > 0) +
		(c->other_pages > 0));
	put_encoding_count(t, PAGE_DICTIONARY, ENCODING_PLAIN, dictionaries);
	put_encoding_count(
	    t, PAGE_DATA, ENCODING_RLE_DICTIONARY, c->dict_pages);
	put_encoding_count(t, PAGE_DATA, ENCODING_PLAIN, c->plain_pages);
	put_encoding_count(t, PAGE_DATA, c->other, c->other_pages);
}

/* ClickHouse orders UUIDs by their second half first. Bounds in the order of
 * bytes make it refuse a file, or skip rows that it wants: it gets none. */
static bool
has_common_order(const struct column *c)
{
	return c->leaf->field->type.kind != TYPE_UUID;
}

static void
put_statistics(const struct column *c, struct thrift *t)
{
	struct scratch *own = scratch_own();
	const struct stats *s = &c->chunk_stats;
	bool lower_exact, upper_exact, has;

	has = has_common_order(c) &&
	    stats_bounds(
		s, &own->lower, &own->upper, &lower_exact, &upper_exact);
	thrift_begin(t, 12);
	thrift_i64(t, 3, s->nulls);
	if (has) {
		thrift_binary(t, 5, own->upper.data, own->upper.len);
		thrift_binary(t, 6, own->lower.data, own->lower.len);
		thrift_bool(t, 7, upper_exact);
		thrift_bool(t, 8, lower_exact);
	}
	if (s->order == ORDER_FLOAT || s->order == ORDER_DOUBLE)
		thrift_i64(t, 9, s->nans);
	thrift_end(t);
}

static void
put_meta(const struct column *c, const struct parquet_options *o,
    int64_t dict_offset, int64_t data_offset, struct buf *out)
{
	struct thrift t = thrift_to(out);

	thrift_begin(&t, 0);
	thrift_i32(&t, 1, c->leaf->physical);
	put_encodings(c, &t);
	thrift_list(&t, 3, THRIFT_BINARY, c->leaf->nnames);
	for (size_t k = 0; k < c->leaf->nnames; k++)
		thrift_put_binary(
		    &t, c->leaf->names[k], strlen(c->leaf->names[k]));
	thrift_i32(&t, 4, o->zstd_level > 0 ? CODEC_ZSTD : CODEC_NONE);
	thrift_i64(&t, 5, c->chunk_entries);
	thrift_i64(&t, 6, (int64_t)c->raw_bytes);
	thrift_i64(&t, 7, (int64_t)c->page_bytes);
	thrift_i64(&t, 9, data_offset);
	if (c->dict_pages > 0)
		thrift_i64(&t, 11, dict_offset);
	put_statistics(c, &t);
	put_encoding_stats(c, &t);
	thrift_end(&t);
}

/* ---- page index -------------------------------------------------------------- */

/* The order that both lists of bounds keep, pages of NULLs left out. */
static int
boundary_order(const struct column *c)
{
	const struct page_fact *last = NULL;
	const uint8_t *b = c->bounds.data;
	bool rises = true, falls = true;

	for (size_t k = 0; k < c->nfacts; k++) {
		const struct page_fact *f = &c->facts[k];

		if (f->all_null)
			continue;
		if (last != NULL) {
			int low =
			    stats_compare(&c->chunk_stats, b + last->lower_at,
				last->lower_len, b + f->lower_at, f->lower_len);
			int high =
			    stats_compare(&c->chunk_stats, b + last->upper_at,
				last->upper_len, b + f->upper_at, f->upper_len);

			rises = rises && low <= 0 && high <= 0;
			falls = falls && low >= 0 && high >= 0;
		}
		last = f;
	}
	return rises ? ASCENDING : falls ? DESCENDING : UNORDERED;
}

static void
put_column_index(const struct column *c, struct buf *out)
{
	struct thrift t = thrift_to(out);
	const uint8_t *b = c->bounds.data;
	size_t n = c->nfacts;

	thrift_begin(&t, 0);
	thrift_list(&t, 1, THRIFT_TRUE, n);
	for (size_t k = 0; k < n; k++)
		thrift_put_bool(&t, c->facts[k].all_null);
	thrift_list(&t, 2, THRIFT_BINARY, n);
	for (size_t k = 0; k < n; k++)
		thrift_put_binary(
		    &t, b + c->facts[k].lower_at, c->facts[k].lower_len);
	thrift_list(&t, 3, THRIFT_BINARY, n);
	for (size_t k = 0; k < n; k++)
		thrift_put_binary(
		    &t, b + c->facts[k].upper_at, c->facts[k].upper_len);
	thrift_i32(&t, 4, boundary_order(c));
	thrift_list(&t, 5, THRIFT_I64, n);
	for (size_t k = 0; k < n; k++)
		thrift_put_int(&t, c->facts[k].nulls);
	thrift_end(&t);
}

static void
put_offset_index(const struct column *c, int64_t offset, struct buf *out)
{
	struct thrift t = thrift_to(out);

	thrift_begin(&t, 0);
	thrift_list(&t, 1, THRIFT_STRUCT, c->nfacts);
	for (size_t k = 0; k < c->nfacts; k++) {
		thrift_begin(&t, 0);
		thrift_i64(&t, 1, offset);
		thrift_i32(&t, 2, (int32_t)c->facts[k].size);
		thrift_i64(&t, 3, c->facts[k].first_row);
		thrift_end(&t);
		offset += c->facts[k].size;
	}
	thrift_end(&t);
}

/* ---- pages -------------------------------------------------------------------- */

int
chunk_end(struct column *c, const struct parquet_options *o, struct err *err)
{
	if (c->rows > 0 && page_finish(c, o, err) == -1)
		return -1;
	/* many chunks may end before the first is written */
	column_close_page(c);
	if (c->dict_pages == 0)
		return 0;
	c->dict_page = page_dictionary(c, o, err);
	return c->dict_page == NULL ? -1 : 0;
}

static int
write_pages(struct column *c, struct store_file *out, struct err *err)
{
	struct page *page;
	int rc = 0;

	while (rc == 0 && (page = c->first_page) != NULL) {
		rc = store_append(out, page->bytes, page->size, err);
		c->first_page = page->next;
		free(page);
	}
	return rc;
}

int
chunk_write(struct column *c, const struct parquet_options *o,
    struct store_file *out, struct footer *f, struct chunk_meta *meta,
    struct err *err)
{
	int64_t begin = (int64_t)store_size(out), data;

	if (c->dict_page != NULL &&
	    store_append(out, c->dict_page->bytes, c->dict_page->size, err) ==
		-1)
		return -1;
	data = (int64_t)store_size(out);
	if (write_pages(c, out, err) == -1)
		return -1;

	meta->meta.at = f->metas.len;
	put_meta(c, o, begin, data, &f->metas);
	meta->meta.len = f->metas.len - meta->meta.at;
	meta->column_index.at = f->column_indexes.len;
	if (!c->no_index && has_common_order(c))
		put_column_index(c, &f->column_indexes);
	meta->column_index.len = f->column_indexes.len - meta->column_index.at;
	meta->offset_index.at = f->offset_indexes.len;
	put_offset_index(c, data, &f->offset_indexes);
	meta->offset_index.len = f->offset_indexes.len - meta->offset_index.at;
	meta->raw_bytes = (int64_t)c->raw_bytes;
	meta->page_bytes = (int64_t)c->page_bytes;

	c->file_entries += c->chunk_entries;
	c->file_bytes += (int64_t)c->page_bytes;
	stats_merge(&c->file_stats, &c->chunk_stats);
	column_reset(c);
	return 0;
}
