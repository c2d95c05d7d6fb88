#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes Parquet files of every type and preset, and has readers that are not
# ours read them back: make check-parquet-readers.
set -eu
build=${CALVE_BUILD:-build}
if [ ! -d "$build/npm/node_modules" ]; then
	echo "skip parquet readers: the npm packages are not in $build/npm"
	exit 0
fi
folder=$(mktemp -d "$build/test/parquet.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$build/test/write_parquet" "$folder"
node tests/interop/read_parquet.mjs "$folder"
