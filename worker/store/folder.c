/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders of store.h: made, synced, listed, held open.
 */
#include <sys/stat.h>
#include <sys/types.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/store/store_own.h"

static int
sync_folder(int fd, const char *path, struct err *err)
{
	FAULT_POINT("store.fsync_dir.before");
	int rc = FAULT_ERRNO("store.fsync_dir") ? -1 : fsync(fd);
	/* some file systems cannot sync folders and say so in these words */
	if (rc == -1 && errno != EINVAL && errno != EBADF)
		return err_sys(err, ERR_STORE, "cannot sync folder '%s'", path);
	FAULT_POINT("store.fsync_dir.after");
	return 0;
}

int
store_sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return err_sys(err, ERR_STORE, "cannot open folder '%s'", path);
	int rc = sync_folder(fd, path, err);
	(void)close(fd);
	return rc;
}

/* The parent of path as a fresh string; "/" for a top-level name. */
static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/")
			     : xstrndup(path, (size_t)(slash - path));
}

/* 1 made, 0 was there, -1 error */
static int
make_one(const char *path, struct err *err)
{
	FAULT_POINT("store.mkdir.before");
	if (FAULT_ERRNO("store.mkdir") || mkdir(path, 0777) == -1) {
		if (errno == EEXIST)
			return 0;
		return err_sys(err, ERR_STORE, "cannot make folder '%s'", path);
	}
	FAULT_POINT("store.mkdir.after");
	char *parent = parent_of(path);
	int rc = store_sync_dir(parent, err);
	free(parent);
	return rc == -1 ? -1 : 1;
}

int
store_mkdirs(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		return err_set(err, ERR_STORE,
		    "'%s' is a file where a folder is needed", path);
	}
	char *work = xstrdup(path);
	int rc = 0;
	for (char *p = work + 1; rc != -1 && *p != '\0'; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		/* look first: mkdir of an ancestor on a read-only or automount
		 * file system fails with something else than EEXIST */
		if (stat(work, &st) == -1)
			rc = make_one(work, err);
		*p = '/';
	}
	if (rc != -1)
		rc = make_one(work, err);
	free(work);
	if (rc == -1)
		return -1;
	if (stat(path, &st) == -1)
		return err_sys(err, ERR_STORE, "cannot reach '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_STORE,
		    "'%s' is a file where a folder is needed", path);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
store_sync_above(
    const char *const *paths, size_t n, const char *top, struct err *err)
{
	size_t least = strlen(top), nabove = 0, room = 0;
	char **above = NULL;
	int rc = 0;

	for (size_t k = 0; k < n; k++) {
		char *up = parent_of(paths[k]);

		while (strlen(up) >= least && strcmp(up, paths[k]) != 0) {
			if (nabove == room)
				above = xreallocarray(above,
				    room = 2 * room + 16, sizeof(*above));
			above[nabove++] = up;
			up = parent_of(up);
		}
		free(up);
	}
	if (nabove > 1)
		qsort(above, nabove, sizeof(*above), by_text);
	for (size_t k = 0; k < nabove; k++)
		if (rc == 0 && (k == 0 || strcmp(above[k - 1], above[k]) != 0))
			rc = store_sync_dir(above[k], err);
	for (size_t k = 0; k < nabove; k++)
		free(above[k]);
	free(above);
	return rc;
}

/* Closes dir. */
static int
list(DIR *dir, const char *path, int (*each)(void *arg, const char *name),
    void *arg, struct err *err)
{
	int rc = 0;
	while (rc == 0) {
		errno = 0;
		const struct dirent *de = readdir(dir);
		if (de == NULL) {
			if (errno != 0)
				rc = err_sys(
				    err, ERR_STORE, "cannot list '%s'", path);
			break;
		}
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		rc = each(arg, de->d_name);
	}
	(void)closedir(dir);
	return rc;
}

int
store_list(const char *path, int (*each)(void *arg, const char *name),
    void *arg, struct err *err)
{
	DIR *dir = opendir(path);

	if (dir != NULL)
		return list(dir, path, each, arg, err);
	return errno == ENOENT
	    ? 0
	    : err_sys(err, ERR_STORE, "cannot list '%s'", path);
}

/* ---- and all below it ---------------------------------------------------- */

struct walk {
	const char *folder;
	int (*each)(void *arg, const char *path);
	void *arg;
	unsigned depth;
	struct err *err;
};

/* Partition fields are folders: Iceberg has no more levels than those. */
enum { DEPTH_MAX = 1000 };

static int
walk_entry(void *arg, const char *name)
{
	const struct walk *w = arg;
	char *path = xasprintf("%s/%s", w->folder, name);
	struct walk below = *w;
	struct stat st;
	int rc = 0;

	below.folder = path;
	if (lstat(path, &st) == -1)
		rc = errno == ENOENT
		    ? 0
		    : err_sys(w->err, ERR_STORE, "cannot look at '%s'", path);
	else if (S_ISREG(st.st_mode))
		rc = w->each(w->arg, path);
	else if (S_ISDIR(st.st_mode) && ++below.depth < DEPTH_MAX)
		rc = store_list(path, walk_entry, &below, w->err);
	free(path);
	return rc;
}

int
store_walk(const char *path, int (*each)(void *arg, const char *path),
    void *arg, struct err *err)
{
	struct walk w = { path, each, arg, 0, err };

	return store_list(path, walk_entry, &w, err);
}

/* ---- one that is held open ----------------------------------------------- */

struct store_dir *
store_dir_open(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1) {
		err_sys(err, ERR_STORE, "cannot open folder '%s'", path);
		return NULL;
	}
	struct store_dir *dir = xmalloc(sizeof *dir);
	*dir = (struct store_dir){ 1, fd, xstrdup(path) };
	return dir;
}

struct store_dir *
store_dir_share(struct store_dir *dir)
{
	if (dir != NULL)
		dir->users++;
	return dir;
}

void
store_dir_close(struct store_dir *dir)
{
	if (dir == NULL || --dir->users > 0)
		return;
	(void)close(dir->fd);
	free(dir->path);
	free(dir);
}

int
store_dir_stands(const struct store_dir *dir, struct err *err)
{
	struct stat held, there;

	if (fstat(dir->fd, &held) == -1 ||
	    (stat(dir->path, &there) == -1 && errno != ENOENT &&
		errno != ENOTDIR))
		return err_sys(
		    err, ERR_STORE, "cannot look at '%s'", dir->path);
	return stat(dir->path, &there) == 0 && held.st_dev == there.st_dev &&
	    held.st_ino == there.st_ino;
}

int
store_sync_in(const struct store_dir *dir, struct err *err)
{
	return sync_folder(dir->fd, dir->path, err);
}

int
store_list_in(const struct store_dir *dir,
    int (*each)(void *arg, const char *name), void *arg, struct err *err)
{
	/* a description of its own: where it reads on is not shared */
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd != -1 ? fdopendir(fd) : NULL;

	if (stream != NULL)
		return list(stream, dir->path, each, arg, err);
	int sys = errno;
	if (fd != -1)
		(void)close(fd);
	errno = sys;
	/* one that was removed has no names */
	return sys == ENOENT
	    ? 0
	    : err_sys(err, ERR_STORE, "cannot list '%s'", dir->path);
}
