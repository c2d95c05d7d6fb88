/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaf values of a Native column: strings, enums, and all that convert.h
 * knows. Values are read first and converted afterwards, because of
 * dictionaries: theirs may hold entries that no row uses, which must not fail
 * a run, and which entries are used is only known when the indices have come.
 */
#include "worker/source/native_column.h"

#include <string.h>

enum { LABEL_NONE = -1 };

int
leaf_bad_value(const struct node *nd, struct err *err)
{
	const char *what = nd->map->convert.problem;

	if (nd->map->convert.utf8 == UTF8_ERROR && nd->map->form != MAP_FIXED)
		what = "is not UTF-8; set utf8: binary, replace or latin1";
	if (what == NULL)
		what = "makes more than 4 GiB of text in one block";
	return err_set(err, ERR_DATA, "a value of column '%.200s' %s",
	    nd->map->path, what);
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
		return node_corrupt(
		    nd, "more than 4 GiB of text in a block", err);
	while (have < len) {
		step = have < STREAM_WINDOW ? STREAM_WINDOW : have;
		if (step > len - have)
			step = len - have;
		if (stream_read(in,
			(uint8_t *)mem_need(bytes, at + have + step) + at +
			    have,
			step, err) == -1)
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
			return node_corrupt(nd,
			    "more than 4 GiB of text in a "
			    "block",
			    err);
		if (have > 0)
			got = take_strings(p, (size_t)have, n - i, offset + i,
			    &v->value_mem, &used);
		if (stream_take(in, used, err) == -1)
			return -1;
		i += got;
		if (i < n &&
		    one_string(nd, in, offset + i++, &v->value_mem, err) == -1)
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
		return err_set(err, ERR_DATA,
		    "a label of column '%.200s' is "
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
		return node_corrupt(
		    nd, "a value that the enum does not name", err);
	return label_dictionary(nd, v->dict, err);
}

/* ---- leaves --------------------------------------------------------------- */

int
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
		if (stream_read_mem(in, &v->value_mem, n * c->src_width, err) ==
		    -1)
			return -1;
		vec_set_fixed(v, c->dst_width, n);
		return 0;
	}
	return stream_read_mem(in, &nd->raw, n * c->src_width, err);
}

int
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

void
leaf_empty(const struct node *nd, struct vec *v)
{
	if (nd->map->form == MAP_FIXED) {
		vec_set_fixed(v, nd->map->convert.dst_width, 0);
		return;
	}
	vec_set_offsets(v, VEC_BYTES, 0);
	vec_set_bytes(v, 0);
}
