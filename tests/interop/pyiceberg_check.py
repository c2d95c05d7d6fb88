#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads tables with PyIceberg, as a plan says.

    pyiceberg_check.py PLAN OUT

Writes each check's rows to OUT/TABLE.CHECK.jsonl; one that raises leaves
OUT/TABLE.CHECK.error instead. See plan.mjs for the plan.
"""

import json
import os
import sys

from pyiceberg.table import StaticTable
from pyiceberg.types import ListType, MapType, StructType, UUIDType

import canon


def value_of(kind, value):
    """An Arrow value by its Iceberg type: maps and structs look alike else."""
    if value is None:
        return None
    if isinstance(kind, ListType):
        return [value_of(kind.element_type, v) for v in value]
    if isinstance(kind, StructType):
        return [value_of(f.field_type, value[f.name]) for f in kind.fields]
    if isinstance(kind, MapType):
        done = [[value_of(kind.key_type, k), value_of(kind.value_type, v)]
                for k, v in value]
        return sorted(done, key=lambda p: json.dumps(p[0], ensure_ascii=False))
    return canon.canon(value, isinstance(kind, UUIDType))


def read(table, check):
    options = {}
    if "pyiceberg" in check:
        options["row_filter"] = check["pyiceberg"]
    if "snapshot" in check:
        options["snapshot_id"] = int(check["snapshot"])
    scan = table.scan(**options)
    fields = scan.projection().fields
    for row in scan.to_arrow().to_pylist():
        yield {f.name: value_of(f.field_type, row[f.name]) for f in fields}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    for entry in plan["tables"]:
        table = StaticTable.from_metadata(entry["metadata"])
        for check in entry["checks"]:
            path = os.path.join(sys.argv[2], f"{entry['name']}.{check['id']}")
            try:
                canon.write_rows(path + ".jsonl", read(table, check))
            except Exception as error:  # whatever it is, it is the finding
                with open(path + ".error", "w", encoding="utf-8") as out:
                    out.write(f"{type(error).__name__}: {error}\n")


main()
