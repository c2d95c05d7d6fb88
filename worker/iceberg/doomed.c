/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of names, see doomed.h. */
#include "worker/iceberg/doomed.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/location.h"
#include "worker/iceberg/manifest.h"
#include "worker/iceberg/manifest_list.h"

void
doomed_add(struct doomed_set *set, const char *path)
{
	if (set->n == set->room) {
		set->room = set->room == 0 ? 64 : 2 * set->room;
		set->list =
		    xreallocarray(set->list, set->room, sizeof(*set->list));
	}
	char *copy = xstrdup(path);
	const char *slash = strrchr(copy, '/');
	set->list[set->n++] = (struct doomed){ .path = copy,
		.name = slash != NULL ? slash + 1 : copy };
}

/* By length first. */
static int
by_name(const void *a, const void *b)
{
	const struct doomed *x = a, *y = b;
	size_t n = strlen(x->name), m = strlen(y->name);

	return n != m ? (n > m) - (n < m) : strcmp(x->name, y->name);
}

void
doomed_sort(struct doomed_set *set)
{
	size_t kept = 0;

	if (set->n > 1)
		qsort(set->list, set->n, sizeof(*set->list), by_name);
	for (size_t i = 0; i < set->n; i++)
		if (kept > 0 &&
		    by_name(&set->list[kept - 1], &set->list[i]) == 0)
			free(set->list[i].path);
		else
			set->list[kept++] = set->list[i];
	set->n = kept;
}

void
doomed_spare(struct doomed_set *set, const char *recorded)
{
	const char *slash = strrchr(recorded, '/');
	const struct doomed key = { .name =
					slash != NULL ? slash + 1 : recorded };
	struct doomed *found = set->n == 0
	    ? NULL
	    : bsearch(&key, set->list, set->n, sizeof(*set->list), by_name);

	if (found != NULL && !found->kept) {
		found->kept = true;
		set->nkept++;
	}
}

struct doomed_sum
doomed_remove(const struct doomed_set *set, const struct store_dir *dir)
{
	struct doomed_sum sum = { 0, 0 };
	struct err ignored;

	for (size_t i = 0; i < set->n; i++) {
		uint64_t bytes;
		if (set->list[i].kept)
			continue;
		bytes = store_bytes(set->list[i].path);
		if (store_unlink_in(dir, set->list[i].path, &ignored) == -1)
			continue;
		sum.files++;
		sum.bytes += bytes;
	}
	return sum;
}

void
doomed_clear(struct doomed_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->list[i].path);
	free(set->list);
	*set = (struct doomed_set){ 0 };
}

/* ---- what snapshots reach ------------------------------------------------ */

struct reach {
	struct doomed_set *set;
	struct doomed_set read; /* manifests to be opened, each once */
	int64_t since;
};

/* Delete files are nobody's here; and a file that deletes are about is named by
 * a manifest of data. */
static int
take_list(struct reach *r, const char *recorded, struct err *err)
{
	struct manifest_list list;
	const char *local;

	doomed_spare(r->set, recorded);
	if (location_local_of(recorded, &local, err) == -1 ||
	    manifest_list_read(local, &list, err) == -1)
		return -1;
	int rc = 0;
	for (size_t i = 0; i < list.n && rc == 0; i++) {
		const struct manifest_file *m = &list.files[i];
		doomed_spare(r->set, m->path);
		/* an older format's list has no number: 0 */
		if (m->content != 0 ||
		    (m->sequence_number > 0 && m->sequence_number <= r->since))
			continue;
		rc = location_local_of(m->path, &local, err);
		if (rc == 0)
			doomed_add(&r->read, local);
	}
	manifest_list_clear(&list);
	return rc;
}

static int
spare_file(void *arg, const struct datafile *f)
{
	struct reach *r = arg;

	doomed_spare(r->set, f->path);
	return 0;
}

int
doomed_spare_reached(struct doomed_set *set, const struct table *t,
    int64_t since, struct err *err)
{
	const json_t *snapshots = json_object_get(t->root, "snapshots");
	struct reach r = { .set = set, .since = since };
	int rc = 0;

	for (size_t i = 0; i < json_array_size(snapshots) && rc == 0; i++) {
		const char *list = json_string_value(json_object_get(
		    json_array_get(snapshots, i), "manifest-list"));
		rc = list != NULL
		    ? take_list(&r, list, err)
		    : err_set(err, ERR_TABLE,
			  "a snapshot of the table has no manifest list");
	}
	doomed_sort(&r.read);
	for (size_t i = 0; i < r.read.n && rc == 0 && set->nkept < set->n; i++)
		rc = manifest_each_file(
		    r.read.list[i].path, spare_file, &r, err);
	doomed_clear(&r.read);
	return rc;
}
