#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The job that calve replaces: Spark reads PostgreSQL by JDBC and appends to
ClickHouse by JDBC.

    spark-submit ... spark_visits.py SOURCE USER TABLE FROM TO TARGET USER TABLE

SOURCE and TARGET are JDBC URLs. Rows whose updated_at is in FROM to TO, read
in two partitions by it. The passwords are in PGPASSWORD and
CLICKHOUSE_PASSWORD. Session settings come with spark-submit.
"""

import os
import sys

from pyspark.sql import SparkSession


def main():
    source, source_user, table, low, high, target, user, into = sys.argv[1:]
    spark = SparkSession.builder.appName("bench").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    rows = (spark.read.format("jdbc")
            .option("driver", "org.postgresql.Driver")
            .option("url", source)
            .option("user", source_user)
            .option("password", os.environ["PGPASSWORD"])
            .option("dbtable", f"(SELECT * FROM {table} WHERE updated_at"
                               f" BETWEEN {low} AND {high}) AS t")
            .option("partitionColumn", "updated_at")
            .option("lowerBound", low)
            .option("upperBound", high)
            .option("numPartitions", "2")
            .option("fetchsize", "20000")
            .load())
    (rows.write.format("jdbc")
     .option("driver", "com.clickhouse.jdbc.ClickHouseDriver")
     .option("url", target)
     .option("user", user)
     .option("password", os.environ["CLICKHOUSE_PASSWORD"])
     .option("dbtable", into)
     .option("batchsize", "100000")
     .option("isolationLevel", "NONE")
     .mode("append").save())
    spark.stop()


main()
