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
