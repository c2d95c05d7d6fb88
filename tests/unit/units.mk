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
