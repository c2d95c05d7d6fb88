/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of store.h on a local file system (or what the kernel mounts as one);
 * folders are folder.c's.
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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/xalloc.h"
#include "worker/store/store_own.h"

enum { STORE_BUFFER = 1 << 16 };

struct store_file {
	const struct store_dir *dir; /* NULL: by its whole path */
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
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY;

	if (f->fd != -1)
		return 0;
	FAULT_POINT("store.create.before");
	f->fd = FAULT_ERRNO("store.create")
	    ? -1
	    : openat(
		  store_at(f->dir), store_name(f->dir, f->path), flags, 0666);
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

static struct store_file *
create_in(const struct store_dir *dir, const char *path, struct err *err)
{
	struct store_file *f = store_later(path);

	f->dir = dir;
	if (make(f, err) == 0)
		return f;
	file_free(f);
	return NULL;
}

struct store_file *
store_create(const char *path, struct err *err)
{
	return create_in(NULL, path, err);
}

static void
unlink_file(const struct store_file *f)
{
	(void)unlinkat(store_at(f->dir), store_name(f->dir, f->path), 0);
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
		unlink_file(f);
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
		unlink_file(f);
	}
	file_free(f);
}

int
store_read_in(const struct store_dir *dir, const char *path, struct buf *out,
    size_t max, struct err *err)
{
	/* O_NONBLOCK: a FIFO in the way must not hang us */
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int rc = -1;
	int fd = openat(store_at(dir), store_name(dir, path), flags);

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
store_read(const char *path, struct buf *out, size_t max, struct err *err)
{
	return store_read_in(NULL, path, out, max, err);
}

static int
look_at(const struct store_dir *dir, const char *path, struct stat *st)
{
	return fstatat(
	    store_at(dir), store_name(dir, path), st, AT_SYMLINK_NOFOLLOW);
}

uint64_t
store_bytes(const char *path)
{
	struct stat st;

	return look_at(NULL, path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int
store_exists_in(const struct store_dir *dir, const char *path, struct err *err)
{
	struct stat st;

	if (look_at(dir, path, &st) == 0)
		return 1;
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return err_sys(err, ERR_STORE, "cannot look at '%s'", path);
}

int
store_exists(const char *path, struct err *err)
{
	return store_exists_in(NULL, path, err);
}

int
store_put_in(const struct store_dir *dir, const char *path, const void *data,
    size_t n, struct err *err)
{
	struct store_file *f = create_in(dir, path, err);

	if (f == NULL)
		return -1;
	if (store_append(f, data, n, err) == -1) {
		store_abort(f);
		return -1;
	}
	return store_close(f, err);
}

int
store_put(const char *path, const void *data, size_t n, struct err *err)
{
	return store_put_in(NULL, path, data, n, err);
}

/* Errors that a link which was made never reports. (link(2), "ERRORS": of
 * these the kernel says before it makes a name. EIO and what only servers
 * report, ESTALE or ETIMEDOUT, are not among them.) */
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
look(const struct store_dir *dir, const char *from, const char *to)
{
	struct stat a, b;

	if (look_at(dir, to, &b) == -1)
		return errno == ENOENT ? SEEN_NONE : SEEN_UNKNOWN;
	if (look_at(dir, from, &a) == -1)
		return SEEN_UNKNOWN;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino ? SEEN_SAME
							    : SEEN_OTHER;
}

int
store_link(const struct store_dir *dir, const char *from, const char *to,
    struct err *err)
{
	const int at = store_at(dir);

	FAULT_POINT("store.link.before");
	int rc = FAULT_ERRNO("store.link")
	    ? -1
	    : linkat(at, store_name(dir, from), at, store_name(dir, to), 0);
	if (rc == 0 && FAULT_ERRNO("store.link.reply"))
		rc = -1;
	if (rc == 0) {
		FAULT_POINT("store.link.after");
		return 1;
	}

	/* an error may be the lost reply to a link that did happen */
	int sys = errno;
	enum seen seen = look(dir, from, to);
	if (seen == SEEN_SAME) {
		FAULT_POINT("store.link.after");
		return 1;
	}
	if (seen == SEEN_OTHER && sys == EEXIST)
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
store_rename(const struct store_dir *dir, const char *from, const char *to,
    struct err *err)
{
	const int at = store_at(dir);

	FAULT_POINT("store.rename.before");
	if (FAULT_ERRNO("store.rename") ||
	    renameat(at, store_name(dir, from), at, store_name(dir, to)) == -1)
		return err_sys(
		    err, ERR_STORE, "cannot rename '%s' to '%s'", from, to);
	FAULT_POINT("store.rename.after");
	return 0;
}

int
store_unlink_in(const struct store_dir *dir, const char *path, struct err *err)
{
	FAULT_POINT("store.unlink.before");
	if (FAULT_ERRNO("store.unlink") ||
	    (unlinkat(store_at(dir), store_name(dir, path), 0) == -1 &&
		errno != ENOENT))
		return err_sys(err, ERR_STORE, "cannot remove '%s'", path);
	FAULT_POINT("store.unlink.after");
	return 0;
}

int
store_unlink(const char *path, struct err *err)
{
	return store_unlink_in(NULL, path, err);
}

void
store_discard_in(const struct store_dir *dir, const char *path)
{
	struct err ignored;

	if (store_unlink_in(dir, path, &ignored) == -1)
		return;
}

void
store_discard(const char *path)
{
	store_discard_in(NULL, path);
}
