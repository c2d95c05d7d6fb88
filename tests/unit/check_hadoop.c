/* SPDX-License-Identifier: Apache-2.0 */
/* A table's versions are found by looking, and nobody else's remains are taken
 * for a table. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/run_suite.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/hadoop.h"
#include "worker/store/store.h"

/* ---- finding the version ---------------------------------------------- */

START_TEST(the_hint_decides_nothing)
{
	static const char *const hints[] = { "1", "0", "-3", "2\n", "x", "",
		"999", "99999999999999999999999" };

	table_free(fresh_table());
	appends(1);
	for (int i = 0; i < 8; i++) {
		set_hint(hints[i]);
		struct table *t = load();
		ck_assert_int_eq(t->version, 2 + i);
		table_free(t);
		appends(10 + i);
		/* behind is raised, a lie about what is not there mended */
		ck_assert_int_eq(hint(), 3 + i);
	}
	ck_assert_int_eq(
	    store_unlink(
		fixture_path("a/b/t/metadata/version-hint.text"), &fixture_err),
	    0);
	appends(50);
	ck_assert_int_eq(hint(), 11);
	/* and never lowered */
	struct table *t = load();
	hadoop_hint(t->dir, t->folder, 4, "test");
	ck_assert_int_eq(hint(), 11);
	/* nor to what is not there */
	hadoop_hint(t->dir, t->folder, 40, "test");
	ck_assert_int_eq(hint(), 11);
	table_free(t);
}
END_TEST

START_TEST(version_ten_is_after_nine)
{
	table_free(fresh_table());
	for (int i = 1; i <= 11; i++)
		appends(i);
	struct table *t = load();
	ck_assert_int_eq(t->version, 12);
	table_free(t);
}
END_TEST

static void
put(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof path, "a/b/t/metadata/%s", name);
	ck_assert_int_eq(
	    store_put(fixture_path(path), text, strlen(text), &fixture_err), 0);
}

START_TEST(other_names_are_no_versions)
{
	table_free(fresh_table());
	put("v2.metadata.json.tmp", "");
	put("v.metadata.json", "");
	put("vx3.metadata.json", "");
	put("v4metadata.json", "");
	put("00005-9c12d441-03fe-4693-9a96-a0705ddf69c1.metadata.json", "");
	put(".v6.metadata.json.crc", "");
	put("v99999999999999999999999.metadata.json", "");
	put("v-7.metadata.json", "");
	struct table *t = load();
	ck_assert_int_eq(t->version, 1);
	table_free(t);
}
END_TEST

START_TEST(compressed_metadata_is_refused)
{
	static const char *const packed[] = { "v2.gz.metadata.json",
		"v2.metadata.json.gz", "v1.gz.metadata.json" };

	table_free(fresh_table());
	for (int i = 0; i < 3; i++) {
		struct table *t;
		char path[100];

		put(packed[i], "");
		ck_assert_int_eq(
		    table_load(fixture_folder, "a.b", "t", &t, &fixture_err),
		    -1);
		ck_assert_int_eq(fixture_err.cls, ERR_TABLE);
		snprintf(path, sizeof path, "a/b/t/metadata/%s", packed[i]);
		ck_assert_int_eq(
		    store_unlink(fixture_path(path), &fixture_err), 0);
	}
	table_free(load());
}
END_TEST

START_TEST(a_moved_table_is_refused)
{
	struct table *t;

	table_free(fresh_table());
	ck_assert_int_eq(
	    rename(fixture_path("a/b/t"), fixture_path("a/b/u")), 0);
	ck_assert_int_eq(
	    table_load(fixture_folder, "a.b", "t", &t, &fixture_err), 0);
	ck_assert_int_eq(
	    table_load(fixture_folder, "a.b", "u", &t, &fixture_err), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_TABLE);
	/* unless the old name still leads there */
	ck_assert_int_eq(symlink("u", fixture_path("a/b/t")), 0);
	ck_assert_int_eq(
	    table_load(fixture_folder, "a.b", "u", &t, &fixture_err), 1);
	table_free(t);
	appends(5);
}
END_TEST

START_TEST(create_refuses_remains_but_not_a_dead_creators)
{
	struct table *t;

	ck_assert_int_eq(
	    store_mkdirs(fixture_path("a/b/t/metadata"), &fixture_err), 0);
	put("snap-1-1-x.avro", "");
	ck_assert_int_eq(create("t", &t), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_TABLE);
	ck_assert_int_eq(
	    store_unlink(
		fixture_path("a/b/t/metadata/snap-1-1-x.avro"), &fixture_err),
	    0);
	put(".tmp-9c12d441", "");
	ck_assert_msg(create("t", &t) == 0, "%s", fixture_err.text);
	table_free(t);
	ck_assert_int_eq(create("t", &t), -1);
	ck_assert_int_eq(fixture_err.cls, ERR_CONFLICT);
}
END_TEST

START_TEST(names_are_checked)
{
	static const char *const bad[][3] = { { "relative", "a", "t" },
		{ "/w", "", "t" }, { "/w", "a", "" }, { "/w", "a..b", "t" },
		{ "/w", "a.", "t" }, { "/w", ".a", "t" }, { "/w", "a/b", "t" },
		{ "/w", "a", "../t" }, { "/w", "a", "." }, { "/w", "a", ".." },
		{ "/w", "a", "x\ny" } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_ptr_null(hadoop_folder(
		    bad[i][0], bad[i][1], bad[i][2], &fixture_err));
		ck_assert_int_eq(fixture_err.cls, ERR_CONFIG);
	}
	char *p = hadoop_folder("/w//", "a.b c", "t.u", &fixture_err);
	ck_assert_str_eq(p, "/w/a/b c/t.u");
	free(p);
	p = hadoop_folder("/", "a", "t", &fixture_err);
	ck_assert_str_eq(p, "/a/t");
	free(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("hadoop");
	TCase *t = tcase_create("hadoop");

	tcase_add_checked_fixture(t, fixture_make, fixture_remove);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, the_hint_decides_nothing);
	tcase_add_test(t, version_ten_is_after_nine);
	tcase_add_test(t, other_names_are_no_versions);
	tcase_add_test(t, compressed_metadata_is_refused);
	tcase_add_test(t, a_moved_table_is_refused);
	tcase_add_test(t, create_refuses_remains_but_not_a_dead_creators);
	tcase_add_test(t, names_are_checked);
	suite_add_tcase(s, t);
	return run_suite(s);
}
