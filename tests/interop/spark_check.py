#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads tables with Spark and Iceberg's Java library, as a plan says.

    spark_check.py PLAN OUT ICEBERG_JAR [MATRIX OUT]

As pyiceberg_check.py; only the tables whose preset the plan's "presets" for
this Iceberg name are read. One Spark for all, small: local[1]. MATRIX is a
plan of matrix_plan.mjs.
"""

import json
import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, MapType, StructType

import canon
import matrix


def value_of(kind, value):
    if value is None:
        return None
    if isinstance(kind, ArrayType):
        return [value_of(kind.elementType, v) for v in value]
    if isinstance(kind, StructType):
        return [value_of(f.dataType, v) for f, v in zip(kind.fields, value)]
    if isinstance(kind, MapType):
        done = [[value_of(kind.keyType, k), value_of(kind.valueType, v)]
                for k, v in value.items()]
        return sorted(done, key=lambda p: json.dumps(p[0], ensure_ascii=False))
    return canon.canon(value)


def session(warehouse, jar):
    catalog = "spark.sql.catalog.lake"
    builder = SparkSession.builder.master("local[1]").appName("interop")
    settings = {
        "spark.driver.memory": "1g",
        "spark.driver.extraClassPath": jar,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": os.path.join(warehouse, "..", "spark"),
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        catalog + ".type": "hadoop",
        catalog + ".warehouse": "file://" + warehouse,
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions."
                                "IcebergSparkSessionExtensions",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def read(spark, entry, check):
    sql = f"SELECT * FROM lake.{entry['table']}"
    if "snapshot" in check:
        sql += f" VERSION AS OF {check['snapshot']}"
    if "spark" in check:
        sql += f" WHERE {check['spark']}"
    frame = spark.sql(sql)
    fields = frame.schema.fields
    for row in frame.collect():
        yield {f.name: value_of(f.dataType, v) for f, v in zip(fields, row)}


def one(spark, table, conditions):
    """Ids of each condition's rows; one query of all costs the least."""
    parts = [f"SELECT {n} AS f, id FROM lake.{table} WHERE {condition}"
             for n, condition in conditions]
    found = {n: [] for n, _ in conditions}
    for row in spark.sql(" UNION ALL ".join(parts)).collect():
        found[row[0]].append(row[1])
    return [found[n] for n, _ in conditions]


def ids(spark, entry):
    conditions = list(enumerate(f["spark"] for f in entry["filters"]))
    found = matrix.attempt(lambda: one(spark, entry["table"], conditions))
    if not isinstance(found, str):
        return found
    found = [matrix.attempt(lambda c=c: one(spark, entry["table"], [c]))
             for c in conditions]
    return [f if isinstance(f, str) else f[0] for f in found]


def read_matrix(spark, plan, out):
    # compiling each filter takes longer than asking it
    for key, value in (("codegen.wholeStage", "false"),
                       ("codegen.factoryMode", "NO_CODEGEN"),
                       ("adaptive.enabled", "false")):
        spark.conf.set("spark.sql." + key, value)
    for entry in matrix.tables(plan):
        matrix.write(out, entry, matrix.attempt(lambda: read(spark, entry, {})),
                     ids(spark, entry))


def main():
    plan_file, out_dir, jar, *more = sys.argv[1:]
    with open(plan_file, encoding="utf-8") as file:
        plan = json.load(file)
    spark = session(plan["warehouse"], jar)
    print(f"Spark {spark.version}, {os.path.basename(jar)}")
    for entry in plan["tables"]:
        for check in entry["checks"]:
            path = os.path.join(out_dir, f"{entry['name']}.{check['id']}")
            try:
                canon.write_rows(path + ".jsonl", read(spark, entry, check))
            except Exception as error:  # whatever it is, it is the finding
                with open(path + ".error", "w", encoding="utf-8") as out:
                    out.write(f"{type(error).__name__}: {error}\n")
    if more:
        read_matrix(spark, *more)
    spark.stop()


main()
