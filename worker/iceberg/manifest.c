/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing manifests, see manifest.h; reading is manifest_read.c's.
 *
 * What arrives as the facts of a data file is checked once more here (shape
 * of bounds, lower not above upper, length of the partition tuple): past this
 * point a wrong value is a wrong answer in somebody's query.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/manifest_schema.h"
#include "worker/iceberg/ocf.h"
#include "worker/iceberg/schema.h"

/* In the order of schemas/avro/manifest_entry.avsc. */
enum { AT_STATUS, AT_SNAPSHOT, AT_SEQUENCE, AT_FILE_SEQUENCE, AT_DATA_FILE };
enum {
	AT_CONTENT,
	AT_PATH,
	AT_FORMAT,
	AT_PARTITION,
	AT_RECORDS,
	AT_SIZE,
	AT_COLUMN_SIZES,
	AT_VALUE_COUNTS,
	AT_NULL_COUNTS,
	AT_NAN_COUNTS,
	AT_LOWER,
	AT_UPPER,
	AT_KEY,
	AT_SPLITS,
	AT_EQUALITY,
	AT_SORT_ORDER
};
enum { STATUS_ADDED = 1 };

struct writing {
	const struct manifest_write *w;
	struct type *types; /* of the partition fields */
	struct av_codec *codec;
	struct ocf_writer *file;
	struct buf bound; /* scratch */
	struct manifest_file *out;
	struct err *err;
};

/* One of the int -> long maps; `which` is its place in the record. */
static void
set_counts(struct writing *g, struct av_value data_file, int which,
    const struct datafile *df)
{
	struct av_value map = av_set_array(av_at(data_file, (size_t)which));

	for (size_t i = 0; i < df->nleaves; i++) {
		const struct leaf_metrics *leaf = &df->leaves[i];
		int64_t n = which == AT_COLUMN_SIZES ? leaf->column_size
		    : which == AT_VALUE_COUNTS       ? leaf->value_count
		    : which == AT_NULL_COUNTS        ? leaf->null_count
						     : leaf->nan_count;
		/* check_leaves() has seen to it that there is one */
		if (n < 0 ||
		    metrics_find(g->w->modes, leaf->field_id)->mode.kind ==
			METRICS_NONE)
			continue;
		struct av_value item = av_append(map);
		av_set_long(av_at(item, 0), leaf->field_id);
		av_set_long(av_at(item, 1), n);
	}
}

static int
check_leaves(struct writing *g, const struct datafile *df)
{
	for (size_t i = 0; i < df->nleaves; i++) {
		const struct leaf_metrics *leaf = &df->leaves[i];
		const struct metrics_leaf *known =
		    metrics_find(g->w->modes, leaf->field_id);
		if (known == NULL)
			return err_set(g->err, ERR_BUG,
			    "metrics of a column "
			    "that the schema lacks: id %d",
			    leaf->field_id);
		const struct type *type = &known->field->type;
		if (!leaf->has_bounds || leaf->in_list)
			continue;
		if (!value_is_sound(type, leaf->lower, leaf->lower_len) ||
		    !value_is_sound(type, leaf->upper, leaf->upper_len) ||
		    value_compare(type, leaf->lower, leaf->lower_len,
			leaf->upper, leaf->upper_len) > 0)
			return err_set(g->err, ERR_BUG,
			    "bounds of column "
			    "'%s' are malformed",
			    known->field->name);
	}
	return 0;
}

static void
append_bound(struct writing *g, struct av_value map, int field_id)
{
	struct av_value item = av_append(map);

	av_set_long(av_at(item, 0), field_id);
	av_set_bytes(av_at(item, 1), g->bound.data, g->bound.len);
}

static void
set_bounds(
    struct writing *g, struct av_value data_file, const struct datafile *df)
{
	struct av_value lower = av_set_array(av_at(data_file, AT_LOWER));
	struct av_value upper = av_set_array(av_at(data_file, AT_UPPER));

	for (size_t i = 0; i < df->nleaves; i++) {
		const struct leaf_metrics *leaf = &df->leaves[i];
		/* a bound of a list's elements would not be the row's */
		if (!leaf->has_bounds || leaf->in_list)
			continue;
		const struct metrics_leaf *known =
		    metrics_find(g->w->modes, leaf->field_id);
		const struct type *type = &known->field->type;
		buf_reset(&g->bound);
		if (bound_lower(type, known->mode, leaf->lower, leaf->lower_len,
			&g->bound))
			append_bound(g, lower, leaf->field_id);
		buf_reset(&g->bound);
		if (bound_upper(type, known->mode, leaf->upper, leaf->upper_len,
			&g->bound))
			append_bound(g, upper, leaf->field_id);
	}
}

static int
set_partition(
    struct writing *g, struct av_value record, const struct datafile *df)
{
	if (df->npartition != g->w->spec->nfields)
		return err_set(g->err, ERR_BUG,
		    "'%s' has %zu partition values for %zu fields", df->path,
		    df->npartition, g->w->spec->nfields);
	for (size_t i = 0; i < df->npartition; i++)
		if (partition_set(av_at(record, i), &g->types[i],
			&df->partition[i], g->err) == -1)
			return -1;
	return 0;
}

static int
set_data_file(struct writing *g, struct av_value v, const struct datafile *df)
{
	char *path = location_record(g->w->location, g->w->folder, df->path);

	av_set_long(av_at(v, AT_CONTENT), 0);
	av_set_bytes(av_at(v, AT_PATH), path, strlen(path));
	free(path);
	av_set_bytes(av_at(v, AT_FORMAT), "PARQUET", 7);
	av_set_long(av_at(v, AT_RECORDS), df->record_count);
	av_set_long(av_at(v, AT_SIZE), df->file_size);
	if (set_partition(g, av_at(v, AT_PARTITION), df) == -1)
		return -1;
	if (check_leaves(g, df) == -1)
		return -1;
	for (int i = AT_COLUMN_SIZES; i <= AT_NAN_COUNTS; i++)
		set_counts(g, v, i, df);
	set_bounds(g, v, df);
	av_set_null(av_at(v, AT_KEY));
	av_set_null(av_at(v, AT_EQUALITY));
	/* unsorted: nobody here knows that the rows really are sorted */
	av_set_long(av_at(v, AT_SORT_ORDER), 0);
	if (df->nsplits == 0) {
		av_set_null(av_at(v, AT_SPLITS));
		return 0;
	}
	struct av_value splits = av_set_array(av_at(v, AT_SPLITS));
	for (size_t i = 0; i < df->nsplits; i++)
		av_set_long(av_append(splits), df->split_offsets[i]);
	return 0;
}

static int
put_entry(struct writing *g, const struct datafile *df)
{
	av_reset(g->codec);
	struct av_value v = av_root(g->codec);
	av_set_long(av_at(v, AT_STATUS), STATUS_ADDED);
	av_set_long(av_at(v, AT_SNAPSHOT), g->w->snapshot_id);
	av_set_null(av_at(v, AT_SEQUENCE));
	av_set_null(av_at(v, AT_FILE_SEQUENCE));
	if (df->record_count < 0 || df->file_size < 0)
		return err_set(
		    g->err, ERR_BUG, "'%s' has negative counts", df->path);
	if (set_data_file(g, av_at(v, AT_DATA_FILE), df) == -1 ||
	    av_encode(g->codec, ocf_block(g->file), g->err) == -1)
		return -1;
	g->out->added_files++;
	g->out->added_rows += df->record_count;
	return ocf_commit(g->file, g->err);
}

/* ---- partition summaries ---------------------------------------------- */

static void
keep_bound(uint8_t **to, size_t *n, const struct partition_value *v)
{
	free(*to);
	*to = xmalloc(v->len + 1);
	memcpy(*to, v->data, v->len);
	*n = v->len;
}

static void
summarise(struct field_summary *s, const struct type *type,
    const struct partition_value *v)
{
	if (v->null) {
		s->contains_null = true;
		return;
	}
	if (value_is_nan(type, v->data, v->len)) {
		s->contains_nan = 1;
		return;
	}
	if (s->lower == NULL ||
	    value_compare(type, v->data, v->len, s->lower, s->lower_len) < 0)
		keep_bound(&s->lower, &s->lower_len, v);
	if (s->upper == NULL ||
	    value_compare(type, v->data, v->len, s->upper, s->upper_len) > 0)
		keep_bound(&s->upper, &s->upper_len, v);
}

static void
summarise_all(struct writing *g)
{
	struct manifest_file *out = g->out;

	out->has_partitions = true;
	out->npartitions = g->w->spec->nfields;
	out->partitions =
	    xcalloc(out->npartitions + 1, sizeof(*out->partitions));
	for (size_t f = 0; f < out->npartitions; f++) {
		struct field_summary *s = &out->partitions[f];
		for (size_t i = 0; i < g->w->nfiles; i++)
			summarise(
			    s, &g->types[f], &g->w->files[i].partition[f]);
		/* through bound_*() for the signs of zero */
		const struct metrics_mode full = { METRICS_FULL, 0 };
		if (s->lower == NULL)
			continue;
		buf_reset(&g->bound);
		if (bound_lower(&g->types[f], full, s->lower, s->lower_len,
			&g->bound) &&
		    g->bound.len <= s->lower_len)
			memcpy(s->lower, g->bound.data,
			    s->lower_len = g->bound.len);
		buf_reset(&g->bound);
		if (bound_upper(&g->types[f], full, s->upper, s->upper_len,
			&g->bound) &&
		    g->bound.len <= s->upper_len)
			memcpy(s->upper, g->bound.data,
			    s->upper_len = g->bound.len);
	}
}

/* ---- the file --------------------------------------------------------- */

/* The header's keys; Java's readers take `schema` and `partition-spec`, some
 * others the ids. */
static struct ocf_writer *
create(struct writing *g, const json_t *avro)
{
	json_t *schema = schema_to_json(g->w->schema, g->w->schema_id);
	json_t *spec = partition_fields_to_json(g->w->spec);
	char *avro_text = json_dumps(avro, JSON_COMPACT);
	char *schema_text = json_dumps(schema, JSON_COMPACT);
	char *spec_text = json_dumps(spec, JSON_COMPACT);
	char schema_id[16], spec_id[16];
	struct ocf_writer *file = NULL;

	snprintf(schema_id, sizeof(schema_id), "%d", g->w->schema_id);
	snprintf(spec_id, sizeof(spec_id), "%d", g->w->spec->id);
	if (avro_text == NULL || schema_text == NULL || spec_text == NULL) {
		err_set(g->err, ERR_TYPE,
		    "the schema cannot be written as "
		    "JSON; a name is not UTF-8");
		goto out;
	}
	const struct ocf_meta meta[] = { { "schema", schema_text },
		{ "schema-id", schema_id }, { "partition-spec", spec_text },
		{ "partition-spec-id", spec_id }, { "format-version", "2" },
		{ "content", "data" }, { "iceberg.schema", schema_text } };
	file = ocf_create(g->w->path, avro_text, meta,
	    sizeof(meta) / sizeof(meta[0]), g->err);
out:
	free(avro_text);
	free(schema_text);
	free(spec_text);
	json_decref(schema);
	json_decref(spec);
	return file;
}

static int
write_file(struct writing *g, const json_t *avro)
{
	uint64_t size;

	if ((g->codec = av_codec_new(avro, g->err)) == NULL ||
	    (g->file = create(g, avro)) == NULL)
		return -1;
	for (size_t i = 0; i < g->w->nfiles; i++)
		if (put_entry(g, &g->w->files[i]) == -1) {
			ocf_abort(g->file);
			return -1;
		}
	summarise_all(g);
	if (ocf_close(g->file, &size, g->err) == -1)
		return -1;
	g->out->length = (int64_t)size;
	return 0;
}

int
manifest_write(
    const struct manifest_write *w, struct manifest_file *out, struct err *err)
{
	struct writing g = { .w = w, .out = out, .err = err };
	int rc = -1;

	*out = (struct manifest_file){ .path = xstrdup(w->recorded),
		.spec_id = w->spec->id,
		.added_snapshot_id = w->snapshot_id };
	buf_init(&g.bound, 0);
	g.types = xcalloc(w->spec->nfields + 1, sizeof(*g.types));
	for (size_t i = 0; i < w->spec->nfields; i++)
		partition_result_type(
		    &w->spec->fields[i], w->schema, &g.types[i]);

	json_t *avro = manifest_schema(w->spec, g.types, err);
	if (avro != NULL)
		rc = write_file(&g, avro);

	json_decref(avro);
	av_codec_free(g.codec);
	for (size_t i = 0; i < w->spec->nfields; i++)
		type_clear(&g.types[i]);
	free(g.types);
	buf_clear(&g.bound);
	if (rc == -1)
		manifest_file_clear(out);
	return rc;
}
