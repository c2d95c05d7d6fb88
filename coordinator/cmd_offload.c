/* SPDX-License-Identifier: Apache-2.0 */
/* calve offload: one table, named by flags instead of calve.yaml. */
#include <stdlib.h>

#include "coordinator/cmd.h"
#include "coordinator/offload_all.h"
#include "coordinator/supervise.h"

static int
run(const struct cmd_args *a)
{
	struct config config = { 0 };
	struct err err = { 0 };
	bool stopped = false;
	size_t npartition;
	int status = -1;
	const char **partition = cmd_values(a, "partition", &npartition);
	const struct config_adhoc adhoc = {
		.source_table = cmd_value(a, "source-table"),
		.target_table = cmd_value(a, "target-table"),
		.timestamp = cmd_value(a, "timestamp-col"),
		.sequence = cmd_value(a, "sequence-col"),
		.layer = cmd_value(a, "layer"),
		.name = cmd_value(a, "name"),
		.start = cmd_value(a, "start"),
		.partition = partition,
		.npartition = npartition,
	};

	if (cmd_no_operands(a, &err) == 0 &&
	    cmd_config(a, &config, &err) == 0 &&
	    config_only_table(&config, &adhoc, &err) == 0) {
		supervise_signals();
		status = offload_all(
		    &config, NULL, 0, cmd_has(a, "json"), false, &stopped);
	}
	if (status == -1)
		status = cmd_fail(&err);
	free(partition);
	config_clear(&config);
	return status;
}

static const struct cmd_option options[] = {
	{ "source-table", '\0', "TABLE",
	    "TABLE, SOURCE.TABLE or "
	    "SOURCE.DATABASE.TABLE",
	    true },
	{ "target-table", '\0', "TABLE",
	    "NAMESPACE.TABLE or "
	    "CATALOG.NAMESPACE.TABLE",
	    true },
	{ "timestamp-col", '\0', "COLUMN",
	    "column that orders the rows in "
	    "time",
	    true },
	{ "sequence-col", '\0', "COLUMN",
	    "integer column that orders rows "
	    "of one time",
	    false },
	{ "layer", '\0', "LAYER", "layer it belongs to", false },
	{ "partition", '\0', "FIELD", "day(COLUMN), say; may be repeated",
	    false },
	{ "start", '\0', "TIME",
	    "first timestamp of a table that has no "
	    "position yet",
	    false },
	{ "name", '\0', "NAME",
	    "its name in the state tables; the source "
	    "table's",
	    false },
	{ "json", '\0', NULL, "one JSON object an event on standard output",
	    false },
};

const struct cmd cmd_offload = {
	.name = "offload",
	.summary = "Offload what is new of one table, named by flags",
	.details =
	    "State database, sources, catalogs and defaults are those "
	    "of calve.yaml.\nA table without its source, or a target without "
	    "its catalog, means the only\none there is.\n",
	.options = options,
	.noptions = sizeof options / sizeof options[0],
	.run = run,
};
