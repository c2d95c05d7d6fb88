/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are to be removed unless somebody names them.
 *
 * Names are compared without their folders: those of data files, manifests and
 * lists bear a UUID, so one name is one file, and a folder can be spelled in
 * many ways.
 */
#ifndef CALVE_ICEBERG_DOOMED_H
#define CALVE_ICEBERG_DOOMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

struct doomed {
	char *path;       /* local */
	const char *name; /* its last part */
	bool kept;
};

struct doomed_set {
	struct doomed *list; /* sorted once doomed_sort() was called */
	size_t n, room, nkept;
};

void doomed_add(struct doomed_set *, const char *path);
/* Each name once; to be called between the last add and the first spare.
 * Numbers in names of one form ascend: v9 stands before v10. */
void doomed_sort(struct doomed_set *);
/* This one stays; a name in any folder. */
void doomed_spare(struct doomed_set *, const char *recorded);
/* Spares what any snapshot that t lists reaches: data files, manifests, lists.
 * Manifests that came with a sequence number up to `since` are not opened: they
 * were there before the files in question, so they name none of them (0: all
 * are). -1 when one cannot be read: then nothing may be removed. */
int doomed_spare_reached(struct doomed_set *, const struct table *t,
    int64_t since, struct err *) MUST_USE;

struct doomed_sum {
	uint64_t files, bytes;
};
/* In order; what cannot be removed is left. dir as in store.h. */
struct doomed_sum doomed_remove(
    const struct doomed_set *, const struct store_dir *dir);
void doomed_clear(struct doomed_set *);

#endif
