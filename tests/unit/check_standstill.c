/* SPDX-License-Identifier: Apache-2.0 */
/* A commit that stood still for as long as it takes, while others committed,
 * expired, tidied versions away, dropped the table and made it again. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

static int fence_calls;

/* ---- standing still ---------------------------------------------------- */

static void
remove_version(int64_t version)
{
	char *path = hadoop_metadata_path(fixture_path("a/b/t"), version);
	ck_assert_int_eq(store_unlink(path, &fixture_err), 0);
	free(path);
}

static int64_t gone_from; /* of the versions tidied away, the oldest */

/* Three commits, and then the name that ours will take is tidied away. */
static int
stand_still_for_long(void *arg, const struct table *fresh, struct err *e)
{
	(void)arg;
	(void)e;
	if (fence_calls++ > 0)
		return 0;
	for (int i = 0; i < 3; i++)
		appends(100 + i);
	for (int64_t v = gone_from; v <= fresh->version + 1; v++)
		remove_version(v);
	return 0;
}

/* It may be told from a commit, or may not: what is removed is nothing. */
static void
a_freed_old_name_is_no_commit(int64_t from)
{
	struct table *t = fresh_table(), *out;
	struct append a = { .fence = stand_still_for_long };

	gone_from = from;
	ck_assert_int_eq(append_to(t, 5, &a, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_UNCLEAR);
	ck_assert_int_eq(fence_calls, 1);
	ck_assert_int_eq(names("commit-5-m"), 1);
	ck_assert_int_eq(names("snap-5-"), 1);
	table_free(t);
	t = load();
	ck_assert_int_eq(t->version, 4);
	ck_assert_int_eq(count_files(t), 3);
	table_free(t);
}

START_TEST(a_freed_old_name_of_many)
{
	a_freed_old_name_is_no_commit(1);
}
END_TEST

/* In no order, or by hand: the version before it is still there. */
START_TEST(a_freed_old_name_alone)
{
	a_freed_old_name_is_no_commit(2);
}
END_TEST

/* A tool that lists one snapshot, the newest: ours is expired, its file is
 * live. */
static void
compact_and_expire(void)
{
	struct table *t = load();
	json_t *root = json_deep_copy(t->root);
	json_t *list = json_object_get(root, "snapshots");
	json_t *top =
	    json_deep_copy(json_array_get(list, json_array_size(list) - 1));
	json_t *id = json_integer(900);

	json_object_set(top, "snapshot-id", id);
	json_object_del(top, "parent-snapshot-id");
	json_array_clear(list);
	json_array_append_new(list, top);
	json_array_clear(json_object_get(root, "snapshot-log"));
	json_object_set(root, "current-snapshot-id", id);
	json_object_set(json_object_get(json_object_get(root, "refs"), "main"),
	    "snapshot-id", id);
	json_array_append_new(json_object_get(root, "metadata-log"),
	    json_pack("{s:O, s:o}", "timestamp-ms",
		json_object_get(root, "last-updated-ms"), "metadata-file",
		json_sprintf("%s/metadata/v%d.metadata.json", t->location,
		    (int)t->version)));
	links(root);
	json_decref(id);
	json_decref(root);
	table_free(t);
}

static void
compact_expire_and_tidy(void)
{
	compact_and_expire();
	remove_version(1);
	remove_version(2);
}

static void
lands_and_serves_on(void (*meanwhile)(void), const struct append *a)
{
	struct table *t = fresh_table(), *out;

	after_link = meanwhile;
	ck_assert_msg(append_to(t, 5, a, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	table_free(out);
	table_free(t);
	t = load();
	ck_assert_int_eq(t->version, 3);
	ck_assert_int_eq(count_files(t), 1);
	ck_assert_int_eq(names("commit-5-m"), 1);
	table_free(t);
}

START_TEST(expired_while_it_stood_is_committed)
{
	lands_and_serves_on(compact_and_expire, NULL);
}
END_TEST

START_TEST(the_property_is_a_witness)
{
	const struct append a = { .witness = "calve.test" };

	lands_and_serves_on(compact_expire_and_tidy, &a);
}
END_TEST

START_TEST(without_a_witness_it_is_unclear)
{
	struct table *t = fresh_table(), *out;

	after_link = compact_expire_and_tidy;
	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_UNCLEAR);
	table_free(t);
	t = load();
	ck_assert_int_eq(count_files(t), 1);
	ck_assert_int_eq(names("commit-5-m"), 1);
	table_free(t);
}
END_TEST

/* ---- dropped while it stood -------------------------------------------- */

static void
drop_with_its_folder(void)
{
	fixture_clear("a/b/t");
}

/* Another table, of more versions than the one it follows. */
static void
make_again(void)
{
	struct table *t;

	ck_assert_msg(create("t", &t) == 0, "%s", fixture_err.text);
	table_free(t);
	for (int64_t id = 50; id < 53; id++)
		appends(id);
}

static void
drop_and_make_again(void)
{
	drop_with_its_folder();
	make_again();
}

static void
empty_the_folder(void)
{
	char *folder = xstrdup(fixture_path("a/b/t/metadata"));
	struct store_dir *dir = store_dir_open(folder, &fixture_err);
	ck_assert_ptr_nonnull(dir);
	fixture_empty("a/b/t/metadata");
	ck_assert_int_eq(store_dir_stands(dir, &fixture_err), 1);
	store_dir_close(dir);
	free(folder);
}

static void
empty_and_fill_again(void)
{
	empty_the_folder();
	make_again();
}

static void
empty_and_begin_again(void)
{
	struct table *t;

	empty_the_folder();
	ck_assert_int_eq(create("t", &t), 0);
	table_free(t);
}

/* Whatever it was that the worker met, the table that is there is whole. */
static void
stays_out(void (**when)(void), void (*drop)(void), enum err_class cls,
    int64_t version)
{
	struct table *t = fresh_table(), *out, *now = NULL;
	char *uuid = xstrdup(t->uuid);

	appends(1);
	table_free(t);
	t = load();
	*when = drop;
	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), -1);
	ck_assert_msg(fixture_err.cls == cls, "%s", fixture_err.text);
	table_free(t);
	int rc = table_load(fixture_folder, "a.b", "t", &now, &fixture_err);
	ck_assert_msg(rc != -1, "%s", fixture_err.text);
	ck_assert_int_eq(rc == 1 ? now->version : 0, version);
	if (rc == 1) {
		ck_assert_str_ne(now->uuid, uuid);
		ck_assert_int_eq(count_files(now), (int)version - 1);
		ck_assert_int_eq(hint(), version);
	}
	table_free(now);
	free(uuid);
}

START_TEST(a_dropped_table_stays_dropped)
{
	stays_out(&before_link, drop_with_its_folder, ERR_CONFLICT, 0);
}
END_TEST

START_TEST(a_table_made_again_is_left_alone)
{
	stays_out(&before_link, drop_and_make_again, ERR_CONFLICT, 4);
}
END_TEST

START_TEST(nor_after_the_link)
{
	stays_out(&after_link, drop_and_make_again, ERR_UNCLEAR, 4);
}
END_TEST

/* By tools that remove files, but not the folder. Its own temporary name goes
 * too, so the link fails where it comes after. */
START_TEST(a_folder_that_stayed_is_no_identity)
{
	stays_out(&before_link, empty_and_begin_again, ERR_STORE, 1);
}
END_TEST

START_TEST(a_folder_filled_again_is_left_alone)
{
	stays_out(&after_link, empty_and_fill_again, ERR_UNCLEAR, 4);
}
END_TEST

static char *kept_name; /* of the temporary file, which the emptying spared */

static int
keep_one(void *arg, const char *name)
{
	(void)arg;
	if (strncmp(name, ".tmp-", 5) == 0) {
		free(kept_name);
		kept_name = xasprintf("a/b/t/metadata/%s", name);
	}
	return 0;
}

/* Of all files only the one that will be linked is missed. */
static void
empty_but_one(void)
{
	ck_assert_int_eq(store_list(fixture_path("a/b/t/metadata"), keep_one,
			     NULL, &fixture_err),
	    0);
	ck_assert_ptr_nonnull(kept_name);
	ck_assert_int_eq(
	    rename(fixture_path(kept_name), fixture_path("kept")), 0);
	empty_the_folder();
	ck_assert_int_eq(
	    rename(fixture_path("kept"), fixture_path(kept_name)), 0);
	free(kept_name);
	kept_name = NULL;
}

static void
empty_but_one_and_begin_again(void)
{
	struct table *t;

	empty_but_one();
	ck_assert_int_eq(create("t", &t), 0);
	table_free(t);
}

START_TEST(what_was_linked_into_another_table_is_taken_back)
{
	stays_out(&before_link, empty_but_one_and_begin_again, ERR_UNCLEAR, 1);
}
END_TEST

START_TEST(what_was_linked_into_an_empty_folder_is_taken_back)
{
	stays_out(&before_link, empty_but_one, ERR_UNCLEAR, 0);
}
END_TEST

/* A creator that stood still: others have made the table, grown it and tidied
 * its first version away. */
static void
another_table_grows(void)
{
	make_again();
	remove_version(1);
}

START_TEST(a_late_creator_is_not_the_creator)
{
	struct table *t;

	before_link = another_table_grows;
	ck_assert_int_eq(create("t", &t), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_CONFLICT);
	ck_assert_int_eq(names("v1."), 0);
	t = load();
	ck_assert_int_eq(t->version, 4);
	ck_assert_int_eq(hint(), 4);
	table_free(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("standstill");
	TCase *t = tcase_create("standstill");

	tcase_add_checked_fixture(t, fixture_make, fixture_remove);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_freed_old_name_of_many);
	tcase_add_test(t, a_freed_old_name_alone);
	tcase_add_test(t, expired_while_it_stood_is_committed);
	tcase_add_test(t, the_property_is_a_witness);
	tcase_add_test(t, without_a_witness_it_is_unclear);
	tcase_add_test(t, a_dropped_table_stays_dropped);
	tcase_add_test(t, a_table_made_again_is_left_alone);
	tcase_add_test(t, nor_after_the_link);
	tcase_add_test(t, a_folder_that_stayed_is_no_identity);
	tcase_add_test(t, a_folder_filled_again_is_left_alone);
	tcase_add_test(t, what_was_linked_into_another_table_is_taken_back);
	tcase_add_test(t, what_was_linked_into_an_empty_folder_is_taken_back);
	tcase_add_test(t, a_late_creator_is_not_the_creator);
	suite_add_tcase(s, t);
	return run_suite(s);
}
