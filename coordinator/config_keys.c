/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of keys. How a value is read and printed: config_values.c. */
#include "coordinator/config_keys.h"

#define AT(type, member) ((unsigned)offsetof(type, member))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECTION(name, keys)             \
	{                               \
		name, keys, COUNT(keys) \
	}

static const char time_choices[] = "error|floor";
static const char utf8_choices[] = "error|binary|replace|latin1";
static const char duplicate_choices[] = "error|list";
static const char digit_choices[] = "error|round";
static const char wire_choices[] = "none|lz4|zstd";
static const char source_kinds[] = "clickhouse|postgres";
static const char encoding_choices[] = "compat|compact|dense";

#define K struct config
static const struct key root_keys[] = {
	{ "state", KEY_CONNINFO, AT(K, state), KEY_NEEDED, NULL, NULL, 0, 0,
	    "connection string of the state database, any that libpq takes" },
	{ "sources", KEY_SECTION, 0, KEY_NEEDED, NULL, NULL, 0, 0,
	    "databases to read from, by name" },
	{ "catalogs", KEY_SECTION, 0, 0, NULL, NULL, 0, 0,
	    "where tables are kept, by name" },
	{ "workers", KEY_COUNT, AT(K, workers), 0, "4", NULL, 1, 512,
	    "tables at once" },
	{ "limits", KEY_LIMITS, AT(K, limits), 0, NULL, NULL, 0, 0,
	    "what each worker may use" },
	{ "retry", KEY_SECTION, 0, 0, NULL, NULL, 0, 0,
	    "how failures that can heal are tried again" },
	{ "grace", KEY_DURATION, AT(K, grace_ms), 0, "30s", NULL, 100, 3600000,
	    "how long a worker that was asked to stop may take" },
	{ "layers", KEY_TEXTS, AT(K, layers), 0, NULL, NULL, 0, 0,
	    "waves, first to last" },
	{ "defaults", KEY_SECTION, 0, 0, NULL, NULL, 0, 0,
	    "options of all tables" },
	{ "tables", KEY_SECTION, 0, 0, NULL, NULL, 0, 0, "what to offload" },
};
#undef K

#define K struct config_source
static const struct key source_keys[] = {
	{ "kind", KEY_CHOICE, AT(K, kind), 0, "clickhouse", source_kinds, 0, 0,
	    "what it is" },
	{ "url", KEY_TEXT, AT(K, url), KEY_NEEDED, NULL, NULL, 0, 0,
	    "http://HOST:PORT, without credentials" },
	{ "database", KEY_TEXT, AT(K, database), 0, "default", NULL, 0, 0,
	    "database of its tables" },
	{ "user", KEY_TEXT, AT(K, user), 0, "default", NULL, 0, 0,
	    "user to log in as" },
	{ "password", KEY_SECRET, AT(K, password), 0, NULL, NULL, 0, 0,
	    "its password, best as \"${NAME}\"" },
	{ "wire", KEY_CHOICE, AT(K, wire), 0, NULL, wire_choices, 0, 0,
	    "how rows are compressed on the way; none on this host, else "
	    "lz4, where left out" },
};

static const struct key postgres_keys[] = {
	{ "kind", KEY_CHOICE, AT(K, kind), KEY_NEEDED, NULL, "postgres", 0, 0,
	    "what it is" },
	{ "conninfo", KEY_CONNINFO, AT(K, conninfo), KEY_NEEDED, NULL, NULL, 0,
	    0, "connection string, any that libpq takes" },
};
#undef K

#define K struct config_catalog
static const struct key catalog_keys[] = {
	{ "kind", KEY_CHOICE, AT(K, kind), 0, "hadoop", "hadoop", 0, 0,
	    "what it is" },
	{ "warehouse", KEY_TEXT, AT(K, warehouse), KEY_NEEDED, NULL, NULL, 0, 0,
	    "absolute path of the folder that holds the tables" },
};
#undef K

#define K struct limits
static const struct key limits_keys[] = {
	{ "memory", KEY_SIZE, AT(K, memory), KEY_NONE, "2G", NULL, 64 << 20,
	    UINT64_C(1) << 50, "address space" },
	{ "cpu", KEY_DURATION, AT(K, cpu_ms), KEY_NONE, "none", NULL, 1000,
	    UINT64_C(31536000000), "processor time" },
	{ "files", KEY_COUNT, AT(K, files), 0, "1024", NULL, 32, 1 << 20,
	    "open files" },
	{ "output", KEY_SIZE, AT(K, output), KEY_NONE, "none", NULL, 1 << 20,
	    UINT64_C(1) << 50, "size of any one file" },
	{ "core", KEY_SIZE, AT(K, core), KEY_NONE, "none", NULL, 0, 0,
	    "size of a core dump" },
	{ "wall", KEY_DURATION, AT(K, wall_ms), KEY_NONE, "1d", NULL, 100,
	    UINT64_C(31536000000), "time of a run" },
	{ "nice", KEY_COUNT, AT(K, nice), 0, "0", NULL, 0, 19,
	    "lowers the priority" },
	{ "threads", KEY_COUNT, AT(K, threads), 0, "0", NULL, 0, 256,
	    "threads that encode; 0: its share of the processors" },
};
#undef K

#define K struct config
static const struct key retry_keys[] = {
	{ "attempts", KEY_COUNT, AT(K, attempts), 0, "3", NULL, 1, 100,
	    "how often a table is tried in one run" },
	{ "backoff", KEY_DURATION, AT(K, backoff_ms), 0, "2s", NULL, 1, 3600000,
	    "wait before the second attempt; doubles" },
};
#undef K

#define K struct job_column
static const struct key column_keys[] = {
	{ "as", KEY_PLAIN, AT(K, as), 0, NULL, NULL, 0, 0,
	    "type in the table: long, decimal(20,0), string, binary, ..." },
	{ "time", KEY_PLAIN, AT(K, time), 0, NULL, time_choices, 0, 0,
	    "digits finer than a microsecond" },
	{ "utf8", KEY_PLAIN, AT(K, utf8), 0, NULL, utf8_choices, 0, 0,
	    "strings that are not UTF-8" },
	{ "duplicates", KEY_PLAIN, AT(K, duplicates), 0, NULL,
	    duplicate_choices, 0, 0, "map keys that occur twice" },
	{ "digits", KEY_PLAIN, AT(K, digits), 0, NULL, digit_choices, 0, 0,
	    "digits of a numeric that its type in the table has no room for" },
	{ "metrics", KEY_PLAIN, AT(K, metrics), 0, NULL, NULL, 0, 0,
	    "bounds kept: full, truncate(N), counts, none" },
	{ "timezone", KEY_PLAIN, AT(K, timezone), 0, NULL, NULL, 0, 0,
	    "zone of its local times, where not the table's" },
};
#undef K

#define K struct config_table
static const struct key table_keys[] = {
	{ "name", KEY_TEXT, AT(K, name), KEY_NOT_DEFAULT, NULL, NULL, 0, 0,
	    "its name in the state tables; the source table's where left "
	    "out" },
	{ "source", KEY_TEXT, AT(K, source), KEY_NEEDED | KEY_NOT_DEFAULT, NULL,
	    NULL, 0, 0, "SOURCE.TABLE or SOURCE.DATABASE.TABLE" },
	{ "target", KEY_TEXT, AT(K, target), KEY_NEEDED | KEY_NOT_DEFAULT, NULL,
	    NULL, 0, 0,
	    "CATALOG.NAMESPACE.TABLE; from PostgreSQL SOURCE.TABLE or "
	    "SOURCE.DATABASE.TABLE of a ClickHouse" },
	{ "timestamp", KEY_TEXT, AT(K, timestamp), KEY_NEEDED, NULL, NULL, 0, 0,
	    "column that orders the rows in time" },
	{ "sequence", KEY_TEXT, AT(K, sequence), KEY_OFFLOAD, NULL, NULL, 0, 0,
	    "integer column that orders rows of one time" },
	{ "timezone", KEY_TEXT, AT(K, timezone), 0, NULL, NULL, 0, 0,
	    "zone in which columns without one hold their local time" },
	{ "key", KEY_TEXTS, AT(K, key), KEY_NOT_DEFAULT | KEY_SYNC, NULL, NULL,
	    0, 0, "columns by which a newer row replaces an older one" },
	{ "lookback", KEY_DURATION, AT(K, lookback_ms), KEY_SYNC, "15m", NULL,
	    0, UINT64_C(31536000000),
	    "how far back rows may still change or appear" },
	{ "slices", KEY_COUNT, AT(K, slices), KEY_SYNC, "2", NULL, 1, 64,
	    "connections that read the table at once" },
	{ "partition", KEY_TEXTS, AT(K, partition), 0, NULL, NULL, 0, 0,
	    "partition fields: day(ts), bucket(16, id), symbol, ..." },
	{ "layer", KEY_TEXT, AT(K, layer), 0, NULL, NULL, 0, 0,
	    "the wave it belongs to" },
	{ "after", KEY_TEXTS, AT(K, after), KEY_NOT_DEFAULT, NULL, NULL, 0, 0,
	    "tables to wait for" },
	{ "columns", KEY_COLUMNS, AT(K, columns), KEY_NOT_DEFAULT, NULL, NULL,
	    0, 0, "options of single columns" },
	{ "include", KEY_TEXTS, AT(K, include), KEY_NOT_DEFAULT, NULL, NULL, 0,
	    0, "only these columns" },
	{ "exclude", KEY_TEXTS, AT(K, exclude), 0, NULL, NULL, 0, 0,
	    "all columns but these" },
	{ "final", KEY_BOOL, AT(K, final), KEY_OFFLOAD, "false", NULL, 0, 0,
	    "read with FINAL" },
	{ "start", KEY_TEXT, AT(K, start), 0, NULL, NULL, 0, 0,
	    "first timestamp of a table that has no position yet" },
	{ "settle", KEY_DURATION, AT(K, settle_ms), 0, "5m", NULL, 0,
	    UINT64_C(31536000000), "how old a row must be to be taken" },
	{ "step", KEY_DURATION, AT(K, step_ms), KEY_NONE | KEY_OFFLOAD, "none",
	    NULL, 1000, UINT64_C(3153600000000),
	    "span of one commit; by step_rows where "
	    "none" },
	{ "step_rows", KEY_COUNT, AT(K, step_rows), KEY_OFFLOAD, "20000000",
	    NULL, 1, UINT64_C(1) << 40, "most rows of one commit" },
	{ "compression", KEY_TEXT, AT(K, compression), KEY_OFFLOAD, "zstd:3",
	    NULL, 0, 0, "zstd:LEVEL or none" },
	{ "encoding", KEY_CHOICE, AT(K, encoding), KEY_OFFLOAD, "compat",
	    encoding_choices, 0, 0,
	    "Parquet encodings: readable by all, or "
	    "smaller" },
	{ "file_size", KEY_SIZE, AT(K, file_size), KEY_OFFLOAD, "512M", NULL,
	    1 << 16, UINT64_C(1) << 40,
	    "a data file is closed at about this size" },
	{ "row_group_size", KEY_SIZE, AT(K, row_group_size), KEY_OFFLOAD,
	    "128M", NULL, 1 << 16, UINT64_C(1) << 31,
	    "uncompressed bytes of a row group" },
	{ "row_group_rows", KEY_COUNT, AT(K, row_group_rows), KEY_OFFLOAD,
	    "1048576", NULL, 1, 1 << 30, "most rows of a row group" },
	{ "expire_snapshots", KEY_DURATION, AT(K, expire_ms),
	    KEY_NONE | KEY_OFFLOAD, "5d", NULL, 60000, UINT64_C(3153600000000),
	    "age at which a commit lets calve's own snapshots go" },
	{ "threads", KEY_COUNT, AT(K, threads), 0, "0", NULL, 0, 1024,
	    "threads the source may use for the query; 0: its default" },
	{ "timeout", KEY_DURATION, AT(K, timeout_ms), 0, "60s", NULL, 1000,
	    86400000, "longest silence of the source" },
	{ "limits", KEY_LIMITS, AT(K, limits), 0, NULL, NULL, 0, 0,
	    "what its worker may use" },
};
#undef K

const struct section section_root = SECTION("", root_keys);
const struct section section_source = SECTION("sources", source_keys);
const struct section section_postgres = SECTION("sources", postgres_keys);
const struct section section_catalog = SECTION("catalogs", catalog_keys);
const struct section section_limits = SECTION("limits", limits_keys);
const struct section section_retry = SECTION("retry", retry_keys);
const struct section section_column = SECTION("columns", column_keys);
const struct section section_table = SECTION("tables", table_keys);
