/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of store/ share. */
#ifndef CALVE_STORE_OWN_H
#define CALVE_STORE_OWN_H

#include <fcntl.h>
#include <string.h>

#include "worker/store/store.h"

struct store_dir {
	unsigned users;
	int fd;
	char *path;
};

/* How the kernel is to find `path`: by itself, or by its last part in dir. */
static inline int
store_at(const struct store_dir *dir)
{
	return dir != NULL ? dir->fd : AT_FDCWD;
}

static inline const char *
store_name(const struct store_dir *dir, const char *path)
{
	const char *slash = dir != NULL ? strrchr(path, '/') : NULL;

	return slash != NULL ? slash + 1 : path;
}

#endif
