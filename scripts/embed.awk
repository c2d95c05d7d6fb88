# SPDX-License-Identifier: Apache-2.0
#
# Turns text files into C string constants, so that SQL and Avro schemas live
# in files of their own and the programs need none of them at run time.
#
#   awk -f embed.awk         a.sql b.sql  > sql.c
#   awk -v header=1 -f embed.awk a.sql b.sql  > sql.h
#
# The symbol is the extension, an underscore and the stem, characters that C
# does not allow made underscores: lock_watermark.sql is sql_lock_watermark,
# manifest-entry.avsc is avsc_manifest_entry. Lines of SQL that are only a
# comment are left out, to keep the server's log readable.

function symbol(path,    base, stem, ext)
{
	base = path
	sub(/.*\//, "", base)
	stem = ext = base
	sub(/\.[^.]*$/, "", stem)
	sub(/.*\./, "", ext)
	stem = ext "_" stem
	gsub(/[^A-Za-z0-9_]/, "_", stem)
	return stem
}

BEGIN {
	print "/* Made by scripts/embed.awk: do not edit. */"
	if (header)
		print "#pragma once"
}

FNR == 1 {
	if (header) {
		print "extern const char " symbol(FILENAME) "[];"
	} else {
		if (open)
			print ";"
		print "extern const char " symbol(FILENAME) "[];"
		print "const char " symbol(FILENAME) "[] ="
		print "\t\"\""
		open = 1
	}
}

header || (FILENAME ~ /\.sql$/ && /^[ \t]*--/) { next }

{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}

END {
	if (open)
		print ";"
}
