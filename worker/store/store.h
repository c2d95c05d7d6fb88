/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes at rest, on a local file system (store/file.c, store/folder.c). Nothing is visible
 * under its final name before its bytes are on disk: callers write, sync and
 * then publish.
 *
 * Paths are absolute. Errors are ERR_STORE with the path in quotes; a full
 * disk says so and what to do. Every write, fsync, link, rename and unlink is
 * a fault point in the test build (common/fault.h): store.write,
 * store.fsync, store.fsync_dir, store.link, store.rename, store.unlink,
 * store.mkdir, store.create, each with .before and .after.
 */
#ifndef CALVE_STORE_H
#define CALVE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct store_file;

/* Creates a file that must not exist yet (O_EXCL), for appending. */
struct store_file *store_create(const char *path, struct err *) MUST_USE;
/* The same at the first append, or the end: until then there is nothing on
 * disk, and no descriptor is used. */
struct store_file *store_later(const char *path) MUST_USE;
int store_append(
    struct store_file *, const void *, size_t n, struct err *) MUST_USE;
/* Hands all to the system and gives back the buffer, for a while without
 * appends: hundreds of files may be open. */
int store_settle(struct store_file *, struct err *) MUST_USE;
uint64_t store_size(const struct store_file *);
const char *store_path(const struct store_file *);
/* fsync, close, free. The folder is synced by store_sync_dir(). On an error
 * the file is removed too: what could not be synced is never trusted. */
int store_close(struct store_file *, struct err *) MUST_USE;
/* Close and remove what was written; never fails. */
void store_abort(struct store_file *);

/* Makes path and its missing parents, each synced into its parent. */
int store_mkdirs(const char *path, struct err *) MUST_USE;
int store_sync_dir(const char *path, struct err *) MUST_USE;
/* The same of each folder between these and top, which holds them all and is
 * one of them: their entries may have been made by somebody who died before
 * they were on disk. Each once. */
int store_sync_above(
    const char *const *paths, size_t n, const char *top, struct err *) MUST_USE;
/* Whole file, appended to out; ERR_STORE when larger than max. err->sys is
 * ENOENT when there is none. */
int store_read(
    const char *path, struct buf *out, size_t max, struct err *) MUST_USE;
/* 0 where that cannot be told: for reports only. */
uint64_t store_bytes(const char *path);
/* 1 exists, 0 does not, -1 error. */
int store_exists(const char *path, struct err *) MUST_USE;
/* create + append + close under a new name */
int store_put(const char *path, const void *, size_t n, struct err *) MUST_USE;
int store_unlink(const char *path, struct err *) MUST_USE; /* absent is fine */
/* The same where a leftover harms nobody: never fails. */
void store_discard(const char *path);
/* Calls each entry name (no . and ..) of a folder; absent folder: none.
 * Stops at a non-zero return of each() and returns it. */
int store_list(const char *path, int (*each)(void *arg, const char *name),
    void *arg, struct err *) MUST_USE;

/* Calls each with the path of every file under a folder, at any depth; none
 * where the folder is absent. Symbolic links are neither followed nor told.
 * Stops as store_list() does. */
int store_walk(const char *path, int (*each)(void *arg, const char *path),
    void *arg, struct err *) MUST_USE;

/*
 * A folder held open. Paths given together with it are of files in it, found
 * by their last part in this very folder, wherever its own path leads by then:
 * in a folder that was removed there is nothing, and nothing can be made any
 * more (ENOENT; POSIX, rmdir(): "no further entries shall be created"). NULL
 * stands for the file's whole path.
 */
struct store_dir;
struct store_dir *store_dir_open(const char *path, struct err *) MUST_USE;
struct store_dir *store_dir_share(struct store_dir *);
void store_dir_close(struct store_dir *); /* the last user's; NULL is fine */
/* Does its path still lead to it? 1, 0, -1 error. */
int store_dir_stands(const struct store_dir *, struct err *) MUST_USE;

int store_read_in(const struct store_dir *, const char *path, struct buf *out,
    size_t max, struct err *) MUST_USE;
int store_exists_in(
    const struct store_dir *, const char *path, struct err *) MUST_USE;
int store_put_in(const struct store_dir *, const char *path, const void *,
    size_t n, struct err *) MUST_USE;
int store_unlink_in(
    const struct store_dir *, const char *path, struct err *) MUST_USE;
void store_discard_in(const struct store_dir *, const char *path);
int store_list_in(const struct store_dir *,
    int (*each)(void *arg, const char *name), void *arg, struct err *) MUST_USE;
int store_sync_in(const struct store_dir *, struct err *) MUST_USE;
/* link(2): 1 linked, 0 when `to` exists already and is not `from`, -1 error.
 * A lost reply is recognised by comparing inodes. ERR_UNCLEAR when the file
 * system does not tell whether the link was made. */
int store_link(const struct store_dir *, const char *from, const char *to,
    struct err *) MUST_USE;
int store_rename(const struct store_dir *, const char *from, const char *to,
    struct err *) MUST_USE;

#endif
