/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounding a table's metadata: old snapshots leave it with a commit, and what
 * only they reached is removed after it. (The table properties history.expire.*
 * and gc.enabled, and write.metadata.delete-after-commit.enabled, as Iceberg's
 * Java library has them.)
 *
 * Only the old end of a plain history goes: a table with another branch, or
 * with snapshots outside main's ancestry, is left to the tool that made it so,
 * and a snapshot that is tagged, described by statistics or anything but an
 * append is kept with all that came after it. So what is kept never has a gap,
 * which other tools' clean-up could take for a rollback, and data files all
 * stay: an append has none that only it reaches.
 */
#ifndef CALVE_ICEBERG_EXPIRE_H
#define CALVE_ICEBERG_EXPIRE_H

#include <stddef.h>
#include <stdint.h>

#include "worker/iceberg/table.h"

enum { EXPIRE_AT_ONCE = 10 }; /* so that no commit pays for many */

struct expiry {
	int64_t ids[EXPIRE_AT_ONCE]; /* oldest first */
	size_t n;
};

/* Which snapshots of fresh the commit may leave out. */
void expire_choose(const struct table *fresh, const struct append *,
    int64_t now_ms, struct expiry *out);

/* To be called when `after`, which leaves those out, is committed and synced:
 * removes the manifest lists and manifests of before that nothing in the
 * newest version reaches, which is after or a later one, and versions that its
 * log has dropped, all of them in the table's own folder only. Whatever cannot
 * be read or removed is left. */
void expire_files(const struct table *before, const struct table *after,
    const struct expiry *);

#endif
