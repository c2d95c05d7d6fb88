/* SPDX-License-Identifier: Apache-2.0 */
/* See table_fixture.h. */
#include <sys/syscall.h>

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/xalloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/table_fixture.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/metadata.h"
#include "worker/store/store.h"

char *fixture_folder;
struct err fixture_err;
enum link_mode link_mode;
int link_errno;
void (*before_link)(void), (*after_link)(void);
const struct kv *fixture_properties;
size_t fixture_nproperties;

void
fixture_make(void)
{
	scratch_make();
	fixture_folder = scratch;
}

void
fixture_remove(void)
{
	scratch_remove();
}

const char *
fixture_path(const char *name)
{
	return scratch_path(name);
}

void
fixture_clear(const char *name)
{
	char *path = xstrdup(scratch_path(name));

	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

static int
remove_in(void *arg, const char *name)
{
	char *path = xasprintf("%s/%s", (const char *)arg, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
	return 0;
}

void
fixture_empty(const char *name)
{
	char *path = xstrdup(scratch_path(name));

	ck_assert_int_eq(store_list(path, remove_in, path, &fixture_err), 0);
	free(path);
}

int
linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	int mode = link_mode;
	void (*hook)(void) = before_link;

	link_mode = LINK_WORKS;
	before_link = NULL;
	if (hook != NULL)
		hook();
	if (mode != LINK_FAILS) {
		long rc = syscall(SYS_linkat, from_at, from, to_at, to, flags);
		hook = after_link;
		after_link = NULL;
		if (hook != NULL)
			hook();
		if (mode == LINK_WORKS)
			return (int)rc;
	}
	errno = link_errno;
	return -1;
}

int
create(const char *name, struct table **out)
{
	struct type schema = { .kind = TYPE_STRUCT };
	const struct partition_spec none = { 0 };
	const struct kv kv = { "owner", "test" };

	type_add_field(&schema, "id", true, TYPE_LONG)->id = 1;
	const struct table_create c = { .schema = &schema,
		.last_column_id = 1,
		.spec = &none,
		.properties =
		    fixture_nproperties > 0 ? fixture_properties : &kv,
		.nproperties =
		    fixture_nproperties > 0 ? fixture_nproperties : 1 };
	int rc = table_create(scratch, "a.b", name, &c, out, &fixture_err);
	type_clear(&schema);
	return rc;
}

struct table *
load(void)
{
	struct table *t;

	ck_assert_msg(table_load(scratch, "a.b", "t", &t, &fixture_err) == 1,
	    "%s", fixture_err.text);
	return t;
}

struct table *
fresh_table(void)
{
	struct table *t;

	ck_assert_msg(create("t", &t) == 0, "%s", fixture_err.text);
	return t;
}

/* Appends one file of one row named after the id. */
int
append_to(const struct table *base, int64_t id, const struct append *more,
    struct table **out, struct err *e)
{
	int64_t splits[] = { 4 };
	char uuid[40], number[24];
	struct kv summary = { "calve.test", number };
	struct append a = more != NULL ? *more : (struct append){ 0 };

	snprintf(uuid, sizeof uuid, "commit-%" PRId64, id);
	snprintf(number, sizeof number, "%" PRId64, id);
	char *path = xasprintf("%s/data/%" PRId64 ".parquet", base->folder, id);
	struct datafile df = { .path = path,
		.record_count = 1,
		.file_size = 10,
		.split_offsets = splits,
		.nsplits = 1 };
	a.snapshot_id = id;
	a.commit_uuid = uuid;
	a.files = &df;
	a.nfiles = 1;
	a.summary = &summary;
	a.nsummary = 1;
	a.properties = &summary;
	a.nproperties = 1;
	int rc = table_append(base, &a, out, e);
	free(path);
	return rc;
}

void
appends(int64_t id)
{
	struct table *base = load(), *out;

	ck_assert_msg(append_to(base, id, NULL, &out, &fixture_err) == 0, "%s",
	    fixture_err.text);
	table_free(out);
	table_free(base);
}

struct listing {
	const char *prefix;
	int n;
};

static int
count_name(void *arg, const char *name)
{
	struct listing *l = arg;

	l->n += strncmp(name, l->prefix, strlen(l->prefix)) == 0;
	return 0;
}

int
names(const char *prefix)
{
	struct listing l = { prefix, 0 };

	ck_assert_int_eq(store_list(scratch_path("a/b/t/metadata"), count_name,
			     &l, &fixture_err),
	    0);
	return l.n;
}

int64_t
hint(void)
{
	struct buf b;

	buf_init(&b, 0);
	if (store_read(scratch_path("a/b/t/metadata/version-hint.text"), &b, 20,
		&fixture_err) == -1)
		return -1;
	/* digits, and nothing behind them */
	for (size_t i = 0; i < b.len; i++)
		ck_assert(b.data[i] >= '0' && b.data[i] <= '9');
	int64_t n = strtoll(buf_cstr(&b), NULL, 10);
	buf_clear(&b);
	return n;
}

void
set_hint(const char *text)
{
	const char *path = scratch_path("a/b/t/metadata/version-hint.text");

	ck_assert_int_eq(store_unlink(path, &fixture_err), 0);
	ck_assert_int_eq(store_put(path, text, strlen(text), &fixture_err), 0);
}

struct files {
	int64_t rows;
	int n;
	bool seen[1000];
};

static int
see_file(void *arg, const struct datafile *df)
{
	struct files *f = arg;
	int64_t id = strtoll(strrchr(df->path, '/') + 1, NULL, 10);

	ck_assert(id > 0 && id < 1000 && !f->seen[id]);
	f->seen[id] = true;
	f->rows += df->record_count;
	f->n++;
	return 0;
}

int
count_files(const struct table *t)
{
	struct files f = { .n = 0 };

	ck_assert_msg(table_each_file(t, see_file, &f, &fixture_err) == 0, "%s",
	    fixture_err.text);
	return f.n;
}

void
links(json_t *root)
{
	struct table *t = load();
	struct buf text;

	buf_init(&text, 0);
	ck_assert_int_eq(metadata_text(root, &text, &fixture_err), 0);
	ck_assert_int_eq(hadoop_link(t->dir, t->folder, t->version + 1, &text,
			     "test", &fixture_err),
	    LINK_OURS);
	buf_clear(&text);
	table_free(t);
}
