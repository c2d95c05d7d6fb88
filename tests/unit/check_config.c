/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calve.yaml against golden files: each NAME.in becomes what NAME.ok prints,
 * or fails with the line in NAME.err; what is printed reads back as the same.
 * GOLDEN_UPDATE=1 writes the expected files anew: read the difference.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "coordinator/config.h"
#include "coordinator/config_keys.h"
#include "tests/unit/run_suite.h"

static const char folder[] = "tests/golden/config";

static char *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = xmalloc(1 << 16);

	ck_assert_msg(f != NULL, "cannot open '%s': run from the root", path);
	*n = fread(text, 1, (1 << 16) - 1, f);
	text[*n] = '\0';
	fclose(f);
	return text;
}

static char *
print(const struct config *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	config_print(c, f);
	fclose(f);
	return text;
}

/* What the file comes to, and whether it is good. */
static char *
result_of(const char *path, bool *good)
{
	struct config c;
	struct err err = { 0 };
	size_t n;
	char *in = read_whole(path, &n), *out;

	*good = config_parse(in, n, "calve.yaml", &c, &err) == 0;
	if (*good) {
		out = print(&c);
	} else {
		ck_assert_int_eq(err.cls, ERR_CONFIG);
		out = xasprintf("%s\n", err.text);
	}
	config_clear(&c);
	free(in);
	return out;
}

/* Printed, read, printed again: nothing changes. */
static void
reads_back(const char *name, const char *printed)
{
	struct config c;
	struct err err = { 0 };

	ck_assert_msg(
	    config_parse(printed, strlen(printed), name, &c, &err) == 0,
	    "%s does not read back: %s\n%s", name, err.text, printed);
	char *again = print(&c);
	ck_assert_str_eq(again, printed);
	free(again);
	config_clear(&c);
}

static void
compare(const char *in, const char *out, bool good)
{
	char *path =
	    xasprintf("%.*s%s", (int)strlen(in) - 3, in, good ? ".ok" : ".err");
	size_t n;

	if (getenv("GOLDEN_UPDATE") != NULL) {
		FILE *f = fopen(path, "wb");
		fputs(out, f);
		fclose(f);
	}
	ck_assert_msg(access(path, R_OK) == 0, "%s should not have %s: %s", in,
	    good ? "been accepted" : "failed", out);
	char *wanted = read_whole(path, &n);
	ck_assert_msg(
	    strcmp(wanted, out) == 0, "%s\nwanted: %sgot: %s", in, wanted, out);
	free(wanted);
	free(path);
}

static void
set_environment(void)
{
	setenv("CLICKHOUSE_PASSWORD", "hunter2", 1);
	setenv("PG_PASSWORD", "hunter2", 1);
	setenv("STATE", "host=db password=hunter2", 1);
	setenv("URL", "http://hunter2.example.org:8123", 1);
	setenv("USER_NAME", "somebody", 1);
	setenv("WORKERS", "7", 1);
	setenv("EMPTY", "", 1);
	unsetenv("NO_SUCH_VARIABLE");
}

START_TEST(golden_files)
{
	glob_t found;
	char *pattern = xasprintf("%s/*.in", folder);
	size_t good_ones = 0;

	set_environment();
	ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
	for (size_t at = 0; at < found.gl_pathc; at++) {
		bool good;
		char *out = result_of(found.gl_pathv[at], &good);
		compare(found.gl_pathv[at], out, good);
		/* No secret of the environment or of a file comes out. */
		ck_assert_msg(strstr(out, "hunter") == NULL, "%s: %s",
		    found.gl_pathv[at], out);
		ck_assert_msg(strstr(out, "literal secret") == NULL, "%s: %s",
		    found.gl_pathv[at], out);
		if (good) {
			good_ones++;
			reads_back(found.gl_pathv[at], out);
		} else {
			/* One line, with file and line number. */
			ck_assert_ptr_eq(
			    strchr(out, '\n'), out + strlen(out) - 1);
			ck_assert_int_eq(strncmp(out, "calve.yaml", 10), 0);
		}
		free(out);
	}
	ck_assert_uint_ge(good_ones, 10);
	ck_assert_uint_ge(found.gl_pathc - good_ones, 60);
	globfree(&found);
	free(pattern);
}
END_TEST

static const char base[] =
    "state: dbname=calve\n"
    "sources: { hot: { url: \"http://h:1\", password: p } }\n"
    "catalogs: { lake: { warehouse: /srv/lake } }\n"
    "defaults: { settle: 7m, compression: zstd:9 }\n";

static void
parse(const char *text, struct config *c)
{
	struct err err = { 0 };

	ck_assert_msg(config_parse(text, strlen(text), "x", c, &err) == 0, "%s",
	    err.text);
}

START_TEST(a_job_has_what_the_table_says)
{
	struct config c;
	struct job j;
	char *text = xasprintf(
	    "%stables:\n  - { name: n, source: hot.db.t, "
	    "target: lake.a.b.t2, timestamp: ts, sequence: s, settle: 1m, "
	    "partition: [day(ts)], columns: { x: { as: long } }, limits: "
	    "{ memory: 512M }, timeout: 1500ms }\n",
	    base);

	parse(text, &c);
	config_job(&c, &c.tables[0], JOB_VERIFY,
	    "0f0e0d0c-0b0a-4908-8706-050403020100", 2, &j);
	ck_assert_int_eq(j.kind, JOB_VERIFY);
	ck_assert_uint_eq(j.attempt, 2);
	ck_assert_str_eq(j.name, "n");
	ck_assert_str_eq(j.state, "dbname=calve");
	ck_assert_str_eq(j.source_kind, "clickhouse");
	ck_assert_str_eq(j.url, "http://h:1");
	ck_assert_str_eq(j.database, "db");
	ck_assert_str_eq(j.table, "t");
	ck_assert_str_eq(j.user, "default");
	ck_assert_str_eq(j.password, "p");
	ck_assert_str_eq(j.catalog_kind, "hadoop");
	ck_assert_str_eq(j.warehouse, "/srv/lake");
	ck_assert_str_eq(j.namespace_, "a.b");
	ck_assert_str_eq(j.target_table, "t2");
	ck_assert_str_eq(j.partition[0], "day(ts)");
	ck_assert_str_eq(j.columns[0].as, "long");
	ck_assert_int_eq(j.settle_ms, 60000); /* its own, not defaults' */
	ck_assert_str_eq(j.compression, "zstd");
	ck_assert_int_eq(j.compression_level, 9);
	ck_assert_uint_eq(j.memory, 512 << 20);
	ck_assert_uint_eq(j.timeout_s, 2);
	job_clear(&j);
	config_clear(&c);
	free(text);
}
END_TEST

START_TEST(flags_make_a_table)
{
	static const char *const partition[] = { "day(ts)" };
	struct config c;
	struct err err = { 0 };
	struct config_adhoc a = { .source_table = "trades",
		.target_table = "cold.trades",
		.timestamp = "ts",
		.sequence = "seq",
		.layer = "bronze",
		.partition = partition,
		.npartition = 1 };

	parse(base, &c);
	ck_assert_int_eq(config_only_table(&c, &a, &err), 0);
	ck_assert_uint_eq(c.ntables, 1);
	ck_assert_str_eq(c.tables[0].name.value, "trades");
	ck_assert_str_eq(c.tables[0].source.value, "hot.trades");
	ck_assert_str_eq(c.tables[0].target.value, "lake.cold.trades");
	ck_assert_uint_eq(c.tables[0].settle_ms, 420000);
	ck_assert_str_eq(c.tables[0].partition.items[0], "day(ts)");
	a.source_table = "cold.a.b.c";
	ck_assert_int_eq(config_only_table(&c, &a, &err), -1);
	ck_assert_int_eq(strncmp(err.text, "command line: ", 14), 0);
	config_clear(&c);
}
END_TEST

START_TEST(flags_never_touch_another_tables_position)
{
	struct config c;
	struct err err = { 0 };
	struct config_adhoc a = { .source_table = "t",
		.target_table = "lake.cold.other",
		.timestamp = "ts" };
	char *text = xasprintf(
	    "%stables:\n  - { name: mine, source: hot.t, "
	    "target: lake.cold.t, timestamp: ts }\n  - { source: hot.t, "
	    "target: lake.cold.t3, timestamp: ts }\n",
	    base);

	/* Another target: a name of its own. */
	parse(text, &c);
	ck_assert_int_eq(config_only_table(&c, &a, &err), 0);
	ck_assert_str_eq(c.tables[0].name.value, "cold.other");
	config_clear(&c);
	/* The same source and target: that table. */
	parse(text, &c);
	a.target_table = "lake.cold.t";
	ck_assert_int_eq(config_only_table(&c, &a, &err), 0);
	ck_assert_str_eq(c.tables[0].name.value, "mine");
	config_clear(&c);
	free(text);
}
END_TEST

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "wb");

	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(a_readable_secret_is_warned_of)
{
	char path[] = "/tmp/check_config.XXXXXX";
	struct config c;
	struct err err = { 0 };

	close(mkstemp(path));
	write_file(path, base, 0644);
	ck_assert_int_eq(config_load(path, &c, &err), 0);
	ck_assert_ptr_nonnull(strstr(c.warning, "chmod 640"));
	config_clear(&c);
	write_file(path, base, 0640);
	ck_assert_int_eq(config_load(path, &c, &err), 0);
	ck_assert_ptr_null(c.warning);
	config_clear(&c);
	setenv("P", "secret", 1);
	write_file(path,
	    "state: \"postgresql://u:${P}@h/d\"\n"
	    "sources: { hot: { url: \"http://h:1\", password: \"${P}\" } }\n"
	    "catalogs: { lake: { warehouse: /srv/lake } }\n",
	    0644);
	ck_assert_int_eq(config_load(path, &c, &err), 0);
	ck_assert_ptr_null(c.warning);
	config_clear(&c);
	write_file(path,
	    "state: \"postgresql://u:p@h/d\"\n"
	    "sources: { hot: { url: \"http://h:1\" } }\n"
	    "catalogs: { lake: { warehouse: /srv/lake } }\n",
	    0644);
	ck_assert_int_eq(config_load(path, &c, &err), 0);
	ck_assert_ptr_nonnull(c.warning);
	config_clear(&c);
	unlink(path);
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
	struct config c;
	struct err err = { 0 };
	char path[] = "/tmp/check_config.XXXXXX";

	ck_assert_int_eq(config_load("/nonexistent/calve.yaml", &c, &err), -1);
	ck_assert_int_eq(err.cls, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "'/nonexistent/calve.yaml'"));
	config_clear(&c);
	ck_assert_int_eq(config_load("/tmp", &c, &err), -1);
	config_clear(&c);
	int fd = mkstemp(path);
	ck_assert_int_eq(ftruncate(fd, 3 << 20), 0);
	close(fd);
	ck_assert_int_eq(config_load(path, &c, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
	config_clear(&c);
	unlink(path);
}
END_TEST

START_TEST(many_keys_and_items_are_bounded)
{
	struct config c;
	struct err err = { 0 };
	struct buf b;

	buf_init(&b, 0);
	buf_put_str(&b, base);
	buf_put_str(&b, "layers: [a0");
	for (int at = 1; at <= CONFIG_ITEMS; at++)
		buf_printf(&b, ", a%d", at);
	buf_put_str(&b, "]\n");
	ck_assert_int_eq(config_parse(buf_cstr(&b), b.len, "x", &c, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "more than 10000 items"));
	buf_clear(&b);
}
END_TEST

/* What the manual must name. */
START_TEST(the_manual_has_every_key)
{
	static const struct section *const sections[] = { &section_root,
		&section_source, &section_postgres, &section_catalog,
		&section_limits, &section_retry, &section_column,
		&section_table };
	size_t n;
	char *page = read_whole("man/calve.yaml.5", &n);

	for (size_t s = 0; s < 8; s++)
		for (size_t k = 0; k < sections[s]->nkeys; k++) {
			char *item =
			    xasprintf("\n.It Cm %s", sections[s]->keys[k].name);
			ck_assert_msg(strstr(page, item) != NULL,
			    "calve.yaml(5) has no '%s'", item + 1);
			free(item);
		}
	free(page);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	log_init("check_config", LOG_ERROR);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, golden_files);
	tcase_add_test(t, a_job_has_what_the_table_says);
	tcase_add_test(t, flags_make_a_table);
	tcase_add_test(t, flags_never_touch_another_tables_position);
	tcase_add_test(t, a_readable_secret_is_warned_of);
	tcase_add_test(t, files_that_cannot_be_read);
	tcase_add_test(t, many_keys_and_items_are_bounded);
	tcase_add_test(t, the_manual_has_every_key);
	suite_add_tcase(s, t);
	return run_suite(s);
}
