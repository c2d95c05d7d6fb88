# SPDX-License-Identifier: Apache-2.0
# Suites beyond unit tests: servers, drills, readers that are not ours.

# What `make check` makes, in this order, each whatever became of the others.
CHECKS := check-build check-unit check-e2e check-parquet-readers check-fuzz

check:
	$(Q)scripts/setup.sh build demo test
	+$(Q)MAKE='$(MAKE)' tests/check.sh $(CHECKS)

# All that can be compiled side by side, before suites that must run alone.
.PHONY: check-build check-e2e check-fuzz
check-build:
	+$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all asan fault tsan \
	    build/chdb-front build/tcp-proxy build/wrong-clock.so \
	    build/test/write_parquet build/test/unframe \
	    $(UNIT_PROGRAMS) \
	    $(FUZZERS:%=build/fuzz/fuzz_%)

# build/calve is what users run, build/fault can be killed at every I/O step,
# build/asan has the sanitizers.
E2E := $(filter-out tests/e2e/lib.sh tests/e2e/tables.sh \
	tests/e2e/replica.sh tests/e2e/postgres_types.sh,$(sort $(wildcard tests/e2e/*.sh)))
check-e2e: all asan fault tsan build/chdb-front build/tcp-proxy \
    build/wrong-clock.so build/test/unframe
	$(Q)tests/run.sh e2e $(E2E)

check-fuzz: $(FUZZERS:%=build/fuzz/fuzz_%)
	$(Q)tests/fuzz/run.sh 10 $(FUZZERS)

# What users do to it and what happens to it, each as often as it takes to
# believe it. DRILLS are beginnings of file names in tests/drills.
.PHONY: drills
drills:
	$(Q)scripts/setup.sh build demo test
	+$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all fault \
	    build/chdb-front build/tcp-proxy build/wrong-clock.so
	$(Q)tests/drills/run.sh $(DRILLS)

lint:
	$(Q)scripts/setup.sh lint
	$(Q)scripts/lint.sh

# KEEP=1 leaves the servers up.
demo:
	$(Q)KEEP='$(KEEP)' scripts/demo.sh

.PHONY: demo-medallion
demo-medallion:
	$(Q)KEEP='$(KEEP)' scripts/demo_medallion.sh

.PHONY: demo-visits
demo-visits:
	$(Q)KEEP='$(KEEP)' scripts/demo_visits.sh

interop:
	$(Q)scripts/setup.sh build demo
	+$(Q)$(MAKE) --no-print-directory all build/chdb-front
	$(Q)tests/interop/run.sh

build/chdb-front: $(call objects,obj,$(sort $(wildcard tests/harness/chdb_front*.c)) \
	worker/clickhouse/city.c)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_obj) $^ -lmicrohttpd -llz4 -lzstd -ldl -lpthread -o $@

build/wrong-clock.so: tests/harness/wrong_clock.c
	$(call say,LINK,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=c17 -O2 $(WARN) -shared -fPIC $< -o $@

build/tcp-proxy: $(call objects,obj,tests/harness/tcp_proxy.c)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_obj) $^ -o $@

# Parquet files of every type and preset, read by DuckDB and hyparquet.
build/test/write_parquet: $(call objects,asan,tests/interop/write_parquet.c \
	tests/harness/sample.c tests/harness/sample_schema.c $(SRCS_parquet) \
	$(SRCS_batch) $(SRCS_store) common/buf.c common/err.c common/fault.c \
	common/xalloc.c)
	$(call say,LINK,$@)
	@mkdir -p build/test
	$(Q)$(CC) $(LDFLAGS_asan) $^ -lzstd -lz -lpthread -o $@

.PHONY: check-parquet-readers
check-parquet-readers: build/test/write_parquet
	$(Q)tests/run.sh parquet-readers tests/interop/parquet_readers.sh

# What servers pack, unpacked by calve's decoders.
build/test/unframe: $(call objects,asan,tests/harness/unframe.c \
	$(SRCS_frames) worker/batch.c worker/type.c common/buf.c common/err.c \
	common/xalloc.c)
	$(call say,LINK,$@)
	@mkdir -p build/test
	$(Q)$(CC) $(LDFLAGS_asan) $^ -llz4 -lzstd -o $@

include tests/bench/bench.mk
