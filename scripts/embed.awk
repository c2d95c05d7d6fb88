# SPDX-License-Identifier: Apache-2.0
#
# Turns text files into C string constants, so that SQL and Avro schemas live
# in files of their own and the programs need none of them at run time.
#
#   awk -v prefix=sql_ -v header=sql.h -f embed.awk a.sql b.sql > sql.c
#
# The symbol is the prefix and the file's stem, characters that C does not
# allow made underscores: lock_watermark.sql is sql_lock_watermark. Lines of
# SQL that are only a comment are left out: the server's log stays readable.

BEGIN {
	note = "/* Made by scripts/embed.awk: do not edit. */"
	print note
	print note "\n#pragma once" > header
}

FNR == 1 {
	stem = FILENAME
	sub(/.*\//, "", stem)
	sub(/\.[^.]*$/, "", stem)
	gsub(/[^A-Za-z0-9_]/, "_", stem)
	declaration = "extern const char " prefix stem "[];"
	print declaration > header
	if (open)
		print ";"
	print declaration
	print "const char " prefix stem "[] ="
	print "\t\"\""
	open = 1
}

FILENAME ~ /\.sql$/ && /^[ \t]*--/ { next }

{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}

END {
	if (open)
		print ";"
}
