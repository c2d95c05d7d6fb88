#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files of runs that died are removed by a later run, after its own commit, and
# nothing else is: not what a snapshot has, nor what others have put there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite collected
CONFIG_EXTRA='retry: { attempts: 1 }'
DIR=$WAREHOUSE/cold/t
HOUR=0
sql "CREATE TABLE t (ts DateTime64(3, 'UTC'), seq UInt64, symbol String) ENGINE = MergeTree ORDER BY (ts, seq)"
config '{ source: hot.t, target: lake.cold.t, timestamp: ts, sequence: seq, partition: [symbol] }'

insert() {
	sql "INSERT INTO t SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(number), $HOUR * 1000 + number, ['BTC', 'ETH'][number % 2 + 1] FROM numbers(100)"
	HOUR=$((HOUR + 1))
}

# of RUN: files that bear its id, below the table, and how many of them are data
of() {
	find "$DIR" -type f -name "*$1*" | sort
}
data_of() {
	of "$1" | grep -c '/data/.*\.parquet$'
}
run_id() {
	last_run t run_id
}
whole() { # NAME
	same "$1: every row once" "$(sql 'SELECT count(), uniqExact(seq), sum(seq) FROM t')" \
	    "$(sql "SELECT count(), uniqExact(seq), sum(seq) FROM icebergLocal('$DIR')")"
	same "$1: no file is missing" '' "$(table missing cold.t)"
}
collected() { # RUN
	state "SELECT files_collected IS NOT NULL FROM offload_runs WHERE run_id = '$1'"
}

run_ok() { # NAME
	calve run
	same "$1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
}

calve init
insert
run_ok 'the first run'
whole 'the first run'

# ---- killed before its commit ------------------------------------------------------------

insert
fault kill:run.fenced run
same 'a run is killed' 1 "$RC"
dead=$(run_id)
same 'it leaves data files' 2 "$(data_of "$dead")"
# what others have put there; the last in a folder that is another's
mkdir "$T/elsewhere"
ln -s "$T/elsewhere" "$DIR/data/linked"
others=("$DIR/data/symbol=BTC/part-0.parquet" "$DIR/data/symbol=BTC/00000-0-4dfe4ee0-8a43-4d3f-8a0f-0123456789ab-00000.parquet" "$DIR/metadata/notes.txt" "$T/elsewhere/00000-0-$dead-00000.parquet")
touch "${others[@]}"
run_ok 'the next run'
has 'it says what it removed' 'info .* t: .*files of [0-9]+ bytes removed, which 1 runs that failed had left' "$ERR"
same 'nothing of the dead run is left' '' "$(of "$dead")"
same 'the ledger knows' t "$(collected "$dead")"
same "others' files are there" 4 "$(stat -c %n "${others[@]}" | wc -l)"
whole 'the next run'
rm -r "$DIR/data/linked" "${others[@]}"

# ---- killed after it -----------------------------------------------------------------------

insert
fault kill:run.committed run
landed=$(run_id)
same 'the ledger has it as failed' failed "$(last_run t state)"
insert
run_ok 'after a commit that the ledger has not heard of'
same 'its files are live, and stay' 2 "$(data_of "$landed")"
same 'they are not looked for again' t "$(collected "$landed")"
whole 'after a commit that the ledger has not heard of'

# ---- killed while it collects ------------------------------------------------------------------

insert
fault kill:run.fenced run
dead=$(run_id)
insert
fault kill:collect.remove run
collector=$(run_id)
same 'nothing was collected when the run that would was killed' '2 f' "$(data_of "$dead") $(collected "$dead")"
insert
run_ok 'a run after both'
same 'files of the one killed before its commit go' '0 t' "$(data_of "$dead") $(collected "$dead")"
same 'those of the collector, which had committed, stay' '2 t' "$(data_of "$collector") $(collected "$collector")"
whole 'a run after both'
calve run
same 'a run without rows looks for none' '0 0' "$RC $(grep -c 'removed, which' <<<"$ERR")"

# ---- a worker that stands still, and that the ledger calls dead -------------------------------

insert
fault_stop run.fenced run
stale=$(run_id)
state "UPDATE offload_runs SET state = 'failed', finished_at = now() WHERE run_id = '$stale'; SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'offload_watermarks'::regclass AND mode = 'RowShareLock'" >/dev/null
same 'it has written its files' 2 "$(data_of "$stale")"
run_ok 'another run meanwhile'
same 'its files are gone' 0 "$(data_of "$stale")"
whole 'another run meanwhile'
fault_go
same 'it goes on, and cannot commit' 3 "$RC"
whole 'when it has gone on'
insert
run_ok 'at last'
whole 'at last'

exit "$TESTS_FAILED"
