#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the matrix with DuckDB's own Iceberg extension.

    duckdb_check.py PLAN OUT
"""

import glob
import os
import sys

import duckdb

import canon
import matrix


def connect():
    db = duckdb.connect(config={"allow_unsigned_extensions": "true",
                                "autoinstall_known_extensions": "false",
                                "threads": "1"})
    packages = os.path.dirname(os.path.dirname(duckdb.__file__))
    for name in ("avro", "iceberg"):
        file, = glob.glob(os.path.join(packages, f"duckdb_extension_{name}",
                                       "extensions", "*", "*.duckdb_extension"))
        db.execute(f"LOAD '{file}'")
    return db


def ids(db, scan, condition):
    return lambda: [row[0] for row in db.execute(
        f"SELECT id FROM {scan} WHERE {condition}").fetchall()]


def rows(db, scan):
    """Of times in UTC the microseconds, since Python's zones may be missing."""
    result = db.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    columns = ", ".join(
        f'epoch_us("{quoted}")' if kind.startswith("TIMESTAMP") else f'"{quoted}"'
        for quoted, kind in ((n.replace('"', '""'), k) for n, k, *_ in result))
    for row in db.execute(f"SELECT {columns} FROM {scan}").fetchall():
        yield {n: canon.canon(v) for (n, *_), v in zip(result, row)}


def main():
    db = connect()
    for table in matrix.tables(sys.argv[1]):
        scan = "iceberg_scan('%s')" % table["metadata"].replace("'", "''")
        matrix.write(sys.argv[2], table,
                     matrix.attempt(lambda: rows(db, scan)),
                     [matrix.attempt(ids(db, scan, f["duckdb"]))
                      for f in table["filters"]])


main()
