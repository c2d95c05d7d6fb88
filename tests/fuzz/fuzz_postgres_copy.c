/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of COPY's binary format: the first byte chooses the types of two
 * columns, the rest are messages of at most as many bytes as the second says.
 * Every batch is walked as a sink would.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/source/postgres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name;
	int32_t modifier;
	bool array;
} types[] = {
	{ "int4", -1, false },
	{ "text", -1, false },
	{ "numeric", (9 << 16 | 2) + 4, false },
	{ "numeric", (38 << 16 | 10) + 4, false },
	{ "numeric", (18 << 16 | 18) + 4, true },
	{ "int2", -1, true },
	{ "text", -1, true },
	{ "uuid", -1, false },
	{ "timestamptz", -1, true },
	{ "date", -1, false },
	{ "bool", -1, false },
	{ "jsonb", -1, true },
	{ "bytea", -1, false },
	{ "xid8", -1, false },
	{ "float4", -1, false },
	{ "money", -1, false },
};

static volatile uint64_t sum;

static void
walk(const struct vec *v)
{
	for (size_t k = 0; v->null != NULL && k < v->n; k++)
		sum += v->null[k];
	switch (v->layout) {
	case VEC_FIXED:
		for (size_t k = 0; k < v->n * v->width; k++)
			sum += v->fixed[k];
		break;
	case VEC_BYTES:
		for (size_t k = 0; k < v->n; k++)
			if (v->offset[k] > v->offset[k + 1])
				abort();
		for (size_t k = 0; k < v->offset[v->n]; k++)
			sum += v->bytes[k];
		break;
	case VEC_LIST:
		if (v->child[0].n != v->offset[v->n])
			abort();
		walk(&v->child[0]);
		break;
	default:
		abort();
	}
}

static void
open_column(struct postgres_column *c, unsigned type)
{
	struct err err = { 0 };

	*c = (struct postgres_column){ .name = xstrdup("c"),
		.type_text = xstrdup("t"),
		.type = { .name = types[type].name,
		    .text = "t",
		    .kind = 'b',
		    .modifier = types[type].modifier,
		    .array = types[type].array } };
	if (typemap_postgres(
		"c", &c->type, NULL, &c->field.type, &c->map, &err) == -1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct postgres_column columns[2],
	    *wire[2] = { &columns[0], &columns[1] };
	struct postgres s = { .wire = wire, .nwire = 2 };
	struct err err = { 0 };
	uint8_t *messages[64];
	size_t n = 0, piece;
	int rc = 0;

	if (size < 2)
		return 0;
	open_column(&columns[0], data[0] & 15);
	open_column(&columns[1], data[0] >> 4);
	piece = data[1] + 1u;
	s.cells = xcalloc(2 * POSTGRES_ROWS, sizeof(*s.cells));
	for (size_t at = 2; rc == 0 && at < size && n < 64; at += piece) {
		size_t len = size - at < piece ? size - at : piece;

		messages[n] = xmemdup(data + at, len);
		rc = postgres_take(&s, messages[n++], len, &err);
	}
	for (size_t k = 0; rc == 0 && k < 2; k++) {
		struct vec v = { 0 };

		vec_init(&v, &columns[k].field.type);
		if (postgres_values(&v, &columns[k],
			s.cells + k * POSTGRES_ROWS, s.nrows, &err) == 0)
			walk(&v);
		vec_clear(&v);
	}
	for (size_t k = 0; k < 2; k++) {
		free(columns[k].name);
		free(columns[k].type_text);
		field_clear(&columns[k].field);
	}
	while (n > 0)
		free(messages[--n]);
	free(s.cells);
	return 0;
}
