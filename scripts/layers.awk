# SPDX-License-Identifier: Apache-2.0
# The dependency law, checked on every #include of the sources given:
#
#   common <- coordinator, common <- worker, never across; inside the worker
#   data flows one way: source -> batch -> sink. One third-party library has
#   one home.
#
# A line is "who may include whom": folder, then the folders and single
# headers it may name. Longest matching folder counts.

function allow(who, list,    n, parts, k) {
	n = split(list, parts, " ")
	for (k = 1; k <= n; k++)
		may[who, parts[k]] = 1
	known[who] = 1
}

function home(header, places) {
	homes[header] = " " places " "
}

BEGIN {
	vocabulary = "common worker/type.h worker/batch.h worker/stop.h"
	allow("common", "common")
	allow("coordinator", "common coordinator")
	allow("worker", "common worker worker/clickhouse worker/source " \
	    "worker/iceberg " \
	    "worker/sink worker/store worker/parquet worker/typemap.h " \
	    "worker/typemap_postgres.h")
	allow("worker/clickhouse", vocabulary " worker/clickhouse")
	allow("worker/source", vocabulary " worker/clickhouse worker/source " \
	    "worker/typemap.h worker/typemap_postgres.h")
	allow("worker/typemap_postgres", vocabulary \
	    " worker/typemap_postgres.h")
	allow("worker/typemap", vocabulary " worker/clickhouse " \
	    "worker/source worker/typemap.h")
	allow("worker/batch", vocabulary)
	allow("worker/type", vocabulary)
	allow("worker/stop", "common worker/stop.h")
	allow("worker/datafile", "common worker/datafile.h")
	allow("worker/store", "common worker/store")
	allow("worker/pool", "common worker/pool.h")
	allow("worker/parquet", vocabulary " worker/datafile.h worker/pool.h " \
	    "worker/store worker/parquet")
	allow("worker/iceberg", vocabulary " worker/datafile.h " \
	    "worker/store worker/iceberg")
	allow("worker/sink", vocabulary " worker/datafile.h worker/pool.h " \
	    "worker/clickhouse worker/store " \
	    "worker/parquet worker/iceberg worker/sink")

	home("curl/curl.h", "worker/clickhouse")
	home("zstd.h", "worker/parquet worker/clickhouse")
	home("lz4.h", "worker/clickhouse")
	home("avro.h", "worker/iceberg")
	home("zlib.h", "worker/iceberg worker/parquet")
	home("jansson.h", "worker/iceberg coordinator worker")
	home("libpq-fe.h", "common")
	home("yaml.h", "coordinator")
}

# "worker/source/native.c" -> "worker/source"; "worker/typemap.c" -> its own
# entry where there is one, else "worker"
function folder_of(path,    f) {
	f = path
	sub(/\.[ch]$/, "", f)
	if (f in known)
		return f
	sub(/\/[^\/]*$/, "", f)
	return f
}

FNR == 1 { who = folder_of(FILENAME) }

/^#include "/ {
	split($0, parts, "\"")
	header = parts[2]
	if (header ~ /^(embedded\/|version\.h)/)
		next
	whom = header
	sub(/\/[^\/]*$/, "", whom)
	if (!((who, header) in may) && !((who, whom) in may)) {
		printf "%s:%d: '%s' may not include '%s'\n", FILENAME, FNR, \
		    who, header
		bad = 1
	}
}

/^#include </ {
	header = $2
	gsub(/[<>]/, "", header)
	if (header in homes && index(homes[header], " " who " ") == 0) {
		printf "%s:%d: <%s> has its home in%s\n", FILENAME, FNR, \
		    header, homes[header]
		bad = 1
	}
}

END { exit bad }
