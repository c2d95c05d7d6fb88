/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot summaries, see summary.h. All values are decimal texts. A total is
 * left out where the snapshot before has none: better no number than a guess.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "worker/iceberg/summary.h"

static void
set_number(json_t *summary, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	json_object_set_new(summary, key, json_string(text));
}

/* before may be NULL: the table has no snapshot yet */
static void
set_total(json_t *summary, const char *key, const struct snapshot *before,
    int64_t added)
{
	int64_t total = 0;

	if (before != NULL) {
		const char *text = snapshot_summary(before, key);
		char *end;
		if (text == NULL || *text < '0' || *text > '9')
			return;
		errno = 0;
		total = strtoll(text, &end, 10);
		if (errno != 0 || *end != '\0')
			return;
	}
	if (!__builtin_add_overflow(total, added, &total))
		set_number(summary, key, total);
}

static int
compare_tuples(const void *a, const void *b)
{
	const struct datafile *x = *(const struct datafile *const *)a;
	const struct datafile *y = *(const struct datafile *const *)b;

	for (size_t i = 0; i < x->npartition && i < y->npartition; i++) {
		const struct partition_value *p = &x->partition[i];
		const struct partition_value *q = &y->partition[i];
		if (p->null != q->null)
			return p->null ? -1 : 1;
		if (p->null)
			continue;
		if (p->len != q->len)
			return p->len < q->len ? -1 : 1;
		int order = p->len > 0 ? memcmp(p->data, q->data, p->len) : 0;
		if (order != 0)
			return order;
	}
	return 0;
}

static size_t
count_partitions(const struct append *a)
{
	size_t distinct = a->nfiles > 0 ? 1 : 0;
	const struct datafile **order =
	    xcalloc(a->nfiles + 1, sizeof(struct datafile *));

	for (size_t i = 0; i < a->nfiles; i++)
		order[i] = &a->files[i];
	qsort(order, a->nfiles, sizeof(*order), compare_tuples);
	for (size_t i = 1; i < a->nfiles; i++)
		if (compare_tuples(&order[i - 1], &order[i]) != 0)
			distinct++;
	free(order);
	return distinct;
}

json_t *
summary_append(const struct table *fresh, const struct append *a,
    const struct manifest_counts *manifests, struct err *err)
{
	struct snapshot current;
	const struct snapshot *before =
	    table_find_snapshot(fresh, fresh->snapshot_id, &current) ? &current
								     : NULL;
	int64_t records = 0, bytes = 0;
	json_t *summary = json_pack("{s:s}", "operation", "append");

	for (size_t i = 0; i < a->nsummary; i++)
		if (json_object_set_new(summary, a->summary[i].key,
			json_string(a->summary[i].value)) == -1) {
			json_decref(summary);
			err_set(err, ERR_DATA,
			    "summary key '%s' is not "
			    "UTF-8",
			    a->summary[i].key);
			return NULL;
		}
	for (size_t i = 0; i < a->nfiles; i++) {
		records += a->files[i].record_count;
		bytes += a->files[i].file_size;
	}
	set_number(summary, "added-data-files", (int64_t)a->nfiles);
	set_number(summary, "added-records", records);
	set_number(summary, "added-files-size", bytes);
	set_number(
	    summary, "changed-partition-count", (int64_t)count_partitions(a));
	set_number(summary, "manifests-created", (int64_t)manifests->made);
	set_number(summary, "manifests-kept", (int64_t)manifests->kept);
	set_number(summary, "manifests-replaced", (int64_t)manifests->replaced);
	set_total(summary, "total-records", before, records);
	set_total(summary, "total-files-size", before, bytes);
	set_total(summary, "total-data-files", before, (int64_t)a->nfiles);
	set_total(summary, "total-delete-files", before, 0);
	set_total(summary, "total-position-deletes", before, 0);
	set_total(summary, "total-equality-deletes", before, 0);
	return summary;
}
