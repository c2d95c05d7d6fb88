/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FileMetaData: the schema tree, row groups, keys. Field numbers are those of
 * parquet.thrift; which of them calve writes and why is format.md 2.4.
 */
#include "worker/parquet/footer.h"

#include <stdlib.h>

#include "common/xalloc.h"
#include "version.h"
#include "worker/parquet/thrift.h"

/* parquet.thrift: FieldRepetitionType, ConvertedType, LogicalType */
enum { REQUIRED = 0, OPTIONAL = 1, REPEATED = 2 };
enum {
	CONVERTED_NONE = -1,
	CONVERTED_UTF8 = 0,
	CONVERTED_MAP = 1,
	CONVERTED_LIST = 3,
	CONVERTED_DECIMAL = 5,
	CONVERTED_DATE = 6,
	CONVERTED_TIME_MICROS = 8,
	CONVERTED_TIMESTAMP_MICROS = 10
};
enum {
	LOGICAL_STRING = 1,
	LOGICAL_MAP = 2,
	LOGICAL_LIST = 3,
	LOGICAL_DECIMAL = 5,
	LOGICAL_DATE = 6,
	LOGICAL_TIME = 7,
	LOGICAL_TIMESTAMP = 8,
	LOGICAL_UUID = 14
};

static const char magic[4] = "PAR1";

void
footer_clear(struct footer *f)
{
	buf_clear(&f->metas);
	buf_clear(&f->column_indexes);
	buf_clear(&f->offset_indexes);
	free(f->chunks);
	free(f->groups);
	*f = (struct footer){ .nleaves = f->nleaves };
}

size_t
footer_memory(const struct footer *f)
{
	return f->metas.cap + f->column_indexes.cap + f->offset_indexes.cap +
	    f->ngroups * (sizeof(*f->groups) + f->nleaves * sizeof(*f->chunks));
}

struct chunk_meta *
footer_add_group(struct footer *f, int64_t rows, int64_t offset)
{
	struct chunk_meta *chunks;

	f->groups =
	    xreallocarray(f->groups, f->ngroups + 1, sizeof(*f->groups));
	f->chunks = xreallocarray(
	    f->chunks, (f->ngroups + 1) * f->nleaves, sizeof(*f->chunks));
	f->groups[f->ngroups] = (struct group_meta){ rows, offset };
	chunks = f->chunks + f->ngroups++ * f->nleaves;
	memset(chunks, 0, f->nleaves * sizeof(*chunks));
	return chunks;
}

/* ---- schema ----------------------------------------------------------------- */

static int
converted_type(const struct type *t)
{
	switch (t->kind) {
	case TYPE_STRING:
		return CONVERTED_UTF8;
	case TYPE_DECIMAL:
		return CONVERTED_DECIMAL;
	case TYPE_DATE:
		return CONVERTED_DATE;
	case TYPE_TIME:
		return CONVERTED_TIME_MICROS;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return CONVERTED_TIMESTAMP_MICROS;
	case TYPE_LIST:
		return CONVERTED_LIST;
	case TYPE_MAP:
		return CONVERTED_MAP;
	default:
		return CONVERTED_NONE;
	}
}

static int16_t
logical_type(const struct type *t)
{
	switch (t->kind) {
	case TYPE_STRING:
		return LOGICAL_STRING;
	case TYPE_DECIMAL:
		return LOGICAL_DECIMAL;
	case TYPE_DATE:
		return LOGICAL_DATE;
	case TYPE_TIME:
		return LOGICAL_TIME;
	case TYPE_TIMESTAMP:
	case TYPE_TIMESTAMPTZ:
		return LOGICAL_TIMESTAMP;
	case TYPE_UUID:
		return LOGICAL_UUID;
	case TYPE_LIST:
		return LOGICAL_LIST;
	case TYPE_MAP:
		return LOGICAL_MAP;
	default:
		return 0;
	}
}

static void
put_logical_type(const struct type *t, struct thrift *th)
{
	int16_t which = logical_type(t);

	if (which == 0)
		return;
	thrift_begin(th, 10);
	thrift_begin(th, which);
	if (which == LOGICAL_DECIMAL) {
		thrift_i32(th, 1, t->scale);
		thrift_i32(th, 2, t->precision);
	} else if (which == LOGICAL_TIME || which == LOGICAL_TIMESTAMP) {
		thrift_bool(th, 1, t->kind == TYPE_TIMESTAMPTZ);
		thrift_begin(th, 2);
		thrift_begin(th, 2); /* TimeUnit.MICROS */
		thrift_end(th);
		thrift_end(th);
	}
	thrift_end(th);
	thrift_end(th);
}

/* The group between a list or map and what it holds. */
static void
put_middle(const struct type *t, struct thrift *th)
{
	thrift_begin(th, 0);
	thrift_i32(th, 3, REPEATED);
	thrift_string(th, 4, t->kind == TYPE_LIST ? "list" : "key_value");
	thrift_i32(th, 5, (int32_t)t->nfields);
	thrift_end(th);
}

static size_t
put_element(const struct field *f, const char *name, struct thrift *th)
{
	const struct type *t = &f->type;
	bool repeated = t->kind == TYPE_LIST || t->kind == TYPE_MAP;
	uint32_t width;
	size_t n = 1;

	thrift_begin(th, 0);
	if (!type_is_nested(t)) {
		enum physical physical = physical_of(t, &width);

		thrift_i32(th, 1, physical);
		if (physical == PHYSICAL_FIXED)
			thrift_i32(th, 2, (int32_t)width);
	}
	thrift_i32(th, 3, f->required ? REQUIRED : OPTIONAL);
	thrift_string(th, 4, name);
	if (type_is_nested(t))
		thrift_i32(th, 5, repeated ? 1 : (int32_t)t->nfields);
	if (converted_type(t) != CONVERTED_NONE)
		thrift_i32(th, 6, converted_type(t));
	if (t->kind == TYPE_DECIMAL) {
		thrift_i32(th, 7, t->scale);
		thrift_i32(th, 8, t->precision);
	}
	if (f->id != 0)
		thrift_i32(th, 9, f->id);
	put_logical_type(t, th);
	thrift_end(th);
	if (repeated) {
		put_middle(t, th);
		n++;
	}
	for (size_t k = 0; k < t->nfields; k++)
		n += put_element(&t->fields[k],
		    t->kind == TYPE_STRUCT     ? t->fields[k].name
			: t->kind == TYPE_LIST ? "element"
			: k == 0               ? "key"
					       : "value",
		    th);
	return n;
}

static size_t
count_elements(const struct type *t)
{
	size_t n = 1 + (t->kind == TYPE_LIST || t->kind == TYPE_MAP);

	for (size_t k = 0; k < t->nfields; k++)
		n += count_elements(&t->fields[k].type);
	return n;
}

static void
put_schema(const struct type *schema, struct thrift *th)
{
	thrift_list(th, 2, THRIFT_STRUCT, count_elements(schema));
	thrift_begin(th, 0);
	thrift_string(th, 4, "table");
	thrift_i32(th, 5, (int32_t)schema->nfields);
	thrift_end(th);
	for (size_t k = 0; k < schema->nfields; k++)
		put_element(&schema->fields[k], schema->fields[k].name, th);
}

/* ---- row groups -------------------------------------------------------------- */

/* ColumnChunk; the indexes begin at the two offsets. */
static void
put_chunk(const struct footer *f, const struct chunk_meta *m,
    int64_t column_indexes, int64_t offset_indexes, struct thrift *th)
{
	thrift_begin(th, 0);
	thrift_i64(th, 2, 0);
	thrift_raw_struct(th, 3, f->metas.data + m->meta.at, m->meta.len);
	thrift_i64(th, 4, offset_indexes + (int64_t)m->offset_index.at);
	thrift_i32(th, 5, (int32_t)m->offset_index.len);
	if (m->column_index.len > 0) {
		thrift_i64(th, 6, column_indexes + (int64_t)m->column_index.at);
		thrift_i32(th, 7, (int32_t)m->column_index.len);
	}
	thrift_end(th);
}

static void
put_groups(const struct footer *f, int64_t column_indexes,
    int64_t offset_indexes, struct thrift *th)
{
	thrift_list(th, 4, THRIFT_STRUCT, f->ngroups);
	for (size_t g = 0; g < f->ngroups; g++) {
		const struct chunk_meta *chunks = f->chunks + g * f->nleaves;
		int64_t raw = 0, packed = 0;

		thrift_begin(th, 0);
		thrift_list(th, 1, THRIFT_STRUCT, f->nleaves);
		for (size_t k = 0; k < f->nleaves; k++) {
			put_chunk(
			    f, &chunks[k], column_indexes, offset_indexes, th);
			raw += chunks[k].raw_bytes;
			packed += chunks[k].page_bytes;
		}
		thrift_i64(th, 2, raw);
		thrift_i64(th, 3, f->groups[g].rows);
		thrift_i64(th, 5, f->groups[g].offset);
		thrift_i64(th, 6, packed);
		if (f->ngroups <= INT16_MAX)
			thrift_i16(th, 7, (int16_t)g);
		thrift_end(th);
	}
}

static void
put_file(const struct footer *f, const struct type *schema,
    const struct parquet_options *o, int64_t column_indexes,
    int64_t offset_indexes, struct buf *out)
{
	struct thrift th = thrift_to(out);
	int64_t rows = 0;

	for (size_t g = 0; g < f->ngroups; g++)
		rows += f->groups[g].rows;
	thrift_begin(&th, 0);
	thrift_i32(&th, 1, 1);
	put_schema(schema, &th);
	thrift_i64(&th, 3, rows);
	put_groups(f, column_indexes, offset_indexes, &th);
	if (o->iceberg_schema != NULL) {
		thrift_list(&th, 5, THRIFT_STRUCT, 1);
		thrift_begin(&th, 0);
		thrift_string(&th, 1, "iceberg.schema");
		thrift_string(&th, 2, o->iceberg_schema);
		thrift_end(&th);
	}
	thrift_string(
	    &th, 6, "calve version " CALVE_VERSION " (build " CALVE_BUILD ")");
	thrift_list(&th, 7, THRIFT_STRUCT, f->nleaves);
	for (size_t k = 0; k < f->nleaves; k++) {
		thrift_begin(&th, 0);
		thrift_begin(&th, 1); /* TYPE_ORDER */
		thrift_end(&th);
		thrift_end(&th);
	}
	thrift_end(&th);
}

int
footer_write(const struct footer *f, const struct type *schema,
    const struct parquet_options *o, struct store_file *out, struct err *err)
{
	int64_t column_indexes = (int64_t)store_size(out);
	int64_t offset_indexes =
	    column_indexes + (int64_t)f->column_indexes.len;
	struct buf b = { 0 };
	int rc;

	put_file(f, schema, o, column_indexes, offset_indexes, &b);
	if (f->metas.over || f->column_indexes.over || f->offset_indexes.over ||
	    b.over || b.len > INT32_MAX) {
		buf_clear(&b);
		return err_set(err, ERR_LIMIT,
		    "the footer of '%s' is over "
		    "2 GiB; lower file_size or raise row_group_size",
		    store_path(out));
	}
	buf_put_u32(&b, (uint32_t)b.len);
	buf_put(&b, magic, sizeof(magic));
	rc = store_append(
	    out, f->column_indexes.data, f->column_indexes.len, err);
	if (rc == 0)
		rc = store_append(
		    out, f->offset_indexes.data, f->offset_indexes.len, err);
	if (rc == 0)
		rc = store_append(out, b.data, b.len, err);
	buf_clear(&b);
	return rc;
}
