# SPDX-License-Identifier: Apache-2.0
# Benchmarks: figures, never a pass or fail. See tests/bench/run.sh.

.PHONY: bench
bench: all build/chdb-front build/bench/measure
	$(Q)scripts/setup.sh build demo
	$(Q)tests/bench/run.sh

build/bench/measure: $(call objects,obj,tests/bench/measure.c)
	$(call say,LINK,$@)
	@mkdir -p build/bench
	$(Q)$(CC) $(LDFLAGS_obj) $^ -o $@

.PHONY: bench-small
bench-small: all build/chdb-front build/bench/measure
	$(Q)scripts/setup.sh build demo
	$(Q)tests/bench/small.sh

build/bench/commits: $(call objects,obj,tests/bench/commits.c $(SRCS_table) \
	worker/iceberg/partition_parse.c)
	$(call say,LINK,$@)
	@mkdir -p build/bench
	$(Q)$(CC) $(LDFLAGS_obj) $^ $(LIBS_iceberg) -o $@
