#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Size is not a matter of taste: files of at most 600 lines, functions of at most 60 (nine of ten at
# most 45), at least 60 % of the functions static (judged from 100 on).
#
#   tests/sizes.sh [FOLDER|FILE...]      default: agent auth policy transfer
#
# The last line is `N passed, N failed`: one check for each file, each function, and the two shares.
set -euo pipefail
export LC_ALL=C
[ $# -gt 0 ] || { cd "$(dirname "$(realpath "$0")")/.." && set -- agent auth policy transfer; }
ctags --version 2>/dev/null | grep -q 'Universal Ctags' ||
	{ echo "tests/sizes.sh: needs ctags with end lines: apt-get install universal-ctags" >&2; exit 2; }
mapfile -t files < <(find "$@" -type f -name '*.[ch]' 2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || { echo "tests/sizes.sh: no .c or .h file in $*" >&2; exit 2; }
{
	awk '{ n[FILENAME]++ } END { for (f in n) print "lines\t" f "\t" n[f] }' "${files[@]}"
	printf '%s\n' "${files[@]}" |
		ctags --languages=C --langmap=C:.c.h --kinds-C=f --fields=nef --excmd=number --sort=no -f - -L - |
		grep -v '^!' || true
} | awk -F '\t' '
function check(ok, text) {
	if (ok)
		passed++
	else {
		failed++
		print text
	}
}
$1 == "lines" && NF == 3 {
	check($3 <= 600, $2 ": " $3 " lines (ceiling 600)")
	next
}
{
	start = end = alone = 0
	for (i = 4; i <= NF; i++) {
		if ($i ~ /^line:/) start = substr($i, 6) + 0
		if ($i ~ /^end:/) end = substr($i, 5) + 0
		if ($i == "file:") alone = 1
	}
	if (!start || !end)
		next
	n = end - start + 1
	length_of[functions++] = n
	count[n]++
	if (n > longest) longest = n
	if ($2 ~ /\.c$/) { inC++; statics += alone }
	check(n <= 60, $2 ":" start ": " $1 " has " n " lines (ceiling 60)")
}
END {
	for (n = 1; n <= longest && seen < 0.9 * functions; n++)
		seen += count[n]
	p90 = n - 1
	if (functions)
		check(p90 <= 45, "nine of ten functions have up to " p90 " lines (ceiling 45)")
	if (inC >= 100)
		check(100 * statics >= 60 * inC, "static functions: " statics " of " inC " (at least 60 %)")
	printf "functions %d, nine of ten up to %d lines, longest %d, static %d of %d\n", functions, p90, longest, statics, inC
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}'
