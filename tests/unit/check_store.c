/* SPDX-License-Identifier: Apache-2.0 */
/* Files at rest: what is there afterwards is what was written, and a name is
 * never taken from another. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/run_suite.h"
#include "tests/unit/scratch.h"
#include "worker/store/store.h"

static struct err err;

/* Stands before libc's: a file system whose answers can be chosen. */
static enum { LINK_WORKS, LINK_FAILS, LINK_LOSES_REPLY } link_mode;
static int link_errno;

int
linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	if (link_mode == LINK_FAILS) {
		errno = link_errno;
		return -1;
	}
	long rc = syscall(SYS_linkat, from_at, from, to_at, to, flags);
	if (link_mode == LINK_LOSES_REPLY) {
		errno = link_errno;
		return -1;
	}
	return (int)rc;
}

static void
put(const char *name, const char *text)
{
	ck_assert_msg(
	    store_put(scratch_path(name), text, strlen(text), &err) == 0, "%s",
	    err.text);
}

static void
holds(const char *name, const char *text)
{
	struct buf b;

	buf_init(&b, 0);
	ck_assert_int_eq(store_read(scratch_path(name), &b, 1 << 20, &err), 0);
	ck_assert_str_eq(buf_cstr(&b), text);
	buf_clear(&b);
}

START_TEST(appends_of_all_sizes_arrive_in_order)
{
	static const size_t sizes[] = { 1, 0, 65535, 1, 65536, 2, 65537, 7,
		200000, 3, 65534, 1, 1 };
	uint8_t *data = malloc(1 << 20);
	size_t at = 0;
	struct buf b;
	struct store_file *f = store_create(scratch_path("f"), &err);

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		ck_assert_int_eq(store_append(f, data + at, sizes[i], &err), 0);
		at += sizes[i];
		ck_assert_uint_eq(store_size(f), at);
	}
	ck_assert_str_eq(store_path(f), scratch_path("f"));
	ck_assert_int_eq(store_close(f, &err), 0);
	buf_init(&b, 0);
	ck_assert_int_eq(store_read(scratch_path("f"), &b, at, &err), 0);
	ck_assert_uint_eq(b.len, at);
	ck_assert_mem_eq(b.data, data, at);
	buf_clear(&b);
	free(data);
}
END_TEST

START_TEST(create_never_takes_a_name)
{
	put("f", "old");
	ck_assert_ptr_null(store_create(scratch_path("f"), &err));
	ck_assert_int_eq(err.cls, ERR_STORE);
	ck_assert_int_eq(err.sys, EEXIST);
	ck_assert_ptr_nonnull(strstr(err.text, scratch));
	holds("f", "old");
}
END_TEST

START_TEST(abort_leaves_nothing)
{
	struct store_file *f = store_create(scratch_path("f"), &err);

	ck_assert_int_eq(store_append(f, "x", 1, &err), 0);
	store_abort(f);
	store_abort(NULL);
	ck_assert_int_eq(store_exists(scratch_path("f"), &err), 0);
}
END_TEST

START_TEST(full_disk_says_what_to_do)
{
	uint8_t big[70000] = { 0 };
	struct store_file *f;

	/* a device that is always full */
	ck_assert_int_eq(symlink("/dev/full", scratch_path("full")), 0);
	ck_assert_ptr_null(store_create(scratch_path("full"), &err));
	f = store_create(scratch_path("f"), &err);
	ck_assert_ptr_nonnull(f);
	/* the file's descriptor is the next one: put the device in its place */
	int fd = open("/dev/null", O_RDONLY) - 1;
	int full = open("/dev/full", O_WRONLY);
	ck_assert_int_ne(dup2(full, fd), -1);
	ck_assert_int_eq(store_append(f, big, sizeof big, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	ck_assert_int_eq(err.sys, ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.text, "free space"));
	store_abort(f);
}
END_TEST

START_TEST(read_is_bounded)
{
	struct buf b;

	put("f", "12345");
	buf_init(&b, 0);
	ck_assert_int_eq(store_read(scratch_path("f"), &b, 5, &err), 0);
	ck_assert_int_eq(store_read(scratch_path("f"), &b, 4, &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	ck_assert_int_eq(store_read(scratch_path("f"), &b, SIZE_MAX, &err), 0);
	ck_assert_int_eq(store_read(scratch_path("no"), &b, 4, &err), -1);
	ck_assert_int_eq(err.sys, ENOENT);
	ck_assert_int_eq(store_read(scratch, &b, 4, &err), -1);
	ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
	ck_assert_int_eq(store_read(scratch_path("fifo"), &b, 4, &err), -1);
	buf_clear(&b);
	put("empty", "");
	ck_assert_int_eq(store_read(scratch_path("empty"), &b, 0, &err), 0);
	ck_assert_uint_eq(b.len, 0);
	/* files of the kernel have no size to go by */
	ck_assert_int_eq(store_read("/proc/self/status", &b, 1 << 16, &err), 0);
	ck_assert_uint_gt(b.len, 100);
	buf_clear(&b);
}
END_TEST

START_TEST(mkdirs_makes_parents_and_takes_what_is_there)
{
	struct stat st;

	ck_assert_int_eq(store_mkdirs(scratch_path("a/b//c"), &err), 0);
	ck_assert_int_eq(store_mkdirs(scratch_path("a/b/c"), &err), 0);
	ck_assert_int_eq(store_mkdirs(scratch_path("a/b/d/"), &err), 0);
	ck_assert_int_eq(stat(scratch_path("a/b/c"), &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	put("a/file", "");
	ck_assert_int_eq(store_mkdirs(scratch_path("a/file"), &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	ck_assert_int_eq(store_mkdirs(scratch_path("a/file/x"), &err), -1);
}
END_TEST

START_TEST(link_takes_a_free_name_only)
{
	put("a", "one");
	put("b", "two");
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("a"), scratch_path("v"), &err), 1);
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("b"), scratch_path("v"), &err), 0);
	holds("v", "one");
	/* ours already: as after a reply that was lost */
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("a"), scratch_path("v"), &err), 1);
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("no"), scratch_path("w"), &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
}
END_TEST

START_TEST(link_tells_lost_from_unknown)
{
	put("a", "one");
	put("b", "two");
	link_errno = EIO;
	link_mode = LINK_LOSES_REPLY;
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("a"), scratch_path("v"), &err), 1);
	link_mode = LINK_FAILS;
	/* another's by now: but was it so when the request came? */
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("b"), scratch_path("v"), &err), -1);
	ck_assert_int_eq(err.cls, ERR_UNCLEAR);
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("b"), scratch_path("w"), &err), -1);
	ck_assert_int_eq(err.cls, ERR_UNCLEAR);
	link_errno = ENOSPC;
	ck_assert_int_eq(
	    store_link(NULL, scratch_path("b"), scratch_path("w"), &err), -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
}
END_TEST

static int count(void *arg, const char *name);

START_TEST(a_folder_held_open_is_that_folder)
{
	struct buf b;

	ck_assert_int_eq(store_mkdirs(scratch_path("f"), &err), 0);
	put("f/a", "one");
	struct store_dir *dir = store_dir_open(scratch_path("f"), &err);
	ck_assert_ptr_nonnull(dir);
	ck_assert_int_eq(store_dir_stands(dir, &err), 1);

	/* moved away, and another made */
	ck_assert_int_eq(
	    store_rename(NULL, scratch_path("f"), scratch_path("g"), &err), 0);
	ck_assert_int_eq(store_dir_stands(dir, &err), 0);
	ck_assert_int_eq(store_mkdirs(scratch_path("f"), &err), 0);
	ck_assert_int_eq(store_dir_stands(dir, &err), 0);
	put("f/a", "two");
	buf_init(&b, 0);
	ck_assert_int_eq(
	    store_read_in(dir, scratch_path("f/a"), &b, 9, &err), 0);
	ck_assert_str_eq(buf_cstr(&b), "one");
	buf_clear(&b);
	ck_assert_int_eq(
	    store_link(dir, scratch_path("f/a"), scratch_path("f/b"), &err), 1);
	ck_assert_int_eq(store_exists(scratch_path("f/b"), &err), 0);
	holds("g/b", "one");
	ck_assert_int_eq(store_unlink_in(dir, scratch_path("f/a"), &err), 0);
	ck_assert_int_eq(store_unlink_in(dir, scratch_path("f/b"), &err), 0);
	holds("f/a", "two");

	/* removed: nothing is there, nothing can be made */
	ck_assert_int_eq(rmdir(scratch_path("g")), 0);
	unsigned n = 0;
	ck_assert_int_eq(store_list_in(dir, count, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(
	    store_put_in(dir, scratch_path("f/c"), "x", 1, &err), -1);
	ck_assert_int_eq(err.sys, ENOENT);
	ck_assert_int_eq(
	    store_link(dir, scratch_path("f/a"), scratch_path("f/c"), &err),
	    -1);
	ck_assert_int_eq(err.cls, ERR_STORE);
	store_dir_close(dir);
	ck_assert_ptr_null(store_dir_open(scratch_path("g"), &err));
	ck_assert_int_eq(err.sys, ENOENT);
}
END_TEST

static int
count(void *arg, const char *name)
{
	unsigned *n = arg;

	ck_assert_str_ne(name, ".");
	ck_assert_str_ne(name, "..");
	return ++*n == 3 ? 7 : 0;
}

START_TEST(list_stops_when_told)
{
	unsigned n = 0;

	put("a", "");
	put("b", "");
	ck_assert_int_eq(store_list(scratch, count, &n, &err), 0);
	ck_assert_uint_eq(n, 2);
	put("c", "");
	n = 0;
	ck_assert_int_eq(store_list(scratch, count, &n, &err), 7);
	n = 0;
	ck_assert_int_eq(store_list(scratch_path("no"), count, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(store_list(scratch_path("a"), count, &n, &err), -1);
}
END_TEST

START_TEST(rename_and_unlink)
{
	put("a", "one");
	put("b", "two");
	ck_assert_int_eq(
	    store_rename(NULL, scratch_path("a"), scratch_path("b"), &err), 0);
	holds("b", "one");
	ck_assert_int_eq(store_exists(scratch_path("a"), &err), 0);
	ck_assert_int_eq(store_unlink(scratch_path("b"), &err), 0);
	ck_assert_int_eq(store_unlink(scratch_path("b"), &err), 0);
	ck_assert_int_eq(
	    store_rename(NULL, scratch_path("a"), scratch_path("b"), &err), -1);
	ck_assert_int_eq(store_sync_dir(scratch, &err), 0);
	ck_assert_int_eq(store_sync_dir(scratch_path("no"), &err), -1);
	ck_assert_int_eq(store_exists(scratch_path("a/b/c"), &err), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_add_test(t, appends_of_all_sizes_arrive_in_order);
	tcase_add_test(t, create_never_takes_a_name);
	tcase_add_test(t, abort_leaves_nothing);
	tcase_add_test(t, full_disk_says_what_to_do);
	tcase_add_test(t, read_is_bounded);
	tcase_add_test(t, mkdirs_makes_parents_and_takes_what_is_there);
	tcase_add_test(t, link_takes_a_free_name_only);
	tcase_add_test(t, link_tells_lost_from_unknown);
	tcase_add_test(t, a_folder_held_open_is_that_folder);
	tcase_add_test(t, list_stops_when_told);
	tcase_add_test(t, rename_and_unlink);
	suite_add_tcase(s, t);
	return run_suite(s);
}
