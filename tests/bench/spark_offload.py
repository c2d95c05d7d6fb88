#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pipeline that calve replaces: Spark reads by JDBC, appends to Iceberg.

    spark-submit ... spark_offload.py URL USER TABLE FROM TO

Rows of TABLE whose sequence_number is in FROM to TO, read in two partitions
by that column; the table is made, by day, unless it is there. The password is
in CLICKHOUSE_PASSWORD. Session settings come with spark-submit.
"""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import days


def main():
    url, user, name, low, high = sys.argv[1:]
    spark = SparkSession.builder.appName("bench").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    rows = (spark.read.format("jdbc")
            .option("driver", "com.clickhouse.jdbc.ClickHouseDriver")
            .option("url", url)
            .option("user", user)
            .option("password", os.environ["CLICKHOUSE_PASSWORD"])
            .option("dbtable", f"(SELECT * FROM {name} WHERE sequence_number"
                               f" BETWEEN {low} AND {high}) AS t")
            .option("partitionColumn", "sequence_number")
            .option("lowerBound", low)
            .option("upperBound", high)
            .option("numPartitions", "2")
            .option("fetchsize", "100000")
            .load())
    target = "lake.cold.t"
    if spark.catalog.tableExists(target):
        rows.writeTo(target).append()
    else:
        (rows.writeTo(target)
         .tableProperty("write.parquet.compression-codec", "zstd")
         .tableProperty("write.parquet.compression-level", "3")
         .partitionedBy(days("exchange_timestamp")).create())
    spark.stop()


main()
