/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers are those of parquet.thrift; all others are skipped. */
#include "worker/parquet/reader_meta.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "worker/parquet/thrift.h"

enum { SCHEMA_DEPTH = 128 };

/* Beyond these a value is what it is, not a size to believe. */
static int32_t
get_i32(struct thrift_in *t, enum thrift_type type)
{
	int64_t v = thrift_get_int(t, type);

	if (v < INT32_MIN || v > INT32_MAX) {
		t->c.bad = true;
		return 0;
	}
	return (int32_t)v;
}

/* ---- schema ------------------------------------------------------------------- */

struct element {
	int32_t type; /* -1: a group */
	int32_t repetition;
	int32_t nchildren;
	int32_t id;
	bool has_id;
};

static void
read_element(struct thrift_in *t, struct element *e)
{
	struct thrift_field f;

	*e = (struct element){ .type = -1 };
	thrift_enter(t);
	while (thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			e->type = get_i32(t, f.type);
			break;
		case 3:
			e->repetition = get_i32(t, f.type);
			break;
		case 5:
			e->nchildren = get_i32(t, f.type);
			break;
		case 9:
			e->id = get_i32(t, f.type);
			e->has_id = true;
			break;
		default:
			thrift_skip(t, f.type);
			break;
		}
	}
}

/* Walks the tree to the column; *leaf is its place among the leaves. */
static const char *
read_schema(struct thrift_in *t, enum thrift_type type, int field_id,
    struct column_in *out, size_t *leaf)
{
	size_t n = thrift_get_list(t, type, THRIFT_STRUCT), leaves = 0;
	int32_t left[SCHEMA_DEPTH]; /* children still to come, per level */
	size_t depth = 0;
	struct element e;
	bool found = false;

	for (size_t k = 0; k < n; k++) {
		read_element(t, &e);
		if (t->c.bad || e.nchildren < 0 || (k > 0 && depth == 0))
			return "its schema is malformed";
		if (depth > 0)
			left[depth - 1]--;
		if (e.has_id && e.id == field_id && depth == 1 && !found) {
			if ((e.type != 1 && e.type != 2) || e.nchildren > 0 ||
			    e.repetition < 0 || e.repetition > 1)
				return "the column is no plain INT32 or INT64";
			out->width = e.type == 1 ? 4 : 8;
			out->optional = e.repetition == 1;
			*leaf = leaves;
			found = true;
		}
		if (e.nchildren > 0 || k == 0) {
			if (depth == SCHEMA_DEPTH)
				return "its schema is nested too deeply";
			left[depth++] = e.nchildren;
		} else {
			leaves++;
		}
		while (depth > 0 && left[depth - 1] == 0)
			depth--;
	}
	return found ? NULL : "it has no top-level column with that field id";
}

/* ---- row groups ---------------------------------------------------------------- */

static void
read_chunk_meta(struct thrift_in *t, struct chunk_in *c)
{
	struct thrift_field f;

	thrift_enter(t);
	while (thrift_next(t, &f)) {
		switch (f.id) {
		case 4:
			c->codec = get_i32(t, f.type);
			break;
		case 5:
			c->nvalues = thrift_get_int(t, f.type);
			break;
		case 7:
			c->size = thrift_get_int(t, f.type);
			break;
		case 9:
			c->data_offset = thrift_get_int(t, f.type);
			break;
		case 11:
			c->dict_offset = thrift_get_int(t, f.type);
			break;
		default:
			thrift_skip(t, f.type);
			break;
		}
	}
}

/* One ColumnChunk; c NULL: of another column. */
static void
read_chunk(struct thrift_in *t, struct chunk_in *c)
{
	struct thrift_field f;

	thrift_enter(t);
	while (thrift_next(t, &f)) {
		if (f.id == 3 && f.type == THRIFT_STRUCT && c != NULL)
			read_chunk_meta(t, c);
		else if (f.id == 1 && c != NULL)
			t->c.bad = true; /* data in another file */
		else
			thrift_skip(t, f.type);
	}
}

static const char *
read_group(struct thrift_in *t, size_t leaf, struct chunk_in *c)
{
	struct thrift_field f;
	int64_t rows = -1;
	size_t n = 0;

	*c = (struct chunk_in){ .nvalues = -1 };
	thrift_enter(t);
	while (thrift_next(t, &f)) {
		if (f.id == 1) {
			n = thrift_get_list(t, f.type, THRIFT_STRUCT);
			for (size_t k = 0; k < n && !t->c.bad; k++)
				read_chunk(t, k == leaf ? c : NULL);
		} else if (f.id == 3) {
			rows = thrift_get_int(t, f.type);
		} else {
			thrift_skip(t, f.type);
		}
	}
	if (t->c.bad || leaf >= n)
		return "a row group is malformed";
	if (c->nvalues < 0 || c->nvalues != rows || c->size < 0 ||
	    c->data_offset < 0 || c->dict_offset < 0)
		return "a column chunk's sizes contradict its row group";
	return NULL;
}

static const char *
read_groups(struct thrift_in *t, enum thrift_type type, size_t leaf,
    struct column_in *out)
{
	size_t n = thrift_get_list(t, type, THRIFT_STRUCT);
	const char *why = NULL;

	if (t->c.bad || out->chunks != NULL)
		return "its list of row groups is malformed";
	out->chunks = xcalloc(n + 1, sizeof(*out->chunks));
	for (size_t k = 0; k < n && why == NULL; k++) {
		why = read_group(t, leaf, &out->chunks[k]);
		out->nchunks = k + 1;
	}
	return why;
}

const char *
meta_read_column(
    const uint8_t *footer, size_t n, int field_id, struct column_in *out)
{
	struct thrift_in t = thrift_from(footer, n);
	struct thrift_field f;
	const char *why = NULL;
	size_t leaf = 0;
	bool has_schema = false;

	*out = (struct column_in){ 0 };
	thrift_enter(&t);
	while (why == NULL && thrift_next(&t, &f)) {
		if (f.id == 2 && !has_schema) {
			why = read_schema(&t, f.type, field_id, out, &leaf);
			has_schema = true;
		} else if (f.id == 4 && has_schema) {
			why = read_groups(&t, f.type, leaf, out);
		} else {
			thrift_skip(&t, f.type);
		}
	}
	if (why == NULL && (t.c.bad || out->chunks == NULL))
		why = "its footer is malformed";
	return why;
}

/* ---- page headers ---------------------------------------------------------------- */

static void
read_data_header(struct thrift_in *t, struct page_in *p)
{
	struct thrift_field f;

	thrift_enter(t);
	while (thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			p->nvalues = get_i32(t, f.type);
			break;
		case 2:
			p->encoding = get_i32(t, f.type);
			break;
		case 3: /* a bool in a dictionary page's header */
			if (p->type == PAGE_IN_DATA)
				p->def_encoding = get_i32(t, f.type);
			else
				thrift_skip(t, f.type);
			break;
		default:
			thrift_skip(t, f.type);
			break;
		}
	}
}

static void
read_v2_header(struct thrift_in *t, struct page_in *p)
{
	struct thrift_field f;

	p->packed = true;
	thrift_enter(t);
	while (thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			p->nvalues = get_i32(t, f.type);
			break;
		case 2:
			p->nnulls = get_i32(t, f.type);
			break;
		case 4:
			p->encoding = get_i32(t, f.type);
			break;
		case 5:
			p->def_size = get_i32(t, f.type);
			break;
		case 6:
			p->rep_size = get_i32(t, f.type);
			break;
		case 7:
			p->packed = f.type != THRIFT_FALSE;
			break;
		default:
			thrift_skip(t, f.type);
			break;
		}
	}
}

static bool
sizes_fit(const struct page_in *p)
{
	return p->size >= 0 && p->raw_size >= 0 && p->nvalues >= 0 &&
	    p->nnulls >= 0 && p->def_size >= 0 && p->rep_size >= 0 &&
	    p->nnulls <= p->nvalues && p->def_size <= p->size &&
	    p->rep_size <= p->size - p->def_size &&
	    p->def_size <= p->raw_size &&
	    p->rep_size <= p->raw_size - p->def_size;
}

const char *
meta_read_page(const uint8_t *bytes, size_t n, struct page_in *p, size_t *used)
{
	struct thrift_in t = thrift_from(bytes, n);
	struct thrift_field f;

	*p = (struct page_in){ .type = -1, .nvalues = -1, .def_encoding = -1 };
	*used = 0;
	thrift_enter(&t);
	while (thrift_next(&t, &f)) {
		if (f.id == 1)
			p->type = get_i32(&t, f.type);
		else if (f.id == 2)
			p->raw_size = get_i32(&t, f.type);
		else if (f.id == 3)
			p->size = get_i32(&t, f.type);
		else if (f.id == 4 && (p->has_crc = true))
			p->crc = (uint32_t)get_i32(&t, f.type);
		else if ((f.id == 5 || f.id == 7) && f.type == THRIFT_STRUCT)
			read_data_header(&t, p);
		else if (f.id == 8 && f.type == THRIFT_STRUCT)
			read_v2_header(&t, p);
		else
			thrift_skip(&t, f.type);
	}
	if (t.c.bad)
		return cursor_left(&t.c) == 0 ? NULL
					      : "a page header is malformed";
	if (!sizes_fit(p))
		return "a page header's sizes contradict each other";
	*used = n - cursor_left(&t.c);
	return NULL;
}
