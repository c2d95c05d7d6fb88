# SPDX-License-Identifier: Apache-2.0
# Which unit tests there are, and the sources and libraries of each.
#
#   UNITS += buf
#   unit_buf := common/buf.c common/xalloc.c
#   libs_buf := -lz                        (only where needed)
#
# Fuzz targets likewise: fuzz_NAME (sources), fuzzlibs_NAME (libraries).

UNITS += position
unit_position := common/position.c common/clock.c common/err.c

UNITS += seen
unit_seen := worker/seen.c common/position.c common/clock.c common/err.c

UNITS += replica
unit_replica := worker/source/clickhouse_replica.c

UNITS += buf
unit_buf := common/buf.c common/xalloc.c

UNITS += id
unit_id := common/id.c common/xalloc.c

UNITS += reconcile
unit_reconcile := worker/reconcile.c common/position.c common/clock.c \
	common/err.c

UNITS += window
unit_window := worker/window.c common/position.c common/clock.c common/err.c

UNITS += project
unit_project := worker/project.c worker/batch.c worker/type.c common/buf.c \
	common/xalloc.c common/err.c

UNITS += schema
unit_schema := worker/iceberg/schema.c worker/iceberg/schema_evolve.c \
	worker/type.c common/buf.c common/xalloc.c common/err.c
libs_schema := -ljansson

UNITS += partition
unit_partition := worker/iceberg/partition.c worker/iceberg/partition_parse.c \
	worker/iceberg/transform.c worker/batch.c worker/type.c common/buf.c \
	common/xalloc.c common/err.c common/clock.c
libs_partition := -ljansson

UNITS += transform
unit_transform := worker/iceberg/transform.c worker/batch.c worker/type.c \
	common/buf.c common/xalloc.c common/err.c common/clock.c
libs_transform := -ljansson

UNITS += partition_path
unit_partition_path := worker/iceberg/partition_path.c \
	worker/iceberg/partition.c worker/iceberg/transform.c worker/batch.c \
	worker/type.c common/buf.c common/xalloc.c common/err.c \
	common/clock.c common/id.c
libs_partition_path := -ljansson

UNITS += partition_route
unit_partition_route := worker/iceberg/partition_route.c \
	worker/iceberg/intern.c worker/iceberg/partition_parse.c \
	worker/iceberg/partition.c worker/iceberg/transform.c worker/batch.c \
	worker/type.c common/buf.c common/xalloc.c common/err.c common/clock.c
libs_partition_route := -ljansson

UNITS += sink
unit_sink := $(sort $(wildcard worker/sink/sink_*.c)) $(SRCS_parquet) \
	$(SRCS_store) \
	worker/iceberg/partition_route.c worker/iceberg/intern.c \
	worker/iceberg/partition_parse.c worker/iceberg/partition_path.c \
	worker/iceberg/partition.c worker/iceberg/transform.c worker/batch.c \
	worker/type.c worker/datafile.c worker/pool.c common/buf.c \
	common/xalloc.c common/err.c common/clock.c common/id.c
libs_sink := -ljansson -lzstd -lz

# Also built with the thread sanitizer.
UNITS += pool aside threads
UNITS_tsan := pool aside threads
unit_pool := worker/pool.c common/xalloc.c common/err.c
unit_aside := worker/aside.c $(unit_pool)
unit_threads := $(unit_sink) tests/harness/sample.c \
	tests/harness/sample_schema.c
libs_threads := $(libs_sink)

fuzz_schema := worker/iceberg/schema.c worker/iceberg/schema_evolve.c \
	worker/iceberg/partition.c worker/iceberg/transform.c worker/batch.c \
	worker/type.c common/buf.c common/xalloc.c common/err.c common/clock.c
fuzzlibs_schema := -ljansson

# ---- store and Iceberg metadata ----
COMMON_iceberg := common/buf.c common/xalloc.c common/err.c common/clock.c \
	common/id.c worker/type.c worker/datafile.c worker/batch.c \
	$(SRCS_store)
SRCS_avro := worker/iceberg/avro.c worker/iceberg/avschema.c \
	worker/iceberg/ocf.c
SRCS_metadata := worker/iceberg/metadata.c worker/iceberg/metadata_next.c \
	worker/iceberg/schema.c worker/iceberg/partition.c \
	worker/iceberg/transform.c
SRCS_manifest := worker/iceberg/manifest.c worker/iceberg/manifest_read.c \
	worker/iceberg/manifest_list.c worker/iceberg/manifest_schema.c \
	worker/iceberg/bounds.c worker/iceberg/metrics.c \
	worker/iceberg/location.c build/embedded/avsc.c
SRCS_table := worker/iceberg/table.c worker/iceberg/hadoop.c \
	worker/iceberg/commit.c worker/iceberg/fits.c \
	worker/iceberg/merge.c worker/iceberg/expire.c \
	worker/iceberg/outcome.c worker/iceberg/doomed.c \
	worker/iceberg/leftovers.c \
	worker/iceberg/summary.c $(SRCS_metadata) $(SRCS_manifest) \
	$(SRCS_avro) $(COMMON_iceberg)
LIBS_iceberg := -lavro -lz -ljansson

UNITS += store
unit_store := $(SRCS_store) common/buf.c common/xalloc.c common/err.c

UNITS += bounds
unit_bounds := worker/iceberg/bounds.c worker/iceberg/metrics.c \
	worker/type.c common/buf.c common/xalloc.c common/err.c

UNITS += avro
unit_avro := $(SRCS_avro) $(COMMON_iceberg)
libs_avro := $(LIBS_iceberg)

UNITS += manifest
unit_manifest := $(SRCS_table)
libs_manifest := $(LIBS_iceberg)

UNITS += metadata
unit_metadata := $(SRCS_table)
libs_metadata := $(LIBS_iceberg)

UNITS += commit
unit_commit := tests/unit/table_fixture.c $(SRCS_table)
libs_commit := $(LIBS_iceberg)

UNITS += merge
unit_merge := tests/unit/entries_fixture.c tests/unit/table_fixture.c \
	$(SRCS_table)
libs_merge := $(LIBS_iceberg)

UNITS += expire
unit_expire := tests/unit/table_fixture.c $(SRCS_table)
libs_expire := $(LIBS_iceberg)

UNITS += hadoop
unit_hadoop := tests/unit/table_fixture.c $(SRCS_table)
libs_hadoop := $(LIBS_iceberg)

fuzz_avro := $(SRCS_table)
fuzzlibs_avro := $(LIBS_iceberg)
fuzz_metadata := $(SRCS_table)
fuzzlibs_metadata := $(LIBS_iceberg)

UNITS += batch
unit_batch := worker/batch.c worker/type.c tests/harness/sample.c \
	tests/harness/sample_schema.c common/buf.c common/xalloc.c

UNITS += thrift
unit_thrift := worker/parquet/thrift.c common/buf.c common/xalloc.c

UNITS += levels
unit_levels := worker/parquet/levels.c common/buf.c common/xalloc.c

UNITS += encodings
libs_encodings := -lz
unit_encodings := worker/parquet/encodings.c worker/parquet/crc.c \
	common/buf.c common/xalloc.c

UNITS += dictionary
unit_dictionary := worker/parquet/dictionary.c worker/batch.c worker/type.c \
	common/buf.c common/xalloc.c

UNITS += statistics
unit_statistics := worker/parquet/statistics.c worker/parquet/truncate.c \
	common/buf.c common/xalloc.c

UNITS += shred
unit_shred := worker/parquet/shred.c worker/parquet/leaf.c \
	worker/parquet/levels.c worker/parquet/scratch.c worker/batch.c \
	worker/type.c tests/harness/sample.c tests/harness/sample_schema.c \
	common/buf.c common/xalloc.c common/err.c

UNITS += parquet_writer
parquet_and_samples := $(SRCS_parquet) $(SRCS_batch) $(SRCS_store) \
	tests/harness/sample.c tests/harness/sample_schema.c common/buf.c \
	common/xalloc.c common/err.c common/fault.c
unit_parquet_writer := $(parquet_and_samples) tests/harness/parquet_walk.c
libs_parquet_writer := -lzstd -lz

UNITS += parquet_pages
unit_parquet_pages := $(unit_parquet_writer)
libs_parquet_pages := -lzstd -lz

UNITS += parquet_reader
unit_parquet_reader := $(parquet_and_samples)
libs_parquet_reader := -lzstd -lz

fuzz_parquet_reader := $(parquet_and_samples)
fuzzlibs_parquet_reader := -lzstd -lz -lpthread

UNITS += manual
unit_manual := coordinator/config_keys.c coordinator/limits.c \
	worker/typemap.c worker/typemap_as.c worker/clickhouse/type.c worker/type.c \
	common/job.c common/buf.c common/xalloc.c common/err.c

# ClickHouse source
COMMON_source := common/buf.c common/xalloc.c common/err.c
SRCS_mapping := $(SRCS_typemap) worker/clickhouse/type.c worker/type.c \
	worker/source/utf8.c worker/source/convert.c \
	worker/source/convert_text.c worker/batch.c $(COMMON_source)
SRCS_native := worker/source/native.c worker/source/native_column.c \
	worker/source/native_leaf.c worker/source/native_map.c \
	worker/clickhouse/stream.c $(SRCS_mapping)

SRCS_frames := worker/clickhouse/frames.c worker/clickhouse/unzstd.c \
	worker/clickhouse/city.c
SRCS_wire := worker/clickhouse/wire.c worker/clickhouse/http.c \
	worker/clickhouse/tail.c worker/stop.c $(SRCS_frames)

UNITS += frames
unit_frames := $(SRCS_frames) worker/batch.c worker/type.c $(COMMON_source)
libs_frames := -llz4 -lzstd

fuzz_frames := $(unit_frames)
fuzzlibs_frames := -llz4 -lzstd

UNITS += clickhouse_type
unit_clickhouse_type := worker/clickhouse/type.c $(COMMON_source)

UNITS += convert
unit_convert := worker/source/convert.c worker/source/convert_text.c \
	worker/source/utf8.c worker/batch.c worker/type.c $(COMMON_source)

UNITS += native
unit_native := $(SRCS_native)

UNITS += typemap
unit_typemap := $(SRCS_mapping)

UNITS += clickhouse_sql
unit_clickhouse_sql := worker/source/clickhouse_sql.c worker/clickhouse/key.c \
	worker/clickhouse/quote.c \
	worker/source/clickhouse_settings.c worker/clickhouse/error.c \
	worker/clickhouse/http.c worker/clickhouse/tail.c worker/stop.c \
	common/position.c common/clock.c \
	worker/clickhouse/type.c $(COMMON_source)
libs_clickhouse_sql := -lcurl

UNITS += msg
unit_msg := common/msg.c common/job.c common/id.c common/buf.c \
	common/xalloc.c common/err.c

UNITS += slot
unit_slot := coordinator/slot.c coordinator/limits.c common/job.c common/err.c

UNITS += limits
unit_limits := coordinator/limits.c coordinator/processors.c common/job.c \
	common/err.c

UNITS += clickhouse_http
unit_clickhouse_http := tests/unit/answer_fixture.c $(SRCS_wire) \
	worker/clickhouse/answer.c worker/clickhouse/error.c \
	common/clock.c $(SRCS_native)
libs_clickhouse_http := -lcurl -llz4 -lzstd

UNITS += postgres_copy
unit_postgres_copy := worker/source/postgres_copy.c \
	worker/source/postgres_value.c worker/source/postgres_double.c \
	worker/typemap_postgres.c \
	worker/source/utf8.c worker/batch.c worker/type.c $(COMMON_source)
fuzz_postgres_copy := $(unit_postgres_copy)

UNITS += native_put
unit_native_put := worker/sink/native_plan.c worker/sink/native_put.c $(SRCS_native)

UNITS += native_digest
unit_native_digest := worker/sink/native_digest.c worker/sink/batch_digest.c \
	worker/sink/native_plan.c worker/sink/native_put.c worker/clickhouse/stream.c \
	worker/clickhouse/type.c worker/batch.c worker/type.c $(COMMON_source)

UNITS += clickhouse_put
unit_clickhouse_put := $(unit_clickhouse_http)
libs_clickhouse_put := $(libs_clickhouse_http)

UNITS += clickhouse_wire
unit_clickhouse_wire := $(unit_clickhouse_http)
libs_clickhouse_wire := $(libs_clickhouse_http)

SRCS_config := coordinator/config.c coordinator/config_table.c coordinator/config_job.c \
	coordinator/config_read.c coordinator/config_values.c \
	coordinator/config_keys.c coordinator/config_print.c \
	coordinator/config_yaml.c coordinator/limits.c coordinator/utf8.c \
	$(SRCS_libpq) \
	common/position.c common/clock.c common/job.c common/buf.c \
	common/xalloc.c common/log.c common/err.c

UNITS += config
unit_config := $(SRCS_config)
libs_config := -lpq -lyaml -lbsd

fuzz_native := $(SRCS_native)
fuzz_clickhouse_type := $(SRCS_mapping)

UNITS += supervise
unit_supervise := coordinator/supervise.c coordinator/supervise_run.c \
	coordinator/slot.c coordinator/spawn.c coordinator/plan.c \
	coordinator/processors.c \
	coordinator/ledger.c common/msg.c common/id.c \
	build/embedded/sql.c $(SRCS_config)
libs_supervise := $(libs_config)

# Does what the name of its table says.
build/unit/fake_worker: $(call objects,asan,tests/harness/fake_worker.c \
	common/msg.c common/job.c common/id.c common/buf.c common/xalloc.c \
	common/err.c)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_asan) $^ -lbsd -o $@
build/unit/check_supervise: | build/unit/fake_worker

UNITS += plan
unit_plan := coordinator/plan.c $(SRCS_config)
libs_plan := $(libs_config)

SRCS_pg := $(SRCS_libpq) common/clock.c common/log.c common/buf.c \
	common/xalloc.c common/err.c

UNITS += pg
unit_pg := tests/harness/state.c $(SRCS_pg)
libs_pg := -lpq

UNITS += ledger
unit_ledger := coordinator/ledger.c tests/harness/state.c common/id.c \
	build/embedded/sql.c $(SRCS_config)
libs_ledger := $(libs_config)

fuzz_msg := common/msg.c common/job.c common/id.c common/buf.c \
	common/xalloc.c common/err.c
fuzz_config := coordinator/plan.c $(SRCS_config)
fuzzlibs_config := -lpq -lyaml -lbsd
