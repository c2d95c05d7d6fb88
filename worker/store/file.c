/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h on a local file system (or what the kernel mounts as one).
 *
 * Owns every system call that makes bytes durable, and with it every fault
 * point around them. Promises that a step which returned 0 did happen, and
 * that one which returned -1 either did not or says so (store_link). Knows
 * nothing of what the bytes mean.
 *
 * Appends are gathered in a small buffer per file, since Parquet writes many
 * short page headers; larger pieces go to the kernel as they are.
 */
#include <sys/stat.h>
#include <sys/types.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/store/store.h"

enum { STORE_BUFFER = 1 << 16 };

struct store_file {
	int fd;
	char *path;
	uint64_t size;   /* appended so far, gathered bytes included */
	uint8_t *gather; /* STORE_BUFFER bytes, NULL until needed */
	size_t ngather;
};

static void
file_free(struct store_file *f)
{
	free(f->gather);
	free(f->path);
	free(f);
}

static int
make(struct store_file *f, struct err *err)
{
	if (f->fd != -1)
		return 0;
	FAULT_POINT("store.create.before");
	f->fd = FAULT_ERRNO("store.create")
	    ? -1
	    : open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
		  0666);
	if (f->fd == -1)
		return err_sys(err, ERR_STORE, "cannot create '%s'", f->path);
	FAULT_POINT("store.create.after");
	return 0;
}

struct store_file *
store_later(const char *path)
{
	struct store_file *f = xcalloc(1, sizeof(*f));

	f->fd = -1;
	f->path = xstrdup(path);
	return f;
}

struct store_file *
store_create(const char *path, struct err *err)
{
	struct store_file *f = store_later(path);

	if (make(f, err) == 0)
		return f;
	file_free(f);
	return NULL;
}

static int
write_all(struct store_file *f, const uint8_t *p, size_t n, struct err *err)
{
	while (n > 0) {
		/* one call moves at most INT_MAX-ish bytes on Linux anyway */
		size_t want = n < (size_t)INT_MAX / 2 ? n : (size_t)INT_MAX / 2;

		FAULT_POINT("store.write.before");
		ssize_t done =
		    FAULT_ERRNO("store.write") ? -1 : write(f->fd, p, want);
		if (done == -1) {
			if (errno == EINTR)
				continue;
			return err_sys(
			    err, ERR_STORE, "cannot write '%s'", f->path);
		}
		FAULT_POINT("store.write.after");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int
flush(struct store_file *f, struct err *err)
{
	size_t n = f->ngather;

	f->ngather = 0;
	return n > 0 ? write_all(f, f->gather, n, err) : 0;
}

int
store_append(struct store_file *f, const void *data, size_t n, struct err *err)
{
	if (make(f, err) == -1)
		return -1;
	f->size += n;
	if (n > STORE_BUFFER - f->ngather && flush(f, err) == -1)
		return -1;
	if (n >= STORE_BUFFER)
		return write_all(f, data, n, err);
	if (n == 0)
		return 0;
	if (f->gather == NULL)
		f->gather = xmalloc(STORE_BUFFER);
	memcpy(f->gather + f->ngather, data, n);
	f->ngather += n;
	return 0;
}

int
store_settle(struct store_file *f, struct err *err)
{
	int rc = flush(f, err);

	free(f->gather);
	f->gather = NULL;
	return rc;
}

uint64_t
store_size(const struct store_file *f)
{
	return f->size;
}

const char *
store_path(const struct store_file *f)
{
	return f->path;
}

static int
sync_fd(int fd, const char *path, struct err *err)
{
	FAULT_POINT("store.fsync.before");
	int rc;
	do {
		rc = FAULT_ERRNO("store.fsync") ? -1 : fsync(fd);
	} while (rc == -1 && errno == EINTR);
	if (rc == -1)
		return err_sys(err, ERR_STORE, "cannot sync '%s'", path);
	FAULT_POINT("store.fsync.after");
	return 0;
}

int
store_close(struct store_file *f, struct err *err)
{
	if (make(f, err) == -1 || flush(f, err) == -1 ||
	    sync_fd(f->fd, f->path, err) == -1) {
		store_abort(f);
		return -1;
	}
	/* after a good fsync only network file systems report anything here */
	if (close(f->fd) == -1 && errno != EINTR) {
		err_sys(err, ERR_STORE, "cannot close '%s'", f->path);
		(void)unlink(f->path);
		file_free(f);
		return -1;
	}
	file_free(f);
	return 0;
}

void
store_abort(struct store_file *f)
{
	if (f == NULL)
		return;
	if (f->fd != -1) {
		(void)close(f->fd);
		(void)unlink(f->path);
	}
	file_free(f);
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

int
store_sync_dir(const char *path, struct err *err)
{
	FAULT_POINT("store.fsync_dir.before");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_sys(err, ERR_STORE, "cannot open folder '%s'", path);
	int rc = FAULT_ERRNO("store.fsync_dir") ? -1 : fsync(fd);
	/* some file systems cannot sync folders and say so in these words */
	if (rc == -1 && errno != EINVAL && errno != EBADF)
		err_sys(err, ERR_STORE, "cannot sync folder '%s'", path);
	else
		rc = 0;
	(void)close(fd);
	if (rc == 0)
		FAULT_POINT("store.fsync_dir.after");
	return rc;
}

int
store_read(const char *path, struct buf *out, size_t max, struct err *err)
{
	struct stat st;
	int rc = -1;
	/* O_NONBLOCK: a FIFO in the way must not hang us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(err, ERR_STORE, "cannot open '%s'", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_STORE, "'%s' is not a regular file", path);
		goto out;
	}
	size_t total = 0;
	for (;;) {
		/* one byte over the size finds end-of-file without growing */
		size_t want = (uint64_t)st.st_size > total
		    ? (size_t)st.st_size - total + 1
		    : 4096;
		if (want > max - total)
			want = max - total + 1;
		uint8_t *p = buf_reserve(out, want);
		if (p == NULL) {
			err_set(err, ERR_STORE, "'%s' is too large", path);
			goto out;
		}
		ssize_t n = FAULT_ERRNO("store.read") ? -1 : read(fd, p, want);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			err_sys(err, ERR_STORE, "cannot read '%s'", path);
			goto out;
		}
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > max) {
			err_set(err, ERR_STORE, "'%s' is larger than %zu bytes",
			    path, max);
			goto out;
		}
		out->len += (size_t)n;
	}
	rc = 0;
out:
	if (fd != -1)
		(void)close(fd);
	return rc;
}

int
store_exists(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return 1;
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_sys(err, ERR_STORE, "cannot look at '%s'", path);
}

int
store_put(const char *path, const void *data, size_t n, struct err *err)
{
	struct store_file *f = store_create(path, err);

	if (f == NULL)
		return -1;
	if (store_append(f, data, n, err) == -1) {
		store_abort(f);
		return -1;
	}
	return store_close(f, err);
}

/* Errors that a link which was made never reports. */
static bool
is_definite(int sys)
{
	static const int definite[] = { EACCES, EPERM, EROFS, ENOSPC, EDQUOT,
		EMLINK, ENOENT, ENOTDIR, EXDEV, ELOOP, ENAMETOOLONG, ENOMEM,
		EOPNOTSUPP };

	for (size_t i = 0; i < sizeof(definite) / sizeof(definite[0]); i++)
		if (sys == definite[i])
			return true;
	return false;
}

enum seen { SEEN_SAME, SEEN_OTHER, SEEN_NONE, SEEN_UNKNOWN };

/* What stands under `to`: the file that `from` names? */
static enum seen
look(const char *from, const char *to)
{
	struct stat a, b;

	if (lstat(to, &b) == -1)
		return errno == ENOENT ? SEEN_NONE : SEEN_UNKNOWN;
	if (lstat(from, &a) == -1)
		return SEEN_UNKNOWN;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? SEEN_SAME
							    : SEEN_OTHER;
}

int
store_link(const char *from, const char *to, struct err *err)
{
	FAULT_POINT("store.link.before");
	int rc = FAULT_ERRNO("store.link") ? -1 : link(from, to);
	if (rc == 0 && FAULT_ERRNO("store.link.reply"))
		rc = -1;
	if (rc == 0) {
		FAULT_POINT("store.link.after");
		return 1;
	}

	/* an error may be the lost reply to a link that did happen */
	int sys = errno;
	enum seen seen = look(from, to);
	if (seen == SEEN_SAME) {
		FAULT_POINT("store.link.after");
		return 1;
	}
	if (seen == SEEN_OTHER && (sys == EEXIST || !is_definite(sys)))
		return 0;
	errno = sys;
	if (is_definite(sys))
		return err_sys(err, ERR_STORE, "cannot link '%s'", to);
	return err_sys(err, ERR_UNCLEAR,
	    "cannot tell whether '%s' was "
	    "linked",
	    to);
}

int
store_rename(const char *from, const char *to, struct err *err)
{
	FAULT_POINT("store.rename.before");
	if (FAULT_ERRNO("store.rename") || rename(from, to) == -1)
		return err_sys(
		    err, ERR_STORE, "cannot rename '%s' to '%s'", from, to);
	FAULT_POINT("store.rename.after");
	return 0;
}

int
store_unlink(const char *path, struct err *err)
{
	FAULT_POINT("store.unlink.before");
	if (FAULT_ERRNO("store.unlink") ||
	    (unlink(path) == -1 && errno != ENOENT))
		return err_sys(err, ERR_STORE, "cannot remove '%s'", path);
	FAULT_POINT("store.unlink.after");
	return 0;
}

void
store_discard(const char *path)
{
	struct err ignored;

	if (store_unlink(path, &ignored) == -1)
		return;
}

int
store_list(const char *path, int (*each)(void *arg, const char *name),
    void *arg, struct err *err)
{
	DIR *dir = opendir(path);

	if (dir == NULL) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, ERR_STORE, "cannot list '%s'", path);
	}
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
