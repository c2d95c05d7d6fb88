/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's versions on a file system: finding the newest, making the next.
 *
 * vN.metadata.json is made once and never changed; whoever links it first owns
 * version N. version-hint.text helps readers that do not look for themselves;
 * nothing here believes it.
 *
 * A version is known by its number and the folder it is in, held open since
 * before it was looked for (struct table's dir): a table that is dropped and
 * made again under the same path has a folder of its own, and what is linked,
 * renamed or removed by number never gets there.
 */
#ifndef CALVE_ICEBERG_HADOOP_H
#define CALVE_ICEBERG_HADOOP_H

#include <stdint.h>

#include <jansson.h>

#include "common/err.h"
#include "worker/iceberg/table.h"
#include "worker/store/store.h"

/* warehouse/namespace.../name of checked parts; fresh string, NULL:
 * ERR_CONFIG. */
char *hadoop_folder(const char *warehouse, const char *namespace_,
    const char *name, struct err *) MUST_USE;

/* The newest version in the metadata folder, by listing; 0 when there is none.
 * Compressed metadata: ERR_TABLE. */
int hadoop_newest(const struct store_dir *, const char *folder,
    int64_t *version, struct err *) MUST_USE;

/* The newest version of the table in that folder: 1 loaded, 0 none, -1. What
 * it was found by is on disk: the folder is synced, since whoever linked it
 * may have died before doing so. */
int hadoop_load(const char *folder, struct table **out, struct err *) MUST_USE;
/* The same of a table that was loaded before: when it is still that version,
 * byte for byte, its JSON is shared instead of parsed again. */
int hadoop_reload(
    const struct table *known, struct table **out, struct err *) MUST_USE;

/* The newest that is older than t, in t's folder: 1 loaded, 0 none, -1. */
int hadoop_load_before(
    const struct table *t, struct table **out, struct err *) MUST_USE;

/* folder/metadata/vN.metadata.json; fresh string */
char *hadoop_metadata_path(const char *folder, int64_t version);

enum {
	LINK_TAKEN = 0, /* another writer has that version */
	LINK_OURS = 1,
	LINK_UNSYNCED = 2 /* ours, but a power cut may undo it: err */
};
/* Makes a version of that text in the metadata folder, or -1: error
 * (ERR_UNCLEAR: it may be ours or not). Does not touch the hint. The owner's
 * name is in that of the temporary file: a run that dies may leave it. */
int hadoop_link(const struct store_dir *, const char *folder, int64_t version,
    const struct buf *text, const char *owner, struct err *) MUST_USE;

/* Is a version there, and of that very text? */
enum held { HELD_NOT, HELD_SAME, HELD_OTHER, HELD_UNKNOWN };
enum held hadoop_held(const struct store_dir *, const char *folder,
    int64_t version, const struct buf *text);

/* Points version-hint.text to the newest version, never backwards, nor to one
 * that is not in this folder. A failure costs readers nothing but age, so
 * there is none. */
void hadoop_hint(const struct store_dir *, const char *folder, int64_t version,
    const char *owner);

#endif
