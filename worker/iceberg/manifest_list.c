/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing manifest lists, see manifest_list.h. The columns stand
 * once, in the table below: reader and writer both follow it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "embedded/avsc.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

enum { LIST_MAX_BYTES = 1 << 30, MANIFESTS_MAX = 1 << 22 };

/* In the schema's order. */
enum {
	AT_PATH,
	AT_LENGTH,
	AT_SPEC,
	AT_CONTENT,
	AT_SEQUENCE,
	AT_MIN_SEQUENCE,
	AT_SNAPSHOT,
	AT_ADDED_FILES,
	AT_EXISTING_FILES,
	AT_DELETED_FILES,
	AT_ADDED_ROWS,
	AT_EXISTING_ROWS,
	AT_DELETED_ROWS,
	AT_PARTITIONS,
	AT_KEY
};

void
manifest_file_clear(struct manifest_file *m)
{
	for (size_t i = 0; i < m->npartitions; i++) {
		free(m->partitions[i].lower);
		free(m->partitions[i].upper);
	}
	free(m->partitions);
	free(m->path);
	free(m->key_metadata);
	*m = (struct manifest_file){ 0 };
}

void
manifest_list_clear(struct manifest_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		manifest_file_clear(&list->files[i]);
	free(list->files);
	*list = (struct manifest_list){ 0 };
}

/* ---- reading ---------------------------------------------------------- */

static int
missing(const char *name, struct err *err)
{
	return err_set(
	    err, ERR_TABLE, "manifest list lacks a usable '%s'", name);
}

/* fallback: what v1 lists may leave out, -1 nothing is */
static int
get_long(struct av_value v, int id, const char *name, int64_t fallback,
    int64_t most, int64_t *out, struct err *err)
{
	struct av_value field;
	int got = av_field(v, id, name, &field) ? av_get_long(field, out) : 0;

	if (got == 0 && fallback >= 0) {
		*out = fallback;
		return 0;
	}
	if (got != 1 || *out < 0 || *out > most)
		return missing(name, err);
	return 0;
}

static int
get_int(struct av_value v, int id, const char *name, int64_t fallback, int *out,
    struct err *err)
{
	int64_t n;

	if (get_long(v, id, name, fallback, INT32_MAX, &n, err) == -1)
		return -1;
	*out = (int)n;
	return 0;
}

/* Optional bytes, copied; absent leaves *out NULL. */
static int
get_bytes(struct av_value v, int id, const char *name, uint8_t **out, size_t *n,
    struct err *err)
{
	struct av_value field;
	const void *p;
	int got =
	    av_field(v, id, name, &field) ? av_get_bytes(field, &p, n) : 0;

	if (got == -1)
		return missing(name, err);
	if (got == 1) {
		*out = xmalloc(*n + 1);
		memcpy(*out, p, *n);
	}
	return 0;
}

static int
read_summary(struct av_value v, struct field_summary *s, struct err *err)
{
	struct av_value field;
	bool nan = false;
	int got = 0;

	if (!av_field(v, 509, "contains_null", &field) ||
	    av_get_boolean(field, &s->contains_null) != 1)
		return missing("contains_null", err);
	if (av_field(v, 518, "contains_nan", &field))
		got = av_get_boolean(field, &nan);
	s->contains_nan = got == 1 ? nan : -1;
	return get_bytes(v, 510, "lower_bound", &s->lower, &s->lower_len,
		   err) == -1 ||
		get_bytes(
		    v, 511, "upper_bound", &s->upper, &s->upper_len, err) == -1
	    ? -1
	    : 0;
}

static int
read_partitions(struct av_value v, struct manifest_file *m, struct err *err)
{
	struct av_value list;

	if (!av_field(v, 507, "partitions", &list) || av_is_null(list))
		return 0;
	size_t n = av_count(list);
	m->has_partitions = true;
	m->partitions = xcalloc(n + 1, sizeof(*m->partitions));
	for (m->npartitions = 0; m->npartitions < n; m->npartitions++)
		if (read_summary(av_item(list, m->npartitions),
			&m->partitions[m->npartitions], err) == -1) {
			m->npartitions++; /* holds what was read */
			return -1;
		}
	return 0;
}

static int
read_counts(struct av_value v, struct manifest_file *m, struct err *err)
{
	static const struct {
		int id;
		const char *name;
		size_t offset;
	} at[] = {
#define COUNT(id, name, field) \
	{ id, name, offsetof(struct manifest_file, field) }
		COUNT(504, "added_files_count", added_files),
		COUNT(505, "existing_files_count", existing_files),
		COUNT(506, "deleted_files_count", deleted_files),
		COUNT(512, "added_rows_count", added_rows),
		COUNT(513, "existing_rows_count", existing_rows),
		COUNT(514, "deleted_rows_count", deleted_rows)
#undef COUNT
	};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		int64_t n;
		if (get_long(v, at[i].id, at[i].name, -1,
			i < 3 ? INT32_MAX : INT64_MAX, &n, err) == -1)
			return -1;
		memcpy((char *)m + at[i].offset, &n, sizeof(n));
	}
	return 0;
}

static int
read_entry(struct av_value v, struct manifest_file *m, struct err *err)
{
	struct av_value field;
	const void *p;
	size_t n;

	if (!av_field(v, 500, "manifest_path", &field) ||
	    av_get_bytes(field, &p, &n) != 1 || n == 0 ||
	    memchr(p, '\0', n) != NULL)
		return missing("manifest_path", err);
	m->path = xstrndup(p, n);
	/* lists of format version 1 know neither content nor sequences */
	if (get_long(v, 501, "manifest_length", -1, INT64_MAX, &m->length,
		err) == -1 ||
	    get_int(v, 502, "partition_spec_id", -1, &m->spec_id, err) == -1 ||
	    get_int(v, 517, "content", 0, &m->content, err) == -1 ||
	    get_long(v, 515, "sequence_number", 0, INT64_MAX,
		&m->sequence_number, err) == -1 ||
	    get_long(v, 516, "min_sequence_number", 0, INT64_MAX,
		&m->min_sequence_number, err) == -1 ||
	    get_long(v, 503, "added_snapshot_id", -1, INT64_MAX,
		&m->added_snapshot_id, err) == -1)
		return -1;
	if (m->content > 1)
		return err_set(err, ERR_TABLE,
		    "manifest list has content of "
		    "unknown kind %d",
		    m->content);
	if (read_counts(v, m, err) == -1 || read_partitions(v, m, err) == -1)
		return -1;
	return get_bytes(v, 519, "key_metadata", &m->key_metadata,
	    &m->key_metadata_len, err);
}

static int
read_all(struct ocf_reader *reader, struct av_codec *codec,
    struct manifest_list *out, struct err *err)
{
	struct cursor c;
	uint64_t n;
	size_t room = 0;
	int more;

	while ((more = ocf_next(reader, &c, &n, err)) == 1) {
		for (; n > 0; n--) {
			if (av_decode(codec, &c, err) == -1)
				return -1;
			if (out->n == MANIFESTS_MAX)
				return err_set(err, ERR_TABLE,
				    "manifest list has too many entries");
			if (out->n == room) {
				room = room == 0 ? 16 : 2 * room;
				out->files = xreallocarray(
				    out->files, room, sizeof(*out->files));
			}
			struct manifest_file *m = &out->files[out->n++];
			*m = (struct manifest_file){ 0 };
			if (read_entry(av_root(codec), m, err) == -1)
				return -1;
		}
		if (cursor_left(&c) != 0)
			return err_set(err, ERR_TABLE,
			    "manifest list has a block with bytes left over");
	}
	return more;
}

int
manifest_list_read(const char *path, struct manifest_list *out, struct err *err)
{
	struct buf data;
	struct ocf_reader *reader = NULL;
	struct av_codec *codec = NULL;
	int rc = -1;

	*out = (struct manifest_list){ 0 };
	buf_init(&data, 0);
	if (store_read(path, &data, LIST_MAX_BYTES, err) == -1)
		goto out;
	if ((reader = ocf_open(data.data, data.len, err)) == NULL ||
	    (codec = av_codec_new(ocf_schema(reader), err)) == NULL ||
	    read_all(reader, codec, out, err) == -1) {
		err_prefix(err, "'%s'", path);
		goto out;
	}
	rc = 0;
out:
	if (rc == -1)
		manifest_list_clear(out);
	av_codec_free(codec);
	ocf_free(reader);
	buf_clear(&data);
	return rc;
}

/* ---- paths only ------------------------------------------------------- */

/* Lists whose first column is not the path are read in full. */
static int
each_path_slowly(const char *path, void (*each)(void *arg, const char *),
    void *arg, struct err *err)
{
	struct manifest_list list;

	if (manifest_list_read(path, &list, err) == -1)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		each(arg, list.files[i].path);
	manifest_list_clear(&list);
	return 0;
}

/* The text that an entry begins with; av_skip() has seen that it is there. */
static int
take_path(const struct av_node *schema, struct cursor *c, struct buf *text,
    struct err *err)
{
	struct cursor head = *c;

	if (av_skip(schema, c, err) == -1)
		return -1;
	size_t n = (size_t)cursor_zigzag(&head);
	buf_reset(text);
	buf_put(text, cursor_take(&head, n), n);
	return n > 0 && memchr(text->data, '\0', n) == NULL
	    ? 0
	    : missing("manifest_path", err);
}

static int
each_path_of(struct ocf_reader *reader, const struct av_node *schema,
    void (*each)(void *arg, const char *), void *arg, struct err *err)
{
	struct buf text;
	struct cursor c;
	uint64_t n;
	int rc;

	buf_init(&text, 0);
	while ((rc = ocf_next(reader, &c, &n, err)) == 1) {
		for (; n > 0 && rc == 1; n--) {
			if (take_path(schema, &c, &text, err) == -1)
				rc = -1;
			else
				each(arg, buf_cstr(&text));
		}
		if (rc == -1)
			break;
	}
	buf_clear(&text);
	return rc;
}

int
manifest_list_each_path(const char *path,
    void (*each)(void *arg, const char *recorded), void *arg, struct err *err)
{
	struct buf data;
	struct ocf_reader *reader = NULL;
	struct av_node *schema = NULL;
	int rc = -1;

	buf_init(&data, 0);
	if (store_read(path, &data, LIST_MAX_BYTES, err) == -1 ||
	    (reader = ocf_open(data.data, data.len, err)) == NULL ||
	    (schema = avschema_parse(ocf_schema(reader), err)) == NULL)
		goto out;
	if (schema->kind == AV_RECORD && schema->nchildren > 0 &&
	    schema->child[0].kind == AV_STRING &&
	    avschema_find(schema, 500, "manifest_path") == 0)
		rc = each_path_of(reader, schema, each, arg, err);
	else
		rc = each_path_slowly(path, each, arg, err);
out:
	avschema_free(schema);
	ocf_free(reader);
	buf_clear(&data);
	return rc;
}

/* ---- writing ---------------------------------------------------------- */

static void
set_optional(struct av_value v, const uint8_t *p, size_t n)
{
	if (p != NULL)
		av_set_bytes(v, p, n);
	else
		av_set_null(v);
}

static void
set_partitions(struct av_value v, const struct manifest_file *m)
{
	if (!m->has_partitions) {
		av_set_null(v);
		return;
	}
	struct av_value list = av_set_array(v);
	for (size_t i = 0; i < m->npartitions; i++) {
		const struct field_summary *s = &m->partitions[i];
		struct av_value item = av_append(list);
		av_set_boolean(av_at(item, 0), s->contains_null);
		if (s->contains_nan == -1)
			av_set_null(av_at(item, 1));
		else
			av_set_boolean(av_at(item, 1), s->contains_nan);
		set_optional(av_at(item, 2), s->lower, s->lower_len);
		set_optional(av_at(item, 3), s->upper, s->upper_len);
	}
}

static void
set_entry(struct av_value v, const struct manifest_file *m)
{
	av_set_bytes(av_at(v, AT_PATH), m->path, strlen(m->path));
	av_set_long(av_at(v, AT_LENGTH), m->length);
	av_set_long(av_at(v, AT_SPEC), m->spec_id);
	av_set_long(av_at(v, AT_CONTENT), m->content);
	av_set_long(av_at(v, AT_SEQUENCE), m->sequence_number);
	av_set_long(av_at(v, AT_MIN_SEQUENCE), m->min_sequence_number);
	av_set_long(av_at(v, AT_SNAPSHOT), m->added_snapshot_id);
	av_set_long(av_at(v, AT_ADDED_FILES), m->added_files);
	av_set_long(av_at(v, AT_EXISTING_FILES), m->existing_files);
	av_set_long(av_at(v, AT_DELETED_FILES), m->deleted_files);
	av_set_long(av_at(v, AT_ADDED_ROWS), m->added_rows);
	av_set_long(av_at(v, AT_EXISTING_ROWS), m->existing_rows);
	av_set_long(av_at(v, AT_DELETED_ROWS), m->deleted_rows);
	set_partitions(av_at(v, AT_PARTITIONS), m);
	set_optional(av_at(v, AT_KEY), m->key_metadata, m->key_metadata_len);
}

static int
write_all(struct ocf_writer *w, struct av_codec *codec,
    const struct manifest_list *list, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		av_reset(codec);
		set_entry(av_root(codec), &list->files[i]);
		if (av_encode(codec, ocf_block(w), err) == -1 ||
		    ocf_commit(w, err) == -1)
			return -1;
	}
	return 0;
}

static struct ocf_writer *
create(const char *path, const json_t *schema,
    const struct manifest_list_ids *ids, struct err *err)
{
	char id[24], parent[24], sequence[24];
	const struct ocf_meta meta[] = { { "snapshot-id", id },
		{ "parent-snapshot-id", parent },
		{ "sequence-number", sequence }, { "format-version", "2" } };

	snprintf(id, sizeof(id), "%" PRId64, ids->snapshot_id);
	snprintf(sequence, sizeof(sequence), "%" PRId64, ids->sequence_number);
	/* the word is what Iceberg's Java code writes */
	if (ids->parent_id == 0)
		strcpy(parent, "null");
	else
		snprintf(parent, sizeof(parent), "%" PRId64, ids->parent_id);

	char *text = json_dumps(schema, JSON_COMPACT);
	struct ocf_writer *w =
	    ocf_create(path, text, meta, sizeof(meta) / sizeof(meta[0]), err);
	free(text);
	return w;
}

int
manifest_list_write(const char *path, const struct manifest_list_ids *ids,
    const struct manifest_list *added, const struct manifest_list *before,
    struct err *err)
{
	json_t *schema = json_loads(avsc_manifest_file, 0, NULL);
	struct av_codec *codec = av_codec_new(schema, err);
	struct ocf_writer *w = NULL;
	uint64_t size;
	int rc = -1;

	if (codec == NULL || (w = create(path, schema, ids, err)) == NULL)
		goto out;
	if (write_all(w, codec, added, err) == -1 ||
	    write_all(w, codec, before, err) == -1) {
		ocf_abort(w);
		goto out;
	}
	rc = ocf_close(w, &size, err);
out:
	av_codec_free(codec);
	json_decref(schema);
	return rc;
}
