/* SPDX-License-Identifier: Apache-2.0 */
/* Commits to one table: each lands once or not at all, whoever else is there
 * and whatever link(2) answers. */
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/manifest_list.h"
#include "worker/iceberg/schema.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

/* ---- plain life ------------------------------------------------------- */

START_TEST(create_load_append)
{
	struct table *t = fresh_table(), *out;
	struct snapshot s;

	ck_assert_int_eq(t->version, 1);
	ck_assert_str_eq(t->location, fixture_path("a/b/t"));
	ck_assert_str_eq(t->folder, t->location);
	ck_assert_int_eq(t->snapshot_id, 0);
	ck_assert_int_eq(hint(), 1);
	ck_assert_int_eq(count_files(t), 0);

	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), 0);
	table_free(t);
	ck_assert_int_eq(out->version, 2);
	ck_assert_int_eq(out->snapshot_id, 5);
	ck_assert_str_eq(table_property(out, "calve.test"), "5");
	ck_assert_str_eq(table_property(out, "owner"), "test");
	ck_assert(table_find_snapshot(out, 5, &s));
	ck_assert_str_eq(snapshot_summary(&s, "calve.test"), "5");
	ck_assert_str_eq(snapshot_summary(&s, "total-records"), "1");
	table_free(out);

	appends(6);
	t = load();
	ck_assert_int_eq(t->version, 3);
	ck_assert_int_eq(hint(), 3);
	ck_assert(table_find_snapshot(t, 6, &s));
	ck_assert_int_eq(s.parent, 5);
	ck_assert_int_eq(s.sequence_number, 2);
	ck_assert_str_eq(snapshot_summary(&s, "total-data-files"), "2");
	ck_assert_int_eq(count_files(t), 2);
	ck_assert_int_eq(names(".tmp-"), 0);
	ck_assert_int_eq(names("snap-"), 2);
	table_free(t);
}
END_TEST

START_TEST(an_append_without_files_moves_the_position)
{
	const struct kv kv = { "k", "v" };
	struct append a = { .snapshot_id = 9,
		.commit_uuid = "u",
		.properties = &kv,
		.nproperties = 1 };
	struct table *t = fresh_table(), *out;

	ck_assert_int_eq(table_append(t, &a, &out, &fixture_err), 0);
	ck_assert_int_eq(count_files(out), 0);
	ck_assert_str_eq(table_property(out, "k"), "v");
	table_free(t);
	table_free(out);
	appends(10);
	t = load();
	ck_assert_int_eq(count_files(t), 1);
	table_free(t);
}
END_TEST

START_TEST(a_schema_comes_with_its_rows)
{
	struct table *t = fresh_table(), *out;
	struct type schema;
	struct append more = { .schema = &schema, .last_column_id = 2 };

	type_copy(&schema, &t->schema);
	type_add_field(&schema, "x", false, TYPE_STRING)->id = 2;
	ck_assert_int_eq(append_to(t, 5, &more, &out, &fixture_err), 0);
	ck_assert_int_eq(out->schema_id, 1);
	ck_assert_uint_eq(out->schema.nfields, 2);
	ck_assert_int_eq(out->last_column_id, 2);
	table_free(out);
	/* the same again from the old base: worked out against what is gone */
	ck_assert_int_eq(append_to(t, 6, &more, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_CONFLICT);
	/* files of the old schema still fit */
	ck_assert_int_eq(append_to(t, 7, NULL, &out, &fixture_err), 0);
	ck_assert_int_eq(out->schema_id, 1);
	table_free(out);
	table_free(t);
	type_clear(&schema);
}
END_TEST

/* ---- many at once ----------------------------------------------------- */

enum { WRITERS = 20, EACH = 3 };

/* Forks writers; each runs body(k) and ends with its result. */
static int
fork_writers(int (*body)(int k))
{
	int gate[2], good = 0, status;

	ck_assert_int_eq(pipe(gate), 0);
	for (int k = 0; k < WRITERS; k++) {
		pid_t pid = fork();
		ck_assert_int_ne(pid, -1);
		if (pid == 0) {
			char c;
			close(gate[1]);
			/* all start when the last one is there */
			if (read(gate[0], &c, 1) != 0)
				_exit(9);
			_exit(body(k));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int k = 0; k < WRITERS; k++) {
		ck_assert_int_ne(wait(&status), -1);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 2,
		    "a writer ended with status %x", (unsigned)status);
		good += WEXITSTATUS(status) == 0;
	}
	return good;
}

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

struct chain {
	int64_t sequence;
	int n;
	bool seen[1000];
};

static int
see_snapshot(void *arg, const struct snapshot *s)
{
	struct chain *c = arg;

	ck_assert_int_eq(s->sequence_number, c->sequence--);
	ck_assert(s->id > 0 && s->id < 1000 && !c->seen[s->id]);
	c->seen[s->id] = true;
	c->n++;
	return 0;
}

START_TEST(twenty_writers_land_exactly_once_each)
{
	const int all = WRITERS * EACH;
	struct chain chain = { .sequence = all };
	struct manifest_list list;
	struct snapshot s;
	bool complete;

	table_free(fresh_table());
	ck_assert_int_eq(fork_writers(write_some), WRITERS);
	struct table *t = load();
	ck_assert_int_eq(t->version, all + 1);
	ck_assert_int_eq(count_files(t), all);
	ck_assert_int_eq(table_ancestry(t, see_snapshot, &chain, &complete), 0);
	ck_assert(complete);
	ck_assert_int_eq(chain.n, all);
	ck_assert_int_eq(chain.sequence, 0);
	ck_assert(table_find_snapshot(t, t->snapshot_id, &s));
	ck_assert_int_eq(atoi(snapshot_summary(&s, "total-records")), all);

	/* each manifest has the number of the commit that added it */
	ck_assert_int_eq(manifest_list_read(json_string_value(json_object_get(
						s.json, "manifest-list")),
			     &list, &fixture_err),
	    0);
	ck_assert_uint_eq(list.n, (size_t)all);
	for (size_t i = 0; i < list.n; i++) {
		ck_assert_int_eq(
		    list.files[i].sequence_number, all - (int64_t)i);
		ck_assert(table_find_snapshot(
		    t, list.files[i].added_snapshot_id, &s));
		ck_assert_int_eq(s.sequence_number, all - (int64_t)i);
	}
	manifest_list_clear(&list);
	table_free(t);

	/* attempts that lost left nothing, and the hint is the newest */
	ck_assert_int_eq(names("snap-"), all);
	ck_assert_int_eq(names("commit-"), all);
	ck_assert_int_eq(names(".tmp-"), 0);
	ck_assert_int_eq(hint(), all + 1);
}
END_TEST

static int
create_one(int k)
{
	struct table *t;
	(void)k;

	if (create("t", &t) == 0) {
		table_free(t);
		return 0;
	}
	return fixture_err.cls == ERR_CONFLICT ? 1 : 5;
}

START_TEST(twenty_creators_make_one_table)
{
	ck_assert_int_eq(fork_writers(create_one), 1);
	table_free(load());
	ck_assert_int_eq(names(".tmp-"), 0);
	ck_assert_int_eq(names("v1.metadata.json"), 1);
}
END_TEST

/* ---- the fence -------------------------------------------------------- */

static int fence_calls;

static int
refuse(void *arg, const struct table *fresh, struct err *e)
{
	(void)arg;
	(void)fresh;
	fence_calls++;
	return err_set(e, ERR_STATE_LOST, "lock lost");
}

/* Lets another commit in, twice, after having looked. */
static int
let_others_in(void *arg, const struct table *fresh, struct err *e)
{
	(void)arg;
	(void)e;
	ck_assert_int_eq(fresh->version, 1 + fence_calls);
	if (fence_calls++ < 2)
		appends(100 + fence_calls);
	return 0;
}

static int
refuse_what_moved(void *arg, const struct table *fresh, struct err *e)
{
	(void)arg;
	if (fresh->snapshot_id != 0)
		return err_set(e, ERR_CONFLICT, "position moved");
	appends(100);
	return 0;
}

START_TEST(the_fence_stops_a_commit)
{
	struct table *t = fresh_table(), *out;
	struct append a = { .fence = refuse };

	ck_assert_int_eq(append_to(t, 5, &a, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_STATE_LOST);
	ck_assert_str_eq(fixture_err.text, "lock lost");
	ck_assert_int_eq(fence_calls, 1);
	ck_assert_ptr_null(out);
	table_free(t);
	t = load();
	ck_assert_int_eq(t->version, 1);
	ck_assert_int_eq(names("commit-"), 0);
	ck_assert_int_eq(names("snap-"), 0);
	table_free(t);
}
END_TEST

START_TEST(each_attempt_asks_the_fence_again)
{
	struct table *t = fresh_table(), *out;
	struct append a = { .fence = let_others_in };
	struct snapshot s;

	ck_assert_msg(append_to(t, 5, &a, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	ck_assert_int_eq(fence_calls, 3);
	ck_assert_int_eq(out->version, 4);
	ck_assert_int_eq(count_files(out), 3);
	ck_assert(table_find_snapshot(out, 5, &s));
	ck_assert_int_eq(s.parent, 102);
	/* one manifest over all attempts, one list kept */
	ck_assert_int_eq(names("commit-5-m"), 1);
	ck_assert_int_eq(names("snap-5-"), 1);
	ck_assert_int_eq(names("snap-5-3-"), 1);
	table_free(t);
	table_free(out);
}
END_TEST

START_TEST(a_stale_writer_is_stopped_after_a_conflict)
{
	struct table *t = fresh_table(), *out;
	struct append a = { .fence = refuse_what_moved };

	ck_assert_int_eq(append_to(t, 5, &a, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_CONFLICT);
	table_free(t);
	t = load();
	ck_assert_int_eq(count_files(t), 1);
	ck_assert_int_eq(names("commit-5-"), 0);
	ck_assert_int_eq(names("snap-5-"), 0);
	table_free(t);
}
END_TEST

static int
commit_same_id(void *arg, const struct table *fresh, struct err *e)
{
	struct append a = { .snapshot_id = 5, .commit_uuid = "twin" };
	struct table *out;
	(void)arg;

	if (fence_calls++ == 0) {
		ck_assert_int_eq(table_append(fresh, &a, &out, e), 0);
		table_free(out);
	}
	return 0;
}

START_TEST(an_id_that_another_used_is_not_ours)
{
	struct table *t = fresh_table(), *out;
	struct append a = { .fence = commit_same_id };

	/* its rows are not ours: this must not pass for success */
	ck_assert_int_eq(append_to(t, 5, &a, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_CONFLICT);
	table_free(t);
	t = load();
	ck_assert_int_eq(count_files(t), 0);
	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_BUG);
	ck_assert_int_eq(append_to(t, 0, NULL, &out, &fixture_err), -1);
	table_free(t);
}
END_TEST

/* ---- what link answers ------------------------------------------------ */

START_TEST(a_lost_reply_is_success)
{
	struct table *t = fresh_table(), *out;

	link_mode = LINK_LOSES_REPLY;
	link_errno = EIO;
	ck_assert_msg(append_to(t, 5, NULL, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	ck_assert_int_eq(count_files(out), 1);
	table_free(out);
	/* the same from a server that repeats the request by itself */
	link_mode = LINK_LOSES_REPLY;
	link_errno = EEXIST;
	ck_assert_int_eq(append_to(t, 6, NULL, &out, &fixture_err), 0);
	ck_assert_int_eq(count_files(out), 2);
	table_free(out);
	table_free(t);
}
END_TEST

START_TEST(unclear_leaves_everything)
{
	struct table *t = fresh_table(), *out;

	link_mode = LINK_FAILS;
	link_errno = ETIMEDOUT;
	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_UNCLEAR);
	ck_assert_int_eq(names("commit-5-m0.avro"), 1);
	ck_assert_int_eq(names("snap-5-1-"), 1);
	table_free(t);
}
END_TEST

static void
another_commits(void)
{
	appends(100);
}

START_TEST(unclear_is_settled_by_another_writers_commit)
{
	struct table *t = fresh_table(), *out;

	before_link = another_commits;
	link_mode = LINK_FAILS;
	link_errno = ETIMEDOUT;
	ck_assert_msg(append_to(t, 5, NULL, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	ck_assert_int_eq(out->version, 3);
	ck_assert_int_eq(count_files(out), 2);
	ck_assert_int_eq(names("snap-5-"), 1);
	table_free(out);
	table_free(t);
}
END_TEST

START_TEST(a_definite_failure_cleans_up)
{
	struct table *t = fresh_table(), *out;

	link_mode = LINK_FAILS;
	link_errno = ENOSPC;
	ck_assert_int_eq(append_to(t, 5, NULL, &out, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_STORE);
	ck_assert_ptr_nonnull(strstr(fixture_err.text, "free space"));
	ck_assert_int_eq(names("commit-"), 0);
	ck_assert_int_eq(names("snap-"), 0);
	ck_assert_int_eq(names(".tmp-"), 0);
	table_free(t);
}
END_TEST

START_TEST(names_of_a_run_that_died_are_stepped_over)
{
	struct table *t = fresh_table(), *out;

	ck_assert_int_eq(
	    store_put(fixture_path("a/b/t/metadata/commit-5-m0.avro"), "x", 1,
		&fixture_err),
	    0);
	ck_assert_int_eq(
	    store_put(fixture_path("a/b/t/metadata/snap-5-1-commit-5.avro"),
		"x", 1, &fixture_err),
	    0);
	ck_assert_msg(append_to(t, 5, NULL, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	ck_assert_int_eq(count_files(out), 1);
	table_free(out);
	table_free(t);
}
END_TEST

/* ---- other writers' deletes ------------------------------------------- */

static int
no_file(void *arg, const struct datafile *df)
{
	(void)arg;
	ck_abort_msg("%s", df->path);
	return 0;
}

START_TEST(delete_manifests_are_carried_but_not_read)
{
	struct table *t = fresh_table();
	struct manifest_list list;
	struct snapshot s;

	appends(5);
	table_free(t);
	t = load();
	ck_assert(table_find_snapshot(t, 5, &s));
	const char *path =
	    json_string_value(json_object_get(s.json, "manifest-list"));
	ck_assert_int_eq(manifest_list_read(path, &list, &fixture_err), 0);
	list.files[0].content = 1;
	const struct manifest_list none = { NULL, 0 };
	const struct manifest_list_ids ids = { 5, 0, 1 };
	ck_assert_int_eq(store_unlink(path, &fixture_err), 0);
	ck_assert_int_eq(
	    manifest_list_write(path, &ids, &list, &none, &fixture_err), 0);
	manifest_list_clear(&list);

	ck_assert_int_eq(table_each_file(t, no_file, NULL, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_TABLE);
	ck_assert_ptr_nonnull(
	    strstr(fixture_err.text, "rows deleted by another writer"));
	table_free(t);
	appends(6);
	t = load();
	ck_assert(table_find_snapshot(t, 6, &s));
	ck_assert_int_eq(manifest_list_read(json_string_value(json_object_get(
						s.json, "manifest-list")),
			     &list, &fixture_err),
	    0);
	ck_assert_uint_eq(list.n, 2);
	ck_assert_int_eq(list.files[1].content, 1);
	ck_assert_int_eq(list.files[1].sequence_number, 1);
	manifest_list_clear(&list);
	table_free(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("commit");
	TCase *t = tcase_create("commit");

	tcase_add_checked_fixture(t, fixture_make, fixture_remove);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, create_load_append);
	tcase_add_test(t, an_append_without_files_moves_the_position);
	tcase_add_test(t, a_schema_comes_with_its_rows);
	tcase_add_test(t, twenty_writers_land_exactly_once_each);
	tcase_add_test(t, twenty_creators_make_one_table);
	tcase_add_test(t, the_fence_stops_a_commit);
	tcase_add_test(t, each_attempt_asks_the_fence_again);
	tcase_add_test(t, a_stale_writer_is_stopped_after_a_conflict);
	tcase_add_test(t, an_id_that_another_used_is_not_ours);
	tcase_add_test(t, a_lost_reply_is_success);
	tcase_add_test(t, unclear_leaves_everything);
	tcase_add_test(t, unclear_is_settled_by_another_writers_commit);
	tcase_add_test(t, a_definite_failure_cleans_up);
	tcase_add_test(t, names_of_a_run_that_died_are_stepped_over);
	tcase_add_test(t, delete_manifests_are_carried_but_not_read);
	suite_add_tcase(s, t);
	return run_suite(s);
}
