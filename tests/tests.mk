# SPDX-License-Identifier: Apache-2.0
# Suites beyond unit tests: servers, drills, readers that are not ours.

build/chdb-front: $(call objects,obj,$(sort $(wildcard tests/harness/chdb_front*.c)))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_obj) $^ -lmicrohttpd -ldl -lpthread -o $@


# Parquet files of every type and preset, read by DuckDB and hyparquet.
build/test/write_parquet: $(call objects,asan,tests/interop/write_parquet.c \
	tests/harness/sample.c tests/harness/sample_schema.c $(SRCS_parquet) \
	$(SRCS_batch) $(SRCS_store) common/buf.c common/err.c common/fault.c \
	common/xalloc.c)
	$(call say,LINK,$@)
	@mkdir -p build/test
	$(Q)$(CC) $(LDFLAGS_asan) $^ -lzstd -lpthread -o $@

.PHONY: check-parquet-readers
check-parquet-readers: build/test/write_parquet
	$(Q)tests/run.sh parquet-readers tests/interop/parquet_readers.sh
