/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging manifests, see merge.h.
 *
 * Nothing here can lose a file: a merged manifest has as many live entries as
 * the list says of those it replaces, or it is not made.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/bounds.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest_schema.h"
#include "worker/iceberg/merge.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

enum {
	MIN_COUNT = 100,
	SMALL_FILES = 100, /* so few are worth no waiting */
	TARGET_BYTES = 8 << 20,
	TARGET_MAX_BYTES = 64 << 20 /* they are in memory all at once */
};
enum { STATUS_EXISTING, STATUS_ADDED, STATUS_DELETED };

/* Of a manifest's header; the order in which they are written. */
static const char *const header_keys[] = { "schema", "schema-id",
	"partition-spec", "partition-spec-id", "format-version", "content",
	"iceberg.schema" };
enum { HEADER_KEYS = sizeof header_keys / sizeof header_keys[0] };

struct source {
	const struct manifest_file *m; /* the list's */
	struct buf data;
	struct ocf_reader *file;
};

struct merge_plan {
	const struct table *table;
	struct type *types; /* of the spec's fields */
	json_t *schema;     /* Avro's, of calve's own manifests */
	struct av_node *node;
	struct source *sources;
	size_t n;
};

/* ---- which ------------------------------------------------------------ */

static int64_t
live_files(const struct manifest_file *m)
{
	return m->added_files + m->existing_files;
}

static bool
is_candidate(const struct table *t, const struct manifest_file *m)
{
	return m->content == 0 && m->spec_id == t->spec.id &&
	    m->key_metadata == NULL && m->has_partitions &&
	    m->npartitions == t->spec.nfields;
}

static size_t
min_count(const struct table *t)
{
	int64_t n = table_property_number(
	    t, "commit.manifest.min-count-to-merge", MIN_COUNT);

	return n < 2 ? 2 : (size_t)n;
}

/* Fills picked (room for all) and returns how many. */
static size_t
choose(const struct table *t, const struct manifest_list *list,
    int64_t added_files, const struct manifest_file **picked)
{
	int64_t target = table_property_number(
	    t, "commit.manifest.target-size-bytes", TARGET_BYTES);
	int64_t files = added_files, bytes = 0;
	size_t n = 0;

	if (target > TARGET_MAX_BYTES)
		target = TARGET_MAX_BYTES;
	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *m = &list->files[i];
		if (!is_candidate(t, m))
			continue;
		if (m->length > target - bytes ||
		    live_files(m) > files + SMALL_FILES)
			break;
		bytes += m->length;
		files += live_files(m);
		picked[n++] = m;
	}
	return n;
}

/* ---- do we understand them? ------------------------------------------- */

static bool
same_header(
    const struct ocf_reader *a, const struct ocf_reader *b, const char *key)
{
	const char *x = ocf_header(a, key), *y = ocf_header(b, key);

	return x != NULL && y != NULL ? strcmp(x, y) == 0 : x == y;
}

/* The first decides what the others have to look like. */
static bool
is_understood(const struct merge_plan *p, const struct source *s)
{
	const char *version = ocf_header(s->file, "format-version");
	const char *content = ocf_header(s->file, "content");
	const char *id = ocf_header(s->file, "partition-spec-id");
	const struct source *first = &p->sources[0];

	if (s == first)
		return version != NULL && strcmp(version, "2") == 0 &&
		    content != NULL && strcmp(content, "data") == 0 &&
		    id != NULL && atoi(id) == p->table->spec.id &&
		    json_equal(ocf_schema(s->file), p->schema);
	for (size_t i = 0; i < HEADER_KEYS; i++)
		if (!same_header(first->file, s->file, header_keys[i]))
			return false;
	return same_header(first->file, s->file, "avro.schema");
}

/* false: leave it, for whatever reason. Its damage, if that is what it is, is
 * no reason not to commit. */
static bool
load(struct merge_plan *p, const struct manifest_file *m)
{
	struct source *s = &p->sources[p->n++];
	struct err ignored;
	const char *local = location_local(m->path);

	*s = (struct source){ .m = m };
	buf_init(&s->data, 0);
	return local != NULL &&
	    store_read(local, &s->data, TARGET_MAX_BYTES, &ignored) == 0 &&
	    s->data.len == (uint64_t)m->length &&
	    (s->file = ocf_open(s->data.data, s->data.len, &ignored)) != NULL &&
	    is_understood(p, s);
}

static void
drop_last(struct merge_plan *p)
{
	struct source *s = &p->sources[--p->n];

	ocf_free(s->file);
	buf_clear(&s->data);
}

void
merge_plan_free(struct merge_plan *p)
{
	if (p == NULL)
		return;
	while (p->n > 0)
		drop_last(p);
	for (size_t i = 0; i < p->table->spec.nfields; i++)
		type_clear(&p->types[i]);
	free(p->types);
	free(p->sources);
	avschema_free(p->node);
	json_decref(p->schema);
	free(p);
}

static struct merge_plan *
plan_new(const struct table *t, size_t room)
{
	struct merge_plan *p = xcalloc(1, sizeof(*p));
	struct err ignored;

	p->table = t;
	p->sources = xcalloc(room, sizeof(*p->sources));
	p->types = xcalloc(t->spec.nfields + 1, sizeof(*p->types));
	for (size_t i = 0; i < t->spec.nfields; i++)
		partition_result_type(
		    &t->spec.fields[i], &t->schema, &p->types[i]);
	p->schema = manifest_schema(&t->spec, p->types, &ignored);
	if (p->schema != NULL)
		p->node = avschema_parse(p->schema, &ignored);
	return p;
}

struct merge_plan *
merge_plan(const struct table *t, const struct manifest_list *list,
    int64_t added_files)
{
	const char *enabled =
	    table_property(t, "commit.manifest-merge.enabled");
	const size_t least = min_count(t) - 1; /* beside the commit's own */
	struct merge_plan *p = NULL;

	if (list->n < least ||
	    (enabled != NULL && strcmp(enabled, "true") != 0))
		return NULL;
	const struct manifest_file **picked =
	    xcalloc(list->n + 1, sizeof(const struct manifest_file *));
	size_t n = choose(t, list, added_files, picked);
	if (n >= least && n > 1) {
		p = plan_new(t, n);
		for (size_t i = 0; i < n && p->node != NULL; i++)
			if (!load(p, picked[i])) {
				drop_last(p);
				break;
			}
		if (p->n < least || p->n < 2) {
			merge_plan_free(p);
			p = NULL;
		}
	}
	free(picked);
	return p;
}

/* ---- summaries of partitions ------------------------------------------ */

static int
refuse(const struct source *s, const char *what, struct err *err)
{
	return err_set(err, ERR_TABLE, "manifest '%s' %s", s->m->path, what);
}

static bool
is_bound(const struct type *type, const uint8_t *p, size_t n)
{
	return p == NULL || value_is_sound(type, p, n);
}

/* The wider of two bounds, where one of them lies further out. */
static void
widen(const struct type *type, int sign, const uint8_t *p, size_t n,
    uint8_t **to, size_t *len)
{
	if (p == NULL ||
	    (*to != NULL && value_compare(type, p, n, *to, *len) * sign <= 0))
		return;
	free(*to);
	*to = xmalloc(n + 1);
	memcpy(*to, p, n);
	*len = n;
}

static int
add_summaries(const struct merge_plan *p, const struct source *s,
    struct manifest_file *out, struct err *err)
{
	for (size_t f = 0; f < out->npartitions; f++) {
		const struct field_summary *from = &s->m->partitions[f];
		struct field_summary *to = &out->partitions[f];
		const struct type *type = &p->types[f];
		if (!is_bound(type, from->lower, from->lower_len) ||
		    !is_bound(type, from->upper, from->upper_len))
			return refuse(s, "has malformed bounds", err);
		to->contains_null |= from->contains_null;
		if (from->contains_nan == -1 || to->contains_nan == -1)
			to->contains_nan = -1;
		else
			to->contains_nan |= from->contains_nan;
		widen(type, -1, from->lower, from->lower_len, &to->lower,
		    &to->lower_len);
		widen(type, 1, from->upper, from->upper_len, &to->upper,
		    &to->upper_len);
	}
	return 0;
}

/* ---- entries ---------------------------------------------------------- */

/* ["null", "long"]; inherited where null. */
static int64_t
optional_long(struct cursor *c, int64_t inherited)
{
	return cursor_zigzag(c) == 0 ? inherited : cursor_zigzag(c);
}

static void
put_optional_long(struct buf *b, int64_t n)
{
	buf_put_zigzag(b, 1);
	buf_put_zigzag(b, n);
}

/* The head of an entry is written anew, the data file behind it copied. The
 * first four fields are those of schemas/avro/manifest_entry.avsc, as the
 * plan has made sure, and av_skip() that the bytes hold them. */
static int
copy_entry(const struct merge_plan *p, const struct source *s, struct cursor *c,
    struct ocf_writer *to, struct manifest_file *out, struct err *err)
{
	struct cursor head = *c;

	if (av_skip(p->node, c, err) == -1)
		return -1;
	int64_t status = cursor_zigzag(&head);
	int64_t none = status == STATUS_ADDED ? s->m->sequence_number : -1;
	int64_t snapshot = optional_long(&head, s->m->added_snapshot_id);
	int64_t sequence = optional_long(&head, none);
	int64_t file_sequence = optional_long(&head, none);

	if (status == STATUS_DELETED)
		return 0;
	if ((status != STATUS_ADDED && status != STATUS_EXISTING) ||
	    snapshot <= 0 || sequence < 0 || file_sequence < 0 ||
	    sequence > s->m->sequence_number ||
	    file_sequence > s->m->sequence_number)
		return refuse(s, "has an entry with impossible numbers", err);
	struct buf *b = ocf_block(to);
	buf_put_zigzag(b, STATUS_EXISTING);
	put_optional_long(b, snapshot);
	put_optional_long(b, sequence);
	put_optional_long(b, file_sequence);
	buf_put(b, head.p, (size_t)(c->p - head.p));
	out->existing_files++;
	if (sequence < out->min_sequence_number)
		out->min_sequence_number = sequence;
	return ocf_commit(to, err);
}

static int
copy_source(const struct merge_plan *p, const struct source *s,
    struct ocf_writer *to, struct manifest_file *out, struct err *err)
{
	const int64_t before = out->existing_files;
	struct cursor c;
	uint64_t n;
	int rc;

	while ((rc = ocf_next(s->file, &c, &n, err)) == 1) {
		for (; n > 0; n--)
			if (copy_entry(p, s, &c, to, out, err) == -1)
				return -1;
		if (cursor_left(&c) != 0)
			return refuse(s, "has bytes left over", err);
	}
	if (rc == -1)
		return -1;
	if (out->existing_files - before != live_files(s->m))
		return refuse(s, "has other files than its list says", err);
	if (__builtin_add_overflow(
		out->existing_rows, s->m->added_rows, &out->existing_rows) ||
	    __builtin_add_overflow(
		out->existing_rows, s->m->existing_rows, &out->existing_rows))
		return refuse(s, "has too many rows", err);
	return add_summaries(p, s, out, err);
}

/* ---- the file --------------------------------------------------------- */

static int
write_file(struct merge_plan *p, const char *path, struct manifest_file *out,
    struct err *err)
{
	const struct ocf_reader *first = p->sources[0].file;
	struct ocf_meta meta[HEADER_KEYS];
	size_t nmeta = 0;
	uint64_t size;

	for (size_t i = 0; i < HEADER_KEYS; i++) {
		const char *value = ocf_header(first, header_keys[i]);
		if (value != NULL)
			meta[nmeta++] =
			    (struct ocf_meta){ header_keys[i], value };
	}
	struct ocf_writer *to = ocf_create(
	    path, ocf_header(first, "avro.schema"), meta, nmeta, err);
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (copy_source(p, &p->sources[i], to, out, err) == -1) {
			ocf_abort(to);
			return -1;
		}
	if (ocf_close(to, &size, err) == -1)
		return -1;
	out->length = (int64_t)size;
	return 0;
}

int
merge_write(struct merge_plan *p, const char *path, const char *recorded,
    int64_t snapshot_id, struct merged *out, struct err *err)
{
	const size_t nfields = p->table->spec.nfields;

	*out = (struct merged){ .file = { .path = xstrdup(recorded),
				    .spec_id = p->table->spec.id,
				    .added_snapshot_id = snapshot_id,
				    .min_sequence_number = INT64_MAX,
				    .has_partitions = true,
				    .npartitions = nfields } };
	out->file.partitions =
	    xcalloc(nfields + 1, sizeof(*out->file.partitions));
	if (write_file(p, path, &out->file, err) == -1) {
		merged_clear(out);
		return -1;
	}
	out->path = xstrdup(path);
	out->replaced = xcalloc(p->n, sizeof(*out->replaced));
	for (; out->n < p->n; out->n++)
		out->replaced[out->n] = xstrdup(p->sources[out->n].m->path);
	return 0;
}

void
merged_clear(struct merged *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->replaced[i]);
	free(m->replaced);
	free(m->path);
	manifest_file_clear(&m->file);
	*m = (struct merged){ 0 };
}

/* ---- the list --------------------------------------------------------- */

/* Both keep the list's order, so one pass finds them all. */
bool
merge_apply(const struct merged *m, struct manifest_list *list)
{
	size_t found = 0, kept = 0;

	for (size_t i = 0; i < list->n && found < m->n; i++)
		found += strcmp(list->files[i].path, m->replaced[found]) == 0;
	if (found < m->n)
		return false;
	found = 0;
	for (size_t i = 0; i < list->n; i++)
		if (found < m->n &&
		    strcmp(list->files[i].path, m->replaced[found]) == 0) {
			manifest_file_clear(&list->files[i]);
			found++;
		} else
			list->files[kept++] = list->files[i];
	list->n = kept;
	return true;
}
