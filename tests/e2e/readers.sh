#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What Iceberg allows and readers fail on: left out by calve, or warned of by
# name (worker/readers.h). tests/interop has the readers that are not here.
# shellcheck disable=SC2016 # backquotes of SQL
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/tables.sh
. "$ROOT/tests/e2e/tables.sh"
suite readers
sanitized

# warned NAME PATTERN TIMES: lines of the last command that warn so
warned() {
	same "$1" "$3" "$(grep -cE "warn(ing)?[ :].*$2" <<<"$ERR$OUT")"
}

# ---- NaN ------------------------------------------------------------------------

# Several files: NaN beside others, others alone, NaN alone, NULL beside NaN.
sql 'CREATE TABLE nans (ts DateTime, seq UInt32, x Float64, f Float32, n Nullable(Float64), t Tuple(y Float64, z Array(Float32))) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO nans SELECT toDateTime('2024-01-01 00:00:00') + number, number,
	v, v, if(number % 4 = 3, NULL, v), (v, [v, -v]) FROM (SELECT number,
	multiIf(number < 4, [3, nan, 3, -nan][number + 1], number < 8, [-0., 0, inf, 5][number - 3],
		number < 12, nan, [-inf, 1, nan, -0.][number - 11])::Float64 AS v FROM numbers(16))"
config "$(entry nans 'step_rows: 4')"
calve init
ran 'init'
calve run
ran 'floats are taken'
same 'bounds only where no NaN is' some "$(node tests/e2e/bounds.mjs "$WAREHOUSE/cold/nans" x)"
list=()
for op in = != '<' '<=' '>' '>='; do
	for at in x.-1 x.0 x.3 x.5 f.3 n.0 n.5 t.y.3; do
		column=${at%.*} value=${at##*.}
		# DuckDB orders NaN above all numbers
		duck="($column $op $value AND NOT isnan($column))"
		case $op in
		'!=') duck="$column != $value" ;;
		esac
		list+=("$column $op $value => $column $op $value => $duck")
		case $op in
		=) duck="$column != $value" ;;
		'!=') duck="$column = $value" ;;
		*) duck="(NOT ($column $op $value) OR isnan($column))" ;;
		esac
		list+=("NOT ($column $op $value) => NOT ($column $op $value) => $duck")
	done
done
kept=()
# the judge wants filters that choose some rows, but not all
for filter in "${list[@]}"; do
	n=$(sql "SELECT count() FROM nans WHERE ${filter%% => *}")
	if ((n == 0)); then kept+=("!$filter"); elif ((n < 16)); then kept+=("$filter"); fi
done
agree 'NaN' cold.nans "ts, seq, x, f, n, t" nans "${kept[@]}"
same 'DuckDB: what only NaN passes' 7 \
	"$(node tests/interop/read_duckdb.mjs "$WAREHOUSE/cold/nans" --raw --sql "SELECT count(*) FROM t WHERE x > 'Infinity'::DOUBLE")"

# ---- sort orders ------------------------------------------------------------------

plain=(ts Ts _x order desc date x1 key)
odd=('ts col' a.b 'a`b' "a'b" 'a"b' 'a\b' 1ts a-b 'имя' '😀' 'x desc' 'day(x)' 'a,b' 'a:b' not Select null TRUE nan inf)
entries=()
for name in "${plain[@]}" "${odd[@]}"; do
	n=${#entries[@]}
	sql "CREATE TABLE sorted$n ($(quoted "$name") DateTime, x2 Int32) ENGINE = MergeTree ORDER BY $(quoted "$name")"
	sql "INSERT INTO sorted$n SELECT toDateTime('2024-01-01 00:00:00') + number, number FROM numbers(9)"
	yaml=${name//\'/\'\'}
	entries+=("{ source: hot.sorted$n, target: lake.cold.sorted$n, timestamp: '$yaml' }")
done
config "${entries[@]}"
calve run
ran 'timestamps of any name'
n=0
for name in "${plain[@]}" "${odd[@]}"; do
	((n < ${#plain[@]})) && wanted=$name || wanted=
	same "the sort order of '$name'" "$wanted" "$(table sorted "cold.sorted$n")"
	same "ClickHouse reads it in order of '$name'" 36 \
		"$(sql "SELECT sum(x2) FROM (SELECT x2 FROM $(iceberg "cold.sorted$n") ORDER BY $(quoted "$name"))" 2>&1 | tail -n 1)"
	n=$((n + 1))
done
# the second column of an order
sql 'CREATE TABLE second (ts DateTime, `s q` UInt32) ENGINE = MergeTree ORDER BY (ts, `s q`)'
sql "INSERT INTO second SELECT toDateTime('2024-01-01 00:00:00') + number, number FROM numbers(9)"
config "{ source: hot.second, target: lake.cold.second, timestamp: ts, sequence: 's q' }"
calve run
ran 'a sequence of an odd name'
same 'the order is promised as far as it can be' ts "$(table sorted cold.second)"
agree 'sequence' cold.second '*' second '`s q` = 3 => `s q` = 3 => "s q" = 3'

# as an earlier version made it, and the way out
table sort cold.second 's q'
has 'an order that names it cannot be read' 'storage order by clause' "$(sql "SELECT count() FROM $(iceberg cold.second)" 2>&1)"
calve check --connect
warned 'check names the column' "sort order names a column like 's q'.*WRITE UNORDERED" 1
table sort cold.second
same 'unsorted, it can' 9 "$(sql "SELECT count() FROM $(iceberg cold.second)")"
calve check --connect
warned 'check is content' 'sort order' 0
sql "INSERT INTO second SELECT toDateTime('2024-01-01 01:00:00') + number, 100 + number FROM numbers(9)"
calve run
ran 'the next run goes on'
same 'and leaves it unsorted' '' "$(table sorted cold.second)"
agree 'goes on' cold.second '*' second '`s q` > 100 => `s q` > 100 => "s q" > 100'

# ---- two partition fields of one column --------------------------------------------

sql 'CREATE TABLE twice (ts DateTime, seq UInt32, s String, l Int64) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO twice SELECT toDateTime('2024-01-01 00:00:00') + number, number, concat(char(97 + number % 3), toString(number % 5)), number FROM numbers(50)"
config "$(entry twice 'partition: [s, "truncate(1, s)"]' twice_s)" \
	"$(entry twice 'partition: ["bucket(4, s)", "truncate(1, s)", l, s]' twice_more)" \
	"$(entry twice 'partition: ["bucket(4, s)", "truncate(1, s)"]' twice_none)"
calve run
ran 'two fields of one column'
warned 'the field that adds nothing is left out' "twice_s.*field 's_trunc' \(truncate\[1\] of 's'\) is left out: 's' splits finer" 1
warned 'each of them' "twice_more.*is left out" 2
warned 'two that both count are warned of' "twice_none.*ClickHouse cannot read .* two partition fields of one column, as 's_bucket' and 's_trunc'" 1
agree 'one field is left' cold.twice_s '*' twice "s = 'a1'" "s != 'a1'" "s >= 'b'" "NOT (s >= 'b')" "s LIKE 'c%'"
agree 'two columns are left' cold.twice_more '*' twice "s = 'a1'" 'l = 7' 'NOT (l < 40)'
same 'two fields are written' 2 "$(grep -o '"field-id":10[0-9]*' "$WAREHOUSE/cold/twice_none/metadata/v1.metadata.json" | sort -u | wc -l)"
READERS='DuckDB icebird' agree 'two fields' cold.twice_none '*' twice
sql "INSERT INTO twice SELECT toDateTime('2024-01-01 01:00:00') + number, 100 + number, 'd', number FROM numbers(5)"
calve run
ran 'they go on'
warned 'nothing is said again' 'partition' 0
calve check --connect
warned 'check says what ClickHouse cannot read' 'two partition fields of one column' 1

# ---- names that differ by case ------------------------------------------------------

sql 'CREATE TABLE cases (ts DateTime, seq UInt32, a Int32, A Int32, `я` Int32, `Я` Int32, t Tuple(b Int32, B Int32), l Array(Tuple(c Int32, d Tuple(e Int8, E Int8))), m Map(String, Tuple(f Int8, F Int8))) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO cases SELECT toDateTime('2024-01-01 00:00:00') + number, number, number, 100 + number, number, -number, (number, 200 + number), [(number, (1, 2))], map('k', (3, 4)) FROM numbers(9)"
config "$(entry cases)"
calve run
ran 'names that differ by case'
for pair in "'A' and 'a'" "'Я' and 'я'" "'t.B' and 't.b'.*DuckDB reads one for the other" "'l.d.E' and 'l.d.e'" "'m.F' and 'm.f'"; do
	first=${pair%%.\**}
	IFS="'" read -r _ x _ y _ <<<"$first"
	warned "of $first" "('$x' and '$y'|'$y' and '$x') differ by case alone: Spark${pair#"$first"}" 1
done
# (the engine's names of fields differ from the source's in nothing)
same 'ClickHouse reads them' "$(sql 'SELECT * FROM cases ORDER BY seq' | cut -f 2-)" \
	"$(sql "SELECT * FROM $(iceberg cold.cases) ORDER BY seq" | cut -f 2-)"
sql 'ALTER TABLE cases ADD COLUMN SEQ Int8'
sql "INSERT INTO cases (ts, seq, SEQ) SELECT toDateTime('2024-01-01 01:00:00') + number, 100 + number, 1 FROM numbers(5)"
calve run
ran 'a column that came later'
warned 'of the new pair' "('seq' and 'SEQ'|'SEQ' and 'seq') differ" 1
sql "INSERT INTO cases (ts, seq, SEQ) SELECT toDateTime('2024-01-01 02:00:00') + number, 200 + number, 1 FROM numbers(5)"
calve run
ran 'and goes on'
warned 'once' 'differ by case' 0

# ---- a column named as a partition field ----------------------------------------------

sql 'CREATE TABLE later (ts DateTime, seq UInt32, s String) ENGINE = MergeTree ORDER BY (ts, seq)'
sql "INSERT INTO later SELECT toDateTime('2024-01-01 00:00:00') + number, number, 'x' FROM numbers(9)"
config "$(entry later 'partition: ["truncate(1, s)"]')"
calve run
ran 'partitioned by truncate'
sql 'ALTER TABLE later ADD COLUMN s_trunc Int8'
sql "INSERT INTO later SELECT toDateTime('2024-01-01 01:00:00') + number, 100 + number, 'x', 1 FROM numbers(9)"
config "$(entry later)"
calve run
same 'a column of its name is refused' 1 "$RC"
has 'by name' "error .*column 's_trunc' came to a table that has a partition field of that name; exclude the column" "$ERR"
config "$(entry later 'exclude: [s_trunc]')"
calve run
ran 'excluded, the run goes on'
agree 'excluded' cold.later 'ts, seq, s' later 'seq > 50'
