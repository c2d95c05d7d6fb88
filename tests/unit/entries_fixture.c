/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/entries_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/ocf.h"
#include "worker/store/store.h"

void
read_list(const struct table *t, struct manifest_list *list)
{
	struct snapshot s;

	ck_assert(table_find_snapshot(t, t->snapshot_id, &s));
	ck_assert_msg(manifest_list_read(json_string_value(json_object_get(
					     s.json, "manifest-list")),
			  list, &fixture_err) == 0,
	    "%s", fixture_err.text);
}

size_t
count_manifests(const struct table *t)
{
	struct manifest_list list;

	read_list(t, &list);
	size_t n = list.n;
	manifest_list_clear(&list);
	return n;
}

static int64_t
number(struct av_value entry, int id, int64_t inherited)
{
	struct av_value field;
	int64_t n = inherited;

	ck_assert(av_field(entry, id, "\1", &field));
	ck_assert_int_ne(av_get_long(field, &n), -1);
	return n;
}

struct seen_entry seen[SEEN_MAX];

/* One entry; its file bears the id of the commit that added it. */
static void
see_entry(struct av_value entry, const struct manifest_file *m)
{
	struct av_value file, path;
	const void *text;
	size_t n;

	ck_assert(av_field(entry, 2, "\1", &file));
	ck_assert(av_field(file, 100, "\1", &path));
	ck_assert_int_eq(av_get_bytes(path, &text, &n), 1);
	char *name = xstrndup(text, n);
	int64_t id = strtoll(strrchr(name, '/') + 1, NULL, 10);
	free(name);
	ck_assert(id > 0 && id < SEEN_MAX);
	seen[id].n++;
	seen[id].status = number(entry, 0, -1);
	int64_t inherited =
	    seen[id].status == 1 ? m->sequence_number : INT64_MIN;
	seen[id].snapshot = number(entry, 1, m->added_snapshot_id);
	seen[id].sequence = number(entry, 3, inherited);
	seen[id].file_sequence = number(entry, 4, inherited);
}

static void
see_manifest(const struct manifest_file *m)
{
	struct buf data;
	struct cursor c;
	uint64_t n;
	int64_t entries = 0;

	buf_init(&data, 0);
	ck_assert_int_eq(store_read(m->path, &data, 1 << 24, &fixture_err), 0);
	ck_assert_int_eq((int64_t)data.len, m->length);
	struct ocf_reader *file = ocf_open(data.data, data.len, &fixture_err);
	ck_assert_ptr_nonnull(file);
	struct av_codec *codec = av_codec_new(ocf_schema(file), &fixture_err);
	ck_assert_ptr_nonnull(codec);
	while (ocf_next(file, &c, &n, &fixture_err) == 1)
		for (; n > 0; n--, entries++) {
			ck_assert_int_eq(av_decode(codec, &c, &fixture_err), 0);
			see_entry(av_root(codec), m);
		}
	ck_assert_int_eq(
	    entries, m->added_files + m->existing_files + m->deleted_files);
	av_codec_free(codec);
	ocf_free(file);
	buf_clear(&data);
}

/* Files 1 to n, each once, with the numbers of the commit that added it. */
void
holds(const struct table *t, int64_t n)
{
	struct manifest_list list;
	int64_t rows = 0;

	memset(seen, 0, sizeof seen);
	read_list(t, &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct manifest_file *m = &list.files[i];
		see_manifest(m);
		rows += m->added_rows + m->existing_rows;
		ck_assert(m->min_sequence_number <= m->sequence_number);
	}
	ck_assert_int_eq(rows, n);
	for (int64_t id = 1; id <= n; id++) {
		ck_assert_msg(seen[id].n == 1, "file %d is there %d times",
		    (int)id, seen[id].n);
		ck_assert_int_eq(seen[id].snapshot, id);
		ck_assert_int_eq(seen[id].sequence, id);
		ck_assert_int_eq(seen[id].file_sequence, id);
	}
	manifest_list_clear(&list);
}

void
holds_now(int64_t n)
{
	struct table *t = load();

	holds(t, n);
	table_free(t);
}
