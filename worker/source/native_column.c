/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes around leaf values: NULL, dictionaries, lists, maps, structs.
 *
 * Nothing is allocated for a count from the wire before the stream's budget
 * has agreed to it.
 */
#include "worker/source/native_column.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

/* Bits of LowCardinality's flags word, and the version before it. */
enum {
	LC_VERSION = 1,
	LC_WIDTH = 0xff,
	LC_GLOBAL = 1 << 8,
	LC_ADDITIONAL = 1 << 9,
	LC_KNOWN = 0x7ff
};
enum { JSON_AS_STRING = 1 };

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

int
node_corrupt(const struct node *nd, const char *what, struct err *err)
{
	return err_set(err, ERR_DATA, "corrupt stream: column '%.200s': %s",
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
			return node_corrupt(
			    nd, "unknown version of a dictionary", err);
	}
	if (nd->map->prefixed) {
		if (stream_u64(in, &version, err) == -1)
			return -1;
		if (version != JSON_AS_STRING)
			return node_corrupt(
			    nd, "JSON did not come as text", err);
	}
	for (size_t i = 0; i < nd->map->nchild; i++)
		if (node_prefix(&nd->child[i], in, err) == -1)
			return -1;
	return 0;
}

/* ---- dictionaries --------------------------------------------------------- */

static int
dictionary_head(struct node *nd, struct stream *in, unsigned *width,
    size_t *entries, struct err *err)
{
	uint64_t flags, n;

	if (stream_u64(in, &flags, err) == -1 || stream_u64(in, &n, err) == -1)
		return -1;
	if ((flags & LC_WIDTH) > 3 || (flags & LC_GLOBAL) != 0 ||
	    (flags & LC_ADDITIONAL) == 0 || (flags & ~(uint64_t)LC_KNOWN) != 0)
		return node_corrupt(nd, "unknown kind of dictionary", err);
	if (n == 0 || n > UINT32_MAX)
		return node_corrupt(nd, "impossible size of a dictionary", err);
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
		return node_corrupt(
		    nd, "a dictionary for another number of rows", err);
	if (stream_afford(in, n, width, err) == -1 ||
	    stream_read_mem(in, &nd->null, n * width, err) == -1)
		return -1;
	if (widen_indices(nd->null.p, width, n, vec_set_index(v, n)) >= entries)
		return node_corrupt(
		    nd, "an index past the end of its dictionary", err);
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
		rc = leaf_convert(
		    nd, entries, unused_entries(nd, v, entries), v->dict, err);
	if (rc == 1)
		return leaf_bad_value(nd, err);
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
		return node_corrupt(nd, "impossible lengths of arrays", err);
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
		return map_check_duplicates(
		    nd->map->path, v->offset, n, &values[0], err);
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
			return node_corrupt(
			    nd, "impossible marks of NULL", err);
		if (rc == 1)
			skip = nd->null.p;
	}
	if (leaf_read(nd, in, n, v, err) == -1)
		return -1;
	rc = leaf_convert(nd, n, skip, v, err);
	if (rc == 1)
		return leaf_bad_value(nd, err);
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
