/* SPDX-License-Identifier: Apache-2.0 */
/* Merging of manifests at commit: no file is lost, none twice, each keeps the
 * numbers that it came with, and what is not understood stays as it is. */
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/entries_fixture.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/avro.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/merge.h"
#include "worker/iceberg/ocf.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

enum { LEAST = 4 };
static const struct kv few = { "commit.manifest.min-count-to-merge", "4" };

static void
setup(void)
{
	fixture_make();
	fixture_properties = &few;
	fixture_nproperties = 1;
}

/* ---- plain life ------------------------------------------------------- */

START_TEST(many_manifests_become_few)
{
	table_free(fresh_table());
	for (int64_t id = 1; id <= 60; id++) {
		struct snapshot s;
		appends(id);
		struct table *t = load();
		holds(t, id);
		ck_assert(count_manifests(t) < LEAST);
		ck_assert(table_find_snapshot(t, id, &s));
		ck_assert_int_eq(
		    atoll(snapshot_summary(&s, "total-data-files")), id);
		ck_assert_str_eq(snapshot_summary(&s, "manifests-created"),
		    id >= LEAST && id % 2 == 0 ? "2" : "1");
		table_free(t);
	}
}
END_TEST

START_TEST(a_merged_manifest_tells_what_is_in_it)
{
	struct manifest_list list;

	table_free(fresh_table());
	for (int64_t id = 1; id <= LEAST; id++)
		appends(id);
	struct table *t = load();
	read_list(t, &list);
	ck_assert_uint_eq(list.n, 2);
	const struct manifest_file *m = &list.files[1];
	ck_assert_int_eq(m->content, 0);
	ck_assert_int_eq(m->added_files, 0);
	ck_assert_int_eq(m->existing_files, LEAST - 1);
	ck_assert_int_eq(m->deleted_files, 0);
	ck_assert_int_eq(m->existing_rows, LEAST - 1);
	ck_assert_int_eq(m->added_snapshot_id, LEAST);
	ck_assert_int_eq(m->sequence_number, LEAST);
	ck_assert_int_eq(m->min_sequence_number, 1);
	ck_assert(m->has_partitions);
	ck_assert_uint_eq(m->npartitions, 0);
	ck_assert_int_eq(seen[1].status, 0);
	manifest_list_clear(&list);

	/* the newest snapshot only adds what it adds, in one manifest */
	holds(t, LEAST);
	ck_assert_int_eq(seen[LEAST].status, 1);
	ck_assert_int_eq(seen[1].status, 0);
	table_free(t);
}
END_TEST

/* Entries are written again with each doubling only. */
START_TEST(old_entries_rest)
{
	enum { COMMITS = 260 };
	int64_t written = 0;

	table_free(fresh_table());
	for (int64_t id = 1; id <= COMMITS; id++) {
		struct manifest_list list;
		appends(id);
		struct table *t = load();
		read_list(t, &list);
		ck_assert(list.n < LEAST + 4);
		for (size_t i = 0; i < list.n; i++)
			if (list.files[i].added_snapshot_id == id)
				written += list.files[i].existing_files;
		manifest_list_clear(&list);
		table_free(t);
	}
	/* all each time would be 65 a commit */
	ck_assert_msg(
	    written < COMMITS * 30, "%d entries were rewritten", (int)written);
	holds_now(COMMITS);
}
END_TEST

START_TEST(properties_decide)
{
	const struct kv off[] = { few,
		{ "commit.manifest-merge.enabled", "false" } };
	const struct kv tiny[] = { few,
		{ "commit.manifest.target-size-bytes", "10" } };
	const struct kv wrong = { "commit.manifest.min-count-to-merge", "-4" };
	const struct {
		const struct kv *kv;
		size_t n;
	} cases[] = { { off, 2 }, { tiny, 2 }, { &wrong, 1 } };

	for (size_t k = 0; k < 3; k++) {
		fixture_properties = cases[k].kv;
		fixture_nproperties = cases[k].n;
		table_free(fresh_table());
		for (int64_t id = 1; id <= 9; id++)
			appends(id);
		struct table *t = load();
		ck_assert_uint_eq(count_manifests(t), 9);
		table_free(t);
		fixture_remove();
		fixture_make();
	}
}
END_TEST

/* ---- partitions ------------------------------------------------------- */

struct part {
	int32_t value; /* INT32_MIN: null */
};

static void
append_part(int64_t id, const struct part *p)
{
	struct table *base = load(), *out;
	char uuid[40];
	struct partition_value v = { .null = p->value == INT32_MIN };

	v.data = (uint8_t *)xmalloc(sizeof p->value);
	v.len = v.null ? 0 : sizeof p->value;
	memcpy(v.data, &p->value, sizeof p->value);
	snprintf(uuid, sizeof uuid, "commit-%" PRId64, id);
	struct datafile df = { .record_count = 1,
		.file_size = 10,
		.path =
		    xasprintf("%s/data/%" PRId64 ".parquet", base->folder, id),
		.partition = &v,
		.npartition = 1 };
	const struct append a = { .snapshot_id = id,
		.commit_uuid = uuid,
		.files = &df,
		.nfiles = 1 };
	ck_assert_msg(table_append(base, &a, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	free(df.path);
	free(v.data);
	table_free(base);
	table_free(out);
}

static void
partitioned_table(void)
{
	struct type schema = { .kind = TYPE_STRUCT };
	struct partition_field by = { .source_id = 1,
		.field_id = 1000,
		.name = (char *)"n",
		.transform = TRANSFORM_IDENTITY };
	const struct partition_spec spec = { .fields = &by, .nfields = 1 };
	struct table *t;

	type_add_field(&schema, "n", false, TYPE_INT)->id = 1;
	const struct table_create c = { .schema = &schema,
		.last_column_id = 1,
		.spec = &spec,
		.properties = &few,
		.nproperties = 1 };
	ck_assert_msg(
	    table_create(fixture_folder, "a.b", "t", &c, &t, &fixture_err) == 0,
	    "%s", fixture_err.text);
	table_free(t);
	type_clear(&schema);
}

static void
is_summary(const struct field_summary *s, bool null, int32_t low, int32_t high)
{
	int32_t n;

	ck_assert_int_eq(s->contains_null, null);
	ck_assert_int_eq(s->contains_nan, 0);
	ck_assert_uint_eq(s->lower_len, sizeof n);
	memcpy(&n, s->lower, sizeof n);
	ck_assert_int_eq(n, low);
	ck_assert_uint_eq(s->upper_len, sizeof n);
	memcpy(&n, s->upper, sizeof n);
	ck_assert_int_eq(n, high);
}

START_TEST(summaries_are_those_of_all)
{
	const struct part parts[] = { { 5 }, { -300 }, { INT32_MIN }, { 70000 },
		{ 7 } };
	struct manifest_list list;

	partitioned_table();
	for (int64_t id = 1; id <= 3; id++)
		append_part(id, &parts[id - 1]);
	append_part(4, &parts[4]);
	struct table *t = load();
	holds(t, 4);
	read_list(t, &list);
	ck_assert_uint_eq(list.n, 2);
	is_summary(&list.files[0].partitions[0], false, 7, 7);
	is_summary(&list.files[1].partitions[0], true, -300, 5);
	manifest_list_clear(&list);
	table_free(t);
	append_part(5, &parts[3]);
	append_part(6, &parts[0]);
	t = load();
	holds(t, 6);
	read_list(t, &list);
	ck_assert_uint_eq(list.n, 2);
	is_summary(&list.files[1].partitions[0], true, -300, 70000);
	manifest_list_clear(&list);
	table_free(t);
}
END_TEST

/* ---- other writers ---------------------------------------------------- */

/* Writes the current snapshot's list again, changed. */
static void
change_list(void (*change)(struct manifest_file *))
{
	struct table *t = load();
	const struct manifest_list none = { NULL, 0 };
	struct manifest_list list;
	struct snapshot s;

	read_list(t, &list);
	ck_assert(table_find_snapshot(t, t->snapshot_id, &s));
	const char *path =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	const struct manifest_list_ids ids = { s.id, s.parent,
		s.sequence_number };
	change(&list.files[0]);
	ck_assert_int_eq(store_unlink(path, &fixture_err), 0);
	ck_assert_int_eq(
	    manifest_list_write(path, &ids, &list, &none, &fixture_err), 0);
	manifest_list_clear(&list);
	table_free(t);
}

static void
is_of_deletes(struct manifest_file *m)
{
	m->content = 1;
}
static void
is_of_another_spec(struct manifest_file *m)
{
	m->spec_id = 9;
}
static void
has_a_key(struct manifest_file *m)
{
	m->key_metadata = xmalloc(3);
	m->key_metadata_len = 3;
	memcpy(m->key_metadata, "key", 3);
}
static void
has_no_summaries(struct manifest_file *m)
{
	m->has_partitions = false;
}
static void
has_more_files(struct manifest_file *m)
{
	m->added_files++;
}
static void
has_another_length(struct manifest_file *m)
{
	m->length++;
}
static void
is_not_local(struct manifest_file *m)
{
	char *path = xasprintf("s3://elsewhere%s", m->path);
	free(m->path);
	m->path = path;
}
static void
is_gone(struct manifest_file *m)
{
	ck_assert_int_eq(store_unlink(m->path, &fixture_err), 0);
}

/* Cuts entries short without the container noticing: another schema. */
static void
is_foreign(struct manifest_file *m)
{
	static const char schema[] =
	    "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
	    "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0}]}";
	const struct ocf_meta meta[] = { { "schema", "{}" },
		{ "format-version", "2" }, { "content", "data" },
		{ "partition-spec", "[]" }, { "partition-spec-id", "0" } };
	uint64_t size;

	ck_assert_int_eq(store_unlink(m->path, &fixture_err), 0);
	struct ocf_writer *w =
	    ocf_create(m->path, schema, meta, 5, &fixture_err);
	ck_assert_ptr_nonnull(w);
	buf_put_zigzag(ocf_block(w), 1);
	ck_assert_int_eq(ocf_commit(w, &fixture_err), 0);
	ck_assert_int_eq(ocf_close(w, &size, &fixture_err), 0);
	m->length = (int64_t)size;
}

START_TEST(what_is_not_understood_is_left_alone)
{
	static void (*const changes[])(
	    struct manifest_file *) = { is_of_deletes, is_of_another_spec,
		has_a_key, has_no_summaries, has_more_files, has_another_length,
		is_not_local, is_gone, is_foreign };
	struct manifest_list list;

	table_free(fresh_table());
	appends(1);
	change_list(changes[_i]);
	struct table *t = load();
	read_list(t, &list);
	const struct manifest_file *m = &list.files[0];
	for (int64_t id = 2; id <= 12; id++) {
		struct manifest_list now;
		appends(id);
		struct table *u = load();
		read_list(u, &now);
		/* unchanged, and the last, whatever else was merged */
		const struct manifest_file *l = &now.files[now.n - 1];
		ck_assert_str_eq(l->path, m->path);
		ck_assert_int_eq(l->length, m->length);
		ck_assert_int_eq(l->sequence_number, 1);
		ck_assert_int_eq(l->added_snapshot_id, 1);
		ck_assert_int_eq(l->content, m->content);
		ck_assert_int_eq(l->spec_id, m->spec_id);
		ck_assert_int_eq(l->added_files, m->added_files);
		manifest_list_clear(&now);
		table_free(u);
	}
	manifest_list_clear(&list);
	table_free(t);
	/* nothing half made is left: one manifest a commit and the merged */
	ck_assert_int_eq(names(".tmp-"), 0);
}
END_TEST

/* Writes the manifest again with one entry of that status, once more with
 * explicit numbers or without. */
static void
rewrite(struct manifest_file *m, int64_t status, bool explicit_numbers)
{
	struct buf data;
	struct cursor c;
	uint64_t n, size;
	const char *keys[] = { "schema", "schema-id", "partition-spec",
		"partition-spec-id", "format-version", "content",
		"iceberg.schema" };
	struct ocf_meta meta[7];

	buf_init(&data, 0);
	ck_assert_int_eq(store_read(m->path, &data, 1 << 24, &fixture_err), 0);
	struct ocf_reader *file = ocf_open(data.data, data.len, &fixture_err);
	struct av_codec *codec = av_codec_new(ocf_schema(file), &fixture_err);
	ck_assert_int_eq(ocf_next(file, &c, &n, &fixture_err), 1);
	ck_assert_int_eq(store_unlink(m->path, &fixture_err), 0);
	for (int i = 0; i < 7; i++)
		meta[i] =
		    (struct ocf_meta){ keys[i], ocf_header(file, keys[i]) };
	struct ocf_writer *w = ocf_create(
	    m->path, ocf_header(file, "avro.schema"), meta, 7, &fixture_err);
	ck_assert_int_eq(av_decode(codec, &c, &fixture_err), 0);
	ck_assert_int_eq(av_encode(codec, ocf_block(w), &fixture_err), 0);
	ck_assert_int_eq(ocf_commit(w, &fixture_err), 0);
	struct av_value v = av_root(codec);
	av_set_long(av_at(v, 0), status);
	if (explicit_numbers) {
		av_set_long(av_at(v, 2), 0);
		av_set_long(av_at(v, 3), 0);
	}
	ck_assert_int_eq(av_encode(codec, ocf_block(w), &fixture_err), 0);
	ck_assert_int_eq(ocf_commit(w, &fixture_err), 0);
	ck_assert_int_eq(ocf_close(w, &size, &fixture_err), 0);
	m->length = (int64_t)size;
	av_codec_free(codec);
	ocf_free(file);
	buf_clear(&data);
}

static void
has_a_deleted_file(struct manifest_file *m)
{
	rewrite(m, 2, true);
	m->deleted_files++;
}
static void
has_no_numbers(struct manifest_file *m)
{
	rewrite(m, 0, false);
	m->existing_files++;
}
static void
has_an_unknown_status(struct manifest_file *m)
{
	rewrite(m, 3, true);
	m->existing_files++;
}

START_TEST(deleted_files_are_dropped)
{
	table_free(fresh_table());
	appends(1);
	change_list(has_a_deleted_file);
	for (int64_t id = 2; id <= LEAST; id++)
		appends(id);
	struct table *t = load();
	ck_assert_uint_eq(count_manifests(t), 2);
	holds(t, LEAST);
	table_free(t);
}
END_TEST

START_TEST(entries_that_cannot_be_are_left_alone)
{
	table_free(fresh_table());
	appends(1);
	change_list(_i == 0 ? has_no_numbers : has_an_unknown_status);
	for (int64_t id = 2; id <= 9; id++)
		appends(id);
	struct table *t = load();
	/* each attempt to merge has to give up, for it needs that one */
	ck_assert(count_manifests(t) >= LEAST);
	ck_assert_int_eq(names("commit-"), 9);
	table_free(t);
}
END_TEST

/* ---- conflicts -------------------------------------------------------- */

/* Another tool sets a property. */
static void
another_version(void)
{
	struct table *t = load();
	json_t *root = json_deep_copy(t->root);

	json_object_set_new(json_object_get(root, "properties"), "owner",
	    json_string("another"));
	links(root);
	json_decref(root);
	table_free(t);
}

START_TEST(a_merge_serves_the_next_attempt)
{
	table_free(fresh_table());
	for (int64_t id = 1; id < LEAST; id++)
		appends(id);
	before_link = another_version;
	appends(LEAST);
	struct table *t = load();
	ck_assert_int_eq(t->version, LEAST + 2);
	holds(t, LEAST);
	ck_assert_uint_eq(count_manifests(t), 2);
	ck_assert_int_eq(names("snap-4-2-"), 1);
	ck_assert_int_eq(names("snap-4-"), 1);
	ck_assert_int_eq(names("commit-4-m1.avro"), 1);
	ck_assert_int_eq(names("commit-4-m"), 2);
	table_free(t);
}
END_TEST

static void
another_merges(void)
{
	appends(10);
}

START_TEST(a_merge_that_came_too_late_goes)
{
	table_free(fresh_table());
	for (int64_t id = 1; id < LEAST; id++)
		appends(id);
	before_link = another_merges;
	appends(LEAST);
	struct table *t = load();
	ck_assert_int_eq(count_files(t), LEAST + 1);
	ck_assert_int_eq(names("commit-4-m"), 1);
	ck_assert_int_eq(names("commit-10-m"), 2);
	table_free(t);
}
END_TEST

enum { WRITERS = 12, EACH = 8 };

static int
write_some(int k)
{
	for (int i = 0; i < EACH; i++) {
		struct table *base, *out;
		struct err e;

		if (table_load(fixture_folder, "a.b", "t", &base, &e) != 1)
			return 3;
		if (append_to(base, 1 + k * EACH + i, NULL, &out, &e) == -1) {
			fprintf(stderr, "%s\n", e.text);
			return 4;
		}
		table_free(base);
		table_free(out);
	}
	return 0;
}

/* Manifests that any snapshot's list names. */
static int
count_reachable(const struct table *t)
{
	const json_t *all = json_object_get(t->root, "snapshots");
	json_t *set = json_object();

	for (size_t i = 0; i < json_array_size(all); i++) {
		struct manifest_list list;
		const json_t *s = json_array_get(all, i);
		ck_assert_int_eq(
		    manifest_list_read(
			json_string_value(json_object_get(s, "manifest-list")),
			&list, &fixture_err),
		    0);
		for (size_t k = 0; k < list.n; k++) {
			ck_assert_int_eq(
			    store_exists(list.files[k].path, &fixture_err), 1);
			json_object_set_new(
			    set, list.files[k].path, json_true());
		}
		manifest_list_clear(&list);
	}
	int n = (int)json_object_size(set);
	json_decref(set);
	return n;
}

START_TEST(writers_at_once_lose_nothing)
{
	int status, reachable;

	table_free(fresh_table());
	for (int k = 0; k < WRITERS; k++) {
		pid_t pid = fork();
		ck_assert_int_ne(pid, -1);
		if (pid == 0)
			_exit(write_some(k));
	}
	for (int k = 0; k < WRITERS; k++) {
		ck_assert_int_ne(wait(&status), -1);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	struct table *t = load();
	ck_assert_int_eq(t->version, WRITERS * EACH + 1);
	ck_assert_int_eq(count_files(t), WRITERS * EACH);
	ck_assert(count_manifests(t) < LEAST);
	/* what lost has been removed, what is reachable is there */
	reachable = count_reachable(t);
	ck_assert_int_eq(names("commit-"), reachable);
	ck_assert_int_eq(names("snap-"), WRITERS * EACH);
	table_free(t);
}
END_TEST

static int fence_calls;

static int
refuse(void *arg, const struct table *fresh, struct err *e)
{
	(void)arg;
	(void)fresh;
	if (fence_calls++ == 0) {
		appends(100);
		return 0;
	}
	return err_set(e, ERR_STATE_LOST, "lock lost");
}

START_TEST(a_commit_that_fails_takes_its_merge_back)
{
	struct append a = { .fence = refuse };
	struct table *out;

	table_free(fresh_table());
	for (int64_t id = 1; id < LEAST; id++)
		appends(id);
	struct table *t = load();
	ck_assert_int_eq(append_to(t, LEAST, &a, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_STATE_LOST);
	ck_assert_int_eq(names("commit-4-"), 0);
	ck_assert_int_eq(names("snap-4-"), 0);
	table_free(t);
	t = load();
	ck_assert_int_eq(count_files(t), LEAST);
	ck_assert_int_eq(names("commit-"), count_reachable(t));
	table_free(t);
}
END_TEST

START_TEST(a_merge_that_may_have_landed_stays)
{
	struct table *out;

	table_free(fresh_table());
	for (int64_t id = 1; id < LEAST; id++)
		appends(id);
	struct table *t = load();
	link_mode = LINK_FAILS;
	link_errno = ETIMEDOUT;
	ck_assert_int_eq(append_to(t, LEAST, NULL, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_UNCLEAR);
	ck_assert_int_eq(names("commit-4-m0.avro"), 1);
	ck_assert_int_eq(names("commit-4-m1.avro"), 1);
	ck_assert_int_eq(names("snap-4-"), 1);
	table_free(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("merge");
	TCase *t = tcase_create("merge");

	tcase_add_checked_fixture(t, setup, fixture_remove);
	tcase_set_timeout(t, 240);
	tcase_add_test(t, many_manifests_become_few);
	tcase_add_test(t, a_merged_manifest_tells_what_is_in_it);
	tcase_add_test(t, old_entries_rest);
	tcase_add_test(t, properties_decide);
	tcase_add_test(t, summaries_are_those_of_all);
	tcase_add_loop_test(t, what_is_not_understood_is_left_alone, 0, 9);
	tcase_add_test(t, deleted_files_are_dropped);
	tcase_add_loop_test(t, entries_that_cannot_be_are_left_alone, 0, 2);
	tcase_add_test(t, a_merge_serves_the_next_attempt);
	tcase_add_test(t, a_merge_that_came_too_late_goes);
	tcase_add_test(t, writers_at_once_lose_nothing);
	tcase_add_test(t, a_commit_that_fails_takes_its_merge_back);
	tcase_add_test(t, a_merge_that_may_have_landed_stays);
	suite_add_tcase(s, t);
	return run_suite(s);
}
