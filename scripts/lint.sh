#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Format, layers, manual pages, shell scripts. Prints what is wrong and where;
# ends with 1 if anything is.
set -u
cd "$(dirname "$0")/.." || exit 2
failed=0
step() {
	printf 'lint: %s\n' "$1"
}
fail() {
	failed=1
}

step 'layers'
mapfile -t sources < <(git ls-files 'common/*.[ch]' 'coordinator/*.[ch]' 'worker/*.[ch]' 'worker/**/*.[ch]' | sort -u)
awk -f scripts/layers.awk "${sources[@]}" || fail

step 'format'
mapfile -t c_files < <(git ls-files '*.c' '*.h')
clang-format-14 --dry-run --Werror "${c_files[@]}" 2>&1 | grep -E '(error|warning):' | head -n 20
[ "${PIPESTATUS[0]}" -eq 0 ] || fail
git grep -nIE '[[:blank:]]+$' -- '*.c' '*.h' '*.sh' '*.sql' '*.md' '*.mk' GNUmakefile && fail
for f in "${c_files[@]}"; do
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || {
		printf '%s:1: no SPDX line\n' "$f"
		fail
	}
	[ "$(wc -l <"$f")" -le 800 ] || {
		printf '%s: over 800 lines: split it by concept\n' "$f"
		fail
	}
done

step 'figures'
if command -v node >/dev/null; then
	node tests/bench/report.mjs check || fail
fi

step 'manual pages'
for page in man/*.[1-9]; do
	mandoc -T lint -W warning "$page" || fail
done

step 'shell scripts'
git ls-files -z '*.sh' .ci/run |
    xargs -0 -P "$(nproc)" -n 4 shellcheck -x || fail
exit "$failed"
