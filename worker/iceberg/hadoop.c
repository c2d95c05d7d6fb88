/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of a file-system table, see hadoop.h.
 *
 * A version is written under a temporary name, synced, and linked to its own:
 * link(2) fails where the name is taken, which rename(2) does not. Temporary
 * names are ".tmp-UUID": some readers fail on other files that end in
 * .metadata.json.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault.h"
#include "common/id.h"
#include "common/xalloc.h"
#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/metadata.h"
#include "worker/store/store.h"

enum { METADATA_MAX_BYTES = 1 << 28, LOAD_TRIES = 10, HINT_TRIES = 100 };

/* One level of a namespace or the table's name, n bytes. */
static int
check_part(const char *part, size_t n, struct err *err)
{
	bool bad = n == 0 || n > 255 || memchr(part, '/', n) != NULL ||
	    (part[0] == '.' && (n == 1 || (n == 2 && part[1] == '.')));

	for (size_t i = 0; i < n && !bad; i++)
		bad = (unsigned char)part[i] < 0x20 || part[i] == 0x7f;
	return bad ? err_set(err, ERR_CONFIG,
			 "'%.*s' cannot be a namespace "
			 "or table name in a file-system catalog",
			 (int)(n < 64 ? n : 64), part)
		   : 0;
}

char *
hadoop_folder(const char *warehouse, const char *namespace_, const char *name,
    struct err *err)
{
	struct buf path;
	size_t n = strlen(warehouse);
	char *folder = NULL;

	if (*warehouse != '/') {
		err_set(err, ERR_CONFIG,
		    "warehouse '%s' is not an absolute "
		    "path",
		    warehouse);
		return NULL;
	}
	while (n > 0 && warehouse[n - 1] == '/')
		n--;
	buf_init(&path, 1 << 16);
	buf_put(&path, warehouse, n);
	for (const char *p = namespace_;; p++) {
		n = strcspn(p, ".");
		if (check_part(p, n, err) == -1)
			goto out;
		buf_put_u8(&path, '/');
		buf_put(&path, p, n);
		p += n;
		if (*p == '\0')
			break;
	}
	if (check_part(name, strlen(name), err) == -1)
		goto out;
	buf_put_u8(&path, '/');
	buf_put_str(&path, name);
	folder = xstrdup(buf_cstr(&path));
out:
	buf_clear(&path);
	return folder;
}

char *
hadoop_metadata_path(const char *folder, int64_t version)
{
	return xasprintf(
	    "%s/metadata/v%" PRId64 ".metadata.json", folder, version);
}

struct newest {
	int64_t version;
	bool packed;
	int64_t below; /* 0: any */
};

/* vN.metadata.json; compressed ones are vN.gz.metadata.json, or in older
 * writers vN.metadata.json.gz */
static int
look_at(void *arg, const char *name)
{
	struct newest *found = arg;
	int64_t version = 0;
	const char *p = name + 1;

	if (name[0] != 'v' || *p < '0' || *p > '9')
		return 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (version > INT64_MAX / 100)
			return 0;
		version = version * 10 + (*p - '0');
	}
	bool plain = strcmp(p, ".metadata.json") == 0;
	bool packed = !plain && strncmp(p, ".metadata.json.", 15) != 0
	    ? *p == '.' && strstr(p, ".metadata.json") != NULL &&
		strcmp(strstr(p, ".metadata.json"), ".metadata.json") == 0
	    : strcmp(p, ".metadata.json.gz") == 0;
	if ((!plain && !packed) || version == 0 || version < found->version ||
	    (found->below > 0 && version >= found->below))
		return 0;
	/* both forms of one version: some other writer's doing */
	found->packed = packed || (version == found->version && found->packed);
	found->version = version;
	return 0;
}

static int
newest_below(const struct store_dir *dir, const char *folder, int64_t below,
    int64_t *version, struct err *err)
{
	struct newest found = { .below = below };

	if (store_list_in(dir, look_at, &found, err) == -1)
		return -1;
	if (found.packed)
		return err_set(err, ERR_TABLE,
		    "metadata of '%s' is "
		    "compressed; set write.metadata.compression-codec to none "
		    "with the engine that wrote it",
		    folder);
	*version = found.version;
	return 0;
}

int
hadoop_newest(const struct store_dir *dir, const char *folder, int64_t *version,
    struct err *err)
{
	return newest_below(dir, folder, 0, version, err);
}

/* A listing may miss what is made while it runs: walk on from there. */
static int
walk_forward(const struct store_dir *dir, const char *folder, int64_t *version,
    struct err *err)
{
	int there = 1;

	while (there == 1) {
		char *next = hadoop_metadata_path(folder, *version + 1);
		there = store_exists_in(dir, next, err);
		free(next);
		if (there == 1)
			++*version;
	}
	return there;
}

/* Of the table's metadata folder: 1 open, 0 there is none, -1. */
static int
open_metadata(const char *folder, struct store_dir **dir, struct err *err)
{
	char *path = xasprintf("%s/metadata", folder);

	*dir = store_dir_open(path, err);
	free(path);
	if (*dir != NULL)
		return 1;
	return err->sys == ENOENT ? 0 : -1;
}

static bool
is_known(const struct table *known, int64_t version, const struct buf *text)
{
	return known != NULL && known->version == version &&
	    known->text.len > 0 && known->text.len == text->len &&
	    memcmp(known->text.data, text->data, text->len) == 0;
}

/* known may be NULL. */
static struct table *
load_version(struct store_dir *dir, const char *folder, int64_t version,
    const struct table *known, struct err *err)
{
	struct buf text;
	char *path = hadoop_metadata_path(folder, version);
	struct table *t = NULL;

	buf_init(&text, 0);
	if (store_read_in(dir, path, &text, METADATA_MAX_BYTES, err) == -1)
		goto out;
	/* nobody changes a table's JSON in place */
	t = is_known(known, version, &text)
	    ? metadata_load(json_incref(known->root), err)
	    : metadata_parse(text.data, text.len, err);
	if (t == NULL) {
		err_prefix(err, "'%s'", path);
		goto out;
	}
	t->folder = xstrdup(folder);
	t->version = version;
	t->dir = store_dir_share(dir);
	t->text = text;
	buf_init(&text, 0);
	if (!location_is(t->location, folder)) {
		err_set(err, ERR_TABLE,
		    "'%s' records '%s' as its location, "
		    "not '%s'; an Iceberg table cannot be moved or copied",
		    path, t->location, folder);
		table_free(t);
		t = NULL;
	}
out:
	free(path);
	buf_clear(&text);
	return t;
}

static int
load_newest_in(struct store_dir *dir, const char *folder,
    const struct table *known, struct table **out, struct err *err)
{
	int64_t version = 0;

	for (int tries = 0; tries < LOAD_TRIES; tries++) {
		if (hadoop_newest(dir, folder, &version, err) == -1)
			return -1;
		if (version == 0)
			return 0;
		if (walk_forward(dir, folder, &version, err) == -1 ||
		    store_sync_in(dir, err) == -1)
			return -1;
		err_clear(err);
		*out = load_version(dir, folder, version, known, err);
		/* an old version may go while we look at it */
		if (*out != NULL || err->sys != ENOENT)
			break;
	}
	return *out != NULL ? 1 : -1;
}

static int
load_newest(const char *folder, const struct table *known, struct table **out,
    struct err *err)
{
	struct store_dir *dir;

	*out = NULL;
	int rc = open_metadata(folder, &dir, err);
	if (rc == 1)
		rc = load_newest_in(dir, folder, known, out, err);
	store_dir_close(dir);
	return rc;
}

int
hadoop_load(const char *folder, struct table **out, struct err *err)
{
	return load_newest(folder, NULL, out, err);
}

int
hadoop_reload(const struct table *known, struct table **out, struct err *err)
{
	return load_newest(known->folder, known, out, err);
}

int
hadoop_load_before(const struct table *t, struct table **out, struct err *err)
{
	int64_t version = 0;

	*out = NULL;
	if (newest_below(t->dir, t->folder, t->version, &version, err) == -1)
		return -1;
	if (version == 0)
		return 0;
	*out = load_version(t->dir, t->folder, version, NULL, err);
	return *out != NULL ? 1 : -1;
}

/* ---- making a version ------------------------------------------------- */

/* Fresh string. */
static char *
temporary_name(const char *folder, const char *owner)
{
	char uuid[UUID_TEXT];

	uuid_random(uuid);
	return xasprintf("%s/metadata/.tmp-%s-%s", folder, owner, uuid);
}

/* A crash between link and unlink leaves an extra name, which harms nobody. */
static int
link_and_sync(const struct store_dir *dir, const char *temp, const char *path,
    struct err *err)
{
	int rc = store_link(dir, temp, path, err);

	/* while it is unclear, the temporary name is evidence */
	if (rc == -1 && err->cls == ERR_UNCLEAR)
		return -1;
	if (rc == LINK_OURS) {
		FAULT_POINT("commit.linked");
		if (store_sync_in(dir, err) == -1)
			return LINK_UNSYNCED;
	}
	store_discard_in(dir, temp);
	return rc;
}

int
hadoop_link(const struct store_dir *dir, const char *folder, int64_t version,
    const struct buf *text, const char *owner, struct err *err)
{
	char *temp = temporary_name(folder, owner);
	char *path = hadoop_metadata_path(folder, version);

	int rc = store_put_in(dir, temp, text->data, text->len, err);
	if (rc == 0)
		rc = link_and_sync(dir, temp, path, err);
	free(temp);
	free(path);
	return rc;
}

enum held
hadoop_held(const struct store_dir *dir, const char *folder, int64_t version,
    const struct buf *text)
{
	char *path = hadoop_metadata_path(folder, version);
	struct err err = { 0 };
	struct buf there;

	buf_init(&there, 0);
	int rc = store_read_in(dir, path, &there, METADATA_MAX_BYTES, &err);
	enum held held = rc == -1 ? err.sys == ENOENT ? HELD_NOT : HELD_UNKNOWN
	    : there.len == text->len &&
		memcmp(there.data, text->data, text->len) == 0
	    ? HELD_SAME
	    : HELD_OTHER;
	buf_clear(&there);
	free(path);
	return held;
}

/* ---- the hint --------------------------------------------------------- */

/* The version that the hint names and that is there, else 0. */
static int64_t
read_hint(const struct store_dir *dir, const char *folder, const char *path)
{
	struct buf text;
	struct err ignored;
	int64_t version = 0;
	char *end;

	buf_init(&text, 64);
	if (store_read_in(dir, path, &text, 32, &ignored) == 0) {
		version = strtoll(buf_cstr(&text), &end, 10);
		if (*end != '\0')
			version = 0;
	}
	buf_clear(&text);
	if (version <= 0)
		return 0;
	char *named = hadoop_metadata_path(folder, version);
	if (store_exists_in(dir, named, &ignored) != 1)
		version = 0;
	free(named);
	return version;
}

static int
write_hint(const struct store_dir *dir, const char *folder, const char *path,
    int64_t version, const char *owner)
{
	char text[24];
	struct err err;

	/* no newline: some readers paste it into a file name */
	int n = snprintf(text, sizeof(text), "%" PRId64, version);
	char *temp = temporary_name(folder, owner);
	int rc = store_put_in(dir, temp, text, (size_t)n, &err);
	if (rc == 0 && (rc = store_rename(dir, temp, path, &err)) == -1)
		store_discard_in(dir, temp);
	free(temp);
	return rc;
}

/*
 * Two committers may get here in the wrong order, and the later rename wins.
 * So whoever renamed looks once more whether a newer version has come up, and
 * writes that: the last one to rename has seen that there was none. All of it
 * in the folder that the version is in: one that was dropped and made again
 * meanwhile keeps its own.
 */
void
hadoop_hint(const struct store_dir *dir, const char *folder, int64_t version,
    const char *owner)
{
	char *path = xasprintf("%s/metadata/version-hint.text", folder);
	struct err err;

	for (int tries = 0; tries < HINT_TRIES; tries++) {
		char *named = hadoop_metadata_path(folder, version);
		int there = store_exists_in(dir, named, &err);

		free(named);
		/* tidied away by now: whoever did that knows a newer one */
		if (there != 1 ||
		    walk_forward(dir, folder, &version, &err) == -1 ||
		    read_hint(dir, folder, path) >= version ||
		    write_hint(dir, folder, path, version, owner) == -1)
			break;
	}
	FAULT_POINT("commit.hinted");
	free(path);
}

void
table_hint(const struct table *t, const char *owner)
{
	hadoop_hint(t->dir, t->folder, t->version, owner);
}

/* ---- loading and creating by name ------------------------------------- */

int
table_load(const char *warehouse, const char *namespace_, const char *name,
    struct table **out, struct err *err)
{
	char *folder = hadoop_folder(warehouse, namespace_, name, err);

	/* JSON without memory would be JSON with something missing */
	json_set_alloc_funcs(xmalloc, free);
	*out = NULL;
	if (folder == NULL)
		return -1;
	int rc = hadoop_load(folder, out, err);
	free(folder);
	return rc;
}

static int
stop_at_file(void *arg, const char *name)
{
	(void)arg;
	/* leftovers of a commit that died, and other tools' hidden files */
	return name[0] != '.';
}

static int
refuse_created(const char *folder, struct err *err)
{
	return err_set(err, ERR_CONFLICT,
	    "another writer has created the table in '%s'", folder);
}

/* 0 where there is no table, nor folder. */
static int
newest_in(const char *folder, int64_t *version, struct err *err)
{
	struct store_dir *dir;
	int rc = open_metadata(folder, &dir, err);

	*version = 0;
	if (rc == 1)
		rc = hadoop_newest(dir, folder, version, err);
	store_dir_close(dir);
	return rc == -1 ? -1 : 0;
}

/* Files where a new table's metadata will be, unless they are those of a
 * table that another writer has created since we looked. */
static int
refuse_leftovers(const char *folder, struct err *err)
{
	char *metadata = xasprintf("%s/metadata", folder);
	int64_t version = 0;
	int rc = store_list(metadata, stop_at_file, NULL, err);

	if (rc == 1 && (rc = newest_in(folder, &version, err)) == 0)
		rc = version > 0 ? refuse_created(folder, err)
				 : err_set(err, ERR_TABLE,
				       "'%s' has files but no table that can "
				       "be loaded; another table's remains "
				       "must go first",
				       metadata);
	free(metadata);
	return rc;
}

/* A version that is to be. */
struct draft {
	struct store_dir *dir;
	const char *folder;
	char uuid[UUID_TEXT];
	struct buf text;
};

static int
draft_new(struct draft *d, const struct table_create *c, struct err *err)
{
	int64_t version;
	char *metadata = xasprintf("%s/metadata", d->folder);
	int rc = newest_in(d->folder, &version, err);

	if (rc == 0 && version > 0)
		rc = refuse_created(d->folder, err);
	if (rc == 0 &&
	    (refuse_leftovers(d->folder, err) == -1 ||
		store_mkdirs(metadata, err) == -1 ||
		(d->dir = store_dir_open(metadata, err)) == NULL))
		rc = -1;
	free(metadata);
	if (rc == -1)
		return -1;
	uuid_random(d->uuid);
	json_t *root =
	    metadata_create(c, d->uuid, d->folder, wall_now().us / 1000, err);
	rc = root != NULL ? metadata_text(root, &d->text, err) : -1;
	json_decref(root);
	return rc;
}

/*
 * Whoever stood still before the link may have made version 1 of a table that
 * others have made, grown and tidied since. Then the newest is not of our
 * uuid, and version 1, which names no row, is none of its versions: it goes.
 */
static int
is_ours(const struct draft *d, const struct table *t, struct err *err)
{
	if (strcmp(t->uuid, d->uuid) == 0)
		return 0;
	if (hadoop_held(d->dir, d->folder, 1, &d->text) == HELD_SAME) {
		char *path = hadoop_metadata_path(d->folder, 1);
		store_discard_in(d->dir, path);
		free(path);
	}
	return refuse_created(d->folder, err);
}

static int
draft_link(const struct draft *d, const char *owner, struct table **out,
    struct err *err)
{
	int rc = hadoop_link(d->dir, d->folder, 1, &d->text, owner, err);

	if (rc == LINK_TAKEN)
		return err_set(err, ERR_CONFLICT,
		    "another writer created the "
		    "table in '%s' at the same moment",
		    d->folder);
	if (rc != LINK_OURS)
		return -1;
	hadoop_hint(d->dir, d->folder, 1, owner);
	rc = hadoop_load(d->folder, out, err);
	if (rc == 0)
		err_set(err, ERR_CONFLICT,
		    "the table in '%s' is gone right after it was created",
		    d->folder);
	if (rc != 1)
		return -1;
	if (is_ours(d, *out, err) == 0)
		return 0;
	table_free(*out);
	*out = NULL;
	return -1;
}

int
table_vacant(const char *warehouse, const char *namespace_, const char *name,
    char **folder, struct err *err)
{
	if ((*folder = hadoop_folder(warehouse, namespace_, name, err)) == NULL)
		return -1;
	int rc = refuse_leftovers(*folder, err);

	if (rc == 0)
		return 0;
	free(*folder);
	*folder = NULL;
	return -1;
}

int
table_create(const char *warehouse, const char *namespace_, const char *name,
    const struct table_create *c, struct table **out, struct err *err)
{
	char *folder = hadoop_folder(warehouse, namespace_, name, err);
	struct draft d = { .folder = folder };

	json_set_alloc_funcs(xmalloc, free);
	*out = NULL;
	if (folder == NULL)
		return -1;
	buf_init(&d.text, 0);
	int rc = draft_new(&d, c, err);
	if (rc == 0)
		rc = draft_link(
		    &d, c->owner != NULL ? c->owner : "new", out, err);
	store_dir_close(d.dir);
	buf_clear(&d.text);
	free(folder);
	return rc;
}
