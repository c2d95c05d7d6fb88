/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full page: its body (pack.c), its header, and what the page index will
 * say of it. (parquet.thrift, "PageHeader".)
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/parquet/column.h"
#include "worker/parquet/crc.h"
#include "worker/parquet/pack.h"
#include "worker/parquet/scratch.h"
#include "worker/parquet/thrift.h"

/* parquet.thrift, PageType */
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

/* ---- framing --------------------------------------------------------------- */

/* Header and body; owned by the caller. */
static struct page *
frame(struct column *c, int type, size_t n, const struct packed *body)
{
	struct scratch *own = scratch_own();
	struct thrift t = thrift_to(&own->header);
	size_t head;

	buf_reset(&own->header);
	thrift_begin(&t, 0);
	thrift_i32(&t, 1, type);
	thrift_i32(&t, 2, (int32_t)body->raw_size);
	thrift_i32(&t, 3, (int32_t)body->size);
	thrift_i32(&t, 4, (int32_t)crc32_add(0, body->data, body->size));
	thrift_begin(&t, type == PAGE_DATA ? 5 : 7);
	thrift_i32(&t, 1, (int32_t)n);
	thrift_i32(&t, 2, body->encoding);
	if (type == PAGE_DATA) {
		thrift_i32(&t, 3, ENCODING_RLE);
		thrift_i32(&t, 4, ENCODING_RLE);
	}
	thrift_end(&t);
	thrift_end(&t);
	head = own->header.len;

	struct page *page = xmalloc(sizeof(*page) + head + body->size);

	page->next = NULL;
	page->size = head + body->size;
	memcpy(page->bytes, own->header.data, head);
	memcpy(page->bytes + head, body->data, body->size);
	c->raw_bytes += head + body->raw_size;
	c->page_bytes += page->size;
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

int
page_finish(struct column *c, const struct parquet_options *o, struct err *err)
{
	size_t n = c->nvalues;
	struct packed body = { 0 };
	struct page *page;

	if (check_decimal(c, err) == -1 || pack_page(c, o, &body, err) == -1)
		return -1;
	page = frame(c, PAGE_DATA, c->entries, &body);
	if (c->first_page == NULL)
		c->first_page = page;
	else
		c->last_page->next = page;
	c->last_page = page;
	c->dict_pages += body.encoding == ENCODING_RLE_DICTIONARY;
	c->plain_pages += body.encoding == ENCODING_PLAIN;
	c->other_pages += body.encoding != ENCODING_RLE_DICTIONARY &&
	    body.encoding != ENCODING_PLAIN;
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
	struct packed body = { 0 };

	return pack_dictionary(c, o, &body, err) == -1
	    ? NULL
	    : frame(c, PAGE_DICTIONARY, c->dict.n, &body);
}
