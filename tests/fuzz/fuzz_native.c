/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native blocks: the first byte chooses a column type; with its top bit set
 * the second is a number of rows and the head of such a block is put before
 * the rest. Every batch is walked as a sink would.
 */
#include <stdlib.h>
#include <string.h>

#include "worker/source/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUDGET = 1 << 20 };

static const char *const texts[] = {
	"Int64",
	"String",
	"Nullable(String)",
	"LowCardinality(String)",
	"LowCardinality(Nullable(String))",
	"Array(UInt8)",
	"Array(LowCardinality(Nullable(String)))",
	"Map(String, UInt64)",
	"Map(LowCardinality(String), Array(Nullable(Int32)))",
	"Tuple(a Array(String), b Nullable(DateTime64(9)))",
	"Enum8('a' = 1, 'b' = -2)",
	"Nullable(Enum16('a' = 1, '' = 300))",
	"Decimal(76, 10)",
	"Nullable(Decimal(9, 2))",
	"UUID",
	"IPv6",
	"FixedString(3)",
	"LowCardinality(FixedString(3))",
	"JSON",
	"UInt256",
	"Array(Array(Tuple(Int8, Nullable(UUID))))",
	"BFloat16",
	"Time64(3)",
	"LowCardinality(DateTime)",
};

static struct cursor bytes;
static volatile uint64_t sink;

static ssize_t
fetch(void *arg, uint8_t *dst, size_t n, struct err *e)
{
	size_t left = cursor_left(&bytes);

	(void)arg;
	(void)e;
	n = n < left ? n : left;
	if (n > 0)
		memcpy(dst, cursor_take(&bytes, n), n);
	return (ssize_t)n;
}

static void
walk(const struct vec *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; v->null != NULL && i < v->n; i++)
		sum += v->null[i];
	switch (v->layout) {
	case VEC_FIXED:
		for (size_t i = 0; i < v->n * v->width; i++)
			sum += v->fixed[i];
		break;
	case VEC_BYTES:
		for (size_t i = 0; i < v->offset[v->n]; i++)
			sum += v->bytes[i];
		for (size_t i = 0; i < v->n; i++)
			if (v->offset[i] > v->offset[i + 1])
				abort();
		break;
	case VEC_DICT:
		for (size_t i = 0; i < v->n; i++)
			if (v->index[i] >= v->dict->n)
				abort();
		walk(v->dict);
		break;
	case VEC_LIST:
	case VEC_STRUCT:
		for (size_t k = 0; k < v->nchild; k++) {
			if (v->child[k].n !=
			    (v->layout == VEC_LIST ? v->offset[v->n] : v->n))
				abort();
			walk(&v->child[k]);
		}
		break;
	}
	sink += sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct typemap_options none = { NULL, 0, NULL };
	struct ch_type type;
	struct field field;
	struct mapping map;
	struct err err = { 0 };
	struct stream in;
	const struct batch *batch;
	const char *text;
	struct buf whole;

	if (size < 2)
		return 0;
	text = texts[(data[0] & 0x7f) % (sizeof(texts) / sizeof(*texts))];
	buf_init(&whole, 0);
	if (data[0] & 0x80) {
		buf_put_u8(&whole, 1);
		buf_put_varint(&whole, data[1]);
		buf_put(&whole, "\1c", 2);
		buf_put_varint(&whole, strlen(text));
		buf_put_str(&whole, text);
	}
	buf_put(&whole, data + 2, size - 2);
	if (ch_type_parse(text, strlen(text), &type, &err) != 0)
		abort();

	struct typemap_column tc = { .name = "c", .text = text, .type = &type };

	if (typemap_resolve(&tc, &none, &field, &map, &err) != 0)
		abort();

	struct native_column column = {
		.name = "c", .type = &type, .map = &map, .target = &field.type
	};
	struct native *native = native_new(&column, 1);

	bytes = cursor_of(whole.data, whole.len);
	stream_init(&in, fetch, NULL, BUDGET);
	while (native_next(native, &in, &batch, &err) == 1)
		walk(&batch->cols[0]);
	stream_clear(&in);
	native_free(native);
	mapping_clear(&map);
	field_clear(&field);
	ch_type_clear(&type);
	buf_clear(&whole);
	return 0;
}
