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
	if ((!plain && !packed) || version == 0 || version < found->version)
		return 0;
	/* both forms of one version: some other writer's doing */
	found->packed = packed || (version == found->version && found->packed);
	found->version = version;
	return 0;
}

int
hadoop_newest(const char *folder, int64_t *version, struct err *err)
{
	struct newest found = { 0, false };
	char *path = xasprintf("%s/metadata", folder);
	int rc = store_list(path, look_at, &found, err);

	free(path);
	if (rc == -1)
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

/* A listing may miss what is made while it runs: walk on from there. */
static int
walk_forward(const char *folder, int64_t *version, struct err *err)
{
	int there = 1;

	while (there == 1) {
		char *next = hadoop_metadata_path(folder, *version + 1);
		there = store_exists(next, err);
		free(next);
		if (there == 1)
			++*version;
	}
	return there;
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
load_version(const char *folder, int64_t version, const struct table *known,
    struct err *err)
{
	struct buf text;
	char *path = hadoop_metadata_path(folder, version);
	struct table *t = NULL;

	buf_init(&text, 0);
	if (store_read(path, &text, METADATA_MAX_BYTES, err) == -1)
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
load_newest(const char *folder, const struct table *known, struct table **out,
    struct err *err)
{
	int64_t version = 0;
	char *metadata = xasprintf("%s/metadata", folder);
	int rc = -1;

	*out = NULL;
	for (int tries = 0; tries < LOAD_TRIES && *out == NULL; tries++) {
		if (hadoop_newest(folder, &version, err) == -1)
			goto out;
		if (version == 0) {
			rc = 0;
			goto out;
		}
		if (walk_forward(folder, &version, err) == -1 ||
		    store_sync_dir(metadata, err) == -1)
			goto out;
		err_clear(err);
		*out = load_version(folder, version, known, err);
		/* an old version may go while we look at it */
		if (*out == NULL && err->sys != ENOENT)
			goto out;
	}
	rc = *out != NULL ? 1 : -1;
out:
	free(metadata);
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

/* ---- making a version ------------------------------------------------- */

/* A crash between link and unlink leaves an extra name, which harms nobody. */
static int
link_and_sync(
    const char *metadata, const char *temp, const char *path, struct err *err)
{
	int rc = store_link(temp, path, err);

	/* while it is unclear, the temporary name is evidence */
	if (rc == -1 && err->cls == ERR_UNCLEAR)
		return -1;
	if (rc == LINK_OURS) {
		FAULT_POINT("commit.linked");
		if (store_sync_dir(metadata, err) == -1)
			return LINK_UNSYNCED;
	}
	store_discard(temp);
	return rc;
}

int
hadoop_link(
    const char *folder, int64_t version, const json_t *root, struct err *err)
{
	char uuid[UUID_TEXT];
	char *text = json_dumps(root, JSON_COMPACT);

	if (text == NULL)
		return err_set(err, ERR_BUG,
		    "table metadata cannot be "
		    "written as JSON");
	uuid_random(uuid);
	char *metadata = xasprintf("%s/metadata", folder);
	char *temp = xasprintf("%s/.tmp-%s", metadata, uuid);
	char *path = hadoop_metadata_path(folder, version);
	int rc = store_put(temp, text, strlen(text), err);
	if (rc == 0)
		rc = link_and_sync(metadata, temp, path, err);
	free(text);
	free(metadata);
	free(temp);
	free(path);
	return rc;
}

/* ---- the hint --------------------------------------------------------- */

/* The version that the hint names and that is there, else 0. */
static int64_t
read_hint(const char *folder, const char *path)
{
	struct buf text;
	struct err ignored;
	int64_t version = 0;
	char *end;

	buf_init(&text, 64);
	if (store_read(path, &text, 32, &ignored) == 0) {
		version = strtoll(buf_cstr(&text), &end, 10);
		if (*end != '\0')
			version = 0;
	}
	buf_clear(&text);
	if (version <= 0)
		return 0;
	char *named = hadoop_metadata_path(folder, version);
	if (store_exists(named, &ignored) != 1)
		version = 0;
	free(named);
	return version;
}

static int
write_hint(const char *metadata, const char *path, int64_t version)
{
	char uuid[UUID_TEXT], text[24];
	struct err err;

	/* no newline: some readers paste it into a file name */
	int n = snprintf(text, sizeof(text), "%" PRId64, version);
	uuid_random(uuid);
	char *temp = xasprintf("%s/.tmp-%s", metadata, uuid);
	int rc = store_put(temp, text, (size_t)n, &err);
	if (rc == 0 && (rc = store_rename(temp, path, &err)) == -1)
		store_discard(temp);
	free(temp);
	return rc;
}

/*
 * Two committers may get here in the wrong order, and the later rename wins.
 * So whoever renamed looks once more whether a newer version has come up, and
 * writes that: the last one to rename has seen that there was none.
 */
void
hadoop_hint(const char *folder, int64_t version)
{
	char *metadata = xasprintf("%s/metadata", folder);
	char *path = xasprintf("%s/version-hint.text", metadata);
	struct err err;

	for (int tries = 0; tries < HINT_TRIES; tries++) {
		if (walk_forward(folder, &version, &err) == -1 ||
		    read_hint(folder, path) >= version ||
		    write_hint(metadata, path, version) == -1)
			break;
	}
	FAULT_POINT("commit.hinted");
	free(path);
	free(metadata);
}

void
table_hint(const struct table *t)
{
	hadoop_hint(t->folder, t->version);
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

/* Files where a new table's metadata will be, unless they are those of a
 * table that another writer has created since we looked. */
static int
refuse_leftovers(const char *folder, struct err *err)
{
	char *metadata = xasprintf("%s/metadata", folder);
	int64_t version = 0;
	int rc = store_list(metadata, stop_at_file, NULL, err);

	if (rc == 1 && (rc = hadoop_newest(folder, &version, err)) == 0)
		rc = version > 0 ? refuse_created(folder, err)
				 : err_set(err, ERR_TABLE,
				       "'%s' has files but no table that can "
				       "be loaded; another table's remains "
				       "must go first",
				       metadata);
	free(metadata);
	return rc;
}

static int
create_in(const char *folder, const struct table_create *c, struct err *err)
{
	char uuid[UUID_TEXT];
	char *metadata = xasprintf("%s/metadata", folder);
	int64_t version = 0;
	int rc = -1;

	if (hadoop_newest(folder, &version, err) == -1)
		goto out;
	if (version > 0) {
		refuse_created(folder, err);
		goto out;
	}
	if (refuse_leftovers(folder, err) == -1 ||
	    store_mkdirs(metadata, err) == -1)
		goto out;
	uuid_random(uuid);
	json_t *root =
	    metadata_create(c, uuid, folder, wall_now().us / 1000, err);
	if (root == NULL)
		goto out;
	rc = hadoop_link(folder, 1, root, err);
	json_decref(root);
	if (rc == LINK_TAKEN)
		rc = err_set(err, ERR_CONFLICT,
		    "another writer created the "
		    "table in '%s' at the same moment",
		    folder);
	else if (rc == LINK_OURS)
		hadoop_hint(folder, 1);
out:
	free(metadata);
	return rc;
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
	int rc = -1;

	json_set_alloc_funcs(xmalloc, free);
	*out = NULL;
	if (folder == NULL)
		return -1;
	if (create_in(folder, c, err) == LINK_OURS) {
		rc = hadoop_load(folder, out, err);
		if (rc == 0)
			err_set(err, ERR_STORE,
			    "'%s' is gone right after it "
			    "was created",
			    folder);
		rc = rc == 1 ? 0 : -1;
	}
	free(folder);
	return rc;
}
