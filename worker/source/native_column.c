/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are read first and converted afterwards, because of dictionaries:
 * theirs may hold entries that no row uses, which must not fail a run, and
 * which entries are used is only known when the indices have come.
 *
 * Nothing is allocated for a count from the wire before the stream's budget
 * has agreed to it.
 */
#include "worker/source/native_column.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

/* Bits of LowCardinality's flags word, and the version before it. */
enum { LC_VERSION = 1, LC_WIDTH = 0xff, LC_GLOBAL = 1 << 8,
	LC_ADDITIONAL = 1 << 9, LC_KNOWN = 0x7ff };
enum { LABEL_NONE = -1, JSON_AS_STRING = 1 };

void
node_init(struct node *nd, const struct mapping *map, bool keep_raw)
{
	*nd = (struct node){ .map = map, .keep_raw = keep_raw };
	nd->child = xcalloc(map->nchild, sizeof(*nd->child));
	for (size_t i = 0; i < map->nchild; i++)
		node_init(&nd->child[i], &map->child[i], false);
}

void
node_clear(struct node *nd)
{
	for (size_t i = 0; i < nd->map->nchild; i++)
		node_clear(&nd->child[i]);
	free(nd->child);
	mem_clear(&nd->raw);
	mem_clear(&nd->null);
	mem_clear(&nd->skip);
	mem_clear(&nd->labels);
	vec_clear(&nd->text);
}

static int
corrupt(const struct node *nd, const char *what, struct err *err)
{
	return err_set(err, ERR_DATA, "corrupt stream: column '%.200s': %s",
	    nd->map->path, what);
}

static int
bad_value(const struct node *nd, struct err *err)
{
	const char *what = nd->map->convert.problem;

	if (nd->map->convert.utf8 == UTF8_ERROR && nd->map->form != MAP_FIXED)
		what = "is not UTF-8; set utf8: binary, replace or latin1";
	if (what == NULL)
		what = "makes more than 4 GiB of text in one block";
	return err_set(err, ERR_DATA, "a value of column '%.200s' %s",
	    nd->map->path, what);
}

int
node_prefix(struct node *nd, struct stream *in, struct err *err)
{
	uint64_t version;

	if (nd->map->low_cardinality) {
		if (stream_u64(in, &version, err) == -1)
			return -1;
		if (version != LC_VERSION)
			return corrupt(nd, "unknown version of a dictionary",
			    err);
	}
	if (nd->map->prefixed) {
		if (stream_u64(in, &version, err) == -1)
			return -1;
		if (version != JSON_AS_STRING)
			return corrupt(nd, "JSON did not come as text", err);
	}
	for (size_t i = 0; i < nd->map->nchild; i++)
		if (node_prefix(&nd->child[i], in, err) == -1)
			return -1;
	return 0;
}

/* ---- strings -------------------------------------------------------------- */

/* Strings that lie whole in the window, up to n; lengths of two bytes at most
 * are decoded here, others left to the caller. Returns how many were taken. */
static size_t
take_strings(const uint8_t *p, size_t have, size_t n, uint32_t *offset,
    struct mem *bytes, size_t *used)
{
	size_t at = offset[0], i = 0;
	const uint8_t *end = p + have, *from = p;
	uint8_t *to = mem_need(bytes, at + have);

	while (i < n && end - p >= 2) {
		size_t len = p[0], head = 1;

		if (len >= 0x80) {
			if (p[1] >= 0x80)
				break;
			len = (len & 0x7f) | (size_t)p[1] << 7;
			head = 2;
		}
		if ((size_t)(end - p) < head + len)
			break;
		memcpy(to + at, p + head, len);
		p += head + len;
		at += len;
		offset[++i] = (uint32_t)at;
	}
	*used = (size_t)(p - from);
	return i;
}

static int
one_string(struct node *nd, struct stream *in, uint32_t *offset,
    struct mem *bytes, struct err *err)
{
	size_t at = offset[0], have = 0, step;
	uint64_t len;

	if (stream_varint(in, &len, err) == -1 ||
	    stream_afford(in, len, 1, err) == -1)
		return -1;
	if (len > UINT32_MAX - at)
		return corrupt(nd, "more than 4 GiB of text in a block", err);
	while (have < len) {
		step = have < STREAM_WINDOW ? STREAM_WINDOW : have;
		if (step > len - have)
			step = len - have;
		if (stream_read(in, (uint8_t *)mem_need(bytes,
		    at + have + step) + at + have, step, err) == -1)
			return -1;
		have += step;
	}
	offset[1] = (uint32_t)(at + len);
	return 0;
}

static int
read_strings(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	uint32_t *offset;
	size_t i = 0;

	/* at least one byte each on the wire, four for the offset here */
	if (stream_afford(in, n, 4, err) == -1)
		return -1;
	offset = vec_set_offsets(v, VEC_BYTES, n);
	while (i < n) {
		const uint8_t *p;
		size_t used, got;
		ssize_t have = stream_peek(in, &p, err);

		if (have == -1)
			return -1;
		used = got = 0;
		if ((uint64_t)have > UINT32_MAX - (uint64_t)offset[i])
			return corrupt(nd, "more than 4 GiB of text in a "
			    "block", err);
		if (have > 0)
			got = take_strings(p, (size_t)have, n - i,
			    offset + i, &v->value_mem, &used);
		if (stream_take(in, used, err) == -1)
			return -1;
		i += got;
		if (i < n && one_string(nd, in, offset + i++, &v->value_mem,
		    err) == -1)
			return -1;
	}
	vec_set_bytes(v, offset[n]);
	return 0;
}

/* Values under a NULL, or never referred to, become empty. */
static void
drop_strings(struct vec *v, const uint8_t *skip)
{
	uint32_t *offset = v->offset_mem.p;
	uint8_t *bytes = v->value_mem.p;
	size_t at = 0, from = 0;
	bool any = false;

	for (size_t i = 0; i < v->n; i++)
		any |= (skip[i] != 0) & (offset[i + 1] != offset[i]);
	if (!any)
		return;
	for (size_t i = 0; i < v->n; i++) {
		size_t len = offset[i + 1] - from;

		if (skip[i] == 0 && len > 0) {
			memmove(bytes + at, bytes + from, len);
			at += len;
		}
		from = offset[i + 1];
		offset[i + 1] = (uint32_t)at;
	}
}

static void
swap_text(struct vec *a, struct vec *b)
{
	struct vec t = *a;

	*a = *b;
	*b = t;
}

/* UTF-8 rules on a VEC_BYTES; 1 when the policy is broken. */
static int
apply_utf8(struct node *nd, struct vec *v)
{
	enum utf8_policy policy = nd->map->convert.utf8;

	if (policy == UTF8_BINARY)
		return 0;
	if (policy != UTF8_LATIN1 && utf8_vec_valid(v))
		return 0;
	if (policy == UTF8_ERROR)
		return 1;
	if (!utf8_vec_recode(&nd->text, v, policy))
		return 1;
	swap_text(v, &nd->text);
	return 0;
}

/* ---- enums ---------------------------------------------------------------- */

static void
label_table(struct node *nd)
{
	const struct ch_type *t = nd->map->from;
	size_t n = t->kind == CH_ENUM8 ? 256 : 65536;
	int32_t *index = mem_need(&nd->labels, n * sizeof(*index));

	for (size_t i = 0; i < n; i++)
		index[i] = LABEL_NONE;
	for (size_t i = 0; i < t->nlabels; i++)
		index[(unsigned)t->labels[i].value & (n - 1)] = (int32_t)i;
}

static int
label_dictionary(struct node *nd, struct vec *dict, struct err *err)
{
	const struct ch_type *t = nd->map->from;
	uint32_t *offset = vec_set_offsets(dict, VEC_BYTES, t->nlabels);
	size_t total = 0;
	uint8_t *to;

	for (size_t i = 0; i < t->nlabels; i++)
		total += t->labels[i].len;
	to = vec_set_bytes(dict, total);
	for (size_t i = 0; i < t->nlabels; i++) {
		if (t->labels[i].len > 0)
			memcpy(to + offset[i], t->labels[i].text,
			    t->labels[i].len);
		offset[i + 1] = offset[i] + (uint32_t)t->labels[i].len;
	}
	if (apply_utf8(nd, dict) != 0)
		return err_set(err, ERR_DATA, "a label of column '%.200s' is "
		    "not UTF-8; set utf8: replace or latin1",
		    nd->map->path);
	return 0;
}

static int
convert_labels(struct node *nd, size_t n, const uint8_t *skip, struct vec *v,
    struct err *err)
{
	uint32_t *to = vec_set_index(v, n);
	const int32_t *index;
	int32_t found;
	bool bad = false;

	if (nd->labels.p == NULL)
		label_table(nd);
	index = nd->labels.p;
	for (size_t i = 0; i < n; i++) {
		if (nd->map->from->kind == CH_ENUM8)
			found = index[((const uint8_t *)nd->raw.p)[i]];
		else
			found = index[((const uint16_t *)nd->raw.p)[i]];
		if (skip != NULL && skip[i] != 0)
			found = 0;
		bad |= found == LABEL_NONE;
		to[i] = (uint32_t)found;
	}
	if (bad)
		return corrupt(nd, "a value that the enum does not name", err);
	return label_dictionary(nd, v->dict, err);
}

/* ---- leaves --------------------------------------------------------------- */

/* n values as they come: strings into v, all else into nd->raw, or straight
 * into v where nothing remains to be done. */
static int
leaf_read(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	const struct convert *c = &nd->map->convert;

	if (nd->map->form == MAP_STRING)
		return read_strings(nd, in, n, v, err);
	if (stream_afford(in, n, c->src_width, err) == -1)
		return -1;
	if (nd->map->form == MAP_FIXED && c->kind == CONVERT_COPY &&
	    !nd->keep_raw) {
		if (stream_read_mem(in, &v->value_mem, n * c->src_width,
		    err) == -1)
			return -1;
		vec_set_fixed(v, c->dst_width, n);
		return 0;
	}
	return stream_read_mem(in, &nd->raw, n * c->src_width, err);
}

/* 0 converted, 1 a value that is not skipped does not fit, -1 error. */
static int
leaf_convert(struct node *nd, size_t n, const uint8_t *skip, struct vec *v,
    struct err *err)
{
	const struct convert *c = &nd->map->convert;

	switch (nd->map->form) {
	case MAP_STRING:
		if (skip != NULL)
			drop_strings(v, skip);
		return apply_utf8(nd, v);
	case MAP_LABEL:
		return convert_labels(nd, n, skip, v, err);
	case MAP_TEXT:
		if (convert_text(c, nd->raw.p, n, skip, v) < n)
			return 1;
		return apply_utf8(nd, v);
	default:
		if (c->kind == CONVERT_COPY && !nd->keep_raw)
			return 0;
		return convert_fixed(c, nd->raw.p, n, skip,
		    vec_set_fixed(v, c->dst_width, n)) < n;
	}
}

/* ---- dictionaries --------------------------------------------------------- */

static int
dictionary_head(struct node *nd, struct stream *in, unsigned *width,
    size_t *entries, struct err *err)
{
	uint64_t flags, n;

	if (stream_u64(in, &flags, err) == -1 ||
	    stream_u64(in, &n, err) == -1)
		return -1;
	if ((flags & LC_WIDTH) > 3 || (flags & LC_GLOBAL) != 0 ||
	    (flags & LC_ADDITIONAL) == 0 || (flags & ~(uint64_t)LC_KNOWN) != 0)
		return corrupt(nd, "unknown kind of dictionary", err);
	if (n == 0 || n > UINT32_MAX)
		return corrupt(nd, "impossible size of a dictionary", err);
	*width = 1u << (flags & LC_WIDTH);
	*entries = (size_t)n;
	return 0;
}

/* Indices of 1, 2, 4 or 8 bytes to 4; the largest of them. */
static uint64_t
widen_indices(const void *raw, unsigned width, size_t n, uint32_t *to)
{
	const uint8_t *i1 = raw;
	const uint16_t *i2 = raw;
	const uint32_t *i4 = raw;
	const uint64_t *i8 = raw;
	uint64_t most = 0, any = 0;
	uint32_t largest = 0;

	switch (width) {
	case 1:
		for (size_t i = 0; i < n; i++)
			to[i] = i1[i];
		break;
	case 2:
		for (size_t i = 0; i < n; i++)
			to[i] = i2[i];
		break;
	case 4:
		for (size_t i = 0; i < n; i++)
			to[i] = i4[i];
		break;
	default:
		for (size_t i = 0; i < n; i++) {
			any |= i8[i];
			to[i] = (uint32_t)i8[i];
		}
		if (any > UINT32_MAX)
			return UINT64_MAX;
		break;
	}
	for (size_t i = 0; i < n; i++)
		largest = to[i] > largest ? to[i] : largest;
	most = largest;
	return most;
}

static int
read_indices(struct node *nd, struct stream *in, unsigned width, size_t n,
    size_t entries, struct vec *v, struct err *err)
{
	uint64_t rows;

	if (stream_u64(in, &rows, err) == -1)
		return -1;
	if (rows != n)
		return corrupt(nd, "a dictionary for another number of rows",
		    err);
	if (stream_afford(in, n, width, err) == -1 ||
	    stream_read_mem(in, &nd->null, n * width, err) == -1)
		return -1;
	if (widen_indices(nd->null.p, width, n, vec_set_index(v, n)) >=
	    entries)
		return corrupt(nd, "an index past the end of its dictionary",
		    err);
	return 0;
}

/* Entries that no row refers to; slot 0 of a nullable one stands for NULL. */
static const uint8_t *
unused_entries(struct node *nd, const struct vec *v, size_t entries)
{
	uint8_t *skip = mem_need(&nd->skip, entries);

	memset(skip, 1, entries);
	for (size_t i = 0; i < v->n; i++)
		skip[v->index[i]] = 0;
	if (nd->map->nullable)
		skip[0] = 1;
	return skip;
}

static void
leaf_empty(const struct node *nd, struct vec *v)
{
	if (nd->map->form == MAP_FIXED) {
		vec_set_fixed(v, nd->map->convert.dst_width, 0);
		return;
	}
	vec_set_offsets(v, VEC_BYTES, 0);
	vec_set_bytes(v, 0);
}

static int
read_dictionary(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	unsigned width = 0;
	size_t entries = 0;
	uint8_t *null;
	int rc;

	vec_set_index(v, 0);
	if (n == 0) {
		leaf_empty(nd, v->dict);
		return 0;
	}
	if (stream_afford(in, n, 1, err) == -1 ||
	    dictionary_head(nd, in, &width, &entries, err) == -1 ||
	    leaf_read(nd, in, entries, v->dict, err) == -1 ||
	    read_indices(nd, in, width, n, entries, v, err) == -1)
		return -1;
	rc = leaf_convert(nd, entries, NULL, v->dict, err);
	if (rc == 1)
		rc = leaf_convert(nd, entries, unused_entries(nd, v, entries),
		    v->dict, err);
	if (rc == 1)
		return bad_value(nd, err);
	if (rc == 0 && nd->map->nullable) {
		null = vec_set_null(v, n);
		for (size_t i = 0; i < n; i++)
			null[i] = v->index[i] == 0;
	}
	return rc;
}

/* ---- nested --------------------------------------------------------------- */

/* Cumulative ends to offsets; the wire's are 64 bits and untrusted. */
static int
read_offsets(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	uint32_t *offset;
	const uint64_t *ends;
	uint64_t last = 0;
	bool falls = false;

	if (stream_afford(in, n, 8, err) == -1 ||
	    stream_read_mem(in, &nd->raw, n * 8, err) == -1)
		return -1;
	ends = nd->raw.p;
	offset = vec_set_offsets(v, VEC_LIST, n);
	for (size_t i = 0; i < n; i++) {
		falls |= ends[i] < last;
		last = ends[i];
		offset[i + 1] = (uint32_t)last;
	}
	if (falls || last > UINT32_MAX)
		return corrupt(nd, "impossible lengths of arrays", err);
	return 0;
}

static int
read_list(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	struct vec *values = v->child;
	size_t total;

	if (read_offsets(nd, in, n, v, err) == -1)
		return -1;
	total = v->offset[n];
	if (nd->map->form == MAP_PAIRS) {
		vec_set_struct(&v->child[0], total);
		values = v->child[0].child;
	}
	for (size_t k = 0; k < nd->map->nchild; k++)
		if (node_read(&nd->child[k], in, total, &values[k], err) == -1)
			return -1;
	if (nd->map->form == MAP_MAP)
		return map_check_duplicates(nd->map->path, v->offset, n,
		    &values[0], err);
	return 0;
}

static int
read_struct(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	vec_set_struct(v, n);
	for (size_t k = 0; k < nd->map->nchild; k++)
		if (node_read(&nd->child[k], in, n, &v->child[k], err) == -1)
			return -1;
	return 0;
}

static uint8_t
any_byte(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any;
}

static int
read_leaf(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	const uint8_t *skip = NULL;
	int rc;

	if (nd->map->nullable) {
		if (stream_read_mem(in, &nd->null, n, err) == -1)
			return -1;
		rc = any_byte(nd->null.p, n);
		if (rc > 1)
			return corrupt(nd, "impossible marks of NULL", err);
		if (rc == 1)
			skip = nd->null.p;
	}
	if (leaf_read(nd, in, n, v, err) == -1)
		return -1;
	rc = leaf_convert(nd, n, skip, v, err);
	if (rc == 1)
		return bad_value(nd, err);
	if (rc == 0 && skip != NULL)
		memcpy(vec_set_null(v, n), skip, n);
	return rc;
}

int
node_read(struct node *nd, struct stream *in, size_t n, struct vec *v,
    struct err *err)
{
	switch (nd->map->form) {
	case MAP_LIST:
	case MAP_MAP:
	case MAP_PAIRS:
		return read_list(nd, in, n, v, err);
	case MAP_STRUCT:
		return read_struct(nd, in, n, v, err);
	default:
		if (nd->map->low_cardinality)
			return read_dictionary(nd, in, n, v, err);
		return read_leaf(nd, in, n, v, err);
	}
}

void
node_raw(const struct node *nd, const struct vec *v, int64_t *to)
{
	const struct convert *c = &nd->map->convert;
	const uint8_t *raw = nd->raw.p;

	if (!nd->map->low_cardinality) {
		convert_widen(raw, c->src_width, c->src_signed, v->n, to);
		return;
	}
	for (size_t i = 0; i < v->n; i++)
		convert_widen(raw + (size_t)v->index[i] * c->src_width,
		    c->src_width, c->src_signed, 1, &to[i]);
}
