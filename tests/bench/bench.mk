# SPDX-License-Identifier: Apache-2.0
# Benchmarks: figures beside their targets, never a pass or fail.
#
#   make bench          calve and each peer that is there, side by side on four
#                       tables, and nine tables in waves: ten minutes
#   make bench-small    an increment, and a run with nothing to do, by phase
#   make bench-growth   up to 100 million rows, 400 days, 5,000 snapshots
#   make bench-visits   from PostgreSQL to ClickHouse
#   make bench-spark    Spark, Iceberg and JDBC
#   make bench-results  RESULTS.md and README.md's table from what the last
#                       runs of these measured
#   make vector-report  the loops over values that the compiler vectorizes, by
#                       its own word, as it builds them
#
# Single pieces: tests/bench/run.sh trades --rounds 3 calve engine, and so on.
# PyIceberg takes part where scripts/setup.sh bench, or interop, put it.

.PHONY: vector-report bench bench-small bench-growth bench-visits bench-spark bench-results bench-setup
bench: bench-setup
	$(Q)tests/bench/run.sh
	$(call bench_keep,bench)
	$(Q)tests/bench/waves.sh
	$(call bench_keep,waves)

bench-small: bench-setup
	$(Q)tests/bench/small.sh
	$(call bench_keep,small)

bench-growth: bench-setup
	$(Q)tests/bench/growth.sh
	$(call bench_keep,growth)

bench-visits: bench-setup
	$(Q)tests/bench/visits.sh
	$(call bench_keep,visits)

bench-spark: bench-setup
	$(Q)if scripts/setup.sh bench; then tests/bench/spark.sh && \
	    mkdir -p build/bench/results && \
	    cp build/bench/samples.tsv build/bench/results/spark.tsv && \
	    tests/bench/visits.sh --spark --rounds 3 && \
	    cp build/bench/samples.tsv build/bench/results/spark-visits.tsv; \
	else echo 'bench-spark: skipped, see above what cannot be had'; fi

bench-results:
	$(Q)mkdir -p tests/bench/results
	$(Q)cp build/bench/results/*.tsv tests/bench/results/
	$(Q)node tests/bench/report.mjs write

VECTOR_SOURCES := $(wildcard worker/parquet/*.c worker/source/*.c)
vector-report: $(GENERATED)
	$(Q)for file in $(VECTOR_SOURCES); do \
	    $(CC) $(CPPFLAGS) -std=c17 $(CFLAGS_obj) $(CFLAGS) -w \
	    -fopt-info-vec-optimized -c $$file -o /dev/null 2>&1; done | \
	    grep 'loop vectorized' | sort -u -t: -k1,1 -k2,2n

bench-setup:
	$(Q)scripts/setup.sh build demo
	+$(Q)$(MAKE) --no-print-directory all build/chdb-front \
	    build/bench/measure build/bench/commits

bench_keep = $(Q)mkdir -p build/bench/results && \
	cp build/bench/samples.tsv build/bench/results/$(1).tsv

build/bench/measure: $(call objects,obj,tests/bench/measure.c)
	$(call say,LINK,$@)
	@mkdir -p build/bench
	$(Q)$(CC) $(LDFLAGS_obj) $^ -o $@

# What a commit costs, by the worker's own code.
build/bench/commits: $(call objects,obj,tests/bench/commits.c $(SRCS_table) \
	worker/iceberg/partition_parse.c)
	$(call say,LINK,$@)
	@mkdir -p build/bench
	$(Q)$(CC) $(LDFLAGS_obj) $^ $(LIBS_iceberg) -o $@
$(call objects,obj,tests/bench/commits.c): | $(GENERATED)
