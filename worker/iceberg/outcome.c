/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses of a commit, see outcome.h. */
#include "worker/iceberg/outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/iceberg/hadoop.h"
#include "worker/iceberg/location.h"
#include "worker/store/store.h"

struct link {
	const struct table *fresh, *next;
	const struct append *a;
	enum held base, ours; /* the version before, and that number */
};

static enum outcome
unclear(const struct link *l, struct err *err, const char *why)
{
	err_set(err, ERR_UNCLEAR, "version %" PRId64 " of '%s': %s",
	    l->next->version, l->next->folder, why);
	return OUTCOME_UNCLEAR;
}

/* Only our commit can have brought either of these. */
static bool
knows_us(const struct table *later, const struct append *a)
{
	struct snapshot s;
	const char *is;

	if (table_find_snapshot(later, a->snapshot_id, &s))
		return true;
	if (a->witness == NULL ||
	    (is = table_property(later, a->witness)) == NULL)
		return false;
	for (size_t i = 0; i < a->nproperties; i++)
		if (strcmp(a->properties[i].key, a->witness) == 0)
			return strcmp(a->properties[i].value, is) == 0;
	return false;
}

/* Does its log tell of another's version under our number? */
static bool
objects(const struct table *later, const struct table *next)
{
	const json_t *log = json_object_get(later->root, "metadata-log");
	const json_t *ours = json_object_get(next->root, "last-updated-ms");
	char *path = hadoop_metadata_path(next->folder, next->version);
	const char *name = strrchr(path, '/'), *logged, *slash;
	bool object = false;

	for (size_t i = 0; i < json_array_size(log); i++) {
		const json_t *entry = json_array_get(log, i);
		logged =
		    json_string_value(json_object_get(entry, "metadata-file"));
		slash = logged != NULL ? strrchr(logged, '/') : NULL;
		if (slash != NULL && strcmp(slash, name) == 0)
			object = json_integer_value(
				     json_object_get(entry, "timestamp-ms")) !=
			    json_integer_value(ours);
	}
	free(path);
	return object;
}

/* Dropped file by file: the folder stayed, or was filled again. */
static enum outcome
take_back(const struct link *l, struct err *err)
{
	char *path = hadoop_metadata_path(l->next->folder, l->next->version);

	store_discard_in(l->next->dir, path);
	free(path);
	return unclear(l, err,
	    "the table was dropped meanwhile; what was linked there is taken "
	    "back");
}

/* The newest version is not ours. */
static enum outcome
ask_later(const struct link *l, const struct table *later, struct err *err)
{
	bool is_same = strcmp(later->uuid, l->fresh->uuid) == 0;

	if (!is_same && l->ours == HELD_SAME && l->base != HELD_SAME)
		return take_back(l, err);
	if (!is_same)
		return unclear(l, err, "another table is there by now");
	if (knows_us(later, l->a))
		return OUTCOME_LANDED;
	if (objects(later, l->next))
		return unclear(l, err,
		    "its number was another's, removed and taken again");
	if (l->base == HELD_SAME && l->ours == HELD_SAME)
		return OUTCOME_LANDED;
	return unclear(l, err, "nothing tells any more whether it was made");
}

/* Our manifest list was synced before the link, and nothing lets go of that
 * of the newest snapshot: where it is not there, the folder was emptied. */
static bool
was_emptied(const struct link *l)
{
	struct snapshot s;
	struct err ignored;
	const char *list = NULL, *local = NULL;

	if (table_find_snapshot(l->next, l->a->snapshot_id, &s))
		list =
		    json_string_value(json_object_get(s.json, "manifest-list"));
	if (list != NULL)
		local = location_local(list);
	return local != NULL &&
	    store_exists_in(l->next->dir, local, &ignored) == 0;
}

/* Ours is the newest, and what it was built on is gone: a table whose older
 * versions somebody has tidied away, one that was dropped, or another one that
 * is younger. */
static enum outcome
ask_earlier(const struct link *l, struct err *err)
{
	struct table *earlier;
	enum outcome outcome;

	int rc = hadoop_load_before(l->next, &earlier, err);
	if (rc == 0 && was_emptied(l))
		return take_back(l, err);
	if (rc != 1)
		return unclear(
		    l, err, "the versions before it are gone or not readable");
	outcome = strcmp(earlier->uuid, l->fresh->uuid) != 0
	    ? take_back(l, err)
	    : unclear(l, err, "the version before it is gone");
	table_free(earlier);
	return outcome;
}

static enum outcome
ask(const struct link *l, struct err *err)
{
	const struct table *next = l->next;
	struct table *later;
	int64_t newest;

	if (hadoop_newest(next->dir, next->folder, &newest, err) == -1)
		return OUTCOME_UNCLEAR;
	if (newest <= next->version && l->ours == HELD_SAME)
		return l->base == HELD_SAME ? OUTCOME_LANDED
					    : ask_earlier(l, err);
	int rc = hadoop_load(next->folder, &later, err);
	if (rc == -1)
		return OUTCOME_UNCLEAR;
	if (rc == 0)
		return unclear(l, err, "there is no table any more");
	enum outcome outcome = ask_later(l, later, err);
	table_free(later);
	return outcome;
}

enum outcome
outcome_of(const struct table *fresh, const struct table *next,
    const struct append *a, bool linked, struct err *err)
{
	struct link l = { fresh, next, a, HELD_UNKNOWN, HELD_UNKNOWN };
	struct err why = { 0 };
	enum outcome outcome;

	l.ours =
	    hadoop_held(next->dir, next->folder, next->version, &next->text);
	l.base = hadoop_held(
	    fresh->dir, fresh->folder, fresh->version, &fresh->text);
	if (store_dir_stands(next->dir, &why) != 1)
		outcome = unclear(&l, &why,
		    "the table's folder was removed or moved meanwhile");
	else if (!linked && l.ours == HELD_OTHER && l.base == HELD_SAME)
		return OUTCOME_TAKEN;
	else
		outcome = ask(&l, &why);
	if (outcome == OUTCOME_UNCLEAR)
		*err = why;
	return outcome;
}
