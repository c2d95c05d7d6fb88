#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A position belongs to a table, not to its name, and means something by its
# columns: renamed sources go on, others under an old name stop, two servers
# under one alias have a history each. What a message tells to do helps, and
# where its diagnosis is wrong the command refuses.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
suite identity

CONFIG_EXTRA='retry: { attempts: 1 }'
COLUMNS='toUnixTimestamp64Milli(ts), toString(seq), text'
# Only such a database gives its tables a uuid: not the engine's default one.
sql 'CREATE DATABASE k2 ENGINE = Atomic'

create() { # TABLE
	sql "CREATE TABLE $1 (ts DateTime64(3, 'UTC'), seq UInt64, text String, ts2 DateTime64(3, 'UTC') DEFAULT ts + INTERVAL 10 DAY, seq2 UInt64 DEFAULT seq + 1000000, other UInt8 DEFAULT 1) ENGINE = MergeTree ORDER BY (ts, seq)"
}

HOUR=0
insert() { # TABLE
	((HOUR++))
	sql "INSERT INTO $1 (ts, seq, text) SELECT toDateTime64('2024-03-01 00:00:00', 3, 'UTC') + INTERVAL $HOUR HOUR + toIntervalMillisecond(intDiv(number, 3) * 20), $HOUR * 100000 + number, toString(number) FROM numbers(300)"
}

entry() { # SOURCE TARGET [MORE]
	echo "{ source: $1, target: lake.cold.$2, timestamp: ts, sequence: seq${3:+, $3} }"
}

goes_on() { # NAME SOURCE TARGET
	calve run
	same "$1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	equal "$1: every row is there once" "$2" "cold.$3" "$COLUMNS"
}

# refuses NAME PATTERN ARGUMENTS...: calve must not do it
refuses() {
	local name=$1 pattern=$2
	shift 2
	calve "$@"
	same "$name: 'calve $*' refuses" '1 1' "$RC $(errors_in "$ERR")"
	has "$name: and says why" "$pattern" "$ERR"
}

rows() { # TARGET
	sql "SELECT count() FROM $(iceberg "cold.$1")"
}

config "$(entry hot.k2.none none)"
calve init

# ---- renamed ------------------------------------------------------------------------

create k2.first
insert k2.first
config "$(entry hot.k2.first first)"
goes_on 'renamed: before' k2.first first
uuid=$(sql "SELECT uuid FROM system.tables WHERE database = 'k2' AND name = 'first'")
has 'the commit records whose rows it holds' "^hot.k2.first $uuid first ts seq false\$" \
	"$(table summary cold.first calve.source calve.source.uuid calve.table calve.column.timestamp calve.column.sequence calve.column.final)"
sql 'RENAME TABLE k2.first TO k2.second'
insert k2.second
config "$(entry hot.k2.second first)"
goes_on 'renamed, without a name of its own' k2.second first
has 'renamed: it is said' "warn .*the source was 'hot.k2.first' and is 'hot.k2.second' now, the same table" "$ERR"
insert k2.second
goes_on 'renamed: again' k2.second first
has 'renamed: once' '^0$' "$(grep -c 'the same table' <<<"$ERR")"

sed -i "s/^  hot:/  warm:/; s/hot\.k2/warm.k2/" "$T/calve.yaml"
insert k2.second
goes_on 'the alias renamed' k2.second first
# The watermarks lost as well: the table knows.
state 'TRUNCATE offload_watermarks' >/dev/null
sql 'RENAME TABLE k2.second TO k2.third'
config "$(entry hot.k2.third first 'name: mine')"
insert k2.third
goes_on 'table, alias and name changed, watermarks lost' k2.third first

# Renamed without rows to take: said once all the same.
sql 'RENAME TABLE k2.third TO k2.fourth'
config "$(entry hot.k2.fourth first 'name: mine')"
calve run
has 'renamed with nothing to take: it is said' 'the same table' "$ERR"
calve run
has 'renamed with nothing to take: once' '^0$' "$(grep -c 'the same table' <<<"$ERR")"
goes_on 'renamed with nothing to take' k2.fourth first

# ---- another one under the old name ---------------------------------------------------

sql 'RENAME TABLE k2.fourth TO k2.kept'
create k2.fourth
insert k2.fourth
stops mine source "recreated: .*'calve watermark reset --same-history mine', else give it another 'name'"
calve run -n
has 'recreated: the dry run shows it' " error .*recreated" "$ERR"
refuses recreated 'recreated' watermark reset mine
state 'TRUNCATE offload_watermarks' >/dev/null
stops mine source 'recreated: '
refuses 'recreated, watermarks lost' 'recreated' watermark reset mine
# Its rows are others: it gets a name of its own, and all of them are taken.
config "$(entry hot.k2.fourth first 'name: fresh')"
calve run
same 'recreated: under another name all its rows are taken' '0 0' "$RC $(errors_in "$ERR")"
equal 'recreated: the rows of both are there' '(SELECT * FROM k2.kept UNION ALL SELECT * FROM k2.fourth)' cold.first "$COLUMNS"
# The old one goes on under its new name.
insert k2.kept
insert k2.fourth
config "$(entry hot.k2.kept first 'name: mine')"
calve run
same 'the old one goes on under its new name' '0 0' "$RC $(errors_in "$ERR")"
config "$(entry hot.k2.fourth first 'name: fresh')"
goes_on 'both go on' '(SELECT * FROM k2.kept UNION ALL SELECT * FROM k2.fourth)' first

# A copy with the same rows.
create k2.copied
insert k2.copied
config "$(entry hot.k2.copied copied)"
calve run
sql 'RENAME TABLE k2.copied TO k2.copied_old'
create k2.copied
sql 'INSERT INTO k2.copied SELECT * FROM k2.copied_old'
insert k2.copied
stops copied source "'calve watermark reset --same-history copied'"
calve watermark reset --same-history copied
same 'copied: reset as told ends well' 0 "$RC"
goes_on copied k2.copied copied

# ---- recreated while a run is at it ------------------------------------------------------

for point in counting reading; do
	name=swap_$point
	create k2.$name
	insert k2.$name
	config "$(entry hot.k2.$name $name)"
	calve run
	insert k2.$name
	if fault_stop $point run; then
		sql "RENAME TABLE k2.$name TO k2.${name}_old"
		create k2.$name
		insert k2.$name
		fault_go
		same "recreated while $point: nothing is committed" "1 failed|source 300" "$RC $(last_run "$name" state,error_class) $(rows $name)"
		has "recreated while $point: it is said" "recreated during the run" "$ERR"
		stops "$name" source 'recreated: '
	fi
done

# ---- two servers under one alias ------------------------------------------------------------

# What the alias leads to changes between the runs.
create k2.shard1
create k2.shard2
insert k2.shard1
insert k2.shard2
shard() { # N: that one is reached; one table, two names of its own
	sql "RENAME TABLE k2.shard$1 TO k2.shard"
	config "$(entry hot.k2.shard shards "name: shard$1")"
	calve run
	same "shard $1: the run ends well" '0 0' "$RC $(errors_in "$ERR")"
	sql "RENAME TABLE k2.shard TO k2.shard$1"
}
both='(SELECT * FROM k2.shard1 UNION ALL SELECT * FROM k2.shard2)'
shard 1
shard 2
equal 'two servers: all rows of both are there' "$both" cold.shards "$COLUMNS"
insert k2.shard1
insert k2.shard2
shard 2
shard 1
equal 'two servers: later ones too' "$both" cold.shards "$COLUMNS"
state 'TRUNCATE offload_watermarks' >/dev/null
insert k2.shard2
insert k2.shard1
shard 1
shard 2
equal 'two servers: watermarks lost' "$both" cold.shards "$COLUMNS"

# ---- other columns ---------------------------------------------------------------------------

create k2.columns
insert k2.columns
config "$(entry hot.k2.columns columns)"
calve run
insert k2.columns
config "$(entry hot.k2.columns columns | sed 's/timestamp: ts/timestamp: ts2/')"
stops columns table "one of timestamp 'ts', sequence 'seq', final false, but calve.yaml says 'ts2', 'seq', false: set these back; .*'calve watermark set --other-columns columns TIMESTAMP"
refuses columns "timestamp 'ts'" watermark reset columns
refuses columns "timestamp 'ts'" watermark set columns 2024-03-01T00:00:00Z
refuses columns "timestamp 'ts'" watermark set --skip-rows --allow-duplicates columns 2024-03-01T00:00:00Z
config "$(entry hot.k2.columns columns | sed 's/sequence: seq/sequence: seq2/')"
stops columns table "sequence 'seq'.* 'seq2'"
config "$(entry hot.k2.columns columns 'final: true')"
stops columns table 'final false.* true: set'
config "$(entry hot.k2.columns columns)"
goes_on 'columns set back' k2.columns columns
# On by the other column, from where that one stands.
up_to=$(sql 'SELECT max(ts2) FROM k2.columns')
insert k2.columns
config "$(entry hot.k2.columns columns | sed 's/timestamp: ts/timestamp: ts2/')"
calve watermark set --other-columns columns "$up_to"
same 'other columns: set as told ends well' 0 "$RC"
goes_on 'other columns' k2.columns columns
config "$(entry hot.k2.columns columns)"
stops columns table "timestamp 'ts2'"
# A sequence may be added to a position that has all rows of its time.
create k2.later
insert k2.later
config "$(entry hot.k2.later later | sed 's/, sequence: seq//')"
calve run
insert k2.later
config "$(entry hot.k2.later later)"
goes_on 'a sequence added' k2.later later

# ---- by hand ------------------------------------------------------------------------------------

create k2.hand
insert k2.hand
config "$(entry hot.k2.hand hand)"
calve run
insert k2.hand
calve run
insert k2.hand
positions=$(table positions cold.hand)
newest=$(head -n 1 <<<"$positions")
first=$(tail -n 1 <<<"$positions")
refuses hand "rows up to $newest: those after $first would be there twice; .*--allow-duplicates" watermark set hand "$first"
refuses hand 'would never be taken; .*--skip-rows' watermark set hand 2029-01-01T00:00:00Z
refuses hand 'would never be taken' watermark set --allow-duplicates hand 2029-01-01T00:00:00Z
same 'refused: the watermark stays' "$newest" "$(watermark hand)"
calve watermark set hand "$newest"
same 'set where it stands ends well' 0 "$RC"
goes_on hand k2.hand hand
calve watermark set --skip-rows hand 2024-03-20T00:00:00Z
same 'rows are skipped when told so' 0 "$RC"
insert k2.hand
calve run
same 'and none of them is taken' '0 900' "$RC $(rows hand)"
calve watermark set hand "$(table positions cold.hand | head -n 1)"
goes_on 'set back to where the table stands' k2.hand hand
# Rows that somebody deletes there are taken once more.
calve watermark set --allow-duplicates hand "$newest"
calve run
same 'rows are taken twice when told so' '0 1800' "$RC $(rows hand)"
calve watermark set --skip-rows nosuch 2024-03-20T00:00:00Z
has 'set of an unknown table fails' '2/1' "$RC/$(errors_in "$ERR")"
calve watermark reset --skip-rows hand
has "a flag of 'set' is none of 'reset'" '2/1' "$RC/$(errors_in "$ERR")"

# The warehouse is not mounted: all that was offloaded would be made anew.
mv "$WAREHOUSE" "$T/unmounted"
mkdir "$WAREHOUSE"
stops hand table "is gone .*'calve watermark reset hand'"
refuses unmounted "has no tables at all, .*mount it" watermark reset hand
rmdir "$WAREHOUSE"
mv "$T/unmounted" "$WAREHOUSE"

# ---- rows whose history is not known -----------------------------------------------------------------

create k2.lost
insert k2.lost
config "$(entry hot.k2.lost lost)"
calve run
table compact cold.lost
table expire cold.lost 1
uuid=$(sql "SELECT uuid FROM system.tables WHERE database = 'k2' AND name = 'lost'")
table unset cold.lost "calve.position.$uuid"
state 'TRUNCATE offload_watermarks' >/dev/null
insert k2.lost
stops lost table "not known: .*'calve watermark set lost TIMESTAMP"
calve run -n
same 'not known: nor by a dry run' '1 1' "$RC $(errors_in "$ERR")"
has 'not known: it names no position' '^ *1 +lost +error' "$OUT"
refuses 'not known' 'not known' watermark reset lost
newest=$(sql "SELECT concat(toString(max(ts)), ' ', toString(argMax(seq, (ts, seq)))) FROM $(iceberg cold.lost)")
calve watermark set lost "${newest% *}" "${newest##* }"
goes_on lost k2.lost lost

# An older pipeline's, whose row has another name.
create k2.older
insert k2.older
config "$(entry hot.k2.older older)"
calve run
sql "INSERT INTO FUNCTION $(iceberg cold.older) SELECT * FROM k2.older SETTINGS allow_insert_into_iceberg = 1" >/dev/null
sql 'RENAME TABLE k2.older TO k2.pipeline'
create k2.fresh
insert k2.fresh
config "$(entry hot.k2.fresh older)"
stops fresh table "rows of which no snapshot"
config "$(entry hot.k2.fresh older 'start: "2024-01-01"')"
calve run
same 'with start: it begins there' '0 900' "$RC $(rows older)"

# A second source where each commit is known needs no word.
create k2.joined
insert k2.joined
config "$(entry hot.k2.joined shards)"
calve run
same 'a second source begins at its beginning' '0 0' "$RC $(errors_in "$ERR")"
equal 'a second source: all is there' "(SELECT * FROM $both UNION ALL SELECT * FROM k2.joined)" cold.shards "$COLUMNS"

# ---- rolled back, then expired --------------------------------------------------------------------------

# A commit of somebody else stands on a snapshot before calve's, and alone.
create k2.back
insert k2.back
config "$(entry hot.k2.back back)"
calve run
table compact cold.back
table compact cold.back
for _ in 1 2; do
	insert k2.back
	calve run
done
table rollback cold.back 2
table expire cold.back 1
stops back table "rolled back: its property for 'back' stands at"
refuses 'rolled back and expired' 'not known' watermark reset back
newest=$(sql "SELECT concat(toString(max(ts)), ' ', toString(argMax(seq, (ts, seq)))) FROM $(iceberg cold.back)")
calve watermark set back "${newest% *}" "${newest##* }"
goes_on 'rolled back and expired' k2.back back
table rollback cold.back 1
table compact cold.back
table expire cold.back 1
stops back table 'not known: .*nothing that is left proves'
# Expired without a rollback, however many snapshots of others are on top: the
# rows are there.
create k2.idle
insert k2.idle
config "$(entry hot.k2.idle idle)"
calve run
for _ in 1 2 3; do
	table compact cold.idle
done
table expire cold.idle 1
insert k2.idle
goes_on 'idle: expired under others' k2.idle idle

# ---- tables of an earlier version ---------------------------------------------------------------------------

# strip TARGET SOURCE UUID: makes the table's records those of an earlier version
strip() {
	table strip "cold.$1"
	table rename "cold.$1" "calve.position.$3=calve.position.$2"
	table rename "cold.$1" "calve.beginning.$3=calve.beginning.$2"
}
create k2.early
for _ in 1 2; do
	insert k2.early
	config "$(entry hot.k2.early early)"
	calve run
done
uuid=$(sql "SELECT uuid FROM system.tables WHERE database = 'k2' AND name = 'early'")
strip early hot.k2.early "$uuid"
state "UPDATE offload_watermarks SET source_name = NULL, position_columns = NULL WHERE table_name = 'early'" >/dev/null
insert k2.early
goes_on 'an earlier version' k2.early early
same 'the name makes place for the identity' "calve.position.$uuid" "$(table properties cold.early | grep -o 'calve.position[^=]*')"
strip early hot.k2.early "$uuid"
state 'TRUNCATE offload_watermarks, offload_runs' >/dev/null
insert k2.early
goes_on 'an earlier version, watermarks lost' k2.early early
# A second server comes to what an earlier version recorded by name.
strip early hot.k2.early "$uuid"
sql 'RENAME TABLE k2.early TO k2.early1'
create k2.early
insert k2.early
config "$(entry hot.k2.early early 'name: early2')"
calve run
same 'a second server at an earlier history: the run ends well' '0 0' "$RC $(errors_in "$ERR")"
equal 'a second server at an earlier history: all is there' '(SELECT * FROM k2.early UNION ALL SELECT * FROM k2.early1)' cold.early "$COLUMNS"

# ---- sources without an identity ------------------------------------------------------------------------------

# The engine's default database gives none: names are all there is.
create bare
insert bare
config "$(entry hot.bare bare)"
calve run
sql 'RENAME TABLE bare TO bare2'
insert bare2
config "$(entry hot.bare2 bare)"
calve run
same 'without identity: another name of both is a second source' '0 900' "$RC $(rows bare)"
create bear
insert bear
config "$(entry hot.bear bear)"
calve run
sql 'RENAME TABLE bear TO bear2'
insert bear2
config "$(entry hot.bear2 bear 'name: bear')"
stops bear source "came from 'hot.default.bear' as 'bear', and whether 'hot.default.bear2' is the same table cannot be told: .*'calve watermark reset --same-history bear'"
refuses 'without identity' 'cannot be told' watermark reset bear
calve watermark reset --same-history bear
goes_on 'without identity' bear2 bear
config "$(entry hot.bear2 bear 'name: twin')"
stops twin source "cannot be told"
