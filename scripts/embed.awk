# SPDX-License-Identifier: Apache-2.0
# Turns text files into C string constants: schemas/state/lock_watermark.sql
# with -v prefix=sql_ becomes `const char sql_lock_watermark[]` on standard
# output, declared in the file that -v header=... names.

function close_one() {
	if (symbol != "")
		print ";\n"
}

BEGIN {
	guard = "CALVE_EMBEDDED_" toupper(prefix) "H"
	print "/* made from schemas/ by scripts/embed.awk */" > header
	print "#ifndef " guard "\n#define " guard "\n" > header
	n = split(header, parts, "/")
	print "#include \"embedded/" parts[n] "\"\n"
}

FNR == 1 {
	close_one()
	n = split(FILENAME, parts, "/")
	symbol = parts[n]
	sub(/\.[^.]*$/, "", symbol)
	gsub(/[^A-Za-z0-9]/, "_", symbol)
	print "extern const char " prefix symbol "[];" > header
	print "const char " prefix symbol "[] ="
}

{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}

END {
	close_one()
	print "\n#endif" > header
	print "typedef int " prefix "embedded_files; /* never an empty unit */"
}
