# SPDX-License-Identifier: Apache-2.0
#
# The columns of a table as a list of texts for SQL, such that source and
# target, the engine and DuckDB word each value alike.
#
#   awk -v words=engine|duckdb [-v floats=1] -f texts.awk
#
# Reads what the engine says to DESCRIBE TABLE with its subcolumns. Named
# tuples are taken apart, by tupleElement: under FINAL the engine reads the
# subcolumn "close.at" without merging it. Floats are left out unless wanted:
# the engine and DuckDB word them differently.

BEGIN { FS = "\t" }

function column(name) {
	return "\"" name "\""
}

$NF == 0 { value = column($1) }

$NF == 0 && $2 ~ /^(SimpleAggregateFunction\([a-z]+, )?Tuple\(/ {
	tuple[$1] = 1
	next
}

$NF == 1 {
	dot = match($1, /\.[^.]*$/)
	parent = substr($1, 1, dot - 1)
	field = substr($1, dot + 1)
	if (!(parent in tuple))
		next
	value = "tupleElement(" column(parent) ", '" field "')"
	if (words == "duckdb")
		value = column(parent) "." column(field)
}

$2 ~ /Float/ && !floats { next }

words == "duckdb" {
	text = ($2 ~ /DateTime/ ? "epoch_us(" value ")" : value) "::VARCHAR"
}

words == "engine" {
	text = "toString(" value ")"
	if ($2 ~ /DateTime/)
		text = "toString(toUnixTimestamp64Micro(toDateTime64(" value ", 6, 'UTC')))"
	else if (match($2, /Decimal\([0-9]+, [0-9]+/)) {
		scale = substr($2, RSTART, RLENGTH)
		sub(/.*, /, "", scale)
		text = "toDecimalString(" value ", " scale ")"
	}
}

{
	columns++
	printf "%scoalesce(%s, 'NULL')", sep, text
	sep = ", "
}

END {
	# An empty list would make all rows equal: one that is no SQL instead.
	if (columns == 0)
		print "no columns to compare"
}
