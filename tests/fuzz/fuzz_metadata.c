/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table metadata of anybody: loading ends in a table or an error that says
 * why not. What is accepted can be walked, and extended by a snapshot to what
 * is refused with a reason or is itself a sound table with just that more.
 */
#include <stdlib.h>

#include "worker/iceberg/fits.h"
#include "worker/iceberg/metadata.h"
#include "worker/iceberg/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static int
see(void *arg, const struct snapshot *s)
{
	size_t *n = arg;

	require(s->id > 0 && s->parent >= 0);
	++*n;
	return 0;
}

static void
extend(const struct table *t)
{
	static const struct kv kv = { "calve", "fuzz" };
	struct err err = { 0 };
	struct append a = {
		.snapshot_id = 4711, .summary = &kv, .nsummary = 1
	};
	struct snapshot s;

	if (table_fits(t, t, &a, &err) == -1) {
		require(err.cls == ERR_CONFLICT);
		return;
	}
	json_t *summary =
	    summary_append(t, &a, &(struct manifest_counts){ 0 }, &err);
	const struct metadata_append next = { .snapshot_id = 4711,
		.manifest_list = "/l",
		.metadata_file = "/m",
		.summary = summary,
		.schema = &t->schema,
		.properties = &kv,
		.nproperties = 1,
		.now_ms = 1 };
	json_t *root = metadata_append(t, &next, &err);
	require(root != NULL);
	char *text = json_dumps(root, JSON_COMPACT);
	require(text != NULL);
	free(text);
	struct table *after = metadata_load(root, &err);
	if (after == NULL) {
		require(err.cls == ERR_TABLE && err.text[0] != '\0');
	} else {
		require(after->snapshot_id == 4711);
		require(table_find_snapshot(after, 4711, &s));
		require(s.parent == t->snapshot_id);
		table_free(after);
	}
	json_decref(summary);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err err = { 0 };
	struct table *t = metadata_parse(data, n, &err);
	size_t nsnapshots = 0;
	bool complete;

	if (t == NULL) {
		require(err.cls == ERR_TABLE && err.text[0] != '\0');
		return 0;
	}
	require(table_ancestry(t, see, &nsnapshots, &complete) == 0);
	require((t->snapshot_id == 0) == (nsnapshots == 0));
	extend(t);
	table_free(t);
	return 0;
}
