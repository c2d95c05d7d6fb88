#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages say what the programs do: examples are read and run,
# commands, options, columns, states, classes and privileges are compared, both
# ways. The keys of calve.yaml are tests/unit/check_manual.c's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite manual

# ---- pages as text -------------------------------------------------------------------

# section PAGE KIND TITLE: the source of a .Sh or .Ss, without deeper headings'
section() {
	awk -v head=".$2 $3" '/^\.S[hs] / { on = $0 == head; next } on' "$1"
}

# examples TEXT NUMBER: the n-th .Bd -literal of it, as the reader sees it
example() {
	awk -v want="$2" '/^\.Bd -literal/ { n++; on = n == want; next }
		/^\.Ed/ { on = 0 } on' <<<"$1" | sed 's/\\e/\\/g'
}

# items TEXT: what stands behind .It, one a line
items() {
	sed -n 's/^\.It //p' <<<"$1"
}

both_ways() { # NAME PROGRAM'S PAGE'S: the same lines, in whatever order
	[ -n "$2" ] || not_ok "$1: found nothing to compare"
	same "$1" "$(sort <<<"$2")" "$(sort <<<"$3")"
}

# ---- calve.yaml(5), README -------------------------------------------------------------

checked() { # NAME FILE
	"$CALVE" -c "$2" check >"$T/out" 2>"$T/err"
	same "$1: calve check takes it" '0 0' "$? $(errors_in "$(cat "$T/err")")"
	while read -r name; do
		has "$1: and shows '$name'" "$name" "$(cat "$T/out")"
	done < <(sed -nE 's/^ +(- )?source: *[a-z]+\.(.*\.)?//p' "$2")
}
example "$(section man/calve.yaml.5 Sh EXAMPLES)" 1 >"$T/example.yaml"
has 'calve.yaml(5) has an example' '^tables:' "$(cat "$T/example.yaml")"
checked 'calve.yaml(5)' "$T/example.yaml"
if [ -e README.md ]; then
	awk '/^```yaml/ { on = 1; next } /^```/ { on = 0 } on' README.md >"$T/readme.yaml"
	checked 'README' "$T/readme.yaml"
else
	echo 'skip README: there is none'
fi

# ---- calve(1): commands and options --------------------------------------------------

# Of --help: "t table PATTERN", "- json -", ...
program_options() { # TEXT OF --help
	sed -nE 's/^  (-(.),|   ) --([a-z-]+) ?([A-Z]*) .*/\2 \3 \4/p' <<<"$1" |
		awk 'NF == 1 { print "- " $1 " -" } NF == 2 && length($1) == 1 { print $1, $2, "-" }
		NF == 2 && length($1) > 1 { print "-", $1, $2 } NF == 3' | tr '[:upper:]' '[:lower:]'
}

page_options() { # TEXT OF THE PAGE
	items "$1" | sed -nE 's/^Fl ([a-z]) , -([a-z-]+)( Ar ([a-z]+))?$/\1 \2 \4-/p
		s/^Fl -([a-z-]+)( Ar ([a-z]+))?$/- \1 \3-/p' | sed -E 's/([a-z])-$/\1/'
}

common=$(page_options "$(section man/calve.1 Sh DESCRIPTION)")
commands=$("$CALVE" help | sed -nE 's/^  ([a-z]+) .*/\1/p')
both_ways 'calve(1) has every command and no other' "$commands" \
	"$(sed -n '/^\.Sh DESCRIPTION/,/^\.Sh JSON/s/^\.Ss //p' man/calve.1)"
synopsis=$(section man/calve.1 Sh SYNOPSIS)
for command in $commands; do
	help=$("$CALVE" "$command" --help)
	text=$(section man/calve.1 Ss "$command")
	both_ways "calve(1) has every option of $command and no other" "$(program_options "$help")" \
		"$(printf '%s\n%s\n' "$common" "$(page_options "$text")" | sed '/^$/d')"
	has "calve(1) has $command in its synopsis" "^\\.Cm $command" "$synopsis"
	while read -r option; do
		has "calve(1) needs --$option of $command" '^needed$' \
			"$(grep -A12 -- "^\\.It Fl -$option " <<<"$text" | sed -n 's/^Needed\.$/needed/p;/^\.It Fl -'"$option"'/!{/^\.It/q}')"
	done < <(sed -nE 's/^ .* --([a-z-]+) .*\(needed\)$/\1/p' <<<"$help")
done

both_ways 'calve(1) has every exit status and no other' \
	"$(sed -nE 's/^\tEXIT_[A-Z_]+ = ([0-9]+).*/\1/p' coordinator/exit.h)" \
	"$(items "$(section man/calve.1 Sh 'EXIT STATUS')")"

# ---- classes, states, phases -------------------------------------------------------------

classes=$(sed -nE 's/^\t\[ERR_[A-Z_]+\] = \{ "([a-z-]+)", (true|false) \},$/\1 \2/p' common/err.c | grep -v '^none ')
diagnostics=$(section man/calve.1 Sh DIAGNOSTICS)
both_ways 'calve(1) has every class of error and no other' "$(cut -d' ' -f1 <<<"$classes")" \
	"$(items "$diagnostics" | sed 's/^Cm //')"
both_ways 'calve(1) says which classes heal' "$(sed -n 's/ true$//p' <<<"$classes")" \
	"$(awk '/^\.It Cm / { class = $3 } /^Heals[.:]/ { print class }' <<<"$diagnostics")"
both_ways 'calve-state(5) has every class of error and no other' "$(cut -d' ' -f1 <<<"$classes")" \
	"$(section man/calve-state.5 Ss 'Error classes' | sed -n '/^\.Cm config/,$p' | tr -s ' ,.' '\n' | grep -vE '^(Cm|)$')"

# names_of FUNCTION: the words that it returns for its cases
names_of() {
	awk -v name="$1(" 'index($0, name) == 1 { on = 1 } /^}/ { on = 0 } on' common/job.c |
		sed -nE 's/^\t\treturn "([a-z_]+)";/\1/p'
}
watermarks=$(section man/calve-state.5 Ss offload_watermarks)
runs=$(section man/calve-state.5 Ss offload_runs)
both_ways 'calve-state(5) has every state of a run and no other' \
	"$(names_of run_state_name)" \
	"$(items "$runs" | sed -n 's/^Cm //p')"
for phase in $(names_of phase_name); do
	has "calve-state(5) has phase $phase" " $phase( |\$)" "$(grep '^\.Cm' <<<"$runs")"
done

# ---- calve-state(5): tables as they are ------------------------------------------------

make_table() {
	sql "CREATE TABLE t (ts DateTime64(3, 'UTC'), seq UInt64, text String) ENGINE = MergeTree ORDER BY (ts, seq)"
	sql "INSERT INTO t SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalSecond(number), number, toString(number) FROM numbers(100)"
}
make_table
config '{ name: t, source: hot.t, target: lake.cold.t, timestamp: ts, sequence: seq }'
calve init
same 'init ends well' 0 "$RC"

columns() { # TABLE
	state "SELECT attname || ' ' || replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz') FROM pg_attribute WHERE attrelid = '$1'::regclass AND attnum > 0 AND NOT attisdropped"
}
# "Va a , b Pq text , integer" is a: text and b: integer, or both text.
page_columns() { # TEXT
	items "$1" | sed -n 's/^Va //p' | sed 's/ , No primary key$//' |
		awk '{ i = index($0, " Pq "); n = i ? split(substr($0, 1, i - 1), name, " , ") : split($0, name, " , ")
			m = i ? split(substr($0, i + 4), type, " , ") : 0
			for (k = 1; k <= n; k++) print name[k], (m ? type[k <= m ? k : m] : "") }'
}
both_ways 'calve-state(5) has every column of offload_watermarks, its type, and no other' \
	"$(columns offload_watermarks)" "$(page_columns "$watermarks")"
both_ways 'calve-state(5) has every column of offload_runs, its type, and no other' \
	"$(columns offload_runs)" "$(page_columns "$runs")"
words() { # TABLE COLUMN: those that its check allows
	state "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '$1'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%($2 = ANY%'" |
		grep -oE "'[a-z_]+'" | tr -d "'"
}
both_ways 'calve-state(5) has every status and no other' "$(words offload_watermarks status)" \
	"$(items "$watermarks" | sed -n 's/^Cm //p')"
both_ways 'calve-state(5) has the states that the table allows' "$(words offload_runs state)" \
	"$(items "$runs" | sed -n 's/^Cm //p')"

# The role of the first example, and what needs no more than it.
sql_examples=$(section man/calve-state.5 Sh EXAMPLES)
example "$sql_examples" 1 | sed 's/calve LOGIN/runner LOGIN/; s/TO calve;/TO runner;/' >"$T/grants.sql"
has 'calve-state(5) shows how to make a role' 'GRANT.*offload_runs' "$(cat "$T/grants.sql")"
state "$(cat "$T/grants.sql")" >/dev/null
sed -i -E 's/user=calve/user=runner/' "$T/calve.yaml"
has 'the role is another' 'user=runner' "$(cat "$T/calve.yaml")"
for command in run 'run --dry-run' status verify 'check --connect' 'watermark show t' 'watermark reset t' run \
	"watermark set t 2024-03-01T00:01:39.000Z/99"; do
	# shellcheck disable=SC2086 # words
	calve $command
	same "the role suffices for '$command'" '0 0' "$RC $(errors_in "$ERR")"
	[ "$RC" -eq 0 ] || printf '  %s\n' "$ERR"
done
equal 'its run took every row' t cold.t 'toUnixTimestamp64Milli(ts), toString(seq), text'
same 'calve never deletes from its tables' '' "$(grep -liE '^(delete|truncate)' schemas/state/*.sql)"

# What is printed as JSON, event by event and key by key.
cat >"$T/keys.mjs" <<'JS'
// Every key of every object of the standard input, an object a line or a list.
import { readFileSync } from 'fs'
const keys = new Set()
const walk = v => {
	if (Array.isArray(v)) v.forEach(walk)
	else if (v !== null && typeof v === 'object')
		for (const k in v) {
			keys.add(k)
			if (k === 'event') keys.add(v[k])
			walk(v[k])
		}
}
const text = readFileSync(0, 'utf8')
if (text.startsWith('[')) walk(JSON.parse(text))
else text.trim().split('\n').forEach(line => walk(JSON.parse(line)))
console.log([...keys].join('\n'))
JS
json_section=$(section man/calve.1 Sh JSON)
json_words=$(grep -E '^\.(It )?Cm ' <<<"$json_section" | tr -s ' ,;.' '\n' | sort -u)
sql "INSERT INTO t SELECT ts + INTERVAL 1 DAY, seq + 1000, text FROM t"
for command in 'run --dry-run --json' 'run --json' 'run --json' 'status --json' 'verify --json' 'watermark show --json'; do
	# shellcheck disable=SC2086 # words
	calve $command
	same "'$command' prints what calve(1) says" "0 " \
		"$RC $(node "$T/keys.mjs" <<<"$OUT" | grep -vxF -- "$json_words" | tr '\n' ' ')"
done
config '{ name: t, source: hot.gone, target: lake.cold.t, timestamp: ts, sequence: seq }'
for command in 'run --json' 'run --dry-run --json'; do
	# shellcheck disable=SC2086 # words
	calve $command
	same "'$command' of a failure prints what calve(1) says" "1 " \
		"$RC $(node "$T/keys.mjs" <<<"$OUT" | grep -vxF -- "$json_words" | tr '\n' ' ')"
done
config '{ name: t, source: hot.t, target: lake.cold.t, timestamp: ts, sequence: seq }'

# The other examples run, too.
state "UPDATE offload_runs SET started_at = now() - interval '91 days' WHERE run_id = (SELECT run_id FROM offload_runs WHERE state = 'success' LIMIT 1)" >/dev/null
before=$(state 'SELECT count(*) FROM offload_runs')
state "$(example "$sql_examples" 2)" >"$T/failures" 2>&1
same 'calve-state(5): the query of failures runs' '0' "$?"
state "$(example "$sql_examples" 3)" >/dev/null
same 'calve-state(5): the ledger is kept to 90 days' "$((before - 1))" "$(state 'SELECT count(*) FROM offload_runs')"

# By hand: a watermark that is deleted comes back from the table.
state "DELETE FROM offload_watermarks" >/dev/null
calve run
same 'calve-state(5): a deleted watermark comes back' "0 2024-03-02T00:01:39.000Z/1099" "$RC $(watermark t)"
equal 'and no row is there twice' t cold.t 'toUnixTimestamp64Milli(ts), toString(seq), text'

# ---- calve-runbook(7) --------------------------------------------------------------------

RUNBOOK=man/calve-runbook.7
same 'calve-runbook(7) quotes messages as the program says them' '' "$(node tests/e2e/messages.mjs "$RUNBOOK")"
both_ways 'calve-runbook(7) has every class of error and no other' "$(cut -d' ' -f1 <<<"$classes")" \
	"$(items "$(section "$RUNBOOK" Ss 'By class of error')" | sed -n 's/^Cm //p' | sed 's/ , /\n/g')"
both_ways 'calve-runbook(7) has every exit status and no other' \
	"$(sed -nE 's/^\tEXIT_[A-Z_]+ = ([0-9]+).*/\1/p' coordinator/exit.h)" \
	"$(items "$(section "$RUNBOOK" Ss 'By exit status')")"
same 'calve-runbook(7) refers to entries that are there' '' \
	"$(sed -n 's/.*Sx //p' "$RUNBOOK" | sed 's/ [,;.]$//' | sort -u | grep -vxF -- "$(sed -n 's/^\.Ss //p' "$RUNBOOK")")"
same 'calve-runbook(7) has each entry in its indexes' '' \
	"$(sed -n '/^\.Sh PROCESSES/,/^\.Sh DRILLS/s/^\.Ss //p' "$RUNBOOK" | grep -vxF -- "$(section "$RUNBOOK" Ss 'By message' | sed -n 's/^\.Sx //p' | sed 's/ ,$//')")"
for drill in tests/drills/[0-9][0-9]_*.sh; do
	number=$(basename "$drill" | cut -c1-2)
	has "calve-runbook(7) has drill $number" '^\.It '"$number"' Ta Sx ' "$(section "$RUNBOOK" Sh DRILLS)"
done
while read -r command; do
	# shellcheck disable=SC2086 # words
	calve $command
	# Positions of examples are not this table's: they are understood, and
	# refused for what they would do.
	if [[ $command == 'watermark set '* ]]; then
		has "calve-runbook(7): 'calve $command' is understood" '^0 0$|^1 1 .*(would be there twice|would never be taken)' "$RC $(errors_in "$ERR") $ERR"
		continue
	fi
	same "calve-runbook(7): 'calve $command' ends well" '0 0' "$RC $(errors_in "$ERR")"
done < <(sed -n 's/^\$ calve //p' "$RUNBOOK" | sed -E 's/trades|visits/t/' | sort -u)
awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on && !/^\$/' "$RUNBOOK" >"$T/runbook.sql"
state "CREATE TABLE trades (ts timestamptz); $(cat "$T/runbook.sql")" >"$T/out" 2>"$T/err"
same 'calve-runbook(7): its queries run' '0 ' "$? $(cat "$T/err")"
has 'calve-runbook(7): there are some' '^([3-9]|[1-9][0-9])$' "$(grep -c '^SELECT' "$T/runbook.sql")"

# ---- pages -------------------------------------------------------------------------------

if command -v mandoc >/dev/null; then
	same 'mandoc finds nothing to warn of' '' "$(mandoc -T lint -W warning man/*.[1-9] 2>&1)"
else
	echo 'skip pages: mandoc is not installed'
fi
