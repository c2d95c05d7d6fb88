#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyIceberg appends rows from Arrow memory.

    pyiceberg_append.py ROWS.parquet

Loads the rows with types that Iceberg has, says "ready"; then for each line
DIR makes a table there, of a catalog in memory, appends them and says "done".
Compression as calve's default, zstd level 3.
"""

import sys

import pyarrow
import pyarrow.parquet
from pyarrow import types
from pyiceberg.catalog.sql import SqlCatalog


def iceberg_type(kind):
    if types.is_timestamp(kind):
        return pyarrow.timestamp("us", "UTC")
    if types.is_integer(kind):
        wide = kind.bit_width == 64 or kind == pyarrow.uint32()
        return pyarrow.int64() if wide else pyarrow.int32()
    return kind


def load(path):
    rows = pyarrow.parquet.read_table(path)
    return rows.cast(pyarrow.schema(
        [f.with_type(iceberg_type(f.type)) for f in rows.schema]))


def main():
    rows = load(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        catalog = SqlCatalog("bench", uri="sqlite:///:memory:",
                             warehouse="file://" + line.rstrip("\n"))
        catalog.create_namespace("cold")
        table = catalog.create_table("cold.t", rows.schema, properties={
            "write.parquet.compression-codec": "zstd",
            "write.parquet.compression-level": "3"})
        table.append(rows)
        print("done", flush=True)


main()
