/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to the open page: where to cut, then levels and values.
 *
 * Values travel as (vec, rows or first, n). A batch dictionary is mapped to
 * the chunk's, each of its entries hashed at most once per slice; where there
 * is no chunk dictionary it only adds one indirection to the gathering.
 */
#include "worker/parquet/column.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/parquet/gather.h"
#include "worker/parquet/scratch.h"
#include "worker/parquet/shred.h"

/* Iceberg's Java library (1.5) fails on dictionaries of UUIDs. */
static bool
may_have_dictionary(const struct leaf *leaf)
{
	return leaf->physical != PHYSICAL_BOOLEAN &&
	    leaf->field->type.kind != TYPE_UUID;
}

static void
begin_chunk(struct column *c)
{
	c->dict_on =
	    may_have_dictionary(c->leaf) && c->verdict != VERDICT_OTHER;
	c->dict.width = c->leaf->width;
}

void
column_init(struct column *c, const struct leaf *leaf)
{
	*c = (struct column){ .leaf = leaf };
	stats_init(&c->page_stats, leaf->order, leaf->width);
	stats_init(&c->chunk_stats, leaf->order, leaf->width);
	stats_init(&c->file_stats, leaf->order, leaf->width);
	begin_chunk(c);
}

/* What the next chunk need not find out again. */
static void
take_over(struct column *c, const struct column *was)
{
	c->chunks = was->chunks + 1;
	if (c->chunks == CHUNKS_A_LOOK) {
		c->chunks = 0;
	} else if (was->dict_on) {
		c->verdict =
		    was->dict_pages > 0 ? VERDICT_DICTIONARY : was->verdict;
	} else if (was->other_chosen && was->dict_pages == 0) {
		c->verdict = VERDICT_OTHER;
		c->other = was->other;
		c->other_chosen = true;
	}
}

void
column_reset(struct column *c)
{
	struct column was = *c;

	c->file_stats = (struct stats){ 0 };
	column_clear(c);
	column_init(c, was.leaf);
	take_over(c, &was);
	begin_chunk(c);
	c->file_entries = was.file_entries;
	c->file_bytes = was.file_bytes;
	c->file_stats = was.file_stats;
}

void
column_close_page(struct column *c)
{
	buf_clear(&c->values);
	buf_clear(&c->index);
	buf_clear(&c->def);
	buf_clear(&c->rep);
}

void
column_clear(struct column *c)
{
	while (c->first_page != NULL) {
		struct page *next = c->first_page->next;

		free(c->first_page);
		c->first_page = next;
	}
	free(c->dict_page);
	column_close_page(c);
	buf_clear(&c->bounds);
	dictionary_clear(&c->dict);
	stats_clear(&c->page_stats);
	stats_clear(&c->chunk_stats);
	stats_clear(&c->file_stats);
	free(c->facts);
	*c = (struct column){ .leaf = c->leaf };
}

uint64_t
column_open(const struct column *c)
{
	return c->values.len + c->index.len + c->def.len + c->rep.len +
	    c->dict.plain.len;
}

size_t
column_memory(const struct column *c)
{
	return c->values.cap + c->index.cap + c->def.cap + c->rep.cap +
	    c->bounds.cap + c->facts_cap * sizeof(*c->facts) +
	    dictionary_memory(&c->dict) + c->page_bytes;
}

void
column_drop_dictionary(struct column *c)
{
	if (!c->dict_on)
		return;
	dictionary_expand(&c->dict, (const uint32_t *)(void *)c->index.data,
	    c->index.len / sizeof(uint32_t), &c->values);
	column_forget_dictionary(c);
}

void
column_forget_dictionary(struct column *c)
{
	buf_clear(&c->index);
	c->dict_on = false;
	if (c->dict_pages == 0)
		dictionary_clear(&c->dict);
}

/* ---- values --------------------------------------------------------------- */

/* Numbers are cheaper to compare all than to remember. */
static bool
is_number(const struct column *c)
{
	return c->leaf->order <= ORDER_DOUBLE;
}

/* Statistics from entries: each counts once a page. */
static void
note_entries(struct column *c, const uint32_t *index, size_t n)
{
	uint32_t *seen = c->dict.seen.p, mark = c->dict_pages + 1;

	for (size_t k = 0; k < n; k++) {
		const uint8_t *p;
		size_t len;

		if (seen[index[k]] == mark)
			continue;
		seen[index[k]] = mark;
		p = dictionary_value(&c->dict, index[k], &len);
		if (is_number(c))
			stats_add_fixed(&c->page_stats, p, 1);
		else
			stats_add_one(&c->page_stats, p, len);
	}
}

/* Finds or adds values; -1 for one that does not fit the type. */
static int
add_hashed(struct column *c, const struct values *v, uint32_t *index,
    size_t *done, struct err *err)
{
	struct scratch *own = scratch_own();
	uint32_t width = c->leaf->width;
	uint8_t *plain;

	if (width == 0) {
		*done = dictionary_add_bytes(
		    &c->dict, v->vec, v->first, v->rows, v->n, index);
		return 0;
	}
	plain = mem_need(&own->values, v->n * width);
	if (gather_fixed(c->leaf, v, plain, err) == -1)
		return -1;
	*done = dictionary_add_fixed(&c->dict, plain, v->n, index);
	if (is_number(c))
		stats_add_fixed(&c->page_stats, plain, *done);
	return 0;
}

/* The same for values that come as entries of a batch dictionary; map keeps
 * what its entries are here, UINT32_MAX unknown. */
static int
add_mapped(struct column *c, const struct values *v, uint32_t *map,
    uint32_t *index, size_t *done, struct err *err)
{
	for (size_t k = 0; k < v->n; k++) {
		uint32_t entry =
		    v->vec->index[v->rows != NULL ? v->rows[k] : v->first + k];

		if (map[entry] == UINT32_MAX) {
			struct values one = {
				.vec = v->vec->dict, .first = entry, .n = 1
			};
			size_t got = 0;

			if (add_hashed(c, &one, &map[entry], &got, err) == -1)
				return -1;
			if (got == 0) {
				map[entry] = UINT32_MAX;
				*done = k;
				return 0;
			}
		}
		index[k] = map[entry];
	}
	*done = v->n;
	return 0;
}

/* As many as the dictionary takes; it is dropped when that is not all. */
static int
add_entries(struct column *c, const struct values *v, uint32_t *map,
    size_t *done, struct err *err)
{
	uint32_t *index =
	    (uint32_t *)(void *)buf_reserve(&c->index, v->n * sizeof(*index));
	size_t have = c->index.len / sizeof(*index);
	bool drop;

	if (index == NULL)
		return 0;
	if ((map != NULL ? add_mapped(c, v, map, index, done, err)
			 : add_hashed(c, v, index, done, err)) == -1)
		return -1;
	c->index.len += *done * sizeof(*index);
	if (map != NULL || !is_number(c))
		note_entries(c, index, *done);
	have += *done;
	drop = *done < v->n;
	if (!c->sampled && have >= DICTIONARY_SAMPLE) {
		c->sampled = true;
		c->sample = have;
		c->sample_entries = c->dict.n;
		drop = drop || c->dict.n > have / 16 * DICTIONARY_SIXTEENTHS;
	}
	if (drop)
		column_drop_dictionary(c);
	return 0;
}

static int
add_plain(struct column *c, const struct values *v, struct err *err)
{
	uint32_t width = c->leaf->width;
	uint8_t *to;

	if (width == 0) {
		gather_bytes(v, &c->values);
		stats_add_bytes(
		    &c->page_stats, v->vec, v->first, v->rows, v->n);
		return 0;
	}
	if ((to = buf_reserve(&c->values, v->n * width)) == NULL)
		return 0;
	if (gather_fixed(c->leaf, v, to, err) == -1)
		return -1;
	c->values.len += v->n * width;
	stats_add_fixed(&c->page_stats, to, v->n);
	return 0;
}

/* NaNs must be counted per value, which mapped entries are not. */
static uint32_t *
new_map(const struct column *c, const struct vec *v)
{
	uint32_t *map;

	if (v->layout != VEC_DICT || c->leaf->order == ORDER_FLOAT ||
	    c->leaf->order == ORDER_DOUBLE)
		return NULL;
	map = mem_need(&scratch_own()->map, v->dict->n * sizeof(*map));
	memset(map, 0xff, v->dict->n * sizeof(*map));
	return map;
}

static int
add_values(struct column *c, const struct slice *s, struct err *err)
{
	struct values left = { .vec = s->vec,
		.rows = s->rows,
		.first = s->first,
		.n = s->nvalues };
	uint32_t *map = c->dict_on ? new_map(c, s->vec) : NULL;

	if (map == NULL)
		left = gather_pick(&left);
	while (left.n > 0 && c->dict_on) {
		size_t have = c->index.len / sizeof(uint32_t), done = 0;
		struct values now = left;

		/* have < DICTIONARY_SAMPLE as long as nobody looked */
		if (!c->sampled && now.n > DICTIONARY_SAMPLE - have)
			now.n = DICTIONARY_SAMPLE - have;
		if (add_entries(c, &now, map, &done, err) == -1)
			return -1;
		if (c->index.over)
			return 0;
		left = values_from(&left, done);
	}
	if (left.n == 0)
		return 0;
	left = gather_pick(&left);
	return add_plain(c, &left, err);
}

/* ---- rows ----------------------------------------------------------------- */

static int
add_rows(struct column *c, const struct batch *b, size_t first, size_t n,
    struct err *err)
{
	struct slice s;

	if (shred(c->leaf, b, first, n, &s, err) == -1)
		return -1;
	if (s.def != NULL)
		buf_put(&c->def, s.def, s.nentries);
	if (s.rep != NULL)
		buf_put(&c->rep, s.rep, s.nentries);
	c->rows += s.nrows;
	c->entries += s.nentries;
	c->nvalues += s.nvalues;
	c->page_stats.nulls += (int64_t)(s.nentries - s.nvalues);
	if (add_values(c, &s, err) == -1)
		return -1;
	if (c->values.over || c->index.over || c->def.over || c->rep.over)
		return err_set(err, ERR_DATA,
		    "column '%s': one row takes "
		    "more than a Parquet page can hold (2 GiB); exclude the "
		    "column or cut its values at the source",
		    c->leaf->title);
	return 0;
}

/* How many of n rows the open page takes; 0 when it should end first. */
static size_t
rows_that_fit(const struct column *c, const struct parquet_options *o,
    const struct batch *b, size_t first, size_t n, uint64_t *cost)
{
	uint64_t left = c->cost < o->page_bytes ? o->page_bytes - c->cost : 0;
	size_t most = o->page_rows - c->rows, least = 0;

	if (most > n)
		most = n;
	if ((*cost = shred_cost(c->leaf, b, first, most)) <= left)
		return most;
	/* rows [0, least) fit, [0, most) do not */
	while (most - least > 1) {
		size_t mid = least + (most - least) / 2;

		if (shred_cost(c->leaf, b, first, mid) <= left)
			least = mid;
		else
			most = mid;
	}
	if (least == 0 && c->rows == 0)
		least = 1;
	*cost = shred_cost(c->leaf, b, first, least);
	return least;
}

int
column_append(struct column *c, const struct parquet_options *o,
    const struct batch *b, size_t first, size_t n, struct err *err)
{
	while (n > 0) {
		uint64_t cost;
		size_t take = rows_that_fit(c, o, b, first, n, &cost);

		if (take > 0 && add_rows(c, b, first, take, err) == -1)
			return -1;
		c->cost += cost;
		first += take;
		n -= take;
		if ((take == 0 || c->rows >= o->page_rows ||
			c->cost >= o->page_bytes) &&
		    page_finish(c, o, err) == -1)
			return -1;
	}
	return 0;
}
