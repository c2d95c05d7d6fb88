/* SPDX-License-Identifier: Apache-2.0 */
/* One loop per width, without branches inside, for the compiler to unroll. */
#include "worker/parquet/gather.h"

#include <string.h>

#include "worker/parquet/scratch.h"

struct values
values_from(const struct values *v, size_t done)
{
	struct values rest = *v;

	rest.n -= done;
	if (rest.rows != NULL)
		rest.rows += done;
	else
		rest.first += done;
	return rest;
}

struct values
gather_pick(const struct values *v)
{
	const uint32_t *index = v->vec->index;
	uint32_t *picked;

	if (v->vec->layout != VEC_DICT)
		return *v;
	if (v->rows == NULL)
		return (struct values){
			.vec = v->vec->dict, .rows = index + v->first, .n = v->n
		};
	picked = mem_need(&scratch_own()->picked, v->n * sizeof(*picked));
	for (size_t k = 0; k < v->n; k++)
		picked[k] = index[v->rows[k]];
	return (
	    struct values){ .vec = v->vec->dict, .rows = picked, .n = v->n };
}

/* 16-byte little-endian to width bytes big-endian. */
static int
gather_decimal(const struct leaf *leaf, const struct values *v, uint8_t *to,
    struct err *err)
{
	const struct type *t = &leaf->field->type;
	size_t w = leaf->width;
	__int128 most = 1;
	bool bad = false;

	for (unsigned k = 0; k < t->precision; k++)
		most *= 10;
	for (size_t k = 0; k < v->n; k++, to += w) {
		size_t i = v->rows != NULL ? v->rows[k] : v->first + k;
		const uint8_t *from = v->vec->fixed + 16 * i;
		__int128 value;

		memcpy(&value, from, sizeof(value));
		bad |= value >= most || value <= -most;
		for (size_t b = 0; b < w; b++)
			to[b] = from[w - 1 - b];
	}
	if (bad)
		return err_set(err, ERR_DATA,
		    "column '%s': a value does not "
		    "fit into decimal(%u, %u); choose a wider type or string "
		    "for it",
		    leaf->title, t->precision, t->scale);
	return 0;
}

#define GATHER(width)                     \
	for (size_t k = 0; k < v->n; k++) \
	memcpy(to + (width)*k, from + (width) * (size_t)v->rows[k], width)

int
gather_fixed(const struct leaf *leaf, const struct values *v, uint8_t *to,
    struct err *err)
{
	const uint8_t *from = v->vec->fixed;
	size_t w = leaf->width;

	if (leaf->order == ORDER_SIGNED)
		return gather_decimal(leaf, v, to, err);
	if (v->rows == NULL) {
		if (v->n > 0)
			memcpy(to, from + v->first * w, v->n * w);
		return 0;
	}
	switch (w) {
	case 1:
		GATHER(1);
		break;
	case 4:
		GATHER(4);
		break;
	case 8:
		GATHER(8);
		break;
	case 16:
		GATHER(16);
		break;
	default:
		GATHER(w);
		break;
	}
	return 0;
}

void
gather_bytes(const struct values *v, struct buf *to)
{
	const uint32_t *offset = v->vec->offset;
	const uint8_t *bytes = v->vec->bytes;
	size_t total = v->n * sizeof(uint32_t);
	uint8_t *p;

	for (size_t k = 0; k < v->n; k++) {
		size_t i = v->rows != NULL ? v->rows[k] : v->first + k;

		total += offset[i + 1] - offset[i];
	}
	if ((p = buf_reserve(to, total)) == NULL)
		return;
	for (size_t k = 0; k < v->n; k++) {
		size_t i = v->rows != NULL ? v->rows[k] : v->first + k;
		uint32_t len = offset[i + 1] - offset[i];

		memcpy(p, &len, sizeof(len));
		memcpy(p + sizeof(len), bytes + offset[i], len);
		p += sizeof(len) + len;
	}
	to->len += total;
}
