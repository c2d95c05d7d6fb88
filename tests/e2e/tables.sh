#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Source tables told as lists of columns, and their comparison with what three
# readers find. For suites; source it after lib.sh.
# shellcheck disable=SC2016,SC2034 # backquotes of SQL; variables of lib.sh

# The column lists: one line a column, fields separated by " ; ":
#
#   NAME ; TYPE ; EXTREMES ; OTHERWISE [; TEXT [; OPTIONS]]
#
# Row n < the number of EXTREMES (a list of SQL literals of one kind, cast
# to TYPE) takes the one at n; other rows take the expression OTHERWISE of n.
# TEXT is what gives, in SQL, the value as the target has it; NAME where left
# out; OPTIONS those of calve.yaml. Lines that begin with # are skipped. Every table has ts and seq first.

# columns_read: stdin -> arrays C_NAME C_TYPE C_VALUE C_TEXT, and C_OPTIONS
columns_read() {
	local line name type extremes otherwise text options
	C_NAME=(ts seq)
	C_TYPE=("DateTime64(6, 'UTC')" UInt32)
	C_VALUE=("toDateTime64('2024-02-28 22:00:00.000001', 6, 'UTC') + toIntervalMinute(n)" '10 * n')
	C_TEXT=(ts seq)
	C_OPTIONS=
	while IFS= read -r line; do
		[[ -n $line && $line != '#'* ]] || continue
		IFS=$'\x1f' read -r name type extremes otherwise text options \
			<<<"${line// ; /$'\x1f'}"
		C_NAME+=("$name")
		C_TYPE+=("$type")
		C_TEXT+=("${text:-$(quoted "$name")}")
		[ -z "$options" ] || C_OPTIONS+="\"$name\": { $options }, "
		otherwise="CAST($otherwise AS $type)"
		if [ -n "$extremes" ]; then
			otherwise="if(n < length([$extremes]), CAST([$extremes][least(n + 1, length([$extremes]))] AS $type), $otherwise)"
		fi
		C_VALUE+=("$otherwise")
	done
}

quoted() {
	local name=${1//\\/\\\\}
	printf '`%s`' "${name//\`/\\\`}"
}

# Types that want to be allowed; ours to read, whatever a server thinks of them.
ALLOWED='allow_suspicious_low_cardinality_types=1&enable_time_time64_type=1'

# columns_make TABLE ORDER_BY [SETTINGS]: creates it from the arrays
columns_make() {
	local i list=()
	for i in "${!C_NAME[@]}"; do
		list+=("$(quoted "${C_NAME[i]}") ${C_TYPE[i]},")
	done
	local text="${list[*]}"
	sql "CREATE TABLE $1 (${text%,}) ENGINE = MergeTree ORDER BY $2" "$ALLOWED${3:+&$3}" ||
		not_ok "source table $1 cannot be made"
}

# columns_fill TABLE FIRST COUNT: rows n = FIRST ...
columns_fill() {
	local i list=()
	for i in "${!C_NAME[@]}"; do
		list+=("${C_VALUE[i]},")
	done
	local text="${list[*]}"
	sql "INSERT INTO $1 WITH toInt64(number) AS n SELECT ${text%,} FROM numbers($2, $3)" "$ALLOWED" ||
		not_ok "source table $1 cannot be filled"
}

# columns_text: the select list that gives all columns as the target has them
columns_text() {
	local i list=()
	for i in "${!C_NAME[@]}"; do
		list+=("${C_TEXT[i]} AS $(quoted "${C_NAME[i]}"),")
	done
	local text="${list[*]}"
	printf '%s' "${text%,}"
}

# entry SOURCE [OPTIONS [TARGET]]: of calve.yaml's tables
entry() {
	printf '{ name: %s, source: hot.%s, target: lake.cold.%s, timestamp: ts, sequence: seq%s }' \
		"${3:-$1}" "$1" "${3:-$1}" "${2:+, $2}"
}

# From here on `calve` is the build with sanitizers, where there is one. (The
# address space that they take is no sign of a leak.)
sanitized() {
	CONFIG_EXTRA='limits: { memory: none }'
	[ ! -x "$ROOT/build/asan/calve" ] || CALVE=$ROOT/build/asan/calve
}

# agree_add NAME TABLE COLUMNS FROM [FILTER]...: one table for agree_all, which
# compares all of them (see judge.mjs). READERS may say which readers to ask.
agree_add() {
	local name=$1 table=$2
	shift 2
	printf '%s\0' "${READERS:-ClickHouse DuckDB icebird}" \
		"$WAREHOUSE/${table//.//}" "$name" "$@" '' >>"$T/judge"
}

agree_all() {
	local line
	while IFS= read -r line; do
		[[ $line != 'not ok '* ]] || TESTS_FAILED=1
		printf '%s\n' "$line"
	done < <(node "$ROOT/tests/e2e/judge.mjs" "$T/ch" <"$T/judge" 2>&1 ||
		echo 'not ok the comparison ended badly')
	rm "$T/judge"
}

agree() {
	agree_add "$@"
	agree_all
}

# nothing_of TABLE: what stands in its folder, if it is there at all
nothing_of() {
	[ ! -e "$WAREHOUSE/cold/$1" ] || find "$WAREHOUSE/cold/$1"
}

# ran NAME: the last calve command ended well
ran() {
	same "$1" 0 "$RC"
	[ "$RC" -eq 0 ] || printf '%s\n' "$ERR" | grep -E 'error|warn' | head -n 20
}
