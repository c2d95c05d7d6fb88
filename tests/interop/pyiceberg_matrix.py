#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the matrix with PyIceberg.

    pyiceberg_matrix.py PLAN OUT
"""

import datetime
import decimal
import sys
import uuid

from pyiceberg import expressions as e
from pyiceberg.expressions.literals import literal
from pyiceberg.table import StaticTable
from pyiceberg.types import UUIDType

import canon
import matrix

UTC = datetime.timezone.utc
VALUES = {
    "number": int, "float": float, "decimal": decimal.Decimal, "string": str,
    "binary": lambda v: v.encode("latin-1"), "uuid": uuid.UUID,
    "bool": lambda v: v == "true", "date": datetime.date.fromisoformat,
    "timestamp":
        lambda v: datetime.datetime.fromisoformat(v).replace(tzinfo=UTC),
}
OPERATORS = {"=": e.EqualTo, "!=": e.NotEqualTo, "<": e.LessThan,
             ">": e.GreaterThan}
UNARY = {"null": e.IsNull, "nan": e.IsNaN}


def expression(f):
    column = e.Reference(f["column"])
    if f["op"] in UNARY:
        made = UNARY[f["op"]](column)
    else:
        made = OPERATORS[f["op"]](column, literal(VALUES[f["form"]](f["value"])))
    return e.Not(made) if f["not"] else made


def ids(table, f):
    return lambda: table.scan(row_filter=expression(f), selected_fields=("id",)
                              ).to_arrow()["id"].to_pylist()


def rows(table):
    scan = table.scan()
    fields = scan.projection().fields
    for row in scan.to_arrow().to_pylist():
        yield {f.name: canon.canon(row[f.name],
                                   isinstance(f.field_type, UUIDType))
               for f in fields}


def main():
    for entry in matrix.tables(sys.argv[1]):
        table = StaticTable.from_metadata(entry["metadata"])
        matrix.write(sys.argv[2], entry, matrix.attempt(lambda: rows(table)),
                     [matrix.attempt(ids(table, f["pyiceberg"]))
                      for f in entry["filters"]])


main()
