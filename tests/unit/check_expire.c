/* SPDX-License-Identifier: Apache-2.0 */
/* Expiry of snapshots at commit: what goes, what stays, and that nothing is
 * removed which a kept snapshot reaches. */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/expire.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

enum { KEEP = 5 };
static const struct kv short_lived[] = {
	{ "history.expire.max-snapshot-age-ms", "0" },
	{ "history.expire.min-snapshots-to-keep", "5" },
	{ "commit.manifest.min-count-to-merge", "3" },
	{ "write.metadata.delete-after-commit.enabled", "true" },
	{ "write.metadata.previous-versions-max", "4" },
};

static void
setup(void)
{
	fixture_make();
	fixture_properties = short_lived;
	fixture_nproperties = 5;
}

static void
expiring(int64_t id)
{
	struct table *base = load(), *out;
	const struct append more = { .keep_ms = 1 };

	ck_assert_msg(append_to(base, id, &more, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	table_free(out);
	table_free(base);
}

static size_t
count_snapshots(void)
{
	struct table *t = load();
	size_t n = json_array_size(json_object_get(t->root, "snapshots"));

	table_free(t);
	return n;
}

/* ---- what is reached -------------------------------------------------- */

/* Files that the table's snapshots reach are there; how many manifests. */
static int
count_reachable(const struct table *t)
{
	const json_t *all = json_object_get(t->root, "snapshots");
	const json_t *log = json_object_get(t->root, "metadata-log");
	json_t *set = json_object();

	for (size_t i = 0; i < json_array_size(all); i++) {
		struct manifest_list list;
		const char *path = json_string_value(
		    json_object_get(json_array_get(all, i), "manifest-list"));
		ck_assert_msg(
		    manifest_list_read(path, &list, &fixture_err) == 0, "%s",
		    fixture_err.text);
		for (size_t k = 0; k < list.n; k++) {
			ck_assert_int_eq(
			    store_exists(list.files[k].path, &fixture_err), 1);
			json_object_set_new(
			    set, list.files[k].path, json_true());
		}
		manifest_list_clear(&list);
	}
	for (size_t i = 0; i < json_array_size(log); i++)
		ck_assert_int_eq(
		    store_exists(json_string_value(json_object_get(
				     json_array_get(log, i), "metadata-file")),
			&fixture_err),
		    1);
	int n = (int)json_object_size(set);
	json_decref(set);
	return n;
}

static void
is_sound(int64_t files)
{
	struct table *t = load();

	ck_assert_int_eq(count_files(t), files);
	(void)count_reachable(t);
	table_free(t);
}

/* ---- plain life ------------------------------------------------------- */

START_TEST(a_table_stays_small)
{
	table_free(fresh_table());
	for (int64_t id = 1; id <= 40; id++) {
		expiring(id);
		struct table *t = load();
		const json_t *log = json_object_get(t->root, "snapshot-log");
		size_t n =
		    json_array_size(json_object_get(t->root, "snapshots"));
		ck_assert_uint_eq(n, id < KEEP ? (size_t)id : KEEP);
		ck_assert_uint_eq(json_array_size(log), n);
		ck_assert_int_eq(count_files(t), id);
		/* nothing more is there than is reached */
		ck_assert_int_eq(names("commit-"), count_reachable(t));
		ck_assert_int_eq(names("snap-"), (int)n);
		ck_assert_int_eq(names("v") - names("version-hint"),
		    id < 4 ? (int)id + 1 : 5);
		table_free(t);
	}
}
END_TEST

START_TEST(the_oldest_go_first_and_few_at_a_time)
{
	struct snapshot s;

	table_free(fresh_table());
	for (int64_t id = 1; id <= 30; id++)
		appends(id);
	ck_assert_uint_eq(count_snapshots(), 30);
	expiring(31);
	ck_assert_uint_eq(count_snapshots(), 31 - EXPIRE_AT_ONCE);
	struct table *t = load();
	for (int64_t id = 1; id <= 31; id++)
		ck_assert_int_eq(
		    table_find_snapshot(t, id, &s), id > EXPIRE_AT_ONCE);
	struct expiry none;
	const struct append never = { .keep_ms = 0 };
	expire_choose(t, &never, INT64_MAX, &none);
	ck_assert_uint_eq(none.n, 0);
	table_free(t);
	expiring(32);
	expiring(33);
	ck_assert_uint_eq(count_snapshots(), KEEP);
	is_sound(33);
}
END_TEST

/* ---- what keeps them -------------------------------------------------- */

/* A change of the newest version's JSON, as another tool makes it. */
static void
change(void (*how)(json_t *root))
{
	struct table *t = load();
	json_t *root = json_deep_copy(t->root);

	how(root);
	links(root);
	json_decref(root);
	table_free(t);
}

static json_t *
snapshot_at(json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "snapshots"), i);
}

static void
set_property(json_t *root, const char *key, const char *value)
{
	json_object_set_new(
	    json_object_get(root, "properties"), key, json_string(value));
}

static void
set_ref(json_t *root, const char *name, const char *type, int64_t id)
{
	json_object_set_new(json_object_get(root, "refs"), name,
	    json_pack(
		"{s:s, s:I}", "type", type, "snapshot-id", (json_int_t)id));
}

static void
tag_the_third(json_t *root)
{
	set_ref(root, "audit", "tag", 3);
}
static void
branch_off(json_t *root)
{
	set_ref(root, "dev", "branch", 9);
}
static void
forbid_gc(json_t *root)
{
	set_property(root, "gc.enabled", "false");
}
static void
make_them_last(json_t *root)
{
	set_property(root, "history.expire.max-snapshot-age-ms", "3600000");
}
static void
keep_more(json_t *root)
{
	set_property(root, "history.expire.min-snapshots-to-keep", "100");
}
static void
keep_more_of_main(json_t *root)
{
	json_object_set_new(
	    json_object_get(json_object_get(root, "refs"), "main"),
	    "min-snapshots-to-keep", json_integer(100));
}
static void
make_main_last(json_t *root)
{
	json_object_set_new(
	    json_object_get(json_object_get(root, "refs"), "main"),
	    "max-snapshot-age-ms", json_integer(3600000));
}
static void
overwrite_the_third(json_t *root)
{
	json_object_set_new(json_object_get(snapshot_at(root, 2), "summary"),
	    "operation", json_string("overwrite"));
}
static void
describe_the_third(json_t *root)
{
	json_object_set_new(root, "statistics",
	    json_pack("[{s:I}]", "snapshot-id", (json_int_t)3));
}
static void
describe_its_partitions(json_t *root)
{
	json_object_set_new(root, "partition-statistics",
	    json_pack("[{s:I}]", "snapshot-id", (json_int_t)3));
}
/* Nobody's parent: rolled back from, or of a branch that is gone. */
static void
roll_back(json_t *root)
{
	json_object_set_new(
	    snapshot_at(root, 9), "parent-snapshot-id", json_integer(8));
}
static void
keep_one(json_t *root)
{
	set_property(root, "history.expire.min-snapshots-to-keep", "1");
}
static void
hide_a_list(json_t *root)
{
	json_object_del(snapshot_at(root, 2), "manifest-list");
}

START_TEST(what_others_need_stays)
{
	static const struct {
		void (*how)(json_t *);
		size_t left; /* of 11 */
	} cases[] = { { tag_the_third, 9 }, { branch_off, 11 },
		{ forbid_gc, 11 }, { make_them_last, 11 }, { keep_more, 11 },
		{ keep_more_of_main, 11 }, { make_main_last, 11 },
		{ overwrite_the_third, 9 }, { describe_the_third, 9 },
		{ describe_its_partitions, 9 }, { roll_back, 11 },
		{ hide_a_list, 9 } };

	table_free(fresh_table());
	for (int64_t id = 1; id <= 10; id++)
		appends(id);
	change(cases[_i].how);
	expiring(11);
	ck_assert_uint_eq(count_snapshots(), cases[_i].left);
	if (cases[_i].how != hide_a_list)
		is_sound(11);
	/* still so with the next commit */
	expiring(12);
	ck_assert_uint_eq(count_snapshots(), cases[_i].left + 1);
}
END_TEST

static bool
is_not_the_fourth(void *arg, const struct table *t, const struct snapshot *s)
{
	(void)t;
	ck_assert_str_eq(arg, "argument");
	return s->id != 4;
}

START_TEST(the_caller_may_refuse)
{
	char argument[] = "argument";
	const struct append a = { .keep_ms = 1,
		.may_expire = is_not_the_fourth,
		.may_expire_arg = argument };
	struct table *out;

	table_free(fresh_table());
	for (int64_t id = 1; id <= 10; id++)
		appends(id);
	struct table *t = load();
	ck_assert_int_eq(append_to(t, 11, &a, &out, &fixture_err), 0);
	ck_assert_uint_eq(count_snapshots(), 8);
	table_free(out);
	table_free(t);
	is_sound(11);
}
END_TEST

/* ---- files ------------------------------------------------------------ */

/* A commit whose history was expired by another tool meanwhile, and one whose
 * kept lists cannot all be read: then no manifest may go. */
START_TEST(an_unread_list_keeps_every_manifest)
{
	struct snapshot s;

	table_free(fresh_table());
	for (int64_t id = 1; id <= 10; id++)
		appends(id);
	const int manifests = names("commit-");
	struct table *t = load();
	ck_assert(table_find_snapshot(t, 9, &s));
	const char *list =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	ck_assert_int_eq(store_unlink(list, &fixture_err), 0);
	ck_assert_int_eq(store_put(list, "x", 1, &fixture_err), 0);
	table_free(t);
	expiring(11);
	ck_assert_uint_eq(count_snapshots(), KEEP);
	ck_assert(names("commit-") > manifests);
	t = load();
	ck_assert_int_eq(count_files(t), 11);
	table_free(t);
}
END_TEST

/* Two snapshots of one list, as some tools make them. */
static void
share_a_list(json_t *root)
{
	json_object_set(snapshot_at(root, 9), "manifest-list",
	    json_object_get(snapshot_at(root, 0), "manifest-list"));
}

START_TEST(a_shared_list_stays)
{
	table_free(fresh_table());
	for (int64_t id = 1; id <= 10; id++)
		appends(id);
	change(share_a_list);
	expiring(11);
	ck_assert_uint_eq(count_snapshots(), KEEP);
	ck_assert_int_eq(names("snap-1-"), 1);
	ck_assert_int_eq(names("snap-2-"), 0);
	struct table *t = load();
	(void)count_reachable(t);
	table_free(t);
}
END_TEST

/* The list of one that goes names files that are not in the folder, or no
 * manifests: they are not ours to remove. */
START_TEST(nothing_outside_is_removed)
{
	static const char *const precious[] = { "precious.avro",
		"a/b/t/data.avro", "a/b/t/metadata/precious.txt" };
	struct snapshot s;
	struct manifest_list list;
	const struct manifest_list none = { NULL, 0 };

	table_free(fresh_table());
	appends(1);
	struct table *t = load();
	ck_assert(table_find_snapshot(t, 1, &s));
	const char *path =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	ck_assert_int_eq(manifest_list_read(path, &list, &fixture_err), 0);
	const struct manifest_file good = list.files[0];
	struct manifest_file four[4];
	for (int i = 0; i < 3; i++) {
		four[i] = good;
		four[i].path = xstrdup(fixture_path(precious[i]));
		ck_assert_int_eq(
		    store_put(four[i].path, "x", 1, &fixture_err), 0);
	}
	four[3] = good;
	const struct manifest_list wrong = { four, 4 };
	const struct manifest_list_ids ids = { 1, 0, 1 };
	for (int64_t id = 2; id <= 8; id++)
		appends(id);
	ck_assert_int_eq(store_unlink(path, &fixture_err), 0);
	ck_assert_int_eq(
	    manifest_list_write(path, &ids, &wrong, &none, &fixture_err), 0);
	expiring(9);
	ck_assert_uint_eq(count_snapshots(), KEEP);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(store_exists(four[i].path, &fixture_err), 1);
		free(four[i].path);
	}
	manifest_list_clear(&list);
	table_free(t);
	is_sound(9);
}
END_TEST

START_TEST(an_unclear_commit_removes_nothing)
{
	const struct append more = { .keep_ms = 1 };
	struct table *out;

	table_free(fresh_table());
	for (int64_t id = 1; id <= 10; id++)
		appends(id);
	struct table *t = load();
	const int manifests = names("commit-"), lists = names("snap-");
	link_mode = LINK_FAILS;
	link_errno = ETIMEDOUT;
	ck_assert_int_eq(append_to(t, 11, &more, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_UNCLEAR);
	ck_assert(names("commit-") > manifests);
	ck_assert_int_eq(names("snap-"), lists + 1);
	table_free(t);
	ck_assert_uint_eq(count_snapshots(), 10);
	is_sound(10);
}
END_TEST

/* Others that commit at this moment read the list of the newest. */
START_TEST(the_newest_stays_though_one_would_do)
{
	struct snapshot s;

	table_free(fresh_table());
	for (int64_t id = 1; id <= 5; id++)
		appends(id);
	change(keep_one);
	expiring(6);
	struct table *t = load();
	ck_assert_uint_eq(count_snapshots(), 2);
	ck_assert(table_find_snapshot(t, 5, &s));
	table_free(t);
	is_sound(6);
}
END_TEST

/* A log that was copied from a table of the same place with higher numbers. */
static void
log_later_versions(json_t *root)
{
	json_t *log = json_array();

	for (int v = 9; v <= 20; v++) {
		char name[64];
		snprintf(
		    name, sizeof name, "a/b/t/metadata/v%d.metadata.json", v);
		json_array_append_new(log,
		    json_pack("{s:i, s:s}", "timestamp-ms", 1, "metadata-file",
			fixture_path(name)));
	}
	json_object_set_new(root, "metadata-log", log);
}

START_TEST(the_newest_version_stays_whatever_the_log_says)
{
	table_free(fresh_table());
	for (int64_t id = 1; id <= 8; id++)
		appends(id);
	change(log_later_versions);
	/* makes v11, with v9 to v17 out of the log */
	expiring(9);
	struct table *t = load();
	ck_assert_int_eq(t->version, 11);
	ck_assert_int_eq(count_files(t), 9);
	table_free(t);
}
END_TEST

START_TEST(versions_stay_where_nobody_said_otherwise)
{
	fixture_nproperties = 3;
	table_free(fresh_table());
	for (int64_t id = 1; id <= 120; id++)
		expiring(id);
	ck_assert_int_eq(names("v") - names("version-hint"), 121);
	ck_assert_uint_eq(count_snapshots(), KEEP);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("expire");
	TCase *t = tcase_create("expire");

	tcase_add_checked_fixture(t, setup, fixture_remove);
	tcase_set_timeout(t, 240);
	tcase_add_test(t, a_table_stays_small);
	tcase_add_test(t, the_oldest_go_first_and_few_at_a_time);
	tcase_add_loop_test(t, what_others_need_stays, 0, 12);
	tcase_add_test(t, the_caller_may_refuse);
	tcase_add_test(t, an_unread_list_keeps_every_manifest);
	tcase_add_test(t, a_shared_list_stays);
	tcase_add_test(t, nothing_outside_is_removed);
	tcase_add_test(t, an_unclear_commit_removes_nothing);
	tcase_add_test(t, the_newest_stays_though_one_would_do);
	tcase_add_test(t, the_newest_version_stays_whatever_the_log_says);
	tcase_add_test(t, versions_stay_where_nobody_said_otherwise);
	suite_add_tcase(s, t);
	return run_suite(s);
}
