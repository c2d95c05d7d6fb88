/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dictionary costs its own page as well. What that page adds to each later
 * data page is judged by how fast it still grew behind the sample: a column of
 * few values pays once, one that rises slowly pays on every page.
 */
#include "worker/parquet/pack.h"

#include <stdlib.h>

#include "worker/parquet/compress.h"
#include "worker/parquet/levels.h"
#include "worker/parquet/scratch.h"

/* Readers find values by a dictionary and decode it fast: worth a byte in so
 * many of PLAIN form. */
enum { DICTIONARY_BONUS = 64, PAGE_HEADER = 32 };

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

/* ---- one encoding ------------------------------------------------------------ */

static void
put_values(const struct column *c, enum encoding encoding, struct buf *out)
{
	const struct buf *plain = &c->values;
	unsigned width;

	switch (encoding) {
	case ENCODING_RLE_DICTIONARY:
		width = bit_width(c->dict.n - 1);
		buf_put_u8(out, (uint8_t)width);
		rle_put_u32(out, entries_of(c), nindex(c), width);
		break;
	case ENCODING_DELTA_BINARY_PACKED:
		delta_put(out, plain->data, c->nvalues, c->leaf->width);
		break;
	case ENCODING_BYTE_STREAM_SPLIT:
		split_put(out, plain->data, c->nvalues, c->leaf->width);
		break;
	case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
		delta_length_put(out, plain->data, plain->len, c->nvalues);
		break;
	default:
		if (c->leaf->physical == PHYSICAL_BOOLEAN)
			plain_put_bools(out, plain->data, c->nvalues);
		else
			buf_put(out, plain->data, plain->len);
		break;
	}
}

/* The open page before compression. */
static const struct buf *
encode(const struct column *c, enum encoding encoding, struct buf *body)
{
	if (c->leaf->max_rep == 0 && c->leaf->max_def == 0 &&
	    encoding == ENCODING_PLAIN && c->leaf->physical != PHYSICAL_BOOLEAN)
		return &c->values; /* as they lie */
	buf_reset(body);
	if (c->leaf->max_rep > 0)
		levels_put(body, c->rep.data, c->entries, c->leaf->max_rep);
	if (c->leaf->max_def > 0)
		levels_put(body, c->def.data, c->entries, c->leaf->max_def);
	put_values(c, encoding, body);
	return body;
}

static int
compress(const struct column *c, const struct parquet_options *o,
    const struct buf *raw, struct mem *room, struct packed *out,
    struct err *err)
{
	size_t bound = compress_bound(raw->len);

	if (raw->over || raw->len > INT32_MAX || bound > INT32_MAX ||
	    c->entries > INT32_MAX)
		return err_set(err, ERR_DATA,
		    "column '%s': one row takes more than "
		    "a Parquet page can hold (2 GiB); exclude the column or "
		    "cut its values at the source",
		    c->leaf->title);
	out->raw = out->data = raw->data;
	out->raw_size = out->size = raw->len;
	if (o->zstd_level == 0)
		return 0;
	out->data = mem_need(room, bound);
	out->size = compress_zstd(
	    o->zstd_level, raw->data, raw->len, room->p, bound, err);
	return out->size == 0 ? -1 : 0;
}

static int
pack(struct column *c, const struct parquet_options *o, enum encoding encoding,
    struct trial *t, struct packed *out, struct err *err)
{
	out->encoding = encoding;
	return compress(
	    c, o, encode(c, encoding, &t->body), &t->packed, out, err);
}

int
pack_dictionary(struct column *c, const struct parquet_options *o,
    struct packed *out, struct err *err)
{
	out->encoding = ENCODING_PLAIN;
	return compress(
	    c, o, &c->dict.plain, &scratch_own()->dictionary, out, err);
}

/* ---- choice -------------------------------------------------------------------- */

/* What the dictionary page adds to this page and each one like it. */
static int
dictionary_share(struct column *c, const struct parquet_options *o,
    size_t *share, struct err *err)
{
	size_t n = nindex(c), later = n - c->sample;
	struct packed p = { 0 };

	if (pack_dictionary(c, o, &p, err) == -1)
		return -1;
	*share = p.size + PAGE_HEADER;
	if (c->sample > 0 && later > 0) {
		double grown = (double)(c->dict.n - c->sample_entries) *
		    ((double)n / (double)later) / c->dict.n;

		if (grown < 1)
			*share = (size_t)((double)*share * grown);
	}
	return 0;
}

/* The better one of PLAIN and what the preset offers. */
static int
choose_other(struct column *c, const struct parquet_options *o,
    struct trial **best, struct trial **spare, struct packed *out,
    struct err *err)
{
	enum encoding offer = alternative(c, o->preset);
	struct packed p = { 0 };

	if (pack(c, o, ENCODING_PLAIN, *best, out, err) == -1)
		return -1;
	if (offer != ENCODING_PLAIN) {
		if (pack(c, o, offer, *spare, &p, err) == -1)
			return -1;
		if (p.size < out->size) {
			struct trial *t = *best;

			*best = *spare;
			*spare = t;
			*out = p;
		}
	}
	c->other = out->encoding;
	c->other_chosen = true;
	return 0;
}

/* Dictionary or not; nothing was chosen for this chunk yet. */
static int
choose(struct column *c, const struct parquet_options *o, struct packed *out,
    struct err *err)
{
	struct scratch *own = scratch_own();
	struct trial *best = &own->trial[0], *spare = &own->trial[1];
	struct packed with = { 0 };
	size_t share;

	dictionary_expand(&c->dict, entries_of(c), nindex(c), &c->values);
	if (choose_other(c, o, &best, &spare, out, err) == -1 ||
	    pack(c, o, ENCODING_RLE_DICTIONARY, spare, &with, err) == -1 ||
	    dictionary_share(c, o, &share, err) == -1)
		return -1;
	if (with.size + share <= out->size + c->values.len / DICTIONARY_BONUS) {
		*out = with;
		buf_clear(&c->values);
		c->other_chosen = false;
		c->sampled = true;
	} else {
		column_forget_dictionary(c);
	}
	return 0;
}

int
pack_page(struct column *c, const struct parquet_options *o, struct packed *out,
    struct err *err)
{
	struct trial *best = &scratch_own()->trial[0];
	struct trial *spare = &scratch_own()->trial[1];

	/* not one value so far: nothing to choose by */
	if (c->nvalues == 0 && (!c->dict_on || c->dict.n == 0))
		return pack(c, o, ENCODING_PLAIN, best, out, err);
	if (c->dict_on && c->dict_pages == 0 && c->nvalues > 0 &&
	    c->verdict != VERDICT_DICTIONARY)
		return choose(c, o, out, err);
	if (c->dict_on)
		return pack(c, o, ENCODING_RLE_DICTIONARY, best, out, err);
	if (!c->other_chosen && c->nvalues > 0)
		return choose_other(c, o, &best, &spare, out, err);
	return pack(c, o, c->other, best, out, err);
}
