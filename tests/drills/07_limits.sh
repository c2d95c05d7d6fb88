#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Drill 7: limits of memory, processor time, open files, size of a file and
# wall time, each reached by one of nine tables that run at once, and by a
# table of its own in each phase. The others go on unharmed, the ledger names
# the limit, and once it is raised all is taken.
# shellcheck source=tests/drills/lib.sh
. "$(dirname "$0")/lib.sh"
drill

# ---- nine tables at once, five with a limit --------------------------------------------

# Hours of random text, of random length, and few rows that are large.
HOURS=0
more_rows() {
	local n
	for ((n = 0; n < 3; n++)); do
		drill_draw 300 2400
		sql "INSERT INTO wide SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalHour($HOURS) + toIntervalMillisecond(intDiv(number, 3) * 500), $HOURS * 10000 + number, 'S' || toString(number % 40), randomPrintableASCII(1000) FROM numbers($DRAWN)"
		((HOURS++))
	done
	drill_draw 4 40
	sql "INSERT INTO large SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + toIntervalHour($HOURS) + toIntervalSecond(number), $HOURS * 100 + number, 'S', repeat(repeat(char(65 + number % 26), 1500), 1000) FROM numbers($DRAWN)"
}

# entry NAME [MORE]: its line of calve.yaml; without a limit where $FREE is set
entry() {
	local source=wide
	[ "$1" != memory ] || source=large
	echo "{ name: $1, source: hot.$source, target: lake.cold.$1, timestamp: ts, sequence: seq, step: 1h${2:+, $2} }"
}

FINE=(fine1 fine2 fine3 fine4)
limits() {
	local name entries=()
	drill_draw 100 900
	entries=("$(entry memory 'limits: { memory: 64M }')"
		"$(entry cpu 'limits: { cpu: 1s }, compression: "zstd:19"')"
		"$(entry files 'limits: { files: 32 }, partition: [symbol], row_group_rows: 8')"
		"$(entry output 'limits: { output: 1M }')"
		"$(entry wall "limits: { wall: ${DRAWN}ms }, compression: \"zstd:19\"")")
	for name in "${FINE[@]}"; do
		entries+=("$(entry "$name")")
	done
	config "${entries[@]}"
}

# What a limited table's run may end as: state, class, message.
declare -A WORDS=(
	[memory]="failed[|]memory[|]memory limit of 64 MiB reached while [a-z]+; raise 'limits: memory' or lower 'row_group_size'"
	[cpu]="failed[|]limit[|]cpu limit of 1s reached while [a-z]+; raise 'limits: cpu' or take smaller steps"
	[files]="failed[|]handles[|]limit of 32 open files reached while [a-z]+: .*: Too many open files; raise 'limits: files'"
	[output]="failed[|]limit[|]file size limit of 1 MiB reached while [a-z]+; raise 'limits: output' or lower 'file_size'"
	[wall]="timed_out[|]limit[|]deadline of [0-9]+ms passed while [a-z]+; raise 'limits: wall', or take smaller steps"
)
declare -A TITLES=([memory]='memory limit' [cpu]='cpu limit' [files]='open files used up'
	[output]='file size limit' [wall]='deadline')
declare -A REACHED PHASES_OF
reached() { # KIND RUN
	((REACHED[$1] = ${REACHED[$1]:-0} + 1))
	PHASES_OF[$1]+=$(sed -E 's/.* (reached|passed) while ([a-z]+).*/\2/' <<<"$2")$'\n'
}

# Lines as "this 2, that 1"
counted() {
	grep . | sort | uniq -c | awk '{ n = $1; $1 = ""; printf "%s%s %d", sep, substr($0, 2), n; sep = ", " }'
}

phases_of() { # KIND
	counted <<<"${PHASES_OF[$1]-}"
}

# No row that comes after the position is in the table, and none before it is
# missing. $2: its source
whole_steps() {
	local position seen
	position=$(table positions "cold.$1" 2>/dev/null | head -n 1)
	[ -n "$position" ] || return
	seen=$(sql "SELECT count() FROM $(iceberg "cold.$1")")
	same "$1: $seen rows up to its position" "$seen" \
		"$(sql "SELECT count() FROM $2 WHERE (ts, seq) <= (toDateTime64('${position%Z/*}', 3, 'UTC'), ${position#*/})")"
}

sql "CREATE TABLE wide (ts DateTime64(3, 'UTC'), seq Int64, symbol String, pad String) ENGINE = MergeTree ORDER BY (ts, seq)"
sql 'CREATE TABLE large AS wide'
CONFIG_EXTRA='workers: 9
grace: 300ms
retry: { attempts: 2, backoff: 10ms }'
limits
calve init
for ((round = 1; round <= $(drill_scaled 25 2); round++)); do
	more_rows
	limits
	calve run
	failed=0
	for name in memory cpu files output wall; do
		run=$(last_run "$name" state,error_class,error_message)
		if [[ $run =~ ^${WORDS[$name]}$ ]]; then
			failed=1
			reached "$name" "$run"
		elif [ "$run" != success ]; then
			not_ok "$name: $run"
		fi
	done
	for name in "${FINE[@]}"; do
		same "$name, beside tables that reach limits" 'success|1' "$(last_run "$name" state,attempt)"
	done
	same 'exit status' $failed "$RC"
	echo "$ERR" >>"$T/limits.err"
done
whole_steps memory large
for name in cpu files output wall; do
	whole_steps "$name" wide
done
CONFIG_EXTRA='workers: 9'
entries=("$(entry memory)")
for name in cpu files output wall "${FINE[@]}"; do
	entries+=("$(entry "$name")")
done
config "${entries[@]}"
sed -i '/name: files/s/step/partition: [symbol], step/' "$T/calve.yaml"
drill_rerun -t '*'
for name in memory cpu files output wall; do
	if [ "$name" == memory ]; then
		drill_compare large=cold.memory
	else
		drill_compare "wide=cold.$name"
	fi
	drill_result "${TITLES[$name]} in a run of nine" "${REACHED[$name]:-0}" "$LOST" "$DUPLICATED" "$(phases_of "$name")"
done
drill_compare "${FINE[@]/#/wide=cold.}"
drill_result 'the other four of the nine' $((round - 1)) "$LOST" "$DUPLICATED" 'took all of their rows in each run'
drill_watermarks memory cpu files output wall "${FINE[@]}"
drill_ledger

# ---- in each phase ---------------------------------------------------------------------

# A worker is held there, and what is left to it is taken away, as the kernel
# would find it. Then it goes on.
POINTS=(locking reconciling counting reading store.create.before writing
	store.fsync.before committing commit.manifest commit.listed run.fenced
	store.link.before store.link.after commit.linked run.committed advancing
	state.commit.before reading:2 committing:2 commit.linked:2)

# Held memory that is free would serve for long: see mallopt(3).
export MALLOC_MMAP_THRESHOLD_=1024 MALLOC_TOP_PAD_=0
take_memory() { prlimit --pid "$WORKER" --as=1; }
take_files() { prlimit --pid "$WORKER" --nofile=3; }
take_output() { prlimit --pid "$WORKER" --fsize=1; }
take_cpu() { kill -XCPU "$WORKER"; }

# What the attempts of this run ended as, but for the good one.
failures() { # TABLE SINCE
	state "SELECT concat_ws('|', state, error_class, error_message) FROM offload_runs WHERE table_name = '$1' AND started_at >= '$2' AND state <> 'success' ORDER BY started_at"
}

# What a worker may say that found its limit at another moment than the main
# one: what may have landed, and who could not be reached.
declare -A ELSE=(
	[memory]='failed[|]unclear[|].*Cannot allocate memory'
	[cpu]='failed[|]unclear[|]cpu limit of 30m reached while [a-z]+; raise .*; the next run finds out'
	[files]='failed[|](unclear|state-lost|handles)[|].*Too many open files'
	[output]='failed[|]unclear[|]file size limit of 64 MiB reached while [a-z]+; raise .*; the next run finds out'
)

OUTCOMES=
outcome() { # KIND POINT SINCE
	local all words=${WORDS[$1]}
	words=${words/64 MiB/2 GiB}
	words=${words/1 MiB/64 MiB}
	words=${words/32/1024}
	words=${words/1s/30m}
	all=$(failures "$1_each" "$3")
	if [[ $RC == 0 && -z $all ]]; then
		OUTCOMES+=$'not noticed\n'
	elif [[ $all =~ ^$words$ || $all =~ ^${ELSE[$1]} ]]; then
		all=${all#*|}
		OUTCOMES+=${all%%|*}$'\n'
	else
		not_ok "$1 at $2: exit status $RC, '$all'"
	fi
}

each_phase() { # KIND
	local name=$1_each n point want since
	want=$(drill_scaled ${#POINTS[@]} 2)
	drill_create "$name"
	drill_insert "$name"
	config "$(drill_entry "$name" 'step: 1h, limits: { cpu: 30m, output: 64M }')"
	calve run
	for ((n = 0; n < want; n++)); do
		drill_insert "$name" 2
		point=${POINTS[n]}
		if [ "$want" != ${#POINTS[@]} ]; then
			drill_draw 0 $((${#POINTS[@]} - 1))
			point=${POINTS[DRAWN]}
		fi
		since=$(state 'SELECT clock_timestamp()')
		fault_stop "$point" run || continue
		"take_$1"
		drill_go_on "$1 at $point"
		outcome "$1" "$point" "$since"
	done
	drill_rerun -t '*'
	drill_compare "$name"
	drill_history "$name"
	drill_watermarks "$name"
	drill_ledger
	drill_result "${TITLES[$1]}, in each phase" "$want" "$LOST" "$DUPLICATED" "$(counted <<<"$OUTCOMES")"
	OUTCOMES=
}

CONFIG_EXTRA='retry: { attempts: 2, backoff: 10ms }'
for kind in memory files output cpu; do
	each_phase "$kind"
done
