# SPDX-License-Identifier: Apache-2.0
# Suites beyond unit tests: servers, drills, readers that are not ours.

build/chdb-front: $(call objects,obj,$(sort $(wildcard tests/harness/chdb_front*.c)))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_obj) $^ -lmicrohttpd -ldl -lpthread -o $@

