#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `make install` lays down runs from where it lies, and the manual pages
# are there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite install

make -s install DESTDIR="$T/root" PREFIX=/usr >"$T/install.log" 2>&1
same 'make install ends well' 0 "$?"
same 'programs and pages are where they belong' \
	'usr/bin/calve usr/libexec/calve/calve-worker usr/share/man/man1/calve.1 usr/share/man/man5/calve-state.5 usr/share/man/man5/calve.yaml.5 usr/share/man/man7/calve-runbook.7 usr/share/man/man7/calve.7' \
	"$(cd "$T/root" && find usr/bin usr/libexec usr/share/man -type f | sort | tr '\n' ' ' | sed 's/ $//')"
CALVE=$T/root/usr/bin/calve
sql 'CREATE TABLE t (ts DateTime, n UInt32) ENGINE = MergeTree ORDER BY ts'
sql 'INSERT INTO t SELECT now() - 3600 - number, number FROM numbers(10)'
config '{ source: hot.t, target: lake.cold.t, timestamp: ts }'
calve init
same 'the installed program makes the state tables' 0 "$RC"
calve run
same 'the installed program finds its worker' 0 "$RC"
equal 'its rows are there' t cold.t "toDateTime64(ts, 6, 'UTC'), n"
calve --version
has 'it tells its version' '^calve [0-9]+\.[0-9]+\.[0-9]+' "$OUT"
