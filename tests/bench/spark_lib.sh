# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Spark as a peer, on two threads, a process of its own each time. Source it
# after lib.sh.

SPARK=$ROOT/build/spark/old

spark_is_here() {
	[ -e "$SPARK/jdbc/.installed" ] ||
		bench_fail 'Spark is missing: run scripts/setup.sh bench'
}

spark_settings() {
	cat <<-EOC
		spark.master local[2]
		spark.driver.memory 4g
		spark.driver.bindAddress 127.0.0.1
		spark.driver.host 127.0.0.1
		spark.driver.extraClassPath $(printf '%s:' "$SPARK"/{jars,jdbc}/*.jar)
		spark.ui.enabled false
		spark.sql.session.timeZone UTC
		spark.sql.catalogImplementation in-memory
		spark.sql.catalog.lake org.apache.iceberg.spark.SparkCatalog
		spark.sql.catalog.lake.type hadoop
		spark.sql.catalog.lake.warehouse file://$B/spark
	EOC
}

# spark_submit SCRIPT ARGUMENTS...: timed, sets MEASURED
spark_submit() {
	local script=tests/bench/$1
	shift
	spark_settings >"$B/spark.conf"
	measured env PYTHONPATH="$SPARK/python" PYSPARK_PYTHON=python3 \
	    SPARK_HOME="$SPARK/python/pyspark" SPARK_LOCAL_IP=127.0.0.1 \
	    PYTHONDONTWRITEBYTECODE=1 SPARK_LOCAL_DIRS="$B" \
	    "$SPARK/python/pyspark/bin/spark-submit" \
	    --properties-file "$B/spark.conf" "$script" "$@" \
	    >"$B/spark.log" 2>&1 </dev/null || {
		grep -m 3 -E 'Error|Exception' "$B/spark.log" >&2
		return 1
	}
}
